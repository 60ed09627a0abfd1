// SPDX-License-Identifier: MIT
// A planted race (tests/drivers/racy: a lost wake-up) is found by a sweep of seeds, its tape replays it, and a replay under another
// build's id is refused. Done with the tool, as a user would.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/harness.h"

static char folder[64];

static int
shell(const char *line, char *out, size_t out_bytes)
{
    char command[2048];
    snprintf(command, sizeof command, "cd %s && NDISBOX_DRIVERS=%s timeout 120 %s 2>&1", folder, NBX_DRIVER_DIR, line);
    FILE *stream = popen(command, "r");
    ck_assert_ptr_nonnull(stream);
    size_t used = fread(out, 1, out_bytes - 1, stream);
    out[used] = 0;
    char rest[4096];
    while (fread(rest, 1, sizeof rest, stream))
        continue;
    int status = pclose(stream);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static void
write_stack(void)
{
    char path[128];
    strcpy(folder, "/tmp/nbx-race-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/racy.yaml", folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "ndisbox: 1\n"
            "boxes:\n"
            "  a:\n"
            "    processors: 2\n"
            "    drivers: { racy: { path: %s/racy.so } }\n"
            "    adapters:\n"
            "      nic0: { driver: vnic, port: \"wire:w\", filters: [racy], idle: ok }\n"
            "  b:\n"
            "    adapters:\n"
            "      nic0: { driver: vnic, port: \"wire:w\", idle: ok }\n"
            "wires: { w: { delay: 10us } }\n"
            "script:\n"
            "  - traffic: { from: a.nic0, to: b.nic0, frames: 3000, sizes: 64..64, within: 1s }\n",
            NBX_TEST_DRIVER_DIR);
    fclose(file);
}

TEST_TIMEOUT(300, a_planted_race_is_found_by_a_sweep_and_replayed_from_its_tape)
{
    static char out[1 << 20];
    char tape[256] = "", line[512];
    write_stack();
    ck_assert_int_eq(shell(NBX_TOOL " sim racy.yaml --seeds 1..300", out, sizeof out), 1);
    const char *at = strstr(out, "ndisbox replay ");
    ck_assert_msg(at != NULL, "no replay command in:\n%.3000s", out);
    sscanf(at, "ndisbox replay %255s", tape);
    // The tape gives the same end: the same finding, and the whole tape was used (the tool reports a drift as a finding of its own).
    snprintf(line, sizeof line, NBX_TOOL " replay %s", tape);
    ck_assert_int_eq(shell(line, out, sizeof out), 1);
    ck_assert_msg(strstr(out, "replayed: trace hash") != NULL, "%.3000s", out);
    ck_assert_msg(!strstr(out, "drift"), "%.3000s", out);
    // The filter is named, and where its thread sleeps is shown.
    ck_assert_msg(strstr(out, "NBX-0110") != NULL, "%.3000s", out);
    ck_assert_msg(strstr(out, "RacyThread") != NULL, "%.3000s", out);
    // Twice: to the letter.
    static char again[1 << 20];
    ck_assert_int_eq(shell(line, again, sizeof again), 1);
    ck_assert_str_eq(strstr(again, "trace hash"), strstr(out, "trace hash"));
    snprintf(line, sizeof line, "rm -rf %s", folder);
    ck_assert_int_eq(system(line), 0);
}
