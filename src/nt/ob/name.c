// SPDX-License-Identifier: MIT
// The tree of names: directories, symbolic links, and the walk through them.
//   ob_lookup -> walk_locked component by component; a symbolic link starts the walk again with its target in front of the rest;
//                a device, file or key ends it and the rest is the parser's (what a file system or a driver sees as file name)
//   ob_name_insert -> all but the last component is looked up as a directory, then the entry is linked
// Source of the statuses: [wdm/nf-wdm-zwopenkey], [ntifs/nf-ntifs-zwcreatedirectoryobject], [wdm/nf-wdm-iocreatesymboliclink].
#include <stdlib.h>
#include <string.h>

#include "nt/ob/ob_int.h"

struct ob_header *
ob_directory_find_locked(struct ob_directory *directory, const UNICODE_STRING *component)
{
    LIST_FOR_EACH(node, &directory->entries) {
        struct ob_header *header = LIST_ENTRY_OF(node, struct ob_header, name_node);
        if (ob_name_equal(&header->name, component))
            return header;
    }
    return NULL;
}

static void *
body_of(struct ob_header *header)
{
    return (char *)header + ((sizeof(struct ob_header) + 15) & ~(size_t)15);
}

// Cut the first component off rest (which starts with a backslash). Empty components are a syntax error.
static NTSTATUS
component_take(UNICODE_STRING *rest, UNICODE_STRING *component)
{
    size_t units = rest->Length / sizeof(WCHAR), i = 1;
    if (units == 0 || rest->Buffer[0] != '\\')
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    while (i < units && rest->Buffer[i] != '\\')
        i++;
    if (i == 1)
        return STATUS_OBJECT_NAME_INVALID;
    *component = (UNICODE_STRING){.Length = (USHORT)((i - 1) * 2), .MaximumLength = (USHORT)((i - 1) * 2), .Buffer = rest->Buffer + 1};
    rest->Buffer += i;
    rest->Length = (USHORT)(rest->Length - i * 2);
    return STATUS_SUCCESS;
}

// Walk as far as directories go. *found is the object the walk ended at, *rest what follows it.
static NTSTATUS
walk_locked(struct ob *ob, UNICODE_STRING *rest, struct ob_header **found)
{
    struct ob_directory *directory = ob->root;
    if (rest->Length == sizeof(WCHAR) && rest->Buffer[0] == '\\') {
        rest->Length = 0;
        *found = ob_header_of(ob->root);
        return STATUS_SUCCESS;
    }
    for (;;) {
        UNICODE_STRING component;
        NTSTATUS status = component_take(rest, &component);
        if (status != STATUS_SUCCESS)
            return status;
        struct ob_header *header = ob_directory_find_locked(directory, &component);
        if (!header)
            return rest->Length ? STATUS_OBJECT_PATH_NOT_FOUND : STATUS_OBJECT_NAME_NOT_FOUND;
        if (header->type->kind != OB_DIRECTORY || !rest->Length) {
            *found = header;
            return STATUS_SUCCESS;
        }
        directory = body_of(header);
    }
}

// target + rest as the new path. fails: NAME_TOO_LONG, INSUFFICIENT_RESOURCES.
static NTSTATUS
path_join(const UNICODE_STRING *head, const UNICODE_STRING *tail, UNICODE_STRING *joined)
{
    size_t bytes = (size_t)head->Length + tail->Length;
    if (bytes > 0xfffc)
        return STATUS_NAME_TOO_LONG;
    WCHAR *buffer = malloc(bytes + sizeof(WCHAR));
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (head->Length)
        memcpy(buffer, head->Buffer, head->Length);
    if (tail->Length)
        memcpy((char *)buffer + head->Length, tail->Buffer, tail->Length);
    buffer[bytes / sizeof(WCHAR)] = 0;
    *joined = (UNICODE_STRING){.Length = (USHORT)bytes, .MaximumLength = (USHORT)(bytes + 2), .Buffer = buffer};
    return STATUS_SUCCESS;
}

