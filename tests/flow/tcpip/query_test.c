// SPDX-License-Identifier: MIT
// What tcpip tells of itself: objects of IOCTL_TCP_QUERY_INFORMATION_EX on loopback and between two boxes, what it lets a client set, each
// TDI_QUERY_XXX, and what it refuses.
#include "kit.h"

#include <stddef.h>
#include <string.h>

#include "../../../drivers/tcpip/counts.h"
#include <ipmib.h>
#include <tcpioctl.h>
#include <tcpmib.h>
#include <tdiinfo.h>
#include <udpmib.h>

static struct tk_control control;
static struct tk_address a, b;
static struct tk_pair pair;
static struct tk_request r1, r2;
static union {
    UCHAR bytes[65536];
    ULONG numbers[1];
    TDIEntityID entities[1];
    IFEntry interface;
    IPSNMPInfo ip;
    IPAddrEntry addresses[1];
    IPRouteEntry routes[1];
    IPInterfaceInfo info;
    MIB_IPNETROW neighbours[1];
    MIB_TCPSTATS tcp;
    MIB_TCPROW connections[1];
    MIB_TCP6ROW connections6[1];
    MIB_UDPSTATS udp;
    MIB_UDPROW listeners[1];
    MIB_UDP6ROW listeners6[1];
    NBX_TCPIP_COUNT counts[1];
    TRANSPORT_ADDRESS list;
    TDI_PROVIDER_INFO provider;
    TDI_CONNECTION_INFO connection;
} room;
static ULONG_PTR got;

#define COUNT(rows) ((ULONG)(got / sizeof(room.rows[0])))

static NTSTATUS
ask_room(ULONG entity, ULONG instance, ULONG class, ULONG id, ULONG context, ULONG bytes)
{
    TCP_REQUEST_QUERY_INFORMATION_EX request = {
        .ID = {.toi_entity = {entity, instance}, .toi_class = class, .toi_type = INFO_TYPE_PROVIDER, .toi_id = id}};
    memcpy(request.Context, &context, sizeof(context));
    memset(&room, 0xEE, sizeof(room));
    return tk_ioctl(control.file, IOCTL_TCP_QUERY_INFORMATION_EX, &request, sizeof(request), &room, bytes, &got);
}

static NTSTATUS
ask(ULONG entity, ULONG instance, ULONG id)
{
    return ask_room(entity, instance, INFO_CLASS_PROTOCOL, id, 0, sizeof(room));
}

static NTSTATUS
set(PFILE_OBJECT file, ULONG entity, ULONG type, ULONG id, const void *bytes, ULONG count)
{
    union {
        TCP_REQUEST_SET_INFORMATION_EX request;
        UCHAR bytes[256];
    } u = {.request = {.ID = {.toi_entity = {entity, 0}, .toi_class = INFO_CLASS_PROTOCOL, .toi_type = type, .toi_id = id},
                       .BufferSize = count}};
    memcpy(u.bytes + offsetof(TCP_REQUEST_SET_INFORMATION_EX, Buffer), bytes, count);
    return tk_ioctl(file, IOCTL_TCP_SET_INFORMATION_EX, &u, (ULONG)offsetof(TCP_REQUEST_SET_INFORMATION_EX, Buffer) + count, NULL, 0, NULL);
}

static ULONG64
count_named(const char *name)
{
    ck_assert_int_eq(ask_room(CL_NL_ENTITY, 0, INFO_CLASS_IMPLEMENTATION, NBX_TCPIP_COUNTS_ID, 0, sizeof(room)), STATUS_SUCCESS);
    for (ULONG i = 0; i < COUNT(counts); i++)
        if (!strcmp(room.counts[i].Name, name))
            return room.counts[i].Value;
    ck_abort_msg("no counter %s", name);
    return 0;
}

static bool
has_entity(ULONG entity, ULONG instance)
{
    for (ULONG i = 0; i < COUNT(entities); i++)
        if (room.entities[i].tei_entity == entity && room.entities[i].tei_instance == instance)
            return true;
    return false;
}

