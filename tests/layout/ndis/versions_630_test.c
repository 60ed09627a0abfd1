// SPDX-License-Identifier: MIT
// The Windows 8 runtime's own view: NDIS 6.30 with the two slots that NDIS keeps for itself, 26 in all.
#define NDIS630 1
#define NDIS_WRAPPER 1
#include <ndis.h>

#include "harness/harness.h"

_Static_assert(MaxNetBufferListInfo == 26, "slots of 6.30 with NDIS's own");
_Static_assert(sizeof(NET_BUFFER_LIST) == 0x160, "26 slots");

TEST(the_6_30_runtime_has_26_slots) { ck_assert_int_eq(MaxNetBufferListInfo, 26); }
