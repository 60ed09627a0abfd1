// SPDX-License-Identifier: MIT
// What ZwQueryValueKey, ZwEnumerateValueKey, ZwQueryKey and ZwEnumerateKey write into a driver's buffer.
//   too short for the fixed part                 -> STATUS_BUFFER_TOO_SMALL, nothing written
//   fixed part fits, name or data does not       -> STATUS_BUFFER_OVERFLOW, as much written as fits
// *ResultLength is the full size either way. Sources: [wdm/nf-wdm-zwqueryvaluekey], [wdm/nf-wdm-zwenumeratevaluekey],
// [wdm/nf-wdm-zwquerykey], [wdm/nf-wdm-zwenumeratekey].
#include <string.h>

#include "nt/cm/cm_int.h"
#include "nt/cm/query.h"

struct out {
    char *buffer;
    ULONG room;
    ULONG fixed;     // bytes of the fixed part
    ULONG full;      // bytes of everything
};

static NTSTATUS
out_check(const struct out *out, ULONG *result_length)
{
    *result_length = out->full;
    if (out->room < out->fixed)
        return STATUS_BUFFER_TOO_SMALL;
    return out->room < out->full ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

// Copy bytes to offset, cut at the end of the buffer.
static void
out_put(const struct out *out, ULONG offset, const void *from, ULONG bytes)
{
    if (offset >= out->room || !bytes)
        return;
    memcpy(out->buffer + offset, from, bytes <= out->room - offset ? bytes : out->room - offset);
}

static ULONG
align8(ULONG bytes)
{
    return (bytes + 7) & ~7u;
}

static NTSTATUS
value_basic(struct out out, const struct cm_value *value, ULONG *result_length)
{
    KEY_VALUE_BASIC_INFORMATION head = {.Type = value->type, .NameLength = value->name.Length};
    out.fixed = offsetof(KEY_VALUE_BASIC_INFORMATION, Name);
    out.full = out.fixed + value->name.Length;
    NTSTATUS status = out_check(&out, result_length);
    if (status != STATUS_BUFFER_TOO_SMALL) {
        out_put(&out, 0, &head, out.fixed);
        out_put(&out, out.fixed, value->name.Buffer, value->name.Length);
    }
    return status;
}

static NTSTATUS
value_full(struct out out, const struct cm_value *value, ULONG *result_length)
{
    out.fixed = offsetof(KEY_VALUE_FULL_INFORMATION, Name);
    ULONG data_at = align8(out.fixed + value->name.Length);
    KEY_VALUE_FULL_INFORMATION head = {
        .Type = value->type, .DataOffset = data_at, .DataLength = value->bytes, .NameLength = value->name.Length};
    out.full = data_at + value->bytes;
    NTSTATUS status = out_check(&out, result_length);
    if (status != STATUS_BUFFER_TOO_SMALL) {
        out_put(&out, 0, &head, out.fixed);
        out_put(&out, out.fixed, value->name.Buffer, value->name.Length);
        out_put(&out, data_at, value->data, value->bytes);
    }
    return status;
}

static NTSTATUS
value_partial(struct out out, const struct cm_value *value, ULONG *result_length)
{
    KEY_VALUE_PARTIAL_INFORMATION head = {.Type = value->type, .DataLength = value->bytes};
    out.fixed = offsetof(KEY_VALUE_PARTIAL_INFORMATION, Data);
    out.full = out.fixed + value->bytes;
    NTSTATUS status = out_check(&out, result_length);
    if (status != STATUS_BUFFER_TOO_SMALL) {
        out_put(&out, 0, &head, out.fixed);
        out_put(&out, out.fixed, value->data, value->bytes);
    }
    return status;
}

NTSTATUS
cm_value_inform(const struct cm_value *value, KEY_VALUE_INFORMATION_CLASS class, void *buffer, ULONG bytes, ULONG *result_length)
{
    struct out out = {.buffer = buffer, .room = bytes};
    switch (class) {
    case KeyValueBasicInformation:
        return value_basic(out, value, result_length);
    case KeyValueFullInformation:
        return value_full(out, value, result_length);
    case KeyValuePartialInformation:
        return value_partial(out, value, result_length);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

static LARGE_INTEGER
nt_time(uint64_t unix_ns)
{
    return (LARGE_INTEGER){.QuadPart = (LONGLONG)(unix_ns / 100 + 116444736000000000ull)};
}

NTSTATUS
cm_key_inform(struct box *box, struct cm_key *key, KEY_INFORMATION_CLASS class, void *buffer, ULONG bytes, ULONG *result_length)
{
    struct out out = {.buffer = buffer, .room = bytes};
    struct cm_key_counts counts;
    UNICODE_STRING name;
    union {
        KEY_BASIC_INFORMATION basic;
        KEY_NODE_INFORMATION node;
        KEY_FULL_INFORMATION full;
        KEY_NAME_INFORMATION name;
    } head = {0};
    NTSTATUS status = cm_key_counts_get(box, key, &counts, &name);
    if (status != STATUS_SUCCESS)
        return status;
    switch (class) {
    case KeyBasicInformation:
        head.basic = (KEY_BASIC_INFORMATION){.LastWriteTime = nt_time(counts.written_unix_ns), .NameLength = name.Length};
        out.fixed = offsetof(KEY_BASIC_INFORMATION, Name);
        break;
    case KeyNodeInformation:
        head.node = (KEY_NODE_INFORMATION){
            .LastWriteTime = nt_time(counts.written_unix_ns), .ClassOffset = (ULONG)-1, .NameLength = name.Length};
        out.fixed = offsetof(KEY_NODE_INFORMATION, Name);
        break;
    case KeyFullInformation:
        head.full = (KEY_FULL_INFORMATION){.LastWriteTime = nt_time(counts.written_unix_ns), .ClassOffset = (ULONG)-1,
                                           .SubKeys = counts.subkeys, .MaxNameLen = counts.longest_subkey_bytes,
                                           .Values = counts.values, .MaxValueNameLen = counts.longest_value_name_bytes,
                                           .MaxValueDataLen = counts.longest_data_bytes};
        out.fixed = offsetof(KEY_FULL_INFORMATION, Class);
        name.Length = 0;
        break;
    case KeyNameInformation:
        ob_string_free(&name);
        status = cm_key_path(box, key, &name);
        if (status != STATUS_SUCCESS)
            return status;
        head.name.NameLength = name.Length;
        out.fixed = offsetof(KEY_NAME_INFORMATION, Name);
        break;
    default:
        ob_string_free(&name);
        return STATUS_INVALID_PARAMETER;
    }
    out.full = out.fixed + name.Length;
    status = out_check(&out, result_length);
    if (status != STATUS_BUFFER_TOO_SMALL) {
        out_put(&out, 0, &head, out.fixed);
        out_put(&out, out.fixed, name.Buffer, name.Length);
    }
    ob_string_free(&name);
    return status;
}
