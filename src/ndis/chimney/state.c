// SPDX-License-Identifier: MIT
// The five operations on state trees, one hop down and one hop up. The tree is rewritten in place: a protocol's block and a miniport's
// are the same bytes but for two words.
//   down  chimney_state_submit: checked, each block into a miniport's form, MiniportXxxOffload of the adapter
//   up    chimney_state_done: each block into a protocol's form, ProtocolXxxOffloadComplete of the binding that SourceHandle names
// What NDIS writes into a tree: SourceHandle, Status (NDIS_STATUS_PENDING, so that a block the target forgot shows), MiniportOffloadContext
// and the Length of each state structure. An initiated object belongs to the binding from the call on (handle.c): the target may
// indicate as soon as it has the connection. [network/propagating-a-state-manipulation-operation] and its kin
#include "ndis/chimney/chimney_int.h"
#include "verify/ledger.h"
#include "verify/refuse.h"
#include "verify/report.h"

static const struct {
    const char *down, *miniport, *up, *protocol;
} words[] = {
    [CHIMNEY_INITIATE] = {"NdisInitiateOffload", "MiniportInitiateOffload", "NdisMInitiateOffloadComplete",
                          "ProtocolInitiateOffloadComplete"},
    [CHIMNEY_TERMINATE] = {"NdisTerminateOffload", "MiniportTerminateOffload", "NdisMTerminateOffloadComplete",
                           "ProtocolTerminateOffloadComplete"},
    [CHIMNEY_UPDATE] = {"NdisUpdateOffload", "MiniportUpdateOffload", "NdisMUpdateOffloadComplete", "ProtocolUpdateOffloadComplete"},
    [CHIMNEY_INVALIDATE] = {"NdisInvalidateOffload", "MiniportInvalidateOffload", "NdisMInvalidateOffloadComplete",
                            "ProtocolInvalidateOffloadComplete"},
    [CHIMNEY_QUERY] = {"NdisQueryOffloadState", "MiniportQueryOffload", "NdisMQueryOffloadStateComplete", "ProtocolQueryOffloadComplete"},
};

// One walk over a tree.
struct pass {
    struct ndis_binding *binding;
    enum chimney_state_op op;
    bool is_watched;                          // the box has a verifier
};

static void
state_broken(const struct pass *pass, enum verify_rule rule, const char *text)
{
    if (pass->is_watched)
        verify_rule_broken(rule, words[pass->op].up, "%s", text);
}

// ---- down -------------------------------------------------------------------------------------------------------------------------------

static bool
is_delegated_type(UCHAR type)
{
    return type == NeighborOffloadDelegatedState || type == Ip4OffloadDelegatedState || type == Ip6OffloadDelegatedState ||
           type == TcpOffloadDelegatedState;
}

// Which blocks bring state is said with OFFLOAD_STATE_TYPE in ndischimney.h.
static bool
has_state(const struct pass *pass, const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    switch (pass->op) {
    case CHIMNEY_INITIATE:
        return chimney_block_role(block) == CHIMNEY_NEW;
    case CHIMNEY_TERMINATE:
        return block->MiniportOffloadContext && is_delegated_type(block->Header.Type);
    case CHIMNEY_UPDATE:
        return block->MiniportOffloadContext && chimney_block_is_cached(block);
    case CHIMNEY_QUERY:
        return block->MiniportOffloadContext != NULL;
    default:
        return false;
    }
}

static void
block_of_object(const struct pass *pass, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, NDIS_OFFLOAD_HANDLE *handle)
{
    if (pass->op == CHIMNEY_INITIATE && chimney_block_role(block) == CHIMNEY_NEW) {
        chimney_handle_begin(handle, pass->binding);
        return;
    }
    if (chimney_handle_offloaded(handle, words[pass->op].down) != pass->binding)
        verify_rule_fatal(NBX_0600, words[pass->op].down, "is called for an object that was offloaded through another binding");
    if (pass->op == CHIMNEY_TERMINATE)
        chimney_handle_phase_set(handle, CHIMNEY_TERMINATING);
}

// ---- what goes with a connection, watched -----------------------------------------------------------------------------------------------
// Its sends, which become the target's, and what it has received, which is lent until the initiate completes.

static bool
is_new_connection(const struct pass *pass, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    return pass->op == CHIMNEY_INITIATE && chimney_block_role(block) == CHIMNEY_NEW && chimney_block_delegated(block);
}

