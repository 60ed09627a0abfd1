// SPDX-License-Identifier: MIT
// The life of a binding:
//   bind    ndis_binding_bind: ProtocolBindAdapterEx, inside it NdisOpenAdapterEx (open.c) -> paused; restart -> running
//   pause   NetEventPause; the protocol stops sending and answers when its sends are back; then the gates close
//   unbind  pause, ProtocolUnbindAdapterEx, inside it NdisCloseAdapterEx -> closed when the last send, receive and request is back
// A protocol that opened and fails the bind closes inside ProtocolBindAdapterEx, or asks for an unbind while the bind is pended and
// closes inside that [ndis/nc-ndis-protocol_bind_adapter_ex]; one that does neither is reported (Windows: bug check 0x7C, 0x16).
// The binding itself is freed by whoever finishes last: the close, or the unbind that waits for it.
#include <string.h>

#include "ndis/assist.h"
#include "ndis/chimney.h"
#include "ndis/header.h"
#include "ndis/interface.h"
#include "ndis/ndk/ndk_int.h"
#include "ndis/offload.h"
#include "ndis/protocol.h"
#include "verify/refuse.h"
#include "verify/report.h"

enum { BIND_DUE = 1,                          // of ndis_bind.word: the answer has not been given
       BIND_DONE = 2,                         // it has: status is it
       BIND_UNBIND = 4 };                     // NdisUnbindAdapter on what this bind has opened

void
ndis_binding_free(struct ndis_binding *binding)
{
    if (binding->sends)
        ke_gate_destroy(binding->sends);
    if (binding->receives)
        ke_gate_destroy(binding->receives);
    ndis_string_free(&binding->adapter_name);
    ndis_free(binding->multicast);
    ndis_module_fini(&binding->module);
    ndis_free(binding);
}

static void binding_close_complete_work(void *arg);

struct ndis_binding *
ndis_binding_create(struct ndis_protocol *protocol, struct ndis_adapter *adapter)
{
    struct ndis_binding *binding = ndis_alloc(sizeof *binding);
    if (!binding)
        return NULL;
    list_init(&binding->node);
    binding->protocol = protocol;
    binding->receive_handler = protocol->chars.ReceiveNetBufferListsHandler;
    binding->send_complete_handler = protocol->chars.SendNetBufferListsCompleteHandler;
    binding->close_work = (struct ke_work){.fn = binding_close_complete_work, .context = binding};
    atomic_store(&binding->holds, 1);
    atomic_store(&binding->oids_outstanding, 1);
    struct box *box = protocol->ndis->box;
    if (!ndis_module_init(&binding->module, NDIS_KIND_BINDING, adapter, protocol->image) ||
        !(binding->sends = ke_gate_create(box, false)) || !(binding->receives = ke_gate_create(box, false)) ||
        !ndis_string_copy(&binding->adapter_name, &adapter->device_name)) {
        ndis_binding_free(binding);
        return NULL;
    }
    return binding;
}

static void
binding_unref(struct ndis_binding *binding)
{
    if (atomic_fetch_sub(&binding->holds, 1) == 1)
        ndis_binding_free(binding);
}

// ---- close ----------------------------------------------------------------------------------------------------------------------

// The last send, receive or request is back. Runs once, perhaps at DISPATCH.
static void
binding_close_finish(struct ndis_binding *binding)
{
    struct ndis_protocol *protocol = binding->protocol;
    struct sched *sched = protocol->ndis->box->sched;
    ndis_module_state_set(&binding->module, NDIS_STATE_HALTED);
    binding->module.kind = 0;                 // the handle is dead from here on
    ndis_pending_complete(&binding->close, NDIS_STATUS_SUCCESS);
    binding_unref(binding);
    if (atomic_fetch_sub(&protocol->binding_count, 1) == 1)
        sched_wake(sched, &protocol->binding_count, UINT32_MAX);
}

static void
binding_close_complete_work(void *arg)
{
    struct ndis_binding *binding = arg;
    struct ndis_protocol *protocol = binding->protocol;
    NDIS_HANDLE context = binding->context;
    NDIS_CALL_VOID(protocol->image, "ProtocolCloseAdapterCompleteEx", protocol->chars.CloseAdapterCompleteHandlerEx(context));
    binding_close_finish(binding);
}

