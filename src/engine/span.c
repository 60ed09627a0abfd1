// SPDX-License-Identifier: MIT
// Runs of borrowed bytes: copied out, cut without copying, summed. Nothing here holds or drops an owner.
//   every walk starts with spans_seek, which finds the span and the place in it where an offset lies
#include "base/csum.h"
#include "engine/engine.h"
#include <string.h>

// The first span with bytes at or past offset_bytes; *offset_bytes becomes the place in it. Returns n_spans past the end.
static size_t
spans_seek(const struct eng_span *spans, size_t n_spans, size_t *offset_bytes)
{
    size_t i = 0;
    while (i < n_spans && *offset_bytes >= spans[i].count)
        *offset_bytes -= spans[i++].count;
    return i;
}

static bool
spans_have(const struct eng_span *spans, size_t n_spans, size_t offset_bytes, size_t count)
{
    size_t have = 0;
    for (size_t i = 0; i < n_spans; i++)
        have += spans[i].count;
    return offset_bytes <= have && count <= have - offset_bytes;
}

bool
eng_spans_copy(const struct eng_span *spans, size_t n_spans, size_t offset_bytes, void *to, size_t count)
{
    if (!spans_have(spans, n_spans, offset_bytes, count))
        return false;
    uint8_t *at = to;
    for (size_t i = spans_seek(spans, n_spans, &offset_bytes); count; i++, offset_bytes = 0) {
        size_t here = spans[i].count - offset_bytes < count ? spans[i].count - offset_bytes : count;
        if (here)
            memcpy(at, spans[i].bytes + offset_bytes, here);
        at += here;
        count -= here;
    }
    return true;
}

size_t
eng_spans_cut(const struct eng_span *spans, size_t n_spans, size_t offset_bytes, size_t count, struct eng_span *cut, size_t room,
              size_t *cut_bytes)
{
    size_t used = 0;
    *cut_bytes = 0;
    for (size_t i = spans_seek(spans, n_spans, &offset_bytes); i < n_spans && count && used < room; i++, offset_bytes = 0) {
        size_t here = spans[i].count - offset_bytes < count ? spans[i].count - offset_bytes : count;
        if (!here)
            continue;
        cut[used] = spans[i];
        cut[used].bytes += offset_bytes;
        cut[used].offset += (uint32_t)offset_bytes;
        cut[used++].count = (uint32_t)here;
        *cut_bytes += here;
        count -= here;
    }
    return used;
}

uint64_t
eng_spans_sum(const struct eng_span *spans, size_t n_spans, size_t offset_bytes, size_t count)
{
    struct csum_run run = {0};
    for (size_t i = spans_seek(spans, n_spans, &offset_bytes); i < n_spans && count; i++, offset_bytes = 0) {
        size_t here = spans[i].count - offset_bytes < count ? spans[i].count - offset_bytes : count;
        csum_run_add(&run, spans[i].bytes + offset_bytes, here);
        count -= here;
    }
    return run.sum;
}
