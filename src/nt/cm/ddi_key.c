// SPDX-License-Identifier: MIT
// Front doors of the registry's Zw calls. All of them: PASSIVE_LEVEL, kernel handles.
#include <stdlib.h>

#include "nt/cm/cm_int.h"
#include "nt/cm/query.h"
#include "nt/ex/fault.h"
#include "verify/verify.h"

NTAPI NTSTATUS
ZwOpenKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
    VERIFY_ENTER(ZwOpenKey);
    NTSTATUS status = EX_FAULT() ? STATUS_INSUFFICIENT_RESOURCES
                                 : cm_key_open_attributes(box_self(), ObjectAttributes, false, false, DesiredAccess, KeyHandle, NULL);
    VERIFY_LEAVE(ZwOpenKey);
    return status;
}

NTAPI NTSTATUS
ZwOpenKeyEx(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, ULONG OpenOptions)
{
    VERIFY_ENTER(ZwOpenKeyEx);
    NTSTATUS status = STATUS_INVALID_PARAMETER_4;
    if (!(OpenOptions & ~(ULONG)(REG_OPTION_BACKUP_RESTORE | REG_OPTION_OPEN_LINK)))
        status = EX_FAULT() ? STATUS_INSUFFICIENT_RESOURCES
                            : cm_key_open_attributes(box_self(), ObjectAttributes, false, false, DesiredAccess, KeyHandle, NULL);
    VERIFY_LEAVE(ZwOpenKeyEx);
    return status;
}

NTAPI NTSTATUS
ZwCreateKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex, PUNICODE_STRING Class,
            ULONG CreateOptions, PULONG Disposition)
{
    bool was_created = false;
    VERIFY_ENTER(ZwCreateKey);
    bool is_volatile = CreateOptions & REG_OPTION_VOLATILE;
    NTSTATUS status =
        EX_FAULT() ? STATUS_INSUFFICIENT_RESOURCES
                   : cm_key_open_attributes(box_self(), ObjectAttributes, true, is_volatile, DesiredAccess, KeyHandle, &was_created);
    if (status == STATUS_SUCCESS && Disposition)
        *Disposition = was_created ? REG_CREATED_NEW_KEY : REG_OPENED_EXISTING_KEY;
    VERIFY_LEAVE(ZwCreateKey);
    return status;
}

// The unnamed value of a key is asked for with an empty name.
static const UNICODE_STRING *
value_name(const UNICODE_STRING *name)
{
    static const UNICODE_STRING empty;
    return name ? name : &empty;
}

NTAPI NTSTATUS
ZwQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                PVOID KeyValueInformation, ULONG Length, PULONG ResultLength)
{
    struct cm_key *key;
    void *object;
    VERIFY_ENTER(ZwQueryValueKey);
    struct box *box = box_self();
    NTSTATUS status = cm_handle_key(box, KeyHandle, KEY_QUERY_VALUE, &object, &key);
    if (status == STATUS_SUCCESS) {
        struct cm_value value = {.name = *value_name(ValueName)};
        status = cm_get(box, key, &value.name, &value.type, &value.data, &value.bytes);
        if (status == STATUS_SUCCESS) {
            status = cm_value_inform(&value, KeyValueInformationClass, KeyValueInformation, Length, ResultLength);
            free(value.data);
        }
        ob_unref(object);
    }
    VERIFY_LEAVE(ZwQueryValueKey);
    return status;
}

NTAPI NTSTATUS
ZwEnumerateValueKey(HANDLE KeyHandle, ULONG Index, KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass, PVOID KeyValueInformation,
                    ULONG Length, PULONG ResultLength)
{
    struct cm_key *key;
    void *object;
    VERIFY_ENTER(ZwEnumerateValueKey);
    struct box *box = box_self();
    NTSTATUS status = cm_handle_key(box, KeyHandle, KEY_QUERY_VALUE, &object, &key);
    if (status == STATUS_SUCCESS) {
        struct cm_value value = {0};
        status = cm_value_at(box, key, Index, &value.name, &value.type, &value.data, &value.bytes);
        if (status == STATUS_SUCCESS) {
            status = cm_value_inform(&value, KeyValueInformationClass, KeyValueInformation, Length, ResultLength);
            free(value.data);
            ob_string_free(&value.name);
        }
        ob_unref(object);
    }
    VERIFY_LEAVE(ZwEnumerateValueKey);
    return status;
}

