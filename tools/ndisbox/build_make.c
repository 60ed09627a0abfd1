// SPDX-License-Identifier: MIT
// The second half of a build: objects that are stale are compiled (and what clang alone objects to is mended, build_mend.c), the image is
// linked under a name of its own, looked at (an entry point, no name that nobody has) and only then put in place.
//
//   build_make -> refusals said -> compile: stale_find, run, failed_find, mends, again -> link_image -> image_check -> rename
#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "build.h"
#include "jobs.h"
#include "loader/elf.h"
#include "out.h"
#include "verify/ddi_table.h"

// ---- objects that are still good

struct freshness {
    struct timespec made;
    bool is_fresh;
};

static void
each_older(void *to, const char *path)
{
    struct freshness *freshness = to;
    struct stat status;
    bool is_older = stat(path, &status) == 0 &&
                    (status.st_mtim.tv_sec < freshness->made.tv_sec ||
                     (status.st_mtim.tv_sec == freshness->made.tv_sec && status.st_mtim.tv_nsec <= freshness->made.tv_nsec));
    freshness->is_fresh &= is_older;
}

// Was the object made by this command, and is every file of its make rule older?
static bool
object_is_fresh(const struct build *build, size_t number, const char *command)
{
    char *object = build_path_of(build, "obj/%zu.o", number), *rule = build_path_of(build, "obj/%zu.d", number);
    char *line = build_path_of(build, "obj/%zu.cmd", number);
    struct stat status;
    size_t bytes;
    char *text = import_disk.read(NULL, rule, &bytes), *before = import_disk.read(NULL, line, &bytes);
    struct freshness freshness = {.is_fresh = text && before && !strcmp(before, command) && stat(object, &status) == 0};
    if (freshness.is_fresh) {
        freshness.made = status.st_mtim;
        build_rule_files(text, each_older, &freshness);
    }
    free(text);
    free(before);
    free(object);
    free(rule);
    free(line);
    return freshness.is_fresh;
}

static char *
command_text(const struct build *build, size_t number)
{
    struct build_argv argv = build_compile_argv(build, number, 'c');
    size_t bytes = 1;
    for (size_t i = 0; i < argv.count; i++)
        bytes += strlen(argv.words[i]) + 1;
    char *text = malloc(bytes), *at = text;
    if (!text)
        abort();
    for (size_t i = 0; i < argv.count; i++)
        at += sprintf(at, "%s\n", argv.words[i]);
    *at = 0;
    build_argv_free(&argv);
    return text;
}

static void
commands_write(const struct build *build)
{
    json_t *list = json_array();
    char path[PATH_MAX + 32], folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", build->out);
    snprintf(path, sizeof path, "%s/compile_commands.json", dirname(folder));
    for (size_t i = 0; i < build->project->source_count; i++) {
        struct build_argv argv = build_compile_argv(build, i, 'c');
        json_t *words = json_array();
        for (size_t j = 0; j < argv.count; j++)
            json_array_append_new(words, json_string(argv.words[j]));
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "directory", build->project->folder, "file",
                                              build->project->sources[i].path, "arguments", words));
        build_argv_free(&argv);
    }
    if (json_dump_file(list, path, JSON_INDENT(1)) != 0)
        out_note("%s could not be written", path);
    json_decref(list);
}

// ---- compiling and linking

// Which sources need compiling, with the command of each; commands are kept beside the objects.
static void
stale_find(const struct build *build, bool *is_asked)
{
    for (size_t i = 0; i < build->project->source_count; i++) {
        char *command = command_text(build, i), *line = build_path_of(build, "obj/%zu.cmd", i);
        is_asked[i] = is_asked[i] || !object_is_fresh(build, i, command);
        if (is_asked[i])
            unlink(line);
        free(command);
        free(line);
    }
}

// After a run over the sources asked for: which failed; the commands of the others are kept.
static size_t
failed_find(const struct build *build, const struct job *jobs, const bool *is_asked, bool *is_failed)
{
    size_t count = 0;
    for (size_t i = 0, j = 0; i < build->project->source_count; i++) {
        is_failed[i] = is_asked[i] && !job_is_good(&jobs[j]);
        count += is_failed[i];
        if (is_asked[i] && !is_failed[i]) {
            char *command = command_text(build, i), *line = build_path_of(build, "obj/%zu.cmd", i);
            build_file_write(line, command);
            free(command);
            free(line);
        }
        j += is_asked[i];
    }
    return count;
}

static void
said_print(const struct job *jobs, size_t count)
{
    struct text {
        char *text;
        size_t bytes;
    } all = {0};
    FILE *out = open_memstream(&all.text, &all.bytes);
    if (!out)
        abort();
    for (size_t i = 0; i < count; i++) {
        size_t bytes;
        char *text = import_disk.read(NULL, jobs[i].err_path, &bytes);
        fputs(text ? text : "", out);
        free(text);
    }
    fclose(out);
    if (all.bytes)
        build_print_errors(all.text);
    free(all.text);
}

