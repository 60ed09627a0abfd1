// SPDX-License-Identifier: MIT
// The files that the compiler is given beside the project's own: an overlay in which every header is found in any case, one header for
// all .tmh files, and forward declarations of structure tags (a tag first seen inside a prototype would be a type of that prototype
// alone in C, and Windows's compiler minds less).
#include <ctype.h>
#include <stdlib.h>

#include "loader/import/import_int.h"

#define DEPTH_MAX 8
#define NODES_MAX 60000

struct overlay {
    const struct import_fs *fs;
    struct import_texts *texts;
    struct builder out;
    const char *folder;
    size_t nodes;
    unsigned depth;
    bool has_one;
};

void
overlay_quote(struct builder *out, const char *text)
{
    builder_add(out, "'", 1);
    for (; *text; text++)
        builder_add(out, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
    builder_add(out, "'", 1);
}

static bool
is_header(const char *name)
{
    static const char *const endings[] = {".h", ".hpp", ".hxx", ".inl", ".c", ".cpp", ".tmh", ".inc", ".ver", ".x", ".def"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (path_ends(name, endings[i]))
            return true;
    return false;
}

static void folder_write(struct overlay *overlay, const char *folder);

static void
entry_write(void *to, const char *name)
{
    struct overlay *overlay = to;
    const char *path = path_join(overlay->texts, overlay->folder, name);
    enum import_node kind = overlay->fs->kind(overlay->fs->context, path);
    bool is_folder = kind == IMPORT_FOLDER && overlay->depth < DEPTH_MAX && name[0] != '.';
    if (overlay->nodes >= NODES_MAX || (!is_folder && (kind != IMPORT_FILE || !is_header(name))))
        return;
    overlay->nodes++;
    builder_puts(&overlay->out, overlay->has_one ? ",\n" : "\n");
    overlay->has_one = true;
    builder_puts(&overlay->out, is_folder ? "{'type': 'directory', 'name': " : "{'type': 'file', 'name': ");
    overlay_quote(&overlay->out, name);
    if (is_folder) {
        const char *before = overlay->folder;
        folder_write(overlay, path);
        overlay->folder = before;
    } else {
        builder_puts(&overlay->out, ", 'external-contents': ");
        overlay_quote(&overlay->out, path);
    }
    builder_puts(&overlay->out, "}");
    overlay->has_one = true;
}

static void
folder_write(struct overlay *overlay, const char *folder)
{
    builder_puts(&overlay->out, ", 'contents': [");
    overlay->folder = folder;
    overlay->has_one = false;
    overlay->depth++;
    overlay->fs->list(overlay->fs->context, folder, entry_write, overlay);
    overlay->depth--;
    builder_puts(&overlay->out, "]");
}

char *
import_overlay_text(const struct import_fs *fs, const char *const *folders, size_t folder_count)
{
    struct overlay overlay = {.fs = fs, .texts = texts_create()};
    builder_puts(&overlay.out, "{'version': 0, 'case-sensitive': 'false', 'roots': [");
    bool has_root = false;
    for (size_t i = 0; i < folder_count; i++) {
        bool is_inside = false;   // of another one: it is written there
        for (size_t j = 0; j < folder_count; j++) {
            size_t length = strlen(folders[j]);
            bool is_below = !strncmp(folders[i], folders[j], length) && folders[i][length] == '/';
            is_inside |= is_below || (j < i && !strcmp(folders[i], folders[j]));
        }
        if (is_inside)
            continue;
        builder_puts(&overlay.out, has_root ? ",\n{'type': 'directory', 'name': " : "\n{'type': 'directory', 'name': ");
        overlay_quote(&overlay.out, folders[i]);
        folder_write(&overlay, folders[i]);
        builder_puts(&overlay.out, "}");
        has_root = true;
    }
    builder_puts(&overlay.out, "]}\n");
    import_texts_destroy(overlay.texts);
    return builder_take(&overlay.out);
}

char *
import_wpp_text(const struct import_project *project)
{
    struct builder out = {0};
    builder_puts(&out, "// What the WPP preprocessor would have written: this project's trace functions, switched off. Arguments are not\n"
                       "// evaluated, as they are not on Windows until somebody listens.\n"
                       "#ifndef NBX_WPP\n#define NBX_WPP\n#include <nbx_tracing.h>\n");
    for (size_t i = 0; i < project->traces.count; i++)
        builder_format(&out, "#undef %s\n#define %s(...) ((void)0)\n", project->traces.items[i], project->traces.items[i]);
    builder_puts(&out, "#endif\n");
    return builder_take(&out);
}

char *
import_tags_text(const struct import_scan *scan)
{
    struct builder out = {0};
    builder_puts(&out, "// Structure tags of this driver, so that one first seen inside a prototype is the same everywhere.\n");
    for (size_t i = 0; i < scan->tags.count; i++)
        if (isalpha((unsigned char)scan->tags.items[i][0]) || scan->tags.items[i][0] == '_')
            builder_format(&out, "struct %s;\n", scan->tags.items[i]);
    return builder_take(&out);
}
