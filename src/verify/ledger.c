// SPDX-License-Identifier: MIT
// See ledger.h.
//   ndis_send_submit  -> verify_lent_out   (each NBL of the list, before anybody below sees it)
//   send_top_deliver  -> verify_lent_back  (before the protocol's completion handler)
// What the drivers below may write is left out of the checksum: Next, Status, Scratch, MiniportReserved, NdisReserved, the context
// area and the out-of-band slots, of which some are answers [network/net-buffer-list-structure]. Data starts may be moved below, but
// have to be back where they were.
#include "verify/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/io/image.h"
#include "nt/ke/ke.h"
#include "verify/refuse.h"

struct verify_lent {
    struct verify_lent *outer;                // an intermediate driver below sent it on: what the sender above had lent
    uint64_t structures, data;
    const struct io_image *sender;
    uint32_t thread;                          // the sender's, as sched numbers them
    uint64_t at_ns;
};

struct sums {
    uint64_t structures, data;
};

static void
sum_word(uint64_t *sum, uint64_t word)
{
    *sum = (*sum ^ word) * 0x9e3779b97f4a7c15ull;
    *sum ^= *sum >> 29;
}

static void
sum_bytes(uint64_t *sum, const uint8_t *bytes, size_t count)
{
    uint64_t word;
    for (; count >= sizeof word; count -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        *sum = (*sum ^ word) * 0x9e3779b97f4a7c15ull;
    }
    word = 0;
    memcpy(&word, bytes, count);
    sum_word(sum, word ^ (uint64_t)count << 56);
}

static void
sum_mdls(struct sums *sums, const NET_BUFFER *nb)
{
    size_t skip = nb->CurrentMdlOffset, left = nb->DataLength;
    for (const MDL *mdl = nb->CurrentMdl; mdl && left; mdl = mdl->Next) {
        sum_word(&sums->structures, (uintptr_t)mdl->Next);
        sum_word(&sums->structures, (uintptr_t)mdl->MappedSystemVa);
        sum_word(&sums->structures, mdl->ByteCount);
        if (skip >= mdl->ByteCount) {
            skip -= mdl->ByteCount;
            continue;
        }
        size_t part = mdl->ByteCount - skip < left ? mdl->ByteCount - skip : left;
        sum_bytes(&sums->data, (const uint8_t *)mdl->MappedSystemVa + skip, part);
        left -= part;
        skip = 0;
    }
}

static struct sums
sums_of(const NET_BUFFER_LIST *nbl)
{
    struct sums sums = {1, 1};
    sum_word(&sums.structures, (uintptr_t)nbl->FirstNetBuffer);
    sum_word(&sums.structures, (uintptr_t)nbl->SourceHandle);
    sum_bytes(&sums.structures, (const uint8_t *)nbl->ProtocolReserved, sizeof nbl->ProtocolReserved);
    for (const NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next) {
        sum_word(&sums.structures, (uintptr_t)nb->Next);
        sum_word(&sums.structures, (uintptr_t)nb->MdlChain);
        sum_word(&sums.structures, (uintptr_t)nb->CurrentMdl);
        sum_word(&sums.structures, nb->CurrentMdlOffset);
        sum_word(&sums.structures, nb->DataLength);
        sum_word(&sums.structures, nb->DataOffset);
        sum_bytes(&sums.structures, (const uint8_t *)nb->ProtocolReserved, sizeof nb->ProtocolReserved);
        sum_mdls(&sums, nb);
    }
    return sums;
}

void
verify_lent_out(struct verify_lent **record, const NET_BUFFER_LIST *nbl, const struct io_image *sender, bool sends_on)
{
    if (*record && (!sends_on || (*record)->sender == sender)) {
        char text[200];
        snprintf(text, sizeof text, "%s sends a NET_BUFFER_LIST that is still out (sent before by %s)", sender->name,
                 (*record)->sender->name);
        verify_broken("NdisSendNetBufferLists", text, "NBX-0005");
    }
    struct verify_lent *lent = malloc(sizeof *lent);
    if (!lent)
        verify_broken("NdisSendNetBufferLists", "no memory for the ledger", "NBX-0005");
    struct sums sums = sums_of(nbl);
    *lent = (struct verify_lent){*record, sums.structures, sums.data, sender, sched_self->id, sched_now_ns(sched_self->sched)};
    *record = lent;
}

void
verify_lent_back(struct verify_lent **record, const NET_BUFFER_LIST *nbl)
{
    struct verify_lent *lent = *record;
    if (!lent)
        verify_broken("SendNetBufferListsComplete",
                      "the NET_BUFFER_LIST is not out: completed twice, or completed without having been sent", "NBX-0005");
    struct sums sums = sums_of(nbl);
    if (sums.structures != lent->structures || sums.data != lent->data) {
        char text[300];
        snprintf(text, sizeof text,
                 "the %s of a NET_BUFFER_LIST changed while it was out: lent by %s (thread %u, %.6f s), which may touch it only after its "
                 "completion; whoever is below has to give it back as it was (found by checksum at completion)",
                 sums.structures != lent->structures ? "structures" : "data", lent->sender->name, lent->thread,
                 (double)lent->at_ns / 1e9);
        verify_broken("NdisSendNetBufferLists", text, "NBX-0005");
    }
    *record = lent->outer;
    free(lent);
}
