// SPDX-License-Identifier: MIT
// The gdb script against a live process: this test program itself, stopped in its deadlock test.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/harness.h"

TEST_TIMEOUT(120, gdb_script_shows_suspended_fibres_with_their_backtraces)
{
    char self[512], command[2048], output[65536];
    ssize_t bytes = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(bytes, 0);
    self[bytes] = 0;
    if (system("gdb --version >/dev/null 2>&1")) {
        puts("SKIPPED: gdb_script_shows_suspended_fibres_with_their_backtraces: gdb is not installed");
        return;
    }
    // LeakSanitizer does not work under a tracer.
    snprintf(command, sizeof command,
             "ASAN_OPTIONS=detect_leaks=0 NBX_TEST_NOFORK=1 DEBUGINFOD_URLS= timeout 100 gdb -nx -q -batch"
             " -ex 'source %s/tools/gdb/ndisbox-gdb.py' -ex 'break sim_report_fibres' -ex run"
             " -ex 'ndisbox fibres' -ex 'ndisbox fibres 9' --args %s deadlock_is_reported 2>&1",
             NBX_SOURCE_DIR, self);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    size_t count = fread(output, 1, sizeof output - 1, pipe);
    output[count] = 0;
    pclose(pipe);
    if (strstr(output, "Operation not permitted")) {
        puts("SKIPPED: gdb_script_shows_suspended_fibres_with_their_backtraces: no right to trace a process");
        return;
    }
    ck_assert_msg(strstr(output, "fibre 1 \"root\": waiting on the word") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "stuck_root ") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "fibre 2 \"philosopher\"") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "(the running one: see bt)") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "no fibre 9") != NULL, "%s", output);
}
