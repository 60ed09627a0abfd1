// SPDX-License-Identifier: MIT
// ndkping: a consumer of NDK (RDMA). It speaks the protocol of Linux's rping as client and as server, and measures latency and rate of
// send, read and write against another ndkping. Each connection has a thread, which waits for its completions.
//   entry.c     DriverEntry, adapters that arrive and go: each gets an NDK adapter and a thread, client's or server's
//   settings.c  the Parameters key
//   object.c    asynchronous calls made to wait for; memory regions
//   channel.c   a queue pair with what belongs to it; posting, completions
//   connect.c   connecting, accepting, disconnecting, ended early when the adapter goes
//   client.c    every test with every size, one connection each
//   server.c    listeners, a session for each connection
//   ping.c      the rping protocol, both sides
//   measure.c   the tests between two of us, both sides
//   report.c    results, as words or as JSON
#ifndef NDKPING_H
#define NDKPING_H

#include <ntddk.h>

#include <ntstrsafe.h>

#include "nbx/ndk.h"
#include "nbx/service.h"

#define PING_TAG 'gnPK'
#define PING_TEXT 64                       // an address or a name, as text
#define PING_LISTENERS 4
#define PING_SIZES 32
#define PING_MESSAGE 16                    // bytes of an rping message: a buffer's address, token and size
#define PING_REGION_BYTES (8u << 20)        // an MDL has 16 bits for its size, with 8 bytes a page: below 16 MiB
#define PING_SESSIONS 64                   // of a server at one time

// ---- settings

enum ping_test { PING_PING, PING_SEND, PING_READ, PING_WRITE, PING_TESTS };
extern const char *const ping_test_words[PING_TESTS];

struct ping_settings {
    BOOLEAN is_client;
    char adapter[PING_TEXT];               // "": every one that arrives
    SOCKADDR_INET local[PING_LISTENERS];   // client: one
    ULONG n_local;
    SOCKADDR_INET peer;
    ULONG tests;                           // 1 << enum ping_test
    ULONG sizes[PING_SIZES], n_sizes;
    ULONG count, depth, reads, buffer_bytes;
    ULONG start_delay_ms, timeout_s, retry_s;
    ULONG reject, json, poll;
};
extern struct ping_settings ping_settings;

// irql: PASSIVE   fails: what cannot be used is said with DbgPrint
NTSTATUS ping_settings_read(const UNICODE_STRING *service);

// ---- adapters

struct ping_adapter {
    LIST_ENTRY link;
    NET_IFINDEX if_index;
    char name[PING_TEXT];
    NDK_ADAPTER *ndk;
    NDK_ADAPTER_INFO info;
    KEVENT stop;                           // notification: the adapter goes, or we do
    PVOID thread;
};

extern PDRIVER_OBJECT ping_driver;
// How many adapters' threads use (listen on, connect from) the address now: another's without one that is not its own has no failure.
extern volatile LONG ping_local_users[PING_LISTENERS];

VOID *ping_alloc(SIZE_T bytes);            // nonpaged, zeroed
VOID ping_free(VOID *block);
// fails: NULL. owns: a referenced thread, for ping_thread_join
PVOID ping_thread_start(PKSTART_ROUTINE routine, PVOID context);
VOID ping_thread_join(PVOID thread);
// Sleep, but no longer than until the adapter stops. TRUE: it does
BOOLEAN ping_sleep(struct ping_adapter *adapter, ULONG ms);

// ---- object.c: an asynchronous call and its end

struct ping_wait {
    KEVENT done;
    NTSTATUS status;
    NDK_OBJECT_HEADER *object;
};
VOID ping_wait_init(struct ping_wait *wait);
VOID NTAPI ping_created(PVOID wait, NTSTATUS status, NDK_OBJECT_HEADER *object);
VOID NTAPI ping_requested(PVOID wait, NTSTATUS status);
// What the call returned, or, of one that was pended, what its completion said.
NTSTATUS ping_wait_end(struct ping_wait *wait, NTSTATUS returned);
// Close an object, which may be NULL, and wait.
#define PING_CLOSE(object, close)                                                 \
    do {                                                                          \
        if (object)                                                               \
            ping_close(&(object)->Header, (object)->Dispatch->close);             \
        (object) = NULL;                                                          \
    } while (0)
