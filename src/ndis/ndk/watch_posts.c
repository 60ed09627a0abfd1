// SPDX-License-Identifier: MIT
// See watch.h: requests on queues, from the post to the result. The provider gets numbers of ours as QPContext and RequestContext, so that
// a result names its post whatever the consumer's contexts are; what the consumer sees has its own again.
//   post     ndk_post_begin (numbered before the call: its result may be there before it returns) -> ndk_post_end
//   result   ndk_result_check: of a post that was made and has had none (NBX-0708), in the order of posting
// A request has one result; none when its post failed, and none when it was posted with NDK_OP_FLAG_SILENT_SUCCESS and succeeded, which
// the next result of its queue says. Receives of a shared receive queue may end in any order, at the queue pairs that use it.
// [network/ndkpi-work-request-posting-requirements], [ndkpi/nc-ndkpi-ndk_fn_get_cq_results], [network/ndkpi-deferred-processing-scheme]
#include <stdio.h>
#include <stdlib.h>

#include "ndis/ndk/watch_int.h"

#define SILENT_MAX 65536u                     // silent posts at the head of a queue that are kept: more are not under way anywhere

// ---- queues -----------------------------------------------------------------------------------------------------------------------------

static struct ndk_post *
post_at(const struct ndk_queue *queue, uint64_t number)
{
    return &queue->ring[number & (queue->room - 1)];
}

// The queue behind a queue pair's; receives may go to a shared one.
static struct ndk_queue *
queue_of(struct ndk_object *object, enum ndk_queue_name name)
{
    struct ndk_object *srq = object->made.with[3];
    return name == NDK_RECEIVER && srq ? &srq->queue[NDK_RECEIVER] : &object->queue[name];
}

static void
queue_grow(struct ndk_queue *queue)
{
    uint64_t room = queue->room ? 2 * queue->room : 16;
    struct ndk_post *ring = calloc(room, sizeof *ring);
    if (!ring)
        abort();                              // a watch with holes proves nothing
    for (uint64_t number = queue->first; number != queue->next; number++)
        ring[number & (room - 1)] = *post_at(queue, number);
    free(queue->ring);
    queue->ring = ring;
    queue->room = room;
}

static void
queue_advance(struct ndk_queue *queue)
{
    while (queue->first != queue->next && (post_at(queue, queue->first)->is_over ||
                                           (queue->next - queue->first > SILENT_MAX &&
                                            post_at(queue, queue->first)->flags & NDK_OP_FLAG_SILENT_SUCCESS)))
        queue->first++;
}

void
ndk_queues_free(struct ndk_object *object)
{
    for (int i = 0; i < NDK_QUEUES; i++)
        free(object->queue[i].ring);
}

// ---- posts ------------------------------------------------------------------------------------------------------------------------------

uint64_t
ndk_sges_bytes(const NDK_SGE *sges, ULONG count)
{
    uint64_t bytes = 0;
    for (ULONG i = 0; i < count; i++)
        bytes += sges[i].Length;
    return bytes;
}

static void
post_say(const struct ndk_object *object, const struct ndk_post *post, const char *function)
{
    const char *type = ndk_type_word(object->type);
    if (post->type == NdkOperationTypeInvalidate)
        ndk_say_down(object->watch, function, "%s %u", type, object->number);
    else
        ndk_say_down(object->watch, function, "%s %u, %llu bytes", type, object->number, (unsigned long long)post->bytes);
}

static void
post_failed_say(const struct ndk_object *object, NTSTATUS status, const char *function)
{
    char number[NDK_NUMBER_BYTES], call[64];
    snprintf(call, sizeof call, "%s failed", function);
    ndk_say_up(object->watch, call, "%s %u, %s", ndk_type_word(object->type), object->number, ndk_status_word(status, number));
}

struct ndk_posting
ndk_post_begin(struct ndk_object *object, enum ndk_queue_name name, const struct ndk_post *post, const char *function)
{
    struct ndk_watch *watch = object->watch;
    struct ndk_queue *queue = &object->queue[name];
    if (ndk_is_told(watch))
        post_say(object, post, function);
    if (!watch->is_strict)
        return (struct ndk_posting){.object = object, .name = name, .number = post->context};
    struct ndk_posting posting = {.object = object, .name = name, .before = ndk_enter(object, (int)name, NBX_0707, function)};
    KIRQL old = ndk_lock(watch);
    if (queue->next - queue->first == queue->room)
        queue_grow(queue);
    *post_at(queue, queue->next) = *post;
    posting.number = (PVOID)(ULONG_PTR)(queue->next << 1 | (uint64_t)name);
    queue->next++;
    ndk_unlock(watch, old);
    return posting;
}

