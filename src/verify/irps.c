// SPDX-License-Identifier: MIT
// See irps.h. What Driver Verifier's I/O verification finds [debugger/bug-check-0xc9--driver-verifier-iomanager-violation], of IRPs whose
// memory is ours. A location belongs to the driver of its device; a dispatch routine that skips shares its location with the one below.
//   returned  left already: PENDING needs the mark, another status must be the IRP's and forbids it
//             still below:  PENDING needs the mark unless the routine passed it on (its completion routine marks then); else nobody has it
//   left      a routine that returned PENDING for this location needs the mark by now
// A record is locked while completion on another thread may look at the same calls; reports are made without the lock.
#include "verify/irps.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/poison.h"
#include "nt/io/image.h"
#include "nt/io/io.h"
#include "nt/ke/word.h"
#include "verify/report.h"
#include "verify/verify.h"

#define GONE_MAX 64
#define LOCATIONS_MAX 32                      // of those beyond, pending marks are not judged

struct verify_irp {
    _Atomic uint32_t lock;
    uint32_t refs;                            // the IRP's, and of calls whose dispatch routine runs
    struct list calls;                        // struct verify_irp_call.node
    uint32_t returned_pending;                // locations whose dispatch routine did
    int below;                                // location up to which it was passed down; 0: with its maker
    bool is_told;
    struct verify_history history;
};

struct gone {
    struct verify_irp *watch;
    const IRP *irp;
    size_t bytes;
    void *memory;
};

struct verify_irps {
    _Atomic uint32_t lock;
    uint32_t next;
    struct gone gone[GONE_MAX];
};

// A driver may be setting or taking it at this moment; either answer is right.
static bool
is_cancel_routine_set(const IRP *irp)
{
    return __atomic_load_n(&irp->CancelRoutine, __ATOMIC_RELAXED) != NULL;
}

static int
below_of(struct verify_irp *watch)
{
    ke_word_lock(&watch->lock);
    int below = watch->below;
    ke_word_unlock(&watch->lock);
    return below;
}

static const char *
name_of(const struct io_image *image)
{
    return image ? image->name : "ndisbox";
}

static void
note(struct verify_irp *watch, const char *what, const char *function)
{
    struct verify_event event;
    verify_event_make(&event, what, function, ke_self()->driver, true);
    ke_word_lock(&watch->lock);
    verify_history_put(ke_self()->box->verify, &watch->history, &event, what);
    ke_word_unlock(&watch->lock);
}

static void
watch_unref(struct verify_irp *watch)
{
    ke_word_lock(&watch->lock);
    bool is_last = --watch->refs == 0;
    ke_word_unlock(&watch->lock);
    if (is_last)
        free(watch);
}

static void
irp_report(enum verify_rule rule, const struct verify_irp *watch, const void *irp, const struct io_image *driver, const char *function,
           const char *text)
{
    struct verify_finding finding = {.rule = rule,
                                     .driver = driver,
                                     .function = function,
                                     .text = text,
                                     .object_kind = "IRP",
                                     .object = irp,
                                     .history = watch ? &watch->history : NULL};
    if (verify_rules[rule].severity == FATAL)
        verify_report_fatal(&finding);
    verify_report(&finding);
}

// ---- made and gone --------------------------------------------------------------------------------------------------------------------

struct verify_irps *
verify_irps_create(void)
{
    return calloc(1, sizeof(struct verify_irps));
}

struct verify_irp *
verify_irp_made(struct box *box)
{
    struct verify_irp *watch = box->verify ? calloc(1, sizeof *watch) : NULL;
    if (!watch)
        return NULL;
    watch->refs = 1;
    list_init(&watch->calls);
    note(watch, "allocated by", "IoAllocateIrp");
    return watch;
}

static void
gone_free(struct gone *gone)
{
    if (!gone->memory)
        return;
    poison_clear(gone->irp, gone->bytes);
    free(gone->memory);
    watch_unref(gone->watch);
    *gone = (struct gone){0};
}

void
verify_irps_destroy(struct verify_irps *irps)
{
    for (uint32_t i = 0; irps && i < GONE_MAX; i++)
        gone_free(&irps->gone[i]);
    free(irps);
}

