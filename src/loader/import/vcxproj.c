// SPDX-License-Identifier: MIT
// From an evaluated .vcxproj to the sources of a driver: each ClCompile that is not excluded, with its macros and folders. What we do not
// have (KMDF, UMDF, NetAdapterCx, assembler, a program that is no driver) is refused here, with file, line and construct.
#include <stdlib.h>

#include "loader/import/msbuild.h"

#define LEVELS_MAX 8             // of references in references

static bool
is_true(const char *text)
{
    return !strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcasecmp(text, "on");
}

static void
refuse_property(struct msb *msb, const char *name, const char *value, const char *needs)
{
    import_fault(msb->import, msb_property_place(msb, name), texts_format(msb->texts, "%s %s", name, value), "needs %s", needs);
}

static void
refuse_kinds(struct msb *msb)
{
    static const char no_framework[] = "the Windows Driver Frameworks, which ndisbox does not have: it runs WDM and NDIS drivers";
    static const char *const frameworks[] = {"KMDF_VERSION_MAJOR", "KMDF_VERSION", "UMDF_VERSION_MAJOR"};
    const char *driver = msb_property(msb, "DriverType"), *type = msb_property(msb, "ConfigurationType");
    const char *toolset = msb_property(msb, "PlatformToolset"), *adapter = msb_property(msb, "NETADAPTER_VERSION_MAJOR");
    // KMDF is what a project made from the template of an empty driver says, whether its sources use the framework or not. Those that do
    // include wdf.h, and are refused there.
    if (!strcasecmp(driver, "UMDF"))
        refuse_property(msb, "DriverType", driver, no_framework);
    for (size_t i = 0; i < sizeof frameworks / sizeof *frameworks; i++)
        if (msb_property(msb, frameworks[i])[0])
            refuse_property(msb, frameworks[i], msb_property(msb, frameworks[i]), no_framework);
    if (adapter[0])
        refuse_property(msb, "NETADAPTER_VERSION_MAJOR", adapter, import_header_needs("netadaptercx.h"));
    if (!strncasecmp(toolset, "WindowsUserModeDriver", 21) || !strncasecmp(toolset, "WindowsApplicationForDrivers", 28))
        refuse_property(msb, "PlatformToolset", toolset, "Windows user mode; this project builds no kernel driver");
    if (!strcasecmp(type, "Application") || !strcasecmp(type, "StaticLibrary") || !strcasecmp(type, "Utility") ||
        !strcasecmp(type, "Makefile"))
        import_fault(msb->import, msb_property_place(msb, "ConfigurationType"), texts_format(msb->texts, "ConfigurationType %s", type),
                     "this project builds no driver; give the one whose ConfigurationType is Driver");
}

// A list of one metadata element: parts unescaped, \" as ".
static void
meta_split(struct msb *msb, const struct msb_item *item, const char *name, struct import_list *list)
{
    size_t from = list->count;
    const struct msb_value *value = msb_names_find(&item->meta, name);
    if (!value || !msb_check(msb, value))
        return;
    list_split(msb->texts, list, value->text, ";");
    for (size_t i = from; i < list->count; i++) {
        char *text = msb_unescape(msb->texts, list->items[i]), *to = text;
        for (const char *at = text; *at; at++)
            if (!(at[0] == '\\' && at[1] == '"'))
                *to++ = *at;
        *to = 0;
        list->items[i] = text;
    }
}

// A folder as written -> the one on this disk. One that is not there is left out, as the compiler would not mind either.
static void
folder_add(struct msb *msb, struct import_source *source, const char *written)
{
    char *path = texts_copy(msb->texts, written, strlen(written));
    for (char *at = path; *at; at++)
        if (*at == '\\')
            *at = '/';
    if (strpbrk(path, "$<>|\"") || (path[0] && path[1] == ':'))
        return;
    const char *found = path_find(msb->texts, msb->import->request->fs, path_join(msb->texts, msb->import->project.folder, path));
    if (!found)
        import_note(msb->import, "the include folder %s is not there", written);
    else if (!list_has(&source->folders, found))
        list_add(msb->texts, &source->folders, found);
}

