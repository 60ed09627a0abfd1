// SPDX-License-Identifier: MIT
// Transports announce, clients are told: registration in any order, what a late client learns, power events, and what is told when one
// telling causes another.
#include <string.h>

#include "ddi/tdi/open.h"

#define LOG_MAX 64

struct told {
    char what;                               // + - devices, a d addresses, p provider ready, n net ready
    WCHAR name[24];
    ULONG address;
    PVOID context;
    ULONG bind_bytes;                        // of MultiSZBindList, without its last 0
};

static struct {
    struct told log[LOG_MAX];
    ULONG count;
    HANDLE client, device;
    bool registers_inside, deregisters_inside;
    NTSTATUS inside;
    NTSTATUS power_answer[2];
    NET_PNP_EVENT *power_event;
    ULONG power_calls;
    NTSTATUS power_done;
    ULONG power_dones;
} seen;

static struct told *
note(char what, const UNICODE_STRING *name)
{
    ck_assert_uint_lt(seen.count, LOG_MAX);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    struct told *told = &seen.log[seen.count++];
    memset(told, 0, sizeof(*told));
    told->what = what;
    if (name)
        memcpy(told->name, name->Buffer, name->Length);
    return told;
}

static VOID NTAPI
on_binding(TDI_PNP_OPCODE opcode, PUNICODE_STRING name, PWSTR list)
{
    static const char words[] = {[TDI_PNP_OP_ADD] = '+', [TDI_PNP_OP_DEL] = '-', [TDI_PNP_OP_PROVIDERREADY] = 'p',
        [TDI_PNP_OP_NETREADY] = 'n'};
    struct told *told = note(words[opcode], name);
    ULONG at = 0;
    while (list && list[at])
        while (list[at++])
            ;
    told->bind_bytes = at;
    if (seen.registers_inside && opcode == TDI_PNP_OP_ADD) {
        UNICODE_STRING inner = name_of(L"\\Device\\Inner");
        seen.registers_inside = false;
        seen.inside = TdiRegisterDeviceObject(&inner, &seen.device);
    }
    if (seen.deregisters_inside) {
        seen.deregisters_inside = false;
        seen.inside = TdiDeregisterPnPHandlers(seen.client);
    }
}

static VOID NTAPI
on_add(PTA_ADDRESS address, PUNICODE_STRING name, PTDI_PNP_CONTEXT context)
{
    struct told *told = note('a', name);
    told->address = ((TDI_ADDRESS_IP *)address->Address)->in_addr;
    told->context = context ? *(PVOID *)context->ContextData : NULL;
}

static VOID NTAPI
on_delete(PTA_ADDRESS address, PUNICODE_STRING name, PTDI_PNP_CONTEXT context)
{
    note('d', name)->address = ((TDI_ADDRESS_IP *)address->Address)->in_addr;
}

static NTSTATUS NTAPI
on_power(PUNICODE_STRING name, PNET_PNP_EVENT event, PTDI_PNP_CONTEXT context1, PTDI_PNP_CONTEXT context2)
{
    seen.power_event = event;
    return seen.power_answer[seen.power_calls++ % 2];
}

static VOID NTAPI
on_power_done(PNET_PNP_EVENT event, NTSTATUS status)
{
    seen.power_done = status;
    seen.power_dones++;
}

static void
client_open(HANDLE *handle, TDI_PNP_POWER_HANDLER power)
{
    UNICODE_STRING name = name_of(L"client");
    TDI_CLIENT_INTERFACE_INFO info = {.TdiVersion = TDI_CURRENT_VERSION, .ClientName = &name, .PnPPowerHandler = power};
    info.BindingHandler = on_binding;
    info.AddAddressHandlerV2 = on_add;
    info.DelAddressHandlerV2 = on_delete;
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof(info), handle), STATUS_SUCCESS);
}

static HANDLE
address_open(ULONG ip, const WCHAR *device, PVOID pdo)
{
    UNICODE_STRING name = name_of(device);
    union {
        TA_ADDRESS ta;
        UCHAR room[32];
    } u = {0};
    union {
        TDI_PNP_CONTEXT context;
        UCHAR room[16];
    } c = {0};
    HANDLE handle;
    u.ta.AddressLength = TDI_ADDRESS_LENGTH_IP;
    u.ta.AddressType = TDI_ADDRESS_TYPE_IP;
    ((TDI_ADDRESS_IP *)u.ta.Address)->in_addr = ip;
    c.context.ContextSize = sizeof(PVOID);
    c.context.ContextType = TDI_PNP_CONTEXT_TYPE_PDO;
    memcpy(c.context.ContextData, &pdo, sizeof(pdo));
    ck_assert_int_eq(TdiRegisterNetAddress(&u.ta, &name, pdo ? &c.context : NULL, &handle), STATUS_SUCCESS);
    return handle;
}

