// SPDX-License-Identifier: MIT
// Trees of block lists [wdd network/offload-block-lists, traversing-a-state-tree]. MiniportXxxOffload only queues the root; a DPC does the
// work and the teller completes it, so that every operation ends asynchronously.
//   vnic_toe_initiate and kin -> toe->work -> vnic_toe_work (DPC) -> each block gets its Status -> toe->done -> toe_tell
// A terminate is done when the last of its connections has been given back: MiniportReserved[1] of its root counts those, and
// MiniportReserved[0] of a root is the link of the list that it is in.
// The order is depth first, then the next block: as many connections as there is room for come in.
#include "toe.h"

typedef NDIS_MINIPORT_OFFLOAD_BLOCK_LIST block_list;

VOID
toe_tree_push(struct toe_tree *tree, block_list *root, enum toe_op op)
{
    root->MiniportReserved[0] = NULL;
    root->MiniportReserved[1] = (PVOID)(ULONG_PTR)op;
    if (tree->first)
        tree->last->MiniportReserved[0] = root;
    else
        tree->first = root;
    tree->last = root;
}

block_list *
toe_tree_pop(struct toe_tree *tree, enum toe_op *op)
{
    block_list *root = tree->first;
    if (root) {
        tree->first = root->MiniportReserved[0];
        *op = (enum toe_op)(ULONG_PTR)root->MiniportReserved[1];
    }
    return root;
}

// The object a block refers to; NULL for a placeholder and a new offload.
static struct toe_object *
object_of(const block_list *block)
{
    return block->MiniportOffloadContext ? *block->MiniportOffloadContext : NULL;
}

// ---- initiate

static VOID
fail_list(block_list *block)
{
    for (; block; block = block->NextBlock) {
        // A placeholder stands for nothing that could fail [wdd network/placeholders--linkers--and-new-offloads].
        block->Status = block->MiniportOffloadContext ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS;
        fail_list(block->DependentBlockList);
    }
}

// A new object for a block, below its parent.
static NDIS_STATUS
block_create(struct vnic_toe *toe, struct toe_call *call, block_list *block, struct toe_object *parent, PVOID root)
{
    struct chim_parts parts;
    NDIS_STATUS status = NDIS_STATUS_FAILURE;
    PVOID object = NULL;
    if (!chim_parts(block, &parts) || !parts.constant || !parts.cached || !parts.delegated)
        return NDIS_STATUS_FAILURE;
    NDIS_STATUS refusal = toe_chance_status(toe, parts.layer);
    if (refusal != NDIS_STATUS_SUCCESS)
        return refusal;
    if (parts.layer == CHIM_NEIGHBOR && !parent) {
        status = toe_neighbor_create(toe, call, &parts, block->NdisOffloadHandle, (struct toe_neighbor **)&object);
    } else if (parts.layer == CHIM_PATH && parent && parent->layer == CHIM_NEIGHBOR) {
        status = toe_path_create(toe, &parts, block->NdisOffloadHandle, (struct toe_neighbor *)parent, (struct toe_path **)&object);
    } else if (parts.layer == CHIM_TCP && parent && parent->layer == CHIM_PATH) {
        struct toe_connection *c = NULL;
        status = toe_connection_create(toe, call, &parts, block, (struct toe_path *)parent, &c);
        object = c;
        if (status == NDIS_STATUS_SUCCESS) {
            c->fresh_root = root;
            InsertTailList(&toe->fresh, &c->fresh_link);
        }
    }
    if (status == NDIS_STATUS_SUCCESS)
        *block->MiniportOffloadContext = object;
    return status;
}

struct tally {
    ULONG good, bad;
};

static struct tally initiate_list(struct vnic_toe *toe, struct toe_call *call, block_list *block, struct toe_object *parent, PVOID root);

static VOID
initiate_block(struct vnic_toe *toe, struct toe_call *call, block_list *block, struct toe_object *parent, PVOID root)
{
    struct toe_object *object = object_of(block);
    BOOLEAN is_placeholder = !block->MiniportOffloadContext, is_linker = object != NULL;
    if (!is_placeholder && !is_linker) {
        block->Status = block_create(toe, call, block, parent, root);
        if (block->Status != NDIS_STATUS_SUCCESS) {
            fail_list(block->DependentBlockList);
            return;
        }
        object = object_of(block);
    }
    struct tally tally = initiate_list(toe, call, block->DependentBlockList, object, root);
    block->Status = NDIS_STATUS_SUCCESS;
    if (is_linker && tally.bad && !tally.good)
        block->Status = NDIS_STATUS_FAILURE;
    else if (!is_placeholder && tally.bad)
        block->Status = NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS;
}

// good and bad: whether the blocks' own state came in; what is partial came in itself.
static struct tally
initiate_list(struct vnic_toe *toe, struct toe_call *call, block_list *block, struct toe_object *parent, PVOID root)
{
    struct tally tally = {0, 0};
    for (; block; block = block->NextBlock) {
        initiate_block(toe, call, block, parent, root);
        BOOLEAN is_good = block->Status == NDIS_STATUS_SUCCESS || block->Status == NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS;
        *(is_good ? &tally.good : &tally.bad) += 1;
        if (!is_good && block == root) {
            fail_list(block->NextBlock);  // without its root the rest of a tree is not looked at
            break;
        }
    }
    return tally;
}

// ---- query, update, invalidate, terminate

