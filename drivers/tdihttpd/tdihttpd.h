// SPDX-License-Identifier: MIT
// tdihttpd: a TDI client that serves files over HTTP/1.1 on \Device\Tcp and \Device\Tcp6. What it answers is in README.md.
//   entry.c     DriverEntry, settings, transports that come and go (TdiRegisterPnPHandlers)
//   listener.c  an address file with its connection files, offers of peers, the clock that ends what does not move
//   endpoint.c  one connection file: its requests, the work item that they wake, its end
//   session.c   HTTP on one connection, in the work item: heads in, bodies in, replies out, lingering
//   answer.c    what a request gets: which file, which ranges, which refusal     reply.c   a reply as bytes, piece by piece
//   upload.c    PUT: a file that is written beside its place and renamed         file.c    files of the executive
//   http.h      HTTP as text, pure
// Who runs when: completions and offers come at <= DISPATCH_LEVEL; they note what happened and wake the work item. Everything of a
// session happens in the work item, at PASSIVE_LEVEL, one thread at a time, because files can be touched only there.
#ifndef TDIHTTPD_H
#define TDIHTTPD_H

#include <ntddk.h>

#include "../tdi_client_common/tdi_client.h"

#include "http.h"

#define HTTPD_TAG 'pttH'
#define HTTPD_IN_BYTES 16384u              // received at once; in front of it a head's rest has room
#define HTTPD_OUT_BYTES 65536u             // of one send
#define HTTPD_OUT_SLOTS 4
#define HTTPD_BODY_BYTES 262144u           // of an upload, received at once
#define HTTPD_BODY_SLOTS 2
#define HTTPD_TEXT_BYTES 1536u             // a reply's head, the head of a part

VOID *httpd_alloc(SIZE_T bytes);           // nonpaged, zeroed
VOID *httpd_alloc_raw(SIZE_T bytes);       // nonpaged, as it is
VOID httpd_free(VOID *block);              // NULL is fine

struct httpd_settings {                    // constant once DriverEntry has read them
    UNICODE_STRING root, upload;           // \??\tdihttpd\root; upload.Buffer NULL: PUT is refused
    ULONG port, connections, timeout_s;
};
extern struct httpd_settings httpd_settings;
extern PDRIVER_OBJECT httpd_driver;

// ---- file.c: files of the executive. irql: PASSIVE

struct httpd_file {
    HANDLE handle;                         // NULL: none
    UINT64 bytes;
    UINT64 written;                        // last write, in units of 100 ns since 1601
};
// Open root\path for reading, a regular file. fails: STATUS_FILE_IS_A_DIRECTORY, and what ZwCreateFile says.
NTSTATUS httpd_file_open(const UNICODE_STRING *root, const char *path, struct httpd_file *file);
// Make root\path, which must not be there, for writing and renaming.
NTSTATUS httpd_file_create(const UNICODE_STRING *root, const char *path, struct httpd_file *file);
// Exactly so many bytes, or it fails: STATUS_END_OF_FILE when the file has become shorter.
NTSTATUS httpd_file_read(struct httpd_file *file, UINT64 at, VOID *to, ULONG bytes);
NTSTATUS httpd_file_write(struct httpd_file *file, UINT64 at, const VOID *from, ULONG bytes);
// Give it another name below root, in place of what has it now.
NTSTATUS httpd_file_rename(struct httpd_file *file, const UNICODE_STRING *root, const char *path);
VOID httpd_file_delete(struct httpd_file *file);   // gone when it is closed
VOID httpd_file_close(struct httpd_file *file);
#define HTTPD_TAG_BYTES 40
VOID httpd_file_tag(const struct httpd_file *file, char tag[HTTPD_TAG_BYTES]);   // its entity tag, quotes and all

// ---- reply.c: what goes out for one request

struct httpd_reply {
    char text[HTTPD_TEXT_BYTES];           // what goes next: the head, or that of a part
    size_t text_at, text_bytes;
    struct httpd_file file;                // closed at the reply's end
    struct http_range ranges[HTTP_RANGES_MAX];
    unsigned range_count, range_next;      // ranges of the file that go; next: the one after this
    UINT64 at, left;                       // of the range that goes now
    UINT64 whole_bytes;                    // of the file, for Content-Range
    BOOLEAN is_multipart, has_closed;      // closed: the last boundary has been said
    BOOLEAN is_over;                       // all has been handed out
    const char *media;
    char boundary[HTTPD_TAG_BYTES];
};
// Fill to with the next bytes of the reply. Returns how many; fewer than room only at its end. fails: a file that cannot be read now.
NTSTATUS httpd_reply_fill(struct httpd_reply *reply, UCHAR *to, ULONG room, ULONG *bytes);
UINT64 httpd_reply_bytes(const struct httpd_reply *reply);    // what is left, at least
VOID httpd_reply_end(struct httpd_reply *reply);              // closes its file; safe at any time
// The bytes of all parts with their heads and the last boundary.
UINT64 httpd_reply_multipart_bytes(struct httpd_reply *reply);

// ---- upload.c

struct httpd_upload {
    struct httpd_file file;                // NULL handle: none is going on
    UINT64 at;
    BOOLEAN is_new;                        // there was no such file before
    char path[HTTP_PATH_MAX];
};
// Returns 0, or the status of the refusal.
int httpd_upload_begin(struct httpd_upload *upload, const char *path);
int httpd_upload_write(struct httpd_upload *upload, const VOID *from, ULONG bytes);
int httpd_upload_end(struct httpd_upload *upload);             // 201 or 204, or the status of the refusal
VOID httpd_upload_drop(struct httpd_upload *upload);           // what was written is deleted; safe when there is none
int httpd_status_of(NTSTATUS status);                          // of a file, as HTTP says it

