// SPDX-License-Identifier: MIT
// HTTP on one connection, always in the endpoint's work item:
//   HEAD   bytes are collected until a head is whole -> answer.c -> REPLY, or BODY and then REPLY
//   BODY   an upload: what came with the head, then buffers of its own, one received into while the other is written
//   REPLY  every free slot is filled and sent; when all is handed out: HEAD again (a pipelined request may be there already), or LINGER
//   LINGER sends are waited for, RELEASE, and what the peer still sends is thrown away until its FIN: with unread bytes a close would
//          become a reset, which may destroy the reply on its way [RFC 9112 9.6]
//   ABORT  whatever goes wrong with the connection; END: the endpoint does the rest
// session_run tries each phase until none has anything to do; what it waits for wakes it again.
#include "tdihttpd.h"

#include <tdistat.h>

#define LINGER_BYTES_MAX (64ull << 20)     // of what is thrown away

// ---- memory ---------------------------------------------------------------------------------------------------------------------

struct httpd_session *
httpd_session_create(struct httpd_endpoint *endpoint)
{
    struct httpd_session *session = httpd_alloc(sizeof *session);
    if (!session)
        return NULL;
    session->endpoint = endpoint;
    session->in_buffer = httpd_alloc_raw(HTTP_HEAD_MAX + HTTPD_IN_BYTES);
    if (!session->in_buffer || !httpd_slot_create(&session->in, endpoint, session->in_buffer + HTTP_HEAD_MAX, HTTPD_IN_BYTES)) {
        httpd_session_destroy(session);
        return NULL;
    }
    session->at = session->end = session->in_buffer + HTTP_HEAD_MAX;
    return session;
}

static VOID
slot_drop(struct httpd_slot *slot)
{
    UCHAR *buffer = slot->buffer;
    httpd_slot_destroy(slot);
    httpd_free(buffer);
}

static BOOLEAN
slot_make(struct httpd_slot *slot, struct httpd_endpoint *endpoint, ULONG room)
{
    UCHAR *buffer = httpd_alloc_raw(room);
    if (httpd_slot_create(slot, endpoint, buffer, room))
        return TRUE;
    slot_drop(slot);
    return FALSE;
}

VOID
httpd_session_destroy(struct httpd_session *session)
{
    if (!session)
        return;
    httpd_slot_destroy(&session->in);
    for (ULONG i = 0; i < HTTPD_OUT_SLOTS; i++)
        slot_drop(&session->out[i]);
    for (ULONG i = 0; i < HTTPD_BODY_SLOTS; i++)
        slot_drop(&session->body[i]);
    httpd_free(session->in_buffer);
    httpd_free(session);
}

// ---- ends -----------------------------------------------------------------------------------------------------------------------

// Files can be closed only here, at PASSIVE_LEVEL.
static VOID
files_close(struct httpd_session *session)
{
    httpd_reply_end(&session->reply);
    httpd_upload_drop(&session->upload);
}

static BOOLEAN
abort_now(struct httpd_session *session)
{
    session->phase = HTTPD_AT_END;
    files_close(session);
    httpd_endpoint_abort(session->endpoint);
    httpd_endpoint_end(session->endpoint);
    return FALSE;
}

VOID
httpd_session_expire(struct httpd_session *session)
{
    switch (session->phase) {
    case HTTPD_AT_HEAD:
        if (session->at == session->end) {
            session->phase = HTTPD_AT_LINGER;
        } else {
            session->is_close = TRUE;
            httpd_answer_status(session, 408, FALSE);
        }
        break;
    case HTTPD_AT_END: break;
    default: session->phase = HTTPD_AT_ABORT; break;
    }
}

// ---- receiving ------------------------------------------------------------------------------------------------------------------

