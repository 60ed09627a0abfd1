// SPDX-License-Identifier: MIT
// See watch.h: objects and requests.
//   create    ndk_request_new -> (inline) ndk_create_answered, or ndk_on_create -> ndk_object_begin: the object has our table
//   close     ndk_close -> (inline) close_over, or ndk_on_close -> close_over
//   request   ndk_request_for -> (inline) ndk_request_answered, or ndk_on_request
// A request is answered once: by what its function returned, or, when that was STATUS_PENDING, by its completion (NBX-0702). An object is
// used until its close is called (NBX-0700); the close is over when nothing of the object runs or is out (NBX-0703), and nothing that was
// made with it is left (NBX-0701). [network/ndkpi-object-lifetime-requirements]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ndis/ndk/watch_int.h"

void
ndk_blame(const struct ndk_object *object, enum verify_rule rule, const char *function, const char *text)
{
    if (!object->watch->is_strict)
        return;
    verify_report(&(struct verify_finding){.rule = rule, .driver = object->watch->provider, .function = function, .text = text});
}

// ---- calls ------------------------------------------------------------------------------------------------------------------------------

static void
irql_check(const char *function)
{
    if (ke_self()->irql > DISPATCH_LEVEL)
        verify_rule_broken(NBX_0712, function, "is called at IRQL %u, above DISPATCH_LEVEL", ke_self()->irql);
}

void
ndk_into_begin(struct ndk_into *into, struct ndk_object *object, struct ndk_request *request, const char *function)
{
    struct ndk_watch *watch = object->watch;
    into->object = object;
    if (!watch->is_strict)
        return;
    irql_check(function);
    into->thread = ke_self();
    into->request = request;
    into->function = function;
    KIRQL old = ndk_lock(watch);
    list_push_back(&watch->intos, &into->node);
    ndk_unlock(watch, old);
    into->crossing = ke_driver_enter(into->thread, watch->provider, function);
}

void
ndk_into_end(struct ndk_into *into)
{
    struct ndk_watch *watch = into->object->watch;
    if (!watch->is_strict)
        return;
    ke_driver_leave(into->thread, into->crossing);
    KIRQL old = ndk_lock(watch);
    list_remove(&into->node);
    ndk_unlock(watch, old);
}

// "The consumer will not call the NdkCloseObject function for an object until all provider functions for that object have returned", but
// for one whose completion has been called. Which another thread is inside; NULL: none.
static const char *
inside_of(const struct ndk_object *object)
{
    struct ndk_watch *watch = object->watch;
    const char *function = NULL;
    KIRQL old = ndk_lock(watch);
    LIST_FOR_EACH(node, &watch->intos) {
        const struct ndk_into *into = LIST_ENTRY_OF(node, struct ndk_into, node);
        if (into->object == object && into->thread != ke_self() &&
            !(into->request && atomic_load(&into->request->state) == NDK_REQUEST_COMPLETED))
            function = into->function;
    }
    ndk_unlock(watch, old);
    return function;
}

void
ndk_frame_begin(struct ndk_frame *frame, struct ndk_object *object, const char *name)
{
    struct ndk_watch *watch = object->watch;
    if (watch->is_strict)
        irql_check(name);
    if (atomic_load(&object->state) == NDK_CLOSED)
        NDK_BROKEN(object, NBX_0703, name, "is called for an object whose close is over");
    frame->thread = ke_self();
    frame->object = object;
    KIRQL old = ndk_lock(watch);
    object->callbacks++;
    list_push_back(&watch->frames, &frame->node);   // the watch stays while one is there, told or judged
    ndk_unlock(watch, old);
    if (watch->is_strict)
        frame->crossing = ke_driver_enter(frame->thread, watch->consumer, name);
}

void
ndk_frame_end(struct ndk_frame *frame)
{
    struct ndk_watch *watch = frame->object->watch;
    if (watch->is_strict)
        ke_driver_leave(frame->thread, frame->crossing);
    KIRQL old = ndk_lock(watch);
    frame->object->callbacks--;
    list_remove(&frame->node);
    ndk_unlock(watch, old);
}

struct ke_thread *
ndk_enter(struct ndk_object *object, int which, enum verify_rule rule, const char *function)
{
    if (!object->watch->is_strict)
        return NULL;
    struct ke_thread *before = atomic_exchange(&object->inside[which], ke_self());
    if (before && before != ke_self())
        verify_rule_broken(rule, function, "is called while another thread is inside a call for the same %s",
                           rule == NBX_0706 ? "completion queue" : "queue of a queue pair");
    return before;
}

