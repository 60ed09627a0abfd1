// SPDX-License-Identifier: MIT
// Rules of NDK, NBX-0700 and up: what passes between a consumer and a provider under --verify strict. The provider here has the objects
// that it takes to break each rule, and does what the test says; the consumer is the test.
#include <string.h>

#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"
#include "provider.h"

#define P_OBJECTS 16

struct p_object {
    NDK_OBJECT_HEADER header;                 // as NDK_CQ and its kin begin
    const void *dispatch;
    NDK_FN_CLOSE_COMPLETION close;            // pended
    PVOID close_context;
};

// How the provider answers a request.
enum p_answer {
    P_AT_ONCE,
    P_LATER,                                  // pends; p.request waits
    P_INSIDE,                                 // pends, and completes inside the call
    P_BOTH                                    // completes, and succeeds too
};

static struct {
    struct p_object object[P_OBJECTS];
    uint32_t objects;
    bool closes_pend;
    enum p_answer answer;
    NDK_FN_REQUEST_COMPLETION request;
    PVOID request_context;
    NDK_FN_CQ_NOTIFICATION_CALLBACK notify;
    PVOID notify_context;
    NDK_FN_DISCONNECT_EVENT_CALLBACK disconnect;
    PVOID disconnect_context;
    ULONG results;                            // that the next poll gives
    void (*inside)(void);                     // a poll, a post
    NDK_OBJECT_TYPE wrong_type;
    USHORT wrong_minor;
    PVOID reserved;
    // The consumer.
    uint32_t completions, notifications, disconnects;
    void (*on_notify)(void);
    NDK_ADAPTER *adapter;
    NDK_CQ *cq, *other_cq;
    NDK_PD *pd;
    NDK_MR *mr;
    NDK_QP *qp;
    NDK_CONNECTOR *connector;
} p;

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

static void
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
static const NDK_CQ_DISPATCH cq_table = {.NdkCloseCq = p_close, .NdkArmCq = p_arm, .NdkGetCqResults = p_results};
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
    *cq = p_object(NdkObjectTypeCq, &cq_table);
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

// As the provider: in its driver's name.
static struct ke_crossing
as(const char *driver)
{
    return ke_driver_enter(ke_self(), io_image_find(kit.box, driver), "test");
}

static void
p_notify(void)
{
    struct ke_crossing crossing = as("mp");
    p.notify(p.notify_context, STATUS_SUCCESS);
    ke_driver_leave(ke_self(), crossing);
}

static void
p_complete(NTSTATUS status)
{
    struct ke_crossing crossing = as("mp");
    p.request(p.request_context, status);
    ke_driver_leave(ke_self(), crossing);
}

static void
p_disconnect(void)
{
    struct ke_crossing crossing = as("mp");
    p.disconnect(p.disconnect_context);
    ke_driver_leave(ke_self(), crossing);
}

// ---- the consumer -------------------------------------------------------------------------------------------------------------------

static NTAPI VOID
on_request(PVOID context, NTSTATUS status)
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

static NTAPI VOID
on_create(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *header)
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

static NTAPI VOID
on_disconnect(PVOID context)
{
    ck_assert_ptr_eq(context, &p);
    p.disconnects++;
}

static NTSTATUS
close_object(void *object)
{
    return ((NDK_CQ *)object)->Dispatch->NdkCloseCq(object, on_close, &p);
}

static NTSTATUS
register_mr(void)
{
    return p.mr->Dispatch->NdkRegisterMr(p.mr, NULL, 4096, 0, on_request, &p);
}

static NDK_CQ *
make_cq(void)
{
    NDK_CQ *cq;
    ck_assert_int_eq(p.adapter->Dispatch->NdkCreateCq(p.adapter, 8, on_cq, &p, NULL, on_create, &p, &cq), STATUS_SUCCESS);
    return cq;
}

static void
make_all(void)
{
    n.table = &adapter_table;
    adapter_table.NdkQueryAdapterInfo = n_table.NdkQueryAdapterInfo;
    n_start(0);
    ck_assert_int_eq(n_open(0, 1, 2), NDIS_STATUS_SUCCESS);
    p.adapter = n.opened[0];
    p.other_cq = make_cq();
    p.cq = make_cq();
    ck_assert_int_eq(p.adapter->Dispatch->NdkCreatePd(p.adapter, on_create, &p, &p.pd), STATUS_SUCCESS);
    ck_assert_int_eq(p.pd->Dispatch->NdkCreateMr(p.pd, FALSE, on_create, &p, &p.mr), STATUS_SUCCESS);
    ck_assert_int_eq(p.pd->Dispatch->NdkCreateQp(p.pd, p.cq, p.cq, &p, 8, 8, 1, 1, 0, on_create, &p, &p.qp), STATUS_SUCCESS);
    NDK_CONNECTOR *none;
    ck_assert_int_eq(p.adapter->Dispatch->NdkCreateConnector(p.adapter, on_create, &p, &none), STATUS_PENDING);
    ck_assert_ptr_nonnull(p.connector);
}

