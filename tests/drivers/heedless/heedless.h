// SPDX-License-Identifier: MIT
// What the driver heedless shows as its device's extension: the event handlers of a TDI client, for a test to register with whatever
// transport, and what they are to do wrong.
#ifndef NBX_TESTS_HEEDLESS_H
#define NBX_TESTS_HEEDLESS_H

#include <tdikrnl.h>

#define HEEDLESS_EVENTS 11

enum heedless_crime {
    HEEDLESS_NONE,
    HEEDLESS_LOCK,                   // returns with a spin lock held
    HEEDLESS_IRQL,                   // returns at a higher IRQL than it was called at
    HEEDLESS_FORGETS                 // allocates a block of pool and forgets it
};

struct heedless {
    PVOID handlers[HEEDLESS_EVENTS]; // by TDI_EVENT_XXX; any TdiEventContext
    enum heedless_crime crime;
    VOID (*probe)(ULONG type);       // the test's, called from inside the handler; NULL: none
    LONG calls[HEEDLESS_EVENTS];
    KSPIN_LOCK lock;
};

#endif
