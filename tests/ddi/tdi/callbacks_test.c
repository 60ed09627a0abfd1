// SPDX-License-Identifier: MIT
// The PnP routines of clients and of a transport, page by page: what each parameter says, who is called when, what each answer does.
// Pages: ff545265 ClientPnPBindingChange, ff545264 ClientPnPAddNetAddress, ff545266 ClientPnPDelNetAddress, ff545267 ClientPnPPowerChange,
// ff565056 TdiPnPPowerRequest (ProviderPnPPowerComplete). TDI_BIND_HANDLER and its kin have no page: they are what the older registrations
// take, a name or an address each.
#include <stdio.h>
#include <string.h>

#include "ddi/tdi/open.h"

enum {
    CALLS = 48
};

// Every call of every routine, in order.
static struct call {
    // + - ADD DEL, p PROVIDERREADY, n NETREADY, b u the older bind and unbind, a d addresses, 1 2 power
    char what;
    char name[40];                            // the device's or provider's; "(none)": no pointer, "": no name
    char list[120];                           // MultiSZBindList, joined by |; "(none)"
    USHORT type, bytes;                       // of an address
    UCHAR address[40];
    bool has_context;
    TDI_PNP_CONTEXT context;
    PVOID pdo;
    NET_PNP_EVENT *event;
    TDI_PNP_CONTEXT *contexts[2];
} calls[CALLS];
static ULONG count;

static struct call *
note(char what, const UNICODE_STRING *name)
{
    ck_assert_uint_lt(count, CALLS);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    struct call *call = &calls[count++];
    *call = (struct call){.what = what, .name = "(none)", .list = "(none)"};
    for (USHORT i = 0; name && i <= name->Length / sizeof(WCHAR); i++)
        call->name[i] = i < name->Length / sizeof(WCHAR) ? (char)name->Buffer[i] : 0;
    return call;
}

static void
log_is(const char *expected)
{
    char text[CALLS + 1] = "";
    for (ULONG i = 0; i < count; i++)
        text[i] = calls[i].what;
    ck_assert_str_eq(text, expected);
}

// --- clients -----------------------------------------------------------------------------------------------------------------------

static VOID NTAPI
on_binding(TDI_PNP_OPCODE opcode, PUNICODE_STRING name, PWSTR list)
{
    struct call *call = note("?+-?pn"[opcode], name);     // by TDI_PNP_OP_XXX
    size_t at = 0;
    if (!list)
        return;
    call->list[0] = 0;
    for (size_t i = 0; list[i] || (i && list[i - 1]); i++)
        call->list[at++] = list[i] ? (char)list[i] : '|';
    call->list[at] = 0;
}

static VOID NTAPI
on_bind(PUNICODE_STRING name)
{
    note('b', name);
}

static VOID NTAPI
on_unbind(PUNICODE_STRING name)
{
    note('u', name);
}

static void
note_address(char what, const TA_ADDRESS *address, const UNICODE_STRING *name, const TDI_PNP_CONTEXT *context)
{
    struct call *call = note(what, name);
    call->type = address->AddressType;
    call->bytes = address->AddressLength;
    memcpy(call->address, address->Address, address->AddressLength);
    call->has_context = context != NULL;
    if (!context)
        return;
    call->context.ContextSize = context->ContextSize;
    call->context.ContextType = context->ContextType;
    memcpy(&call->pdo, context->ContextData, sizeof call->pdo);
}

static VOID NTAPI
on_add(PTA_ADDRESS address, PUNICODE_STRING name, PTDI_PNP_CONTEXT context)
{
    note_address('a', address, name, context);
}

static VOID NTAPI
on_delete(PTA_ADDRESS address, PUNICODE_STRING name, PTDI_PNP_CONTEXT context)
{
    note_address('d', address, name, context);
}

static VOID NTAPI
on_add_one(PTA_ADDRESS address)
{
    note_address('a', address, NULL, NULL);
}

