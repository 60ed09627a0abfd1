// SPDX-License-Identifier: MIT
// IP addresses as text and back, each door narrow and wide from one table. Sources:
// [sdk-api ip2string/nf-ip2string-rtlipv4stringtoaddressa], [.../nf-ip2string-rtlipv4addresstostringexa],
// [.../nf-ip2string-rtlipv6stringtoaddressexa] and their neighbours.
#include <ip2string.h>
#include <string.h>

#include "unit/nt/nt_test.h"

static size_t
widen(const char *text, WCHAR to[80])
{
    size_t count = 0;
    while ((to[count] = (UCHAR)text[count]) != 0)
        count++;
    return count;
}

static const struct {
    const char *text;
    bool strict;
    int end;                     // where it stops; -1: it is no address
    UCHAR address[4];
} fours[] = {
    {"10.77.0.1/24", true, 9, {10, 77, 0, 1}},
    {"255.255.255.255", true, 15, {255, 255, 255, 255}},
    {"10.1", true, -1, {0}},
    {"10.1", false, 4, {10, 0, 0, 1}},
    {"10.1.258", false, 8, {10, 1, 1, 2}},
    {"0x7f.1", false, 6, {127, 0, 0, 1}},
    {"017.1.1.1", false, 9, {15, 1, 1, 1}},
    {"0x7f.0.0.1", true, -1, {0}},
    {"256.1.1.1", false, -1, {0}},
    {"256.1.1.1", true, -1, {0}},
    {"1.2.3.", true, -1, {0}},
    {"", true, -1, {0}},
    {"nic", false, -1, {0}},
    {"16909060", false, 8, {1, 2, 3, 4}},
};

NT_TEST_ONE(RtlIpv4StringToAddressA_reads_dotted_forms_and_says_where_it_stopped)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(fours); i++) {
        IN_ADDR address;
        PCSTR end = NULL;
        NTSTATUS status = RtlIpv4StringToAddressA(fours[i].text, fours[i].strict, &end, &address);
        ck_assert_msg(status == (fours[i].end < 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS), "row %zu: %x", i, (unsigned)status);
        if (!status)
            ck_assert_msg(end == fours[i].text + fours[i].end && !memcmp(&address, fours[i].address, 4), "row %zu", i);
    }
}

NT_TEST_ONE(RtlIpv4StringToAddressW_reads_dotted_forms_and_says_where_it_stopped)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(fours); i++) {
        IN_ADDR address;
        WCHAR text[80];
        PCWSTR end = NULL;
        widen(fours[i].text, text);
        NTSTATUS status = RtlIpv4StringToAddressW(text, fours[i].strict, &end, &address);
        ck_assert_msg(status == (fours[i].end < 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS), "row %zu: %x", i, (unsigned)status);
        if (!status)
            ck_assert_msg(end == text + fours[i].end && !memcmp(&address, fours[i].address, 4), "row %zu", i);
    }
}

static const struct {
    const char *text;
    bool strict, valid;
    UCHAR address[4];
    USHORT port;
} full_fours[] = {
    {"1.2.3.4:80", true, true, {1, 2, 3, 4}, 80},
    {"1.2.3.4", true, true, {1, 2, 3, 4}, 0},
    {"1.2.3.4:65535", true, true, {1, 2, 3, 4}, 65535},
    {"1.2.3.4:65536", true, false, {0}, 0},
    {"1.2.3.4:0", true, false, {0}, 0},
    {"1.2.3.4:", true, false, {0}, 0},
    {"1.2.3.4x", true, false, {0}, 0},
    {"1.2.3.4:80x", true, false, {0}, 0},
    {"1.2:80", true, false, {0}, 0},
    {"1.2:80", false, true, {1, 0, 0, 2}, 80},
};

NT_TEST_ONE(RtlIpv4StringToAddressExA_reads_a_port_behind_and_nothing_else)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(full_fours); i++) {
        IN_ADDR address;
        USHORT port = 7;
        NTSTATUS status = RtlIpv4StringToAddressExA(full_fours[i].text, full_fours[i].strict, &address, &port);
        ck_assert_msg(status == (full_fours[i].valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER), "row %zu: %x", i, (unsigned)status);
        if (!status)
            ck_assert(port == RtlUshortByteSwap(full_fours[i].port) && !memcmp(&address, full_fours[i].address, 4));
    }
}

NT_TEST_ONE(RtlIpv4StringToAddressExW_reads_a_port_behind_and_nothing_else)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(full_fours); i++) {
        IN_ADDR address;
        USHORT port = 7;
        WCHAR text[80];
        widen(full_fours[i].text, text);
        NTSTATUS status = RtlIpv4StringToAddressExW(text, full_fours[i].strict, &address, &port);
        ck_assert_msg(status == (full_fours[i].valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER), "row %zu: %x", i, (unsigned)status);
        if (!status)
            ck_assert(port == RtlUshortByteSwap(full_fours[i].port) && !memcmp(&address, full_fours[i].address, 4));
    }
}