static void
chain_give(const struct pass *pass, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    const struct ndis_module *module = &pass->binding->module;
    verify_offload_give(block->NetBufferListChain, module, VERIFY_SENT, words[pass->op].down);
    verify_offload_give(chimney_block_delegated(block)->BufferedData, module, VERIFY_SENT, words[pass->op].down);
}

// The last thing before the call: from here on they are the target's.
static void
chain_take(void *context, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    const struct pass *pass = context;
    const struct ndis_module *to = &pass->binding->module.adapter->module;
    if (!is_new_connection(pass, block))
        return;
    verify_offload_take(block->NetBufferListChain, to, words[pass->op].miniport);
    verify_offload_take(chimney_block_delegated(block)->BufferedData, to, words[pass->op].miniport);
}

static void
object_watch(const struct pass *pass, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, const NDIS_OFFLOAD_HANDLE *handle, bool is_new)
{
    struct chimney_watch *watch = chimney_handle_watch(handle);
    if (!is_new && pass->op == CHIMNEY_INITIATE)
        chimney_watch_linker(block);
    else if (!is_new)
        chimney_watch_object(watch, pass->op, block);
    else if (chimney_block_delegated(block))
        chimney_watch_initiate(watch, block);
}

static void
lists_back(const struct pass *pass, NET_BUFFER_LIST *nbls, enum verify_give how)
{
    verify_offload_give(nbls, &pass->binding->module.adapter->module, how, words[pass->op].up);
    verify_offload_take(nbls, &pass->binding->module, words[pass->op].protocol);
}

// A new connection comes back, taken or not.
static void
initiated_watch(const struct pass *pass, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, bool is_taken)
{
    TCP_OFFLOAD_STATE_DELEGATED *delegated = chimney_block_delegated(block);
    if (!delegated)
        return;
    lists_back(pass, delegated->BufferedData, VERIFY_COMPLETED);
    if (is_taken)
        return;
    verify_offload_give(block->NetBufferListChain, &pass->binding->module.adapter->module, VERIFY_COMPLETED, words[pass->op].up);
    chimney_watch_untaken(block->NetBufferListChain);
    verify_offload_take(block->NetBufferListChain, &pass->binding->module, words[pass->op].protocol);
}

// Unsent data is the host's again; what was received and is with it is lent until MiniportTcpOffloadReceiveReturn.
static void
terminated_watch(const struct pass *pass, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, struct chimney_watch *watch)
{
    const TCP_OFFLOAD_STATE_DELEGATED *delegated = chimney_block_delegated(block);
    bool has_state = block->Header.Type == TcpOffloadDelegatedState && block->Status == NDIS_STATUS_SUCCESS;
    NET_BUFFER_LIST *chain = block->NetBufferListChain, *buffered = has_state ? delegated->BufferedData : NULL;
    verify_offload_give(chain, &pass->binding->module.adapter->module, VERIFY_COMPLETED, words[pass->op].up);
    chimney_watch_terminated(watch, chain);
    verify_offload_take(chain, &pass->binding->module, words[pass->op].protocol);
    for (const NET_BUFFER_LIST *nbl = buffered; nbl; nbl = nbl->Next)
        atomic_fetch_add(&pass->binding->chimney_lent, 1);
    lists_back(pass, buffered, VERIFY_INDICATED);
}

static void
block_down(void *context, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    const struct pass *pass = context;
    NDIS_OFFLOAD_HANDLE *handle = block->NdisOffloadHandle;   // OffloadHandle of a protocol's form stands in the same place
    block->MiniportOffloadContext = handle ? &handle->MiniportOffloadContext : NULL;
    block->Status = NDIS_STATUS_PENDING;
    block->SourceHandle = &pass->binding->module;
    if (pass->is_watched && is_new_connection(pass, block))
        chain_give(pass, block);
    if (pass->op == CHIMNEY_INITIATE)
        for (NET_BUFFER_LIST *nbl = block->NetBufferListChain; nbl; nbl = nbl->Next)
            nbl->SourceHandle = &pass->binding->module;   // the target will complete them
    if (has_state(pass, block))
        chimney_block_lengths(block);
    if (!handle)
        return;
    bool is_new = pass->op == CHIMNEY_INITIATE && chimney_block_role(block) == CHIMNEY_NEW;
    block_of_object(pass, block, handle);
    if (pass->is_watched)
        object_watch(pass, block, handle, is_new);
}

