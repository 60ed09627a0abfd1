// SPDX-License-Identifier: MIT
// The registry as drivers see it: opening, making, reading, listing and deleting keys and values by their Zw calls, each return value of
// their pages [wdm/nf-wdm-zwopenkey] and kin, and the Rtl calls over paths.
#include <stdlib.h>
#include <string.h>

#include "nbx/fault.h"
#include "nt/cm/cm.h"
#include "unit/nt/nt_test.h"

#define BASE "\\Registry\\Machine\\Software\\Test"
#define BASE_W L"\\Registry\\Machine\\Software\\Test"

static UNICODE_STRING
us(const WCHAR *text)
{
    UNICODE_STRING string;
    RtlInitUnicodeString(&string, text);
    return string;
}

static OBJECT_ATTRIBUTES
attributes_of(UNICODE_STRING *name, HANDLE root)
{
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, root, NULL);
    return attributes;
}

static NTSTATUS
open_status(const WCHAR *path, HANDLE root, ACCESS_MASK access, HANDLE *key)
{
    UNICODE_STRING name = us(path);
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, root);
    return ZwOpenKey(key, access, &attributes);
}

static NTSTATUS
open_ex_status(const WCHAR *path, ULONG options, HANDLE *key)
{
    UNICODE_STRING name = us(path);
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, NULL);
    return ZwOpenKeyEx(key, KEY_READ, &attributes, options);
}

static NTSTATUS
create_status(const WCHAR *path, HANDLE root, ACCESS_MASK access, HANDLE *key, ULONG *disposition)
{
    UNICODE_STRING name = us(path);
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, root);
    return ZwCreateKey(key, access, &attributes, 0, NULL, REG_OPTION_NON_VOLATILE, disposition);
}

static HANDLE
base(ACCESS_MASK access)
{
    HANDLE key;
    ck_assert_ptr_nonnull(cm_key_open(box_self(), BASE));
    ck_assert_int_eq(open_status(BASE_W, NULL, access, &key), STATUS_SUCCESS);
    return key;
}

