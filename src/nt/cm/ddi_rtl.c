// SPDX-License-Identifier: MIT
// Front doors of the registry's Rtl calls. PASSIVE_LEVEL.
#include "nt/cm/cm_int.h"
#include "nt/cm/query.h"
#include "verify/verify.h"

static UNICODE_STRING
counted(PCWSTR text)
{
    USHORT units = 0;
    while (text && text[units] && units < 0x7ffe)
        units++;
    return (UNICODE_STRING){.Length = (USHORT)(units * 2), .MaximumLength = (USHORT)(units * 2), .Buffer = (PWSTR)text};
}

NTAPI NTSTATUS
RtlQueryRegistryValues(ULONG RelativeTo, PCWSTR Path, PRTL_QUERY_REGISTRY_TABLE QueryTable, PVOID Context, PVOID Environment)
{
    struct cm_key *key;
    VERIFY_ENTER(RtlQueryRegistryValues);
    struct box *box = box_self();
    NTSTATUS status = cm_relative_open(box, RelativeTo, Path, false, &key);
    if (status == STATUS_SUCCESS) {
        status = cm_query_table(box, key, QueryTable, Context, Environment);
        cm_key_put(box, key);
    } else if (status == STATUS_OBJECT_NAME_NOT_FOUND && (RelativeTo & RTL_REGISTRY_OPTIONAL)) {
        status = STATUS_SUCCESS;
    }
    VERIFY_LEAVE(RtlQueryRegistryValues);
    return status;
}

// The key's path is made if it is missing [wdm/nf-wdm-rtlwriteregistryvalue].
NTAPI NTSTATUS
RtlWriteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName, ULONG ValueType, PVOID ValueData, ULONG ValueLength)
{
    struct cm_key *key;
    VERIFY_ENTER(RtlWriteRegistryValue);
    struct box *box = box_self();
    NTSTATUS status = cm_relative_open(box, RelativeTo, Path, true, &key);
    if (status == STATUS_SUCCESS) {
        UNICODE_STRING name = counted(ValueName);
        status = cm_set(box, key, &name, ValueType, ValueData, ValueLength);
        cm_key_put(box, key);
    }
    VERIFY_LEAVE(RtlWriteRegistryValue);
    return status;
}

NTAPI NTSTATUS
RtlDeleteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName)
{
    struct cm_key *key;
    VERIFY_ENTER(RtlDeleteRegistryValue);
    struct box *box = box_self();
    NTSTATUS status = cm_relative_open(box, RelativeTo, Path, false, &key);
    if (status == STATUS_SUCCESS) {
        UNICODE_STRING name = counted(ValueName);
        status = cm_value_delete(box, key, &name);
        cm_key_put(box, key);
    }
    VERIFY_LEAVE(RtlDeleteRegistryValue);
    return status;
}

static NTSTATUS
check_or_create(ULONG relative_to, PCWSTR path, bool create)
{
    struct cm_key *key;
    NTSTATUS status = cm_relative_open(box_self(), relative_to, path, create, &key);
    if (status == STATUS_SUCCESS)
        cm_key_put(box_self(), key);
    return status;
}

NTAPI NTSTATUS
RtlCheckRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    VERIFY_ENTER(RtlCheckRegistryKey);
    NTSTATUS status = check_or_create(RelativeTo, Path, false);
    VERIFY_LEAVE(RtlCheckRegistryKey);
    return status;
}

NTAPI NTSTATUS
RtlCreateRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    VERIFY_ENTER(RtlCreateRegistryKey);
    NTSTATUS status = check_or_create(RelativeTo, Path, true);
    VERIFY_LEAVE(RtlCreateRegistryKey);
    return status;
}
