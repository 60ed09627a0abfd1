// SPDX-License-Identifier: MIT
// A call from one driver into another that goes by no DDI: through a table or a callback that the one gave the other. The runtime does not
// see such a call, so the verifier would take the code that runs for its caller's: a NET_BUFFER_LIST that is the called driver's for one
// that the caller touches. One of the two says so around the call; nbx/rnic.h is an example, where the transport does it both ways.
//   nbx_cross_in(&crossing, routine) -> routine(...) -> nbx_cross_out(&crossing)
// A transport calls the event handlers of its TDI clients so, by the names that their pages give them: nbx_cross_in_named.
// OURS: Windows has no such thing, and a driver that includes this runs in a box alone.
#ifndef NBX_CROSS_H
#define NBX_CROSS_H

#include <wdm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nbx_crossing {
    PVOID reserved[4];
};

// The driver whose code lies at routine runs from here on this thread; without a verifier, whoever ran. Cheap then, a walk of the loaded
// images else.
// irql: any; nbx_cross_out at the same   owns: *crossing is the caller's, until nbx_cross_out
NTAPI VOID nbx_cross_in(struct nbx_crossing *crossing, const VOID *routine);
// The same; name, a literal, is what a report calls the routine: "ClientEventReceive".
NTAPI VOID nbx_cross_in_named(struct nbx_crossing *crossing, const VOID *routine, PCSTR name);
// And whoever ran before. Crossings end in the reverse order of their beginnings.
NTAPI VOID nbx_cross_out(struct nbx_crossing *crossing);

#ifdef __cplusplus
}
#endif
#endif