static void
refuse_next(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

static void
refused_one(void)
{
    struct nbx_fault_report report;
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
}

// ---- keys -----------------------------------------------------------------------------------------------------------------------------

NT_TEST(ZwOpenKey_opens_by_full_path_and_below_a_handle_whatever_the_case)
{
    HANDLE key, below;
    cm_key_open(box_self(), BASE "\\One\\Two");
    ck_assert_int_eq(open_status(L"\\REGISTRY\\machine\\Software\\test\\ONE", NULL, KEY_READ, &key), STATUS_SUCCESS);
    ck_assert_int_eq(open_status(L"two", key, KEY_READ, &below), STATUS_SUCCESS);
    ZwClose(below);
    ck_assert_int_eq(open_status(L"", key, KEY_READ, &below), STATUS_SUCCESS); // the root handle's own key
    ZwClose(below);
    ZwClose(key);
}

NT_TEST(ZwOpenKey_refuses_what_is_not_there_paths_that_are_none_and_handles_that_are_none)
{
    HANDLE key, root = base(KEY_READ);
    PKEVENT event;
    HANDLE other;
    ck_assert_int_eq(open_status(BASE_W L"\\None", NULL, KEY_READ, &key), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(open_status(L"None", root, KEY_READ, &key), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(open_status(L"Machine", NULL, KEY_READ, &key), STATUS_OBJECT_PATH_SYNTAX_BAD);
    ck_assert_int_eq(open_status(L"", NULL, KEY_READ, &key), STATUS_OBJECT_PATH_SYNTAX_BAD);
    ck_assert_int_eq(open_status(L"\\Below", root, KEY_READ, &key), STATUS_OBJECT_PATH_SYNTAX_BAD);
    ck_assert_int_eq(open_status(L"x", (HANDLE)0x7770, KEY_READ, &key), STATUS_INVALID_HANDLE);
    UNICODE_STRING name = us(L"\\BaseNamedObjects\\e");
    event = IoCreateNotificationEvent(&name, &other);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(open_status(L"x", other, KEY_READ, &key), STATUS_OBJECT_TYPE_MISMATCH);
    ZwClose(other);
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, NULL);
    attributes.Length--;
    ck_assert_int_eq(ZwOpenKey(&key, KEY_READ, &attributes), STATUS_INVALID_PARAMETER);
    refuse_next();
    ck_assert_int_eq(open_status(BASE_W, NULL, KEY_READ, &key), STATUS_INSUFFICIENT_RESOURCES);
    refused_one();
    ZwClose(root);
}

NT_TEST(ZwOpenKeyEx_opens_and_answers_each_status_of_its_page)
{
    HANDLE key;
    ZwClose(base(KEY_READ));
    ck_assert_int_eq(open_ex_status(BASE_W, 0, &key), STATUS_SUCCESS);
    ZwClose(key);
    ck_assert_int_eq(open_ex_status(BASE_W, REG_OPTION_OPEN_LINK, &key), STATUS_SUCCESS);
    ZwClose(key);
    ck_assert_int_eq(open_ex_status(BASE_W, REG_OPTION_BACKUP_RESTORE, &key), STATUS_SUCCESS);
    ZwClose(key);
    ck_assert_int_eq(open_ex_status(BASE_W, REG_OPTION_VOLATILE, &key), STATUS_INVALID_PARAMETER_4);
    ck_assert_int_eq(open_ex_status(L"Software", 0, &key), STATUS_OBJECT_PATH_SYNTAX_BAD);
    ck_assert_int_eq(open_ex_status(BASE_W L"\\None", 0, &key), STATUS_OBJECT_NAME_NOT_FOUND);
    refuse_next();
    ck_assert_int_eq(open_ex_status(BASE_W, 0, &key), STATUS_INSUFFICIENT_RESOURCES);
    refused_one();
}

NT_TEST(ZwCreateKey_makes_a_key_or_opens_it_and_says_which)
{
    HANDLE key, again;
    ULONG disposition = 0;
    ZwClose(base(KEY_READ));
    ck_assert_int_eq(create_status(BASE_W L"\\New", NULL, KEY_ALL_ACCESS, &key, &disposition), STATUS_SUCCESS);
    ck_assert_uint_eq(disposition, REG_CREATED_NEW_KEY);
    ck_assert_int_eq(create_status(L"Below", key, KEY_READ, &again, &disposition), STATUS_SUCCESS);
    ck_assert_uint_eq(disposition, REG_CREATED_NEW_KEY);
    ZwClose(again);
    ck_assert_int_eq(create_status(BASE_W L"\\NEW", NULL, KEY_READ, &again, &disposition), STATUS_SUCCESS);
    ck_assert_uint_eq(disposition, REG_OPENED_EXISTING_KEY);
    ZwClose(key);
    ck_assert_int_eq(create_status(L"below", again, KEY_READ, &key, NULL), STATUS_SUCCESS); // there already: no right to make is needed
    ZwClose(key);
    ck_assert_int_eq(create_status(L"Other", again, KEY_READ, &key, &disposition), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(create_status(BASE_W L"\\No\\Way", NULL, KEY_READ, &key, &disposition), STATUS_OBJECT_NAME_NOT_FOUND);
    refuse_next();
    ck_assert_int_eq(create_status(BASE_W L"\\Refused", NULL, KEY_READ, &key, NULL), STATUS_INSUFFICIENT_RESOURCES);
    refused_one();
    ck_assert_int_eq(open_status(BASE_W L"\\Refused", NULL, KEY_READ, &key), STATUS_OBJECT_NAME_NOT_FOUND);
    ZwClose(again);
}

NT_TEST(ZwDeleteKey_takes_a_key_without_subkeys_and_its_handles_answer_KEY_DELETED)
{
    HANDLE key, below, reader;
    ULONG disposition, length;
    uint8_t buffer[64];
    UNICODE_STRING name = us(L"v");
    ZwClose(base(KEY_READ));
    ck_assert_int_eq(create_status(BASE_W L"\\Gone", NULL, KEY_ALL_ACCESS, &key, &disposition), STATUS_SUCCESS);
    ck_assert_int_eq(create_status(L"Child", key, KEY_ALL_ACCESS, &below, &disposition), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDeleteKey(key), STATUS_CANNOT_DELETE);
    ck_assert_int_eq(ZwDeleteKey(below), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDeleteKey(below), STATUS_KEY_DELETED);
    ZwClose(below);
    ck_assert_int_eq(open_status(BASE_W L"\\Gone", NULL, KEY_READ, &reader), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDeleteKey(reader), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(ZwDeleteKey(key), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQueryValueKey(reader, &name, KeyValuePartialInformation, buffer, sizeof buffer, &length), STATUS_KEY_DELETED);
    ck_assert_int_eq(ZwSetValueKey(key, &name, 0, REG_DWORD, &length, 4), STATUS_KEY_DELETED);
    ck_assert_int_eq(open_status(BASE_W L"\\Gone", NULL, KEY_READ, &below), STATUS_OBJECT_NAME_NOT_FOUND);
    ZwClose(reader);
    ZwClose(key);
    ck_assert_int_eq(ZwDeleteKey(key), STATUS_INVALID_HANDLE);
}

NT_TEST(ZwFlushKey_of_a_key_is_done_and_of_no_handle_refused)
{
    HANDLE key = base(KEY_READ);
    ck_assert_int_eq(ZwFlushKey(key), STATUS_SUCCESS);
    ZwClose(key);
    ck_assert_int_eq(ZwFlushKey(key), STATUS_INVALID_HANDLE);
}

// ---- values ---------------------------------------------------------------------------------------------------------------------------

NT_TEST(ZwSetValueKey_adds_replaces_and_refuses)
{
    HANDLE key = base(KEY_ALL_ACCESS), reader = base(KEY_READ);
    UNICODE_STRING name = us(L"v");
    ULONG number = 7, length;
    KEY_VALUE_PARTIAL_INFORMATION *value = calloc(1, 64);
    ck_assert_int_eq(ZwSetValueKey(key, &name, 0, REG_DWORD, &number, 4), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQueryValueKey(reader, &name, KeyValuePartialInformation, value, 64, &length), STATUS_SUCCESS);
    ck_assert_uint_eq(value->Type, REG_DWORD);
    ck_assert_uint_eq(value->DataLength, 4);
    ck_assert_int_eq(ZwSetValueKey(key, &name, 0, REG_SZ, L"ab", 6), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQueryValueKey(reader, &name, KeyValuePartialInformation, value, 64, &length), STATUS_SUCCESS);
    ck_assert_uint_eq(value->Type, REG_SZ);
    ck_assert_uint_eq(value->DataLength, 6);
    ck_assert_int_eq(ZwSetValueKey(key, &name, 0, REG_BINARY, NULL, 0), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQueryValueKey(reader, &name, KeyValuePartialInformation, value, 64, &length), STATUS_SUCCESS);
    ck_assert_uint_eq(value->DataLength, 0);
    ck_assert_int_eq(ZwSetValueKey(key, NULL, 0, REG_DWORD, &number, 4), STATUS_SUCCESS); // the key's unnamed value
    name = us(L"");
    ck_assert_int_eq(ZwQueryValueKey(reader, &name, KeyValuePartialInformation, value, 64, &length), STATUS_SUCCESS);
    ck_assert_uint_eq(value->DataLength, 4);
    ck_assert_int_eq(ZwSetValueKey(reader, &name, 0, REG_DWORD, &number, 4), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(ZwSetValueKey((HANDLE)0x7770, &name, 0, REG_DWORD, &number, 4), STATUS_INVALID_HANDLE);
    refuse_next();
    ck_assert_int_eq(ZwSetValueKey(key, &name, 0, REG_DWORD, &number, 4), STATUS_INSUFFICIENT_RESOURCES);
    refused_one();
    free(value);
    ZwClose(key);
    ZwClose(reader);
}

// Every room from nothing to enough: what may be written is, and nothing behind it.
typedef NTSTATUS ask_fn(HANDLE key, int class, void *buffer, ULONG bytes, ULONG *length);

static void
rooms(HANDLE key, ask_fn *ask, int class, ULONG fixed, ULONG full)
{
    for (ULONG room = 0; room <= full + 2; room++) {
        uint8_t *buffer = malloc(room + 1);
        ULONG length = 0;
        memset(buffer, 0xcc, room + 1);
        NTSTATUS status = ask(key, class, buffer, room, &length);
        ck_assert_uint_eq(length, full);
        ck_assert_int_eq(status, room < fixed ? STATUS_BUFFER_TOO_SMALL : room < full ? STATUS_BUFFER_OVERFLOW
                                                                                      : STATUS_SUCCESS);
        for (ULONG i = room < fixed ? 0 : room < full ? room
                                                      : full;
             i <= room; i++)
            ck_assert_msg(buffer[i] == 0xcc, "class %d, room %u: byte %u is written", class, room, i);
        free(buffer);
    }
}

static NTSTATUS
ask_value(HANDLE key, int class, void *buffer, ULONG bytes, ULONG *length)
{
    UNICODE_STRING name = us(L"name");
    return ZwQueryValueKey(key, &name, class, buffer, bytes, length);
}

static NTSTATUS
ask_value_0(HANDLE key, int class, void *buffer, ULONG bytes, ULONG *length)
{
    return ZwEnumerateValueKey(key, 0, class, buffer, bytes, length);
}

static NTSTATUS
ask_key(HANDLE key, int class, void *buffer, ULONG bytes, ULONG *length)
{
    return ZwQueryKey(key, class, buffer, bytes, length);
}

static NTSTATUS
ask_key_0(HANDLE key, int class, void *buffer, ULONG bytes, ULONG *length)
{
    return ZwEnumerateKey(key, 0, class, buffer, bytes, length);
}

static HANDLE
with_one_value(ACCESS_MASK access)
{
    HANDLE key = base(access);
    cm_set_binary(box_self(), cm_key_open(box_self(), BASE), "name", "12345", 5);
    return key;
}

static void
value_classes(HANDLE key, ask_fn *ask)
{
    ULONG length;
    uint8_t buffer[128];
    rooms(key, ask, KeyValueBasicInformation, 12, 20);
    rooms(key, ask, KeyValueFullInformation, 20, 37); // name of 8 bytes, data at 32
    rooms(key, ask, KeyValuePartialInformation, 12, 17);
    ck_assert_int_eq(ask(key, 99, buffer, sizeof buffer, &length), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(ask(key, KeyValueFullInformation, buffer, sizeof buffer, &length), STATUS_SUCCESS);
    const KEY_VALUE_FULL_INFORMATION *full = (const void *)buffer;
    ck_assert_uint_eq(full->Type, REG_BINARY);
    ck_assert_uint_eq(full->NameLength, 8);
    ck_assert(!memcmp(full->Name, L"name", 8));
    ck_assert_uint_eq(full->DataLength, 5);
    ck_assert(!memcmp(buffer + full->DataOffset, "12345", 5));
}

NT_TEST(ZwQueryValueKey_fills_every_room_as_its_page_says_and_refuses)
{
    HANDLE key = with_one_value(KEY_READ), blind = base(KEY_NOTIFY);
    UNICODE_STRING none = us(L"none"), name = us(L"NAME");
    ULONG length;
    uint8_t buffer[64];
    value_classes(key, ask_value);
    ck_assert_int_eq(ZwQueryValueKey(key, &none, KeyValuePartialInformation, buffer, sizeof buffer, &length),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ZwQueryValueKey(blind, &name, KeyValuePartialInformation, buffer, sizeof buffer, &length), STATUS_ACCESS_DENIED);
    ZwClose(blind);
    ZwClose(key);
    ck_assert_int_eq(ZwQueryValueKey(key, &name, KeyValuePartialInformation, buffer, sizeof buffer, &length), STATUS_INVALID_HANDLE);
}

NT_TEST(ZwEnumerateValueKey_gives_values_by_number_fills_every_room_and_ends)
{
    HANDLE key = with_one_value(KEY_READ), blind = base(KEY_NOTIFY);
    ULONG length;
    uint8_t buffer[64];
    value_classes(key, ask_value_0);
    ck_assert_int_eq(ZwEnumerateValueKey(key, 1, KeyValueBasicInformation, buffer, sizeof buffer, &length), STATUS_NO_MORE_ENTRIES);
    ck_assert_int_eq(ZwEnumerateValueKey(blind, 0, KeyValueBasicInformation, buffer, sizeof buffer, &length), STATUS_ACCESS_DENIED);
    ZwClose(blind);
    ZwClose(key);
    ck_assert_int_eq(ZwEnumerateValueKey(key, 0, KeyValueBasicInformation, buffer, sizeof buffer, &length), STATUS_INVALID_HANDLE);
}

NT_TEST(ZwDeleteValueKey_takes_a_value_away_once_and_refuses)
{
    HANDLE key = with_one_value(KEY_ALL_ACCESS), reader = base(KEY_READ);
    UNICODE_STRING name = us(L"NAME");
    ck_assert_int_eq(ZwDeleteValueKey(reader, &name), STATUS_ACCESS_DENIED);
    refuse_next();
    ck_assert_int_eq(ZwDeleteValueKey(key, &name), STATUS_INSUFFICIENT_RESOURCES);
    refused_one();
    ck_assert_int_eq(ZwDeleteValueKey(key, &name), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDeleteValueKey(key, &name), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ZwDeleteValueKey(NULL, &name), STATUS_INVALID_HANDLE);
    ZwClose(reader);
    ZwClose(key);
}

NT_TEST(ZwQueryKey_counts_what_is_below_fills_every_room_and_refuses)
{
    HANDLE key = with_one_value(KEY_READ), blind = base(KEY_NOTIFY);
    ULONG length, path = sizeof BASE_W - sizeof(WCHAR);
    uint8_t buffer[256];
    cm_key_open(box_self(), BASE "\\A");
    cm_key_open(box_self(), BASE "\\Longer");
    rooms(key, ask_key, KeyBasicInformation, 16, 24); // "Test"
    rooms(key, ask_key, KeyNodeInformation, 24, 32);
    rooms(key, ask_key, KeyFullInformation, 44, 44);
    rooms(key, ask_key, KeyNameInformation, 4, 4 + path);
    ck_assert_int_eq(ZwQueryKey(key, 99, buffer, sizeof buffer, &length), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(ZwQueryKey(key, KeyFullInformation, buffer, sizeof buffer, &length), STATUS_SUCCESS);
    const KEY_FULL_INFORMATION *full = (const void *)buffer;
    ck_assert_uint_eq(full->SubKeys, 2);
    ck_assert_uint_eq(full->MaxNameLen, 12);
    ck_assert_uint_eq(full->Values, 1);
    ck_assert_uint_eq(full->MaxValueNameLen, 8);
    ck_assert_uint_eq(full->MaxValueDataLen, 5);
    ck_assert_int_eq(ZwQueryKey(blind, KeyFullInformation, buffer, sizeof buffer, &length), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(ZwQueryKey(blind, KeyNameInformation, buffer, sizeof buffer, &length), STATUS_SUCCESS);
    ck_assert(!memcmp(buffer + 4, L"\\REGISTRY", 0) && !memcmp(buffer + 4 + path - 8, L"Test", 8));
    ZwClose(blind);
    ZwClose(key);
    ck_assert_int_eq(ZwQueryKey(key, KeyFullInformation, buffer, sizeof buffer, &length), STATUS_INVALID_HANDLE);
}

NT_TEST(ZwEnumerateKey_gives_subkeys_by_number_fills_every_room_and_ends)
{
    ULONG length;
    uint8_t buffer[128];
    cm_set_dword(box_self(), cm_key_open(box_self(), BASE "\\Kid"), "v", 1);
    HANDLE key = base(KEY_READ), blind = base(KEY_NOTIFY);
    rooms(key, ask_key_0, KeyBasicInformation, 16, 22);
    rooms(key, ask_key_0, KeyNodeInformation, 24, 30);
    rooms(key, ask_key_0, KeyFullInformation, 44, 44);
    ck_assert_int_eq(ZwEnumerateKey(key, 0, KeyFullInformation, buffer, sizeof buffer, &length), STATUS_SUCCESS);
    ck_assert_uint_eq(((const KEY_FULL_INFORMATION *)buffer)->Values, 1);
    ck_assert_int_eq(ZwEnumerateKey(key, 0, 99, buffer, sizeof buffer, &length), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(ZwEnumerateKey(key, 1, KeyBasicInformation, buffer, sizeof buffer, &length), STATUS_NO_MORE_ENTRIES);
    ck_assert_int_eq(ZwEnumerateKey(blind, 0, KeyBasicInformation, buffer, sizeof buffer, &length), STATUS_ACCESS_DENIED);
    ZwClose(blind);
    ZwClose(key);
    ck_assert_int_eq(ZwEnumerateKey(key, 0, KeyBasicInformation, buffer, sizeof buffer, &length), STATUS_INVALID_HANDLE);
}

// ---- paths ----------------------------------------------------------------------------------------------------------------------------

NT_TEST(RtlCheckRegistryKey_finds_a_key_below_each_root)
{
    HANDLE key = base(KEY_READ);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_ABSOLUTE, (PWSTR)BASE_W), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L""), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_CONTROL, (PWSTR)L"Class"), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_WINDOWS_NT, (PWSTR)L""), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_DEVICEMAP, (PWSTR)L""), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_HANDLE, (PWSTR)key), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L"none"), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_ABSOLUTE, (PWSTR)L"\\RegistryMachine"), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_ABSOLUTE, (PWSTR)L"Machine"), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(RtlCheckRegistryKey(77, (PWSTR)L""), STATUS_INVALID_PARAMETER);
    ZwClose(key);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_HANDLE, (PWSTR)key), STATUS_INVALID_HANDLE);
}

