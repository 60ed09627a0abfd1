// SPDX-License-Identifier: MIT
// See pages.h. What was put last is taken first. A page counts as touched when it is present or swapped out
// [Documentation/admin-guide/mm/pagemap.rst]; without that file, or with one that is silent, nothing is kept.
#include "host/pages.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/memory.h"
#include "host/stack.h"

#define PAGES_KEPT_MAX 256
#define PAGEMAP_BATCH 512
#define PAGEMAP_TOUCHED (UINT64_C(3) << 62)   // present, swapped

struct pages {
    int pagemap;                              // negative: there is none
    size_t page_bytes, count;
    struct kept {
        void *memory;
        size_t bytes;
        enum pages_kind kind;
    } kept[PAGES_KEPT_MAX];
};

static void *
piece_map(size_t bytes, enum pages_kind kind)
{
    return kind == PAGES_STACK ? stack_map(bytes) : memory_map(bytes, true);
}

static void
piece_unmap(void *memory, size_t bytes, enum pages_kind kind)
{
    if (kind == PAGES_STACK)
        stack_unmap(memory, bytes);
    else
        memory_unmap(memory, bytes);
}

static bool
pagemap_read(const struct pages *pages, const void *memory, uint64_t *entries, size_t count)
{
    off_t at = (off_t)((uintptr_t)memory / pages->page_bytes * sizeof *entries);
    return pread(pages->pagemap, entries, count * sizeof *entries, at) == (ssize_t)(count * sizeof *entries);
}

// A sandbox may have such a file and say nothing in it: does it know a page that was written from one that was not?
static bool
pagemap_works(const struct pages *pages)
{
    uint64_t entries[2] = {0};
    char *two = memory_map(2 * pages->page_bytes, true);
    if (!two)
        return false;
    *(volatile char *)two = 1;
    bool works = pagemap_read(pages, two, entries, 2) && (entries[0] & PAGEMAP_TOUCHED) && !(entries[1] & PAGEMAP_TOUCHED);
    memory_unmap(two, 2 * pages->page_bytes);
    return works;
}

struct pages *
pages_create(void)
{
    struct pages *pages = calloc(1, sizeof *pages);
    if (!pages)
        return NULL;
    pages->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    pages->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (pages->pagemap >= 0 && !pagemap_works(pages)) {
        close(pages->pagemap);
        pages->pagemap = -1;
    }
    return pages;
}

void
pages_destroy(struct pages *pages)
{
    for (size_t i = 0; i < pages->count; i++)
        piece_unmap(pages->kept[i].memory, pages->kept[i].bytes, pages->kept[i].kind);
    if (pages->pagemap >= 0)
        close(pages->pagemap);
    free(pages);
}

void *
pages_get(struct pages *pages, size_t bytes, enum pages_kind kind)
{
    for (size_t i = pages ? pages->count : 0; i-- > 0;) {
        struct kept *kept = &pages->kept[i];
        if (kept->bytes != bytes || kept->kind != kind)
            continue;
        void *memory = kept->memory;
        pages->count--;
        memmove(kept, kept + 1, (pages->count - i) * sizeof *kept);
        return memory;
    }
    return piece_map(bytes, kind);
}

// Zeros where there are none. fails: false; then some are.
static bool
pages_clean(const struct pages *pages, void *memory, size_t bytes)
{
    size_t count = (bytes + pages->page_bytes - 1) / pages->page_bytes;
    uint64_t entries[PAGEMAP_BATCH];
    for (size_t i = 0, batch; i < count; i += batch) {
        batch = count - i < PAGEMAP_BATCH ? count - i : PAGEMAP_BATCH;
        if (!pagemap_read(pages, (char *)memory + i * pages->page_bytes, entries, batch))
            return false;
        for (size_t j = 0; j < batch; j++)
            if (entries[j] & PAGEMAP_TOUCHED)
                memset((char *)memory + (i + j) * pages->page_bytes, 0, pages->page_bytes);
    }
    return true;
}

void
pages_put(struct pages *pages, void *memory, size_t bytes, enum pages_kind kind)
{
    if (!pages || pages->pagemap < 0 || pages->count == PAGES_KEPT_MAX || !pages_clean(pages, memory, bytes)) {
        piece_unmap(memory, bytes, kind);
        return;
    }
    pages->kept[pages->count++] = (struct kept){memory, bytes, kind};
}

size_t
pages_count(const struct pages *pages)
{
    return pages->count;
}
