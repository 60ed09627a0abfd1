// SPDX-License-Identifier: MIT
// What ndisbox check gathers, from a project or from an image, and how it is told.
#ifndef NBX_TOOL_CHECK_DRIVER_H
#define NBX_TOOL_CHECK_DRIVER_H

#include "build.h"
#include "verify/ddi_table.h"

struct check_use {
    const char *name;
    const struct ddi_row *row;   // NULL: not in the table
    const char *dll;             // of an image: where it comes from; NULL: not said
    struct import_place place;
    unsigned count;
};

struct check {
    const char *subject;         // as typed
    const char *format;          // "vcxproj", "ELF image" ...
    const char *configuration;
    struct check_use *uses;
    size_t use_count, use_room;
    struct import_fault *faults; // what is refused
    size_t fault_count;
    char **owned;                // texts of faults
    size_t owned_count;
    unsigned long_count;
    struct import_place long_place;
    const struct build *build;   // for how paths are shown; NULL for an image
};

void check_use_add(struct check *check, struct check_use use);
void check_fault_add(struct check *check, struct import_fault fault);
// The text goes with the check. Returns it.
const char *check_own(struct check *check, char *text);
bool check_has(const struct check *check, const char *name);
void check_clear(struct check *check);

// check_image.c: an ELF or PE file. fails: an exit code, said on stderr.
int check_image(struct check *check, const char *path, const char *bytes, size_t count);
// Does the file begin as an image does?
bool check_is_image(const char *bytes, size_t count);

#endif
