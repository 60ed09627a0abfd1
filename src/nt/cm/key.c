// SPDX-License-Identifier: MIT
// The tree of keys: walking, making, deleting, and key objects behind handles.
//   cm_key_open, ZwCreateKey -> cm_walk(create)         ZwOpenKey, cm_key_find -> cm_walk
//   cm_key_delete unlinks; the memory goes with the last reference (the tree holds one, each open key object one)
#include <stdlib.h>
#include <string.h>

#include "nt/cm/cm_int.h"
#include "nt/cm/query.h"

static void
key_object_delete(struct box *box, void *body)
{
    struct cm_key_object *object = body;
    if (!box->cm)
        return;   // a handle that a driver left open outlived the registry
    KIRQL old = cm_lock_take(box->cm);
    cm_key_unref_locked(box->cm, object->key);
    cm_lock_drop(box->cm, old);
}

const struct _OBJECT_TYPE cm_key_type = {OB_KEY, "Key", NULL, key_object_delete};

KIRQL
cm_lock_take(struct cm *cm)
{
    return sched_self ? ke_lock_take(&cm->lock) : 0;
}

void
cm_lock_drop(struct cm *cm, KIRQL old)
{
    if (sched_self)
        ke_lock_drop(&cm->lock, old);
}

static uint64_t
now_unix_ns(struct box *box)
{
    return sched_self ? sched_unix_ns(box->sched) : 0;
}

static struct cm_key *
key_make(struct box *box, const UNICODE_STRING *name)
{
    struct cm_key *key = calloc(1, sizeof(*key));
    if (!key)
        return NULL;
    if (ob_string_copy(name, &key->name) != STATUS_SUCCESS) {
        free(key);
        return NULL;
    }
    list_init(&key->node);
    list_init(&key->children);
    list_init(&key->values);
    key->written_unix_ns = now_unix_ns(box);
    key->refs = 1;
    return key;
}

static void
key_free(struct cm_key *key)
{
    for (struct list *node; (node = list_pop_front(&key->values));) {
        struct cm_value *value = LIST_ENTRY_OF(node, struct cm_value, node);
        ob_string_free(&value->name);
        free(value->data);
        free(value);
    }
    list_remove(&key->node);
    ob_string_free(&key->name);
    free(key);
}

void
cm_key_unref_locked(struct cm *cm, struct cm_key *key)
{
    if (--key->refs == 0)
        key_free(key);
}

struct cm_key *
cm_child_find_locked(struct cm_key *key, const UNICODE_STRING *name)
{
    LIST_FOR_EACH(node, &key->children) {
        struct cm_key *child = LIST_ENTRY_OF(node, struct cm_key, node);
        if (ob_name_equal(&child->name, name))
            return child;
    }
    return NULL;
}

// Cut the first component off *rest; leading and doubled backslashes are skipped, as the registry does.
static bool
component_take(UNICODE_STRING *rest, UNICODE_STRING *component)
{
    while (rest->Length >= 2 && rest->Buffer[0] == '\\') {
        rest->Buffer++;
        rest->Length -= 2;
    }
    USHORT units = 0;
    while (units < rest->Length / 2 && rest->Buffer[units] != '\\')
        units++;
    *component = (UNICODE_STRING){.Length = (USHORT)(units * 2), .MaximumLength = (USHORT)(units * 2), .Buffer = rest->Buffer};
    rest->Buffer += units;
    rest->Length = (USHORT)(rest->Length - units * 2);
    return units != 0;
}

static struct cm_key *
child_make_locked(struct box *box, struct cm_key *parent, const UNICODE_STRING *name)
{
    struct cm_key *child = key_make(box, name);
    if (!child)
        return NULL;
    child->parent = parent;
    list_push_back(&parent->children, &child->node);
    parent->written_unix_ns = child->written_unix_ns;
    return child;
}

