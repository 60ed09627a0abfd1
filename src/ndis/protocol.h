// SPDX-License-Identifier: MIT
// Protocol drivers: registration, and the binding calls a protocol makes; the front doors are ddi_protocol.c.
#ifndef NBX_NDIS_PROTOCOL_H
#define NBX_NDIS_PROTOCOL_H

#include "ndis/ndis_int.h"

// irql: PASSIVE   owns: *out until deregister   calls: ProtocolSetOptions
// fails: NDIS_STATUS_BAD_VERSION, NDIS_STATUS_BAD_CHARACTERISTICS, NDIS_STATUS_RESOURCES, or what ProtocolSetOptions said
NDIS_STATUS ndis_protocol_register(NDIS_HANDLE context, const NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars, struct ndis_protocol **out);
// Unbinds all its bindings first. irql: PASSIVE
void ndis_protocol_deregister(struct ndis_protocol *protocol);

// The object of a binding, nowhere listed yet. fails: NULL when out of memory
struct ndis_binding *ndis_binding_create(struct ndis_protocol *protocol, struct ndis_adapter *adapter);
void ndis_binding_free(struct ndis_binding *binding);

// Only inside ProtocolBindAdapterEx (until the bind is completed). *handle, and what the parameters' SelectedMediumIndex points at, are
// written before anything can be indicated: inside the call, or after NDIS_STATUS_PENDING before ProtocolOpenAdapterCompleteEx.
// starved: fail as without memory, at once or later.
// irql:  PASSIVE   owns: *handle until close   calls: ProtocolOpenAdapterCompleteEx from a worker, after NDIS_STATUS_PENDING
// fails: NDIS_STATUS_ADAPTER_NOT_FOUND, NDIS_STATUS_UNSUPPORTED_MEDIA, NDIS_STATUS_RESOURCES, NDIS_STATUS_FAILURE
NDIS_STATUS ndis_binding_open(struct ndis_protocol *protocol, NDIS_HANDLE context, const NDIS_OPEN_PARAMETERS *parameters,
                              struct ndis_bind *bind, NDIS_HANDLE *handle, bool starved);
// irql: PASSIVE. NDIS_STATUS_SUCCESS: closed, no call follows. NDIS_STATUS_PENDING: sends, receives or requests are still out;
// ProtocolCloseAdapterCompleteEx follows after the last.
NDIS_STATUS ndis_binding_close(struct ndis_binding *binding);
void ndis_unbind_complete(struct ndis_unbind *unbind);
void ndis_bind_complete(struct ndis_bind *bind, NDIS_STATUS status);
// NdisCompleteNetPnPEvent. Returns false when this event is not pending at the binding.
bool ndis_binding_event_complete(struct ndis_binding *binding, const NET_PNP_EVENT_NOTIFICATION *event, NDIS_STATUS status);
// A driver asks to be unbound: queued.
void ndis_binding_unbind_request(struct ndis_binding *binding);

#endif
