// SPDX-License-Identifier: MIT
// Files and what may be done with them: addresses, connections, control channels; associating, connecting, listening; closing them while
// they are in use; queries; what is refused, and with which status.
#include "kit.h"

#include <string.h>

#include "../../../drivers/tdimem/tdimem.h"
#include <nbx/file.h>
#include <tdiinfo.h>

static struct tk_pair pair;
static struct tk_request r1, r2, r3;
static UCHAR room[8192];

TDI_TEST(an_address_is_bound_once_and_a_wildcard_gets_a_name_of_its_own)
{
    static struct tk_address a, b;
    struct {
        ULONG activity;
        TA_NETBIOS_ADDRESS name;
    } info;
    tk_open_address(&a, TK_MEM, "taken");
    ck_assert_int_eq(tk_try_address(&b, TK_MEM, "taken"), TDI_ADDR_IN_USE);
    tk_open_address(&b, TK_ABRUPT, "taken");           // another device, other names
    tk_close_address(&b);
    tk_close_address(&a);
    tk_open_address(&a, TK_MEM, "taken");
    tk_open_address(&b, TK_MEM, NULL);
    tk_query(&r1, b.file, TDI_QUERY_ADDRESS_INFO, &info, sizeof(info));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(info.activity, 1);
    ck_assert_int_eq(info.name.TAAddressCount, 1);
    ck_assert_int_eq(memcmp(info.name.Address[0].Address[0].NetbiosName, "TDIMEM", 6), 0);
    tk_close_address(&b);
    tk_close_address(&a);
}

TDI_TEST(extended_attributes_that_are_none_are_refused)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\TdiMem");
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    HANDLE handle;
    union {
        FILE_FULL_EA_INFORMATION ea;
        UCHAR bytes[64];
    } u;
    struct {
        UCHAR name_bytes;
        USHORT value_bytes;
        ULONG bytes;
        const char *text;
        NTSTATUS status;
    } cases[] = {{6, 0, 15, "Nobody", STATUS_INVALID_EA_NAME},
                 {16, 40, 30, TdiTransportAddress, STATUS_EA_LIST_INCONSISTENT},
                 {16, 3, 8 + 17 + 3, TdiTransportAddress, TDI_BAD_ADDR},
                 {17, 3, 8 + 18 + 3, TdiConnectionContext, STATUS_EA_LIST_INCONSISTENT},
                 {16, 0, 4, TdiTransportAddress, STATUS_EA_LIST_INCONSISTENT}};
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    for (ULONG i = 0; i < ARRAYSIZE(cases); i++) {
        memset(&u, 0, sizeof(u));
        u.ea.EaNameLength = cases[i].name_bytes;
        u.ea.EaValueLength = cases[i].value_bytes;
        memcpy(u.ea.EaName, cases[i].text, strlen(cases[i].text));
        NTSTATUS status = ZwCreateFile(&handle, GENERIC_READ, &attributes, &iosb, NULL, 0, 0, FILE_OPEN, 0, &u, cases[i].bytes);
        ck_assert_msg(status == cases[i].status, "case %u: %08x", (unsigned)i, (unsigned)status);
    }
    // none at all: a control channel
    ck_assert_int_eq(ZwCreateFile(&handle, GENERIC_READ, &attributes, &iosb, NULL, 0, 0, FILE_OPEN, 0, NULL, 0), STATUS_SUCCESS);
    ZwClose(handle);
}

