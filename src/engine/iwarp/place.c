// SPDX-License-Identifier: MIT
// What comes in: each FPDU is whole and validated by MPA before DDP sees it; each segment is judged before a byte of it is placed; each
// message is delivered when its last segment is placed [RFC 5044 6, RFC 5041 5.4 and 7.1, RFC 5040 7.2].
//   tagged    a write: into the region that its tag names; a read response: into the sink of the oldest read that is not answered
//   untagged  a send: into the next receive buffer; a read request: into the ring of answers; a Terminate: to the owner
// The stream is in order, so a segment of an untagged message must be the next of the next message: other sequence numbers and message
// offsets are errors. Versions and opcodes are looked at before the rest, so that nothing is placed for a message that cannot be.
#include "engine/iwarp/iwarp_int.h"
#include <errno.h>

// A segment on its way through.
struct segment {
    struct iwarp_connection *c;
    struct ddp_header header;
    struct mpa_reader *payload;
    uint32_t segment_bytes, bytes;      // with and without the header
    uint64_t now_us;
};

static void
refuse(struct segment *s, enum iwarp_error error)
{
    iwarp_fail(s->c, error, &s->header, s->segment_bytes, NULL, s->now_us);
}

// The last byte after all others, and in one store: who watches it, on another processor, may then read what is before it. A plain copy
// promises no order of its own.
static void
copy_in_order(struct mpa_reader *payload, uint8_t *to, uint32_t count)
{
    uint8_t last;
    mpa_reader_copy(payload, to, count - 1);
    mpa_reader_copy(payload, &last, 1);
    __atomic_store_n(&to[count - 1], last, __ATOMIC_RELEASE);
}

static enum rdma_fault
place_tagged(struct segment *s, enum rdma_access access)
{
    struct iwarp_connection *c = s->c;
    uint64_t offset = s->header.offset, end;
    if (__builtin_add_overflow(offset, (uint64_t)s->bytes, &end))
        return RDMA_FAULT_WRAP;
    for (uint32_t left = s->bytes; left;) {
        struct rdma_map map = {0};
        enum rdma_fault fault = c->ops->on_map(c->context, s->header.tag, offset, left, access, &map);
        if (fault)
            return fault;
        copy_in_order(s->payload, map.bytes, map.count);
        offset += map.count;
        left -= map.count;
    }
    return RDMA_FAULT_NONE;
}

static void
write_in(struct segment *s)
{
    enum rdma_fault fault = place_tagged(s, RDMA_REMOTE_WRITE);
    if (fault)
        refuse(s, ddp_fault_error(fault));
}

// Its tag, offset and length are those of the request [RFC 5040 5.2.2]; of no bytes, only the length is looked at [RFC 5041 5.2].
static void
response_in(struct segment *s)
{
    struct iwarp_connection *c = s->c;
    if (list_is_empty(&c->reading)) {
        refuse(s, RDMAP_BAD_OPCODE);
        return;
    }
    struct rdma_work *work = LIST_ENTRY_OF(c->reading.next, struct rdma_work, read_link);
    if (s->bytes && s->header.tag != work->sink_tag) {
        refuse(s, DDP_INVALID_TAG);
        return;
    }
    uint32_t after = c->read_bytes + s->bytes;
    if ((s->bytes && s->header.offset != work->sink_offset + c->read_bytes) || s->bytes > work->bytes - c->read_bytes ||
        s->header.is_last != (after == work->bytes)) {
        refuse(s, DDP_BOUNDS);
        return;
    }
    enum rdma_fault fault = place_tagged(s, RDMA_READ_SINK);
    if (fault) {
        refuse(s, ddp_fault_error(fault));
        return;
    }
    c->read_bytes = after;
    if (s->header.is_last) {
        c->read_bytes = 0;
        iwarp_answer_read(c);
    }
}

static bool
place_gathered(struct iwarp_connection *c, struct segment *s)
{
    struct rdma_work *work = c->receiving;
    for (uint32_t left = s->bytes; left;) {
        struct rdma_map map = {0};
        if (!c->ops->on_gather(c->context, work, work->done_bytes, left, &map))
            return false;
        mpa_reader_copy(s->payload, map.bytes, map.count);
        work->done_bytes += map.count;
        left -= map.count;
    }
    return true;
}

// fails: false when the buffer may not be used any more
static bool
place_send(struct iwarp_connection *c, struct segment *s)
{
    const struct rdma_work *work = c->receiving;
    if (!work->sinks)
        return place_gathered(c, s);
    for (uint32_t left = s->bytes; left;) {
        const struct rdma_sink *sink = &work->sinks[c->receiving_sink];
        uint32_t piece = sink->count - c->in_sink;
        if (piece > left)
            piece = left;
        mpa_reader_copy(s->payload, sink->bytes + c->in_sink, piece);
        left -= piece;
        c->in_sink += piece;
        if (c->in_sink == sink->count) {
            c->receiving_sink++;
            c->in_sink = 0;
        }
    }
    c->receiving->done_bytes += s->bytes;
    return true;
}