// ---- entities -------------------------------------------------------------------------------------------------------------------

TN_TEST(IOCTL_TCP_QUERY_INFORMATION_EX_lists_the_entities_and_their_types)
{
    bool is_two = TN_IS_TWO(tn_net.place), is_six = tn_net.place == TN_LOOP6 || tn_net.place == TN_TWO6;
    static const ULONG types[][2] = {{CL_NL_ENTITY, CL_NL_IP}, {ER_ENTITY, ER_ICMP}, {CO_TL_ENTITY, CO_TL_TCP}, {CL_TL_ENTITY, CL_TL_UDP},
                                     {IF_ENTITY, IF_MIB}};
    tk_open_control(&control, TN_DEVICE);
    ck_assert_int_eq(ask_room(GENERIC_ENTITY, 0, INFO_CLASS_GENERIC, ENTITY_LIST_ID, 0, sizeof(room)), STATUS_SUCCESS);
    ULONG_PTR whole = got;
    ck_assert_uint_eq(COUNT(entities), 4u + (is_two ? 2 : 1) * (is_six ? 1 : 2));
    for (ULONG i = 0; i < ARRAYSIZE(types); i++)
        ck_assert(has_entity(types[i][0], 0));
    ck_assert_int_eq(has_entity(IF_ENTITY, 1), is_two);
    ck_assert_int_eq(has_entity(AT_ENTITY, 0), !is_six);
    for (ULONG i = 0; i < ARRAYSIZE(types); i++) {
        ck_assert_int_eq(ask_room(types[i][0], 0, INFO_CLASS_GENERIC, ENTITY_TYPE_ID, 0, 4), STATUS_SUCCESS);
        ck_assert_uint_eq(got, 4);
        ck_assert_uint_eq(room.numbers[0], types[i][1]);
    }
    if (!is_six) {
        ck_assert_int_eq(ask_room(AT_ENTITY, 0, INFO_CLASS_GENERIC, ENTITY_TYPE_ID, 0, 4), STATUS_SUCCESS);
        ck_assert_uint_eq(room.numbers[0], AT_NULL);
    }
    // Too little room: success, whole rows, and how much it would be.
    ck_assert_int_eq(ask_room(GENERIC_ENTITY, 0, INFO_CLASS_GENERIC, ENTITY_LIST_ID, 0, 20), STATUS_SUCCESS);
    ck_assert_uint_eq(got, whole);
    ck_assert_uint_eq(room.entities[1].tei_entity, ER_ENTITY);
    ck_assert_uint_eq(room.numbers[4], 0xEEEEEEEE);
    ck_assert_int_eq(ask_room(GENERIC_ENTITY, 0, INFO_CLASS_GENERIC, ENTITY_LIST_ID, 0, 0), STATUS_SUCCESS);
    ck_assert_uint_eq(got, whole);
    tk_close_control(&control);
}

