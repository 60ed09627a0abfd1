// SPDX-License-Identifier: MIT
// See watch.h: the functions that a consumer calls of adapters, completion queues, protection domains, memory regions and windows, and
// shared receive queues. Each looks at what it is given, and calls the provider's.
#include "ndis/ndk/watch_int.h"

#define OBJECT(kind, pointer, function) ndk_use(&(pointer)->Header, NdkObjectType##kind, function)

// ---- adapter ------------------------------------------------------------------------------------------------------------------------

static struct ndk_request *
create_new(struct ndk_object *of, const char *function, NDK_OBJECT_TYPE type, NDK_FN_CREATE_COMPLETION completion, PVOID context)
{
    struct ndk_request *request = ndk_request_new(of, function, context);
    request->type = type;
    request->fn.create = completion;
    request->antecedent[0] = of;
    return request;
}

static NTAPI NTSTATUS
query_adapter_info(NDK_ADAPTER *adapter, NDK_ADAPTER_INFO *info, ULONG *bytes)
{
    const char *function = "NdkQueryAdapterInfo";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    if (ke_self()->irql != PASSIVE_LEVEL)
        verify_rule_broken(NBX_0712, function, "is called at IRQL %u, and only at PASSIVE_LEVEL may it be", ke_self()->irql);
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
    *cq = NULL;
    NTSTATUS status = NDK_INTO(object, function, NDK_THEIRS(object, ADAPTER)->NdkCreateCq(adapter, depth, ndk_on_cq, request, affinity,
                                                                                        ndk_on_create, request, cq));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*cq);
}

static NTAPI NTSTATUS
create_pd(NDK_ADAPTER *adapter, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_PD **pd)
{
    const char *function = "NdkCreatePd";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = create_new(object, function, NdkObjectTypePd, completion, context);
    *pd = NULL;
    NTSTATUS status = NDK_INTO(object, function, NDK_THEIRS(object, ADAPTER)->NdkCreatePd(adapter, ndk_on_create, request, pd));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*pd);
}

static NTAPI NTSTATUS
create_shared_endpoint(NDK_ADAPTER *adapter, const PSOCKADDR address, ULONG bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context,
                       NDK_SHARED_ENDPOINT **endpoint)
{
    const char *function = "NdkCreateSharedEndpoint";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = create_new(object, function, NdkObjectTypeSharedEndpoint, completion, context);
    *endpoint = NULL;
    NTSTATUS status = NDK_INTO(object, function, NDK_THEIRS(object, ADAPTER)->NdkCreateSharedEndpoint(adapter, address, bytes,
                                                                                                   ndk_on_create, request, endpoint));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*endpoint);
}

static NTAPI NTSTATUS
create_connector(NDK_ADAPTER *adapter, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CONNECTOR **connector)
{
    const char *function = "NdkCreateConnector";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = create_new(object, function, NdkObjectTypeConnector, completion, context);
    *connector = NULL;
    NTSTATUS status = NDK_INTO(object, function, NDK_THEIRS(object, ADAPTER)->NdkCreateConnector(adapter, ndk_on_create, request,
                                                                                              connector));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*connector);
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
    *listener = NULL;
    NTSTATUS status = NDK_INTO(object, function, NDK_THEIRS(object, ADAPTER)->NdkCreateListener(adapter, ndk_on_connect, request,
                                                                                             ndk_on_create, request, listener));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*listener);
}

static struct ndk_request *
request_new(struct ndk_object *of, const char *function, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_request *request = ndk_request_new(of, function, context);
    request->fn.request = completion;
    return request;
}

static NTAPI NTSTATUS
build_lam(NDK_ADAPTER *adapter, MDL *mdl, SIZE_T bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context,
          NDK_LOGICAL_ADDRESS_MAPPING *lam, ULONG *lam_bytes, ULONG *fbo)
{
    const char *function = "NdkBuildLAM";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = request_new(object, function, completion, context);
    return ndk_request_answered(request, NDK_INTO(object, function, NDK_THEIRS(object, ADAPTER)->NdkBuildLAM(
                                                      adapter, mdl, bytes, ndk_on_request, request, lam, lam_bytes, fbo)));
}

