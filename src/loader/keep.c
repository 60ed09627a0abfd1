// SPDX-License-Identifier: MIT
// See keep.h.
//   loader_keep_open  -> an idle image of that path: spans_restore; none: loader_open -> spans_find -> spans_save
//   loader_keep_close -> idle
// A span is a piece of a writable segment: segments minus RELRO, which the dynamic linker has made read-only, minus the counters of
// coverage and profiling, which are the process's: a run would otherwise forget what the runs before it covered.
// The copy is a string instruction and not memcpy: memcpy's interceptor would report that it writes the redzones of the image's
// globals, and ThreadSanitizer that nobody ordered it.
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "host/file.h"
#include "loader/elf.h"
#include "loader/keep.h"

#define IMAGE_BYTES_MAX (256u << 20)
#define SPANS_MAX 64                          // segments, cut at what is left alone; an image with more is not kept

struct span {
    uintptr_t low, high;
};

struct kept {
    struct list node;                         // keep->images
    char *path, *name;
    struct loader_image image;
    struct span span[SPANS_MAX];
    unsigned span_count;
    uint8_t *saved;                           // the spans' bytes, one behind the other
    bool is_out, is_whole;                    // is_whole: can be restored
};

struct loader_keep {
    struct list images;
};

// ---- the copy ---------------------------------------------------------------------------------------------------------------------

static __attribute__((noinline, no_sanitize("address", "thread", "undefined"))) void
raw_copy(void *to, const void *from, size_t bytes)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static void
spans_save(struct kept *kept)
{
    uint8_t *at = kept->saved;
    for (unsigned i = 0; i < kept->span_count; i++) {
        raw_copy(at, (const void *)kept->span[i].low, kept->span[i].high - kept->span[i].low);
        at += kept->span[i].high - kept->span[i].low;
    }
}

static void
spans_restore(const struct kept *kept)
{
    const uint8_t *at = kept->saved;
    for (unsigned i = 0; i < kept->span_count; i++) {
        raw_copy((void *)kept->span[i].low, at, kept->span[i].high - kept->span[i].low);
        at += kept->span[i].high - kept->span[i].low;
    }
}

// ---- what to copy -----------------------------------------------------------------------------------------------------------------

static bool
span_add(struct kept *kept, uintptr_t low, uintptr_t high)
{
    if (low >= high)
        return true;
    if (kept->span_count == SPANS_MAX)
        return false;
    kept->span[kept->span_count++] = (struct span){low, high};
    return true;
}

// Leave out [low, high): each span that it cuts keeps what is before and behind.
static bool
span_leave(struct kept *kept, uintptr_t low, uintptr_t high)
{
    bool fits = true;
    for (unsigned i = 0; i < kept->span_count; i++) {
        struct span whole = kept->span[i];
        if (high <= whole.low || low >= whole.high)
            continue;
        kept->span[i] = (struct span){whole.low, low > whole.low ? low : whole.low};
        fits &= span_add(kept, high < whole.high ? high : whole.high, whole.high);
    }
    return fits;
}

struct segments {
    struct kept *kept;
    const struct link_map *map;
    bool fits;
};

static int
segments_add(struct dl_phdr_info *info, size_t size, void *context)
{
    struct segments *segments = context;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (info->dlpi_addr != segments->map->l_addr || strcmp(info->dlpi_name, segments->map->l_name) != 0)
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        uintptr_t low = info->dlpi_addr + ph->p_vaddr;
        if (ph->p_type == PT_LOAD && ph->p_flags & PF_W)
            segments->fits &= span_add(segments->kept, low, low + ph->p_memsz);
    }
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        uintptr_t low = info->dlpi_addr + ph->p_vaddr;
        if (ph->p_type == PT_GNU_RELRO)       // the pages that ld.so protects: both ends rounded down
            segments->fits &= span_leave(segments->kept, low & ~(page - 1), (low + ph->p_memsz) & ~(page - 1));
    }
    return 1;
}

static bool
section_is_process_wide(const char *name)
{
    return strncmp(name, "__llvm_prf_", 11) == 0 || strncmp(name, "__sancov_", 9) == 0;
}