static void
binding_close_step(void *arg)
{
    struct ndis_binding *binding = arg;
    if (atomic_fetch_sub(&binding->close_steps, 1) != 1)
        return;
    // Not the call itself (it holds a step and answers SUCCESS when it is the last): the protocol is told by a worker at PASSIVE.
    ke_work_queue_own(binding->module.ndis->box, &binding->close_work);
}

void
ndis_binding_oid_done(struct ndis_binding *binding)
{
    if (atomic_fetch_sub(&binding->oids_outstanding, 1) == 1)
        binding_close_step(binding);
}

NDIS_STATUS
ndis_binding_close(struct ndis_binding *binding)
{
    struct ndis *ndis = binding->module.ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    struct ndis_bind *bind = binding->bind;
    if (bind)
        bind->binding = NULL;
    binding->bind = NULL;
    ke_lock_drop(&ndis->lock, old);
    if (!bind && !binding->unbinding && !atomic_load(&binding->closing))
        verify_contract("NdisCloseAdapterEx", "called outside ProtocolBindAdapterEx and ProtocolUnbindAdapterEx: NdisUnbindAdapter is "
                                              "for that");
    if (atomic_exchange(&binding->closing, 1))
        verify_contract("NdisCloseAdapterEx", "called a second time: the handle became invalid with the first call");
    ndis_chimney_closing(binding);
    ndis_module_state_set(&binding->module, NDIS_STATE_CLOSING);
    ndis_stack_take(&binding->module, &binding->node);
    atomic_store(&binding->close_steps, 4);   // sends, receives, requests, and this call
    ke_gate_close_async(binding->sends, binding_close_step, binding);
    ke_gate_close_async(binding->receives, binding_close_step, binding);
    ndis_binding_oid_done(binding);           // the binding's own hold on the count
    if (atomic_fetch_sub(&binding->close_steps, 1) != 1)
        return NDIS_STATUS_PENDING;
    binding_close_finish(binding);
    return NDIS_STATUS_SUCCESS;
}

// ---- bind -----------------------------------------------------------------------------------------------------------------------

static void
bind_parameters_fill(NDIS_BIND_PARAMETERS *p, struct ndis_bind *bind)
{
    struct ndis_adapter *adapter = bind->adapter;
    const NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *g = &adapter->general;
    const NDIS_RESTART_GENERAL_ATTRIBUTES *above = &adapter->above;
    *p = (NDIS_BIND_PARAMETERS){
        .Header = ndis_header(NDIS_OBJECT_TYPE_BIND_PARAMETERS, NDIS_BIND_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_BIND_PARAMETERS_REVISION_1),
        .ProtocolSection = &bind->settings_string,
        .AdapterName = &adapter->device_name,
        .MediaType = g->MediaType,
        .MtuSize = above->MtuSize,
        .MaxXmitLinkSpeed = above->MaxXmitLinkSpeed,
        .MaxRcvLinkSpeed = above->MaxRcvLinkSpeed,
        .XmitLinkSpeed = adapter->link.XmitLinkSpeed,
        .RcvLinkSpeed = adapter->link.RcvLinkSpeed,
        .MediaConnectState = adapter->link.MediaConnectState,
        .MediaDuplexState = adapter->link.MediaDuplexState,
        .LookaheadSize = above->LookaheadSize,
        .RcvScaleCapabilities = g->RecvScaleCapabilities,
        .SupportedPacketFilters = above->SupportedPacketFilters,
        .MaxMulticastListSize = above->MaxMulticastListSize,
        .MacAddressLength = g->MacAddressLength,
        .PhysicalMediumType = g->PhysicalMediumType,
        .LowestIfNetluid = adapter->luid,
        .LowestIfIndex = adapter->if_index,
        .AccessType = g->AccessType,
        .DirectionType = g->DirectionType,
        .ConnectionType = g->ConnectionType,
        .IfType = g->IfType,
        .IfConnectorPresent = g->IfConnectorPresent,
        .DataBackFillSize = above->DataBackFillSize,
        .ContextBackFillSize = above->ContextBackFillSize,
        .MacOptions = above->MacOptions,
        .CompartmentId = 1,
        .DefaultOffloadConfiguration = ndis_offload_current(adapter, &bind->offload),
        .TcpConnectionOffloadCapabilities = ndis_chimney_current(adapter, &bind->connection),
        .BoundAdapterName = &adapter->device_name,
        .ActivePorts = bind->ports};
    ndis_interface_highest(adapter, &p->BoundIfIndex, &p->BoundIfNetluid);
    memcpy(p->CurrentMacAddress, adapter->current_mac, sizeof p->CurrentMacAddress);
    p->PowerManagementCapabilities = &adapter->pm.old_capabilities;
    uint8_t minor = bind->protocol->chars.MinorNdisVersion;
    if (minor >= 1)
        p->Header = ndis_header(NDIS_OBJECT_TYPE_BIND_PARAMETERS, NDIS_BIND_PARAMETERS_REVISION_2, NDIS_SIZEOF_BIND_PARAMETERS_REVISION_2);
    if (minor >= 20) {
        p->Header = ndis_header(NDIS_OBJECT_TYPE_BIND_PARAMETERS, NDIS_BIND_PARAMETERS_REVISION_3, NDIS_SIZEOF_BIND_PARAMETERS_REVISION_3);
        p->PowerManagementCapabilitiesEx = &adapter->pm.capabilities;
        ndis_assist_bind(adapter, p);
    }
    if (minor >= 30) {
        p->Header = ndis_header(NDIS_OBJECT_TYPE_BIND_PARAMETERS, NDIS_BIND_PARAMETERS_REVISION_4, NDIS_SIZEOF_BIND_PARAMETERS_REVISION_4);
        ndis_ndk_bind(adapter, p);
    }
}

