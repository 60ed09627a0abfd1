// SPDX-License-Identifier: MIT
// The doors that refuse: calling one prints its name and its caller, and ends the process with status 1.
// The doors are found with dlsym, as a driver finds them, so these tests fail too when the export list forgets them.
#include "harness/harness.h"
#include "verify/ddi_table.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef __attribute__((ms_abi)) void *door_fn(void *, void *, void *, void *, void *, void *);

static const struct ddi_row *
first_refused_row(void)
{
    for (size_t i = 0; i < DDI_COUNT; i++)
        if (ddi_rows[i].kind == DDI_KIND_FUNCTION && ddi_rows[i].status == DDI_STATUS_REFUSE)
            return &ddi_rows[i];
    ck_abort_msg("the table refuses nothing");
}

/* Calls name in a child process; returns its wait status and what it wrote to stderr. */
__attribute__((noinline)) static int
call_in_child(const char *name, char *text, size_t size)
{
    int ends[2], status;
    size_t length = 0;
    ssize_t got;

    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(ends[1], 2);
        door_fn *door = (door_fn *)dlsym(RTLD_DEFAULT, name);
        if (!door)
            _exit(9);
        door(NULL, NULL, NULL, NULL, NULL, NULL);
        _exit(8);
    }
    close(ends[1]);
    while (length + 1 < size && (got = read(ends[0], text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = 0;
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

TEST(refused_call_prints_its_name_and_ends_with_status_1)
{
    const struct ddi_row *row = first_refused_row();
    char text[4096], expected[256];
    int status = call_in_child(row->name, text, sizeof text);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status 0x%x: %s", status, text);
    snprintf(expected, sizeof expected, "driver called %s, which ndisbox does not provide (refuse)", row->name);
    ck_assert_msg(strstr(text, expected) != NULL, "%s", text);
    ck_assert_msg(strstr(text, "[NBX-0001]") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "\n    #0  call_in_child ") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "refuse_test.c:") != NULL && strstr(text, "refuse_test.c:") < strstr(text, ": error: "), "%s", text);
}

TEST(every_function_of_the_table_is_visible_to_a_driver)
{
    for (size_t i = 0; i < DDI_COUNT; i++)
        if (ddi_rows[i].kind == DDI_KIND_FUNCTION && (ddi_rows[i].file == NULL || strncmp(ddi_rows[i].file, "src/", 4) == 0))
            ck_assert_msg(dlsym(RTLD_DEFAULT, ddi_rows[i].name) != NULL, "%s is not exported", ddi_rows[i].name);
}

TEST(only_windows_names_and_the_embedder_api_are_visible_to_a_driver)
{
    ck_assert_ptr_null(dlsym(RTLD_DEFAULT, "verify_refused_call"));
    ck_assert_ptr_null(dlsym(RTLD_DEFAULT, "ddi_row_find"));
}
