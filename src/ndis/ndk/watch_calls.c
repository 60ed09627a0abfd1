// SPDX-License-Identifier: MIT
// See watch.h: the functions that a consumer calls of adapters, completion queues, protection domains, memory windows and shared
// receive queues (of memory regions: watch_memory.c). Each looks at what it is given, and calls the provider's.
#include "ndis/ndk/watch_int.h"

#define OBJECT(kind, pointer, function) ndk_use(&(pointer)->Header, NdkObjectType##kind, function)
#define MADE(kind) ((NDK_##kind **)&request->out)

// ---- adapter ------------------------------------------------------------------------------------------------------------------------

static struct ndk_request *
create_new(struct ndk_object *of, const char *function, NDK_OBJECT_TYPE type, NDK_FN_CREATE_COMPLETION completion, PVOID context)
{
    struct ndk_request *request = ndk_request_new(of, function, context);
    request->type = type;
    request->fn.create = completion;
    request->made.with[0] = of;
    return request;
}

static NTAPI NTSTATUS
query_adapter_info(NDK_ADAPTER *adapter, NDK_ADAPTER_INFO *info, ULONG *bytes)
{
    const char *function = "NdkQueryAdapterInfo";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    if (ke_self()->irql != PASSIVE_LEVEL)
        NDK_BROKEN(object, NBX_0712, function, "is called at IRQL %u, and only at PASSIVE_LEVEL may it be", ke_self()->irql);
    return NDK_INTO(object, function, NDK_THEIRS(object, ADAPTER)->NdkQueryAdapterInfo(adapter, info, bytes));
}

static NTAPI NTSTATUS
create_cq(NDK_ADAPTER *adapter, ULONG depth, NDK_FN_CQ_NOTIFICATION_CALLBACK notification, PVOID notification_context,
          GROUP_AFFINITY *affinity, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CQ **cq)
{
    const char *function = "NdkCreateCq";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = create_new(object, function, NdkObjectTypeCq, completion, context);
    request->event = (PVOID)notification;
    request->event_context = notification_context;
    NDK_NOTE(request, " (depth %u)", depth);
    return NDK_MAKE(request, ADAPTER, cq, NdkCreateCq(adapter, depth, ndk_on_cq, request, affinity, ndk_on_create, request, MADE(CQ)));
}

static NTAPI NTSTATUS
create_pd(NDK_ADAPTER *adapter, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_PD **pd)
{
    const char *function = "NdkCreatePd";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = create_new(object, function, NdkObjectTypePd, completion, context);
    return NDK_MAKE(request, ADAPTER, pd, NdkCreatePd(adapter, ndk_on_create, request, MADE(PD)));
}

static NTAPI NTSTATUS
create_shared_endpoint(NDK_ADAPTER *adapter, const PSOCKADDR address, ULONG bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context,
                       NDK_SHARED_ENDPOINT **endpoint)
{
    const char *function = "NdkCreateSharedEndpoint";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = create_new(object, function, NdkObjectTypeSharedEndpoint, completion, context);
    return NDK_MAKE(request, ADAPTER, endpoint, NdkCreateSharedEndpoint(adapter, address, bytes, ndk_on_create, request,
                                                                        MADE(SHARED_ENDPOINT)));
}

static NTAPI NTSTATUS
create_connector(NDK_ADAPTER *adapter, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CONNECTOR **connector)
{
    const char *function = "NdkCreateConnector";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = create_new(object, function, NdkObjectTypeConnector, completion, context);
    return NDK_MAKE(request, ADAPTER, connector, NdkCreateConnector(adapter, ndk_on_create, request, MADE(CONNECTOR)));
}

static NTAPI NTSTATUS
create_listener(NDK_ADAPTER *adapter, NDK_FN_CONNECT_EVENT_CALLBACK event, PVOID event_context, NDK_FN_CREATE_COMPLETION completion,
                PVOID context, NDK_LISTENER **listener)
{
    const char *function = "NdkCreateListener";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = create_new(object, function, NdkObjectTypeListener, completion, context);
    request->event = (PVOID)event;
    request->event_context = event_context;
    return NDK_MAKE(request, ADAPTER, listener, NdkCreateListener(adapter, ndk_on_connect, request, ndk_on_create, request,
                                                                  MADE(LISTENER)));
}

