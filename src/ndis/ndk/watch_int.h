// SPDX-License-Identifier: MIT
// What the files of the NDK watch share: objects, requests, the frames of calls. See watch.h.
#ifndef NBX_NDIS_NDK_WATCH_INT_H
#define NBX_NDIS_NDK_WATCH_INT_H

#include "ndis/ndis_int.h"
#include "ndis/ndk/watch.h"
#include "verify/report.h"

#define NDK_ANTECEDENTS 4

enum ndk_state {
    NDK_LIVE,
    NDK_CLOSING,                              // its close was called
    NDK_CLOSED                                // and is over
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
    _Atomic uint32_t state;
    struct ndk_object *antecedent[NDK_ANTECEDENTS];
    // Guarded by watch->lock.
    uint32_t successors;                      // live, or closing with the answer still to come
    uint32_t requests;                        // pended and not completed
    uint32_t callbacks;                       // of the consumer's, running for this object
    union {                                   // of a connector, the consumer's
        NDK_FN_DISCONNECT_EVENT_CALLBACK disconnect;
        NDK_FN_DISCONNECT_EVENT_CALLBACK_EX disconnect_ex;
    } event;
    PVOID event_context;                      // of a connector; of others with events the request that made it
    _Atomic uint32_t is_told;                 // a connector's DisconnectEvent has come
    _Atomic uint32_t arms;                    // of a CQ: not yet answered by a notification
    _Atomic uint32_t is_notifying;
    struct ke_thread *_Atomic inside[2];      // a CQ: who polls; a QP: who posts to the initiator's queue, to the receive queue
    _Atomic int64_t results;                  // a CQ: requests whose results may still come
    bool is_shared;                           // a CQ: receives of an SRQ end here too, and are not counted
};

enum ndk_request_state {
    NDK_REQUEST_OUT,
    NDK_REQUEST_COMPLETED,
    NDK_REQUEST_ANSWERED                      // by what the function returned
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
    struct ndk_object *antecedent[NDK_ANTECEDENTS];
    PVOID event, event_context;               // the consumer's, of what is created
    _Atomic uint32_t state;
    bool is_pended;                           // guarded by watch->lock
};

// A call into the consumer, on the stack of its thread.
struct ndk_frame {
    struct list node;                         // watch->frames
    struct ke_thread *thread;
    struct ndk_object *object;
    struct ke_crossing crossing;
};

struct ndk_watch {
    struct ndis_adapter *adapter;
    struct io_image *provider, *consumer;
    NDK_VERSION version;
    struct ndk_object *root;
    struct ke_lock lock;
    struct list objects, requests, frames;
};

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

// ---- requests -----------------------------------------------------------------------------------------------------------------------
struct ndk_request *ndk_request_new(struct ndk_object *of, const char *function, PVOID context);
// What the function returned. Returns it.
NTSTATUS ndk_request_answered(struct ndk_request *request, NTSTATUS status);
// The completions that the provider is given; their context is the request.
NTAPI VOID ndk_on_create(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *header);
NTAPI VOID ndk_on_request(PVOID context, NTSTATUS status);
NTAPI VOID ndk_on_close(PVOID context);
// A create returned STATUS_SUCCESS and an object.
NTSTATUS ndk_create_answered(struct ndk_request *request, NTSTATUS status, NDK_OBJECT_HEADER *header);
NTAPI NTSTATUS ndk_close(NDK_OBJECT_HEADER *header, NDK_FN_CLOSE_COMPLETION completion, PVOID context);

// ---- calls --------------------------------------------------------------------------------------------------------------------------
// Into the provider, at the consumer's IRQL.
struct ke_crossing ndk_call(struct ndk_object *object, const char *function);
// Into the consumer, at the provider's.
void ndk_frame_begin(struct ndk_frame *frame, struct ndk_object *object, const char *name);
void ndk_frame_end(struct ndk_frame *frame);
// The provider's function of an object, called there.
#define NDK_THEIRS(object, kind) ((const NDK_##kind##_DISPATCH *)(object)->theirs)
#define NDK_INTO(object, function, call) \
    ({ \
        struct ke_crossing into_crossing = ndk_call(object, function); \
        typeof(call) into_result = (call); \
        ke_driver_leave(ke_self(), into_crossing); \
        into_result; \
    })
#define NDK_INTO_VOID(object, function, call) \
    do { \
        struct ke_crossing into_crossing = ndk_call(object, function); \
        call; \
        ke_driver_leave(ke_self(), into_crossing); \
    } while (0)
// One thread at a time: a queue's or a CQ's. Returns what ndk_leave takes.
struct ke_thread *ndk_enter(struct ndk_object *object, int which, enum verify_rule rule, const char *function);
void ndk_leave(struct ndk_object *object, int which, struct ke_thread *before);

// ---- events (watch_events.c) ----------------------------------------------------------------------------------------------------------
// What the provider is given in place of the consumer's; the context is the object, or the request that makes it.
NTAPI VOID ndk_on_cq(PVOID context, NTSTATUS status);
NTAPI VOID ndk_on_srq(PVOID context, NTSTATUS status);
NTAPI VOID ndk_on_connect(PVOID context, NDK_CONNECTOR *connector);
NTAPI VOID ndk_on_disconnect(PVOID context);
NTAPI VOID ndk_on_disconnect_ex(PVOID context, ULONG reason);

#endif
