// SPDX-License-Identifier: MIT
// What passes between a consumer and a provider of NDK, watched: for rules (--verify strict; NBX-0700 and up of docs/rules), for a trace,
// where it stands in words (trace.c), or for both.
// An object stays the provider's, where it is; its Dispatch is changed, before the consumer sees it, to a table of ours that checks and
// calls the provider's. Consumer's callbacks are given to the provider as ours. So no pointer that crosses has to be translated, and
// without a strict verifier and a trace there is nothing at all. A trace alone changes nothing of a run: no rule is looked at, contexts
// pass as they are, and a seed goes the same way.
//   consumer -> object->Dispatch->NdkXxx (ours) -> [ndk_call ... provider's NdkXxx ... ] -> ndk_request_answered
//   provider -> completion, event (ours)        -> [ndk_frame ... consumer's callback ...]
// For rules every call stands between ke_driver_enter and ke_driver_leave: whose code runs is known as for NDIS's own calls.
#ifndef NBX_NDIS_NDK_WATCH_H
#define NBX_NDIS_NDK_WATCH_H

#include <ndkpi.h>

struct io_image;
struct ndis_adapter;
struct ndk_watch;

// An adapter was opened for a consumer (its driver's image; NULL: the runtime). Its Dispatch is ours from here on.
// irql: PASSIVE   owns: returns the watch, which ndk_watch_closed frees   fails: out of memory ends the run
struct ndk_watch *ndk_watch_open(struct ndis_adapter *adapter, struct io_image *consumer, NDK_ADAPTER *object, bool is_strict);
// Before CloseNDKAdapterHandler, with the provider's own table put back; and when it has returned.
void ndk_watch_closing(struct ndk_watch *watch);
void ndk_watch_closed(struct ndk_watch *watch);
// In words: a consumer (NULL: the runtime's) opens or closes the adapter. Only when somebody listens.
void ndk_say_open(const struct ndis_adapter *adapter, const struct io_image *consumer, const char *call, const char *details);

#endif