static void
log_is(const char *expected)
{
    char text[LOG_MAX + 1] = "";
    for (ULONG i = 0; i < seen.count; i++)
        text[i] = seen.log[i].what;
    ck_assert_str_eq(text, expected);
}

static bool
is_named(ULONG i, const WCHAR *text)
{
    UNICODE_STRING name = name_of(text);
    return !memcmp(seen.log[i].name, text, name.Length);
}

static void
fresh(void)
{
    memset(&seen, 0, sizeof(seen));
    TdiInitialize();
}

NT_TEST(TdiRegisterPnPHandlers_tells_a_client_what_is_there_already_and_TdiDeregisterPnPHandlers_ends_it)
{
    int pdo;
    fresh();
    HANDLE provider = provider_open(L"T"), device = device_open(L"\\Device\\T"), address = address_open(7, L"\\Device\\T", &pdo);
    client_open(&seen.client, NULL);
    log_is("+a");
    ck_assert(is_named(0, L"\\Device\\T"));
    ck_assert_uint_eq(seen.log[0].bind_bytes, 10);
    ck_assert(is_named(1, L"\\Device\\T"));
    ck_assert_uint_eq(seen.log[1].address, 7);
    ck_assert_ptr_eq(seen.log[1].context, &pdo);
    ck_assert_int_eq(TdiProviderReady(provider), STATUS_SUCCESS);
    log_is("+apn");
    ck_assert(is_named(2, L"T"));
    ck_assert_int_eq(TdiDeregisterPnPHandlers(seen.client), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterNetAddress(address), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterDeviceObject(device), STATUS_SUCCESS);
    log_is("+apn");
    ck_assert_int_eq(TdiDeregisterProvider(provider), STATUS_SUCCESS);
}

NT_TEST(TdiRegisterPnPHandlers_refuses_other_versions_and_short_structures)
{
    TDI_CLIENT_INTERFACE_INFO info = {.TdiVersion = 0x0003};
    HANDLE handle;
    fresh();
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof(info), &handle), (NTSTATUS)TDI_STATUS_BAD_VERSION);
    info.TdiVersion = TDI_CURRENT_VERSION;
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof(info) - 1, &handle), (NTSTATUS)TDI_STATUS_BAD_CHARACTERISTICS);
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof(info), &handle), STATUS_SUCCESS);   // no handler at all is no error
    HANDLE device = device_open(L"\\Device\\T");
    ck_assert_int_eq(TdiDeregisterDeviceObject(device), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterPnPHandlers(handle), STATUS_SUCCESS);
}

NT_TEST(TdiRegisterDeviceObject_and_TdiDeregisterDeviceObject_tell_the_clients_before_they_return)
{
    fresh();
    client_open(&seen.client, NULL);
    HANDLE a = device_open(L"\\Device\\A");
    log_is("+");
    HANDLE b = device_open(L"\\Device\\B");
    log_is("++");
    ck_assert_uint_eq(seen.log[1].bind_bytes, 20);
    ck_assert_int_eq(TdiDeregisterDeviceObject(a), STATUS_SUCCESS);
    log_is("++-");
    ck_assert(is_named(2, L"\\Device\\A"));
    ck_assert_int_eq(TdiDeregisterDeviceObject(b), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterPnPHandlers(seen.client), STATUS_SUCCESS);
}

NT_TEST(TdiDeregisterDeviceObject_may_come_before_its_addresses_and_after_its_provider)
{
    fresh();
    client_open(&seen.client, NULL);
    HANDLE provider = provider_open(L"T"), device = device_open(L"\\Device\\T"), address = address_open(9, L"\\Device\\T", NULL);
    ck_assert_int_eq(TdiDeregisterProvider(provider), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterDeviceObject(device), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterNetAddress(address), STATUS_SUCCESS);
    log_is("+a-d");
    ck_assert_int_eq(TdiDeregisterPnPHandlers(seen.client), STATUS_SUCCESS);
}

