// SPDX-License-Identifier: MIT
// HTTP as text: what comes from a peer is read here and nowhere else, and what goes to it is spelled here. Pure: bytes in, facts out; no
// memory is taken, nothing of the executive is known, and every function stays within the lengths that it is given.
//   head.c   a request's head [RFC 9112 2 to 6]             chunk.c  a chunked body [RFC 9112 7.1]
//   path.c   a target to a path below a root               range.c  byte ranges [RFC 9110 14]
//   date.c   dates and entity tags [RFC 9110 5.6.7, 8.8]   text.c   building text in a buffer of fixed size; status lines, media types
// tests/unit/http has their tests; tests/fuzz/http_fuzz.c feeds them bytes.
#ifndef TDIHTTPD_HTTP_H
#define TDIHTTPD_HTTP_H

#include <ntddk.h>

#define HTTP_HEAD_MAX 16384u      // a request's head beyond it is refused with 431
#define HTTP_PATH_MAX 1024u       // bytes of a decoded path
#define HTTP_RANGES_MAX 16u       // more in one request are too many: the whole file is sent

struct http_text {                // not ended by a 0; at NULL: absent
    const char *at;
    size_t bytes;
};

// ---- head.c

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_PUT,
    HTTP_OPTIONS,
    HTTP_KNOWN,
    HTTP_UNKNOWN
};   // KNOWN: a method that we do not have

struct http_request {
    enum http_method method;
    unsigned minor;               // of HTTP/1.
    BOOLEAN is_close;                // the connection ends after the response
    BOOLEAN is_chunked, has_length, expects_continue;
    uint64_t length;              // of the body, with has_length
    struct http_text target;      // the path and query of it, or "*"
    struct http_text host, range, content_range, if_range, if_match, if_none_match, if_modified_since, if_unmodified_since;
};

// Read one head from the front of a stream.
// Returns how many bytes it takes, 0 when more are needed, or -STATUS of the refusal that is due (400, 414, 417, 431, 501, 505).
int http_head_read(const char *at, size_t bytes, struct http_request *request);
BOOLEAN http_is_same(struct http_text text, const char *word);                 // ASCII case does not matter
// The next element of a comma-separated list, without blanks; empty ones are passed over. FALSE: no more.
BOOLEAN http_list_next(struct http_text *list, struct http_text *element);
BOOLEAN http_number(struct http_text text, uint64_t *number);                  // decimal digits and nothing else

// ---- path.c

// The target's path, decoded, as a relative path with \ between its parts; 0-ended, valid UTF-8. "" is the root.
// Returns 0, or the status of the refusal: 400 for what is malformed or has . or .. in it, 404 for what no file here can be called.
int http_path(struct http_text target, char *path, size_t room, BOOLEAN *is_directory);

// ---- range.c

struct http_range {
    uint64_t first, last;         // both ends are in it
};
// What of a representation of size bytes a Range field asks for. Returns how many ranges, 0 to send the whole, -1 for 416.
int http_ranges(struct http_text value, uint64_t size, struct http_range *ranges);

// ---- date.c: seconds since 1601

uint64_t http_date_read(struct http_text text);                              // 0: it is none
#define HTTP_DATE_BYTES 30
void http_date_write(uint64_t seconds, char text[HTTP_DATE_BYTES]);          // "Sun, 06 Nov 1994 08:49:37 GMT"
// Does a list of entity tags, or *, have this one? is_strong: tags marked W/ never match.
BOOLEAN http_tag_listed(struct http_text list, const char *tag, BOOLEAN is_strong);

// ---- chunk.c

enum http_chunk_state {
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK_EXT,
    HTTP_CHUNK_SIZE_LF,
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_DATA_CR,
    HTTP_CHUNK_DATA_LF,
    HTTP_CHUNK_TRAILER,
    HTTP_CHUNK_TRAILER_LINE,
    HTTP_CHUNK_TRAILER_LF,
    HTTP_CHUNK_END,
    HTTP_CHUNK_BAD
};
struct http_chunks {              // begins as {0}
    enum http_chunk_state state;
    unsigned digits;              // of the size, so far
    unsigned line_bytes;          // of extensions and trailers, all together
    uint64_t left;                // of the chunk
};
// Take bytes from the front: returns how many were used, with the data among them, at most one run, in *data. Call again until all are
// used or state is END or BAD.
size_t http_chunks_read(struct http_chunks *chunks, const char *at, size_t bytes, struct http_text *data);

// ---- text.c

struct http_out {                 // what does not fit is not written, and is_cut says so
    char *at;
    size_t used, room;
    BOOLEAN is_cut;
};
void http_put(struct http_out *out, const char *text);
void http_put_bytes(struct http_out *out, const char *at, size_t bytes);
void http_put_number(struct http_out *out, uint64_t number);
void http_put_hex(struct http_out *out, uint64_t number);
void http_put_escaped(struct http_out *out, struct http_text text);          // for HTML
void http_put_percent(struct http_out *out, struct http_text text);          // for a URL: / stays
const char *http_status_words(int status);                                   // "Not Found"
const char *http_media_type(const char *path);                               // by the ending of its name

#endif
