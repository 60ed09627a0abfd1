// SPDX-License-Identifier: MIT
// The front of include/nbx/cross.h: a call between drivers that no door of ours sees.
//   nbx_cross_in -> ke_driver_enter_code -> ... the other driver's code ... -> nbx_cross_out -> ke_driver_leave
// Between the two the fence (src/verify/fence.c) shows what the called driver may touch, and a report names it.
#include <nbx/cross.h>

#include <string.h>

#include "nt/ke/ke.h"

_Static_assert(sizeof(struct ke_crossing) <= sizeof(struct nbx_crossing), "a crossing fits");

NTAPI VOID
nbx_cross_in(struct nbx_crossing *crossing, const VOID *routine)
{
    nbx_cross_in_named(crossing, routine, "a call from another driver");
}

NTAPI VOID
nbx_cross_in_named(struct nbx_crossing *crossing, const VOID *routine, PCSTR name)
{
    struct ke_crossing inner = ke_driver_enter_code(ke_self(), routine, name);
    memcpy(crossing, &inner, sizeof inner);
}

NTAPI VOID
nbx_cross_out(struct nbx_crossing *crossing)
{
    struct ke_crossing inner;
    memcpy(&inner, crossing, sizeof inner);
    ke_driver_leave(ke_self(), inner);
}
