// SPDX-License-Identifier: MIT
// The crash report: which driver, where, in which DDI, on which box, and the stack. Paths:
//   fault (host/fault.h) -> headline at the driver's innermost frame -> where -> innermost DDI -> stack; the process ends with 1
//   sanitizer report -> where, as an addition to it
#include "verify/crash.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>

#include "host/fault.h"
#include "host/symbol.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"
#include "verify/ddi_table.h"

static struct ke_thread *
thread_here(void)
{
    return sched_self ? sched_self->user : NULL;
}

// Whose code it was: the image of the innermost frame that lies in one; else what the thread says that it runs.
static const struct io_image *
driver_of(const struct fault *fault)
{
    struct ke_thread *self = thread_here();
    if (!self || !self->box || !self->box->io)
        return NULL;
    for (size_t i = 0; i < fault->frame_count; i++) {
        const struct io_image *image = io_image_peek(self->box, fault->frames[i]);
        if (image)
            return image;
    }
    return self->driver;
}

static void
where_report(const struct io_image *driver)
{
    struct ke_thread *self = thread_here();
    if (!self || !self->box)
        return;
    fprintf(stderr, "  driver %s, box %s, processor %u, thread %s, IRQL %u%s, %llu ns\n", driver ? driver->name : "(none: the runtime)",
            self->box->name, self->processor ? self->processor->number : 0, sched_self->name, self->irql,
            self->in_dpc ? ", in a DPC" : "", (unsigned long long)sched_now_ns(sched_self->sched));
}

// The frame that the report points at: the innermost one inside the driver's image, else the innermost one.
static size_t
driver_frame(const struct fault *fault, const struct io_image *driver)
{
    for (size_t i = 0; i < fault->frame_count; i++)
        if (io_image_covers(driver, fault->frames[i]))
            return i;
    return (uintptr_t)fault->frames[0] < 4096 && fault->frame_count > 1 ? 1 : 0;   // a call through a null pointer: its caller
}

static void
headline(struct symbols *symbols, const struct fault *fault)
{
    const struct io_image *driver = driver_of(fault);
    size_t at = driver_frame(fault, driver);
    const char *address = fault->frames[at];
    struct symbol place = {0};
    symbols_resolve(symbols, at ? address - 1 : address, &place, 1);
    if (place.file)
        fprintf(stderr, "%s:%u:%u: error: ", place.file, place.line, place.column);
    else
        fprintf(stderr, "ndisbox: error: ");
    fprintf(stderr, "%s%s crashed in %s: %s", driver ? "driver " : "", driver ? driver->name : "ndisbox",
            place.function ? place.function : "unknown code", fault->signal);
    if (fault->has_address)
        fprintf(stderr, " at address %p", fault->address);
    if (fault->is_stack_overflow)
        fprintf(stderr, ", the stack of %zu bytes is used up", fault->stack_bytes);
    fprintf(stderr, " [NBX-0004]\n");
}

static void
innermost_ddi(struct symbols *symbols, const struct fault *fault)
{
    for (size_t i = 0; i < fault->frame_count; i++) {
        struct symbol place = {0};
        symbols_resolve(symbols, i ? (const char *)fault->frames[i] - 1 : fault->frames[i], &place, 1);
        if (place.function && isupper((unsigned char)place.function[0]) && ddi_row_find(place.function)) {
            fprintf(stderr, "  inside %s\n", place.function);
            return;
        }
    }
}

// On sim the run is worth keeping, and nobody else holds a lock that this would wait for; if it goes wrong all the same, the alarm ends
// the process (host/fault.c).
static void
keep_run(void)
{
    struct ke_thread *self = thread_here();
    if (self && self->box && self->box->sched->is_sim)
        box_broken(self->box, "crash", "the process has crashed");
}

static void
report(const struct fault *fault)
{
    struct symbols *symbols = symbols_create();
    if (symbols) {
        headline(symbols, fault);
        where_report(driver_of(fault));
        innermost_ddi(symbols, fault);
        symbols_print(symbols, stderr, fault->frames, fault->frame_count, false);
    } else {
        fprintf(stderr, "ndisbox: error: %s at %p [NBX-0004]\n", fault->signal, fault->frames[0]);
        where_report(driver_of(fault));
    }
    keep_run();
    fflush(stderr);
}

// A sanitizer has said its own and ends the process: add where it was.
static void
end_report(void)
{
    struct ke_thread *self = thread_here();
    where_report(self ? self->driver : NULL);
    keep_run();
}

void
crash_install(void)
{
    fault_catch(report, end_report);
}
