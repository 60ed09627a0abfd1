// SPDX-License-Identifier: MIT
// Stack files as the tool meets them: read from disk, from stdin ("-"), from memory or from the short form; complaints printed; driver
// images and capture files looked for before anything starts.
//
//   source_read -> slurp or --driver/--adapter -> stack_read, stack_read_short -> diagnostics
//   source_check_images -> each driver's file, each pcap: port's input
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/elf.h"
#include "out.h"
#include "tool.h"
#include "wire/port.h"

#define FILE_BYTES_MAX (5u << 20)    // the reader itself stops at 4 MiB and says so
#define WORDS_MAX 256

// The whole file. owns: returns it, free. fails: NULL, said on stderr.
static char *
slurp(const char *path, size_t *length_bytes)
{
    bool is_stdin = !strcmp(path, "-");
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    if (!file) {
        out_error("%s: %s%s", path, strerror(errno),
                  errno == ENOENT ? "; a stack file to start from: ndisbox demo --print-stack > my.yaml" : "");
        return NULL;
    }
    char *bytes = malloc(FILE_BYTES_MAX);
    if (!bytes)
        abort();
    *length_bytes = fread(bytes, 1, FILE_BYTES_MAX, file);
    bool is_bad = ferror(file);
    int error = errno;
    if (!is_stdin)
        fclose(file);
    if (!is_bad)
        return bytes;
    out_error("%s: %s", path, strerror(error));
    free(bytes);
    return NULL;
}

// An INF beside the bundled driver's image.
static bool
bundled_inf(void *context, const char *driver, size_t index, char *path, size_t path_bytes)
{
    const char *end = index ? "_mp.inf" : ".inf";   // in place of .so
    struct stack_driver bundled = {.name = driver};
    size_t length;
    if (!source_driver_path(&bundled, path, path_bytes) || (length = strlen(path)) < 3 || length - 3 + strlen(end) >= path_bytes)
        return false;
    strcpy(path + length - 3, end);
    return access(path, R_OK) == 0;
}

static char *
read_inf(void *context, const char *path, size_t *length_bytes, const char **why)
{
    return inf_file_bytes(path, length_bytes, why);
}

const struct stack_files source_files = {read_inf, bundled_inf, NULL};

static struct stack *
finish(struct stack *stack, struct stack_report *report, int *exit_code)
{
    for (size_t i = 0; i < report->count; i++)
        out_diagnostic(report->lines[i]);
    if (!stack)
        out_note("%zu error%s; nothing was started", report->error_count, report->error_count == 1 ? "" : "s");
    stack_report_clear(report);
    *exit_code = stack ? EXIT_CLEAN : EXIT_USAGE;
    return stack;
}

struct stack *
source_read_text(const struct args *args, const char *name, const char *text, size_t length_bytes, int *exit_code)
{
    const char *sets[WORDS_MAX];
    char folder[PATH_MAX], base[PATH_MAX];
    struct stack_report report = {0};
    struct stack_source source = {.name = name, .sets = sets, .files = source_files};
    source.set_count = args_list(args, "set", sets, WORDS_MAX);
    snprintf(folder, sizeof folder, "%s", name);
    if (realpath(strchr(name, '/') && name[0] != '<' ? dirname(folder) : ".", base))
        source.base_dir = base;
    if (source.set_count > WORDS_MAX) {
        out_error("more than %d times --set", WORDS_MAX);
        *exit_code = EXIT_USAGE;
        return NULL;
    }
    return finish(stack_read(&source, text, length_bytes, &report), &report, exit_code);
}

