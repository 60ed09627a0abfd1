// SPDX-License-Identifier: MIT
// NdisOpenAdapterEx. What it was asked is checked inside the call; the binding enters the stack inside the call or later:
//   at once   ndis_binding_open -> open_finish                                                   NDIS_STATUS_SUCCESS or a failure
//   pended    ndis_binding_open -> a worker: open_finish -> ProtocolOpenAdapterCompleteEx        NDIS_STATUS_PENDING
// Windows says of no open whether it will pend, so each may: under the seeded scheduler a draw decides; on threads the first open of an
// adapter pends, the second does not, and so on in turn. A driver that takes NDIS_STATUS_PENDING for a failure ends its bind too early
// and is reported (bind_end in binding.c). Until the open is over the handle reads NULL, so that its use is reported too.
// [ndis/nf-ndis-ndisopenadapterex], [ndis/nc-ndis-protocol_open_adapter_complete_ex]
#include "ndis/header.h"
#include "ndis/protocol.h"

#define OPEN_MAX_PER_ADAPTER 64               // recv_top.c keeps a bit for each binding

struct ndis_open {
    struct ke_work work;                      // of an open that is pended
    struct ndis_bind *bind;
    struct ndis_binding *binding;
    NDIS_HANDLE *handle;                      // the driver's; written when the open succeeds
    UINT medium, *selected;                   // the same
    bool starved;
};

static bool
open_medium(const struct ndis_adapter *adapter, const NDIS_OPEN_PARAMETERS *p, UINT *medium)
{
    for (UINT i = 0; i < p->MediumArraySize; i++) {
        *medium = i;
        if (p->MediumArray[i] == adapter->general.MediaType)
            return true;
    }
    return false;
}

// "for reasons other than those in the preceding list" is NDIS_STATUS_FAILURE.
static NDIS_STATUS
open_check(struct ndis_protocol *protocol, const NDIS_OPEN_PARAMETERS *p, struct ndis_bind *bind, UINT *medium)
{
    struct ndis_adapter *adapter = bind->adapter;
    // "NDIS fails any attempt to call NdisOpenAdapterEx outside the context of ProtocolBindAdapterEx", and of another protocol's.
    if (!bind->inside || bind->protocol != protocol || bind->binding || bind->opening || protocol->deregistering)
        return NDIS_STATUS_FAILURE;
    if (!ndis_header_is(&p->Header, NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1) ||
        p->FrameTypeArraySize > ARRAYSIZE(((struct ndis_binding *)NULL)->frame_types))
        return NDIS_STATUS_FAILURE;
    if (!ndis_string_equal(p->AdapterName, &adapter->device_name))
        return NDIS_STATUS_ADAPTER_NOT_FOUND;
    if (!open_medium(adapter, p, medium))
        return NDIS_STATUS_UNSUPPORTED_MEDIA;
    return adapter->binding_count < OPEN_MAX_PER_ADAPTER ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
}

static struct ndis_binding *
open_binding(struct ndis_protocol *protocol, NDIS_HANDLE context, const NDIS_OPEN_PARAMETERS *p, struct ndis_adapter *adapter)
{
    struct ndis_binding *binding = ndis_binding_create(protocol, adapter);
    if (!binding)
        return NULL;
    binding->context = context;
    binding->chimney = protocol->chimney;
    // Numbers, as the NDIS_ETH_TYPE_Xxx of ntddndis.h are, and not the two bytes of a frame [ndis/ns-ndis-_ndis_open_parameters].
    for (UINT i = 0; i < p->FrameTypeArraySize; i++)
        binding->frame_types[i] = p->FrameTypeArray[i];
    binding->frame_type_count = p->FrameTypeArraySize;
    ndis_module_state_set(&binding->module, NDIS_STATE_PAUSED);
    return binding;
}

// Into the stack. The bind hears of it before the driver does; a binding that could not enter is gone.
static NDIS_STATUS
open_finish(struct ndis_open *open)
{
    struct ndis_binding *binding = open->binding;
    struct ndis_protocol *protocol = binding->protocol;
    struct ndis_adapter *adapter = binding->module.adapter;
    if (open->selected)
        *open->selected = open->medium;
    *open->handle = binding;                  // status indications may come before the call returns
    NDIS_STATUS status = open->starved ? NDIS_STATUS_RESOURCES : ndis_stack_insert(adapter, &adapter->bindings, &binding->node);
    bool is_open = status == NDIS_STATUS_SUCCESS;
    if (is_open)
        atomic_fetch_add(&protocol->binding_count, 1);
    KIRQL old = ke_lock_take(&protocol->ndis->lock);
    if (is_open) {
        open->bind->binding = binding;
        binding->bind = open->bind;
    }
    open->bind->opening = false;
    ke_lock_drop(&protocol->ndis->lock, old);
    if (is_open)
        return status;
    *open->handle = NULL;
    ndis_binding_free(binding);
    return status;
}

// The driver may end the bind inside its handler, and be unloaded as soon as it is out of it.
static void
open_complete_work(void *arg)
{
    struct ndis_open *open = arg;
    struct ndis_protocol *protocol = open->binding->protocol;
    struct sched *sched = protocol->ndis->box->sched;
    NDIS_HANDLE context = open->binding->context;
    NDIS_STATUS status = open_finish(open);
    ndis_free(open);
    NDIS_CALL_VOID(protocol->image, "ProtocolOpenAdapterCompleteEx", protocol->chars.OpenAdapterCompleteHandlerEx(context, status));
    if (atomic_fetch_sub(&protocol->binding_count, 1) == 1)
        sched_wake(sched, &protocol->binding_count, UINT32_MAX);
}

static bool
open_pends(struct ndis_adapter *adapter)
{
    struct sched *sched = adapter->module.ndis->box->sched;
    bool odd = !(adapter->opens++ & 1);
    return sched->is_sim ? sched_draw(sched, SCHED_DRAW_ORDER, 2) == 0 : odd;
}

static NDIS_STATUS
open_pend(const struct ndis_open *open)
{
    struct ndis_protocol *protocol = open->binding->protocol;
    struct ndis_open *later = ndis_alloc(sizeof *later);
    if (!later) {
        ndis_binding_free(open->binding);
        return NDIS_STATUS_RESOURCES;
    }
    *later = *open;
    later->work = (struct ke_work){.fn = open_complete_work, .context = later};
    KIRQL old = ke_lock_take(&protocol->ndis->lock);
    open->bind->opening = true;
    ke_lock_drop(&protocol->ndis->lock, old);
    atomic_fetch_add(&protocol->binding_count, 1);   // deregistration waits for the worker
    ndis_event_note(protocol->ndis, NDIS_EVENT_OPEN_PENDED);
    ke_work_queue_own(protocol->ndis->box, &later->work);
    return NDIS_STATUS_PENDING;
}

NDIS_STATUS
ndis_binding_open(struct ndis_protocol *protocol, NDIS_HANDLE context, const NDIS_OPEN_PARAMETERS *parameters,
                  struct ndis_bind *bind, NDIS_HANDLE *handle, bool starved)
{
    struct ndis_open open = {.bind = bind, .handle = handle, .selected = parameters->SelectedMediumIndex, .starved = starved};
    *handle = NULL;
    NDIS_STATUS status = open_check(protocol, parameters, bind, &open.medium);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    open.binding = open_binding(protocol, context, parameters, bind->adapter);
    if (!open.binding)
        return NDIS_STATUS_RESOURCES;
    return open_pends(bind->adapter) ? open_pend(&open) : open_finish(&open);
}
