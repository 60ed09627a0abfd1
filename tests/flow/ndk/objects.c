// SPDX-License-Identifier: MIT
// See objects.h. Each object begins as NDK_CQ and its kin do; a request is answered as p.answer says, a close as p.closes_pend says.
#include "objects.h"

#include <check.h>

struct p_stand p;

// ---- the provider -------------------------------------------------------------------------------------------------------------------

static void *
p_object(NDK_OBJECT_TYPE type, const void *table)
{
    struct p_object *object = &p.object[p.objects++];
    ck_assert_uint_le(p.objects, P_OBJECTS);
    *object = (struct p_object){.dispatch = table};
    object->header.Version = (NDK_VERSION){1, (USHORT)(2 - p.wrong_minor)};
    object->header.ObjectType = p.wrong_type ? p.wrong_type : type;
    object->header.NdkReserved.rf[2] = p.reserved;
    return object;
}

static NTAPI NTSTATUS
p_close(NDK_OBJECT_HEADER *header, NDK_FN_CLOSE_COMPLETION completion, PVOID context)
{
    struct p_object *object = (void *)header;
    object->close = completion;
    object->close_context = context;
    return p.closes_pend ? STATUS_PENDING : STATUS_SUCCESS;
}

void
p_closed(void *at)
{
    struct p_object *object = at;
    object->close(object->close_context);
}

static NTSTATUS
p_answers(NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    p.request = completion;
    p.request_context = context;
    if (p.answer == P_INSIDE || p.answer == P_BOTH)
        completion(context, STATUS_SUCCESS);
    return p.answer == P_LATER || p.answer == P_INSIDE ? STATUS_PENDING : STATUS_SUCCESS;
}

static NTAPI NTSTATUS
p_register(NDK_MR *mr, MDL *mdl, SIZE_T bytes, ULONG flags, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    return p_answers(completion, context);
}

static NTAPI UINT32
p_token(NDK_MR *mr)
{
    return 7;
}

static NTAPI VOID
p_arm(NDK_CQ *cq, ULONG type)
{
}

static NTAPI ULONG
p_results(NDK_CQ *cq, NDK_RESULT *results, ULONG asked)
{
    ULONG count = p.results;
    p.results = 0;
    void (*inside)(void) = p.inside;
    p.inside = NULL;
    if (inside)
        inside();
    return count;
}

static NTAPI NTSTATUS
p_send(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, ULONG flags)
{
    void (*inside)(void) = p.inside;
    p.inside = NULL;
    if (inside)
        inside();
    return count ? STATUS_SUCCESS : STATUS_CONNECTION_INVALID;
}

