// SPDX-License-Identifier: MIT
// ndisbox build: the words of the command line into a build (build.c), and what it says at the end.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build.h"
#include "build_options.h"
#include "out.h"

int
cmd_build(const struct args *args)
{
    struct build_options options;
    struct build build;
    struct stat status;
    char size[OUT_NUMBER_BYTES];
    int code = build_options_read(args, &options);
    if (code == EXIT_CLEAN) {
        code = build_open(&build, &options.request);
        char name[PATH_MAX];
        if (code == EXIT_CLEAN && !options.request.out) {
            snprintf(name, sizeof name, "%s.so", build.project->target);
            options.request.out = name;
        }
        for (size_t i = 0; code == EXIT_CLEAN && i < build.project->notes.count; i++)
            out_debug(1, "%s", build.project->notes.items[i]);
        if (code == EXIT_CLEAN)
            code = build_scan(&build);
        if (code == EXIT_CLEAN)
            code = build_make(&build);
        if (code == EXIT_CLEAN && stat(build.out, &status) == 0)
            printf("%s: %s%s%s, %zu sources, %s\n", build_shown(&build, build.out), build.project->kind,
                   build.project->configuration ? " " : "", build.project->configuration ? build.project->configuration : "",
                   build.project->source_count, out_bytes(size, (double)status.st_size));
        build_close(&build);
    }
    build_options_clear(&options);
    return code;
}
