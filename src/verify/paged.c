// SPDX-License-Identifier: MIT
// See paged.h. One range of address space, given out in powers of two from below; what is free waits in a list for its size, oldest
// first. Paths:
//   crossing, raise, lock, fibre switch -> verify_paged_level, _switch -> gate_set: one mprotect, if it changes and anything was given out
//   a touch of what is shut -> SIGSEGV -> on_fault (signal stack) -> whose code? the runtime's: open, go on; the driver's: NBX-0205
// Records of blocks lie outside, so that they can be read while the range is shut. In asan builds the rest of a block's power of two and
// what is free are poisoned. Signal handlers belong to the process, so only one range may shut in it.
#include "verify/paged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "host/fault.h"
#include "host/memory.h"
#include "host/poison.h"
#include "host/symbol.h"
#include "nt/io/image.h"
#include "nt/ke/word.h"
#include "verify/report.h"
#include "verify/verify.h"

#define PAGED_BYTES ((size_t)256 << 20)
#define PAGE 4096
#define SMALLEST 64
#define SIZES 23                              // up to 256 MB
#define KNOWN_MAX 64

struct paged_block {
    struct list node;                         // of its size: out or free
    char *memory;
    size_t bytes;                             // asked for
    uint32_t size;                            // SMALLEST << size
    struct verify_event made;
};

struct paged {
    _Atomic uint32_t lock;
    char *base;
    size_t given;                             // bytes from base that were ever given out; whole pages
    size_t next;                              // where the next new block may lie
    struct list out[SIZES], unused[SIZES];
    bool shuts, is_shut;
    const void *known[KNOWN_MAX];             // code of the runtime that touched a block
    uint32_t known_count;
};

static void
gate_set(struct paged *paged, bool is_shut)
{
    if (paged->is_shut == is_shut || !paged->shuts)
        return;
    paged->is_shut = is_shut;
    if (paged->given)
        memory_protect(paged->base, paged->given, !is_shut);
}

// ---- blocks ---------------------------------------------------------------------------------------------------------------------------

static struct paged_block *
block_at(const struct paged *paged, const void *address)
{
    for (uint32_t size = 0; size < SIZES; size++)
        LIST_FOR_EACH(node, &paged->out[size]) {
            struct paged_block *block = LIST_ENTRY_OF(node, struct paged_block, node);
            if ((uintptr_t)address - (uintptr_t)block->memory < (size_t)SMALLEST << block->size)
                return block;
        }
    return NULL;
}

static struct paged_block *
block_new(struct paged *paged, uint32_t size)
{
    size_t bytes = (size_t)SMALLEST << size, align = bytes < PAGE ? bytes : PAGE;
    size_t at = (paged->next + align - 1) & ~(align - 1);
    struct paged_block *block = at + bytes <= PAGED_BYTES ? malloc(sizeof *block) : NULL;
    if (!block)
        return NULL;
    paged->next = at + bytes;
    size_t given = (paged->next + PAGE - 1) & ~(size_t)(PAGE - 1);
    if (given > paged->given)
        memory_protect(paged->base + paged->given, given - paged->given, !paged->is_shut);
    paged->given = given;
    block->memory = paged->base + at;
    block->size = size;
    return block;
}

static uint32_t
size_for(size_t bytes)
{
    uint32_t size = 0;
    while (size < SIZES && (size_t)SMALLEST << size < bytes)
        size++;
    return size;
}

void *
verify_paged_get(struct verify *verify, size_t bytes)
{
    struct paged *paged = verify ? verify->paged : NULL;
    uint32_t size = size_for(bytes);
    if (!paged || size == SIZES)
        return NULL;
    ke_word_lock(&paged->lock);
    gate_set(paged, false);
    struct paged_block *block;
    if (list_is_empty(&paged->unused[size]))
        block = block_new(paged, size);
    else
        block = LIST_ENTRY_OF(list_pop_front(&paged->unused[size]), struct paged_block, node);
    if (block) {
        block->bytes = bytes;
        list_push_back(&paged->out[size], &block->node);
        verify_event_make(&block->made, "allocated by", "paged pool", ke_self()->driver, true);
        poison_clear(block->memory, bytes);
        poison_set(block->memory + bytes, ((size_t)SMALLEST << size) - bytes);
    }
    ke_word_unlock(&paged->lock);
    return block ? block->memory : NULL;
}

bool
verify_paged_has(const struct verify *verify, const void *address)
{
    return verify && verify->paged && (uintptr_t)address - (uintptr_t)verify->paged->base < PAGED_BYTES;
}

static const char *
name_of(const struct ke_thread *self)
{
    return self->driver ? ((struct io_image *)self->driver)->name : "ndisbox";
}

bool
verify_paged_put(struct verify *verify, void *memory)
{
    if (!verify_paged_has(verify, memory))
        return false;
    struct paged *paged = verify->paged;
    ke_word_lock(&paged->lock);
    gate_set(paged, false);
    struct paged_block *block = block_at(paged, memory);
    if (block) {
        list_remove(&block->node);
        list_push_back(&paged->unused[block->size], &block->node);
        poison_set(block->memory, (size_t)SMALLEST << block->size);
    }
    ke_word_unlock(&paged->lock);
    return true;
}

// ---- the gate -------------------------------------------------------------------------------------------------------------------------

