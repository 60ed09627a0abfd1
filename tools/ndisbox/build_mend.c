// SPDX-License-Identifier: MIT
// Runs the mending of src/loader/import/mend.c: asks the compiler what it objects to in the sources that failed, writes copies of the
// files with the mends of each source, and an overlay for each that puts them in place. What was found is kept in the cache
// (mend/list), so that the next build begins with it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "build.h"
#include "jobs.h"
#include "out.h"

bool
build_is_project(const struct build *build, const char *path)
{
    size_t ddk = strlen(build->ddk), work = strlen(build->work);
    return path[0] == '/' && strncmp(path, build->ddk, ddk) != 0 && strncmp(path, build->work, work) != 0 &&
           strncmp(path, "/usr/include/", 13) != 0 && strncmp(path, "/usr/lib/", 9) != 0;
}

static bool
reader_is_project(void *context, const char *path)
{
    return build_is_project(context, path);
}

static char *
reader_read(void *context, size_t source, const char *path)
{
    struct build *build = context;
    size_t bytes;
    char *text = import_disk.read(NULL, path, &bytes);
    char *mended = text ? import_mends_apply(build->mends, source, path, text) : NULL;
    if (!mended)
        return text;
    free(text);
    return mended;
}

static char *
work_path(const struct build *build, const char *format, size_t source, size_t number)
{
    char *path, *name;
    if (asprintf(&name, format, source, number) < 0 || asprintf(&path, "%s/mend/%s", build->work, name) < 0)
        abort();
    free(name);
    return path;
}

// The copies for one source.
static bool
source_apply(struct build *build, size_t source, char *const *files, size_t file_count)
{
    struct import_pair *copies = calloc(file_count + 1, sizeof *copies);
    size_t count = 0;
    uint64_t hash = HASH_FNV_START;
    bool is_good = true;
    if (!copies)
        abort();
    for (size_t i = 0; i < file_count && is_good; i++) {
        size_t bytes;
        char *text = import_disk.read(NULL, files[i], &bytes);
        char *mended = text ? import_mends_apply(build->mends, source, files[i], text) : NULL;
        if (mended) {
            copies[count] = (struct import_pair){files[i], work_path(build, "%zu-%zu.copy", source, i)};
            hash = hash_text(hash, mended);
            is_good = build_file_write(copies[count++].value, mended);
        }
        free(mended);
        free(text);
    }
    build->mend_hash[source] = count ? hash : 0;
    if (count && is_good) {
        char *overlay = import_mends_overlay_text(copies, count), *path = work_path(build, "%zu.yaml", source, 0);
        is_good = build_file_write(path, overlay);
        free(path);
        free(overlay);
    }
    for (size_t i = 0; i < count; i++)
        free((char *)copies[i].value);
    free(copies);
    return is_good;
}

static bool
list_write(const struct build *build)
{
    char *text = NULL, *path = work_path(build, "list", 0, 0);
    size_t bytes, count;
    const struct import_mend *mends = import_mends_list(build->mends, &count);
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        abort();
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%d %zu %s %s\n", (int)mends[i].kind, mends[i].source, mends[i].name, mends[i].file);
    fclose(out);
    bool is_good = build_file_write(path, text);
    free(text);
    free(path);
    return is_good;
}

bool
build_mends_apply(struct build *build)
{
    size_t mend_count, count = build->scan.files.count;
    import_mends_list(build->mends, &mend_count);
    if (!mend_count)
        return true;
    char **files = calloc(count + 1, sizeof *files);
    if (!files)
        abort();
    for (size_t i = 0; i < count; i++)
        files[i] = import_path_plain(build->scan.files.items[i]);
    bool is_good = list_write(build);
    for (size_t i = 0; i < build->project->source_count && is_good; i++)
        is_good = source_apply(build, i, files, count);
    for (size_t i = 0; i < count; i++)
        free(files[i]);
    free(files);
    return is_good;
}

bool
build_mends_load(struct build *build)
{
    char name[256], file[PATH_MAX], line[PATH_MAX + 512], *path = work_path(build, "list", 0, 0);
    FILE *list = fopen(path, "r");
    build->mends = import_mends_create();
    build->mend_hash = calloc(build->project->source_count + 1, sizeof *build->mend_hash);
    if (!build->mend_hash)
        abort();
    while (list && fgets(line, sizeof line, list)) {
        int kind;
        size_t source;
        file[0] = 0;
        if (sscanf(line, "%d %zu %255s %4095[^\n]", &kind, &source, name, file) >= 3 && kind >= IMPORT_MEND_CALL &&
            kind <= IMPORT_MEND_INLINE)
            import_mends_add(build->mends, (enum import_mend_kind)kind, name, file, source);
    }
    if (list)
        fclose(list);
    free(path);
    return build_mends_apply(build);
}

int
build_probe(struct build *build, const bool *is_asked, void (*each)(void *to, size_t source, const char *said), void *to)
{
    size_t source_count = build->project->source_count, count = 0;
    struct job *jobs = calloc(source_count + 1, sizeof *jobs);
    size_t *sources = calloc(source_count + 1, sizeof *sources);
    if (!jobs || !sources)
        abort();
    for (size_t i = 0; i < source_count; i++)
        if (!is_asked || is_asked[i]) {
            struct build_argv argv = build_compile_argv(build, i, 'M');
            sources[count] = i;
            jobs[count++] = (struct job){.argv = argv.words, .err_path = work_path(build, "%zu.said", i, 0)};
        }
    int code = build_run(jobs, count, "asking the compiler");
    for (size_t i = 0; i < count; i++) {
        size_t bytes;
        char *said = code == EXIT_CLEAN ? import_disk.read(NULL, jobs[i].err_path, &bytes) : NULL;
        if (said)
            each(to, sources[i], said);
        free(said);
        unlink(jobs[i].err_path);
        free((char *)jobs[i].err_path);
        struct build_argv argv = {.words = (char **)jobs[i].argv};
        while (argv.words[argv.count])
            argv.count++;
        build_argv_free(&argv);
    }
    free(jobs);
    free(sources);
    return code;
}

struct finding {
    struct build *build;
    size_t found;
};

static void
each_mends(void *to, size_t source, const char *said)
{
    struct finding *finding = to;
    struct import_mend_reader reader = {finding->build, reader_read, reader_is_project};
    finding->found += import_mends_read(finding->build->mends, &reader, said, source);
}

size_t
build_mends_find(struct build *build, const bool *is_failed)
{
    struct finding finding = {build, 0};
    size_t before, after;
    import_mends_list(build->mends, &before);
    int code = build_probe(build, is_failed, each_mends, &finding);
    const struct import_mend *mends = import_mends_list(build->mends, &after);
    for (size_t i = before; i < after; i++)
        out_debug(1, "mended in a copy: %s", mends[i].kind == IMPORT_MEND_EXTERN ? mends[i].file : mends[i].name);
    return code == EXIT_CLEAN ? finding.found : SIZE_MAX;
}
