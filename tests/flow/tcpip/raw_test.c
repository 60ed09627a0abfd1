// SPDX-License-Identifier: MIT
// \Device\RawIp\N and \Device\RawIp6\N as a TDI client sees them: echo of both families, which protocols are had, copies, errors, what is
// refused; \Device\Ip, which is refused by name.
#include <string.h>

#include "../tdi/kit.h"

#include "base/csum.h"

#define ICMP4 L"\\Device\\RawIp\\1"
#define ICMP6 L"\\Device\\RawIp6\\58"
#define ECHO_BYTES 48

static struct tk_address a, b;
static struct tk_request r1, r2, r3;

static void
echo_fill(UCHAR *echo, UCHAR type, UCHAR number)
{
    memset(echo, number, ECHO_BYTES);
    memcpy(echo, (UCHAR[8]){type, 0, 0, 0, 0x4E, 0x42, 0, number}, 8);
}

// What comes when nobody asks for it is lost, so two are asked for before anything is sent: the question comes to us, too.
static UCHAR rooms[2][256];

static void
ask_twice(void)
{
    tk_receive_datagram(&r1, &a, rooms[0], sizeof(rooms[0]), NULL);
    tk_receive_datagram(&r3, &a, rooms[1], sizeof(rooms[1]), NULL);
}

// The packet whose message, behind `head` bytes, is of this type.
static UCHAR *
answer_of_type(ULONG head, UCHAR type)
{
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.iosb.Information, head + ECHO_BYTES);
    ck_assert_uint_eq(r3.iosb.Information, head + ECHO_BYTES);
    ck_assert(rooms[0][head] == type || rooms[1][head] == type);
    return rooms[rooms[0][head] != type];
}

TDI_TEST(an_echo_of_ipv4_comes_back_with_its_ip_header)
{
    UCHAR echo[ECHO_BYTES];
    echo_fill(echo, 8, 3);
    uint16_t sum = csum_of(echo, sizeof(echo));
    memcpy(echo + 2, &sum, 2);
    tk_open_address(&a, ICMP4, "0.0.0.0:0");
    ask_twice();
    tk_send_datagram(&r2, &a, "127.0.0.1:0", echo, sizeof(echo));
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(r2.iosb.Information, sizeof(echo));
    UCHAR *packet = answer_of_type(20, 0), *reply = packet + 20;
    ck_assert_uint_eq(packet[0], 0x45);
    ck_assert_uint_eq(packet[9], 1);
    ck_assert_uint_eq(csum_of(reply, sizeof(echo)), 0);
    ck_assert_mem_eq(reply + 4, echo + 4, sizeof(echo) - 4);
    ck_assert_uint_eq(r1.back_ip.Address[0].Address[0].in_addr, 0x0100007F);
    ck_assert_uint_eq(r1.back_ip.Address[0].Address[0].sin_port, 0);
    tk_close_address(&a);
}

TDI_TEST(an_echo_of_ipv6_comes_back_without_header_and_its_checksum_is_made_below)
{
    UCHAR echo[ECHO_BYTES];
    echo_fill(echo, 128, 5);
    tk_open_address(&a, ICMP6, "[::]:0");
    ask_twice();
    tk_send_datagram(&r2, &a, "[::1]:0", echo, sizeof(echo));
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    UCHAR *reply = answer_of_type(0, 129);
    ck_assert_mem_eq(reply + 4, echo + 4, sizeof(echo) - 4);
    ck_assert_int_eq(r1.back_ip6.Address[0].AddressType, TDI_ADDRESS_TYPE_IP6);
    // Too short to have a checksum.
    tk_send_datagram(&r2, &a, "[::1]:0", echo, 3);
    ck_assert_int_eq(tk_wait(&r2), STATUS_INVALID_PARAMETER);
    tk_close_address(&a);
}

