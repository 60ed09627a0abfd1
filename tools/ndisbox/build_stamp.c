// SPDX-License-Identifier: MIT
// Is the result of an earlier build still good? Each build leaves a stamp in its folder of the cache: the time of every file that it
// read (the tool itself, project files, sources, headers) and of what it made. A file that would be read if it were there, and was not,
// is not seen: `ndisbox build --fresh` is for that.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"

static void
line_write(FILE *out, const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0)
        fprintf(out, "%lld.%09ld %lld %s\n", (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec, (long long)status.st_size, path);
}

// The files behind the colon of a make rule.
void
build_rule_files(const char *text, void (*each)(void *to, const char *path), void *to)
{
    char path[PATH_MAX];
    const char *at = strstr(text, ": ");
    for (at = at ? at + 1 : ""; *at;) {
        size_t used = 0;
        at += strspn(at, " \t\r\n");
        if (at[0] == '\\' && (at[1] == '\n' || at[1] == '\r')) {
            at++;
            continue;
        }
        while (*at && !strchr(" \t\r\n", *at) && used < sizeof path - 1) {
            if (at[0] == '\\' && (at[1] == ' ' || at[1] == '#'))
                at++;
            path[used++] = *at++;
        }
        path[used] = 0;
        if (used)
            each(to, path);
    }
}

static void
each_write(void *to, const char *path)
{
    line_write(to, path);
}

void
build_stamp_write(const struct build *build)
{
    char path[PATH_MAX + 64], partial[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/stamp", build->work);
    snprintf(partial, sizeof partial, "%s/stamp.part", build->work);
    FILE *out = fopen(partial, "w");
    if (!out)
        return;
    line_write(out, build->out);
    line_write(out, build->tool);
    for (size_t i = 0; i < build->project->read.count; i++)
        line_write(out, build->project->read.items[i]);
    for (size_t i = 0; i < build->project->source_count; i++) {
        char rule[PATH_MAX + 64];
        size_t bytes;
        snprintf(rule, sizeof rule, "%s/obj/%zu.d", build->work, i);
        char *text = import_disk.read(NULL, rule, &bytes);
        if (text)
            build_rule_files(text, each_write, out);
        free(text);
    }
    if (fclose(out) == 0)
        rename(partial, path);
}

bool
build_is_fresh(struct build *build)
{
    char path[PATH_MAX + 64], line[PATH_MAX + 128];
    bool is_fresh = true;
    size_t count = 0;
    if (!build_out_name(build))
        return false;
    snprintf(path, sizeof path, "%s/stamp", build->work);
    FILE *in = fopen(path, "r");
    while (in && is_fresh && fgets(line, sizeof line, in)) {
        struct stat status;
        long long seconds, size;
        long nanoseconds;
        int used = 0;
        line[strcspn(line, "\n")] = 0;
        is_fresh = sscanf(line, "%lld.%ld %lld %n", &seconds, &nanoseconds, &size, &used) == 3 && used && stat(line + used, &status) == 0 &&
                   status.st_mtim.tv_sec == seconds && status.st_mtim.tv_nsec == nanoseconds && status.st_size == size &&
                   (count > 0 || !strcmp(line + used, build->out));
        count++;
    }
    if (in)
        fclose(in);
    return is_fresh && count > 2;
}
