// SPDX-License-Identifier: MIT
// Images that stay loaded: what a driver wrote into its own memory is gone when it is loaded again, and only that.
#include "loader/keep.h"

#include <string.h>

#include "loader/elf.h"
#include "nt/io/io.h"
#include "unit/nt/nt_test.h"

static struct io_image *
keeper_load(const char *name)
{
    char error[512];
    struct io_image *image;
    struct io_image_config config = {.name = name, .path = NBX_TEST_DRIVER_DIR "/keeper.so"};
    ck_assert_msg(io_image_load(box_self(), &config, &image, error, sizeof(error)) == STATUS_SUCCESS, "%s", error);
    return image;
}

static const ULONG *
keeper_found(struct io_image *image)
{
    return image->driver_object->DeviceObject->DeviceExtension;
}

static void
keeper_is_fresh(struct io_image *image, ULONG runs_before)
{
    const ULONG *found = keeper_found(image);
    ck_assert_uint_eq(found[0], 0);
    ck_assert_uint_eq(found[1], 7);
    ck_assert_uint_eq(found[2], 3);
    ck_assert_uint_eq(found[3], 0);
    ck_assert_uint_eq(found[4], 1 + runs_before);   // of coverage: the process's, not the run's
    ck_assert_uint_eq(found[5], 1 + runs_before);
    ck_assert_uint_eq(found[6], 1);
}

NT_TEST(a_kept_image_is_loaded_again_as_it_was_before_DriverEntry_but_for_what_coverage_counts)
{
    struct loader_keep *keep = loader_keep_create();
    box_self()->images = keep;
    const void *base = NULL;
    for (ULONG run = 0; run < 5; run++) {
        struct io_image *image = keeper_load("keeper");
        keeper_is_fresh(image, run);
        ck_assert(!base || image->base == base);
        base = image->base;
        ck_assert_ptr_eq(io_image_at(box_self(), (void *)(uintptr_t)image->driver_object->DriverInit), image);
        ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
        ck_assert_ptr_null(io_image_at(box_self(), base));
    }
    ck_assert_uint_eq(loader_keep_count(keep), 1);
    loader_keep_destroy(keep);
    box_self()->images = NULL;
}

NT_TEST(two_loads_at_once_are_two_images_and_a_third_takes_the_one_that_was_given_back)
{
    struct loader_keep *keep = loader_keep_create();
    box_self()->images = keep;
    char error[512];
    struct loader_image one, two, three, other;
    ck_assert_int_eq(loader_keep_open(keep, NBX_TEST_DRIVER_DIR "/keeper.so", "keeper", &one, error, sizeof error), 0);
    ck_assert_int_eq(loader_keep_open(keep, NBX_TEST_DRIVER_DIR "/keeper.so", "keeper", &two, error, sizeof error), 0);
    ck_assert_ptr_ne(one.base, two.base);
    loader_keep_close(keep, one.dl);
    ck_assert_int_eq(loader_keep_open(keep, NBX_TEST_DRIVER_DIR "/counter.so", "counter", &other, error, sizeof error), 0);
    ck_assert_ptr_ne(one.base, other.base);
    ck_assert_int_eq(loader_keep_open(keep, NBX_TEST_DRIVER_DIR "/keeper.so", "keeper", &three, error, sizeof error), 0);
    ck_assert_ptr_eq(one.base, three.base);
    ck_assert_uint_eq(loader_keep_count(keep), 3);
    loader_keep_close(keep, two.dl);
    loader_keep_close(keep, three.dl);
    loader_keep_close(keep, other.dl);
    loader_keep_destroy(keep);
    box_self()->images = NULL;
}

NT_TEST(a_file_that_cannot_be_loaded_is_not_kept)
{
    struct loader_keep *keep = loader_keep_create();
    char error[512];
    struct loader_image image;
    ck_assert_int_lt(loader_keep_open(keep, "/nowhere/x.so", "x", &image, error, sizeof error), 0);
    ck_assert_msg(strstr(error, "cannot read"), "%s", error);
    ck_assert_uint_eq(loader_keep_count(keep), 0);
    loader_keep_destroy(keep);
}
