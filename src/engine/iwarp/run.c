// SPDX-License-Identifier: MIT
// Runs: what leaves as one tcp_send. FPDUs are written one behind the other: lengths, headers, pads, CRCs, markers and small payloads into
// the run's own room, larger payloads by reference. Pieces of room that lie beside each other are one span, so small FPDUs cost none.
//   iwarp_run_fpdu -> (run is full: iwarp_run_close) -> iwarp_run_next -> tcp_send -> iwarp_run_done
// A run is used again when TCP has given it back and no packet over its room is on its way any more.
#include "base/bytes.h"
#include "base/hash.h"
#include "engine/iwarp/crc.h"
#include "engine/iwarp/iwarp_int.h"

// One FPDU on its way into a run.
struct writer {
    struct iwarp_connection *c;
    struct iwarp_run *run;
    uint64_t start;                     // position of the length field
    uint64_t position;
    uint32_t crc;
};

static void
run_released(struct eng_owner *owner)
{
    struct iwarp_run *run = LIST_ENTRY_OF(owner, struct iwarp_run, owner);
    struct iwarp *iwarp = run->iwarp;
    iwarp->runs_out--;
    if (iwarp->runs_kept < IWARP_RUNS_KEPT) {
        iwarp->runs_kept++;
        list_push_front(&iwarp->free_runs, &run->link);
    } else {
        eng_give(iwarp->memory, run, sizeof *run);
    }
}

void
iwarp_runs_free(struct iwarp *iwarp)
{
    struct list *node;
    while ((node = list_pop_front(&iwarp->free_runs)))
        eng_give(iwarp->memory, LIST_ENTRY_OF(node, struct iwarp_run, link), sizeof(struct iwarp_run));
}

struct iwarp_run *
iwarp_run_take(struct iwarp_connection *c)
{
    struct iwarp *iwarp = c->iwarp;
    struct list *node = list_pop_front(&iwarp->free_runs);
    struct iwarp_run *run = node ? LIST_ENTRY_OF(node, struct iwarp_run, link) : eng_take(iwarp->memory, sizeof *run);
    if (!run) {
        c->is_starved = true;
        return NULL;
    }
    if (node)
        iwarp->runs_kept--;
    iwarp->runs_out++;
    // Not the spans nor the room: nobody reads them before they are written.
    run->send = (struct tcp_send){.spans = run->spans, .flags = TCP_SEND_PUSH};
    run->owner = (struct eng_owner){.holds = 1, .on_release = run_released};
    run->iwarp = iwarp;
    run->connection = c;
    run->end_position = 0;
    run->room_used = 0;
    list_init(&run->link);
    list_push_back(&c->out_runs, &run->out_link);
    return run;
}

void
iwarp_run_close(struct iwarp_connection *c)
{
    if (!c->run)
        return;
    c->run->end_position = c->position;
    list_push_back(&c->ready_runs, &c->run->link);
    c->run = NULL;
}

static void
run_grow(struct iwarp_run *run, uint32_t count)
{
    run->send.bytes += count;
    run->connection->in_flight_bytes += count;
    run->connection->bytes_out += count;
}

static void
put_span(struct iwarp_run *run, const struct eng_span *span)
{
    run->spans[run->send.n_spans++] = *span;
    run_grow(run, span->count);
}

// Into the room, which has space.
static void
put_room(struct iwarp_run *run, const void *bytes, uint32_t count)
{
    uint8_t *to = run->room + run->room_used;
    memcpy(to, bytes, count);
    run->room_used += count;
    struct eng_span *last = run->send.n_spans ? &run->spans[run->send.n_spans - 1] : NULL;
    if (last && last->owner == &run->owner && last->bytes + last->count == to) {
        last->count += count;
        run_grow(run, count);
    } else {
        uint32_t offset = (uint32_t)(to - run->room);
        put_span(run, &(struct eng_span){.bytes = to, .count = count, .offset = offset, .tag = run, .owner = &run->owner});
    }
}

bool
iwarp_run_frame(struct iwarp_connection *c, const struct mpa_frame *frame)
{
    uint8_t bytes[MPA_FRAME_BYTES + MPA_PRIVATE_BYTES_MAX];
    struct iwarp_run *run = iwarp_run_take(c);
    if (!run)
        return false;
    put_room(run, bytes, (uint32_t)mpa_frame_write(frame, bytes));
    list_push_back(&c->ready_runs, &run->link);
    return true;
}

// How much of count bytes goes before the next marker; writes that marker first when it is due.
static uint32_t
until_marker(struct writer *w, uint32_t count)
{
    if (!w->c->sends_markers)
        return count;
    if (w->position % MPA_MARKER_EVERY == 0) {
        uint8_t marker[MPA_MARKER_BYTES] = {0};
        if (w->position > w->start)
            bytes_store_be16(marker + 2, (uint16_t)(w->position - w->start));
        put_room(w->run, marker, sizeof marker);
        w->crc = crc_add(w->crc, marker, sizeof marker);
        w->position += sizeof marker;
    }
    uint32_t until = (uint32_t)(MPA_MARKER_EVERY - w->position % MPA_MARKER_EVERY);
    return until < count ? until : count;
}

static void
put_bytes(struct writer *w, const uint8_t *bytes, uint32_t count)
{
    while (count) {
        uint32_t piece = until_marker(w, count);
        put_room(w->run, bytes, piece);
        if (w->c->has_crc)
            w->crc = crc_add(w->crc, bytes, piece);
        w->position += piece;
        bytes += piece;
        count -= piece;
    }
}

