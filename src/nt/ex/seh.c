// SPDX-License-Identifier: MIT
// Structured exceptions. Each __try has a frame in its function; the frames of a thread that are inside their block form a chain,
// innermost first (ke_thread.seh). Paths:
//   enter -> body -> step: off the chain, the __finally block runs, done
//   raise: ex_seh_raise -> search -> the innermost frame takes the record; longjmp -> its filter or __finally block
//     filter says 1: handler -> step: done      0, or the end of a __finally block: search on, outward      -1: refused
//   fault: signal -> fault_taken (may this one be an exception? registers into the frame) -> turned, on the faulting stack -> search
//   return or goto out of a body: the frame's cleanup, nbx_seh_unwind (seh_*.S), remembers where it was called and jumps to the
//     __finally block; step jumps back
// The frames that a jump leaves are the driver's alone: where a door of the runtime lies in between, there is no jump but a report.
#include "nt/ex/seh.h"

#include <setjmp.h>
#include <stdio.h>

#include "host/fault.h"
#include "host/symbol.h"
#include "nt/io/image.h"
#include "nt/ke/bugcheck.h"
#include "verify/ddi_table.h"
#include "verify/refuse.h"

// Addresses from here on belong to the system; touching one that is not there is fatal, whatever stands around it.
// [windows-driver-docs debugger/bug-check-0x50--page-fault-in-nonpaged-area]
#define SYSTEM_RANGE_START 0xFFFF800000000000u

struct seh_room {                     // nbx_seh.room
    CONTEXT context;
    struct fault fault;
    bool is_fault;
};
_Static_assert(sizeof(struct seh_room) <= sizeof((struct nbx_seh *)0)->room, "the room of a frame is too small");
_Static_assert(sizeof(jmp_buf) <= sizeof((struct nbx_seh *)0)->jump, "the jump of a frame is too small");
_Static_assert(offsetof(struct nbx_seh, back) == 192, "seh_*.S knows where back lies");

// seh_*.S: go on where nbx_seh_unwind was called.
__attribute__((noreturn)) void nbx_seh_resume(struct nbx_seh *frame);

static struct seh_room *
room_of(struct nbx_seh *frame)
{
    return (struct seh_room *)frame->room;
}

__attribute__((noreturn)) static void
jump_to(struct nbx_seh *frame, enum nbx_seh_phase phase)
{
    ke_self()->seh = frame->outer;
    frame->phase = phase;
    _longjmp(*(jmp_buf *)frame->jump, 1);
}

// Doors that only read and write the memory they were given: a fault inside is the driver's, and nothing of the runtime is half done.
static bool
is_plain(const char *door)
{
    return (!strncmp(door, "Rtl", 3) && !strstr(door, "Registry")) || !strcmp(door, "ProbeForWrite") ||
           !strcmp(door, "MmProbeAndLockPages");
}

// The name of the DDI whose front door holds pc. NULL: none; a driver's own code, the C library, the runtime behind a door.
static const char *
door_at(const void *pc)
{
    const char *name = io_image_peek(box_self(), pc) ? NULL : symbol_exported_at(pc);
    return name && ddi_row_find(name) ? name : NULL;
}

// The first door between the code at pc, whose frame pointer is fp, and the function of frame that makes a jump there impossible.
// A raise is the innermost door's own doing, so that one does not count.
__attribute__((no_sanitize("address", "thread"))) static const char *
door_between(const void *pc, const void *fp, const struct nbx_seh *frame, bool is_raise)
{
    const char *door = door_at(pc);
    uintptr_t at = (uintptr_t)fp, above = (uintptr_t)sched_self->stack_low;
    while (!door || is_raise || is_plain(door)) {
        if (door && is_raise)
            is_raise = false;
        if (at < above || at % sizeof(void *) || at > (uintptr_t)frame->stack)
            return NULL;
        const void *const *pair = (const void *const *)at;
        door = door_at((const char *)pair[1] - 1);
        above = at + 2 * sizeof(void *);
        at = (uintptr_t)pair[0];
    }
    return door;
}

