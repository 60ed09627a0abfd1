// SPDX-License-Identifier: MIT
// A record of the ledger, for ledger.c, which writes it, and ages.c, which looks how old it is. See ledger.c for who may touch it when.
#ifndef NBX_VERIFY_RECORD_H
#define NBX_VERIFY_RECORD_H

#include <ndis.h>
#include <stdbool.h>

#include "base/list.h"
#include "verify/fence.h"
#include "verify/history.h"

struct io_image;
struct ndis_module;

struct verify_record {
    const struct ndis_module *origin;         // compared, never followed
    const struct io_image *origin_image, *holder;
    NET_BUFFER_LIST *nbl;
    uint64_t structures, data;                // of what was sent
    bool is_summed, is_home, is_between;
    bool is_lent;                             // the holder has it until its handler returns (RESOURCES)
    bool is_told;                             // that it is kept too long
    const struct ndis_module *at;             // which module of the holder has to give it on; NULL: none has to
    uint64_t since_ns;                        // when that took it
    struct list node;                         // in ages.records; alone where nobody looks
    struct fence_post post;
    struct verify_history history;
};

#endif
