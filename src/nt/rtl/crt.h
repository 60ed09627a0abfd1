// SPDX-License-Identifier: MIT
// printf into a buffer, as the Windows C library does it, and the start of an argument list in a front door.
#ifndef NBX_NT_RTL_CRT_H
#define NBX_NT_RTL_CRT_H

#include "nt/rtl/format.h"

#if defined(__x86_64__)
#define RTL_ARGS_START(args, last)                                                                                     \
    struct rtl_args args = {.is_ms = true};                                                                            \
    __builtin_ms_va_start(args.ms, last)
#define RTL_ARGS_END(args) __builtin_ms_va_end(args.ms)
#else
#define RTL_ARGS_START(args, last)                                                                                     \
    struct rtl_args args = {.is_ms = false};                                                                           \
    va_start(args.sysv, last)
#define RTL_ARGS_END(args) va_end(args.sysv)
#endif

// Returns the characters written, or -1 when they did not fit (the buffer then is full and without terminator) or the format is none.
// A buffer of NULL with room 0 counts only.
int rtl_print_narrow(char *buffer, size_t room, const char *format, struct rtl_args *args);
int rtl_print_wide(WCHAR *buffer, size_t room, const WCHAR *format, struct rtl_args *args);

// Format up to 512 bytes, the prefix included, and send them line by line to the box's message sink. Returns STATUS_SUCCESS.
ULONG rtl_debug_print(const char *prefix, const char *format, struct rtl_args *args);

#endif
