// SPDX-License-Identifier: MIT
// The keys that RelativeTo names, and RtlQueryRegistryValues' table.
//   cm_relative_open -> RTL_REGISTRY_HANDLE: the path is a handle      -> else a root by number, then the path below it
//   cm_query_table   -> entry by entry: SUBKEY and TOPKEY move the key; DIRECT stores; else the driver's routine is called, once a
//                       string for REG_MULTI_SZ, expanded for REG_EXPAND_SZ unless NOEXPAND; Name NULL means every value
// Sources: [wdm/nf-wdm-rtlqueryregistryvalues], [wdm/nf-wdm-rtlcheckregistrykey]. The page says of a DIRECT value longer than a ULONG
// that is no string: the buffer starts with a LONG, its room in bytes when negative (only data is stored then), else length, type and
// data are stored.
#include <stdlib.h>
#include <string.h>

#include "nt/cm/cm_int.h"
#include "nt/cm/query.h"
#include "nt/ex/pool.h"

#define STRING_TAG 0x53526d43   // 'CmRS'

static UNICODE_STRING
counted(const WCHAR *text)
{
    size_t units = 0;
    while (text && text[units] && units < 0x7ffe)
        units++;
    return (UNICODE_STRING){.Length = (USHORT)(units * 2), .MaximumLength = (USHORT)(units * 2), .Buffer = (WCHAR *)text};
}

static const char *
root_of(ULONG relative_to)
{
    switch (relative_to) {
    case RTL_REGISTRY_SERVICES:
        return CM_SERVICES;
    case RTL_REGISTRY_CONTROL:
        return "\\Registry\\Machine\\System\\CurrentControlSet\\Control";
    case RTL_REGISTRY_WINDOWS_NT:
        return "\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion";
    case RTL_REGISTRY_DEVICEMAP:
        return "\\Registry\\Machine\\Hardware\\DeviceMap";
    case RTL_REGISTRY_USER:
        return "\\Registry\\User\\.Default";
    default:
        return NULL;
    }
}

NTSTATUS
cm_relative_open(struct box *box, ULONG relative_to, PCWSTR path, bool create, struct cm_key **key)
{
    void *object;
    ULONG root_number = relative_to & ~(ULONG)(RTL_REGISTRY_HANDLE | RTL_REGISTRY_OPTIONAL);
    if (relative_to & RTL_REGISTRY_HANDLE) {
        NTSTATUS status = cm_handle_key(box, (HANDLE)path, 0, &object, key);
        if (status == STATUS_SUCCESS) {
            cm_key_get(box, *key);
            ob_unref(object);
        }
        return status;
    }
    UNICODE_STRING rest = counted(path);
    if (root_number == RTL_REGISTRY_ABSOLUTE) {
        static const WCHAR prefix[] = L"\\Registry";
        UNICODE_STRING head = {.Length = sizeof(prefix) - 2, .MaximumLength = sizeof(prefix) - 2, .Buffer = (WCHAR *)path};
        UNICODE_STRING expected = {.Length = sizeof(prefix) - 2, .MaximumLength = sizeof(prefix) - 2, .Buffer = (WCHAR *)prefix};
        if (rest.Length < head.Length || !ob_name_equal(&head, &expected))
            return STATUS_OBJECT_NAME_NOT_FOUND;
        rest.Buffer += head.Length / 2;
        rest.Length -= head.Length;
        if (rest.Length && rest.Buffer[0] != '\\')
            return STATUS_OBJECT_NAME_NOT_FOUND;
        return cm_walk(box, box->cm->root, rest, create, key, NULL);
    }
    const char *root_path = root_of(root_number);
    if (!root_path)
        return STATUS_INVALID_PARAMETER;
    struct cm_key *root = cm_key_open(box, root_path);
    return root ? cm_walk(box, root, rest, create, key, NULL) : STATUS_INSUFFICIENT_RESOURCES;
}

