// SPDX-License-Identifier: MIT
// Address -> module (dwfl over /proc/self/maps) -> symbol -> line. A driver shows only DriverEntry to the dynamic linker, so
// dladdr is not enough: the names come from the images' own symbol tables and debug sections.
//
// Paths: report -> verify_symbol_describe -> describe_in(dwfl)
//        report -> verify_symbol_print_stack -> backtrace -> describe_in for each frame, with one dwfl for all
// A return address points behind its call; one byte less lies inside it, so that the line is the call's.
#include "verify/symbol.h"

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <execinfo.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
};

/* A view of this process's images as they are mapped now, or null. */
static Dwfl *
images_open(void)
{
    Dwfl *dwfl = dwfl_begin(&callbacks);

    if (!dwfl)
        return NULL;
    if (dwfl_linux_proc_report(dwfl, getpid()) != 0 || dwfl_report_end(dwfl, NULL, NULL) != 0) {
        dwfl_end(dwfl);
        return NULL;
    }
    return dwfl;
}

static const char *
file_of(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

/* The line of an address, found by walking the units: clang writes no .debug_aranges, which is all that
 * dwfl_module_getsrc of elfutils 0.188 looks at. */
static const char *
line_of(Dwfl_Module *module, Dwarf_Addr at, int *line)
{
    Dwarf_Die *unit = NULL;
    Dwarf_Addr bias = 0;

    while ((unit = dwfl_module_nextcu(module, unit, &bias)) != NULL) {
        if (dwarf_haspc(unit, at - bias) != 1)
            continue;
        Dwarf_Line *place = dwarf_getsrc_die(unit, at - bias);
        if (!place || dwarf_lineno(place, line) != 0)
            return NULL;
        return file_of(dwarf_linesrc(place, NULL, NULL));
    }
    return NULL;
}

static void
describe_in(Dwfl *dwfl, const void *return_address, char *text, size_t text_bytes)
{
    Dwarf_Addr at = (uintptr_t)return_address - 1;
    Dwfl_Module *module = dwfl ? dwfl_addrmodule(dwfl, at) : NULL;
    const char *image, *file, *name;
    Dwarf_Addr start = 0;
    int line = 0;

    if (!module) {
        snprintf(text, text_bytes, "%p", return_address);
        return;
    }
    image = file_of(dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL));
    name = dwfl_module_addrname(module, at);
    file = line_of(module, at, &line);
    if (name && file)
        snprintf(text, text_bytes, "%s: %s (%s:%d)", image, name, file, line);
    else if (name)
        snprintf(text, text_bytes, "%s: %s", image, name);
    else
        snprintf(text, text_bytes, "%s+0x%jx", image, (uintmax_t)(at + 1 - start));
}

void
verify_symbol_describe(const void *return_address, char *text, size_t text_bytes)
{
    Dwfl *dwfl = images_open();

    describe_in(dwfl, return_address, text, text_bytes);
    if (dwfl)
        dwfl_end(dwfl);
}

void
verify_symbol_print_stack(FILE *out, const void *return_address)
{
    void *frames[48];
    char text[512];
    int count = backtrace(frames, sizeof frames / sizeof frames[0]), first = 0;
    Dwfl *dwfl = images_open();

    for (int i = 0; i < count; i++)
        if (frames[i] == return_address)
            first = i;
    for (int i = first; i < count && i < first + 32; i++) {
        describe_in(dwfl, frames[i], text, sizeof text);
        fprintf(out, "    #%-2d %s\n", i - first, text);
    }
    if (dwfl)
        dwfl_end(dwfl);
}
