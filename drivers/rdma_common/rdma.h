// SPDX-License-Identifier: MIT
// rdma_common: an RDMA provider (NDKPI over iWARP) but for what makes its connections: objects, memory, work and results. Here stand the
// instance, objects, and the seam between a queue pair and the connection under it, which is all that a connection manager needs;
// objects.h has what is behind CQ, PD, MR, MW, SRQ and QP.
//
//   rdma.c          the instance: memory, lock, time, the frame of every call, what is told upwards
//   object.c        objects: holds, antecedents and successors, create, close, requests
//   adapter.c       NDK_ADAPTER: open, close, limits
//   token.c lam.c   tokens and logical addresses: what leads to bytes
//   cq.c pd.c memory.c srq.c qp.c post.c slot.c                     the other objects of the data path
//   beside it, in vnic: rdma_net.c (frames and engine/tcp), rdma_connect.c, rdma_listen.c, rdma_endpoint.c
//
// One instance per adapter of NDIS's, one lock in it. Whoever enters stands between rdma_enter and rdma_leave; nobody is called back in
// between. What there is to tell is queued as struct rdma_tell and told by a teller with no lock held: on its DPC, or, by the one that
// stands on any processor, right away in rdma_leave_dpc, which is for those that stand in a DPC of the instance's with no consumer below
// them. What a consumer wants to hear on a certain processor is told by that processor's teller.
// Locks: rdma->lock is taken with no other lock of vnic's held; under it tx->lock, rx->lock or a CQ's lock may be taken, one at a time.
#ifndef RDMA_COMMON_H
#define RDMA_COMMON_H

#include <ndis.h>

#include <ndisndk.h>

#include "engine/iwarp/over_tcp.h"

#define RDMA_TAG 'amdR'
#define RDMA_READS_MAX 64                 // inbound and outbound, of a connection
#define RDMA_PRIVATE_BYTES_MAX 252        // MaxCallerData, MaxCalleeData: what other stacks take too

struct vnic_adapter;
struct vnic_rdma;
struct rdma_net;                          // rdma_net.c's
struct rdma_transport;
struct rdma_qp;

// One call, on the caller's stack.
struct rdma_call {
    struct eng_outbox outbox;             // for the engine; the transport's on_settle empties it
    uint64_t now_us;
    KIRQL irql;
};

// ---- what is told upwards (rdma.c) ------------------------------------------------------------------------------------------------

// One thing to be told: a completion, a notification, an event. It stands in an object (or was allocated for one) and holds it from
// rdma_tell on until on_tell has returned.
struct rdma_tell {
    LIST_ENTRY link;
    struct rdma_object *object;           // NULL: it is not queued
    struct rdma_teller *teller;           // NULL: any processor's
    // irql: DISPATCH   locks: none   owns: the tell; it may be freed, or queued again from here
    VOID (*on_tell)(struct rdma_tell *tell, struct rdma_object *object);
};

// Queue it, behind what was queued before at its teller. FALSE: it is queued already. locks: rdma->lock held
BOOLEAN rdma_tell(struct rdma_object *object, struct rdma_tell *tell);

// One callback after the other; all under rdma->lock.
struct rdma_teller {
    struct vnic_rdma *rdma;
    LIST_ENTRY tells;
    LIST_ENTRY due_link;                  // in rdma->due while its DPC is to be queued
    KDPC dpc;
    BOOLEAN is_due, is_telling;
};

// The teller of one of the processors that are asked for, of each in its turn; NULL (which is any processor's) when none is, or none of
// them is there. irql: <= DISPATCH   locks: rdma->lock held
struct rdma_teller *rdma_teller_near(struct vnic_rdma *rdma, const GROUP_AFFINITY *affinity);

// ---- the instance (rdma.c) --------------------------------------------------------------------------------------------------------

// Slots of one size (slot.c).
#define RDMA_SLOT_GRAIN 16u
#define RDMA_SLOT_BYTES_END 1024u
struct rdma_slots {
    struct rdma_slot *free;
    struct rdma_slot_chunk *chunks, *fresh;     // fresh: has slots that nobody ever took; NULL: none has
    ULONG count, rights;                        // slots that there are; those that queues have the right to
};

