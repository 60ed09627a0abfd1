// SPDX-License-Identifier: MIT
// A connection's life: the start-up from either side, events, errors, ends. What a connection manager does; framing and work are elsewhere.
//   initiator  iwarp_open (request) -> reply: REPLIED -> iwarp_complete_connect (RTR) -> OPEN when the RTR is acknowledged or answered
//   responder  request: ASKED -> iwarp_accept (reply) -> READY until the first FPDU, if an RTR was agreed, else OPEN at once;
//              either way nothing but the reply is sent before the first FPDU has come [RFC 5044 7.1.2 rule 4]
//   ends       iwarp_disconnect: our end of the stream behind all work; an error: Terminate, then our end; a reset only where no
//              Terminate may be sent, or nobody ends the stream in time
#include "base/bytes.h"
#include "engine/iwarp/iwarp_int.h"
#include <errno.h>

// ---- small things

void
iwarp_tell(struct iwarp_connection *c, uint32_t events)
{
    c->events |= events;
}

uint32_t
iwarp_events(struct iwarp_connection *c)
{
    uint32_t events = c->events;
    c->events = 0;
    return events;
}

void
iwarp_deadline(struct iwarp_connection *c, uint64_t deadline_us)
{
    list_remove(&c->timed_link);
    c->deadline_us = deadline_us;
    if (deadline_us != ENG_NEVER)
        list_push_back(&c->iwarp->timed, &c->timed_link);
}

static void
mulpdu_set(struct iwarp_connection *c)
{
    c->mulpdu_bytes = mpa_mulpdu(c->emss_bytes, c->sends_markers);
}

void
iwarp_set_emss(struct iwarp_connection *c, uint32_t emss_bytes)
{
    c->emss_bytes = emss_bytes;
    mulpdu_set(c);
}

void *
iwarp_context(const struct iwarp_connection *c)
{
    return c->context;
}

void
iwarp_set_context(struct iwarp_connection *c, const struct rdma_ops *ops, void *context)
{
    c->ops = ops;
    c->context = context;
}

static void
private_drop(struct iwarp_connection *c)
{
    eng_give(c->iwarp->memory, c->private_room, MPA_PRIVATE_BYTES_MAX);
    c->private_room = NULL;
    c->private_count = 0;
}

void
iwarp_rtr_drop(struct iwarp_connection *c)
{
    eng_give(c->iwarp->memory, c->rtr_work, sizeof *c->rtr_work);
    c->rtr_work = NULL;
}

static uint16_t
reads_real(const struct iwarp_connection *c, uint16_t reads)
{
    return reads == RDMA_READS_OF_ULP ? (uint16_t)c->iwarp->params.reads_max : reads;
}

static bool
reads_are_ok(const struct iwarp *iwarp, struct rdma_reads reads)
{
    return (reads.inbound == RDMA_READS_OF_ULP || reads.inbound <= iwarp->params.reads_max) &&
           (reads.outbound == RDMA_READS_OF_ULP || reads.outbound <= iwarp->params.reads_max);
}

static bool
answers_take(struct iwarp_connection *c)
{
    c->answers_max = c->reads.inbound;
    if (!c->answers_max)
        return true;
    c->answers = eng_take(c->iwarp->memory, c->answers_max * sizeof *c->answers);
    return c->answers;
}

// ---- open and release

static void
connection_init(struct iwarp_connection *c, const struct iwarp_open *open)
{
    c->ops = open->ops;
    c->context = open->context;
    c->role = open->role;
    c->uses = open->uses;
    // A responder supports at least one RTR [RFC 6581 9.2]; a write asks nothing of it.
    c->rtr_options = open->role == RDMA_RESPONDER && !open->rtr ? MPA_RTR_WRITE : open->rtr;
    c->emss_bytes = open->emss_bytes;
    c->deadline_us = ENG_NEVER;
    c->need = 1;
    for (int queue = 0; queue < DDP_QUEUES; queue++)
        c->sequence[queue] = c->in_sequence[queue] = 1;
    list_init(&c->timed_link);
    list_init(&c->ready_runs);
    list_init(&c->out_runs);
    list_init(&c->waiting);
    list_init(&c->queue);
    list_init(&c->reading);
    list_init(&c->done);
    mulpdu_set(c);
}