// Successors first; all at once, whatever the provider does else.
static void
close_all(void)
{
    void *const all[] = {p.connector, p.qp, p.mr, p.pd, p.cq, p.other_cq};
    p.closes_pend = false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ck_assert_int_eq(close_object(all[i]), STATUS_SUCCESS);
    n_close(0);
}

// ---- crimes ---------------------------------------------------------------------------------------------------------------------------

static void (*act)(void);

static void
strict(void)
{
    kit_verify = VERIFY_STRICT;
    memset(&p, 0, sizeof p);
    n_run(3, act);
}

#define IS_FOUND(fn, rule, ...) (act = (fn), crime_is_found(strict, rule, __VA_ARGS__, NULL))

static void
is_none(void (*fn)(void))
{
    act = fn;
    crime_is_none(strict);
}

static void
registers_what_it_closes(void)
{
    make_all();
    p.closes_pend = true;
    close_object(p.mr);
    register_mr();
}

static void
closes_twice(void)
{
    make_all();
    p.closes_pend = true;
    close_object(p.mr);
    close_object(p.mr);
}

static void
makes_with_what_it_closes(void)
{
    NDK_QP *qp;
    make_all();
    p.closes_pend = true;
    close_object(p.other_cq);
    p.pd->Dispatch->NdkCreateQp(p.pd, p.cq, p.other_cq, &p, 8, 8, 1, 1, 0, on_create, &p, &qp);
}

TEST(an_NDK_object_that_is_used_after_its_close_is_reported)
{
    IS_FOUND(registers_what_it_closes, "NBX-0700", "NdkRegisterMr", "a MR whose close was called before");
    IS_FOUND(closes_twice, "NBX-0700", "NdkCloseObject", "twice");
    IS_FOUND(makes_with_what_it_closes, "NBX-0700", "NdkCreateQp", "a CQ whose close was called before");
}

static void
pd_goes_first(void)
{
    make_all();
    close_object(p.pd);
}

TEST(a_PD_whose_close_ends_before_that_of_its_MR_is_reported)
{
    IS_FOUND(pd_goes_first, "NBX-0701", "NdkCloseObject", "the close of a PD is over", "driver mp");
}

static void
pd_is_asked_first(void)
{
    make_all();
    p.closes_pend = true;
    ck_assert_int_eq(close_object(p.pd), STATUS_PENDING);
    ck_assert_int_eq(close_object(p.mr), STATUS_PENDING);
    ck_assert_int_eq(close_object(p.qp), STATUS_PENDING);
    struct ke_crossing crossing = as("mp");
    p_closed(p.mr);
    p_closed(p.qp);
    p_closed(p.pd);
    ke_driver_leave(ke_self(), crossing);
    p.closes_pend = false;
    close_object(p.connector);
    close_object(p.cq);
    close_object(p.other_cq);
    n_close(0);
}

TEST(a_PD_may_be_closed_before_its_MR)
{
    is_none(pd_is_asked_first);
}

static void
completes_twice(void)
{
    make_all();
    p.answer = P_LATER;
    register_mr();
    p_complete(STATUS_SUCCESS);
    p_complete(STATUS_SUCCESS);
}

static void
completes_and_succeeds(void)
{
    make_all();
    p.answer = P_BOTH;
    register_mr();
}

static void
completes_what_was_answered(void)
{
    make_all();
    register_mr();
    p_complete(STATUS_SUCCESS);
}

static void
completes_with_pending(void)
{
    make_all();
    p.answer = P_LATER;
    register_mr();
    p_complete(STATUS_PENDING);
}

TEST(an_NDK_request_that_is_completed_twice_is_reported)
{
    IS_FOUND(completes_twice, "NBX-0702", "NdkRegisterMr", "twice", "driver mp");
    IS_FOUND(completes_and_succeeds, "NBX-0702", "returned another status than STATUS_PENDING too", "driver mp");
    IS_FOUND(completes_what_was_answered, "NBX-0702", "had returned another status", "driver mp");
    IS_FOUND(completes_with_pending, "NBX-0702", "with STATUS_PENDING", "driver mp");
}

static void
completes_in_each_way(void)
{
    make_all();
    for (p.answer = P_AT_ONCE; p.answer <= P_INSIDE; p.answer++) {
        register_mr();
        if (p.answer == P_LATER)
            p_complete(STATUS_INSUFFICIENT_RESOURCES);
    }
    ck_assert_uint_eq(p.completions, 2);
    close_all();
}

