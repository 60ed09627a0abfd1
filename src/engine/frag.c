// SPDX-License-Identifier: MIT
// Reassembly of both families. Pieces stay where they were received, held by their owners (small ones, and those without an owner,
// are copied); the whole is a run of spans over them. Overlap kills a packet, whichever family [RFC 5722, RFC 8200 4.5]; the very
// same fragment again is nothing. What a peer can make us keep is bounded in all, per source, per packet, and in time.
//   frag_input -> frag_find or frag_open -> frag_insert -> frag_join: the last piece came, the packet goes on, its owner is the queue
//   frag_on_timer -> ICMP time exceeded, when the first piece is there
#include "engine/net_int.h"

#define PIECES_MAX 256u
#define HEAD_MAX 512u
#define SMALL_BYTES 256u            // copied, so that it does not pin a whole receive buffer
#define PINNED_BYTES 2048u          // what a kept piece counts for besides its bytes: the buffer around it
#define TIMEOUT4_US (30 * SECOND_US)
#define TIMEOUT6_US (60 * SECOND_US)

struct frag_piece {
    struct list link;
    uint32_t offset_bytes, count;
    size_t taken_bytes;
    uint32_t n_spans;
    struct eng_span spans[];
};

struct frag_queue {
    struct eng_owner owner;
    struct list link;
    struct net *net;
    struct eng_address source, destination;
    uint32_t identifier, interface_index, flags;
    uint8_t protocol, next;         // next: what follows the fragment header of the first piece
    uint8_t hop_limit, traffic_class, ecn_seen;     // a bit for each of the four code points
    bool has_first, is_dead;
    uint32_t total_bytes;           // 0: the last piece is not there
    uint32_t have_bytes, charged_bytes, n_pieces, n_spans;
    uint32_t head_bytes, next_field_bytes;
    struct list pieces;             // by offset
    struct eng_span *whole;
    size_t whole_taken_bytes;
    struct timer timer;
    uint8_t head[HEAD_MAX + 8];
};

static void
frag_drop_pieces(struct frag_queue *queue)
{
    struct list *node;
    while ((node = list_pop_front(&queue->pieces))) {
        struct frag_piece *piece = LIST_ENTRY_OF(node, struct frag_piece, link);
        for (unsigned i = 0; i < piece->n_spans; i++)
            if (piece->spans[i].owner != &queue->owner)
                eng_drop(piece->spans[i].owner);
        eng_give(queue->net->memory, piece, piece->taken_bytes);
    }
    queue->n_pieces = queue->n_spans = queue->have_bytes = 0;
}

static void
frag_release(struct eng_owner *owner)
{
    struct frag_queue *queue = TIMER_OWNER(owner, struct frag_queue, owner);
    struct net *net = queue->net;
    frag_drop_pieces(queue);
    eng_give(net->memory, queue->whole, queue->whole_taken_bytes);
    eng_give(net->memory, queue, sizeof *queue);
}

static void
frag_charge(struct frag_queue *queue, uint32_t bytes)
{
    queue->charged_bytes += bytes;
    queue->net->frag_bytes += bytes;
}

static void
frag_unlink(struct frag_queue *queue)
{
    queue->net->frag_bytes -= queue->charged_bytes;
    queue->charged_bytes = 0;
    queue->net->n_frags--;
    list_remove(&queue->link);
    timer_cancel(&queue->net->timers, &queue->timer);
}

static void
frag_close(struct frag_queue *queue)
{
    frag_unlink(queue);
    eng_drop(&queue->owner);
}

void
frag_destroy_all(struct net *net)
{
    while (!list_is_empty(&net->frags))
        frag_close(LIST_ENTRY_OF(net->frags.next, struct frag_queue, link));
}

// Forget the pieces, but go on refusing those that still come until the time is over.
static void
frag_kill(struct frag_queue *queue)
{
    frag_drop_pieces(queue);
    queue->net->frag_bytes -= queue->charged_bytes;
    queue->charged_bytes = 0;
    frag_charge(queue, sizeof *queue);
    queue->is_dead = true;
}

