// SPDX-License-Identifier: MIT
// What leaves: the queue of work and the answers to the peer's reads, message by message, segment by segment [RFC 5040 5, RFC 5041 5].
//   posted -> waiting -> (its turn: fence, ORD) -> queue, its segments go into runs -> (TCP has them acknowledged, or the read is
//   answered) -> done, in the order of the posts [RFC 5040 5.5 rule 15]
// Work and answers take turns, whole messages each. Segments are made only while send_bytes_max is not reached, so that a message of
// gigabytes takes no more memory than one of kilobytes. A local work is done when its turn comes.
#include "engine/iwarp/iwarp_int.h"
#include <errno.h>

// ---- ends of work

void
iwarp_work_done(struct iwarp_connection *c, struct rdma_work *work, int status)
{
    work->status = status;
    if (work->is_internal) {
        iwarp_rtr_drop(c);
        iwarp_established(c);
        return;
    }
    list_push_back(&c->done, &work->link);
    iwarp_tell(c, RDMA_EVENT_DONE);
}

static struct rdma_work *
first_of(struct list *works)
{
    return list_is_empty(works) ? NULL : LIST_ENTRY_OF(works->next, struct rdma_work, link);
}

static bool
work_is_over(const struct iwarp_connection *c, const struct rdma_work *work)
{
    if (work->is_failed)
        return work->last_position <= c->returned_position;     // TCP has no byte of it any more
    if (work->kind == RDMA_READ || work->kind == RDMA_LOCAL)
        return work->is_answered;
    return work->is_framed && work->last_position <= c->acked_position;
}

void
iwarp_works_done(struct iwarp_connection *c)
{
    struct rdma_work *work;
    while ((work = first_of(&c->queue)) && work_is_over(c, work)) {
        list_remove(&work->link);
        if (work->kind == RDMA_READ)
            list_remove(&work->read_link);
        iwarp_work_done(c, work, work->is_failed ? work->status : 0);
    }
}

void
iwarp_answer_read(struct iwarp_connection *c)
{
    struct rdma_work *work = LIST_ENTRY_OF(c->reading.next, struct rdma_work, read_link);
    list_remove(&work->read_link);
    work->is_answered = true;
    c->reads_out--;
    iwarp_works_done(c);
}

static void
work_fail(struct rdma_work *work, int status)
{
    if (work->is_failed)
        return;
    work->is_failed = true;
    work->status = status;
}

static bool
is_blamed(const struct rdma_work *work, const struct ddp_header *header)
{
    if (header->is_tagged)
        return work->kind == RDMA_WRITE && work->remote_tag == header->tag && header->offset - work->remote_offset <= work->bytes;
    return ((work->kind == RDMA_SEND && header->queue == DDP_QUEUE_SEND) || (work->kind == RDMA_READ && header->queue == DDP_QUEUE_READ)) &&
           work->sequence == header->sequence;
}

// The header that a Terminate quotes names one of our messages: that one failed by itself, and those before it are indeterminate and
// fail too [RFC 5040 6.2.1]. Those behind it wait to be flushed.
void
iwarp_works_blame(struct iwarp_connection *c, const struct iwarp_terminate *terminate)
{
    struct ddp_header header;
    struct rdma_work *blamed = NULL;
    if (!terminate->has_ddp_header)
        return;
    ddp_header_read(&header, terminate->ddp_header);
    LIST_FOR_EACH(node, &c->queue)
        if (is_blamed(LIST_ENTRY_OF(node, struct rdma_work, link), &header)) {
            blamed = LIST_ENTRY_OF(node, struct rdma_work, link);
            break;
        }
    if (!blamed)
        return;
    LIST_FOR_EACH(node, &c->queue) {
        struct rdma_work *work = LIST_ENTRY_OF(node, struct rdma_work, link);
        bool is_protection = (terminate->layer == 0 && terminate->type == 1) || (terminate->layer == 1 && terminate->type == 1);
        work_fail(work, work != blamed ? -ECANCELED : is_protection ? -EACCES : -EREMOTEIO);
        if (work == blamed)
            break;
    }
    iwarp_works_done(c);
}

