// SPDX-License-Identifier: MIT
// Values of keys: setting, copying out, deleting. The driver-facing forms of the data are in query.c.
#include <stdlib.h>
#include <string.h>

#include "nt/cm/cm_int.h"

struct cm_value *
cm_value_find_locked(struct cm_key *key, const UNICODE_STRING *name)
{
    LIST_FOR_EACH(node, &key->values) {
        struct cm_value *value = LIST_ENTRY_OF(node, struct cm_value, node);
        if (ob_name_equal(&value->name, name))
            return value;
    }
    return NULL;
}

static struct cm_value *
value_make(const UNICODE_STRING *name)
{
    struct cm_value *value = calloc(1, sizeof(*value));
    if (value && ob_string_copy(name, &value->name) != STATUS_SUCCESS) {
        free(value);
        return NULL;
    }
    return value;
}

NTSTATUS
cm_set(struct box *box, struct cm_key *key, const UNICODE_STRING *name, ULONG type, const void *data, ULONG bytes)
{
    NTSTATUS status = STATUS_SUCCESS;
    if (bytes > CM_DATA_BYTES_MAX)
        return STATUS_INVALID_PARAMETER;
    void *copy = malloc(bytes ? bytes : 1);
    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (bytes)
        memcpy(copy, data, bytes);
    KIRQL old = cm_lock_take(box->cm);
    struct cm_value *value = key->is_deleted ? NULL : cm_value_find_locked(key, name);
    if (key->is_deleted) {
        status = STATUS_KEY_DELETED;
    } else if (!value) {
        value = value_make(name);
        if (value)
            list_push_back(&key->values, &value->node);
        else
            status = STATUS_INSUFFICIENT_RESOURCES;
    }
    if (status == STATUS_SUCCESS) {
        void *before = value->data;
        value->data = copy;
        value->bytes = bytes;
        value->type = type;
        copy = before;
        key->written_unix_ns = sched_self ? sched_unix_ns(box->sched) : 0;
    }
    cm_lock_drop(box->cm, old);
    free(copy);
    return status;
}

static NTSTATUS
set_named(struct box *box, struct cm_key *key, const char *name, ULONG type, const void *data, size_t bytes)
{
    UNICODE_STRING wide;
    NTSTATUS status = ob_string_from(name, &wide);
    if (status != STATUS_SUCCESS)
        return status;
    status = bytes > CM_DATA_BYTES_MAX ? STATUS_INVALID_PARAMETER : cm_set(box, key, &wide, type, data, (ULONG)bytes);
    ob_string_free(&wide);
    return status;
}

NTSTATUS
cm_set_dword(struct box *box, struct cm_key *key, const char *name, uint32_t value)
{
    return set_named(box, key, name, REG_DWORD, &value, sizeof(value));
}

NTSTATUS
cm_set_qword(struct box *box, struct cm_key *key, const char *name, uint64_t value)
{
    return set_named(box, key, name, REG_QWORD, &value, sizeof(value));
}

NTSTATUS
cm_set_binary(struct box *box, struct cm_key *key, const char *name, const void *data, uint32_t bytes)
{
    return set_named(box, key, name, REG_BINARY, data, bytes);
}

static NTSTATUS
set_text(struct box *box, struct cm_key *key, const char *name, ULONG type, const char *text)
{
    UNICODE_STRING wide;
    NTSTATUS status = ob_string_from(text, &wide);
    if (status != STATUS_SUCCESS)
        return status;
    status = set_named(box, key, name, type, wide.Buffer, wide.Length + sizeof(WCHAR));
    ob_string_free(&wide);
    return status;
}

NTSTATUS
cm_set_sz(struct box *box, struct cm_key *key, const char *name, const char *text)
{
    return set_text(box, key, name, REG_SZ, text);
}

NTSTATUS
cm_set_expand_sz(struct box *box, struct cm_key *key, const char *name, const char *text)
{
    return set_text(box, key, name, REG_EXPAND_SZ, text);
}

