// SPDX-License-Identifier: MIT
// Report files and suppressions: what is refused, with file and line, what is hidden, what is written.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/harness.h"
#include "verify/sink.h"

static char path[64];

static struct verify_sink *
sink_with(const char *suppressions, char *error)
{
    snprintf(path, sizeof path, "/tmp/nbx-sink-%d.txt", getpid());
    FILE *file = fopen(path, "w");
    fputs(suppressions, file);
    fclose(file);
    struct verify_sink *sink = verify_sink_create();
    error[0] = 0;
    if (!verify_sink_suppress(sink, path, error, 256)) {
        verify_sink_destroy(sink);
        sink = NULL;
    }
    unlink(path);
    return sink;
}

static void
is_refused(const char *suppressions, unsigned line, const char *why)
{
    char error[256], place[96];
    ck_assert_msg(!sink_with(suppressions, error), "%s", suppressions);
    snprintf(place, sizeof place, "%s:%u: ", path, line);
    ck_assert_msg(!strncmp(error, place, strlen(place)), "%s", error);
    ck_assert_msg(strstr(error, why) != NULL, "%s", error);
}

TEST(a_suppression_file_that_is_wrong_is_refused_with_its_line)
{
    is_refused("# fine\n\nNBX-0200\n", 3, "fun:NAME");
    is_refused("NBX-0200 Name # why\n", 1, "fun:NAME");
    is_refused("NBX-0200 fun: # why\n", 1, "fun:NAME");
    is_refused("NBX-0200 fun:Name more # why\n", 1, "fun:NAME");
    is_refused("NBX-0200 fun:Name\n", 1, "say why");
    is_refused("NBX-0200 fun:Name # \n", 1, "say why");
    is_refused("NBX-9999 fun:Name # why\n", 1, "no such rule");
    is_refused("NBX-0005 fun:Name # why\n", 1, "cannot be suppressed");
    char *text = malloc(2002);
    memset(text, 'x', 2000);
    strcpy(text + 2000, "\n");
    is_refused(text, 1, "too long");
    free(text);
}

static void
say(void *context, const char *text)
{
    char *all = context;
    strcat(all, text);
    strcat(all, "\n");
}

TEST(a_suppression_hides_its_rule_where_a_function_of_the_stack_matches_and_is_listed_when_it_never_did)
{
    char error[256], unused[512] = "";
    struct verify_sink *sink = sink_with("NBX-0200 fun:My*Send # known\nNBX-0200 fun:Other # never\n", error);
    ck_assert_msg(sink != NULL, "%s", error);
    const char *stack[] = {"NdisAcquireSpinLock", "", "MyFilterSend"}, *elsewhere[] = {"MyFilterSends"};
    ck_assert(verify_sink_hides(sink, NBX_0200, stack, 3));
    ck_assert(!verify_sink_hides(sink, NBX_0200, stack, 2));
    ck_assert(!verify_sink_hides(sink, NBX_0200, elsewhere, 1));
    ck_assert(!verify_sink_hides(sink, NBX_0005, stack, 3));
    verify_sink_unused(sink, say, unused);
    ck_assert_ptr_null(strstr(unused, "My*Send"));
    ck_assert_ptr_nonnull(strstr(unused, ":2: NBX-0200 fun:Other matched nothing"));
    verify_sink_destroy(sink);
}

static char *
file_text(const char *name)
{
    static char text[4096];
    FILE *file = fopen(name, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

TEST(reports_are_written_as_text_and_as_JSON_and_other_names_are_refused)
{
    char text_path[64], json_path[64], error[256];
    snprintf(text_path, sizeof text_path, "/tmp/nbx-report-%d.txt", getpid());
    snprintf(json_path, sizeof json_path, "/tmp/nbx-report-%d.json", getpid());
    struct verify_sink *sink = verify_sink_create();
    ck_assert(!verify_sink_report(sink, "/tmp/report.html", error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, ".json, .txt, .xml"));
    ck_assert(!verify_sink_report(sink, "/nowhere/report.txt", error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "No such file"));
    ck_assert(verify_sink_report(sink, text_path, error, sizeof error));
    ck_assert(verify_sink_report(sink, json_path, error, sizeof error));
    ck_assert_str_eq(file_text(text_path), "");
    json_t *json = json_load_file(json_path, 0, NULL);       // nothing found is a document too
    ck_assert_uint_eq(json_array_size(json_object_get(json, "findings")), 0);
    json_decref(json);
    verify_sink_add(sink, "first", json_pack("{s:s}", "rule", "NBX-0200"));
    verify_sink_add(sink, "second", json_pack("{s:s}", "rule", "NBX-0005"));
    ck_assert_str_eq(file_text(text_path), "first\nsecond\n");
    json = json_load_file(json_path, 0, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "findings")), 2);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(json, "findings"), 1), "rule")), "NBX-0005");
    json_decref(json);
    verify_sink_destroy(sink);
    unlink(text_path);
    unlink(json_path);
}

TEST(a_finding_that_breaks_no_rule_stands_in_reports_with_its_place)
{
    char json_path[64], error[256];
    snprintf(json_path, sizeof json_path, "/tmp/nbx-report-%d.json", getpid());
    struct verify_sink *sink = verify_sink_create();
    ck_assert(verify_sink_report(sink, json_path, error, sizeof error));
    verify_sink_replay(sink, "ndisbox replay t");
    verify_sink_say(sink, "dir/a.yaml:12:7: error: tx_frames: found 3");
    verify_sink_say(sink, "a: driver x did not attach: error: none");
    json_t *json = json_load_file(json_path, 0, NULL), *first = json_array_get(json_object_get(json, "findings"), 0);
    ck_assert(json_is_null(json_object_get(first, "rule")));
    ck_assert_str_eq(json_string_value(json_object_get(first, "file")), "dir/a.yaml");
    ck_assert_int_eq(json_integer_value(json_object_get(first, "line")), 12);
    ck_assert_int_eq(json_integer_value(json_object_get(first, "column")), 7);
    ck_assert_str_eq(json_string_value(json_object_get(first, "text")), "tx_frames: found 3");
    ck_assert_str_eq(json_string_value(json_object_get(first, "replay")), "ndisbox replay t");
    const json_t *second = json_array_get(json_object_get(json, "findings"), 1);
    ck_assert_str_eq(json_string_value(json_object_get(second, "text")), "a: driver x did not attach: error: none");
    ck_assert_ptr_null(json_object_get(second, "file"));
    json_decref(json);
    verify_sink_destroy(sink);
    unlink(json_path);
}