static VOID NTAPI
on_delete_one(PTA_ADDRESS address)
{
    note_address('d', address, NULL, NULL);
}

static HANDLE
client_open(bool binds, bool addresses)
{
    UNICODE_STRING name = name_of(L"client");
    TDI_CLIENT_INTERFACE_INFO info = {.TdiVersion = TDI_CURRENT_VERSION, .ClientName = &name};
    HANDLE handle;
    info.BindingHandler = binds ? on_binding : NULL;
    info.AddAddressHandlerV2 = addresses ? on_add : NULL;
    info.DelAddressHandlerV2 = addresses ? on_delete : NULL;
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof info, &handle), STATUS_SUCCESS);
    return handle;
}

// One of the older version, which has all four routines.
static HANDLE
old_client_open(void)
{
    TDI_CLIENT_INTERFACE_INFO info = {.TdiVersion = TDI_VERSION_ONE};
    HANDLE handle;
    info.BindHandler = on_bind;
    info.UnBindHandler = on_unbind;
    info.AddAddressHandler = on_add_one;
    info.DelAddressHandler = on_delete_one;
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof info, &handle), STATUS_SUCCESS);
    return handle;
}

// --- a transport -------------------------------------------------------------------------------------------------------------------

static const UCHAR ip6[TDI_ADDRESS_LENGTH_IP6] = {0, 80, 0, 0, 0, 0, 0xfd, [21] = 7, [22] = 3};

// An address of IPv6, with a device or without, with the PDO behind it or without.
static HANDLE
address_open(const WCHAR *device, PVOID pdo)
{
    UNICODE_STRING name = device ? name_of(device) : (UNICODE_STRING){0};
    union {
        TA_ADDRESS ta;
        UCHAR room[64];
    } u = {.ta = {.AddressLength = TDI_ADDRESS_LENGTH_IP6, .AddressType = TDI_ADDRESS_TYPE_IP6}};
    union {
        TDI_PNP_CONTEXT context;
        UCHAR room[32];
    } c = {.context = {.ContextSize = sizeof(PVOID), .ContextType = TDI_PNP_CONTEXT_TYPE_PDO}};
    HANDLE handle;
    memcpy(u.ta.Address, ip6, sizeof ip6);
    memcpy(c.context.ContextData, &pdo, sizeof pdo);
    ck_assert_int_eq(TdiRegisterNetAddress(&u.ta, device ? &name : NULL, pdo ? &c.context : NULL, &handle), STATUS_SUCCESS);
    memset(&u, 0xee, sizeof u);               // what was registered was copied
    memset(&c, 0xee, sizeof c);
    return handle;
}

static void
is_ip6(ULONG i)
{
    ck_assert_uint_eq(calls[i].type, TDI_ADDRESS_TYPE_IP6);
    ck_assert_uint_eq(calls[i].bytes, TDI_ADDRESS_LENGTH_IP6);
    ck_assert_mem_eq(calls[i].address, ip6, sizeof ip6);
}

// --- bindings ----------------------------------------------------------------------------------------------------------------------

