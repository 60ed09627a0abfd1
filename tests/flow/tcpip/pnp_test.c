// SPDX-License-Identifier: MIT
// What TDI's clients hear of adapters and addresses: power and removal with a veto or an answer that comes later, addresses added and
// taken back, a link that goes and comes, an address in use elsewhere; scopes of link-local addresses.
#include "kit.h"

#include <stdio.h>
#include <string.h>

static struct tk_address a, b;
static struct tk_pair pair;
static struct tk_request r1, r2;
static struct {
    HANDLE handle;
    NTSTATUS answer;                 // to a query; STATUS_PENDING: a thread answers with late_answer
    NTSTATUS late_answer;
    NET_PNP_EVENT *pending;
    LONG asked[32];                  // by event code
    WCHAR device[64];
    LONG added, deleted;
    UCHAR address6[16];              // the last link-local one, with its scope
    ULONG scope;
    KEVENT has_pended;
} client;

// ---- a client ------------------------------------------------------------------------------------------------------------------

static NTSTATUS NTAPI
on_power(PUNICODE_STRING device, PNET_PNP_EVENT event, PTDI_PNP_CONTEXT context1, PTDI_PNP_CONTEXT context2)
{
    client.asked[event->NetEvent % 32]++;
    memcpy(client.device, device->Buffer, device->Length);
    client.device[device->Length / sizeof(WCHAR)] = 0;
    if (event->NetEvent != NetEventQueryPower && event->NetEvent != NetEventQueryRemoveDevice)
        return client.answer == STATUS_PENDING ? STATUS_SUCCESS : client.answer;
    if (client.answer != STATUS_PENDING)
        return client.answer;
    client.pending = event;
    KeSetEvent(&client.has_pended, 0, FALSE);
    return STATUS_PENDING;
}

static VOID NTAPI
on_add(PTA_ADDRESS address, PUNICODE_STRING name, PTDI_PNP_CONTEXT context)
{
    client.added++;
    if (address->AddressType != TDI_ADDRESS_TYPE_IP6 || address->Address[6] != 0xFE)
        return;
    memcpy(client.address6, address->Address + 6, 16);
    memcpy(&client.scope, address->Address + 22, 4);
}

static VOID NTAPI
on_delete(PTA_ADDRESS address, PUNICODE_STRING name, PTDI_PNP_CONTEXT context)
{
    client.deleted++;
}

static void
client_open(void)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"client");
    TDI_CLIENT_INTERFACE_INFO info = {.TdiVersion = TDI_CURRENT_VERSION, .ClientName = &name, .PnPPowerHandler = on_power};
    info.AddAddressHandlerV2 = on_add;
    info.DelAddressHandlerV2 = on_delete;
    memset(&client, 0, sizeof(client));
    KeInitializeEvent(&client.has_pended, SynchronizationEvent, FALSE);
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof(info), &client.handle), STATUS_SUCCESS);
}

static VOID NTAPI
answer_later(PVOID context)
{
    if (tk_event_wait(&client.has_pended, TK_WAIT_MS)) {
        tk_sleep_ms(5);
        TdiPnPPowerComplete(client.handle, client.pending, client.late_answer);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NDIS_STATUS
try_with_late_answer(enum tn_act act, NTSTATUS answer)
{
    HANDLE handle;
    PVOID thread;
    client.answer = STATUS_PENDING;
    client.late_answer = answer;
    ck_assert_int_eq(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, answer_later, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, 0, NULL, KernelMode, &thread, NULL), STATUS_SUCCESS);
    NDIS_STATUS status = tn_try(0, act);
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread);
    ZwClose(handle);
    client.answer = STATUS_SUCCESS;
    return status;
}

// ---- power and removal ---------------------------------------------------------------------------------------------------------

TN_TEST_TWO(TdiPnPPowerRequest_of_tcpip_lets_a_client_refuse_a_removal)
{
    client_open();
    client.answer = STATUS_DEVICE_BUSY;
    ck_assert_int_ne(tn_try(0, TN_REMOVE), STATUS_SUCCESS);
    ck_assert_int_eq(client.asked[NetEventQueryRemoveDevice], 1);
    ck_assert_int_eq(client.asked[NetEventCancelRemoveDevice], 1);
    ck_assert_int_ne(client.device[0], 0);
    ck_assert_int_eq(client.deleted, 0);
    // It is as it was.
    tk_pair_open(&pair, TN_DEVICE);
    tk_pair_close(&pair);
    client.answer = STATUS_SUCCESS;
    LONG added = client.added;
    tn_do(0, TN_REMOVE);
    ck_assert_int_eq(client.asked[NetEventQueryRemoveDevice], 2);
    ck_assert_int_eq(client.deleted, added);          // what was told is taken back
    TdiDeregisterPnPHandlers(client.handle);
}

