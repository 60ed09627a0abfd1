// SPDX-License-Identifier: MIT
// What a request gets. Order of the questions: the method, the body's framing, the path, the file, the preconditions [RFC 9110 13.2.2], the
// ranges. Whatever is refused says so in a line of text; a request whose body is not read ends the connection.
//   httpd_answer -> get_answer | put_answer | options_answer -> httpd_reply, or an upload
#include "tdihttpd.h"

#define ALLOW (httpd_settings.upload.Buffer ? "Allow: GET, HEAD, PUT, OPTIONS\r\n" : "Allow: GET, HEAD, OPTIONS\r\n")

// ---- heads ----------------------------------------------------------------------------------------------------------------------

static UINT64
now_100ns(VOID)
{
    LARGE_INTEGER now;
    KeQuerySystemTime(&now);
    return (UINT64)now.QuadPart;
}

static VOID
put_date(struct http_out *out, const char *field, UINT64 time)
{
    char date[HTTP_DATE_BYTES];
    http_date_write(time / 10000000, date);
    http_put(out, field);
    http_put(out, date);
    http_put(out, "\r\n");
}

// Status line and what every reply has. A reply begins: nothing of the last one is left.
static struct http_out
head_begin(struct httpd_session *session, int status)
{
    struct httpd_reply *reply = &session->reply;
    struct http_out out = {reply->text, 0, sizeof reply->text, FALSE};
    reply->text_at = reply->text_bytes = 0;
    reply->range_count = reply->range_next = 0;
    reply->left = 0;
    reply->is_multipart = reply->has_closed = reply->is_over = FALSE;
    http_put(&out, "HTTP/1.1 ");
    http_put_number(&out, (UINT64)status);
    http_put(&out, " ");
    http_put(&out, http_status_words(status));
    http_put(&out, "\r\nServer: tdihttpd\r\n");
    put_date(&out, "Date: ", now_100ns());
    http_put(&out, session->is_close ? "Connection: close\r\n" : "Connection: keep-alive\r\n");
    return out;
}

static VOID
put_length(struct http_out *out, UINT64 bytes)
{
    http_put(out, "Content-Length: ");
    http_put_number(out, bytes);
    http_put(out, "\r\n");
}

static VOID
head_end(struct httpd_session *session, struct http_out *out)
{
    session->reply.text_bytes = out->used;
    session->phase = HTTPD_AT_REPLY;
}

VOID
httpd_answer_status(struct httpd_session *session, int status, BOOLEAN is_head)
{
    const char *words = http_status_words(status);
    struct http_out out = head_begin(session, status);
    BOOLEAN has_body = status != 204 && status != 304;
    if (status == 405 || (status == 204 && !session->upload.path[0]))
        http_put(&out, ALLOW);
    if (has_body) {
        http_put(&out, "Content-Type: text/plain; charset=utf-8\r\n");
        put_length(&out, 4 + strlen(words) + 1);
    }
    http_put(&out, "\r\n");
    if (has_body && !is_head) {
        http_put_number(&out, (UINT64)status);
        http_put(&out, " ");
        http_put(&out, words);
        http_put(&out, "\n");
    }
    head_end(session, &out);
}

// ---- preconditions --------------------------------------------------------------------------------------------------------------

// 0: go on; 304 or 412. file NULL: there is none.
static int
preconditions(const struct http_request *request, const struct httpd_file *file)
{
    BOOLEAN is_read = request->method == HTTP_GET || request->method == HTTP_HEAD;
    UINT64 written_s = file ? file->written / 10000000 : 0, date;
    char tag[HTTPD_TAG_BYTES] = "";
    if (file)
        httpd_file_tag(file, tag);
    if (request->if_match.at) {
        if (!file || !http_tag_listed(request->if_match, tag, TRUE))
            return 412;
    } else if (request->if_unmodified_since.at && file) {
        date = http_date_read(request->if_unmodified_since);
        if (date && written_s > date)
            return 412;
    }
    if (request->if_none_match.at) {
        if (file && http_tag_listed(request->if_none_match, tag, FALSE))
            return is_read ? 304 : 412;
    } else if (request->if_modified_since.at && is_read) {
        date = http_date_read(request->if_modified_since);
        if (date && written_s <= date)
            return 304;
    }
    return 0;
}

