// SPDX-License-Identifier: MIT
// The second and third pass: item definitions (what every ClCompile has unless it says otherwise), then items, with Include, Exclude,
// Remove and Update, wildcards, and their metadata. An item of a type begins with its type's definition.
#include <stdlib.h>

#include "loader/import/msbuild.h"

static struct msb_type *
type_get(struct msb *msb, const char *name)
{
    for (size_t i = 0; i < msb->type_count; i++)
        if (!strcasecmp(msb->types[i].type, name))
            return &msb->types[i];
    if (msb->type_count == msb->type_room) {
        size_t room = msb->type_room ? 2 * msb->type_room : 16;
        struct msb_type *types = texts_alloc(msb->texts, room * sizeof *types);
        if (msb->type_count)
            memcpy(types, msb->types, msb->type_count * sizeof *types);
        msb->types = types;
        msb->type_room = room;
    }
    msb->types[msb->type_count] = (struct msb_type){.type = texts_copy(msb->texts, name, strlen(name))};
    return &msb->types[msb->type_count++];
}

// The children of an item or of its definition.
static void
meta_read(struct msb *msb, xmlNodePtr parent, struct msb_names *meta)
{
    msb->meta = meta;
    for (xmlNodePtr node = parent->children; node && !import_is_full(msb->import); node = node->next) {
        if (node->type != XML_ELEMENT_NODE || !msb_condition_holds(msb, node))
            continue;
        xmlChar *content = xmlNodeGetContent(node);
        struct msb_value value = msb_expand(msb, content ? (const char *)content : "", msb_place(msb, node));
        xmlFree(content);
        msb_names_set(msb->texts, meta, (const char *)node->name, value);
    }
    msb->meta = NULL;
}

void
msb_definitions_read(struct msb *msb, xmlNodePtr group)
{
    for (xmlNodePtr node = group->children; node && !import_is_full(msb->import); node = node->next)
        if (node->type == XML_ELEMENT_NODE && msb_condition_holds(msb, node))
            meta_read(msb, node, &type_get(msb, (const char *)node->name)->meta);
}

// An attribute as a list of paths with / only.
static struct import_list
paths_of(struct msb *msb, xmlNodePtr node, const char *attribute)
{
    struct import_list list = {0};
    char *written = msb_attribute(msb, node, attribute);
    struct msb_value value = msb_expand(msb, written ? written : "", msb_place(msb, node));
    if (!written)
        return list;
    bool matters = msb_is(node, "ClCompile");
    if (value.fault && !matters)
        return list;
    if (!msb_check(msb, &value))
        return list;
    list_split(msb->texts, &list, value.text, ";");
    for (size_t i = 0; i < list.count; i++) {
        char *path = msb_unescape(msb->texts, list.items[i]);
        for (char *at = path; *at; at++)
            if (*at == '\\')
                *at = '/';
        list.items[i] = path;
    }
    return list;
}

static bool
is_matched(struct msb *msb, const struct import_list *patterns, const char *folder, const char *include)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (!strcasecmp(patterns->items[i], include) ||
            name_matches(path_join(msb->texts, folder, patterns->items[i]), path_join(msb->texts, folder, include)))
            return true;
    return false;
}

static void
item_add(struct msb *msb, xmlNodePtr node, const char *include)
{
    const struct msb_names *defined = &type_get(msb, (const char *)node->name)->meta;
    if (msb->item_count == MSBUILD_ITEMS_MAX) {
        import_fault(msb->import, msb_place(msb, node), NULL, "more than %d items", MSBUILD_ITEMS_MAX);
        return;
    }
    if (msb->item_count == msb->item_room) {
        size_t room = msb->item_room ? 2 * msb->item_room : 64;
        struct msb_item *items = texts_alloc(msb->texts, room * sizeof *items);
        if (msb->item_count)
            memcpy(items, msb->items, msb->item_count * sizeof *items);
        msb->items = items;
        msb->item_room = room;
    }
    struct msb_item *item = &msb->items[msb->item_count++];
    // Items are relative to the project, whichever file names them.
    *item = (struct msb_item){texts_copy(msb->texts, (const char *)node->name, strlen((const char *)node->name)),
                              include,
                              msb_place(msb, node),
                              msb->import->project.folder,
                              {0}};
    for (size_t i = 0; i < defined->count; i++)
        msb_names_set(msb->texts, &item->meta, defined->rows[i].name, defined->rows[i].value);
    const char *name = path_name(include);
    const char *stem = texts_copy(msb->texts, name, strlen(name) - strlen(path_ending(name)));
    msb_names_set(msb->texts, &item->meta, "Identity", (struct msb_value){.text = include});
    msb_names_set(msb->texts, &item->meta, "Filename", (struct msb_value){.text = stem});
    msb_names_set(msb->texts, &item->meta, "Extension", (struct msb_value){.text = path_ending(include)});
    meta_read(msb, node, &item->meta);
}

static void
items_add(struct msb *msb, xmlNodePtr node)
{
    struct import_list includes = paths_of(msb, node, "Include"), excludes = paths_of(msb, node, "Exclude");
    const char *folder = msb->import->project.folder;
    for (size_t i = 0; i < includes.count && !import_is_full(msb->import); i++) {
        struct import_list found = {0};
        bool is_pattern = strpbrk(includes.items[i], "*?") != NULL;
        if (is_pattern)
            path_glob(msb->texts, msb->import->request->fs, folder, includes.items[i], &found);
        else
            list_add(msb->texts, &found, includes.items[i]);
        for (size_t j = 0; j < found.count; j++)
            if (!is_matched(msb, &excludes, folder, found.items[j]))
                item_add(msb, node, found.items[j]);
    }
}

void
msb_items_read(struct msb *msb, xmlNodePtr group)
{
    for (xmlNodePtr node = group->children; node && !import_is_full(msb->import); node = node->next) {
        if (node->type != XML_ELEMENT_NODE || !msb_condition_holds(msb, node))
            continue;
        struct import_list removed = paths_of(msb, node, "Remove"), updated = paths_of(msb, node, "Update");
        size_t kept = 0;
        for (size_t i = 0; i < msb->item_count; i++) {
            struct msb_item *item = &msb->items[i];
            bool is_same = !strcasecmp(item->type, (const char *)node->name);
            if (is_same && removed.count && is_matched(msb, &removed, item->folder, item->include))
                continue;
            if (is_same && updated.count && is_matched(msb, &updated, item->folder, item->include))
                meta_read(msb, node, &item->meta);
            msb->items[kept++] = *item;
        }
        msb->item_count = kept;
        items_add(msb, node);
    }
}
