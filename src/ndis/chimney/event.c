// SPDX-License-Identifier: MIT
// What goes up without having been asked for: received data, events of a connection, events of an adapter.
//   chimney_receive, chimney_event   the NDIS_OFFLOAD_HANDLE that the target was given leads to the binding, and is the OffloadContext that
//                                    the protocol gets: its own pointer again
//   chimney_indicate                 "the offload target does not have to initialize any other members" of the block: nothing in it leads
//                                    anywhere, so every binding that is a client is told, in the order they were opened
// [network/propagating-an-indication], [ndischimney/nf-ndischimney-ndismoffloadeventindicate]
#include "ndis/chimney/chimney_int.h"
#include "verify/ledger.h"
#include "verify/refuse.h"
#include "verify/report.h"

#define EVENT_MAX_BINDINGS 64

static const char *
event_word(ULONG type)
{
    static const char *const names[] = {NULL, "TcpIndicateSendBacklogChange", "TcpIndicateDisconnect", "TcpIndicateRetrieve",
                                        "TcpIndicateAbort"};
    return type < ARRAYSIZE(names) ? names[type] : NULL;
}

// What the number with an event means: bytes, or why the target wants to be rid of the connection.
static const char *
reason_word(ULONG type, ULONG information)
{
    static const char *const names[] = {[LowActivity] = "LowActivity",
                                        [HighDropRate] = "HighDropRate",
                                        [SmallIO] = "SmallIO",
                                        [NoBufferPreposting] = "NoBufferPreposting",
                                        [ReceivedUrgentData] = "ReceivedUrgentData",
                                        [HighFragmentation] = "HighFragmentation",
                                        [HighOutOfOrderPackets] = "HighOutOfOrderPackets",
                                        [TimeoutExpiration] = "TimeoutExpiration",
                                        [InvalidState] = "InvalidState",
                                        [UploadRequested] = "UploadRequested",
                                        [HardwareFailure] = "HardwareFailure"};
    return type == TcpIndicateRetrieve && information < ARRAYSIZE(names) ? names[information] : NULL;
}

static void
event_say(const struct ndis_module *module, ULONG type, ULONG information)
{
    const char *word = event_word(type), *reason = reason_word(type, information);
    if (reason)
        chimney_trace(module, "ProtocolTcpOffloadEvent", "%s, %s", word, reason);
    else
        chimney_trace(module, "ProtocolTcpOffloadEvent", "%s, %u", word ? word : "?", information);
}

// The binding of an object that may be indicated: from the moment the target has it until its terminate has completed.
static struct ndis_binding *
event_binding(const NDIS_OFFLOAD_HANDLE *handle, const char *function)
{
    enum chimney_phase phase;
    struct ndis_binding *binding = chimney_handle_binding(handle, &phase, function);
    if (!binding->chimney.tcp.Header.Size)
        verify_contract(function, "the protocol has not registered NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS");
    return binding;
}

void
chimney_event(NDIS_OFFLOAD_HANDLE *handle, ULONG type, ULONG information)
{
    struct ndis_binding *binding = event_binding(handle, "NdisTcpOffloadEventHandler");
    struct ke_thread *self = ke_self();
    struct chimney_watch *watch = chimney_handle_watch(handle);
    if (watch) {
        if (!event_word(type))
            verify_rule_broken(NBX_0606, "NdisTcpOffloadEventHandler", "EventType is no TCP_OFFLOAD_EVENT_TYPE");
        else if (type == TcpIndicateRetrieve && (information < LowActivity || information >= MaxUploadReason))
            verify_rule_broken(NBX_0606, "NdisTcpOffloadEventHandler", "the reason of a TcpIndicateRetrieve is no TCP_UPLOAD_REASON");
        chimney_watch_event(watch, type, information);
    }
    if (chimney_is_watched(&binding->module))
        event_say(&binding->module, type, information);
    bool counted = ndis_call_begin(&binding->module, self);
    NDIS_CALL_VOID(binding->module.image, "ProtocolTcpOffloadEvent",
                   binding->chimney.tcp.TcpOffloadEventHandler(handle, type, information));
    if (watch)
        chimney_watch_event_over(watch);
    ndis_call_end(&binding->module, counted);
}

