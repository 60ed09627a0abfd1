// SPDX-License-Identifier: MIT
// What a driver image needs and offers, read from its ELF bytes without running any of it.
#ifndef NBX_LOADER_ELF_H
#define NBX_LOADER_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_image {
    const uint8_t *bytes;        // lent by the caller
    size_t count;
    const uint8_t *symbols;      // .dynsym entries inside bytes
    uint32_t symbol_count;
    const char *strings;         // .dynstr inside bytes
    size_t strings_bytes;
    uint32_t needed_count;       // DT_NEEDED entries; the first ELF_NEEDED_MAX are in needed
    uint64_t needed[16];         // offsets in strings
};
#define ELF_NEEDED_MAX 16

// Check that bytes are a 64-bit little-endian x86-64 shared object and find its dynamic symbols. All offsets are checked against
// count, so any bytes may be given. fails: -ENOEXEC with *why (static text) set.
int elf_read(const void *bytes, size_t count, struct elf_image *image, const char **why);

struct elf_symbol {
    const char *name;            // inside the image's bytes, terminated
    bool is_undefined, is_weak, is_function;
};
// Symbol number index (1 .. symbol_count - 1). fails: false for a symbol without a usable name, or a local one.
bool elf_symbol_at(const struct elf_image *image, uint32_t index, struct elf_symbol *symbol);

// Sections, by name; an image without section headers has none. fails: false for one that is damaged or has no place in memory.
struct elf_section {
    const char *name;            // inside the image's bytes, terminated
    uint64_t address, bytes;     // relative to where the image is loaded
};
uint32_t elf_section_count(const struct elf_image *image);
bool elf_section_at(const struct elf_image *image, uint32_t index, struct elf_section *section);

// The file name of the needed library number index. NULL: past the end, or damaged.
const char *elf_needed_at(const struct elf_image *image, uint32_t index);

#endif