// Does the range count, or has the file changed since? [RFC 9110 13.1.5]
static BOOLEAN
if_range(const struct http_request *request, const struct httpd_file *file)
{
    char tag[HTTPD_TAG_BYTES];
    if (!request->if_range.at)
        return TRUE;
    httpd_file_tag(file, tag);
    if (request->if_range.bytes && (request->if_range.at[0] == '"' || request->if_range.at[0] == 'W'))
        return http_tag_listed(request->if_range, tag, TRUE);
    return http_date_read(request->if_range) == file->written / 10000000;
}

// ---- GET and HEAD ---------------------------------------------------------------------------------------------------------------

static VOID
put_validators(struct http_out *out, const struct httpd_file *file)
{
    char tag[HTTPD_TAG_BYTES];
    httpd_file_tag(file, tag);
    http_put(out, "ETag: ");
    http_put(out, tag);
    http_put(out, "\r\n");
    put_date(out, "Last-Modified: ", file->written);
}

static VOID
not_modified(struct httpd_session *session, const struct httpd_file *file)
{
    struct http_out out = head_begin(session, 304);
    put_validators(&out, file);
    http_put(&out, "\r\n");
    head_end(session, &out);
}

static VOID
not_satisfiable(struct httpd_session *session, UINT64 bytes)
{
    struct http_out out = head_begin(session, 416);
    http_put(&out, "Content-Range: bytes */");
    http_put_number(&out, bytes);
    http_put(&out, "\r\n");
    put_length(&out, 0);
    http_put(&out, "\r\n");
    head_end(session, &out);
}

static VOID
boundary_make(struct httpd_reply *reply)
{
    struct http_out out = {reply->boundary, 0, sizeof reply->boundary - 1, FALSE};
    http_put(&out, "tdihttpd-");
    http_put_hex(&out, reply->file.written ^ reply->file.bytes << 40 ^ now_100ns());
    reply->boundary[out.used] = 0;
}

// The file is open in the reply.
static VOID
file_answer(struct httpd_session *session, const struct http_request *request, const char *path, int count,
            const struct http_range *ranges)
{
    struct httpd_reply *reply = &session->reply;
    struct http_out out = head_begin(session, count ? 206 : 200);
    UINT64 bytes = reply->file.bytes;
    reply->whole_bytes = bytes;
    reply->media = http_media_type(path);
    put_validators(&out, &reply->file);
    http_put(&out, "Accept-Ranges: bytes\r\nContent-Type: ");
    for (int i = 0; i < count; i++)
        reply->ranges[i] = ranges[i];
    if (count > 1) {
        reply->is_multipart = TRUE;
        boundary_make(reply);
        http_put(&out, "multipart/byteranges; boundary=");
        http_put(&out, reply->boundary);
        reply->range_count = (unsigned)count;
        bytes = httpd_reply_multipart_bytes(reply);
    } else {
        if (!count)
            reply->ranges[0] = (struct http_range){0, bytes - 1};
        else
            bytes = ranges[0].last - ranges[0].first + 1;
        reply->range_count = bytes != 0;
        http_put(&out, reply->media);
    }
    http_put(&out, "\r\n");
    put_length(&out, bytes);
    if (count == 1) {
        http_put(&out, "Content-Range: bytes ");
        http_put_number(&out, ranges[0].first);
        http_put(&out, "-");
        http_put_number(&out, ranges[0].last);
        http_put(&out, "/");
        http_put_number(&out, reply->whole_bytes);
        http_put(&out, "\r\n");
    }
    http_put(&out, "\r\n");
    if (request->method == HTTP_HEAD) {
        reply->range_count = 0;
        reply->is_multipart = FALSE;
    }
    head_end(session, &out);
}

// A directory's name without a / at its end: relative links in its index would be read wrongly.
static VOID
directory_answer(struct httpd_session *session, const char *path, BOOLEAN is_head)
{
    struct http_out out = head_begin(session, 301);
    http_put(&out, "Location: /");
    for (const char *part = path; part;) {
        const char *cut = strchr(part, '\\');
        http_put_percent(&out, (struct http_text){part, cut ? (size_t)(cut - part) : strlen(part)});
        http_put(&out, "/");
        part = cut ? cut + 1 : NULL;
    }
    http_put(&out, "\r\n");
    put_length(&out, 0);
    http_put(&out, "\r\n");
    if (out.is_cut)
        httpd_answer_status(session, 404, is_head);   // too long a name to send anybody to
    else
        head_end(session, &out);
}

