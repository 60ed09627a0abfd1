// SPDX-License-Identifier: MIT
// libFuzzer on the reader of driver images: whatever the bytes, it refuses them with a reason, or every symbol it shows lies
// inside them and ends.
#include <stdlib.h>
#include <string.h>

#include "loader/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct elf_image image;
    struct elf_symbol symbol;
    const char *why = NULL;

    if (elf_read(data, bytes, &image, &why) != 0) {
        if (!why || !*why)
            abort();
        return 0;
    }
    for (uint32_t i = 1; i < image.symbol_count; i++) {
        if (!elf_symbol_at(&image, i, &symbol))
            continue;
        const uint8_t *name = (const uint8_t *)symbol.name;
        if (name < data || name + strlen(symbol.name) >= data + bytes)
            abort();
    }
    for (uint32_t i = 0; i < elf_section_count(&image); i++) {
        struct elf_section section;
        const uint8_t *name = elf_section_at(&image, i, &section) ? (const uint8_t *)section.name : NULL;
        if (name && (name < data || name + strlen(section.name) >= data + bytes))
            abort();
    }
    return 0;
}
