// SPDX-License-Identifier: MIT
// The registry: what the runtime sets, drivers read, by Zw calls and by RtlQueryRegistryValues.
#include <stdlib.h>

#include "nt/cm/cm.h"
#include "unit/nt/nt_test.h"

#define KEY_PATH L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\drv\\Parameters"
#define KEY_TEXT CM_SERVICES "\\drv\\Parameters"

static UNICODE_STRING
text(const WCHAR *s)
{
    UNICODE_STRING string = {.Buffer = (WCHAR *)s};
    while (s[string.Length / 2])
        string.Length += 2;
    string.MaximumLength = string.Length + 2;
    return string;
}

static struct cm_key *
fill(void)
{
    static const char *const names[] = {"one", "two"};
    struct cm_key *key = cm_key_open(box_self(), KEY_TEXT);
    ck_assert_ptr_nonnull(key);
    ck_assert_int_eq(cm_set_dword(box_self(), key, "Debug", 7), STATUS_SUCCESS);
    ck_assert_int_eq(cm_set_sz(box_self(), key, "Text", "abc"), STATUS_SUCCESS);
    ck_assert_int_eq(cm_set_multi_sz(box_self(), key, "Many", names, 2), STATUS_SUCCESS);
    ck_assert_int_eq(cm_set_binary(box_self(), key, "Raw", "12345678", 8), STATUS_SUCCESS);
    ck_assert_int_eq(cm_set_qword(box_self(), key, "Big", 1ull << 40), STATUS_SUCCESS);
    return key;
}

static HANDLE
open_key(const WCHAR *path, ACCESS_MASK access)
{
    UNICODE_STRING name = text(path);
    OBJECT_ATTRIBUTES attributes;
    HANDLE key;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    ck_assert_int_eq(ZwOpenKey(&key, access, &attributes), STATUS_SUCCESS);
    return key;
}