// Look at what the receive of heads brought. FALSE: nothing new, or it was the end.
static BOOLEAN
in_take(struct httpd_session *session)
{
    NTSTATUS status;
    ULONG bytes;
    if (!httpd_slot_take(&session->in, &status, &bytes))
        return FALSE;
    if (status == TDI_GRACEFUL_DISC)
        session->is_fin = TRUE;
    else if (!NT_SUCCESS(status))
        session->phase = HTTPD_AT_ABORT;
    else
        session->end = session->in.buffer + bytes;
    return TRUE;
}

// Receive behind what is there, which is moved in front of the buffer.
static VOID
in_ask(struct httpd_session *session)
{
    SIZE_T rest = (SIZE_T)(session->end - session->at);
    UCHAR *to = session->in.buffer - rest;
    RtlMoveMemory(to, session->at, rest);
    session->at = to;
    session->end = session->in.buffer;
    httpd_endpoint_receive(&session->in, HTTPD_IN_BYTES);
}

// ---- heads ----------------------------------------------------------------------------------------------------------------------

// A connection that waits for its next request keeps no buffers for replies.
static VOID
out_trim(struct httpd_session *session)
{
    for (ULONG i = 0; i < HTTPD_OUT_SLOTS; i++) {
        if (session->out[i].endpoint && !httpd_slot_is_out(&session->out[i]))
            slot_drop(&session->out[i]);
    }
}

// A head that comes byte by byte keeps the connection moving, but not for ever.
static BOOLEAN
head_is_late(struct httpd_session *session)
{
    ULONG now_s = httpd_listener_now(session->endpoint->listener) | 1u;
    if (session->at == session->end)
        return FALSE;
    if (!session->head_since_s)
        session->head_since_s = now_s;
    return now_s - session->head_since_s > httpd_settings.timeout_s;
}

static BOOLEAN
step_head(struct httpd_session *session)
{
    struct http_request request;
    int taken;
    if (httpd_slot_is_out(&session->in))
        return FALSE;
    if (in_take(session) && session->phase != HTTPD_AT_HEAD)
        return TRUE;
    taken = http_head_read((const char *)session->at, (size_t)(session->end - session->at), &request);
    if (!taken && !session->is_fin && head_is_late(session)) {
        httpd_session_expire(session);
        return TRUE;
    }
    if (!taken && !session->is_fin) {
        out_trim(session);
        in_ask(session);
        return TRUE;
    }
    if (!taken) {                          // no more will come
        session->phase = HTTPD_AT_LINGER;
        return TRUE;
    }
    session->head_since_s = 0;
    if (taken < 0) {
        session->is_close = TRUE;
        httpd_answer_status(session, -taken, FALSE);
        return TRUE;
    }
    httpd_answer(session, &request);       // which reads the head's text
    session->at += taken;
    return TRUE;
}

// ---- bodies ---------------------------------------------------------------------------------------------------------------------

static VOID
body_over(struct httpd_session *session, int status)
{
    for (ULONG i = 0; i < HTTPD_BODY_SLOTS; i++)
        slot_drop(&session->body[i]);
    httpd_answer_status(session, status, FALSE);
}

// The whole body is written, or it could not be: then what is left of it is not read.
static VOID
body_end(struct httpd_session *session, int failed)
{
    if (failed) {
        httpd_upload_drop(&session->upload);
        session->is_close = TRUE;
    }
    body_over(session, failed ? failed : httpd_upload_end(&session->upload));
}

static struct httpd_slot *out_free(struct httpd_session *session, BOOLEAN *has_none);

// 100, unless the body has begun to come. FALSE: no slot is free now.
static BOOLEAN
body_invite(struct httpd_session *session)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    BOOLEAN has_none;
    struct httpd_slot *slot = session->at < session->end ? NULL : out_free(session, &has_none);
    if (session->at == session->end && !slot) {
        if (has_none)
            session->phase = HTTPD_AT_ABORT;
        return has_none;
    }
    session->is_continue_due = FALSE;
    if (slot) {
        RtlCopyMemory(slot->buffer, text, sizeof text - 1);
        httpd_endpoint_send(slot, sizeof text - 1);
    }
    return TRUE;
}

