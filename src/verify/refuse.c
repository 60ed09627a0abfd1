// SPDX-License-Identifier: MIT
// The report behind every door that refuses, and the end of the process after it.
//
// Paths: driver -> generated door (ddi_doors.c) -> verify_refused_call_from -> report.h -> _Exit(1)
//        completion of what is not pending, handle of the wrong kind -> verify_contract, verify_bad_handle -> report.h
//        front door that meets a case it does not provide -> verify_refused_call -> the same
// The stack is printed from the driver's call on. The process ends with _Exit: what is left of the box cannot be torn down in
// order, because the call that the driver made has no result to go on with.
#include "verify/refuse.h"
#include "host/symbol.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"
#include "verify/report.h"

#include <stdio.h>

enum { FRAMES_MAX = 48 };

_Noreturn void
verify_refused_call_from(const char *name, const void *caller)
{
    const void *frames[FRAMES_MAX];
    size_t count = symbol_backtrace(frames, FRAMES_MAX), first = 0;
    struct ke_thread *self = sched_self ? sched_self->user : NULL;
    char text[300];
    snprintf(text, sizeof text, "driver called %s, which ndisbox does not provide (refuse). See: ndisbox ddi %s", name, name);
    while (first < count && frames[first] != caller)
        first++;
    bool is_there = first < count;
    verify_report_fatal(&(struct verify_finding){.rule = NBX_0001,
                                                 .driver = self && self->box && self->box->io ? io_image_peek(self->box, caller) : NULL,
                                                 .function = name,
                                                 .text = text,
                                                 .is_sentence = true,
                                                 .frames = is_there ? frames + first : &caller,
                                                 .frame_count = is_there ? count - first : 1,
                                                 .is_return = true});
}

_Noreturn void
verify_refused_call(const char *name)
{
    verify_refused_call_from(name, __builtin_return_address(0));
}

_Noreturn void
verify_contract(const char *function, const char *what)
{
    verify_rule_fatal(NBX_0002, function, what);
}

// The four letters of a kind, as a debugger shows them.
static const char *
kind_text(unsigned kind, char out[5])
{
    for (int i = 0; i < 4; i++) {
        char c = (char)(kind >> (24 - 8 * i));
        out[i] = c >= ' ' && c <= '~' ? c : '.';
    }
    out[4] = 0;
    return out;
}

_Noreturn void
verify_bad_handle(const char *function, const void *found, unsigned wanted_kind)
{
    char wanted[5], got[5], text[160] = "the handle is NULL";
    if (found)
        snprintf(text, sizeof text, "the handle %p is not of kind '%s' but '%s' (closed, or another object?)", found,
                 kind_text(wanted_kind, wanted), kind_text(*(const unsigned *)found, got));
    verify_rule_fatal(NBX_0003, function, text);
}