// [RFC 792, RFC 4443 3.3, RFC 8200 4.5]: told only when the first fragment can be shown.
static void
frag_on_timer(struct net *net, struct timer *timer)
{
    struct frag_queue *queue = TIMER_OWNER(timer, struct frag_queue, timer);
    net_count(net, NET_COUNT_frag_timeout);
    if (queue->has_first && !queue->is_dead) {
        const struct frag_piece *first = LIST_ENTRY_OF(queue->pieces.next, struct frag_piece, link);
        struct eng_span spans[8];
        uint32_t head_bytes = queue->head_bytes + (queue->source.family == ENG_IP6 ? 8 : 0);
        spans[0] = (struct eng_span){.bytes = queue->head, .count = head_bytes};
        uint16_t n_spans = 1;
        for (; n_spans < 8 && n_spans <= first->n_spans; n_spans++)
            spans[n_spans] = first->spans[n_spans - 1];
        uint32_t shown_bytes = 0;
        for (unsigned i = 1; i < n_spans; i++)
            shown_bytes += spans[i].count;
        struct eng_in in = {.spans = spans, .n_spans = n_spans, .at_bytes = head_bytes, .length_bytes = shown_bytes, .flags = queue->flags,
                            .protocol = queue->next, .interface_index = queue->interface_index, .source = queue->source,
                            .destination = queue->destination};
        if (queue->source.family == ENG_IP4)
            icmp4_error(net, &in, ICMP4_TIME, 1, 0);
        else
            icmp6_error(net, &in, ICMP6_TIME, 1, 0);
    }
    frag_close(queue);
}

static struct frag_queue *
frag_find(struct net *net, const struct eng_in *in, const struct frag_piece_info *info)
{
    LIST_FOR_EACH(node, &net->frags) {
        struct frag_queue *queue = LIST_ENTRY_OF(node, struct frag_queue, link);
        // The protocol is part of an IPv4 packet's name, not of an IPv6 one's.
        if (queue->identifier == info->identifier && queue->interface_index == in->interface_index &&
            (in->source.family == ENG_IP6 || queue->protocol == info->protocol) && eng_address_is_equal(&queue->source, &in->source) &&
            eng_address_is_equal(&queue->destination, &in->destination))
            return queue;
    }
    return NULL;
}

// Make room for `bytes` more of this source: its own oldest packets go first, then anybody's. `keep` stays.
static bool
frag_make_room(struct net *net, const struct eng_address *source, uint32_t bytes, const struct frag_queue *keep)
{
    uint32_t of_source = 0;
    LIST_FOR_EACH(node, &net->frags) {
        const struct frag_queue *queue = LIST_ENTRY_OF(node, struct frag_queue, link);
        if (eng_address_is_equal(&queue->source, source))
            of_source += queue->charged_bytes;
    }
    for (unsigned pass = 0; pass < 2; pass++)
        LIST_FOR_EACH_SAFE(node, &net->frags) {
            struct frag_queue *queue = LIST_ENTRY_OF(node, struct frag_queue, link);
            bool is_of_source = eng_address_is_equal(&queue->source, source);
            bool is_over = pass ? net->frag_bytes + bytes > net->settings.reassembly_bytes || net->n_frags >= FRAG_QUEUES_MAX
                                : of_source + bytes > net->settings.reassembly_source_bytes;
            if (!is_over)
                break;
            if (queue == keep || (!pass && !is_of_source))
                continue;
            of_source -= is_of_source ? queue->charged_bytes : 0;
            net_count(net, NET_COUNT_frag_no_room);
            frag_close(queue);
        }
    return of_source + bytes <= net->settings.reassembly_source_bytes && net->frag_bytes + bytes <= net->settings.reassembly_bytes;
}