void
verify_irp_gone(struct box *box, struct verify_irp *watch, IRP *irp, void *memory)
{
    struct verify_irps *irps = box->verify->irps;
    note(watch, "freed by", "IoFreeIrp");
    struct gone now = {watch, irp, irp->Size, memory};
    poison_set(irp, irp->Size);
    ke_word_lock(&irps->lock);
    struct gone oldest = irps->gone[irps->next];
    irps->gone[irps->next] = now;
    irps->next = (irps->next + 1) % GONE_MAX;
    ke_word_unlock(&irps->lock);
    gone_free(&oldest);
}

// Without the lock: a crash report asks, and whoever crashed may have it.
const struct verify_history *
verify_irp_gone_at(struct box *box, const void *address, const IRP **irp)
{
    struct verify_irps *irps = box->verify ? box->verify->irps : NULL;
    for (uint32_t i = 0; irps && i < GONE_MAX; i++)
        if (irps->gone[i].memory && (uintptr_t)address - (uintptr_t)irps->gone[i].irp < irps->gone[i].bytes) {
            *irp = irps->gone[i].irp;
            return &irps->gone[i].watch->history;
        }
    return NULL;
}

void
verify_irp_check_gone(struct box *box, const IRP *irp, enum verify_rule rule, const char *function)
{
    struct verify_irps *irps = box->verify ? box->verify->irps : NULL;
    const IRP *found = NULL;
    if (!irps)
        return;
    ke_word_lock(&irps->lock);
    const struct verify_history *history = verify_irp_gone_at(box, irp, &found);
    ke_word_unlock(&irps->lock);
    if (!history || found != irp)
        return;
    verify_report_fatal(&(struct verify_finding){.rule = rule,
                                                 .function = function,
                                                 .text = "this IRP was completed or freed before, and is gone",
                                                 .object_kind = "IRP",
                                                 .object = irp,
                                                 .history = history});
}

void
verify_irp_free(struct verify_irp *watch, const IRP *irp, const char *function)
{
    if (watch && below_of(watch))
        irp_report(NBX_0408, watch, irp, NULL, function, "the IRP is still with a driver below");
}

// ---- down -----------------------------------------------------------------------------------------------------------------------------

// The current location or, after IoSkipCurrentIrpStackLocation, the next one is the caller's.
static void
forward_check(struct verify_irp *watch, const IRP *irp)
{
    struct ke_thread *self = ke_self();
    const IO_STACK_LOCATION *at = irp->Tail.Overlay.CurrentStackLocation, *next = irp->CurrentLocation > 1 ? at - 1 : NULL;
    if (is_cancel_routine_set(irp))
        irp_report(NBX_0401, watch, irp, NULL, "IoCallDriver", "the IRP is passed down with its cancel routine set");
    if (!below_of(watch) || !self->driver || irp->CurrentLocation > irp->StackCount)
        return;
    const struct io_image *current = io_device_image(at->DeviceObject), *skipped = next ? io_device_image(next->DeviceObject) : NULL;
    if (current && current != self->driver && skipped != self->driver)
        irp_report(NBX_0406, watch, irp, NULL, "IoCallDriver", "the IRP that is passed down is still with a driver below");
    if (next && current == self->driver && next->CompletionRoutine && next->CompletionRoutine == at->CompletionRoutine &&
        next->Context == at->Context && (next->Control & (SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL)))
        irp_report(NBX_0406, watch, irp, NULL, "IoCallDriver", "the completion routine of the driver above was copied");
}

static struct verify_irp_call *
call_at(struct verify_irp *watch, int location)
{
    for (struct list *node = watch->calls.prev; node != &watch->calls; node = node->prev) {
        struct verify_irp_call *call = LIST_ENTRY_OF(node, struct verify_irp_call, node);
        if (call->location == location)
            return call;
    }
    return NULL;
}

void
verify_irp_call(struct verify_irp *watch, IRP *irp, struct verify_irp_call *call)
{
    *call = (struct verify_irp_call){.watch = watch, .location = irp->CurrentLocation - 1};
    if (!watch)
        return;
    forward_check(watch, irp);
    note(watch, "passed down by", "IoCallDriver");
    ke_word_lock(&watch->lock);
    struct verify_irp_call *above = call_at(watch, call->location + 1);
    if (above)
        above->is_passed = true;
    if (!watch->below)
        watch->below = call->location;
    if (call->location < LOCATIONS_MAX)
        watch->returned_pending &= ~(1u << call->location);
    watch->refs++;
    list_push_back(&watch->calls, &call->node);
    ke_word_unlock(&watch->lock);
}

// ---- back from the dispatch routine -----------------------------------------------------------------------------------------------------

