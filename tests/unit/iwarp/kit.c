// SPDX-License-Identifier: MIT
// Two iWARP ends over byte pipes, or one and a peer that is typed by hand; see kit.h.
#include "kit.h"
#include "base/bytes.h"
#include "harness/harness.h"
#include <errno.h>

const struct setup setup_plain = {
    .uses = {IWARP_USE_CRC | IWARP_USE_ENHANCED, IWARP_USE_CRC},
    .rtr = {MPA_RTR_WRITE, MPA_RTR_WRITE},
    .reads = {{8, 8}, {8, 8}},
};

// ---- memory and regions

static void *
kit_take(void *context, size_t bytes)
{
    struct side *side = context;
    side->blocks++;
    if (side->memory.taken_bytes + bytes > side->taken_most)
        side->taken_most = side->memory.taken_bytes + bytes;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
kit_give(void *context, void *block, size_t bytes)
{
    struct side *side = context;
    (void)bytes;
    side->blocks--;
    free(block);
}

struct region *
side_region(struct side *side, uint32_t tag, uint64_t base, uint32_t bytes)
{
    ck_assert_uint_lt(side->n_regions, KIT_REGIONS);
    struct region *region = &side->regions[side->n_regions++];
    *region = (struct region){.tag = tag, .base = base, .bytes = bytes};
    region->low = calloc(1, bytes / 2 + 1);
    region->high = calloc(1, bytes - bytes / 2 + 1);
    region->may_read = region->may_write = region->may_invalidate = region->is_valid = true;
    return region;
}

uint8_t *
region_at(struct region *region, uint32_t at)
{
    return at < region->bytes / 2 ? region->low + at : region->high + (at - region->bytes / 2);
}

uint8_t
pattern_at(uint64_t seed, uint64_t at)
{
    uint64_t x = (seed + at) * 0x9E3779B97F4A7C15u;
    return (uint8_t)(x >> 56 ^ x >> 20);
}

void
region_fill(struct region *region, uint64_t seed)
{
    for (uint32_t i = 0; i < region->bytes; i++)
        *region_at(region, i) = pattern_at(seed, i);
}

void
region_free(struct region *region)
{
    free(region->low);
    free(region->high);
    *region = (struct region){0};
}

static struct region *
region_find(struct side *side, uint32_t tag)
{
    for (unsigned i = 0; i < side->n_regions; i++)
        if (side->regions[i].tag == tag && side->regions[i].is_valid)
            return &side->regions[i];
    return NULL;
}

static enum rdma_fault
kit_map(void *context, uint32_t tag, uint64_t offset, uint32_t count, enum rdma_access access, struct rdma_map *map)
{
    struct side *side = context;
    struct region *region = region_find(side, tag);
    side->maps++;
    ck_assert_uint_gt(count, 0);
    ck_assert_uint_ge(offset + count, offset);
    if (!region)
        return RDMA_FAULT_TAG;
    if (region->is_foreign)
        return RDMA_FAULT_DOMAIN;
    if (access == RDMA_REMOTE_READ ? !region->may_read : !region->may_write)
        return RDMA_FAULT_RIGHTS;
    if (offset < region->base || offset - region->base > region->bytes || count > region->bytes - (offset - region->base))
        return RDMA_FAULT_BOUNDS;
    uint32_t at = (uint32_t)(offset - region->base), left = (at < region->bytes / 2 ? region->bytes / 2 : region->bytes) - at;
    *map = (struct rdma_map){.bytes = region_at(region, at), .count = left < count ? left : count};
    return RDMA_FAULT_NONE;
}

static enum rdma_fault
kit_invalidate(void *context, uint32_t tag)
{
    struct side *side = context;
    struct region *region = region_find(side, tag);
    if (!region)
        return RDMA_FAULT_TAG;
    if (region->is_foreign)
        return RDMA_FAULT_DOMAIN;
    if (!region->may_invalidate)
        return RDMA_FAULT_INVALIDATE;
    region->is_valid = false;
    side->invalidations++;
    return RDMA_FAULT_NONE;
}

static struct rdma_work *
kit_receive(void *context)
{
    struct side *side = context;
    struct list *node = list_pop_front(&side->receives);
    return node ? LIST_ENTRY_OF(node, struct rdma_work, link) : NULL;
}

static int
kit_local(void *context, struct rdma_work *work)
{
    struct side *side = context;
    (void)work;
    side->local_calls++;
    return side->local_status;
}

static const struct rdma_ops kit_ops = {
    .on_map = kit_map, .on_invalidate = kit_invalidate, .on_receive = kit_receive, .on_local = kit_local};

// ---- works

static uint32_t
cut(struct pair *pair, uint64_t left, uint32_t pieces_left)
{
    return pieces_left <= 1 || left < 2 ? (uint32_t)left : (uint32_t)prng_below(&pair->prng, left + 1);
}

static struct kit_work *
work_take(struct side *side, enum rdma_kind kind, uint64_t bytes)
{
    for (unsigned i = 0; i < KIT_WORKS; i++)
        if (!side->works[i].is_busy) {
            struct kit_work *work = &side->works[i];
            memset(work, 0, sizeof *work);
            work->is_busy = true;
            work->work.kind = kind;
            work->work.bytes = bytes;
            return work;
        }
    ck_abort_msg("no work is free");
    return NULL;
}

static void
work_text(struct pair *pair, struct kit_work *work, uint64_t bytes)
{
    uint32_t n = 1 + (uint32_t)prng_below(&pair->prng, 20), at = 0;
    work->text = calloc(1, bytes + 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t piece = cut(pair, bytes - at, n - i);
        work->spans[i] = (struct eng_span){.bytes = work->text + at, .count = piece};
        work->sinks[i] = (struct rdma_sink){.bytes = work->text + at, .count = piece};
        at += piece;
    }
    work->work.spans = work->spans;
    work->work.sinks = work->sinks;
    work->work.n_spans = work->work.n_sinks = n;
}

struct kit_work *
side_work(struct pair *pair, struct side *side, enum rdma_kind kind, uint64_t bytes, uint64_t seed)
{
    struct kit_work *work = work_take(side, kind, bytes);
    if (kind == RDMA_SEND || kind == RDMA_WRITE) {
        work_text(pair, work, bytes);
        for (uint64_t i = 0; i < bytes; i++)
            work->text[i] = pattern_at(seed, i);
    }
    return work;
}

struct kit_work *
side_receive(struct pair *pair, struct side *side, uint32_t bytes)
{
    struct kit_work *work = work_take(side, RDMA_RECEIVE, bytes);
    work_text(pair, work, bytes);
    list_push_back(&side->receives, &work->work.link);
    return work;
}

int
side_post(struct pair *pair, struct side *side, struct kit_work *work)
{
    return iwarp_post(side->c, &work->work, pair->now_us);
}

struct kit_work *
side_done(struct side *side)
{
    struct rdma_work *work = iwarp_done_next(side->c);
    return work ? LIST_ENTRY_OF(work, struct kit_work, work) : NULL;
}

void
kit_work_free(struct kit_work *work)
{
    free(work->text);
    memset(work, 0, sizeof *work);
}

uint8_t *
kit_text(struct kit_work *work, uint64_t at)
{
    return work->text + at;
}

bool
text_is(struct kit_work *work, uint64_t bytes, uint64_t seed)
{
    for (uint64_t i = 0; i < bytes; i++)
        if (work->text[i] != pattern_at(seed, i))
            return false;
    return true;
}

// ---- pipes

static void
grow(uint8_t **bytes, size_t *room, size_t want)
{
    if (want <= *room)
        return;
    *room = want * 2;
    *bytes = realloc(*bytes, *room);
}

static void
pipe_put(struct pipe *pipe, const void *bytes, size_t count)
{
    grow(&pipe->bytes, &pipe->room, pipe->count + count + 1);
    if (count)
        memcpy(pipe->bytes + pipe->count, bytes, count);
    pipe->count += count;
}

static bool
leave(struct pair *pair, struct side *side)
{
    struct tcp_send *send;
    bool moved = false;
    while ((send = iwarp_run_next(side->c))) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < send->n_spans; i++) {
            if (side->peer)
                pipe_put(&side->peer->in, send->spans[i].bytes, send->spans[i].count);
            if (pair->setup.keep_sent || !side->peer) {
                grow(&side->sent, &side->sent_room, side->sent_count + send->spans[i].count + 1);
                memcpy(side->sent + side->sent_count, send->spans[i].bytes, send->spans[i].count);
                side->sent_count += send->spans[i].count;
            }
            sum += send->spans[i].count;
        }
        ck_assert_uint_eq(sum, send->bytes);
        ck_assert_uint_gt(sum, 0);
        list_push_back(&side->held, &send->link);
        moved = true;
    }
    if (iwarp_wants_fin(side->c)) {
        if (side->peer)
            side->peer->in.has_fin = true;
        iwarp_fin_sent(side->c);
        moved = true;
    }
    if (iwarp_wants_abort(side->c) && !side->reset) {
        side->reset = true;
        moved = true;
    }
    return moved;
}

