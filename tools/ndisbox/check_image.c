// SPDX-License-Identifier: MIT
// What a compiled driver needs: the undefined names of a shared object, or the import table of a .sys. Nothing of it is run.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check_driver.h"
#include "loader/elf.h"
#include "loader/pe.h"
#include "out.h"

bool
check_is_image(const char *bytes, size_t count)
{
    return count >= 4 && (!memcmp(bytes, "\177ELF", 4) || !memcmp(bytes, "MZ", 2));
}

static bool
is_instrument(const char *name)
{
    static const char *const starts[] = {"__asan_", "__tsan_", "__ubsan_", "__sanitizer_", "__llvm_",
                                         "__sancov_", "__cxa_finalize", "_ITM_", "__gmon_"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (!strncmp(name, starts[i], strlen(starts[i])))
            return true;
    return false;
}

static int
check_elf(struct check *check, const char *path, const char *bytes, size_t count)
{
    struct elf_image elf;
    struct elf_symbol symbol;
    const char *why;
    if (elf_read(bytes, count, &elf, &why) != 0) {
        out_error("%s: no driver image: %s", path, why);
        return EXIT_USAGE;
    }
    check->format = "ELF image";
    for (uint32_t i = 1; i < elf.symbol_count; i++) {
        if (!elf_symbol_at(&elf, i, &symbol) || !symbol.is_undefined || is_instrument(symbol.name))
            continue;
        const struct ddi_row *row = ddi_row_find(symbol.name);
        if (row || (!symbol.is_weak && !dlsym(RTLD_DEFAULT, symbol.name)))   // the C library's are no matter
            check_use_add(check, (struct check_use){.name = strdup(symbol.name), .row = row, .count = 1});
    }
    return EXIT_CLEAN;
}

static bool
import_take(void *to, const char *library, const char *name, uint16_t ordinal)
{
    struct check *check = to;
    char *text = NULL;
    if (asprintf(&text, name ? "%s" : "#%.0s%u", name ? name : "", ordinal) < 0)
        abort();
    check_use_add(check, (struct check_use){.name = text, .row = name ? ddi_row_find(name) : NULL, .dll = strdup(library), .count = 1});
    return true;
}

// Libraries that stand for something we do not have at all.
static void
libraries_refuse(struct check *check, const char *path)
{
    static const char *const rows[][2] = {{"wdfldr.sys", "wdf.h"},
                                          {"netadaptercx.sys", "netadaptercx.h"},
                                          {"fwpkclnt.sys", "fwpsk.h"},
                                          {"fltmgr.sys", "fltkernel.h"},
                                          {"usbd.sys", "usbdlib.h"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < check->use_count; j++)
            if (!strcasecmp(check->uses[j].dll, rows[i][0])) {
                char *text;
                if (asprintf(&text, "needs %s", import_header_needs(rows[i][1])) < 0)
                    abort();
                check_fault_add(check, (struct import_fault){{path, 0}, check->uses[j].dll, check_own(check, text)});
                break;
            }
}

static int
check_pe(struct check *check, const char *path, const char *bytes, size_t count)
{
    struct pe_image pe;
    const char *why = NULL;
    if (pe_read(bytes, count, &pe, &why) != 0) {
        out_error("%s: no driver image: %s", path, why);
        return EXIT_USAGE;
    }
    check->format = "PE image";
    if (pe.machine != 0x8664)
        check_fault_add(
            check, (struct import_fault){{path, 0}, "the machine it is for", "it is not for x64, which is what ndisbox runs"});
    if (!pe.is_native)
        check_fault_add(
            check, (struct import_fault){{path, 0}, "its subsystem", "it is a program or a library of user mode, no driver"});
    if (pe_imports(&pe, import_take, check, &why) != 0) {
        out_error("%s: %s", path, why);
        return EXIT_USAGE;
    }
    libraries_refuse(check, path);
    return EXIT_CLEAN;
}

int
check_image(struct check *check, const char *path, const char *bytes, size_t count)
{
    return bytes[0] == 'M' ? check_pe(check, path, bytes, count) : check_elf(check, path, bytes, count);
}
