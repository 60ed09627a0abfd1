// SPDX-License-Identifier: MIT
// See fault.h.
//   front door, ex_pool_alloc -> ex_fault -> ex_fault_ask -> is the caller a driver's? -> number, chance or stack -> refuse
// The hash of a stack is over (service name, offset in the image) of its driver frames, so it is the same in every box, run and build
// of the runtime. The place is resolved when an allocation is refused, because the image may be gone when somebody asks.
#include "nt/ex/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "host/symbol.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"
#include "nt/ke/word.h"

enum {
    FAULT_FRAMES = 32,
    FAULT_SET_MAX = 65536
};

struct ex_fault_set {
    uint64_t *hashes;                // in the order of arrival
    size_t count, room;
};

struct ex_fault {
    struct ex_fault_plan plan;
    struct ex_fault_set *own;        // when the plan came without a set
    _Atomic uint32_t lock;           // raw leaf: the set and the state
    struct ex_fault_state state;
};

struct ex_fault_set *
ex_fault_set_create(void)
{
    return calloc(1, sizeof(struct ex_fault_set));
}

void
ex_fault_set_destroy(struct ex_fault_set *set)
{
    if (set)
        free(set->hashes);
    free(set);
}

size_t
ex_fault_set_count(const struct ex_fault_set *set)
{
    return set->count;
}

// True if it was not there. A set that cannot grow any more takes nothing, so nothing is refused twice.
static bool
set_add(struct ex_fault_set *set, uint64_t hash)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->hashes[i] == hash)
            return false;
    if (set->count == set->room) {
        size_t room = set->room ? set->room * 2 : 64;
        uint64_t *hashes = room <= FAULT_SET_MAX ? realloc(set->hashes, room * sizeof *hashes) : NULL;
        if (!hashes)
            return false;
        set->hashes = hashes;
        set->room = room;
    }
    set->hashes[set->count++] = hash;
    return true;
}

struct ex_fault *
ex_fault_create(const struct ex_fault_plan *plan)
{
    struct ex_fault *fault = calloc(1, sizeof *fault);
    if (!fault)
        return NULL;
    fault->plan = *plan;
    if (plan->mode == EX_FAULT_STACK && !plan->set)
        fault->plan.set = fault->own = ex_fault_set_create();
    if (plan->mode != EX_FAULT_STACK || fault->plan.set)
        return fault;
    free(fault);
    return NULL;
}

void
ex_fault_destroy(struct ex_fault *fault)
{
    if (fault)
        ex_fault_set_destroy(fault->own);
    free(fault);
}

void
ex_fault_state_get(struct ex_fault *fault, struct ex_fault_state *state)
{
    ke_word_lock(&fault->lock);
    *state = fault->state;
    ke_word_unlock(&fault->lock);
}

// On sim nothing else runs meanwhile, and a lock would be a choice point: the schedule must not depend on how many frames are looked up,
// or a stack's refusal could not be repeated by its number.
static const struct io_image *
image_at(struct box *box, const void *pc)
{
    return box->sched->is_sim ? io_image_peek(box, pc) : io_image_at(box, pc);
}

// The call stack as the drivers have it: frames of the runtime between them do not count.
static uint64_t
stack_hash(struct box *box, const void *const *frames, size_t count)
{
    uint64_t hash = HASH_FNV_START;
    for (size_t i = 0; i < count; i++) {
        const struct io_image *image = image_at(box, frames[i]);
        if (!image)
            continue;
        uint64_t offset = (uint64_t)((uintptr_t)frames[i] - (uintptr_t)image->base);
        hash = hash_bytes(hash, image->name, strlen(image->name));
        hash = hash_bytes(hash, &offset, sizeof offset);
    }
    return hash;
}

static void
place_write(const void *caller, char *out, size_t out_bytes)
{
    struct symbols *symbols = symbols_create();
    struct symbol place = {0};
    if (symbols)
        symbols_resolve(symbols, (const char *)caller - 1, &place, 1);
    const char *image = place.image ? strrchr(place.image, '/') : NULL;
    const char *file = place.file ? strrchr(place.file, '/') : NULL;
    snprintf(out, out_bytes, "%s (%s:%u) in %s", place.function ? place.function : "?", file ? file + 1 : place.file ? place.file
                                                                                                                     : "?",
             place.line, image ? image + 1 : place.image ? place.image
                                                         : "?");
    if (symbols)
        symbols_destroy(symbols);
}

static bool
caller_counts(const struct ex_fault_plan *plan, struct box *box, const void *caller)
{
    const struct io_image *image = caller ? image_at(box, caller) : NULL;
    if (!image)
        return caller && plan->program;
    return !plan->driver || !strcmp(plan->driver, image->name);
}

// Under the lock. chance is the draw, made before it.
static bool
plan_refuses(struct ex_fault *fault, uint64_t hash, uint64_t chance)
{
    const struct ex_fault_plan *plan = &fault->plan;
    if (plan->at_most && fault->state.refused >= plan->at_most)
        return false;
    switch (plan->mode) {
    case EX_FAULT_NUMBER: return fault->state.asked == plan->number;
    case EX_FAULT_CHANCE: return chance < plan->per_million;
    case EX_FAULT_STACK: return set_add(plan->set, hash);
    }
    return false;
}

bool
ex_fault_ask(struct box *box, const void *caller)
{
    struct ex_fault *fault = box->fault;
    const void *frames[FAULT_FRAMES];
    if (!sched_self || !caller_counts(&fault->plan, box, caller))
        return false;
    uint64_t chance = fault->plan.mode == EX_FAULT_CHANCE ? sched_draw(box->sched, SCHED_DRAW_FAULT, 1000000) : 0;
    uint64_t hash = 0;
    if (fault->plan.mode == EX_FAULT_STACK)
        hash = stack_hash(box, frames, symbol_backtrace(frames, FAULT_FRAMES));
    ke_word_lock(&fault->lock);
    fault->state.asked++;
    bool refuse = plan_refuses(fault, hash, chance);
    if (refuse) {
        fault->state.refused++;
        fault->state.last_number = fault->state.asked;
    }
    ke_word_unlock(&fault->lock);
    if (!refuse)
        return false;
    char place[sizeof fault->state.last_place] = "";
    if (fault->plan.mode != EX_FAULT_CHANCE)     // by chance there may be thousands, and each costs a look into the debug information
        place_write(caller, place, sizeof place);
    ke_word_lock(&fault->lock);
    memcpy(fault->state.last_place, place, sizeof place);
    ke_word_unlock(&fault->lock);
    return true;
}