static bool
request_send(struct iwarp_connection *c, const struct iwarp_open *open)
{
    struct mpa_frame frame = {.revision = open->uses & IWARP_USE_ENHANCED ? 2 : 1};
    frame.flags = (uint8_t)((open->uses & IWARP_USE_CRC ? MPA_CRC : 0) | (open->uses & IWARP_USE_MARKERS ? MPA_MARKERS : 0) |
                            (open->uses & IWARP_USE_ENHANCED ? MPA_ENHANCED : 0));
    frame.is_peer_to_peer = open->uses & IWARP_USE_ENHANCED && open->rtr;
    frame.rtr = open->rtr;
    frame.reads = c->reads = open->reads;
    frame.private_bytes = open->private_bytes;
    frame.private_count = open->private_count;
    return iwarp_run_frame(c, &frame);
}

int
iwarp_open(struct iwarp *iwarp, const struct iwarp_open *open, uint64_t now_us, struct iwarp_connection **connection)
{
    if (open->private_count > mpa_private_room(open->uses & IWARP_USE_ENHANCED) || !reads_are_ok(iwarp, open->reads) || open->rtr > 7)
        return -EINVAL;
    if (iwarp->params.connections_max && iwarp->connections >= iwarp->params.connections_max)
        return -ENOMEM;
    struct iwarp_connection *c = eng_slab_take(&iwarp->slab);
    if (!c)
        return -ENOMEM;
    c->iwarp = iwarp;
    connection_init(c, open);
    c->state = open->role == RDMA_INITIATOR ? IWARP_WAIT_REPLY : IWARP_WAIT_REQUEST;
    if (open->role == RDMA_INITIATOR && !request_send(c, open)) {
        eng_slab_give(&iwarp->slab, c);
        return -ENOMEM;
    }
    iwarp_deadline(c, now_us + (open->role == RDMA_INITIATOR ? iwarp->params.reply_us : iwarp->params.request_us));
    iwarp->connections++;
    *connection = c;
    return 0;
}

void
iwarp_release(struct iwarp_connection *c)
{
    struct iwarp *iwarp = c->iwarp;
    struct list *node;
    iwarp_run_close(c);
    while ((node = list_pop_front(&c->ready_runs))) {       // TCP never had these
        struct iwarp_run *run = LIST_ENTRY_OF(node, struct iwarp_run, link);
        list_remove(&run->out_link);
        eng_drop(&run->owner);
    }
    while ((node = list_pop_front(&c->out_runs)))
        LIST_ENTRY_OF(node, struct iwarp_run, out_link)->connection = NULL;
    iwarp_deadline(c, ENG_NEVER);
    private_drop(c);
    iwarp_rtr_drop(c);
    if (c->answers)
        eng_give(iwarp->memory, c->answers, c->answers_max * sizeof *c->answers);
    iwarp->connections--;
    eng_slab_give(&iwarp->slab, c);
}

void
iwarp_info(const struct iwarp_connection *c, struct iwarp_info *info)
{
    *info = (struct iwarp_info){
        .end = c->end,
        .revision = c->revision,
        .has_crc = c->has_crc,
        .sends_markers = c->sends_markers,
        .receives_markers = c->receives_markers,
        .is_enhanced = c->is_enhanced,
        .is_peer_to_peer = c->is_peer_to_peer,
        .rtr = c->rtr,
        .reads = {.inbound = reads_real(c, c->reads.inbound), .outbound = reads_real(c, c->reads.outbound)},
        .peer_reads = c->peer_reads,
        .private_bytes = c->private_room,
        .private_count = c->private_count,
        .sent_terminate = c->sent_terminate,
        .got_terminate = c->got_terminate,
        .terminate = c->terminate,
        .mulpdu_bytes = c->mulpdu_bytes,
        .bytes_in = c->bytes_in,
        .bytes_out = c->bytes_out,
        .fpdus_in = c->fpdus_in,
        .fpdus_out = c->fpdus_out,
    };
}

// ---- ends

static void
tell_disconnect(struct iwarp_connection *c)
{
    if (c->told_disconnect || c->is_closing)
        return;
    c->told_disconnect = true;
    iwarp_tell(c, RDMA_EVENT_DISCONNECT);
}