static BOOLEAN
step_chunked(struct httpd_session *session)
{
    struct http_text data;
    int failed = 0;
    if (httpd_slot_is_out(&session->in))
        return FALSE;
    if (in_take(session) && session->phase != HTTPD_AT_BODY)
        return TRUE;
    while (!failed && session->at < session->end && session->chunks.state < HTTP_CHUNK_END) {
        session->at += http_chunks_read(&session->chunks, (const char *)session->at, (size_t)(session->end - session->at), &data);
        if (data.bytes)
            failed = httpd_upload_write(&session->upload, data.at, (ULONG)data.bytes);
    }
    if (failed || session->chunks.state == HTTP_CHUNK_BAD)
        body_end(session, failed ? failed : 400);
    else if (session->chunks.state == HTTP_CHUNK_END)
        body_end(session, 0);
    else if (session->is_fin)
        session->phase = HTTPD_AT_ABORT;
    else
        in_ask(session);
    return TRUE;
}

static BOOLEAN
body_ask(struct httpd_session *session)
{
    struct httpd_slot *slot = &session->body[session->body_turn];
    if (!slot->endpoint && !slot_make(slot, session->endpoint, HTTPD_BODY_BYTES))
        return FALSE;
    httpd_endpoint_receive(slot, session->body_left < HTTPD_BODY_BYTES ? (ULONG)session->body_left : HTTPD_BODY_BYTES);
    return TRUE;
}

// What came with the head.
static int
body_front(struct httpd_session *session)
{
    UINT64 there = (UINT64)(session->end - session->at);
    ULONG bytes = (ULONG)(there < session->body_left ? there : session->body_left);
    int failed = bytes ? httpd_upload_write(&session->upload, session->at, bytes) : 0;
    session->at += bytes;
    session->body_left -= bytes;
    return failed;
}

static BOOLEAN
step_body(struct httpd_session *session)
{
    struct httpd_slot *slot = &session->body[session->body_turn];
    NTSTATUS status;
    ULONG bytes;
    int failed;
    if (session->is_continue_due)
        return body_invite(session);
    if (session->is_chunked)
        return step_chunked(session);
    if (httpd_slot_is_out(slot))
        return FALSE;
    if (!httpd_slot_take(slot, &status, &bytes)) {   // the beginning
        failed = body_front(session);
        if (failed || !session->body_left)
            body_end(session, failed);
        else if (session->is_fin)
            session->phase = HTTPD_AT_ABORT;
        else if (!body_ask(session))
            body_end(session, 503);
        return TRUE;
    }
    if (!NT_SUCCESS(status) || status == TDI_GRACEFUL_DISC) {
        session->phase = HTTPD_AT_ABORT;   // it will never be whole
        return TRUE;
    }
    session->body_left -= bytes < session->body_left ? bytes : session->body_left;
    session->body_turn = (session->body_turn + 1) % HTTPD_BODY_SLOTS;
    BOOLEAN is_last = !session->body_left;
    if (!is_last && !body_ask(session)) {
        body_end(session, 503);
        return TRUE;
    }
    failed = httpd_upload_write(&session->upload, slot->buffer, bytes);
    if (failed && !is_last)
        session->phase = HTTPD_AT_ABORT;   // a receive is out, into a buffer that a reply would free
    else if (failed || is_last)
        body_end(session, failed);
    return TRUE;
}

// ---- replies --------------------------------------------------------------------------------------------------------------------

// A free slot with room for what is left of the reply. NULL: none now, or no memory for the first.
static struct httpd_slot *
out_free(struct httpd_session *session, BOOLEAN *has_none)
{
    UINT64 left = httpd_reply_bytes(&session->reply);
    ULONG room = left > HTTPD_OUT_BYTES / 16 ? HTTPD_OUT_BYTES : HTTPD_OUT_BYTES / 16;
    *has_none = TRUE;
    for (ULONG i = 0; i < HTTPD_OUT_SLOTS; i++) {
        struct httpd_slot *slot = &session->out[i];
        if (httpd_slot_is_out(slot)) {
            *has_none = FALSE;
            continue;
        }
        if (slot->endpoint && slot->room < room)
            slot_drop(slot);
        if (slot->endpoint || slot_make(slot, session->endpoint, room))
            return slot;
    }
    return NULL;
}

