// SPDX-License-Identifier: MIT
// Follows #include through the project's own files, before any preprocessor runs, for what has to be there when it does: .tmh files that
// the WPP preprocessor would have written, headers that lie there only as templates (config.h.in), and the trace functions that a
// comment "begin_wpp config ... FUNC Name(...); ... end_wpp" declares. Conditions are not looked at: a file too many does no harm.
#include <ctype.h>
#include <stdlib.h>

#include "loader/import/import_int.h"

#define FILES_MAX 4096

struct walk {
    struct import *import;
    struct import_list seen;
    const struct import_source *source;
};

static void file_walk(struct walk *walk, const char *path);

// The file that #include "name" means in a file of this folder. NULL: none of the project's.
static const char *
include_find(struct walk *walk, const char *folder, const char *name, const char *ending)
{
    struct import_texts *texts = walk->import->texts;
    const struct import_fs *fs = walk->import->request->fs;
    const char *found = path_find(texts, fs, texts_format(texts, "%s%s", path_join(texts, folder, name), ending));
    for (size_t i = 0; !found && i < walk->source->folders.count; i++)
        found = path_find(texts, fs, texts_format(texts, "%s%s", path_join(texts, walk->source->folders.items[i], name), ending));
    return found && fs->kind(fs->context, found) == IMPORT_FILE ? found : NULL;
}

static bool
is_made(const struct import *import, const char *name)
{
    for (size_t i = 0; i < import->project.made_count; i++)
        if (!strcasecmp(import->project.made[i].name, name))
            return true;
    return false;
}

static void
template_make(struct walk *walk, const char *name, const char *template)
{
    struct import *import = walk->import;
    const char *file;
    size_t bytes;
    if (is_made(import, name))
        return;
    char *text = import_file_read(import, template, &bytes, &file);
    if (!text)
        return;
    if (import->project.made_count == import->made_room) {
        size_t room = import->made_room ? 2 * import->made_room : 8;
        struct import_made *made = texts_alloc(import->texts, room * sizeof *made);
        if (import->project.made_count)
            memcpy(made, import->project.made, import->project.made_count * sizeof *made);
        import->project.made = made;
        import->made_room = room;
    }
    // Messages of the compiler name the template.
    char *with_line = texts_format(import->texts, "#line 1 \"%s\"\n%s", file, text);
    import->project.made[import->project.made_count++] =
        (struct import_made){texts_copy(import->texts, name, strlen(name)), with_line, strlen(with_line)};
    free(text);
}

static void
include_walk(struct walk *walk, const char *folder, const char *start, size_t length)
{
    struct import *import = walk->import;
    char *name = texts_copy(import->texts, start, length);
    for (char *at = name; *at; at++)
        if (*at == '\\')
            *at = '/';
    if (path_ends(name, ".tmh")) {
        if (!list_has(&import->project.tmh, name))
            list_add(import->texts, &import->project.tmh, name);
        return;
    }
    const char *found = include_find(walk, folder, name, "");
    const char *template = found ? NULL : include_find(walk, folder, name, ".in");
    if (found)
        file_walk(walk, found);
    else if (template)
        template_make(walk, name, template);
}

// "FUNC Name(LEVEL,MSG,...);" between begin_wpp config and end_wpp.
static void
wpp_config_read(struct walk *walk, const char *text)
{
    for (const char *at = text; (at = strstr(at, "begin_wpp")) != NULL;) {
        const char *end = strstr(at, "end_wpp");
        end = end ? end : at + strlen(at);
        for (const char *line = at; line < end; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')) {
            const char *word = line + strspn(line, " \t/*");
            if (!strncmp(word, "FUNC", 4) && isspace((unsigned char)word[4]))
                import_trace_add(walk->import, word + 4 + strspn(word + 4, " \t"));
        }
        at = end;
    }
}

static void
file_walk(struct walk *walk, const char *path)
{
    struct import *import = walk->import;
    const char *name;
    size_t bytes;
    if (list_has(&walk->seen, path) || walk->seen.count >= FILES_MAX || import_is_full(import))
        return;
    list_add(import->texts, &walk->seen, path);
    char *text = import_file_read(import, path, &bytes, &name);
    if (!text)
        return;
    const char *folder = path_folder(import->texts, path);
    wpp_config_read(walk, text);
    for (const char *at = text; *at;) {
        const char *next = at + strcspn(at, "\n");
        at += strspn(at, " \t");
        if (*at == '#') {
            at += 1 + strspn(at + 1, " \t");
            if (!strncmp(at, "include", 7)) {
                at += 7 + strspn(at + 7, " \t");
                char close = *at == '"' ? '"' : *at == '<' ? '>'
                                                           : 0;
                const char *end = close ? memchr(at + 1, close, (size_t)(next > at ? next - at - 1 : 0)) : NULL;
                if (end)
                    include_walk(walk, folder, at + 1, (size_t)(end - at - 1));
            }
        }
        at = next + (*next == '\n');
    }
    free(text);
}

void
walk_includes(struct import *import)
{
    struct walk walk = {.import = import};
    for (size_t i = 0; i < import->project.source_count; i++) {
        walk.source = &import->project.sources[i];
        file_walk(&walk, walk.source->path);
    }
    if (import->project.tmh.count)
        import_trace_add(import, "DoTraceMessage");
}
