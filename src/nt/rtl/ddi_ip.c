// SPDX-License-Identifier: MIT
// Front doors: IP addresses as text. The Ex forms take lengths in characters, the terminator included, and say what they would need.
#include <ip2string.h>

#include "base/iptext.h"
#include "nt/rtl/string.h"
#include "verify/verify.h"

static void
widen(const char *text, size_t count, WCHAR *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (WCHAR)text[i];
    to[count] = 0;
}

// As much of a wide text as an address can be; a character that is none of an address ends it.
static const char *
narrow(const WCHAR *text, char out[2 * IPTEXT_BYTES])
{
    size_t i = 0;
    for (; i < 2 * IPTEXT_BYTES - 1 && text[i]; i++)
        out[i] = text[i] < 0x80 ? (char)text[i] : '\x01';
    out[i] = 0;
    return out;
}

static NTSTATUS
give(const char *text, size_t count, void *to, ULONG *room, bool is_wide)
{
    bool fits = to && room && *room > count;
    if (room)
        *room = (ULONG)count + 1;
    if (!fits)
        return STATUS_INVALID_PARAMETER;
    if (is_wide)
        widen(text, count, to);
    else
        memcpy(to, text, count), ((char *)to)[count] = 0;
    return STATUS_SUCCESS;
}

NTAPI PSTR
RtlIpv4AddressToStringA(const IN_ADDR *Addr, PSTR S)
{
    VERIFY_ENTER(RtlIpv4AddressToStringA);
    size_t count = iptext4_put((const uint8_t *)Addr, S);
    S[count] = 0;
    return S + count;
}

NTAPI PWSTR
RtlIpv4AddressToStringW(const IN_ADDR *Addr, PWSTR S)
{
    VERIFY_ENTER(RtlIpv4AddressToStringW);
    char text[IPTEXT_BYTES];
    size_t count = iptext4_put((const uint8_t *)Addr, text);
    widen(text, count, S);
    return S + count;
}

NTAPI NTSTATUS
RtlIpv4AddressToStringExA(const IN_ADDR *Address, USHORT Port, PSTR AddressString, PULONG AddressStringLength)
{
    VERIFY_ENTER(RtlIpv4AddressToStringExA);
    char text[IPTEXT_BYTES];
    return give(text, iptext4_put_full((const uint8_t *)Address, Port, text), AddressString, AddressStringLength, false);
}

NTAPI NTSTATUS
RtlIpv4AddressToStringExW(const IN_ADDR *Address, USHORT Port, PWSTR AddressString, PULONG AddressStringLength)
{
    VERIFY_ENTER(RtlIpv4AddressToStringExW);
    char text[IPTEXT_BYTES];
    return give(text, iptext4_put_full((const uint8_t *)Address, Port, text), AddressString, AddressStringLength, true);
}

NTAPI NTSTATUS
RtlIpv4StringToAddressA(PCSTR S, BOOLEAN Strict, PCSTR *Terminator, IN_ADDR *Addr)
{
    VERIFY_ENTER(RtlIpv4StringToAddressA);
    size_t end;
    bool valid = iptext4_get(S, Strict, (uint8_t *)Addr, &end);
    *Terminator = S + end;
    return valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTAPI NTSTATUS
RtlIpv4StringToAddressW(PCWSTR S, BOOLEAN Strict, PCWSTR *Terminator, IN_ADDR *Addr)
{
    VERIFY_ENTER(RtlIpv4StringToAddressW);
    char text[2 * IPTEXT_BYTES];
    size_t end;
    bool valid = iptext4_get(narrow(S, text), Strict, (uint8_t *)Addr, &end);
    *Terminator = S + end;
    return valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTAPI NTSTATUS
RtlIpv4StringToAddressExA(PCSTR AddressString, BOOLEAN Strict, IN_ADDR *Address, PUSHORT Port)
{
    VERIFY_ENTER(RtlIpv4StringToAddressExA);
    return iptext4_get_full(AddressString, Strict, (uint8_t *)Address, Port) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTAPI NTSTATUS
RtlIpv4StringToAddressExW(PCWSTR AddressString, BOOLEAN Strict, IN_ADDR *Address, PUSHORT Port)
{
    VERIFY_ENTER(RtlIpv4StringToAddressExW);
    char text[2 * IPTEXT_BYTES];
    bool valid = iptext4_get_full(narrow(AddressString, text), Strict, (uint8_t *)Address, Port);
    return valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTAPI PSTR
RtlIpv6AddressToStringA(const IN6_ADDR *Addr, PSTR S)
{
    VERIFY_ENTER(RtlIpv6AddressToStringA);
    size_t count = iptext6_put((const uint8_t *)Addr, S);
    S[count] = 0;
    return S + count;
}

NTAPI PWSTR
RtlIpv6AddressToStringW(const IN6_ADDR *Addr, PWSTR S)
{
    VERIFY_ENTER(RtlIpv6AddressToStringW);
    char text[IPTEXT_BYTES];
    size_t count = iptext6_put((const uint8_t *)Addr, text);
    widen(text, count, S);
    return S + count;
}

NTAPI NTSTATUS
RtlIpv6AddressToStringExA(const IN6_ADDR *Address, ULONG ScopeId, USHORT Port, PSTR AddressString, PULONG AddressStringLength)
{
    VERIFY_ENTER(RtlIpv6AddressToStringExA);
    char text[IPTEXT_BYTES];
    return give(text, iptext6_put_full((const uint8_t *)Address, ScopeId, Port, text), AddressString, AddressStringLength, false);
}

NTAPI NTSTATUS
RtlIpv6AddressToStringExW(const IN6_ADDR *Address, ULONG ScopeId, USHORT Port, PWSTR AddressString, PULONG AddressStringLength)
{
    VERIFY_ENTER(RtlIpv6AddressToStringExW);
    char text[IPTEXT_BYTES];
    return give(text, iptext6_put_full((const uint8_t *)Address, ScopeId, Port, text), AddressString, AddressStringLength, true);
}

NTAPI NTSTATUS
RtlIpv6StringToAddressA(PCSTR S, PCSTR *Terminator, IN6_ADDR *Addr)
{
    VERIFY_ENTER(RtlIpv6StringToAddressA);
    size_t end;
    bool valid = iptext6_get(S, (uint8_t *)Addr, &end);
    *Terminator = S + end;
    return valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTAPI NTSTATUS
RtlIpv6StringToAddressW(PCWSTR S, PCWSTR *Terminator, IN6_ADDR *Addr)
{
    VERIFY_ENTER(RtlIpv6StringToAddressW);
    char text[2 * IPTEXT_BYTES];
    size_t end;
    bool valid = iptext6_get(narrow(S, text), (uint8_t *)Addr, &end);
    *Terminator = S + end;
    return valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTAPI NTSTATUS
RtlIpv6StringToAddressExA(PCSTR AddressString, IN6_ADDR *Address, PULONG ScopeId, PUSHORT Port)
{
    VERIFY_ENTER(RtlIpv6StringToAddressExA);
    return iptext6_get_full(AddressString, (uint8_t *)Address, ScopeId, Port) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTAPI NTSTATUS
RtlIpv6StringToAddressExW(PCWSTR AddressString, IN6_ADDR *Address, PULONG ScopeId, PUSHORT Port)
{
    VERIFY_ENTER(RtlIpv6StringToAddressExW);
    char text[2 * IPTEXT_BYTES];
    bool valid = iptext6_get_full(narrow(AddressString, text), (uint8_t *)Address, ScopeId, Port);
    return valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