NT_TEST(ZwQueryValueKey_tells_too_small_from_overflow_in_all_three_classes)
{
    static const struct {
        KEY_VALUE_INFORMATION_CLASS class;
        ULONG fixed, full;
    } rows[] = {{KeyValueBasicInformation, 12, 12 + 8}, {KeyValueFullInformation, 20, 32 + 8}, {KeyValuePartialInformation, 12, 12 + 8}};
    UNICODE_STRING name = text(L"text");
    ULONG result;
    fill();
    HANDLE key = open_key(KEY_PATH, KEY_READ);
    for (size_t i = 0; i < 3; i++) {
        ULONG buffer[16];
        memset(buffer, 0xee, sizeof(buffer));
        ck_assert_int_eq(ZwQueryValueKey(key, &name, rows[i].class, NULL, 0, &result), STATUS_BUFFER_TOO_SMALL);
        ck_assert_uint_eq(result, rows[i].full);
        ck_assert_int_eq(ZwQueryValueKey(key, &name, rows[i].class, buffer, rows[i].fixed - 1, &result), STATUS_BUFFER_TOO_SMALL);
        ck_assert_uint_eq(buffer[0], 0xeeeeeeee);
        ck_assert_int_eq(ZwQueryValueKey(key, &name, rows[i].class, buffer, rows[i].full - 1, &result), STATUS_BUFFER_OVERFLOW);
        ck_assert_uint_eq(buffer[1], REG_SZ);
        ck_assert_int_eq(ZwQueryValueKey(key, &name, rows[i].class, buffer, rows[i].full, &result), STATUS_SUCCESS);
        ck_assert_uint_eq(((UCHAR *)buffer)[rows[i].full], 0xee);
    }
    KEY_VALUE_PARTIAL_INFORMATION *partial = malloc(64);
    ck_assert_int_eq(ZwQueryValueKey(key, &name, KeyValuePartialInformation, partial, 64, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(partial->DataLength, 8);
    ck_assert_int_eq(memcmp(partial->Data, L"abc", 8), 0);
    UNICODE_STRING none = text(L"none");
    ck_assert_int_eq(ZwQueryValueKey(key, &none, KeyValuePartialInformation, partial, 64, &result), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ZwQueryValueKey(key, &name, 77, partial, 64, &result), STATUS_INVALID_PARAMETER);
    free(partial);
    ck_assert_int_eq(ZwClose(key), STATUS_SUCCESS);
}

NT_TEST(ZwCreateKey_makes_the_last_component_only_and_ZwDeleteKey_leaves_open_handles_answering_KEY_DELETED)
{
    UNICODE_STRING deep = text(KEY_PATH L"\\a\\b"), shallow = text(KEY_PATH L"\\a"), value = text(L"v");
    OBJECT_ATTRIBUTES attributes;
    HANDLE key, again;
    ULONG disposition, number = 5, result;
    char buffer[32];
    fill();
    InitializeObjectAttributes(&attributes, &deep, OBJ_KERNEL_HANDLE, NULL, NULL);
    ck_assert_int_eq(ZwCreateKey(&key, KEY_ALL_ACCESS, &attributes, 0, NULL, 0, &disposition), STATUS_OBJECT_NAME_NOT_FOUND);
    attributes.ObjectName = &shallow;
    ck_assert_int_eq(ZwCreateKey(&key, KEY_ALL_ACCESS, &attributes, 0, NULL, 0, &disposition), STATUS_SUCCESS);
    ck_assert_uint_eq(disposition, REG_CREATED_NEW_KEY);
    ck_assert_int_eq(ZwCreateKey(&again, KEY_ALL_ACCESS, &attributes, 0, NULL, 0, &disposition), STATUS_SUCCESS);
    ck_assert_uint_eq(disposition, REG_OPENED_EXISTING_KEY);
    ck_assert_int_eq(ZwSetValueKey(key, &value, 0, REG_DWORD, &number, sizeof(number)), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQueryValueKey(again, &value, KeyValuePartialInformation, buffer, sizeof(buffer), &result), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDeleteValueKey(again, &value), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDeleteValueKey(again, &value), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ZwDeleteKey(key), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDeleteKey(again), STATUS_KEY_DELETED);
    ck_assert_int_eq(ZwSetValueKey(again, &value, 0, REG_DWORD, &number, sizeof(number)), STATUS_KEY_DELETED);
    ck_assert_int_eq(ZwQueryKey(again, KeyFullInformation, buffer, sizeof(buffer), &result), STATUS_KEY_DELETED);
    ck_assert_int_eq(ZwClose(key), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(again), STATUS_SUCCESS);
    ck_assert_int_eq(ZwOpenKey(&key, KEY_READ, &attributes), STATUS_OBJECT_NAME_NOT_FOUND);
}

NT_TEST(ZwEnumerateValueKey_and_ZwEnumerateKey_give_creation_order_and_then_NO_MORE_ENTRIES)
{
    union {
        KEY_VALUE_BASIC_INFORMATION value;
        KEY_BASIC_INFORMATION key;
        KEY_FULL_INFORMATION full;
        char room[128];
    } u;
    ULONG result, count = 0;
    fill();
    cm_key_open(box_self(), KEY_TEXT "\\sub1");
    cm_key_open(box_self(), KEY_TEXT "\\sub2");
    HANDLE key = open_key(KEY_PATH, KEY_READ);
    while (ZwEnumerateValueKey(key, count, KeyValueBasicInformation, &u, sizeof(u), &result) == STATUS_SUCCESS)
        count++;
    ck_assert_uint_eq(count, 5);
    ck_assert_int_eq(ZwEnumerateValueKey(key, count, KeyValueBasicInformation, &u, sizeof(u), &result), STATUS_NO_MORE_ENTRIES);
    ck_assert_int_eq(ZwEnumerateKey(key, 1, KeyBasicInformation, &u, sizeof(u), &result), STATUS_SUCCESS);
    ck_assert_uint_eq(u.key.NameLength, 8);
    ck_assert_int_eq(memcmp(u.key.Name, L"sub2", 8), 0);
    ck_assert_int_eq(ZwEnumerateKey(key, 2, KeyBasicInformation, &u, sizeof(u), &result), STATUS_NO_MORE_ENTRIES);
    ck_assert_int_eq(ZwQueryKey(key, KeyFullInformation, &u, sizeof(u), &result), STATUS_SUCCESS);
    ck_assert_uint_eq(u.full.SubKeys, 2);
    ck_assert_uint_eq(u.full.Values, 5);
    ck_assert_int_eq(ZwFlushKey(key), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(key), STATUS_SUCCESS);
    key = open_key(KEY_PATH, KEY_SET_VALUE);
    ck_assert_int_eq(ZwEnumerateKey(key, 0, KeyBasicInformation, &u, sizeof(u), &result), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(ZwClose(key), STATUS_SUCCESS);
}

struct seen {
    unsigned calls;
    ULONG type, bytes;
    WCHAR first[8];
};

static RTL_QUERY_REGISTRY_ROUTINE note_value;
static NTSTATUS NTAPI
note_value(PWSTR name, ULONG type, PVOID data, ULONG bytes, PVOID context, PVOID entry_context)
{
    struct seen *seen = entry_context;
    seen->calls++;
    seen->type = type;
    seen->bytes = bytes;
    if (data && bytes <= sizeof(seen->first))
        memcpy(seen->first, data, bytes);
    return seen->calls == 99 ? STATUS_UNSUCCESSFUL : STATUS_BUFFER_TOO_SMALL;   // the latter is ignored
}

NT_TEST(RtlQueryRegistryValues_direct_stores_numbers_strings_and_defaults)
{
    ULONG debug = 0, absent = 0, fallback = 42;
    UNICODE_STRING string = {0};
    WCHAR small[2];
    UNICODE_STRING too_small = {.MaximumLength = sizeof(small), .Buffer = small};
    RTL_QUERY_REGISTRY_TABLE table[] = {
        {NULL, RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK, L"Debug", &debug, (ULONG)REG_DWORD << 24 | REG_NONE, NULL, 0},
        {NULL, RTL_QUERY_REGISTRY_DIRECT, L"Text", &string, REG_NONE, NULL, 0},
        {NULL, RTL_QUERY_REGISTRY_DIRECT, L"Absent", &absent, REG_DWORD, &fallback, sizeof(fallback)},
        {NULL, 0, NULL, NULL, 0, NULL, 0},
    };
    fill();
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"drv\\Parameters", table, NULL, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(debug, 7);
    ck_assert_uint_eq(absent, 42);
    ck_assert_uint_eq(string.Length, 6);
    ck_assert_int_eq(memcmp(string.Buffer, L"abc", 8), 0);
    ExFreePool(string.Buffer);
    table[0].DefaultType = (ULONG)REG_SZ << 24;
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"drv\\Parameters", table, NULL, NULL), STATUS_OBJECT_TYPE_MISMATCH);
    table[0] = table[1];
    table[0].EntryContext = &too_small;
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"drv\\Parameters", table, NULL, NULL), STATUS_BUFFER_TOO_SMALL);
    table[0].Name = NULL;
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"drv\\Parameters", table, NULL, NULL), STATUS_INVALID_PARAMETER);
}