void
ndk_leave(struct ndk_object *object, int which, struct ke_thread *before)
{
    atomic_store(&object->inside[which], before);
}

// ---- objects ----------------------------------------------------------------------------------------------------------------------------

// Every object has its Dispatch where an adapter has it.
static struct ndk_object *
object_from(NDK_OBJECT_HEADER *header)
{
    return (struct ndk_object *)((NDK_ADAPTER *)header)->Dispatch;
}

struct ndk_object *
ndk_use(NDK_OBJECT_HEADER *header, NDK_OBJECT_TYPE type, const char *function)
{
    if (!header)
        return NULL;
    struct ndk_object *object = object_from(header);
    if (!object->watch->is_strict)
        return object;
    if (object->type != type)
        verify_rule_broken(NBX_0700, function, "is given a %s where the page has a %s", ndk_type_word(object->type), ndk_type_word(type));
    if (atomic_load(&object->state) != NDK_LIVE)
        verify_rule_broken(NBX_0700, function, "is called with a %s whose close was called before", ndk_type_word(object->type));
    return object;
}

static struct ndk_object *
object_new(struct ndk_watch *watch, NDK_OBJECT_HEADER *header, NDK_OBJECT_TYPE type)
{
    struct ndk_object *object = calloc(1, sizeof *object);
    if (!object)
        abort();                              // a watch with holes proves nothing
    object->watch = watch;
    object->header = header;
    object->type = type;
    object->theirs = ((NDK_ADAPTER *)header)->Dispatch;
    ndk_table_fill(object);
    ((NDK_ADAPTER *)header)->Dispatch = &object->ours.adapter;
    return object;
}

static void
object_link(struct ndk_object *object)
{
    struct ndk_watch *watch = object->watch;
    KIRQL old = ndk_lock(watch);
    object->number = ++watch->numbers[object->type];
    list_push_back(&watch->objects, &object->node);
    for (int i = 0; i < NDK_ANTECEDENTS; i++)
        if (object->antecedent[i])
            object->antecedent[i]->successors++;
    ndk_memory_made(object);
    ndk_unlock(watch, old);
}

static void
created_check(const struct ndk_watch *watch, const NDK_OBJECT_HEADER *header, NDK_OBJECT_TYPE type, const char *function)
{
    static const NDK_OBJECT_HEADER_RESERVED_BLOCK zero;
    if (!watch->is_strict)
        return;
    if (header->ObjectType != type)
        verify_rule_broken(NBX_0711, function, "made an object whose header does not say that it is a %s", ndk_type_word(type));
    else if (header->Version.Major != watch->version.Major || header->Version.Minor != watch->version.Minor)
        verify_rule_broken(NBX_0711, function, "made an object of another version than its adapter is");
    else if (memcmp(&header->NdkReserved, &zero, sizeof zero))
        verify_rule_broken(NBX_0711, function, "made an object whose NdkReserved is not zero");
}

struct ndk_object *
ndk_object_begin(struct ndk_request *request, NDK_OBJECT_HEADER *header)
{
    struct ndk_watch *watch = request->of->watch;
    created_check(watch, header, request->type, request->function);
    struct ndk_object *object = object_new(watch, header, request->type);
    object->made = request->made;
    memcpy(object->antecedent, object->made.with, sizeof object->antecedent);
    if (object->made.slot)
        ndk_qp_made(object);
    object_link(object);
    atomic_store(&request->created, object);
    return object;
}

struct ndk_object *
ndk_object_come(struct ndk_object *listener, NDK_OBJECT_HEADER *header)
{
    created_check(listener->watch, header, NdkObjectTypeConnector, "NdkConnectEventCallback");
    struct ndk_object *object = object_new(listener->watch, header, NdkObjectTypeConnector);
    object->antecedent[0] = object->made.with[0] = listener->watch->root;
    object->antecedent[1] = object->made.with[1] = listener;
    object_link(object);
    return object;
}

// ---- requests ---------------------------------------------------------------------------------------------------------------------------