NT_TEST(TdiRegisterNetAddress_and_TdiDeregisterNetAddress_tell_the_address_and_its_device)
{
    fresh();
    client_open(&seen.client, NULL);
    HANDLE one = address_open(1, L"\\Device\\T", NULL), two = address_open(2, L"\\Device\\T", NULL);
    log_is("aa");
    ck_assert_ptr_null(seen.log[0].context);
    ck_assert_int_eq(TdiDeregisterNetAddress(one), STATUS_SUCCESS);
    log_is("aad");
    ck_assert_uint_eq(seen.log[2].address, 1);
    ck_assert_int_eq(TdiDeregisterNetAddress(two), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterPnPHandlers(seen.client), STATUS_SUCCESS);
}

NT_TEST(TdiDeregisterNetAddress_leaves_the_other_addresses)
{
    fresh();
    HANDLE one = address_open(1, L"\\Device\\T", NULL), two = address_open(2, L"\\Device\\T", NULL);
    ck_assert_int_eq(TdiDeregisterNetAddress(one), STATUS_SUCCESS);
    client_open(&seen.client, NULL);
    log_is("a");
    ck_assert_uint_eq(seen.log[0].address, 2);
    ck_assert_int_eq(TdiDeregisterNetAddress(two), STATUS_SUCCESS);
    log_is("ad");
    ck_assert_int_eq(TdiDeregisterPnPHandlers(seen.client), STATUS_SUCCESS);
}

NT_TEST(TdiEnumerateAddresses_tells_all_addresses_again_to_this_client_alone)
{
    HANDLE other;
    fresh();
    client_open(&seen.client, NULL);
    client_open(&other, NULL);
    HANDLE one = address_open(1, L"\\Device\\T", NULL), two = address_open(2, L"\\Device\\T", NULL);
    seen.count = 0;
    ck_assert_int_eq(TdiEnumerateAddresses(seen.client), STATUS_SUCCESS);
    log_is("aa");
    ck_assert_uint_eq(seen.log[0].address, 1);
    ck_assert_uint_eq(seen.log[1].address, 2);
    TdiDeregisterNetAddress(one);
    TdiDeregisterNetAddress(two);
    TdiDeregisterPnPHandlers(other);
    TdiDeregisterPnPHandlers(seen.client);
}

NT_TEST(TdiProviderReady_of_the_last_provider_makes_the_network_ready)
{
    fresh();
    client_open(&seen.client, NULL);
    HANDLE a = provider_open(L"A"), b = provider_open(L"B");
    ck_assert_int_eq(TdiProviderReady(a), STATUS_SUCCESS);
    log_is("p");
    ck_assert_int_eq(TdiProviderReady(a), STATUS_SUCCESS);   // it was already
    log_is("p");
    ck_assert_int_eq(TdiProviderReady(b), STATUS_SUCCESS);
    log_is("ppn");
    HANDLE late;
    client_open(&late, NULL);
    log_is("ppnppn");
    TdiDeregisterPnPHandlers(late);
    TdiDeregisterProvider(a);
    TdiDeregisterProvider(b);
    TdiDeregisterPnPHandlers(seen.client);
}

NT_TEST(TdiDeregisterProvider_of_the_only_one_that_is_not_ready_makes_the_network_ready)
{
    fresh();
    client_open(&seen.client, NULL);
    HANDLE a = provider_open(L"A"), b = provider_open(L"B");
    TdiProviderReady(a);
    log_is("p");
    ck_assert_int_eq(TdiDeregisterProvider(b), STATUS_SUCCESS);
    log_is("pn");
    TdiDeregisterProvider(a);
    TdiDeregisterPnPHandlers(seen.client);
}

NT_TEST(TdiRegisterProvider_gives_a_handle_of_its_own_for_each)
{
    fresh();
    HANDLE a = provider_open(L"A"), b = provider_open(L"A");
    ck_assert_ptr_ne(a, b);
    ck_assert_int_eq(TdiDeregisterProvider(a), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterProvider(b), STATUS_SUCCESS);
}

// What a client's routine causes is told when it is back: nobody is told two things at once, and the order is that of happening.
NT_TEST(TdiRegisterDeviceObject_from_inside_a_clients_routine_is_told_afterwards)
{
    HANDLE other;
    fresh();
    client_open(&seen.client, NULL);
    client_open(&other, NULL);
    seen.registers_inside = true;
    HANDLE outer = device_open(L"\\Device\\Outer");
    ck_assert_int_eq(seen.inside, STATUS_SUCCESS);
    log_is("++++");
    ck_assert(is_named(0, L"\\Device\\Outer") && is_named(1, L"\\Device\\Outer"));
    ck_assert(is_named(2, L"\\Device\\Inner") && is_named(3, L"\\Device\\Inner"));
    TdiDeregisterDeviceObject(seen.device);
    TdiDeregisterDeviceObject(outer);
    TdiDeregisterPnPHandlers(other);
    TdiDeregisterPnPHandlers(seen.client);
}