NT_TEST(RtlQueryRegistryValues_direct_binary_obeys_the_room_at_the_start_of_the_buffer)
{
    union {
        LONG room;
        ULONG words[6];
        char bytes[24];
    } buffer = {.room = -8};
    RTL_QUERY_REGISTRY_TABLE table[] = {{NULL, RTL_QUERY_REGISTRY_DIRECT, L"Raw", &buffer, REG_NONE, NULL, 0}, {0}};
    fill();
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"drv\\Parameters", table, NULL, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(buffer.bytes, "12345678", 8), 0);
    buffer.room = -7;
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"drv\\Parameters", table, NULL, NULL), STATUS_BUFFER_TOO_SMALL);
    buffer.room = 16;
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"drv\\Parameters", table, NULL, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(buffer.words[0], 8);
    ck_assert_uint_eq(buffer.words[1], REG_BINARY);
    ck_assert_int_eq(memcmp(&buffer.words[2], "12345678", 8), 0);
    buffer.room = 15;
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"drv\\Parameters", table, NULL, NULL), STATUS_BUFFER_TOO_SMALL);
}

NT_TEST(RtlQueryRegistryValues_calls_the_routine_per_string_per_value_and_per_subkey)
{
    struct seen many = {0}, whole = {0}, all = {0}, nothing = {0}, sub = {0};
    RTL_QUERY_REGISTRY_TABLE table[] = {
        {note_value, 0, L"Many", &many, REG_NONE, NULL, 0},
        {note_value, RTL_QUERY_REGISTRY_NOEXPAND, L"Many", &whole, REG_NONE, NULL, 0},
        {note_value, 0, NULL, &all, REG_NONE, NULL, 0},
        {note_value, RTL_QUERY_REGISTRY_NOVALUE, NULL, &nothing, REG_NONE, NULL, 0},
        {NULL, RTL_QUERY_REGISTRY_SUBKEY, L"Sub", NULL, REG_NONE, NULL, 0},
        {note_value, RTL_QUERY_REGISTRY_REQUIRED | RTL_QUERY_REGISTRY_DELETE, L"Inner", &sub, REG_NONE, NULL, 0},
        {note_value, RTL_QUERY_REGISTRY_TOPKEY | RTL_QUERY_REGISTRY_REQUIRED, L"Debug", &sub, REG_NONE, NULL, 0},
        {0},
    };
    fill();
    cm_set_dword(box_self(), cm_key_open(box_self(), KEY_TEXT "\\Sub"), "Inner", 1);
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, KEY_PATH, table, NULL, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(many.calls, 2);
    ck_assert_uint_eq(many.type, REG_SZ);
    ck_assert_int_eq(memcmp(many.first, L"two", 8), 0);
    ck_assert_uint_eq(whole.calls, 1);
    ck_assert_uint_eq(whole.type, REG_MULTI_SZ);
    ck_assert_uint_eq(whole.bytes, 18);
    ck_assert_uint_eq(all.calls, 6);
    ck_assert_uint_eq(nothing.calls, 1);
    ck_assert_uint_eq(nothing.type, REG_NONE);
    ck_assert_uint_eq(sub.calls, 2);
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, KEY_PATH, table, NULL, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    many.calls = 98;
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, KEY_PATH, table, NULL, NULL), STATUS_UNSUCCESSFUL);
}

