// SPDX-License-Identifier: MIT
// The formatter. One pass over the format (narrow or wide, read through format_at); for each conversion: parse flags, width, precision
// and size, fetch the argument with the width Windows gives it, write through the sink.
// [windows-driver-docs: printf-like kernel functions], [cpp docs: format specification syntax for printf]
#include "nt/rtl/format.h"

#include <stdio.h>
#include <string.h>

#include "nt/rtl/string.h"

struct format_spec {
    bool left, plus, space, alternate, zero;
    int width, precision;        // -1: none
    char size;                   // 0, 'h', 'H' (hh), 'l' (32 bits, wide string), 'w', '6' (64 bits)
    int conversion;
};

struct format_source {
    const char *narrow;
    const WCHAR *wide;
};

#if defined(__x86_64__)
#define FORMAT_ARG(args, type) ((args)->is_ms ? __builtin_va_arg((args)->ms, type) : va_arg((args)->sysv, type))
#else
#define FORMAT_ARG(args, type) va_arg((args)->sysv, type)
#endif

static uint32_t
format_at(const struct format_source *source, size_t at)
{
    return source->narrow ? (unsigned char)source->narrow[at] : source->wide[at];
}

static void
sink_raw(struct rtl_sink *sink, uint32_t unit)
{
    if (sink->count < sink->room) {
        if (sink->charset == RTL_UTF16)
            ((WCHAR *)sink->buffer)[sink->count] = (WCHAR)unit;
        else
            ((char *)sink->buffer)[sink->count] = (char)unit;
    }
    sink->count++;
}

// A byte of a narrow string, or of the format.
static void
sink_narrow(struct rtl_sink *sink, unsigned char c)
{
    sink_raw(sink, sink->charset == RTL_UTF16 ? rtl_ansi_to_wide((char)c) : c);
}

// A UTF-16 unit; high remembers the first half of a pair.
static void
sink_wide(struct rtl_sink *sink, WCHAR c, WCHAR *high)
{
    if (sink->charset == RTL_UTF16) {
        sink_raw(sink, c);
    } else if (sink->charset == RTL_ANSI) {
        sink_raw(sink, (unsigned char)rtl_wide_to_ansi(c));
    } else {
        char utf8[4];
        size_t bytes = rtl_utf8_put(c, high, utf8);
        for (size_t i = 0; i < bytes; i++)
            sink_raw(sink, (unsigned char)utf8[i]);
    }
}

static void
sink_pad(struct rtl_sink *sink, int count, char with)
{
    while (count-- > 0)
        sink_narrow(sink, (unsigned char)with);
}

static void
format_narrow_string(struct rtl_sink *sink, const struct format_spec *spec, const char *text, size_t limit, bool counted)
{
    if (!text) {
        text = "(null)";
        limit = 6;
    }
    if (spec->precision >= 0 && (size_t)spec->precision < limit)
        limit = (size_t)spec->precision;
    size_t length = counted ? limit : strnlen(text, limit);
    int pad = spec->width > 0 && (size_t)spec->width > length ? spec->width - (int)length : 0;
    sink_pad(sink, spec->left ? 0 : pad, spec->zero ? '0' : ' ');
    for (size_t i = 0; i < length; i++)
        sink_narrow(sink, (unsigned char)text[i]);
    sink_pad(sink, spec->left ? pad : 0, ' ');
}

static void
format_wide_string(struct rtl_sink *sink, const struct format_spec *spec, const WCHAR *text, size_t limit, bool counted)
{
    if (!text) {
        format_narrow_string(sink, spec, NULL, 0, true);
        return;
    }
    if (spec->precision >= 0 && (size_t)spec->precision < limit)
        limit = (size_t)spec->precision;
    size_t length = 0;
    WCHAR high = 0;
    while (length < limit && (counted || text[length]))
        length++;
    int pad = spec->width > 0 && (size_t)spec->width > length ? spec->width - (int)length : 0;
    sink_pad(sink, spec->left ? 0 : pad, spec->zero ? '0' : ' ');
    for (size_t i = 0; i < length; i++)
        sink_wide(sink, text[i], &high);
    sink_pad(sink, spec->left ? pad : 0, ' ');
}