TDI_TEST(IOCTL_TCP_QUERY_INFORMATION_EX_refuses_what_it_does_not_know)
{
    TCP_REQUEST_QUERY_INFORMATION_EX request = {
        .ID = {{CL_NL_ENTITY, 0}, .toi_class = INFO_CLASS_PROTOCOL, .toi_type = INFO_TYPE_CONNECTION, .toi_id = IP_MIB_STATS_ID}};
    tk_open_control(&control, L"\\Device\\Tcp");
    ck_assert_int_eq(ask(ER_ENTITY, 0, 1), TDI_INVALID_REQUEST);       // ICMP's counters by type: nobody counts those
    ck_assert_int_eq(ask(CO_NL_ENTITY, 0, 1), TDI_INVALID_REQUEST);
    ck_assert_int_eq(ask(CL_NL_ENTITY, 0, 0x777), TDI_INVALID_REQUEST);
    ck_assert_int_eq(ask(CL_NL_ENTITY, 1, IP_MIB_STATS_ID), TDI_INVALID_PARAMETER);
    ck_assert_int_eq(ask(IF_ENTITY, 99, IF_MIB_STATS_ID), TDI_INVALID_PARAMETER);
    ck_assert_int_eq(ask_room(IF_ENTITY, 99, INFO_CLASS_GENERIC, ENTITY_TYPE_ID, 0, 4), TDI_INVALID_PARAMETER);
    ck_assert_int_eq(ask_room(CL_NL_ENTITY, 0, INFO_CLASS_PROTOCOL, IP_INTFC_INFO_ID, 0x01020304, 64), TDI_ADDR_INVALID);
    ck_assert_int_eq(tk_ioctl(control.file, IOCTL_TCP_QUERY_INFORMATION_EX, &request, sizeof(request), &room, 64, &got),
                     TDI_INVALID_PARAMETER);
    ck_assert_int_eq(tk_ioctl(control.file, IOCTL_TCP_QUERY_INFORMATION_EX, &request, 35, &room, 64, &got), TDI_INVALID_PARAMETER);
    ck_assert_int_eq(tk_ioctl(control.file, IOCTL_TCP_QUERY_INFORMATION_EX, NULL, 0, &room, 64, &got), TDI_INVALID_PARAMETER);
    ck_assert_int_eq(tk_ioctl(control.file, CTL_CODE(FILE_DEVICE_NETWORK, 99, METHOD_BUFFERED, FILE_ANY_ACCESS), NULL, 0, NULL, 0, NULL),
                     STATUS_INVALID_DEVICE_REQUEST);
    tk_close_control(&control);
    // Rows of these have no public form for IPv6.
    tk_open_control(&control, L"\\Device\\Tcp6");
    ck_assert_int_eq(ask(CL_NL_ENTITY, 0, IP_MIB_ADDRTABLE_ENTRY_ID), TDI_INVALID_REQUEST);
    ck_assert_int_eq(ask(CL_NL_ENTITY, 0, IP_MIB_ROUTETABLE_ENTRY_ID), TDI_INVALID_REQUEST);
    ck_assert_int_eq(ask(AT_ENTITY, 0, IP_MIB_ARPTABLE_ENTRY_ID), TDI_INVALID_REQUEST);
    tk_close_control(&control);
}

// ---- tables ---------------------------------------------------------------------------------------------------------------------

static ULONG
find_connection(ULONG state)
{
    ULONG found = 0;
    ck_assert_int_eq(ask(CO_TL_ENTITY, 0, TCP_MIB_TABLE_ID), STATUS_SUCCESS);
    bool is_six = tn_net.place == TN_LOOP6 || tn_net.place == TN_TWO6;
    for (ULONG i = 0; i < (is_six ? COUNT(connections6) : COUNT(connections)); i++)
        found += (is_six ? room.connections6[i].State : room.connections[i].dwState) == state;
    return found;
}

TN_TEST(the_table_of_TCP_has_listeners_and_connections_in_their_states)
{
    bool is_two = TN_IS_TWO(tn_net.place);
    tk_open_control(&control, TN_DEVICE);
    ck_assert_uint_eq(find_connection(MIB_TCP_STATE_ESTAB), 0);
    tk_pair_open(&pair, TN_DEVICE);
    ck_assert_uint_eq(find_connection(MIB_TCP_STATE_ESTAB), is_two ? 1 : 2);
    ck_assert_uint_eq(find_connection(MIB_TCP_STATE_LISTEN), is_two ? 1 : 2);     // each address listens
    ck_assert_int_eq(ask(CO_TL_ENTITY, 0, TCP_MIB_STAT_ID), STATUS_SUCCESS);
    ck_assert_uint_eq(got, sizeof(MIB_TCPSTATS));
    ck_assert_uint_eq(room.tcp.dwRtoAlgorithm, MIB_TCP_RTO_VANJ);
    ck_assert_uint_eq(room.tcp.dwActiveOpens, 1);
    ck_assert_uint_eq(room.tcp.dwPassiveOpens, is_two ? 0 : 1);
    ck_assert_uint_eq(room.tcp.dwCurrEstab, is_two ? 1 : 2);
    ck_assert_uint_eq(room.tcp.dwEstabResets, 0);
    ck_assert_uint_ge(room.tcp.dwInSegs, 1);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(ask(CO_TL_ENTITY, 0, TCP_MIB_STAT_ID), STATUS_SUCCESS);
    ck_assert_uint_eq(room.tcp.dwCurrEstab, 0);
    ck_assert_uint_eq(room.tcp.dwEstabResets, is_two ? 1 : 2);
    ck_assert_uint_eq(room.tcp.dwOutRsts, 1);
    ck_assert_uint_eq(find_connection(MIB_TCP_STATE_ESTAB), 0);
    tk_connect(&r1, &pair.here, tn_name_there(1), NULL, 0);             // nobody is there
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
    ck_assert_int_eq(ask(CO_TL_ENTITY, 0, TCP_MIB_STAT_ID), STATUS_SUCCESS);
    ck_assert_uint_eq(room.tcp.dwAttemptFails, 1);
    tk_pair_close(&pair);
    tk_close_control(&control);
}