static uint64_t
nbl_bytes(const NET_BUFFER_LIST *nbl)
{
    uint64_t bytes = 0;
    for (const NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next)
        bytes += nb->DataLength;
    return bytes;
}

// What the protocol said of a list that had so many bytes: the target has to go on from there.
static void
receive_answer_check(const struct ndis_binding *binding, NDIS_STATUS status, ULONG consumed, uint64_t bytes)
{
    const char *text = NULL;
    if (status == NDIS_STATUS_OFFLOAD_DATA_PARTIALLY_ACCEPTED)
        text = consumed && consumed < bytes ? NULL : "accepted part of the data, and BytesConsumed is no part";
    else if (status != NDIS_STATUS_SUCCESS && status != NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED)
        text = "returned a status that its page does not have";
    if (text)
        verify_report(&(struct verify_finding){.rule = NBX_0607, .driver = binding->module.image,
                                               .function = "ProtocolTcpOffloadReceiveIndicate", .text = text});
}

// The list is lent to the host from the call on; whether it keeps it says its answer.
static void
receive_begin(struct chimney_watch *watch, enum chimney_phase phase, NET_BUFFER_LIST *nbl, NDIS_STATUS status)
{
    const char *function = "NdisTcpOffloadReceiveHandler";
    struct ndis_binding *binding = watch->binding;
    if (phase == CHIMNEY_INITIATING)
        verify_rule_broken(NBX_0606, function, "data is indicated before the initiate operation has completed");
    if (nbl->Next || status != NDIS_STATUS_SUCCESS)
        verify_rule_broken(NBX_0606, function, "data is indicated in one NET_BUFFER_LIST, with the Status NDIS_STATUS_SUCCESS");
    chimney_watch_data(watch, function);
    verify_offload_give(nbl, &binding->module.adapter->module, VERIFY_INDICATED, function);
    atomic_fetch_add(&binding->chimney_lent, 1);
}

static void
receive_end(struct chimney_watch *watch, NET_BUFFER_LIST *nbl, NDIS_STATUS answer)
{
    struct ndis_binding *binding = watch->binding;
    if (answer != NDIS_STATUS_SUCCESS) {
        verify_offload_give(nbl, &binding->module, VERIFY_RETURNED, "ProtocolTcpOffloadReceiveIndicate");
        verify_offload_take(nbl, &binding->module.adapter->module, "NdisTcpOffloadReceiveHandler");
        atomic_fetch_sub(&binding->chimney_lent, 1);
    }
    chimney_watch_data_over(watch, answer);
}

NDIS_STATUS
chimney_receive(NDIS_OFFLOAD_HANDLE *handle, NET_BUFFER_LIST *nbl, NDIS_STATUS status, ULONG *consumed)
{
    enum chimney_phase phase;
    struct ndis_binding *binding = event_binding(handle, "NdisTcpOffloadReceiveHandler");
    struct ke_thread *self = ke_self();
    struct chimney_watch *watch = chimney_handle_watch(handle);
    chimney_handle_binding(handle, &phase, "NdisTcpOffloadReceiveHandler");
    if (watch)
        receive_begin(watch, phase, nbl, status);
    if (chimney_is_watched(&binding->module))
        chimney_trace_nbls(&binding->module, "ProtocolTcpOffloadReceiveIndicate", nbl, NULL, false);
    uint64_t bytes = watch ? nbl_bytes(nbl) : 0;   // the list may be gone afterwards
    if (watch)
        verify_offload_take(nbl, &binding->module, "ProtocolTcpOffloadReceiveIndicate");
    bool counted = ndis_call_begin(&binding->module, self);
    NDIS_STATUS answer = NDIS_CALL(binding->module.image, "ProtocolTcpOffloadReceiveIndicate",
                                   binding->chimney.tcp.TcpOffloadReceiveIndicateHandler(handle, nbl, status, consumed));
    if (watch) {
        receive_answer_check(binding, answer, *consumed, bytes);
        receive_end(watch, nbl, answer);
    }
    ndis_call_end(&binding->module, counted);
    return answer;
}