static void
state_call(struct ndis_adapter *adapter, enum chimney_state_op op, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree)
{
    const NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS *own = &adapter->driver->chimney.generic;
    struct io_image *image = adapter->module.image;
    NDIS_HANDLE context = adapter->general_context;
    switch (op) {
    case CHIMNEY_INITIATE:
        NDIS_CALL_VOID(image, "MiniportInitiateOffload", own->InitiateOffloadHandler(context, tree));
        break;
    case CHIMNEY_TERMINATE:
        NDIS_CALL_VOID(image, "MiniportTerminateOffload", own->TerminateOffloadHandler(context, tree));
        break;
    case CHIMNEY_UPDATE:
        NDIS_CALL_VOID(image, "MiniportUpdateOffload", own->UpdateOffloadHandler(context, tree));
        break;
    case CHIMNEY_INVALIDATE:
        NDIS_CALL_VOID(image, "MiniportInvalidateOffload", own->InvalidateOffloadHandler(context, tree));
        break;
    case CHIMNEY_QUERY:
        NDIS_CALL_VOID(image, "MiniportQueryOffload", own->QueryOffloadHandler(context, tree));
        break;
    }
}

void
chimney_state_submit(struct ndis_binding *binding, enum chimney_state_op op, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree)
{
    struct ndis_adapter *adapter = binding->module.adapter;
    struct pass pass = {binding, op, binding->module.ndis->box->verify != NULL};
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *blocks = (void *)tree;
    if (!binding->chimney.generic.Header.Size)
        verify_contract(words[op].down, "the protocol has not registered NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS");
    if (!adapter->driver->chimney.generic.Header.Size)
        verify_contract(words[op].down, "the miniport below has no chimney: NDIS_BIND_PARAMETERS says whether there is one");
    const char *fault = tree ? chimney_tree_fault(blocks) : "there is no tree: OffloadBlockList is NULL";
    if (fault)
        verify_rule_fatal(NBX_0601, words[op].down, fault);
    chimney_tree_walk(blocks, block_down, &pass);
    if (chimney_is_watched(&adapter->module))
        chimney_trace_tree(&adapter->module, words[op].miniport, blocks, false);
    if (pass.is_watched && op == CHIMNEY_INITIATE)
        chimney_tree_walk(blocks, chain_take, &pass);
    bool counted = ndis_call_begin(&adapter->module, ke_self());
    state_call(adapter, op, blocks);
    ndis_call_end(&adapter->module, counted);
}

// ---- up ---------------------------------------------------------------------------------------------------------------------------------

static bool
is_initiate_status(NDIS_STATUS status)
{
    static const NDIS_STATUS may[] = {
        NDIS_STATUS_SUCCESS, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_FAILURE, NDIS_STATUS_RESOURCES,
        NDIS_STATUS_OFFLOAD_TCP_ENTRIES, NDIS_STATUS_OFFLOAD_PATH_ENTRIES, NDIS_STATUS_OFFLOAD_NEIGHBOR_ENTRIES,
        NDIS_STATUS_OFFLOAD_IP_ADDRESS_ENTRIES, NDIS_STATUS_OFFLOAD_HW_ADDRESS_ENTRIES, NDIS_STATUS_OFFLOAD_VLAN_ENTRIES,
        NDIS_STATUS_OFFLOAD_TCP_XMIT_BUFFER, NDIS_STATUS_OFFLOAD_TCP_RCV_BUFFER, NDIS_STATUS_OFFLOAD_TCP_RCV_WINDOW,
        NDIS_STATUS_OFFLOAD_VLAN_MISMATCH, NDIS_STATUS_OFFLOAD_PATH_MTU, NDIS_STATUS_OFFLOAD_CONNECTION_REJECTED};
    for (size_t i = 0; i < ARRAYSIZE(may); i++)
        if (status == may[i])
            return true;
    return false;
}

static void
status_check(void *context, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    const struct pass *pass = context;
    bool may = pass->op == CHIMNEY_INITIATE ? is_initiate_status(block->Status)
                                            : block->Status == NDIS_STATUS_SUCCESS || block->Status == NDIS_STATUS_FAILURE;
    if (block->Status == NDIS_STATUS_PENDING)
        state_broken(pass, NBX_0602, "a block has no Status: each one gets one before the operation is completed");
    else if (!may)
        state_broken(pass, NBX_0602, "a block has a Status that this operation may not end with");
    else if (!block->MiniportOffloadContext && !block->DependentBlockList && block->Status != NDIS_STATUS_SUCCESS)
        state_broken(pass, NBX_0602, "the Status of a placeholder without dependents is not NDIS_STATUS_SUCCESS");
}

