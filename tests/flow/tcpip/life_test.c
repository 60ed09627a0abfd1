// SPDX-License-Identifier: MIT
// What happens to connections while the adapter below them lives its life, and to the driver while clients hold its files: a connection is
// told of nothing, and goes on as soon as segments pass again.
#include "kit.h"

#include <stdio.h>
#include <string.h>

#include "nt/io/image.h"
#include "nt/ke/ke.h"

static struct tk_pair pair;
static struct tk_request r1, r2, r3;
static UCHAR big[1 << 20], got[50000], room[4096];

#define NO_TIMEOUT 1
#define LONG_TIMEOUT (-600000000LL)

static void
open_pair(void)
{
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handler_of(&pair.server, TDI_EVENT_DISCONNECT);
    tk_set_handler_of(&pair.client, TDI_EVENT_DISCONNECT);
    tk_pair_connect(&pair);
}

static ULONG
receive_some(ULONG at)
{
    tk_receive(&r2, &pair.here, got, sizeof(got), TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait_long(&r2, 300000), STATUS_SUCCESS);
    ck_assert_uint_le(at + r2.iosb.Information, sizeof(big));
    ck_assert_int_eq(memcmp(got, big + at, r2.iosb.Information), 0);
    return (ULONG)r2.iosb.Information;
}