NTSTATUS
cm_set_multi_sz(struct box *box, struct cm_key *key, const char *name, const char *const *texts, size_t count)
{
    size_t room = 1, used = 0;
    for (size_t i = 0; i < count; i++)
        room += strlen(texts[i]) + 1;
    WCHAR *all = room < CM_DATA_BYTES_MAX ? malloc(room * sizeof(WCHAR)) : NULL;
    if (!all)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = STATUS_SUCCESS;
    for (size_t i = 0; i < count && status == STATUS_SUCCESS; i++) {
        UNICODE_STRING wide;
        status = ob_string_from(texts[i], &wide);
        if (status == STATUS_SUCCESS) {
            memcpy(all + used, wide.Buffer, wide.Length + sizeof(WCHAR));
            used += wide.Length / sizeof(WCHAR) + 1;
            ob_string_free(&wide);
        }
    }
    all[used++] = 0;
    if (status == STATUS_SUCCESS)
        status = set_named(box, key, name, REG_MULTI_SZ, all, used * sizeof(WCHAR));
    free(all);
    return status;
}

static NTSTATUS
value_copy_locked(const struct cm_value *value, ULONG *type, void **data, ULONG *bytes)
{
    *data = malloc(value->bytes ? value->bytes : 1);
    if (!*data)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(*data, value->data, value->bytes);
    *type = value->type;
    *bytes = value->bytes;
    return STATUS_SUCCESS;
}

NTSTATUS
cm_get(struct box *box, struct cm_key *key, const UNICODE_STRING *name, ULONG *type, void **data, ULONG *bytes)
{
    KIRQL old = cm_lock_take(box->cm);
    const struct cm_value *value = cm_value_find_locked(key, name);
    NTSTATUS status = key->is_deleted ? STATUS_KEY_DELETED : STATUS_OBJECT_NAME_NOT_FOUND;
    if (value && !key->is_deleted)
        status = value_copy_locked(value, type, data, bytes);
    cm_lock_drop(box->cm, old);
    return status;
}

NTSTATUS
cm_get_dword(struct box *box, struct cm_key *key, const char *name, uint32_t *value)
{
    UNICODE_STRING wide;
    ULONG type, bytes;
    void *data;
    NTSTATUS status = ob_string_from(name, &wide);
    if (status != STATUS_SUCCESS)
        return status;
    status = cm_get(box, key, &wide, &type, &data, &bytes);
    ob_string_free(&wide);
    if (status != STATUS_SUCCESS)
        return status;
    if (type == REG_DWORD && bytes == sizeof(*value))
        memcpy(value, data, sizeof(*value));
    else
        status = STATUS_OBJECT_TYPE_MISMATCH;
    free(data);
    return status;
}

NTSTATUS
cm_value_at(struct box *box, struct cm_key *key, ULONG index, UNICODE_STRING *name, ULONG *type, void **data, ULONG *bytes)
{
    const struct cm_value *value = NULL;
    KIRQL old = cm_lock_take(box->cm);
    LIST_FOR_EACH(node, &key->values)
        if (index-- == 0) {
            value = LIST_ENTRY_OF(node, struct cm_value, node);
            break;
        }
    NTSTATUS status = key->is_deleted ? STATUS_KEY_DELETED : !value ? STATUS_NO_MORE_ENTRIES
                                                                    : ob_string_copy(&value->name, name);
    if (status == STATUS_SUCCESS) {
        status = value_copy_locked(value, type, data, bytes);
        if (status != STATUS_SUCCESS)
            ob_string_free(name);
    }
    cm_lock_drop(box->cm, old);
    return status;
}

NTSTATUS
cm_value_delete(struct box *box, struct cm_key *key, const UNICODE_STRING *name)
{
    KIRQL old = cm_lock_take(box->cm);
    struct cm_value *value = key->is_deleted ? NULL : cm_value_find_locked(key, name);
    NTSTATUS status = value ? STATUS_SUCCESS : key->is_deleted ? STATUS_KEY_DELETED
                                                               : STATUS_OBJECT_NAME_NOT_FOUND;
    if (value) {
        list_remove(&value->node);
        key->written_unix_ns = sched_self ? sched_unix_ns(box->sched) : 0;
    }
    cm_lock_drop(box->cm, old);
    if (value) {
        ob_string_free(&value->name);
        free(value->data);
        free(value);
    }
    return status;
}
