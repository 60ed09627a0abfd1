// SPDX-License-Identifier: MIT
// A received segment: header, checksum, options, all bounds checked. Whatever the bytes, parsing ends inside them.
//   tcp_segment_parse copies the header out of the spans; the payload stays where it is
#include "base/bytes.h"
#include "base/csum.h"
#include "engine/tcp/tcp_int.h"

enum option_kind {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_SCALE = 3,
    OPTION_SACK_OK = 4,
    OPTION_SACK = 5,
    OPTION_TIMESTAMPS = 8
};

static void
option_read(uint8_t kind, struct bytes_reader *body, bool is_syn, struct tcp_options *options)
{
    size_t bytes = body->left_bytes;
    if (kind == OPTION_MSS && bytes == 2 && is_syn) {
        options->has_mss = true;
        options->mss = bytes_get_be16(body);
    } else if (kind == OPTION_SCALE && bytes == 1 && is_syn) {
        options->has_scale = true;
        options->scale = bytes_get_u8(body);
        if (options->scale > TCP_SCALE_MAX) // [RFC 7323 2.3]
            options->scale = TCP_SCALE_MAX;
    } else if (kind == OPTION_SACK_OK && bytes == 0 && is_syn) {
        options->has_sack_ok = true;
    } else if (kind == OPTION_TIMESTAMPS && bytes == 8) {
        options->has_timestamps = true;
        options->ts_value = bytes_get_be32(body);
        options->ts_echo = bytes_get_be32(body);
    } else if (kind == OPTION_SACK && bytes % 8 == 0 && !is_syn) {
        for (options->n_sacks = 0; options->n_sacks < bytes / 8 && options->n_sacks < 4; options->n_sacks++) {
            options->sacks[options->n_sacks].seq = bytes_get_be32(body);
            options->sacks[options->n_sacks].end = bytes_get_be32(body);
        }
    }
}

void
tcp_options_parse(const uint8_t *bytes, size_t count, bool is_syn, struct tcp_options *options)
{
    struct bytes_reader reader;
    bytes_reader_init(&reader, bytes, count);
    *options = (struct tcp_options){0};
    while (reader.left_bytes) {
        uint8_t kind = bytes_get_u8(&reader);
        if (kind == OPTION_END)
            return;
        if (kind == OPTION_NOP)
            continue;
        // A length that is impossible ends the list: nothing behind it can be told apart any more [RFC 9293 MUST-7].
        uint8_t length = bytes_get_u8(&reader);
        if (length < 2)
            return;
        struct bytes_reader body;
        const uint8_t *at = bytes_get_span(&reader, length - 2u);
        if (!at)
            return;
        bytes_reader_init(&body, at, length - 2u);
        option_read(kind, &body, is_syn, options);
    }
}

static bool
sum_is_good(const struct eng_in *in)
{
    uint64_t pseudo = in->source.family == ENG_IP6
                          ? csum_pseudo6(in->source.bytes, in->destination.bytes, 6, in->length_bytes)
                          : csum_pseudo4(in->source.bytes, in->destination.bytes, 6, (uint16_t)in->length_bytes);
    return csum_finish(csum_add_word(pseudo, eng_spans_sum(in->spans, in->n_spans, in->at_bytes, in->length_bytes))) == 0;
}

bool
tcp_segment_parse(const struct eng_in *in, struct tcp_segment *segment, bool *sum_bad)
{
    uint8_t header[TCP_HEAD_BYTES + TCP_OPTION_BYTES_MAX];
    struct bytes_reader reader;
    *sum_bad = false;
    if (in->length_bytes < TCP_HEAD_BYTES || in->length_bytes > 0x1000000 || in->source.family != in->destination.family ||
        !eng_spans_copy(in->spans, in->n_spans, in->at_bytes, header, TCP_HEAD_BYTES))
        return false;
    size_t head_bytes = (header[12] >> 4) * 4u;
    if (head_bytes < TCP_HEAD_BYTES || head_bytes > in->length_bytes ||
        !eng_spans_copy(in->spans, in->n_spans, in->at_bytes, header, head_bytes))
        return false;
    size_t have = 0;
    for (unsigned i = 0; i < in->n_spans; i++)
        have += in->spans[i].count;
    if (have - in->at_bytes < in->length_bytes)
        return false;
    if (!(in->flags & ENG_IN_L4_SUM_GOOD) && !sum_is_good(in)) {
        *sum_bad = true;
        return false;
    }
    bytes_reader_init(&reader, header, head_bytes);
    *segment = (struct tcp_segment){.in = in};
    segment->source_port = bytes_get_be16(&reader);
    segment->destination_port = bytes_get_be16(&reader);
    segment->seq = bytes_get_be32(&reader);
    segment->ack = bytes_get_be32(&reader);
    bytes_skip(&reader, 1);
    segment->flags = bytes_get_u8(&reader);
    segment->window = bytes_get_be16(&reader);
    bytes_skip(&reader, 2);
    segment->urgent = bytes_get_be16(&reader);
    tcp_options_parse(reader.at, reader.left_bytes, segment->flags & TCP_SYN, &segment->options);
    segment->data_at = in->at_bytes + (uint32_t)head_bytes;
    segment->data_bytes = in->length_bytes - (uint32_t)head_bytes;
    segment->is_coalesced = in->coalesced > 1;
    return true;
}