TDI_TEST(TDI_ASSOCIATE_ADDRESS_takes_one_address_of_the_same_device)
{
    static struct tk_address a, b, other;
    static struct tk_endpoint e;
    tk_open_address(&a, TK_MEM, "a");
    tk_open_address(&b, TK_MEM, "b");
    tk_open_address(&other, TK_ABRUPT, "c");
    tk_open_endpoint(&e, TK_MEM);
    tk_listen(&r1, &e, 0, NULL);
    ck_assert_int_eq(tk_wait(&r1), TDI_NOT_ASSOCIATED);
    tk_connect(&r1, &e, "a", NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_NOT_ASSOCIATED);
    ck_assert_int_eq(tk_disassociate(&e), TDI_NOT_ASSOCIATED);
    ck_assert_int_eq(tk_associate(&e, &other), STATUS_INVALID_PARAMETER);
    HANDLE right = a.handle;
    a.handle = e.handle;                                // no address
    ck_assert_int_eq(tk_associate(&e, &a), STATUS_INVALID_PARAMETER);
    a.handle = (HANDLE)0x7ffffff0;
    ck_assert_int_eq(tk_associate(&e, &a), STATUS_INVALID_HANDLE);
    a.handle = right;
    ck_assert_int_eq(tk_associate(&e, &a), STATUS_SUCCESS);
    ck_assert_int_eq(tk_associate(&e, &b), TDI_ALREADY_ASSOCIATED);
    ck_assert_int_eq(tk_disassociate(&e), STATUS_SUCCESS);
    ck_assert_int_eq(tk_associate(&e, &b), STATUS_SUCCESS);
    tk_close_endpoint(&e);
    tk_close_address(&a);
    tk_close_address(&b);
    tk_close_address(&other);
}

TDI_TEST(TDI_CONNECT_to_nobody_is_refused_and_one_that_is_not_answered_times_out)
{
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, NULL);
    tk_connect(&r1, &pair.here, "no such name", NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
    tk_connect(&r1, &pair.here, "server", NULL, 0);     // nobody listens
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
    tk_listen(&r2, &pair.there, TDI_QUERY_ACCEPT, NULL);
    ULONGLONG before = KeQueryInterruptTime();
    tk_connect(&r1, &pair.here, "server", NULL, -5000000LL);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_connect(&r3, &pair.here, "server", NULL, 0);
    ck_assert_int_eq(tk_wait(&r3), TDI_CONNECTION_ACTIVE);
    ck_assert_int_eq(tk_wait(&r1), TDI_TIMED_OUT);
    ck_assert_uint_ge(KeQueryInterruptTime() - before, 5000000);
    ck_assert_uint_le(KeQueryInterruptTime() - before, 6000000);
    tk_connect(&r1, &pair.here, "server", NULL, 7);
    ck_assert_int_eq(tk_wait(&r1), STATUS_INVALID_PARAMETER);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_LISTENs_are_served_in_order_and_those_that_wait_for_somebody_only_by_him)
{
    static struct tk_endpoint second;
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, "caller");
    tk_open_endpoint(&second, TK_MEM);
    ck_assert_int_eq(tk_associate(&second, &pair.server), STATUS_SUCCESS);
    tk_listen(&r1, &pair.there, 0, "another");
    tk_listen(&r2, &second, 0, "caller");
    tk_connect(&r3, &pair.here, "server", "hello", 0);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(r2.back_data, "hello", 5), 0);
    ck_assert_int_eq(memcmp(r2.back_remote.Address[0].Address[0].NetbiosName, "caller", 7), 0);
    ck_assert(!tk_is_done(&r1));
    tk_listen(&r2, &second, 2, NULL);
    ck_assert_int_eq(tk_wait(&r2), STATUS_INVALID_PARAMETER);
    tk_listen(&r2, &second, 0, NULL);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_ACTIVE);
    tk_accept(&r2, &pair.there, NULL);                  // without QUERY_ACCEPT
    ck_assert_int_eq(tk_wait(&r2), TDI_INVALID_CONNECTION);
    tk_close_endpoint(&pair.there);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_close_endpoint(&second);
    tk_pair_close(&pair);
}

