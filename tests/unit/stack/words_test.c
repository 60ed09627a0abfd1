// SPDX-License-Identifier: MIT
// The nearest word.
#include "stack_test.h"

static const char *const words[] = {"filters", "protocols", "port", "mac", "driver", NULL};

TEST(the_nearest_word_wins_whatever_the_slip)
{
    ck_assert_str_eq(stack_word_nearest("filter", words), "filters");
    ck_assert_str_eq(stack_word_nearest("flietrs", words), "filters");
    ck_assert_str_eq(stack_word_nearest("prot", words), "port");
    ck_assert_str_eq(stack_word_nearest("DRIVER", words), "driver");
    ck_assert_str_eq(stack_word_nearest("protocol", words), "protocols");
    ck_assert_str_eq(stack_word_nearest("mac", words), "mac");
}

TEST(a_word_too_far_away_is_not_suggested)
{
    ck_assert_ptr_null(stack_word_nearest("address", words));
    ck_assert_ptr_null(stack_word_nearest("", words));
    ck_assert_ptr_null(stack_word_nearest("m", words));
    char longer[200] = {0};
    memset(longer, 'm', sizeof longer - 1);
    ck_assert_ptr_null(stack_word_nearest(longer, words));
}
