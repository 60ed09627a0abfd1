// SPDX-License-Identifier: MIT
// Images from files: private copies, all unresolved names at once, damaged files, nothing left in the run directory's place.
#include <dirent.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/file.h"
#include "loader/elf.h"
#include "loader/keep.h"
#include "nt/io/io.h"
#include "unit/nt/nt_test.h"

static struct io_image *
load(struct box *box, const char *file, const char *name, NTSTATUS expected, char *error, size_t error_bytes)
{
    struct io_image *image;
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.so", NBX_TEST_DRIVER_DIR, file);
    struct io_image_config config = {.name = name, .path = path};
    ck_assert_int_eq(io_image_load(box, &config, &image, error, error_bytes), expected);
    return image;
}

static ULONG
loads_of(struct io_image *image)
{
    return *(PULONG)image->driver_object->DeviceObject->DeviceExtension;
}

NT_TEST(loader_gives_each_load_its_own_globals)
{
    char error[512];
    struct io_image *one = load(box_self(), "counter", "one", STATUS_SUCCESS, error, sizeof(error));
    struct io_image *two = load(box_self(), "counter", "two", STATUS_SUCCESS, error, sizeof(error));
    ck_assert_uint_eq(loads_of(one), 1);
    ck_assert_uint_eq(loads_of(two), 1);
    ck_assert_ptr_ne(one->base, two->base);
    ck_assert_ptr_eq(io_image_at(box_self(), (void *)(uintptr_t)one->driver_object->DriverInit), one);
    ck_assert_ptr_null(io_image_at(box_self(), (void *)(uintptr_t)load));
    ck_assert_int_eq(io_image_unload(one), STATUS_SUCCESS);
    one = load(box_self(), "counter", "one", STATUS_SUCCESS, error, sizeof(error));
    ck_assert_uint_eq(loads_of(one), 1);
}

NT_TEST(loader_names_every_unresolved_function_at_once)
{
    char error[512];
    load(box_self(), "unresolved", "unresolved", STATUS_PROCEDURE_NOT_FOUND, error, sizeof(error));
    ck_assert_msg(strstr(error, "KeNoSuchThing") && strstr(error, "NdisNoSuchThing"), "%s", error);
    ck_assert_ptr_null(io_image_find(box_self(), "unresolved"));
}

NT_TEST(loader_refuses_what_is_no_driver_image_and_says_why)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *word;
    } rows[] = {{"", 0, "not an ELF"}, {"MZ\x90", 3, "PE image"}, {"\x7f"
                                                                   "ELF",
                                                                   4, "not an ELF"},
                {"#!/bin/sh\n", 10, "not an ELF"}};
    char path[] = "/tmp/ndisbox-image-XXXXXX", error[512];
    int fd = mkstemp(path);
    for (size_t i = 0; i < 4; i++) {
        struct io_image *image;
        ck_assert_int_eq(ftruncate(fd, 0), 0);
        ck_assert_int_eq(pwrite(fd, rows[i].bytes, rows[i].count, 0), rows[i].count);
        struct io_image_config config = {.name = "bad", .path = path};
        ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof(error)), STATUS_INVALID_IMAGE_FORMAT);
        ck_assert_msg(strstr(error, rows[i].word) != NULL, "%s", error);
    }
    close(fd);
    unlink(path);
}

TEST(elf_survives_an_image_cut_anywhere_and_with_any_byte_changed)
{
    char path[512], *bytes;
    size_t count;
    struct elf_image image;
    const char *why;
    snprintf(path, sizeof(path), "%s/unresolved.so", NBX_TEST_DRIVER_DIR);
    ck_assert_int_eq(file_load(path, 1 << 24, &bytes, &count), 0);
    ck_assert_int_eq(elf_read(bytes, count, &image, &why), 0);
    unsigned undefined = 0;
    for (uint32_t i = 1; i < image.symbol_count; i++) {
        struct elf_symbol symbol;
        undefined += elf_symbol_at(&image, i, &symbol) && symbol.is_undefined && strstr(symbol.name, "NoSuchThing");
    }
    ck_assert_uint_eq(undefined, 2);
    for (size_t cut = 0; cut < count && cut < 4096; cut++) {
        char *copy = malloc(cut ? cut : 1);   // the exact size, so that a sanitizer sees one byte too far
        memcpy(copy, bytes, cut);
        if (elf_read(copy, cut, &image, &why) == 0)
            for (uint32_t i = 0; i < image.symbol_count && i < 10000; i++)
                elf_symbol_at(&image, i, &(struct elf_symbol){0});
        free(copy);
    }
    for (size_t at = 0; at < count && at < 2048; at++) {
        char before = bytes[at];
        bytes[at] = (char)(before ^ 0xff);
        if (elf_read(bytes, count, &image, &why) == 0)
            for (uint32_t i = 0; i < image.symbol_count && i < 10000; i++)
                elf_symbol_at(&image, i, &(struct elf_symbol){0});
        bytes[at] = before;
    }
    free(bytes);
}

