// SPDX-License-Identifier: MIT
// The TDI client of tests/flow/tdi over tcpip, in four places: one box that talks to itself over loopback, and two boxes, whose adapters
// are joined by a wire, each over IPv4 and IPv6. A TN_TEST runs its body in all four, under several seeds; the body says TN_DEVICE and
// tk_place.server, and the kit brings each request to the box that it is for. The body itself runs in the first box.
#ifndef NBX_TESTS_FLOW_TCPIP_KIT_H
#define NBX_TESTS_FLOW_TCPIP_KIT_H

#include "../tdi/kit.h"

enum tn_place { TN_LOOP4, TN_LOOP6, TN_TWO4, TN_TWO6 };
#define TN_IS_TWO(place) ((place) >= TN_TWO4)

struct world;
struct world_adapter;
struct sched;

extern struct tn_net {
    enum tn_place place;
    PCWSTR device;                   // \Device\Tcp or \Device\Tcp6
    const char *wire;                // settings of the wire between the two, "delay: 200us" unless a test says otherwise
    const char *nic;                 // settings of each adapter, ", CompletionOrder: random" for example
    unsigned storeys;                // how many passthru stand between the adapter and tcpip, 0 to 2, in each box
    unsigned hit;                    // which is paused: 0 the adapter, 1 and 2 the virtual miniports above
    const char *tcpip[2];            // of each box: settings of tcpip beside chimney, instead of its addresses on one link; NULL: these
    const char *name_there;          // the server's host, likewise
    uint64_t seed;
    struct world *world;             // of two boxes
    struct sched *sched;
    uint64_t findings, lost;
} tn_net;

#define TN_DEVICE (tn_net.device)

// Run fn under the seeds first .. first + seeds - 1.
void tn_run(const char *test, void (*fn)(void), enum tn_place place, uint64_t first, unsigned seeds);
// In every place, a few seeds each.
void tn_run_everywhere(const char *test, void (*fn)(void));
struct world_adapter *tn_adapter(int box);      // of two boxes
// fn(arg) in the first or second of two boxes.
void tn_in_box(int box, void (*fn)(void *arg), void *arg);
// The cable between the two is cut at both ends, or whole again.
void tn_cable(bool is_whole);
// What happens to an adapter; each waits until it is done. TN_PULL and TN_PUSH: the cable at this end. TN_SLEEP and TN_WAKE: with all that
// stands on it; TN_DOZE and TN_ROUSE: it alone.
enum tn_act { TN_PAUSE, TN_RESTART, TN_RESET, TN_SLEEP, TN_WAKE, TN_DOZE, TN_ROUSE, TN_PULL, TN_PUSH, TN_REMOVE, TN_SURPRISE, TN_ADD };
void tn_do(int box, enum tn_act act);
NDIS_STATUS tn_try(int box, enum tn_act act);   // what NDIS says of it; an adapter whose removal is refused stays
// With TN_SHUFFLE defined: connections of both boxes go to their adapters' offload targets and come back all the while.
extern struct tn_shuffled {
    uint64_t offloads, uploads;
} tn_shuffled;
void tn_shuffle_start(void);
void tn_shuffle_stop(void);
// A name at the server's host, or the client's, with this port: valid until the next call.
const char *tn_name_there(unsigned port);
const char *tn_name_here(unsigned port);

#define TN_TEST(name)                                                                                                 \
    static void name##_body(void);                                                                                     \
    TEST_TIMEOUT(120, name) { tn_run_everywhere(#name, name##_body); }                                                \
    static void name##_body(void)
#define TN_TEST_TWO(name)                                                                                             \
    static void name##_body(void);                                                                                     \
    TEST_TIMEOUT(120, name)                                                                                            \
    {                                                                                                                  \
        tn_run(#name, name##_body, TN_TWO4, 0, 8);                                                                   \
        tn_run(#name, name##_body, TN_TWO6, 8, 4);                                                                   \
    }                                                                                                                  \
    static void name##_body(void)

#endif