NT_TEST(ClientPnPBindingChange_is_told_devices_providers_and_the_network_each_with_what_its_opcode_has)
{
    count = 0;
    HANDLE provider = provider_open(L"T"), a = device_open(L"\\Device\\A"), client = client_open(true, false);
    log_is("+");                              // what there is already
    ck_assert_str_eq(calls[0].name, "\\Device\\A");
    ck_assert_str_eq(calls[0].list, "\\Device\\A|");
    HANDLE b = device_open(L"\\Device\\B");
    ck_assert_str_eq(calls[1].name, "\\Device\\B");
    ck_assert_str_eq(calls[1].list, "\\Device\\A|\\Device\\B|");
    ck_assert_int_eq(TdiProviderReady(provider), STATUS_SUCCESS);
    log_is("++pn");
    ck_assert_str_eq(calls[2].name, "T");
    ck_assert_str_eq(calls[2].list, "(none)");
    ck_assert_str_eq(calls[3].name, "(none)");
    ck_assert_str_eq(calls[3].list, "(none)");
    HANDLE address = address_open(L"\\Device\\A", NULL);
    ck_assert_int_eq(TdiDeregisterDeviceObject(a), STATUS_SUCCESS);
    log_is("++pn-");                          // an address is not its business
    ck_assert_str_eq(calls[4].name, "\\Device\\A");
    ck_assert_str_eq(calls[4].list, "(none)");
    HANDLE c = device_open(L"\\Device\\C");
    ck_assert_str_eq(calls[5].list, "\\Device\\B|\\Device\\C|");
    ck_assert_int_eq(TdiDeregisterPnPHandlers(client), STATUS_SUCCESS);
    TdiDeregisterDeviceObject(b);
    TdiDeregisterDeviceObject(c);
    log_is("++pn-+");                         // whoever has gone is told nothing
    TdiDeregisterNetAddress(address);
    TdiDeregisterProvider(provider);
}

NT_TEST(TDI_BIND_HANDLER_is_told_the_name_of_each_device_that_is_there_and_that_comes_and_nothing_else)
{
    HANDLE handles[2];
    count = 0;
    HANDLE provider = provider_open(L"T"), a = device_open(L"\\Device\\A");
    handles[0] = old_client_open();
    ck_assert_int_eq(TdiRegisterNotificationHandler(on_bind, on_unbind, &handles[1]), STATUS_SUCCESS);
    log_is("bb");
    HANDLE b = device_open(L"\\Device\\B");
    TdiProviderReady(provider);
    log_is("bbbb");
    for (ULONG i = 0; i < 4; i++)
        ck_assert_str_eq(calls[i].name, i < 2 ? "\\Device\\A" : "\\Device\\B");
    TdiDeregisterPnPHandlers(handles[0]);
    TdiDeregisterNotificationHandler(handles[1]);
    TdiDeregisterDeviceObject(a);
    TdiDeregisterDeviceObject(b);
    TdiDeregisterProvider(provider);
    log_is("bbbb");
}

NT_TEST(TDI_UNBIND_HANDLER_is_told_the_name_of_each_device_that_goes_and_nothing_else)
{
    HANDLE handle;
    count = 0;
    HANDLE a = device_open(L"\\Device\\A"), b = device_open(L"\\Device\\B"), provider = provider_open(L"T");
    ck_assert_int_eq(TdiRegisterNotificationHandler(NULL, on_unbind, &handle), STATUS_SUCCESS);
    HANDLE old = old_client_open(), address = address_open(L"\\Device\\A", NULL);
    count = 0;
    TdiDeregisterDeviceObject(b);
    log_is("uu");
    ck_assert_str_eq(calls[0].name, "\\Device\\B");
    ck_assert_str_eq(calls[1].name, "\\Device\\B");
    TdiDeregisterProvider(provider);
    TdiDeregisterNetAddress(address);
    log_is("uud");
    TdiDeregisterNotificationHandler(handle);
    TdiDeregisterDeviceObject(a);
    log_is("uudu");                           // one has gone, the other hears of it
    TdiDeregisterPnPHandlers(old);
}

// --- addresses ---------------------------------------------------------------------------------------------------------------------