// Nothing more comes and nothing more leaves.
static void
over(struct iwarp_connection *c, enum rdma_end end)
{
    if (c->state == IWARP_OVER)
        return;
    bool was_up = c->state == IWARP_READY || c->state == IWARP_OPEN || c->state == IWARP_REPLIED;
    c->state = IWARP_OVER;
    c->is_deaf = true;
    c->message.is_active = false;
    if (c->end == RDMA_END_NONE)
        c->end = end;
    iwarp_deadline(c, ENG_NEVER);
    if (was_up)
        tell_disconnect(c);
    iwarp_tell(c, RDMA_EVENT_CLOSED);
}

static void
reset(struct iwarp_connection *c, enum rdma_end end)
{
    c->wants_abort = c->state != IWARP_OVER;
    over(c, end);
}

void
iwarp_close_soon(struct iwarp_connection *c, uint64_t now_us)
{
    c->fin_now = true;
    iwarp_run_close(c);
    iwarp_deadline(c, now_us + c->iwarp->params.close_us);
}

// Something moves: what is left of an orderly close has its time again.
void
iwarp_progress(struct iwarp_connection *c, uint64_t now_us)
{
    if (c->is_closing && c->state != IWARP_OVER)
        iwarp_deadline(c, now_us + c->iwarp->params.close_us);
}

void
iwarp_check_closed(struct iwarp_connection *c)
{
    if (c->fin_sent && c->peer_fin && !c->in_flight_bytes)
        over(c, RDMA_END_NONE);
}

void
iwarp_fail(struct iwarp_connection *c, enum iwarp_error error, const struct ddp_header *header, uint32_t segment_bytes,
           const struct rdmap_read *read, uint64_t now_us)
{
    if (c->is_deaf)
        return;
    c->is_deaf = true;
    c->end = RDMA_END_TERMINATED;
    c->message.is_active = false;
    c->terminate = terminate_of(error);
    if (header) {
        c->terminate.has_ddp_header = true;
        c->terminate.segment_bytes = (uint16_t)segment_bytes;
        ddp_header_write(header, c->terminate.ddp_header);
        if (header->control) {              // as it came, reserved bits and all
            c->terminate.ddp_header[0] = header->control;
            c->terminate.ddp_header[1] = header->rdmap_control;
        }
    }
    if (read) {
        c->terminate.has_rdmap_header = true;
        rdmap_read_write(read, c->terminate.rdmap_header);
    }
    tell_disconnect(c);
    uint8_t text[IWARP_TERMINATE_BYTES_MAX];
    struct eng_span piece = {.bytes = text, .count = (uint32_t)terminate_write(&c->terminate, text)};
    struct ddp_header own = {.opcode = RDMAP_TERMINATE, .is_last = true, .queue = DDP_QUEUE_TERMINATE, .sequence = 1};
    // A responder that has not validated an FPDU yet may send none [RFC 5044 7.1.2 rule 4].
    if (c->fin_now || !(c->may_send || c->has_fpdu) || !iwarp_run_fpdu(c, &own, &piece, 1, piece.count)) {
        reset(c, RDMA_END_TERMINATED);
        return;
    }
    c->sent_terminate = true;
    iwarp_close_soon(c, now_us);
}

void
iwarp_terminated(struct iwarp_connection *c, const struct iwarp_terminate *terminate, uint64_t now_us)
{
    c->is_deaf = true;
    c->got_terminate = true;
    c->terminate = *terminate;
    c->end = RDMA_END_PEER_TERMINATED;
    c->message.is_active = false;
    tell_disconnect(c);
    iwarp_works_blame(c, terminate);
    iwarp_close_soon(c, now_us);
}

void
iwarp_peer_fin(struct iwarp_connection *c, size_t left_bytes, uint64_t now_us)
{
    if (c->peer_fin)
        return;
    c->peer_fin = true;
    if (c->state < IWARP_REPLIED && !c->fin_now) {
        reset(c, RDMA_END_LOST);            // in the middle of the start-up
        return;
    }
    if (!c->is_deaf) {
        if (left_bytes)                     // a part of an FPDU [RFC 5044 8 code 1]
            iwarp_fail(c, MPA_LOST, NULL, 0, NULL, now_us);
        else
            tell_disconnect(c);
    }
    iwarp_check_closed(c);
}

void
iwarp_lost(struct iwarp_connection *c, bool was_in_order)
{
    over(c, was_in_order && c->state >= IWARP_REPLIED ? RDMA_END_NONE : RDMA_END_LOST);
    c->wants_abort = false;
}