struct query {
    struct box *box;
    struct cm_key *top, *key;        // key: with a reference when it is not top
    void *context;
    const WCHAR *environment;        // NAME=VALUE strings, an empty one ends them; or NULL
};

static bool
is_string(ULONG type)
{
    return type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ;
}

// A string value as UNICODE_STRING: into the caller's buffer, or into pool that the caller frees with ExFreePool.
static NTSTATUS
direct_string(struct box *box, UNICODE_STRING *to, ULONG type, const WCHAR *data, ULONG bytes)
{
    size_t units = bytes / sizeof(WCHAR);
    bool is_terminated = units && data[units - 1] == 0;
    size_t full = (units + !is_terminated) * sizeof(WCHAR);
    if (full > 0xfffe)
        return STATUS_BUFFER_TOO_SMALL;
    if (!to->Buffer) {
        to->Buffer = ex_pool_alloc_asked(box, full, STRING_TAG, false, NULL, true);
        if (!to->Buffer)
            return STATUS_NO_MEMORY;
        to->MaximumLength = (USHORT)full;
    } else if (to->MaximumLength < full) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (units)                       // a default of no bytes may lie nowhere
        memcpy(to->Buffer, data, units * sizeof(WCHAR));
    to->Buffer[full / sizeof(WCHAR) - 1] = 0;
    to->Length = (USHORT)(full - sizeof(WCHAR));
    return STATUS_SUCCESS;
}

static NTSTATUS
direct_binary(void *to, ULONG type, const void *data, ULONG bytes)
{
    LONG room;
    if (bytes <= sizeof(ULONG)) {
        memcpy(to, data, bytes);
        return STATUS_SUCCESS;
    }
    memcpy(&room, to, sizeof(room));
    if (room < 0) {
        if ((ULONG)-room < bytes)
            return STATUS_BUFFER_TOO_SMALL;
        memcpy(to, data, bytes);
        return STATUS_SUCCESS;
    }
    if ((ULONG)room < bytes + 2 * sizeof(ULONG))
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(to, &bytes, sizeof(bytes));
    memcpy((ULONG *)to + 1, &type, sizeof(type));
    memcpy((ULONG *)to + 2, data, bytes);
    return STATUS_SUCCESS;
}

static WCHAR
upper(WCHAR c)
{
    return c >= 'a' && c <= 'z' ? (WCHAR)(c - 32) : c;
}

// The value of a variable of the caller's environment, or NULL. A box has none of its own.
static const WCHAR *
variable_find(const WCHAR *environment, const WCHAR *name, size_t units)
{
    for (const WCHAR *at = environment; at && *at;) {
        size_t same = 0;
        while (same < units && at[same] && upper(at[same]) == upper(name[same]))
            same++;
        if (same == units && at[same] == '=')
            return at + same + 1;
        while (*at)
            at++;
        at++;
    }
    return NULL;
}

// %NAME% becomes its value; a name that the environment does not have stays as it is. *bytes of the result; free() it.
static WCHAR *
expand(const WCHAR *environment, const WCHAR *text, ULONG *bytes)
{
    size_t units = *bytes / sizeof(WCHAR), used = 0, room = units + 1;
    WCHAR *out = malloc(room * sizeof(WCHAR));
    for (size_t at = 0; out && at < units;) {
        size_t end = at + 1;
        while (text[at] == '%' && end < units && text[end] != '%')
            end++;
        bool is_token = text[at] == '%' && end < units;
        const WCHAR *value = is_token ? variable_find(environment, text + at + 1, end - at - 1) : NULL;
        size_t count = value ? counted(value).Length / sizeof(WCHAR) : 1;
        if (used + count + (units - at) > room) {
            room = 2 * (used + count + (units - at));
            WCHAR *more = realloc(out, room * sizeof(WCHAR));
            if (!more)
                free(out);
            out = more;
        }
        if (out)
            memcpy(out + used, value ? value : text + at, count * sizeof(WCHAR));
        used += count;
        at = value ? end + 1 : at + 1;
    }
    *bytes = (ULONG)(used * sizeof(WCHAR));
    return out;
}