static bool
give_back(struct pair *pair, struct side *side)
{
    struct list *node;
    bool moved = false;
    while (!(pair->runs_late && prng_below(&pair->prng, 3)) && (node = list_pop_front(&side->held))) {
        struct tcp_send *send = LIST_ENTRY_OF(node, struct tcp_send, link);
        send->acked_bytes = send->bytes;
        iwarp_run_done(side->iwarp, send, pair->now_us);
        moved = true;
    }
    return moved || !list_is_empty(&side->held);
}

// Show what the reader may see, each piece in a block of its own.
static bool
show(struct pair *pair, struct side *side)
{
    struct pipe *pipe = &side->in;
    struct eng_span spans[64];
    size_t n = 0, at = 0;
    if (pipe->seen == pipe->count)
        return false;
    size_t most = pair->piece_max ? pair->piece_max : 3000, more = 1 + prng_below(&pair->prng, most);
    pipe->seen = pipe->seen + more < pipe->count ? pipe->seen + more : pipe->count;
    if (pipe->seen < iwarp_need(side->c))
        return true;
    while (at < pipe->seen) {
        size_t piece = n == 63 ? pipe->seen - at : 1 + prng_below(&pair->prng, pipe->seen - at);
        uint8_t *block = malloc(piece);
        memcpy(block, pipe->bytes + at, piece);
        spans[n++] = (struct eng_span){.bytes = block, .count = (uint32_t)piece};
        at += piece;
    }
    size_t used = iwarp_input(side->c, spans, n, pair->now_us);
    ck_assert_uint_le(used, pipe->seen);
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)spans[i].bytes);
    memmove(pipe->bytes, pipe->bytes + used, pipe->count - used);
    pipe->count -= used;
    pipe->seen -= used;
    return true;
}