struct ndk_request *
ndk_request_new(struct ndk_object *of, const char *function, PVOID context)
{
    struct ndk_request *request = calloc(1, sizeof *request);
    if (!request)
        abort();
    request->of = of;
    request->function = function;
    request->context = context;
    KIRQL old = ndk_lock(of->watch);
    list_push_back(&of->watch->requests, &request->node);
    ndk_unlock(of->watch, old);
    return request;
}

struct ndk_request *
ndk_request_for(struct ndk_object *of, const char *function, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_request *request = ndk_request_new(of, function, context);
    request->fn.request = completion;
    return request;
}

static void
blame_provider(const struct ndk_request *request, const char *text)
{
    ndk_blame(request->of, NBX_0702, request->function, text);
}

// From now on its completion counts as out, unless it has come already.
static void
request_pend(struct ndk_request *request)
{
    struct ndk_watch *watch = request->of->watch;
    KIRQL old = ndk_lock(watch);
    request->is_pended = atomic_load(&request->state) == NDK_REQUEST_OUT;
    request->of->requests += request->is_pended;
    ndk_unlock(watch, old);
}

NTSTATUS
ndk_request_answered(struct ndk_request *request, NTSTATUS status)
{
    if (status != STATUS_PENDING && ndk_is_told(request->of->watch))
        ndk_say_result(request, status);
    if (status == STATUS_PENDING)
        request_pend(request);
    else if (atomic_exchange(&request->state, NDK_REQUEST_ANSWERED) == NDK_REQUEST_COMPLETED)
        blame_provider(request, "was completed by its callback, and returned another status than STATUS_PENDING too");
    else if (status == STATUS_SUCCESS && request->on_success)
        request->on_success(request);
    return status;
}

static void
request_completed(struct ndk_request *request, NTSTATUS status)
{
    struct ndk_watch *watch = request->of->watch;
    uint32_t before = atomic_exchange(&request->state, NDK_REQUEST_COMPLETED);
    if (before == NDK_REQUEST_COMPLETED)
        blame_provider(request, "is completed twice");
    else if (before == NDK_REQUEST_ANSWERED)
        blame_provider(request, "is completed, and had returned another status than STATUS_PENDING");
    if (status == STATUS_PENDING)
        blame_provider(request, "is completed with STATUS_PENDING");
    if (status == STATUS_SUCCESS && request->on_success)
        request->on_success(request);
    KIRQL old = ndk_lock(watch);
    request->of->requests -= request->is_pended;
    request->is_pended = false;
    ndk_unlock(watch, old);
}

NTAPI VOID
ndk_on_request(PVOID context, NTSTATUS status)
{
    struct ndk_request *request = context;
    struct ndk_frame frame;
    request_completed(request, status);
    if (ndk_is_told(request->of->watch))
        ndk_say_result(request, status);
    ndk_frame_begin(&frame, request->of, "NdkRequestCompletion");
    request->fn.request(request->context, status);
    ndk_frame_end(&frame);
}

// The provider has nothing to write into what it makes later.
static void
out_check(const struct ndk_request *request)
{
    if (request->out)
        ndk_blame(request->of, NBX_0717, request->function,
                  "returned STATUS_PENDING and wrote the object into its parameter: the completion brings it, and that may be gone");
}

// In words: what was made, or why nothing was.
static void
created_say(const struct ndk_request *request, NTSTATUS status)
{
    if (ndk_is_told(request->of->watch))
        ndk_say_made(request, atomic_load(&request->created), status);
}

// The provider has said that the object is there. Without one nothing of it is watched, unless somebody looks at rules.
static void
created_begin(struct ndk_request *request, NDK_OBJECT_HEADER *header)
{
    struct verify_finding nothing = {.rule = NBX_0711, .driver = request->of->watch->provider, .function = request->function};
    nothing.text = "succeeded and gave no object";
    if (!header && request->of->watch->is_strict)
        verify_report_fatal(&nothing);
    if (header)
        ndk_object_begin(request, header);
}

NTSTATUS
ndk_create_answered(struct ndk_request *request, NTSTATUS status, PVOID out)
{
    NDK_OBJECT_HEADER *header = request->out;
    if (status == STATUS_PENDING)
        out_check(request);
    ndk_request_answered(request, status);
    if (status == STATUS_SUCCESS)
        created_begin(request, header);
    if (status != STATUS_PENDING)
        created_say(request, status);
    if (status != STATUS_SUCCESS)
        return status;
    memcpy(out, &header, sizeof header);
    return status;
}

