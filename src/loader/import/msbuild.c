// SPDX-License-Identifier: MIT
// The first pass, properties and imports in the order of the text, and the order of the passes. What Microsoft's own files would add
// ($(VCTargetsPath) and the WDK) is not on this machine: the few values that projects ask for are set here, when the project imports them.
//
//   msb_read -> project_read -> PropertyGroup, Import, ImportGroup, Choose now; ItemDefinitionGroup, ItemGroup kept
//            -> definitions of all files -> items of all files (items.c)
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader/import/msbuild.h"

#define TARGETS "/vctargets" // where $(VCTargetsPath) points: nowhere

static void children_read(struct msb *msb, xmlNodePtr parent);

// ---- names

struct msb_value *
msb_names_find(const struct msb_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcasecmp(names->rows[i].name, name))
            return &names->rows[i].value;
    return NULL;
}

struct msb_named *
msb_names_set(struct import_texts *texts, struct msb_names *names, const char *name, struct msb_value value)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcasecmp(names->rows[i].name, name)) {
            if (!names->rows[i].is_fixed)
                names->rows[i].value = value;
            return &names->rows[i];
        }
    if (names->count == names->room) {
        size_t room = names->room ? 2 * names->room : 16;
        struct msb_named *rows = texts_alloc(texts, room * sizeof *rows);
        if (names->count)
            memcpy(rows, names->rows, names->count * sizeof *rows);
        names->rows = rows;
        names->room = room;
    }
    names->rows[names->count] = (struct msb_named){texts_copy(texts, name, strlen(name)), value, false};
    return &names->rows[names->count++];
}

// ---- nodes

bool
msb_is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && !strcmp((const char *)node->name, name);
}

struct import_place
msb_place(const struct msb *msb, const xmlNode *node)
{
    long line = xmlGetLineNo(node);
    return (struct import_place){msb->file->path, line > 0 ? (unsigned)line : 0};
}

char *
msb_attribute(struct msb *msb, const xmlNode *node, const char *name)
{
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        if (strcmp((const char *)attribute->name, name) != 0)
            continue;
        xmlChar *text = xmlNodeListGetString(node->doc, attribute->children, 1);
        char *copy = texts_copy(msb->texts, text ? (const char *)text : "", text ? strlen((const char *)text) : 0);
        xmlFree(text);
        return copy;
    }
    return NULL;
}

bool
msb_condition_holds(struct msb *msb, xmlNodePtr node)
{
    const char *fault, *text = msb_attribute(msb, node, "Condition");
    if (!text)
        return true;
    bool holds = msb_condition(msb, text, msb_place(msb, node), &fault);
    if (fault)
        import_fault(msb->import, msb_place(msb, node), texts_format(msb->texts, "Condition=\"%.200s\"", text),
                     "this condition is not followed: %s", fault);
    return holds;
}

static const char *
set_text(struct msb *msb, const char *name, const char *text)
{
    msb_names_set(msb->texts, &msb->properties, name, (struct msb_value){.text = text});
    return text;
}

const char *
msb_property(struct msb *msb, const char *name)
{
    const struct msb_value *value = msb_names_find(&msb->properties, name);
    return value && msb_check(msb, value) ? msb_unescape(msb->texts, value->text) : "";
}

struct import_place
msb_property_place(struct msb *msb, const char *name)
{
    const struct msb_value *value = msb_names_find(&msb->properties, name);
    return value && value->place.file ? value->place : (struct import_place){msb->import->project.file, 0};
}

const char *
msb_meta(struct msb *msb, const struct msb_item *item, const char *name)
{
    const struct msb_value *value = msb_names_find(&item->meta, name);
    return value && msb_check(msb, value) ? msb_unescape(msb->texts, value->text) : "";
}

// ---- what Microsoft's files would set