VOID ping_close(NDK_OBJECT_HEADER *object, NDK_FN_CLOSE_OBJECT close);
// A creation: `call` names ping_created and &wait.
#define PING_CREATE(status, to, call)                                             \
    do {                                                                          \
        struct ping_wait wait;                                                    \
        ping_wait_init(&wait);                                                    \
        (status) = (call);                                                        \
        if ((status) == STATUS_PENDING) {                                         \
            (status) = ping_wait_end(&wait, STATUS_PENDING);                      \
            (to) = (void *)wait.object;                                           \
        }                                                                         \
        if (!NT_SUCCESS(status))                                                  \
            (to) = NULL;                                                          \
    } while (0)

// Memory that the adapter knows.
struct ping_region {
    UCHAR *bytes;
    SIZE_T count;
    PMDL mdl;
    NDK_MR *mr;
    BOOLEAN is_registered;
    UINT32 local, remote;                  // tokens
};
NTSTATUS ping_region_open(NDK_PD *pd, SIZE_T count, ULONG flags, struct ping_region *region);
VOID ping_region_close(struct ping_region *region);

// ---- channel.c

// What a peer said of a buffer of its own: rping's message, in network order.
struct ping_remote {
    UINT64 address;
    UINT32 token, bytes;
};
VOID ping_remote_put(UCHAR message[PING_MESSAGE], const struct ping_region *region, ULONG bytes);
struct ping_remote ping_remote_get(const UCHAR message[PING_MESSAGE]);

struct ping_shape {
    ULONG receives, receive_bytes;         // slots, and the size of each
    ULONG depth;                           // of the initiator queue
    ULONG buffer_bytes;                    // of source and of sink
};

enum ping_op { PING_OP_RECEIVE, PING_OP_SEND, PING_OP_READ, PING_OP_WRITE };

struct ping_done {
    enum ping_op op;
    ULONG slot;                            // of a receive
    ULONG bytes;
};

struct ping_channel {
    struct ping_adapter *adapter;
    struct ping_shape shape;
    NDK_CQ *cq;
    NDK_PD *pd;
    NDK_QP *qp;
    NDK_CONNECTOR *connector;
    struct ping_region receives, messages; // messages: of PING_MESSAGE bytes, for the initiator queue, in turn
    struct ping_region source;             // the peer may read it
    struct ping_region sink;               // the peer may write it
    KEVENT cq_event;
    KEVENT gone;                           // the peer disconnected, or the connection broke
    ULONG next_message;
    ULONG out;                             // requests on the initiator queue
};

// Everything but the connection. receives are posted. fails: what the provider says; *channel is NULL then
NTSTATUS ping_channel_open(struct ping_adapter *adapter, const struct ping_shape *shape, struct ping_channel **channel);
VOID ping_channel_close(struct ping_channel *channel);
UCHAR *ping_slot(struct ping_channel *channel, ULONG slot);
NTSTATUS ping_post_receive(struct ping_channel *channel, ULONG slot);
NTSTATUS ping_post_message(struct ping_channel *channel, const UCHAR message[PING_MESSAGE]);
NTSTATUS ping_post_send(struct ping_channel *channel, ULONG bytes);                 // from source
NTSTATUS ping_post_read(struct ping_channel *channel, const struct ping_remote *remote, ULONG bytes);   // into sink
NTSTATUS ping_post_write(struct ping_channel *channel, const struct ping_remote *remote, const struct ping_region *from, ULONG bytes);
// The next completion. fails: its status; STATUS_CONNECTION_DISCONNECTED when there is none and none will come, STATUS_CANCELLED when the
// adapter goes, STATUS_IO_TIMEOUT
NTSTATUS ping_next(struct ping_channel *channel, struct ping_done *done);
// Until a message has come (its slot) and nothing of ours is out.
NTSTATUS ping_await_message(struct ping_channel *channel, ULONG *slot, ULONG *bytes);
NTSTATUS ping_await_posted(struct ping_channel *channel, ULONG out);