// Did a send fail? The results of good ones say nothing more.
static BOOLEAN
out_failed(struct httpd_session *session)
{
    BOOLEAN has_failed = FALSE;
    NTSTATUS status;
    ULONG bytes;
    for (ULONG i = 0; i < HTTPD_OUT_SLOTS; i++) {
        if (httpd_slot_take(&session->out[i], &status, &bytes))
            has_failed |= !NT_SUCCESS(status);
    }
    return has_failed;
}

static BOOLEAN
step_reply(struct httpd_session *session)
{
    BOOLEAN has_none;
    ULONG bytes;
    if (session->reply.is_over) {
        httpd_reply_end(&session->reply);
        session->phase = session->is_close ? HTTPD_AT_LINGER : HTTPD_AT_HEAD;
        return TRUE;
    }
    struct httpd_slot *slot = out_free(session, &has_none);
    if (!slot && !has_none)
        return FALSE;
    // Half a reply cannot be taken back; the peer must not take it for a whole one.
    if (!slot || !NT_SUCCESS(httpd_reply_fill(&session->reply, slot->buffer, slot->room, &bytes)))
        session->phase = HTTPD_AT_ABORT;
    else if (bytes)
        httpd_endpoint_send(slot, bytes);
    return TRUE;
}

// ---- lingering ------------------------------------------------------------------------------------------------------------------

static BOOLEAN
is_sending(struct httpd_session *session)
{
    for (ULONG i = 0; i < HTTPD_OUT_SLOTS; i++) {
        if (httpd_slot_is_out(&session->out[i]))
            return TRUE;
    }
    return FALSE;
}

static BOOLEAN
step_linger(struct httpd_session *session)
{
    NTSTATUS status;
    if (!session->endpoint->is_released) {
        if (is_sending(session))
            return FALSE;
        session->body_left = LINGER_BYTES_MAX;
        httpd_endpoint_release(session->endpoint);
        return TRUE;
    }
    if (httpd_endpoint_released(session->endpoint, &status)) {
        if (!NT_SUCCESS(status))
            return abort_now(session);
        session->phase = HTTPD_AT_END;
        files_close(session);
        httpd_endpoint_end(session->endpoint);
        return FALSE;
    }
    if (session->is_fin || httpd_slot_is_out(&session->in))
        return FALSE;
    if (in_take(session) && session->phase != HTTPD_AT_LINGER)
        return TRUE;
    if (session->is_fin)
        return FALSE;                      // the release's end comes by itself
    UINT64 got = (UINT64)(session->end - session->at);
    session->body_left -= got < session->body_left ? got : session->body_left;
    session->at = session->end;
    if (!session->body_left)
        session->phase = HTTPD_AT_ABORT;
    else
        in_ask(session);
    return TRUE;
}

VOID
httpd_session_run(struct httpd_session *session)
{
    BOOLEAN is_moving = TRUE;
    while (is_moving) {
        if (session->phase != HTTPD_AT_END && out_failed(session))
            session->phase = HTTPD_AT_ABORT;
        switch (session->phase) {
        case HTTPD_AT_HEAD: is_moving = step_head(session); break;
        case HTTPD_AT_BODY: is_moving = step_body(session); break;
        case HTTPD_AT_REPLY: is_moving = step_reply(session); break;
        case HTTPD_AT_LINGER: is_moving = step_linger(session); break;
        case HTTPD_AT_ABORT: is_moving = abort_now(session); break;
        default: is_moving = FALSE; break;
        }
    }
}
