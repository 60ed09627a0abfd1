// SPDX-License-Identifier: MIT
// Two boxes on one wire, each with a vnic that has RDMA, a consumer of NDK, and a host that answers what an RNIC asks (host.c): addresses,
// ways and ports as the test says. A body runs in the first box, over IPv4 and over IPv6, under several seeds; each wrapper below calls
// the provider in the box of the object that it is for.
//   RC_TEST(name) { ... }          on a clean wire
//   RC_TEST_WIRE(name, wire) ...   on one with these settings
//   RC_TEST_BOTH(name) ...         once more where whatever may pend does; RC_TEST_TCPIP(name) ... with tcpip as the hosts
// At the end everything that is still open must have been closed by the test: closing the adapter waits for it.
#ifndef NBX_TESTS_FLOW_RNIC_CONNECT_KIT_H
#define NBX_TESTS_FLOW_RNIC_CONNECT_KIT_H

#include <nbx/ndk.h>
#include <nbx/rnic.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/harness.h"

#define RC_WAIT_S 600                         // of virtual time: longer than any time-out of the provider
#define RC_PORT 4791

struct box;
struct io_image;

struct rc_wait {                              // a completion that is to come once
    KEVENT done;
    NTSTATUS status;
    volatile ULONG calls;
};

struct rc_end {                               // a box
    struct box *box;
    PDRIVER_OBJECT driver;
    struct io_image *consumer, *host;
    struct nbx_ndk_client *client;
    NET_IFINDEX if_index;
    NDK_ADAPTER *adapter;
    NDK_CQ *cq;
    NDK_PD *pd;
    SOCKADDR_INET address;
};
extern struct rc_end rc_end[2];

// How the hosts behave; reset for each run.
struct rc_host {
    NTSTATUS way_status;                      // SUCCESS: the way is there
    bool way_pends;                           // and comes later, by a timer
    bool way_is_local;
    bool ports_are_held;                      // by the host: SHARING_VIOLATION
    bool no_ports;                            // TOO_MANY_ADDRESSES for port 0
    UCHAR next_link_last;                     // not 0: the last byte of the next hop's link address
    ULONG ports_taken, changes, confirms, doubts;
};
extern struct rc_host rc_host[2];

extern struct rc_net {
    bool is_six;
    uint64_t seed;
    const char *wire, *settings;              // of the wire; more settings of both adapters
    bool at_dispatch;                         // calls are made at DISPATCH_LEVEL
    bool is_tcpip;                            // the host of each box is tcpip, not host.c
    bool pends;                               // whatever may pend does (RdmaPend)
    bool is_ex;                               // sides begin with the calls of NDKPI 2.1
    bool is_shared;                           // they connect over shared endpoints, one each
    bool is_short;                            // of memory: what makes an object may give none
    uint64_t trace;                           // the hash of the last run's, on sim
} rc_net;

