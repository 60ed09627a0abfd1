// SPDX-License-Identifier: MIT
// The crash report: which driver, where, in which DDI, on which box, and the stack. Paths:
//   fault (host/fault.h) -> whose, in which function, in which DDI -> report.h, which prints it and writes the report files -> the end, 1
//   sanitizer report -> the same finding behind it, so that the report files have it too
#include "verify/crash.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>

#include "host/fault.h"
#include "host/poison.h"
#include "host/symbol.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"
#include "verify/ddi_table.h"
#include "verify/irps.h"
#include "verify/report.h"

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

// The frame that the report points at: the innermost one inside the driver's image, else the innermost one.
static size_t
driver_frame(const struct fault *fault, const struct io_image *driver)
{
    for (size_t i = 0; i < fault->frame_count; i++)
        if (io_image_covers(driver, fault->frames[i]))
            return i;
    return (uintptr_t)fault->frames[0] < 4096 && fault->frame_count > 1 ? 1 : 0;   // a call through a null pointer: its caller
}

// "driver mylwf crashed in MyLwfSend: SIGSEGV at address 0x10"
static void
sentence(const struct io_image *driver, const char *function, const struct fault *fault, char *text, size_t bytes)
{
    FILE *out = fmemopen(text, bytes, "w");
    if (!out)
        return;
    fprintf(out, "%s%s crashed in %s: %s", driver ? "driver " : "", driver ? driver->name : "ndisbox",
            function ? function : "unknown code", fault->signal);
    if (fault->has_address)
        fprintf(out, " at address %p", fault->address);
    if (fault->is_stack_overflow)
        fprintf(out, ", the stack of %zu bytes is used up", fault->stack_bytes);
    fclose(out);
}

// The function of the innermost frame that is a DDI. NULL: none.
static const char *
innermost_ddi(struct symbols *symbols, const void *const *frames, size_t count, bool is_return)
{
    for (size_t i = 0; symbols && i < count; i++) {
        struct symbol place = {0};
        symbols_resolve(symbols, i || is_return ? (const char *)frames[i] - 1 : frames[i], &place, 1);
        const struct ddi_row *row = place.function && isupper((unsigned char)place.function[0]) ? ddi_row_find(place.function) : NULL;
        if (row)
            return row->name;
    }
    return NULL;
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
tell(const struct fault *fault)
{
    const struct io_image *driver = driver_of(fault);
    size_t at = driver_frame(fault, driver);
    struct symbols *symbols = symbols_create();
    struct symbol place = {0};
    char text[400] = "the process has crashed";
    if (symbols)
        symbols_resolve(symbols, at ? (const char *)fault->frames[at] - 1 : fault->frames[at], &place, 1);
    sentence(driver, place.function, fault, text, sizeof text);
    const char *ddi = innermost_ddi(symbols, fault->frames, fault->frame_count, false);
    symbols_destroy(symbols);                 // report.c has its own: two at a time miss symbols of loaded images
    verify_report_last(&(struct verify_finding){.rule = NBX_0004,
                                                .driver = driver,
                                                .function = ddi ? ddi : fault->signal,
                                                .text = text,
                                                .is_sentence = true,
                                                .inside = ddi,
                                                .frames = fault->frames,
                                                .frame_count = fault->frame_count,
                                                .at = fault->frames[at]});
}

static void
report(const struct fault *fault)
{
    tell(fault);
    keep_run();
}

// A touch of an IRP that has gone, of which the ledger knows more: told, the process ends.
static void
tell_irp(const struct poison_touch *touch)
{
    struct ke_thread *self = thread_here();
    const IRP *irp;
    const struct verify_history *history = verify_irp_gone_at(self->box, touch->address, &irp);
    char text[200];
    snprintf(text, sizeof text, "%s touches an IRP that was completed before (found by AddressSanitizer, at the access)",
             self->driver ? ((struct io_image *)self->driver)->name : "ndisbox");
    if (history)
        verify_report_fatal(&(struct verify_finding){.rule = NBX_0400,
                                                     .function = "access",
                                                     .text = text,
                                                     .object_kind = "IRP",
                                                     .object = irp,
                                                     .history = history,
                                                     .frames = touch->frames,
                                                     .frame_count = touch->frame_count});
}

// What a sanitizer found that was no fault: an access that AddressSanitizer caught has a stack of its own.
static void
tell_sanitizer(void)
{
    struct poison_touch touch;
    bool is_touch = poison_touch_now(&touch);
    if (!is_touch)
        touch.frame_count = symbol_backtrace(touch.frames, POISON_FRAMES_MAX);
    if (is_touch)
        tell_irp(&touch);
    struct symbols *symbols = symbols_create();
    const char *ddi = innermost_ddi(symbols, touch.frames, touch.frame_count, !is_touch);
    symbols_destroy(symbols);
    verify_report_last(&(struct verify_finding){.rule = NBX_0004,
                                                .function = ddi ? ddi : "sanitizer",
                                                .text = "a sanitizer stops the run: its own report stands on standard error",
                                                .is_sentence = true,
                                                .inside = ddi,
                                                .frames = touch.frames,
                                                .frame_count = touch.frame_count,
                                                .is_return = !is_touch});
}

// A sanitizer has said its own and ends the process: the finding follows, so that report files have it too. ThreadSanitizer cannot: it
// dies of an allocation in a signal handler, so behind its report stands only where it was.
static void
end_report(void)
{
    struct ke_thread *self = thread_here();
    if (!self || !self->box)
        return;                               // a leak at the end of the process, for one
    if (!poison_is_there())
        fprintf(stderr, "  driver %s, box %s, IRQL %u, %llu ns\n", self->driver ? ((struct io_image *)self->driver)->name : "(none)",
                self->box->name, self->irql, (unsigned long long)sched_now_ns(sched_self->sched));
    else if (fault_left())
        tell(fault_left());
    else
        tell_sanitizer();
    keep_run();
}

void
crash_install(void)
{
    fault_catch(report, end_report);
}
