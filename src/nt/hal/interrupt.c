// SPDX-License-Identifier: MIT
// Interrupts. A device's line or message is a word with bits; the one thread that serves a connected vector sleeps on it.
//   raise       nbx_device_line, nbx_device_message: set a bit, wake the thread; any IRQL, any thread, nothing runs inline
//   deliver     own a processor of the affinity -> DIRQL -> the lock -> the service routine -> back down, running what it queued
//   synchronise hal_interrupt_lock: DIRQL and the same lock
// So an ISR runs beside whatever other processors do, but never in the middle of code that owns its processor at DISPATCH: on
// Windows it may (docs/irql.md). A message is an edge: any number before delivery are one. A line is a level: it is delivered again
// until the device lets go, and one that never does is reported instead of hanging.
#include <errno.h>

#include "nt/hal/hal.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/spin.h"
#include "verify/refuse.h"

#define STORM_LIMIT 10000

// ---- raising ----------------------------------------------------------------------------------------------------------------------

static void
vector_set(struct nbx_device *device, struct hal_vector *vector, uint32_t bit)
{
    if (!(atomic_fetch_or(&vector->word, bit) & bit))
        sched_wake(device->box->sched, &vector->word, 1);
}

void
nbx_device_line(struct nbx_device *device, bool is_asserted)
{
    if (is_asserted)
        vector_set(device, &device->line, HAL_VECTOR_LEVEL);
    else
        atomic_fetch_and(&device->line.word, ~HAL_VECTOR_LEVEL);
}

static void
message_send(struct nbx_device *device, uint32_t entry)
{
    struct hal_vector *vector = &device->messages[atomic_load(&device->table[entry])];
    if (atomic_load(&vector->connected))
        vector_set(device, vector, HAL_VECTOR_PENDING);
}

void
nbx_device_message(struct nbx_device *device, uint32_t entry)
{
    if (entry >= device->config.messages)
        verify_contract("nbx_device_message", "the device has no such message");
    uint32_t masked = atomic_load(&device->masked[entry]);
    while (masked)
        if (atomic_compare_exchange_weak(&device->masked[entry], &masked, 3))
            return;
    message_send(device, entry);
}

bool
hal_msix_set(struct nbx_device *device, uint32_t entry, uint32_t message)
{
    if (entry >= device->config.messages || message >= device->config.messages)
        return false;
    atomic_store(&device->table[entry], message);
    return true;
}

bool
hal_msix_mask(struct nbx_device *device, uint32_t entry, bool is_masked)
{
    if (entry >= device->config.messages)
        return false;
    uint32_t none = 0;
    if (is_masked)
        atomic_compare_exchange_strong(&device->masked[entry], &none, 1);
    else if (atomic_exchange(&device->masked[entry], 0) == 3)
        message_send(device, entry);
    return true;
}

// ---- delivering -------------------------------------------------------------------------------------------------------------------

KIRQL
hal_interrupt_lock(struct _KINTERRUPT *interrupt)
{
    struct ke_thread *self = ke_self();
    if (self->irql > interrupt->irql)
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, (uint64_t)(uintptr_t)interrupt, self->irql, interrupt->irql,
                    (uint64_t)(uintptr_t)__builtin_return_address(0));
    KIRQL old = ke_raise_dispatch(self);
    self->irql = interrupt->irql;
    ke_spin_take(interrupt->lock);
    return old;
}

void
hal_interrupt_unlock(struct _KINTERRUPT *interrupt, KIRQL old)
{
    ke_spin_drop(interrupt->lock);
    ke_lower(ke_self(), old);
}

static void
interrupt_serve(struct _KINTERRUPT *interrupt)
{
    KIRQL old = hal_interrupt_lock(interrupt);
    interrupt->service(interrupt->context, interrupt->message);
    if (ke_self()->irql != interrupt->irql)
        ke_bugcheck(BUGCODE_IRQL_NOT_GREATER_OR_EQUAL, ke_self()->irql, interrupt->irql, 0, (uint64_t)(uintptr_t)interrupt);
    hal_interrupt_unlock(interrupt, old);
}

static void
interrupt_thread(void *arg)
{
    struct _KINTERRUPT *interrupt = arg;
    struct hal_vector *vector = interrupt->vector;
    ke_self()->affinity = interrupt->affinity;
    for (uint32_t calls = 0;;) {
        uint32_t word = atomic_load(&vector->word);
        if (word & HAL_VECTOR_STOP)
            return;
        if (!(word & (HAL_VECTOR_PENDING | HAL_VECTOR_LEVEL))) {
            calls = 0;
            sched_wait(sched_self->sched, &vector->word, word, SCHED_NEVER);
            continue;
        }
        atomic_fetch_and(&vector->word, ~HAL_VECTOR_PENDING);
        interrupt_serve(interrupt);
        calls = word & HAL_VECTOR_LEVEL ? calls + 1 : 0;
        if (calls == STORM_LIMIT)
            verify_contract("MiniportInterrupt", "the line was still asserted after 10,000 calls: nothing makes the device let go of it");
    }
}

// ---- connecting -------------------------------------------------------------------------------------------------------------------

// The line goes to any processor, message i to processor i modulo their number: what spreading over all processors gives on Windows.
static KAFFINITY
interrupt_affinity(const struct box *box, bool is_message, uint32_t message)
{
    if (is_message)
        return UINT64_C(1) << message % box->processor_count;
    return box->processor_count == 64 ? UINT64_MAX : (UINT64_C(1) << box->processor_count) - 1;
}

int
hal_interrupt_connect(struct _KINTERRUPT *interrupt, struct nbx_device *device, bool is_message, uint32_t message,
                      struct _KINTERRUPT *shares)
{
    if (is_message ? message >= device->config.messages : !device->config.has_line)
        return -ENOENT;
    struct hal_vector *vector = is_message ? &device->messages[message] : &device->line;
    interrupt->device = device;
    interrupt->vector = vector;
    interrupt->message = is_message ? message : 0;
    interrupt->irql = is_message ? HAL_DIRQL_MESSAGE : HAL_DIRQL_LINE;
    interrupt->affinity = interrupt_affinity(device->box, is_message, message);
    interrupt->lock = shares ? shares->lock : &interrupt->own_lock;
    struct _KINTERRUPT *nobody = NULL;
    if (!atomic_compare_exchange_strong(&vector->connected, &nobody, interrupt))
        return -EBUSY;
    atomic_fetch_and(&vector->word, ~HAL_VECTOR_STOP);
    int error = ke_thread_start(device->box, is_message ? "message" : "interrupt", interrupt_thread, interrupt, &interrupt->thread);
    if (error)
        atomic_store(&vector->connected, NULL);
    return error;
}

void
hal_interrupt_disconnect(struct _KINTERRUPT *interrupt)
{
    struct hal_vector *vector = interrupt->vector;
    atomic_store(&vector->connected, NULL);
    vector_set(interrupt->device, vector, HAL_VECTOR_STOP);
    ke_thread_join(interrupt->thread);
    atomic_fetch_and(&vector->word, ~(HAL_VECTOR_STOP | HAL_VECTOR_PENDING));
    interrupt->thread = NULL;
}