// cl's options that matter to us: /D /U /I /FI, with a dash or a slash, the value behind them or in the next word.
static void
options_read(struct msb *msb, const struct msb_item *item, struct import_source *source)
{
    struct import_list words = {0};
    list_split(msb->texts, &words, msb_meta(msb, item, "AdditionalOptions"), " \t\r\n");
    for (size_t i = 0; i < words.count; i++) {
        const char *word = words.items[i];
        if (word[0] != '/' && word[0] != '-')
            continue;
        size_t length = !strncmp(word + 1, "FI", 2) ? 3 : strchr("DUI", word[1]) && word[1] ? 2
                                                                                            : 0;
        if (!length)
            continue;
        const char *value = word[length] ? word + length : i + 1 < words.count ? words.items[++i]
                                                                               : "";
        if (!value[0])
            continue;
        if (word[1] == 'D')
            list_add(msb->texts, &source->defines, value);
        else if (word[1] == 'U')
            list_add(msb->texts, &source->undefines, value);
        else if (word[1] == 'I')
            folder_add(msb, source, value);
        else
            list_add(msb->texts, &source->forced, value);
    }
}

// What the WDK's own build puts in front.
static void
wdk_defines(struct msb *msb, struct import_source *source)
{
    static const char *const always[] = {"_WIN64", "_AMD64_", "AMD64", "WINNT=1", "DEPRECATE_DDK_FUNCTIONS=1"};
    const char *version = msb_property(msb, "_NT_TARGET_VERSION");
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        list_add(msb->texts, &source->defines, always[i]);
    if (version[0]) {
        list_add(msb->texts, &source->defines, texts_format(msb->texts, "_WIN32_WINNT=%s", version));
        list_add(msb->texts, &source->defines, texts_format(msb->texts, "WINVER=%s", version));
        if (strtoul(version, NULL, 0) < 0x0A00) // for Windows 10 the headers' own newest one stands
            list_add(msb->texts, &source->defines, texts_format(msb->texts, "NTDDI_VERSION=0x%08lX", strtoul(version, NULL, 0) << 16));
    }
    if (msb->import->project.is_debug)
        list_add(msb->texts, &source->defines, "DBG=1");
}

static void
wpp_read(struct msb *msb, const struct msb_item *item)
{
    struct import_list functions = {0};
    if (!is_true(msb_meta(msb, item, "WppEnabled")))
        return;
    const char *text = msb_meta(msb, item, "WppTraceFunction");
    for (const char *at = text; *at;) { // separated by ; outside of parentheses
        list_add(msb->texts, &functions, at);
        unsigned depth = 0;
        while (*at && (depth || *at != ';')) {
            depth += (*at == '(') - (*at == ')' && depth);
            at++;
        }
        at += *at == ';';
        at += strspn(at, " \t\r\n");
    }
    for (size_t i = 0; i < functions.count; i++)
        import_trace_add(msb->import, functions.items[i]);
    // The files of WppScanConfigurationData are headers that the sources include: walk.c meets them there.
}

static void
source_read(struct msb *msb, const struct msb_item *item)
{
    const struct import_fs *fs = msb->import->request->fs;
    const char *path = path_join(msb->texts, item->folder, item->include), *found = path_find(msb->texts, fs, path);
    const char *compile_as = msb_meta(msb, item, "CompileAs"), *ending = path_ending(item->include);
    struct import_list defines = {0};
    if (!found && !path_find(msb->texts, fs, texts_format(msb->texts, "%s.in", path))) {
        import_fault(msb->import, item->place, texts_format(msb->texts, "<ClCompile Include=\"%.200s\">", item->include),
                     "there is no such file; a generated one must be there before, or leave it out with ExcludedFromBuild");
        return;
    }
    if (!strcasecmp(ending, ".asm") || !strcasecmp(ending, ".s")) {
        import_fault(msb->import, item->place, item->include, "needs an assembler for Windows; ndisbox compiles C");
        return;
    }
    struct import_source *source = import_source_add(msb->import, found ? found : path, item->place);
    if (!source)
        return;
    source->is_cpp = (!path_ends(ending, ".c") && strcasecmp(compile_as, "CompileAsC") != 0) || !strcasecmp(compile_as, "CompileAsCpp");
    source->is_unoptimized = !strcasecmp(msb_meta(msb, item, "Optimization"), "Disabled");
    wdk_defines(msb, source);
    meta_split(msb, item, "PreprocessorDefinitions", &defines);
    for (size_t i = 0; i < defines.count; i++)
        list_add(msb->texts, &source->defines, defines.items[i]);
    meta_split(msb, item, "UndefinePreprocessorDefinitions", &source->undefines);
    meta_split(msb, item, "ForcedIncludeFiles", &source->forced);
    struct import_list folders = {0};
    meta_split(msb, item, "AdditionalIncludeDirectories", &folders);
    for (size_t i = 0; i < folders.count; i++)
        folder_add(msb, source, folders.items[i]);
    options_read(msb, item, source);
    wpp_read(msb, item);
}