const NDK_ADAPTER_DISPATCH ndk_adapter_calls = {.NdkQueryAdapterInfo = query_adapter_info,
                                                .NdkCreateCq = create_cq,
                                                .NdkCreatePd = create_pd,
                                                .NdkCreateSharedEndpoint = create_shared_endpoint,
                                                .NdkCreateConnector = create_connector,
                                                .NdkCreateListener = create_listener,
                                                .NdkBuildLAM = ndk_build_lam,
                                                .NdkReleaseLAM = ndk_release_lam};

// ---- completion queue -----------------------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
resize_cq(NDK_CQ *cq, ULONG depth, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Cq, cq, "NdkResizeCq");
    struct ndk_request *request = ndk_request_for(object, "NdkResizeCq", completion, context);
    request->tells = NDK_TELLS_RESULT;
    NDK_NOTE(request, ", depth %u", depth);
    return NDK_ANSWER(request, CQ, NdkResizeCq(cq, depth, ndk_on_request, request));
}

static NTAPI VOID
arm_cq(NDK_CQ *cq, ULONG type)
{
    struct ndk_object *object = OBJECT(Cq, cq, "NdkArmCq");
    struct ke_thread *before = ndk_enter(object, 0, NBX_0706, "NdkArmCq");
    ndk_due_check(object);
    atomic_fetch_add(&object->arms, 1);       // before the call: it may be answered inside
    ndk_armed(object, type);
    NDK_INTO_VOID(object, "NdkArmCq", NDK_THEIRS(object, CQ)->NdkArmCq(cq, type));
    ndk_leave(object, 0, before);
}

// So many results came out of the queue, of `asked`.
static bool
count_check(const struct ndk_object *object, ULONG count, ULONG asked, const char *function)
{
    if (count > asked)
        ndk_blame(object, NBX_0708, function, "gave more results than there was room for");
    return count <= asked;
}

static void
sum_add(struct ndk_sum *sum, NTSTATUS status, ULONG bytes)
{
    sum->results++;
    sum->bytes += status == STATUS_SUCCESS ? bytes : 0;
    if (status == STATUS_SUCCESS)
        return;
    sum->failed++;
    sum->status = status;
}

static NTAPI ULONG
get_cq_results(NDK_CQ *cq, NDK_RESULT *results, ULONG asked)
{
    const char *function = "NdkGetCqResults";
    struct ndk_object *object = OBJECT(Cq, cq, function);
    struct ke_thread *before = ndk_enter(object, 0, NBX_0706, function);
    struct ndk_look look = ndk_look_begin(object);
    struct ndk_sum sum = {0};
    ULONG count = NDK_INTO(object, function, NDK_THEIRS(object, CQ)->NdkGetCqResults(cq, results, asked));
    for (ULONG i = 0; count_check(object, count, asked, function) && i < count; i++) {
        NDK_RESULT *at = &results[i];
        struct ndk_result result = {at->Status, at->BytesTransferred, &at->QPContext, &at->RequestContext, NULL};
        ndk_result_check(object, result, function);
        sum_add(&sum, at->Status, at->BytesTransferred);
    }
    ndk_look_end(object, &look, count, asked, function);
    ndk_leave(object, 0, before);
    if (sum.results && ndk_is_told(object->watch))
        ndk_say_results(object, function, &sum);
    return count;
}

static NTAPI ULONG
get_cq_results_ex(NDK_CQ *cq, NDK_RESULT_EX *results, ULONG asked)
{
    const char *function = "NdkGetCqResultsEx";
    struct ndk_object *object = OBJECT(Cq, cq, function);
    struct ke_thread *before = ndk_enter(object, 0, NBX_0706, function);
    struct ndk_look look = ndk_look_begin(object);
    struct ndk_sum sum = {0};
    ULONG count = NDK_INTO(object, function, NDK_THEIRS(object, CQ)->NdkGetCqResultsEx(cq, results, asked));
    for (ULONG i = 0; count_check(object, count, asked, function) && i < count; i++) {
        NDK_RESULT_EX *at = &results[i];
        struct ndk_result result = {at->Status, at->BytesTransferred, &at->QPContext, &at->RequestContext, &at->Type};
        ndk_result_check(object, result, function);
        sum_add(&sum, at->Status, at->BytesTransferred);
    }
    ndk_look_end(object, &look, count, asked, function);
    ndk_leave(object, 0, before);
    if (sum.results && ndk_is_told(object->watch))
        ndk_say_results(object, function, &sum);
    return count;
}