NT_TEST(TdiDeregisterPnPHandlers_from_inside_its_own_routine_is_refused_as_busy)
{
    fresh();
    client_open(&seen.client, NULL);
    seen.deregisters_inside = true;
    HANDLE device = device_open(L"\\Device\\T");
    ck_assert_int_eq(seen.inside, STATUS_NETWORK_BUSY);
    TdiDeregisterDeviceObject(device);
    log_is("+-");
    ck_assert_int_eq(TdiDeregisterPnPHandlers(seen.client), STATUS_SUCCESS);
}

// --- the older registrations -------------------------------------------------------------------------------------------------------

static VOID NTAPI
on_bind(PUNICODE_STRING name)
{
    note('+', name);
}

static VOID NTAPI
on_unbind(PUNICODE_STRING name)
{
    note('-', name);
}

static VOID NTAPI
on_add_one(PTA_ADDRESS address)
{
    note('a', NULL)->address = ((TDI_ADDRESS_IP *)address->Address)->in_addr;
}

static VOID NTAPI
on_delete_one(PTA_ADDRESS address)
{
    note('d', NULL)->address = ((TDI_ADDRESS_IP *)address->Address)->in_addr;
}

NT_TEST(TdiRegisterNotificationHandler_hears_of_device_objects_until_TdiDeregisterNotificationHandler)
{
    HANDLE handle;
    fresh();
    ck_assert_int_eq(TdiRegisterNotificationHandler(on_bind, on_unbind, &handle), STATUS_SUCCESS);
    HANDLE provider = provider_open(L"T"), device = device_open(L"\\Device\\T"), address = address_open(3, L"\\Device\\T", NULL);
    TdiProviderReady(provider);
    TdiDeregisterDeviceObject(device);
    log_is("+-");
    ck_assert(is_named(0, L"\\Device\\T") && is_named(1, L"\\Device\\T"));
    ck_assert_int_eq(TdiDeregisterNotificationHandler(handle), STATUS_SUCCESS);
    device = device_open(L"\\Device\\T");
    log_is("+-");
    TdiDeregisterDeviceObject(device);
    TdiDeregisterNetAddress(address);
    TdiDeregisterProvider(provider);
}

NT_TEST(TdiDeregisterNotificationHandler_ends_what_TdiRegisterNotificationHandler_began)
{
    HANDLE handle;
    fresh();
    ck_assert_int_eq(TdiRegisterNotificationHandler(on_bind, NULL, &handle), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterNotificationHandler(handle), STATUS_SUCCESS);
    HANDLE device = device_open(L"\\Device\\T");
    TdiDeregisterDeviceObject(device);
    log_is("");
}

NT_TEST(TdiRegisterAddressChangeHandler_hears_of_addresses_until_TdiDeregisterAddressChangeHandler)
{
    HANDLE handle;
    fresh();
    HANDLE before = address_open(3, L"\\Device\\T", NULL);
    ck_assert_int_eq(TdiRegisterAddressChangeHandler(on_add_one, on_delete_one, &handle), STATUS_SUCCESS);
    log_is("a");
    HANDLE device = device_open(L"\\Device\\T"), after = address_open(4, L"\\Device\\T", NULL);
    TdiDeregisterNetAddress(before);
    log_is("aad");
    ck_assert_uint_eq(seen.log[1].address, 4);
    ck_assert_uint_eq(seen.log[2].address, 3);
    ck_assert_int_eq(TdiDeregisterAddressChangeHandler(handle), STATUS_SUCCESS);
    TdiDeregisterNetAddress(after);
    TdiDeregisterDeviceObject(device);
    log_is("aad");
}

NT_TEST(TdiDeregisterAddressChangeHandler_ends_what_TdiRegisterAddressChangeHandler_began)
{
    HANDLE handle;
    fresh();
    ck_assert_int_eq(TdiRegisterAddressChangeHandler(on_add_one, on_delete_one, &handle), STATUS_SUCCESS);
    ck_assert_int_eq(TdiDeregisterAddressChangeHandler(handle), STATUS_SUCCESS);
    HANDLE address = address_open(5, L"\\Device\\T", NULL);
    TdiDeregisterNetAddress(address);
    log_is("");
}

// --- power -------------------------------------------------------------------------------------------------------------------------

