// SPDX-License-Identifier: MIT
// TCP chimney: state trees on their way down, and back up. The tree that came in goes out, block by block turned from a miniport's into a
// protocol's form and back, which are the same bytes but for the two words that name the object.
//   offload entry  struct passthru_offload, one for each offloaded object, from its initiate to its terminate: what the driver above calls
//                  it (NdisOffloadHandle), and the NDIS_OFFLOAD_HANDLE by which the driver below knows it
//   call entry     struct passthru_saved, one for each block while an operation is out: what stood in the block, as ImReserved,
//                  SourceHandle and the object's two words are written over below
// Without memory, or with the gate shut (offload_gate.c), an operation is not passed on: each block gets NDIS_STATUS_RESOURCES (initiate)
// or NDIS_STATUS_FAILURE, and the tree goes back from a DPC, for completion is never inside the call. A terminate may not fail so: it is
// tried again until there is memory.
// [network/propagating-a-state-manipulation-operation], [network/reusing-an-ndis-miniport-offload-block-list-structure] and kin
#include "offload.h"

typedef PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST block_t;

struct passthru_saved {
    PVOID im_reserved[2];
    PVOID source;
    PVOID *context;                           // MiniportOffloadContext, NdisOffloadHandle of the driver above
    NDIS_HANDLE above;
    struct passthru_offload *offload;         // NULL: a placeholder
    BOOLEAN is_new;                           // made for this initiate
};

struct call_entry {
    struct passthru *upper;                   // the edge that the tree came through
    struct passthru_saved saved[];
};

static struct passthru_saved *
saved_of(block_t block)
{
    return block->ImReserved[0];
}

// Depth first and breadth next, as a target goes. Returns the first block for which fn is false; NULL: none.
static block_t
tree_walk(block_t block, BOOLEAN (*fn)(block_t block, void *context), void *context)
{
    for (; block; block = block->NextBlock) {
        if (!fn(block, context))
            return block;
        block_t found = tree_walk(block->DependentBlockList, fn, context);
        if (found)
            return found;
    }
    return NULL;
}

static BOOLEAN
block_count(block_t block, void *context)
{
    UNREFERENCED_PARAMETER(block);
    ++*(ULONG *)context;
    return TRUE;
}

static struct passthru_offload *
entry_create(struct passthru *self)
{
    if (!passthru_gate_enter(self))
        return NULL;
    struct passthru_offload *offload = passthru_alloc(sizeof *offload);
    if (offload)
        offload->self = self;
    else
        passthru_gate_leave(self);
    return offload;
}

static void
entry_free(struct passthru_offload *offload)
{
    struct passthru *self = offload->self;
    passthru_free(offload);
    passthru_gate_leave(self);
}

// ---- down -----------------------------------------------------------------------------------------------------------------------

struct down {
    struct passthru *self;
    enum passthru_op op;
    struct call_entry *call;
    ULONG at;
};

// What may fail, before anything of the block is changed but ImReserved, whose words are saved.
static BOOLEAN
block_prepare(block_t block, void *context)
{
    struct down *down = context;
    struct passthru_saved *saved = &down->call->saved[down->at++];
    *saved = (struct passthru_saved){.im_reserved = {block->ImReserved[0], block->ImReserved[1]},
                                     .source = block->SourceHandle,
                                     .context = block->MiniportOffloadContext,
                                     .above = block->NdisOffloadHandle};
    block->ImReserved[0] = saved;
    if (!saved->context)
        return TRUE;
    saved->offload = *saved->context;
    if (down->op != PASSTHRU_INITIATE || saved->offload)
        return TRUE;
    saved->offload = entry_create(down->self);
    if (!saved->offload)
        return FALSE;
    saved->is_new = TRUE;
    saved->offload->above = saved->above;
    // Send data that goes with the connection comes back by the driver below, list by list.
    if (passthru_offload_mark(down->self, block->NetBufferListChain))
        return TRUE;
    entry_free(saved->offload);
    saved->offload = NULL;
    saved->is_new = FALSE;
    return FALSE;
}

static BOOLEAN
block_restore(block_t block, void *context)
{
    struct passthru_saved *saved = saved_of(block);
    block_t end = context;                    // the one that failed: the last that was prepared
    if (saved->is_new) {
        passthru_offload_unmark(block->NetBufferListChain);
        entry_free(saved->offload);
    }
    block->ImReserved[0] = saved->im_reserved[0];
    block->ImReserved[1] = saved->im_reserved[1];
    return block != end;
}

static BOOLEAN
block_lower(block_t block, void *context)
{
    struct passthru_saved *saved = saved_of(block);
    PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST lower = (PVOID)block;
    UNREFERENCED_PARAMETER(context);
    lower->OffloadHandle = saved->offload ? &saved->offload->handle : NULL;
    return TRUE;
}

