// SPDX-License-Identifier: MIT
// From a .so on disk to a mapped image: read it whole, check it (elf.c), list every name that nobody defines, write the copy, dlopen
// it with RTLD_NOW | RTLD_LOCAL, look up DriverEntry.
// Copies lie in one run directory of the process, $TMPDIR/ndisbox-<pid>-XXXXXX/, as long as they are mapped, because without the file a
// debugger or a sanitizer could not name the frames of a driver; the directory goes at exit. What a killed process left is removed by the
// next one. That directory's path, like dlopen itself, belongs to the process and not to a box; it is the one static here, written once
// under its mutex.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "loader/elf.h"
#include "loader/loader.h"

#define IMAGE_BYTES_MAX (256u << 20)
#define RUN_PREFIX "ndisbox-"

static struct {
    pthread_mutex_t mutex;
    char path[256];
    pid_t pid;
    unsigned copies;
} run = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void
directory_remove(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(path);
}

static void
run_remove(void)
{
    if (run.pid == getpid())
        directory_remove(run.path);
}

// Directories of processes that are gone. Only names of our form that belong to this user are touched.
static void
stale_remove(const char *parent)
{
    DIR *dir = opendir(parent);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        int pid, used = 0;
        struct stat st;
        char path[512];
        if (sscanf(entry->d_name, RUN_PREFIX "%d-%n", &pid, &used) != 1 || strlen(entry->d_name) != (size_t)used + 6 || pid <= 0)
            continue;
        if (kill(pid, 0) == 0 || errno != ESRCH)
            continue;
        if ((size_t)snprintf(path, sizeof(path), "%s/%s", parent, entry->d_name) < sizeof(path) && lstat(path, &st) == 0 &&
            S_ISDIR(st.st_mode) && st.st_uid == geteuid())
            directory_remove(path);
    }
    if (dir)
        closedir(dir);
}

// The run directory of this very process: a forked child makes its own. fails: -errno.
static int
run_directory(char *out, size_t out_bytes, unsigned *copy)
{
    int failed = 0;
    pthread_mutex_lock(&run.mutex);
    if (run.pid != getpid()) {
        const char *parent = getenv("TMPDIR");
        parent = parent && parent[0] == '/' && strlen(parent) < 200 ? parent : "/tmp";
        stale_remove(parent);
        snprintf(run.path, sizeof(run.path), "%s/" RUN_PREFIX "%d-XXXXXX", parent, (int)getpid());
        if (!mkdtemp(run.path))
            failed = -errno;
        else if (run.pid == 0)
            atexit(run_remove);
        run.pid = failed ? 0 : getpid();
        run.copies = 0;
    }
    if (!failed)
        snprintf(out, out_bytes, "%s", run.path);
    *copy = ++run.copies;
    pthread_mutex_unlock(&run.mutex);
    return failed;
}

// fails: -errno.
static int
copy_write(const char *path, const char *bytes, size_t count)
{
    int fd, failed = file_open(path, FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_EXCLUSIVE, &fd);
    if (failed)
        return failed;
    failed = file_write(fd, bytes, count, 0);
    file_close(fd);
    return failed;
}

// Unless it is mapped still, as an image that may not be unloaded is, or is another process's: one that this was forked from.
static void
copy_remove(const char *path)
{
    void *dl = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (dl) {
        dlclose(dl);
        return;
    }
    pthread_mutex_lock(&run.mutex);
    size_t length = run.pid == getpid() ? strlen(run.path) : 0;
    if (length && strncmp(path, run.path, length) == 0 && path[length] == '/')
        unlink(path);
    pthread_mutex_unlock(&run.mutex);
}

static bool
is_sanitizer_name(const char *name)
{
    return strncmp(name, "__asan_", 7) == 0 || strncmp(name, "__tsan_", 7) == 0 || strncmp(name, "__ubsan_", 8) == 0 ||
           strncmp(name, "__sanitizer_", 12) == 0;
}