TDI_TEST(ClientEventConnect_accepts_with_its_own_request_and_data_goes_both_ways)
{
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, NULL);
    tk_set_handlers(&pair.server);
    pair.server.accepts = &pair.there;
    tk_connect(&r1, &pair.here, "server", "please", 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(r1.back.UserDataLength, 7);
    ck_assert_int_eq(memcmp(r1.back_data, "welcome", 7), 0);
    ck_assert_uint_eq(r1.back_options, TDIMEM_ACCEPTS);
    ck_assert_int_eq(tk_wait(&pair.server.accept), STATUS_SUCCESS);
    ck_assert_int_eq(pair.server.offer_bytes, 6);
    ck_assert_int_eq(memcmp(pair.server.offer_data, "please", 6), 0);
    tk_send(&r1, &pair.here, "hi", 2, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(pair.there.stream_bytes, 2);      // with the context that the handler gave
    pair.server.accepts = &pair.there;                  // it is in use: refused, and the request says so
    static struct tk_endpoint third;
    tk_open_endpoint(&third, TK_MEM);
    ck_assert_int_eq(tk_associate(&third, &pair.client), STATUS_SUCCESS);
    tk_connect(&r1, &third, "server", NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
    ck_assert_int_eq(tk_wait(&pair.server.accept), TDI_INVALID_CONNECTION);
    tk_close_endpoint(&third);
    tk_pair_close(&pair);
}

// ---- closing what is in use -----------------------------------------------------------------------------------------------------

TDI_TEST(closing_a_connection_file_ends_everything_that_pends_on_it)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.server);
    tk_receive(&r1, &pair.here, room, 10, 0);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    ck_assert(tk_event_wait(&pair.there.disconnected, 5000));
    ObReferenceObject(pair.here.file);                  // the file lives on, its handle does not
    ZwClose(pair.here.handle);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
    tk_receive(&r1, &pair.here, room, 10, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_send(&r1, &pair.there, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_RESET);
    ObDereferenceObject(pair.here.file);
    ObDereferenceObject(pair.here.file);
    pair.here.file = NULL;
    tk_pair_close(&pair);
}

TDI_TEST(an_address_that_is_closed_ends_its_connections_and_lets_its_endpoints_go)
{
    static struct tk_endpoint listener;
    static struct tk_address again;
    tk_pair_open(&pair, TK_MEM);
    tk_open_endpoint(&listener, TK_MEM);
    ck_assert_int_eq(tk_associate(&listener, &pair.server), STATUS_SUCCESS);
    tk_set_handlers(&pair.client);
    tk_set_handlers(&pair.server);
    tk_receive(&r1, &pair.there, room, 10, 0);
    tk_listen(&r2, &listener, 0, NULL);
    tk_receive_datagram(&r3, &pair.server, room, 10, NULL);
    tk_close_address(&pair.server);
    ck_assert_int_eq(tk_wait(&r1), TDI_ADDR_DELETED);
    ck_assert_int_eq(tk_wait(&r2), TDI_ADDR_DELETED);
    ck_assert_int_eq(tk_wait(&r3), STATUS_CANCELLED);
    ck_assert_int_eq(pair.there.disconnects, 0);        // its handlers went with it
    ck_assert(tk_event_wait(&pair.here.disconnected, 5000));
    ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_ABORT);
    tk_listen(&r1, &pair.there, 0, NULL);
    ck_assert_int_eq(tk_wait(&r1), TDI_NOT_ASSOCIATED);
    tk_open_address(&again, TK_MEM, "server");
    ck_assert_int_eq(tk_associate(&pair.there, &again), STATUS_SUCCESS);
    tk_pair_connect(&pair);
    tk_close_endpoint(&listener);
    tk_close_address(&again);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISASSOCIATE_ADDRESS_aborts_a_live_connection)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.client);
    tk_receive(&r1, &pair.there, room, 10, 0);
    ck_assert_int_eq(tk_disassociate(&pair.there), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    ck_assert(tk_event_wait(&pair.here.disconnected, 5000));
    ck_assert_int_eq(tk_associate(&pair.there, &pair.server), STATUS_SUCCESS);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// ---- queries --------------------------------------------------------------------------------------------------------------------

TDI_TEST(TDI_QUERY_INFORMATION_answers_what_the_transport_is_and_how_it_stands)
{
    TDI_PROVIDER_INFO provider;
    TDI_CONNECTION_INFO connection;
    TDI_DATAGRAM_INFO datagram;
    TDI_MAX_DATAGRAM_INFO most;
    TDI_PROVIDER_STATISTICS statistics;
    tk_pair_open(&pair, TK_MEM);
    tk_send(&r1, &pair.here, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_query(&r1, pair.here.file, TDI_QUERY_PROVIDER_INFO, &provider, sizeof(provider));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.iosb.Information, sizeof(provider));
    ck_assert_uint_eq(provider.Version, 0x0200);
    ck_assert_uint_eq(provider.MaxConnectionUserData, MEM_USER_DATA_BYTES);
    ck_assert(provider.ServiceFlags & TDI_SERVICE_ORDERLY_RELEASE);
    ck_assert(provider.ServiceFlags & TDI_SERVICE_MESSAGE_MODE);
    tk_query(&r1, pair.here.file, TDI_QUERY_CONNECTION_INFO, &connection, sizeof(connection));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(connection.State, 1);
    ck_assert_uint_eq(connection.TransmittedTsdus, 1);
    ck_assert_uint_eq(connection.SendBufferSize, MEM_WINDOW_BYTES);
    tk_query(&r1, pair.server.file, TDI_QUERY_CONNECTION_INFO, &connection, sizeof(connection));
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_QUERY);
    tk_query(&r1, pair.server.file, TDI_QUERY_DATAGRAM_INFO, &datagram, sizeof(datagram));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(datagram.MaximumDatagramBytes, MEM_DATAGRAM_BYTES);
    tk_query(&r1, pair.server.file, TDI_QUERY_MAX_DATAGRAM_INFO, &most, sizeof(most));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(most.MaxDatagramSize, MEM_DATAGRAM_BYTES);
    tk_query(&r1, pair.server.file, TDI_QUERY_PROVIDER_STATISTICS, &statistics, sizeof(statistics));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(statistics.OpenConnections, 2);
    tk_query(&r1, pair.server.file, TDI_QUERY_PROVIDER_INFO, &provider, 8);
    ck_assert_int_eq(tk_wait(&r1), TDI_BUFFER_OVERFLOW);
    ck_assert_uint_eq(r1.iosb.Information, 8);
    tk_query(&r1, pair.server.file, TDI_QUERY_FIND_NAME, room, 8);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_QUERY);
    tk_pair_close(&pair);
}