int
iwarp_disconnect(struct iwarp_connection *c, uint64_t now_us)
{
    if (c->state == IWARP_OVER || c->state < IWARP_REPLIED)
        return -ENOTCONN;
    if (c->is_closing)
        return 0;
    c->is_closing = true;
    iwarp_deadline(c, now_us + c->iwarp->params.close_us);
    iwarp_pump(c, now_us);
    return 0;
}

void
iwarp_abort(struct iwarp_connection *c)
{
    c->is_closing = true;                   // nobody need be told
    reset(c, RDMA_END_ABORTED);
}

bool
iwarp_wants_fin(const struct iwarp_connection *c)
{
    return c->fin_now && !c->fin_sent && list_is_empty(&c->ready_runs) && c->state != IWARP_OVER;
}

void
iwarp_fin_sent(struct iwarp_connection *c)
{
    c->fin_sent = true;
    iwarp_check_closed(c);
}

bool
iwarp_wants_abort(const struct iwarp_connection *c)
{
    return c->wants_abort;
}

void
iwarp_time(struct iwarp *iwarp, uint64_t now_us)
{
    LIST_FOR_EACH_SAFE(node, &iwarp->timed) {
        struct iwarp_connection *c = LIST_ENTRY_OF(node, struct iwarp_connection, timed_link);
        if (c->deadline_us > now_us)
            continue;
        iwarp_deadline(c, ENG_NEVER);
        if (c->is_starved && c->state == IWARP_OPEN && !c->is_closing && !c->fin_now)
            iwarp_pump(c, now_us);
        else
            reset(c, RDMA_END_TIMED_OUT);
    }
}

// ---- start-up

void
iwarp_established(struct iwarp_connection *c)
{
    if (c->state != IWARP_READY || c->is_deaf)
        return;
    c->state = IWARP_OPEN;
    if (!c->is_closing)
        iwarp_deadline(c, ENG_NEVER);
    private_drop(c);
    iwarp_tell(c, RDMA_EVENT_ESTABLISHED);
}

static bool
private_keep(struct iwarp_connection *c, const struct mpa_frame *frame)
{
    private_drop(c);
    if (!frame->private_count)
        return true;
    c->private_room = eng_take(c->iwarp->memory, MPA_PRIVATE_BYTES_MAX);
    if (!c->private_room)
        return false;
    memcpy(c->private_room, frame->private_bytes, frame->private_count);
    c->private_count = frame->private_count;
    return true;
}

static void
agree(struct iwarp_connection *c, const struct mpa_frame *frame)
{
    c->revision = frame->revision;
    c->has_crc = c->uses & IWARP_USE_CRC || frame->flags & MPA_CRC;
    c->receives_markers = c->uses & IWARP_USE_MARKERS;
    c->sends_markers = frame->flags & MPA_MARKERS;
    c->is_enhanced = frame->flags & MPA_ENHANCED;
    c->peer_reads = frame->reads;
    mulpdu_set(c);
}

// RDMA_END_NONE: it is taken.
static enum rdma_end
request_in(struct iwarp_connection *c, const struct mpa_frame *frame)
{
    if (!private_keep(c, frame))
        return RDMA_END_NO_MEMORY;
    agree(c, frame);
    c->is_peer_to_peer = frame->is_peer_to_peer;
    c->rtr = c->rtr_options & frame->rtr;
    c->state = IWARP_ASKED;
    c->need = 1;
    iwarp_deadline(c, ENG_NEVER);
    iwarp_tell(c, RDMA_EVENT_REQUEST);
    return RDMA_END_NONE;
}

