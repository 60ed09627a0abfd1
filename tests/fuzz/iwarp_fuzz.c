// SPDX-License-Identifier: MIT
// libFuzzer on a whole iWARP end with a model peer: the bytes are a script of what the peer says (start-up frames and FPDUs that are nearly
// right: numbers relative to what is expected, CRCs mended unless the script says otherwise), what the owner does, and how time passes.
// Nothing may be written but what the model allows, take memory past the bound, or stay allocated; after an end nothing more is sent but
// one Terminate.
#include "base/bytes.h"
#include "engine/iwarp/crc.h"
#include "engine/iwarp/ddp.h"
#include "engine/iwarp/iwarp.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MEMORY_MAX (1u << 20)
#define REGION_BYTES 4096
#define GUARD 64
#define WORKS 16

struct model {
    struct eng_memory memory;
    struct iwarp *iwarp;
    struct iwarp_connection *c;
    struct bytes_reader script;
    uint64_t now_us;
    uint32_t sequence[3], blocks, events;
    uint8_t region[GUARD + REGION_BYTES + GUARD];       // tag 1: read and write; tag 2: the same bytes, read only
    uint8_t buffer[GUARD + 512 + GUARD];
    struct rdma_sink sinks[2];
    struct rdma_work works[WORKS], receives[WORKS];
    bool is_used[WORKS], is_received[WORKS];
    struct eng_span span;
    struct tcp_send *held[256];
    unsigned n_held;
    uint8_t *in;
    size_t in_count;
    bool has_fin, tag_is_gone;
};

static void *
take(void *context, size_t bytes)
{
    struct model *model = context;
    model->blocks++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
give(void *context, void *block, size_t bytes)
{
    struct model *model = context;
    (void)bytes;
    model->blocks--;
    free(block);
}

static enum rdma_fault
map(void *context, uint32_t tag, uint64_t offset, uint32_t count, enum rdma_access access, struct rdma_map *map)
{
    struct model *model = context;
    if (tag == 3)
        return RDMA_FAULT_DOMAIN;
    if ((tag != 1 && tag != 2) || (tag == 1 && model->tag_is_gone))
        return RDMA_FAULT_TAG;
    if (tag == 2 && access != RDMA_REMOTE_READ)
        return RDMA_FAULT_RIGHTS;
    if (!count || offset + count < offset)
        abort();
    if (offset > REGION_BYTES || count > REGION_BYTES - offset)
        return RDMA_FAULT_BOUNDS;
    uint32_t left = 1000 - (uint32_t)offset % 1000;
    *map = (struct rdma_map){.bytes = model->region + GUARD + offset, .count = left < count ? left : count};
    return RDMA_FAULT_NONE;
}

static enum rdma_fault
invalidate(void *context, uint32_t tag)
{
    struct model *model = context;
    if (tag != 1)
        return tag == 2 ? RDMA_FAULT_INVALIDATE : RDMA_FAULT_TAG;
    model->tag_is_gone = true;
    return RDMA_FAULT_NONE;
}

static struct rdma_work *
receive(void *context)
{
    struct model *model = context;
    for (unsigned i = 0; i < WORKS; i++)
        if (!model->is_received[i]) {
            model->is_received[i] = true;
            model->receives[i] = (struct rdma_work){.kind = RDMA_RECEIVE, .sinks = model->sinks, .n_sinks = 2, .bytes = 512};
            return &model->receives[i];
        }
    return NULL;
}

static int
local(void *context, struct rdma_work *work)
{
    (void)context;
    return work->flags & RDMA_SOLICITED ? -5 : 0;
}

static const struct rdma_ops ops = {.on_map = map, .on_invalidate = invalidate, .on_receive = receive, .on_local = local};

static void
drain(struct model *model)
{
    struct tcp_send *send;
    while (model->n_held < 256 && (send = iwarp_run_next(model->c))) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < send->n_spans; i++)
            sum += send->spans[i].count;
        if (sum != send->bytes || !sum)
            abort();
        model->held[model->n_held++] = send;
    }
    if (iwarp_wants_fin(model->c))
        iwarp_fin_sent(model->c);
    model->events |= iwarp_events(model->c);
    struct rdma_work *work;
    while ((work = iwarp_done_next(model->c))) {
        if (work->kind == RDMA_RECEIVE)
            model->is_received[work - model->receives] = false;
        else
            model->is_used[work - model->works] = false;
    }
}