// path\index.html, in place.
static BOOLEAN
index_name(char *path, SIZE_T room)
{
    struct http_out out = {path, strlen(path), room - 1, FALSE};
    http_put(&out, out.used ? "\\index.html" : "index.html");
    path[out.used] = 0;
    return !out.is_cut;
}

static VOID
get_answer(struct httpd_session *session, const struct http_request *request, char *path, BOOLEAN is_directory)
{
    BOOLEAN is_head = request->method == HTTP_HEAD;
    struct httpd_file *file = &session->reply.file;
    struct http_range ranges[HTTP_RANGES_MAX];
    if (is_directory && !index_name(path, HTTP_PATH_MAX)) {
        httpd_answer_status(session, 404, is_head);
        return;
    }
    NTSTATUS status = httpd_file_open(&httpd_settings.root, path, file);
    if (status == STATUS_FILE_IS_A_DIRECTORY && !is_directory) {
        directory_answer(session, path, is_head);
        return;
    }
    int refusal = NT_SUCCESS(status) ? preconditions(request, file) : httpd_status_of(status);
    if (refusal == 304) {
        not_modified(session, file);
        return;
    }
    if (refusal) {
        httpd_answer_status(session, refusal, is_head);
        return;
    }
    int count = request->range.at && !is_head && if_range(request, file) ? http_ranges(request->range, file->bytes, ranges) : 0;
    if (count < 0)
        not_satisfiable(session, file->bytes);
    else
        file_answer(session, request, path, count, ranges);
}

// ---- PUT ------------------------------------------------------------------------------------------------------------------------

static int
put_check(const struct http_request *request, const char *path, BOOLEAN is_directory)
{
    struct httpd_file old;
    if (!httpd_settings.upload.Buffer)
        return 405;
    if (request->content_range.at)
        return 400;                        // a part must not be taken for the whole [RFC 9110 14.5]
    if (!request->has_length && !request->is_chunked)
        return 411;
    if (is_directory)
        return 409;
    NTSTATUS status = httpd_file_open(&httpd_settings.upload, path, &old);
    int refusal = preconditions(request, NT_SUCCESS(status) ? &old : NULL);
    httpd_file_close(&old);
    return refusal;
}

// Returns 0, or the status of the refusal.
static int
put_begin(struct httpd_session *session, const struct http_request *request, const char *path, BOOLEAN is_directory)
{
    int refusal = put_check(request, path, is_directory);
    if (!refusal)
        refusal = httpd_upload_begin(&session->upload, path);
    if (refusal)
        return refusal;
    session->is_chunked = request->is_chunked;
    session->chunks = (struct http_chunks){0};
    session->body_left = request->is_chunked ? 0 : request->length;
    session->body_turn = 0;
    session->phase = HTTPD_AT_BODY;
    return 0;
}

// ---- the whole ------------------------------------------------------------------------------------------------------------------

VOID
httpd_answer(struct httpd_session *session, const struct http_request *request)
{
    char path[HTTP_PATH_MAX] = "";
    BOOLEAN is_directory = FALSE;
    BOOLEAN has_body = request->is_chunked || (request->has_length && request->length), is_put = request->method == HTTP_PUT;
    int refusal = request->method == HTTP_UNKNOWN ? 501 : request->method == HTTP_KNOWN ? 405
                                                                                        : 0;
    BOOLEAN is_star = !refusal && request->target.bytes == 1 && request->target.at[0] == '*';
    session->upload.path[0] = 0;
    session->is_close = request->is_close || (has_body && !is_put);
    if (!refusal && !is_star)
        refusal = http_path(request->target, path, sizeof path, &is_directory);
    if (!refusal && is_put)
        refusal = put_begin(session, request, path, is_directory);
    if (refusal) {
        session->is_close |= has_body;
        httpd_answer_status(session, refusal, request->method == HTTP_HEAD);
    } else if (request->method == HTTP_OPTIONS) {
        httpd_answer_status(session, 204, FALSE);
    } else if (is_put) {
        session->is_continue_due = request->expects_continue;
    } else {
        get_answer(session, request, path, is_directory);
    }
}