// A reply that we agree to, or not: then it is said in a Terminate [RFC 6581 9.1, 9.2].
static void
accepted(struct iwarp_connection *c, const struct mpa_frame *frame, uint64_t now_us)
{
    enum iwarp_error error = 0;
    c->may_send = true;
    if (c->is_enhanced) {
        uint16_t wanted = frame->reads.outbound, ours = reads_real(c, c->reads.inbound);
        if (wanted != RDMA_READS_OF_ULP && wanted > ours)
            error = MPA_NO_IRD;
        c->reads.inbound = mpa_reads_least(ours, wanted);
        c->reads.outbound = mpa_reads_least(reads_real(c, c->reads.outbound), frame->reads.inbound);
        c->is_peer_to_peer = c->rtr_options && frame->is_peer_to_peer;
        c->rtr = c->is_peer_to_peer ? mpa_rtr_pick(c->rtr_options, frame->rtr) : 0;
        if (!error && c->is_peer_to_peer && !c->rtr)
            error = MPA_NO_RTR;
    } else {
        c->reads.inbound = reads_real(c, c->reads.inbound);
        c->reads.outbound = reads_real(c, c->reads.outbound);
    }
    if (!error && !answers_take(c))
        error = MPA_LOCAL_CATASTROPHIC;
    c->state = IWARP_REPLIED;
    iwarp_deadline(c, ENG_NEVER);
    if (error)
        iwarp_fail(c, error, NULL, 0, NULL, now_us);
    else
        iwarp_tell(c, RDMA_EVENT_REPLY);
    if (error == MPA_LOCAL_CATASTROPHIC)
        c->end = RDMA_END_NO_MEMORY;
}

static enum rdma_end
reply_in(struct iwarp_connection *c, const struct mpa_frame *frame, uint64_t now_us)
{
    bool asked_enhanced = c->uses & IWARP_USE_ENHANCED;
    // What was asked with the enhanced form is answered in it and what was not is not [RFC 6581 10].
    if (asked_enhanced != !!(frame->flags & MPA_ENHANCED) || frame->revision != (asked_enhanced ? 2 : 1))
        return RDMA_END_STARTUP;
    if (!private_keep(c, frame))
        return RDMA_END_NO_MEMORY;
    agree(c, frame);
    if (frame->flags & MPA_REJECT) {
        c->end = RDMA_END_REJECTED;
        c->is_deaf = true;
        iwarp_tell(c, RDMA_EVENT_REJECT);
        iwarp_close_soon(c, now_us);
        return RDMA_END_NONE;
    }
    accepted(c, frame, now_us);
    return RDMA_END_NONE;
}

static size_t
startup_input(struct iwarp_connection *c, const struct eng_span *spans, size_t n_spans, size_t count, uint64_t now_us)
{
    uint8_t bytes[MPA_FRAME_BYTES + MPA_PRIVATE_BYTES_MAX];
    struct mpa_frame frame;
    size_t got = count < sizeof bytes ? count : sizeof bytes;
    bool is_reply = c->role == RDMA_INITIATOR;
    eng_spans_copy(spans, n_spans, 0, bytes, got);
    int used = c->state == IWARP_ASKED ? -EPROTO : mpa_frame_read(&frame, is_reply, bytes, got, &c->need);
    if (used == 0)
        return 0;
    // A request has nothing behind it until it is answered: its length of private data would be wrong [RFC 5044 7.1.1].
    enum rdma_end end = RDMA_END_STARTUP;
    if (used > 0 && (is_reply || (size_t)used == count))
        end = is_reply ? reply_in(c, &frame, now_us) : request_in(c, &frame);
    if (end != RDMA_END_NONE) {
        reset(c, end);
        return count;
    }
    c->bytes_in += (unsigned)used;
    c->need = is_reply ? SIZE_MAX : 1;      // a reply's FPDUs wait until we have completed the connection
    return (size_t)used;
}

size_t
iwarp_need(const struct iwarp_connection *c)
{
    return c->is_deaf ? 1 : c->need;
}

size_t
iwarp_input(struct iwarp_connection *c, const struct eng_span *spans, size_t n_spans, uint64_t now_us)
{
    size_t count = 0, used = 0;
    for (size_t i = 0; i < n_spans; i++)
        count += spans[i].count;
    if (!c->is_deaf && c->state < IWARP_REPLIED && c->state != IWARP_OVER)
        return count ? startup_input(c, spans, n_spans, count, now_us) : 0;
    if (!c->is_deaf && c->state == IWARP_REPLIED)
        return 0;
    used = c->is_deaf ? count : iwarp_place(c, spans, n_spans, count, now_us);
    if (!c->fin_now)
        iwarp_progress(c, now_us);
    iwarp_pump(c, now_us);
    return used;
}