static const UCHAR four[4] = {192, 0, 2, 33};

NT_TEST_ONE(RtlIpv4AddressToStringA_gives_the_end_of_what_it_wrote)
{
    char text[16];
    ck_assert_ptr_eq(RtlIpv4AddressToStringA((const IN_ADDR *)four, text), text + 10);
    ck_assert_str_eq(text, "192.0.2.33");
}

NT_TEST_ONE(RtlIpv4AddressToStringW_gives_the_end_of_what_it_wrote)
{
    WCHAR text[16];
    ck_assert_ptr_eq(RtlIpv4AddressToStringW((const IN_ADDR *)four, text), text + 10);
    ck_assert_int_eq(wcscmp(text, L"192.0.2.33"), 0);
}

// What is wanted, and how the door refuses less room: with what it needs, the terminator included, and nothing written.
#define CHECK_TO_STRING(call, type, same, wanted) \
    do { \
        type text[80]; \
        ULONG room = sizeof wanted / sizeof *wanted, needed = room; \
        ck_assert_int_eq((call), STATUS_SUCCESS); \
        ck_assert_uint_eq(room, needed); \
        ck_assert(same(text, wanted) == 0); \
        text[0] = '-'; \
        room = needed - 1; \
        ck_assert_int_eq((call), STATUS_INVALID_PARAMETER); \
        ck_assert(room == needed && text[0] == '-'); \
    } while (0)

NT_TEST_ONE(RtlIpv4AddressToStringExA_adds_a_port_and_says_what_room_it_needs)
{
    CHECK_TO_STRING(RtlIpv4AddressToStringExA((const IN_ADDR *)four, 0, text, &room), char, strcmp, "192.0.2.33");
    CHECK_TO_STRING(RtlIpv4AddressToStringExA((const IN_ADDR *)four, 0x5000, text, &room), char, strcmp, "192.0.2.33:80");
    ULONG room = 0;
    ck_assert_int_eq(RtlIpv4AddressToStringExA((const IN_ADDR *)four, 0, NULL, &room), STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(room, 11);
}

NT_TEST_ONE(RtlIpv4AddressToStringExW_adds_a_port_and_says_what_room_it_needs)
{
    CHECK_TO_STRING(RtlIpv4AddressToStringExW((const IN_ADDR *)four, 0, text, &room), WCHAR, wcscmp, L"192.0.2.33");
    CHECK_TO_STRING(RtlIpv4AddressToStringExW((const IN_ADDR *)four, 0x5000, text, &room), WCHAR, wcscmp, L"192.0.2.33:80");
}

static const struct {
    const char *text;
    int end;                     // -1: it is no address
    const char *back;            // the short form
} sixes[] = {{"::", 2, "::"},
             {"::1", 3, "::1"},
             {"fe80:0:0:0:0:0:0:1/64", 18, "fe80::1"},
             {"2001:DB8::A:0:0:1", 17, "2001:db8::a:0:0:1"},
             {"1:2:3:4:5:6:7:8", 15, "1:2:3:4:5:6:7:8"},
             {"1::", 3, "1::"},
             {"1:0:3:4:5:6:7:8", 15, "1:0:3:4:5:6:7:8"},
             {"::ffff:10.1.2.3", 15, "::ffff:10.1.2.3"},
             {"1:0:0:2:0:0:0:3%4", 15, "1:0:0:2::3"},
             {"", -1, NULL},
             {":1:2", -1, NULL},
             {"1:2:3:4:5:6:7", -1, NULL},
             {"1::2::3", -1, NULL},
             {"12345::", -1, NULL},
             {"g::", -1, NULL}};

NT_TEST_ONE(RtlIpv6StringToAddressA_reads_every_form_and_says_where_it_stopped)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(sixes); i++) {
        IN6_ADDR address;
        PCSTR end = NULL;
        char back[64];
        NTSTATUS status = RtlIpv6StringToAddressA(sixes[i].text, &end, &address);
        ck_assert_msg(status == (sixes[i].end < 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS), "row %zu: %x", i, (unsigned)status);
        if (status)
            continue;
        ck_assert_msg(end == sixes[i].text + sixes[i].end, "row %zu", i);
        ck_assert_ptr_eq(RtlIpv6AddressToStringA(&address, back), back + strlen(sixes[i].back));
        ck_assert_str_eq(back, sixes[i].back);
    }
}