void
ndis_bind_complete(struct ndis_bind *bind, NDIS_STATUS status)
{
    struct sched *sched = bind->protocol->ndis->box->sched;
    if (!(atomic_fetch_and(&bind->word, ~(uint32_t)BIND_DUE) & BIND_DUE))
        verify_contract("NdisCompleteBindAdapterEx", "no bind of this context is pending");
    bind->status = status;
    atomic_fetch_or(&bind->word, BIND_DONE);
    sched_wake(sched, &bind->word, UINT32_MAX);   // its address is all that is needed of it
}

// The bind is pended: wait for its answer, and do the unbind that the driver may ask for meanwhile.
static NDIS_STATUS
bind_wait(struct ndis_bind *bind)
{
    struct ndis *ndis = bind->protocol->ndis;
    for (;;) {
        uint32_t word = atomic_load(&bind->word);
        if (word & BIND_UNBIND) {
            atomic_fetch_and(&bind->word, ~(uint32_t)BIND_UNBIND);
            if (bind->binding)
                ndis_binding_unbind(bind->binding);
        } else if (word & BIND_DONE)
            return bind->status;
        else
            sched_wait(ndis->box->sched, &bind->word, word, SCHED_NEVER);
    }
}

static NDIS_STATUS
bind_run(struct ndis_bind *bind)
{
    NDIS_BIND_PARAMETERS parameters;
    bind_parameters_fill(&parameters, bind);
    bind->inside = true;
    atomic_store(&bind->word, BIND_DUE);
    NDIS_STATUS status = NDIS_CALL(bind->protocol->image, "ProtocolBindAdapterEx",
                                   bind->protocol->chars.BindAdapterHandlerEx(bind->protocol->context, bind, &parameters));
    if (status == NDIS_STATUS_PENDING)
        status = bind_wait(bind);
    else if (!(atomic_fetch_and(&bind->word, ~(uint32_t)BIND_DUE) & BIND_DUE))
        verify_contract("ProtocolBindAdapterEx", "returned a final status for a bind that it had completed already");
    bind->inside = false;
    return status;
}

// The bind is over. Returns what it has left open.
static struct ndis_binding *
bind_end(struct ndis_bind *bind)
{
    struct ndis *ndis = bind->protocol->ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    struct ndis_binding *binding = bind->binding;
    bool opening = bind->opening;
    if (binding)
        binding->bind = NULL;
    bind->kind = 0;
    ke_lock_drop(&ndis->lock, old);
    if (opening)
        verify_contract("ProtocolBindAdapterEx", "ended the bind while the open that it began is pending: NDIS_STATUS_PENDING of "
                                                 "NdisOpenAdapterEx is no failure, ProtocolOpenAdapterCompleteEx says how it ends");
    ndis_string_free(&bind->settings_string);
    ndis_free(bind->ports);
    return binding;
}