bool
side_step(struct pair *pair, struct side *side)
{
    bool moved = leave(pair, side);
    moved |= give_back(pair, side);
    moved |= leave(pair, side);
    moved |= show(pair, side);
    if (side->in.has_fin && !side->in.told_fin && side->in.seen == side->in.count) {
        side->in.told_fin = true;
        iwarp_peer_fin(side->c, side->in.count, pair->now_us);
        moved = true;
    }
    uint32_t events = iwarp_events(side->c);
    side->disconnects += !!(events & RDMA_EVENT_DISCONNECT);
    side->events |= events;
    return moved || events;
}

void
pair_run(struct pair *pair)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < 2; i++) {
            struct side *side = &pair->sides[i];
            if (!side->c)
                continue;
            moved |= side_step(pair, side);
            if (side->reset && side->peer && side->peer->c && !(side->peer->events & RDMA_EVENT_CLOSED)) {
                side->peer->in.count = side->peer->in.seen = 0;
                iwarp_lost(side->peer->c, false);
                moved = true;
            }
        }
    }
}

// ---- pairs

static void
side_open(struct pair *pair, int n)
{
    struct side *side = &pair->sides[n];
    const struct setup *setup = &pair->setup;
    struct iwarp_open open = {
        .role = n ? RDMA_RESPONDER : RDMA_INITIATOR,
        .uses = setup->uses[n],
        .rtr = setup->rtr[n],
        .emss_bytes = setup->emss ? setup->emss : 1448,
        .ops = &kit_ops,
        .context = side,
        .reads = setup->reads[n],
        .private_bytes = setup->private_bytes[n],
        .private_count = n ? 0 : setup->private_count[n],
    };
    ck_assert_int_eq(iwarp_open(side->iwarp, &open, pair->now_us, &side->c), 0);
}