static const char *
left_wrong(const struct verify_irp_call *call, NTSTATUS status, enum verify_rule *rule)
{
    *rule = NBX_0402;
    if (status == STATUS_PENDING && !call->was_marked)
        return "returned STATUS_PENDING for an IRP that it had not marked pending (IoMarkIrpPending)";
    if (status != STATUS_PENDING && call->was_marked)
        return "marked the IRP pending and did not return STATUS_PENDING";
    *rule = NBX_0403;
    if (status != STATUS_PENDING && status != call->status)
        return "returned another status than the IRP was completed with";
    return NULL;
}

static const char *
kept_wrong(const struct verify_irp_call *call, bool is_marked, NTSTATUS status, enum verify_rule *rule)
{
    *rule = NBX_0402;
    if (status == STATUS_PENDING)
        return is_marked || call->is_passed ? NULL : "returned STATUS_PENDING for an IRP that it had not marked pending (IoMarkIrpPending)";
    if (is_marked)
        return "marked the IRP pending and did not return STATUS_PENDING";
    *rule = NBX_0403;
    return "returned a final status and had not completed the IRP: STATUS_PENDING is what it is";
}

void
verify_irp_returned(struct verify_irp_call *call, const IRP *irp, const struct io_image *who, NTSTATUS status)
{
    struct verify_irp *watch = call->watch;
    enum verify_rule rule;
    if (!watch)
        return;
    ke_word_lock(&watch->lock);
    list_remove(&call->node);
    const char *wrong;
    if (call->is_left) {
        wrong = left_wrong(call, status, &rule);
    } else {
        const IO_STACK_LOCATION *stack = (const IO_STACK_LOCATION *)(irp + 1) + call->location - 1;
        wrong = kept_wrong(call, stack->Control & SL_PENDING_RETURNED, status, &rule);
        if (status == STATUS_PENDING && call->location < LOCATIONS_MAX)
            watch->returned_pending |= 1u << call->location;
    }
    ke_word_unlock(&watch->lock);
    char text[300];
    if (wrong) {
        snprintf(text, sizeof text, "%s %s (it returned 0x%08X%s)", name_of(who), wrong, (unsigned)status,
                 call->is_left ? "" : ", the IRP is still out");
        irp_report(rule, watch, irp, who, "DRIVER_DISPATCH", text);
    }
    watch_unref(watch);
}

// ---- up -------------------------------------------------------------------------------------------------------------------------------

void
verify_irp_complete(struct verify_irp *watch, IRP *irp)
{
    struct ke_thread *self = ke_self();
    const struct io_image *has =
        irp->CurrentLocation <= irp->StackCount ? io_device_image(irp->Tail.Overlay.CurrentStackLocation->DeviceObject) : NULL;
    if (watch && below_of(watch) && has && self->driver && has != self->driver) {
        char text[300];
        snprintf(text, sizeof text, "%s completes an IRP that %s has", name_of(self->driver), has->name);
        irp_report(NBX_0400, watch, irp, NULL, "IoCompleteRequest", text);
    }
    if (is_cancel_routine_set(irp))
        irp_report(NBX_0401, watch, irp, NULL, "IoCompleteRequest", "the IRP is completed with its cancel routine set");
    if (watch)
        note(watch, "completed by", "IoCompleteRequest");
}

void
verify_irp_left(struct verify_irp *watch, const IRP *irp, const IO_STACK_LOCATION *stack, int location)
{
    bool is_marked = stack->Control & SL_PENDING_RETURNED;
    uint32_t bit = location < LOCATIONS_MAX ? 1u << location : 0;
    ke_word_lock(&watch->lock);
    LIST_FOR_EACH(node, &watch->calls) {
        struct verify_irp_call *call = LIST_ENTRY_OF(node, struct verify_irp_call, node);
        if (call->location != location)
            continue;
        call->is_left = true;
        call->was_marked = is_marked;
        call->status = irp->IoStatus.Status;
    }
    bool was_pending = watch->returned_pending & bit;
    watch->returned_pending &= ~bit;
    if (watch->below == location)
        watch->below = 0;
    ke_word_unlock(&watch->lock);
    const struct io_image *who = io_device_image(stack->DeviceObject);
    char text[300];
    snprintf(text, sizeof text, "%s returned STATUS_PENDING, and its completion routine did not mark the IRP pending where PendingReturned "
                                "says so (IoMarkIrpPending)", name_of(who));
    if (was_pending && !is_marked)
        irp_report(NBX_0402, watch, irp, who, "IO_COMPLETION_ROUTINE", text);
}
