// SPDX-License-Identifier: MIT
// A driver that names an older NDIS gets that version's structures.
//
// This file is compiled as an NDIS 6.20 filter and an NDIS 6.20 miniport. Its slots are those of 6.20, fewer than the
// runtime's, and every field up to them lies where the runtime has it.
#define NDIS620 1
#define NDIS620_MINIPORT 1
#include <ndis.h>

#include "harness/harness.h"

_Static_assert(NDIS_SUPPORT_NDIS6 && NDIS_SUPPORT_NDIS61 && NDIS_SUPPORT_NDIS620, "6.20 contains what came before");
_Static_assert(!NDIS_SUPPORT_NDIS630 && !NDIS_SUPPORT_NDIS680, "6.20 contains nothing later");
_Static_assert(MaxNetBufferListInfo == 18, "slots of 6.20");
_Static_assert(__builtin_offsetof(NET_BUFFER_LIST, NetBufferListInfo) == 0x90, "slots begin where they always do");
_Static_assert(sizeof(NET_BUFFER_LIST) == 0x120, "18 slots");
_Static_assert(NDIS_FILTER_MAJOR_VERSION == 6 && NDIS_FILTER_MINOR_VERSION == 20, "filter version");
_Static_assert(NDIS_MINIPORT_MAJOR_VERSION == 6 && NDIS_MINIPORT_MINOR_VERSION == 20, "miniport version");
#if defined(NDIS60_MINIPORT) || defined(NDIS630_MINIPORT)
#error "drivers ask for their version with a chain of #if defined, so one version must not define another"
#endif
_Static_assert(NDIS_RUNTIME_VERSION_620 == 0x60014, "major and minor version in the halves");
_Static_assert(sizeof(NDIS_FILTER_DRIVER_CHARACTERISTICS) == 0xe0, "filter characteristics of 6.20");

TEST(a_6_20_driver_has_the_slots_of_6_20) { ck_assert_int_eq(MaxNetBufferListInfo, 18); }