NT_TEST(RtlWriteRegistryValue_makes_the_key_and_RtlDeleteRegistryValue_RtlCheckRegistryKey_see_it)
{
    ULONG value = 3, read = 0;
    ULONG flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_REQUIRED;
    RTL_QUERY_REGISTRY_TABLE table[] = {{NULL, flags, L"V", &read, REG_NONE, NULL, 0}, {0}};
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, L"fresh\\Linkage"), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"fresh", table, NULL, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES | RTL_REGISTRY_OPTIONAL, L"fresh", table, NULL, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(RtlWriteRegistryValue(RTL_REGISTRY_SERVICES, L"fresh", L"V", REG_DWORD, &value, 4), STATUS_SUCCESS);
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"fresh", table, NULL, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(read, 3);
    ck_assert_int_eq(RtlDeleteRegistryValue(RTL_REGISTRY_SERVICES, L"fresh", L"V"), STATUS_SUCCESS);
    ck_assert_int_eq(RtlDeleteRegistryValue(RTL_REGISTRY_SERVICES, L"fresh", L"V"), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, L"fresh\\Linkage"), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, L"FRESH\\linkage"), STATUS_SUCCESS);
    HANDLE key = open_key(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\fresh", KEY_ALL_ACCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_HANDLE, (PWSTR)key), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(key), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(17, L"x"), STATUS_INVALID_PARAMETER);
}
