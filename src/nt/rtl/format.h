// SPDX-License-Identifier: MIT
// printf as Windows kernel code means it: %wZ and %Z (counted strings), %ws %S %ls (16-bit strings), %I64d %I32x %Id, %p as 16
// upper-case digits, %ld as 32 bits. Bounded: never writes beyond the room given, counts what it would have written.
#ifndef NBX_NT_RTL_FORMAT_H
#define NBX_NT_RTL_FORMAT_H

#include <ntddk.h>
#include <stdarg.h>
#include <stdbool.h>

struct rtl_args {
    bool is_ms;                  // which of the two lists: a Windows-convention caller's, or a Linux one's
#if defined(__x86_64__)
    __builtin_ms_va_list ms;
#else
    va_list ms;
#endif
    va_list sysv;
};

enum rtl_charset {
    RTL_ANSI,                    // bytes of the ANSI code page (1252); what has no place there becomes '?'
    RTL_UTF8,                    // for messages
    RTL_UTF16
};

struct rtl_sink {
    enum rtl_charset charset;
    void *buffer;                // char or WCHAR
    size_t room;                 // in characters, all of them usable: terminating is the caller's
    size_t count;                // characters so far, those without room included
};

// fails: -1 for a format that is none; what came before it has been written.
int rtl_format(struct rtl_sink *sink, const char *format, struct rtl_args *args);
int rtl_format_wide(struct rtl_sink *sink, const WCHAR *format, struct rtl_args *args);

#endif