static void
give_back(struct model *model, bool is_good)
{
    unsigned n = model->n_held;
    struct tcp_send *held[256];
    memcpy(held, model->held, sizeof held);
    model->n_held = 0;
    for (unsigned i = 0; i < n; i++) {
        held[i]->status = is_good ? 0 : -104;
        iwarp_run_done(model->iwarp, held[i], model->now_us);
    }
}

// Show all that came, in a block of its own.
static void
show(struct model *model)
{
    uint8_t *block = malloc(model->in_count + 1);
    if (model->in_count)
        memcpy(block, model->in, model->in_count);
    size_t half = model->in_count / 2;
    struct eng_span spans[2] = {{.bytes = block, .count = (uint32_t)half}, {.bytes = block + half}};
    spans[1].count = (uint32_t)(model->in_count - half);
    size_t used = iwarp_input(model->c, spans, 2, model->now_us);
    free(block);
    if (used > model->in_count)
        abort();
    if (used)
        memmove(model->in, model->in + used, model->in_count - used);
    model->in_count -= used;
}

static void
say(struct model *model, const uint8_t *bytes, size_t count)
{
    model->in = realloc(model->in, model->in_count + count + 1);
    memcpy(model->in + model->in_count, bytes, count);
    model->in_count += count;
    show(model);
}

static void
say_fpdu(struct model *model)
{
    struct bytes_reader *s = &model->script;
    uint8_t fpdu[2 + 18 + 2048 + 8] = {0}, shape = bytes_get_u8(s), opcode = bytes_get_u8(s);
    uint32_t head, count = bytes_get_be16(s) % 1500;
    bool is_tagged = shape & 1;
    fpdu[2] = (uint8_t)((is_tagged ? 0x80 : 0) | (shape & 2 ? 0x40 : 0) | (shape & 4 ? bytes_get_u8(s) & 0x3F : 1));
    fpdu[3] = shape & 8 ? opcode : 0x40 | (opcode & 7);
    if (is_tagged) {
        bytes_store_be32(fpdu + 4, shape & 16 ? bytes_get_u8(s) : 1);
        bytes_store_be64(fpdu + 8, (uint64_t)(int64_t)(int16_t)bytes_get_be16(s));
        head = 14;
    } else {
        uint32_t queue = (opcode & 7) == 1 ? 1 : (opcode & 7) == 7 ? 2 : 0;
        bytes_store_be32(fpdu + 4, shape & 16 ? bytes_get_u8(s) : 0);
        bytes_store_be32(fpdu + 8, queue + (shape & 32 ? bytes_get_u8(s) : 0));
        bytes_store_be32(fpdu + 12, model->sequence[queue] + (uint32_t)(shape & 64 ? (int8_t)bytes_get_u8(s) : 0));
        bytes_store_be32(fpdu + 16, shape & 128 ? bytes_get_be16(s) : 0);
        model->sequence[queue] += !!(shape & 2);
        if (queue == 1)
            count = 28 + (shape & 128 ? count % 4 : 0);
        head = 18;
    }
    for (uint32_t i = 0; i < count && i < 64; i++)
        fpdu[2 + head + i] = bytes_get_u8(s);
    uint32_t ulpdu = head + count, pad = mpa_pad(ulpdu);
    bytes_store_be16(fpdu, (uint16_t)ulpdu);
    if (opcode & 0x80)
        fpdu[bytes_get_u8(s) % (2 + head)] ^= bytes_get_u8(s);
    if (!(opcode & 0x40))
        bytes_store_le32(fpdu + 2 + ulpdu + pad, crc_finish(crc_add(CRC_START, fpdu, 2 + ulpdu + pad)));
    say(model, fpdu, 2 + ulpdu + pad + 4);
}

static void
say_frame(struct model *model)
{
    struct bytes_reader *s = &model->script;
    uint8_t bytes[MPA_FRAME_BYTES + MPA_PRIVATE_BYTES_MAX], text[64], shape = bytes_get_u8(s);
    struct mpa_frame frame = {.is_reply = shape & 1, .flags = bytes_get_u8(s), .revision = 1 + !!(shape & 2), .rtr = bytes_get_u8(s) & 7};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)i;
    frame.is_peer_to_peer = shape & 4;
    frame.reads = (struct rdma_reads){bytes_get_u8(s), bytes_get_u8(s)};
    frame.private_bytes = text;
    frame.private_count = shape >> 2;
    size_t count = mpa_frame_write(&frame, bytes);
    if (bytes_get_u8(s) > 240)
        bytes[bytes_get_u8(s) % count] ^= bytes_get_u8(s);
    say(model, bytes, count);
}

