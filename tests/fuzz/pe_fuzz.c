// SPDX-License-Identifier: MIT
// libFuzzer on the reader of PE images: whatever the bytes, it refuses them with a reason, or every name it shows lies inside them and
// ends, and there are not endlessly many.
#include <stdlib.h>
#include <string.h>

#include "loader/pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct seen {
    const uint8_t *data;
    size_t bytes, count;
};

static void
inside(const struct seen *seen, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    if (at < seen->data || at >= seen->data + seen->bytes || at + strnlen(text, seen->bytes) >= seen->data + seen->bytes)
        abort();
}

static bool
each(void *to, const char *library, const char *name, uint16_t ordinal)
{
    struct seen *seen = to;
    inside(seen, library);
    if (name)
        inside(seen, name);
    if (++seen->count > 65536 + ordinal * 0)
        abort();
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct pe_image image;
    struct seen seen = {data, bytes, 0};
    const char *why = NULL;
    if (pe_read(data, bytes, &image, &why) != 0) {
        if (!why || !*why)
            abort();
        return 0;
    }
    if (pe_imports(&image, each, &seen, &why) != 0 && (!why || !*why))
        abort();
    return 0;
}
