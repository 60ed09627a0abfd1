// SPDX-License-Identifier: MIT
// --faults: the bundled drivers give up in order whichever allocation they do not get; one that forgets a block then is found, by the
// call stack, and the tape refuses the same allocation again. Done with the tool, as a user would.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/harness.h"

static char out[1 << 20], folder[64];

static int
shell(const char *line)
{
    char command[2048];
    snprintf(command, sizeof command, "cd %s && NDISBOX_DRIVERS=%s timeout 200 %s 2>&1", folder, NBX_DRIVER_DIR, line);
    FILE *stream = popen(command, "r");
    ck_assert_ptr_nonnull(stream);
    size_t used = fread(out, 1, sizeof out - 1, stream);
    out[used] = 0;
    int status = pclose(stream);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static void
folder_make(void)
{
    strcpy(folder, "/tmp/nbx-faults-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void
folder_remove(void)
{
    char line[128];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    ck_assert_int_eq(system(line), 0);
}

static void
bundled_clean(const char *stack)
{
    char line[512];
    folder_make();
    snprintf(line, sizeof line, NBX_TOOL " sim " NBX_SOURCE_DIR "/examples/%s --seeds 1..60 --faults each", stack);
    ck_assert_msg(shell(line) == 0, "%.3000s", out);
    // Something was refused, and in the end nothing new was left to refuse.
    ck_assert_msg(strstr(out, "seeds met none that was new") != NULL, "%.3000s", out);
    ck_assert_msg(strstr(out, "allocations refused on purpose              0") == NULL, "%.3000s", out);
    folder_remove();
}

TEST(the_drivers_of_two_boxes_survive_every_refused_call_stack)
{
    bundled_clean("two-boxes.yaml");
}

TEST(the_drivers_of_the_lossy_wire_survive_every_refused_call_stack)
{
    bundled_clean("lossy-wire.yaml");
}

static void
culprit_write(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/c.yaml", folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "ndisbox: 1\n"
            "boxes:\n"
            "  a:\n"
            "    drivers: { culprit: { path: %s/culprit.so } }\n"
            "    adapters: { nic0: { driver: vnic, port: \"wire:w\", filters: [culprit: { Crime: 4 }] } }\n"
            "  b:\n"
            "    adapters: { nic0: { driver: vnic, port: \"wire:w\", idle: ok } }\n"
            "wires: { w: {} }\n"
            "script:\n"
            "  - traffic: { from: a.nic0, to: b.nic0, frames: 10 }\n",
            NBX_TEST_DRIVER_DIR);
    fclose(file);
}

TEST(a_block_forgotten_after_a_refusal_is_found_and_replayed)
{
    char tape[256] = "", line[512];
    folder_make();
    culprit_write();
    ck_assert_msg(shell(NBX_TOOL " sim c.yaml --seeds 1..20") == 0, "%.3000s", out);
    ck_assert_int_eq(shell(NBX_TOOL " sim c.yaml --seeds 1..20 --faults each@culprit"), 1);
    ck_assert_msg(strstr(out, "was refused on purpose: culprit_forget (culprit.c:") != NULL, "%.3000s", out);
    ck_assert_msg(strstr(out, "1 with findings") != NULL, "%.3000s", out);
    const char *at = strstr(out, "ndisbox replay ");
    ck_assert_msg(at != NULL, "no replay command in:\n%.3000s", out);
    sscanf(at, "ndisbox replay %255s", tape);
    snprintf(line, sizeof line, NBX_TOOL " replay %s", tape);
    ck_assert_int_eq(shell(line), 1);
    ck_assert_msg(strstr(out, "1 block of pool with tag 'uCrb', 100 bytes") != NULL, "%.3000s", out);
    ck_assert_msg(strstr(out, "[NBX-0300]") != NULL && strstr(out, "culprit_forget") != NULL, "%.3000s", out);
    folder_remove();
}

TEST(a_fault_plan_that_is_none_starts_nothing)
{
    folder_make();
    culprit_write();
    ck_assert_int_eq(shell(NBX_TOOL " run c.yaml --faults sometimes"), 2);
    ck_assert_msg(strstr(out, "a number from 1, a percentage such as 0.5%, or each") != NULL, "%.2000s", out);
    folder_remove();
}