static NTAPI VOID
release_lam(NDK_ADAPTER *adapter, NDK_LOGICAL_ADDRESS_MAPPING *lam)
{
    struct ndk_object *object = OBJECT(Adapter, adapter, "NdkReleaseLAM");
    NDK_INTO_VOID(object, "NdkReleaseLAM", NDK_THEIRS(object, ADAPTER)->NdkReleaseLAM(adapter, lam));
}

const NDK_ADAPTER_DISPATCH ndk_adapter_calls = {.NdkQueryAdapterInfo = query_adapter_info,
                                                .NdkCreateCq = create_cq,
                                                .NdkCreatePd = create_pd,
                                                .NdkCreateSharedEndpoint = create_shared_endpoint,
                                                .NdkCreateConnector = create_connector,
                                                .NdkCreateListener = create_listener,
                                                .NdkBuildLAM = build_lam,
                                                .NdkReleaseLAM = release_lam};

// ---- completion queue -----------------------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
resize_cq(NDK_CQ *cq, ULONG depth, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Cq, cq, "NdkResizeCq");
    struct ndk_request *request = request_new(object, "NdkResizeCq", completion, context);
    return ndk_request_answered(request, NDK_INTO(object, "NdkResizeCq",
                                                  NDK_THEIRS(object, CQ)->NdkResizeCq(cq, depth, ndk_on_request, request)));
}

static NTAPI VOID
arm_cq(NDK_CQ *cq, ULONG type)
{
    struct ndk_object *object = OBJECT(Cq, cq, "NdkArmCq");
    struct ke_thread *before = ndk_enter(object, 0, NBX_0706, "NdkArmCq");
    atomic_fetch_add(&object->arms, 1);       // before the call: it may be answered inside
    NDK_INTO_VOID(object, "NdkArmCq", NDK_THEIRS(object, CQ)->NdkArmCq(cq, type));
    ndk_leave(object, 0, before);
}

// So many results came out of the queue, of nResults that were asked for.
static ULONG
results_check(struct ndk_object *object, ULONG count, ULONG asked, const char *function)
{
    struct io_image *provider = object->watch->provider;
    int64_t left = atomic_fetch_sub(&object->results, count) - count;
    if (count > asked)
        verify_report(&(struct verify_finding){.rule = NBX_0708, .driver = provider, .function = function,
                                               .text = "gave more results than there was room for"});
    if (left < 0 && !object->is_shared)
        verify_report(&(struct verify_finding){.rule = NBX_0708, .driver = provider, .function = function,
                                               .text = "gave a result of a request that was not posted, or has had its result"});
    return count;
}

static NTAPI ULONG
get_cq_results(NDK_CQ *cq, NDK_RESULT *results, ULONG asked)
{
    const char *function = "NdkGetCqResults";
    struct ndk_object *object = OBJECT(Cq, cq, function);
    struct ke_thread *before = ndk_enter(object, 0, NBX_0706, function);
    ULONG count = NDK_INTO(object, function, NDK_THEIRS(object, CQ)->NdkGetCqResults(cq, results, asked));
    results_check(object, count, asked, function);
    ndk_leave(object, 0, before);
    return count;
}

static NTAPI ULONG
get_cq_results_ex(NDK_CQ *cq, NDK_RESULT_EX *results, ULONG asked)
{
    const char *function = "NdkGetCqResultsEx";
    struct ndk_object *object = OBJECT(Cq, cq, function);
    struct ke_thread *before = ndk_enter(object, 0, NBX_0706, function);
    ULONG count = NDK_INTO(object, function, NDK_THEIRS(object, CQ)->NdkGetCqResultsEx(cq, results, asked));
    results_check(object, count, asked, function);
    ndk_leave(object, 0, before);
    return count;
}

static NTAPI NTSTATUS
control_moderation(NDK_CQ *cq, ULONG interval, ULONG count)
{
    const char *function = "NdkControlCqInterruptModeration";
    struct ndk_object *object = OBJECT(Cq, cq, function);
    return NDK_INTO(object, function, NDK_THEIRS(object, CQ)->NdkControlCqInterruptModeration(cq, interval, count));
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
    *mr = NULL;
    NTSTATUS status = NDK_INTO(object, "NdkCreateMr", NDK_THEIRS(object, PD)->NdkCreateMr(pd, is_fast, ndk_on_create, request, mr));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*mr);
}