TN_TEST_TWO(TdiPnPPowerComplete_of_a_client_ends_what_NDIS_waits_for)
{
    client_open();
    ck_assert_int_ne(try_with_late_answer(TN_REMOVE, STATUS_DEVICE_BUSY), STATUS_SUCCESS);
    ck_assert_int_eq(client.asked[NetEventQueryRemoveDevice], 1);
    tk_pair_open(&pair, TN_DEVICE);
    tk_pair_close(&pair);
    ck_assert_int_eq(try_with_late_answer(TN_REMOVE, STATUS_SUCCESS), STATUS_SUCCESS);
    ck_assert_int_eq(client.asked[NetEventQueryRemoveDevice], 2);
    TdiDeregisterPnPHandlers(client.handle);
}

TN_TEST_TWO(a_client_is_told_of_sleep_and_wake_and_may_refuse_only_the_question)
{
    client_open();
    tn_do(0, TN_SLEEP);
    ck_assert_int_eq(client.asked[NetEventQueryPower], 1);
    ck_assert_int_eq(client.asked[NetEventSetPower], 1);
    tn_do(0, TN_WAKE);
    ck_assert_int_eq(client.asked[NetEventSetPower], 2);
    ck_assert_int_eq(client.deleted, 0);              // asleep or not, the addresses are ours
    client.answer = STATUS_UNSUCCESSFUL;
    ck_assert_int_ne(tn_try(0, TN_SLEEP), STATUS_SUCCESS);
    ck_assert_int_eq(client.asked[NetEventQueryPower], 2);
    client.answer = STATUS_SUCCESS;
    tk_pair_open(&pair, TN_DEVICE);
    tk_pair_close(&pair);
    TdiDeregisterPnPHandlers(client.handle);
}

// ---- addresses and links -------------------------------------------------------------------------------------------------------

static const char *
with_port_0(const char *name)
{
    static char text[64];
    strcpy(text, name);
    strcpy(strrchr(text, ':'), ":0");
    return text;
}

