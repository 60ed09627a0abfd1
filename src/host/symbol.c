// SPDX-License-Identifier: MIT
// Frame-pointer walks, and addresses resolved by libdw.
//   symbols_resolve -> the module (reported anew if images were loaded since) -> debug information: the scopes round the address, each
//   inlined one giving its call site to the one around it -> without debug information, the symbol table
#include "host/symbol.h"

#include <dlfcn.h>

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/sched.h"
#include "host/stack.h"

struct symbols_path {
    struct symbols_path *next;
    char text[];
};

struct symbols {
    pthread_mutex_t lock;        // leaf; libdw is not safe for threads
    Dwfl *dwfl;
    struct symbols_path *paths;  // every file name given out, once
};

static const Dwfl_Callbacks symbols_callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
};

// Learn what is loaded now; modules known before keep their data.
static bool
symbols_report_locked(struct symbols *symbols)
{
    dwfl_report_begin_add(symbols->dwfl);
    int error = dwfl_linux_proc_report(symbols->dwfl, getpid());
    return dwfl_report_end(symbols->dwfl, NULL, NULL) == 0 && error == 0;
}

struct symbols *
symbols_create(void)
{
    struct symbols *symbols = calloc(1, sizeof *symbols);
    if (!symbols)
        return NULL;
    pthread_mutex_init(&symbols->lock, NULL);
    symbols->dwfl = dwfl_begin(&symbols_callbacks);
    if (!symbols->dwfl || !symbols_report_locked(symbols)) {
        symbols_destroy(symbols);
        return NULL;
    }
    return symbols;
}

void
symbols_destroy(struct symbols *symbols)
{
    if (!symbols)
        return;
    if (symbols->dwfl)
        dwfl_end(symbols->dwfl);
    while (symbols->paths) {
        struct symbols_path *path = symbols->paths;
        symbols->paths = path->next;
        free(path);
    }
    pthread_mutex_destroy(&symbols->lock);
    free(symbols);
}

static Dwfl_Module *
symbols_module_locked(struct symbols *symbols, Dwarf_Addr address)
{
    Dwfl_Module *module = dwfl_addrmodule(symbols->dwfl, address);
    if (!module && symbols_report_locked(symbols))
        module = dwfl_addrmodule(symbols->dwfl, address);
    return module;
}

static void
symbols_image_fill(Dwfl_Module *module, Dwarf_Addr address, struct symbol *out)
{
    Dwarf_Addr start = 0;
    const char *main_file = NULL, *debug_file = NULL;
    const char *name = dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, &main_file, &debug_file);
    out->image = main_file ? main_file : name;
    out->image_offset = address - start;
}

// Take "x/.." and "." out of an absolute path, in place: compilers record names relative to the folder they ran in.
static void
symbols_path_tidy(char *path)
{
    char *to = path;
    for (const char *from = path; *from;) {
        size_t step = 1 + strcspn(from + 1, "/");
        if (step == 3 && !memcmp(from, "/..", 3)) {
            while (to > path && *--to != '/')
                ;
        } else if (!(step == 2 && from[1] == '.') && step > 1) {
            memmove(to, from, step);
            to += step;
        }
        from += step;
    }
    *to = 0;
}

// The file's absolute name, kept until the session ends. NULL when there is none, or no memory.
static const char *
symbols_path_locked(struct symbols *symbols, Dwarf_Die *unit, const char *file)
{
    Dwarf_Attribute attribute;
    const char *folder = NULL;
    if (!file)
        return NULL;
    if (file[0] != '/' && dwarf_attr(unit, DW_AT_comp_dir, &attribute))
        folder = dwarf_formstring(&attribute);
    if (file[0] != '/' && (!folder || folder[0] != '/'))
        return file;
    size_t bytes = strlen(file) + (folder ? strlen(folder) + 1 : 0) + 1;
    struct symbols_path *path = malloc(sizeof *path + bytes);
    if (!path)
        return NULL;
    snprintf(path->text, bytes, "%s%s%s", folder ? folder : "", folder ? "/" : "", file);
    symbols_path_tidy(path->text);
    for (struct symbols_path *known = symbols->paths; known; known = known->next)
        if (!strcmp(known->text, path->text)) {
            free(path);
            return known->text;
        }
    path->next = symbols->paths;
    return (symbols->paths = path)->text;
}

// The unit that an address belongs to. clang writes no .debug_aranges unless told to, and libdw 0.188 finds units only by those;
// so all units are asked in turn.
static Dwarf_Die *
symbols_unit(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);
    if (unit)
        return unit;
    while ((unit = dwfl_module_nextcu(module, unit, bias)))
        if (dwarf_haspc(unit, address - *bias) > 0)
            return unit;
    return NULL;
}

static void
symbols_line_fill(struct symbols *symbols, Dwarf_Die *unit, Dwarf_Addr address, struct symbol *out)
{
    int line = 0, column = 0;
    Dwarf_Line *found = dwarf_getsrc_die(unit, address);
    const char *file = found ? dwarf_linesrc(found, NULL, NULL) : NULL;
    if (!file || dwarf_lineno(found, &line) || dwarf_linecol(found, &column))
        return;
    out->file = symbols_path_locked(symbols, unit, file);
    out->line = (uint32_t)line;
    out->column = (uint32_t)column;
}

static uint32_t
symbols_attribute(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value))
        return 0;
    return (uint32_t)value;
}