// A megabyte from there to here, with the act in the middle of it; then both release.
static void
transfer_through(int box, enum tn_act act, enum tn_act back)
{
    ULONG at = 0;
    for (ULONG i = 0; i < sizeof(big); i++)
        big[i] = (UCHAR)(i * 13 + (i >> 10));
    open_pair();
    tk_send(&r1, &pair.there, big, sizeof(big), 0);
    while (at < sizeof(big) / 4)
        at += receive_some(at);
    tn_do(box, act);
    tk_sleep_ms(50);
    if (back != act)
        tn_do(box, back);
    while (at < sizeof(big))
        at += receive_some(at);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(pair.here.disconnects + pair.there.disconnects, 0);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert(tk_disconnected(&pair.there, 60000));
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

TN_TEST_TWO(a_transfer_goes_on_after_a_pause_at_either_end)
{
    transfer_through(0, TN_PAUSE, TN_RESTART);
    transfer_through(1, TN_PAUSE, TN_RESTART);
}

TN_TEST_TWO(a_transfer_goes_on_after_a_reset_at_either_end)
{
    transfer_through(0, TN_RESET, TN_RESET);
    transfer_through(1, TN_RESET, TN_RESET);
}

TN_TEST_TWO(a_transfer_goes_on_after_a_sleep_at_either_end)
{
    transfer_through(0, TN_SLEEP, TN_WAKE);
    transfer_through(1, TN_SLEEP, TN_WAKE);
}

TN_TEST_TWO(a_transfer_goes_on_after_the_cable_was_out_at_either_end)
{
    transfer_through(0, TN_PULL, TN_PUSH);
    transfer_through(1, TN_PULL, TN_PUSH);
}

// Unbound: its addresses go with it, and come back with it.
TN_TEST_TWO(a_transfer_goes_on_when_an_adapter_that_was_removed_comes_back_at_either_end)
{
    transfer_through(0, TN_REMOVE, TN_ADD);
    transfer_through(1, TN_REMOVE, TN_ADD);
}

TN_TEST_TWO(a_transfer_goes_on_when_an_adapter_that_was_pulled_out_comes_back_at_either_end)
{
    transfer_through(0, TN_SURPRISE, TN_ADD);
    transfer_through(1, TN_SURPRISE, TN_ADD);
}

TN_TEST_TWO(an_adapter_that_does_not_come_back_ends_its_connections_when_retransmission_gives_up)
{
    open_pair();
    tn_do(0, TN_SURPRISE);
    tk_send(&r1, &pair.here, "lost", 4, 0);
    tk_receive(&r2, &pair.here, room, sizeof(room), 0);
    NTSTATUS status = tk_wait_long(&r1, 3600000);
    ck_assert_msg(status == TDI_TIMED_OUT || status == TDI_DEST_HOST_UNREACH, "%08x", (unsigned)status);
    ck_assert_int_eq(tk_wait(&r2), status);
    ck_assert(tk_disconnected(&pair.here, 5000));
    ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_ABORT);
    tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
    status = tk_wait(&r1);
    ck_assert_msg(status == TDI_DEST_NET_UNREACH || status == TDI_DEST_HOST_UNREACH, "%08x", (unsigned)status);
    tk_disconnect(&r1, &pair.there, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tn_do(0, TN_ADD);
    tk_sleep_ms(3000);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// ---- buffers that are lent ------------------------------------------------------------------------------------------------------

static KEVENT paused;

static VOID NTAPI
pause_run(PVOID context)
{
    tn_do(0, TN_PAUSE);
    KeSetEvent(&paused, 0, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

// A client that keeps a chained receive keeps a buffer of the miniport: the adapter is not paused before it has come back.
TN_TEST_TWO(a_pause_waits_for_the_buffers_that_a_client_keeps)
{
    HANDLE thread;
    KeInitializeEvent(&paused, NotificationEvent, FALSE);
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handlers(&pair.client);
    tk_set_handler_of(&pair.client, TDI_EVENT_CHAINED_RECEIVE);
    pair.client.keeps = true;
    tk_pair_connect(&pair);
    tk_send(&r1, &pair.there, big, 1000, 0);            // fewer than 256 would have been copied
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(pair.client.kept_count, 1);
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, pause_run, NULL), STATUS_SUCCESS);
    ZwClose(thread);
    ck_assert(!tk_event_wait(&paused, 500));
    TdiReturnChainedReceives(pair.client.kept, 1);
    ck_assert(tk_event_wait(&paused, 5000));
    pair.client.keeps = false;
    tn_do(0, TN_RESTART);
    tk_send(&r1, &pair.there, "goes on", 7, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(pair.here.stream_bytes, 1007);
    ck_assert_int_eq(memcmp(pair.here.stream + 1000, "goes on", 7), 0);
    tk_pair_close(&pair);
}

// ---- what TDI's clients are told ------------------------------------------------------------------------------------------------

static struct {
    LONG devices, addresses, providers, nets;
} told;

static VOID NTAPI
on_binding(TDI_PNP_OPCODE opcode, PUNICODE_STRING name, PWSTR list)
{
    told.devices += opcode == TDI_PNP_OP_ADD;
    told.devices -= opcode == TDI_PNP_OP_DEL;
    told.providers += opcode == TDI_PNP_OP_PROVIDERREADY;
    told.nets += opcode == TDI_PNP_OP_NETREADY;
}

static VOID NTAPI
on_add(PTA_ADDRESS address, PUNICODE_STRING name, PTDI_PNP_CONTEXT context)
{
    told.addresses++;
}

static VOID NTAPI
on_delete(PTA_ADDRESS address, PUNICODE_STRING name, PTDI_PNP_CONTEXT context)
{
    told.addresses--;
}

static HANDLE
client_open(void)
{
    UNICODE_STRING name;
    HANDLE handle;
    TDI_CLIENT_INTERFACE_INFO info = {.TdiVersion = TDI_CURRENT_VERSION, .ClientName = &name};
    RtlInitUnicodeString(&name, L"client");
    info.BindingHandler = on_binding;
    info.AddAddressHandlerV2 = on_add;
    info.DelAddressHandlerV2 = on_delete;
    memset(&told, 0, sizeof(told));
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof(info), &handle), STATUS_SUCCESS);
    return handle;
}

TN_TEST_TWO(clients_hear_of_addresses_as_adapters_come_and_go)
{
    HANDLE client = client_open();
    tk_sleep_ms(3000);
    LONG devices = told.devices, addresses = told.addresses;
    ck_assert_int_ge(devices, 4);                       // \Device\Tcp, Tcp6, Udp, Udp6
    ck_assert_int_ge(addresses, 2);                     // one of either family, at least
    ck_assert_int_eq(told.nets, 1);
    tn_do(0, TN_REMOVE);
    ck_assert_int_eq(told.addresses, 0);
    ck_assert_int_eq(told.devices, devices);
    tn_do(0, TN_ADD);
    tk_sleep_ms(3000);
    ck_assert_int_eq(told.addresses, addresses);
    ck_assert_int_eq(TdiDeregisterPnPHandlers(client), STATUS_SUCCESS);
    tn_do(0, TN_REMOVE);
    ck_assert_int_eq(told.addresses, addresses);        // it hears no more
    tn_do(0, TN_ADD);
}

// The driver is unloaded while clients hold its files: no new ones are opened, what is there lives on, and with the last file it goes.
// A client that hears of it may deregister afterwards as well.
TN_TEST_TWO(an_unload_waits_for_the_last_connection_and_takes_everything_back)
{
    static struct tk_address late;
    HANDLE client = client_open();
    open_pair();
    tk_receive(&r1, &pair.there, room, sizeof(room), 0);
    struct io_image *image = io_image_find(box_self(), "tcpip");
    ck_assert_int_eq(io_image_unload(image), STATUS_PENDING);
    ck_assert_int_eq(tk_try_address(&late, TN_DEVICE, NULL), STATUS_NO_SUCH_DEVICE);
    tk_send(&r2, &pair.here, "still here", 10, 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_disconnect(&r3, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert(tk_disconnected(&pair.there, 5000));
    tk_close_endpoint(&pair.here);                      // with the RELEASE pending: it is aborted
    ck_assert_int_eq(tk_wait(&r3), STATUS_CANCELLED);
    ck_assert_int_gt(told.devices, 0);
    tk_close_address(&pair.client);
    for (int i = 0; io_image_find(box_self(), "tcpip") && i < 1000; i++)
        tk_sleep_ms(1);
    ck_assert_ptr_null(io_image_find(box_self(), "tcpip"));
    ck_assert_int_eq(told.devices, 0);
    ck_assert_int_eq(told.addresses, 0);
    ck_assert_int_eq(TdiDeregisterPnPHandlers(client), STATUS_SUCCESS);
    ck_assert_int_eq(tk_try_address(&late, TN_DEVICE, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    tk_pair_close(&pair);
}

// And while connections that nobody holds any more are still about: TIME_WAIT, a FIN that is not answered, bytes on their way.
TN_TEST_TWO(an_unload_ends_the_connections_that_the_protocol_still_has)
{
    open_pair();
    tn_do(1, TN_PULL);
    tk_send(&r1, &pair.there, big, sizeof(big), 0);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, 0);
    ck_assert_int_eq(tk_wait(&r2), TDI_TIMED_OUT);
    tk_close_endpoint(&pair.there);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_pair_close(&pair);
}
