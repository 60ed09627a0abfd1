// SPDX-License-Identifier: MIT
// Names of code addresses: our own functions, static ones included, and places that are no code.
#include "harness/harness.h"
#include "verify/symbol.h"

#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static const void *
place_of_this_call(void)
{
    return __builtin_return_address(0);
}

TEST(symbol_describe_names_image_function_and_line)
{
    char text[256], expected[256];
    const void *place = place_of_this_call();
    snprintf(expected, sizeof expected, "unit_verify: symbol_describe_names_image_function_and_line_fn (symbol_test.c:%d)", __LINE__ - 1);
    verify_symbol_describe(place, text, sizeof text);
    ck_assert_str_eq(text, expected);
}

TEST(symbol_describe_shows_an_address_that_is_in_no_image_as_a_number)
{
    char text[64];
    verify_symbol_describe((const void *)0x1000, text, sizeof text);
    ck_assert_str_eq(text, "0x1000");
}

TEST(symbol_describe_cuts_off_what_does_not_fit)
{
    char text[8];
    verify_symbol_describe(place_of_this_call(), text, sizeof text);
    ck_assert_str_eq(text, "unit_ve");
}

TEST(symbol_print_stack_begins_at_the_given_frame)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    verify_symbol_print_stack(out, place_of_this_call());
    fclose(out);
    ck_assert_msg(strstr(text, "symbol_print_stack_begins_at_the_given_frame_fn") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "unit_verify: main (harness.c:") != NULL, "%s", text);
    free(text);
}
