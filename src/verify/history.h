// SPDX-License-Identifier: MIT
// What happened to an object, as a report tells it: who did what to it in which call, when, on which thread, with which stack.
// The first event and the last seven are kept. Stacks are return addresses (host/symbol.h: some 5 ns a frame), resolved only when told.
#ifndef NBX_VERIFY_HISTORY_H
#define NBX_VERIFY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define VERIFY_EVENTS 8
#define VERIFY_EVENT_FRAMES 10

struct io_image;

struct verify_event {
    const char *what;                         // "sent", "handed over", "completed"; a literal, as function is
    const char *function;
    const struct io_image *driver;            // NULL: the runtime
    uint64_t at_ns;
    uint32_t thread;                          // as sched numbers them
    uint32_t frame_count;
    const void *frames[VERIFY_EVENT_FRAMES];
};

struct verify_history {
    uint32_t count;                           // of all that happened
    struct verify_event event[VERIFY_EVENTS];
};

// irql: any   locks: the object's holder is the only writer
void verify_history_add(struct verify_history *history, const char *what, const char *function, const struct io_image *driver,
                        bool with_stack);

#endif