// ---- events of an adapter -----------------------------------------------------------------------------------------------------------

static uint32_t
event_clients(struct ndis_adapter *adapter, struct ndis_binding **out)
{
    uint32_t count = 0;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    LIST_FOR_EACH(node, &adapter->bindings) {
        struct ndis_binding *binding = LIST_ENTRY_OF(node, struct ndis_binding, node);
        if (count == EVENT_MAX_BINDINGS)
            break;
        if (!binding->chimney.generic.Header.Size)
            continue;
        atomic_fetch_add(&binding->module.calls, 1);
        out[count++] = binding;
    }
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return count;
}

static void
indicate_check(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, ULONG code)
{
    const char *function = "NdisMOffloadEventIndicate";
    if (code != NeighborReachabilityQuery) {
        if (code != NeighborReachabilityInDoubt || block)
            verify_rule_broken(NBX_0606, function, "only a NeighborReachabilityQuery is indicated, and only that has a block");
        return;
    }
    if (!block || block->Header.Type != NeighborOffloadState || block->DependentBlockList || block->Status != NDIS_STATUS_SUCCESS)
        verify_rule_broken(NBX_0606, function,
                           "a NeighborReachabilityQuery has a block of the Type NeighborOffloadState, without dependents, its Status "
                           "SUCCESS");
}

void
chimney_indicate(struct ndis_adapter *adapter, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, ULONG code)
{
    struct ndis_binding *binding[EVENT_MAX_BINDINGS];
    if (adapter->module.ndis->box->verify)
        indicate_check(block, code);
    uint32_t count = event_clients(adapter, binding);
    for (uint32_t i = 0; i < count; i++) {
        if (chimney_is_watched(&binding[i]->module))
            chimney_trace(&binding[i]->module, "ProtocolIndicateOffloadEvent", "%s",
                          code == NeighborReachabilityQuery ? "NeighborReachabilityQuery" : "?");
        NDIS_CALL_VOID(binding[i]->module.image, "ProtocolIndicateOffloadEvent",
                       binding[i]->chimney.generic.IndicateOffloadEventHandler(binding[i]->context, (void *)block, code));
        ndis_module_leave(&binding[i]->module);
    }
}

static void
handlers_check(struct ndis_adapter *adapter)
{
    const struct ndis_chimney_provider *own = &adapter->driver->chimney;
    if (adapter->connection.has_handlers)
        verify_rule_broken(NBX_0625, "NdisMGetOffloadHandlers", "is called twice for one chimney type");
    if (!own->generic.Header.Size || !own->tcp.Header.Size)
        verify_rule_broken(NBX_0625, "NdisMGetOffloadHandlers",
                           "is called by a miniport whose driver has not registered both its generic and its TCP handlers "
                           "(NdisSetOptionalHandlers)");
    adapter->connection.has_handlers = true;
}

NDIS_STATUS
chimney_handlers(struct ndis_adapter *adapter, NDIS_CHIMNEY_OFFLOAD_TYPE type, NDIS_OFFLOAD_EVENT_HANDLERS **handlers)
{
    *handlers = NULL;
    if (!adapter->initializing)
        verify_contract("NdisMGetOffloadHandlers", "is called outside MiniportInitializeEx");
    if (type != NdisTcpChimneyOffload)
        return STATUS_NOT_SUPPORTED;
    if (adapter->module.ndis->box->verify)
        handlers_check(adapter);
    *handlers = (NDIS_OFFLOAD_EVENT_HANDLERS *)&chimney_tcp_handlers.Header;
    return STATUS_SUCCESS;
}