NTSTATUS
cm_walk(struct box *box, struct cm_key *key, UNICODE_STRING path, bool create, struct cm_key **out, bool *was_created)
{
    NTSTATUS status = STATUS_SUCCESS;
    UNICODE_STRING component;
    bool made = false;
    KIRQL old = cm_lock_take(box->cm);
    if (key->is_deleted)
        status = STATUS_KEY_DELETED;
    while (status == STATUS_SUCCESS && component_take(&path, &component)) {
        struct cm_key *child = cm_child_find_locked(key, &component);
        if (!child && create) {
            child = child_make_locked(box, key, &component);
            made = child != NULL;
            if (!child)
                status = STATUS_INSUFFICIENT_RESOURCES;
        } else if (!child) {
            status = STATUS_OBJECT_NAME_NOT_FOUND;
        }
        key = child;
    }
    if (status == STATUS_SUCCESS) {
        key->refs++;
        *out = key;
    }
    cm_lock_drop(box->cm, old);
    if (was_created)
        *was_created = made;
    return status;
}

void
cm_key_get(struct box *box, struct cm_key *key)
{
    KIRQL old = cm_lock_take(box->cm);
    key->refs++;
    cm_lock_drop(box->cm, old);
}

void
cm_key_put(struct box *box, struct cm_key *key)
{
    KIRQL old = cm_lock_take(box->cm);
    cm_key_unref_locked(box->cm, key);
    cm_lock_drop(box->cm, old);
}

// What follows \Registry, or an error when the path does not begin so.
static NTSTATUS
under_registry(const UNICODE_STRING *path, UNICODE_STRING *rest)
{
    static const WCHAR text[] = L"\\Registry";
    UNICODE_STRING root = {.Length = sizeof(text) - 2, .MaximumLength = sizeof(text), .Buffer = (WCHAR *)text};
    if (path->Length % 2 || path->Length < root.Length)
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    UNICODE_STRING head = {.Length = root.Length, .MaximumLength = root.Length, .Buffer = path->Buffer};
    *rest = (UNICODE_STRING){.Length = (USHORT)(path->Length - root.Length), .Buffer = path->Buffer + root.Length / 2};
    if (!ob_name_equal(&head, &root) || (rest->Length && rest->Buffer[0] != '\\'))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    rest->MaximumLength = rest->Length;
    return STATUS_SUCCESS;
}

NTSTATUS
cm_key_find(struct box *box, const UNICODE_STRING *path, struct cm_key **key)
{
    UNICODE_STRING rest;
    NTSTATUS status = under_registry(path, &rest);
    return status == STATUS_SUCCESS ? cm_walk(box, box->cm->root, rest, false, key, NULL) : status;
}

NTSTATUS
cm_key_find_under(struct box *box, struct cm_key *parent, const UNICODE_STRING *relative_path, struct cm_key **key)
{
    return cm_walk(box, parent, *relative_path, false, key, NULL);
}

struct cm_key *
cm_key_open_under(struct box *box, struct cm_key *parent, const char *relative_path)
{
    UNICODE_STRING path;
    struct cm_key *key = NULL;
    if (ob_string_from(relative_path, &path) != STATUS_SUCCESS)
        return NULL;
    if (cm_walk(box, parent, path, true, &key, NULL) == STATUS_SUCCESS)
        cm_key_put(box, key);
    ob_string_free(&path);
    return key;
}

struct cm_key *
cm_key_open(struct box *box, const char *path)
{
    UNICODE_STRING full, rest;
    struct cm_key *key = NULL;
    if (ob_string_from(path, &full) != STATUS_SUCCESS)
        return NULL;
    if (under_registry(&full, &rest) == STATUS_SUCCESS && cm_walk(box, box->cm->root, rest, true, &key, NULL) == STATUS_SUCCESS)
        cm_key_put(box, key);
    ob_string_free(&full);
    return key;
}

NTSTATUS
cm_key_delete(struct box *box, struct cm_key *key)
{
    NTSTATUS status = STATUS_SUCCESS;
    KIRQL old = cm_lock_take(box->cm);
    if (key->is_deleted) {
        status = STATUS_KEY_DELETED;
    } else if (!key->parent || !list_is_empty(&key->children)) {
        status = STATUS_CANNOT_DELETE;
    } else {
        key->is_deleted = true;
        key->parent->written_unix_ns = now_unix_ns(box);
        key->parent = NULL;
        list_remove(&key->node);
        list_push_back(&box->cm->dead, &key->node);
        cm_key_unref_locked(box->cm, key);
    }
    cm_lock_drop(box->cm, old);
    return status;
}