bool rc_is_strict(void);                      // the verifier stands between the test and the provider
bool rc_is_real(void);                        // on OS threads, in real time: a wait to see that nothing comes is short
void rc_run(const char *test, void (*fn)(void), const char *wire, unsigned seeds);
void rc_run_seed(const char *test, void (*fn)(void), const char *wire, uint64_t seed, bool is_six);    // one of them
#define RC_TEST_WIRE(name, wire)                                                                                      \
    static void name##_body(void);                                                                                     \
    TEST_TIMEOUT(120, name) { rc_run(#name, name##_body, wire, 3); }                                                   \
    static void name##_body(void)
#define RC_TEST(name) RC_TEST_WIRE(name, "delay: 50us")
// A body that several tests have; with the calls of NDKPI 2.1.
#define RC_TEST_AS(fn, name)                                                                                          \
    TEST_TIMEOUT(120, name) { rc_run(#name, fn, "delay: 50us", 2); }
#define RC_TEST_EX(fn, name)                                                                                       \
    TEST_TIMEOUT(120, name)                                                                                            \
    {                                                                                                                  \
        rc_net.is_ex = true;                                                                                           \
        rc_run(#name, fn, "delay: 50us", 2);                                                                           \
    }
// Over shared endpoints.
#define RC_TEST_SHARED(fn, name)                                                                                      \
    TEST_TIMEOUT(120, name)                                                                                            \
    {                                                                                                                  \
        rc_net.is_shared = true;                                                                                       \
        rc_run(#name, fn, "delay: 50us", 2);                                                                           \
    }
// Twice: as it comes, and where whatever may pend does.
#define RC_TEST_BOTH(name)                                                                                            \
    static void name##_body(void);                                                                                     \
    TEST_TIMEOUT(120, name)                                                                                            \
    {                                                                                                                  \
        rc_run(#name, name##_body, "delay: 50us", 2);                                                                  \
        rc_net.pends = true;                                                                                           \
        rc_run(#name, name##_body, "delay: 50us", 2);                                                                  \
    }                                                                                                                  \
    static void name##_body(void)
// With tcpip as the host: ARP and ND on the same wire.
#define RC_TEST_TCPIP_WIRE(name, wire)                                                                                \
    static void name##_body(void);                                                                                     \
    TEST_TIMEOUT(120, name)                                                                                            \
    {                                                                                                                  \
        rc_net.is_tcpip = true;                                                                                        \
        rc_run(#name, name##_body, wire, 3);                                                                           \
    }                                                                                                                  \
    static void name##_body(void)
#define RC_TEST_TCPIP(name) RC_TEST_TCPIP_WIRE(name, "delay: 50us")
// Over shared endpoints, with tcpip as the host.
#define RC_TEST_OVER(fn, name)                                                                                        \
    TEST_TIMEOUT(120, name)                                                                                            \
    {                                                                                                                  \
        rc_net.is_tcpip = rc_net.is_shared = true;                                                                     \
        rc_run(#name, fn, "delay: 50us", 2);                                                                           \
    }
// One seed of each family: for what takes long.
#define RC_TEST_LONG(name)                                                                                            \
    static void name##_body(void);                                                                                     \
    TEST_TIMEOUT(300, name)                                                                                            \
    {                                                                                                                  \
        rc_net.is_tcpip = true;                                                                                        \
        rc_run(#name, name##_body, "delay: 50us", 1);                                                                  \
    }                                                                                                                  \
    static void name##_body(void)

void rc_host_change(int box);                 // tells the RNIC that something is not what it was

// ---- boxes

void rc_surprise(int box);                    // the adapter is pulled out; on_removal has run when it returns
extern void (*rc_on_removal)(int box);        // closes what the test has open there; the kit's own follows
extern enum nbx_ndk_gone rc_gone;             // why the next one goes
// The consumer's NDK adapter of a box, with its CQ and PD; a run begins with both open.
void rc_adapter_open(int box);
void rc_adapter_close(int box);

// A call of the provider's in its box; the wrappers below do it by themselves.
struct rc_visit {
    void *before;
    struct ke_thread *lent;
    KIRQL irql;
};
struct rc_visit rc_visit(int box);
void rc_go_back(struct rc_visit visit);
#define RC_CALL(box, statement)                                                                                        \
    do {                                                                                                               \
        struct rc_visit visit_ = rc_visit(box);                                                                        \
        statement;                                                                                                     \
        rc_go_back(visit_);                                                                                            \
    } while (0)
void rc_sleep_ms(ULONG ms);                   // of virtual time, in the first box
void rc_cable(int box, bool is_whole);
bool rc_event(int box, KEVENT *event, ULONG ms);        // waits for an event of that box

// ---- requests

void rc_wait_init(struct rc_wait *wait);
NTAPI VOID rc_done(PVOID context, NTSTATUS status);
NTAPI VOID rc_closed(PVOID context);
// The end of a request: what it returned, or, when it pends, what its completion said. Asserts that there was just one of both.
NTSTATUS rc_end_of(int box, NTSTATUS returned, struct rc_wait *wait);
// Whether it has ended within so long.
bool rc_ended(int box, struct rc_wait *wait, ULONG ms);

// ---- objects

struct rc_made {                              // what a create function ends with
    struct rc_wait wait;
    NDK_OBJECT_HEADER *object;
};
NTAPI VOID rc_on_made(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *object);
// The object when it came by the completion; NULL: the function itself gave it, or, short of memory, there is none.
NDK_OBJECT_HEADER *rc_made_end(int box, NTSTATUS status, struct rc_made *made);

struct rc_side {                              // a connector with its QP
    int box;
    NDK_CONNECTOR *connector;
    NDK_QP *qp;
    NDK_SHARED_ENDPOINT *shared;              // it has connected over this one (rc_net.is_shared)
    struct rc_wait wait;                      // of the last request
    NTSTATUS returned;                        // what its function returned
    volatile ULONG disconnects;
    ULONG reason;
    KEVENT disconnected;
    bool no_event, is_ex;                     // it gives no callback; NdkCompleteConnectEx and NdkAcceptEx, with that of NDKPI 2.1
};
void rc_side_open(struct rc_side *side, int box);       // an initiator's
void rc_side_close(struct rc_side *side);               // whatever is there of it
// One at this address, inline or not; NULL: *status says why.
NDK_SHARED_ENDPOINT *rc_shared_open(int box, const SOCKADDR_INET *address, NTSTATUS *status);
void rc_shared_close(int box, NDK_SHARED_ENDPOINT *shared);
void rc_close_object(int box, NDK_OBJECT_HEADER *object, NDK_FN_CLOSE_OBJECT *close);
NDK_QP *rc_qp(int box);

struct rc_listener {
    int box;
    NDK_LISTENER *listener;
    NDK_CONNECTOR *queue[64];
    volatile ULONG count, taken;
    KEVENT arrived;
    SOCKADDR_INET address;
};
NTSTATUS rc_listen_try(struct rc_listener *listener, int box, USHORT port);
NTSTATUS rc_listen_of(struct rc_listener *listener, NDK_ADAPTER *adapter, int box, USHORT port);   // another one's of the box
void rc_listen(struct rc_listener *listener, int box, USHORT port);
void rc_listener_close(struct rc_listener *listener);
// The next connector that the listener was told of, as a side; false: none within so long.
bool rc_incoming(struct rc_listener *listener, struct rc_side *side, ULONG ms);
// The same for a QP that is there already.
bool rc_incoming_with(struct rc_listener *listener, struct rc_side *side, NDK_QP *qp, ULONG ms);

struct rc_data {                              // what a request says: limits and private data
    ULONG inbound, outbound;
    const void *bytes;
    ULONG count;
};
extern const struct rc_data rc_plain;

// Begin; the end is rc_finish.
void rc_connect_to(struct rc_side *side, const SOCKADDR_INET *from, const SOCKADDR_INET *to, const struct rc_data *data);
void rc_connect(struct rc_side *side, const struct rc_listener *listener, const struct rc_data *data);
void rc_accept(struct rc_side *side, const struct rc_data *data);
void rc_complete(struct rc_side *side);
void rc_disconnect(struct rc_side *side);
NTSTATUS rc_finish(struct rc_side *side);
NTSTATUS rc_reject(struct rc_side *side, const void *bytes, ULONG count);
SOCKADDR_INET rc_address(int box, USHORT port);
USHORT rc_port_of(const SOCKADDR_INET *address);

// All the way: connected, accepted, completed.
struct rc_pair {
    struct rc_listener listener;
    struct rc_side active, passive;
};
void rc_pair_open(struct rc_pair *pair);
void rc_pair_request(struct rc_pair *pair);   // up to the connect event; NdkConnect pends
void rc_pair_reply(struct rc_pair *pair);     // up to the end of NdkConnect; NdkAccept pends
// The same over any listener, from the first box.
void rc_sides_open(struct rc_listener *listener, struct rc_side *active, struct rc_side *passive);
void rc_pair_close(struct rc_pair *pair);     // whatever is there
void rc_pair_disconnect(struct rc_pair *pair);          // in order, from both sides

// Every call but closing answers STATUS_CONNECTION_INVALID.
void rc_side_is_dead(struct rc_side *side);

#endif