static NTSTATUS
report_one(const struct query *query, const RTL_QUERY_REGISTRY_TABLE *entry, const UNICODE_STRING *name, ULONG type, void *data,
           ULONG bytes)
{
    if (entry->Flags & RTL_QUERY_REGISTRY_DIRECT) {
        return is_string(type) ? direct_string(query->box, entry->EntryContext, type, data, bytes)
                               : direct_binary(entry->EntryContext, type, data, bytes);
    }
    NTSTATUS status = entry->QueryRoutine(name->Buffer, type, data, bytes, query->context, entry->EntryContext);
    return status == STATUS_BUFFER_TOO_SMALL ? STATUS_SUCCESS : status;
}

static NTSTATUS
report_multi(const struct query *query, const RTL_QUERY_REGISTRY_TABLE *entry, const UNICODE_STRING *name, WCHAR *data, ULONG bytes)
{
    NTSTATUS status = STATUS_SUCCESS;
    size_t units = bytes / sizeof(WCHAR), at = 0;
    while (at < units && data[at] && NT_SUCCESS(status)) {
        size_t end = at;
        while (end < units && data[end])
            end++;
        if (end == units)
            break;   // not terminated: no string
        status = report_one(query, entry, name, REG_SZ, data + at, (ULONG)((end + 1 - at) * sizeof(WCHAR)));
        at = end + 1;
    }
    return status;
}

static NTSTATUS
report(const struct query *query, const RTL_QUERY_REGISTRY_TABLE *entry, const UNICODE_STRING *name, ULONG type, void *data, ULONG bytes)
{
    ULONG flags = entry->Flags;
    if ((flags & RTL_QUERY_REGISTRY_DIRECT) && (flags & RTL_QUERY_REGISTRY_TYPECHECK) &&
        entry->DefaultType >> RTL_QUERY_REGISTRY_TYPECHECK_SHIFT != type)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (type == REG_MULTI_SZ && !(flags & RTL_QUERY_REGISTRY_NOEXPAND)) {
        // DIRECT asks for NOEXPAND with this type: there is one buffer and there may be many strings.
        return flags & RTL_QUERY_REGISTRY_DIRECT ? STATUS_INVALID_PARAMETER : report_multi(query, entry, name, data, bytes);
    }
    if (type != REG_EXPAND_SZ || (flags & RTL_QUERY_REGISTRY_NOEXPAND))
        return report_one(query, entry, name, type, data, bytes);
    WCHAR *expanded = expand(query->environment, data, &bytes);
    NTSTATUS status = expanded ? report_one(query, entry, name, REG_SZ, expanded, bytes) : STATUS_NO_MEMORY;
    free(expanded);
    return status;
}

static ULONG
default_bytes(const RTL_QUERY_REGISTRY_TABLE *entry, ULONG type)
{
    const WCHAR *text = entry->DefaultData;
    ULONG units = 0;
    if (entry->DefaultLength || !is_string(type) || !text)
        return entry->DefaultLength;
    if (type != REG_MULTI_SZ)
        return counted(text).Length + (ULONG)sizeof(WCHAR);
    while (text[units] || text[units + 1])
        units++;
    return (units + 2) * (ULONG)sizeof(WCHAR);
}

static NTSTATUS
entry_named(const struct query *query, const RTL_QUERY_REGISTRY_TABLE *entry)
{
    struct cm_value value = {.name = counted(entry->Name)};
    NTSTATUS status = cm_get(query->box, query->key, &value.name, &value.type, &value.data, &value.bytes);
    if (status == STATUS_SUCCESS) {
        status = report(query, entry, &value.name, value.type, value.data, value.bytes);
        free(value.data);
        if (NT_SUCCESS(status) && (entry->Flags & RTL_QUERY_REGISTRY_DELETE))
            cm_value_delete(query->box, query->key, &value.name);
        return status;
    }
    if (status != STATUS_OBJECT_NAME_NOT_FOUND || (entry->Flags & RTL_QUERY_REGISTRY_REQUIRED))
        return status;
    ULONG type = entry->DefaultType & 0xff;
    if (type == REG_NONE)
        return STATUS_SUCCESS;
    // A default is the caller's own data: its type needs no check.
    RTL_QUERY_REGISTRY_TABLE plain = *entry;
    plain.Flags &= ~(ULONG)RTL_QUERY_REGISTRY_TYPECHECK;
    return report(query, &plain, &value.name, type, entry->DefaultData, default_bytes(entry, type));
}