NTSTATUS
cm_child_ref_at(struct box *box, struct cm_key *key, ULONG index, struct cm_key **child)
{
    KIRQL old = cm_lock_take(box->cm);
    NTSTATUS status = key->is_deleted ? STATUS_KEY_DELETED : STATUS_NO_MORE_ENTRIES;
    LIST_FOR_EACH(node, &key->children) {
        if (index-- == 0) {
            *child = LIST_ENTRY_OF(node, struct cm_key, node);
            (*child)->refs++;
            status = STATUS_SUCCESS;
            break;
        }
    }
    cm_lock_drop(box->cm, old);
    return status;
}

NTSTATUS
cm_child_at(struct box *box, struct cm_key *key, ULONG index, UNICODE_STRING *name)
{
    struct cm_key *child;
    NTSTATUS status = cm_child_ref_at(box, key, index, &child);
    if (status != STATUS_SUCCESS)
        return status;
    status = ob_string_copy(&child->name, name);
    cm_key_put(box, child);
    return status;
}

static ULONG
larger(ULONG a, ULONG b)
{
    return a > b ? a : b;
}

NTSTATUS
cm_key_counts_get(struct box *box, struct cm_key *key, struct cm_key_counts *counts, UNICODE_STRING *name)
{
    NTSTATUS status;
    *counts = (struct cm_key_counts){0};
    KIRQL old = cm_lock_take(box->cm);
    LIST_FOR_EACH(node, &key->children) {
        counts->subkeys++;
        counts->longest_subkey_bytes = larger(counts->longest_subkey_bytes, LIST_ENTRY_OF(node, struct cm_key, node)->name.Length);
    }
    LIST_FOR_EACH(node, &key->values) {
        struct cm_value *value = LIST_ENTRY_OF(node, struct cm_value, node);
        counts->values++;
        counts->longest_value_name_bytes = larger(counts->longest_value_name_bytes, value->name.Length);
        counts->longest_data_bytes = larger(counts->longest_data_bytes, value->bytes);
    }
    counts->written_unix_ns = key->written_unix_ns;
    status = key->is_deleted ? STATUS_KEY_DELETED : ob_string_copy(&key->name, name);
    cm_lock_drop(box->cm, old);
    return status;
}

NTSTATUS
cm_key_path(struct box *box, struct cm_key *key, UNICODE_STRING *path)
{
    size_t bytes = 0;
    KIRQL old = cm_lock_take(box->cm);
    for (struct cm_key *at = key; at; at = at->parent)
        bytes += sizeof(WCHAR) + at->name.Length;
    WCHAR *buffer = bytes < 0xfffc ? malloc(bytes + sizeof(WCHAR)) : NULL;
    size_t end = bytes;
    for (struct cm_key *at = key; at && buffer; at = at->parent) {
        end -= at->name.Length;
        memcpy((char *)buffer + end, at->name.Buffer, at->name.Length);
        end -= sizeof(WCHAR);
        buffer[end / sizeof(WCHAR)] = '\\';
    }
    cm_lock_drop(box->cm, old);
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    buffer[bytes / sizeof(WCHAR)] = 0;
    *path = (UNICODE_STRING){.Length = (USHORT)bytes, .MaximumLength = (USHORT)(bytes + 2), .Buffer = buffer};
    return STATUS_SUCCESS;
}

NTSTATUS
cm_handle_open(struct box *box, struct cm_key *key, ACCESS_MASK access, HANDLE *handle)
{
    void *body;
    NTSTATUS status = ob_object_create(box, &cm_key_type, sizeof(struct cm_key_object), &body);
    if (status != STATUS_SUCCESS)
        return status;
    ((struct cm_key_object *)body)->key = key;
    KIRQL old = cm_lock_take(box->cm);
    key->refs++;
    cm_lock_drop(box->cm, old);
    status = ob_handle_create(box, body, access, handle);
    ob_unref(body);
    return status;
}

NTSTATUS
cm_handle_key(struct box *box, HANDLE handle, ACCESS_MASK access, void **object, struct cm_key **key)
{
    NTSTATUS status = ob_handle_ref(box, handle, &cm_key_type, access, object);
    if (status != STATUS_SUCCESS)
        return status;
    *key = ((struct cm_key_object *)*object)->key;
    return STATUS_SUCCESS;
}

