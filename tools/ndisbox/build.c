// SPDX-License-Identifier: MIT
// The first half of a build: where things are, the project, what the compiler is given beside it, and what the code uses. Everything that
// is written lies in one folder of the cache, named after the project and the options.
//
//   CACHE/build/NAME-HASH/ gen/ (filled templates, .tmh, forward declarations, driver.map), stub/, obj/N.o N.d N.err, overlay.yaml, stamp
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "build.h"
#include "jobs.h"
#include "out.h"

#define ROUNDS_MAX 24 // of looking for headers that nobody has

const char *
build_shown(const struct build *build, const char *path)
{
    size_t length = strlen(build->cwd);
    return path && !strncmp(path, build->cwd, length) && path[length] == '/' ? path + length + 1 : path;
}

void
build_print_fault(const struct build *build, const struct import_fault *fault)
{
    char *line, where[16] = "";
    if (fault->place.line)
        snprintf(where, sizeof where, ":%u", fault->place.line);
    bool has_construct = fault->construct && !strstr(fault->text, fault->construct);
    if (asprintf(&line, "%s%s: error: %s%s%s", build_shown(build, fault->place.file ? fault->place.file : build->project->file), where,
                 has_construct ? fault->construct : "", has_construct ? ": " : "", fault->text) < 0)
        abort();
    out_diagnostic(line);
    free(line);
}

// ---- where things are

static bool
folder_make(const char *path)
{
    char copy[PATH_MAX];
    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy)
        return false;
    for (char *at = copy + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            mkdir(copy, 0777);
            *at = '/';
        }
    return mkdir(copy, 0777) == 0 || errno == EEXIST;
}

bool
build_file_write(const char *path, const char *text)
{
    size_t bytes;
    char *before = import_disk.read(NULL, path, &bytes);
    bool is_same = before && bytes == strlen(text) && !memcmp(before, text, bytes);
    free(before);
    if (is_same)
        return true; // its time stays, so that objects made from it stay good
    FILE *file = fopen(path, "wb");
    bool is_good = file && fputs(text, file) >= 0;
    is_good = file && fclose(file) == 0 && is_good;
    if (!is_good)
        out_error("%s: %s", path, strerror(errno));
    return is_good;
}

static bool
has_ddk(const char *folder)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/nbx_forced.h", folder);
    return access(path, R_OK) == 0;
}

// $NDISBOX_DDK, where an installation puts the headers, or the source tree around a build tree.
static bool
ddk_find(struct build *build)
{
    static const char *const places[] = {"../include/ndisbox/ddk", "../../include/ddk"};
    const char *given = getenv("NDISBOX_DDK");
    char self[PATH_MAX], path[2 * PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (given && given[0] && realpath(given, build->ddk) && has_ddk(build->ddk))
        return true;
    if (length > 0 && (size_t)length < sizeof self) {
        self[length] = 0;
        snprintf(build->tool, sizeof build->tool, "%s", self);
        const char *beside = dirname(self);
        for (size_t i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "%s/%s", beside, places[i]);
            if (realpath(path, build->ddk) && has_ddk(build->ddk))
                return true;
        }
    }
    out_error("the headers for drivers (nbx_forced.h and its sisters) are not beside this tool; point NDISBOX_DDK at include/ddk");
    return false;
}