// Compile what is stale; if something fails that can be mended, mend it and go on. Each round finds something new, or is the last.
static int
compile(struct build *build)
{
    size_t count, source_count = build->project->source_count;
    bool *is_asked = calloc(source_count + 1, sizeof *is_asked), *is_failed = calloc(source_count + 1, sizeof *is_failed);
    if (!is_asked || !is_failed)
        abort();
    memset(is_asked, build->request->is_fresh, source_count);
    int code = build_mends_load(build) ? EXIT_CLEAN : EXIT_MACHINE;
    for (bool goes_on = true; goes_on && code == EXIT_CLEAN;) {
        goes_on = false;
        stale_find(build, is_asked);
        struct job *jobs = build_jobs_make(build, is_asked, 'c', &count);
        code = build_run(jobs, count, "compiling");
        if (code == EXIT_CLEAN && failed_find(build, jobs, is_asked, is_failed)) {
            size_t found = build_mends_find(build, is_failed);
            code = found == SIZE_MAX ? 130 : found ? EXIT_CLEAN
                                                   : EXIT_FINDING;
            goes_on = found && found != SIZE_MAX;
        }
        if (code == EXIT_FINDING || (code == EXIT_CLEAN && !goes_on))
            said_print(jobs, count);
        build_jobs_free(jobs, count);
        if (goes_on && !build_mends_apply(build))
            code = EXIT_MACHINE;
        memset(is_asked, false, source_count);
    }
    free(is_failed);
    free(is_asked);
    return code;
}

// Names that the driver needs and nobody has, with the place where it uses them; and is there an entry point?
static int
image_check(const struct build *build, const char *path)
{
    struct elf_image elf;
    struct elf_symbol symbol;
    const char *why;
    size_t bytes;
    bool has_entry = false;
    int code = EXIT_CLEAN;
    char *image = import_disk.read(NULL, path, &bytes);
    if (!image || elf_read(image, bytes, &elf, &why)) {
        out_error("%s: %s", path, image ? why : strerror(errno));
        free(image);
        return EXIT_MACHINE;
    }
    for (uint32_t i = 1; i < elf.symbol_count; i++) {
        if (!elf_symbol_at(&elf, i, &symbol))
            continue;
        has_entry |= !symbol.is_undefined && !strcmp(symbol.name, "DriverEntry");
        bool is_runtime = !strncmp(symbol.name, "__", 2) && (build->request->sanitize || build->request->has_coverage);
        if (!symbol.is_undefined || symbol.is_weak || is_runtime || dlsym(RTLD_DEFAULT, symbol.name))
            continue;
        const struct import_use *use = import_scan_find(&build->scan, symbol.name);
        const struct ddi_row *row = ddi_row_find(symbol.name);
        struct import_fault fault = {.place = use ? use->place : (struct import_place){build->project->file, 0},
                                     .construct = symbol.name};
        fault.text = row ? "ndisbox does not have this function (ndisbox ddi shows its row)"
                         : "nothing defines this function: not the project, not ndisbox";
        build_print_fault(build, &fault);
        code = EXIT_FINDING;
    }
    if (!has_entry) {
        out_error("%s: no DriverEntry among its sources", build_shown(build, build->project->file));
        code = EXIT_FINDING;
    }
    free(image);
    return code;
}

static int
link_image(struct build *build)
{
    char partial[PATH_MAX + 32];
    snprintf(partial, sizeof partial, "%s.%d.part", build->out, (int)getpid());
    struct build_argv argv = build_link_argv(build, partial);
    struct job job = {.argv = argv.words, .err_path = build_path_of(build, "obj/link.err", 0)};
    size_t bytes;
    int code = build_run(&job, 1, "linking");
    if (code == EXIT_CLEAN && !job_is_good(&job)) {
        char *text = import_disk.read(NULL, job.err_path, &bytes);
        fputs(text ? text : "", stderr);
        out_error("the linker failed");
        free(text);
        code = EXIT_FINDING;
    }
    if (code == EXIT_CLEAN)
        code = image_check(build, partial);
    if (code == EXIT_CLEAN && rename(partial, build->out) != 0) {
        out_error("%s: %s", build->out, strerror(errno));
        code = EXIT_MACHINE;
    }
    unlink(partial);
    free((char *)job.err_path);
    build_argv_free(&argv);
    return code;
}

bool
build_out_name(struct build *build)
{
    const struct build_request *request = build->request;
    int used;
    if (!request->out)
        used = snprintf(build->out, sizeof build->out, "%s/%s.so", build->work, build->project->target);
    else
        used = snprintf(build->out, sizeof build->out, "%s%s%s", request->out[0] == '/' ? "" : build->cwd,
                        request->out[0] == '/' ? "" : "/", request->out);
    if (used < 0 || (size_t)used + 40 > sizeof build->out) {
        out_error("the name of the result is too long");
        return false;
    }
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", build->out);
    const char *parent = dirname(folder);
    if (access(parent, W_OK) != 0)
        out_error("%s, where the result should go: %s", build_shown(build, parent), strerror(errno));
    return access(parent, W_OK) == 0;
}

int
build_make(struct build *build)
{
    int code = build_out_name(build) ? EXIT_CLEAN : EXIT_USAGE;
    if (code == EXIT_CLEAN && build->missing_count + build->scan.fault_count) {
        for (size_t i = 0; i < build->missing_count; i++)
            build_print_fault(build, &build->missing[i]);
        for (size_t i = 0; i < build->scan.fault_count; i++)
            build_print_fault(build, &build->scan.faults[i]);
        out_note("nothing was compiled");
        code = EXIT_USAGE;
    }
    if (code == EXIT_CLEAN)
        code = compile(build);
    if (code == EXIT_CLEAN)
        code = link_image(build);
    if (code == EXIT_CLEAN) {
        commands_write(build);
        build_stamp_write(build);
    }
    return code;
}
