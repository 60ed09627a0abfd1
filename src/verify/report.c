// SPDX-License-Identifier: MIT
// See report.h. Paths: verify_report -> headline at the driver's innermost frame -> Windows -> driver -> object, history -> where,
// when -> the stack; then box->on_finding (a tape is written, the replay command said) and _Exit(1): what is left of the box cannot be
// taken down in order, because the call that broke the rule has no result to go on with.
#include "verify/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/symbol.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"

#define FRAMES_MAX 48

static struct ke_thread *
thread_here(void)
{
    return sched_self ? sched_self->user : NULL;
}

// Code of the runtime, as against a driver that lives in this program (tests).
static bool
is_runtime(const struct symbol *place)
{
    static const char *const rooms[] = {"/src/ndis/", "/src/nt/", "/src/verify/", "/src/host/", "/src/sim/", "/src/loader/"};
    for (size_t i = 0; place->file && i < sizeof rooms / sizeof *rooms; i++)
        if (strstr(place->file, rooms[i]))
            return true;
    return !place->file;
}

// The frame that the report points at: the innermost one in the driver's image; for a driver without one, the innermost one outside
// the runtime. frame_count: none.
static size_t
driver_frame(struct symbols *symbols, const struct io_image *driver, const void *const *frames, size_t frame_count, bool first_is_pc)
{
    for (size_t i = 0; i < frame_count; i++)
        if (io_image_covers(driver, frames[i]))
            return i;
    for (size_t i = 0; i < frame_count; i++) {
        struct symbol place = {0};
        symbols_resolve(symbols, i || !first_is_pc ? (const char *)frames[i] - 1 : frames[i], &place, 1);
        if (!is_runtime(&place))
            return i;
    }
    return frame_count;
}

static void
headline(struct symbols *symbols, const struct verify_finding *finding, const void *const *frames, size_t at, size_t frame_count,
         bool first_is_pc)
{
    const struct verify_rule_row *row = &verify_rules[finding->rule];
    struct symbol place = {0};
    if (symbols && at < frame_count)
        symbols_resolve(symbols, at || !first_is_pc ? (const char *)frames[at] - 1 : frames[at], &place, 1);
    if (place.file)
        fprintf(stderr, "%s:%u:%u: error: ", place.file, place.line, place.column);
    else
        fprintf(stderr, "ndisbox: error: ");
    fprintf(stderr, "%s: %s [%s]\n", finding->function, finding->text, row->id);
    if (strcmp(row->windows, "-") != 0)
        fprintf(stderr, "Windows: %s\n", row->windows);
}

// A stack without the verifier's own frames at its inner end.
static void
stack_print(struct symbols *symbols, const void *const *frames, size_t count, bool first_is_pc)
{
    size_t first = 0;
    for (; first < count && (first || !first_is_pc); first++) {
        struct symbol place = {0};
        symbols_resolve(symbols, (const char *)frames[first] - 1, &place, 1);
        if (!place.file || !strstr(place.file, "/src/verify/"))
            break;
    }
    symbols_print(symbols, stderr, frames + first, count - first, first || !first_is_pc);
}

static void
history_print(struct symbols *symbols, const struct verify_history *history)
{
    uint32_t kept = history->count < VERIFY_EVENTS ? history->count : VERIFY_EVENTS;
    for (uint32_t i = 0; i < kept; i++) {
        uint32_t number = i ? history->count - kept + i : 0;   // the first, then the last ones
        const struct verify_event *event = &history->event[number ? 1 + (number - 1) % (VERIFY_EVENTS - 1) : 0];
        if (i == 1 && number != 1)
            fprintf(stderr, "    (%u more)\n", number - 1);
        fprintf(stderr, "    %s %s, %s, thread %u, %.9f s\n", event->what, event->driver ? event->driver->name : "ndisbox",
                event->function, event->thread, (double)event->at_ns / 1e9);
        if (symbols && event->frame_count)
            stack_print(symbols, event->frames, event->frame_count, false);
    }
}

static void
where_print(const struct verify_finding *finding)
{
    struct ke_thread *self = thread_here();
    if (!self || !self->box)
        return;
    fprintf(stderr, "  box %s, processor %u, thread %s, IRQL %u%s, %llu ns%s\n", self->box->name,
            self->processor ? self->processor->number : 0, sched_self->name, self->irql, self->in_dpc ? ", in a DPC" : "",
            (unsigned long long)sched_now_ns(sched_self->sched), sched_self->sched->is_sim ? " of virtual time" : "");
}

// Whoever runs the box may want to keep something of the run (a tape) before the process ends.
static void
listener_tell(const struct verify_finding *finding)
{
    struct ke_thread *self = thread_here();
    struct box *box = self ? self->box : NULL;
    if (box && box->on_finding)
        box->on_finding(box->on_finding_context, finding->function, finding->text);
}

_Noreturn void
verify_report(const struct verify_finding *finding)
{
    struct ke_thread *self = thread_here();
    const struct io_image *driver = finding->driver ? finding->driver : self ? self->driver
                                                                             : NULL;
    const void *own[FRAMES_MAX];
    const void *const *frames = finding->frames ? finding->frames : own;
    size_t count = finding->frames ? finding->frame_count : symbol_backtrace(own, FRAMES_MAX);
    struct symbols *symbols = symbols_create();
    size_t at = symbols ? driver_frame(symbols, driver, frames, count, finding->frames != NULL) : count;
    fflush(stdout);
    headline(symbols, finding, frames, at, count, finding->frames != NULL);
    fprintf(stderr, "  driver %s\n", driver ? driver->name : "(none: the runtime)");
    if (finding->object_kind)
        fprintf(stderr, "  object %s %p\n", finding->object_kind, finding->object);
    if (finding->history)
        history_print(symbols, finding->history);
    where_print(finding);
    if (symbols)
        stack_print(symbols, frames, count, finding->frames != NULL);
    listener_tell(finding);
    fflush(stderr);
    _Exit(1);
}
