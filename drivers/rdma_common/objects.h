// SPDX-License-Identifier: MIT
// What is behind the objects of the data path. Connections (rdma_connect.c and kin) need none of it: rdma.h is what they see.
//   token -> region (MR, or MW over an MR) -> a contiguous run of bytes; logical address -> LAM -> the same
//   slot: one request, from the post until its result is in the CQ. A queue has the right to as many as it is deep
// Everything is guarded by rdma->lock but the ring of a CQ, which has a lock of its own.
#ifndef VNIC_RDMA_OBJECTS_H
#define VNIC_RDMA_OBJECTS_H

#include "rdma.h"

#define RDMA_REGION_BYTES_MAX ((SIZE_T)1 << 40)
#define RDMA_TRANSFER_BYTES_MAX (1u << 30)
#define RDMA_PAGES_MAX 256u               // of a fast registration
#define RDMA_PAGE_SETS 4u                 // fast registrations of an MR that are posted and not yet invalidated
#define RDMA_SGES_MAX 32u
#define RDMA_INLINE_BYTES_MAX 256u
#define RDMA_QUEUE_DEPTH_MAX 16384u
#define RDMA_CQ_DEPTH_MAX 65536u
#define RDMA_POLL_LOOKS 64u               // a consumer that has found nothing so often, and arms nothing, polls
#define RDMA_TOKEN_PRIVILEGED 0x000000FEu // leads to logical addresses, never for a peer
#define RDMA_TOKENS_MAX (1u << 23)

// ---- regions ----------------------------------------------------------------------------------------------------------------------

enum rdma_right {
    RDMA_MAY_LOCAL_WRITE = 1,
    RDMA_MAY_REMOTE_READ = 2,
    RDMA_MAY_REMOTE_WRITE = 4,
    RDMA_MAY_SINK = 8,
};

// A token is (index << 8) | key; the lowest bit of a key says that it is for a peer, the others are counted on.
struct rdma_token {
    struct rdma_region *region;           // NULL: a free place
    ULONG next_free;
    UCHAR generation;                     // 7 bits
};

struct rdma_region {
    struct rdma_object object;
    struct rdma_pd *pd;
    struct rdma_mr *mr;                   // itself, or what a window lies over; NULL: it is not bound
    ULONG index;                          // of its token; 0: it has none
    UCHAR local_key, remote_key;          // in force
    UCHAR posted_key;                     // for a peer: as it will be when all that is posted has been done
    BOOLEAN is_valid;                     // its tokens lead somewhere
    ULONG rights;                         // enum rdma_right
    UINT64 base;                          // the consumer's address of its first byte: an index, nothing else
    UINT64 bytes;
};

// A run of a registered region.
struct rdma_piece {
    UCHAR *bytes;
    UINT64 end;                           // offset of what follows it
};

struct rdma_mr {
    struct rdma_region region;
    struct eng_owner owner;               // one hold is the registration's; TCP has one for each packet over its bytes
    BOOLEAN is_fast;
    BOOLEAN may_be_remote;                // fast: initialized so
    BOOLEAN is_registered;                // by NdkRegisterMr
    BOOLEAN is_leaving;                   // it is being deregistered or closed: when TCP has done with its bytes
    struct rdma_request *deregister;
    struct rdma_piece *pieces;
    ULONG n_pieces;
    UINT64 *pages;                        // fast: RDMA_PAGE_SETS of pages_max logical addresses
    ULONG pages_max, page_set, page_sets_used;     // used: bits
    ULONG fbo, n_pages;
    LIST_ENTRY windows;                   // struct rdma_mw
};

struct rdma_mw {
    struct rdma_region region;
    LIST_ENTRY link;                      // in mr->windows, when it is bound
};

struct rdma_pd {
    struct rdma_object object;
};

// ---- logical addresses ------------------------------------------------------------------------------------------------------------

struct rdma_lam {
    struct rdma_adapter *adapter;
    ULONG index, n_pages;
    UINT64 base;                          // the logical address of the first page
    MDL *mapped;                          // MDLs of ours over the consumer's that were not mapped
    UCHAR *pages[];
};