struct vnic_rdma {
    struct vnic_adapter *adapter;         // NULL in tests of the data path alone
    KSPIN_LOCK lock;
    struct eng_memory memory;             // of the engines
    const struct rdma_transport *transport;
    struct iwarp *iwarp;                  // made before the transport is
    struct rdma_net *net;                 // the transport's
    NDK_ADAPTER_INFO info;                // limits; Version is the adapter object's own
    NDIS_NDK_PERFORMANCE_COUNTERS counts; // Connect to ActiveConnection: rdma_connect.c's
    BOOLEAN is_on;                        // OID_NDK_SET_STATE
    BOOLEAN pends;                        // everything that may complete later does: for tests of consumers
    BOOLEAN is_closing;
    LIST_ENTRY adapters;                  // struct rdma_adapter
    // Time.
    KTIMER timer;
    KDPC timer_dpc;
    ULONG64 rate, timer_us;               // ENG_NEVER: it is not set
    LIST_ENTRY moderated;                 // CQs whose notification waits
    // Telling.
    struct rdma_teller teller;            // any processor's
    struct rdma_teller *near;             // each processor's, n_near of them
    ULONG n_near, near_turn;
    LIST_ENTRY due;                       // tellers
    LIST_ENTRY kicks;                     // QPs whose connection is to be run before the lock is dropped
    LIST_ENTRY waiting;                   // QPs that have results that TCP still holds up
    // Tokens (token.c) and logical addresses (lam.c).
    struct rdma_token *tokens;
    struct rdma_lam_place *lams;
    ULONG token_room, token_free, lam_room;
    struct rdma_slots slots[RDMA_SLOT_BYTES_END / RDMA_SLOT_GRAIN];
};

// What every instance can; Version is for whoever asks to say.
VOID rdma_info(NDK_ADAPTER_INFO *info);
// fails: NDIS_STATUS_RESOURCES, and nothing is left
NDIS_STATUS rdma_create(struct vnic_adapter *adapter, const struct rdma_transport *transport, struct vnic_rdma **made);
// Every NDK_ADAPTER was closed. irql: PASSIVE
VOID rdma_destroy(struct vnic_rdma *rdma);

// irql: <= DISPATCH, which it raises to   locks: takes rdma->lock
VOID rdma_enter(struct vnic_rdma *rdma, struct rdma_call *call);
// irql: DISPATCH; goes back to the caller's   locks: drops rdma->lock   calls: nobody; what is to be told is told by a DPC
VOID rdma_leave(struct vnic_rdma *rdma, struct rdma_call *call);
// The same from a DPC (timer, received frames). calls: consumers, if nobody is telling already
VOID rdma_leave_dpc(struct vnic_rdma *rdma, struct rdma_call *call);
uint64_t rdma_now_us(const struct vnic_rdma *rdma);
// The timer runs out at this time or before. locks: rdma->lock held
VOID rdma_timer_need(struct vnic_rdma *rdma, uint64_t now_us, uint64_t due_us);

VOID *rdma_alloc(SIZE_T bytes);           // zeroed, nonpaged; NULL without memory
VOID *rdma_alloc_raw(SIZE_T bytes);       // the same, not zeroed: not touched
VOID rdma_free(VOID *block);              // NULL is nothing

// ---- objects (object.c) ------------------------------------------------------------------------------------------------------

#define RDMA_ANTECEDENTS 4

struct rdma_type {
    NDK_OBJECT_TYPE type;
    const VOID *dispatch;
    // The consumer closes it: cancel, flush, begin what takes time (and hold the object for it). locks: rdma->lock held. May be NULL.
    VOID (*on_closing)(struct rdma_object *object, struct rdma_call *call);
    // Nothing holds it any more and its close has been completed: its memory. Antecedents are let go by object.c.
    // locks: rdma->lock held
    VOID (*on_free)(struct rdma_object *object);
};