static NTAPI NTSTATUS
create_mw(NDK_PD *pd, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_MW **mw)
{
    struct ndk_object *object = OBJECT(Pd, pd, "NdkCreateMw");
    struct ndk_request *request = create_new(object, "NdkCreateMw", NdkObjectTypeMw, completion, context);
    *mw = NULL;
    NTSTATUS status = NDK_INTO(object, "NdkCreateMw", NDK_THEIRS(object, PD)->NdkCreateMw(pd, ndk_on_create, request, mw));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*mw);
}

static NTAPI NTSTATUS
create_srq(NDK_PD *pd, ULONG depth, ULONG sges, ULONG threshold, NDK_FN_SRQ_NOTIFICATION_CALLBACK notification,
           PVOID notification_context, GROUP_AFFINITY *affinity, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_SRQ **srq)
{
    struct ndk_object *object = OBJECT(Pd, pd, "NdkCreateSrq");
    struct ndk_request *request = create_new(object, "NdkCreateSrq", NdkObjectTypeSrq, completion, context);
    request->event = (PVOID)notification;
    request->event_context = notification_context;
    *srq = NULL;
    NTSTATUS status = NDK_INTO(object, "NdkCreateSrq",
                               NDK_THEIRS(object, PD)->NdkCreateSrq(pd, depth, sges, threshold, notification ? ndk_on_srq : NULL, request,
                                                                    affinity, ndk_on_create, request, srq));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*srq);
}

static struct ndk_request *
qp_new(struct ndk_object *pd, const char *function, NDK_CQ *const *cq, NDK_FN_CREATE_COMPLETION completion, PVOID context)
{
    struct ndk_request *request = create_new(pd, function, NdkObjectTypeQp, completion, context);
    request->antecedent[1] = OBJECT(Cq, cq[0], function);
    request->antecedent[2] = OBJECT(Cq, cq[1], function);
    return request;
}

static NTAPI NTSTATUS
create_qp(NDK_PD *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, PVOID qp_context, ULONG receive_depth, ULONG initiator_depth,
          ULONG receive_sges, ULONG initiator_sges, ULONG inline_bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_QP **qp)
{
    struct ndk_object *object = OBJECT(Pd, pd, "NdkCreateQp");
    struct ndk_request *request = qp_new(object, "NdkCreateQp", (NDK_CQ *[]){receive_cq, initiator_cq}, completion, context);
    *qp = NULL;
    NTSTATUS status = NDK_INTO(object, "NdkCreateQp",
                               NDK_THEIRS(object, PD)->NdkCreateQp(pd, receive_cq, initiator_cq, qp_context, receive_depth,
                                                                   initiator_depth, receive_sges, initiator_sges, inline_bytes,
                                                                   ndk_on_create, request, qp));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*qp);
}

static NTAPI NTSTATUS
create_qp_with_srq(NDK_PD *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, NDK_SRQ *srq, PVOID qp_context, ULONG initiator_depth,
                   ULONG initiator_sges, ULONG inline_bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_QP **qp)
{
    const char *function = "NdkCreateQpWithSrq";
    struct ndk_object *object = OBJECT(Pd, pd, function);
    struct ndk_request *request = qp_new(object, function, (NDK_CQ *[]){receive_cq, initiator_cq}, completion, context);
    request->antecedent[3] = OBJECT(Srq, srq, function);
    request->antecedent[1]->is_shared = true;
    *qp = NULL;
    NTSTATUS status = NDK_INTO(object, function,
                               NDK_THEIRS(object, PD)->NdkCreateQpWithSrq(pd, receive_cq, initiator_cq, srq, qp_context, initiator_depth,
                                                                          initiator_sges, inline_bytes, ndk_on_create, request, qp));
    return ndk_create_answered(request, status, (NDK_OBJECT_HEADER *)*qp);
}

static NTAPI VOID
get_privileged_token(NDK_PD *pd, UINT32 *token)
{
    struct ndk_object *object = OBJECT(Pd, pd, "NdkGetPrivilegedMemoryRegionToken");
    NDK_INTO_VOID(object, "NdkGetPrivilegedMemoryRegionToken", NDK_THEIRS(object, PD)->NdkGetPrivilegedMemoryRegionToken(pd, token));
}