static NTAPI NTSTATUS
control_moderation(NDK_CQ *cq, ULONG interval, ULONG count)
{
    const char *function = "NdkControlCqInterruptModeration";
    struct ndk_object *object = OBJECT(Cq, cq, function);
    NTSTATUS status = NDK_INTO(object, function, NDK_THEIRS(object, CQ)->NdkControlCqInterruptModeration(cq, interval, count));
    if (NT_SUCCESS(status))
        ndk_moderated(object, interval, count);
    return status;
}

const NDK_CQ_DISPATCH ndk_cq_calls = {.NdkCloseCq = ndk_close,
                                      .NdkResizeCq = resize_cq,
                                      .NdkArmCq = arm_cq,
                                      .NdkGetCqResults = get_cq_results,
                                      .NdkControlCqInterruptModeration = control_moderation,
                                      .NdkGetCqResultsEx = get_cq_results_ex};

// ---- protection domain ----------------------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
create_mr(NDK_PD *pd, BOOLEAN is_fast, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_MR **mr)
{
    struct ndk_object *object = OBJECT(Pd, pd, "NdkCreateMr");
    struct ndk_request *request = create_new(object, "NdkCreateMr", NdkObjectTypeMr, completion, context);
    request->made.is_fast = is_fast;
    NDK_NOTE(request, "%s", is_fast ? " (for fast registration)" : "");
    return NDK_MAKE(request, PD, mr, NdkCreateMr(pd, is_fast, ndk_on_create, request, MADE(MR)));
}

static NTAPI NTSTATUS
create_mw(NDK_PD *pd, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_MW **mw)
{
    struct ndk_object *object = OBJECT(Pd, pd, "NdkCreateMw");
    struct ndk_request *request = create_new(object, "NdkCreateMw", NdkObjectTypeMw, completion, context);
    return NDK_MAKE(request, PD, mw, NdkCreateMw(pd, ndk_on_create, request, MADE(MW)));
}

static NTAPI NTSTATUS
create_srq(NDK_PD *pd, ULONG depth, ULONG sges, ULONG threshold, NDK_FN_SRQ_NOTIFICATION_CALLBACK notification,
           PVOID notification_context, GROUP_AFFINITY *affinity, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_SRQ **srq)
{
    struct ndk_object *object = OBJECT(Pd, pd, "NdkCreateSrq");
    struct ndk_request *request = create_new(object, "NdkCreateSrq", NdkObjectTypeSrq, completion, context);
    request->event = (PVOID)notification;
    request->event_context = notification_context;
    request->made.sges[NDK_RECEIVER] = sges;
    return NDK_MAKE(request, PD, srq, NdkCreateSrq(pd, depth, sges, threshold, notification ? ndk_on_srq : NULL, request, affinity,
                                                   ndk_on_create, request, MADE(SRQ)));
}

static struct ndk_request *
qp_new(struct ndk_object *pd, const char *function, NDK_CQ *const *cq, NDK_FN_CREATE_COMPLETION completion, PVOID context)
{
    struct ndk_request *request = create_new(pd, function, NdkObjectTypeQp, completion, context);
    request->made.with[1] = OBJECT(Cq, cq[0], function);
    request->made.with[2] = OBJECT(Cq, cq[1], function);
    return request;
}

static NTAPI NTSTATUS
create_qp(NDK_PD *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, PVOID qp_context, ULONG receive_depth, ULONG initiator_depth,
          ULONG receive_sges, ULONG initiator_sges, ULONG inline_bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_QP **qp)
{
    struct ndk_object *object = OBJECT(Pd, pd, "NdkCreateQp");
    struct ndk_request *request = qp_new(object, "NdkCreateQp", (NDK_CQ *[]){receive_cq, initiator_cq}, completion, context);
    NDK_NOTE(request, " (%u receives, %u requests)", receive_depth, initiator_depth);
    request->made.sges[NDK_INITIATOR] = initiator_sges;
    request->made.sges[NDK_RECEIVER] = receive_sges;
    request->made.depth[NDK_INITIATOR] = initiator_depth;
    request->made.depth[NDK_RECEIVER] = receive_depth;
    request->made.inline_bytes = inline_bytes;
    PVOID number = ndk_qp_number(object->watch, &request->made, qp_context);
    return NDK_MAKE(request, PD, qp, NdkCreateQp(pd, receive_cq, initiator_cq, number, receive_depth, initiator_depth, receive_sges,
                                                 initiator_sges, inline_bytes, ndk_on_create, request, MADE(QP)));
}

