// SPDX-License-Identifier: MIT
// The files of memory.h and the questions that tests ask of a project.
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

// What tests read lives as long as their process, and goes with it.
static struct import *imports[512];
static char *texts[512];
static size_t import_count, text_count;

static void
all_free(void)
{
    while (import_count)
        import_destroy(imports[--import_count]);
    while (text_count)
        free(texts[--text_count]);
}

static void
all_free_later(void)
{
    if (!import_count && !text_count)
        atexit(all_free);
}

static char *
memory_get(void *context, const char *path, size_t *bytes)
{
    for (const struct memory_file *file = context; file->path; file++)
        if (!strcmp(file->path, path)) {
            *bytes = strlen(file->text);
            return strdup(file->text);
        }
    return NULL;
}

static enum import_node
memory_kind(void *context, const char *path)
{
    size_t length = strlen(path);
    for (const struct memory_file *file = context; file->path; file++) {
        if (!strcmp(file->path, path))
            return IMPORT_FILE;
        if (!strncmp(file->path, path, length) && (file->path[length] == '/' || !strcmp(path, "/")))
            return IMPORT_FOLDER;
    }
    return IMPORT_NONE;
}

static void
memory_list(void *context, const char *folder, void (*each)(void *to, const char *name), void *to)
{
    char before[256] = "";
    size_t length = strcmp(folder, "/") ? strlen(folder) : 0;
    for (const struct memory_file *file = context; file->path; file++) {
        char name[256];
        if (strncmp(file->path, folder, length) != 0 || file->path[length] != '/')
            continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(file->path + length + 1, "/"), file->path + length + 1);
        if (strcmp(name, before) != 0)
            each(to, name);
        memcpy(before, name, sizeof before);
    }
}

const struct import_fs *
memory_fs(const struct memory_file *files)
{
    static struct import_fs fs;
    fs = (struct import_fs){(void *)files, memory_get, memory_kind, memory_list};
    return &fs;
}

static const struct import_project *
read_with(const struct memory_file *files, const char *path, const char *const *properties, const char *const *substs)
{
    struct import_pair pairs[2][16];
    size_t counts[2] = {0};
    const char *const *lists[2] = {properties, substs};
    for (int i = 0; i < 2; i++)
        for (const char *const *at = lists[i]; at && *at; at += 2)
            pairs[i][counts[i]++] = (struct import_pair){at[0], at[1]};
    struct import_request request = {memory_fs(files), &path, 1, pairs[0], counts[0], pairs[1], counts[1]};
    all_free_later();
    ck_assert_uint_lt(import_count, 512);
    imports[import_count] = import_read(&request);
    return import_project(imports[import_count++]);
}

const struct import_project *
memory_read(const struct memory_file *files, const char *path, const char *const *properties)
{
    return read_with(files, path, properties, NULL);
}

const struct import_project *
memory_fill(const struct memory_file *files, const char *path, const char *const *substs)
{
    return read_with(files, path, NULL, substs);
}

const char *
vcxproj(const char *inside)
{
    static const char head[] =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Project xmlns=\"http://schemas.microsoft.com/developer/msbuild/2003\">\n"
        "<ItemGroup Label=\"ProjectConfigurations\"><ProjectConfiguration Include=\"Debug|x64\"/>"
        "<ProjectConfiguration Include=\"Release|x64\"/></ItemGroup>\n"
        "<Import Project=\"$(VCTargetsPath)\\Microsoft.Cpp.Default.props\" />\n"
        "<PropertyGroup><ConfigurationType>Driver</ConfigurationType><DriverType>WDM</DriverType></PropertyGroup>\n"
        "<Import Project=\"$(VCTargetsPath)\\Microsoft.Cpp.props\" />\n";   // what is inside begins in line 7
    char *text;
    if (asprintf(&text, "%s%s\n</Project>\n", head, inside) < 0)
        abort();
    all_free_later();
    ck_assert_uint_lt(text_count, 512);
    return texts[text_count++] = text;
}

bool
has(const struct import_list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], item))
            return true;
    return false;
}

const struct import_source *
source_of(const struct import_project *project, const char *path)
{
    for (size_t i = 0; i < project->source_count; i++)
        if (!strcmp(project->sources[i].path, path))
            return &project->sources[i];
    ck_abort_msg("no source %s among %zu", path, project->source_count);
    return NULL;
}

void
fault_is(const struct import_project *project, unsigned line, const char *construct, const char *text)
{
    ck_assert_uint_eq(project->fault_count, 1);
    const struct import_fault *fault = &project->faults[0];
    ck_assert_msg(fault->place.line == line, "line %u, not %u: %s", fault->place.line, line, fault->text);
    ck_assert_msg(!construct || (fault->construct && strstr(fault->construct, construct)), "construct %s", fault->construct);
    ck_assert_msg(strstr(fault->text, text) != NULL, "\"%s\" is not in \"%s\"", text, fault->text);
}

void
no_fault(const struct import_project *project)
{
    for (size_t i = 0; i < project->fault_count; i++)
        ck_abort_msg("%s:%u: %s: %s", project->faults[i].place.file, project->faults[i].place.line, project->faults[i].construct,
                     project->faults[i].text);
}