NTAPI NTSTATUS
ZwSetValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex, ULONG Type, PVOID Data, ULONG DataSize)
{
    struct cm_key *key;
    void *object;
    VERIFY_ENTER(ZwSetValueKey);
    struct box *box = box_self();
    NTSTATUS status = cm_handle_key(box, KeyHandle, KEY_SET_VALUE, &object, &key);
    if (status == STATUS_SUCCESS) {
        status = EX_FAULT() ? STATUS_INSUFFICIENT_RESOURCES : cm_set(box, key, value_name(ValueName), Type, Data, DataSize);
        ob_unref(object);
    }
    VERIFY_LEAVE(ZwSetValueKey);
    return status;
}

NTAPI NTSTATUS
ZwDeleteValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName)
{
    struct cm_key *key;
    void *object;
    VERIFY_ENTER(ZwDeleteValueKey);
    struct box *box = box_self();
    NTSTATUS status = cm_handle_key(box, KeyHandle, KEY_SET_VALUE, &object, &key);
    if (status == STATUS_SUCCESS) {
        status = EX_FAULT() ? STATUS_INSUFFICIENT_RESOURCES : cm_value_delete(box, key, value_name(ValueName));
        ob_unref(object);
    }
    VERIFY_LEAVE(ZwDeleteValueKey);
    return status;
}

NTAPI NTSTATUS
ZwDeleteKey(HANDLE KeyHandle)
{
    struct cm_key *key;
    void *object;
    VERIFY_ENTER(ZwDeleteKey);
    NTSTATUS status = cm_handle_key(box_self(), KeyHandle, DELETE, &object, &key);
    if (status == STATUS_SUCCESS) {
        status = cm_key_delete(box_self(), key);
        ob_unref(object);
    }
    VERIFY_LEAVE(ZwDeleteKey);
    return status;
}

NTAPI NTSTATUS
ZwQueryKey(HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation, ULONG Length, PULONG ResultLength)
{
    struct cm_key *key;
    void *object;
    VERIFY_ENTER(ZwQueryKey);
    ACCESS_MASK access = KeyInformationClass == KeyNameInformation ? 0 : KEY_QUERY_VALUE;
    NTSTATUS status = cm_handle_key(box_self(), KeyHandle, access, &object, &key);
    if (status == STATUS_SUCCESS) {
        status = cm_key_inform(box_self(), key, KeyInformationClass, KeyInformation, Length, ResultLength);
        ob_unref(object);
    }
    VERIFY_LEAVE(ZwQueryKey);
    return status;
}

NTAPI NTSTATUS
ZwEnumerateKey(HANDLE KeyHandle, ULONG Index, KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation, ULONG Length,
               PULONG ResultLength)
{
    struct cm_key *key, *child;
    void *object;
    VERIFY_ENTER(ZwEnumerateKey);
    struct box *box = box_self();
    NTSTATUS status = cm_handle_key(box, KeyHandle, KEY_ENUMERATE_SUB_KEYS, &object, &key);
    if (status == STATUS_SUCCESS) {
        status = cm_child_ref_at(box, key, Index, &child);
        if (status == STATUS_SUCCESS) {
            status = cm_key_inform(box, child, KeyInformationClass, KeyInformation, Length, ResultLength);
            cm_key_put(box, child);
        }
        ob_unref(object);
    }
    VERIFY_LEAVE(ZwEnumerateKey);
    return status;
}

// The registry is in memory: what is set is there, and there is no file to flush to.
NTAPI NTSTATUS
ZwFlushKey(HANDLE KeyHandle)
{
    struct cm_key *key;
    void *object;
    VERIFY_ENTER(ZwFlushKey);
    NTSTATUS status = cm_handle_key(box_self(), KeyHandle, 0, &object, &key);
    if (status == STATUS_SUCCESS)
        ob_unref(object);
    VERIFY_LEAVE(ZwFlushKey);
    return status;
}