NT_TEST(ClientPnPAddNetAddress_is_told_address_device_and_context_of_what_is_there_and_what_comes)
{
    int pdo;
    count = 0;
    HANDLE with = address_open(L"\\Device\\A", &pdo), client = client_open(false, true);
    log_is("a");
    is_ip6(0);
    ck_assert_str_eq(calls[0].name, "\\Device\\A");
    ck_assert(calls[0].has_context);
    ck_assert_uint_eq(calls[0].context.ContextSize, sizeof(PVOID));
    ck_assert_uint_eq(calls[0].context.ContextType, TDI_PNP_CONTEXT_TYPE_PDO);
    ck_assert_ptr_eq(calls[0].pdo, &pdo);
    HANDLE without = address_open(NULL, NULL), device = device_open(L"\\Device\\A");
    log_is("aa");                             // a device is not its business
    is_ip6(1);
    ck_assert_str_eq(calls[1].name, "");
    ck_assert(!calls[1].has_context);
    ck_assert_int_eq(TdiEnumerateAddresses(client), STATUS_SUCCESS);
    log_is("aaaa");
    ck_assert_ptr_eq(calls[2].pdo, &pdo);
    TdiDeregisterPnPHandlers(client);
    HANDLE late = address_open(L"\\Device\\A", NULL);
    log_is("aaaa");
    TdiDeregisterNetAddress(with);
    TdiDeregisterNetAddress(without);
    TdiDeregisterNetAddress(late);
    TdiDeregisterDeviceObject(device);
}

NT_TEST(ClientPnPDelNetAddress_is_told_address_device_and_context_of_what_goes)
{
    int pdo;
    count = 0;
    HANDLE with = address_open(L"\\Device\\A", &pdo), without = address_open(NULL, NULL), client = client_open(false, true);
    count = 0;
    TdiDeregisterNetAddress(with);
    log_is("d");
    is_ip6(0);
    ck_assert_str_eq(calls[0].name, "\\Device\\A");
    ck_assert_uint_eq(calls[0].context.ContextType, TDI_PNP_CONTEXT_TYPE_PDO);
    ck_assert_ptr_eq(calls[0].pdo, &pdo);
    TdiDeregisterNetAddress(without);
    log_is("dd");
    ck_assert_str_eq(calls[1].name, "");
    ck_assert(!calls[1].has_context);
    ck_assert_int_eq(TdiEnumerateAddresses(client), STATUS_SUCCESS);
    log_is("dd");                             // they are gone
    HANDLE late = address_open(NULL, NULL);
    TdiDeregisterPnPHandlers(client);
    TdiDeregisterNetAddress(late);
    log_is("dda");
}

NT_TEST(TDI_ADD_ADDRESS_HANDLER_is_told_each_address_that_is_there_and_that_comes)
{
    HANDLE handle;
    count = 0;
    HANDLE one = address_open(L"\\Device\\A", NULL), old = old_client_open();
    ck_assert_int_eq(TdiRegisterAddressChangeHandler(on_add_one, NULL, &handle), STATUS_SUCCESS);
    HANDLE two = address_open(NULL, NULL);
    log_is("aaaa");
    for (ULONG i = 0; i < 4; i++)
        is_ip6(i);
    ck_assert_int_eq(TdiEnumerateAddresses(old), STATUS_SUCCESS);
    log_is("aaaaaa");
    TdiDeregisterNetAddress(one);
    log_is("aaaaaad");                        // the second client has no routine for that
    TdiDeregisterAddressChangeHandler(handle);
    TdiDeregisterPnPHandlers(old);
    TdiDeregisterNetAddress(two);
    log_is("aaaaaad");
}

NT_TEST(TDI_DEL_ADDRESS_HANDLER_is_told_each_address_that_goes)
{
    HANDLE handle;
    count = 0;
    HANDLE one = address_open(L"\\Device\\A", NULL), two = address_open(NULL, NULL);
    ck_assert_int_eq(TdiRegisterAddressChangeHandler(NULL, on_delete_one, &handle), STATUS_SUCCESS);
    log_is("");
    TdiDeregisterNetAddress(one);
    log_is("d");
    is_ip6(0);
    TdiDeregisterAddressChangeHandler(handle);
    TdiDeregisterNetAddress(two);
    log_is("d");
}

// --- power -------------------------------------------------------------------------------------------------------------------------