const NDK_PD_DISPATCH ndk_pd_calls = {.NdkClosePd = ndk_close,
                                      .NdkCreateMr = create_mr,
                                      .NdkCreateMw = create_mw,
                                      .NdkCreateSrq = create_srq,
                                      .NdkCreateQp = create_qp,
                                      .NdkCreateQpWithSrq = create_qp_with_srq,
                                      .NdkGetPrivilegedMemoryRegionToken = get_privileged_token};

// ---- memory region, memory window -----------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
register_mr(NDK_MR *mr, MDL *mdl, SIZE_T bytes, ULONG flags, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Mr, mr, "NdkRegisterMr");
    struct ndk_request *request = request_new(object, "NdkRegisterMr", completion, context);
    return ndk_request_answered(request, NDK_INTO(object, "NdkRegisterMr", NDK_THEIRS(object, MR)->NdkRegisterMr(mr, mdl, bytes, flags,
                                                                                                              ndk_on_request, request)));
}

static NTAPI NTSTATUS
deregister_mr(NDK_MR *mr, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Mr, mr, "NdkDeregisterMr");
    struct ndk_request *request = request_new(object, "NdkDeregisterMr", completion, context);
    return ndk_request_answered(request, NDK_INTO(object, "NdkDeregisterMr",
                                                  NDK_THEIRS(object, MR)->NdkDeregisterMr(mr, ndk_on_request, request)));
}

static NTAPI NTSTATUS
initialize_fast_register_mr(NDK_MR *mr, ULONG pages, BOOLEAN is_remote, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkInitializeFastRegisterMr";
    struct ndk_object *object = OBJECT(Mr, mr, function);
    struct ndk_request *request = request_new(object, function, completion, context);
    return ndk_request_answered(request, NDK_INTO(object, function, NDK_THEIRS(object, MR)->NdkInitializeFastRegisterMr(
                                                      mr, pages, is_remote, ndk_on_request, request)));
}

static NTAPI UINT32
get_remote_token_from_mr(NDK_MR *mr)
{
    struct ndk_object *object = OBJECT(Mr, mr, "NdkGetRemoteTokenFromMr");
    return NDK_INTO(object, "NdkGetRemoteTokenFromMr", NDK_THEIRS(object, MR)->NdkGetRemoteTokenFromMr(mr));
}

static NTAPI UINT32
get_local_token_from_mr(NDK_MR *mr)
{
    struct ndk_object *object = OBJECT(Mr, mr, "NdkGetLocalTokenFromMr");
    return NDK_INTO(object, "NdkGetLocalTokenFromMr", NDK_THEIRS(object, MR)->NdkGetLocalTokenFromMr(mr));
}

const NDK_MR_DISPATCH ndk_mr_calls = {.NdkCloseMr = ndk_close,
                                      .NdkRegisterMr = register_mr,
                                      .NdkDeregisterMr = deregister_mr,
                                      .NdkInitializeFastRegisterMr = initialize_fast_register_mr,
                                      .NdkGetRemoteTokenFromMr = get_remote_token_from_mr,
                                      .NdkGetLocalTokenFromMr = get_local_token_from_mr};

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
    struct ndk_request *request = request_new(object, "NdkModifySrq", completion, context);
    return ndk_request_answered(request, NDK_INTO(object, "NdkModifySrq",
                                                  NDK_THEIRS(object, SRQ)->NdkModifySrq(srq, depth, threshold, ndk_on_request, request)));
}

static NTAPI NTSTATUS
srq_receive(NDK_SRQ *srq, PVOID context, const NDK_SGE *sges, ULONG count)
{
    struct ndk_object *object = OBJECT(Srq, srq, "NdkSrqReceive");
    struct ke_thread *before = ndk_enter(object, 0, NBX_0707, "NdkSrqReceive");
    NTSTATUS status = NDK_INTO(object, "NdkSrqReceive", NDK_THEIRS(object, SRQ)->NdkSrqReceive(srq, context, sges, count));
    ndk_leave(object, 0, before);
    return status;
}

const NDK_SRQ_DISPATCH ndk_srq_calls = {.NdkCloseSrq = ndk_close, .NdkModifySrq = modify_srq, .NdkSrqReceive = srq_receive};
