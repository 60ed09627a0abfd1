// SPDX-License-Identifier: MIT
// See history.h. Slot 0 is the first event for good, the others are a ring.
#include "verify/history.h"

#include <string.h>

#include "host/sched.h"
#include "host/symbol.h"

void
verify_event_make(struct verify_event *event, const char *what, const char *function, const struct io_image *driver, bool with_stack)
{
    event->what = what;
    event->function = function;
    event->driver = driver;
    event->at_ns = sched_now_ns(sched_self->sched);
    event->thread = sched_self->id;
    event->frame_count = with_stack ? (uint32_t)symbol_backtrace(event->frames, VERIFY_EVENT_FRAMES) : 0;
}

void
verify_history_add(struct verify_history *history, const char *what, const char *function, const struct io_image *driver,
                   bool with_stack)
{
    struct verify_event event;
    verify_event_make(&event, what, function, driver, with_stack);
    verify_history_put(history, &event, what);
}

struct verify_event
verify_history_event(const struct verify_history *history, uint32_t slot)
{
    const struct verify_line *line = &history->line[slot];
    struct verify_event event = {.what = line->what,
                                 .function = line->function,
                                 .driver = line->driver,
                                 .at_ns = line->at_ns,
                                 .thread = line->thread,
                                 .frame_count = line->frame_count};
    memcpy(event.frames, history->frames[slot], line->frame_count * sizeof event.frames[0]);
    return event;
}