static void
put_borrowed(struct writer *w, struct eng_span span)
{
    while (span.count) {
        struct eng_span piece = span;
        piece.count = until_marker(w, span.count);
        put_span(w->run, &piece);
        if (w->c->has_crc)
            w->crc = crc_add(w->crc, piece.bytes, piece.count);
        w->position += piece.count;
        span.bytes += piece.count;
        span.offset += piece.count;
        span.count -= piece.count;
    }
}

// A run with so much space left: the present one, or a new one behind it.
static struct iwarp_run *
run_for(struct iwarp_connection *c, uint32_t room_bytes, uint32_t n_spans)
{
    if (c->run && (c->run->room_used + room_bytes > IWARP_RUN_ROOM || c->run->send.n_spans + n_spans > IWARP_RUN_SPANS))
        iwarp_run_close(c);
    if (!c->run)
        c->run = iwarp_run_take(c);
    return c->run;
}

void
iwarp_digest_into(struct iwarp *iwarp, uint64_t *digest)
{
    iwarp->digest = digest;
}

// A tagged segment's offset is an address of memory, and so are two words of a read request's: they and what has them in it stay out.
static void
digest_add(const struct iwarp_connection *c, const struct ddp_header *header, const struct eng_span *pieces, uint32_t bytes)
{
    uint64_t digest = *c->iwarp->digest;
    digest = hash_fold(digest, (uint64_t)bytes << 16 | header->opcode << 8 | header->is_tagged << 1 | header->is_last);
    digest = hash_fold(digest, header->is_tagged ? header->tag : header->invalidate_tag);
    if (!header->is_tagged)
        digest = hash_fold(digest, (uint64_t)header->queue << 32 | header->sequence) ^ header->message_offset;
    if (header->opcode == RDMAP_READ_REQUEST && bytes == RDMAP_READ_BYTES && pieces->count == bytes) {
        struct rdmap_read read;
        rdmap_read_read(&read, pieces->bytes);
        digest = hash_fold(digest, (uint64_t)read.sink_tag << 32 | read.source_tag) ^ read.bytes;
    }
    *c->iwarp->digest = hash_fold(digest, c->position);
}

bool
iwarp_run_fpdu(struct iwarp_connection *c, const struct ddp_header *header, const struct eng_span *pieces, uint32_t n_pieces,
               uint32_t bytes)
{
    uint8_t head[MPA_LENGTH_BYTES + DDP_UNTAGGED_BYTES], tail[MPA_CRC_BYTES] = {0};
    uint32_t ulpdu = ddp_header_bytes(header->is_tagged) + bytes, wire = mpa_fpdu_bytes(c->position, ulpdu, c->sends_markers);
    uint32_t markers = (wire - mpa_fpdu_bytes(c->position, ulpdu, false)) / MPA_MARKER_BYTES;
    bool is_copied = bytes <= IWARP_COPY_BYTES;
    struct iwarp_run *run = run_for(c, is_copied ? wire : wire - bytes, is_copied ? 1 : n_pieces + 2 * markers + 2);
    if (!run)
        return false;
    bool starts_marked = c->sends_markers && c->position % MPA_MARKER_EVERY == 0;
    struct writer w = {.c = c, .run = run, .position = c->position, .crc = CRC_START};
    w.start = c->position + (starts_marked ? MPA_MARKER_BYTES : 0);
    bytes_store_be16(head, (uint16_t)ulpdu);
    put_bytes(&w, head, MPA_LENGTH_BYTES + (uint32_t)ddp_header_write(header, head + MPA_LENGTH_BYTES));
    for (uint32_t i = 0; i < n_pieces; i++)
        if (is_copied)
            put_bytes(&w, pieces[i].bytes, pieces[i].count);
        else
            put_borrowed(&w, pieces[i]);
    put_bytes(&w, tail, mpa_pad(ulpdu));
    until_marker(&w, MPA_CRC_BYTES);            // one between pad and CRC is in the CRC [RFC 5044 4.4]
    if (c->has_crc)
        bytes_store_le32(tail, crc_finish(w.crc));
    put_room(run, tail, MPA_CRC_BYTES);
    c->position += wire;
    c->fpdus_out++;
    if (c->iwarp->digest)
        digest_add(c, header, pieces, bytes);
    return true;
}

struct tcp_send *
iwarp_run_next(struct iwarp_connection *c)
{
    struct list *node = list_pop_front(&c->ready_runs);
    return node ? &LIST_ENTRY_OF(node, struct iwarp_run, link)->send : NULL;
}

void
iwarp_run_done(struct iwarp *iwarp, struct tcp_send *send, uint64_t now_us)
{
    struct iwarp_run *run = LIST_ENTRY_OF(send, struct iwarp_run, send);
    struct iwarp_connection *c = run->connection;
    (void)iwarp;
    list_remove(&run->out_link);
    if (c) {
        c->in_flight_bytes -= send->bytes;
        if (run->end_position > c->returned_position)
            c->returned_position = run->end_position;
        if (!send->status && run->end_position > c->acked_position)
            c->acked_position = run->end_position;
        iwarp_works_done(c);
        iwarp_progress(c, now_us);
        iwarp_pump(c, now_us);
        iwarp_check_closed(c);
    }
    eng_drop(&run->owner);
}
