// SPDX-License-Identifier: MIT
// A reply as bytes: a text (the head, or the head of a part), then a range of a file, then the next part's text, and at the end of several
// parts the last boundary [RFC 9110 14.6]. It is asked for as much as fits a send, again and again.
#include "tdihttpd.h"

static VOID
part_text(struct httpd_reply *reply, struct http_out *out, unsigned index)
{
    const struct http_range *range = &reply->ranges[index];
    http_put(out, "\r\n--");
    http_put(out, reply->boundary);
    http_put(out, "\r\nContent-Type: ");
    http_put(out, reply->media);
    http_put(out, "\r\nContent-Range: bytes ");
    http_put_number(out, range->first);
    http_put(out, "-");
    http_put_number(out, range->last);
    http_put(out, "/");
    http_put_number(out, reply->whole_bytes);
    http_put(out, "\r\n\r\n");
}

static VOID
last_text(struct httpd_reply *reply, struct http_out *out)
{
    http_put(out, "\r\n--");
    http_put(out, reply->boundary);
    http_put(out, "--\r\n");
}

UINT64
httpd_reply_multipart_bytes(struct httpd_reply *reply)
{
    char room[512];
    UINT64 sum = 0;
    for (unsigned i = 0; i <= reply->range_count; i++) {
        struct http_out out = {room, 0, sizeof room, FALSE};
        if (i < reply->range_count) {
            part_text(reply, &out, i);
            sum += reply->ranges[i].last - reply->ranges[i].first + 1;
        } else {
            last_text(reply, &out);
        }
        sum += out.used;
    }
    return sum;
}

// The text and the range that come now are through: the next, if there is one.
static VOID
next(struct httpd_reply *reply)
{
    struct http_out out = {reply->text, 0, sizeof reply->text, FALSE};
    if (reply->range_next < reply->range_count) {
        const struct http_range *range = &reply->ranges[reply->range_next];
        if (reply->is_multipart)
            part_text(reply, &out, reply->range_next);
        reply->range_next++;
        reply->at = range->first;
        reply->left = range->last - range->first + 1;
    } else if (reply->is_multipart && !reply->has_closed) {
        reply->has_closed = TRUE;
        last_text(reply, &out);
    } else {
        reply->is_over = TRUE;
    }
    reply->text_at = 0;
    reply->text_bytes = out.used;
}

NTSTATUS
httpd_reply_fill(struct httpd_reply *reply, UCHAR *to, ULONG room, ULONG *bytes)
{
    ULONG used = 0;
    while (!reply->is_over && used < room) {
        if (reply->text_at < reply->text_bytes) {
            SIZE_T left = reply->text_bytes - reply->text_at, take = left < room - used ? left : room - used;
            RtlCopyMemory(to + used, reply->text + reply->text_at, take);
            reply->text_at += take;
            used += (ULONG)take;
        } else if (reply->left) {
            ULONG take = reply->left < room - used ? (ULONG)reply->left : room - used;
            NTSTATUS status = httpd_file_read(&reply->file, reply->at, to + used, take);
            if (!NT_SUCCESS(status))
                return status;
            reply->at += take;
            reply->left -= take;
            used += take;
        } else {
            next(reply);
        }
    }
    // A reply that ends where the slot does is over now, not after an empty one.
    if (!reply->is_over && reply->text_at == reply->text_bytes && !reply->left)
        next(reply);
    *bytes = used;
    return STATUS_SUCCESS;
}

UINT64
httpd_reply_bytes(const struct httpd_reply *reply)
{
    UINT64 sum = reply->text_bytes - reply->text_at + reply->left;
    for (unsigned i = reply->range_next; i < reply->range_count; i++)
        sum += reply->ranges[i].last - reply->ranges[i].first + 1;
    return sum;
}

VOID
httpd_reply_end(struct httpd_reply *reply)
{
    httpd_file_close(&reply->file);
    reply->range_count = reply->range_next = 0;
    reply->left = reply->text_at = reply->text_bytes = 0;
    reply->is_over = TRUE;
}
