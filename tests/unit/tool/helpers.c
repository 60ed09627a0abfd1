// SPDX-License-Identifier: MIT
// The helpers of tool_test.h. Each test is a process of its own, so its folder is too; it goes when the test ends well.
#include "tool_test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static void
folder_remove(void)
{
    char line[128];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    if (folder[0] && system(line))
        perror(line);
}

const char *
tool_folder(void)
{
    static const char *const drivers[] = {"vnic", "lwfmon", "echoproto", "tapproto", "passthru", "tcpip", "tdiecho", "tdihttpd", "ndkping"};
    if (folder[0])
        return folder;
    strcpy(folder, "/tmp/nbx-tool-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    atexit(folder_remove);
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.so", drivers[i]);
        tool_file(name, "", 0);
    }
    return folder;
}

void
tool_file(const char *name, const void *bytes, size_t length_bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", tool_folder(), name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length_bytes, file), length_bytes);
    fclose(file);
}

void
tool_text(const char *name, const char *text)
{
    tool_file(name, text, strlen(text));
}

static void
slurp(const char *name, char *text, size_t room)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", tool_folder(), name);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, room - 1, file)] = 0;
    fclose(file);
}

const struct told *
tool(const char *arguments)
{
    static struct told told;
    char line[4096];
    snprintf(line, sizeof line, "cd %s && export NDISBOX_DRIVERS=. && { timeout 100 %s %s; } >.out 2>.err </dev/null", tool_folder(),
             NBX_TOOL, arguments);
    int status = system(line);
    told.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    slurp(".out", told.out, sizeof told.out);
    slurp(".err", told.err, sizeof told.err);
    return &told;
}

void
told_has(const char *where, const char *text, const char *wanted, int line)
{
    ck_assert_msg(strstr(text, wanted) != NULL, "line %d: no \"%s\" on %s:\n%s", line, wanted, where, text);
}
