// SPDX-License-Identifier: MIT
// A request's head: request line, fields, the empty line. What is malformed is refused, never guessed at: a server that reads a message
// otherwise than the proxy before it can be made to answer the wrong one (RFC 9112 11.2). A lone LF ends a line (2.2); a line that begins
// with a blank, a blank before the colon, a lone CR, control characters, two lengths, and a length beside chunks are 400.
//   http_head_read -> head_end -> request_line -> fields -> field -> what the whole must have
#include "http.h"

static BOOLEAN
is_token(char c)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(others, c));
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

BOOLEAN
http_is_same(struct http_text text, const char *word)
{
    size_t i = 0;
    for (; i < text.bytes && word[i]; i++)
        if (lower(text.at[i]) != lower(word[i]))
            return FALSE;
    return i == text.bytes && !word[i];
}

BOOLEAN
http_number(struct http_text text, uint64_t *number)
{
    uint64_t sum = 0;
    if (!text.bytes)
        return FALSE;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return FALSE;
        unsigned digit = (unsigned)(text.at[i] - '0');
        if (sum > (INT64_MAX - digit) / 10)      // no file is longer
            return FALSE;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return TRUE;
}

static struct http_text
trim(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct http_text){at, (size_t)(end - at)};
}

BOOLEAN
http_list_next(struct http_text *list, struct http_text *element)
{
    while (list->bytes) {
        const char *comma = memchr(list->at, ',', list->bytes), *end = comma ? comma : list->at + list->bytes;
        *element = trim(list->at, end);
        list->bytes -= (size_t)(end - list->at) + (comma != NULL);
        list->at = end + (comma != NULL);
        if (element->bytes)
            return TRUE;
    }
    return FALSE;
}

// ---- lines ----------------------------------------------------------------------------------------------------------------------

// The line that begins at `at`, without its end. Returns where the next one begins; NULL: the line is not whole.
static const char *
line_next(const char *at, const char *end, struct http_text *line)
{
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    if (!lf)
        return NULL;
    *line = (struct http_text){at, (size_t)(lf - at) - (lf > at && lf[-1] == '\r')};
    return lf + 1;
}

// GET, or one we know of.
static enum http_method
method_of(struct http_text text)
{
    static const struct {
        const char *word;
        enum http_method method;
    } methods[] = {{"GET", HTTP_GET},
                   {"HEAD", HTTP_HEAD},
                   {"PUT", HTTP_PUT},
                   {"OPTIONS", HTTP_OPTIONS},
                   {"POST", HTTP_KNOWN},
                   {"DELETE", HTTP_KNOWN},
                   {"PATCH", HTTP_KNOWN},
                   {"TRACE", HTTP_KNOWN},
                   {"CONNECT", HTTP_KNOWN}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (text.bytes == strlen(methods[i].word) && !memcmp(text.at, methods[i].word, text.bytes))   // methods have a case
            return methods[i].method;
    return HTTP_UNKNOWN;
}

// origin-form, absolute-form, or * [RFC 9112 3.2]; what is kept is the path and the query.
static int
target_read(struct http_text text, struct http_request *request)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~' || text.at[i] == '#')
            return -400;
    struct http_text scheme = {text.at, text.bytes < 7 ? text.bytes : 7};
    if (http_is_same(scheme, "http://")) {
        const char *slash = memchr(text.at + 7, '/', text.bytes - 7);
        request->target = slash ? (struct http_text){slash, text.bytes - (size_t)(slash - text.at)} : (struct http_text){"/", 1};
        return 0;
    }
    request->target = text;
    if (text.at[0] == '/' || (request->method == HTTP_OPTIONS && text.bytes == 1 && text.at[0] == '*'))
        return 0;
    return request->method == HTTP_KNOWN || request->method == HTTP_UNKNOWN ? 0 : -400;   // CONNECT's; the method is refused then
}

static int
version_read(struct http_text text, struct http_request *request)
{
    if (text.bytes != 8 || memcmp(text.at, "HTTP/", 5) || text.at[6] != '.' || text.at[5] < '0' || text.at[5] > '9' || text.at[7] < '0' ||
        text.at[7] > '9')
        return -400;
    request->minor = (unsigned)(text.at[7] - '0');
    return text.at[5] == '1' ? 0 : -505;
}

static int
request_line(struct http_text line, struct http_request *request)
{
    const char *end = line.at + line.bytes, *first = memchr(line.at, ' ', line.bytes);
    if (!first || first == line.at)
        return -400;
    for (const char *at = line.at; at < first; at++)
        if (!is_token(*at))
            return -400;
    const char *second = memchr(first + 1, ' ', (size_t)(end - first - 1));
    if (!second || second == first + 1)
        return -400;
    request->method = method_of((struct http_text){line.at, (size_t)(first - line.at)});
    int error = version_read((struct http_text){second + 1, (size_t)(end - second - 1)}, request);
    return error ? error : target_read((struct http_text){first + 1, (size_t)(second - first - 1)}, request);
}

// ---- fields ---------------------------------------------------------------------------------------------------------------------

// What is said by several fields together.
struct head {
    struct http_request *request;
    BOOLEAN has_close, has_keep_alive, has_coding;
    int status;                   // the first refusal that is not about the form
};

