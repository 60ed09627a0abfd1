// SPDX-License-Identifier: MIT
// Pool on malloc. Paths: ex_pool_alloc -> header in front, into the shard of the processor we are on; ex_pool_free -> header is
// checked (magic, own box, tag), out of the shard it came from. Shards keep the bookkeeping off a common lock: a thread at DISPATCH
// owns its processor and meets nobody there unless another processor frees what was allocated here.
// In asan builds the header is poisoned while the block is out, and so is the rest of a page-aligned block's last page: writing in front
// of a block is caught like writing behind it. Whoever reads headers of blocks that are out is compiled without ASan (POOL_RAW).
// On sim fresh memory is filled with 0xCD, because what malloc leaves there would differ between two runs of one seed.
#include "nt/ex/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/symbol.h"
#include "nt/ex/ex_int.h"
#include "nt/ex/fault.h"
#include "nt/ex/poison.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/word.h"
#include "verify/left.h"
#include "verify/order.h"
#include "verify/paged.h"
#include "verify/report.h"

#define POOL_MAGIC 0x4C6F6F50u   // "PooL"
#define POOL_MAGIC_FREE 0x64656546u

struct pool_header {
    struct list node;
    const void *caller;
    size_t bytes : 48;
    size_t front : 15;               // of the block from the start of its memory
    size_t is_watched : 1;           // a struct verify_origin stands before the header
    ULONG tag;
    uint32_t magic;
    struct ex_shard *shard;
};
#define POOL_BYTES_MAX ((size_t)1 << 47)
_Static_assert(sizeof(struct pool_header) == 48, "a multiple of 16");

#define POOL_RAW __attribute__((noinline, no_sanitize("address")))

// The neighbours in the list are poisoned headers, so the list's own functions cannot be used.
static POOL_RAW void
header_link(struct list *head, struct list *node)
{
    struct list *last = head->prev;
    node->prev = last;
    node->next = head;
    last->next = node;
    head->prev = node;
}

static POOL_RAW void
header_unlink(struct list *node)
{
    struct list *before = node->prev, *after = node->next;
    before->next = after;
    after->prev = before;
}

static POOL_RAW bool
header_is_live(const struct pool_header *header)
{
    return header->magic == POOL_MAGIC;
}

static bool
pool_is_paged_size(size_t bytes)
{
    return bytes >= PAGE_SIZE;
}

// 16 bytes are what malloc aligns to.
#define ORIGIN_BYTES ((sizeof(struct verify_origin) + 15) & ~(size_t)15)

static size_t
pool_front(size_t bytes, bool is_watched)
{
    return pool_is_paged_size(bytes) ? PAGE_SIZE : sizeof(struct pool_header) + (is_watched ? ORIGIN_BYTES : 0);
}

static struct verify_origin *
origin_of(const struct pool_header *header)
{
    return (struct verify_origin *)((char *)header - ORIGIN_BYTES);
}

// What lies around the block, as far as it is ours.
static void
pool_fence(struct pool_header *header, size_t bytes, bool up)
{
    char *block = (char *)(header + 1);
    size_t front = header->front;
    size_t behind = pool_is_paged_size(bytes) ? -bytes & (PAGE_SIZE - 1) : 0;
    if (up) {
        EX_POISON(block - front, front);
        EX_POISON(block + bytes, behind);
    } else {
        EX_UNPOISON(block - front, front);
        EX_UNPOISON(block + bytes, behind);
    }
}

static struct ex_tag *
tag_slot(struct ex_tag *tags, uint32_t room, ULONG tag)
{
    uint32_t at = tag * 2654435761u % room;
    while (tags[at].allocations && tags[at].tag != tag)
        at = (at + 1) % room;
    return &tags[at];
}

static int
tags_grow(struct ex_shard *shard)
{
    uint32_t room = shard->tag_room * 2;
    struct ex_tag *tags = calloc(room, sizeof *tags);
    if (!tags)
        return -ENOMEM;
    for (uint32_t i = 0; i < shard->tag_room; i++)
        if (shard->tags[i].allocations)
            *tag_slot(tags, room, shard->tags[i].tag) = shard->tags[i];
    free(shard->tags);
    shard->tags = tags;
    shard->tag_room = room;
    return 0;
}

static int
shard_add(struct ex_shard *shard, struct pool_header *header)
{
    ke_word_lock(&shard->lock);
    if (shard->tag_count * 3 >= shard->tag_room * 2 && tags_grow(shard)) {
        ke_word_unlock(&shard->lock);
        return -ENOMEM;
    }
    struct ex_tag *tag = tag_slot(shard->tags, shard->tag_room, header->tag);
    if (!tag->allocations++)
        shard->tag_count++;
    tag->tag = header->tag;
    tag->bytes += header->bytes;
    header_link(&shard->blocks, &header->node);
    ke_word_unlock(&shard->lock);
    return 0;
}