TDI_TEST(the_tables_of_UDP_have_each_address_and_count_datagrams)
{
    tk_open_control(&control, L"\\Device\\Udp");
    tk_open_address(&a, L"\\Device\\Udp", "127.0.0.1:700");
    tk_open_address(&b, L"\\Device\\Udp6", "[::1]:701");
    ck_assert_int_eq(ask(CL_TL_ENTITY, 0, UDP_MIB_TABLE_ID), STATUS_SUCCESS);
    ck_assert_uint_eq(got, sizeof(MIB_UDPROW));
    ck_assert_uint_eq(room.listeners[0].dwLocalAddr, 0x0100007F);
    ck_assert_uint_eq(room.listeners[0].dwLocalPort, RtlUshortByteSwap(700));
    tk_receive_datagram(&r2, &a, r2.data, 16, NULL);
    tk_send_datagram(&r1, &a, "127.0.0.1:700", "x", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_send_datagram(&r1, &a, "127.0.0.1:9", "x", 1);      // nobody
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_send_datagram(&r1, &a, "127.0.0.1:700", "x", 1);    // nobody asks
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(ask(CL_TL_ENTITY, 0, UDP_MIB_STAT_ID), STATUS_SUCCESS);
    ck_assert_uint_eq(got, sizeof(MIB_UDPSTATS));
    ck_assert_uint_eq(room.udp.dwOutDatagrams, 3);
    ck_assert_uint_eq(room.udp.dwInDatagrams, 2);
    ck_assert_uint_eq(room.udp.dwNoPorts, 1);
    ck_assert_uint_eq(room.udp.dwInErrors, 1);
    ck_assert_uint_eq(room.udp.dwNumAddrs, 1);
    tk_close_control(&control);
    tk_open_control(&control, L"\\Device\\Udp6");
    ck_assert_int_eq(ask(CL_TL_ENTITY, 0, UDP_MIB_TABLE_ID), STATUS_SUCCESS);
    ck_assert_uint_eq(got, sizeof(MIB_UDP6ROW));
    ck_assert_uint_eq(room.listeners6[0].dwLocalPort, RtlUshortByteSwap(701));
    tk_close_address(&b);
    tk_close_address(&a);
    tk_close_control(&control);
}

static bool
has_route(ULONG dest, ULONG mask, ULONG nexthop, ULONG type)
{
    ck_assert_int_eq(ask(CL_NL_ENTITY, 0, IP_MIB_ROUTETABLE_ENTRY_ID), STATUS_SUCCESS);
    for (ULONG i = 0; i < COUNT(routes); i++)
        if (room.routes[i].ire_dest == dest && room.routes[i].ire_mask == mask && room.routes[i].ire_nexthop == nexthop &&
            room.routes[i].ire_type == type)
            return true;
    return false;
}

static NTSTATUS
set_route(const IPRouteEntry *route)
{
    return set(control.file, CL_NL_ENTITY, INFO_TYPE_PROVIDER, IP_MIB_ROUTETABLE_ENTRY_ID, route, sizeof(*route));
}

static void
two_tables(void)
{
    static const UCHAR own[4] = {10, 0, 0, 1}, peer[4] = {10, 0, 0, 2}, net[4] = {10, 0, 0, 0}, mask[4] = {255, 255, 255, 0};
    ULONG numbers[4];
    memcpy(&numbers[0], own, 4), memcpy(&numbers[1], peer, 4), memcpy(&numbers[2], net, 4), memcpy(&numbers[3], mask, 4);
    tk_open_control(&control, L"\\Device\\Tcp");
    tk_pair_open(&pair, L"\\Device\\Tcp");
    // The adapter.
    ck_assert_int_eq(ask(IF_ENTITY, 1, IF_MIB_STATS_ID), STATUS_SUCCESS);
    ULONG index = room.interface.if_index;
    ck_assert_uint_eq(room.interface.if_type, 6);
    ck_assert_uint_eq(room.interface.if_mtu, 1500);
    ck_assert_uint_eq(room.interface.if_physaddrlen, 6);
    ck_assert_uint_eq(room.interface.if_operstatus, 1);
    ck_assert_uint_ge(room.interface.if_inucastpkts, 2);
    ck_assert_uint_ge(room.interface.if_outucastpkts, 2);
    ck_assert_uint_ge(room.interface.if_outoctets, 2 * 54);
    ck_assert_uint_eq(got, offsetof(IFEntry, if_descr) + room.interface.if_descrlen + 1);
    ck_assert_uint_ge(room.interface.if_descrlen, 1);
    // Its address, the route that came with it, the neighbour.
    ck_assert_int_eq(ask(CL_NL_ENTITY, 0, IP_MIB_ADDRTABLE_ENTRY_ID), STATUS_SUCCESS);
    bool is_there = false;
    for (ULONG i = 0; i < COUNT(addresses); i++)
        is_there |= room.addresses[i].iae_addr == numbers[0] && room.addresses[i].iae_mask == numbers[3] &&
                    room.addresses[i].iae_index == index;
    ck_assert(is_there);
    ULONG count = COUNT(addresses);
    ck_assert_int_eq(ask(CL_NL_ENTITY, 0, IP_MIB_STATS_ID), STATUS_SUCCESS);
    ck_assert_uint_eq(got, sizeof(IPSNMPInfo));
    ck_assert_uint_eq(room.ip.ipsi_numaddr, count);
    ck_assert_uint_eq(room.ip.ipsi_numif, 2);
    ck_assert_uint_eq(room.ip.ipsi_forwarding, 2);
    ck_assert_uint_ge(room.ip.ipsi_inreceives, 1);
    ck_assert(has_route(numbers[2], numbers[3], 0, IRE_TYPE_DIRECT));
    ck_assert_int_eq(ask(AT_ENTITY, 1, IP_MIB_ARPTABLE_ENTRY_ID), STATUS_SUCCESS);
    ck_assert_uint_eq(got, sizeof(MIB_IPNETROW));
    ck_assert_uint_eq(room.neighbours[0].dwAddr, numbers[1]);
    ck_assert_uint_eq(room.neighbours[0].dwPhysAddrLen, 6);
    ck_assert_uint_eq(room.neighbours[0].dwType, MIB_IPNET_TYPE_DYNAMIC);
    ck_assert_int_eq(ask_room(CL_NL_ENTITY, 0, INFO_CLASS_PROTOCOL, IP_INTFC_INFO_ID, numbers[0], sizeof(room)), STATUS_SUCCESS);
    ck_assert_uint_eq(room.info.iii_mtu, 1500);
    ck_assert_uint_eq(room.info.iii_addrlength, 6);
    // A route of a client's.
    IPRouteEntry route = {.ire_dest = 0x0000A8C0, .ire_mask = 0x0000FFFF, .ire_index = index, .ire_nexthop = numbers[1],
                          .ire_type = IRE_TYPE_INDIRECT, .ire_metric1 = 7};
    ck_assert_int_eq(set_route(&route), STATUS_SUCCESS);
    ck_assert(has_route(0x0000A8C0, 0x0000FFFF, numbers[1], IRE_TYPE_INDIRECT));
    ck_assert_int_eq(set_route(&route), TDI_INVALID_PARAMETER);
    route.ire_type = IRE_TYPE_INVALID;
    ck_assert_int_eq(set_route(&route), STATUS_SUCCESS);
    ck_assert(!has_route(0x0000A8C0, 0x0000FFFF, numbers[1], IRE_TYPE_INDIRECT));
    ck_assert_int_eq(set_route(&route), TDI_INVALID_PARAMETER);
    route.ire_mask = 0x00FF00FF;
    ck_assert_int_eq(set_route(&route), TDI_INVALID_PARAMETER);
    tk_pair_close(&pair);
    tk_close_control(&control);
}
TEST_TIMEOUT(120, an_adapter_its_address_route_and_neighbour_are_in_the_tables) { tn_run(__func__, two_tables, TN_TWO4, 0, 4); }

// ---- settings -------------------------------------------------------------------------------------------------------------------

TDI_TEST(IOCTL_TCP_SET_INFORMATION_EX_changes_what_datagrams_carry)
{
    static UCHAR packet[64];
    ULONG ttl = 17, tos = 0x28, one = 1, bad = 256;
    tk_open_address(&a, L"\\Device\\RawIp\\253", "127.0.0.1:0");
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_TTL, &ttl, 4), STATUS_SUCCESS);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_TOS, &tos, 1), STATUS_SUCCESS);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_IP_DONTFRAGMENT, &one, 4), STATUS_SUCCESS);
    tk_receive_datagram(&r2, &a, packet, sizeof(packet), NULL);
    tk_send_datagram(&r1, &a, "127.0.0.1:0", "x", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(packet[8], 17);
    ck_assert_uint_eq(packet[1], 0x28);
    ck_assert_uint_eq(packet[6], 0x40);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_TTL, &bad, 4), TDI_INVALID_PARAMETER);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_TTL, &ttl, 2), TDI_INVALID_PARAMETER);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_IP_HDRINCL, &one, 4), TDI_INVALID_REQUEST);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_ADD_MCAST, packet, 8), TDI_INVALID_REQUEST);
    ck_assert_int_eq(set(a.file, IF_ENTITY, INFO_TYPE_PROVIDER, 1, &one, 4), TDI_INVALID_REQUEST);
    ck_assert_int_eq(tk_ioctl(a.file, IOCTL_TCP_SET_INFORMATION_EX, &one, 4, NULL, 0, NULL), TDI_INVALID_PARAMETER);
    tk_close_address(&a);
}

