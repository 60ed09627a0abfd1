// SPDX-License-Identifier: MIT
// What a Windows driver image (.sys) needs, read from its PE bytes without running any of it: its import table.
#ifndef NBX_LOADER_PE_H
#define NBX_LOADER_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pe_image {
    const uint8_t *bytes;        // lent by the caller
    size_t count;
    uint16_t machine;            // 0x8664: x64
    bool is_native;              // subsystem 1: a driver
    bool is_wide;                // PE32+
    uint32_t sections_at;        // file offset of the section headers
    uint32_t section_count;
    uint32_t headers_bytes;      // addresses below this are offsets
    uint32_t imports_at;         // address of the import directory; 0: there is none
    uint32_t imports_bytes;
};

// Check that bytes are a PE image and find its import directory. All offsets are checked against count, so any bytes may be given.
// fails: -ENOEXEC with *why (static text) set.
int pe_read(const void *bytes, size_t count, struct pe_image *image, const char **why);

// Calls each for every import, in the order of the file: name NULL is an import by ordinal. Both names lie inside the image's bytes and
// are terminated. each returns false to stop. fails: -ENOEXEC with *why set when the table is damaged; what came before was shown.
int pe_imports(const struct pe_image *image, bool (*each)(void *to, const char *library, const char *name, uint16_t ordinal), void *to,
               const char **why);

#endif