static void
format_number(struct rtl_sink *sink, const struct format_spec *spec, uint64_t value, bool negative, unsigned base, bool upper)
{
    char digits[72], prefix[3] = "";
    int count = 0, prefix_count = 0;
    const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    bool is_zero = value == 0;
    for (; value; value /= base)
        digits[count++] = alphabet[value % base];
    int least = spec->precision >= 0 ? spec->precision : 1;
    if (spec->alternate && base == 8 && least <= count)
        least = count + 1;
    if (negative || spec->plus || spec->space)
        prefix[prefix_count++] = negative ? '-' : spec->plus ? '+' : ' ';
    if (spec->alternate && base == 16 && !is_zero) {
        prefix[prefix_count++] = '0';
        prefix[prefix_count++] = upper ? 'X' : 'x';
    }
    int zeros = least > count ? least - count : 0;
    int pad = spec->width - prefix_count - zeros - count;
    if (pad > 0 && spec->zero && !spec->left && spec->precision < 0) {
        zeros += pad;
        pad = 0;
    }
    sink_pad(sink, spec->left ? 0 : pad, ' ');
    for (int i = 0; i < prefix_count; i++)
        sink_narrow(sink, (unsigned char)prefix[i]);
    sink_pad(sink, zeros, '0');
    while (count)
        sink_narrow(sink, (unsigned char)digits[--count]);
    sink_pad(sink, spec->left ? pad : 0, ' ');
}

static void
format_integer(struct rtl_sink *sink, const struct format_spec *spec, struct rtl_args *args)
{
    bool is_signed = spec->conversion == 'd' || spec->conversion == 'i';
    uint64_t value = spec->size == '6' ? FORMAT_ARG(args, uint64_t) : FORMAT_ARG(args, uint32_t);
    int64_t number = spec->size == '6' ? (int64_t)value : (int32_t)value;
    if (spec->size == 'h') {
        number = (int16_t)value;
        value = (uint16_t)value;
    } else if (spec->size == 'H') {
        number = (int8_t)value;
        value = (uint8_t)value;
    }
    struct format_spec plain = *spec;
    if (!is_signed)
        plain.plus = plain.space = false;
    bool negative = is_signed && number < 0;
    if (is_signed)
        value = negative ? 0 - (uint64_t)number : (uint64_t)number;
    unsigned base = spec->conversion == 'x' || spec->conversion == 'X' ? 16 : spec->conversion == 'o' ? 8 : 10;
    format_number(sink, &plain, value, negative, base, spec->conversion == 'X');
}

static void
format_float(struct rtl_sink *sink, const struct format_spec *spec, struct rtl_args *args)
{
    char pattern[32], text[512];
    snprintf(pattern, sizeof pattern, "%%%s%s%s%s%s*.*%c", spec->left ? "-" : "", spec->plus ? "+" : "", spec->space ? " " : "",
             spec->alternate ? "#" : "", spec->zero ? "0" : "", spec->conversion);
    int width = spec->width < 0 ? 0 : spec->width > 400 ? 400 : spec->width;
    int precision = spec->precision < 0 ? 6 : spec->precision > 60 ? 60 : spec->precision;
    double value = FORMAT_ARG(args, double);
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, pattern, width, precision, value);
#pragma clang diagnostic pop
    for (const char *c = text; *c; c++)
        sink_narrow(sink, (unsigned char)*c);
}

// 's' is the function's own kind of string, 'S' the other; h makes it narrow, l and w wide.
static bool
format_is_wide(const struct format_spec *spec, const struct format_source *source)
{
    if (spec->size == 'h' || spec->size == 'H')
        return false;
    if (spec->size == 'l' || spec->size == 'w')
        return true;
    bool is_own = spec->conversion == 's' || spec->conversion == 'c';
    return is_own == (source->wide != NULL);
}

static void
format_counted(struct rtl_sink *sink, const struct format_spec *spec, struct rtl_args *args)
{
    void *string = FORMAT_ARG(args, void *);
    if (!string) {
        format_narrow_string(sink, spec, NULL, 0, true);
    } else if (spec->size == 'w' || spec->size == 'l') {
        const UNICODE_STRING *wide = string;
        format_wide_string(sink, spec, wide->Buffer, wide->Length / sizeof(WCHAR), true);
    } else {
        const STRING *narrow = string;
        format_narrow_string(sink, spec, narrow->Buffer, narrow->Length, true);
    }
}

static void
format_char(struct rtl_sink *sink, const struct format_spec *spec, const struct format_source *source, struct rtl_args *args)
{
    WCHAR c = (WCHAR)FORMAT_ARG(args, uint32_t);
    struct format_spec one = *spec;
    one.precision = -1;
    char narrow = (char)c;
    if (format_is_wide(spec, source))
        format_wide_string(sink, &one, &c, 1, true);
    else
        format_narrow_string(sink, &one, &narrow, 1, true);
}

