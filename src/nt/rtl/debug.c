// SPDX-License-Identifier: MIT
// DbgPrint's way to the message sink.
#include "nt/ke/ke.h"
#include "nt/rtl/crt.h"

#define DEBUG_PRINT_BYTES 512    // [wdm/nf-wdm-dbgprint]

ULONG
rtl_debug_print(const char *prefix, const char *format, struct rtl_args *args)
{
    char text[DEBUG_PRINT_BYTES + 1];
    size_t start = prefix ? strnlen(prefix, DEBUG_PRINT_BYTES) : 0;
    if (start)
        memcpy(text, prefix, start);
    struct rtl_sink sink = {.charset = RTL_UTF8, .buffer = text + start, .room = DEBUG_PRINT_BYTES - start};
    rtl_format(&sink, format, args);
    size_t length = start + (sink.count < sink.room ? sink.count : sink.room);
    text[length] = 0;
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\r\n");
        char after = *end;
        *end = 0;
        if (*line)
            box_message(box_self(), "%s", line);
        end += after != 0;
    }
    return STATUS_SUCCESS;
}