// Where an inlined function was called from becomes the place of the function around it.
static void
symbols_call_site_fill(struct symbols *symbols, Dwarf_Die *unit, Dwarf_Die *inlined, struct symbol *out)
{
    Dwarf_Files *files;
    size_t count, file = symbols_attribute(inlined, DW_AT_call_file);
    out->line = symbols_attribute(inlined, DW_AT_call_line);
    out->column = symbols_attribute(inlined, DW_AT_call_column);
    out->file = NULL;
    if (!dwarf_getsrcfiles(unit, &files, &count) && file < count)
        out->file = symbols_path_locked(symbols, unit, dwarf_filesrc(files, file, NULL, NULL));
}

// The function names round an address, inlined ones first. out[0] has the address's own place already.
static size_t
symbols_scopes_fill(struct symbols *symbols, Dwarf_Die *unit, Dwarf_Die *scopes, int scope_count, struct symbol *out, size_t limit)
{
    size_t filled = 0;
    for (int i = 0; i < scope_count; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
            continue;
        out[filled++].function = dwarf_diename(&scopes[i]);
        if (tag == DW_TAG_subprogram || filled == limit)
            break;
        out[filled] = out[filled - 1];
        out[filled].function = NULL;
        symbols_call_site_fill(symbols, unit, &scopes[i], &out[filled]);
    }
    return filled;
}

// address is the unit's: without the bias.
static size_t
symbols_functions_fill(struct symbols *symbols, Dwarf_Die *unit, Dwarf_Addr address, struct symbol *out, size_t limit)
{
    Dwarf_Die *inner = NULL, *chain = NULL;
    size_t filled = 0;
    if (dwarf_getscopes(unit, address, &inner) > 0) {
        // Round an inlined function, dwarf_getscopes goes on with the scopes of its definition; the chain of callers is wanted.
        int count = dwarf_getscopes_die(&inner[0], &chain);
        if (count > 0)
            filled = symbols_scopes_fill(symbols, unit, chain, count, out, limit);
    }
    free(chain);
    free(inner);
    return filled;
}

size_t
symbols_resolve(struct symbols *symbols, const void *where, struct symbol *out, size_t limit)
{
    Dwarf_Addr address = (uintptr_t)where;
    size_t filled = 0;
    if (!limit)
        return 0;
    out[0] = (struct symbol){0};
    pthread_mutex_lock(&symbols->lock);
    Dwfl_Module *module = symbols_module_locked(symbols, address);
    if (module) {
        symbols_image_fill(module, address, &out[0]);
        Dwarf_Addr bias;
        Dwarf_Die *unit = symbols_unit(module, address, &bias);
        if (unit) {
            symbols_line_fill(symbols, unit, address - bias, &out[0]);
            filled = symbols_functions_fill(symbols, unit, address - bias, out, limit);
        }
        if (!filled)
            out[0].function = dwfl_module_addrname(module, address);
    }
    pthread_mutex_unlock(&symbols->lock);
    return filled ? filled : 1;
}

static void
symbols_print_one(FILE *to, size_t number, const void *address, const struct symbol *symbol)
{
    fprintf(to, "    #%-2zu %s", number, symbol->function ? symbol->function : "?");
    if (symbol->file)
        fprintf(to, " %s:%u:%u\n", symbol->file, symbol->line, symbol->column);
    else if (symbol->image)
        fprintf(to, " (%s+0x%llx)\n", symbol->image, (unsigned long long)symbol->image_offset);
    else
        fprintf(to, " (%p)\n", address);
}

void
symbols_print(struct symbols *symbols, FILE *to, const void *const *addresses, size_t count, bool is_return)
{
    size_t number = 0;
    for (size_t i = 0; i < count; i++) {
        struct symbol found[16];
        const char *at = (const char *)addresses[i] - (i || is_return);
        size_t depth = symbols_resolve(symbols, at, found, sizeof found / sizeof *found);
        for (size_t j = 0; j < depth; j++)
            symbols_print_one(to, number++, addresses[i], &found[j]);
    }
}

const char *
symbol_exported_at(const void *address)
{
    Dl_info info;
    return dladdr(address, &info) ? info.dli_sname : NULL;
}

// On x86-64 and AArch64 alike a frame pointer points at the caller's frame pointer, and the return address lies above it.
__attribute__((no_sanitize("address", "thread"))) size_t
symbol_walk(const void *frame, const void *low, const void *high, const void **addresses, size_t limit)
{
    size_t count = 0;
    uintptr_t at = (uintptr_t)frame, end = (uintptr_t)high;
    uintptr_t above = (uintptr_t)low;
    while (count < limit && at >= above && at % sizeof(void *) == 0 && end >= 2 * sizeof(void *) && at <= end - 2 * sizeof(void *)) {
        const void *const *pair = (const void *const *)at;
        if (!pair[1])
            break;
        addresses[count++] = pair[1];
        above = at + 2 * sizeof(void *);     // callers lie strictly higher, so the walk ends
        at = (uintptr_t)pair[0];
    }
    return count;
}

__attribute__((noinline)) size_t
symbol_backtrace(const void **addresses, size_t limit)
{
    const void *low = NULL, *high = NULL;
    if (sched_self) {
        low = sched_self->stack_low;
        high = sched_self->stack_high;
    } else {
        stack_bounds_get(&low, &high);
    }
    return symbol_walk(__builtin_frame_address(0), low, high, addresses, limit);
}
