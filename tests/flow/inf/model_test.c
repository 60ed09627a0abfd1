// SPDX-License-Identifier: MIT
// The INFs of the bundled drivers and of the examples are models: each reads without a word of complaint, for each architecture, and
// says what its driver's source says: names, GUIDs, and vnic's keywords with their limits.
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "loader/inf/inf.h"

static char *
file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    char *text = calloc(1, 1 << 20);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, file), (1 << 20) - 1);
    fclose(file);
    return text;
}

static void
on_message(void *context, struct inf_place place, bool is_error, const char *sentence)
{
    ck_abort_msg("%s:%u:%u: %s", (const char *)context, place.line, place.column, sentence);
}

static struct inf *
inf_of(const char *path, const char *arch)
{
    struct inf_options options = {.arch = arch, .on_message = on_message, .context = (void *)path};
    char *text = file_text(path);
    struct inf *inf = inf_read(&options, text, strlen(text));
    free(text);
    ck_assert_ptr_nonnull(inf);
    ck_assert_ptr_nonnull(inf_component_find(inf));
    return inf;
}

TEST(every_inf_of_ours_is_read_without_a_complaint_and_names_its_driver)
{
    static const char *const archs[] = {"amd64", "arm64"};
    glob_t found;
    ck_assert_int_eq(glob(NBX_SOURCE_DIR "/drivers/*/*.inf", 0, NULL, &found), 0);
    ck_assert_int_eq(glob(NBX_SOURCE_DIR "/examples/*/*.inf", GLOB_APPEND, NULL, &found), 0);
    ck_assert_uint_ge(found.gl_pathc, 9);
    for (size_t i = 0; i < found.gl_pathc; i++)
        for (int a = 0; a < 2; a++) {
            const char *path = found.gl_pathv[i];
            struct inf *inf = inf_of(path, archs[a]);
            const struct inf_component *component = inf_component_find(inf);
            char folder[256], binary[64];
            snprintf(binary, sizeof binary, "%s.sys", component->service);
            snprintf(folder, sizeof folder, "/%s/", component->service);
            ck_assert_msg(strstr(path, folder) != NULL, "%s: its service is %s", path, component->service);
            ck_assert_str_eq(component->binary, binary);
            ck_assert_str_eq(component->ndi_service, component->service);
            inf_destroy(inf);
        }
    globfree(&found);
}

TEST(a_filters_inf_has_the_guid_that_the_filter_registers)
{
    static const char *const filters[][2] = {{"/drivers/lwfmon/lwfmon.inf", "/drivers/lwfmon/entry.c"},
                                             {"/examples/hello_filter/hello_filter.inf", "/examples/hello_filter/hello_filter.c"}};
    for (int i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s%s", NBX_SOURCE_DIR, filters[i][0]);
        struct inf *inf = inf_of(path, "amd64");
        snprintf(path, sizeof path, "%s%s", NBX_SOURCE_DIR, filters[i][1]);
        char *source = file_text(path);
        ck_assert_msg(strstr(source, inf_component_find(inf)->instance_id) != NULL, "%s", path);
        free(source);
        inf_destroy(inf);
    }
}

// KEYWORD("*RSS", rss, 1, 0, 1): what the INF says of it must be the same.
static void
keyword_is(const struct inf *inf, const struct inf_component *component, const char *name, unsigned initial, unsigned low,
           unsigned high)
{
    const struct inf_param *param = inf_param_find(component, INF_PARAM_ADAPTER, name);
    char text[16];
    ck_assert_msg(param != NULL, "vnic.inf has no %s", name);
    ck_assert_msg(param->initial && strtoul(param->initial, NULL, 10) == initial, "%s: the driver's default is %u, the INF's %s", name,
                  initial, param->initial ? param->initial : "-");
    for (int side = -1; side <= 1; side += 2) {
        snprintf(text, sizeof text, "%u", side < 0 ? low : high);
        ck_assert_msg(!inf_param_check(inf, param, text), "%s: the INF refuses %s", name, text);
        snprintf(text, sizeof text, "%lld", (long long)(side < 0 ? low : high) + side);
        ck_assert_msg(inf_param_check(inf, param, text) != NULL, "%s: the INF takes %s", name, text);
    }
}

TEST(vnics_inf_has_the_drivers_keywords_with_its_defaults_and_limits)
{
    struct inf *inf = inf_of(NBX_SOURCE_DIR "/drivers/vnic/vnic.inf", "amd64");
    char *source = file_text(NBX_SOURCE_DIR "/drivers/vnic/settings.c");
    unsigned found = 0;
    for (const char *at = source; (at = strstr(at, "KEYWORD(\"")) != NULL; at++) {
        char name[64];
        unsigned initial, low, high;
        if (sscanf(at, "KEYWORD(\"%63[^\"]\", %*[^,], %u, %u, %u)", name, &initial, &low, &high) != 4)
            continue;
        keyword_is(inf, inf_component_find(inf), name, initial, low, high);
        found++;
    }
    ck_assert_uint_ge(found, 15);
    free(source);
    inf_destroy(inf);
}
