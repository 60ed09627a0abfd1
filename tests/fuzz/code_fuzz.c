// SPDX-License-Identifier: MIT
// libFuzzer on what reads a driver's code and the compiler's words about it: names, tags, __try, and mends in copies. Whatever the bytes,
// reading ends inside them, and a mended text has as many lines as it had.
#include <stdlib.h>
#include <string.h>

#include "loader/import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static char *
read_text(void *context, size_t source, const char *path)
{
    (void)source;
    (void)path;
    return strdup(context);
}

static bool
is_project(void *context, const char *path)
{
    (void)context;
    return path[0] == '/';
}

static size_t
lines(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const outside[] = {"/usr/"};
    struct import_scan scan;
    char *text = malloc(bytes + 1);
    if (!text)
        abort();
    memcpy(text, data, bytes);
    text[bytes] = 0;
    import_scan_init(&scan);
    import_scan_text(&scan, text, bytes, outside, 1);
    import_scan_text(&scan, text, bytes, outside, 1);
    free(import_tags_text(&scan));
    import_scan_clear(&scan);
    struct import_mends *mends = import_mends_create();
    struct import_mend_reader reader = {text, read_text, is_project};
    import_mends_read(mends, &reader, text, 0);
    import_mends_add(mends, IMPORT_MEND_CALL, "f", "", 0);
    import_mends_add(mends, IMPORT_MEND_PROTO, "g", "/a", 0);
    import_mends_add(mends, IMPORT_MEND_EXTERN, "extern", "/a", 0);
    import_mends_add(mends, IMPORT_MEND_INLINE, "h", "/a", 0);
    char *mended = import_mends_apply(mends, 0, "/a", text);
    if (mended && lines(mended) != lines(text))
        abort();
    free(mended);
    import_mends_destroy(mends);
    free(text);
    return 0;
}