// Zeroed, or on sim filled, as the comment at the top says. From the verifier's pages where it watches paged pool.
static char *
pool_memory(struct box *box, size_t front, size_t bytes, bool zero, bool is_paged)
{
    bool is_pages = front == PAGE_SIZE;
    char *base = is_paged ? verify_paged_get(box->verify, front + bytes) : NULL;
    bool is_old = base != NULL;
    if (!base && is_pages)
        base = aligned_alloc(PAGE_SIZE, (front + bytes + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1));
    else if (!base)
        base = zero ? calloc(1, front + bytes) : malloc(front + bytes);
    if (base && zero && (is_pages || is_old))
        memset(base + front, 0, bytes);
    else if (base && !zero && box->sched->is_sim)
        memset(base + front, 0xCD, bytes);
    return base;
}

static void
pool_memory_free(struct box *box, char *base)
{
    if (!verify_paged_put(box->verify, base))
        free(base);
}

static void *
pool_alloc(struct box *box, size_t bytes, ULONG tag, bool zero, bool is_paged, const void *caller, bool is_drivers)
{
    if (bytes > POOL_BYTES_MAX)
        return NULL;
    struct ke_thread *self = sched_self ? ke_self() : NULL;
    // Only what a front door allocates for its caller is the driver's.
    bool is_watched = box->verify && is_drivers && self && self->box == box && self->driver;
    size_t front = pool_front(bytes, is_watched);
    char *base = pool_memory(box, front, bytes, zero, is_paged);
    if (!base)
        return NULL;
    char *block = base + front;
    struct pool_header *header = (struct pool_header *)block - 1;
    *header = (struct pool_header){.bytes = bytes, .front = front, .is_watched = is_watched, .tag = tag, .magic = POOL_MAGIC};
    header->caller = caller;
    header->shard = &box->ex->shards[self && self->box == box ? self->processor->number : 0];
    if (is_watched)
        verify_origin_make(origin_of(header), VERIFY_LEFT_POOL, NULL, caller);
    if (shard_add(header->shard, header)) {
        pool_memory_free(box, base);
        return NULL;
    }
    pool_fence(header, bytes, true);
    return block;
}

void *
ex_pool_alloc_asked(struct box *box, size_t bytes, ULONG tag, bool zero, const void *caller, bool is_drivers)
{
    return pool_alloc(box, bytes, tag, zero, false, caller, is_drivers);
}

void *
ex_pool_alloc(struct box *box, size_t bytes, ULONG tag, bool zero, const void *caller)
{
    return ex_pool_alloc_kind(box, bytes, tag, zero, false, caller);
}

void *
ex_pool_alloc_kind(struct box *box, size_t bytes, ULONG tag, bool zero, bool is_paged, const void *caller)
{
    if (ex_fault(box, caller))
        return NULL;
    return pool_alloc(box, bytes, tag, zero, is_paged, caller ? caller : __builtin_return_address(0), caller != NULL);
}

static struct ex_shard *
pool_check(struct box *box, struct pool_header *header, ULONG tag)
{
    uint64_t block = (uint64_t)(uintptr_t)(header + 1);
    if (header->magic == POOL_MAGIC_FREE)
        ke_bugcheck(BUGCODE_BAD_POOL_CALLER, 0x07, 0, header->tag, block);
    if (header->magic != POOL_MAGIC || header->shard < box->ex->shards || header->shard >= box->ex->shards + box->processor_count)
        ke_bugcheck(BUGCODE_BAD_POOL_CALLER, 0x46, block, 0, 0);
    if (tag && header->tag != tag)
        ke_bugcheck(BUGCODE_BAD_POOL_CALLER, 0x0A, block, header->tag, tag);
    return header->shard;
}

void
ex_pool_free(struct box *box, void *block, ULONG tag)
{
    if (verify_paged_has(box->verify, block) && ke_self()->irql > APC_LEVEL)
        verify_rule_broken(NBX_0205, "ExFreePool", "paged pool is freed at IRQL %u (found by its address)", ke_self()->irql);
    if (!block || ((uintptr_t)block & 15))
        ke_bugcheck(BUGCODE_BAD_POOL_CALLER, 0x46, (uint64_t)(uintptr_t)block, 0, 0);
    struct pool_header *header = (struct pool_header *)block - 1;
    if (header_is_live(header)) {    // else ASan may say what it knows of it when pool_check looks
        EX_UNPOISON(header, sizeof *header);
        pool_fence(header, header->bytes, false);
    }
    struct ex_shard *shard = pool_check(box, header, tag);
    if (header->is_watched)
        verify_memory_freed(box, block, header->bytes);
    ke_word_lock(&shard->lock);
    struct ex_tag *account = tag_slot(shard->tags, shard->tag_room, header->tag);
    account->frees++;
    account->bytes -= header->bytes;
    header_unlink(&header->node);
    ke_word_unlock(&shard->lock);
    header->magic = POOL_MAGIC_FREE;
    verify_order_freed(box->verify, block, header->bytes);
    pool_memory_free(box, (char *)block - header->front);
}