struct rdma_lam_place {
    struct rdma_lam *lam;                 // NULL: free
    UCHAR generation;
};

// ---- completion queues ------------------------------------------------------------------------------------------------------------

struct rdma_cq {
    struct rdma_object object;
    KSPIN_LOCK lock;                      // guards what follows; inside rdma->lock
    NDK_RESULT_EX *ring;
    ULONG depth;
    ULONG64 put, got;                     // results ever put in and taken out
    ULONG64 told_at;                      // `put` when the last notification was decided
    ULONG64 solicited_end;                // behind the last result that matches NDK_CQ_NOTIFY_SOLICITED
    BOOLEAN is_broken;                    // overrun
    BOOLEAN is_break_told;
    LONG armed;                           // -1, or NDK_CQ_NOTIFY_xxx
    ULONG empty_looks;                    // since it was armed the last time, up to RDMA_POLL_LOOKS
    NDK_FN_CQ_NOTIFICATION_CALLBACK on_notify;
    PVOID context;
    // Under rdma->lock.
    struct rdma_tell tell;
    ULONG interval_us, count;             // moderation; 0: none
    LIST_ENTRY moderated_link;
    BOOLEAN is_moderated;                 // a notification waits
    ULONG64 moderated_us, moderated_put;
};

// ---- queues of requests -----------------------------------------------------------------------------------------------------------

// A request of the owner's that is done in its turn.
struct rdma_local {
    struct rdma_region *region;           // held
    struct rdma_mr *mr;                   // Bind: held
    UINT64 base, bytes;
    ULONG rights, page_set, n_pages, fbo;
    UCHAR key, key_before;                // for a peer: when it is done; as if it had not been posted
};

struct rdma_slot {
    struct rdma_work work;                // first
    struct rdma_slot *next_free;
    PVOID context;
    ULONG flags;                          // NDK_OP_FLAG_xxx
    NDK_OPERATION_TYPE type;
    NTSTATUS local_status;
    BOOLEAN is_run;                       // a local request whose turn has come
    struct eng_span inline_span;
    union {
        struct rdma_local local;
        NDK_SGE sges[1];
        UCHAR inline_bytes[1];
    };
};

// Who may take slots.
struct rdma_queue {
    struct rdma_slots *slots;
    ULONG slot_bytes, depth;
    ULONG out;                            // posted, results not yet given
};

struct rdma_srq {
    struct rdma_object object;
    struct rdma_pd *pd;
    struct rdma_queue queue;
    struct list receives;                 // slots
    ULONG queued;                         // of these
    ULONG max_sges, threshold;
    BOOLEAN is_armed;
    NDK_FN_SRQ_NOTIFICATION_CALLBACK on_notify;
    PVOID context;
    struct rdma_tell tell;
};

struct rdma_qp {
    struct rdma_object object;
    struct rdma_pd *pd;
    struct rdma_cq *receive_cq, *initiator_cq;
    struct rdma_srq *srq;
    PVOID context;
    ULONG max_receive_sges, max_initiator_sges, inline_bytes;
    struct rdma_queue initiator, receive;
    struct list receives;                 // that no message has reached
    struct list blocked;                  // done, waiting behind an invalidation whose bytes TCP still has
    ULONG in_transport;                   // works that iWARP has
    struct rdma_link *link;
    BOOLEAN was_attached, is_over;        // no more posts
    BOOLEAN is_kicked, is_waiting;        // in rdma->kicks; in rdma->waiting
    LIST_ENTRY kick_link, waiting_link;
};

// ---- token.c -----------------------------------------------------------------------------------------------------------------
// All with rdma->lock held.

