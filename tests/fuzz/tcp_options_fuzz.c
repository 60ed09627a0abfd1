// SPDX-License-Identifier: MIT
// libFuzzer on the parsers of TCP: any bytes as an option list, and as a segment in two pieces. Whatever they are, parsing ends inside
// them, and what is accepted has its header and its payload within what was given.
#include <stdlib.h>
#include <string.h>

#include "engine/tcp/tcp_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct tcp_options options;
    struct tcp_segment segment;
    bool sum_bad;
    if (bytes < 2)
        return 0;
    // Of their own block, so that a byte past the end is seen.
    size_t count = bytes - 2 < 40 ? bytes - 2 : 40;
    uint8_t *copy = malloc(count ? count : 1);
    if (!copy)
        abort();
    memcpy(copy, data + 2, count);
    tcp_options_parse(copy, count, data[0] & 1, &options);
    if (options.n_sacks > 4 || (options.has_scale && options.scale > 14))
        abort();
    free(copy);
    uint8_t *frame = malloc(bytes);
    if (!frame)
        abort();
    memcpy(frame, data, bytes);
    size_t cut = data[1] < bytes ? data[1] : bytes;
    struct eng_span spans[2] = {{.bytes = frame, .count = (uint32_t)cut}, {.bytes = frame + cut, .count = (uint32_t)(bytes - cut)}};
    struct eng_in in = {
        .spans = spans,
        .n_spans = 2,
        .at_bytes = 2,
        .length_bytes = (uint32_t)(bytes - 2),
        .protocol = 6,
        .flags = data[0] & 2 ? ENG_IN_L4_SUM_GOOD : 0,
    };
    const uint8_t one[4] = {10, 0, 0, 1};
    in.source = in.destination = eng_address4(one);
    if (tcp_segment_parse(&in, &segment, &sum_bad) &&
        (segment.data_at + (size_t)segment.data_bytes > bytes || segment.data_at < 22))
        abort();
    free(frame);
    return 0;
}