// The first member of each object. Its first two are the consumer's: NDK_CQ and the others are these.
struct rdma_object {
    NDK_OBJECT_HEADER header;
    const VOID *dispatch;
    const struct rdma_type *type;
    struct vnic_rdma *rdma;
    struct rdma_adapter *adapter;         // it descends from this one; NULL for an adapter itself
    ULONG holds;                          // the consumer's, requests, tells, successors, connections. All under rdma->lock
    BOOLEAN is_closing;                   // the consumer has closed it
    BOOLEAN is_closing_now;               // and still stands in the close, which may succeed inline
    BOOLEAN is_closed;                    // nothing held it any more: its completion is told, or was
    struct rdma_object *antecedents[RDMA_ANTECEDENTS];      // each is held until the close has been completed
    NDK_FN_CLOSE_COMPLETION on_closed;
    PVOID close_context;
    struct rdma_tell close_tell;
};

struct rdma_adapter {
    struct rdma_object object;
    LIST_ENTRY link;
    KEVENT closed;
};

static inline struct rdma_adapter *
rdma_adapter_of(const NDK_ADAPTER *adapter)
{
    return (struct rdma_adapter *)adapter;
}

/* Make what was allocated (zeroed) an object with one hold, the consumer's. parent, which may be an adapter, is its first antecedent.
 * locks: rdma->lock held */
VOID rdma_object_init(struct rdma_object *object, const struct rdma_type *type, struct rdma_object *parent);
// One more. It is held, and stays so until object's close has been completed. locks: rdma->lock held
VOID rdma_object_after(struct rdma_object *object, struct rdma_object *antecedent);
VOID rdma_object_not_after(struct rdma_object *object, struct rdma_object *antecedent);       // it was the last, and is none. Likewise
VOID rdma_hold(struct rdma_object *object);     // locks: rdma->lock held
// The last one ends a close that pends. locks: rdma->lock held
VOID rdma_drop(struct rdma_object *object);

/* The end of a create function: the object goes to the consumer, inline or by the completion; what it returns is the function's status.
 * locks: takes and drops rdma->lock */
NTSTATUS rdma_object_made(struct rdma_object *object, NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made);
// The same of one that could not be made: this status, inline or by the completion, whose object is NULL then.
NTSTATUS rdma_object_failed(struct rdma_object *parent, NTSTATUS status, NDK_FN_CREATE_COMPLETION completion, PVOID context);

// A request with a RequestCompletion that ends later. It holds its object.
struct rdma_request {
    struct rdma_tell tell;
    struct rdma_object *object;
    NDK_FN_REQUEST_COMPLETION completion;
    PVOID context;
    NTSTATUS status;
};
// locks: rdma->lock held. fails: NULL without memory
struct rdma_request *rdma_request_begin(struct rdma_object *object, NDK_FN_REQUEST_COMPLETION completion, PVOID context);
// Queue its completion, which frees it. locks: rdma->lock held
VOID rdma_request_end(struct rdma_request *request, NTSTATUS status);
// It never was: the function fails inline. locks: rdma->lock held
VOID rdma_request_undo(struct rdma_request *request);
/* The end of a request that has ended already: inline, or, where everything pends, by its completion. locks: rdma->lock held */
NTSTATUS rdma_request_now(struct rdma_object *object, NTSTATUS status, NDK_FN_REQUEST_COMPLETION completion, PVOID context);

// Slots of all tables.
NTAPI NTSTATUS rdma_close(NDK_OBJECT_HEADER *object, NDK_FN_CLOSE_COMPLETION completion, PVOID context);
NTAPI NTSTATUS rdma_query_extension(NDK_OBJECT_HEADER *object, GUID *id, NDK_VERSION version, NDK_EXTENSION_INTERFACE *extension);

// ---- the adapter (adapter.c) -------------------------------------------------------------------------------------------------