NDIS_STATUS
ndis_binding_bind(struct ndis_adapter *adapter, struct ndis_protocol *protocol, const char *settings_path)
{
    struct ndis_bind bind = {.kind = NDIS_KIND_BIND, .adapter = adapter, .protocol = protocol, .settings_path = settings_path};
    if (!(bind.ports = ndis_port_list(adapter)) || !ndis_string_make(&bind.settings_string, settings_path)) {
        ndis_free(bind.ports);
        return NDIS_STATUS_RESOURCES;
    }
    NDIS_STATUS status = bind_run(&bind);
    struct ndis_binding *binding = bind_end(&bind);
    if (status != NDIS_STATUS_SUCCESS && binding && !atomic_load(&binding->unbind_asked))
        verify_report_fatal(&(struct verify_finding){.rule = NBX_0117, .driver = protocol->image, .function = "ProtocolBindAdapterEx",
                                                     .text = "failed the bind and left the adapter open"});
    if (status == NDIS_STATUS_SUCCESS && !binding)
        return NDIS_STATUS_FAILURE;           // said yes but has nothing open
    if (status != NDIS_STATUS_SUCCESS) {
        ndis_pfilter_update(adapter);         // it may have set some before it closed
        return status;
    }
    if (ndis_module_state(&adapter->module) == NDIS_STATE_RUNNING)
        return ndis_restart_one(binding);
    return NDIS_STATUS_SUCCESS;
}

void
ndis_unbind_complete(struct ndis_unbind *unbind)
{
    if (!ndis_pending_complete(&unbind->done, NDIS_STATUS_SUCCESS))
        verify_contract("NdisCompleteUnbindAdapterEx", "no unbind of this context is pending");
}

void
ndis_binding_unbind(struct ndis_binding *binding)
{
    struct ndis_protocol *protocol = binding->protocol;
    ndis_binding_pause(binding, NDIS_PAUSE_BIND_PROTOCOL);
    atomic_fetch_add(&binding->holds, 1);
    ndis_pending_begin(&binding->close);
    struct ndis_unbind unbind = {.kind = NDIS_KIND_UNBIND};
    ndis_pending_begin(&unbind.done);
    binding->unbinding = true;
    NDIS_STATUS status = NDIS_CALL(protocol->image, "ProtocolUnbindAdapterEx",
                                   protocol->chars.UnbindAdapterHandlerEx(&unbind, binding->context));
    if (status != NDIS_STATUS_SUCCESS && status != NDIS_STATUS_PENDING)
        verify_contract("ProtocolUnbindAdapterEx", "failed, which a protocol driver cannot");
    ndis_pending_end_within(&unbind.done, status, &binding->module, "ProtocolUnbindAdapterEx", NDIS_CLOSE_LIMIT_S, NBX_0125);
    unbind.kind = 0;
    // It must call NdisCloseAdapterEx, and is over when the binding is closed [ndis/nc-ndis-protocol_unbind_adapter_ex].
    if (!atomic_load(&binding->closing))
        verify_contract("ProtocolUnbindAdapterEx", "is over, and NdisCloseAdapterEx was not called");
    ndis_pending_end(&binding->close, NDIS_STATUS_PENDING);
    ndis_pfilter_update(binding->module.adapter);   // the miniport no longer has to take what only this protocol wanted
    binding_unref(binding);
}

static void
binding_unbind_work(void *arg)
{
    struct ndis_binding *binding = arg;
    if (!atomic_load(&binding->closing))
        ndis_binding_unbind(binding);
    binding_unref(binding);
}

void
ndis_binding_unbind_request(struct ndis_binding *binding)
{
    struct ndis *ndis = binding->module.ndis;
    if (atomic_exchange(&binding->unbind_asked, 1))
        return;                               // one is on its way
    atomic_fetch_add(&binding->holds, 1);
    KIRQL old = ke_lock_take(&ndis->lock);
    if (binding->bind) {                      // the PnP thread waits for its bind (bind_wait)
        atomic_fetch_or(&binding->bind->word, BIND_UNBIND);
        sched_wake(ndis->box->sched, &binding->bind->word, UINT32_MAX);
    }
    ke_lock_drop(&ndis->lock, old);
    binding->unbind_item = (struct ndis_pnp_item){.fn = binding_unbind_work, .arg = binding};
    ndis_pnp_queue_own(ndis, &binding->unbind_item);
}

// ---- pause and restart ------------------------------------------------------------------------------------------------------------