static NTAPI NTSTATUS
p_receive(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count)
{
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
p_complete_connect(NDK_CONNECTOR *connector, NDK_FN_DISCONNECT_EVENT_CALLBACK event, PVOID event_context,
                   NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    p.disconnect = event;
    p.disconnect_context = event_context;
    return p_answers(completion, context);
}

static const NDK_MR_DISPATCH mr_table = {.NdkCloseMr = p_close, .NdkRegisterMr = p_register, .NdkGetLocalTokenFromMr = p_token};
const NDK_CQ_DISPATCH p_cq_table = {.NdkCloseCq = p_close, .NdkArmCq = p_arm, .NdkGetCqResults = p_results};
static const NDK_QP_DISPATCH qp_table = {.NdkCloseQp = p_close, .NdkSend = p_send, .NdkReceive = p_receive};
static const NDK_CONNECTOR_DISPATCH connector_table = {.NdkCloseConnector = p_close, .NdkCompleteConnect = p_complete_connect};

static NTAPI NTSTATUS
p_create_mr(NDK_PD *pd, BOOLEAN is_fast, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_MR **mr)
{
    *mr = p_object(NdkObjectTypeMr, &mr_table);
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
p_create_qp(NDK_PD *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, PVOID qp_context, ULONG receive_depth, ULONG initiator_depth,
            ULONG receive_sges, ULONG initiator_sges, ULONG inline_bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_QP **qp)
{
    *qp = p_object(NdkObjectTypeQp, &qp_table);
    return STATUS_SUCCESS;
}

static const NDK_PD_DISPATCH pd_table = {.NdkClosePd = p_close, .NdkCreateMr = p_create_mr, .NdkCreateQp = p_create_qp};

static NTAPI NTSTATUS
p_create_pd(NDK_ADAPTER *adapter, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_PD **pd)
{
    *pd = p_object(NdkObjectTypePd, &pd_table);
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
p_create_cq(NDK_ADAPTER *adapter, ULONG depth, NDK_FN_CQ_NOTIFICATION_CALLBACK notification, PVOID notification_context,
            GROUP_AFFINITY *affinity, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CQ **cq)
{
    p.notify = notification;
    p.notify_context = notification_context;
    *cq = p_object(NdkObjectTypeCq, &p_cq_table);
    return STATUS_SUCCESS;
}

// This one is made later, always.
static NTAPI NTSTATUS
p_create_connector(NDK_ADAPTER *adapter, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CONNECTOR **connector)
{
    completion(context, STATUS_SUCCESS, p_object(NdkObjectTypeConnector, &connector_table));
    return STATUS_PENDING;
}

static NDK_ADAPTER_DISPATCH adapter_table = {
    .NdkCreateCq = p_create_cq, .NdkCreatePd = p_create_pd, .NdkCreateConnector = p_create_connector};

struct ke_crossing
p_as(const char *driver)
{
    return ke_driver_enter(ke_self(), io_image_find(kit.box, driver), "test");
}

void
p_notify(void)
{
    struct ke_crossing crossing = p_as("mp");
    p.notify(p.notify_context, STATUS_SUCCESS);
    ke_driver_leave(ke_self(), crossing);
}

void
p_complete(NTSTATUS status)
{
    struct ke_crossing crossing = p_as("mp");
    p.request(p.request_context, status);
    ke_driver_leave(ke_self(), crossing);
}

void
p_disconnect(void)
{
    struct ke_crossing crossing = p_as("mp");
    p.disconnect(p.disconnect_context);
    ke_driver_leave(ke_self(), crossing);
}

// ---- the consumer -------------------------------------------------------------------------------------------------------------------

NTAPI VOID
p_on_request(PVOID context, NTSTATUS status)
{
    ck_assert_ptr_eq(context, &p);
    if (kit_verify == VERIFY_STRICT)          // whose code it is
        ck_assert_ptr_eq(ke_self()->driver, io_image_find(kit.box, "consumer"));
    p.completions++;
}

static NTAPI VOID
on_close(PVOID context)
{
    ck_assert_ptr_eq(context, &p);
}

NTAPI VOID
p_on_create(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *header)
{
    ck_assert_ptr_eq(context, &p);
    p.connector = (NDK_CONNECTOR *)header;
}

static NTAPI VOID
on_cq(PVOID context, NTSTATUS status)
{
    ck_assert_ptr_eq(context, &p);
    p.notifications++;
    void (*inside)(void) = p.on_notify;
    p.on_notify = NULL;
    if (inside)
        inside();
}

NTAPI VOID
p_on_disconnect(PVOID context)
{
    ck_assert_ptr_eq(context, &p);
    p.disconnects++;
}

NTSTATUS
p_close_object(void *object)
{
    return ((NDK_CQ *)object)->Dispatch->NdkCloseCq(object, on_close, &p);
}

NTSTATUS
p_register_mr(void)
{
    return p.mr->Dispatch->NdkRegisterMr(p.mr, NULL, 4096, 0, p_on_request, &p);
}

static NDK_CQ *
make_cq(void)
{
    NDK_CQ *cq;
    ck_assert_int_eq(p.adapter->Dispatch->NdkCreateCq(p.adapter, 8, on_cq, &p, NULL, p_on_create, &p, &cq), STATUS_SUCCESS);
    return cq;
}

void
p_make_all(void)
{
    n.table = &adapter_table;
    adapter_table.NdkQueryAdapterInfo = n_table.NdkQueryAdapterInfo;
    n_start(0);
    ck_assert_int_eq(n_open(0, 1, 2), NDIS_STATUS_SUCCESS);
    p.adapter = n.opened[0];
    p.other_cq = make_cq();
    p.cq = make_cq();
    ck_assert_int_eq(p.adapter->Dispatch->NdkCreatePd(p.adapter, p_on_create, &p, &p.pd), STATUS_SUCCESS);
    ck_assert_int_eq(p.pd->Dispatch->NdkCreateMr(p.pd, FALSE, p_on_create, &p, &p.mr), STATUS_SUCCESS);
    ck_assert_int_eq(p.pd->Dispatch->NdkCreateQp(p.pd, p.cq, p.cq, &p, 8, 8, 1, 1, 0, p_on_create, &p, &p.qp), STATUS_SUCCESS);
    NDK_CONNECTOR *none;
    ck_assert_int_eq(p.adapter->Dispatch->NdkCreateConnector(p.adapter, p_on_create, &p, &none), STATUS_PENDING);
    ck_assert_ptr_nonnull(p.connector);
}

void
p_close_all(void)
{
    void *const all[] = {p.connector, p.qp, p.mr, p.pd, p.cq, p.other_cq};
    p.closes_pend = false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ck_assert_int_eq(p_close_object(all[i]), STATUS_SUCCESS);
    n_close(0);
}
