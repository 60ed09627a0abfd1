// SPDX-License-Identifier: MIT
// What the files of this room share: handles, trees, words for the trace.
#ifndef NBX_CHIMNEY_CHIMNEY_INT_H
#define NBX_CHIMNEY_CHIMNEY_INT_H

#include "ndis/chimney/chimney.h"
#include "ndis/ndis_int.h"

#include "ndis/chimney/watch.h"

// ---- handles (handle.c) -------------------------------------------------------------------------------------------------------------
// NdisReserved[0] of an NDIS_OFFLOAD_HANDLE: the binding, and in its lowest bits how far the offload has come.
enum chimney_phase {
    CHIMNEY_OFFLOADED,                        // between the completions of initiate and terminate
    CHIMNEY_INITIATING,                       // until initiate completes
    CHIMNEY_TERMINATING                       // until terminate completes
};

// An object begins to be offloaded through this binding; it is over (0 objects are left to it, or it was never there).
void chimney_handle_begin(NDIS_OFFLOAD_HANDLE *handle, struct ndis_binding *binding);
void chimney_handle_end(NDIS_OFFLOAD_HANDLE *handle);
void chimney_handle_phase_set(NDIS_OFFLOAD_HANDLE *handle, enum chimney_phase phase);
// What is watched of the object; NULL without a verifier.
struct chimney_watch *chimney_handle_watch(const NDIS_OFFLOAD_HANDLE *handle);
// The binding. fails: a handle of no offloaded object ends the run with a report that names function.
struct ndis_binding *chimney_handle_binding(const NDIS_OFFLOAD_HANDLE *handle, enum chimney_phase *phase, const char *function);
// The same where the object must be wholly offloaded: after initiate, before terminate.
struct ndis_binding *chimney_handle_offloaded(const NDIS_OFFLOAD_HANDLE *handle, const char *function);

// ---- trees (tree.c) -----------------------------------------------------------------------------------------------------------------
typedef void (*chimney_block_fn)(void *context, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);

enum chimney_role {
    CHIMNEY_PLACEHOLDER,                      // no object: a node to hang others on
    CHIMNEY_LINKER,                           // an object that is offloaded already
    CHIMNEY_NEW                               // one that is to be
};

// Each block, depth first and breadth next, the order in which a target has to go [network/traversing-a-state-tree]. fn may change all
// of a block but its links.
void chimney_tree_walk(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree, chimney_block_fn fn, void *context);
// Are the layers in order (neighbour, path, connection; siblings alike)? A tree that is deeper, or where a loop makes it so, is not.
// Returns NULL, or what is wrong.
const char *chimney_tree_fault(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree);
// Of a block in a miniport's form.
enum chimney_role chimney_block_role(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);
// Write Length into the headers of the state structures that lie behind the block, as its Type tells them.
void chimney_block_lengths(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);
// The TCP_OFFLOAD_STATE_DELEGATED behind a connection's block; NULL: its Type says that there is none.
TCP_OFFLOAD_STATE_DELEGATED *chimney_block_delegated(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);
bool chimney_block_is_cached(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block);
static inline bool
chimney_block_failed(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    return block->Status != NDIS_STATUS_SUCCESS && block->Status != NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS;
}

// ---- crossings (trace.c) ------------------------------------------------------------------------------------------------------------
// Somebody watches calls in words.
static inline bool
chimney_is_watched(const struct ndis_module *module)
{
    return __builtin_expect(module->ndis->words_fn != NULL, 0);
}
// A call of this name into the module's driver.
void chimney_trace(const struct ndis_module *module, const char *call, const char *format, ...) __attribute__((format(printf, 3, 4)));
void chimney_trace_tree(const struct ndis_module *module, const char *call, const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree, bool is_done);
// note: said after how much it is; NULL: nothing.
void chimney_trace_nbls(const struct ndis_module *module, const char *call, const NET_BUFFER_LIST *nbls, const char *note, bool is_done);

#endif
