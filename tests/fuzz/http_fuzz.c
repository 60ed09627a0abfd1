// SPDX-License-Identifier: MIT
// libFuzzer on everything of tdihttpd that reads a peer's bytes: a head with its target, ranges, dates and tags, and then the rest of the
// input as a chunked body, cut where the first byte says. What must hold for any input: lengths stay within what was given, a path has no
// way out, ranges lie in the file, a chunked body's data is among its bytes.
#include <stdlib.h>

#include "../../drivers/tdihttpd/chunk.c"
#include "../../drivers/tdihttpd/date.c"
#include "../../drivers/tdihttpd/head.c"
#include "../../drivers/tdihttpd/path.c"
#include "../../drivers/tdihttpd/range.c"
#include "../../drivers/tdihttpd/text.c"

#define DEMAND(is_true) ((is_true) ? (void)0 : __builtin_trap())

static void
feed_path(struct http_text target)
{
    char path[HTTP_PATH_MAX];
    BOOLEAN is_directory;
    int status = http_path(target, path, sizeof path, &is_directory);
    if (status) {
        DEMAND(status == 400 || status == 404 || status == 414);
        return;
    }
    DEMAND(strlen(path) < sizeof path && !strchr(path, '/') && !strchr(path, ':') && path[0] != '\\');
    for (const char *part = path; part; part = strchr(part, '\\') ? strchr(part, '\\') + 1 : NULL)
        DEMAND(strcmp(part, "..") && strncmp(part, "..\\", 3) && strcmp(part, ".") && strncmp(part, ".\\", 2));
}

static void
feed_ranges(struct http_text value, uint64_t size)
{
    struct http_range ranges[HTTP_RANGES_MAX];
    uint64_t sum = 0;
    int count = http_ranges(value, size, ranges);
    DEMAND(count >= -1 && count <= (int)HTTP_RANGES_MAX);
    for (int i = 0; i < count; i++) {
        DEMAND(ranges[i].first <= ranges[i].last && ranges[i].last < size);
        sum += ranges[i].last - ranges[i].first + 1;
    }
    DEMAND(sum <= size);
}

static void
feed_fields(const struct http_request *request)
{
    const struct http_text dates[] = {request->if_modified_since, request->if_unmodified_since, request->if_range};
    for (size_t i = 0; i < 3; i++) {
        char text[HTTP_DATE_BYTES];
        uint64_t date = http_date_read(dates[i]);
        http_date_write(date, text);
        DEMAND(!date || http_date_read((struct http_text){text, strlen(text)}) == date);
    }
    if (request->if_match.at)
        http_tag_listed(request->if_match, "\"1-2\"", TRUE);
    if (request->if_none_match.at)
        http_tag_listed(request->if_none_match, "\"1-2\"", FALSE);
}

static void
feed_chunks(const char *at, size_t bytes, size_t piece)
{
    struct http_chunks chunks = {0};
    size_t done = 0;
    while (done < bytes && chunks.state < HTTP_CHUNK_END) {
        struct http_text data;
        size_t count = bytes - done < piece ? bytes - done : piece;
        size_t used = http_chunks_read(&chunks, at + done, count, &data);
        DEMAND(used && used <= count && data.at >= at + done && data.at + data.bytes <= at + done + used);
        done += used;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request request;
    if (size < 2)
        return 0;
    // Of its exact size, so that a byte read too far is seen.
    size_t bytes = size - 1;
    char *text = malloc(bytes);
    memcpy(text, data + 1, bytes);
    int taken = http_head_read(text, bytes, &request);
    DEMAND(taken <= (int)bytes && (taken >= 0 || (-taken >= 400 && -taken <= 505)));
    if (taken > 0) {
        BOOLEAN is_root = request.target.bytes == 1 && request.target.at[0] == '/';   // of http://host, where no / is written
        DEMAND(is_root || (request.target.bytes && request.target.at >= text && request.target.at + request.target.bytes <= text + taken));
        feed_path(request.target);
        if (request.range.at)
            feed_ranges(request.range, (uint64_t)data[0] * data[0]);
        feed_fields(&request);
    }
    size_t rest = taken > 0 ? (size_t)taken : 0;
    feed_chunks(text + rest, bytes - rest, data[0] % 64 + 1u);
    free(text);
    return 0;
}