static void
side_begin(struct pair *pair, int n)
{
    struct side *side = &pair->sides[n];
    struct iwarp_params params = pair->setup.params;
    if (!params.reads_max)
        iwarp_params_default(&params);
    side->memory = (struct eng_memory){.on_take = kit_take, .on_give = kit_give, .context = side};
    list_init(&side->receives);
    list_init(&side->held);
    side->iwarp = iwarp_create(&side->memory, &params);
    ck_assert_ptr_nonnull(side->iwarp);
}

void
pair_open(struct pair *pair, const struct setup *setup, uint64_t seed)
{
    memset(pair, 0, sizeof *pair);
    pair->setup = *setup;
    pair->now_us = 1000000;
    prng_seed(&pair->prng, seed);
    for (int i = 0; i < 2; i++) {
        side_begin(pair, i);
        pair->sides[i].peer = &pair->sides[1 - i];
        side_open(pair, i);
    }
}

void
pair_connect(struct pair *pair)
{
    const struct setup *setup = &pair->setup;
    pair_run(pair);
    ck_assert_uint_eq(pair->sides[1].events, RDMA_EVENT_REQUEST);
    ck_assert_int_eq(iwarp_accept(pair->sides[1].c, setup->reads[1], setup->private_bytes[1], setup->private_count[1], pair->now_us), 0);
    pair_run(pair);
    ck_assert_uint_eq(pair->sides[0].events, RDMA_EVENT_REPLY);
    ck_assert_int_eq(iwarp_complete_connect(pair->sides[0].c, pair->now_us), 0);
    pair_run(pair);
    ck_assert_uint_eq(pair->sides[0].events, RDMA_EVENT_REPLY | RDMA_EVENT_ESTABLISHED);
    ck_assert_uint_eq(pair->sides[1].events, RDMA_EVENT_REQUEST | RDMA_EVENT_ESTABLISHED);
    pair->sides[0].events = pair->sides[1].events = 0;
}

void
pair_close(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        struct side *side = &pair->sides[i];
        struct list *node;
        if (!side->iwarp)
            continue;
        if (side->c)
            iwarp_release(side->c);
        while ((node = list_pop_front(&side->held)))
            iwarp_run_done(side->iwarp, LIST_ENTRY_OF(node, struct tcp_send, link), pair->now_us);
        iwarp_destroy(side->iwarp);
        ck_assert_uint_eq(side->memory.taken_bytes, 0);
        ck_assert_uint_eq(side->blocks, 0);
        for (unsigned r = 0; r < side->n_regions; r++)
            region_free(&side->regions[r]);
        for (unsigned w = 0; w < KIT_WORKS; w++)
            kit_work_free(&side->works[w]);
        free(side->in.bytes);
        free(side->sent);
    }
}

// ---- by hand

void
raw_bytes(struct pair *pair, const void *bytes, size_t count)
{
    pipe_put(&pair->sides[1].in, bytes, count);
    pair_run(pair);
}