static struct power {
    HANDLE client[2];
    NTSTATUS answer[2];
    bool completes_inside[2];                 // says STATUS_PENDING, having answered already
    bool leaves_inside;                       // the first one tries to deregister
    NTSTATUS left;
    KEVENT entered, go;                       // the first one waits for go
    bool waits;
    ULONG dones;
    NET_PNP_EVENT *done_event;
    NTSTATUS done;
    NET_PNP_EVENT *asks_again;                // from inside the transport's routine
    NTSTATUS again;
} power;

static NTSTATUS
ask(ULONG i, PUNICODE_STRING name, PNET_PNP_EVENT event, PTDI_PNP_CONTEXT context1, PTDI_PNP_CONTEXT context2)
{
    struct call *call = note((char)('1' + i), name);
    call->event = event;
    call->contexts[0] = context1;
    call->contexts[1] = context2;
    if (i == 0 && power.leaves_inside)
        power.left = TdiDeregisterPnPHandlers(power.client[0]);
    if (i == 0 && power.waits) {
        KeSetEvent(&power.entered, 0, FALSE);
        KeWaitForSingleObject(&power.go, Executive, KernelMode, FALSE, NULL);
        note('!', NULL);                      // the routine is left after that
    }
    if (power.completes_inside[i]) {
        TdiPnPPowerComplete(power.client[i], event, power.answer[i]);
        return STATUS_PENDING;
    }
    return power.answer[i];
}

static NTSTATUS NTAPI
on_power_one(PUNICODE_STRING name, PNET_PNP_EVENT event, PTDI_PNP_CONTEXT context1, PTDI_PNP_CONTEXT context2)
{
    return ask(0, name, event, context1, context2);
}

static NTSTATUS NTAPI
on_power_two(PUNICODE_STRING name, PNET_PNP_EVENT event, PTDI_PNP_CONTEXT context1, PTDI_PNP_CONTEXT context2)
{
    return ask(1, name, event, context1, context2);
}

static VOID NTAPI
on_done(PNET_PNP_EVENT event, NTSTATUS status)
{
    UNICODE_STRING device = name_of(L"\\Device\\T");
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    power.dones++;
    power.done_event = event;
    power.done = status;
    if (power.asks_again)
        power.again = TdiPnPPowerRequest(&device, power.asks_again, NULL, NULL, on_done);
}

static void
power_clients_open(void)
{
    memset(&power, 0, sizeof power);
    count = 0;
    KeInitializeEvent(&power.entered, SynchronizationEvent, FALSE);
    KeInitializeEvent(&power.go, SynchronizationEvent, FALSE);
    for (ULONG i = 0; i < 2; i++) {
        TDI_CLIENT_INTERFACE_INFO info = {.TdiVersion = TDI_CURRENT_VERSION, .PnPPowerHandler = i ? on_power_two : on_power_one};
        ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof info, &power.client[i]), STATUS_SUCCESS);
    }
}

static void
power_clients_close(void)
{
    for (ULONG i = 0; i < 2; i++)
        if (power.client[i])
            ck_assert_int_eq(TdiDeregisterPnPHandlers(power.client[i]), STATUS_SUCCESS);
}

static NTSTATUS
power_request(NET_PNP_EVENT *event)
{
    UNICODE_STRING device = name_of(L"\\Device\\T");
    return TdiPnPPowerRequest(&device, event, NULL, NULL, on_done);
}

