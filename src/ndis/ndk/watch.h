// SPDX-License-Identifier: MIT
// What passes between a consumer and a provider of NDK, watched (--verify strict; rules NBX-0700 and up of docs/rules).
// An object stays the provider's, where it is; its Dispatch is changed, before the consumer sees it, to a table of ours that checks and
// calls the provider's. Consumer's callbacks are given to the provider as ours. So no pointer that crosses has to be translated, and
// without the verifier there is nothing at all.
//   consumer -> object->Dispatch->NdkXxx (ours) -> [ndk_call ... provider's NdkXxx ... ] -> ndk_request_answered
//   provider -> completion, event (ours)        -> [ndk_frame ... consumer's callback ...]
// Every call stands between ke_driver_enter and ke_driver_leave: whose code runs is known as for NDIS's own calls.
#ifndef NBX_NDIS_NDK_WATCH_H
#define NBX_NDIS_NDK_WATCH_H

#include <ndkpi.h>

struct io_image;
struct ndis_adapter;
struct ndk_watch;

// An adapter was opened for a consumer (its driver's image; NULL: the runtime). Its Dispatch is ours from here on.
// irql: PASSIVE   owns: returns the watch, which ndk_watch_closed frees   fails: out of memory ends the run
struct ndk_watch *ndk_watch_open(struct ndis_adapter *adapter, struct io_image *consumer, NDK_ADAPTER *object);
// Before CloseNDKAdapterHandler, with the provider's own table put back; and when it has returned.
void ndk_watch_closing(struct ndk_watch *watch);
void ndk_watch_closed(struct ndk_watch *watch);

#endif