NT_TEST(RtlCreateRegistryKey_makes_a_key_that_may_be_there_already)
{
    ck_assert_int_eq(RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L"mine"), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L"mine"), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L"mine"), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCreateRegistryKey(77, (PWSTR)L"mine"), STATUS_INVALID_PARAMETER);
}

NT_TEST(RtlDeleteRegistryValue_takes_a_value_away_and_leaves_the_handle_open)
{
    HANDLE key = with_one_value(KEY_ALL_ACCESS);
    UNICODE_STRING name = us(L"name");
    ck_assert_int_eq(RtlDeleteRegistryValue(RTL_REGISTRY_HANDLE, (PCWSTR)key, L"none"), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(RtlDeleteRegistryValue(RTL_REGISTRY_HANDLE, (PCWSTR)key, L"name"), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDeleteValueKey(key, &name), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(RtlDeleteRegistryValue(RTL_REGISTRY_ABSOLUTE, BASE_W L"\\None", L"name"), STATUS_OBJECT_NAME_NOT_FOUND);
    ZwClose(key);
}

NT_TEST(RtlWriteRegistryValue_writes_below_each_root_and_refuses)
{
    HANDLE key = base(KEY_ALL_ACCESS);
    ULONG number = 5, length;
    uint8_t buffer[64];
    UNICODE_STRING name = us(L"n");
    ck_assert_int_eq(RtlWriteRegistryValue(RTL_REGISTRY_HANDLE, (PCWSTR)key, L"n", REG_DWORD, &number, 4), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQueryValueKey(key, &name, KeyValuePartialInformation, buffer, sizeof buffer, &length), STATUS_SUCCESS);
    ck_assert_int_eq(RtlWriteRegistryValue(RTL_REGISTRY_SERVICES, L"made\\on\\the\\way", L"n", REG_DWORD, &number, 4), STATUS_SUCCESS);
    ck_assert_int_eq(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L"made\\on\\the\\way"), STATUS_SUCCESS);
    ck_assert_int_eq(RtlWriteRegistryValue(77, L"x", L"n", REG_DWORD, &number, 4), STATUS_INVALID_PARAMETER);
    ZwClose(key);
    ck_assert_int_eq(RtlWriteRegistryValue(RTL_REGISTRY_HANDLE, (PCWSTR)key, L"n", REG_DWORD, &number, 4), STATUS_INVALID_HANDLE);
}

static void
leave_a_key_open(void *arg)
{
    HANDLE key;
    UNICODE_STRING name = us(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services");
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, NULL);
    ck_assert_int_eq(ZwOpenKey(&key, KEY_READ, &attributes), STATUS_SUCCESS);
}

TEST(ZwOpenKey_of_a_handle_that_is_never_closed_is_left_behind_and_said)
{
    const char *error;
    struct sim_config config = {.seed = 1};
    struct sched *sched = sim_create(&config, &error);
    ck_assert_ptr_nonnull(sched);
    struct box *box = box_create(sched, &(struct box_config){.name = "box", .processors = 1, .seed = 1});
    ck_assert_ptr_nonnull(box);
    ck_assert_int_eq(box_run(box, leave_a_key_open, NULL), 0);
    ck_assert_uint_eq(box_destroy(box), 1);
    sched_destroy(sched);
}

// ---- RtlQueryRegistryValues -------------------------------------------------------------------------------------------------------------

struct told {
    unsigned calls;
    ULONG type, bytes;
    WCHAR name[16], text[32];
    NTSTATUS answer;
    void *context;
};

static RTL_QUERY_REGISTRY_ROUTINE tell;
static NTSTATUS NTAPI
tell(PWSTR name, ULONG type, PVOID data, ULONG bytes, PVOID context, PVOID entry_context)
{
    struct told *told = entry_context;
    told->calls++;
    told->type = type;
    told->bytes = bytes;
    told->context = context;
    memset(told->text, 0, sizeof told->text);
    if (data)
        memcpy(told->text, data, bytes < sizeof told->text ? bytes : sizeof told->text);
    for (size_t i = 0; name && i < 15; i++)
        if (!(told->name[i] = name[i]))
            break;
    return told->answer;
}

static NTSTATUS
query_one(RTL_QUERY_REGISTRY_TABLE entry, PVOID environment)
{
    RTL_QUERY_REGISTRY_TABLE table[] = {entry, {0}};
    return RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, BASE_W, table, (void *)7, environment);
}