static void
post(struct model *model)
{
    struct bytes_reader *s = &model->script;
    for (unsigned i = 0; i < WORKS; i++)
        if (!model->is_used[i]) {
            uint8_t shape = bytes_get_u8(s);
            struct rdma_work *work = &model->works[i];
            *work = (struct rdma_work){.kind = shape % 4, .flags = shape >> 4, .spans = &model->span, .n_spans = 1};
            work->bytes = work->kind == RDMA_READ ? bytes_get_be16(s) % 3000 : work->kind == RDMA_LOCAL ? 0 : model->span.count;
            work->sink_tag = 1;
            work->sink_offset = bytes_get_u8(s);
            model->is_used[i] = iwarp_post(model->c, work, model->now_us) == 0;
            return;
        }
}

static void
act(struct model *model, uint8_t what)
{
    struct rdma_reads reads = {what & 7, what >> 4};
    switch (what % 10) {
    case 0: iwarp_accept(model->c, reads, "yes", 3, model->now_us); break;
    case 1: iwarp_reject(model->c, "no", 2, model->now_us); break;
    case 2: iwarp_complete_connect(model->c, model->now_us); show(model); break;
    case 3: iwarp_disconnect(model->c, model->now_us); break;
    case 4: iwarp_flush(model->c); break;
    case 5: iwarp_abort(model->c); break;
    case 6:
        model->has_fin = true;
        iwarp_peer_fin(model->c, model->in_count, model->now_us);
        break;
    case 7: iwarp_set_emss(model->c, 100u + 40u * what); break;
    case 8: iwarp_lost(model->c, what & 0x80); break;
    default: model->tag_is_gone = !model->tag_is_gone;
    }
}

static void
begin(struct model *model)
{
    struct iwarp_params params;
    uint8_t shape = bytes_get_u8(&model->script);
    iwarp_params_default(&params);
    params.send_bytes_max = 20000;
    model->memory = (struct eng_memory){.on_take = take, .on_give = give, .context = model, .limit_bytes = MEMORY_MAX};
    model->iwarp = iwarp_create(&model->memory, &params);
    model->span = (struct eng_span){.bytes = model->region + GUARD, .count = 3000};
    model->sinks[0] = (struct rdma_sink){.bytes = model->buffer + GUARD, .count = 100};
    model->sinks[1] = (struct rdma_sink){.bytes = model->buffer + GUARD + 100, .count = 412};
    memset(model->region, 0xA5, sizeof model->region);
    memset(model->buffer, 0xA5, sizeof model->buffer);
    struct iwarp_open open = {.role = shape & 1 ? RDMA_RESPONDER : RDMA_INITIATOR, .uses = shape >> 1 & 7, .rtr = shape >> 4 & 7};
    open.emss_bytes = 1448;
    open.ops = &ops;
    open.context = model;
    open.reads = (struct rdma_reads){4, 4};
    if (!model->iwarp || iwarp_open(model->iwarp, &open, model->now_us, &model->c))
        abort();
}

static void
end(struct model *model)
{
    for (unsigned i = 0; i < GUARD; i++)
        if (model->region[i] != 0xA5 || model->region[GUARD + REGION_BYTES + i] != 0xA5 || model->buffer[i] != 0xA5 ||
            model->buffer[GUARD + 512 + i] != 0xA5)
            abort();
    iwarp_flush(model->c);
    give_back(model, false);
    drain(model);
    iwarp_release(model->c);
    give_back(model, false);
    iwarp_destroy(model->iwarp);
    for (unsigned i = 0; i < WORKS; i++)
        if (model->is_used[i])
            abort();                        // flushed work comes back when TCP has given back its bytes
    if (model->blocks || model->memory.taken_bytes)
        abort();
    free(model->in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct model model;
    model = (struct model){.now_us = 1000000, .sequence = {1, 1, 1}};
    bytes_reader_init(&model.script, data, bytes);
    begin(&model);
    while (model.script.left_bytes) {
        uint8_t what = bytes_get_u8(&model.script);
        if (what < 120) {
            say_fpdu(&model);
        } else if (what < 150) {
            say_frame(&model);
        } else if (what < 180) {
            post(&model);
        } else if (what < 200) {
            give_back(&model, what & 15);
        } else if (what < 205) {
            model.now_us += (uint64_t)bytes_get_be16(&model.script) << (what & 15);
            iwarp_time(model.iwarp, model.now_us);
        } else {
            act(&model, bytes_get_u8(&model.script));
        }
        drain(&model);
    }
    end(&model);
    return 0;
}