TEST(an_NDK_request_may_be_completed_inside_its_call)
{
    is_none(completes_in_each_way);
}

static void
closes_over_a_request(void)
{
    make_all();
    p.answer = P_LATER;
    register_mr();
    close_object(p.mr);
}

static void
notifies_what_is_closed(void)
{
    make_all();
    close_object(p.qp);
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    close_object(p.cq);
    p_notify();
}

TEST(a_close_over_a_request_that_is_out_is_reported)
{
    IS_FOUND(closes_over_a_request, "NBX-0703", "NdkCloseObject", "1 of its requests", "driver mp");
    IS_FOUND(notifies_what_is_closed, "NBX-0703", "NdkCqNotificationCallback", "whose close is over");
}

static void
notifies_unasked(void)
{
    make_all();
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p_notify();
    p_notify();
}

static void
notifies_inside(void)
{
    make_all();
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p.on_notify = p_notify;
    p_notify();
}

TEST(a_notification_that_nobody_armed_is_reported)
{
    IS_FOUND(notifies_unasked, "NBX-0704", "NdkCqNotificationCallback", "NdkArmCq", "driver mp");
    IS_FOUND(notifies_inside, "NBX-0704", "has not returned", "driver mp");
}

static void
closes_the_adapter(void)
{
    make_all();
    n_close(0);
}

static void
close_inside(void)
{
    n_close(0);
}

static void
closes_the_adapter_inside(void)
{
    make_all();
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p.on_notify = close_inside;
    p_notify();
}

TEST(an_NDK_adapter_that_is_closed_over_its_objects_is_reported)
{
    IS_FOUND(closes_the_adapter, "NBX-0705", "nbx_ndk_adapter_close", "6 objects");
    IS_FOUND(closes_the_adapter_inside, "NBX-0705", "inside a callback");
}

// ---- two threads ------------------------------------------------------------------------------------------------------------------------

static NDK_CQ *polled;
static bool is_receive, is_over;

static NTAPI VOID
another_thread(PVOID context)
{
    NDK_RESULT result;
    NDK_SGE sge = {.Length = 1};
    if (polled)
        polled->Dispatch->NdkGetCqResults(polled, &result, 1);
    else if (is_receive)
        p.qp->Dispatch->NdkReceive(p.qp, NULL, &sge, 1);
    else
        p.qp->Dispatch->NdkSend(p.qp, NULL, &sge, 1, 0);
    is_over = true;
}

static void
another(void)
{
    HANDLE thread;
    is_over = false;
    PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, another_thread, NULL);
    LARGE_INTEGER millisecond = {.QuadPart = -10000};
    for (int i = 0; i < 10000 && !is_over; i++)
        KeDelayExecutionThread(KernelMode, FALSE, &millisecond);
    ck_assert(is_over);
    ZwClose(thread);
}

static void
polls_at_once(NDK_CQ *second)
{
    NDK_RESULT result;
    polled = second;
    p.inside = another;
    p.cq->Dispatch->NdkGetCqResults(p.cq, &result, 1);
}

static void
two_poll_one(void)
{
    make_all();
    polls_at_once(p.cq);
}

static void
two_poll_two(void)
{
    make_all();
    polls_at_once(p.other_cq);
    close_all();
}

TEST(two_threads_that_poll_one_CQ_are_reported)
{
    IS_FOUND(two_poll_one, "NBX-0706", "NdkGetCqResults", "another thread");
}

TEST(two_threads_that_poll_two_CQs_are_not_reported)
{
    is_none(two_poll_two);
}

static void
posts_at_once(bool with_receive)
{
    NDK_SGE sge = {.Length = 1};
    polled = NULL;
    is_receive = with_receive;
    p.inside = another;
    p.qp->Dispatch->NdkSend(p.qp, NULL, &sge, 1, 0);
}

static void
two_sends(void)
{
    make_all();
    posts_at_once(false);
}

static void
send_and_receive(void)
{
    make_all();
    posts_at_once(true);
    close_all();
}

TEST(two_threads_that_post_to_one_queue_are_reported)
{
    IS_FOUND(two_sends, "NBX-0707", "NdkSend", "another thread");
}

TEST(a_send_and_a_receive_may_be_posted_at_the_same_time)
{
    is_none(send_and_receive);
}

// ---- what a provider gives ---------------------------------------------------------------------------------------------------------

static void
result_of_nothing(void)
{
    NDK_RESULT result[4];
    NDK_SGE sge = {.Length = 1};
    make_all();
    p.qp->Dispatch->NdkSend(p.qp, NULL, &sge, 1, 0);
    p.qp->Dispatch->NdkSend(p.qp, NULL, &sge, 0, 0);   // fails
    p.results = 2;
    p.cq->Dispatch->NdkGetCqResults(p.cq, result, 4);
}