TN_TEST_TWO(a_group_is_joined_and_left_by_IOCTL_TCP_SET_INFORMATION_EX)
{
    static const UCHAR group4[8] = {239, 1, 2, 3}, group6[20] = {0xFF, 0x05, [15] = 0x77};
    bool is_six = tn_net.place == TN_TWO6;
    PCWSTR device = is_six ? L"\\Device\\Udp6" : L"\\Device\\Udp";
    const void *group = is_six ? group6 : group4;
    const char *name = is_six ? "[ff05::77]:900" : "239.1.2.3:900";
    ULONG bytes = is_six ? 20 : 8, no = 0;
    tk_open_address(&a, device, is_six ? "[::]:900" : "0.0.0.0:900");
    tk_set_handler_of(&a, TDI_EVENT_RECEIVE_DATAGRAM);
    tk_send_datagram(&r1, &a, name, "1", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(a.datagrams, 0);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_ADD_MCAST, group, bytes), STATUS_SUCCESS);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_ADD_MCAST, group, bytes), TDI_ADDR_INVALID);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_ADD_MCAST, group, bytes - 1), TDI_INVALID_PARAMETER);
    tk_send_datagram(&r1, &a, name, "2", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert(tk_event_wait(&a.got_datagram, TK_WAIT_MS));
    ck_assert_int_eq(a.datagrams, 1);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_MCASTLOOP, &no, 4), STATUS_SUCCESS);
    tk_send_datagram(&r1, &a, name, "3", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(a.datagrams, 1);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_DEL_MCAST, group, bytes), STATUS_SUCCESS);
    ck_assert_int_eq(set(a.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_DEL_MCAST, group, bytes), TDI_ADDR_INVALID);
    tk_close_address(&a);
}

