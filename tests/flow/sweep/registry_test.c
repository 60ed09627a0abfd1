// SPDX-License-Identifier: MIT
// Registry values of every kind for every setting of the bundled drivers: out of range, empty, huge, of the wrong type. A driver takes
// its default or refuses the adapter, the module or the binding with a line that names the setting; nothing crashes, nothing is left
// behind, and the sweep must have seen both.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "loader/inf/inf.h"
#include "ndis/ndis.h"
#include "world_kit.h"

static char huge[20000];
static unsigned stood, refused, unread;

// YAML for a value, and the kind it is; %s is nothing.
static const char *const values[] = {"0",
                                     "1",
                                     "4294967295",
                                     "\"4294967296\"",
                                     "\"-1\"",
                                     "\"0x\"",
                                     "\"\"",
                                     "\"a word\"",
                                     "\"\\u00fc\\u4e2d\"",
                                     "qword:18446744073709551615",
                                     "hex:01",
                                     "hex:00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11",
                                     "[]",
                                     "[a, b]",
                                     "{ a: 1 }",
                                     huge};

static void
huge_make(void)
{
    memset(huge, 'x', sizeof huge - 1);
    huge[0] = huge[sizeof huge - 2] = '"';
    huge[sizeof huge - 1] = 0;
}

static void
judge(const char *setting, const char *who, const char *value)
{
    ck_assert_msg(!strstr(sweep_world.said, "left behind"), "%s: %.40s\n%s", setting, value, sweep_world.said);
    if (sweep_world.result == WORLD_OK) {
        ck_assert_msg(sweep_world.findings == 0, "%s: %.40s stood, with findings\n%s", setting, value, sweep_world.said);
        stood++;
        return;
    }
    refused++;
    ck_assert_msg(strstr(sweep_world.said, who) != NULL, "%s: %.40s was refused without %s by\n%s", setting, value, who,
                  sweep_world.said);
}

// who: what the message of a refusal must name.
static void
sweep(const char *setting, const char *who, const char *adapter)
{
    static char text[1 << 16];
    huge_make();
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(text, sizeof text, adapter, setting, values[i]);
        if (sweep_run("", text, NULL))
            judge(setting, who, values[i]);
        else
            unread++;
    }
}

static void
both_were_seen(unsigned least_refused)
{
    printf("%u stood, %u refused, %u that no stack file can say\n", stood, refused, unread);
    ck_assert_uint_gt(stood, 0);
    ck_assert_uint_ge(refused, least_refused);
    ck_assert_uint_eq(unread, 0);
}

// The names come from vnic's INF, which another test holds against the driver's source.
static size_t
vnic_settings(char names[64][64])
{
    static char text[1 << 18];
    size_t count = 0;
    FILE *file = fopen(NBX_SOURCE_DIR "/drivers/vnic/vnic.inf", "rb");
    ck_assert_ptr_nonnull(file);
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    struct inf *inf = inf_read(&(struct inf_options){0}, text, bytes);
    const struct inf_component *component = inf ? inf_component_find(inf) : NULL;
    ck_assert_ptr_nonnull(component);
    ck_assert_uint_lt(component->param_count, 64);
    for (; count < component->param_count; count++)
        snprintf(names[count], 64, "%s", component->params[count].name);
    inf_destroy(inf);
    return count;
}

TEST_TIMEOUT(120, vnic_takes_or_refuses_any_value_of_each_of_its_settings)
{
    static char names[64][64];
    size_t count = vnic_settings(names);
    ck_assert_uint_ge(count, 18);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], "Port") != 0 && strcmp(names[i], "NetworkAddress") != 0)   // those two the runner writes itself
            sweep(names[i], names[i], "driver: vnic, port: sink, settings: { \"%s\": %s }");
    both_were_seen(30);
}

TEST_TIMEOUT(60, lwfmon_takes_or_refuses_any_value_of_each_of_its_settings)
{
    sweep("File", "lwfmon", "driver: vnic, port: sink, filters: [lwfmon: { \"%s\": %s }]");
    sweep("RingKB", "lwfmon", "driver: vnic, port: sink, filters: [lwfmon: { \"%s\": %s, File: \"\\\\??\\\\lwfmon\\\\x\" }]");
    both_were_seen(10);
}

TEST_TIMEOUT(60, echoproto_takes_or_refuses_any_value_of_each_of_its_settings)
{
    sweep("PacketFilter", "echoproto", "driver: vnic, port: sink, protocols: [echoproto: { \"%s\": %s }]");
    sweep("SwapMac", "echoproto", "driver: vnic, port: sink, protocols: [echoproto: { \"%s\": %s }]");
    both_were_seen(0);
}

TEST_TIMEOUT(60, passthru_takes_or_refuses_any_value_of_its_setting)
{
    sweep("UpperBindings", "passthru", "driver: vnic, port: sink, intermediates: [passthru: { \"%s\": %s }]");
    printf("%u stood, %u refused\n", stood, refused);
    ck_assert_uint_gt(refused, 0);
}