static struct frag_queue *
frag_open(struct net *net, const struct eng_in *in, const struct frag_piece_info *info)
{
    if (!frag_make_room(net, &in->source, sizeof(struct frag_queue), NULL))
        return NULL;
    struct frag_queue *queue = eng_take(net->memory, sizeof *queue);
    if (!queue)
        return NULL;
    queue->owner = (struct eng_owner){.holds = 1, .on_release = frag_release};
    queue->net = net;
    queue->source = in->source;
    queue->destination = in->destination;
    queue->identifier = info->identifier;
    queue->interface_index = in->interface_index;
    queue->protocol = info->protocol;
    queue->timer.on_fire = frag_on_timer;
    list_init(&queue->pieces);
    list_push_back(&net->frags, &queue->link);
    net->n_frags++;
    frag_charge(queue, sizeof *queue);
    net_arm(net, &queue->timer, in->source.family == ENG_IP4 ? TIMEOUT4_US : TIMEOUT6_US);
    return queue;
}

// The piece that this one comes after (or the head), and whether it may lie there.
enum frag_place { FRAG_FITS, FRAG_SAME, FRAG_OVERLAPS };

static enum frag_place
frag_place(struct frag_queue *queue, uint32_t offset_bytes, uint32_t count, struct list **after)
{
    struct list *node = queue->pieces.prev;
    while (node != &queue->pieces && LIST_ENTRY_OF(node, struct frag_piece, link)->offset_bytes > offset_bytes)
        node = node->prev;
    *after = node;
    if (node != &queue->pieces) {
        const struct frag_piece *piece = LIST_ENTRY_OF(node, struct frag_piece, link);
        if (piece->offset_bytes == offset_bytes && piece->count == count)
            return FRAG_SAME;
        if (piece->offset_bytes + piece->count > offset_bytes)
            return FRAG_OVERLAPS;
    }
    if (node->next != &queue->pieces && LIST_ENTRY_OF(node->next, struct frag_piece, link)->offset_bytes < offset_bytes + count)
        return FRAG_OVERLAPS;
    return FRAG_FITS;
}

static bool
frag_is_same(const struct frag_piece *piece, const struct eng_in *in)
{
    uint8_t left[64], right[64];
    for (uint32_t at = 0; at < piece->count; at += sizeof left) {
        size_t count = piece->count - at < sizeof left ? piece->count - at : sizeof left;
        eng_spans_copy(piece->spans, piece->n_spans, at, left, count);
        eng_spans_copy(in->spans, in->n_spans, in->at_bytes + at, right, count);
        if (memcmp(left, right, count))
            return false;
    }
    return true;
}

static struct frag_piece *
frag_piece_create(struct frag_queue *queue, const struct eng_in *in, uint32_t offset_bytes)
{
    struct net *net = queue->net;
    struct eng_span cut[ENG_OUT_SPANS];
    uint32_t count = in->length_bytes;
    size_t cut_bytes, n = eng_spans_cut(in->spans, in->n_spans, in->at_bytes, count, cut, ENG_OUT_SPANS, &cut_bytes);
    bool is_copied = count < SMALL_BYTES || cut_bytes < count;
    for (size_t i = 0; i < n; i++)
        is_copied |= !cut[i].owner;
    size_t taken_bytes = sizeof(struct frag_piece) + (is_copied ? sizeof cut[0] + count : n * sizeof cut[0]);
    uint32_t charge_bytes = (uint32_t)taken_bytes + (is_copied ? 0 : count + PINNED_BYTES);
    if (!frag_make_room(net, &queue->source, charge_bytes, queue))
        return NULL;
    struct frag_piece *piece = eng_take(net->memory, taken_bytes);
    if (!piece)
        return NULL;
    frag_charge(queue, charge_bytes);
    piece->offset_bytes = offset_bytes;
    piece->count = count;
    piece->taken_bytes = taken_bytes;
    piece->n_spans = is_copied ? 1 : (uint32_t)n;
    if (is_copied) {
        uint8_t *bytes = (uint8_t *)&piece->spans[1];
        eng_spans_copy(in->spans, in->n_spans, in->at_bytes, bytes, count);
        piece->spans[0] = (struct eng_span){.bytes = bytes, .count = count, .owner = &queue->owner};
        return piece;
    }
    for (size_t i = 0; i < n; i++) {
        piece->spans[i] = cut[i];
        eng_hold(cut[i].owner);
    }
    return piece;
}