// ---- refusals -------------------------------------------------------------------------------------------------------------------

TDI_TEST(requests_on_the_wrong_kind_of_file_are_refused)
{
    static const UCHAR connections[] = {TDI_SEND_DATAGRAM, TDI_RECEIVE_DATAGRAM, TDI_SET_EVENT_HANDLER, TDI_SET_INFORMATION, TDI_ACTION,
                                        TDI_DIRECT_SEND, TDI_DIRECT_SEND_DATAGRAM, TDI_DIRECT_ACCEPT, 0, 0x55};
    static const UCHAR addresses[] = {TDI_ASSOCIATE_ADDRESS, TDI_DISASSOCIATE_ADDRESS, TDI_CONNECT, TDI_LISTEN, TDI_ACCEPT, TDI_DISCONNECT,
                                      TDI_SEND, TDI_RECEIVE, TDI_DIRECT_SEND};
    tk_pair_open(&pair, TK_MEM);
    for (ULONG i = 0; i < ARRAYSIZE(connections); i++) {
        tk_raw(&r1, pair.here.file, connections[i]);
        ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_REQUEST);
    }
    for (ULONG i = 0; i < ARRAYSIZE(addresses); i++) {
        tk_raw(&r1, pair.server.file, addresses[i]);
        ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_REQUEST);
    }
    ck_assert_int_eq(tk_set_handler(&pair.server, 11, room), TDI_BAD_EVENT_TYPE);
    ck_assert_int_eq(tk_set_handler(&pair.server, -1, room), TDI_BAD_EVENT_TYPE);
    tk_pair_close(&pair);
}

// ---- datagrams and errors -------------------------------------------------------------------------------------------------------