TDI_TEST(TCP_SOCKET_NODELAY_is_set_on_a_connection_file)
{
    ULONG one = 1;
    tk_pair_open(&pair, L"\\Device\\Tcp");
    ck_assert_int_eq(set(pair.here.file, CO_TL_ENTITY, INFO_TYPE_CONNECTION, TCP_SOCKET_NODELAY, &one, 4), STATUS_SUCCESS);
    ck_assert_int_eq(set(pair.here.file, CO_TL_ENTITY, INFO_TYPE_CONNECTION, 99, &one, 4), TDI_INVALID_REQUEST);
    ck_assert_int_eq(set(pair.here.file, CO_TL_ENTITY, INFO_TYPE_CONNECTION, TCP_SOCKET_NODELAY, &one, 3), TDI_INVALID_PARAMETER);
    ck_assert_int_eq(set(pair.server.file, CO_TL_ENTITY, INFO_TYPE_CONNECTION, TCP_SOCKET_NODELAY, &one, 4), TDI_INVALID_CONNECTION);
    ck_assert_int_eq(set(pair.server.file, CL_TL_ENTITY, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_TTL, &one, 4), TDI_INVALID_REQUEST);
    tk_pair_close(&pair);
}

// ---- TDI_QUERY_INFORMATION ------------------------------------------------------------------------------------------------------

