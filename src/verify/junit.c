// SPDX-License-Identifier: MIT
// Findings as a JUnit document, which CI systems list as failed tests. See formats.h. There is no standard but the files of Ant's task:
// testsuites, testsuite, testcase, failure, and the attributes that every reader knows.
#include <errno.h>
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/formats.h"

// XML 1.0 2.2 has no control characters but three, and drivers print what they like. owns: the copy is the caller's. NULL: out of memory.
static xmlChar *
clean(const char *text)
{
    char *copy = strdup(text ? text : "");
    for (char *at = copy; at && *at; at++)
        if ((unsigned char)*at < ' ' && !strchr("\t\n\r", *at))
            *at = '?';
    if (copy && !xmlCheckUTF8((const xmlChar *)copy))
        for (char *at = copy; *at; at++)
            if (*at & 0x80)
                *at = '?';
    return (xmlChar *)copy;
}

static void
attribute(xmlTextWriter *writer, const char *name, const char *text)
{
    xmlChar *cleaned = clean(text);
    xmlTextWriterWriteAttribute(writer, (const xmlChar *)name, cleaned);
    free(cleaned);
}

static void
case_begin(xmlTextWriter *writer, const char *of, const char *name)
{
    xmlTextWriterStartElement(writer, (const xmlChar *)"testcase");
    attribute(writer, "classname", of);
    attribute(writer, "name", name);
}

static void
case_write(xmlTextWriter *writer, const json_t *finding, const char *text)
{
    const char *rule = json_string_value(json_object_get(finding, "rule")), *driver = json_string_value(json_object_get(finding, "driver"));
    const char *words = json_string_value(json_object_get(finding, "text")), *name = json_string_value(json_object_get(finding, "name"));
    char title[128];
    snprintf(title, sizeof title, "%s %s", rule ? rule : "", name ? name : "");
    case_begin(writer, driver ? driver : "ndisbox", rule ? title : words);
    xmlTextWriterStartElement(writer, (const xmlChar *)"failure");
    attribute(writer, "type", rule ? rule : "run");
    attribute(writer, "message", words);
    xmlChar *cleaned = clean(text);
    xmlTextWriterWriteString(writer, cleaned);
    free(cleaned);
    xmlTextWriterEndElement(writer);
    xmlTextWriterEndElement(writer);
}

static void
suite_begin(xmlTextWriter *writer, const char *element, size_t failures)
{
    char number[32];
    xmlTextWriterStartElement(writer, (const xmlChar *)element);
    attribute(writer, "name", "ndisbox");
    snprintf(number, sizeof number, "%zu", failures ? failures : 1);
    attribute(writer, "tests", number);
    snprintf(number, sizeof number, "%zu", failures);
    attribute(writer, "failures", number);
    attribute(writer, "errors", "0");
}

bool
verify_junit(const json_t *findings, const json_t *texts, const char *path)
{
    size_t count = json_array_size(findings);
    errno = 0;
    xmlTextWriter *writer = xmlNewTextWriterFilename(path, 0);
    if (!writer) {
        errno = errno ? errno : EIO;
        return false;
    }
    xmlTextWriterSetIndent(writer, 1);
    xmlTextWriterStartDocument(writer, NULL, "UTF-8", NULL);
    suite_begin(writer, "testsuites", count);
    suite_begin(writer, "testsuite", count);
    for (size_t i = 0; i < count; i++)
        case_write(writer, json_array_get(findings, i), json_string_value(json_array_get(texts, i)));
    if (!count) {
        case_begin(writer, "ndisbox", "nothing was found");
        xmlTextWriterEndElement(writer);
    }
    bool is_written = xmlTextWriterEndDocument(writer) >= 0;
    xmlFreeTextWriter(writer);
    errno = is_written ? 0 : EIO;
    return is_written;
}