static bool
format_convert(struct rtl_sink *sink, const struct format_spec *spec, const struct format_source *source, struct rtl_args *args)
{
    switch (spec->conversion) {
    case 'd': case 'i': case 'u': case 'x': case 'X': case 'o':
        format_integer(sink, spec, args);
        return true;
    case 'p': {
        struct format_spec pointer = {.width = -1, .precision = 16, .left = spec->left};
        pointer.width = spec->width;
        format_number(sink, &pointer, (uint64_t)(uintptr_t)FORMAT_ARG(args, void *), false, 16, true);
        return true;
    }
    case 's': case 'S':
        if (format_is_wide(spec, source))
            format_wide_string(sink, spec, FORMAT_ARG(args, const WCHAR *), SIZE_MAX, false);
        else
            format_narrow_string(sink, spec, FORMAT_ARG(args, const char *), SIZE_MAX / 2, false);
        return true;
    case 'c': case 'C':
        format_char(sink, spec, source, args);
        return true;
    case 'Z':
        format_counted(sink, spec, args);
        return true;
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': case 'a': case 'A':
        format_float(sink, spec, args);
        return true;
    default:
        return false;            // %n among them: never written through
    }
}

static int
format_number_at(const struct format_source *source, size_t *at, struct rtl_args *args)
{
    if (format_at(source, *at) == '*') {
        ++*at;
        return FORMAT_ARG(args, int);
    }
    int number = 0;
    for (uint32_t c; (c = format_at(source, *at)) >= '0' && c <= '9'; ++*at)
        if (number < 100000)
            number = number * 10 + (int)(c - '0');
    return number;
}

static void
format_size_at(const struct format_source *source, size_t *at, struct format_spec *spec)
{
    uint32_t c = format_at(source, *at), next = c ? format_at(source, *at + 1) : 0;
    uint32_t third = next ? format_at(source, *at + 2) : 0;
    size_t used = 1;
    if (c == 'I' && next == '6' && third == '4') {
        spec->size = '6';
        used = 3;
    } else if (c == 'I' && next == '3' && third == '2') {
        spec->size = 0;
        used = 3;
    } else if (c == 'I' || c == 'z' || c == 't' || c == 'j') {
        spec->size = '6';
    } else if ((c == 'l' && next == 'l') || (c == 'h' && next == 'h')) {
        spec->size = c == 'l' ? '6' : 'H';
        used = 2;
    } else if (c == 'l' || c == 'h' || c == 'w') {
        spec->size = (char)c;
    } else if (c != 'L') {
        return;
    }
    *at += used;
}

static size_t
format_parse(const struct format_source *source, size_t at, struct format_spec *spec, struct rtl_args *args)
{
    *spec = (struct format_spec){.width = 0, .precision = -1};
    for (bool more = true; more; at += more) {
        switch (format_at(source, at)) {
        case '-': spec->left = true; break;
        case '+': spec->plus = true; break;
        case ' ': spec->space = true; break;
        case '#': spec->alternate = true; break;
        case '0': spec->zero = true; break;
        default: more = false; break;
        }
    }
    spec->width = format_number_at(source, &at, args);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = spec->width == INT32_MIN ? 0 : -spec->width;
    }
    if (format_at(source, at) == '.') {
        at++;
        spec->precision = format_number_at(source, &at, args);
    }
    format_size_at(source, &at, spec);
    spec->conversion = (int)format_at(source, at);
    return at;
}

static int
format_run(struct rtl_sink *sink, const struct format_source *source, struct rtl_args *args)
{
    WCHAR high = 0;
    for (size_t at = 0;; at++) {
        uint32_t c = format_at(source, at);
        if (!c)
            return 0;
        if (c == '%' && format_at(source, at + 1) == '%') {
            at++;
        } else if (c == '%') {
            struct format_spec spec;
            at = format_parse(source, at + 1, &spec, args);
            if (!spec.conversion || !format_convert(sink, &spec, source, args))
                return -1;
            continue;
        }
        if (source->narrow)
            sink_narrow(sink, (unsigned char)c);
        else
            sink_wide(sink, (WCHAR)c, &high);
    }
}

int
rtl_format(struct rtl_sink *sink, const char *format, struct rtl_args *args)
{
    struct format_source source = {.narrow = format};
    return format_run(sink, &source, args);
}

int
rtl_format_wide(struct rtl_sink *sink, const WCHAR *format, struct rtl_args *args)
{
    struct format_source source = {.wide = format};
    return format_run(sink, &source, args);
}