NDIS_STATUS
ndis_binding_event(struct ndis_binding *binding, NET_PNP_EVENT_NOTIFICATION *event)
{
    binding->event = event;
    ndis_pending_begin(&binding->pnp);
    NDIS_STATUS status = NDIS_CALL(binding->module.image, "ProtocolNetPnPEvent",
                                   binding->protocol->chars.NetPnPEventHandler(binding->context, event));
    status = ndis_pending_end_within(&binding->pnp, status, &binding->module, "ProtocolNetPnPEvent", NDIS_CLOSE_LIMIT_S, NBX_0125);
    binding->event = NULL;
    return status;
}

bool
ndis_binding_event_complete(struct ndis_binding *binding, const NET_PNP_EVENT_NOTIFICATION *event, NDIS_STATUS status)
{
    return binding->event == event && ndis_pending_complete(&binding->pnp, status);
}

static NDIS_STATUS
binding_pnp_event(struct ndis_binding *binding, NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes)
{
    NET_PNP_EVENT_NOTIFICATION event = ndis_event_make(code, buffer, bytes);
    return ndis_binding_event(binding, &event);
}

static void
on_late_return(void *context)
{
    const struct ndis_binding *binding = context;
    ndis_late(&binding->module, NBX_0125, "ProtocolNetPnPEvent", "is paused, and has not returned what it has received",
              NDIS_CLOSE_LIMIT_S);
}

void
ndis_binding_pause(struct ndis_binding *binding, ULONG reason)
{
    if (ndis_module_state(&binding->module) != NDIS_STATE_RUNNING)
        return;
    NDIS_PROTOCOL_PAUSE_PARAMETERS parameters = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_PROTOCOL_PAUSE_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_PROTOCOL_PAUSE_PARAMETERS_REVISION_1),
        .PauseReason = reason};
    if (ke_gate_units(binding->sends))
        ndis_event_note(binding->module.ndis, NDIS_EVENT_PAUSE_IN_FLIGHT);
    if (ke_gate_units(binding->receives))
        ndis_event_note(binding->module.ndis, NDIS_EVENT_LATE_RETURN);
    ndis_module_state_set(&binding->module, NDIS_STATE_PAUSING);
    binding_pnp_event(binding, NetEventPause, &parameters, sizeof parameters);
    // A protocol that answered while sends were out broke the rule; they are waited for all the same, so nothing below pauses early.
    ke_gate_close(binding->sends);
    ke_gate_close_late(binding->receives, NDIS_CLOSE_LIMIT_S * UINT64_C(1000000000),
                       binding->module.ndis->box->verify ? on_late_return : NULL, binding);
    ndis_module_state_set(&binding->module, NDIS_STATE_PAUSED);
}

void
ndis_binding_restart(struct ndis_binding *binding, NDIS_RESTART_ATTRIBUTES *list)
{
    if (ndis_module_state(&binding->module) != NDIS_STATE_PAUSED)
        return;
    ULONG names_bytes;
    PUCHAR names = ndis_restart_names(binding->module.adapter, &names_bytes);
    NDIS_PROTOCOL_RESTART_PARAMETERS parameters = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_PROTOCOL_RESTART_PARAMETERS, NDIS_PROTOCOL_RESTART_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_PROTOCOL_RESTART_PARAMETERS_REVISION_1),
        .FilterModuleNameBuffer = names,
        .FilterModuleNameBufferLength = names_bytes,
        .RestartAttributes = list};
    ndis_interface_highest(binding->module.adapter, &parameters.BoundIfIndex, &parameters.BoundIfNetluid);
    ndis_module_state_set(&binding->module, NDIS_STATE_RESTARTING);
    // A protocol may begin to send from inside the restart event [network/protocol-binding-states-and-operations].
    ke_gate_open(binding->sends);
    ke_gate_open(binding->receives);
    NDIS_STATUS status = binding_pnp_event(binding, NetEventRestart, &parameters, sizeof parameters);
    ndis_free(names);
    if (status != NDIS_STATUS_SUCCESS && status != NDIS_STATUS_NOT_SUPPORTED) {
        // Cannot go on with the new attributes: NDIS unbinds it.
        ke_gate_close(binding->sends);
        ke_gate_close(binding->receives);
        ndis_module_state_set(&binding->module, NDIS_STATE_PAUSED);
        ndis_binding_unbind(binding);
        return;
    }
    ndis_module_state_set(&binding->module, NDIS_STATE_RUNNING);
    ndis_status_replay(binding);
}