static void
cache_folder(char *path, size_t room)
{
    const char *given = getenv("NDISBOX_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (given && given[0])
        snprintf(path, room, "%s", given);
    else if (xdg && xdg[0] == '/')
        snprintf(path, room, "%s/ndisbox", xdg);
    else if (home && home[0] == '/' && access(home, W_OK) == 0)
        snprintf(path, room, "%s/.cache/ndisbox", home);
    else
        snprintf(path, room, "/tmp/ndisbox-cache-%u", (unsigned)geteuid());
}

static uint64_t
options_hash(const struct build *build, const char *const *paths)
{
    const struct build_request *request = build->request;
    uint64_t hash = HASH_FNV_START;
    for (size_t i = 0; i < request->path_count; i++)
        hash = hash_text(hash_text(hash, paths[i]), "|");
    for (size_t i = 0; i < request->property_count; i++)
        hash = hash_text(hash_text(hash_text(hash, request->properties[i].name), "="), request->properties[i].value);
    for (size_t i = 0; i < request->subst_count; i++)
        hash = hash_text(hash_text(hash_text(hash, request->substs[i].name), "@"), request->substs[i].value);
    for (size_t i = 0; i < request->define_count; i++)
        hash = hash_text(hash_text(hash, "D"), request->defines[i]);
    for (size_t i = 0; i < request->folder_count; i++)
        hash = hash_text(hash_text(hash, "I"), request->folders[i]);
    hash = hash_text(hash_text(hash, request->sanitize ? request->sanitize : "-"), request->has_coverage ? "c" : "-");
    return hash_text(hash_text(hash, build_compiler()), build->ddk);
}

static bool
work_make(struct build *build, const char *const *paths)
{
    static const char *const folders[] = {"gen", "obj", "stub", "mend"};
    char cache[PATH_MAX / 2], path[PATH_MAX + 16], name[64];
    cache_folder(cache, sizeof cache);
    const char *base = strrchr(paths[0], '/') ? strrchr(paths[0], '/') + 1 : paths[0];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(base, "."), base);
    snprintf(build->work, sizeof build->work, "%s/build/%s-%016llx", cache, name, (unsigned long long)options_hash(build, paths));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", build->work, folders[i]);
        if (!folder_make(path)) {
            out_error("%s: %s; NDISBOX_CACHE may name another folder", path, strerror(errno));
            return false;
        }
    }
    snprintf(path, sizeof path, "%s/lock", build->work);
    build->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (build->lock >= 0 && flock(build->lock, LOCK_EX | LOCK_NB) != 0) {
        out_note("waiting for another build of this project");
        flock(build->lock, LOCK_EX);
    }
    return build->lock >= 0;
}

int
build_open(struct build *build, const struct build_request *request)
{
    *build = (struct build){.request = request, .lock = -1};
    import_scan_init(&build->scan);
    if (!getcwd(build->cwd, sizeof build->cwd)) {
        out_error("the current folder: %s", strerror(errno));
        return EXIT_MACHINE;
    }
    if (!ddk_find(build))
        return EXIT_MACHINE;
    char **paths = calloc(request->path_count + 1, sizeof *paths);
    if (!paths)
        abort();
    for (size_t i = 0; i < request->path_count; i++)
        if (asprintf(&paths[i], "%s%s%s", request->paths[i][0] == '/' ? "" : build->cwd, request->paths[i][0] == '/' ? "" : "/",
                     request->paths[i]) < 0)
            abort();
    struct import_request import = {&import_disk, (const char *const *)paths, request->path_count,
                                    request->properties, request->property_count, request->substs,
                                    request->subst_count};
    build->import = import_read(&import);
    build->project = import_project(build->import);
    for (size_t i = 0; i < build->project->fault_count && !request->is_check; i++)
        build_print_fault(build, &build->project->faults[i]);
    int code = build->project->fault_count ? EXIT_USAGE : work_make(build, (const char *const *)paths) ? EXIT_CLEAN
                                                                                                       : EXIT_MACHINE;
    for (size_t i = 0; i < request->path_count; i++)
        free(paths[i]);
    free(paths);
    return code;
}

static void
missing_free(struct import_fault *fault)
{
    free((char *)fault->place.file);
    free((char *)fault->construct);
    free((char *)fault->text);
}

void
build_close(struct build *build)
{
    import_destroy(build->import);
    import_scan_clear(&build->scan);
    free(build->has_try);
    for (size_t i = 0; i < build->missing_count; i++)
        missing_free(&build->missing[i]);
    free(build->missing);
    import_mends_destroy(build->mends);
    free(build->mend_hash);
    if (build->lock >= 0)
        close(build->lock);
    build->lock = -1;
}

// ---- what the compiler is given beside the project

static bool
gen_write(const struct build *build, const char *name, const char *text)
{
    char path[PATH_MAX + 512], parent[PATH_MAX + 512];
    snprintf(path, sizeof path, "%s/gen/%s", build->work, name);
    snprintf(parent, sizeof parent, "%s", path);
    return !strstr(name, "..") && name[0] != '/' && folder_make(dirname(parent)) && build_file_write(path, text);
}

