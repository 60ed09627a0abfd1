// SPDX-License-Identifier: MIT
// What NDIS keeps of an adapter with NDK, and the calls between this room and the rest of NDIS. ndk.h is for the rooms above.
#ifndef NBX_NDIS_NDK_NDK_INT_H
#define NBX_NDIS_NDK_NDK_INT_H

#include "ndis/ndis_int.h"
#include "ndis/ndk/ndk.h"

// From its attributes to its halt; made and dropped on the PnP thread.
struct ndis_ndk {
    NDIS_NDK_CAPABILITIES capabilities;       // copies; NdkInfo points to info
    NDK_ADAPTER_INFO info;
    bool is_enabled;                          // what the miniport said last
    bool has_run;                             // its stack has been restarted since it was initialised
    bool is_there;                            // may be opened; guarded by ndis->lock, as the next is
    uint32_t opens;                           // open, being opened or being closed
    struct list events;                       // of the miniport's, waiting for the PnP thread; likewise
    bool is_halting;                          // no event has anybody to hear of it any more; likewise
    struct ke_latch none;                     // set when opens falls to 0
};

// NdisSetOptionalHandlers, in MiniportSetOptions.
// fails: NDIS_STATUS_NOT_SUPPORTED (below NDIS 6.30), NDIS_STATUS_FAILURE (the structure); nothing has changed then
NDIS_STATUS ndis_ndk_provider_set(struct ndis_miniport_driver *driver, const NDIS_OBJECT_HEADER *handlers);
// NdisMSetMiniportAttributes. fails: NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_RESOURCES
NDIS_STATUS ndis_ndk_attributes(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes);
void ndis_ndk_drop(struct ndis_adapter *adapter);
// NetEventNDKEnable or NetEventNDKDisable from the miniport: waits until drivers above and clients have done what it asks for.
// fails: false, this adapter has no NDK
bool ndis_ndk_event(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event);
// MiniportHaltEx comes next: events that wait for the PnP thread, which this is, end. After the departure.
void ndis_ndk_halting(struct ndis_adapter *adapter);
// NDIS_BIND_PARAMETERS
void ndis_ndk_bind(const struct ndis_adapter *adapter, NDIS_BIND_PARAMETERS *parameters);

// On the PnP thread: clients hear of it if anything has changed.
void ndis_ndk_restarted(struct ndis_adapter *adapter);
void ndis_ndk_arrive(struct ndis_adapter *adapter);
// Nothing is open there when this returns.
void ndis_ndk_depart(struct ndis_adapter *adapter, enum ndis_ndk_gone why);
// Awake again, or it did not fall asleep.
void ndis_ndk_awake(struct ndis_adapter *adapter);

#endif
