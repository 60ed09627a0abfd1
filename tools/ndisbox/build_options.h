// SPDX-License-Identifier: MIT
// The options that build and check have in common, read into a build request.
#ifndef NBX_TOOL_BUILD_OPTIONS_H
#define NBX_TOOL_BUILD_OPTIONS_H

#include "build.h"

struct build_options {
    struct build_request request;
    struct import_pair *properties, *substs;
    const char **defines, **folders;
    struct import_texts *texts;  // of --subst-file
    size_t file_subst_count;     // the first of substs live there
};

// fails: an exit code, said on stderr. owns: clear with build_options_clear in any case.
int build_options_read(const struct args *args, struct build_options *options);
void build_options_clear(struct build_options *options);

#endif
