// SPDX-License-Identifier: MIT
// How --faults is written and read.
#include "faults.h"
#include "tool_test.h"

TEST(a_fault_plan_is_a_number_a_percentage_or_each)
{
    struct faults faults;
    char error[200];
    ck_assert(faults_parse("17", &faults, error, sizeof error));
    ck_assert(faults.plan.mode == EX_FAULT_NUMBER && faults.plan.number == 17 && !faults.plan.driver);
    ck_assert(faults_parse("0.05%", &faults, error, sizeof error));
    ck_assert(faults.plan.mode == EX_FAULT_CHANCE && faults.plan.per_million == 500);
    ck_assert(faults_parse("100%@mylwf", &faults, error, sizeof error));
    ck_assert(faults.plan.per_million == 1000000);
    ck_assert_str_eq(faults.plan.driver, "mylwf");
    ck_assert(faults_parse("each@vnic", &faults, error, sizeof error));
    ck_assert(faults.plan.mode == EX_FAULT_STACK);
}

TEST(what_is_no_fault_plan_is_refused_with_the_forms_there_are)
{
    static const char *const wrong[] = {"", "0", "x", "1x", "-1", "101%", "0%", "0.00001%",
                                        "1.2.3%", "%", ".5%", "every", "1@", "each@", "99999999999999999999999"};
    struct faults faults;
    char error[200];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_msg(!faults_parse(wrong[i], &faults, error, sizeof error), "\"%s\" was taken", wrong[i]);
        ck_assert(strlen(error) > 20);
    }
}

TEST(a_fault_plan_is_printed_as_it_is_read)
{
    static const char *const forms[] = {"17", "17@mylwf", "0.0500%", "100.0000%@a"};
    struct faults faults;
    struct ex_fault_state state = {0};
    char error[200], text[128];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        ck_assert(faults_parse(forms[i], &faults, error, sizeof error));
        faults_print(&faults.plan, &state, text, sizeof text);
        ck_assert_str_eq(text, forms[i]);
    }
    state.last_number = 9;
    ck_assert(faults_parse("each@vnic", &faults, error, sizeof error));
    faults_print(&faults.plan, &state, text, sizeof text);
    ck_assert_str_eq(text, "9@vnic");
}