// ---- session.c, answer.c

enum httpd_phase {
    HTTPD_AT_HEAD,
    HTTPD_AT_BODY,
    HTTPD_AT_REPLY,
    HTTPD_AT_LINGER,
    HTTPD_AT_ABORT,
    HTTPD_AT_END
};

struct httpd_endpoint;
struct httpd_slot {                        // a request with its buffer
    struct httpd_endpoint *endpoint;
    PIRP irp;
    PMDL mdl;
    UCHAR *buffer;
    ULONG room;
    LONG is_out;                           // guarded by the endpoint's lock, as is what follows
    LONG is_back;                          // a result that the session has not looked at
    NTSTATUS status;
    ULONG bytes;
};

struct httpd_session {
    struct httpd_endpoint *endpoint;
    enum httpd_phase phase;
    struct httpd_slot in, body[HTTPD_BODY_SLOTS], out[HTTPD_OUT_SLOTS];
    UCHAR *in_buffer;                      // HTTP_HEAD_MAX bytes for a head's rest, then in's buffer
    UCHAR *at, *end;                       // received, not looked at; within in_buffer
    ULONG body_turn;                       // which body slot is received into next
    BOOLEAN is_fin;                        // the peer sends no more
    BOOLEAN is_close;                      // this reply is the last
    BOOLEAN is_chunked;                    // the body
    BOOLEAN is_continue_due;               // the peer waits for 100 before it sends the body
    UINT64 body_left;                      // of one with a length: not received yet
    struct http_chunks chunks;
    struct httpd_upload upload;
    struct httpd_reply reply;
    ULONG head_since_s;                    // the listener's second in which the head that is not whole began; 0: none has
};

struct httpd_session *httpd_session_create(struct httpd_endpoint *endpoint);   // irql: <= DISPATCH
VOID httpd_session_destroy(struct httpd_session *session);     // irql: <= DISPATCH; it has ended, and no request is out
// Do what can be done now. irql: PASSIVE, one thread at a time
VOID httpd_session_run(struct httpd_session *session);
VOID httpd_session_expire(struct httpd_session *session);      // nothing has moved for too long

// A request to a reply, or to an upload whose body is due (then the phase is HTTPD_AT_BODY).
VOID httpd_answer(struct httpd_session *session, const struct http_request *request);
VOID httpd_answer_status(struct httpd_session *session, int status, BOOLEAN is_head);   // a reply that only says so

// ---- endpoint.c

struct httpd_listener;
struct httpd_endpoint {
    LIST_ENTRY link;                       // listener->idle or ->busy
    struct httpd_listener *listener;
    struct tdiclient_file file;
    PIRP control, abort;                   // ACCEPT and then RELEASE; ABORT, which overtakes
    PIO_WORKITEM work;
    struct httpd_session *session;         // while connected
    KSPIN_LOCK lock;                       // guards the rest
    LONG holds;                            // requests that are out, the work item, the session; the last one makes it idle
    BOOLEAN is_wanted, is_working, is_expired;
    BOOLEAN is_released, is_release_back;
    NTSTATUS release_status;
    ULONG deadline;                        // in the listener's seconds
};

NTSTATUS httpd_endpoint_open(struct httpd_endpoint *endpoint, struct httpd_listener *listener, PCWSTR device);   // irql: PASSIVE
VOID httpd_endpoint_close(struct httpd_endpoint *endpoint);    // irql: PASSIVE; idle
PIRP httpd_endpoint_offered(struct httpd_endpoint *endpoint);  // a peer's offer is taken: its ACCEPT. irql: DISPATCH
VOID httpd_endpoint_tick(struct httpd_endpoint *endpoint, ULONG now_s);   // locks: the listener's
// For the session. Each request that is submitted comes back, sooner or later, and wakes it.
VOID httpd_endpoint_receive(struct httpd_slot *slot, ULONG bytes);
VOID httpd_endpoint_send(struct httpd_slot *slot, ULONG bytes);
BOOLEAN httpd_slot_is_out(struct httpd_slot *slot);
BOOLEAN httpd_slot_take(struct httpd_slot *slot, NTSTATUS *status, ULONG *bytes);   // the result, once
VOID httpd_endpoint_release(struct httpd_endpoint *endpoint);
BOOLEAN httpd_endpoint_released(struct httpd_endpoint *endpoint, NTSTATUS *status);
VOID httpd_endpoint_abort(struct httpd_endpoint *endpoint);    // the session must not ask for anything after it
VOID httpd_endpoint_end(struct httpd_endpoint *endpoint);      // the session needs it no more
BOOLEAN httpd_slot_create(struct httpd_slot *slot, struct httpd_endpoint *endpoint, UCHAR *buffer, ULONG room);
VOID httpd_slot_destroy(struct httpd_slot *slot);              // the buffer stays

// ---- listener.c

// Serve a port of a transport. irql: PASSIVE   fails: NULL; what could not be opened is said with DbgPrint
struct httpd_listener *httpd_listener_open(PCWSTR device);
// Connections end at once; every request of ours is back when this returns. irql: PASSIVE
VOID httpd_listener_close(struct httpd_listener *listener);
VOID httpd_listener_idle(struct httpd_listener *listener, struct httpd_endpoint *endpoint);   // it may be used again
ULONG httpd_listener_now(struct httpd_listener *listener);     // seconds
HANDLE httpd_listener_address(struct httpd_listener *listener);

#endif