// ---- whose it is ----------------------------------------------------------------------------------------------------------------------

POOL_RAW void
ex_pool_kind_set(void *block, enum verify_left kind, const void *owner)
{
    struct pool_header *header = block ? (struct pool_header *)block - 1 : NULL;
    if (!header || !header->is_watched)
        return;
    struct verify_origin *origin = origin_of(header);
    origin->kind = (uint8_t)kind;
    if (owner)
        origin->owner = owner;
}

POOL_RAW void
ex_pool_got_again(void *block, enum verify_left kind, const void *caller)
{
    struct pool_header *header = (struct pool_header *)block - 1;
    struct ke_thread *self = ke_self();
    if (!header->is_watched || !self->driver)
        return;
    struct verify_origin fresh, *origin = origin_of(header);
    verify_origin_make(&fresh, kind, NULL, caller);
    char *to = (char *)origin;
    for (size_t i = 0; i < sizeof fresh; i++)
        ((volatile char *)to)[i] = ((const char *)&fresh)[i];
}

// A copy that ASan may see.
static POOL_RAW void
origin_copy(struct verify_origin *to, const struct verify_origin *from)
{
    for (size_t i = 0; i < sizeof *to; i++)
        ((volatile char *)to)[i] = ((const volatile char *)from)[i];
}

POOL_RAW void
ex_pool_each_origin(struct box *box, ex_pool_origin_fn fn, void *context)
{
    for (uint32_t i = 0; i < box->processor_count; i++) {
        struct ex_shard *shard = &box->ex->shards[i];
        ke_word_lock(&shard->lock);
        for (struct list *node = shard->blocks.next; node != &shard->blocks; node = node->next) {
            struct pool_header *header = LIST_ENTRY_OF(node, struct pool_header, node);
            struct verify_origin origin;
            if (!header->is_watched || origin_of(header)->is_told)
                continue;
            origin_copy(&origin, origin_of(header));
            origin_of(header)->is_told = fn(context, &origin, header + 1, header->bytes, header->tag);
        }
        ke_word_unlock(&shard->lock);
    }
}

POOL_RAW size_t
ex_pool_bytes(const void *block)
{
    return ((const struct pool_header *)block - 1)->bytes;
}

void
ex_pool_usage_get(struct box *box, ULONG tag, struct ex_pool_usage *usage)
{
    *usage = (struct ex_pool_usage){0};
    for (uint32_t i = 0; i < box->processor_count; i++) {
        struct ex_shard *shard = &box->ex->shards[i];
        ke_word_lock(&shard->lock);
        for (uint32_t at = 0; at < shard->tag_room; at++) {
            struct ex_tag *t = &shard->tags[at];
            if (!t->allocations || (tag && t->tag != tag))
                continue;
            usage->allocations += t->allocations;
            usage->frees += t->frees;
            usage->bytes += t->bytes;
        }
        ke_word_unlock(&shard->lock);
    }
}

// ---- what nobody freed ----------------------------------------------------------------------------------------------------------------

static void
leak_report(struct box *box, struct pool_header *header)
{
    char tag[5] = {0};
    for (int i = 0; i < 4; i++) {
        char c = (char)(header->tag >> 8 * i);
        tag[i] = c >= ' ' && c < 127 ? c : '.';
    }
    struct symbols *symbols = symbols_create();
    struct symbol where = {0};
    if (symbols)
        symbols_resolve(symbols, (const char *)header->caller - 1, &where, 1);
    const char *image = where.image ? strrchr(where.image, '/') : NULL;
    box_leftover(box, "pool block '%s' of %zu bytes, allocated by %s (%s:%u) in %s", tag, header->bytes,
                 where.function ? where.function : "?", where.file ? where.file : "?", where.line,
                 image ? image + 1 : where.image ? where.image : "?");
    if (symbols)
        symbols_destroy(symbols);
}

void
ex_leaks_report(struct box *box)
{
    for (uint32_t i = 0; i < box->processor_count; i++) {
        struct list *head = &box->ex->shards[i].blocks;
        while (!list_is_empty(head)) {
            struct pool_header *header = LIST_ENTRY_OF(head->next, struct pool_header, node);
            EX_UNPOISON(header, sizeof *header);
            pool_fence(header, header->bytes, false);
            header_unlink(&header->node);
            if (!header->is_watched || !origin_of(header)->is_told)
                leak_report(box, header);
            pool_memory_free(box, (char *)(header + 1) - header->front);
        }
    }
}
