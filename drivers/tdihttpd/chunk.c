// SPDX-License-Identifier: MIT
// A chunked body, byte by byte where it is framing and run by run where it is data. Extensions and trailers are passed over, and bounded:
// a peer that sends nothing else would otherwise keep us reading for ever.
#include "http.h"

#define LINE_BYTES_MAX 16384u

// One byte of framing.
static void
step(struct http_chunks *chunks, char c)
{
    int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                                    : -1;
    enum http_chunk_state after_size = chunks->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER;
    BOOLEAN is_ext = c == ';' || c == ' ' || c == '\t';
    switch (chunks->state) {
    case HTTP_CHUNK_SIZE:
        if (digit >= 0 && chunks->digits < 15) {
            chunks->left = chunks->left << 4 | (unsigned)digit;
            chunks->digits++;
            return;
        }
        chunks->state = !chunks->digits ? HTTP_CHUNK_BAD : c == '\r' ? HTTP_CHUNK_SIZE_LF
                                                       : is_ext      ? HTTP_CHUNK_EXT
                                                                     : HTTP_CHUNK_BAD;
        return;
    case HTTP_CHUNK_EXT:
        if (c == '\n' || ++chunks->line_bytes > LINE_BYTES_MAX)
            chunks->state = HTTP_CHUNK_BAD;
        else if (c == '\r')
            chunks->state = HTTP_CHUNK_SIZE_LF;
        return;
    case HTTP_CHUNK_SIZE_LF: chunks->state = c == '\n' ? after_size : HTTP_CHUNK_BAD; return;
    case HTTP_CHUNK_DATA_CR: chunks->state = c == '\r' ? HTTP_CHUNK_DATA_LF : HTTP_CHUNK_BAD; return;
    case HTTP_CHUNK_DATA_LF:
        chunks->state = c == '\n' ? HTTP_CHUNK_SIZE : HTTP_CHUNK_BAD;
        chunks->digits = 0;
        return;
    case HTTP_CHUNK_TRAILER:                   // at the beginning of a line
        chunks->state = c == '\r' ? HTTP_CHUNK_TRAILER_LF : HTTP_CHUNK_TRAILER_LINE;
        return;
    case HTTP_CHUNK_TRAILER_LINE:
        chunks->state = c == '\n' ? HTTP_CHUNK_TRAILER : ++chunks->line_bytes > LINE_BYTES_MAX ? HTTP_CHUNK_BAD
                                                                                               : HTTP_CHUNK_TRAILER_LINE;
        return;
    case HTTP_CHUNK_TRAILER_LF: chunks->state = c == '\n' ? HTTP_CHUNK_END : HTTP_CHUNK_BAD; return;
    default: return;
    }
}

size_t
http_chunks_read(struct http_chunks *chunks, const char *at, size_t bytes, struct http_text *data)
{
    size_t used = 0;
    *data = (struct http_text){at, 0};
    while (used < bytes && chunks->state != HTTP_CHUNK_END && chunks->state != HTTP_CHUNK_BAD) {
        if (chunks->state != HTTP_CHUNK_DATA) {
            step(chunks, at[used++]);
            continue;
        }
        size_t run = bytes - used < chunks->left ? bytes - used : (size_t)chunks->left;
        *data = (struct http_text){at + used, run};
        chunks->left -= run;
        if (!chunks->left)
            chunks->state = HTTP_CHUNK_DATA_CR;
        return used + run;
    }
    return used;
}