// False: the packet is dead or the piece could not be kept.
static bool
frag_insert(struct frag_queue *queue, const struct eng_in *in, const struct frag_piece_info *info)
{
    struct net *net = queue->net;
    struct list *after;
    uint32_t end_bytes = info->offset_bytes + in->length_bytes;
    enum frag_place place = frag_place(queue, info->offset_bytes, in->length_bytes, &after);
    bool is_past = (queue->total_bytes && (end_bytes > queue->total_bytes || (!info->has_more && end_bytes != queue->total_bytes))) ||
                   (!info->has_more && !list_is_empty(&queue->pieces) &&
                    LIST_ENTRY_OF(queue->pieces.prev, struct frag_piece, link)->offset_bytes >= end_bytes);
    if (place == FRAG_SAME && !is_past && frag_is_same(LIST_ENTRY_OF(after, struct frag_piece, link), in)) {
        net_count(net, NET_COUNT_frag_duplicate);
        return false;
    }
    if (place != FRAG_FITS || is_past) {
        net_count(net, NET_COUNT_frag_overlap);
        frag_kill(queue);
        return false;
    }
    struct frag_piece *piece = queue->n_pieces < PIECES_MAX ? frag_piece_create(queue, in, info->offset_bytes) : NULL;
    if (!piece) {
        net_count(net, NET_COUNT_frag_no_room);
        frag_kill(queue);
        return false;
    }
    list_insert_after(after, &piece->link);
    queue->n_pieces++;
    queue->n_spans += piece->n_spans;
    queue->have_bytes += piece->count;
    queue->ecn_seen |= (uint8_t)(1u << (in->traffic_class & 3));
    if (!info->has_more)
        queue->total_bytes = end_bytes;
    return true;
}

static void
frag_take_head(struct frag_queue *queue, const struct eng_in *in, const struct frag_piece_info *info)
{
    uint32_t shown_bytes = info->head_bytes + (in->source.family == ENG_IP6 ? 8 : 0);
    eng_spans_copy(in->spans, in->n_spans, in->ip_at_bytes, queue->head, shown_bytes);
    queue->head_bytes = info->head_bytes;
    queue->next = info->protocol;
    queue->next_field_bytes = info->next_field_bytes;
    queue->hop_limit = in->hop_limit;
    queue->traffic_class = in->traffic_class;
    queue->flags = in->flags;
    queue->has_first = true;
}

// The header of the whole, as if it had never been cut.
static void
frag_mend_head(struct frag_queue *queue)
{
    uint8_t *head = queue->head;
    if (queue->ecn_seen & 1u << 3)
        queue->traffic_class |= 3; // [RFC 3168 5.3]
    if (queue->source.family == ENG_IP6) {
        bytes_store_be16(head + 4, (uint16_t)(queue->head_bytes - IP6_HEADER_BYTES + queue->total_bytes));
        head[queue->next_field_bytes] = queue->next;
        return;
    }
    head[1] = queue->traffic_class;
    bytes_store_be16(head + 2, (uint16_t)(queue->head_bytes + queue->total_bytes));
    memset(head + 6, 0, 2);
    memset(head + 10, 0, 2);
    uint16_t sum = csum_of(head, queue->head_bytes);
    memcpy(head + 10, &sum, 2);
}

