// SPDX-License-Identifier: MIT
// NDK (RDMA) as NDIS knows it: which miniports are providers, which of their adapters have it enabled, and who has opened it there. What
// an opened adapter does is between consumer and provider (ndkpi.h); nothing of it passes here, but for a strict verifier or a trace
// (watch.h).
//
//   provider.c   MiniportSetOptions -> ndis_ndk_provider_set;   MiniportInitializeEx -> ndis_ndk_attributes;
//                NetEventNDKEnable, NetEventNDKDisable -> ndis_ndk_event
//   client.c     ndis_ndk_arrive and ndis_ndk_depart tell the clients; a client opens and closes adapters in between
// An adapter "is there" while clients may open it. It comes when NDK is enabled, its stack has run since it was initialised and it is
// awake; it goes with NetEventNDKDisable, before sleep and before it is halted, and whoever makes it go waits on the PnP thread until all
// that was opened there has been closed.
#ifndef NBX_NDIS_NDK_NDK_H
#define NBX_NDIS_NDK_NDK_H

#include <ndisndk.h>

#include "ndis/ndis.h"

struct io_image;
struct ndis_ndk_client;
struct ndis_ndk_open;

enum ndis_ndk_gone {                          // as enum nbx_ndk_gone
    NDIS_NDK_DISABLED,
    NDIS_NDK_ASLEEP,
    NDIS_NDK_REMOVED,
    NDIS_NDK_SURPRISE
};

struct ndis_ndk_arrival {
    NET_IFINDEX if_index;
    NET_LUID luid;
    const char *name;
    const NDIS_NDK_CAPABILITIES *capabilities;
};

// Both on the PnP thread at PASSIVE, no lock held; they call into a driver.
struct ndis_ndk_client {
    struct list node;                         // ndis->ndk_clients; changed and walked on the PnP thread alone
    struct list opens;                        // of struct ndis_ndk_open; guarded by ndis->lock
    struct ndis *ndis;
    struct io_image *image;                   // whose it is; NULL: the runtime's
    bool is_called;                           // inside one of the two
    void (*on_arrival)(struct ndis_ndk_client *client, const struct ndis_ndk_arrival *arrival);
    void (*on_removal)(struct ndis_ndk_client *client, NET_IFINDEX if_index, enum ndis_ndk_gone why);
};

// ---- clients ------------------------------------------------------------------------------------------------------------------------
// irql: PASSIVE; locks: none; all of them may call into drivers.

// owns: client is the caller's, and stays where it is, until it is removed. calls: on_arrival for what is there
void ndis_ndk_client_add(struct box *box, struct ndis_ndk_client *client);
// fails: adapters that it has open, or a call from inside its own event, are a broken contract
void ndis_ndk_client_remove(struct ndis_ndk_client *client);
// owns: *adapter is the client's until ndis_ndk_close   fails: see nbx_ndk_adapter_open; *adapter is NULL then
NDIS_STATUS ndis_ndk_open(struct ndis_ndk_client *client, NET_IFINDEX if_index, NDK_VERSION version, NDK_ADAPTER **adapter);
// fails: an adapter that the client has not opened is a broken contract
void ndis_ndk_close(struct ndis_ndk_client *client, NDK_ADAPTER *adapter);

#endif