static bool
reply_send(struct iwarp_connection *c, bool is_reject, struct rdma_reads reads, const void *private_bytes, uint16_t private_count)
{
    struct mpa_frame frame = {.is_reply = true, .revision = c->revision, .private_bytes = private_bytes, .private_count = private_count};
    // CRCs that the request asks for are in force without a word of ours, and Linux's siw refuses a reply that does not say so.
    frame.flags = (uint8_t)((c->has_crc ? MPA_CRC : 0) | (c->uses & IWARP_USE_MARKERS ? MPA_MARKERS : 0) |
                            (is_reject ? MPA_REJECT : 0) | (c->is_enhanced ? MPA_ENHANCED : 0));
    frame.is_peer_to_peer = c->is_peer_to_peer;
    frame.rtr = c->rtr ? c->rtr : c->rtr_options;       // none in common: one that we know [RFC 6581 9.2]
    frame.reads = reads;
    return iwarp_run_frame(c, &frame);
}

// What a responder has and says, after what the initiator asked for [RFC 6581 9.1].
static struct rdma_reads
reads_agree(struct iwarp_connection *c, struct rdma_reads ours)
{
    struct rdma_reads said = {0};
    ours.inbound = reads_real(c, ours.inbound);
    ours.outbound = reads_real(c, ours.outbound);
    if (c->is_enhanced) {
        ours.inbound = mpa_reads_least(ours.inbound, c->peer_reads.outbound);
        ours.outbound = mpa_reads_least(ours.outbound, c->peer_reads.inbound);
        if (c->rtr & MPA_RTR_READ && !ours.inbound)
            ours.inbound = 1;
        said.inbound = c->peer_reads.outbound == RDMA_READS_OF_ULP ? RDMA_READS_OF_ULP : ours.inbound;
        said.outbound = c->peer_reads.inbound == RDMA_READS_OF_ULP ? RDMA_READS_OF_ULP : ours.outbound;
    }
    c->reads = ours;
    return said;
}

int
iwarp_accept(struct iwarp_connection *c, struct rdma_reads reads, const void *private_bytes, uint16_t private_count, uint64_t now_us)
{
    if (c->state != IWARP_ASKED || c->is_deaf)
        return -ENOTCONN;
    if (private_count > mpa_private_room(c->is_enhanced) || !reads_are_ok(c->iwarp, reads))
        return -EINVAL;
    struct rdma_reads said = reads_agree(c, reads);
    if (!answers_take(c))
        return -ENOMEM;
    if (!reply_send(c, false, said, private_bytes, private_count)) {
        eng_give(c->iwarp->memory, c->answers, c->answers_max * sizeof *c->answers);
        c->answers = NULL;
        return -ENOMEM;
    }
    c->need = 1;
    c->state = IWARP_READY;
    if (c->is_peer_to_peer)
        iwarp_deadline(c, now_us + c->iwarp->params.ready_us);
    else
        iwarp_established(c);
    return 0;
}

int
iwarp_reject(struct iwarp_connection *c, const void *private_bytes, uint16_t private_count, uint64_t now_us)
{
    if (c->state != IWARP_ASKED || c->is_deaf)
        return -ENOTCONN;
    if (private_count > mpa_private_room(c->is_enhanced))
        return -EINVAL;
    if (!reply_send(c, true, (struct rdma_reads){0}, private_bytes, private_count))
        return -ENOMEM;
    c->end = RDMA_END_REJECTED;
    c->is_deaf = true;
    c->is_closing = true;
    iwarp_close_soon(c, now_us);
    return 0;
}

int
iwarp_complete_connect(struct iwarp_connection *c, uint64_t now_us)
{
    if (c->state != IWARP_REPLIED || c->is_deaf || c->peer_fin || c->is_closing)
        return -ENOTCONN;
    if (c->rtr && !(c->rtr_work = eng_take(c->iwarp->memory, sizeof *c->rtr_work)))
        return -ENOMEM;
    c->need = 1;
    c->state = IWARP_READY;
    if (!c->rtr) {
        iwarp_established(c);
        return 0;
    }
    *c->rtr_work = (struct rdma_work){.is_internal = true};
    c->rtr_work->kind = c->rtr == MPA_RTR_WRITE ? RDMA_WRITE : c->rtr == MPA_RTR_READ ? RDMA_READ
                                                                                      : RDMA_SEND;
    list_init(&c->rtr_work->read_link);
    list_push_front(&c->waiting, &c->rtr_work->link);
    iwarp_deadline(c, now_us + c->iwarp->params.ready_us);
    iwarp_pump(c, now_us);
    return 0;
}
