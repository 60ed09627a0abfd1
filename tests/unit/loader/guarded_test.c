// SPDX-License-Identifier: MIT
// A driver image with __try (tests/drivers/guarded): bad addresses from a caller, raises, and what must not be caught.
#include <string.h>
#include <sys/mman.h>

#include <nbx/file.h>

#include "nt/io/image.h"
#include "unit/nt/bugcheck.h"

#define CODE(number) CTL_CODE(FILE_DEVICE_UNKNOWN, number, METHOD_NEITHER, FILE_ANY_ACCESS)

static struct io_image *
guarded_load(struct nbx_file **file)
{
    struct io_image *image;
    char error[512];
    struct io_image_config config = {.name = "guarded", .path = NBX_TEST_DRIVER_DIR "/guarded.so"};
    ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof error), STATUS_SUCCESS);
    // Through the link \??\Global, as user mode opens what a driver puts into \DosDevices\Global.
    ck_assert_int_eq(nbx_file_open("\\\\.\\Global\\Guarded", NBX_FILE_READ | NBX_FILE_WRITE, file), STATUS_SUCCESS);
    return image;
}

static NTSTATUS
guarded_ask(struct nbx_file *file, uint32_t number, const void *where, uint32_t *finished)
{
    return nbx_file_control(file, CODE(number), where, 4, NULL, 0, NULL, finished);
}

NT_TEST(a_driver_image_catches_what_bad_addresses_of_its_caller_raise)
{
    struct nbx_file *file;
    struct io_image *image = guarded_load(&file);
    uint32_t value = 21, finished = 0;
    void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(guarded_ask(file, 0, &value, &finished), STATUS_SUCCESS);
    ck_assert_uint_eq(value, 42);
    ck_assert_uint_eq(finished, 1);
    ck_assert_int_eq(guarded_ask(file, 0, nowhere, NULL), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(guarded_ask(file, 1, nowhere, NULL), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(guarded_ask(file, 1, (char *)&value + 1, NULL), STATUS_DATATYPE_MISALIGNMENT);
    ck_assert_int_eq(guarded_ask(file, 2, &value, NULL), STATUS_DEVICE_BUSY);
    ck_assert_int_eq(guarded_ask(file, 1, &value, &finished), STATUS_SUCCESS);
    ck_assert_uint_eq(value, 84);
    ck_assert_uint_eq(finished, 6);                  // the __finally block ran each time
    munmap(nowhere, 4096);
    nbx_file_close(file);
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

static void
cross(void)
{
    struct nbx_file *file;
    guarded_load(&file);
    guarded_ask(file, 3, NULL, NULL);
    _exit(0);
}

TEST(a_raise_in_a_callback_is_not_caught_outside_of_the_door_that_called_it)
{
    expect_bugcheck(cross, "an exception must not leave IofCompleteRequest");
}