static NTSTATUS
entry_all_values(const struct query *query, const RTL_QUERY_REGISTRY_TABLE *entry)
{
    NTSTATUS status = STATUS_SUCCESS;
    struct cm_value value = {0};
    ULONG index = 0, seen = 0;
    while (NT_SUCCESS(status) &&
           cm_value_at(query->box, query->key, index, &value.name, &value.type, &value.data, &value.bytes) == STATUS_SUCCESS) {
        seen++;
        status = report(query, entry, &value.name, value.type, value.data, value.bytes);
        if (!NT_SUCCESS(status) || !(entry->Flags & RTL_QUERY_REGISTRY_DELETE) ||
            cm_value_delete(query->box, query->key, &value.name) != STATUS_SUCCESS)
            index++;
        free(value.data);
        ob_string_free(&value.name);
    }
    return NT_SUCCESS(status) && !seen && (entry->Flags & RTL_QUERY_REGISTRY_REQUIRED) ? STATUS_OBJECT_NAME_NOT_FOUND : status;
}

static void
focus_top(struct query *query)
{
    if (query->key != query->top)
        cm_key_put(query->box, query->key);
    query->key = query->top;
}

static NTSTATUS
entry_run(struct query *query, const RTL_QUERY_REGISTRY_TABLE *entry)
{
    ULONG flags = entry->Flags;
    if ((flags & RTL_QUERY_REGISTRY_DIRECT) && (!entry->Name || entry->QueryRoutine || (flags & RTL_QUERY_REGISTRY_SUBKEY)))
        return STATUS_INVALID_PARAMETER;
    if (flags & (RTL_QUERY_REGISTRY_TOPKEY | RTL_QUERY_REGISTRY_SUBKEY))
        focus_top(query);
    if (flags & RTL_QUERY_REGISTRY_SUBKEY) {
        struct cm_key *below;
        if (!entry->Name)
            return STATUS_INVALID_PARAMETER;
        NTSTATUS status = cm_walk(query->box, query->top, counted(entry->Name), false, &below, NULL);
        if (status != STATUS_SUCCESS)
            return flags & RTL_QUERY_REGISTRY_REQUIRED ? status : STATUS_SUCCESS;
        query->key = below;
        return entry->QueryRoutine ? entry_all_values(query, entry) : STATUS_SUCCESS;
    }
    if (!entry->QueryRoutine && !(flags & RTL_QUERY_REGISTRY_DIRECT))
        return flags & RTL_QUERY_REGISTRY_TOPKEY ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
    if (flags & RTL_QUERY_REGISTRY_NOVALUE) {
        NTSTATUS status = entry->QueryRoutine(NULL, REG_NONE, NULL, 0, query->context, entry->EntryContext);
        return status == STATUS_BUFFER_TOO_SMALL ? STATUS_SUCCESS : status;
    }
    return entry->Name ? entry_named(query, entry) : entry_all_values(query, entry);
}

NTSTATUS
cm_query_table(struct box *box, struct cm_key *key, RTL_QUERY_REGISTRY_TABLE *table, void *context, void *environment)
{
    struct query query = {.box = box, .top = key, .key = key, .context = context, .environment = environment};
    NTSTATUS status = STATUS_SUCCESS;
    for (; NT_SUCCESS(status) && (table->QueryRoutine || table->Name ||
                                  (table->Flags & (RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_TOPKEY | RTL_QUERY_REGISTRY_DIRECT)));
         table++)
        status = entry_run(&query, table);
    focus_top(&query);
    return status;
}