// Where a relative or full name of OBJECT_ATTRIBUTES begins: the root handle's key, or \Registry.
static NTSTATUS
attributes_start(struct box *box, const OBJECT_ATTRIBUTES *attributes, struct cm_key **start, void **object, UNICODE_STRING *rest)
{
    static const UNICODE_STRING empty;
    if (!attributes || attributes->Length != sizeof(OBJECT_ATTRIBUTES))
        return STATUS_INVALID_PARAMETER;
    const UNICODE_STRING *name = attributes->ObjectName ? attributes->ObjectName : &empty;
    *object = NULL;
    if (!attributes->RootDirectory) {
        *start = box->cm->root;
        return name->Length ? under_registry(name, rest) : STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    if (name->Length && name->Buffer[0] == '\\')
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    *rest = *name;
    return cm_handle_key(box, attributes->RootDirectory, 0, object, start);
}

// A key is made below a root handle's only if that may make some [wdm/nf-wdm-zwcreatekey].
static NTSTATUS
may_create(struct box *box, HANDLE root)
{
    struct cm_key *key;
    void *object;
    NTSTATUS status = root ? cm_handle_key(box, root, KEY_CREATE_SUB_KEY, &object, &key) : STATUS_SUCCESS;
    if (root && status == STATUS_SUCCESS)
        ob_unref(object);
    return status;
}

NTSTATUS
cm_key_open_attributes(struct box *box, const OBJECT_ATTRIBUTES *attributes, bool create, bool is_volatile, ACCESS_MASK access,
                       HANDLE *handle, bool *was_created)
{
    struct cm_key *start, *above, *key;
    UNICODE_STRING rest;
    void *object;
    NTSTATUS status = attributes_start(box, attributes, &start, &object, &rest);
    if (status != STATUS_SUCCESS)
        return status;
    // ZwCreateKey makes the last component only: its parent must exist [wdm/nf-wdm-zwcreatekey].
    USHORT units = rest.Length / 2;
    while (units && rest.Buffer[units - 1] == '\\')
        units--;
    while (units && rest.Buffer[units - 1] != '\\')
        units--;
    UNICODE_STRING parent = {.Length = (USHORT)(units * 2), .MaximumLength = (USHORT)(units * 2), .Buffer = rest.Buffer};
    UNICODE_STRING last = {.Length = (USHORT)(rest.Length - units * 2), .Buffer = rest.Buffer + units};
    last.MaximumLength = last.Length;
    status = cm_walk(box, start, parent, false, &above, NULL);
    if (status == STATUS_SUCCESS) {
        status = cm_walk(box, above, last, false, &key, NULL);
        if (status == STATUS_OBJECT_NAME_NOT_FOUND && create)
            status = may_create(box, attributes->RootDirectory);
        else
            create = false;
        if (status == STATUS_SUCCESS && create)
            status = cm_walk(box, above, last, true, &key, was_created);
        cm_key_put(box, above);
        if (status == STATUS_SUCCESS) {
            status = cm_handle_open(box, key, access, handle);
            cm_key_put(box, key);
        }
    }
    if (object)
        ob_unref(object);
    return status;
}

int
cm_create(struct box *box)
{
    static const WCHAR name[] = L"Registry";
    UNICODE_STRING root = {.Length = sizeof(name) - 2, .MaximumLength = sizeof(name), .Buffer = (WCHAR *)name};
    struct cm *cm = calloc(1, sizeof(*cm));
    if (!cm)
        return -1;
    list_init(&cm->dead);
    cm->root = key_make(box, &root);
    if (!cm->root) {
        free(cm);
        return -1;
    }
    box->cm = cm;
    static const char *const keys[] = {"\\Registry\\User", CM_SERVICES, "\\Registry\\Machine\\Hardware\\DeviceMap",
                                       "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class",
                                       "\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!cm_key_open(box, keys[i])) {
            cm_destroy(box);
            return -1;
        }
    return 0;
}

// Depth first without recursion: free the first leaf until nothing is left.
uint32_t
cm_destroy(struct box *box)
{
    struct cm *cm = box->cm;
    if (!cm)
        return 0;
    for (struct cm_key *key = cm->root; key;) {
        if (!list_is_empty(&key->children)) {
            key = LIST_ENTRY_OF(key->children.next, struct cm_key, node);
            continue;
        }
        struct cm_key *parent = key->parent;
        key_free(key);
        key = parent;
    }
    while (!list_is_empty(&cm->dead))
        key_free(LIST_ENTRY_OF(cm->dead.next, struct cm_key, node));
    free(cm);
    box->cm = NULL;
    return 0;   // open keys are handles, which ob reports
}
