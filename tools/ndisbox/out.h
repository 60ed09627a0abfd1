// SPDX-License-Identifier: MIT
// What the tool says and how: results on stdout, everything else on stderr; colour only on a terminal that wants it; a progress line
// that redraws itself on a terminal and is a plain line now and then elsewhere; numbers and tables that people can read.
#ifndef NBX_TOOL_OUT_H
#define NBX_TOOL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum out_color {
    OUT_COLOR_AUTO,
    OUT_COLOR_ALWAYS,
    OUT_COLOR_NEVER
};
enum out_style {
    OUT_STYLE_BOLD,
    OUT_STYLE_GOOD,
    OUT_STYLE_BAD,
    OUT_STYLE_WARN,
    OUT_STYLE_DIM
};

// Once, before anything is said. quiet: no notes, no progress. verbose: 0 and up.
void out_setup(enum out_color color, bool quiet, unsigned verbose);

void out_error(const char *format, ...) __attribute__((format(printf, 1, 2)));      // "ndisbox: ..." on stderr, always
void out_note(const char *format, ...) __attribute__((format(printf, 1, 2)));       // on stderr unless quiet
void out_debug(unsigned level, const char *format, ...) __attribute__((format(printf, 2, 3)));   // on stderr with -v, -vv
// A finished line "FILE:1:2: error: ..." on stderr, with the word coloured.
void out_diagnostic(const char *line);
// Text in a style, if the stream is to be coloured.
void out_styled(FILE *stream, enum out_style style, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Long work. done of total in unit ("frames", "seeds"); total 0: unknown. Call as often as you like: it draws at most every 100 ms on a
// terminal, every 10 s elsewhere, nothing when quiet. elapsed_ns is the caller's clock, so that the line says what was measured.
void out_progress(const char *what, const char *unit, uint64_t done, uint64_t total, uint64_t elapsed_ns);
void out_progress_end(void);          // wipes the line; call it before anything else is printed

// Numbers. text must have room for OUT_NUMBER_BYTES.
#define OUT_NUMBER_BYTES 32
const char *out_count(char *text, uint64_t number);                       // 1,234,567
const char *out_scaled(char *text, double number, const char *unit);      // "1.23 M" + unit
const char *out_bits(char *text, double bits_per_second);                 // 9.41 Gbit/s
const char *out_bytes(char *text, double bytes);                          // 1.5 MiB
const char *out_time(char *text, uint64_t ns);                            // 1.50 ms, 2 m 03 s

// A table: columns sized to what is in them, numbers to the right. Cells are copied.
struct out_table;
struct out_table *out_table_create(const char *const *titles);            // NULL ends; a title that begins with > is a number column
void out_table_add(struct out_table *table, const char *const *cells);    // as many as there are titles
void out_table_print(const struct out_table *table, FILE *stream);
void out_table_destroy(struct out_table *table);

#endif