void
raw_open(struct pair *pair)
{
    uint8_t frame[532];
    memset(pair, 0, sizeof *pair);
    pair->setup = setup_plain;
    pair->now_us = 1000000;
    prng_seed(&pair->prng, 1);
    side_begin(pair, 1);
    side_open(pair, 1);
    raw_bytes(pair, frame, request_make(frame, false, 0x40, 1, NULL, 0));
    ck_assert_int_eq(iwarp_accept(pair->sides[1].c, (struct rdma_reads){2, 2}, NULL, 0, pair->now_us), 0);
    pair_run(pair);
    ck_assert_uint_eq(pair->sides[1].events, RDMA_EVENT_REQUEST | RDMA_EVENT_ESTABLISHED);
    pair->sides[1].sent_count = 0;
    pair->sides[1].events = 0;
}

void
raw_ulpdu(struct pair *pair, const uint8_t *ulpdu, size_t count)
{
    static uint8_t fpdu[70000];
    raw_bytes(pair, fpdu, fpdu_make(fpdu, ulpdu, count));
}

void
raw_tagged(struct pair *pair, bool is_last, uint8_t opcode, uint32_t tag, uint64_t offset, uint32_t bytes)
{
    static uint8_t ulpdu[70000];
    size_t head = tagged_make(ulpdu, is_last, opcode, tag, offset);
    memset(ulpdu + head, 0xEE, bytes);
    raw_ulpdu(pair, ulpdu, head + bytes);
}

void
raw_untagged(struct pair *pair, bool is_last, uint8_t opcode, uint32_t queue, uint32_t sequence, uint32_t offset, uint32_t bytes)
{
    static uint8_t ulpdu[70000];
    size_t head = untagged_make(ulpdu, is_last, opcode, queue, sequence, offset);
    memset(ulpdu + head, 0xEE, bytes);
    raw_ulpdu(pair, ulpdu, head + bytes);
}

void
raw_fin(struct pair *pair)
{
    pair->sides[1].in.has_fin = true;
    pair_run(pair);
}

void
raw_terminated(struct pair *pair, unsigned layer, unsigned type, unsigned code, bool has_ddp, bool has_rdmap)
{
    struct side *side = &pair->sides[1];
    const uint8_t *at = side->sent, *last = NULL;
    while (at < side->sent + side->sent_count) {        // the last FPDU
        size_t count = bytes_load_be16(at), pad = -(2 + count) & 3;
        last = at;
        ck_assert_uint_eq(bytes_load_le32(at + 2 + count + pad), crc_by_bits(at, 2 + count + pad));
        at += 2 + count + pad + 4;
    }
    ck_assert_ptr_nonnull(last);
    ck_assert_uint_eq(last[2], 0x41);
    ck_assert_uint_eq(last[3], 0x47);
    ck_assert_uint_eq(bytes_load_be32(last + 4), 0);
    ck_assert_uint_eq(bytes_load_be32(last + 8), 2);
    ck_assert_uint_eq(bytes_load_be32(last + 12), 1);
    ck_assert_uint_eq(bytes_load_be32(last + 16), 0);
    ck_assert_uint_eq(last[20] >> 4, layer);
    ck_assert_uint_eq(last[20] & 15, type);
    ck_assert_uint_eq(last[21], code);
    ck_assert_uint_eq(last[22], (has_ddp ? 0xC0 : 0) | (has_rdmap ? 0x20 : 0));
    ck_assert_uint_eq(last[23], 0);
    size_t ddp = has_ddp ? 2u + (last[26] & 0x80 ? 14 : 18) : 0;
    ck_assert_uint_eq(bytes_load_be16(last), 18 + 4 + ddp + (has_rdmap ? 28 : 0));
    struct iwarp_info info;
    iwarp_info(side->c, &info);
    ck_assert(info.sent_terminate && info.end == RDMA_END_TERMINATED);
    ck_assert_uint_eq(side->disconnects, 1);
    ck_assert(!side->reset);
    ck_assert(!iwarp_wants_fin(side->c));               // it was sent
}
