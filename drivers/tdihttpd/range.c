// SPDX-License-Identifier: MIT
// Range: bytes=0-99,200-,-5. What is not understood is passed over and the whole is sent [RFC 9110 14.2]. So it is when there are more than
// HTTP_RANGES_MAX, or when together they are longer than the whole: such ranges overlap, and only cost us (14.2, 17.15).
#include "http.h"

// FIRST-, FIRST-LAST or -SUFFIX. Returns 1 with a range, 0 without one (unsatisfiable), -1: malformed.
static int
one_read(struct http_text text, uint64_t size, struct http_range *range)
{
    const char *dash = memchr(text.at, '-', text.bytes);
    if (!dash)
        return -1;
    struct http_text before = {text.at, (size_t)(dash - text.at)}, after = {dash + 1, text.bytes - before.bytes - 1};
    uint64_t first = 0, last = UINT64_MAX;
    if ((before.bytes && !http_number(before, &first)) || (after.bytes && !http_number(after, &last)) || (!before.bytes && !after.bytes))
        return -1;
    if (!before.bytes) {                       // the last so many
        if (!last || !size)
            return 0;
        *range = (struct http_range){last < size ? size - last : 0, size - 1};
        return 1;
    }
    if (last < first)
        return -1;
    if (first >= size)
        return 0;
    *range = (struct http_range){first, last < size ? last : size - 1};
    return 1;
}

int
http_ranges(struct http_text value, uint64_t size, struct http_range *ranges)
{
    static const char unit[] = "bytes=";
    uint64_t sum = 0;
    unsigned count = 0, asked = 0;
    if (value.bytes < sizeof unit - 1 || !http_is_same((struct http_text){value.at, sizeof unit - 1}, unit))
        return 0;
    struct http_text list = {value.at + sizeof unit - 1, value.bytes - (sizeof unit - 1)}, text;
    while (http_list_next(&list, &text)) {
        struct http_range range = {0, 0};
        int kind = one_read(text, size, &range);
        if (kind < 0 || ++asked > HTTP_RANGES_MAX)
            return 0;
        if (!kind)
            continue;
        ranges[count++] = range;
        if (range.last - range.first >= size - sum)
            return count == 1 && asked == 1 && !list.bytes && range.last - range.first + 1 == size ? 1 : 0;
        sum += range.last - range.first + 1;
    }
    return count ? (int)count : asked ? -1
                                      : 0;
}