NTAPI VOID
ndk_on_create(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *header)
{
    struct ndk_request *request = context;
    struct ndk_frame frame;
    request_completed(request, status);
    out_check(request);
    if (status == STATUS_SUCCESS)
        created_begin(request, header);
    created_say(request, status);
    ndk_frame_begin(&frame, request->of, "NdkCreateCompletion");
    request->fn.create(request->context, status, header);
    ndk_frame_end(&frame);
}

// ---- closing -----------------------------------------------------------------------------------------------------------

// The provider says that the close is over: nothing of the object may run, be out, or have been made with it and be there.
static void
close_check(struct ndk_object *object)
{
    struct ndk_watch *watch = object->watch;
    if (!watch->is_strict)
        return;
    KIRQL old = ndk_lock(watch);
    uint32_t successors = object->successors, requests = object->requests, callbacks = object->callbacks;
    ndk_unlock(watch, old);
    char text[200] = "";
    if (successors)
        snprintf(text, sizeof text, "the close of a %s is over, and %u objects that were made with it are not closed",
                 ndk_type_word(object->type), successors);
    else if (requests || callbacks)
        snprintf(text, sizeof text, "the close of a %s is over, and %u of its requests are not completed, %u callbacks have not returned",
                 ndk_type_word(object->type), requests, callbacks);
    if (text[0])
        ndk_blame(object, successors ? NBX_0701 : NBX_0703, "NdkCloseObject", text);
}

// Its antecedents may go, as far as this one is concerned.
static void
successor_end(struct ndk_object *object)
{
    struct ndk_watch *watch = object->watch;
    KIRQL old = ndk_lock(watch);
    for (int i = 0; i < NDK_ANTECEDENTS; i++) {
        if (object->antecedent[i])
            object->antecedent[i]->successors--;
        object->antecedent[i] = NULL;
    }
    ndk_unlock(watch, old);
}

// While the provider's function runs nobody knows yet how it will answer: its antecedents may be over before it returns. They are held
// again when it has pended.
static void
successor_hold(struct ndk_object *object, struct ndk_object *const *antecedent, struct ndk_request *request)
{
    struct ndk_watch *watch = object->watch;
    KIRQL old = ndk_lock(watch);
    bool is_out = atomic_load(&request->state) == NDK_REQUEST_OUT;
    for (int i = 0; i < NDK_ANTECEDENTS; i++) {
        object->antecedent[i] = is_out ? antecedent[i] : NULL;
        if (object->antecedent[i])
            object->antecedent[i]->successors++;
    }
    ndk_unlock(watch, old);
}

NTAPI VOID
ndk_on_close(PVOID context)
{
    struct ndk_request *request = context;
    struct ndk_object *object = request->of;
    struct ndk_frame frame;
    request_completed(request, STATUS_SUCCESS);
    close_check(object);
    ndk_frame_begin(&frame, object, "NdkCloseCompletion");
    atomic_store(&object->state, NDK_CLOSED);
    request->fn.close(request->context);
    ndk_frame_end(&frame);
    successor_end(object);
}

NTAPI NTSTATUS
ndk_close(NDK_OBJECT_HEADER *header, NDK_FN_CLOSE_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = object_from(header), *antecedent[NDK_ANTECEDENTS];
    NDK_FN_CLOSE_OBJECT close = ((const NDK_CQ_DISPATCH *)object->theirs)->NdkCloseCq;   // the first of every table but an adapter's
    if (ndk_is_told(object->watch))
        ndk_say_down(object->watch, "NdkCloseObject", "%s %u", ndk_type_word(object->type), object->number);
    if (atomic_exchange(&object->state, NDK_CLOSING) == NDK_LIVE)
        ndk_memory_closed(object);
    else if (object->watch->is_strict)
        verify_rule_broken(NBX_0700, "NdkCloseObject", "is called twice for one %s", ndk_type_word(object->type));
    ndk_due_closing(object);
    const char *inside = object->watch->is_strict ? inside_of(object) : NULL;
    if (inside)
        verify_rule_broken(NBX_0700, "NdkCloseObject", "is called of a %s while another thread is inside %s of it",
                           ndk_type_word(object->type), inside);
    struct ndk_request *request = ndk_request_new(object, "NdkCloseObject", context);
    request->fn.close = completion;
    if (object->queue[NDK_INITIATOR].is_deferred)   // which only rules know
        verify_rule_broken(NBX_0715, "NdkCloseObject",
                           "is called of a QP whose last request was posted with NDK_OP_FLAG_DEFER: the one it waits for never came");
    memcpy(antecedent, object->antecedent, sizeof antecedent);
    successor_end(object);
    NTSTATUS status = NDK_INTO_FOR(object, request, "NdkCloseObject", close(header, ndk_on_close, request));
    if (status == STATUS_PENDING)
        successor_hold(object, antecedent, request);
    ndk_request_answered(request, status);
    if (status == STATUS_SUCCESS) {
        close_check(object);
        atomic_store(&object->state, NDK_CLOSED);
    }
    return status;
}