// FALSE: there is no memory, and the tree is as it came.
static BOOLEAN
tree_down(struct passthru *self, enum passthru_op op, block_t tree)
{
    static VOID(NTAPI *const ask[])(NDIS_HANDLE, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST) = {
        [PASSTHRU_INITIATE] = NdisInitiateOffload,
        [PASSTHRU_TERMINATE] = NdisTerminateOffload,
        [PASSTHRU_UPDATE] = NdisUpdateOffload,
        [PASSTHRU_INVALIDATE] = NdisInvalidateOffload,
        [PASSTHRU_QUERY] = NdisQueryOffloadState};
    struct down down = {.self = self, .op = op};
    ULONG count = 0;
    tree_walk(tree, block_count, &count);
    down.call = passthru_alloc(sizeof *down.call + count * sizeof down.call->saved[0]);
    if (!down.call)
        return FALSE;
    down.call->upper = self;
    block_t failed = tree_walk(tree, block_prepare, &down);
    if (failed) {
        tree_walk(tree, block_restore, failed);
        passthru_free(down.call);
        return FALSE;
    }
    tree_walk(tree, block_lower, NULL);
    tree->ImReserved[1] = down.call;
    ask[op](self->binding, (PVOID)tree);
    return TRUE;
}

static void
tree_op(NDIS_HANDLE context, enum passthru_op op, block_t tree)
{
    struct passthru *self = context;
    if (!tree_down(self, op, tree))
        passthru_defer_tree(self, op, tree);
}

// ---- back up --------------------------------------------------------------------------------------------------------------------

static BOOLEAN
block_raise(block_t block, void *context)
{
    enum passthru_op op = *(enum passthru_op *)context;
    struct passthru_saved *saved = saved_of(block);
    struct passthru_offload *offload = saved->offload;
    BOOLEAN is_taken = block->Status == NDIS_STATUS_SUCCESS || block->Status == NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS;
    block->ImReserved[0] = saved->im_reserved[0];
    block->ImReserved[1] = saved->im_reserved[1];
    block->SourceHandle = saved->source;
    block->MiniportOffloadContext = saved->context;
    block->NdisOffloadHandle = saved->above;
    if (saved->is_new && is_taken)
        *saved->context = offload;
    else if (saved->is_new) {
        passthru_offload_unmark(block->NetBufferListChain);
        entry_free(offload);
    }
    if (op == PASSTHRU_TERMINATE && offload) {
        passthru_offload_unmark(block->NetBufferListChain);   // send data that was not sent
        entry_free(offload);
    }
    return TRUE;
}

static VOID(NTAPI *const complete[])(NDIS_HANDLE, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST) = {
    [PASSTHRU_INITIATE] = NdisMInitiateOffloadComplete,
    [PASSTHRU_TERMINATE] = NdisMTerminateOffloadComplete,
    [PASSTHRU_UPDATE] = NdisMUpdateOffloadComplete,
    [PASSTHRU_INVALIDATE] = NdisMInvalidateOffloadComplete,
    [PASSTHRU_QUERY] = NdisMQueryOffloadStateComplete};

// Of several upper edges over one binding the call entry names the one.
static void
tree_up(enum passthru_op op, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST lower)
{
    block_t tree = (PVOID)lower;
    struct call_entry *call = tree->ImReserved[1];
    struct passthru *upper = call->upper;
    tree_walk(tree, block_raise, &op);
    passthru_free(call);
    complete[op](upper->miniport, tree);
}

// ---- trees that could not go down -------------------------------------------------------------------------------------------------

struct refusal {
    NDIS_STATUS status;
};

static BOOLEAN
block_refuse(block_t block, void *context)
{
    const struct refusal *refusal = context;
    BOOLEAN is_leaf_placeholder = !block->MiniportOffloadContext && !block->DependentBlockList;
    block->Status = is_leaf_placeholder ? NDIS_STATUS_SUCCESS : refusal->status;
    return TRUE;
}

void
passthru_tree_again(struct passthru *self, enum passthru_op op, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree)
{
    struct refusal refusal = {op == PASSTHRU_INITIATE ? NDIS_STATUS_RESOURCES : NDIS_STATUS_FAILURE};
    if (op == PASSTHRU_TERMINATE) {
        if (!tree_down(self, op, tree))
            passthru_defer_tree(self, op, tree);
        return;
    }
    tree_walk(tree, block_refuse, &refusal);
    complete[op](self->miniport, tree);
}

// ---- the handlers: each operation has one at either edge ----------------------------------------------------------------------------

#define EDGES(word, op) \
    NTAPI VOID passthru_##word(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree) \
    { \
        tree_op(context, op, tree); \
    } \
    NTAPI VOID passthru_##word##_complete(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree) \
    { \
        UNREFERENCED_PARAMETER(context); \
        tree_up(op, tree); \
    }
EDGES(initiate, PASSTHRU_INITIATE)
EDGES(terminate, PASSTHRU_TERMINATE)
EDGES(update, PASSTHRU_UPDATE)
EDGES(invalidate, PASSTHRU_INVALIDATE)
EDGES(query_offload, PASSTHRU_QUERY)
#undef EDGES