// A place for the region, and its first keys. fails: FALSE without memory
BOOLEAN rdma_token_take(struct rdma_region *region);
VOID rdma_token_give(struct rdma_region *region);
// The next key for a peer, for the next registration.
UCHAR rdma_token_next(struct rdma_region *region);
// What a token leads to now; NULL if nowhere. is_peer: it came from a peer.
struct rdma_region *rdma_token_find(struct vnic_rdma *rdma, UINT32 token, BOOLEAN is_peer);
// A contiguous run of a region's bytes, which are in bounds. FALSE: they are gone.
BOOLEAN rdma_region_run(const struct rdma_region *region, UINT64 address, ULONG count, struct rdma_map *map);
// NONE: [address, address + bytes) of the region allows all of the rights.
enum rdma_fault rdma_region_check(const struct rdma_region *region, UINT64 address, UINT64 bytes, ULONG rights);

// ---- lam.c -------------------------------------------------------------------------------------------------------------------

NTAPI NTSTATUS rdma_build_lam(NDK_ADAPTER *adapter, MDL *mdl, SIZE_T bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context,
                              NDK_LOGICAL_ADDRESS_MAPPING *lam, ULONG *lam_bytes, ULONG *fbo);
NTAPI VOID rdma_release_lam(NDK_ADAPTER *adapter, NDK_LOGICAL_ADDRESS_MAPPING *lam);
// What a consumer has built and not released goes with its adapter, of which nothing else is left. irql: <= DISPATCH
VOID rdma_lams_release(struct rdma_adapter *adapter);
// A contiguous run behind a logical address, cut to count. FALSE: not all of count is mapped. locks: rdma->lock held
BOOLEAN rdma_logical_run(const struct vnic_rdma *rdma, UINT64 logical, ULONG count, struct rdma_map *map);
// The first `bytes` of an MDL chain are virtually contiguous; *n_mdls: how many MDLs they take.
BOOLEAN rdma_mdl_is_contiguous(const MDL *mdl, SIZE_T bytes, ULONG *n_mdls);

// ---- cq.c --------------------------------------------------------------------------------------------------------------------

NTAPI NTSTATUS rdma_create_cq(NDK_ADAPTER *adapter, ULONG depth, NDK_FN_CQ_NOTIFICATION_CALLBACK notify, PVOID notify_context,
                              GROUP_AFFINITY *affinity, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CQ **made);
// locks: rdma->lock held. fails: FALSE when the CQ is overrun: its QPs are unusable
BOOLEAN rdma_cq_push(struct rdma_cq *cq, const NDK_RESULT_EX *result, BOOLEAN is_solicited, ULONG64 now_us);
// Notifications whose time has come; returns when the next one's comes. locks: rdma->lock held
uint64_t rdma_cq_time(struct vnic_rdma *rdma, uint64_t now_us);

// ---- pd.c, memory.c, srq.c ------------------------------------------------------------------------------------------

NTAPI NTSTATUS rdma_create_pd(NDK_ADAPTER *adapter, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_PD **made);
NTAPI NTSTATUS rdma_create_mr(NDK_PD *pd, BOOLEAN is_fast, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_MR **made);
NTAPI NTSTATUS rdma_create_mw(NDK_PD *pd, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_MW **made);
// The window lies over nothing any more. locks: rdma->lock held
VOID rdma_mw_unbind(struct rdma_mw *mw);
// What was registered by a fast registration, or bound, is so no more. locks: rdma->lock held. fails: FALSE when it was not
BOOLEAN rdma_region_invalidate(struct rdma_region *region);
NTAPI NTSTATUS rdma_create_srq(NDK_PD *pd, ULONG depth, ULONG max_sges, ULONG threshold, NDK_FN_SRQ_NOTIFICATION_CALLBACK notify,
                               PVOID notify_context, GROUP_AFFINITY *affinity, NDK_FN_CREATE_COMPLETION completion, PVOID context,
                               NDK_SRQ **made);
struct rdma_slot *rdma_srq_next(struct rdma_srq *srq);         // the next receive; NULL: none. locks: rdma->lock held
VOID rdma_srq_give(struct rdma_srq *srq, struct rdma_slot *slot);

// ---- slot.c ------------------------------------------------------------------------------------------------------------------
// All with rdma->lock held.

