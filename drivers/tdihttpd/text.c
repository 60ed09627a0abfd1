// SPDX-License-Identifier: MIT
// Text in a buffer of fixed size, and the words that a server says: reasons of statuses, media types.
#include "http.h"

void
http_put_bytes(struct http_out *out, const char *at, size_t bytes)
{
    if (out->room - out->used < bytes) {
        out->is_cut = TRUE;
        return;
    }
    memcpy(out->at + out->used, at, bytes);
    out->used += bytes;
}

void
http_put(struct http_out *out, const char *text)
{
    http_put_bytes(out, text, strlen(text));
}

static void
put_base(struct http_out *out, uint64_t number, unsigned base)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number);
    http_put_bytes(out, digits + at, sizeof digits - at);
}

void
http_put_number(struct http_out *out, uint64_t number)
{
    put_base(out, number, 10);
}

void
http_put_hex(struct http_out *out, uint64_t number)
{
    put_base(out, number, 16);
}

void
http_put_escaped(struct http_out *out, struct http_text text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        switch (text.at[i]) {
        case '&': http_put(out, "&amp;"); break;
        case '<': http_put(out, "&lt;"); break;
        case '>': http_put(out, "&gt;"); break;
        case '"': http_put(out, "&quot;"); break;
        case '\'': http_put(out, "&#39;"); break;
        default: http_put_bytes(out, text.at + i, 1); break;
        }
    }
}

void
http_put_percent(struct http_out *out, struct http_text text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char c = (unsigned char)text.at[i];
        BOOLEAN is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~/", c));
        char code[3] = {'%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]};
        http_put_bytes(out, is_plain ? text.at + i : code, is_plain ? 1 : 3);
    }
}

const char *
http_status_words(int status)
{
    static const struct {
        int status;
        const char *words;
    } all[] = {{100, "Continue"},
               {200, "OK"},
               {201, "Created"},
               {204, "No Content"},
               {206, "Partial Content"},
               {301, "Moved Permanently"},
               {304, "Not Modified"},
               {400, "Bad Request"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {408, "Request Timeout"},
               {409, "Conflict"},
               {411, "Length Required"},
               {412, "Precondition Failed"},
               {414, "URI Too Long"},
               {416, "Range Not Satisfiable"},
               {417, "Expectation Failed"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {501, "Not Implemented"},
               {503, "Service Unavailable"},
               {505, "HTTP Version Not Supported"},
               {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].status == status)
            return all[i].words;
    return "Error";
}

const char *
http_media_type(const char *path)
{
    static const char *const types[][2] = {{"html", "text/html; charset=utf-8"},
                                           {"htm", "text/html; charset=utf-8"},
                                           {"txt", "text/plain; charset=utf-8"},
                                           {"md", "text/plain; charset=utf-8"},
                                           {"css", "text/css; charset=utf-8"},
                                           {"js", "text/javascript; charset=utf-8"},
                                           {"json", "application/json"},
                                           {"xml", "application/xml"},
                                           {"svg", "image/svg+xml"},
                                           {"png", "image/png"},
                                           {"jpg", "image/jpeg"},
                                           {"jpeg", "image/jpeg"},
                                           {"gif", "image/gif"},
                                           {"pdf", "application/pdf"}};
    const char *ending = NULL;
    for (; *path; path++)
        ending = *path == '.' ? path + 1 : *path == '\\' ? NULL
                                                         : ending;
    for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
        if (http_is_same((struct http_text){ending, strlen(ending)}, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}
