// SPDX-License-Identifier: MIT
// What a NET_BUFFER_LIST is made of, summed up: the ledger does it when one is sent and again when it is home, and the two are equal
// unless somebody changed what was not his. What the drivers below may write is left out: Next, Status, Scratch, MiniportReserved,
// NdisReserved, the context area and the out-of-band slots, of which some are answers [network/net-buffer-list-structure]. Data starts
// may be moved below, but have to be back where they were.
#ifndef NBX_VERIFY_SUMS_H
#define NBX_VERIFY_SUMS_H

#include <ndis.h>

struct verify_sums {
    uint32_t structures;                      // of the list, its NET_BUFFERs and their MDLs
    uint32_t data;                            // of the bytes they describe
};

// irql: any   locks: nobody changes it meanwhile
struct verify_sums verify_sums_of(const NET_BUFFER_LIST *nbl);

#endif
