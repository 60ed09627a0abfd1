// SPDX-License-Identifier: MIT
// What scan.c and seh.c share: the tokens of a text after the preprocessor.
#ifndef NBX_LOADER_IMPORT_SCAN_INT_H
#define NBX_LOADER_IMPORT_SCAN_INT_H

#include "loader/import/import_int.h"

struct scan_token {
    char kind;                   // w a name, 0 a number, " a literal, else the sign itself
    const char *text;
    size_t length;
    struct import_place place;
    bool in_directive;
};

struct scan_text {
    struct import_scan *scan;
    const char *start, *at, *end;
    struct import_place place;
    const char *const *outside;
    size_t outside_count;
    unsigned braces, long_line;
    size_t files_before;         // files that an earlier text has shown
    bool is_repeated;            // this is one of them: counted already
    bool is_ours, directive, is_define;
};

bool scan_token(struct scan_text *text, struct scan_token *token);      // false: the end
bool scan_is(const struct scan_token *token, const char *word);
bool scan_is_try(const struct scan_token *token);
// construct and text must live as long as the scan.
void scan_fault(struct import_scan *scan, struct import_place place, const char *construct, const char *text);

// The text stands behind a __try. Looks ahead (text is left where it is) for a break or continue that would leave it.
void seh_check(const struct scan_text *text);

#endif
