// SPDX-License-Identifier: MIT
// What the files of the NDK watch share: objects, requests, the frames of calls. See watch.h.
#ifndef NBX_NDIS_NDK_WATCH_INT_H
#define NBX_NDIS_NDK_WATCH_INT_H

#include "base/iptext.h"
#include "ndis/ndis_int.h"
#include "ndis/ndk/watch.h"
#include "verify/report.h"

#define NDK_ANTECEDENTS 4
#define NDK_TYPES (NdkObjectTypeSrq + 1)
#define NDK_NOTE_BYTES 96
#define NDK_NUMBER_BYTES 16

enum ndk_state {
    NDK_LIVE,
    NDK_CLOSING,                              // its close was called
    NDK_CLOSED                                // and is over
};

// The queues of a queue pair; a shared receive queue has the second.
enum ndk_queue_name {
    NDK_INITIATOR,
    NDK_RECEIVER,
    NDK_QUEUES
};

// A request on a queue, from its post to its result (watch_posts.c).
struct ndk_post {
    PVOID context;                            // the consumer's
    uint64_t bytes;                           // that it names; room, of a receive
    uint32_t type, flags;                     // NDK_OPERATION_TYPE; NDK_OP_FLAG_*
    bool is_over;                             // it has had its result, or will have none
    bool is_open;                             // it counts in its queue's open
};

struct ndk_queue {
    struct ndk_post *ring;
    uint64_t room;                            // of the ring, a power of 2
    uint64_t first, next;                     // numbers: the oldest whose result may still come; the next post
    bool is_deferred;                         // its last request may wait for the next
    uint64_t open;                            // posts that succeeded, are to have a result and have had none (watch_due.c)
};

// What a CQ has to tell, and has not (watch_due.c).
struct ndk_due {
    bool is_armed;                            // for any result
    bool has_old;                             // results of before the last notification may be there: no look has found it empty since
    bool is_held;                             // its moderation may hold a notification for long
    bool has_failed;                          // a notification said so
    uint32_t told;                            // notifications
    uint32_t deep;                            // of the queues whose results it has: with more open than they are deep
    bool is_due;                              // a notification
    uint64_t since_ns;                        // when it came to be
    struct ndk_object *flushed;               // because this queue pair was flushed; NULL: because a result was there
};

// What a create said of an object; kept with it.
struct ndk_made {
    struct ndk_object *with[NDK_ANTECEDENTS]; // its antecedents
    PVOID qp_context;
    ULONG sges[NDK_QUEUES], depth[NDK_QUEUES], inline_bytes;   // depth 0: not looked at
    uint32_t slot;                            // of a queue pair: in watch->qps, from 1
    bool is_fast;                             // a memory region, made for fast registration
};

// A memory region (watch_memory.c): what it stands for now.
struct ndk_region {
    uint64_t base, bytes;                     // addresses that its token reaches, while it is there
    UINT32 token[2];                          // local, remote: as they were asked for last
    bool knows[2];
    bool is_there;
    ULONG pages;                              // initialised for so many; 0: not
};