void
iwarp_flush(struct iwarp_connection *c)
{
    struct list *node;
    c->is_flushed = c->is_deaf = true;
    c->message.is_active = false;
    c->n_answers = 0;
    if (c->receiving) {
        struct rdma_work *work = c->receiving;
        c->receiving = NULL;
        iwarp_work_done(c, work, -ECANCELED);
    }
    while ((node = list_pop_front(&c->waiting)))
        list_push_back(&c->queue, node);
    LIST_FOR_EACH_SAFE(at, &c->queue) {
        struct rdma_work *work = LIST_ENTRY_OF(at, struct rdma_work, link);
        if (work->is_internal)
            list_remove(at);
        else if (!work_is_over(c, work))
            work_fail(work, -ECANCELED);
    }
    iwarp_works_done(c);
}

struct rdma_work *
iwarp_done_next(struct iwarp_connection *c)
{
    struct list *node = list_pop_front(&c->done);
    return node ? LIST_ENTRY_OF(node, struct rdma_work, link) : NULL;
}

// ---- messages

static void
message_of_work(struct iwarp_connection *c, struct rdma_work *work)
{
    struct iwarp_message *m = &c->message;
    *m = (struct iwarp_message){.is_active = true, .work = work, .bytes = (uint32_t)work->bytes};
    if (work->kind == RDMA_WRITE) {
        m->header = (struct ddp_header){.is_tagged = true, .opcode = RDMAP_WRITE, .tag = work->remote_tag, .offset = work->remote_offset};
        return;
    }
    bool has_tag = work->kind == RDMA_SEND && work->flags & RDMA_INVALIDATE;
    m->header.queue = work->kind == RDMA_SEND ? DDP_QUEUE_SEND : DDP_QUEUE_READ;
    m->header.sequence = work->sequence = c->sequence[m->header.queue]++;
    if (work->kind == RDMA_SEND) {
        m->header.opcode = work->flags & RDMA_SOLICITED ? (has_tag ? RDMAP_SEND_SE_INVALIDATE : RDMAP_SEND_SE)
                                                        : (has_tag ? RDMAP_SEND_INVALIDATE : RDMAP_SEND);
        m->header.invalidate_tag = has_tag ? work->invalidate_tag : 0;
        return;
    }
    struct rdmap_read read = {
        .sink_tag = work->sink_tag,
        .sink_offset = work->sink_offset,
        .bytes = (uint32_t)work->bytes,
        .source_tag = work->remote_tag,
        .source_offset = work->remote_offset,
    };
    m->header.opcode = RDMAP_READ_REQUEST;
    m->bytes = RDMAP_READ_BYTES;
    rdmap_read_write(&read, m->text);
    c->reads_out++;
    list_push_back(&c->reading, &work->read_link);
}

static bool
work_may_begin(const struct iwarp_connection *c, const struct rdma_work *work)
{
    if (work->flags & RDMA_FENCE && c->reads_out)
        return false;
    // The RTR's read is beside what the ULPs agreed [RFC 6581 9.1].
    return work->kind != RDMA_READ || work->is_internal || c->reads_out < c->reads.outbound;
}

// The first waiting work that has something to send, if its turn has come.
static struct rdma_work *
work_next(struct iwarp_connection *c, uint64_t now_us)
{
    struct rdma_work *work;
    while ((work = first_of(&c->waiting)) && work_may_begin(c, work)) {
        if (work->kind != RDMA_LOCAL)
            return work;
        list_remove(&work->link);
        list_push_back(&c->queue, &work->link);
        int error = c->ops->on_local(c->context, work);
        work->is_answered = true;
        if (error) {
            work_fail(work, error);
            iwarp_fail(c, RDMAP_LOCAL_CATASTROPHIC, NULL, 0, NULL, now_us);
            iwarp_works_done(c);
            return NULL;
        }
        iwarp_works_done(c);
    }
    return NULL;
}

