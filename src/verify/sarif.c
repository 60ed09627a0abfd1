// SPDX-License-Identifier: MIT
// Findings as SARIF 2.1.0, which code scanners, editors and reviews show beside the line. See formats.h.
//   run      tool.driver.rules (every rule that was broken, once), results
//   result   3.27: ruleId, message, locations, stacks (3.44), codeFlows (3.36): what happened to the object, in its order
// Section numbers are those of sarif-v2.1.0-os.
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/formats.h"
#include "verify/report.h"
#include "verify/rules.h"

#define NO_RULE "run"                         // of a finding that breaks no rule: an expectation, a service, a step of the script

static const char *
text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

// 3.4.3: a relative reference for what lies below the working directory, else a file URI [RFC 8089]. RFC 3986 2.3: what stands as it is.
static json_t *
uri_of(const char *path)
{
    char here[PATH_MAX], uri[3 * PATH_MAX + 16];
    size_t used = 0;
    if (*path == '/' && realpath(".", here) && !strncmp(path, here, strlen(here)) && path[strlen(here)] == '/')
        path += strlen(here) + 1;
    else if (*path == '/')
        used = (size_t)snprintf(uri, sizeof uri, "file://");
    for (; *path && used + 4 < sizeof uri; path++) {
        if (isalnum((unsigned char)*path) || strchr("-._~/", *path))
            uri[used++] = *path;
        else
            used += (size_t)snprintf(uri + used, 4, "%%%02X", (unsigned char)*path);
    }
    return json_stringn(uri, used);
}

// 3.28. NULL: the place is not known.
static json_t *
location_of(const json_t *place, const char *words)
{
    const char *file = text_of(place, "file"), *function = text_of(place, "function");
    json_int_t line = json_integer_value(json_object_get(place, "line")), column = json_integer_value(json_object_get(place, "column"));
    if (!file && !function && !words)
        return NULL;
    json_t *location = json_object();
    if (file) {
        json_t *physical = json_pack("{s:{s:o}}", "artifactLocation", "uri", uri_of(file));
        if (line > 0)
            json_object_set_new(physical, "region", json_pack("{s:I}", "startLine", line));
        if (line > 0 && column > 0)
            json_object_set_new(json_object_get(physical, "region"), "startColumn", json_integer(column));
        json_object_set_new(location, "physicalLocation", physical);
    }
    if (function)
        json_object_set_new(location, "logicalLocations", json_pack("[{s:s, s:s}]", "name", function, "kind", "function"));
    if (words)
        json_object_set_new(location, "message", json_pack("{s:s}", "text", words));
    return location;
}

static json_t *
stack_of(const json_t *frames, const char *words)
{
    json_t *stack = json_array();
    size_t i;
    const json_t *frame;
    json_array_foreach((json_t *)frames, i, frame)
    {
        json_t *location = location_of(frame, NULL), *one = json_object();
        const char *image = text_of(frame, "image");
        if (location)
            json_object_set_new(one, "location", location);
        if (image)
            json_object_set_new(one, "module", json_string(image));
        json_array_append_new(stack, one);
    }
    return json_pack("{s:{s:s}, s:o}", "message", "text", words, "frames", stack);
}

// The innermost frame of an event that lies in a driver's source is where a reader wants to be: the runtime's own come first.
static const json_t *
frame_of_driver(const json_t *frames)
{
    size_t i;
    const json_t *frame;
    json_array_foreach((json_t *)frames, i, frame)
    {
        const char *file = text_of(frame, "file");
        if (file && !report_is_runtime(file))
            return frame;
    }
    return json_array_get(frames, 0);
}