// Of an object of the provider's; kept until its adapter is closed, so that a late use is known.
struct ndk_object {
    union {                                   // first: the provider's object points at it
        NDK_ADAPTER_DISPATCH adapter;
        NDK_CQ_DISPATCH cq;
        NDK_PD_DISPATCH pd;
        NDK_MR_DISPATCH mr;
        NDK_MW_DISPATCH mw;
        NDK_SRQ_DISPATCH srq;
        NDK_QP_DISPATCH qp;
        NDK_CONNECTOR_DISPATCH connector;
        NDK_LISTENER_DISPATCH listener;
        NDK_SHARED_ENDPOINT_DISPATCH endpoint;
    } ours;
    const void *theirs;                       // the provider's table
    struct ndk_watch *watch;
    struct list node;                         // watch->objects
    NDK_OBJECT_HEADER *header;
    NDK_OBJECT_TYPE type;
    uint32_t number;                          // among those of its type, from 1 in the order of their making
    _Atomic uint32_t state;
    struct ndk_object *antecedent[NDK_ANTECEDENTS];   // for which it still counts
    struct ndk_made made;
    // Guarded by watch->lock.
    uint32_t successors;                      // live, or closing with the answer still to come
    uint32_t requests;                        // pended and not completed
    uint32_t callbacks;                       // of the consumer's, running for this object
    union {                                   // of a connector, the consumer's
        NDK_FN_DISCONNECT_EVENT_CALLBACK disconnect;
        NDK_FN_DISCONNECT_EVENT_CALLBACK_EX disconnect_ex;
    } event;
    PVOID event_context;                      // a connector's
    _Atomic uint32_t is_told;                 // a connector's DisconnectEvent has come
    _Atomic uint32_t arms;                    // of a CQ: not yet answered by a notification
    _Atomic uint32_t is_notifying;
    struct ke_thread *_Atomic inside[2];      // a CQ: who polls; a QP: who posts to the initiator's queue, to the receive queue
    struct ndk_due due;                       // of a CQ; guarded by watch->lock, as the next three are
    struct ndk_queue queue[NDK_QUEUES];
    struct ndk_region region;
    struct list memory;                       // watch->memory, of a live memory region or protection domain
    _Atomic bool is_answered;                 // a connector: NdkAccept or NdkCompleteConnect has begun
};

enum ndk_request_state {
    NDK_REQUEST_OUT,
    NDK_REQUEST_COMPLETED,
    NDK_REQUEST_ANSWERED                      // by what the function returned
};

// Whether a request is told (trace.c) when its result is there, or its beginning was, and its end is.
enum ndk_tells {
    NDK_TELLS_NOTHING,
    NDK_TELLS_RESULT,
    NDK_TELLS_END
};

// A create, a close or a request, from its call to the end of its adapter.
struct ndk_request {
    struct list node;                         // watch->requests
    struct ndk_object *of;
    const char *function;
    union {
        NDK_FN_CREATE_COMPLETION create;
        NDK_FN_REQUEST_COMPLETION request;
        NDK_FN_CLOSE_COMPLETION close;
    } fn;
    PVOID context;
    NDK_OBJECT_TYPE type;                     // a create's
    struct ndk_made made;
    NDK_OBJECT_HEADER *out;                   // where the provider leaves what it makes at once
    PVOID event, event_context;               // the consumer's, of what is created
    struct ndk_object *_Atomic created;       // by which its events find it (watch_events.c)
    void (*on_success)(struct ndk_request *request);   // what it has done when it has succeeded
    uint64_t base, bytes;                     // for that: of memory
    NDK_LOGICAL_ADDRESS_MAPPING *lam;
    _Atomic uint32_t state;
    bool is_pended;                           // guarded by watch->lock
    enum ndk_tells tells;
    char note[NDK_NOTE_BYTES];                // more of it in words; made only when somebody listens
};

// A call into the consumer, on the stack of its thread.
struct ndk_frame {
    struct list node;                         // watch->frames
    struct ke_thread *thread;
    struct ndk_object *object;
    struct ke_crossing crossing;
};

// A call into the provider, likewise.
struct ndk_into {
    struct list node;                         // watch->intos
    struct ke_thread *thread;
    struct ndk_object *object;
    struct ndk_request *request;              // NULL: what is called does not pend
    const char *function;
    struct ke_crossing crossing;
};

struct ndk_watch {
    struct ndis_adapter *adapter;
    struct io_image *provider, *consumer;
    NDK_VERSION version;
    struct ndk_object *root;
    bool is_strict;                           // rules are looked at; else calls are only told (trace.c)
    bool is_free;                             // of the lock: see ndk_lock
    uint32_t numbers[NDK_TYPES];              // how many objects of a type there were; guarded by the lock
    struct ke_lock lock;
    struct list objects, requests, frames, intos;
    struct list memory;                       // memory regions and protection domains that live: their tokens
    struct list lams;                         // struct ndk_lam: mappings that were made and not released
    struct ndk_object **qps;                  // by number; the provider has the number as QPContext
    uint32_t qp_count, qp_room;
};

