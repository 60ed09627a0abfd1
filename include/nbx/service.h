// SPDX-License-Identifier: MIT
// How the work of a driver went, for whoever runs the box. OURS: on Windows a service that is a driver has its event log, and somebody who
// reads it. A driver that includes this runs in a box alone.
//
//   a measurement, a transfer:   ... -> nbx_service_done, or nbx_service_failed
//   a server:                    nbx_service_failed when it cannot do what it is there for; else nothing, for as long as it serves
//
// `ndisbox run` and `sim` make one finding of a service that failed (exit 1, `findings` and `services` of --json), show the words of each
// that said something at the end, and go on: the others have work of their own. In a script `wait: { service: BOX.NAME }` waits until it
// is done or has failed. Words of a driver that is under no `services:` are taken alike.
// What a peer does wrong is no failure of a server; what a stop in the middle left undone is none of a client: it says nothing then.
#ifndef NBX_SERVICE_H
#define NBX_SERVICE_H

#include <wdm.h>

#ifdef __cplusplus
extern "C" {
#endif

// driver: the caller's own. text: what was done, or what went wrong, lent; printable, one line without its end; 200 characters are kept.
// Both may be called more than once (an adapter that comes back is new work): the last words stand, but a failure is never taken back.
// irql: <= DISPATCH   locks: any of the driver's   fails: never
NTAPI VOID nbx_service_done(PDRIVER_OBJECT driver, PCSTR text);
NTAPI VOID nbx_service_failed(PDRIVER_OBJECT driver, PCSTR text);

#ifdef __cplusplus
}
#endif
#endif
