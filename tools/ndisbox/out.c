// SPDX-License-Identifier: MIT
// Lines, colours, progress, numbers (out.h). Tables are in out_table.c. The settings are the one state of the tool that is process-wide,
// because stdout and stderr are.
#include "out.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    bool color_stdout, color_stderr, terminal_stderr, quiet, drawn;
    unsigned verbose;
    uint64_t drawn_ns;
} out;

static const char *const style_codes[] = {"\033[1m", "\033[32m", "\033[1;31m", "\033[33m", "\033[2m"};

static bool
wants_color(enum out_color color, int fd)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    if (color != OUT_COLOR_AUTO)
        return color == OUT_COLOR_ALWAYS;
    return isatty(fd) && !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
}

void
out_setup(enum out_color color, bool quiet, unsigned verbose)
{
    out.color_stdout = wants_color(color, STDOUT_FILENO);
    out.color_stderr = wants_color(color, STDERR_FILENO);
    out.terminal_stderr = isatty(STDERR_FILENO);
    out.quiet = quiet;
    out.verbose = verbose;
}

static bool
is_colored(FILE *stream)
{
    return stream == stdout ? out.color_stdout : stream == stderr && out.color_stderr;
}

static void
styled(FILE *stream, enum out_style style, const char *format, va_list args)
{
    bool is_styled = is_colored(stream);
    if (is_styled)
        fputs(style_codes[style], stream);
    vfprintf(stream, format, args);
    if (is_styled)
        fputs("\033[0m", stream);
}

void
out_styled(FILE *stream, enum out_style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    styled(stream, style, format, args);
    va_end(args);
}

static void
say(const char *prefix, enum out_style style, const char *format, va_list args)
{
    out_progress_end();
    fflush(stdout);
    if (prefix)
        out_styled(stderr, style, "%s", prefix);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void
out_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("ndisbox: ", OUT_STYLE_BAD, format, args);
    va_end(args);
}

void
out_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!out.quiet)
        say(NULL, OUT_STYLE_DIM, format, args);
    va_end(args);
}

void
out_debug(unsigned level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (out.verbose >= level)
        say("debug: ", OUT_STYLE_DIM, format, args);
    va_end(args);
}

void
out_diagnostic(const char *line)
{
    const char *error = strstr(line, ": error: "), *warning = strstr(line, ": warning: ");
    const char *word = error ? error + 2 : warning ? warning + 2 : line;
    size_t length = error ? 5 : warning ? 7 : 0;
    if (warning && out.quiet && !error)
        return;
    out_progress_end();
    fflush(stdout);
    fprintf(stderr, "%.*s", (int)(word - line), line);
    out_styled(stderr, error ? OUT_STYLE_BAD : OUT_STYLE_WARN, "%.*s", (int)length, word);
    fprintf(stderr, "%s\n", word + length);
}

// ---- progress

void
out_progress(const char *what, const char *unit, uint64_t done, uint64_t total, uint64_t elapsed_ns)
{
    uint64_t pause_ns = out.terminal_stderr ? UINT64_C(100000000) : UINT64_C(10000000000);
    if (out.quiet || elapsed_ns < out.drawn_ns + pause_ns || !elapsed_ns)
        return;
    char count[OUT_NUMBER_BYTES], all[OUT_NUMBER_BYTES], rate[OUT_NUMBER_BYTES], left[OUT_NUMBER_BYTES];
    double per_second = (double)done * 1e9 / (double)elapsed_ns;
    out.drawn_ns = elapsed_ns;
    fprintf(stderr, "%s%s: %s", out.terminal_stderr ? "\r\033[K" : "", what, out_count(count, done));
    if (total)
        fprintf(stderr, " of %s", out_count(all, total));
    fprintf(stderr, " %s, %s/s", unit, out_scaled(rate, per_second, ""));
    if (total > done && done)
        fprintf(stderr, ", %s left", out_time(left, (uint64_t)((double)(total - done) / per_second * 1e9)));
    fputs(out.terminal_stderr ? "" : "\n", stderr);
    fflush(stderr);
    out.drawn = out.terminal_stderr;
}

void
out_progress_end(void)
{
    if (out.drawn)
        fputs("\r\033[K", stderr);
    out.drawn = false;
    out.drawn_ns = 0;
}

// ---- numbers

const char *
out_count(char *text, uint64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *at = text;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = 0;
    return text;
}

const char *
out_scaled(char *text, double number, const char *unit)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    size_t index = 0;
    for (; fabs(number) >= 999.5 && index < 5; index++)
        number /= 1000;
    int decimals = !index && number == floor(number) ? 0 : number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
    const char *gap = prefixes[index][0] || unit[0] ? " " : "";
    snprintf(text, OUT_NUMBER_BYTES, "%.*f%s%s%s", decimals, number, gap, prefixes[index], unit);
    return text;
}

const char *
out_bits(char *text, double bits_per_second)
{
    return out_scaled(text, bits_per_second, "bit/s");
}

const char *
out_bytes(char *text, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t index = 0;
    for (; bytes >= 1023.5 && index < 4; index++)
        bytes /= 1024;
    snprintf(text, OUT_NUMBER_BYTES, "%.*f %s", index && bytes < 99.95 ? 1 : 0, bytes, units[index]);
    return text;
}

const char *
out_time(char *text, uint64_t ns)
{
    uint64_t seconds = ns / 1000000000;
    if (ns < 1000)
        snprintf(text, OUT_NUMBER_BYTES, "%llu ns", (unsigned long long)ns);
    else if (ns < 1000000)
        snprintf(text, OUT_NUMBER_BYTES, "%.2f us", (double)ns / 1e3);
    else if (ns < 1000000000)
        snprintf(text, OUT_NUMBER_BYTES, "%.2f ms", (double)ns / 1e6);
    else if (seconds < 60)
        snprintf(text, OUT_NUMBER_BYTES, "%.1f s", (double)ns / 1e9);
    else if (seconds < 3600)
        snprintf(text, OUT_NUMBER_BYTES, "%u m %02u s", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
    else
        snprintf(text, OUT_NUMBER_BYTES, "%llu h %02u m", (unsigned long long)(seconds / 3600), (unsigned)(seconds / 60 % 60));
    return text;
}