static NTSTATUS
query(PFILE_OBJECT file, LONG type, ULONG bytes)
{
    memset(&room, 0xEE, sizeof(room));
    tk_query(&r1, file, type, &room, bytes);
    NTSTATUS status = tk_wait(&r1);
    got = r1.iosb.Information;
    return status;
}

TDI_TEST(TDI_QUERY_INFORMATION_answers_each_type_or_refuses_it)
{
    static const LONG refused[] = {0, 0x100, 0x200, 0x300, 77};
    tk_pair_open(&pair, L"\\Device\\Tcp");
    tk_open_address(&a, L"\\Device\\Udp", "127.0.0.1:0");
    ck_assert_int_eq(query(a.file, TDI_QUERY_PROVIDER_INFO, sizeof(room)), STATUS_SUCCESS);
    ck_assert_uint_eq(room.provider.Version, 0x0200);
    ck_assert_int_eq(query(a.file, TDI_QUERY_BROADCAST_ADDRESS, sizeof(room)), STATUS_SUCCESS);
    ck_assert_uint_eq(got, sizeof(TA_IP_ADDRESS));
    ck_assert_uint_eq(((TA_IP_ADDRESS *)&room)->Address[0].Address[0].in_addr, 0xFFFFFFFF);
    ck_assert_int_eq(query(a.file, TDI_QUERY_DATAGRAM_INFO, sizeof(room)), STATUS_SUCCESS);
    ck_assert_uint_eq(room.numbers[0], 65507);
    ck_assert_int_eq(query(a.file, TDI_QUERY_MAX_DATAGRAM_INFO, sizeof(room)), STATUS_SUCCESS);
    ck_assert_uint_eq(room.numbers[0], 65507);
    ck_assert_int_eq(query(a.file, TDI_QUERY_PROVIDER_STATISTICS, sizeof(room)), STATUS_SUCCESS);
    ck_assert_int_eq(query(a.file, TDI_QUERY_NETWORK_ADDRESS, sizeof(room)), STATUS_SUCCESS);
    ck_assert_int_eq(room.list.TAAddressCount, 0);                      // no adapter
    ck_assert_int_eq(query(a.file, TDI_QUERY_DATA_LINK_ADDRESS, sizeof(room)), STATUS_SUCCESS);
    ck_assert_int_eq(room.list.TAAddressCount, 0);
    ck_assert_int_eq(query(pair.here.file, TDI_QUERY_CONNECTION_INFO, sizeof(room)), STATUS_SUCCESS);
    ck_assert_uint_eq(room.connection.State, 1);
    ck_assert_uint_ge(room.connection.ReceiveBufferSize, 4096);
    ck_assert_int_le(room.connection.Delay.QuadPart, 0);
    ck_assert_int_eq(query(a.file, TDI_QUERY_CONNECTION_INFO, sizeof(room)), TDI_INVALID_QUERY);
    ck_assert_int_eq(query(pair.here.file, TDI_QUERY_BROADCAST_ADDRESS, sizeof(room)), TDI_INVALID_QUERY);
    ck_assert_int_eq(query(pair.here.file, TDI_QUERY_DATAGRAM_INFO, sizeof(room)), TDI_INVALID_QUERY);
    for (ULONG i = 0; i < ARRAYSIZE(refused); i++)
        ck_assert_int_eq(query(a.file, refused[i], sizeof(room)), TDI_INVALID_QUERY);
    tk_close_address(&a);
    tk_pair_close(&pair);
}