TN_TEST_TWO(an_address_stays_valid_while_its_link_goes_and_comes)
{
    bool is_six = tn_net.place == TN_TWO6;
    PCWSTR udp = is_six ? L"\\Device\\Udp6" : L"\\Device\\Udp", raw = is_six ? L"\\Device\\RawIp6\\253" : L"\\Device\\RawIp\\253";
    client_open();
    LONG added = client.added;
    ck_assert_int_ge(added, 3);                       // two of the stack file, one link-local
    tk_pair_open(&pair, TN_DEVICE);
    tn_cable(false);
    tk_settle();
    // Opened while there is no link, for each transport; what cannot be sent now is unreachable, not invalid.
    tk_open_address(&a, udp, with_port_0(tn_name_here(1)));
    tk_open_address(&b, raw, with_port_0(tn_name_here(1)));
    tk_send_datagram(&r1, &a, tn_name_there(9), "x", 1);
    ck_assert_int_eq(tk_wait(&r1), TDI_DEST_NET_UNREACH);
    tk_send_datagram(&r1, &b, tn_name_there(9), "x", 1);
    ck_assert_int_eq(tk_wait(&r1), TDI_DEST_NET_UNREACH);
    tk_close_address(&b);
    tk_open_address(&b, TN_DEVICE, with_port_0(tn_name_here(1)));
    tk_close_address(&b);
    tk_send(&r2, &pair.here, "through", 7, 0);
    tn_cable(true);
    tk_receive(&r1, &pair.there, r1.data, 7, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);   // the connection outlives it
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_send_datagram(&r1, &a, tn_name_there(9), "x", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(client.deleted, 0);
    ck_assert_int_eq(client.added, added);
    ck_assert_int_eq(tk_try_address(&b, udp, is_six ? "[fd00::77]:0" : "10.0.0.77:0"), TDI_ADDR_INVALID);
    tk_close_address(&a);
    tk_pair_close(&pair);
    TdiDeregisterPnPHandlers(client.handle);
}

// ---- scopes --------------------------------------------------------------------------------------------------------------------

static void
link_local(char *text, const UCHAR *address, ULONG scope, unsigned port)
{
    int at = snprintf(text, 96, "[");
    for (unsigned i = 0; i < 16; i += 2)
        at += snprintf(text + at, 96 - (size_t)at, "%s%x", i ? ":" : "", address[i] << 8 | address[i + 1]);
    if (scope)
        at += snprintf(text + at, 96 - (size_t)at, "%%%u", scope);
    snprintf(text + at, 96 - (size_t)at, "]:%u", port);
}

static void
scopes(void)
{
    char name[96], peer[96];
    struct {
        ULONG activity;
        TA_IP6_ADDRESS name;
    } info;
    client_open();
    // The address that clients were told of comes with its link, and can be bound with it, and without.
    ck_assert_uint_gt(client.scope, 1);
    link_local(name, client.address6, client.scope, 600);
    tk_open_address(&a, L"\\Device\\Udp6", name);
    tk_query(&r1, a.file, TDI_QUERY_ADDRESS_INFO, &info, sizeof(info));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(info.name.Address[0].Address[0].sin6_scope_id, client.scope);
    link_local(peer, client.address6, 0, 601);
    tk_open_address(&b, L"\\Device\\Udp6", peer);
    // In: the source has a scope, and a filter without one fits it.
    tk_receive_datagram(&r1, &b, r1.data, 8, name);
    tk_receive_datagram(&r2, &a, r2.data, 8, peer);
    static struct tk_request r3;
    tk_send_datagram(&r3, &a, peer, "there", 5);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.back_ip6.Address[0].Address[0].sin6_scope_id, client.scope);
    tk_send_datagram(&r3, &b, name, "back", 4);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_close_address(&b);
    // A group of the link, over it and no other.
    tk_send_datagram(&r3, &a, "[ff02::1]:9", "all", 3);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    // No such link; another link's; one that a global address does not need.
    link_local(name, client.address6, 77, 602);
    ck_assert_int_eq(tk_try_address(&b, L"\\Device\\Udp6", name), TDI_ADDR_INVALID);
    ck_assert_int_eq(tk_try_address(&b, L"\\Device\\Tcp6", name), TDI_ADDR_INVALID);
    ck_assert_int_eq(tk_try_address(&b, L"\\Device\\RawIp6\\253", name), TDI_ADDR_INVALID);
    link_local(name, client.address6, 1, 602);
    ck_assert_int_eq(tk_try_address(&b, L"\\Device\\Udp6", name), TDI_ADDR_INVALID);
    ck_assert_int_eq(tk_try_address(&b, L"\\Device\\Udp6", "[fd00::1%77]:602"), STATUS_SUCCESS);
    tk_close_address(&b);
    tk_close_address(&a);
    TdiDeregisterPnPHandlers(client.handle);
}
TEST_TIMEOUT(120, sin6_scope_id_names_the_link_of_a_link_local_address_in_and_out) { tn_run(__func__, scopes, TN_TWO6, 0, 6); }

static void
peer_note(void *arg)
{
    client_open();
    memcpy(arg, client.address6, 16);
    TdiDeregisterPnPHandlers(client.handle);
}

static void
link_local_connection(void)
{
    UCHAR peer[16];
    char name[96], server[96];
    tk_settle();                                      // until the other box knows its own address
    tn_in_box(1, peer_note, peer);
    client_open();
    link_local(name, client.address6, client.scope, 0);
    link_local(server, peer, client.scope, 4242);
    tk_open_pair(&pair.client, &pair.here, L"\\Device\\Tcp6", name);
    // Nobody listens there: the refusal shows that the way was found.
    tk_connect(&r1, &pair.here, server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
    tk_close_endpoint(&pair.here);
    tk_close_address(&pair.client);
    TdiDeregisterPnPHandlers(client.handle);
}
TEST_TIMEOUT(120, a_connection_between_link_local_addresses_goes_over_the_link_of_its_scope)
{
    tn_run(__func__, link_local_connection, TN_TWO6, 0, 6);
}