static VOID
query_list(struct vnic_toe *toe, struct toe_call *call, block_list *block)
{
    for (; block; block = block->NextBlock) {
        struct chim_parts parts;
        struct toe_object *object = object_of(block);
        block->Status = NDIS_STATUS_SUCCESS;
        if (object && chim_parts(block, &parts) && parts.layer == object->layer)
            toe_object_query(toe, call, object, &parts);
        else if (block->MiniportOffloadContext)
            block->Status = NDIS_STATUS_FAILURE;
        query_list(toe, call, block->DependentBlockList);
    }
}

// Cached members are taken over; a path below another neighbor than before is linked to it.
static VOID
update_list(struct vnic_toe *toe, struct toe_call *call, block_list *block, struct toe_object *parent)
{
    for (; block; block = block->NextBlock) {
        struct chim_parts parts;
        struct toe_object *object = object_of(block);
        block->Status = NDIS_STATUS_SUCCESS;
        BOOLEAN is_known = object && chim_parts(block, &parts) && parts.layer == object->layer && !object->is_invalid;
        if (block->MiniportOffloadContext && !is_known) {
            block->Status = NDIS_STATUS_FAILURE;
        } else if (object) {
            if (object->layer == CHIM_PATH && parent && parent->layer == CHIM_NEIGHBOR)
                toe_path_link((struct toe_path *)object, (struct toe_neighbor *)parent);
            // Only behind a cached type is there anything: the others are there for their links.
            if (parts.cached && !parts.constant)
                block->Status = toe_object_update(toe, call, object, &parts);
        }
        update_list(toe, call, block->DependentBlockList, object);
    }
}

static VOID
invalidate_list(struct vnic_toe *toe, block_list *block)
{
    for (; block; block = block->NextBlock) {
        struct toe_object *object = object_of(block);
        block->Status = object || !block->MiniportOffloadContext ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
        if (object)
            toe_object_invalidate(toe, object);
        invalidate_list(toe, block->DependentBlockList);
    }
}

// Connections begin to go; returns how many. Neighbors and paths give what they have at once.
static ULONG_PTR
terminate_list(struct vnic_toe *toe, struct toe_call *call, block_list *block, block_list *root)
{
    ULONG_PTR count = 0;
    for (; block; block = block->NextBlock) {
        struct chim_parts parts;
        struct toe_object *object = object_of(block);
        block->Status = object || !block->MiniportOffloadContext ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
        if (object && object->layer == CHIM_TCP) {
            struct toe_connection *c = (struct toe_connection *)object;
            c->is_terminating = TRUE;
            c->terminate = block;
            c->terminate_root = root;
            toe_push_stop(c);
            toe_post(c);
            count++;
        } else if (object && chim_parts(block, &parts) && parts.delegated && !parts.constant) {
            toe_object_query(toe, call, object, &parts);
        }
        count += terminate_list(toe, call, block->DependentBlockList, root);
    }
    return count;
}

VOID
toe_tree_given_back(struct toe_connection *c, NDIS_STATUS status)
{
    block_list *root = c->terminate_root;
    c->terminate->Status = status;
    ULONG_PTR left = (ULONG_PTR)root->MiniportReserved[1] - 1;
    root->MiniportReserved[1] = (PVOID)left;
    if (!left)
        toe_tree_push(&c->toe->done, root, TOE_TERMINATE);
}

static VOID
free_list(struct vnic_toe *toe, block_list *block)
{
    for (; block; block = block->NextBlock) {
        // Dependents first: a neighbor is free when its paths are, a path when its connections are.
        free_list(toe, block->DependentBlockList);
        struct toe_object *object = object_of(block);
        if (object)
            toe_object_free(toe, object);
    }
}

VOID
toe_tree_free(struct vnic_toe *toe, block_list *root)
{
    free_list(toe, root);
}

// ---- the work

static VOID
work_one(struct vnic_toe *toe, struct toe_call *call, block_list *root, enum toe_op op)
{
    switch (op) {
    case TOE_INITIATE: initiate_list(toe, call, root, NULL, root); break;
    case TOE_QUERY: query_list(toe, call, root); break;
    case TOE_UPDATE: update_list(toe, call, root, NULL); break;
    case TOE_INVALIDATE: invalidate_list(toe, root); break;
    case TOE_TERMINATE: {
        ULONG_PTR count = terminate_list(toe, call, root, root);
        if (count) {
            root->MiniportReserved[1] = (PVOID)count;
            return;
        }
        break;
    }
    }
    toe_tree_push(&toe->done, root, op);
}

VOID
vnic_toe_work(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct vnic_toe *toe = context;
    struct toe_call call;
    block_list *root;
    enum toe_op op;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    toe_enter(toe, &call);
    while ((root = toe_tree_pop(&toe->work, &op)))
        work_one(toe, &call, root, op);
    toe_leave(toe, &call);
}

static VOID
work_queue(NDIS_HANDLE context, block_list *root, enum toe_op op)
{
    struct vnic_toe *toe = ((struct vnic_adapter *)context)->toe;
    KIRQL irql;
    KeAcquireSpinLock(&toe->lock, &irql);
    toe_tree_push(&toe->work, root, op);
    KeReleaseSpinLock(&toe->lock, irql);
    toe_chance_queue(toe);
}

VOID
vnic_toe_initiate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root)
{
    work_queue(context, root, TOE_INITIATE);
}

VOID
vnic_toe_query(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root)
{
    work_queue(context, root, TOE_QUERY);
}

VOID
vnic_toe_update(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root)
{
    work_queue(context, root, TOE_UPDATE);
}

VOID
vnic_toe_invalidate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root)
{
    work_queue(context, root, TOE_INVALIDATE);
}

VOID
vnic_toe_terminate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root)
{
    work_queue(context, root, TOE_TERMINATE);
}