static void items_check(struct msb *msb);

// A project that this one references: a static library's sources become the driver's, each with the library's own macros and folders.
// Anything else (a program, another driver, an INF package) is none of the driver's code.
static void
reference_read(struct msb *msb, const struct msb_item *item)
{
    struct import *import = msb->import;
    struct import_project *project = &import->project;
    const char *file = project->file, *folder = project->folder, *name;
    const char *path = path_find(msb->texts, import->request->fs, path_join(msb->texts, item->folder, item->include));
    size_t bytes;
    char *text = path && msb->level < LEVELS_MAX && !list_has(&project->read, path) ? import_file_read(import, path, &bytes, &name) : NULL;
    if (!text) {
        if (!path || !list_has(&project->read, path))
            import_note(import, "the reference to %s is not followed: functions of that project will be missing", item->include);
        return;
    }
    struct msb *library = texts_alloc(msb->texts, sizeof *library);
    *library = (struct msb){.import = import, .texts = msb->texts, .level = msb->level + 1};
    project->file = path;
    project->folder = path_folder(msb->texts, path);
    msb_read(library, path, text, bytes);
    bool is_library = !import->project.fault_count && !strcasecmp(msb_property(library, "ConfigurationType"), "StaticLibrary");
    if (is_library)
        items_check(library);
    else
        import_note(import, "left out: the reference to %s, which is no static library", item->include);
    msb_clear(library);
    project->file = file;
    project->folder = folder;
    free(text);
}

static void
items_check(struct msb *msb)
{
    static const char *const assemblers[] = {"MASM", "NASM", "YASM", "MARMASM"};
    for (size_t i = 0; i < msb->item_count && !import_is_full(msb->import); i++) {
        struct msb_item *item = &msb->items[i];
        if (!strcasecmp(item->type, "ProjectConfiguration"))
            continue;
        bool is_source = !strcasecmp(item->type, "ClCompile");
        bool is_assembler = false;
        for (size_t j = 0; j < sizeof assemblers / sizeof *assemblers; j++)
            is_assembler |= !strcasecmp(item->type, assemblers[j]);
        if ((is_source || is_assembler) && is_true(msb_meta(msb, item, "ExcludedFromBuild")))
            continue;
        if (is_source)
            source_read(msb, item);
        else if (is_assembler || (!strcasecmp(item->type, "CustomBuild") && path_ends(item->include, ".asm")))
            import_fault(msb->import, item->place, texts_format(msb->texts, "<%s Include=\"%.200s\">", item->type, item->include),
                         "needs an assembler for Windows; ndisbox compiles C (leave it out with ExcludedFromBuild if there is a C way)");
        else if (!strcasecmp(item->type, "ProjectReference"))
            reference_read(msb, item);
        else if (!strcasecmp(item->type, "ResourceCompile") || path_ends(item->include, ".mof"))
            import_note(msb->import, "left out: %s (resources and MOF mean nothing here)", item->include);
    }
}

void
vcxproj_read(struct import *import, const char *path, const char *text, size_t bytes)
{
    struct msb *msb = texts_alloc(import->texts, sizeof *msb);
    struct import_project *project = &import->project;
    *msb = (struct msb){.import = import, .texts = import->texts};
    project->kind = "vcxproj";
    project->file = path;
    project->folder = path_folder(import->texts, path);
    msb_read(msb, path, text, bytes);
    if (!project->fault_count) {
        refuse_kinds(msb);
        const char *target = msb_property(msb, "TargetName"), *configuration = msb_property(msb, "Configuration");
        project->target = target[0] ? target : "driver";
        project->configuration = texts_format(import->texts, "%s|%s", configuration, msb_property(msb, "Platform"));
        project->is_debug = is_true(msb_property(msb, "UseDebugLibraries"));
        if (strcasecmp(msb_property(msb, "Platform"), "x64") != 0 && strcasecmp(msb_property(msb, "Platform"), "AnyCPU") != 0)
            import_note(import, "%s is compiled for x64: that is what ndisbox runs", project->configuration);
        items_check(msb);
    }
    msb_clear(msb);
}