TDI_TEST(datagrams_go_to_a_request_or_to_a_handler_or_are_lost)
{
    static struct tk_address a, b;
    tk_open_address(&a, TK_MEM, "a");
    tk_open_address(&b, TK_MEM, "b");
    tk_receive_datagram(&r1, &b, room, 100, NULL);
    tk_send_datagram(&r2, &a, "b", "to a request", 12);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(r2.iosb.Information, 12);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.iosb.Information, 12);
    ck_assert_int_eq(memcmp(room, "to a request", 12), 0);
    ck_assert_int_eq(memcmp(r1.back_remote.Address[0].Address[0].NetbiosName, "a", 2), 0);
    tk_receive_datagram(&r1, &b, room, 5, NULL);
    tk_send_datagram(&r2, &a, "b", "too long", 8);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), TDI_BUFFER_OVERFLOW);
    ck_assert_uint_eq(r1.iosb.Information, 5);
    tk_receive_datagram(&r1, &b, room, 100, "somebody else");
    tk_set_handler_of(&b, TDI_EVENT_RECEIVE_DATAGRAM);
    tk_send_datagram(&r2, &a, "b", "handled", 7);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert(tk_event_wait(&b.got_datagram, 5000));
    ck_assert_int_eq(memcmp(b.datagram, "handled", 7), 0);
    b.mode = TK_TAKE_WITH_IRP;
    tk_send_datagram(&r2, &a, "b", "by irp", 6);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert(tk_event_wait(&b.got_datagram, 5000));
    ck_assert_int_eq(tk_wait(&b.receive), STATUS_SUCCESS);
    ck_assert_uint_eq(b.receive.iosb.Information, 6);
    tk_set_handler_of(&b, TDI_EVENT_CHAINED_RECEIVE_DATAGRAM);
    b.keeps = true;
    tk_send_datagram(&r2, &a, "b", "kept", 4);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert(tk_event_wait(&b.got_datagram, 5000));
    ck_assert_int_eq(b.kept_count, 1);
    tk_send_datagram(&r2, &a, "nobody", "lost", 4);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_send_datagram(&r2, &a, "b", room, MEM_DATAGRAM_BYTES + 1);
    ck_assert_int_eq(tk_wait(&r2), TDI_BUFFER_TOO_BIG);
    ck_assert(!tk_is_done(&r1));
    tk_close_address(&b);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_close_address(&a);
    TdiReturnChainedReceives(b.kept, 1);
}

TDI_TEST(ClientEventErrorEx_is_called_before_ClientEventError)
{
    static struct tk_address a;
    struct {
        TDI_ACTION_HEADER header;
        NTSTATUS status;
    } action = {{MEM_TRANSPORT_ID, MEM_ACTION_ERROR, 0}, STATUS_NETWORK_UNREACHABLE};
    tk_open_address(&a, TK_MEM, "a");
    tk_action(&r1, a.file, &action, sizeof(action));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);     // nobody to tell
    tk_set_handler_of(&a, TDI_EVENT_ERROR);
    tk_action(&r1, a.file, &action, sizeof(action));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(a.errors, 1);
    ck_assert_int_eq(a.last_error, STATUS_NETWORK_UNREACHABLE);
    tk_set_handler_of(&a, TDI_EVENT_ERROR_EX);
    tk_action(&r1, a.file, &action, sizeof(action));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(a.errors, 1);
    ck_assert_int_eq(a.errors_ex, 1);
    action.header.ActionCode = 7;
    tk_action(&r1, a.file, &action, sizeof(action));
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_REQUEST);
    tk_close_address(&a);
}

// ---- from user mode --------------------------------------------------------------------------------------------------------------

static struct nbx_file *
user_open(const char *ea_name, const void *value, USHORT value_bytes)
{
    union {
        FILE_FULL_EA_INFORMATION ea;
        UCHAR room[128];
    } u = {0};
    struct nbx_file *file;
    ULONG name_bytes = (ULONG)strlen(ea_name);
    u.ea.EaNameLength = (UCHAR)name_bytes;
    u.ea.EaValueLength = value_bytes;
    memcpy(u.ea.EaName, ea_name, name_bytes);
    memcpy(u.ea.EaName + name_bytes + 1, value, value_bytes);
    ULONG bytes = (ULONG)offsetof(FILE_FULL_EA_INFORMATION, EaName) + name_bytes + 1 + value_bytes;
    ck_assert_int_eq(nbx_file_open_ea("\\Device\\TdiMem", NBX_FILE_READ | NBX_FILE_WRITE | NBX_FILE_OVERLAPPED, &u, bytes, &file),
                     STATUS_SUCCESS);
    return file;
}

