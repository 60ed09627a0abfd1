// SPDX-License-Identifier: MIT
// The import as a whole: which reader a path gets, the report, and how a file of the project is read (itself, or its template filled).
//
//   import_read -> one .vcxproj, .vcxproj.in, SOURCES, or .c files -> the reader -> what is missing or twice -> walk_includes
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader/import/import_int.h"

bool
import_is_full(const struct import *import)
{
    return import->project.fault_count >= IMPORT_FAULTS_MAX;
}

void
import_fault(struct import *import, struct import_place place, const char *construct, const char *format, ...)
{
    struct import_project *project = &import->project;
    va_list arguments;
    va_start(arguments, format);
    const char *text = texts_vformat(import->texts, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < project->fault_count; i++)
        if (!strcmp(project->faults[i].text, text) && project->faults[i].place.line == place.line)
            return;
    if (import_is_full(import))
        return;
    if (!project->faults)
        project->faults = texts_alloc(import->texts, IMPORT_FAULTS_MAX * sizeof *project->faults);
    project->faults[project->fault_count++] = (struct import_fault){
        {place.file ? texts_copy(import->texts, place.file, strlen(place.file)) : NULL, place.line},
        construct ? texts_copy(import->texts, construct, strlen(construct)) : NULL,
        text};
}

void
import_note(struct import *import, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = texts_vformat(import->texts, format, arguments);
    va_end(arguments);
    if (!list_has(&import->project.notes, text) && import->project.notes.count < 64)
        list_add(import->texts, &import->project.notes, text);
}

struct import_source *
import_source_add(struct import *import, const char *path, struct import_place place)
{
    struct import_project *project = &import->project;
    for (size_t i = 0; i < project->source_count; i++)
        if (!strcmp(project->sources[i].path, path))
            return NULL;
    if (project->source_count == import->source_room) {
        size_t room = import->source_room ? 2 * import->source_room : 16;
        struct import_source *sources = texts_alloc(import->texts, room * sizeof *sources);
        if (project->source_count)
            memcpy(sources, project->sources, project->source_count * sizeof *sources);
        project->sources = sources;
        import->source_room = room;
    }
    struct import_source *source = &project->sources[project->source_count++];
    *source = (struct import_source){.path = path, .place = place};
    return source;
}

void
import_trace_add(struct import *import, const char *declaration)
{
    size_t length = 0;
    while (isalnum((unsigned char)declaration[length]) || declaration[length] == '_')
        length++;
    if (!length || isdigit((unsigned char)declaration[0]))
        return;
    const char *name = texts_copy(import->texts, declaration, length);
    if (!list_has(&import->project.traces, name))
        list_add(import->texts, &import->project.traces, name);
}

