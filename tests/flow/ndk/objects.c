// SPDX-License-Identifier: MIT
// See objects.h. Each object begins as NDK_CQ and its kin do; a request is answered as p.answer says, a close as p.closes_pend says.
#include "objects.h"

#include <check.h>
#include <string.h>

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

static NTAPI NTSTATUS
mr_deregister(NDK_MR *mr, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    return p_answers(completion, context);
}

static NTAPI NTSTATUS
mr_initialize(NDK_MR *mr, ULONG pages, BOOLEAN is_remote, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    return p_answers(completion, context);
}

// Each region its own.
static NTAPI UINT32
mr_token(NDK_MR *mr)
{
    return 100 + (UINT32)((struct p_object *)mr - p.object);
}

static NTAPI VOID
p_arm(NDK_CQ *cq, ULONG type)
{
}

static NTAPI NTSTATUS
p_moderate(NDK_CQ *cq, ULONG interval_us, ULONG count)
{
    return STATUS_SUCCESS;
}

static NTAPI VOID
p_flush(NDK_QP *qp)
{
}

static void
go_inside(void)
{
    void (*inside)(void) = p.inside;
    p.inside = NULL;
    if (inside)
        inside();
}

static NTAPI ULONG
cq_results(NDK_CQ *cq, NDK_RESULT *results, ULONG asked)
{
    ULONG count = p.results;
    p.results = 0;
    go_inside();
    for (ULONG i = 0; i < count && i < asked; i++)
        results[i] = p.result[i];
    return count;
}

static NTAPI ULONG
cq_results_ex(NDK_CQ *cq, NDK_RESULT_EX *results, ULONG asked)
{
    ULONG count = p.results;
    p.results = 0;
    for (ULONG i = 0; i < count && i < asked; i++)
        results[i] = (NDK_RESULT_EX){p.result[i].Status, p.result[i].BytesTransferred, p.result[i].QPContext, p.result[i].RequestContext,
                                     p.result_type, 0, 0};
    return count;
}

void
p_result(uint32_t post, NTSTATUS status)
{
    p.result[p.results++] = (NDK_RESULT){status, 0, p.qp_context[(p.qps - 1) % 2], p.posted[post]};
}

// Every post.
static NTSTATUS
posted(PVOID context)
{
    ck_assert_uint_lt(p.posts, P_POSTS);
    p.posted[p.posts++] = context;
    go_inside();
    return p.post_status;
}

static NTAPI NTSTATUS
qp_send(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, ULONG flags)
{
    return posted(context);
}

static NTAPI NTSTATUS
qp_receive(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count)
{
    return posted(context);
}

static NTAPI NTSTATUS
qp_bind(NDK_QP *qp, PVOID context, NDK_MR *mr, NDK_MW *mw, PVOID address, SIZE_T bytes, ULONG flags)
{
    return posted(context);
}

static NTAPI NTSTATUS
qp_fast_register(NDK_QP *qp, PVOID context, NDK_MR *mr, ULONG pages, const NDK_LOGICAL_ADDRESS *page, ULONG fbo, SIZE_T bytes, PVOID base,
                 ULONG flags)
{
    return posted(context);
}

static NTAPI NTSTATUS
qp_invalidate(NDK_QP *qp, PVOID context, NDK_OBJECT_HEADER *header, ULONG flags)
{
    return posted(context);
}

static NTAPI NTSTATUS
qp_read(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, UINT64 address, UINT32 token, ULONG flags)
{
    return posted(context);
}

static NTAPI NTSTATUS
qp_send_and_invalidate(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, ULONG flags, UINT32 token)
{
    return posted(context);
}

static NTAPI NTSTATUS
p_complete_connect(NDK_CONNECTOR *connector, NDK_FN_DISCONNECT_EVENT_CALLBACK event, PVOID event_context,
                   NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    p.disconnect = event;
    p.disconnect_context = event_context;
    return p_answers(completion, context);
}

static NTAPI NTSTATUS
connector_data(NDK_CONNECTOR *connector, ULONG *inbound, ULONG *outbound, PVOID data, ULONG *bytes)
{
    *bytes = 0;
    return STATUS_SUCCESS;
}

static const NDK_MR_DISPATCH mr_table = {.NdkCloseMr = p_close,
                                         .NdkRegisterMr = p_register,
                                         .NdkDeregisterMr = mr_deregister,
                                         .NdkInitializeFastRegisterMr = mr_initialize,
                                         .NdkGetLocalTokenFromMr = mr_token};
static const NDK_MW_DISPATCH mw_table = {.NdkCloseMw = p_close};
const NDK_CQ_DISPATCH p_cq_table = {
    .NdkCloseCq = p_close, .NdkArmCq = p_arm, .NdkControlCqInterruptModeration = p_moderate,
    .NdkGetCqResults = cq_results, .NdkGetCqResultsEx = cq_results_ex};
static const NDK_QP_DISPATCH qp_table = {.NdkCloseQp = p_close,
                                         .NdkFlush = p_flush,
                                         .NdkSend = qp_send,
                                         .NdkReceive = qp_receive,
                                         .NdkBind = qp_bind,
                                         .NdkFastRegister = qp_fast_register,
                                         .NdkInvalidate = qp_invalidate,
                                         .NdkRead = qp_read,
                                         .NdkWrite = qp_read,
                                         .NdkSendAndInvalidate = qp_send_and_invalidate};
