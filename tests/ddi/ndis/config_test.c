// SPDX-License-Identifier: MIT
// Configuration handles: which key each NDIS handle stands for, values read in the type they have, written and read back, subkeys by
// name and by number, the network address, and every refusal of their pages.
#include <stdlib.h>
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nbx/fault.h"
#include "nt/cm/cm.h"
#include "nt/ke/ke.h"

#define NIC CLASS "\\nic0"
#define CLASS "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class\\{4D36E972-E325-11CE-BFC1-08002BE10318}"

static struct cm_key *
key_at(const char *path)
{
    struct cm_key *key = cm_key_open(box_self(), path);
    ck_assert_ptr_nonnull(key);
    return key;
}

static NDIS_CONFIGURATION_OBJECT
object_of(NDIS_HANDLE handle)
{
    return (NDIS_CONFIGURATION_OBJECT){.Header = {NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                  NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
                                       .NdisHandle = handle};
}

static NDIS_HANDLE
open_at(NDIS_HANDLE handle)
{
    NDIS_CONFIGURATION_OBJECT object = object_of(handle);
    NDIS_HANDLE configuration = NULL;
    ck_assert_int_eq(NdisOpenConfigurationEx(&object, &configuration), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_nonnull(configuration);
    return configuration;
}

// The value of a keyword, or NULL; *status says why.
static NDIS_CONFIGURATION_PARAMETER *
read_as(NDIS_HANDLE configuration, const WCHAR *keyword, NDIS_PARAMETER_TYPE type, NDIS_STATUS *status)
{
    NDIS_CONFIGURATION_PARAMETER *value = (void *)1;
    NDIS_STRING name;
    NdisInitUnicodeString(&name, (PWSTR)keyword);
    NdisReadConfiguration(status, &value, configuration, &name, type);
    return value;
}

static void
integer_is(NDIS_HANDLE configuration, const WCHAR *keyword, NDIS_PARAMETER_TYPE want, NDIS_PARAMETER_TYPE got, ULONG number)
{
    NDIS_STATUS status;
    NDIS_CONFIGURATION_PARAMETER *value = read_as(configuration, keyword, want, &status);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(value->ParameterType, got);
    ck_assert_uint_eq(value->ParameterData.IntegerData, number);
}

static void
is_failure(NDIS_HANDLE configuration, const WCHAR *keyword, NDIS_PARAMETER_TYPE want)
{
    NDIS_STATUS status;
    ck_assert_ptr_null(read_as(configuration, keyword, want, &status));
    ck_assert_int_eq(status, NDIS_STATUS_FAILURE);
}

static void
text_is(NDIS_HANDLE configuration, const WCHAR *keyword, NDIS_PARAMETER_TYPE want, NDIS_PARAMETER_TYPE got, const WCHAR *text,
        USHORT bytes)
{
    NDIS_STATUS status;
    NDIS_CONFIGURATION_PARAMETER *value = read_as(configuration, keyword, want, &status);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(value->ParameterType, got);
    ck_assert_uint_eq(value->ParameterData.StringData.Length, bytes);
    ck_assert_uint_ge(value->ParameterData.StringData.MaximumLength, bytes);
    ck_assert(!memcmp(value->ParameterData.StringData.Buffer, text, bytes));
}

static void
arm(uint64_t number)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

static void
disarm(void)
{
    struct nbx_fault_report report;
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
}

// ---- open ---------------------------------------------------------------------------------------------------------------------------

// Each handle's key gets a mark of its own beforehand; the handle must find it.
static void
mark_is(NDIS_HANDLE handle, ULONG mark)
{
    NDIS_HANDLE configuration = open_at(handle);
    integer_is(configuration, L"Mark", NdisParameterInteger, NdisParameterInteger, mark);
    NdisCloseConfiguration(configuration);
}

static void
handles_stand_for_keys(void)
{
    static const char *const paths[] = {NIC, CM_SERVICES "\\mp\\Parameters", CM_SERVICES "\\lwf\\Parameters\\Adapters\\nic0",
                                        CM_SERVICES "\\proto0\\Parameters\\Adapters\\nic0"};
    for (uint32_t i = 0; i < 4; i++)
        cm_set_dword(box_self(), key_at(paths[i]), "Mark", i);
    kit_start(true, 1);
    mark_is(kit.mp.adapter, 0);
    mark_is(kit.mp_driver, 1);
    mark_is(kit.filter, 2);
    mark_is(kit.binding[0].handle, 3);
}

TEST(NdisOpenConfigurationEx_opens_the_key_of_the_adapter_the_driver_the_module_or_the_binding)
{
    kit_run(SIM_CALM, handles_stand_for_keys);
}

static NDIS_STATUS
open_status(NDIS_CONFIGURATION_OBJECT object)
{
    NDIS_HANDLE configuration = (void *)1;
    NDIS_STATUS status = NdisOpenConfigurationEx(&object, &configuration);
    if (status == NDIS_STATUS_SUCCESS)
        NdisCloseConfiguration(configuration);
    else
        ck_assert_ptr_null(configuration);
    return status;
}

static void
open_refuses(void)
{
    kit_start(true, 1);
    NDIS_CONFIGURATION_OBJECT good = object_of(kit.filter), bad = good;
    good.Flags = NDIS_CONFIG_FLAG_FILTER_INSTANCE_CONFIGURATION;
    ck_assert_int_eq(open_status(good), NDIS_STATUS_SUCCESS);
    bad.Flags = 2;
    ck_assert_int_eq(open_status(bad), NDIS_STATUS_FAILURE);
    bad = object_of(kit.mp.adapter);
    bad.Flags = NDIS_CONFIG_FLAG_FILTER_INSTANCE_CONFIGURATION; // for filters
    ck_assert_int_eq(open_status(bad), NDIS_STATUS_FAILURE);
    bad = object_of(kit.mp.adapter);
    bad.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    ck_assert_int_eq(open_status(bad), NDIS_STATUS_FAILURE);
    bad = object_of(kit.mp.adapter);
    bad.Header.Size--;
    ck_assert_int_eq(open_status(bad), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(open_status(object_of(NULL)), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(open_status(object_of(&(uint64_t[4]){0})), NDIS_STATUS_FAILURE);
    arm(1);
    ck_assert_int_eq(open_status(object_of(kit.mp.adapter)), NDIS_STATUS_RESOURCES);
    disarm();
    ck_assert_int_eq(open_status(object_of(kit.mp.adapter)), NDIS_STATUS_SUCCESS);
}

TEST(NdisOpenConfigurationEx_refuses_objects_and_handles_that_are_none_and_says_when_memory_is_short)
{
    kit_run(SIM_CALM, open_refuses);
}

static bool bind_saw_its_key;

static void
bind_parameters_stand_for_the_binding(void)
{
    WCHAR path[] = L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\proto0\\Parameters\\Adapters\\nic0";
    NDIS_STRING section = {sizeof path - sizeof(WCHAR), sizeof path, path};
    NDIS_BIND_PARAMETERS parameters = {
        .Header = {NDIS_OBJECT_TYPE_BIND_PARAMETERS, NDIS_BIND_PARAMETERS_REVISION_1, NDIS_SIZEOF_BIND_PARAMETERS_REVISION_1},
        .ProtocolSection = &section};
    cm_set_dword(box_self(), key_at(CM_SERVICES "\\proto0\\Parameters\\Adapters\\nic0"), "Mark", 9);
    mark_is(&parameters, 9);
    bind_saw_its_key = true;
}

TEST(NdisOpenConfigurationEx_takes_NDIS_BIND_PARAMETERS_for_the_binding_that_is_to_be)
{
    kit_run(SIM_CALM, bind_parameters_stand_for_the_binding);
    ck_assert(bind_saw_its_key);
}

// ---- read -----------------------------------------------------------------------------------------------------------------------------

static void
values_come_in_their_type(void)
{
    static const WCHAR list[] = L"one\0two\0";
    static const uint8_t bytes[] = {1, 2, 3};
    struct cm_key *key = key_at(NIC);
    cm_set_dword(box_self(), key, "Dword", 0xfffffffe);
    cm_set_sz(box_self(), key, "Text", "100");
    cm_set_sz(box_self(), key, "Hex", "0x1F");
    cm_set_sz(box_self(), key, "Word", "fast");
    cm_set_sz(box_self(), key, "Empty", "");
    cm_set_expand_sz(box_self(), key, "Expand", "%a%");
    cm_set_multi_sz(box_self(), key, "List", (const char *const[]){"one", "two"}, 2);
    cm_set_binary(box_self(), key, "Bytes", bytes, sizeof bytes);
    cm_set_qword(box_self(), key, "Qword", 5);
    kit_start(false, 0);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    for (int want = NdisParameterString; want <= NdisParameterBinary; want++) {
        integer_is(configuration, L"DWORD", want, NdisParameterInteger, 0xfffffffe);
        text_is(configuration, L"Text", want, NdisParameterString, L"100", 6);
    }
    integer_is(configuration, L"Dword", NdisParameterHexInteger, NdisParameterHexInteger, 0xfffffffe);
    integer_is(configuration, L"Text", NdisParameterInteger, NdisParameterInteger, 100);
    integer_is(configuration, L"Text", NdisParameterHexInteger, NdisParameterHexInteger, 256);
    integer_is(configuration, L"Hex", NdisParameterInteger, NdisParameterInteger, 31);
    text_is(configuration, L"Word", NdisParameterString, NdisParameterString, L"fast", 8);
    text_is(configuration, L"Empty", NdisParameterString, NdisParameterString, L"", 0);
    text_is(configuration, L"Expand", NdisParameterString, NdisParameterString, L"%a%", 6);
    for (int want = NdisParameterInteger; want <= NdisParameterBinary; want++) {
        text_is(configuration, L"List", want, NdisParameterMultiString, list, sizeof list);
        NDIS_STATUS status;
        NDIS_CONFIGURATION_PARAMETER *value = read_as(configuration, L"Bytes", want, &status);
        ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(value->ParameterType, NdisParameterBinary);
        ck_assert_uint_eq(value->ParameterData.BinaryData.Length, 3);
        ck_assert(!memcmp(value->ParameterData.BinaryData.Buffer, bytes, 3));
        is_failure(configuration, L"Qword", want);
        is_failure(configuration, L"Nothing", want);
    }
    is_failure(configuration, L"Word", NdisParameterInteger);
    is_failure(configuration, L"Empty", NdisParameterInteger);
    NdisCloseConfiguration(configuration);
}

TEST(NdisReadConfiguration_gives_a_value_in_the_type_it_has_and_makes_text_a_number_for_who_asks)
{
    kit_run(SIM_CALM, values_come_in_their_type);
}

static void
numbers_in_text(void)
{
    static const struct {
        const char *text;
        ULONG number;
        bool is_good;
    } cases[] = {{"0", 0, true},
                 {"4294967295", 0xffffffff, true},
                 {"4294967296", 0, false},
                 {"-1", 0, false},
                 {"0xffffffff", ~0u, true},
                 {"0x100000000", 0, false},
                 {"99999999999999999999", 0, false},
                 {"12a", 0, false},
                 {"0x", 0, false},
                 {" 1", 0, false}};
    struct cm_key *key = key_at(NIC);
    kit_start(false, 0);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cm_set_sz(box_self(), key, "N", cases[i].text);
        if (cases[i].is_good)
            integer_is(configuration, L"N", NdisParameterInteger, NdisParameterInteger, cases[i].number);
        else
            is_failure(configuration, L"N", NdisParameterInteger);
    }
    NdisCloseConfiguration(configuration);
}

TEST(NdisReadConfiguration_takes_numbers_of_32_bits_and_refuses_what_is_none)
{
    kit_run(SIM_CALM, numbers_in_text);
}

static void
odd_values(void)
{
    static uint8_t much[0x10002];
    static const WCHAR unended[] = {'a', 'b'};
    UNICODE_STRING name;
    struct cm_key *key = key_at(NIC);
    cm_set_binary(box_self(), key, "Most", much, 0xffff);
    cm_set_binary(box_self(), key, "More", much, 0x10000);
    ck_assert_int_eq(ob_string_from("Unended", &name), STATUS_SUCCESS);
    cm_set(box_self(), key, &name, REG_SZ, unended, sizeof unended);
    ob_string_free(&name);
    ck_assert_int_eq(ob_string_from("Short", &name), STATUS_SUCCESS);
    cm_set(box_self(), key, &name, REG_DWORD, much, 3);
    ob_string_free(&name);
    kit_start(false, 0);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    NDIS_STATUS status;
    ck_assert_uint_eq(read_as(configuration, L"Most", NdisParameterBinary, &status)->ParameterData.BinaryData.Length, 0xffff);
    is_failure(configuration, L"More", NdisParameterBinary);
    text_is(configuration, L"Unended", NdisParameterString, NdisParameterString, L"ab", 4);
    is_failure(configuration, L"Short", NdisParameterInteger);
    NdisCloseConfiguration(configuration);
}

TEST(NdisReadConfiguration_counts_what_is_there_and_refuses_what_a_counted_string_cannot_hold)
{
    kit_run(SIM_CALM, odd_values);
}

static void
predefined(void)
{
    kit_start(true, 0);
    NDIS_HANDLE handles[] = {open_at(kit.mp.adapter), open_at(kit.filter)};
    for (int i = 0; i < 2; i++) {
        integer_is(handles[i], L"NdisVersion", NdisParameterInteger, NdisParameterInteger, NdisGetVersion());
        integer_is(handles[i], L"ProcessorType", NdisParameterInteger, NdisParameterInteger, NdisProcessorAmd64);
        NdisCloseConfiguration(handles[i]);
    }
}

TEST(NdisReadConfiguration_knows_ProcessorType_and_NdisVersion_in_every_key)
{
    kit_run(SIM_CALM, predefined);
}

static void
read_without_memory(void)
{
    NDIS_STATUS status;
    cm_set_dword(box_self(), key_at(NIC), "Dword", 1);
    kit_start(false, 0);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    arm(1);
    ck_assert_ptr_null(read_as(configuration, L"Dword", NdisParameterInteger, &status));
    ck_assert_int_eq(status, NDIS_STATUS_RESOURCES);
    disarm();
    integer_is(configuration, L"Dword", NdisParameterInteger, NdisParameterInteger, 1);
    NdisCloseConfiguration(configuration);
}

TEST(NdisReadConfiguration_says_when_memory_is_short)
{
    kit_run(SIM_CALM, read_without_memory);
}

// ---- write ----------------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
write_value(NDIS_HANDLE configuration, const WCHAR *keyword, NDIS_CONFIGURATION_PARAMETER value)
{
    NDIS_STATUS status = NDIS_STATUS_PENDING;
    NDIS_STRING name;
    NdisInitUnicodeString(&name, (PWSTR)keyword);
    NdisWriteConfiguration(&status, configuration, &name, &value);
    return status;
}

static ULONG
type_in_registry(const char *name)
{
    UNICODE_STRING string;
    ULONG type = ~0u, bytes;
    void *data;
    ck_assert_int_eq(ob_string_from(name, &string), STATUS_SUCCESS);
    ck_assert_int_eq(cm_get(box_self(), key_at(NIC), &string, &type, &data, &bytes), STATUS_SUCCESS);
    ob_string_free(&string);
    free(data);
    return type;
}

static void
written_is_read(void)
{
    WCHAR text[] = L"hello", list[] = L"a\0b\0";
    uint8_t bytes[] = {9, 8};
    kit_start(false, 0);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    NDIS_CONFIGURATION_PARAMETER value = {.ParameterType = NdisParameterInteger, .ParameterData.IntegerData = 77};
    ck_assert_int_eq(write_value(configuration, L"A", value), NDIS_STATUS_SUCCESS);
    integer_is(configuration, L"A", NdisParameterInteger, NdisParameterInteger, 77);
    value = (NDIS_CONFIGURATION_PARAMETER){.ParameterType = NdisParameterHexInteger, .ParameterData.IntegerData = 78};
    ck_assert_int_eq(write_value(configuration, L"A", value), NDIS_STATUS_SUCCESS); // replaced
    integer_is(configuration, L"A", NdisParameterInteger, NdisParameterInteger, 78);
    ck_assert_uint_eq(type_in_registry("A"), REG_DWORD);
    value = (NDIS_CONFIGURATION_PARAMETER){.ParameterType = NdisParameterString, .ParameterData.StringData = {10, 12, text}};
    ck_assert_int_eq(write_value(configuration, L"B", value), NDIS_STATUS_SUCCESS);
    text_is(configuration, L"B", NdisParameterString, NdisParameterString, L"hello", 10);
    ck_assert_uint_eq(type_in_registry("B"), REG_SZ);
    value.ParameterData.StringData.Length = 12; // with its end counted
    ck_assert_int_eq(write_value(configuration, L"B", value), NDIS_STATUS_SUCCESS);
    text_is(configuration, L"B", NdisParameterString, NdisParameterString, L"hello", 10);
    value.ParameterData.StringData.Length = 0;
    ck_assert_int_eq(write_value(configuration, L"B", value), NDIS_STATUS_SUCCESS);
    text_is(configuration, L"B", NdisParameterString, NdisParameterString, L"", 0);
    value = (NDIS_CONFIGURATION_PARAMETER){.ParameterType = NdisParameterMultiString,
                                           .ParameterData.StringData = {sizeof list, sizeof list, list}};
    ck_assert_int_eq(write_value(configuration, L"C", value), NDIS_STATUS_SUCCESS);
    text_is(configuration, L"C", NdisParameterMultiString, NdisParameterMultiString, list, sizeof list);
    value = (NDIS_CONFIGURATION_PARAMETER){.ParameterType = NdisParameterBinary, .ParameterData.BinaryData = {2, bytes}};
    ck_assert_int_eq(write_value(configuration, L"D", value), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(type_in_registry("D"), REG_BINARY);
    NdisCloseConfiguration(configuration);
}

TEST(NdisWriteConfiguration_writes_each_type_replaces_what_was_there_and_adds_what_was_not)
{
    kit_run(SIM_CALM, written_is_read);
}

static void
write_refuses(void)
{
    NDIS_CONFIGURATION_PARAMETER value = {.ParameterType = NdisParameterBinary + 1};
    kit_start(false, 0);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    ck_assert_int_eq(write_value(configuration, L"A", value), NDIS_STATUS_NOT_SUPPORTED);
    value.ParameterType = (NDIS_PARAMETER_TYPE)-1;
    ck_assert_int_eq(write_value(configuration, L"A", value), NDIS_STATUS_NOT_SUPPORTED);
    is_failure(configuration, L"A", NdisParameterInteger);
    value = (NDIS_CONFIGURATION_PARAMETER){.ParameterType = NdisParameterInteger, .ParameterData.IntegerData = 1};
    arm(1);
    ck_assert_int_eq(write_value(configuration, L"A", value), NDIS_STATUS_RESOURCES);
    disarm();
    is_failure(configuration, L"A", NdisParameterInteger);
    ck_assert_int_eq(write_value(configuration, L"A", value), NDIS_STATUS_SUCCESS);
    // The key goes from under the handle: nothing can be written or read any more.
    ck_assert_int_eq(cm_key_delete(box_self(), key_at(NIC)), STATUS_SUCCESS);
    ck_assert_int_eq(write_value(configuration, L"A", value), NDIS_STATUS_FAILURE);
    is_failure(configuration, L"A", NdisParameterInteger);
    NdisCloseConfiguration(configuration);
}

TEST(NdisWriteConfiguration_refuses_types_that_are_none_a_key_that_is_gone_and_says_when_memory_is_short)
{
    kit_run(SIM_CALM, write_refuses);
}

// ---- subkeys --------------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
open_named(NDIS_HANDLE configuration, const WCHAR *name, NDIS_HANDLE *subkey)
{
    NDIS_STATUS status = NDIS_STATUS_PENDING;
    NDIS_STRING string;
    NdisInitUnicodeString(&string, (PWSTR)name);
    *subkey = (void *)1;
    NdisOpenConfigurationKeyByName(&status, configuration, &string, subkey);
    return status;
}

static void
subkeys_by_name(void)
{
    NDIS_HANDLE subkey, below;
    cm_set_dword(box_self(), key_at(NIC "\\Ports\\First"), "N", 1);
    kit_start(false, 0);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    ck_assert_int_eq(open_named(configuration, L"ports", &subkey), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(open_named(subkey, L"First", &below), NDIS_STATUS_SUCCESS);
    integer_is(below, L"N", NdisParameterInteger, NdisParameterInteger, 1);
    NdisCloseConfiguration(subkey);
    integer_is(below, L"N", NdisParameterInteger, NdisParameterInteger, 1); // a handle of its own
    NdisCloseConfiguration(below);
    ck_assert_int_eq(open_named(configuration, L"Second", &subkey), NDIS_STATUS_FAILURE);
    ck_assert_ptr_null(subkey);
    ck_assert_int_eq(open_named(configuration, L"", &subkey), NDIS_STATUS_FAILURE);
    arm(1);
    ck_assert_int_eq(open_named(configuration, L"Ports", &subkey), NDIS_STATUS_FAILURE);
    disarm();
    NdisCloseConfiguration(configuration);
}

TEST(NdisOpenConfigurationKeyByName_opens_a_subkey_that_is_there_and_makes_none)
{
    kit_run(SIM_CALM, subkeys_by_name);
}

static NDIS_STATUS
open_numbered(NDIS_HANDLE configuration, ULONG index, NDIS_STRING *name, NDIS_HANDLE *subkey)
{
    NDIS_STATUS status = NDIS_STATUS_PENDING;
    *subkey = (void *)1;
    NdisOpenConfigurationKeyByIndex(&status, configuration, index, name, subkey);
    return status;
}

static void
subkeys_by_number(void)
{
    static const char *const names[] = {"Uno", "Due"};
    WCHAR buffer[8];
    NDIS_STRING name = {0, sizeof buffer, buffer};
    NDIS_HANDLE subkey;
    for (uint32_t i = 0; i < 2; i++)
        cm_set_dword(box_self(), cm_key_open_under(box_self(), key_at(NIC), names[i]), "N", i);
    kit_start(false, 0);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_int_eq(open_numbered(configuration, i, &name, &subkey), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(name.Length, 6);
        ck_assert_int_eq(buffer[0], names[i][0]);
        integer_is(subkey, L"N", NdisParameterInteger, NdisParameterInteger, i);
        NdisCloseConfiguration(subkey);
    }
    ck_assert_int_eq(open_numbered(configuration, 2, &name, &subkey), NDIS_STATUS_FAILURE);
    ck_assert_ptr_null(subkey);
    name.MaximumLength = 5;
    ck_assert_int_eq(open_numbered(configuration, 0, &name, &subkey), NDIS_STATUS_FAILURE); // no room for "Uno"
    name.MaximumLength = 6;
    arm(1);
    ck_assert_int_eq(open_numbered(configuration, 0, &name, &subkey), NDIS_STATUS_FAILURE);
    disarm();
    ck_assert_int_eq(open_numbered(configuration, 0, &name, &subkey), NDIS_STATUS_SUCCESS);
    NdisCloseConfiguration(subkey);
    NdisCloseConfiguration(configuration);
}

TEST(NdisOpenConfigurationKeyByIndex_counts_from_0_names_the_subkey_and_ends_with_FAILURE)
{
    kit_run(SIM_CALM, subkeys_by_number);
}

// ---- the network address --------------------------------------------------------------------------------------------------------------

static void
address_of(const char *text, const uint8_t *bytes, UINT count)
{
    NDIS_STATUS status = NDIS_STATUS_PENDING;
    PVOID address = NULL;
    UINT length = 0;
    cm_set_sz(box_self(), key_at(NIC), "NetworkAddress", text);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    NdisReadNetworkAddress(&status, &address, &length, configuration);
    ck_assert_msg(status == (bytes ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE), "%s", text);
    if (bytes) {
        ck_assert_uint_eq(length, count);
        ck_assert(!memcmp(address, bytes, count));
    }
    NdisCloseConfiguration(configuration);
}

static void
addresses(void)
{
    static const uint8_t plain[] = {0x02, 0x00, 0x5e, 0xaa, 0xBB, 0x0f};
    NDIS_STATUS status;
    PVOID address;
    UINT length;
    kit_start(false, 0);
    NDIS_HANDLE configuration = open_at(kit.mp.adapter);
    NdisReadNetworkAddress(&status, &address, &length, configuration);
    ck_assert_int_eq(status, NDIS_STATUS_FAILURE); // not there
    cm_set_dword(box_self(), key_at(NIC), "NetworkAddress", 0x02005eaa);
    NdisReadNetworkAddress(&status, &address, &length, configuration);
    ck_assert_int_eq(status, NDIS_STATUS_FAILURE); // no string
    NdisCloseConfiguration(configuration);
    address_of("02005EAABB0F", plain, 6);
    address_of("02-00-5e-aa-bb-0f", plain, 6);
    address_of("0200", plain, 2); // its length is the driver's matter
    address_of("02005EAABB0", NULL, 0);
    address_of("02:00:5e:aa:bb:0f", NULL, 0);
    address_of("", NULL, 0);
    address_of("-", NULL, 0);
    address_of("020000000000000000000000000000000000000000000000000000000000000000000000", NULL, 0);
}

TEST(NdisReadNetworkAddress_makes_bytes_of_pairs_of_digits_and_refuses_what_is_no_such_string)
{
    kit_run(SIM_CALM, addresses);
}

// ---- close ----------------------------------------------------------------------------------------------------------------------------

static void
closed_handle(void)
{
    NDIS_STATUS status;
    static uint64_t never_a_handle[8];
    kit_start(false, 0);
    NdisCloseConfiguration(open_at(kit.mp.adapter));
    read_as(never_a_handle, L"A", NdisParameterInteger, &status);
}

static void
run_closed_handle(void)
{
    kit_run(SIM_CALM, closed_handle);
}

TEST(NdisReadConfiguration_of_a_handle_that_is_none_is_reported)
{
    harness_reported("NdisReadConfiguration", run_closed_handle);
}

static void
close_none(void)
{
    static uint64_t never_a_handle[8];
    NdisCloseConfiguration(never_a_handle);
}

static void
run_close_none(void)
{
    kit_run(SIM_CALM, close_none);
}

TEST(NdisCloseConfiguration_of_a_handle_that_is_none_is_reported)
{
    harness_reported("NdisCloseConfiguration", run_close_none);
}

// Values stay good until the handle they were read through is closed, and go with it: the sanitizer's leak check is the other half.
static void
values_live_as_long_as_the_handle(void)
{
    NDIS_STATUS status;
    struct cm_key *key = key_at(NIC);
    cm_set_sz(box_self(), key, "Text", "first");
    kit_start(false, 0);
    NDIS_HANDLE one = open_at(kit.mp.adapter), two = open_at(kit.mp.adapter);
    NDIS_CONFIGURATION_PARAMETER *value = read_as(one, L"Text", NdisParameterString, &status);
    cm_set_sz(box_self(), key, "Text", "second");
    NDIS_CONFIGURATION_PARAMETER *later = read_as(one, L"Text", NdisParameterString, &status);
    NdisCloseConfiguration(two);
    ck_assert_ptr_ne(value, later);
    ck_assert_int_eq(value->ParameterData.StringData.Buffer[0], 'f');
    ck_assert_int_eq(later->ParameterData.StringData.Buffer[0], 's');
    NdisCloseConfiguration(one);
}

TEST(NdisCloseConfiguration_frees_the_values_of_its_handle_and_of_no_other)
{
    kit_run(SIM_CALM, values_live_as_long_as_the_handle);
}

// ---- names ----------------------------------------------------------------------------------------------------------------------------

static void
name_is(const NDIS_STRING *name, const char *text)
{
    size_t length = strlen(text);
    ck_assert_uint_eq(name->Length, length * sizeof(WCHAR));
    ck_assert_uint_ge(name->MaximumLength, name->Length);
    for (size_t i = 0; i < length; i++)
        ck_assert_int_eq(name->Buffer[i], text[i]);
}

#define NAME_TEST(call) \
    do { \
        NDIS_STRING name = {1, 1, (void *)1}; \
        ck_assert_int_eq((call), NDIS_STATUS_SUCCESS); \
        name_is(&name, "My NIC"); \
        name.Buffer[0] = 'm'; /* memory of the caller's own */ \
        NdisFreeMemory(name.Buffer, 0, 0); \
        arm(1); \
        ck_assert_int_eq((call), NDIS_STATUS_RESOURCES); \
        disarm(); \
        ck_assert_ptr_null(name.Buffer); \
    } while (0)

static void
start_named(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp", .friendly_name = "My NIC"};
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
}

static void
name_from_below(void)
{
    start_named();
    NAME_TEST(NdisMQueryAdapterInstanceName(&name, kit.mp.adapter));
}

TEST(NdisMQueryAdapterInstanceName_gives_the_friendly_name_in_memory_to_free)
{
    kit_run(SIM_CALM, name_from_below);
}

static void
name_from_above(void)
{
    start_named();
    NAME_TEST(NdisQueryAdapterInstanceName(&name, kit.binding[0].handle));
}

TEST(NdisQueryAdapterInstanceName_gives_the_friendly_name_in_memory_to_free)
{
    kit_run(SIM_CALM, name_from_above);
}

static void
bind_instance_name(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp", .friendly_name = "My NIC"};
    kit.asks_bind_name = true;
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(kit.bind_name_status[0], NDIS_STATUS_RESOURCES);
    ck_assert_int_eq(kit.bind_name_status[1], NDIS_STATUS_SUCCESS);
    name_is(&kit.bind_name, "My NIC");
    NdisFreeMemory(kit.bind_name.Buffer, 0, 0);
}

TEST(NdisQueryBindInstanceName_gives_the_friendly_name_of_what_is_about_to_be_bound)
{
    kit_run(SIM_CALM, bind_instance_name);
}
