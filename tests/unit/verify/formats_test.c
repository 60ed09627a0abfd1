// SPDX-License-Identifier: MIT
// Findings as SARIF and as JUnit: what other people's readers look for stands where they look for it.
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/harness.h"
#include "verify/formats.h"

#define FRAME(function, file, line) \
    "{\"function\": \"" function "\", \"file\": \"" file "\", \"line\": " line ", \"column\": 9, \"image\": \"x.so\"}"

// clang-format off
static const char broken[] =
    "{\"rule\": \"NBX-0103\", \"name\": \"OidNotPending\", \"function\": \"NdisMOidRequestComplete\", \"text\": \"it is not pending\","
    " \"driver\": \"mine\", \"file\": \"/src/a b/mine.c\", \"line\": 42, \"column\": 5, \"replay\": \"ndisbox replay x\","
    " \"stack\": [" FRAME("on_timer", "/src/a b/mine.c", "42") "],"
    " \"object\": {\"kind\": \"NDIS_OID_REQUEST\", \"history\": ["
    "   {\"number\": 0, \"what\": \"handed to\", \"driver\": \"mine\", \"function\": \"MiniportOidRequest\", \"thread\": 1,"
    "    \"at_ns\": 1500, \"stack\": [" FRAME("oid_down", "/src/ndis/oid.c", "7") ", " FRAME("on_oid", "/src/a b/mine.c", "30") "]}]}}";
// clang-format on
static const char unruly[] = "{\"rule\": null, \"text\": \"tx_frames is 3\", \"file\": \"a.yaml\", \"line\": 9, \"column\": 0}";

static json_t *
findings(const char *first, const char *second)
{
    json_t *array = json_array();
    const char *texts[] = {first, second};
    for (int i = 0; i < 2 && texts[i]; i++) {
        json_t *finding = json_loads(texts[i], 0, NULL);
        ck_assert_ptr_nonnull(finding);
        json_array_append_new(array, finding);
    }
    return array;
}

// "results/0/message/text": members by name, elements by number.
static const json_t *
at(const json_t *json, const char *path)
{
    char copy[256], *save;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part)) : json_object_get(json, part);
        ck_assert_msg(json != NULL, "%s: no %s", path, part);
    }
    return json;
}

static void
is_text(const json_t *json, const char *path, const char *text)
{
    ck_assert_str_eq(json_string_value(at(json, path)), text);
}

TEST(SARIF_has_a_result_at_the_place_in_the_driver_with_its_rule_stack_and_the_object_s_history)
{
    json_t *all = findings(broken, unruly), *document = verify_sarif(all);
    is_text(document, "version", "2.1.0");
    const json_t *run = at(document, "runs/0");
    is_text(run, "tool/driver/rules/0/id", "NBX-0103");
    is_text(run, "tool/driver/rules/0/name", "OidNotPending");
    ck_assert_ptr_nonnull(strstr(json_string_value(at(run, "tool/driver/rules/0/properties/windows")), "NdisOidDoubleComplete"));
    const json_t *result = at(run, "results/0");
    is_text(result, "ruleId", "NBX-0103");
    is_text(result, "message/text", "NdisMOidRequestComplete: it is not pending");
    is_text(result, "locations/0/physicalLocation/artifactLocation/uri", "file:///src/a%20b/mine.c");
    ck_assert_int_eq(json_integer_value(at(result, "locations/0/physicalLocation/region/startLine")), 42);
    ck_assert_int_eq(json_integer_value(at(result, "locations/0/physicalLocation/region/startColumn")), 5);
    is_text(result, "stacks/0/frames/0/location/logicalLocations/0/name", "on_timer");
    is_text(result, "stacks/0/frames/0/module", "x.so");
    const json_t *step = at(result, "codeFlows/0/threadFlows/0/locations/0");
    is_text(step, "location/message/text", "mine handed to, MiniportOidRequest, 0.000001500 s");
    // the driver's place, not the runtime's
    ck_assert_int_eq(json_integer_value(at(step, "location/physicalLocation/region/startLine")), 30);
    ck_assert_int_eq(json_array_size(at(step, "stack/frames")), 2);
    is_text(result, "properties/replay", "ndisbox replay x");
    json_decref(document);
    json_decref(all);
}