static struct stack *
read_short(const struct args *args, int *exit_code)
{
    const char *drivers[WORDS_MAX], *adapters[WORDS_MAX], *sets[WORDS_MAX];
    char base[PATH_MAX];
    struct stack_report report = {0};
    struct stack_source source = {.name = "--adapter", .sets = sets, .files = source_files};
    size_t driver_count = args_list(args, "driver", drivers, WORDS_MAX), adapter_count = args_list(args, "adapter", adapters, WORDS_MAX);
    source.set_count = args_list(args, "set", sets, WORDS_MAX);
    source.base_dir = getcwd(base, sizeof base);
    *exit_code = EXIT_USAGE;
    if (!adapter_count && !driver_count) {
        out_error("needs a stack file, or --adapter: ndisbox %s STACK.yaml (try examples/two-boxes.yaml, or \"ndisbox demo\")",
                  args->verb->name);
        return NULL;
    }
    if (!adapter_count) {
        out_error("--driver alone does nothing; put it into an adapter: --adapter nic0,driver=vnic,port=sink,filters=%.*s",
                  (int)strcspn(drivers[0], ","), drivers[0]);
        return NULL;
    }
    if (driver_count > WORDS_MAX || adapter_count > WORDS_MAX || source.set_count > WORDS_MAX) {
        out_error("more than %d times the same option", WORDS_MAX);
        return NULL;
    }
    return finish(stack_read_short(&source, drivers, driver_count, adapters, adapter_count, &report), &report, exit_code);
}

struct stack *
source_read(const struct args *args, int *exit_code)
{
    size_t length_bytes;
    bool has_short = args_flag(args, "driver") || args_flag(args, "adapter");
    *exit_code = EXIT_USAGE;
    if (!args->operand_count)
        return read_short(args, exit_code);
    if (has_short) {
        out_error("either a stack file or --driver and --adapter; %s and the short form do not go together (use --set)",
                  args->operands[0]);
        return NULL;
    }
    char *bytes = slurp(args->operands[0], &length_bytes);
    if (!bytes)
        return NULL;
    const char *name = strcmp(args->operands[0], "-") ? args->operands[0] : "<stdin>";
    struct stack *stack = source_read_text(args, name, bytes, length_bytes, exit_code);
    free(bytes);
    return stack;
}

// The folder of the bundled drivers: $NDISBOX_DRIVERS, or beside the tool, or where an installation puts them.
static bool
driver_folder(char *folder, size_t room)
{
    const char *given = getenv("NDISBOX_DRIVERS");
    char self[PATH_MAX];
    if (given && given[0])
        return (size_t)snprintf(folder, room, "%s", given) < room;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return false;
    self[length] = 0;
    const char *beside = dirname(self);
    int used = snprintf(folder, room, "%s/../lib/ndisbox/drivers", beside);
    if (used > 0 && (size_t)used < room && access(folder, X_OK) != 0)
        used = snprintf(folder, room, "%s/drivers", beside);
    return used > 0 && (size_t)used < room;
}

bool
source_driver_path(const struct stack_driver *driver, char *path, size_t path_bytes)
{
    char folder[PATH_MAX];
    if (driver->path)
        return (size_t)snprintf(path, path_bytes, "%s", driver->path) < path_bytes;
    return driver_folder(folder, sizeof folder) && (size_t)snprintf(path, path_bytes, "%s/%s.so", folder, driver->name) < path_bytes;
}

static void
report_place(struct stack_place place, const char *text)
{
    char line[PATH_MAX + 512];
    if (place.line)
        snprintf(line, sizeof line, "%s:%u:%u: error: %s", place.file, place.line, place.column, text);
    else
        snprintf(line, sizeof line, "%s: error: %s", place.file, text);
    out_diagnostic(line);
}

// The same image in an earlier box has been complained about there.
static bool
is_seen(const struct stack *stack, const struct stack_box *box, const struct stack_driver *driver)
{
    for (const struct stack_box *before = stack->boxes; before < box; before++)
        for (size_t i = 0; i < before->driver_count; i++) {
            const struct stack_driver *other = &before->drivers[i];
            if (!driver->path ? !other->path && !strcmp(other->name, driver->name) : other->path && !strcmp(other->path, driver->path))
                return true;
        }
    return false;
}