static bool
overlay_write(const struct build *build)
{
    const struct import_project *project = build->project;
    const char **folders;
    size_t count = 0, room = 3;
    char path[PATH_MAX + 16], gen[PATH_MAX + 16];
    for (size_t i = 0; i < project->source_count; i++)
        room += 1 + project->sources[i].folders.count;
    folders = calloc(room, sizeof *folders);
    if (!folders)
        abort();
    snprintf(gen, sizeof gen, "%s/gen", build->work);
    folders[count++] = project->folder;
    folders[count++] = build->ddk;
    folders[count++] = gen;
    for (size_t i = 0; i < project->source_count; i++) {
        char *copy = strdup(project->sources[i].path);
        folders[count++] = strdup(dirname(copy));
        free(copy);
        for (size_t j = 0; j < project->sources[i].folders.count; j++)
            folders[count++] = strdup(project->sources[i].folders.items[j]);
    }
    char *text = import_overlay_text(&import_disk, folders, count);
    snprintf(path, sizeof path, "%s/overlay.yaml", build->work);
    bool is_good = build_file_write(path, text);
    for (size_t i = 3; i < count; i++)
        free((char *)folders[i]);
    free(folders);
    free(text);
    return is_good;
}

static bool
files_write(const struct build *build)
{
    const struct import_project *project = build->project;
    char *wpp = import_wpp_text(project);
    bool is_good = gen_write(build, "nbx_wpp.h", wpp) &&
                   gen_write(build, "driver.map", "{ global: DriverEntry; DllInitialize; DllUnload; local: *; };\n");
    free(wpp);
    for (size_t i = 0; is_good && i < project->tmh.count; i++)
        is_good = gen_write(build, project->tmh.items[i], "#include \"nbx_wpp.h\"\n");
    for (size_t i = 0; is_good && i < project->made_count; i++)
        is_good = gen_write(build, project->made[i].name, project->made[i].text);
    return is_good && overlay_write(build);
}

// ---- running the compiler

struct progress {
    const char *what;
    struct timespec start;
};

static void
on_step(void *context, size_t done, size_t count)
{
    struct progress *progress = context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t elapsed =
        (uint64_t)(now.tv_sec - progress->start.tv_sec) * 1000000000u + (uint64_t)now.tv_nsec - (uint64_t)progress->start.tv_nsec;
    out_progress(progress->what, "files", done, count, elapsed);
}

// fails: an exit code; a signal gives 130 or 143 as a second one in a run would.
int
build_run(struct job *jobs, size_t count, const char *what)
{
    struct progress progress = {.what = what};
    struct jobs_watch watch = {&progress, on_step};
    clock_gettime(CLOCK_MONOTONIC, &progress.start);
    int signal = jobs_run(jobs, count, 0, &watch);
    out_progress_end();
    if (signal) {
        out_error("interrupted; nothing was left behind but the cache");
        return 128 + signal;
    }
    for (size_t i = 0; i < count; i++)
        if (jobs[i].start_errno) {
            out_error("%s: %s; drivers are compiled by clang 19: apt install clang-19 lld-19 (or NDISBOX_CC=...)", jobs[i].argv[0],
                      strerror(jobs[i].start_errno));
            return EXIT_MACHINE;
        }
    return EXIT_CLEAN;
}

char *
build_path_of(const struct build *build, const char *format, size_t number)
{
    char *path, *name;
    if (asprintf(&name, format, number) < 0 || asprintf(&path, "%s/%s", build->work, name) < 0)
        abort();
    free(name);
    return path;
}

// One command for each source whose is_asked is set.
struct job *
build_jobs_make(const struct build *build, const bool *is_asked, char mode, size_t *count)
{
    struct job *jobs = calloc(build->project->source_count + 1, sizeof *jobs);
    if (!jobs)
        abort();
    *count = 0;
    for (size_t i = 0; i < build->project->source_count; i++) {
        if (!is_asked[i])
            continue;
        struct build_argv argv = build_compile_argv(build, i, mode);
        jobs[(*count)++] = (struct job){.argv = argv.words,
                                        .out_path = build_path_of(build, mode == 'E' ? "obj/%zu.i" : "obj/%zu.out", i),
                                        .err_path = build_path_of(build, "obj/%zu.err", i)};
    }
    return jobs;
}

void
build_jobs_free(struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (char *const *word = jobs[i].argv; *word; word++)
            free(*word);
        free((void *)jobs[i].argv);
        free((char *)jobs[i].out_path);
        free((char *)jobs[i].err_path);
    }
    free(jobs);
}

