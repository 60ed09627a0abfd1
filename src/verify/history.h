// SPDX-License-Identifier: MIT
// What happened to an object, as a report tells it: who did what to it in which call, when, on which thread, with which stack.
// The first event and the last seven are kept. Stacks are return addresses (host/symbol.h: some 5 ns a frame), resolved only when told.
//   verify_event_make -> verify_history_put      one event of one object
//   verify_mark_make  -> verify_history_mark     one event of many objects (a list that is handed over): all but its time is the same each
//                                                time that the same code does it, so it is kept once (a site), and an object keeps only
//                                                which site and when: sixteen bytes an event
#ifndef NBX_VERIFY_HISTORY_H
#define NBX_VERIFY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define VERIFY_EVENTS 8
#define VERIFY_EVENT_FRAMES 10

struct io_image;
struct verify;

struct verify_event {
    const char *what;                         // "sent", "handed over", "completed"; a literal, as function is
    const char *function;
    const struct io_image *driver;            // NULL: the runtime
    uint64_t at_ticks;                        // sched_ticks
    uint32_t thread;                          // as sched numbers them
    uint32_t frame_count;
    const void *frames[VERIFY_EVENT_FRAMES];
};

// An event but for its time. One of each lives in struct verify, as long as that does.
struct verify_site;

struct verify_mark {
    const struct verify_site *site;
    uint64_t at_ticks;
};

struct verify_history {
    uint32_t count;                           // of all that happened
    uint32_t next;                            // slot of the next event; 0 only for the first
    struct verify_mark mark[VERIFY_EVENTS];
};

// irql: any
void verify_event_make(struct verify_event *event, const char *what, const char *function, const struct io_image *driver,
                       bool with_stack);
// The same with another word. irql: any   locks: the object's holder is the only writer   fails: out of memory ends the run
void verify_history_put(struct verify *verify, struct verify_history *history, const struct verify_event *event, const char *what);

// irql: any   fails: out of memory ends the run
struct verify_mark verify_mark_make(struct verify *verify, const char *what, const char *function, const struct io_image *driver,
                                    bool with_stack);

static inline void
verify_history_mark(struct verify_history *history, struct verify_mark mark)
{
    uint32_t slot = history->next;
    history->next = slot + 1 < VERIFY_EVENTS ? slot + 1 : 1;
    history->count++;
    history->mark[slot] = mark;
}

// What a mark says, and what is kept in a slot.
struct verify_event verify_mark_event(const struct verify_mark *mark);
struct verify_event verify_history_event(const struct verify_history *history, uint32_t slot);

// The sites of a verifier. Found and added without a lock; never taken out.
#define VERIFY_SITE_BUCKETS 1024

struct verify_sites {
    struct verify_site *_Atomic bucket[VERIFY_SITE_BUCKETS];
};

void verify_sites_clear(struct verify_sites *sites);

#endif
