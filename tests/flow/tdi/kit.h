// SPDX-License-Identifier: MIT
// A TDI client for tests: opens addresses and connections of tdimem, makes requests as a kernel-mode client does (IRPs of its own, built
// with TdiBuildXxx), and notes every event. TDI_TEST runs a body in a fresh box with the verifier on, under several seeds, with tdimem
// loaded before and unloaded after; whatever stays behind fails the test.
#ifndef NBX_TESTS_FLOW_TDI_KIT_H
#define NBX_TESTS_FLOW_TDI_KIT_H

#include <stdbool.h>
#include <tdikrnl.h>

#include "harness/harness.h"

#define TK_MEM L"\\Device\\TdiMem"
#define TK_ABRUPT L"\\Device\\TdiMemAbrupt"
#define TK_WAIT_MS 60000
#define TK_DATA_BYTES 128

struct box;

// The calling thread in another box than its own, as box_run does it, until it goes back.
struct tk_visit {
    void *before;
    struct ke_thread *lent;
};

struct tk_name {
    union {
        TRANSPORT_ADDRESS list;
        TA_NETBIOS_ADDRESS netbios;
        TA_IP_ADDRESS ip;
        TA_IP6_ADDRESS ip6;
    } u;
    ULONG bytes;
};

// A request and its answer. Made by tk_xxx, ended by tk_wait.
struct tk_request {
    struct box *box;                         // whose client it is
    struct tk_visit visit;
    PIRP irp;
    PMDL mdl;
    KEVENT done;
    NTSTATUS returned;                       // by IoCallDriver
    UCHAR minor;
    IO_STATUS_BLOCK iosb;
    KIRQL completed_at;
    LONG completions;
    TDI_CONNECTION_INFORMATION send, back;
    struct tk_name remote;
    union {
        TA_NETBIOS_ADDRESS back_remote;
        TA_IP_ADDRESS back_ip;
        TA_IP6_ADDRESS back_ip6;
    };
    UCHAR data[TK_DATA_BYTES], back_data[TK_DATA_BYTES];
    ULONG back_options;
    LARGE_INTEGER time;
    LONG order;                              // its place among all completions and events of the box
};

enum tk_receive_mode { TK_TAKE_ALL, TK_TAKE_NONE, TK_TAKE_TWO, TK_TAKE_WITH_IRP };

struct tk_endpoint;
struct tk_address {
    struct box *box;
    HANDLE handle;
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    struct tk_name name;
    struct tk_endpoint *_Atomic accepts;             // what ClientEventConnect accepts with; NULL: it refuses
    struct tk_request accept;                // that request
    NTSTATUS refusal;                        // what it returns otherwise
    bool is_offer_open;                      // it does not answer the offer with a status, but accepts and leaves the rest to the test
    LONG offers;
    UCHAR offer_data[TK_DATA_BYTES];
    LONG offer_bytes;
    enum tk_receive_mode mode;
    struct tk_request receive;               // for TK_TAKE_WITH_IRP
    UCHAR receive_room[4096];
    ULONG receive_bytes;
    bool keeps;                              // chained receives are kept in kept
    PVOID kept[64];
    LONG kept_count;
    LONG chained, datagrams, errors, errors_ex;
    NTSTATUS last_error;
    UCHAR datagram[1024];
    ULONG datagram_bytes;
    KEVENT got_datagram;
};

struct tk_endpoint {
    struct box *box;
    HANDLE handle;
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    ULONG stream_bytes;
    LONG receives, expedited, possible;
    _Atomic LONG disconnects;
    ULONG last_indicated, last_available, last_flags;
    _Atomic ULONG disconnect_flags;
    UCHAR disconnect_data[TK_DATA_BYTES];
    LONG disconnect_bytes;
    ULONG disconnect_why;
    LONG disconnect_order;
    KEVENT received, disconnected, room;
    struct tk_endpoint *reuse;               // from inside ClientEventDisconnect: listen again with this request
    struct tk_request listen;
    UCHAR stream[131072];                    // what handlers took; last, so that opening one need not touch it
};

struct tk_control {                          // a control channel
    HANDLE handle;
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
};

extern volatile LONG tk_order;

// Where clients are. All is in the box of the running thread unless a test of two boxes says otherwise; requests, waits and closes visit
// the box of the client that they are about.
extern struct tk_place {
    struct box *box;                         // where addresses and endpoints are opened; NULL: in the caller's
    struct box *there;                       // where a pair's server is; NULL: in the caller's
    const char *server, *any;                // where pairs meet; "any address"
} tk_place;