static void
deliver_send(struct iwarp_connection *c, struct segment *s)
{
    struct rdma_work *work = c->receiving;
    uint8_t opcode = s->header.opcode;
    if (opcode == RDMAP_SEND_INVALIDATE || opcode == RDMAP_SEND_SE_INVALIDATE) {
        enum rdma_fault fault = c->ops->on_invalidate(c->context, s->header.invalidate_tag);
        if (fault) {
            // One of another domain is said to be one that cannot be invalidated [RFC 5040 5.3].
            refuse(s, fault == RDMA_FAULT_TAG ? RDMAP_INVALID_TAG : RDMAP_CANNOT_INVALIDATE);
            return;
        }
        work->done_flags |= RDMA_INVALIDATE;
        work->invalidate_tag = s->header.invalidate_tag;
    }
    if (opcode == RDMAP_SEND_SE || opcode == RDMAP_SEND_SE_INVALIDATE)
        work->done_flags |= RDMA_SOLICITED;
    c->receiving = NULL;
    c->in_sequence[DDP_QUEUE_SEND]++;
    iwarp_work_done(c, work, 0);
}

// The next receive buffer, for a message that begins.
static bool
receive_take(struct iwarp_connection *c)
{
    struct rdma_work *work = c->ops->on_receive(c->context);
    if (!work)
        return false;
    work->done_bytes = 0;
    work->done_flags = 0;
    work->is_internal = false;
    c->receiving = work;
    c->receiving_sink = c->in_sink = 0;
    return true;
}

static void
send_in(struct segment *s)
{
    struct iwarp_connection *c = s->c;
    // A send that is an RTR is the transport's own: it takes the first number, and a buffer that nobody posted.
    if (c->fpdus_in == 1 && c->rtr & MPA_RTR_SEND && c->role == RDMA_RESPONDER && !s->bytes && s->header.is_last) {
        c->in_sequence[DDP_QUEUE_SEND]++;
        return;
    }
    if (!c->receiving && !receive_take(c)) {
        refuse(s, DDP_NO_BUFFER);
        return;
    }
    struct rdma_work *work = c->receiving;
    if (s->header.message_offset != work->done_bytes) {
        refuse(s, DDP_MESSAGE_OFFSET);
        return;
    }
    if (s->bytes > work->bytes - work->done_bytes) {
        c->receiving = NULL;
        refuse(s, DDP_TOO_LONG);
        iwarp_work_done(c, work, -EMSGSIZE);
        return;
    }
    if (!place_send(c, s)) {
        c->receiving = NULL;
        refuse(s, DDP_LOCAL_CATASTROPHIC);
        iwarp_work_done(c, work, -EFAULT);
        return;
    }
    if (s->header.is_last)
        deliver_send(c, s);
}

static void
read_in(struct segment *s)
{
    struct iwarp_connection *c = s->c;
    uint8_t bytes[RDMAP_READ_BYTES];
    struct iwarp_answer answer = {.sequence = s->header.sequence};
    uint64_t end;
    struct rdma_map map = {0};
    if (c->n_answers == c->answers_max) {
        refuse(s, DDP_NO_BUFFER);
        return;
    }
    if (s->header.message_offset || s->bytes != RDMAP_READ_BYTES || !s->header.is_last) {
        refuse(s, s->header.message_offset ? DDP_MESSAGE_OFFSET : s->bytes > RDMAP_READ_BYTES ? DDP_TOO_LONG : RDMAP_UNSPECIFIED);
        return;
    }
    mpa_reader_copy(s->payload, bytes, sizeof bytes);
    rdmap_read_read(&answer.read, bytes);
    enum rdma_fault fault = RDMA_FAULT_NONE;
    const struct rdmap_read *read = &answer.read;
    // Of no bytes, nothing is looked at [RFC 5040 5.2.1].
    if (__builtin_add_overflow(read->source_offset, (uint64_t)read->bytes, &end))
        fault = read->bytes ? RDMA_FAULT_WRAP : RDMA_FAULT_NONE;
    else if (read->bytes)
        fault = c->ops->on_map(c->context, read->source_tag, read->source_offset, read->bytes, RDMA_REMOTE_READ, &map);
    if (fault) {
        iwarp_fail(c, rdmap_fault_error(fault), &s->header, s->segment_bytes, &answer.read, s->now_us);
        return;
    }
    c->answers[(c->answer_first + c->n_answers) % c->answers_max] = answer;
    c->n_answers++;
    c->in_sequence[DDP_QUEUE_READ]++;
}

