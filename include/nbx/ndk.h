// SPDX-License-Identifier: MIT
// The consumer's way to NDK (RDMA) adapters. OURS: how a Windows consumer finds and opens one is in no public page (only what it does
// with the open adapter is: ndkpi.h), so this interface stands for it; a driver that includes it runs in a box alone.
//
//   nbx_ndk_client_register -> on_arrival(if_index) -> nbx_ndk_adapter_open -> NDK_ADAPTER.Dispatch ... -> nbx_ndk_adapter_close
//   -> ... -> on_removal(if_index): close what is open there -> nbx_ndk_client_deregister (DriverUnload)
//
// An adapter arrives when its miniport has NDK enabled and its stack runs for the first time (a transport may bind to it only then);
// later when NDK is enabled (NetEventNDKEnable) or the adapter wakes up. It goes when NDK is disabled, before it sleeps, when it is
// removed. Pausing is none of these: RDMA is no NBL, and connections live on (docs/decisions/0010-ndk-and-power.md says why).
// Events come at PASSIVE_LEVEL, one at a time, on the thread on which the adapter changes: the change waits until every client has
// returned and, for a removal, until every NDK adapter that was opened on it has been closed. Closing inside on_removal is the plain way;
// a client may also return and close from another thread.
// All functions: irql PASSIVE, locks none held. They have the driver's calling convention (NTAPI).
#ifndef NBX_NDK_H
#define NBX_NDK_H

#include <ndisndk.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nbx_ndk_client;

struct nbx_ndk_arrival {
    NET_IFINDEX if_index;
    NET_LUID luid;
    const char *name;                                // "nic0", the adapter's name in the stack file
    const NDIS_NDK_CAPABILITIES *capabilities;       // what the miniport said of it, NdkInfo included
};

enum nbx_ndk_gone {
    NBX_NDK_DISABLED,                                // NetEventNDKDisable
    NBX_NDK_ASLEEP,                                  // the adapter goes to D1, D2 or D3
    NBX_NDK_REMOVED,                                 // it is about to be halted
    NBX_NDK_SURPRISE                                 // its hardware is gone: the provider has ended every connection
};

// arrival, its name and capabilities are lent for the call.
typedef VOID NTAPI nbx_ndk_arrival_fn(PVOID context, const struct nbx_ndk_arrival *arrival);
typedef VOID NTAPI nbx_ndk_removal_fn(PVOID context, NET_IFINDEX if_index, enum nbx_ndk_gone why);

struct nbx_ndk_client_config {
    PDRIVER_OBJECT driver;                           // whose code the two are
    PVOID context;
    nbx_ndk_arrival_fn *on_arrival;                  // may be NULL
    nbx_ndk_removal_fn *on_removal;                  // may be NULL, for a client that polls the statuses and closes in time itself
};

// Adapters that are there already arrive before this returns.
// owns: *client is the caller's until nbx_ndk_client_deregister; the config is copied
// fails: STATUS_INVALID_PARAMETER (no driver), STATUS_INSUFFICIENT_RESOURCES; nothing has been called then
NTAPI NTSTATUS nbx_ndk_client_register(const struct nbx_ndk_client_config *config, struct nbx_ndk_client **client);
// Waits for an event that runs; none comes after it. Adapters that are still open are a broken contract (reported, fatal): they have a
// provider's objects that call into the client. Not from inside an event.
NTAPI VOID nbx_ndk_client_deregister(struct nbx_ndk_client *client);

// Open one instance; several are fine. version: the major wanted and the least minor; the adapter's Header.Version is what the provider
// has, of the same major and no lower minor [ndisndk/nc-ndisndk-open_ndk_adapter_handler].
// owns: *adapter is the caller's until nbx_ndk_adapter_close
// An on_removal may come while this runs: what is opened after it has to be closed all the same, or the removal waits for ever.
// fails: NDIS_STATUS_ADAPTER_NOT_FOUND (no such interface, or its miniport has no NDK), NDIS_STATUS_ADAPTER_NOT_READY (NDK is off, the
// adapter sleeps or is going), NDIS_STATUS_BAD_VERSION, NDIS_STATUS_RESOURCES, what else the provider says; *adapter is NULL then
NTAPI NDIS_STATUS nbx_ndk_adapter_open(struct nbx_ndk_client *client, NET_IFINDEX if_index, NDK_VERSION version, NDK_ADAPTER **adapter);
// When it returns, every callback of every object of the adapter has returned, and the adapter is gone. The objects have to be closed
// (their closes may still be pending). Never from inside a callback of NDK. fails: an adapter that this client has not opened is reported
NTAPI VOID nbx_ndk_adapter_close(struct nbx_ndk_client *client, NDK_ADAPTER *adapter);

#ifdef __cplusplus
}
#endif
#endif
