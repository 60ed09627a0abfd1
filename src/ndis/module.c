// SPDX-License-Identifier: MIT
// What adapters, filter modules and bindings have in common: state, counters, calls in progress, and the answers that drivers may
// give later (pause, restart, close ...).
#include "ndis/header.h"
#include "ndis/ndis_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ndis/words.h"
#include "verify/refuse.h"
#include "verify/report.h"

void *
ndis_alloc(size_t bytes)
{
    return calloc(1, bytes);
}

void
ndis_free(void *memory)
{
    free(memory);
}

void *
ndis_handle_check(NDIS_HANDLE handle, enum ndis_kind kind, const char *function)
{
    if (__builtin_expect(handle && *(const uint32_t *)handle == (uint32_t)kind, 1))
        return handle;
    verify_bad_handle(function, handle, kind);
}

DRIVER_OBJECT *
ndis_handle_driver(NDIS_HANDLE handle, const char *function)
{
    if (!handle)
        verify_bad_handle(function, handle, NDIS_KIND_ADAPTER);
    switch (*(const uint32_t *)handle) {
    case NDIS_KIND_MINIPORT_DRIVER:
        return ((struct ndis_miniport_driver *)handle)->driver_object;
    case NDIS_KIND_FILTER_DRIVER:
        return ((struct ndis_filter_driver *)handle)->driver_object;
    case NDIS_KIND_PROTOCOL:
        return ((struct ndis_protocol *)handle)->image->driver_object;
    case NDIS_KIND_ADAPTER:
    case NDIS_KIND_FILTER:
    case NDIS_KIND_BINDING:
        return ((struct ndis_module *)handle)->image->driver_object;
    default: {
        // A generic object says whose it is; without a driver it belongs to whoever runs.
        const NDIS_GENERIC_OBJECT *object = handle;
        if (object->Header.Type != NDIS_GENERIC_OBJECT_TYPE || object->Header.Size != sizeof *object)
            verify_bad_handle(function, handle, NDIS_KIND_ADAPTER);
        struct io_image *running = ke_self()->driver;
        return object->DriverObject ? object->DriverObject : running ? running->driver_object
                                                                     : NULL;
    }
    }
}

bool
ndis_module_init(struct ndis_module *module, enum ndis_kind kind, struct ndis_adapter *adapter, struct io_image *image)
{
    struct ndis *ndis = ndis_self();
    size_t bytes = ndis->box->processor_count * sizeof *module->counters;
    module->counters = aligned_alloc(KE_CACHE_LINE, bytes);
    if (!module->counters)
        return false;
    memset(module->counters, 0, bytes);
    module->kind = kind;
    module->ndis = ndis;
    module->adapter = adapter;
    module->image = image;
    module->trace.adapter = adapter ? adapter->name : NULL;
    module->trace.kind = kind == NDIS_KIND_ADAPTER ? "port" : kind == NDIS_KIND_FILTER ? "filter"
                                                                                       : "protocol";
    module->trace.name = image ? image->name : NULL;
    return true;
}

void
ndis_module_fini(struct ndis_module *module)
{
    module->kind = 0;
    free(module->counters);
    module->counters = NULL;
}

void
ndis_module_state_set(struct ndis_module *module, enum ndis_state state)
{
    atomic_store(&module->state, state);
    sched_trace(module->ndis->box->sched, module->kind, state);
}

void
ndis_edge_sum(const struct ndis_module *module, struct ndis_edge_counters *sum)
{
    memset(sum, 0, sizeof *sum);
    for (uint32_t i = 0; i < module->ndis->box->processor_count; i++) {
        sum->sent_nbls += __atomic_load_n(&module->counters[i].sent_nbls, __ATOMIC_RELAXED);
        sum->completed_nbls += __atomic_load_n(&module->counters[i].completed_nbls, __ATOMIC_RELAXED);
        sum->indicated_nbls += __atomic_load_n(&module->counters[i].indicated_nbls, __ATOMIC_RELAXED);
        sum->returned_nbls += __atomic_load_n(&module->counters[i].returned_nbls, __ATOMIC_RELAXED);
    }
}

void
ndis_module_drain(struct ndis_module *module)
{
    atomic_fetch_or(&module->calls, NDIS_CALLS_DRAINING);
    for (uint32_t calls; (calls = atomic_load(&module->calls)) != NDIS_CALLS_DRAINING;)
        sched_wait(module->ndis->box->sched, &module->calls, calls, SCHED_NEVER);
    atomic_fetch_and(&module->calls, ~NDIS_CALLS_DRAINING);
}

void
ndis_pending_begin(struct ndis_pending *pending)
{
    ke_latch_reset(&pending->latch);
    pending->status = NDIS_STATUS_PENDING;
    atomic_store(&pending->expected, 1);
}

NDIS_STATUS
ndis_pending_end(struct ndis_pending *pending, NDIS_STATUS status)
{
    if (status != NDIS_STATUS_PENDING) {
        atomic_store(&pending->expected, 0);
        return status;
    }
    ke_latch_wait(&pending->latch, SCHED_NEVER);
    return pending->status;
}

void
ndis_late(const struct ndis_module *module, enum verify_rule rule, const char *function, const char *what, uint32_t limit_s)
{
    char text[200];
    snprintf(text, sizeof text, "%s %s for %u s", module->image->name, what, limit_s);
    verify_report(&(struct verify_finding){.rule = rule, .driver = module->image, .function = function, .text = text});
}

NDIS_STATUS
ndis_pending_end_within(struct ndis_pending *pending, NDIS_STATUS status, const struct ndis_module *module, const char *function,
                        uint32_t limit_s, enum verify_rule rule)
{
    struct box *box = module->ndis->box;
    if (status == NDIS_STATUS_PENDING && box->verify && ke_latch_wait(&pending->latch, limit_s * UINT64_C(1000000000)))
        ndis_late(module, rule, function, "returned NDIS_STATUS_PENDING and has not completed it", limit_s);
    return ndis_pending_end(pending, status);
}

void
ndis_pause_status_check(const struct ndis_module *module, NDIS_STATUS status, const char *function)
{
    if (status == NDIS_STATUS_SUCCESS || status == NDIS_STATUS_PENDING || !module->ndis->box->verify)
        return;
    char text[200];
    snprintf(text, sizeof text, "%s returned %s; it may succeed or pend, and nothing else", module->image->name, ndis_status_word(status));
    verify_report(&(struct verify_finding){.rule = NBX_0100, .driver = module->image, .function = function, .text = text});
}

bool
ndis_pending_complete(struct ndis_pending *pending, NDIS_STATUS status)
{
    uint32_t due = 1;
    if (!atomic_compare_exchange_strong(&pending->expected, &due, 0))
        return false;
    pending->status = status;
    ke_latch_set(&pending->latch);
    return true;
}

void
ndis_pool_leak(struct ndis *ndis, const char *what, ULONG tag, const struct io_image *image, uint64_t count)
{
    struct box *box = ndis->box;
    box->leftovers += (uint32_t)count;
    if (!box->on_message)
        return;
    char text[160];
    snprintf(text, sizeof text, "left behind: %llu %s of the pool with tag '%.4s' that %s made", (unsigned long long)count, what,
             (const char *)&tag, image ? image->name : "NDIS");
    box->on_message(box->on_message_context, text);
}