static int
field_length(struct head *head, struct http_text value)
{
    uint64_t length;
    if (!http_number(value, &length) || (head->request->has_length && head->request->length != length))
        return -400;
    head->request->has_length = TRUE;
    head->request->length = length;
    return 0;
}

static int
field_connection(struct head *head, struct http_text value)
{
    for (struct http_text word; http_list_next(&value, &word);) {
        head->has_close |= http_is_same(word, "close");
        head->has_keep_alive |= http_is_same(word, "keep-alive");
    }
    return 0;
}

static int
field_coding(struct head *head, struct http_text value)
{
    for (struct http_text word; http_list_next(&value, &word);) {
        if (head->request->is_chunked)
            return -400;                       // chunked comes last, and once
        head->request->is_chunked = http_is_same(word, "chunked");
        if (!head->request->is_chunked && !head->status)
            head->status = -501;
    }
    head->has_coding = TRUE;
    return 0;
}

static int
field_expect(struct head *head, struct http_text value)
{
    if (http_is_same(value, "100-continue"))
        head->request->expects_continue = TRUE;
    else if (!head->status)
        head->status = -417;
    return 0;
}

// Fields that are there once at most.
static struct http_text *
single_find(struct http_request *request, struct http_text name)
{
    const struct {
        const char *name;
        struct http_text *text;
    } singles[] = {{"Host", &request->host},
                   {"Range", &request->range},
                   {"Content-Range", &request->content_range},
                   {"If-Range", &request->if_range},
                   {"If-Modified-Since", &request->if_modified_since},
                   {"If-Unmodified-Since", &request->if_unmodified_since},
                   {"If-Match", &request->if_match},
                   {"If-None-Match", &request->if_none_match}};
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
        if (http_is_same(name, singles[i].name))
            return singles[i].text;
    return NULL;
}

static int
field(struct head *head, struct http_text name, struct http_text value)
{
    static const struct {
        const char *name;
        int (*read)(struct head *head, struct http_text value);
    } readers[] = {{"Content-Length", field_length},
                   {"Transfer-Encoding", field_coding},
                   {"Connection", field_connection},
                   {"Expect", field_expect}};
    struct http_text *single = single_find(head->request, name);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (http_is_same(name, readers[i].name))
            return readers[i].read(head, value);
    if (single && single->at)
        return -400;
    if (single)
        *single = value;
    return 0;
}

static int
field_line(struct head *head, struct http_text line)
{
    const char *colon = memchr(line.at, ':', line.bytes), *end = line.at + line.bytes;
    if (!colon || colon == line.at)
        return -400;
    for (const char *at = line.at; at < colon; at++)
        if (!is_token(*at))
            return -400;
    for (const char *at = colon + 1; at < end; at++)
        if (((unsigned char)*at < ' ' && *at != '\t') || *at == 127)
            return -400;
    return field(head, (struct http_text){line.at, (size_t)(colon - line.at)}, trim(colon + 1, end));
}

static BOOLEAN
is_host(struct http_text host)
{
    for (size_t i = 0; i < host.bytes; i++)
        if (host.at[i] <= ' ' || host.at[i] > '~' || strchr("/?#@\\\"<>", host.at[i]))
            return FALSE;
    return TRUE;
}

// What only all fields together show.
static int
head_check(struct head *head)
{
    struct http_request *request = head->request;
    if ((request->minor > 0 && !request->host.at) || (request->host.at && !is_host(request->host)))
        return -400;                           // RFC 9112 3.2
    if (head->has_coding && (request->has_length || !request->minor || (!request->is_chunked && !head->status)))
        return -400;                           // RFC 9112 6.1
    if (!request->minor)
        request->expects_continue = FALSE;     // RFC 9110 10.1.1
    request->is_close = head->has_close || (!request->minor && !head->has_keep_alive);
    return head->status;
}

// ---- the whole ------------------------------------------------------------------------------------------------------------------

// Is the empty line among the bytes? Returns where the head ends, or NULL.
static const char *
head_end(const char *at, const char *end)
{
    struct http_text line;
    while (at && at < end) {
        at = line_next(at, end, &line);
        if (at && !line.bytes)
            return at;
    }
    return NULL;
}

int
http_head_read(const char *at, size_t bytes, struct http_request *request)
{
    const char *begin = at, *limit = at + (bytes < HTTP_HEAD_MAX ? bytes : HTTP_HEAD_MAX), *end;
    struct head head = {.request = request};
    struct http_text line;
    *request = (struct http_request){0};
    // Empty lines before a request are passed over [RFC 9112 2.2].
    while (at < limit && (*at == '\n' || (*at == '\r' && at + 1 < limit && at[1] == '\n')))
        at += 1 + (*at == '\r');
    end = head_end(at, limit);
    if (!end && bytes < HTTP_HEAD_MAX)
        return 0;
    if (!end)
        return line_next(at, limit, &line) ? -431 : -414;
    at = line_next(at, end, &line);
    int error = request_line(line, request);
    while (!error && (at = line_next(at, end, &line)) && line.bytes)
        error = field_line(&head, line);
    if (!error)
        error = head_check(&head);
    return error ? error : (int)(end - begin);
}