NT_TEST(ClientPnPPowerChange_is_told_device_event_and_contexts_each_client_in_turn)
{
    static const NET_PNP_EVENT_CODE codes[] = {NetEventSetPower, NetEventQueryPower, NetEventQueryRemoveDevice, NetEventCancelRemoveDevice};
    TDI_PNP_CONTEXT contexts[2] = {{.ContextType = TDI_PNP_CONTEXT_TYPE_IF_ADDR}, {.ContextType = TDI_PNP_CONTEXT_TYPE_PDO}};
    UNICODE_STRING device = name_of(L"\\Device\\T");
    power_clients_open();
    HANDLE deaf = client_open(true, true);    // one without the routine is not asked
    for (ULONG i = 0; i < ARRAYSIZE(codes); i++) {
        NET_PNP_EVENT event = {.NetEvent = codes[i]};
        count = 0;
        ck_assert_int_eq(TdiPnPPowerRequest(&device, &event, &contexts[0], &contexts[1], on_done), STATUS_SUCCESS);
        log_is("12");
        for (ULONG k = 0; k < 2; k++) {
            ck_assert_str_eq(calls[k].name, "\\Device\\T");
            ck_assert_ptr_eq(calls[k].event, &event);
            ck_assert_ptr_eq(calls[k].contexts[0], &contexts[0]);
            ck_assert_ptr_eq(calls[k].contexts[1], &contexts[1]);
        }
    }
    ck_assert_uint_eq(power.dones, 0);
    TdiDeregisterPnPHandlers(deaf);
    power_clients_close();
}

NT_TEST(ClientPnPPowerChange_refuses_with_any_other_status_and_all_are_asked_all_the_same)
{
    static const NTSTATUS refusals[] = {STATUS_UNSUCCESSFUL, STATUS_FILES_OPEN, STATUS_DEVICE_BUSY, STATUS_TIMEOUT};
    NET_PNP_EVENT event = {.NetEvent = NetEventQueryRemoveDevice};
    power_clients_open();
    for (ULONG i = 0; i < ARRAYSIZE(refusals); i++) {
        count = 0;
        power.answer[0] = refusals[i];
        power.answer[1] = STATUS_SUCCESS;
        ck_assert_int_eq(power_request(&event), refusals[i]);
        log_is("12");
        power.answer[0] = STATUS_SUCCESS;
        power.answer[1] = refusals[i];
        ck_assert_int_eq(power_request(&event), refusals[i]);
    }
    ck_assert_uint_eq(power.dones, 0);
    power_clients_close();
}

NT_TEST(ClientPnPPowerChange_that_pends_may_have_answered_already)
{
    NET_PNP_EVENT event = {.NetEvent = NetEventQueryPower};
    power_clients_open();
    power.completes_inside[0] = true;
    ck_assert_int_eq(power_request(&event), STATUS_SUCCESS);
    power.answer[0] = STATUS_FILES_OPEN;
    ck_assert_int_eq(power_request(&event), STATUS_FILES_OPEN);
    ck_assert_uint_eq(power.dones, 0);        // it had its answer at once
    power_clients_close();
}

NT_TEST(ProviderPnPPowerComplete_is_called_once_with_its_event_and_the_first_refusal_when_the_last_client_has_answered)
{
    NET_PNP_EVENT event = {.NetEvent = NetEventQueryPower}, other = {.NetEvent = NetEventQueryPower};
    power_clients_open();
    power.answer[0] = power.answer[1] = STATUS_PENDING;
    ck_assert_int_eq(power_request(&event), STATUS_PENDING);
    ck_assert_int_eq(power_request(&other), STATUS_PENDING);          // two at once, each with its own answers
    TdiPnPPowerComplete(power.client[1], &other, STATUS_SUCCESS);
    TdiPnPPowerComplete(power.client[1], &event, STATUS_FILES_OPEN);
    ck_assert_uint_eq(power.dones, 0);
    TdiPnPPowerComplete(power.client[0], &event, STATUS_UNSUCCESSFUL);
    ck_assert_uint_eq(power.dones, 1);
    ck_assert_ptr_eq(power.done_event, &event);
    ck_assert_int_eq(power.done, STATUS_FILES_OPEN);
    TdiPnPPowerComplete(power.client[0], &other, STATUS_SUCCESS);
    ck_assert_uint_eq(power.dones, 2);
    ck_assert_ptr_eq(power.done_event, &other);
    ck_assert_int_eq(power.done, STATUS_SUCCESS);
    // An answer at once and one later: the refusal among them counts.
    power.answer[0] = STATUS_DEVICE_BUSY;
    ck_assert_int_eq(power_request(&event), STATUS_PENDING);
    TdiPnPPowerComplete(power.client[1], &event, STATUS_SUCCESS);
    ck_assert_uint_eq(power.dones, 3);
    ck_assert_int_eq(power.done, STATUS_DEVICE_BUSY);
    power_clients_close();
}