const char *
import_header_needs(const char *name)
{
    static const struct {
        const char *header, *needs;
    } table[] = {
        {"wdf.h", "the Kernel-Mode Driver Framework (KMDF), which ndisbox does not have: it runs WDM and NDIS drivers"},
        {"netadaptercx.h", "NetAdapterCx, which ndisbox does not have: it runs NDIS 6 miniports, not NetAdapter clients"},
        {"fwpsk.h", "the Windows Filtering Platform (WFP), which ndisbox does not have"},
        {"fwpmk.h", "the Windows Filtering Platform (WFP), which ndisbox does not have"},
        {"fwpmu.h", "the Windows Filtering Platform (WFP), which ndisbox does not have"},
        {"fltkernel.h", "the file system filter manager, which ndisbox does not have"},
        {"usb.h", "the USB stack, which ndisbox does not have"},
        {"usbdlib.h", "the USB stack, which ndisbox does not have"},
        {"wdfusb.h", "KMDF and the USB stack, which ndisbox does not have"},
        {"ks.h", "kernel streaming, which ndisbox does not have"},
        {"windows.h", "the user-mode Windows API: this is not a kernel driver's source"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcasecmp(path_name(name), table[i].header))
            return table[i].needs;
    return NULL;
}

char *
import_file_read(struct import *import, const char *path, size_t *bytes, const char **name)
{
    const struct import_fs *fs = import->request->fs;
    const char *found = path_find(import->texts, fs, path);
    *name = path;
    if (!found && !path_ends(path, ".in"))
        found = path_find(import->texts, fs, texts_format(import->texts, "%s.in", path));
    if (!found)
        return NULL;
    *name = found;
    char *text = fs->read(fs->context, found, bytes);
    if (!text) {
        import_fault(import, (struct import_place){found, 0}, NULL, "it cannot be read (a folder, larger than 16 MiB, or no permission)");
        return NULL;
    }
    if (!list_has(&import->project.read, found))
        list_add(import->texts, &import->project.read, found);
    if (!path_ends(found, ".in"))
        return text;
    char *filled = subst_fill(import, found, text, bytes);
    free(text);
    return filled;
}

static bool
is_sources_name(const char *path)
{
    const char *name = path_name(path);
    return !strcasecmp(name, "sources") || !strncasecmp(name, "sources.", 8);
}

// C files and nothing else: macros and folders come from the command line alone.
static void
list_read(struct import *import)
{
    const struct import_request *request = import->request;
    import->project.kind = "C files";
    import->project.target = texts_copy(import->texts, path_name(request->paths[0]),
                                        strlen(path_name(request->paths[0])) - strlen(path_ending(request->paths[0])));
    for (size_t i = 0; i < request->path_count; i++) {
        struct import_place place = {request->paths[i], 0};
        const char *path = path_join(import->texts, ".", request->paths[i]);
        if (!path_ends(path, ".c") && !path_ends(path, ".cpp"))
            import_fault(import, place, NULL, "not a project and not a C file; give one .vcxproj, one SOURCES file, or .c files");
        else if (request->fs->kind(request->fs->context, path) != IMPORT_FILE)
            import_fault(import, place, NULL, "there is no such file");
        else if (import_source_add(import, path, place))
            import->project.sources[import->project.source_count - 1].is_cpp = path_ends(path, ".cpp");
    }
}

static void
one_read(struct import *import, const char *path)
{
    const struct import_request *request = import->request;
    struct import_place place = {path, 0};
    size_t bytes;
    const char *name;
    enum import_node kind = request->fs->kind(request->fs->context, path);
    if (kind == IMPORT_FOLDER) {
        import_fault(import, place, NULL, "a folder; give the .vcxproj, the SOURCES file or the .c files in it");
        return;
    }
    if (path_ends(path, ".sln") || path_ends(path, ".slnx") || !strcasecmp(path_name(path), "dirs")) {
        import_fault(import, place, NULL, "a list of projects; give the one project of the driver");
        return;
    }
    char *text = import_file_read(import, path, &bytes, &name);
    if (!text) {
        if (!import->project.fault_count)
            import_fault(import, place, NULL, "there is no such file");
        return;
    }
    if (is_sources_name(path))
        sources_read(import, path, text, bytes);
    else
        vcxproj_read(import, path_ends(name, ".in") && path_ends(path, ".in") ? texts_copy(import->texts, path, strlen(path) - 3) : path,
                     text, bytes);
    free(text);
}

struct import *
import_read(const struct import_request *request)
{
    struct import_texts *texts = texts_create();
    struct import *import = texts_alloc(texts, sizeof *import);
    *import = (struct import){.texts = texts, .request = request};
    const char *path = path_join(texts, ".", request->paths[0]);
    import->project.file = path;
    import->project.folder = path_folder(texts, path);
    import->project.kind = "project";
    import->project.target = "driver";
    if (request->path_count > 1 || path_ends(path, ".c") || path_ends(path, ".cpp"))
        list_read(import);
    else
        one_read(import, path);
    if (!import->project.fault_count && !import->project.source_count)
        import_fault(import, (struct import_place){path, 0}, NULL, "it names no C file to compile");
    if (!import->project.fault_count)
        walk_includes(import);
    import->request = NULL;   // the caller's; it may be gone from here on
    return import;
}

const struct import_project *
import_project(const struct import *import)
{
    return &import->project;
}

void
import_destroy(struct import *import)
{
    if (import)
        import_texts_destroy(import->texts);
}
