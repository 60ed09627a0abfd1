// SPDX-License-Identifier: MIT
// What is watched of an offloaded object in one layer, with a verifier: rules NBX-0609 to NBX-0624 of docs/rules. There is one from the
// call of NdisInitiateOffload to the completion of the terminate, or longer, while something of it is out (refs).
//   the host's calls     chimney_watch_initiate, _object, _request .. _request_over
//   the target's         chimney_watch_completed, _upward .. _upward_over, _event, _terminated
// An intermediate driver has one for each object in the layer below it, and the host one in its own: each breach is told where it
// happened, at the lowest layer first. What this says is never acted upon; a suppressed rule changes nothing.
#ifndef NBX_CHIMNEY_WATCH_H
#define NBX_CHIMNEY_WATCH_H

#include "ndis/chimney/chimney.h"
#include "nt/ke/ke.h"

#define CHIMNEY_DATA_OPS 4
#define CHIMNEY_UPS 16                        // connections of one chain of completed receives that are looked at

enum {
    CHIMNEY_REFUSED = 1,                      // not all that was indicated was taken, and no receive was posted since
    CHIMNEY_INVALID = 2,                      // it was invalidated
    CHIMNEY_TERMINATED = 4,                   // its terminate was called
    CHIMNEY_HALF = 8,                         // one of its halves is closed, as the target knows
    CHIMNEY_FIN_TOLD = 16,
    CHIMNEY_ABORT_TOLD = 32,
    CHIMNEY_CORRUPT = 64,                     // HardwareFailure was told
    CHIMNEY_ENDED_SHORT = 128,                // a receive in nonpush mode came back before it was full: no byte may follow
    CHIMNEY_FAILED = 256                      // << TCP_DISCONNECT_XXX: such a disconnect has failed
};

struct chimney_watch {
    struct ndis_binding *binding;
    _Atomic uint32_t refs;
    _Atomic uint32_t flags;
    _Atomic uint32_t given[CHIMNEY_DATA_OPS], ended[CHIMNEY_DATA_OPS];   // lists, by enum chimney_data_op
    _Atomic uint32_t send_failed;             // number of the first send that failed; UINT32_MAX: none
    struct ke_thread *_Atomic poster[2];      // inside NdisOffloadTcpSend, NdisOffloadTcpReceive
    _Atomic uint32_t calls;                   // receive and disconnect calls that have not returned
    _Atomic uint32_t operations, updates;     // query, invalidate, update; of these, updates with state
    _Atomic uint32_t receives_up;             // completions of receives and indications that have not returned
    _Atomic uint32_t indications;             // of data and of events
};

// owns: returns it, with one reference. fails: out of memory ends the run, as for the ledger: one with holes proves nothing
struct chimney_watch *chimney_watch_create(struct ndis_binding *binding);
void chimney_watch_put(struct chimney_watch *watch);

// ---- down -----------------------------------------------------------------------------------------------------------------------------
// All irql: <= DISPATCH. The lists are in nobody's hands (verify_offload_give has been called, verify_offload_take has not).

// A new object goes down with its block; its chain of sends belongs to it from now on.
void chimney_watch_initiate(struct chimney_watch *watch, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);
// A linker of an initiate.
void chimney_watch_linker(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);
// Another operation on an object, and its completion (not that of a terminate).
void chimney_watch_object(struct chimney_watch *watch, enum chimney_state_op op, const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);
void chimney_watch_object_done(struct chimney_watch *watch, enum chimney_state_op op, const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);
// A request begins, its lists given; it has returned. before: what _request returned
struct ke_thread *chimney_watch_request(struct chimney_watch *watch, enum chimney_data_op op, NET_BUFFER_LIST *nbls, ULONG flags,
                                        const char *function);
void chimney_watch_request_over(struct chimney_watch *watch, enum chimney_data_op op, struct ke_thread *before);

// ---- up -------------------------------------------------------------------------------------------------------------------------------

// Connections whose receives are being given back by one call.
struct chimney_ups {
    struct chimney_watch *watch[CHIMNEY_UPS];
    uint32_t count;
};
// These lists come back; what belongs together until the host's handler has returned goes into ups.
void chimney_watch_completed(struct chimney_ups *ups, enum chimney_data_op op, NET_BUFFER_LIST *nbls, const char *function);
void chimney_watch_ups_over(struct chimney_ups *ups);
// Statuses of an initiate's tree agree with each other: of this block and those that depend on it.
void chimney_watch_tree(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);
// A new object was not taken: its chain is as it was.
void chimney_watch_untaken(NET_BUFFER_LIST *chain);
// A terminate completes: chain is what was not sent.
void chimney_watch_terminated(struct chimney_watch *watch, NET_BUFFER_LIST *chain);
// Data is indicated; an event is. Over: the handler has returned.
void chimney_watch_data(struct chimney_watch *watch, const char *function);
void chimney_watch_data_over(struct chimney_watch *watch, NDIS_STATUS answer);
void chimney_watch_event(struct chimney_watch *watch, ULONG type, ULONG information);
void chimney_watch_event_over(struct chimney_watch *watch);

#endif