NT_TEST(ProviderPnPPowerComplete_may_ask_again_from_inside)
{
    NET_PNP_EVENT event = {.NetEvent = NetEventQueryPower}, next = {.NetEvent = NetEventSetPower};
    power_clients_open();
    power.answer[1] = STATUS_PENDING;
    ck_assert_int_eq(power_request(&event), STATUS_PENDING);
    power.answer[1] = STATUS_SUCCESS;
    power.asks_again = &next;
    power.again = STATUS_UNSUCCESSFUL;
    TdiPnPPowerComplete(power.client[1], &event, STATUS_SUCCESS);
    ck_assert_uint_eq(power.dones, 1);
    ck_assert_int_eq(power.again, STATUS_SUCCESS);
    log_is("1212");
    power_clients_close();
}

NT_TEST(TdiDeregisterPnPHandlers_from_inside_its_power_routine_is_refused_as_busy)
{
    NET_PNP_EVENT event = {.NetEvent = NetEventSetPower};
    power_clients_open();
    power.leaves_inside = true;
    power.left = STATUS_SUCCESS;
    ck_assert_int_eq(power_request(&event), STATUS_SUCCESS);
    ck_assert_int_eq(power.left, STATUS_NETWORK_BUSY);
    power_clients_close();
}

static VOID NTAPI
leaves(PVOID context)
{
    HANDLE client = power.client[0];
    power.client[0] = NULL;
    ck_assert_int_eq(TdiDeregisterPnPHandlers(client), STATUS_SUCCESS);
    note('x', NULL);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID NTAPI
asks(PVOID context)
{
    static NET_PNP_EVENT event = {.NetEvent = NetEventSetPower};
    ck_assert_int_eq(power_request(&event), STATUS_SUCCESS);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static PVOID
thread_start(PKSTART_ROUTINE routine)
{
    HANDLE handle;
    PVOID thread;
    ck_assert_int_eq(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, routine, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, 0, NULL, KernelMode, &thread, NULL), STATUS_SUCCESS);
    ZwClose(handle);
    return thread;
}

static void
thread_join(PVOID thread)
{
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread);
}

// A client that has deregistered may unload: nobody is in its code, and nobody comes.
NT_TEST(TdiDeregisterPnPHandlers_waits_for_its_power_routine)
{
    power_clients_open();
    power.waits = true;
    PVOID asking = thread_start(asks);
    KeWaitForSingleObject(&power.entered, Executive, KernelMode, FALSE, NULL);
    PVOID leaving = thread_start(leaves);
    LARGE_INTEGER delay = {.QuadPart = -100000};
    KeDelayExecutionThread(KernelMode, FALSE, &delay);
    log_is("1");
    KeSetEvent(&power.go, 0, FALSE);
    thread_join(asking);
    thread_join(leaving);
    ck_assert(count == 4 && calls[0].what == '1' && calls[1].what == '!');    // then the other client and the end of the wait, in any order
    power_clients_close();
}

// --- the library -------------------------------------------------------------------------------------------------------------------

NT_TEST(TdiInitialize_makes_the_boxs_library_once)
{
    TdiInitialize();
    struct tdi *made = box_self()->tdi;
    ck_assert_ptr_nonnull(made);
    TdiInitialize();
    ck_assert_ptr_eq(box_self()->tdi, made);
    HANDLE device = device_open(L"\\Device\\T");
    ck_assert_ptr_eq(box_self()->tdi, made);
    TdiDeregisterDeviceObject(device);
}