static bool
message_next(struct iwarp_connection *c, uint64_t now_us)
{
    if (!c->may_send)
        return false;
    struct rdma_work *work = c->n_answers && !c->was_answer ? NULL : work_next(c, now_us);
    if (c->is_deaf)                                     // a local work failed
        return false;
    if (!work && c->n_answers) {
        struct rdmap_read *read = &c->answers[c->answer_first].read;
        c->was_answer = true;
        c->message = (struct iwarp_message){.is_active = true, .bytes = read->bytes};
        c->message.header = (struct ddp_header){
            .is_tagged = true, .opcode = RDMAP_READ_RESPONSE, .tag = read->sink_tag, .offset = read->sink_offset};
        return true;
    }
    c->was_answer = false;
    if (!work)
        return false;
    list_remove(&work->link);
    list_push_back(&c->queue, &work->link);
    message_of_work(c, work);
    return true;
}

// ---- segments

static uint32_t
pieces_gathered(struct iwarp_connection *c, uint32_t want, struct eng_span *pieces, uint32_t *n_pieces)
{
    const struct iwarp_message *m = &c->message;
    uint32_t got = 0;
    while (got < want && *n_pieces < IWARP_PIECES) {
        struct rdma_map map = {0};
        if (!c->ops->on_gather(c->context, m->work, m->sent_bytes + got, want - got, &map))
            return 0;
        pieces[(*n_pieces)++] =
            (struct eng_span){.bytes = map.bytes, .count = map.count, .offset = map.offset, .tag = map.tag, .owner = map.owner};
        got += map.count;
    }
    return got;
}

// Up to `want` bytes of a work from where it stands, in at most IWARP_PIECES; returns how many bytes, 0 of some if they are gone.
static uint32_t
pieces_of_work(struct iwarp_connection *c, uint32_t want, struct eng_span *pieces, uint32_t *n_pieces)
{
    const struct rdma_work *work = c->message.work;
    uint32_t got = 0, in_span = work->in_span;
    if (!work->spans)
        return pieces_gathered(c, want, pieces, n_pieces);
    for (uint32_t i = work->at_span; got < want && *n_pieces < IWARP_PIECES; i++, in_span = 0) {
        struct eng_span piece = work->spans[i];
        if (piece.count == in_span)
            continue;
        piece.bytes += in_span;
        piece.offset += in_span;
        piece.count -= in_span;
        if (piece.count > want - got)
            piece.count = want - got;
        pieces[(*n_pieces)++] = piece;
        got += piece.count;
    }
    return got;
}

static void
work_advance(struct rdma_work *work, uint32_t bytes)
{
    while (bytes && work->spans) {
        uint32_t left = work->spans[work->at_span].count - work->in_span;
        if (bytes < left) {
            work->in_span += bytes;
            return;
        }
        bytes -= left;
        work->at_span++;
        work->in_span = 0;
    }
}

// The same of the region that the peer reads. It was looked at when the request came, and may be gone since.
static enum rdma_fault
pieces_of_answer(struct iwarp_connection *c, uint32_t want, struct eng_span *pieces, uint32_t *n_pieces, uint32_t *got)
{
    const struct rdmap_read *read = &c->answers[c->answer_first].read;
    for (*got = 0; *got < want && *n_pieces < IWARP_PIECES;) {
        struct rdma_map map = {0};
        uint64_t offset = read->source_offset + c->message.sent_bytes + *got;
        enum rdma_fault fault = c->ops->on_map(c->context, read->source_tag, offset, want - *got, RDMA_REMOTE_READ, &map);
        if (fault)
            return fault;
        pieces[(*n_pieces)++] =
            (struct eng_span){.bytes = map.bytes, .count = map.count, .offset = map.offset, .tag = map.tag, .owner = map.owner};
        *got += map.count;
    }
    return RDMA_FAULT_NONE;
}

// The header of a read request as it came, for the Terminate that says what was wrong with it.
static void
answer_fail(struct iwarp_connection *c, enum rdma_fault fault, uint64_t now_us)
{
    struct iwarp_answer answer = c->answers[c->answer_first];
    struct ddp_header header = {.opcode = RDMAP_READ_REQUEST, .is_last = true, .queue = DDP_QUEUE_READ, .sequence = answer.sequence};
    answer.read.sink_offset += c->message.sent_bytes;       // where it stands [RFC 5040 4.8]
    answer.read.source_offset += c->message.sent_bytes;
    answer.read.bytes -= c->message.sent_bytes;
    iwarp_fail(c, rdmap_fault_error(fault), &header, DDP_UNTAGGED_BYTES + RDMAP_READ_BYTES, &answer.read, now_us);
}