TDI_TEST(each_file_of_a_protocol_gets_a_copy_and_no_other_protocol_does)
{
    static struct tk_address other;
    UCHAR room[64] = "";
    tk_open_address(&a, L"\\Device\\RawIp\\253", "127.0.0.1:0");
    tk_open_address(&b, L"\\Device\\RawIp\\253", "0.0.0.0:0");
    tk_open_address(&other, L"\\Device\\RawIp\\254", "0.0.0.0:0");
    tk_set_handler_of(&a, TDI_EVENT_RECEIVE_DATAGRAM);
    tk_set_handler_of(&other, TDI_EVENT_RECEIVE_DATAGRAM);
    tk_receive_datagram(&r1, &b, room, sizeof(room), "127.0.0.1:0");
    tk_send_datagram(&r2, &b, "127.0.0.1:9", "raw bytes", 9);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert(tk_event_wait(&a.got_datagram, TK_WAIT_MS));
    ck_assert_uint_eq(a.datagram_bytes, 29);
    ck_assert_mem_eq(a.datagram + 20, "raw bytes", 9);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_mem_eq(room + 20, "raw bytes", 9);
    // To another address of ours: only who is bound to any.
    tk_receive_datagram(&r1, &b, room, sizeof(room), NULL);
    tk_send_datagram(&r2, &b, "127.0.0.2:0", "again", 5);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(a.datagrams, 1);
    ck_assert_int_eq(other.datagrams, 0);
    tk_close_address(&other);
    tk_close_address(&b);
    tk_close_address(&a);
}

TDI_TEST(a_datagram_to_a_port_that_nobody_has_is_told_by_ClientEventErrorEx)
{
    tk_open_address(&a, L"\\Device\\Udp", "127.0.0.1:0");
    tk_open_address(&b, L"\\Device\\Udp6", "[::1]:0");
    tk_set_handler_of(&a, TDI_EVENT_ERROR_EX);
    tk_set_handler_of(&b, TDI_EVENT_ERROR_EX);
    tk_send_datagram(&r2, &a, "127.0.0.1:9", "x", 1);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_send_datagram(&r2, &b, "[::1]:9", "x", 1);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(a.errors_ex, 1);
    ck_assert_int_eq(a.last_error, TDI_DEST_PORT_UNREACH);
    ck_assert_int_eq(b.errors_ex, 1);
    ck_assert_int_eq(b.last_error, TDI_DEST_PORT_UNREACH);
    tk_close_address(&b);
    tk_close_address(&a);
}

TDI_TEST(what_is_no_raw_protocol_is_refused)
{
    static const struct {
        PCWSTR device;
        const char *address;
        NTSTATUS status;
    } cases[] = {{L"\\Device\\RawIp\\6", "0.0.0.0:0", STATUS_ACCESS_DENIED},
                 {L"\\Device\\RawIp\\17", "0.0.0.0:0", STATUS_ACCESS_DENIED},
                 {L"\\Device\\RawIp6\\6", "[::]:0", STATUS_ACCESS_DENIED},
                 {L"\\Device\\RawIp6\\17", "[::]:0", STATUS_ACCESS_DENIED},
                 {L"\\Device\\RawIp6\\44", "[::]:0", STATUS_NOT_SUPPORTED},
                 {L"\\Device\\RawIp6\\0", "[::]:0", STATUS_NOT_SUPPORTED},
                 {L"\\Device\\RawIp\\0", "0.0.0.0:0", STATUS_NOT_SUPPORTED},
                 {L"\\Device\\RawIp\\255", "0.0.0.0:0", STATUS_NOT_SUPPORTED},
                 {L"\\Device\\RawIp\\256", "0.0.0.0:0", STATUS_OBJECT_NAME_INVALID},
                 {L"\\Device\\RawIp\\1000", "0.0.0.0:0", STATUS_OBJECT_NAME_INVALID},
                 {L"\\Device\\RawIp\\1a", "0.0.0.0:0", STATUS_OBJECT_NAME_INVALID},
                 {L"\\Device\\RawIp\\", "0.0.0.0:0", STATUS_OBJECT_NAME_INVALID},
                 {L"\\Device\\RawIp", "0.0.0.0:0", STATUS_OBJECT_NAME_INVALID},
                 {L"\\Device\\RawIp\\1", "[::]:0", TDI_BAD_ADDR},
                 {L"\\Device\\RawIp6\\58", "0.0.0.0:0", TDI_BAD_ADDR},
                 {L"\\Device\\RawIp\\1", "10.9.8.7:0", TDI_ADDR_INVALID},
                 {L"\\Device\\Ip", "0.0.0.0:0", STATUS_NOT_SUPPORTED},
                 {L"\\Device\\Ip", NULL, STATUS_NOT_SUPPORTED}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        NTSTATUS status = tk_try_address(&a, cases[i].device, cases[i].address);
        ck_assert_msg(status == cases[i].status, "%u: %08x", i, (unsigned)status);
    }
    // On IPv4 44 is a protocol like any other.
    tk_open_address(&a, L"\\Device\\RawIp\\44", "0.0.0.0:0");
    tk_send_datagram(&r2, &a, "[::1]:0", "x", 1);
    ck_assert_int_eq(tk_wait(&r2), TDI_BAD_ADDR);
    tk_close_address(&a);
}