static void
too_many_results(void)
{
    NDK_RESULT result;
    make_all();
    p.results = 2;
    p.cq->Dispatch->NdkGetCqResults(p.cq, &result, 1);
}

TEST(a_result_without_a_request_is_reported)
{
    IS_FOUND(result_of_nothing, "NBX-0708", "NdkGetCqResults", "was not posted", "driver mp");
    IS_FOUND(too_many_results, "NBX-0708", "more results than", "driver mp");
}

static void
does_not_wait(void)
{
    make_all();
    p.closes_pend = true;
    close_object(p.mr);
    close_object(p.qp);
    close_object(p.connector);
    close_object(p.pd);
    close_object(p.cq);
    close_object(p.other_cq);
    n_close(0);
}

TEST(an_adapter_close_that_does_not_wait_is_reported)
{
    IS_FOUND(does_not_wait, "NBX-0709", "CloseNDKAdapterHandler", "6 objects", "driver mp");
}

static void
complete_connect(void)
{
    p.connector->Dispatch->NdkCompleteConnect(p.connector, on_disconnect, &p, on_request, &p);
}

static void
tells_twice(void)
{
    make_all();
    complete_connect();
    p_disconnect();
    p_disconnect();
}

TEST(a_disconnect_that_is_told_twice_is_reported)
{
    IS_FOUND(tells_twice, "NBX-0710", "NdkDisconnectEventCallback", "twice", "driver mp");
}

static void
wrong_type(void)
{
    p.wrong_type = NdkObjectTypeSrq;
    make_all();
}

static void
wrong_version(void)
{
    p.wrong_minor = 1;
    make_all();
}

static void
not_cleared(void)
{
    p.reserved = &p;
    make_all();
}

TEST(an_NDK_object_that_is_not_well_made_is_reported)
{
    IS_FOUND(wrong_type, "NBX-0711", "NdkCreateCq", "does not say that it is a CQ");
    IS_FOUND(wrong_version, "NBX-0711", "NdkCreateCq", "another version");
    IS_FOUND(not_cleared, "NBX-0711", "NdkCreateCq", "NdkReserved");
}

static void
asks_at_dispatch(void)
{
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    KIRQL old;
    make_all();
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p.adapter->Dispatch->NdkQueryAdapterInfo(p.adapter, &info, &bytes);
}

static void
asks_above_dispatch(void)
{
    KIRQL old;
    make_all();
    KeRaiseIrql(DISPATCH_LEVEL + 1, &old);
    p.mr->Dispatch->NdkGetLocalTokenFromMr(p.mr);
}

TEST(an_NDK_function_at_a_level_too_high_is_reported)
{
    IS_FOUND(asks_at_dispatch, "NBX-0712", "NdkQueryAdapterInfo", "PASSIVE_LEVEL");
    IS_FOUND(asks_above_dispatch, "NBX-0712", "NdkGetLocalTokenFromMr", "above DISPATCH_LEVEL");
}

// ---- and what keeps them all ------------------------------------------------------------------------------------------------------

static void
whole_life(void)
{
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    NDK_RESULT result[4];
    NDK_SGE sge = {.Length = 1};
    KIRQL old;
    make_all();
    ck_assert_int_eq(p.adapter->Dispatch->NdkQueryAdapterInfo(p.adapter, &info, &bytes), STATUS_SUCCESS);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p.answer = P_LATER;
    ck_assert_int_eq(register_mr(), STATUS_PENDING);
    p_complete(STATUS_SUCCESS);
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p.qp->Dispatch->NdkSend(p.qp, NULL, &sge, 1, 0);
    p.qp->Dispatch->NdkReceive(p.qp, NULL, &sge, 1);
    p_notify();
    p.results = 2;
    ck_assert_uint_eq(p.cq->Dispatch->NdkGetCqResults(p.cq, result, 4), 2);
    p.answer = P_AT_ONCE;
    complete_connect();
    p_disconnect();
    KeLowerIrql(old);
    ck_assert_uint_eq(p.completions, 1);
    ck_assert_uint_eq(p.notifications, 1);
    ck_assert_uint_eq(p.disconnects, 1);
    close_all();
}

TEST(an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported)
{
    is_none(whole_life);
}

TEST(an_NDK_provider_is_not_stood_before_without_a_strict_verifier)
{
    kit_verify = VERIFY_ON;
    memset(&p, 0, sizeof p);
    n_run(3, whole_life);
    ck_assert_ptr_eq(p.object[0].dispatch, &cq_table);
}