static void
two_addresses(void)
{
    tk_open_address(&a, L"\\Device\\Udp", "0.0.0.0:0");
    tk_open_address(&b, L"\\Device\\Udp6", "[::]:0");
    ck_assert_int_eq(query(a.file, TDI_QUERY_NETWORK_ADDRESS, sizeof(room)), STATUS_SUCCESS);
    ck_assert_int_eq(room.list.TAAddressCount, 1);
    ck_assert_int_eq(room.list.Address[0].AddressType, TDI_ADDRESS_TYPE_IP);
    ck_assert_mem_eq(room.list.Address[0].Address + 2, "\x0A\0\0\x01", 4);
    ck_assert_int_eq(query(a.file, TDI_QUERY_DATA_LINK_ADDRESS, sizeof(room)), STATUS_SUCCESS);
    ck_assert_int_eq(room.list.TAAddressCount, 1);
    ck_assert_int_eq(room.list.Address[0].AddressType, TDI_ADDRESS_TYPE_8022);
    ck_assert_int_eq(room.list.Address[0].AddressLength, 6);
    ck_assert_int_eq(query(b.file, TDI_QUERY_NETWORK_ADDRESS, sizeof(room)), STATUS_SUCCESS);
    ck_assert_int_eq(room.list.TAAddressCount, 2);                      // that of the stack file, and the link-local one
    ck_assert_int_eq(query(b.file, TDI_QUERY_NETWORK_ADDRESS, 20), TDI_BUFFER_OVERFLOW);
    ck_assert_uint_eq(got, 20);
    tk_close_address(&b);
    tk_close_address(&a);
}
TEST_TIMEOUT(120, the_addresses_of_adapters_are_told_by_TDI_QUERY_INFORMATION) { tn_run(__func__, two_addresses, TN_TWO4, 0, 4); }

// ---- counters -------------------------------------------------------------------------------------------------------------------

TDI_TEST(the_transport_shows_its_counters_by_name)
{
    tk_open_control(&control, L"\\Device\\Tcp");
    ULONG64 before = count_named("ip_udp_no_port");
    tk_open_address(&a, L"\\Device\\Udp", "127.0.0.1:0");
    tk_send_datagram(&r1, &a, "127.0.0.1:9", "x", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(count_named("ip_udp_no_port"), before + 1);
    ck_assert_uint_eq(count_named("lost_datagrams_full"), 0);
    ck_assert_uint_eq(count_named("lost_addresses_unregistered"), 0);
    ck_assert_uint_eq(count_named("lost_adapter_full"), 0);
    ck_assert_uint_eq(count_named("tcp_connections"), 0);
    tk_close_address(&a);
    tk_close_control(&control);
}