static struct cm_key *
query_base(void)
{
    struct cm_key *key = cm_key_open(box_self(), BASE);
    ck_assert_ptr_nonnull(key);
    cm_set_expand_sz(box_self(), key, "Path", "%Root%\\x%None%%");
    cm_set_dword(box_self(), key, "Number", 3);
    return key;
}

NT_TEST(RtlQueryRegistryValues_expands_what_the_callers_environment_has)
{
    static WCHAR environment[] = L"A=b\0ROOT=C:\\Windows\0";
    struct told told = {0};
    UNICODE_STRING direct = {0};
    query_base();
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){tell, 0, L"Path", &told}, environment), STATUS_SUCCESS);
    ck_assert_uint_eq(told.type, REG_SZ);
    ck_assert_mem_eq(told.text, L"C:\\Windows\\x%None%%", told.bytes);
    ck_assert_uint_eq(told.bytes, sizeof L"C:\\Windows\\x%None%%");
    ck_assert_ptr_eq(told.context, (void *)7);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){tell, 0, L"Path", &told}, NULL), STATUS_SUCCESS);
    ck_assert_mem_eq(told.text, L"%Root%\\x%None%%", told.bytes);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){tell, RTL_QUERY_REGISTRY_NOEXPAND, L"Path", &told}, environment),
                     STATUS_SUCCESS);
    ck_assert_uint_eq(told.type, REG_EXPAND_SZ);
    ck_assert_mem_eq(told.text, L"%Root%\\x%None%%", told.bytes);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){NULL, RTL_QUERY_REGISTRY_DIRECT, L"Path", &direct}, environment),
                     STATUS_SUCCESS);
    ck_assert_mem_eq(direct.Buffer, L"C:\\Windows\\x%None%%", direct.Length);
    ExFreePool(direct.Buffer);
}