static void
load_counter(void *arg)
{
    char error[512];
    load(box_self(), "counter", "counter", STATUS_SUCCESS, error, sizeof(error));
}

static void
load_in_a_child(const char *directory)
{
    const char *why;
    setenv("TMPDIR", directory, 1);
    struct sched *sched = sim_create(&(struct sim_config){.seed = 1}, &why);
    struct box *box = box_create(sched, &(struct box_config){.name = "box", .processors = 1});
    box_run(box, load_counter, NULL);
    box_destroy(box);
    sched_destroy(sched);
    exit(0);
}

static unsigned
entries_of(const char *path)
{
    unsigned count = 0;
    DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

TEST(loader_run_directory_goes_at_exit_and_a_dead_processs_is_swept)
{
    char directory[] = "/tmp/ndisbox-tests-XXXXXX", stale[128], file[160];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    ck_assert_int_eq(waitpid(dead, NULL, 0), dead);
    snprintf(stale, sizeof(stale), "%s/ndisbox-%d-abcdef", directory, (int)dead);
    snprintf(file, sizeof(file), "%s/x.so", stale);
    mkdir(stale, 0700);
    fclose(fopen(file, "w"));
    ck_assert_uint_eq(entries_of(directory), 1);
    pid_t child = fork();
    int status;
    if (child == 0)
        load_in_a_child(directory);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(entries_of(directory), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

// ---- copies -----------------------------------------------------------------------------------------------------------------------

// How many images lie in the one directory that this one holds.
static unsigned
copies_in(const char *directory)
{
    char path[600] = "";
    DIR *dir = opendir(directory);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
    closedir(dir);
    return path[0] ? entries_of(path) : 0;
}

static int
library_find(struct dl_phdr_info *info, size_t size, void *context)
{
    const char **path = context;
    if (!strstr(info->dlpi_name, "libjansson"))
        return 0;
    *path = info->dlpi_name;
    return 1;
}

static void
load_some(void *arg)
{
    const char *directory = arg;
    char error[512];
    struct io_image *image, *one = load(box_self(), "counter", "one", STATUS_SUCCESS, error, sizeof(error));
    load(box_self(), "counter", "two", STATUS_SUCCESS, error, sizeof(error));
    ck_assert_uint_eq(copies_in(directory), 2);
    ck_assert_int_eq(io_image_unload(one), STATUS_SUCCESS);
    ck_assert_uint_eq(copies_in(directory), box_self()->images ? 2 : 1);
    struct io_image_config library = {.name = "library"};
    ck_assert(dl_iterate_phdr(library_find, &library.path)); // no driver: it is mapped before that is seen
    ck_assert_int_eq(io_image_load(box_self(), &library, &image, error, sizeof(error)), STATUS_PROCEDURE_NOT_FOUND);
    ck_assert_msg(strstr(error, "no DriverEntry") != NULL, "%s", error);
    ck_assert_uint_eq(copies_in(directory), box_self()->images ? 2 : 1);
}

static void
one_box(const char *directory, struct loader_keep *keep)
{
    const char *why;
    struct sched *sched = sim_create(&(struct sim_config){.seed = 1}, &why);
    struct box *box = box_create(sched, &(struct box_config){.name = "box", .processors = 1});
    box->images = keep;
    ck_assert_int_eq(box_run(box, load_some, (void *)directory), 0);
    box_destroy(box);
    sched_destroy(sched);
}

static void
copies_come_and_go(const char *directory)
{
    setenv("TMPDIR", directory, 1);
    for (int i = 0; i < 3; i++) {
        one_box(directory, NULL);
        ck_assert_uint_eq(copies_in(directory), 0);
    }
    struct loader_keep *keep = loader_keep_create();
    for (int i = 0; i < 3; i++) {
        one_box(directory, keep);
        ck_assert_uint_eq(copies_in(directory), 2);
    }
    pid_t child = fork(); // which unmaps what it inherited: the copies are ours
    if (child == 0) {
        loader_keep_destroy(keep);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_uint_eq(copies_in(directory), 2);
    loader_keep_destroy(keep);
    ck_assert_uint_eq(copies_in(directory), 0);
    exit(0);
}

TEST(loader_removes_a_copy_when_its_image_is_unmapped_and_no_sooner)
{
    char directory[] = "/tmp/ndisbox-tests-XXXXXX";
    int status;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    pid_t child = fork();
    if (child == 0)
        copies_come_and_go(directory);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(rmdir(directory), 0);
}