// ---- connect.c

// The first half of connecting, retried for retry_s while nobody answers. fails: what NdkConnect says
NTSTATUS ping_connect(struct ping_channel *channel, const VOID *private_data, ULONG private_bytes);
NTSTATUS ping_complete_connect(struct ping_channel *channel);
NTSTATUS ping_accept(struct ping_channel *channel, const VOID *private_data, ULONG private_bytes);
// What came with the peer's request or reply. bytes: room, then how much there is
NTSTATUS ping_private_data(NDK_CONNECTOR *connector, VOID *data, ULONG *bytes);
// An end in order, both ways.
NTSTATUS ping_disconnect(struct ping_channel *channel);
ULONG ping_address_bytes(const SOCKADDR_INET *address);
VOID ping_address_print(const SOCKADDR_INET *address, char text[PING_TEXT]);

// ---- the tests

struct ping_job {
    enum ping_test test;
    BOOLEAN is_rate;
    ULONG bytes;
};

struct ping_result {
    ULONG count;                           // done
    ULONG *samples, n_samples, room;       // round trips or requests, in ns
    UINT64 start_ns, elapsed_ns;
    const struct ping_job *job;            // of a client, as the next
    ULONG depth;                           // requests out at one time
    UINT64 next_word_ns;                   // when the user hears next how far it is
};

// What a measuring client says in its private data; 0 in mode: rping.
enum ping_mode { PING_MODE_RPING, PING_MODE_ECHO_SEND, PING_MODE_SINK_SEND, PING_MODE_ECHO_WRITE, PING_MODE_PASSIVE, PING_MODES };
#define PING_HELLO 32
struct ping_hello {
    enum ping_mode mode;
    ULONG depth, bytes;
    struct ping_remote remote;
};
VOID ping_hello_put(UCHAR hello[PING_HELLO], enum ping_mode mode, ULONG depth, ULONG bytes, const struct ping_region *region);
// FALSE: there is none, it is rping. fails: a hello that asks for what this server cannot do is mode PING_MODES
BOOLEAN ping_hello_get(const UCHAR *data, ULONG bytes, struct ping_hello *hello);

NTSTATUS ping_rping_client(struct ping_channel *channel, ULONG bytes, struct ping_result *result);
NTSTATUS ping_rping_server(struct ping_channel *channel, struct ping_result *result);
NTSTATUS ping_measure_client(struct ping_channel *channel, const struct ping_job *job, const struct ping_remote *remote,
                             struct ping_result *result);
NTSTATUS ping_measure_server(struct ping_channel *channel, const struct ping_hello *hello, struct ping_result *result);
VOID ping_fill(UCHAR *bytes, ULONG count, ULONG round);
UINT64 ping_now_ns(VOID);

KSTART_ROUTINE ping_client_thread;
KSTART_ROUTINE ping_server_thread;

// ---- report.c

#define PING_LINE 128
// " (STATUS_IO_TIMEOUT)", or "" for one that is not often met
const char *ping_status_word(NTSTATUS status);
// "read rate of 64 bytes"
VOID ping_job_print(const struct ping_job *job, char text[PING_LINE]);
VOID ping_report_client(const struct ping_job *job, BOOLEAN is_stopped, NTSTATUS status, struct ping_result *result);
VOID ping_report_server(const char *peer, const struct ping_hello *hello, NTSTATUS status, const struct ping_result *result);
VOID ping_result_add(struct ping_result *result, UINT64 ns);
// A test begins; so much is done; it has ended. What takes long says every few seconds how far it is.
VOID ping_result_start(struct ping_result *result);
VOID ping_result_tick(struct ping_result *result);
VOID ping_result_stop(struct ping_result *result);

#endif