static void
terminate_in(struct segment *s)
{
    uint8_t bytes[IWARP_TERMINATE_BYTES_MAX];
    struct iwarp_terminate terminate;
    uint32_t count = s->bytes < sizeof bytes ? s->bytes : sizeof bytes;
    mpa_reader_copy(s->payload, bytes, count);
    if (s->header.message_offset || !s->header.is_last || !terminate_read(&terminate, bytes, count))
        refuse(s, s->header.message_offset ? DDP_MESSAGE_OFFSET : RDMAP_UNSPECIFIED);
    else
        iwarp_terminated(s->c, &terminate, s->now_us);
}

static void
tagged_in(struct segment *s)
{
    if (s->header.opcode == RDMAP_WRITE)
        write_in(s);
    else if (s->header.opcode == RDMAP_READ_RESPONSE)
        response_in(s);
    else
        refuse(s, RDMAP_BAD_OPCODE);
}

static void
untagged_in(struct segment *s)
{
    uint8_t opcode = s->header.opcode;
    bool is_send = opcode >= RDMAP_SEND && opcode <= RDMAP_SEND_SE_INVALIDATE;
    uint32_t queue = is_send ? DDP_QUEUE_SEND : opcode == RDMAP_READ_REQUEST ? DDP_QUEUE_READ : DDP_QUEUE_TERMINATE;
    if (!is_send && opcode != RDMAP_READ_REQUEST && opcode != RDMAP_TERMINATE)
        refuse(s, RDMAP_BAD_OPCODE);
    else if (s->header.queue != queue)
        refuse(s, RDMAP_BAD_OPCODE);                    // not one of this queue
    else if (s->header.sequence != s->c->in_sequence[queue])
        refuse(s, DDP_SEQUENCE);
    else if (is_send)
        send_in(s);
    else if (opcode == RDMAP_READ_REQUEST)
        read_in(s);
    else
        terminate_in(s);
}

static void
ulpdu_in(struct iwarp_connection *c, struct mpa_fpdu *fpdu, uint64_t now_us)
{
    uint8_t bytes[DDP_UNTAGGED_BYTES] = {0};
    struct segment s = {.c = c, .payload = &fpdu->ulpdu, .segment_bytes = fpdu->ulpdu_bytes, .now_us = now_us};
    if (fpdu->ulpdu_bytes)
        mpa_reader_copy(s.payload, bytes, 1);
    uint32_t header_bytes = ddp_header_bytes(bytes[0] & DDP_TAGGED);
    if (fpdu->ulpdu_bytes < header_bytes) {
        iwarp_fail(c, DDP_LOCAL_CATASTROPHIC, NULL, 0, NULL, now_us);  // there is no header to name a field of, or to send back
        return;
    }
    mpa_reader_copy(s.payload, bytes + 1, header_bytes - 1);
    ddp_header_read(&s.header, bytes);
    s.bytes = fpdu->ulpdu_bytes - header_bytes;
    if (s.header.ddp_version != DDP_VERSION)
        refuse(&s, s.header.is_tagged ? DDP_TAGGED_VERSION : DDP_UNTAGGED_VERSION);
    else if (!s.header.is_tagged && s.header.queue >= DDP_QUEUES)
        refuse(&s, DDP_INVALID_QUEUE);
    else if (s.header.rdmap_version != RDMAP_VERSION)
        refuse(&s, RDMAP_BAD_VERSION);
    else if (s.header.is_tagged)
        tagged_in(&s);
    else
        untagged_in(&s);
}

// The first FPDU tells a responder that the initiator is ready: from now on it may send [RFC 5044 7.1.2 rule 4].
static void
first_in(struct iwarp_connection *c)
{
    c->may_send = true;
    if (c->state == IWARP_READY && c->role == RDMA_RESPONDER)
        iwarp_established(c);
}

size_t
iwarp_place(struct iwarp_connection *c, const struct eng_span *spans, size_t n_spans, size_t count, uint64_t now_us)
{
    struct mpa_input input = {.spans = spans, .n_spans = n_spans, .count = count};
    while (!c->is_deaf) {
        struct mpa_fpdu fpdu;
        enum mpa_verdict verdict = mpa_fpdu_read(&fpdu, &input, c->in_position, c->receives_markers, c->has_crc);
        if (verdict == MPA_MORE) {
            c->need = fpdu.wire_bytes;
            return count - input.count;
        }
        if (verdict != MPA_GOOD) {
            iwarp_fail(c, verdict == MPA_BAD_CRC ? MPA_CRC_ERROR : MPA_MARKER_ERROR, NULL, 0, NULL, now_us);
            break;
        }
        bool is_first = !c->has_fpdu;
        c->has_fpdu = true;
        c->fpdus_in++;
        ulpdu_in(c, &fpdu, now_us);
        if (is_first && !c->is_deaf)
            first_in(c);
        c->in_position += fpdu.wire_bytes;
        c->bytes_in += fpdu.wire_bytes;
        input.count -= fpdu.wire_bytes;
        for (input.skip_bytes += fpdu.wire_bytes; input.n_spans && input.skip_bytes >= input.spans->count; input.spans++, input.n_spans--)
            input.skip_bytes -= input.spans->count;
    }
    return count;
}