// fails: FALSE without memory; the queue has no slots then
BOOLEAN rdma_queue_open(struct vnic_rdma *rdma, struct rdma_queue *queue, SIZE_T slot_bytes, ULONG depth);
// Every slot was given back.
VOID rdma_queue_close(struct rdma_queue *queue);
// No fewer than are out. fails: FALSE without memory, and nothing has changed
BOOLEAN rdma_queue_resize(struct rdma_queue *queue, ULONG depth);
struct rdma_slot *rdma_slot_fresh(struct rdma_queue *queue);    // for rdma_queue_take: one that nobody had yet
// fails: NULL when as many are out as it is deep, and never otherwise
static inline struct rdma_slot *
rdma_queue_take(struct rdma_queue *queue)
{
    struct rdma_slot *slot = queue->slots->free;
    if (queue->out == queue->depth)
        return NULL;
    queue->out++;
    if (!slot)
        return rdma_slot_fresh(queue);
    queue->slots->free = slot->next_free;
    return slot;
}
static inline VOID
rdma_queue_give(struct rdma_queue *queue, struct rdma_slot *slot)
{
    queue->out--;
    slot->next_free = queue->slots->free;
    queue->slots->free = slot;
}

// ---- qp.c, post.c -------------------------------------------------------------------------------------------------------

NTAPI NTSTATUS rdma_create_qp(NDK_PD *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, PVOID qp_context, ULONG receive_depth,
                              ULONG initiator_depth, ULONG max_receive_sges, ULONG max_initiator_sges, ULONG inline_bytes,
                              NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_QP **made);
NTAPI NTSTATUS rdma_create_qp_with_srq(NDK_PD *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, NDK_SRQ *srq, PVOID qp_context,
                                       ULONG initiator_depth, ULONG max_initiator_sges, ULONG inline_bytes,
                                       NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_QP **made);
// Run the connections of QPs that were flushed. locks: rdma->lock held
VOID rdma_qps_kick(struct vnic_rdma *rdma, struct rdma_call *call);
// Give the results that waited for TCP. locks: rdma->lock held
VOID rdma_qps_unblock(struct vnic_rdma *rdma);
extern const struct rdma_ops rdma_qp_ops;
extern const NDK_QP_DISPATCH rdma_qp_dispatch;         // post.c
NTAPI VOID rdma_qp_flush(NDK_QP *qp);
static inline SIZE_T
rdma_slot_bytes(ULONG max_sges, ULONG inline_bytes)
{
    SIZE_T more = max_sges * sizeof(NDK_SGE);
    more = more > inline_bytes ? more : inline_bytes;
    more = more > sizeof(struct rdma_local) ? more : sizeof(struct rdma_local);
    return (FIELD_OFFSET(struct rdma_slot, local) + more + 15) & ~(SIZE_T)15;
}
// A receive is never a local request.
static inline SIZE_T
rdma_receive_slot_bytes(ULONG max_sges)
{
    return (FIELD_OFFSET(struct rdma_slot, sges) + max_sges * sizeof(NDK_SGE) + 15) & ~(SIZE_T)15;
}
/* The SGEs of a request, checked as far as they can be now (a fast region may come to be before its turn) and noted in the slot.
 * locks: rdma->lock held. fails: STATUS_INVALID_PARAMETER, STATUS_ACCESS_VIOLATION, STATUS_INSUFFICIENT_RESOURCES (none of these yet) */
NTSTATUS rdma_slot_sges(struct rdma_pd *pd, struct rdma_slot *slot, const NDK_SGE *sges, ULONG n_sges, ULONG max_sges, ULONG rights);
/* A receive, behind those that are posted. locks: rdma->lock held
 * fails: as rdma_slot_sges, and STATUS_INSUFFICIENT_RESOURCES when the queue is full */
NTSTATUS rdma_receive_post(struct rdma_pd *pd, struct rdma_queue *queue, struct list *receives, PVOID context, const NDK_SGE *sges,
                           ULONG n_sges, ULONG max_sges);
// Do what is done locally, in its turn; its result's status.
NTSTATUS rdma_local_run(struct rdma_slot *slot);
// Its holds, when it is over.
VOID rdma_local_end(struct rdma_slot *slot);

#endif
