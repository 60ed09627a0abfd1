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

// Kept with the stacks apart: without them (the threads scheduler) an event is less than a cache line.
struct verify_history {
    uint32_t count;                           // of all that happened
    uint32_t next;                            // slot of the next event; 0 only for the first
    struct verify_line {
        const char *what, *function;
        const struct io_image *driver;
        uint64_t at_ns;
        uint32_t thread, frame_count;
    } line[VERIFY_EVENTS];
    const void *frames[VERIFY_EVENTS][VERIFY_EVENT_FRAMES];
};

// irql: any   locks: the object's holder is the only writer
void verify_history_add(struct verify_history *history, const char *what, const char *function, const struct io_image *driver,
                        bool with_stack);

// The same for many objects that one call hands over: the event is made once, the clock read once, the stack walked once.
void verify_event_make(struct verify_event *event, const char *what, const char *function, const struct io_image *driver,
                       bool with_stack);

static inline void
verify_history_put(struct verify_history *history, const struct verify_event *event, const char *what)
{
    uint32_t slot = history->next;
    history->next = slot + 1 < VERIFY_EVENTS ? slot + 1 : 1;
    history->count++;
    history->line[slot] = (struct verify_line){what, event->function, event->driver, event->at_ns, event->thread, event->frame_count};
    for (uint32_t i = 0; i < event->frame_count; i++)
        history->frames[slot][i] = event->frames[i];
}

// What is kept in a slot.
struct verify_event verify_history_event(const struct verify_history *history, uint32_t slot);

#endif
