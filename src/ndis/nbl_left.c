// SPDX-License-Identifier: MIT
// NET_BUFFER_LISTs and NET_BUFFERs that are out when their pool is freed (NBX-0301): from then on their memory is another's.
//   a pool goes -> ndis_nbl_pool_left, ndis_nb_pool_left -> how many are out -> one report for each place that allocated some, with the
//   stack of that and what the ledger knows of the first of them; without stacks (OS threads, not strict) one for the pool
// With the verifier off it is a line, counted as left behind. Clones from NDIS's own pool are their driver's.
#include <stdio.h>
#include <string.h>

#include "ndis/nbl.h"
#include "verify/ledger.h"
#include "verify/record.h"
#include "verify/report.h"
#include "verify/verify.h"

#define PLACES_MAX 16

struct place {
    const struct verify_mark *made;           // NULL: not known
    const void *object;
    const struct verify_history *history;     // the ledger's; NULL: never given away
    uint64_t count;
};

struct search {
    uint32_t origin_at, record_bytes;         // in a block: behind the head, and before it
    bool is_nbl;
    struct place places[PLACES_MAX];
    uint32_t count;
};

static const char *
kind_of(const struct search *search)
{
    return search->is_nbl ? "NET_BUFFER_LIST" : "NET_BUFFER";
}

uint32_t
ndis_origin_room(const struct ndis *ndis, size_t *bytes)
{
    if (!ndis->box->verify || !ndis->box->verify->with_stacks)
        return 0;
    size_t at = (*bytes + 15) & ~(size_t)15;
    *bytes = at + sizeof(struct verify_mark);
    return (uint32_t)at;
}

void
ndis_origin_set(void *block, uint32_t origin_at, const char *function)
{
    struct ke_thread *self = ke_self();
    *(struct verify_mark *)((char *)block + origin_at) = verify_mark_make(self->box->verify, "got by", function, self->driver, true);
}

void
ndis_origin_clear(void *block, uint32_t origin_at)
{
    ((struct verify_mark *)((char *)block + origin_at))->site = NULL;
}

static void
place_add(struct search *search, const struct verify_mark *made, const void *object, const struct verify_history *history)
{
    for (uint32_t i = 0; i < search->count; i++) {
        if (made && made->site != search->places[i].made->site)
            continue;
        search->places[i].count++;
        return;
    }
    if (search->count < PLACES_MAX)
        search->places[search->count++] = (struct place){made, object, history, 1};
}

static void
on_block(void *context, void *block)
{
    struct search *search = context;
    const struct verify_record *record = block;
    char *head = (char *)block + search->record_bytes;
    const struct verify_mark *made = search->origin_at ? (struct verify_mark *)(head + search->origin_at) : NULL;
    if (search->is_nbl && ((struct ndis_nbl *)head)->in_use)
        place_add(search, made, &((struct ndis_nbl *)head)->nbl, record->origin ? &record->history : NULL);
    else if (!search->is_nbl && made && made->site)
        place_add(search, made, &((struct ndis_nb *)head)->nb, NULL);
}

// The allocation, then what the ledger kept last.
static void
history_make(const struct place *place, struct verify_history *history)
{
    if (place->made) {
        struct verify_event line = verify_mark_event(place->made);
        line.frame_count = 0;                 // the report's own stack is this one
        verify_history_put(box_self()->verify, history, &line, line.what);
    }
    uint32_t count = place->history ? place->history->count : 0;
    for (uint32_t i = count > VERIFY_EVENTS - 1 ? count - (VERIFY_EVENTS - 1) : 0; i < count; i++)
        verify_history_mark(history, place->history->mark[i ? 1 + (i - 1) % (VERIFY_EVENTS - 1) : 0]);
}

static void
place_report(const struct search *search, const struct place *place, const struct io_image *driver, const char *pool)
{
    struct verify_history history = {0};
    struct verify_event made = {0};
    char text[200];
    history_make(place, &history);
    if (place->made)
        made = verify_mark_event(place->made);
    snprintf(text, sizeof text, "%llu %s%s of %s still out, got by %s%s", (unsigned long long)place->count, kind_of(search),
             place->count == 1 ? "" : "s", pool, driver->name, place->made ? " here" : "");
    verify_report(&(struct verify_finding){.rule = NBX_0301,
                                           .driver = driver,
                                           .function = search->is_nbl ? "NdisFreeNetBufferListPool" : "NdisFreeNetBufferPool",
                                           .text = text,
                                           .object_kind = place->object ? kind_of(search) : NULL,
                                           .object = place->object,
                                           .history = &history,
                                           .frames = place->made ? made.frames : NULL,
                                           .frame_count = made.frame_count,
                                           .is_return = true});
}

static void
blocks_left(struct ndis *ndis, struct ndis_slab *slab, ULONG tag, const struct io_image *image, struct search *search)
{
    uint64_t out = ndis_slab_out(slab), told = 0;
    char pool[64] = "NDIS's own pool";
    if (!out)
        return;
    if (image)
        snprintf(pool, sizeof pool, "the pool with tag '%.4s'", (const char *)&tag);
    if (ndis->box->verify)
        ndis_slab_each(slab, on_block, search);
    // NET_BUFFERs are known one by one only while stacks are kept.
    if (ndis->box->verify && image && !search->count)
        search->places[search->count++] = (struct place){.count = out};
    for (uint32_t i = 0; i < search->count; i++) {
        const struct place *place = &search->places[i];
        const struct io_image *driver = image ? image : place->made ? verify_mark_event(place->made).driver : NULL;
        if (!driver)
            continue;
        place_report(search, place, driver, pool);
        told += place->count;
    }
    if (told < out)
        ndis_pool_leak(ndis, kind_of(search), tag, image, out - told);
}

static void
on_block_lost(void *context, void *block)
{
    verify_nbl_lost(block);
}

void
ndis_nbl_pool_left(struct ndis_nbl_pool *pool)
{
    struct search search = {.origin_at = pool->origin_at, .record_bytes = pool->record_bytes, .is_nbl = true};
    blocks_left(pool->ndis, pool->slab, pool->tag, pool->image, &search);
    if (pool->record_bytes && ndis_slab_out(pool->slab))
        ndis_slab_each(pool->slab, on_block_lost, NULL);
}

void
ndis_nb_pool_left(struct ndis_nb_pool *pool)
{
    struct search search = {.origin_at = pool->origin_at};
    blocks_left(pool->ndis, pool->slab, pool->tag, pool->image, &search);
}