static bool
frag_join(struct frag_queue *queue, struct eng_in *in, struct net_result *result)
{
    struct net *net = queue->net;
    queue->whole_taken_bytes = (queue->n_spans + 1) * sizeof *queue->whole;
    queue->whole = eng_take(net->memory, queue->whole_taken_bytes);
    // Congestion was met by one piece of a packet that cannot say so: lost, as in the network [RFC 3168 5.3].
    bool is_lost = queue->ecn_seen & 1u << 3 && queue->ecn_seen & 1;
    if (!queue->whole || is_lost) {
        frag_close(queue);
        return false;
    }
    frag_mend_head(queue);
    queue->whole[0] = (struct eng_span){.bytes = queue->head, .count = queue->head_bytes, .owner = &queue->owner};
    unsigned n = 1;
    LIST_FOR_EACH(node, &queue->pieces) {
        const struct frag_piece *piece = LIST_ENTRY_OF(node, struct frag_piece, link);
        for (unsigned i = 0; i < piece->n_spans; i++)
            queue->whole[n++] = piece->spans[i];
    }
    frag_unlink(queue);
    in->spans = queue->whole;
    in->n_spans = (uint16_t)n;
    in->ip_at_bytes = 0;
    in->at_bytes = queue->head_bytes;
    in->length_bytes = queue->total_bytes;
    in->protocol = queue->next;
    in->hop_limit = queue->hop_limit;
    in->traffic_class = queue->traffic_class;
    in->flags = (queue->flags | ENG_IN_REASSEMBLED) & (uint32_t)~ENG_IN_L4_SUM_GOOD;
    in->coalesced = in->coalesced_mss = 0;
    result->owner = &queue->owner;
    net_count(net, NET_COUNT_frag_whole);
    return true;
}

// Lengths and offsets that no sender produces [RFC 791 3.2, RFC 8200 4.5].
static bool
frag_is_bad(struct net *net, const struct eng_in *in, const struct frag_piece_info *info)
{
    bool is_ip6 = in->source.family == ENG_IP6;
    uint32_t end_bytes = info->offset_bytes + in->length_bytes + (is_ip6 ? info->head_bytes - IP6_HEADER_BYTES : info->head_bytes);
    if (info->has_more && in->length_bytes % 8) {
        if (is_ip6)
            icmp6_error(net, in, ICMP6_PARAMETER, 0, 4);
        return true;
    }
    if (end_bytes > UINT16_MAX) {
        if (is_ip6)
            icmp6_error(net, in, ICMP6_PARAMETER, 0, info->field_bytes + 2);
        return true;
    }
    // A first fragment too small for the ports of its upper layer is there to hide them [RFC 1858].
    return !in->length_bytes || info->head_bytes > HEAD_MAX || (info->offset_bytes == 0 && in->length_bytes < 8);
}

bool
frag_input(struct net *net, struct eng_in *in, const struct frag_piece_info *info, struct net_result *result)
{
    net_count(net, NET_COUNT_frag_in);
    if (frag_is_bad(net, in, info)) {
        net_count(net, NET_COUNT_frag_bad);
        return false;
    }
    struct frag_queue *queue = frag_find(net, in, info);
    if (!queue)
        queue = frag_open(net, in, info);
    if (!queue) {
        net_count(net, NET_COUNT_frag_no_room);
        return false;
    }
    if (queue->is_dead || !frag_insert(queue, in, info))
        return false;
    if (info->offset_bytes == 0)
        frag_take_head(queue, in, info);
    if (!queue->has_first || !queue->total_bytes || queue->have_bytes != queue->total_bytes)
        return false;
    // The pieces are many; the head of the first decides how long the whole is.
    if (queue->head_bytes + queue->total_bytes - (in->source.family == ENG_IP6 ? IP6_HEADER_BYTES : 0) > UINT16_MAX) {
        net_count(net, NET_COUNT_frag_bad);
        frag_kill(queue);
        return false;
    }
    return frag_join(queue, in, result);
}