TEST(SARIF_has_what_breaks_no_rule_under_a_rule_of_its_own_and_relative_paths_as_they_are)
{
    json_t *all = findings(unruly, broken), *document = verify_sarif(all);
    const json_t *run = at(document, "runs/0"), *result = at(run, "results/0");
    is_text(run, "tool/driver/rules/0/id", "run");
    ck_assert_int_eq(json_array_size(at(run, "tool/driver/rules")), 2);
    ck_assert_int_eq(json_integer_value(at(run, "results/1/ruleIndex")), 1);
    is_text(result, "ruleId", "run");
    is_text(result, "message/text", "tx_frames is 3");
    is_text(result, "locations/0/physicalLocation/artifactLocation/uri", "a.yaml");
    ck_assert_ptr_null(json_object_get(at(result, "locations/0/physicalLocation/region"), "startColumn"));   // 3.30.6: it is at least 1
    ck_assert_ptr_null(json_object_get(result, "stacks"));
    json_decref(document);
    json_decref(all);
}

TEST(SARIF_names_a_file_below_the_working_directory_relative_to_it)
{
    char here[1024], text[2048];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    snprintf(text, sizeof text, "{\"rule\": null, \"text\": \"x\", \"file\": \"%s/sub/mine.c\", \"line\": 1}", here);
    json_t *all = findings(text, NULL), *document = verify_sarif(all);
    is_text(document, "runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri", "sub/mine.c");
    json_decref(document);
    json_decref(all);
}

static char path[64];

static xmlDoc *
junit(json_t *all, const char *first, const char *second)
{
    snprintf(path, sizeof path, "/tmp/nbx-junit-%d.xml", getpid());
    json_t *texts = json_array();
    json_array_append_new(texts, json_string(first));
    json_array_append_new(texts, json_string(second));
    ck_assert(verify_junit(all, texts, path));
    json_decref(texts);
    json_decref(all);
    xmlDoc *document = xmlReadFile(path, NULL, XML_PARSE_NONET);
    unlink(path);
    ck_assert_ptr_nonnull(document);
    return document;
}

static void
xpath_is(xmlDoc *document, const char *expression, const char *text)
{
    xmlXPathContext *context = xmlXPathNewContext(document);
    xmlXPathObject *object = xmlXPathEvalExpression((const xmlChar *)expression, context);
    ck_assert_ptr_nonnull(object);
    xmlChar *found = xmlXPathCastToString(object);
    ck_assert_str_eq((const char *)found, text);
    xmlFree(found);
    xmlXPathFreeObject(object);
    xmlXPathFreeContext(context);
}

TEST(JUnit_has_a_failed_case_for_each_finding_with_all_that_was_said)
{
    xmlDoc *document = junit(findings(broken, unruly), "a <text> & \x01 more", "the other");
    xpath_is(document, "/testsuites/@failures", "2");
    xpath_is(document, "count(/testsuites/testsuite/testcase/failure)", "2");
    xpath_is(document, "//testcase[1]/@name", "NBX-0103 OidNotPending");
    xpath_is(document, "//testcase[1]/@classname", "mine");
    xpath_is(document, "//testcase[1]/failure/@type", "NBX-0103");
    xpath_is(document, "//testcase[1]/failure/@message", "it is not pending");
    xpath_is(document, "//testcase[1]/failure", "a <text> & ? more");
    xpath_is(document, "//testcase[2]/@name", "tx_frames is 3");
    xmlFreeDoc(document);
}

TEST(JUnit_has_a_case_that_passed_when_nothing_was_found)
{
    xmlDoc *document = junit(json_array(), "", "");
    xpath_is(document, "/testsuites/testsuite/@tests", "1");
    xpath_is(document, "/testsuites/testsuite/@failures", "0");
    xpath_is(document, "count(//failure)", "0");
    xpath_is(document, "count(//testcase)", "1");
    xmlFreeDoc(document);
}

TEST(a_JUnit_file_that_cannot_be_written_is_an_error)
{
    json_t *none = json_array();
    ck_assert(!verify_junit(none, none, "/nowhere/report.xml"));
    json_decref(none);
}