TDI_TEST(the_largest_raw_datagram_comes_whole_and_one_more_byte_is_refused)
{
    static UCHAR bytes[65536], room[65536];
    for (ULONG i = 0; i < sizeof(bytes); i++)
        bytes[i] = (UCHAR)(i * 7 + i / 251);
    tk_open_address(&a, L"\\Device\\RawIp\\253", "127.0.0.1:0");
    tk_receive_datagram(&r1, &a, room, sizeof(room), NULL);
    tk_send_datagram(&r2, &a, "127.0.0.1:0", bytes, 65515);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.iosb.Information, 65535);
    ck_assert_mem_eq(room + 20, bytes, 65515);
    tk_send_datagram(&r2, &a, "127.0.0.1:0", bytes, 65516);
    ck_assert_int_eq(tk_wait(&r2), TDI_BUFFER_TOO_BIG);
    tk_close_address(&a);
}

TDI_TEST(what_no_client_takes_is_lost_and_counted)
{
    static UCHAR bytes[16384];
    TDI_PROVIDER_STATISTICS before, after;
    tk_open_address(&a, L"\\Device\\RawIp\\253", "127.0.0.1:0");
    tk_query(&r1, a.file, TDI_QUERY_PROVIDER_STATISTICS, &before, sizeof(before));
    tk_wait(&r1);
    for (unsigned i = 0; i < 5; i++) {
        tk_send_datagram(&r2, &a, "127.0.0.1:0", bytes, sizeof(bytes));
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    }
    tk_settle();
    tk_query(&r1, a.file, TDI_QUERY_PROVIDER_STATISTICS, &after, sizeof(after));
    tk_wait(&r1);
    ck_assert_uint_eq(after.DataFramesRejected - before.DataFramesRejected, 5);
    ck_assert_int_eq(after.DataFrameBytesRejected.QuadPart - before.DataFrameBytesRejected.QuadPart, 5 * (20 + (LONG)sizeof(bytes)));
    tk_close_address(&a);
}

// A handler that sends more than its address's queue holds, to that address: the queue is not emptied while the handler runs.
static LONG is_flooding;
static struct tk_request floods[8];
static TDI_IND_RECEIVE_DATAGRAM on_flood;
static NTSTATUS
on_flood(PVOID context, LONG source_bytes, PVOID source, LONG options_bytes, PVOID options, ULONG flags, ULONG indicated, ULONG available,
         ULONG *taken, PVOID tsdu, PIRP *irp)
{
    static UCHAR bytes[60000];
    if (!InterlockedExchange(&is_flooding, 1))
        for (unsigned i = 0; i < 8; i++)
            tk_send_datagram(&floods[i], &b, "127.0.0.1:0", bytes, sizeof(bytes));
    else
        a.datagrams++;
    return STATUS_SUCCESS;
}

TDI_TEST(a_queue_that_is_full_loses_datagrams_and_counts_them)
{
    TDI_PROVIDER_STATISTICS statistics;
    is_flooding = 0;
    tk_open_address(&a, L"\\Device\\RawIp\\253", "127.0.0.1:0");
    tk_open_address(&b, L"\\Device\\RawIp\\253", "127.0.0.2:0");
    ck_assert_int_eq(tk_set_handler(&a, TDI_EVENT_RECEIVE_DATAGRAM, (PVOID)on_flood), STATUS_SUCCESS);
    tk_send_datagram(&r2, &b, "127.0.0.1:0", "x", 1);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_settle();
    tk_query(&r1, a.file, TDI_QUERY_PROVIDER_STATISTICS, &statistics, sizeof(statistics));
    tk_wait(&r1);
    for (unsigned i = 0; i < 8; i++)
        ck_assert_int_eq(tk_wait(&floods[i]), STATUS_SUCCESS);
    // 256 KB hold four of them.
    ck_assert_int_eq(a.datagrams, 4);
    ck_assert_uint_eq(statistics.DataFramesRejected, 4);
    ck_assert_uint_eq(statistics.DatagramsReceived, 5);
    tk_close_address(&b);
    tk_close_address(&a);
}