NT_TEST_ONE(RtlIpv6StringToAddressW_reads_every_form_and_says_where_it_stopped)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(sixes); i++) {
        IN6_ADDR address;
        WCHAR text[80], back[80], wanted[80];
        PCWSTR end = NULL;
        widen(sixes[i].text, text);
        NTSTATUS status = RtlIpv6StringToAddressW(text, &end, &address);
        ck_assert_msg(status == (sixes[i].end < 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS), "row %zu: %x", i, (unsigned)status);
        if (status)
            continue;
        ck_assert_msg(end == text + sixes[i].end, "row %zu", i);
        ck_assert_ptr_eq(RtlIpv6AddressToStringW(&address, back), back + widen(sixes[i].back, wanted));
        ck_assert_int_eq(wcscmp(back, wanted), 0);
    }
}

static const UCHAR six[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};

NT_TEST_ONE(RtlIpv6AddressToStringA_writes_the_short_form)
{
    char text[46];
    ck_assert_ptr_eq(RtlIpv6AddressToStringA((const IN6_ADDR *)six, text), text + 7);
    ck_assert_str_eq(text, "fe80::2");
}

NT_TEST_ONE(RtlIpv6AddressToStringW_writes_the_short_form)
{
    WCHAR text[46];
    ck_assert_ptr_eq(RtlIpv6AddressToStringW((const IN6_ADDR *)six, text), text + 7);
    ck_assert_int_eq(wcscmp(text, L"fe80::2"), 0);
}

NT_TEST_ONE(RtlIpv6AddressToStringExA_adds_scope_and_port_and_says_what_room_it_needs)
{
    CHECK_TO_STRING(RtlIpv6AddressToStringExA((const IN6_ADDR *)six, 0, 0, text, &room), char, strcmp, "fe80::2");
    CHECK_TO_STRING(RtlIpv6AddressToStringExA((const IN6_ADDR *)six, 7, 0, text, &room), char, strcmp, "fe80::2%7");
    CHECK_TO_STRING(RtlIpv6AddressToStringExA((const IN6_ADDR *)six, 0, 0x5000, text, &room), char, strcmp, "[fe80::2]:80");
    CHECK_TO_STRING(RtlIpv6AddressToStringExA((const IN6_ADDR *)six, 7, 0x5000, text, &room), char, strcmp, "[fe80::2%7]:80");
}

NT_TEST_ONE(RtlIpv6AddressToStringExW_adds_scope_and_port_and_says_what_room_it_needs)
{
    CHECK_TO_STRING(RtlIpv6AddressToStringExW((const IN6_ADDR *)six, 0, 0, text, &room), WCHAR, wcscmp, L"fe80::2");
    CHECK_TO_STRING(RtlIpv6AddressToStringExW((const IN6_ADDR *)six, 7, 0x5000, text, &room), WCHAR, wcscmp, L"[fe80::2%7]:80");
}

static const struct {
    const char *text;
    bool valid;
    ULONG scope;
    USHORT port;
} full_sixes[] = {
    {"fe80::2", true, 0, 0},
    {"fe80::2%7", true, 7, 0},
    {"[fe80::2]:443", true, 0, 443},
    {"[fe80::2%7]:443", true, 7, 443},
    {"[fe80::2]", true, 0, 0},
    {"[fe80::2", false, 0, 0},
    {"fe80::2]", false, 0, 0},
    {"fe80::2%", false, 0, 0},
    {"fe80::2%x", false, 0, 0},
    {"[fe80::2]:", false, 0, 0},
    {"[fe80::2]:70000", false, 0, 0},
    {"fe80::2 ", false, 0, 0},
    {"[fe80::2]:443x", false, 0, 0},
    {"", false, 0, 0},
};

NT_TEST_ONE(RtlIpv6StringToAddressExA_reads_scope_and_port_and_nothing_else)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(full_sixes); i++) {
        IN6_ADDR address;
        ULONG scope = 99;
        USHORT port = 99;
        NTSTATUS status = RtlIpv6StringToAddressExA(full_sixes[i].text, &address, &scope, &port);
        ck_assert_msg(status == (full_sixes[i].valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER), "row %zu: %x", i, (unsigned)status);
        if (!status)
            ck_assert(scope == full_sixes[i].scope && port == RtlUshortByteSwap(full_sixes[i].port) && !memcmp(&address, six, 16));
    }
}

NT_TEST_ONE(RtlIpv6StringToAddressExW_reads_scope_and_port_and_nothing_else)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(full_sixes); i++) {
        IN6_ADDR address;
        ULONG scope = 99;
        USHORT port = 99;
        WCHAR text[80];
        widen(full_sixes[i].text, text);
        NTSTATUS status = RtlIpv6StringToAddressExW(text, &address, &scope, &port);
        ck_assert_msg(status == (full_sixes[i].valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER), "row %zu: %x", i, (unsigned)status);
        if (!status)
            ck_assert(scope == full_sixes[i].scope && port == RtlUshortByteSwap(full_sixes[i].port) && !memcmp(&address, six, 16));
    }
}