// ---- looking at the code

// A header that nobody has: note it, and put an empty one in its place so that the rest can be read.
static bool
stub_make(struct build *build, const char *text, char *(*names), size_t *name_count)
{
    struct import_fault fault;
    char name[512], path[PATH_MAX + 520], parent[PATH_MAX + 520];
    if (!build_missing_header(build, text, &fault, name, sizeof name))
        return false;
    for (char *at = name; *at; at++)
        *at = *at == '\\' ? '/' : *at;
    for (size_t i = 0; i < *name_count; i++)
        if (!strcmp(names[i], name)) {   // two sources at once
            missing_free(&fault);
            return true;
        }
    snprintf(path, sizeof path, "%s/stub/%s", build->work, name);
    snprintf(parent, sizeof parent, "%s", path);
    if (strstr(name, "..") || *name_count == ROUNDS_MAX || !folder_make(dirname(parent)) || !build_file_write(path, "")) {
        missing_free(&fault);
        return false;
    }
    names[(*name_count)++] = strdup(name);
    build->missing = realloc(build->missing, (build->missing_count + 1) * sizeof *build->missing);
    if (!build->missing)
        abort();
    fault.construct = names[*name_count - 1];
    build->missing[build->missing_count++] = fault;
    return true;
}

static int
scan_take(struct build *build, const struct job *jobs)
{
    char gen[PATH_MAX + 8];
    snprintf(gen, sizeof gen, "%s/", build->work);
    const char *outside[] = {build->ddk, gen, "/usr/include/", "/usr/lib/"};
    for (size_t i = 0; i < build->project->source_count; i++) {
        size_t bytes;
        struct stat status;
        FILE *file = fopen(jobs[i].out_path, "rb");
        if (!file || fstat(fileno(file), &status)) {
            out_error("%s: %s", jobs[i].out_path, strerror(errno));
            if (file)
                fclose(file);
            return EXIT_MACHINE;
        }
        char *text = malloc((size_t)status.st_size + 1);
        if (!text)
            abort();
        bytes = fread(text, 1, (size_t)status.st_size, file);
        text[bytes] = 0;
        fclose(file);
        unlink(jobs[i].out_path);
        import_scan_text(&build->scan, text, bytes, outside, sizeof outside / sizeof *outside);
        build->has_try[i] = build->scan.has_try;
        free(text);
    }
    return EXIT_CLEAN;
}

int
build_scan(struct build *build)
{
    char *names[ROUNDS_MAX], *stubs = build_path_of(build, "stub", 0);
    size_t name_count = 0, count = 0, source_count = build->project->source_count;
    bool *is_asked = calloc(source_count + 1, sizeof *is_asked);
    struct job *jobs = NULL;
    int code = files_write(build) ? EXIT_CLEAN : EXIT_MACHINE;
    bool goes_on = true;
    build->has_try = calloc(source_count + 1, sizeof *build->has_try);
    if (!is_asked || !build->has_try)
        abort();
    memset(is_asked, true, source_count);
    jobs = build_jobs_make(build, is_asked, 'E', &count);
    while (code == EXIT_CLEAN && goes_on) {
        goes_on = false;
        code = build_run(jobs, count, "reading");
        for (size_t i = 0; code == EXIT_CLEAN && i < count; i++) {
            size_t bytes;
            char *text = job_is_good(&jobs[i]) ? NULL : import_disk.read(NULL, jobs[i].err_path, &bytes);
            bool is_stubbed = text && stub_make(build, text, names, &name_count);
            goes_on |= is_stubbed;
            if (text && !is_stubbed) {
                build_print_errors(text);
                code = EXIT_FINDING;
            }
            free(text);
        }
    }
    if (code == EXIT_CLEAN)
        code = scan_take(build, jobs);
    for (size_t i = 0; i < name_count; i++) { // the next build must not find them
        char *path;
        if (asprintf(&path, "%s/%s", stubs, names[i]) >= 0)
            unlink(path);
        free(path);
    }
    build_jobs_free(jobs, count);
    free(is_asked);
    free(stubs);
    if (code == EXIT_CLEAN) {
        char *tags = import_tags_text(&build->scan);
        code = gen_write(build, "nbx_tags.h", tags) ? EXIT_CLEAN : EXIT_MACHINE;
        free(tags);
    }
    return code;
}