void
verify_paged_level(struct ke_thread *self, bool is_shut)
{
    struct paged *paged = self->box->verify->paged;
    self->paged_is_shut = is_shut;
    if (paged)
        gate_set(paged, is_shut);
}

void
verify_paged_switch(struct verify *verify, const struct ke_thread *self)
{
    if (verify->paged)
        gate_set(verify->paged, self && self->paged_is_shut);
}

void
verify_paged_door(struct verify *verify)
{
    gate_set(verify->paged, true);
}

// ---- a touch --------------------------------------------------------------------------------------------------------------------------

// Code of the runtime, as against the driver's (also one that lives in this program) and a library's; a sanitizer's memcpy is a library's.
// Without a line what lies in this program is the runtime's.
static bool
frame_is_runtime(struct symbols *symbols, const void *address, bool *is_known)
{
    struct symbol place = {0}, here = {0};
    symbols_resolve(symbols, (const void *)paged_create, &here, 1);
    symbols_resolve(symbols, address, &place, 1);
    bool is_ours = place.function && strncmp(place.function, "__", 2) != 0 && place.image && here.image && !strcmp(place.image, here.image);
    *is_known = place.file || is_ours;
    return place.file ? report_is_runtime(place.file) : is_ours;
}

// Of the frame that faulted; where that is a library (memcpy), of its caller. A leaf of a library has no frame: its return address, if it
// lies in a driver, is on top of the stack.
static bool
touch_is_runtimes(struct ke_thread *self, const struct fault *fault)
{
    const void *top = (const void *)(uintptr_t)fault->registers[4];
    bool is_known = false, is_runtime = false;
    struct symbols *symbols = symbols_create();
    for (size_t i = 0; symbols && !is_known && i < fault->frame_count; i++) {
        if (io_image_peek(self->box, fault->frames[i]))
            break;
        is_runtime = frame_is_runtime(symbols, (const char *)fault->frames[i] - (i > 0), &is_known);
        if (i == 0 && !is_known && memory_is_readable(top, sizeof(void *)) && io_image_peek(self->box, *(const void *const *)top))
            break;
    }
    symbols_destroy(symbols);
    return is_known && is_runtime;
}

static bool
is_known(struct paged *paged, const void *pc)
{
    for (uint32_t i = 0; i < paged->known_count; i++)
        if (paged->known[i] == pc)
            return true;
    return false;
}

static void
touch_report(const struct paged *paged, struct ke_thread *self, const struct fault *fault)
{
    const struct paged_block *block = block_at(paged, fault->address);
    struct verify_history history = {0};
    char text[300], where[100] = "";
    if (block) {
        snprintf(where, sizeof where, ", a block of %zu bytes with its header", block->bytes);
        verify_history_put(self->box->verify, &history, &block->made, block->made.what);
    }
    snprintf(text, sizeof text, "%s %s paged pool at IRQL %u%s (found by shut pages, at the access)", name_of(self),
             fault->access == FAULT_WRITE ? "writes" : "reads", self->irql, where);
    verify_report(&(struct verify_finding){.rule = NBX_0205,
                                           .driver = self->driver,
                                           .function = "access",
                                           .text = text,
                                           .object_kind = block ? "paged pool block" : NULL,
                                           .object = block ? block->memory : NULL,
                                           .history = block ? &history : NULL,
                                           .frames = fault->frames,
                                           .frame_count = fault->frame_count});
}

// On the signal stack. true: it was the gate, which is open now.
static bool
on_fault(void *context, const struct fault *fault)
{
    struct paged *paged = context;
    struct ke_thread *self = sched_self ? sched_self->user : NULL;
    if (!paged->is_shut || !fault->has_address || (uintptr_t)fault->address - (uintptr_t)paged->base >= paged->given || !self ||
        !self->box)
        return false;
    gate_set(paged, false);
    if (is_known(paged, fault->frames[0]))
        return true;
    if (!touch_is_runtimes(self, fault))
        touch_report(paged, self, fault);
    else if (paged->known_count < KNOWN_MAX)
        paged->known[paged->known_count++] = fault->frames[0];
    return true;
}

// ---- life -----------------------------------------------------------------------------------------------------------------------------

struct paged *
paged_create(bool shuts)
{
    struct paged *paged = calloc(1, sizeof *paged);
    if (!paged || !(paged->base = memory_map(PAGED_BYTES, false))) {
        free(paged);
        return NULL;
    }
    for (uint32_t size = 0; size < SIZES; size++) {
        list_init(&paged->out[size]);
        list_init(&paged->unused[size]);
    }
    paged->shuts = shuts;
    if (shuts)
        fault_first(on_fault, paged);
    return paged;
}

void
paged_destroy(struct paged *paged)
{
    if (!paged)
        return;
    if (paged->shuts) {
        gate_set(paged, false);
        fault_first(NULL, NULL);
    }
    for (uint32_t size = 0; size < SIZES; size++)
        for (struct list *lists[] = {&paged->out[size], &paged->unused[size]}, **list = lists; list < lists + 2; list++)
            while (!list_is_empty(*list))
                free(LIST_ENTRY_OF(list_pop_front(*list), struct paged_block, node));
    poison_clear(paged->base, paged->given);
    memory_unmap(paged->base, PAGED_BYTES);
    free(paged);
}