// Taking a lock is a choice of the scheduler's on sim. A seed that is only told must go the way that it goes untold, and there nobody else
// runs between two choices: no lock then.
static inline KIRQL
ndk_lock(struct ndk_watch *watch)
{
    return watch->is_free ? 0 : ke_lock_take(&watch->lock);
}

static inline void
ndk_unlock(struct ndk_watch *watch, KIRQL old)
{
    if (!watch->is_free)
        ke_lock_drop(&watch->lock, old);
}

// ---- in words (trace.c) -------------------------------------------------------------------------------------------------------------
static inline bool
ndk_is_told(const struct ndk_watch *watch)
{
    return __builtin_expect(watch->adapter->module.ndis->words_fn != NULL, 0);
}

const char *ndk_type_word(NDK_OBJECT_TYPE type);
// The status's name, or its number.
const char *ndk_status_word(NTSTATUS status, char number[NDK_NUMBER_BYTES]);
const char *ndk_address_words(const SOCKADDR *address, ULONG bytes, char text[IPTEXT_BYTES]);
// A call: from the consumer to the provider, or from there. irql: <= DISPATCH   locks: none held
void ndk_say_down(const struct ndk_watch *watch, const char *call, const char *format, ...) __attribute__((format(printf, 3, 4)));
void ndk_say_up(const struct ndk_watch *watch, const char *call, const char *format, ...) __attribute__((format(printf, 3, 4)));
// What a create made (object NULL: nothing); how a request ended, if that is told; more words for either.
void ndk_say_made(const struct ndk_request *request, const struct ndk_object *object, NTSTATUS status);
void ndk_say_result(const struct ndk_request *request, NTSTATUS status);
void ndk_note(struct ndk_request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define NDK_NOTE(request, ...) (ndk_is_told((request)->of->watch) ? ndk_note(request, __VA_ARGS__) : (void)0)
// The results that a CQ gave at once.
struct ndk_sum {
    uint32_t results, failed;
    uint64_t bytes;
    NTSTATUS status;                          // of the last that failed
};
void ndk_say_results(const struct ndk_object *cq, const char *function, const struct ndk_sum *sum);

// ---- objects (watch.c) --------------------------------------------------------------------------------------------------------------

// The object that a consumer hands to a function: of this type, and not closed. NULL when header is (an optional one).
struct ndk_object *ndk_use(NDK_OBJECT_HEADER *header, NDK_OBJECT_TYPE type, const char *function);
// Before a create's object is shown to its consumer.
struct ndk_object *ndk_object_begin(struct ndk_request *request, NDK_OBJECT_HEADER *header);
// A connector that comes with an event.
struct ndk_object *ndk_object_come(struct ndk_object *listener, NDK_OBJECT_HEADER *header);
// Fill ours from theirs (watch_table.c): what is not watched, and what the version does not have, is as it was.
void ndk_table_fill(struct ndk_object *object);
extern const NDK_ADAPTER_DISPATCH ndk_adapter_calls;
extern const NDK_CQ_DISPATCH ndk_cq_calls;
extern const NDK_PD_DISPATCH ndk_pd_calls;
extern const NDK_MR_DISPATCH ndk_mr_calls;
extern const NDK_MW_DISPATCH ndk_mw_calls;
extern const NDK_SRQ_DISPATCH ndk_srq_calls;
extern const NDK_QP_DISPATCH ndk_qp_calls;
extern const NDK_CONNECTOR_DISPATCH ndk_connector_calls;
extern const NDK_LISTENER_DISPATCH ndk_listener_calls;
extern const NDK_SHARED_ENDPOINT_DISPATCH ndk_endpoint_calls;

// A rule is broken by whoever calls; nobody looks when calls are only told.
#define NDK_BROKEN(object, ...) ((object)->watch->is_strict ? verify_rule_broken(__VA_ARGS__) : (void)0)
// The provider has broken a rule.
void ndk_blame(const struct ndk_object *object, enum verify_rule rule, const char *function, const char *text);

// ---- requests -----------------------------------------------------------------------------------------------------------------------
struct ndk_request *ndk_request_new(struct ndk_object *of, const char *function, PVOID context);
struct ndk_request *ndk_request_for(struct ndk_object *of, const char *function, NDK_FN_REQUEST_COMPLETION completion, PVOID context);
// What the function returned. Returns it.
NTSTATUS ndk_request_answered(struct ndk_request *request, NTSTATUS status);
// The completions that the provider is given; their context is the request.
NTAPI VOID ndk_on_create(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *header);
NTAPI VOID ndk_on_request(PVOID context, NTSTATUS status);
NTAPI VOID ndk_on_close(PVOID context);
// What a create returned; where it says so, the consumer gets what was made, at *out. The provider had &request->out.
NTSTATUS ndk_create_answered(struct ndk_request *request, NTSTATUS status, PVOID out);
NTAPI NTSTATUS ndk_close(NDK_OBJECT_HEADER *header, NDK_FN_CLOSE_COMPLETION completion, PVOID context);

// ---- calls --------------------------------------------------------------------------------------------------------------------------
// Into the provider, at the consumer's IRQL.
void ndk_into_begin(struct ndk_into *into, struct ndk_object *object, struct ndk_request *request, const char *function);
void ndk_into_end(struct ndk_into *into);
// Into the consumer, at the provider's.
void ndk_frame_begin(struct ndk_frame *frame, struct ndk_object *object, const char *name);
void ndk_frame_end(struct ndk_frame *frame);
// The provider's function of an object, called there.
#define NDK_THEIRS(object, kind) ((const NDK_##kind##_DISPATCH *)(object)->theirs)
#define NDK_INTO_FOR(object, request, function, call) \
    ({ \
        struct ndk_into into; \
        ndk_into_begin(&into, object, request, function); \
        typeof(call) into_result = (call); \
        ndk_into_end(&into); \
        into_result; \
    })
#define NDK_INTO(object, function, call) NDK_INTO_FOR(object, NULL, function, call)
#define NDK_INTO_VOID(object, function, call) \
    do { \
        struct ndk_into into; \
        ndk_into_begin(&into, object, NULL, function); \
        call; \
        ndk_into_end(&into); \
    } while (0)
// A request's, or a create's: what it answers.
#define NDK_ANSWER(request, kind, call) \
    ndk_request_answered(request, NDK_INTO_FOR((request)->of, request, (request)->function, NDK_THEIRS((request)->of, kind)->call))
#define NDK_MAKE(request, kind, to, call) \
    ndk_create_answered(request, NDK_INTO_FOR((request)->of, request, (request)->function, NDK_THEIRS((request)->of, kind)->call), to)
// One thread at a time: a queue's or a CQ's. Returns what ndk_leave takes.
struct ke_thread *ndk_enter(struct ndk_object *object, int which, enum verify_rule rule, const char *function);
void ndk_leave(struct ndk_object *object, int which, struct ke_thread *before);

// ---- posts and results (watch_posts.c) ------------------------------------------------------------------------------------------------
// A post under way. The provider gets `number` as RequestContext.
struct ndk_posting {
    struct ndk_object *object;                // a QP, or an SRQ
    enum ndk_queue_name name;
    struct ke_thread *before;
    PVOID number;
};
struct ndk_posting ndk_post_begin(struct ndk_object *object, enum ndk_queue_name name, const struct ndk_post *post, const char *function);
NTSTATUS ndk_post_end(struct ndk_posting *posting, NTSTATUS status, const char *function);
// A queue pair is to be made: the QPContext that the provider gets.
PVOID ndk_qp_number(struct ndk_watch *watch, struct ndk_made *made, PVOID qp_context);
void ndk_qp_made(struct ndk_object *qp);
// count results that a CQ gave, of `asked`; the consumer's contexts are put back. type: NULL, or what an NDK_RESULT_EX says.
struct ndk_result {
    NTSTATUS status;
    ULONG bytes;
    PVOID *qp_context, *request_context;
    const NDK_OPERATION_TYPE *type;
};
void ndk_result_check(struct ndk_object *cq, struct ndk_result result, const char *function);
void ndk_queues_free(struct ndk_object *object);
uint64_t ndk_sges_bytes(const NDK_SGE *sges, ULONG count);

// ---- what is due, or too much (watch_due.c) -------------------------------------------------------------------------------------------
// A post has succeeded; it has its result.   locks: watch->lock held
void ndk_post_opened(struct ndk_object *object, enum ndk_queue_name name, struct ndk_post *post);
void ndk_post_over(struct ndk_object *object, enum ndk_queue_name name, struct ndk_post *post);
// A look for results, `count` of `asked`.
struct ndk_look {
    uint32_t told;
    bool is_deep;
};
struct ndk_look ndk_look_begin(struct ndk_object *cq);
void ndk_look_end(struct ndk_object *cq, const struct ndk_look *look, ULONG count, ULONG asked, const char *function);
void ndk_armed(struct ndk_object *cq, ULONG type);
void ndk_moderated(struct ndk_object *cq, ULONG interval_us, ULONG count);
void ndk_told(struct ndk_object *cq, NTSTATUS status);
void ndk_told_end(struct ndk_object *cq);
void ndk_flushed(struct ndk_object *qp);
void ndk_due_check(struct ndk_object *cq);    // is one late?
void ndk_due_closing(struct ndk_object *object);

// ---- memory (watch_memory.c) ------------------------------------------------------------------------------------------------------------
void ndk_memory_made(struct ndk_object *object);   // locks: watch->lock held
void ndk_memory_closed(struct ndk_object *object);
// The buffers of a request for a QP or an SRQ, and its flags.
void ndk_sges_check(struct ndk_object *object, enum ndk_queue_name name, const NDK_SGE *sges, ULONG count, ULONG flags,
                    const char *function);
void ndk_flags_check(const struct ndk_object *object, ULONG flags, ULONG allowed, const char *function);
uint32_t ndk_lams_left(struct ndk_watch *watch);
void ndk_memory_free(struct ndk_watch *watch);
NTAPI NTSTATUS ndk_build_lam(NDK_ADAPTER *adapter, MDL *mdl, SIZE_T bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context,
                             NDK_LOGICAL_ADDRESS_MAPPING *lam, ULONG *lam_bytes, ULONG *fbo);
NTAPI VOID ndk_release_lam(NDK_ADAPTER *adapter, NDK_LOGICAL_ADDRESS_MAPPING *lam);
NTAPI VOID ndk_get_privileged_token(NDK_PD *pd, UINT32 *token);
// Before they are posted; and what follows when they were.
void ndk_bind_check(const struct ndk_object *qp, struct ndk_object *mr, const struct ndk_object *mw, uint64_t at, uint64_t bytes);
void ndk_fast_check(const struct ndk_object *qp, const struct ndk_object *mr, ULONG pages, ULONG fbo, uint64_t bytes, uint64_t base);
void ndk_fast_posted(struct ndk_object *mr, uint64_t base, uint64_t bytes);
void ndk_invalidate_posted(struct ndk_object *mr);
void ndk_sge_invalidated(struct ndk_object *qp, const NDK_SGE *sge);

// ---- events (watch_events.c) ----------------------------------------------------------------------------------------------------------
// What the provider is given in place of the consumer's; the context is the object, or the request that makes it.
NTAPI VOID ndk_on_cq(PVOID context, NTSTATUS status);
NTAPI VOID ndk_on_srq(PVOID context, NTSTATUS status);
NTAPI VOID ndk_on_connect(PVOID context, NDK_CONNECTOR *connector);
NTAPI VOID ndk_on_disconnect(PVOID context);
NTAPI VOID ndk_on_disconnect_ex(PVOID context, ULONG reason);

#endif