NT_TEST(RtlQueryRegistryValues_asks_for_what_is_required_and_takes_defaults_for_the_rest)
{
    struct told told = {0};
    WCHAR text[] = L"dflt";
    const ULONG required = RTL_QUERY_REGISTRY_REQUIRED;
    struct cm_key *key = query_base();
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){tell, required, L"None", &told}, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){tell, 0, L"None", &told}, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(told.calls, 0);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){tell, 0, L"None", &told, REG_SZ, text, 0}, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(told.calls, 1);
    ck_assert_uint_eq(told.bytes, sizeof text); // counted for the caller
    ck_assert_mem_eq(told.text, text, sizeof text);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){NULL, RTL_QUERY_REGISTRY_SUBKEY, L"None"}, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){NULL, RTL_QUERY_REGISTRY_SUBKEY | required, L"None"}, NULL),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    cm_key_open_under(box_self(), key, "Empty");
    RTL_QUERY_REGISTRY_TABLE table[] = {{tell, required, NULL, &told}, {0}};
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, BASE_W L"\\Empty", table, NULL, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, BASE_W L"\\None", table, NULL, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    table[0].Flags = 0;
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, BASE_W L"\\Empty", table, NULL, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(told.calls, 1);
}

NT_TEST(RtlQueryRegistryValues_refuses_entries_that_cannot_be_meant)
{
    struct told told = {0};
    ULONG number = 0;
    const ULONG direct = RTL_QUERY_REGISTRY_DIRECT;
    query_base();
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){NULL, 0, L"Number"}, NULL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){NULL, direct, NULL, &number}, NULL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){tell, direct, L"Number", &number}, NULL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){tell, RTL_QUERY_REGISTRY_SUBKEY, NULL, &told}, NULL),
                     STATUS_INVALID_PARAMETER);
    RTL_QUERY_REGISTRY_TABLE checked = {NULL, direct | RTL_QUERY_REGISTRY_TYPECHECK, L"Number", &number,
                                        (ULONG)REG_SZ << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT};
    ck_assert_int_eq(query_one(checked, NULL), STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_uint_eq(number, 0);
    checked.DefaultType = (ULONG)REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT;
    ck_assert_int_eq(query_one(checked, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(number, 3);
    WCHAR small[3];
    UNICODE_STRING text = {.MaximumLength = sizeof small, .Buffer = small};
    ck_assert_int_eq(query_one((RTL_QUERY_REGISTRY_TABLE){NULL, direct, L"Path", &text}, NULL), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(told.calls, 0);
}

NT_TEST(RtlQueryRegistryValues_ends_with_the_routines_error_but_for_BUFFER_TOO_SMALL_and_deletes_what_it_asked)
{
    struct told one = {.answer = STATUS_UNSUCCESSFUL}, two = {0};
    RTL_QUERY_REGISTRY_TABLE table[] = {{tell, RTL_QUERY_REGISTRY_DELETE, L"Number", &one}, {tell, 0, L"Path", &two}, {0}};
    uint32_t number;
    struct cm_key *key = query_base();
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, BASE_W, table, NULL, NULL), STATUS_UNSUCCESSFUL);
    ck_assert_uint_eq(two.calls, 0);
    ck_assert_int_eq(cm_get_dword(box_self(), key, "Number", &number), STATUS_SUCCESS); // an error keeps it
    one.answer = STATUS_BUFFER_TOO_SMALL;
    ck_assert_int_eq(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, BASE_W, table, NULL, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(two.calls, 1);
    ck_assert_int_eq(cm_get_dword(box_self(), key, "Number", &number), STATUS_OBJECT_NAME_NOT_FOUND);
}