NT_TEST(TdiPnPPowerRequest_returns_what_the_clients_say_and_the_first_refusal_decides)
{
    HANDLE other;
    NET_PNP_EVENT event = {.NetEvent = NetEventQueryPower};
    UNICODE_STRING device = name_of(L"\\Device\\T");
    fresh();
    ck_assert_int_eq(TdiPnPPowerRequest(&device, &event, NULL, NULL, on_power_done), STATUS_SUCCESS);   // nobody to ask
    client_open(&seen.client, on_power);
    client_open(&other, on_power);
    ck_assert_int_eq(TdiPnPPowerRequest(&device, &event, NULL, NULL, on_power_done), STATUS_SUCCESS);
    ck_assert_uint_eq(seen.power_calls, 2);
    seen.power_answer[1] = STATUS_UNSUCCESSFUL;
    ck_assert_int_eq(TdiPnPPowerRequest(&device, &event, NULL, NULL, on_power_done), STATUS_UNSUCCESSFUL);
    seen.power_answer[0] = STATUS_DEVICE_BUSY;
    ck_assert_int_eq(TdiPnPPowerRequest(&device, &event, NULL, NULL, on_power_done), STATUS_DEVICE_BUSY);
    ck_assert_uint_eq(seen.power_dones, 0);
    TdiDeregisterPnPHandlers(other);
    TdiDeregisterPnPHandlers(seen.client);
}

NT_TEST(TdiPnPPowerComplete_of_the_last_client_calls_the_transports_routine)
{
    HANDLE other;
    NET_PNP_EVENT event = {.NetEvent = NetEventSetPower};
    UNICODE_STRING device = name_of(L"\\Device\\T");
    fresh();
    client_open(&seen.client, on_power);
    client_open(&other, on_power);
    seen.power_answer[0] = seen.power_answer[1] = STATUS_PENDING;
    ck_assert_int_eq(TdiPnPPowerRequest(&device, &event, NULL, NULL, on_power_done), STATUS_PENDING);
    ck_assert_ptr_eq(seen.power_event, &event);
    TdiPnPPowerComplete(other, &event, STATUS_UNSUCCESSFUL);
    ck_assert_uint_eq(seen.power_dones, 0);
    TdiPnPPowerComplete(seen.client, &event, STATUS_SUCCESS);
    ck_assert_uint_eq(seen.power_dones, 1);
    ck_assert_int_eq(seen.power_done, STATUS_UNSUCCESSFUL);
    TdiDeregisterPnPHandlers(other);
    TdiDeregisterPnPHandlers(seen.client);
}

// Whatever needs the library makes it, so this does not show that the call did: callbacks_test.c does.
NT_TEST(the_library_may_be_initialised_any_number_of_times)
{
    fresh();
    HANDLE device = device_open(L"\\Device\\T");
    TdiInitialize();
    client_open(&seen.client, NULL);
    log_is("+");
    TdiDeregisterPnPHandlers(seen.client);
    TdiDeregisterDeviceObject(device);
}

// --- broken by the caller -----------------------------------------------------------------------------------------------------------

static void
deregister_twice_body(void)
{
    HANDLE device = device_open(L"\\Device\\T");
    TdiDeregisterDeviceObject(device);
    TdiDeregisterDeviceObject(device);
}

static void
deregister_twice(void)
{
    nt_test_run(1, deregister_twice_body);
}

static void
as_another_kind_body(void)
{
    TdiDeregisterProvider(device_open(L"\\Device\\T"));
}

static void
as_another_kind(void)
{
    nt_test_run(1, as_another_kind_body);
}

static void
complete_nothing_body(void)
{
    NET_PNP_EVENT event = {.NetEvent = NetEventSetPower};
    fresh();
    client_open(&seen.client, on_power);
    TdiPnPPowerComplete(seen.client, &event, STATUS_SUCCESS);
}

static void
complete_nothing(void)
{
    nt_test_run(1, complete_nothing_body);
}

static void
return_nothing_body(void)
{
    NBX_TDI_TSDU none = {0};
    PVOID descriptors[] = {&none};
    TdiReturnChainedReceives(descriptors, 1);
}

static void
return_nothing(void)
{
    nt_test_run(1, return_nothing_body);
}

TEST(a_handle_that_is_not_registered_any_more_stops_the_driver_with_a_report)
{
    harness_reported("TdiDeregisterDeviceObject", deregister_twice);
    harness_reported("TdiDeregisterProvider", as_another_kind);
    harness_reported("TdiPnPPowerComplete", complete_nothing);
    harness_reported("TdiReturnChainedReceives", return_nothing);
}