void tk_run(const char *test, void (*fn)(void), unsigned seeds);
void tk_run_from(const char *test, void (*fn)(void), uint64_t first, unsigned seeds);
#define TDI_TEST_SEEDS(seeds, name)                                                                                    \
    static void name##_body(void);                                                                                     \
    TEST_TIMEOUT(120, name) { tk_run(#name, name##_body, seeds); }                                                     \
    static void name##_body(void)
#define TDI_TEST(name) TDI_TEST_SEEDS(12, name)

// Open and close. The name may be NULL: any.
NTSTATUS tk_try_address(struct tk_address *address, PCWSTR device, const char *name);
NTSTATUS tk_try_shared_address(struct tk_address *address, PCWSTR device, const char *name);     // others may have it, too
void tk_open_address(struct tk_address *address, PCWSTR device, const char *name);
void tk_open_endpoint(struct tk_endpoint *endpoint, PCWSTR device);
void tk_open_pair(struct tk_address *address, struct tk_endpoint *endpoint, PCWSTR device, const char *name);   // associated
// Again, where they were.
NTSTATUS tk_reopen_address(struct tk_address *address, PCWSTR device, const char *name);
void tk_reopen_endpoint(struct tk_endpoint *endpoint, PCWSTR device);
void tk_close_address(struct tk_address *address);
void tk_close_endpoint(struct tk_endpoint *endpoint);
void tk_open_control(struct tk_control *control, PCWSTR device);
void tk_close_control(struct tk_control *control);
// A device control with its answer. The final status.
NTSTATUS tk_ioctl(PFILE_OBJECT file, ULONG code, const void *in, ULONG in_bytes, void *out, ULONG out_bytes, ULONG_PTR *information);
NTSTATUS tk_associate(struct tk_endpoint *endpoint, struct tk_address *address);
NTSTATUS tk_disassociate(struct tk_endpoint *endpoint);
NTSTATUS tk_set_handler(struct tk_address *address, LONG type, PVOID handler);
void tk_set_handlers(struct tk_address *address);        // connect, disconnect, receive
enum { TK_ALL_EVENTS = 11 };
void tk_set_handler_of(struct tk_address *address, LONG type);   // the kit's own

// Begin requests. Options are 0 or NULL where they need not be said.
void tk_connect(struct tk_request *r, struct tk_endpoint *endpoint, const char *to, const char *data, LONGLONG timeout_100ns);
void tk_listen(struct tk_request *r, struct tk_endpoint *endpoint, ULONG flags, const char *from);
void tk_accept(struct tk_request *r, struct tk_endpoint *endpoint, const char *data);
// timeout_100ns: 1 for none given
void tk_disconnect(struct tk_request *r, struct tk_endpoint *endpoint, ULONG flags, const char *data, LONGLONG timeout_100ns);
void tk_send(struct tk_request *r, struct tk_endpoint *endpoint, const void *bytes, ULONG count, ULONG flags);
void tk_receive(struct tk_request *r, struct tk_endpoint *endpoint, void *bytes, ULONG count, ULONG flags);
void tk_send_datagram(struct tk_request *r, struct tk_address *address, const char *to, const void *bytes, ULONG count);
void tk_receive_datagram(struct tk_request *r, struct tk_address *address, void *bytes, ULONG count, const char *from);
void tk_query(struct tk_request *r, PFILE_OBJECT file, LONG type, void *bytes, ULONG count);
void tk_action(struct tk_request *r, PFILE_OBJECT file, void *bytes, ULONG count);
// Requests that a handler gives away: made, not made yet. tk_wait ends them.
PIRP tk_receive_make(struct tk_request *r, struct tk_endpoint *endpoint, void *bytes, ULONG count, ULONG flags);
PIRP tk_receive_datagram_make(struct tk_request *r, struct tk_address *address, void *bytes, ULONG count);
PIRP tk_accept_make(struct tk_request *r, struct tk_endpoint *endpoint, const char *data);
void tk_raw(struct tk_request *r, PFILE_OBJECT file, UCHAR minor);
// Its final status; the request can be used again. Fails the test if it takes longer than TK_WAIT_MS of box time.
NTSTATUS tk_wait(struct tk_request *r);
NTSTATUS tk_wait_long(struct tk_request *r, LONG ms);
BOOLEAN tk_cancel(struct tk_request *r);
bool tk_is_done(struct tk_request *r);
void tk_sleep_ms(LONG ms);
void tk_sleep_us(LONG us);
void tk_settle(void);                        // long enough for everything that is on its way

// Two endpoints of one box with a connection between them: `there` listened at the name "server", `here` connected.
struct tk_pair {
    struct tk_address server, client;
    struct tk_endpoint there, here;
};
void tk_pair_prepare(struct tk_pair *pair, PCWSTR device);   // opened and associated
void tk_pair_open(struct tk_pair *pair, PCWSTR device);      // and connected
void tk_pair_connect(struct tk_pair *pair);      // again, on the same endpoints
void tk_pair_close(struct tk_pair *pair);
bool tk_event_wait(KEVENT *event, LONG ms);      // an event of a client in the caller's box
bool tk_event_wait_in(struct box *box, KEVENT *event, LONG ms);
bool tk_disconnected(struct tk_endpoint *endpoint, LONG ms);

#endif
