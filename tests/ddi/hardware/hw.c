// SPDX-License-Identifier: MIT
// See hw.h.
#include "hw.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct hw hw;
static const struct nbx_device_config *hw_config;
static void (*hw_fn)(void);

static void
hw_inside(void)
{
    if (hw_config)
        ck_assert_int_eq(nbx_device_create(hw_config, &hw.device), 0);
    hw_fn();
    if (kit.adapter)
        ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    if (hw.device)
        ck_assert_int_eq(nbx_device_destroy(hw.device), 0);
    hw.device = NULL;
}

void
hw_run(uint64_t seed, const struct nbx_device_config *config, void (*fn)(void))
{
    hw_config = config;
    hw_fn = fn;
    kit_run(seed, hw_inside);
}

void
hw_reported(const struct nbx_device_config *config, void (*fn)(void), const char *words)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], 2);
        hw_run(2, config, fn);
        _exit(0);
    }
    close(ends[1]);
    static char text[16384];
    size_t bytes = 0;
    for (ssize_t n; bytes < sizeof text - 1 && (n = read(ends[0], text + bytes, sizeof text - 1 - bytes)) > 0;)
        bytes += (size_t)n;
    text[bytes] = 0;
    close(ends[0]);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x, said %s", status, text);
    ck_assert_msg(strstr(text, words) != NULL, "said: %s", text);
}

void
hw_wait(const _Atomic uint32_t *word, uint32_t value)
{
    LARGE_INTEGER wait = {.QuadPart = -10000};
    for (int ms = 0; ms < 1000 && *word < value; ms++)
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    ck_assert_uint_ge(*word, value);
}

void
hw_settle(void)
{
    LARGE_INTEGER wait = {.QuadPart = -1000000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
}