static bool
sections_leave(struct kept *kept, const struct link_map *map)
{
    struct elf_image elf;
    struct elf_section section;
    const char *why = NULL;
    char *bytes;
    size_t count;
    if (file_load(map->l_name, IMAGE_BYTES_MAX, &bytes, &count))
        return false;
    bool fits = elf_read(bytes, count, &elf, &why) == 0;
    for (uint32_t i = 0; fits && i < elf_section_count(&elf); i++)
        if (elf_section_at(&elf, i, &section) && section_is_process_wide(section.name))
            fits = span_leave(kept, map->l_addr + section.address, map->l_addr + section.address + section.bytes);
    free(bytes);
    return fits;
}

// fails: false, and the image is not kept beyond its use.
static bool
spans_find(struct kept *kept)
{
    struct segments segments = {.kept = kept, .fits = true};
    size_t bytes = 1;
    if (dlinfo(kept->image.dl, RTLD_DI_LINKMAP, &segments.map))
        return false;
    if (!dl_iterate_phdr(segments_add, &segments) || !segments.fits || !sections_leave(kept, segments.map))
        return false;
    for (unsigned i = 0; i < kept->span_count; i++)
        bytes += kept->span[i].high - kept->span[i].low;
    kept->saved = malloc(bytes);
    return kept->saved != NULL;
}

// ---- the images -------------------------------------------------------------------------------------------------------------------

struct loader_keep *
loader_keep_create(void)
{
    struct loader_keep *keep = calloc(1, sizeof *keep);
    if (keep)
        list_init(&keep->images);
    return keep;
}

static void
kept_free(struct kept *kept)
{
    if (kept->image.dl)
        loader_close(kept->image.dl);
    free(kept->path);
    free(kept->name);
    free(kept->saved);
    free(kept);
}

void
loader_keep_destroy(struct loader_keep *keep)
{
    while (!list_is_empty(&keep->images)) {
        struct kept *kept = LIST_ENTRY_OF(keep->images.next, struct kept, node);
        list_remove(&kept->node);
        kept_free(kept);
    }
    free(keep);
}

unsigned
loader_keep_count(const struct loader_keep *keep)
{
    unsigned count = 0;
    LIST_FOR_EACH(node, &keep->images)
        count++;
    return count;
}

static struct kept *
kept_find_idle(struct loader_keep *keep, const char *path, const char *name)
{
    LIST_FOR_EACH(node, &keep->images) {
        struct kept *kept = LIST_ENTRY_OF(node, struct kept, node);
        if (!kept->is_out && strcmp(kept->path, path) == 0 && strcmp(kept->name, name) == 0)
            return kept;
    }
    return NULL;
}

int
loader_keep_open(struct loader_keep *keep, const char *path, const char *name, struct loader_image *image, char *error,
                 size_t error_bytes)
{
    struct kept *kept = kept_find_idle(keep, path, name);
    if (kept) {
        spans_restore(kept);
        kept->is_out = true;
        *image = kept->image;
        return 0;
    }
    kept = calloc(1, sizeof *kept);
    if (!kept || !(kept->path = strdup(path)) || !(kept->name = strdup(name))) {
        snprintf(error, error_bytes, "%s: out of memory", name);
        if (kept)
            kept_free(kept);
        return -ENOMEM;
    }
    int failed = loader_open(path, name, &kept->image, error, error_bytes);
    if (failed) {
        kept->image.dl = NULL;
        kept_free(kept);
        return failed;
    }
    kept->is_whole = spans_find(kept);
    if (kept->is_whole)
        spans_save(kept);
    kept->is_out = true;
    list_push_back(&keep->images, &kept->node);
    *image = kept->image;
    return 0;
}

void
loader_keep_close(struct loader_keep *keep, void *dl)
{
    LIST_FOR_EACH(node, &keep->images) {
        struct kept *kept = LIST_ENTRY_OF(node, struct kept, node);
        if (!kept->is_out || kept->image.dl != dl)
            continue;
        kept->is_out = false;
        if (!kept->is_whole) {
            list_remove(&kept->node);
            kept_free(kept);
        }
        return;
    }
}