// ---- adapters -------------------------------------------------------------------------------------------------------------------------

struct ndk_watch *
ndk_watch_open(struct ndis_adapter *adapter, struct io_image *consumer, NDK_ADAPTER *object, bool is_strict)
{
    struct ndk_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        abort();
    watch->adapter = adapter;
    watch->provider = adapter->module.image;
    watch->consumer = consumer;
    watch->version = object->Header.Version;
    watch->is_strict = is_strict;
    watch->is_free = !is_strict && adapter->module.ndis->box->sched->is_sim;
    list_init(&watch->objects);
    list_init(&watch->requests);
    list_init(&watch->frames);
    list_init(&watch->intos);
    list_init(&watch->memory);
    list_init(&watch->lams);
    watch->root = object_new(watch, &object->Header, NdkObjectTypeAdapter);
    object_link(watch->root);
    return watch;
}

static void
closing_check(struct ndk_watch *watch)
{
    uint32_t live = 0;
    bool is_inside = false;
    KIRQL old = ndk_lock(watch);
    LIST_FOR_EACH(node, &watch->frames)
        is_inside |= LIST_ENTRY_OF(node, struct ndk_frame, node)->thread == ke_self();
    LIST_FOR_EACH(node, &watch->objects) {
        struct ndk_object *object = LIST_ENTRY_OF(node, struct ndk_object, node);
        live += object != watch->root && atomic_load(&object->state) == NDK_LIVE;
    }
    ndk_unlock(watch, old);
    if (is_inside)
        verify_rule_broken(NBX_0705, "nbx_ndk_adapter_close", "is called from inside a callback of the adapter, for whose return it waits");
    if (live)
        verify_rule_broken(NBX_0705, "nbx_ndk_adapter_close", "is called over %u objects that were not closed", live);
    uint32_t lams = ndk_lams_left(watch);
    if (lams)
        verify_rule_broken(NBX_0705, "nbx_ndk_adapter_close", "is called over %u mappings that were not released", lams);
}

void
ndk_watch_closing(struct ndk_watch *watch)
{
    if (watch->is_strict)
        closing_check(watch);
    atomic_store(&watch->root->state, NDK_CLOSING);
    ((NDK_ADAPTER *)watch->root->header)->Dispatch = watch->root->theirs;
}

static void
watch_free(struct ndk_watch *watch)
{
    struct list *node;
    while ((node = list_pop_front(&watch->objects))) {
        ndk_queues_free(LIST_ENTRY_OF(node, struct ndk_object, node));
        free(LIST_ENTRY_OF(node, struct ndk_object, node));
    }
    ndk_memory_free(watch);
    free(watch->qps);
    while ((node = list_pop_front(&watch->requests)))
        free(LIST_ENTRY_OF(node, struct ndk_request, node));
    free(watch);
}

void
ndk_watch_closed(struct ndk_watch *watch)
{
    uint32_t open = 0, frames = 0;
    char text[200];
    LIST_FOR_EACH(node, &watch->objects) {
        struct ndk_object *object = LIST_ENTRY_OF(node, struct ndk_object, node);
        open += object != watch->root && atomic_load(&object->state) == NDK_CLOSING;
    }
    LIST_FOR_EACH(node, &watch->frames)
        frames += node != NULL;
    if (open || frames) {
        snprintf(text, sizeof text, "returned with the closes of %u objects not completed and %u callbacks not back", open, frames);
        ndk_blame(watch->root, NBX_0709, "CloseNDKAdapterHandler", text);
        return;                               // whatever is left may still come: the watch stays
    }
    watch_free(watch);
}