NTSTATUS
ndk_post_end(struct ndk_posting *posting, NTSTATUS status, const char *function)
{
    struct ndk_object *object = posting->object;
    struct ndk_queue *queue = &object->queue[posting->name];
    bool had_result = false;
    if (!NT_SUCCESS(status) && ndk_is_told(object->watch))
        post_failed_say(object, status, function);
    if (!object->watch->is_strict)
        return status;
    ndk_leave(object, (int)posting->name, posting->before);
    KIRQL old = ndk_lock(object->watch);
    uint64_t number = (uint64_t)(ULONG_PTR)posting->number >> 1;
    struct ndk_post *post = number >= queue->first ? post_at(queue, number) : NULL;
    if (NT_SUCCESS(status)) {
        queue->is_deferred = post && post->flags & NDK_OP_FLAG_DEFER;
        if (post && !post->is_over)
            ndk_post_opened(object, posting->name, post);
    } else {
        queue->is_deferred = false;
        had_result = !post || post->is_over;
        if (post)
            post->is_over = true;
        queue_advance(queue);
    }
    ndk_unlock(object->watch, old);
    if (status == STATUS_PENDING)
        ndk_blame(object, NBX_0702, function, "returned STATUS_PENDING: it posts or fails, and the completion queue tells the rest");
    if (had_result)
        ndk_blame(object, NBX_0708, function, "failed, and its request has had a result all the same");
    return status;
}

// ---- queue pairs ------------------------------------------------------------------------------------------------------------------------

PVOID
ndk_qp_number(struct ndk_watch *watch, struct ndk_made *made, PVOID qp_context)
{
    made->qp_context = qp_context;
    if (!watch->is_strict)
        return qp_context;
    KIRQL old = ndk_lock(watch);
    if (watch->qp_count == watch->qp_room) {
        watch->qp_room = watch->qp_room ? 2 * watch->qp_room : 16;
        watch->qps = reallocarray(watch->qps, watch->qp_room, sizeof(struct ndk_object *));
        if (!watch->qps)
            abort();
    }
    watch->qps[watch->qp_count++] = NULL;
    made->slot = watch->qp_count;
    ndk_unlock(watch, old);
    return (PVOID)(ULONG_PTR)made->slot;
}

void
ndk_qp_made(struct ndk_object *qp)
{
    KIRQL old = ndk_lock(qp->watch);
    qp->watch->qps[qp->made.slot - 1] = qp;
    ndk_unlock(qp->watch, old);
}

// ---- results ----------------------------------------------------------------------------------------------------------------------------

// Of the earlier ones only silent ones may be without a result, and with this they have succeeded.
static const char *
order_check(struct ndk_queue *queue, uint64_t number)
{
    for (uint64_t at = queue->first; at != number; at++) {
        struct ndk_post *post = post_at(queue, at);
        if (!post->is_over && !(post->flags & NDK_OP_FLAG_SILENT_SUCCESS))
            return "gave a result before that of a request which was posted earlier to the same queue";
        post->is_over = true;
    }
    return NULL;
}

static const char *
type_check(const struct ndk_post *post, const struct ndk_result *result)
{
    bool is_receive = post->type == NdkOperationTypeReceive;
    if (result->status == STATUS_PENDING)
        return "gave a result whose status is STATUS_PENDING";
    if (result->status == STATUS_SUCCESS && post->flags & NDK_OP_FLAG_SILENT_SUCCESS)
        return "gave the result of a success that was to be silent";
    if (is_receive && result->status == STATUS_SUCCESS && result->bytes > post->bytes)
        return "gave a result of more bytes than the receive has room for";
    if (result->type && *result->type != (NDK_OPERATION_TYPE)post->type &&
        !(is_receive && *result->type == NdkOperationTypeReceiveAndInvalidate))
        return "gave a result whose Type is not that of the request";
    return NULL;
}

static const char *
result_take(struct ndk_object *cq, struct ndk_result *result)
{
    struct ndk_watch *watch = cq->watch;
    uint64_t slot = (uint64_t)(ULONG_PTR)*result->qp_context, number = (uint64_t)(ULONG_PTR)*result->request_context;
    struct ndk_object *qp = slot && slot <= watch->qp_count ? watch->qps[slot - 1] : NULL;
    if (!qp)
        return "gave a result with a QPContext that no queue pair was made with";
    enum ndk_queue_name name = number & 1 ? NDK_RECEIVER : NDK_INITIATOR;
    struct ndk_queue *queue = queue_of(qp, name);
    *result->qp_context = qp->made.qp_context;
    if (qp->made.with[name == NDK_RECEIVER ? 1 : 2] != cq)
        return "gave a result of a queue whose results go to another completion queue";
    number >>= 1;
    if (number < queue->first || number >= queue->next || post_at(queue, number)->is_over)
        return "gave a result of a request that was not posted, or has had its result";
    struct ndk_post *post = post_at(queue, number);
    *result->request_context = post->context;
    post->is_over = true;
    ndk_post_over(qp, name, post);
    const char *fault = type_check(post, result);
    if (!fault && queue == &qp->queue[name])
        fault = order_check(queue, number);
    queue_advance(queue);
    return fault;
}

void
ndk_result_check(struct ndk_object *cq, struct ndk_result result, const char *function)
{
    if (!cq->watch->is_strict)
        return;
    KIRQL old = ndk_lock(cq->watch);
    const char *fault = result_take(cq, &result);
    ndk_unlock(cq->watch, old);
    if (fault)
        ndk_blame(cq, NBX_0708, function, fault);
}
