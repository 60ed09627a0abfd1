// SPDX-License-Identifier: MIT
// What happens between hosts and targets in two boxes of tests/flow/tcpip/kit.h, counted over all seeds: what connections were like when
// they went and came back, what each block and each list ended with, what targets told. The watchers stand in the place of handlers that
// vnic and tcpip have registered, and call them.
#ifndef NBX_TESTS_SIM_CHIMNEY_WATCH_H
#define NBX_TESTS_SIM_CHIMNEY_WATCH_H

#include <ndischimney.h>

#include <stdbool.h>
#include <stdint.h>

enum watch_layer {
    WATCH_NEIGHBOR,
    WATCH_PATH,
    WATCH_TCP,
    WATCH_LAYERS
};
enum watch_list {
    WATCH_SEND,
    WATCH_RECEIVE,
    WATCH_DISCONNECT,
    WATCH_FORWARD,
    WATCH_LISTS
};

#define WATCH_STATUSES 16

struct watch_tally {                          // of statuses, in the order they first came
    struct {
        NDIS_STATUS status;
        uint64_t count;
    } of[WATCH_STATUSES];
};

extern struct watch {
    bool copies;                              // the target gets byte copies of trees (copy.h)
    // Connections on their way to the target, by state: all, with sends that are under way, with received bytes that nobody has had.
    uint64_t went[MaxTcpConnectionState], with_sends[MaxTcpConnectionState], with_data[MaxTcpConnectionState];
    // And back.
    uint64_t came[MaxTcpConnectionState], came_with_sends[MaxTcpConnectionState], came_with_data[MaxTcpConnectionState];
    struct watch_tally initiated[WATCH_LAYERS], terminated, lists[WATCH_LISTS];
    uint64_t reasons[MaxUploadReason], events[TcpIndicateAbort + 1];
} watch;

// Both boxes are watched from now on, until they are taken down.
void watch_start(void);
uint64_t watch_count(const struct watch_tally *tally, NDIS_STATUS status);

#endif