// One step of ob_lookup: *path (owned by the caller's loop) is replaced when a link was met; *body is set when the walk is done.
static NTSTATUS
lookup_step(struct ob *ob, UNICODE_STRING *path, bool follow_last, void **body, UNICODE_STRING *rest)
{
    UNICODE_STRING left = *path, joined = {0};
    struct ob_header *found = NULL;
    KIRQL old = ob_lock_take(ob);
    NTSTATUS status = walk_locked(ob, &left, &found);
    if (status == STATUS_SUCCESS && found->type->kind == OB_SYMLINK && (left.Length || follow_last)) {
        status = path_join(&((struct ob_symlink *)body_of(found))->target, &left, &joined);
        found = NULL;
    }
    if (found) {
        ob_ref(body_of(found));
        *body = body_of(found);
    }
    ob_lock_drop(ob, old);
    if (found) {
        *rest = left;
    } else if (status == STATUS_SUCCESS) {
        ob_string_free(path);
        *path = joined;
    }
    return status;
}

// A name may be followed by more only where something parses it.
static bool
kind_parses(enum ob_kind kind)
{
    return kind == OB_DEVICE || kind == OB_FILE || kind == OB_KEY;
}

NTSTATUS
ob_lookup(struct box *box, const UNICODE_STRING *path, const struct _OBJECT_TYPE *type, void **body, UNICODE_STRING *rest)
{
    UNICODE_STRING at, left = {0};
    void *found = NULL;
    if (!path->Length || !path->Buffer || path->Length % sizeof(WCHAR))
        return STATUS_OBJECT_NAME_INVALID;
    NTSTATUS status = ob_string_copy(path, &at);
    if (status != STATUS_SUCCESS)
        return status;
    for (unsigned hops = 0; status == STATUS_SUCCESS && !found; hops++)
        status = hops < OB_REPARSE_LIMIT ? lookup_step(box->ob, &at, type != &ob_symlink_type, &found, &left) : STATUS_OBJECT_NAME_INVALID;
    if (status == STATUS_SUCCESS) {
        enum ob_kind kind = ob_header_of(found)->type->kind;
        if (left.Length && (!rest || !kind_parses(kind)))
            status = kind_parses(kind) ? STATUS_OBJECT_NAME_INVALID : STATUS_OBJECT_PATH_NOT_FOUND;
        else if (type && ob_header_of(found)->type != type)
            status = STATUS_OBJECT_TYPE_MISMATCH;
        else if (rest)
            status = ob_string_copy(&left, rest);
        if (status == STATUS_SUCCESS)
            *body = found;
        else
            ob_unref(found);
    }
    ob_string_free(&at);
    return status;
}

// The directory that path's last component goes into, with a reference, and that component (inside path).
static NTSTATUS
parent_find(struct box *box, const UNICODE_STRING *path, void **parent, UNICODE_STRING *last)
{
    size_t units = path->Length / sizeof(WCHAR), i = units;
    if (!units || !path->Buffer || path->Length % sizeof(WCHAR))
        return STATUS_OBJECT_NAME_INVALID;
    if (path->Buffer[0] != '\\')
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    while (path->Buffer[i - 1] != '\\')
        i--;
    if (i == units || (i > 1 && path->Buffer[i - 2] == '\\'))
        return STATUS_OBJECT_NAME_INVALID;
    *last = (UNICODE_STRING){.Length = (USHORT)((units - i) * 2), .MaximumLength = (USHORT)((units - i) * 2), .Buffer = path->Buffer + i};
    UNICODE_STRING head = {.Length = (USHORT)(i > 1 ? (i - 1) * 2 : 2), .Buffer = path->Buffer};
    NTSTATUS status = ob_lookup(box, &head, &ob_directory_type, parent, NULL);
    return status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_OBJECT_PATH_NOT_FOUND : status;
}