__attribute__((noreturn)) static void
unhandled(const EXCEPTION_RECORD *record, const struct seh_room *room)
{
    if (room && room->is_fault)
        fault_report(&room->fault);
    ke_bugcheck(BUGCODE_KMODE_EXCEPTION_NOT_HANDLED, (uint32_t)record->ExceptionCode, (uint64_t)(uintptr_t)record->ExceptionAddress,
                record->ExceptionInformation[0], record->ExceptionInformation[1]);
}

// Off to the innermost frame. record and room may lie in a frame that is left; room NULL: a raise, without registers.
__attribute__((noreturn)) static void
search(const EXCEPTION_RECORD *record, const struct seh_room *room, const void *pc, const void *fp, bool is_raise)
{
    struct nbx_seh *frame = ke_self()->seh;
    if (!frame)
        unhandled(record, room);
    const char *door = door_between(pc, fp, frame, is_raise);
    if (door) {
        fprintf(stderr, "ndisbox: an exception must not leave %s, called inside a __try: nothing could put its state right\n", door);
        unhandled(record, room);
    }
    if (record != &frame->record)
        frame->record = *record;
    if (!room)
        *room_of(frame) = (struct seh_room){.context = {.ContextFlags = CONTEXT_CONTROL, .Rip = (uintptr_t)pc, .Rbp = (uintptr_t)fp}};
    else if (room != room_of(frame))
        *room_of(frame) = *room;
    frame->pointers = (EXCEPTION_POINTERS){&frame->record, &room_of(frame)->context};
    jump_to(frame, NBX_SEH_RAISED);
}

void
ex_seh_raise(const EXCEPTION_RECORD *record)
{
    search(record, NULL, __builtin_return_address(0), __builtin_frame_address(0), true);
}

// --- faults ---

static bool
record_fill(EXCEPTION_RECORD *record, const struct fault *fault)
{
    *record = (EXCEPTION_RECORD){.ExceptionAddress = (PVOID)fault->frames[0]};
    switch (fault->kind) {
    case FAULT_MEMORY:
    case FAULT_PAGE_IN:
        record->ExceptionCode = fault->kind == FAULT_MEMORY ? STATUS_ACCESS_VIOLATION : STATUS_IN_PAGE_ERROR;
        record->NumberParameters = 2;
        record->ExceptionInformation[0] = fault->access;
        record->ExceptionInformation[1] = (ULONG_PTR)fault->address;
        return true;
    case FAULT_GENERAL:   // the processor does not tell the address
        record->ExceptionCode = STATUS_ACCESS_VIOLATION;
        record->NumberParameters = 2;
        record->ExceptionInformation[1] = (ULONG_PTR)-1;
        return true;
    case FAULT_MISALIGNED:
        record->ExceptionCode = STATUS_DATATYPE_MISALIGNMENT;
        return true;
    case FAULT_DIVIDE:
        record->ExceptionCode = STATUS_INTEGER_DIVIDE_BY_ZERO;
        return true;
    case FAULT_INSTRUCTION:
        record->ExceptionCode = STATUS_ILLEGAL_INSTRUCTION;
        return true;
    default:
        return false;
    }
}

static void
room_fill(struct seh_room *room, const struct fault *fault)
{
    const uint64_t *r = fault->registers;
    *room = (struct seh_room){.fault = *fault, .is_fault = true};
    room->context.ContextFlags = CONTEXT_CONTROL | CONTEXT_INTEGER;
    memcpy(&room->context.Rax, r, 16 * sizeof *r);   // Windows's order is ours: rax to r15, then rip
    room->context.Rip = r[16];
    room->context.EFlags = (ULONG)r[17];
}

// Why a fault under a __try cannot become an exception; NULL: it can.
static const char *
why_not(const struct ke_thread *self, const struct fault *fault)
{
    bool is_access = fault->kind == FAULT_MEMORY || fault->kind == FAULT_PAGE_IN;
    if (is_access && self->irql >= DISPATCH_LEVEL)
        return "at DISPATCH_LEVEL or above it is bug check 0xD1 on Windows";
    if (fault->kind == FAULT_MEMORY && (uintptr_t)fault->address >= SYSTEM_RANGE_START)
        return "at a system address it is bug check 0x50 on Windows";
    return NULL;
}