// Is the file a shared object for this machine? NULL: yes; else why not.
static const char *
image_fault(const char *path)
{
    struct elf_image image;
    struct stat status;
    const char *why = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status)) {
        why = strerror(errno);
    } else if (!S_ISREG(status.st_mode) || !status.st_size) {
        why = "no file with anything in it";
    } else {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
            why = strerror(errno);
        } else {
            elf_read(bytes, (size_t)status.st_size, &image, &why);
            munmap(bytes, (size_t)status.st_size);
        }
    }
    if (fd >= 0)
        close(fd);
    return why;
}

static bool
check_driver(const struct stack_box *box, const struct stack_driver *driver)
{
    char path[PATH_MAX], text[PATH_MAX + 256];
    if (!source_driver_path(driver, path, sizeof path)) {
        report_place(driver->place, "the path of the driver is too long");
        return false;
    }
    if (driver->grant && access(driver->grant, R_OK | X_OK)) {
        snprintf(text, sizeof text, "boxes.%s.drivers.%s.grant: %s: %s", box->name, driver->name, driver->grant, strerror(errno));
        report_place(driver->place, text);
        return false;
    }
    if (access(path, R_OK) == 0) {
        const char *why = driver->path ? image_fault(path) : NULL;   // the bundled ones are ours
        if (!why)
            return true;
        snprintf(text, sizeof text, "boxes.%s.drivers.%s.path: %s is no driver image: %s", box->name, driver->name, path, why);
        report_place(driver->place, text);
        return false;
    }
    if (driver->path)
        snprintf(text, sizeof text, "boxes.%s.drivers.%s.path: %s: %s", box->name, driver->name, path, strerror(errno));
    else
        snprintf(text, sizeof text, "bundled driver %s: %s: %s (build it: ./dev build; or point NDISBOX_DRIVERS at the folder)",
                 driver->name, path, strerror(errno));
    report_place(driver->place, text);
    return false;
}

static bool
check_directory(const struct stack_box *box, const struct stack_service *service, const struct stack_directory *directory)
{
    char text[PATH_MAX + 256];
    struct stat st;
    const char *why = NULL;
    if (stat(directory->path, &st) || access(directory->path, directory->can_write ? R_OK | W_OK | X_OK : R_OK | X_OK))
        why = strerror(errno);
    else if (!S_ISDIR(st.st_mode))
        why = "is no directory";
    if (!why)
        return true;
    snprintf(text, sizeof text, "boxes.%s.services.%s.%s: %s: %s", box->name, service->driver->name, directory->name, directory->path, why);
    report_place(directory->place, text);
    return false;
}

static bool
check_services(const struct stack_box *box)
{
    bool is_good = true;
    for (size_t i = 0; i < box->service_count; i++)
        for (size_t j = 0; j < box->services[i].directory_count; j++)
            is_good &= check_directory(box, &box->services[i], &box->services[i].directories[j]);
    return is_good;
}

// What the ports themselves can say about their text without opening anything; and whether a capture to be read is there.
static bool
check_port(const struct stack_adapter *adapter)
{
    char path[PATH_MAX], text[PATH_MAX + 256];
    if (!adapter->port)
        return true;
    if (port_spec_check(adapter->port, path, sizeof path) != 0) {
        report_place(adapter->port_place, path);
        return false;
    }
    if (strncmp(adapter->port, "pcap:", 5) != 0)
        return true;
    snprintf(path, sizeof path, "%.*s", (int)strcspn(adapter->port + 5, ","), adapter->port + 5);
    if (access(path, R_OK) == 0)
        return true;
    snprintf(text, sizeof text, "boxes.%s.adapters.%s.port: %s: %s", adapter->box->name, adapter->name, path, strerror(errno));
    report_place(adapter->port_place, text);
    return false;
}

bool
source_check_images(const struct stack *stack)
{
    bool is_good = true;
    for (size_t i = 0; i < stack->box_count; i++) {
        const struct stack_box *box = &stack->boxes[i];
        for (size_t j = 0; j < box->driver_count; j++)
            is_good &= is_seen(stack, box, &box->drivers[j]) || check_driver(box, &box->drivers[j]);
        for (size_t j = 0; j < box->adapter_count; j++)
            is_good &= check_port(&box->adapters[j]);
        is_good &= check_services(box);
    }
    return is_good;
}
