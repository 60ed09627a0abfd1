// SPDX-License-Identifier: MIT
// The import table of Windows images, made here byte by byte.
#include "loader/pe.h"

#include <stdio.h>
#include <string.h>

#include "harness/harness.h"

static uint8_t image[4096];
static size_t image_bytes;

static void
put(size_t at, uint64_t value, size_t bytes)
{
    memcpy(image + at, &value, bytes);
}

// Headers up to 0x200, one section at address 0x1000 and offset 0x200, with two libraries and three imports.
static void
image_make(bool is_wide)
{
    size_t step = is_wide ? 8 : 4, optional = 0x58, directory = optional + (is_wide ? 112 : 96);
    memset(image, 0, sizeof image);
    image_bytes = 0x600;
    memcpy(image, "MZ", 2);
    put(60, 0x40, 4);
    memcpy(image + 0x40, "PE\0\0", 4);
    put(0x44, is_wide ? 0x8664 : 0x14C, 2);
    put(0x46, 1, 2);
    put(0x54, is_wide ? 240 : 224, 2);
    put(optional, is_wide ? 0x20B : 0x10B, 2);
    put(optional + 60, 0x200, 4);
    put(optional + 68, 1, 2);
    put(directory - 4, 16, 4);
    put(directory + 8, 0x1000, 4);
    put(directory + 12, 60, 4);
    size_t section = optional + (is_wide ? 240 : 224);
    put(section + 8, 0x400, 4);
    put(section + 12, 0x1000, 4);
    put(section + 16, 0x400, 4);
    put(section + 20, 0x200, 4);
    put(0x200, 0x1080, 4);                        // names of the first
    put(0x200 + 12, 0x1100, 4);
    put(0x200 + 16, 0x10C0, 4);
    put(0x214 + 12, 0x1110, 4);                   // the second has addresses alone
    put(0x214 + 16, 0x10A0, 4);
    put(0x280, 0x1120, step);
    put(0x280 + step, 0x1140, step);
    put(0x2A0, (UINT64_C(1) << (step * 8 - 1)) | 77, step);
    strcpy((char *)image + 0x300, "ndis.sys");
    strcpy((char *)image + 0x310, "HAL.dll");
    strcpy((char *)image + 0x322, "NdisFoo");
    strcpy((char *)image + 0x342, "NdisBar");
}

struct seen {
    char text[512];
    unsigned count, stop_after;
};

static bool
each(void *to, const char *library, const char *name, uint16_t ordinal)
{
    struct seen *seen = to;
    char line[128];
    snprintf(line, sizeof line, "%s!%s#%u ", library, name ? name : "", ordinal);
    strcat(seen->text, line);
    return ++seen->count != seen->stop_after;
}

TEST(imports_by_name_and_number_of_both_kinds_of_image)
{
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        struct pe_image pe;
        struct seen seen = {0};
        const char *why = NULL;
        image_make(is_wide);
        ck_assert_int_eq(pe_read(image, image_bytes, &pe, &why), 0);
        ck_assert(pe.is_native && pe.is_wide == is_wide);
        ck_assert_int_eq(pe.machine, is_wide ? 0x8664 : 0x14C);
        ck_assert_int_eq(pe_imports(&pe, each, &seen, &why), 0);
        ck_assert_str_eq(seen.text, "ndis.sys!NdisFoo#0 ndis.sys!NdisBar#0 HAL.dll!#77 ");
        struct seen one = {.stop_after = 1};
        ck_assert_int_eq(pe_imports(&pe, each, &one, &why), 0);
        ck_assert_uint_eq(one.count, 1);
    }
}

TEST(an_image_without_imports_has_none)
{
    struct pe_image pe;
    struct seen seen = {0};
    const char *why = NULL;
    image_make(true);
    put(0x58 + 112 + 8, 0, 4);
    ck_assert_int_eq(pe_read(image, image_bytes, &pe, &why), 0);
    ck_assert_int_eq(pe_imports(&pe, each, &seen, &why), 0);
    ck_assert_uint_eq(seen.count, 0);
}

static void
refused(const char *wanted)
{
    struct pe_image pe;
    const char *why = NULL;
    ck_assert_int_ne(pe_read(image, image_bytes, &pe, &why), 0);
    ck_assert_str_eq(why, wanted);
}

TEST(headers_that_are_damaged_are_refused)
{
    memset(image, 0, sizeof image);
    image_bytes = 1;
    refused("it is not a PE file");
    image_make(true);
    put(60, 0xFFFFFFF0, 4);
    refused("it has no PE header (a DOS program?)");
    image_make(true);
    image_bytes = 0x46;
    refused("its headers end with the file");
    image_make(true);
    put(0x58, 0x107, 2);
    refused("its optional header is of no known kind");
    image_make(true);
    put(0x54, 100, 2);
    refused("its optional header is too short");
    image_make(true);
    put(0x46, 0xFFFF, 2);
    refused("its section headers end with the file");
}

static void
damaged(const char *wanted)
{
    struct pe_image pe;
    struct seen seen = {0};
    const char *why = NULL;
    ck_assert_int_eq(pe_read(image, image_bytes, &pe, &why), 0);
    ck_assert_int_ne(pe_imports(&pe, each, &seen, &why), 0);
    ck_assert_str_eq(why, wanted);
}

TEST(an_import_table_that_is_damaged_is_refused)
{
    image_make(true);
    put(0x58 + 112 + 8, 0x13F0, 4);
    damaged("its import table lies outside the file");
    image_make(true);
    put(0x200 + 12, 0x13FF, 4);
    image[0x5FF] = 'x';
    damaged("the name of an imported library lies outside the file");
    image_make(true);
    put(0x280, 0x9000, 8);
    damaged("an imported name lies outside the file");
    image_make(true);
    put(0x280, UINT64_C(0x100001120), 8);
    damaged("an imported name lies outside the file");
    image_make(true);
    put(0x200, 0x9000, 4);
    damaged("a list of imported names lies outside the file");
    image_make(true);
    memset(image + 0x280, 0x11, 0x380);
    put(0x300, 'n', 2);
    put(0x310, 'n', 2);
    damaged("an imported name lies outside the file");
}