__attribute__((noreturn)) static void
turned(void *arg)
{
    struct nbx_seh *frame = arg;
    const struct seh_room *room = room_of(frame);
    search(&frame->record, room, room->fault.frames[0], (const void *)room->fault.registers[5], false);
}

static bool
fault_taken(const struct fault *fault, struct fault_turn *turn)
{
    struct ke_thread *self = sched_self->user;
    struct nbx_seh *frame = self && self->box ? self->seh : NULL;
    EXCEPTION_RECORD record;
    if (!frame || !record_fill(&record, fault))
        return false;
    const char *why = why_not(self, fault), *door = NULL;
    if (!why)
        door = door_between(fault->frames[0], (const void *)fault->registers[5], frame, false);
    if (why || door) {
        fprintf(stderr, "ndisbox: this fault stands under a __try, which does not catch it: %s%s\n", why ? why : "it lies in or behind ",
                why ? "" : door);
        return false;
    }
    frame->record = record;
    room_fill(room_of(frame), fault);
    *turn = (struct fault_turn){turned, frame};
    return true;
}

// --- what the macros call ---

struct nbx_seh *
nbx_seh_enter(struct nbx_seh *frame, struct nbx_seh *around)
{
    struct ke_thread *self = ke_self();
    fault_offer(fault_taken);
    frame->phase = NBX_SEH_BODY;
    frame->around = around;
    frame->stack = __builtin_frame_address(0);
    frame->outer = self->seh;
    self->seh = frame;
    return frame;
}

void
nbx_seh_step(struct nbx_seh *frame)
{
    switch (frame->phase) {
    case NBX_SEH_BODY:
        ke_self()->seh = frame->outer;
        frame->phase = NBX_SEH_LEFT;
        return;
    case NBX_SEH_UNWOUND:
        nbx_seh_resume(frame);
    case NBX_SEH_RAISED:
        search(&frame->record, room_of(frame), __builtin_return_address(0), __builtin_frame_address(0), false);
    default:
        frame->phase = NBX_SEH_DONE;
    }
}

// From seh_*.S: the body is left by return or goto, and frame->back knows from where.
__attribute__((noreturn, visibility("hidden"))) void
ex_seh_unwinding(struct nbx_seh *frame)
{
    jump_to(frame, NBX_SEH_UNWOUND);
}

int
nbx_seh_declined(struct nbx_seh *frame, LONG answer)
{
    if (answer < 0)
        verify_refused_call("EXCEPTION_CONTINUE_EXECUTION");
    if (answer == 0)
        search(&frame->record, room_of(frame), __builtin_return_address(0), __builtin_frame_address(0), false);
    frame->phase = NBX_SEH_HANDLER;
    return 0;
}

// In a handler or a __finally block it is the statement around that is left.
void
nbx_seh_leave(struct nbx_seh *frame)
{
    while (frame && frame->phase != NBX_SEH_BODY)
        frame = frame->around;
    if (!frame)
        verify_contract("__leave", "not inside a __try block");
    jump_to(frame, NBX_SEH_LEFT);
}

// In a __try block inside a handler or a filter it is that one's exception that is meant.
static const struct nbx_seh *
in_exception(const struct nbx_seh *frame, const char *what)
{
    while (frame && frame->phase == NBX_SEH_BODY)
        frame = frame->around;
    if (!frame)
        verify_contract(what, "not inside a filter, a handler or a __finally block");
    return frame;
}

ULONG
nbx_seh_code(const struct nbx_seh *frame)
{
    return (ULONG)in_exception(frame, "GetExceptionCode")->record.ExceptionCode;
}

PEXCEPTION_POINTERS
nbx_seh_information(struct nbx_seh *frame)
{
    return (PEXCEPTION_POINTERS)&in_exception(frame, "GetExceptionInformation")->pointers;
}

int
nbx_seh_abnormal(const struct nbx_seh *frame)
{
    return in_exception(frame, "AbnormalTermination")->phase != NBX_SEH_LEFT;
}