static void
initiated(const struct pass *pass, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, NDIS_OFFLOAD_HANDLE *handle)
{
    enum chimney_phase phase;
    chimney_handle_binding(handle, &phase, words[CHIMNEY_INITIATE].up);
    if (phase != CHIMNEY_INITIATING)
        return;                               // a linker
    bool is_taken = handle->MiniportOffloadContext != NULL;
    if (pass->is_watched)
        initiated_watch(pass, block, is_taken && !chimney_block_failed(block));
    if (is_taken == chimney_block_failed(block))
        state_broken(pass, NBX_0603, is_taken ? "*MiniportOffloadContext of a block that failed was written"
                                              : "*MiniportOffloadContext of a block that succeeded is NULL");
    if (!is_taken || chimney_block_failed(block)) {
        handle->MiniportOffloadContext = NULL;
        chimney_handle_end(handle);
    } else
        chimney_handle_phase_set(handle, CHIMNEY_OFFLOADED);
}

static void
block_up(void *context, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    const struct pass *pass = context;
    NDIS_OFFLOAD_HANDLE *handle = block->NdisOffloadHandle;
    struct chimney_watch *watch = handle && pass->is_watched ? chimney_handle_watch(handle) : NULL;
    if (pass->is_watched && pass->op == CHIMNEY_INITIATE)
        chimney_watch_tree(block);
    if (watch && pass->op != CHIMNEY_INITIATE && pass->op != CHIMNEY_TERMINATE)
        chimney_watch_object_done(watch, pass->op, block);
    if (watch && pass->op == CHIMNEY_TERMINATE)
        terminated_watch(pass, block, watch);
    if (handle && pass->op == CHIMNEY_INITIATE)
        initiated(pass, block, handle);
    if (handle && pass->op == CHIMNEY_TERMINATE) {
        handle->MiniportOffloadContext = NULL;
        chimney_handle_end(handle);
    }
    block->MiniportOffloadContext = NULL;     // NdisReserved[2] of a protocol's form
}

// The binding that the root came from. An intermediate driver has put its own tree's SourceHandle back.
static struct ndis_binding *
state_source(const struct ndis_adapter *adapter, const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree, const char *function)
{
    struct ndis_module *source = ndis_handle_check(tree->SourceHandle, NDIS_KIND_BINDING, function);
    if (source->adapter != adapter)
        verify_contract(function, "SourceHandle of the tree is not what MiniportXxxOffload was given: an intermediate driver restores it");
    return CONTAINING_RECORD(source, struct ndis_binding, module);
}

static void
state_call_up(struct ndis_binding *binding, enum chimney_state_op op, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree)
{
    const NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS *own = &binding->chimney.generic;
    struct io_image *image = binding->module.image;
    NDIS_HANDLE context = binding->context;
    switch (op) {
    case CHIMNEY_INITIATE:
        NDIS_CALL_VOID(image, "ProtocolInitiateOffloadComplete", own->InitiateOffloadCompleteHandler(context, tree));
        break;
    case CHIMNEY_TERMINATE:
        NDIS_CALL_VOID(image, "ProtocolTerminateOffloadComplete", own->TerminateOffloadCompleteHandler(context, tree));
        break;
    case CHIMNEY_UPDATE:
        NDIS_CALL_VOID(image, "ProtocolUpdateOffloadComplete", own->UpdateOffloadCompleteHandler(context, tree));
        break;
    case CHIMNEY_INVALIDATE:
        NDIS_CALL_VOID(image, "ProtocolInvalidateOffloadComplete", own->InvalidateOffloadCompleteHandler(context, tree));
        break;
    case CHIMNEY_QUERY:
        NDIS_CALL_VOID(image, "ProtocolQueryOffloadComplete", own->QueryOffloadCompleteHandler(context, tree));
        break;
    }
}

void
chimney_state_done(struct ndis_adapter *adapter, enum chimney_state_op op, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree)
{
    if (!tree)
        verify_rule_fatal(NBX_0601, words[op].up, "there is no tree: OffloadBlockList is NULL");
    struct ndis_binding *binding = state_source(adapter, tree, words[op].up);
    struct pass pass = {binding, op, binding->module.ndis->box->verify != NULL};
    bool counted = ndis_call_begin(&binding->module, ke_self());
    if (chimney_is_watched(&binding->module))
        chimney_trace_tree(&binding->module, words[op].protocol, tree, true);
    if (pass.is_watched)
        chimney_tree_walk(tree, status_check, &pass);
    chimney_tree_walk(tree, block_up, &pass);
    state_call_up(binding, op, (void *)tree);
    ndis_call_end(&binding->module, counted);
}