// All undefined names that neither this program nor its libraries define, as one sentence. Returns how many; error is cut at its end.
static unsigned
unresolved_list(const struct elf_image *elf, const char *name, char *error, size_t error_bytes)
{
    unsigned count = 0, sanitizer = 0;
    size_t used = (size_t)snprintf(error, error_bytes, "%s: nothing defines ", name);
    for (uint32_t i = 1; i < elf->symbol_count; i++) {
        struct elf_symbol symbol;
        if (!elf_symbol_at(elf, i, &symbol) || !symbol.is_undefined || symbol.is_weak || dlsym(RTLD_DEFAULT, symbol.name))
            continue;
        if (is_sanitizer_name(symbol.name)) {
            sanitizer++;
            continue;
        }
        if (used < error_bytes)
            used += (size_t)snprintf(error + used, error_bytes - used, "%s%s", count ? ", " : "", symbol.name);
        count++;
    }
    if (sanitizer && !count)
        snprintf(error, error_bytes, "%s: it was built with a sanitizer that this program is built without", name);
    return count + sanitizer;
}

// Names can be checked beforehand only if every library the image wants is loaded already; else the dynamic linker has to say it.
static bool
libraries_are_loaded(const struct elf_image *elf)
{
    for (uint32_t i = 0; i < elf->needed_count; i++) {
        const char *library = elf_needed_at(elf, i);
        void *dl = library ? dlopen(library, RTLD_LAZY | RTLD_NOLOAD) : NULL;
        if (!dl)
            return false;
        dlclose(dl);
    }
    return true;
}

static int
bytes_check(const char *bytes, size_t count, const char *name, char *error, size_t error_bytes)
{
    struct elf_image elf;
    const char *why;
    int failed = elf_read(bytes, count, &elf, &why);
    if (failed) {
        snprintf(error, error_bytes, "%s: %s", name, why);
        return failed;
    }
    return libraries_are_loaded(&elf) && unresolved_list(&elf, name, error, error_bytes) ? -ENOSYS : 0;
}

struct span_of {
    const struct link_map *map;
    uintptr_t low, high;
};

static int
span_find(struct dl_phdr_info *info, size_t size, void *context)
{
    struct span_of *span = context;
    if (info->dlpi_addr != span->map->l_addr || strcmp(info->dlpi_name, span->map->l_name) != 0)
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        uintptr_t low = info->dlpi_addr + ph->p_vaddr, high = low + ph->p_memsz;
        if (ph->p_type != PT_LOAD)
            continue;
        span->low = !span->low || low < span->low ? low : span->low;
        span->high = high > span->high ? high : span->high;
    }
    return 1;
}

static int
copy_open(const char *copy, const char *name, struct loader_image *image, char *error, size_t error_bytes)
{
    void *dl = dlopen(copy, RTLD_NOW | RTLD_LOCAL);
    if (!dl) {
        const char *why = dlerror();
        snprintf(error, error_bytes, "%s: %s", name, why ? why : "dlopen failed");
        return why && strstr(why, "undefined symbol") ? -ENOSYS : -ENOEXEC;
    }
    void *entry = dlsym(dl, "DriverEntry");
    struct span_of span = {0};
    if (!entry || dlinfo(dl, RTLD_DI_LINKMAP, &span.map)) {
        snprintf(error, error_bytes, "%s: it exports no DriverEntry", name);
        dlclose(dl);
        return -ENOSYS;
    }
    dl_iterate_phdr(span_find, &span);
    *image = (struct loader_image){.dl = dl, .entry = entry, .base = (void *)span.low, .span_bytes = span.high - span.low};
    return 0;
}

int
loader_open(const char *path, const char *name, struct loader_image *image, char *error, size_t error_bytes)
{
    char *bytes, directory[256], copy[600];
    size_t count;
    unsigned number;
    int failed = file_load(path, IMAGE_BYTES_MAX, &bytes, &count);
    if (failed) {
        snprintf(error, error_bytes, "%s: cannot read %s: %s", name, path, strerror(-failed));
        return failed;
    }
    failed = bytes_check(bytes, count, name, error, error_bytes);
    if (!failed) {
        failed = run_directory(directory, sizeof(directory), &number);
        snprintf(copy, sizeof(copy), "%s/%s-%u.so", directory, name, number);
        if (!failed)
            failed = copy_write(copy, bytes, count);
        if (failed)
            snprintf(error, error_bytes, "%s: cannot write a copy of %s: %s", name, path, strerror(-failed));
        else
            failed = copy_open(copy, name, image, error, error_bytes);
        if (failed)
            copy_remove(copy);
    }
    free(bytes);
    return failed;
}

void
loader_close(void *dl)
{
    const struct link_map *map = NULL;
    char path[600] = "";
    if (dlinfo(dl, RTLD_DI_LINKMAP, &map) == 0)
        snprintf(path, sizeof(path), "%s", map->l_name);
    dlclose(dl);
    copy_remove(path);
}