NTSTATUS
ob_name_insert(void *body, const UNICODE_STRING *path, bool is_permanent)
{
    struct ob_header *header = ob_header_of(body);
    struct ob *ob = header->box->ob;
    UNICODE_STRING last, copy;
    void *parent;
    NTSTATUS status = parent_find(header->box, path, &parent, &last);
    if (status != STATUS_SUCCESS)
        return status;
    status = ob_string_copy(&last, &copy);
    if (status == STATUS_SUCCESS) {
        KIRQL old = ob_lock_take(ob);
        if (ob_directory_find_locked(parent, &copy)) {
            status = STATUS_OBJECT_NAME_COLLISION;
        } else {
            ob_ref(body);
            header->name = copy;
            header->directory = parent;
            header->is_permanent = is_permanent;
            list_push_back(&((struct ob_directory *)parent)->entries, &header->name_node);
        }
        ob_lock_drop(ob, old);
        if (status != STATUS_SUCCESS)
            ob_string_free(&copy);
    }
    ob_unref(parent);
    return status;
}

void
ob_name_unlink_locked(struct ob_header *header)
{
    list_remove(&header->name_node);
    header->directory = NULL;
    header->is_permanent = false;
}

void
ob_name_remove(void *body)
{
    struct ob_header *header = ob_header_of(body);
    KIRQL old = ob_lock_take(header->box->ob);
    bool had_name = header->directory != NULL;
    if (had_name)
        ob_name_unlink_locked(header);
    ob_lock_drop(header->box->ob, old);
    if (had_name)
        ob_unref(body);
}

void
ob_make_temporary(void *body)
{
    struct ob_header *header = ob_header_of(body);
    KIRQL old = ob_lock_take(header->box->ob);
    bool drop_name = header->directory && !header->handles;
    if (drop_name)
        ob_name_unlink_locked(header);
    header->is_permanent = false;
    ob_lock_drop(header->box->ob, old);
    if (drop_name)
        ob_unref(body);
}

// Each directory is a body with a header too, so a name is found by climbing; the path is built from its end.
NTSTATUS
ob_name_query(const void *body, UNICODE_STRING *path)
{
    struct ob_header *header = ob_header_of(body);
    struct ob *ob = header->box->ob;
    size_t bytes = 0;
    KIRQL old = ob_lock_take(ob);
    for (struct ob_header *at = header; at->directory; at = ob_header_of(at->directory))
        bytes += sizeof(WCHAR) + at->name.Length;
    WCHAR *buffer = bytes <= 0xfffc ? malloc(bytes + sizeof(WCHAR)) : NULL;
    if (buffer) {
        size_t end = bytes;
        for (struct ob_header *at = header; at->directory; at = ob_header_of(at->directory)) {
            end -= at->name.Length;
            memcpy((char *)buffer + end, at->name.Buffer, at->name.Length);
            end -= sizeof(WCHAR);
            buffer[end / sizeof(WCHAR)] = '\\';
        }
        buffer[bytes / sizeof(WCHAR)] = 0;
    }
    ob_lock_drop(ob, old);
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    *path = (UNICODE_STRING){.Length = (USHORT)bytes, .MaximumLength = (USHORT)(bytes + 2), .Buffer = buffer};
    return STATUS_SUCCESS;
}

NTSTATUS
ob_attributes_path(struct box *box, const OBJECT_ATTRIBUTES *attributes, UNICODE_STRING *path)
{
    static const UNICODE_STRING empty;
    if (!attributes || attributes->Length != sizeof *attributes)
        return STATUS_INVALID_PARAMETER;
    const UNICODE_STRING *name = attributes->ObjectName ? attributes->ObjectName : &empty;
    if (!attributes->RootDirectory)
        return name->Length ? ob_string_copy(name, path) : STATUS_OBJECT_PATH_SYNTAX_BAD;
    if (name->Length && name->Buffer[0] == '\\')
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    void *root;
    UNICODE_STRING head, with_slash, slash = {.Length = 2, .MaximumLength = 2, .Buffer = (WCHAR *)L"\\"};
    NTSTATUS status = ob_handle_ref(box, attributes->RootDirectory, NULL, 0, &root);
    if (status != STATUS_SUCCESS)
        return status;
    status = ob_name_query(root, &head);
    ob_unref(root);
    if (status != STATUS_SUCCESS)
        return status;
    status = name->Length ? path_join(&head, &slash, &with_slash) : ob_string_copy(&head, &with_slash);
    ob_string_free(&head);
    if (status != STATUS_SUCCESS)
        return status;
    status = path_join(&with_slash, name, path);
    ob_string_free(&with_slash);
    return status;
}
