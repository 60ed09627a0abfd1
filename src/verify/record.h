// SPDX-License-Identifier: MIT
// A record of the ledger, for ledger.c, which writes it, and ages.c, which looks how old it is. See ledger.c for who may touch it when.
// It lies before the head of its NBL in the pool's block, where the pool has left room for it. Each hand-over touches it, and there are
// as many as NBLs are under way: what is touched then is one line, and one of the two that hold the history.
#ifndef NBX_VERIFY_RECORD_H
#define NBX_VERIFY_RECORD_H

#include <ndis.h>
#include <stdbool.h>

#include "base/list.h"
#include "nt/ke/ke.h"
#include "verify/fence.h"
#include "verify/history.h"
#include "verify/ledger.h"
#include "verify/sums.h"

struct io_image;
struct ndis_module;

enum {
    RECORD_HOME = 1,                          // with its origin
    RECORD_SUMMED = 2,                        // it was sent, not indicated, and summed up then
    RECORD_BETWEEN = 4,                       // given, and not taken yet
    RECORD_LENT = 8,                          // the holder has it until its handler returns (RESOURCES)
    RECORD_TOLD = 16,                         // that it is kept too long
    RECORD_OFFLOAD = 32                       // it left home for an offload target, or came from one
};

struct verify_record {
    // Compared, never followed. NULL: it was never given away, and nothing else in here means anything.
    _Alignas(KE_CACHE_LINE) const struct ndis_module *origin;
    const struct io_image *origin_image, *holder;
    const struct ndis_module *at;             // which module of the holder has to give it on; NULL: none has to
    uint64_t since_ns;                        // when that took it; only on sim, as nobody else asks (ages.c)
    struct verify_sums sums;
    uint32_t state;                           // RECORD_...
    struct verify_history history;            // its counters end the line
    // seldom
    NET_BUFFER_LIST *nbl;
    struct list node;                         // in ages.records; alone where nobody looks
    struct fence_post post;
    struct verify_hop hop[VERIFY_HOPS];       // of a request on an offloaded connection, the layers that it has passed
    uint32_t hops;
};
_Static_assert(offsetof(struct verify_record, history.mark) == KE_CACHE_LINE, "what each hand-over writes is one line");

#endif