static NTAPI NTSTATUS
create_qp_with_srq(NDK_PD *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, NDK_SRQ *srq, PVOID qp_context, ULONG initiator_depth,
                   ULONG initiator_sges, ULONG inline_bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_QP **qp)
{
    const char *function = "NdkCreateQpWithSrq";
    struct ndk_object *object = OBJECT(Pd, pd, function);
    struct ndk_request *request = qp_new(object, function, (NDK_CQ *[]){receive_cq, initiator_cq}, completion, context);
    request->made.with[3] = OBJECT(Srq, srq, function);
    request->made.sges[NDK_INITIATOR] = initiator_sges;
    request->made.depth[NDK_INITIATOR] = initiator_depth;
    request->made.inline_bytes = inline_bytes;
    PVOID number = ndk_qp_number(object->watch, &request->made, qp_context);
    return NDK_MAKE(request, PD, qp, NdkCreateQpWithSrq(pd, receive_cq, initiator_cq, srq, number, initiator_depth, initiator_sges,
                                                        inline_bytes, ndk_on_create, request, MADE(QP)));
}

const NDK_PD_DISPATCH ndk_pd_calls = {.NdkClosePd = ndk_close,
                                      .NdkCreateMr = create_mr,
                                      .NdkCreateMw = create_mw,
                                      .NdkCreateSrq = create_srq,
                                      .NdkCreateQp = create_qp,
                                      .NdkCreateQpWithSrq = create_qp_with_srq,
                                      .NdkGetPrivilegedMemoryRegionToken = ndk_get_privileged_token};

// ---- memory window ----------------------------------------------------------------------------------------------------------------------

static NTAPI UINT32
get_remote_token_from_mw(NDK_MW *mw)
{
    struct ndk_object *object = OBJECT(Mw, mw, "NdkGetRemoteTokenFromMw");
    return NDK_INTO(object, "NdkGetRemoteTokenFromMw", NDK_THEIRS(object, MW)->NdkGetRemoteTokenFromMw(mw));
}

const NDK_MW_DISPATCH ndk_mw_calls = {.NdkCloseMw = ndk_close, .NdkGetRemoteTokenFromMw = get_remote_token_from_mw};

// ---- shared receive queue ---------------------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
modify_srq(NDK_SRQ *srq, ULONG depth, ULONG threshold, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Srq, srq, "NdkModifySrq");
    struct ndk_request *request = ndk_request_for(object, "NdkModifySrq", completion, context);
    request->tells = NDK_TELLS_RESULT;
    NDK_NOTE(request, ", depth %u, notification at %u", depth, threshold);
    return NDK_ANSWER(request, SRQ, NdkModifySrq(srq, depth, threshold, ndk_on_request, request));
}

static NTAPI NTSTATUS
srq_receive(NDK_SRQ *srq, PVOID context, const NDK_SGE *sges, ULONG count)
{
    const char *function = "NdkSrqReceive";
    struct ndk_object *object = OBJECT(Srq, srq, function);
    struct ndk_post post = {.context = context, .type = NdkOperationTypeReceive, .bytes = ndk_sges_bytes(sges, count)};
    ndk_sges_check(object, NDK_RECEIVER, sges, count, 0, function);
    struct ndk_posting posting = ndk_post_begin(object, NDK_RECEIVER, &post, function);
    NTSTATUS status = NDK_INTO(object, function, NDK_THEIRS(object, SRQ)->NdkSrqReceive(srq, posting.number, sges, count));
    return ndk_post_end(&posting, status, function);
}

const NDK_SRQ_DISPATCH ndk_srq_calls = {.NdkCloseSrq = ndk_close, .NdkModifySrq = modify_srq, .NdkSrqReceive = srq_receive};
