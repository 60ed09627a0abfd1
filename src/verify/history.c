// SPDX-License-Identifier: MIT
// See history.h. Slot 0 is the first event for good, the others are a ring.
#include "verify/history.h"

#include "host/sched.h"
#include "host/symbol.h"

void
verify_history_add(struct verify_history *history, const char *what, const char *function, const struct io_image *driver,
                   bool with_stack)
{
    uint32_t slot = history->count ? 1 + (history->count - 1) % (VERIFY_EVENTS - 1) : 0;
    struct verify_event *event = &history->event[slot];
    history->count++;
    event->what = what;
    event->function = function;
    event->driver = driver;
    event->at_ns = sched_now_ns(sched_self->sched);
    event->thread = sched_self->id;
    event->frame_count = with_stack ? (uint32_t)symbol_backtrace(event->frames, VERIFY_EVENT_FRAMES) : 0;
}