static const NDK_CONNECTOR_DISPATCH connector_table = {
    .NdkCloseConnector = p_close, .NdkCompleteConnect = p_complete_connect, .NdkGetConnectionData = connector_data};

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
    p.qp_context[p.qps++ % 2] = qp_context;
    *qp = p_object(NdkObjectTypeQp, &qp_table);
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
p_create_mw(NDK_PD *pd, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_MW **mw)
{
    *mw = p_object(NdkObjectTypeMw, &mw_table);
    return STATUS_SUCCESS;
}

static NTAPI VOID
pd_token(NDK_PD *pd, UINT32 *token)
{
    *token = P_PRIVILEGED;
}

static const NDK_PD_DISPATCH pd_table = {.NdkClosePd = p_close,
                                         .NdkCreateMr = p_create_mr,
                                         .NdkCreateMw = p_create_mw,
                                         .NdkCreateQp = p_create_qp,
                                         .NdkGetPrivilegedMemoryRegionToken = pd_token};

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
    NDK_CONNECTOR *made = p_object(NdkObjectTypeConnector, &connector_table);
    p.out = connector;
    if (p.writes_out)
        *connector = made;
    completion(context, STATUS_SUCCESS, &made->Header);
    return STATUS_PENDING;
}

// A mapping without pages, of no bytes none.
static NTAPI NTSTATUS
p_build_lam(NDK_ADAPTER *adapter, MDL *mdl, SIZE_T bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context,
            NDK_LOGICAL_ADDRESS_MAPPING *lam, ULONG *lam_bytes, ULONG *fbo)
{
    UNREFERENCED_PARAMETER(adapter);
    UNREFERENCED_PARAMETER(mdl);
    UNREFERENCED_PARAMETER(lam_bytes);
    *lam = (NDK_LOGICAL_ADDRESS_MAPPING){.AdapterContext = &p};
    *fbo = 0;
    return bytes ? p_answers(completion, context) : STATUS_INVALID_PARAMETER;
}

static NTAPI VOID
p_release_lam(NDK_ADAPTER *adapter, NDK_LOGICAL_ADDRESS_MAPPING *lam)
{
    UNREFERENCED_PARAMETER(adapter);
    ck_assert_ptr_eq(lam->AdapterContext, &p);
}

static NDK_ADAPTER_DISPATCH adapter_table = {
    .NdkCreateCq = p_create_cq,
    .NdkCreatePd = p_create_pd,
    .NdkCreateConnector = p_create_connector,
    .NdkBuildLAM = p_build_lam,
    .NdkReleaseLAM = p_release_lam,
};

struct ke_crossing
p_as(const char *driver)
{
    return ke_driver_enter(ke_self(), io_image_find(kit.box, driver), "test");
}

void
p_notify_with(NTSTATUS status)
{
    struct ke_crossing crossing = p_as("mp");
    p.notify(p.notify_context, status);
    ke_driver_leave(ke_self(), crossing);
}

void
p_notify(void)
{
    p_notify_with(STATUS_SUCCESS);
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

NDK_PD *
p_make_pd(void)
{
    NDK_PD *pd;
    ck_assert_int_eq(p.adapter->Dispatch->NdkCreatePd(p.adapter, p_on_create, &p, &pd), STATUS_SUCCESS);
    return pd;
}

NDK_MR *
p_make_mr(NDK_PD *pd, bool is_fast)
{
    NDK_MR *mr;
    ck_assert_int_eq(pd->Dispatch->NdkCreateMr(pd, is_fast, p_on_create, &p, &mr), STATUS_SUCCESS);
    return mr;
}

NTSTATUS
p_send(ULONG flags)
{
    return p.qp->Dispatch->NdkSend(p.qp, &p.posted[p.posts], &p.sge, 1, flags);
}

NTSTATUS
p_receive(void)
{
    return p.qp->Dispatch->NdkReceive(p.qp, &p.posted[p.posts], &p.sge, 1);
}

ULONG
p_poll(void)
{
    NDK_RESULT result[4];
    ULONG count = p.cq->Dispatch->NdkGetCqResults(p.cq, result, 4);
    for (ULONG i = 0; i < count; i++) {
        ck_assert_ptr_eq(result[i].QPContext, &p);
        ck_assert_uint_lt((PVOID *)result[i].RequestContext - p.posted, P_POSTS);   // the consumer's, not what the provider had
    }
    return count;
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
    p.pd = p_make_pd();
    p.mr = p_make_mr(p.pd, false);
    ck_assert_int_eq(p_register_mr(), STATUS_SUCCESS);
    p.sge = (NDK_SGE){.Length = 1, .MemoryRegionToken = p.mr->Dispatch->NdkGetLocalTokenFromMr(p.mr)};
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

// ---- crimes -------------------------------------------------------------------------------------------------------------------------

static void (*act)(void);

static void
strict(void)
{
    kit_verify = VERIFY_STRICT;
    memset(&p, 0, sizeof p);
    n_run(3, act);
}

void (*p_crime(void (*fn)(void)))(void)
{
    act = fn;
    return strict;
}

void
p_is_none(void (*fn)(void))
{
    crime_is_none(p_crime(fn));
}
