// SPDX-License-Identifier: MIT
// Timers of an engine: an intrusive pairing heap, so that arming one never allocates. The earliest fires first, equal ones in the
// order in which they were armed.
//   timer_arm (again: moved) -> timer_heap_first -> the owner takes it out with timer_cancel and acts
#ifndef NBX_ENGINE_TIMER_H
#define NBX_ENGINE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net;

struct timer {
    struct timer *child, *next, *previous; // previous: the elder sibling, or the parent of an eldest
    uint64_t at_us, sequence;
    void (*on_fire)(struct net *net, struct timer *timer);
    bool is_armed;
};

struct timer_heap {
    struct timer *first;
    uint64_t next_sequence;
};

void timer_arm(struct timer_heap *heap, struct timer *timer, uint64_t at_us);

// Nothing happens to a timer that is not armed.
void timer_cancel(struct timer_heap *heap, struct timer *timer);

#define TIMER_OWNER(timer, type, member) ((type *)((char *)(timer) - offsetof(type, member)))

#endif