// 3.36, 3.37: "allocated NdisAllocateNetBufferList, passthru, 0.000123456 s". NULL: the finding has no object with a history.
static json_t *
code_flow(const json_t *finding)
{
    const json_t *events = json_object_get(json_object_get(finding, "object"), "history"), *event;
    json_t *steps = json_array();
    size_t i;
    json_array_foreach((json_t *)events, i, event)
    {
        char words[256];
        const char *driver = text_of(event, "driver");
        snprintf(words, sizeof words, "%s %s, %s, %.9f s", driver ? driver : "ndisbox", text_of(event, "what"),
                 text_of(event, "function"), (double)json_integer_value(json_object_get(event, "at_ns")) / 1e9);
        json_t *location = location_of(frame_of_driver(json_object_get(event, "stack")), words);
        json_t *stack = stack_of(json_object_get(event, "stack"), words);
        json_array_append_new(steps, json_pack("{s:o, s:o}", "location", location, "stack", stack));
    }
    if (json_array_size(steps))
        return json_pack("[{s:[{s:o}]}]", "threadFlows", "locations", steps);
    json_decref(steps);
    return NULL;
}

static json_t *
result_of(const json_t *finding, json_int_t rule_index)
{
    const char *rule = text_of(finding, "rule"), *function = text_of(finding, "function"), *text = text_of(finding, "text");
    json_t *message = function && rule ? json_sprintf("%s: %s", function, text ? text : "") : json_string(text ? text : "");
    json_t *result = json_pack("{s:s, s:I, s:s, s:{s:o}}", "ruleId", rule ? rule : NO_RULE, "ruleIndex", rule_index, "level", "error",
                               "message", "text", message);
    json_t *place = json_pack("{s:O*, s:O*, s:O*}", "file", json_object_get(finding, "file"), "line", json_object_get(finding, "line"),
                              "column", json_object_get(finding, "column"));
    json_t *location = json_object_get(place, "file") ? location_of(place, NULL) : NULL, *flow = code_flow(finding);
    const json_t *stack = json_object_get(finding, "stack");
    json_decref(place);
    if (location)
        json_object_set_new(result, "locations", json_pack("[o]", location));
    if (json_array_size(stack))
        json_object_set_new(result, "stacks", json_pack("[o]", stack_of(stack, "where it showed")));
    if (flow)
        json_object_set_new(result, "codeFlows", flow);
    json_t *more = json_pack("{s:O*, s:O*, s:O*}", "driver", json_object_get(finding, "driver"), "where", json_object_get(finding, "where"),
                             "replay", json_object_get(finding, "replay"));
    json_object_set_new(result, "properties", more);
    return result;
}

// 3.49: what is demanded, and what Windows calls a breach.
static json_t *
rule_of(const char *id)
{
    const struct verify_rule_row *row = id ? verify_rule_find(id) : NULL;
    if (!row)
        return json_pack("{s:s, s:{s:s}}", "id", id ? id : NO_RULE, "shortDescription", "text",
                         "The run comes out as its stack file expects, and leaves nothing behind.");
    return json_pack("{s:s, s:s, s:{s:s}, s:{s:s}}", "id", row->id, "name", row->name, "shortDescription", "text", row->demand,
                     "properties", "windows", row->windows);
}

static json_int_t
rule_index(json_t *rules, const char *id)
{
    size_t i;
    const json_t *rule;
    json_array_foreach(rules, i, rule) if (!strcmp(text_of(rule, "id"), id ? id : NO_RULE)) return (json_int_t)i;
    json_array_append_new(rules, rule_of(id));
    return (json_int_t)json_array_size(rules) - 1;
}

json_t *
verify_sarif(const json_t *findings)
{
    json_t *rules = json_array(), *results = json_array();
    size_t i;
    const json_t *finding;
    json_array_foreach((json_t *)findings, i, finding)
        json_array_append_new(results, result_of(finding, rule_index(rules, text_of(finding, "rule"))));
    return json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:o}}, s:s, s:o}]}", "$schema", "https://json.schemastore.org/sarif-2.1.0.json", "version",
                     "2.1.0", "runs", "tool", "driver", "name", "ndisbox", "rules", rules, "columnKind", "unicodeCodePoints", "results",
                     results);
}