// A process connects to itself: everything that it names lies in the input buffer of its request.
TDI_TEST(TdiMapUserRequest_lets_a_process_use_the_transport)
{
    TA_NETBIOS_ADDRESS name = {.TAAddressCount = 1};
    name.Address[0].AddressLength = TDI_ADDRESS_LENGTH_NETBIOS;
    name.Address[0].AddressType = TDI_ADDRESS_TYPE_NETBIOS;
    memcpy(name.Address[0].Address[0].NetbiosName, "user", 4);
    struct {
        TDI_REQUEST_CONNECT request;
        TDI_CONNECTION_INFORMATION to;
        TA_NETBIOS_ADDRESS address;
        char data[8];
    } connect = {.address = name, .data = "userdata"};
    PVOID context = NULL;
    struct nbx_overlapped listened = {0};
    uint32_t done;
    struct nbx_file *address = user_open(TdiTransportAddress, &name, sizeof(name));
    struct nbx_file *server = user_open(TdiConnectionContext, &context, sizeof(context));
    struct nbx_file *client = user_open(TdiConnectionContext, &context, sizeof(context));
    TDI_REQUEST_ASSOCIATE_ADDRESS associate = {.AddressHandle = nbx_file_handle(address)};
    ck_assert_int_eq(nbx_file_control(server, IOCTL_TDI_ASSOCIATE_ADDRESS, &associate, sizeof(associate), NULL, 0, NULL, NULL),
                     STATUS_SUCCESS);
    ck_assert_int_eq(nbx_file_control(client, IOCTL_TDI_ASSOCIATE_ADDRESS, &associate, sizeof(associate), NULL, 0, NULL, NULL),
                     STATUS_SUCCESS);
    TDI_REQUEST_LISTEN listen = {0};
    ck_assert_int_eq(nbx_file_control(server, IOCTL_TDI_LISTEN, &listen, sizeof(listen), NULL, 0, &listened, NULL), STATUS_PENDING);
    connect.request.RequestConnectionInformation = &connect.to;
    connect.to = (TDI_CONNECTION_INFORMATION){.UserData = connect.data, .UserDataLength = sizeof(connect.data),
                  .RemoteAddress = &connect.address, .RemoteAddressLength = sizeof(connect.address)};
    ck_assert_int_eq(nbx_file_control(client, IOCTL_TDI_CONNECT, &connect, sizeof(connect), NULL, 0, NULL, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(nbx_overlapped_wait(&listened, 5000), STATUS_SUCCESS);
    TDI_REQUEST_SEND send = {0};
    ck_assert_int_eq(nbx_file_control(client, IOCTL_TDI_SEND, &send, sizeof(send), "from user mode", 14, NULL, &done), STATUS_SUCCESS);
    ck_assert_uint_eq(done, 14);
    TDI_REQUEST_RECEIVE receive = {0};
    ck_assert_int_eq(nbx_file_control(server, IOCTL_TDI_RECEIVE, &receive, sizeof(receive), room, 100, NULL, &done), STATUS_SUCCESS);
    ck_assert_uint_eq(done, 14);
    ck_assert_int_eq(memcmp(room, "from user mode", 14), 0);
    TDI_REQUEST_QUERY_INFORMATION query = {.QueryType = TDI_QUERY_PROVIDER_INFO};
    TDI_PROVIDER_INFO provider;
    ck_assert_int_eq(nbx_file_control(client, IOCTL_TDI_QUERY_INFORMATION, &query, sizeof(query), &provider, sizeof(provider), NULL, &done),
                     STATUS_SUCCESS);
    ck_assert_uint_eq(provider.Version, 0x0200);
    TDI_REQUEST_DISCONNECT disconnect = {0};
    ck_assert_int_eq(nbx_file_control(client, IOCTL_TDI_DISCONNECT, &disconnect, sizeof(disconnect), NULL, 0, NULL, NULL), STATUS_SUCCESS);
    connect.to.UserData = room;   // outside the input buffer
    ck_assert_int_eq(nbx_file_control(client, IOCTL_TDI_CONNECT, &connect, sizeof(connect), NULL, 0, NULL, NULL), STATUS_INVALID_PARAMETER);
    connect.to.UserData = connect.data;
    connect.to.UserDataLength = sizeof(connect);
    ck_assert_int_eq(nbx_file_control(client, IOCTL_TDI_CONNECT, &connect, sizeof(connect), NULL, 0, NULL, NULL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(nbx_file_control(client, IOCTL_TDI_SET_EVENT_HANDLER, NULL, 0, NULL, 0, NULL, NULL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(nbx_file_control(client, IOCTL_TDI_QUERY_DIRECT_SEND_HANDLER, NULL, 0, NULL, 0, NULL, NULL), STATUS_NOT_IMPLEMENTED);
    nbx_file_close(client);
    nbx_file_close(server);
    nbx_file_close(address);
}
