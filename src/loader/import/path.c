// SPDX-License-Identifier: MIT
// Paths as a project writes them, on a file system that knows upper from lower case. Folders are joined without leaving ./ or x/../
// behind; a file is found whatever the case of its letters, first as written, then by looking through each folder on the way.
#include <fnmatch.h>

#include "loader/import/import_int.h"

#define SLASHES_MAX 48           // ** goes no deeper than a path of so many folders
#define FOUND_MAX 4096

const char *
path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *
path_ending(const char *path)
{
    const char *dot = strrchr(path_name(path), '.');
    return dot ? dot : "";
}

bool
path_ends(const char *path, const char *ending)
{
    size_t length = strlen(path), wanted = strlen(ending);
    return length >= wanted && !strcasecmp(path + length - wanted, ending);
}

char *
path_folder(struct import_texts *texts, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return texts_copy(texts, ".", 1);
    return texts_copy(texts, path, slash == path ? 1 : (size_t)(slash - path));
}

// Append one part to out: nothing for ".", one part less for ".." where there is one.
static size_t
part_append(char *out, size_t used, const char *part, size_t length)
{
    size_t last = used;
    if (length == 0 || (length == 1 && part[0] == '.'))
        return used;
    while (last > 0 && out[last - 1] != '/')
        last--;
    if (length == 2 && part[0] == '.' && part[1] == '.' && used > last && !(used - last == 2 && out[last] == '.' && out[last + 1] == '.'))
        return last > 1 ? last - 1 : last;
    if (length == 2 && part[0] == '.' && part[1] == '.' && used == 1 && out[0] == '/')
        return used;
    if (used && out[used - 1] != '/')
        out[used++] = '/';
    memcpy(out + used, part, length);
    return used + length;
}

char *
path_join(struct import_texts *texts, const char *folder, const char *path)
{
    const char *pieces[2] = {path[0] == '/' ? "" : folder, path};
    char *out = texts_alloc(texts, strlen(folder) + strlen(path) + 3);
    size_t used = 0;
    if (path[0] == '/' || folder[0] == '/')
        out[used++] = '/';
    for (int i = 0; i < 2; i++)
        for (const char *at = pieces[i]; *at;) {
            size_t length = strcspn(at, "/");
            used = part_append(out, used, at, length);
            at += length + (at[length] == '/');
        }
    out[used] = 0;
    if (!used)
        out[0] = '.';
    return out;
}

struct look {
    const char *wanted;
    size_t length;
    char found[256];
};

static void
look_each(void *to, const char *name)
{
    struct look *look = to;
    if (!look->found[0] && strlen(name) == look->length && !strncasecmp(name, look->wanted, look->length) && look->length < 256)
        memcpy(look->found, name, look->length + 1);
}

const char *
path_find(struct import_texts *texts, const struct import_fs *fs, const char *path)
{
    const char *here = path[0] == '/' ? "/" : ".";
    if (fs->kind(fs->context, path) != IMPORT_NONE)
        return path;
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "/");
        const char *part = texts_copy(texts, at, length);
        at += length + (at[length] == '/');
        if (!part[0])
            continue;
        const char *next = path_join(texts, here, part);
        if (fs->kind(fs->context, next) == IMPORT_NONE) {
            struct look look = {.wanted = part, .length = strlen(part)};
            fs->list(fs->context, here, look_each, &look);
            if (!look.found[0])
                return NULL;
            next = path_join(texts, here, look.found);
        }
        here = next;
    }
    return here;
}

bool
name_matches(const char *pattern, const char *name)
{
    return fnmatch(pattern, name, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

struct glob {
    struct import_texts *texts;
    const struct import_fs *fs;
    struct import_list *found;
    const char *folder, *rest;   // rest begins with the part that is matched now
    size_t length;               // of that part
    unsigned depth;
};

static void
glob_each(void *to, const char *name)
{
    struct glob *glob = to;
    const char *part = texts_copy(glob->texts, glob->rest, glob->length), *after = glob->rest + glob->length;
    bool is_deep = !strcmp(part, "**");
    if (glob->found->count >= FOUND_MAX || (!is_deep && !name_matches(part, name)))
        return;
    const char *path = path_join(glob->texts, glob->folder, name);
    enum import_node kind = glob->fs->kind(glob->fs->context, path);
    if (kind == IMPORT_FOLDER && *after == '/')
        path_glob(glob->texts, glob->fs, path, is_deep && glob->depth < SLASHES_MAX ? glob->rest : after + 1, glob->found);
    else if (kind == IMPORT_FILE && !*after && !is_deep)
        list_add(glob->texts, glob->found, path);
}

void
path_glob(struct import_texts *texts, const struct import_fs *fs, const char *folder, const char *pattern, struct import_list *found)
{
    struct glob glob = {texts, fs, found, folder, pattern, strcspn(pattern, "/"), 0};
    for (const char *at = folder; *at; at++)
        glob.depth += *at == '/';
    if (!strncmp(pattern, "**/", 3))   // ** may also be no folder at all
        path_glob(texts, fs, folder, pattern + 3, found);
    if (!memchr(pattern, '*', glob.length) && !memchr(pattern, '?', glob.length) && pattern[glob.length] == '/') {
        path_glob(texts, fs, path_join(texts, folder, texts_copy(texts, pattern, glob.length)), pattern + glob.length + 1, found);
        return;
    }
    fs->list(fs->context, folder, glob_each, &glob);
}