// Target versions by the name a project uses, with what the WDK compiles with.
static const char *
version_of(const char *target)
{
    static const char *const rows[][2] = {
        {"Vista", "0x0600"},
        {"Windows7", "0x0601"},
        {"Win7", "0x0601"},
        {"Windows8", "0x0602"},
        {"Win8", "0x0602"},
        {"WindowsV6.3", "0x0603"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcasecmp(rows[i][0], target))
            return rows[i][1];
    return "0x0A00";
}

static void
defaults_set(struct msb *msb)
{
    static const char *const versions[][2] = {
        {"VISTA", "0x0600"}, {"WIN7", "0x0601"}, {"WIN8", "0x0602"}, {"WINBLUE", "0x0603"}, {"WIN10", "0x0A00"}};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        set_text(msb, texts_format(msb->texts, "_NT_TARGET_VERSION_%s", versions[i][0]), versions[i][1]);
}

// Microsoft.Cpp.props and the WDK's: values that stand unless the project has set them before.
static void
props_set(struct msb *msb)
{
    static const char *const rows[][2] = {{"ConfigurationType", "Application"}, {"UseDebugLibraries", "false"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!msb_names_find(&msb->properties, rows[i][0]))
            set_text(msb, rows[i][0], rows[i][1]);
    const struct msb_value *target = msb_names_find(&msb->properties, "TargetVersion");
    const struct msb_value *version = msb_names_find(&msb->properties, "_NT_TARGET_VERSION");
    if (!version || !version->text[0])
        set_text(msb, "_NT_TARGET_VERSION", version_of(target ? target->text : ""));
}

static void one_import(struct msb *msb, xmlNodePtr node, const char *path);

// Microsoft's files import Directory.Build.props and Directory.Build.targets from the nearest folder at or above the project's.
static void
above_import(struct msb *msb, xmlNodePtr node, const char *name)
{
    const char *folder = msb->import->project.folder;
    for (int i = 0; i < 32; i++) {
        const char *found = path_find(msb->texts, msb->import->request->fs, path_join(msb->texts, folder, name));
        if (found) {
            one_import(msb, node, found);
            return;
        }
        if (!strcmp(folder, "/") || !strcmp(folder, "."))
            return;
        folder = path_folder(msb->texts, folder);
    }
}

static void
targets_import(struct msb *msb, xmlNodePtr node, const char *path)
{
    const char *name = path_name(path);
    if (!strcasecmp(name, "Microsoft.Cpp.Default.props")) {
        above_import(msb, node, "Directory.Build.props");
        defaults_set(msb);
    } else if (!strcasecmp(name, "Microsoft.Cpp.props")) {
        props_set(msb);
    } else if (!strcasecmp(name, "Microsoft.Cpp.targets")) {
        above_import(msb, node, "Directory.Build.targets");
    }
}

// The folder of the solution: the nearest one above that has a .sln. MSBuild knows it only when it builds a solution.
static void
has_solution(void *to, const char *name)
{
    *(bool *)to |= path_ends(name, ".sln") || path_ends(name, ".slnx");
}

static void
solution_find(struct msb *msb)
{
    const struct import_fs *fs = msb->import->request->fs;
    const char *folder = msb->import->project.folder;
    for (int i = 0; i < 16; i++) {
        bool found = false;
        fs->list(fs->context, folder, has_solution, &found);
        if (found) {
            set_text(msb, "SolutionDir", texts_format(msb->texts, "%s/", folder));
            return;
        }
        if (!strcmp(folder, "/") || !strcmp(folder, "."))
            break;
        folder = path_folder(msb->texts, folder);
    }
    msb_names_set(msb->texts, &msb->properties, "SolutionDir",
                  (struct msb_value){"", {msb->import->project.file, 0}, "$(SolutionDir), as no folder above has a .sln"});
}

static void
start_set(struct msb *msb)
{
    const struct import_request *request = msb->import->request;
    const char *file = msb->import->project.file, *folder = msb->import->project.folder, *name = path_name(file);
    for (size_t i = 0; i < request->property_count; i++)
        msb_names_set(msb->texts, &msb->properties, request->properties[i].name, (struct msb_value){.text = request->properties[i].value})
            ->is_fixed = true;
    set_text(msb, "VCTargetsPath", TARGETS);
    set_text(msb, "MSBuildExtensionsPath", TARGETS);
    set_text(msb, "UserRootDir", TARGETS "/user");
    set_text(msb, "MSBuildProjectDirectory", folder);
    set_text(msb, "ProjectDir", texts_format(msb->texts, "%s/", folder));
    set_text(msb, "MSBuildProjectFile", name);
    set_text(msb, "MSBuildProjectFullPath", file);
    set_text(msb, "MSBuildProjectName", texts_copy(msb->texts, name, strlen(name) - strlen(path_ending(name))));
    set_text(msb, "ProjectName", msb_names_find(&msb->properties, "MSBuildProjectName")->text);
    set_text(msb, "IntDir", texts_format(msb->texts, "%s/obj/", folder));
    set_text(msb, "OutDir", texts_format(msb->texts, "%s/out/", folder));
    set_text(msb, "VisualStudioVersion", "17.0");
    set_text(msb, "MSBuildToolsVersion", "Current");
    set_text(msb, "OS", "Windows_NT");
    set_text(msb, "LatestTargetPlatformVersion", "10.0.26100.0");
    msb_names_set(msb->texts, &msb->properties, "TargetName",
                  (struct msb_value){.text = msb_names_find(&msb->properties, "ProjectName")->text});
    solution_find(msb);
    defaults_set(msb);
}

// ---- reading

static void
properties_read(struct msb *msb, xmlNodePtr group)
{
    if (!msb_condition_holds(msb, group))
        return;
    for (xmlNodePtr node = group->children; node && !import_is_full(msb->import); node = node->next) {
        if (node->type != XML_ELEMENT_NODE || !msb_condition_holds(msb, node))
            continue;
        xmlChar *content = xmlNodeGetContent(node);
        struct msb_value value = msb_expand(msb, content ? (const char *)content : "", msb_place(msb, node));
        xmlFree(content);
        if (value.fault && !strncmp(value.fault, "a value", 7))
            msb_check(msb, &value);
        msb_names_set(msb->texts, &msb->properties, (const char *)node->name, value);
    }
}

// The first error is the one that helps; libxml2 keeps the last.
struct first_error {
    unsigned line;
    char text[200];
};

static void
error_take(void *to, const xmlError *error)
{
    struct first_error *first = to;
    if (first->text[0] || error->level < XML_ERR_ERROR)
        return;
    first->line = error->line > 0 ? (unsigned)error->line : 0;
    snprintf(first->text, sizeof first->text, "%.*s", (int)strcspn(error->message ? error->message : "?", "\n"), error->message);
}

static void
file_read(struct msb *msb, const char *path, const char *text, size_t bytes)
{
    struct first_error first = {0};
    const struct msb_file *before = msb->file;
    struct msb_file *file = &msb->files[msb->file_count++];
    *file = (struct msb_file){.path = path, .folder = path_folder(msb->texts, path)};
    msb->file = file;
    xmlSetStructuredErrorFunc(&first, (xmlStructuredErrorFunc)error_take);
    // No network, no external entities; libxml2 itself bounds depth and the growth of internal ones.
    file->document =
        xmlReadMemory(text, bytes > INT32_MAX ? 0 : (int)bytes, path, NULL, XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES);
    xmlSetStructuredErrorFunc(NULL, NULL);
    xmlNodePtr root = file->document ? xmlDocGetRootElement(file->document) : NULL;
    if (!root) {
        import_fault(msb->import, (struct import_place){path, first.line}, NULL, "no XML that can be read: %s",
                     first.text[0] ? first.text : "it is empty");
    } else if (file->document->intSubset) {
        import_fault(msb->import, (struct import_place){path, 0}, "<!DOCTYPE", "a project file has no document type; it is not followed");
    } else if (!msb_is(root, "Project")) {
        import_fault(msb->import, msb_place(msb, root), (const char *)root->name, "no MSBuild project: its first element is <%.60s>",
                     (const char *)root->name);
    } else {
        char *sdk = msb_attribute(msb, root, "Sdk");
        if (sdk)
            import_fault(msb->import, msb_place(msb, root), texts_format(msb->texts, "Sdk=\"%.60s\"", sdk),
                         "a project that takes its build from an SDK is not followed; give its .c files, with -D and -I");
        children_read(msb, root);
    }
    msb->file = before;
}

static void
one_import(struct msb *msb, xmlNodePtr node, const char *path)
{
    size_t bytes;
    const char *name;
    for (size_t i = 0; i < msb->file_count; i++)
        if (!strcmp(msb->files[i].path, path)) { // MSBuild warns and goes on
            import_note(msb->import, "%s is imported twice; the second time does nothing", path);
            return;
        }
    if (msb->file_count == MSBUILD_FILES_MAX || msb->depth == MSBUILD_DEPTH_MAX) {
        import_fault(msb->import, msb_place(msb, node), "<Import>", "more than %d imports, or %d in each other", MSBUILD_FILES_MAX,
                     MSBUILD_DEPTH_MAX);
        return;
    }
    char *text = import_file_read(msb->import, path, &bytes, &name);
    if (!text) {
        import_fault(msb->import, msb_place(msb, node), "<Import>", "imports %s, which is not there", path);
        return;
    }
    msb->depth++;
    file_read(msb, path, text, bytes);
    msb->depth--;
    free(text);
}

static void
import_read_node(struct msb *msb, xmlNodePtr node)
{
    if (!msb_condition_holds(msb, node))
        return;
    char *written = msb_attribute(msb, node, "Project");
    struct msb_value value = msb_expand(msb, written ? written : "", msb_place(msb, node));
    if (!written || msb_attribute(msb, node, "Sdk")) {
        import_fault(msb->import, msb_place(msb, node), "<Import>", "an import from an SDK, or of nothing, is not followed");
        return;
    }
    if (!msb_check(msb, &value))
        return;
    char *path = msb_unescape(msb->texts, value.text);
    for (char *at = path; *at; at++)
        if (*at == '\\')
            *at = '/';
    if (!strncmp(path, TARGETS, strlen(TARGETS))) {
        targets_import(msb, node, path);
        return;
    }
    path = path_join(msb->texts, msb->file->folder, path);
    if (strpbrk(path_name(path), "*?")) {
        struct import_list found = {0};
        path_glob(msb->texts, msb->import->request->fs, path_folder(msb->texts, path), path_name(path), &found);
        for (size_t i = 0; i < found.count; i++)
            one_import(msb, node, found.items[i]);
        return;
    }
    const char *found = path_find(msb->texts, msb->import->request->fs, path);
    one_import(msb, node, found ? found : path);
}

static void
choose_read(struct msb *msb, xmlNodePtr choose)
{
    for (xmlNodePtr node = choose->children; node; node = node->next)
        if (msb_is(node, "Otherwise") || (msb_is(node, "When") && msb_condition_holds(msb, node))) {
            children_read(msb, node);
            return;
        }
}

static void
group_keep(struct msb *msb, xmlNodePtr node)
{
    if (msb->group_count == msb->group_room) {
        size_t room = msb->group_room ? 2 * msb->group_room : 32;
        struct msb_group *groups = texts_alloc(msb->texts, room * sizeof *groups);
        if (msb->group_count)
            memcpy(groups, msb->groups, msb->group_count * sizeof *groups);
        msb->groups = groups;
        msb->group_room = room;
    }
    msb->groups[msb->group_count++] = (struct msb_group){node, msb->file};
}

// Is this Configuration|Platform one of the project's? Which one is meant has to be known before the first condition.
static void
configurations_read(struct msb *msb, xmlNodePtr group)
{
    for (xmlNodePtr node = group->children; node; node = node->next) {
        char *include = msb_is(node, "ProjectConfiguration") ? msb_attribute(msb, node, "Include") : NULL;
        if (include)
            msb_names_set(msb->texts, (struct msb_names *)msb->configurations, include, (struct msb_value){.text = include});
    }
}

static void
children_read(struct msb *msb, xmlNodePtr parent)
{
    static const char *const skipped[] = {"Target", "UsingTask", "ProjectExtensions", "Sdk"};
    if (++msb->depth > 4 * MSBUILD_DEPTH_MAX) {
        import_fault(msb->import, msb_place(msb, parent), (const char *)parent->name, "elements too deep in each other");
        msb->depth--;
        return;
    }
    for (xmlNodePtr node = parent->children; node && !import_is_full(msb->import); node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        bool is_skipped = false;
        for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
            is_skipped |= msb_is(node, skipped[i]);
        if (msb_is(node, "PropertyGroup"))
            properties_read(msb, node);
        else if (msb_is(node, "Import"))
            import_read_node(msb, node);
        else if (msb_is(node, "ImportGroup") && msb_condition_holds(msb, node))
            children_read(msb, node);
        else if (msb_is(node, "Choose"))
            choose_read(msb, node);
        else if (msb_is(node, "ItemGroup") || msb_is(node, "ItemDefinitionGroup"))
            group_keep(msb, node);
        else if (!is_skipped && !msb_is(node, "ImportGroup"))
            import_fault(msb->import, msb_place(msb, node), texts_format(msb->texts, "<%.60s>", (const char *)node->name),
                         "MSBuild has no such element here");
    }
    msb->depth--;
}

// Release|x64 unless -p says otherwise; without it, the first Release, then the first x64, then what there is.
static void
configuration_choose(struct msb *msb, struct msb_names *all)
{
    const struct msb_value *configuration = msb_names_find(&msb->properties, "Configuration");
    const struct msb_value *platform = msb_names_find(&msb->properties, "Platform");
    bool has_configuration = configuration != NULL, has_platform = platform != NULL;
    const char *wanted_configuration = has_configuration ? configuration->text : "Release";
    const char *wanted_platform = has_platform ? platform->text : "x64";
    const char *both = texts_format(msb->texts, "%s|%s", wanted_configuration, wanted_platform);
    struct builder known = {0};
    for (size_t i = 0; i < all->count; i++)
        builder_format(&known, "%s%s", i ? ", " : "", all->rows[i].value.text);
    char *words = builder_take(&known);
    if (all->count && !msb_names_find(all, both)) {
        const char *other = NULL;
        for (size_t i = 0; i < all->count && !has_configuration; i++)
            if (!other && path_ends(all->rows[i].value.text, texts_format(msb->texts, "|%s", wanted_platform)))
                other = all->rows[i].value.text;
        if (other)
            wanted_configuration = texts_copy(msb->texts, other, strcspn(other, "|"));
        else
            import_fault(msb->import, (struct import_place){msb->import->project.file, 0}, both,
                         "the project has no %s; it has: %s (choose with -p Configuration=... -p Platform=...)", both, words);
    }
    free(words);
    msb_names_set(msb->texts, &msb->properties, "Configuration", (struct msb_value){.text = wanted_configuration})->is_fixed = true;
    msb_names_set(msb->texts, &msb->properties, "Platform", (struct msb_value){.text = wanted_platform})->is_fixed = true;
}

static void
groups_read(struct msb *msb, const char *name, void (*read)(struct msb *msb, xmlNodePtr group))
{
    for (size_t i = 0; i < msb->group_count && !import_is_full(msb->import); i++) {
        msb->file = msb->groups[i].file;
        if (msb_is(msb->groups[i].node, name) && msb_condition_holds(msb, msb->groups[i].node))
            read(msb, msb->groups[i].node);
    }
    msb->file = NULL;
}

// ProjectConfigurations may stand in an imported file. A first reading with whatever configuration finds them; its faults do not count.
static void
configurations_find(struct msb *msb, const char *path, const char *text, size_t bytes, struct msb_names *all)
{
    struct import_project *project = &msb->import->project;
    const struct import_project before = *project;
    struct msb first = {.import = msb->import, .texts = msb->texts, .configurations = all};
    start_set(&first);
    if (!msb_names_find(&first.properties, "Configuration"))
        set_text(&first, "Configuration", "Release");
    if (!msb_names_find(&first.properties, "Platform"))
        set_text(&first, "Platform", "x64");
    file_read(&first, path, text, bytes);
    for (size_t i = 0; i < first.group_count; i++)
        configurations_read(&first, first.groups[i].node);
    msb_clear(&first);
    project->fault_count = before.fault_count;
    project->notes.count = before.notes.count;
}

void
msb_read(struct msb *msb, const char *path, const char *text, size_t bytes)
{
    struct msb_names all = {0};
    configurations_find(msb, path, text, bytes, &all);
    start_set(msb);
    configuration_choose(msb, &all);
    file_read(msb, path, text, bytes);
    groups_read(msb, "ItemDefinitionGroup", msb_definitions_read);
    groups_read(msb, "ItemGroup", msb_items_read);
}

void
msb_clear(struct msb *msb)
{
    for (size_t i = 0; i < msb->file_count; i++)
        xmlFreeDoc(msb->files[i].document);
    msb->file_count = 0;
}