static void
message_over(struct iwarp_connection *c)
{
    struct iwarp_message *m = &c->message;
    m->is_active = false;
    if (m->work) {
        m->work->is_framed = true;
        return;
    }
    c->answer_first = (c->answer_first + 1) % c->answers_max;
    c->n_answers--;
}

// fails: false when nothing more can be made now
static bool
segment_send(struct iwarp_connection *c, uint64_t now_us)
{
    struct iwarp_message *m = &c->message;
    struct ddp_header header = m->header;
    struct eng_span pieces[IWARP_PIECES];
    uint32_t n_pieces = 0, want = m->bytes - m->sent_bytes, got = 0, most = c->mulpdu_bytes - ddp_header_bytes(header.is_tagged);
    if (c->sends_markers && most > IWARP_MARKED_BYTES)
        most = IWARP_MARKED_BYTES;
    if (want > most)
        want = most;
    if (!m->work) {
        enum rdma_fault fault = pieces_of_answer(c, want, pieces, &n_pieces, &got);
        if (fault) {
            answer_fail(c, fault, now_us);
            return false;
        }
    } else if (m->work->kind == RDMA_READ) {
        pieces[n_pieces++] = (struct eng_span){.bytes = m->text, .count = got = RDMAP_READ_BYTES};
    } else {
        got = pieces_of_work(c, want, pieces, &n_pieces);
        if (want && !got) {
            work_fail(m->work, -EFAULT);
            iwarp_fail(c, RDMAP_LOCAL_CATASTROPHIC, NULL, 0, NULL, now_us);
            iwarp_works_done(c);
            return false;
        }
    }
    header.is_last = m->sent_bytes + got == m->bytes;
    header.offset += m->sent_bytes;
    header.message_offset = m->sent_bytes;
    if (!iwarp_run_fpdu(c, &header, pieces, n_pieces, got))
        return false;
    m->sent_bytes += got;
    if (m->work) {
        if (m->work->kind != RDMA_READ)
            work_advance(m->work, got);
        m->work->last_position = c->position;
    }
    if (header.is_last)
        message_over(c);
    return true;
}

void
iwarp_pump(struct iwarp_connection *c, uint64_t now_us)
{
    c->is_starved = false;
    while (!c->is_deaf && (c->state == IWARP_READY || c->state == IWARP_OPEN) && c->in_flight_bytes < c->iwarp->params.send_bytes_max)
        if ((!c->message.is_active && !message_next(c, now_us)) || !segment_send(c, now_us))
            break;
    iwarp_run_close(c);
    if (c->is_starved && c->deadline_us == ENG_NEVER && list_is_empty(&c->out_runs))
        iwarp_deadline(c, now_us + IWARP_TRY_AGAIN_US);
    bool has_more = c->message.is_active || c->n_answers || c->reads_out || !list_is_empty(&c->waiting);
    if (c->is_closing && !c->fin_now && (!has_more || c->is_deaf || !c->may_send))
        c->fin_now = true;
}

static int
post_check(const struct iwarp_connection *c, const struct rdma_work *work)
{
    if ((c->state != IWARP_READY && c->state != IWARP_OPEN) || c->is_deaf || c->is_closing || c->peer_fin)
        return -ENOTCONN;
    if (work->bytes > UINT32_MAX || work->kind == RDMA_RECEIVE)
        return -EINVAL;
    if (work->kind == RDMA_READ)
        return c->reads.outbound ? 0 : -EINVAL;
    if (work->kind == RDMA_LOCAL || (!work->spans && c->ops->on_gather))
        return 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < work->n_spans; i++)
        sum += work->spans[i].count;
    return sum != work->bytes ? -EINVAL : 0;
}

int
iwarp_post(struct iwarp_connection *c, struct rdma_work *work, uint64_t now_us)
{
    int error = post_check(c, work);
    if (!error) {
        work->status = 0;
        work->last_position = 0;
        work->at_span = work->in_span = 0;
        work->is_framed = work->is_answered = work->is_failed = work->is_internal = false;
        list_init(&work->read_link);
        list_push_back(&c->waiting, &work->link);
        if (work->flags & RDMA_DEFER)
            return 0;
    }
    iwarp_pump(c, now_us);
    return error;
}