// irql: PASSIVE. fails: NDIS_STATUS_BAD_VERSION, NDIS_STATUS_ADAPTER_NOT_READY, NDIS_STATUS_RESOURCES
NDIS_STATUS rdma_adapter_open(struct vnic_rdma *rdma, NDK_VERSION version, NDK_ADAPTER **made);
// Blocks until every descendant is closed and every callback has returned. irql: PASSIVE
VOID rdma_adapter_close(struct vnic_rdma *rdma, NDK_ADAPTER *adapter);

// ---- the seam: a queue pair and its connection ------------------------------------------------------------------------------------
// A connector owns the iWARP connection and the TCP under it, and runs both. While a QP is attached, iWARP asks the QP for receive
// buffers, regions and local work (rdma_ops), and the QP posts into the connection and takes back what is done.
//
//   attach     rdma_qp_attach in NdkConnect and NdkAccept, before the first byte of an FPDU can come; the QP is held by the connector
//              from then on, as an antecedent of it, and never serves another
//   posts      the QP calls iwarp_post and then link->on_kick, which runs iwarp_tcp_run and takes iWARP's events
//   results    rdma_qp_reap after each call into iWARP
//   end        rdma_qp_end when NdkDisconnect has ended or the connector closes (never because the peer disconnected): what is
//              outstanding is flushed, and from now on a post fails with STATUS_CONNECTION_INVALID
//   detach     rdma_qp_detach when rdma_qp_is_idle: TCP has no byte of the consumer's memory any more. Then iwarp_release.
struct rdma_link {
    struct rdma_qp *qp;                   // NULL: none is attached
    struct iwarp_connection *iwarp;
    // The QP has posted or flushed: run the connection. locks: rdma->lock held   calls: rdma_qp_reap
    VOID (*on_kick)(struct rdma_link *link, struct rdma_call *call);
};

// All with rdma->lock held.
struct rdma_qp *rdma_qp_from(NDK_QP *qp);
struct rdma_object *rdma_qp_object(struct rdma_qp *qp);
// fails: STATUS_CONNECTION_ACTIVE (it is attached), STATUS_CONNECTION_INVALID (it was, or is being closed: no QP is used twice)
NTSTATUS rdma_qp_attach(struct rdma_qp *qp, struct rdma_link *link);
VOID rdma_qp_unattach(struct rdma_qp *qp);      // in the same call, which fails: it never was
VOID rdma_qp_reap(struct rdma_qp *qp);
VOID rdma_qp_end(struct rdma_qp *qp);
BOOLEAN rdma_qp_is_idle(const struct rdma_qp *qp);
VOID rdma_qp_detach(struct rdma_qp *qp);

// ---- under the connections ---------------------------------------------------------------------------------------------------------

/* What makes connections: rdma_net.c's rdma_net_transport, with rdma_connect.c, rdma_listen.c, rdma_endpoint.c; tests of the data path
 * have one of their own. All but the creators, create, destroy and poll are called with rdma->lock held. */
struct rdma_transport {
    NDIS_STATUS (*on_create)(struct vnic_rdma *rdma);
    VOID (*on_destroy)(struct vnic_rdma *rdma);
    // What the last calls of the engines left: events to connections, packets to the port.
    VOID (*on_settle)(struct vnic_rdma *rdma, struct rdma_call *call);
    uint64_t (*on_deadline)(const struct vnic_rdma *rdma);      // TCP's and iWARP's; ENG_NEVER: none
    VOID (*on_time)(struct vnic_rdma *rdma, struct rdma_call *call);
    // A consumer spins on an empty CQ: receive what is there without waiting to be woken. TRUE: something was. The other: it spins no more,
    // and wants to be told. irql: <= DISPATCH   locks: none held by the provider   calls: nobody; a DPC receives. Both may be NULL.
    BOOLEAN (*on_poll)(struct vnic_rdma *rdma);
    VOID (*on_poll_end)(struct vnic_rdma *rdma);
    // The adapter's slots.
    NDK_FN_CREATE_CONNECTOR create_connector;
    NDK_FN_CREATE_LISTENER create_listener;
    NDK_FN_CREATE_SHARED_ENDPOINT create_shared_endpoint;
};
#endif
