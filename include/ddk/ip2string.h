// SPDX-License-Identifier: MIT
// IP addresses as text, both ways: prototypes.
//
// Sources: [sdk-api ip2string/nf-ip2string-rtlipv4addresstostringa and its neighbours], [RFC 4291 2.2].
#ifndef NBX_DDK_IP2STRING_H
#define NBX_DDK_IP2STRING_H

#include "in6addr.h"
#include "inaddr.h"
#include "ntstatus.h"

#ifdef __cplusplus
extern "C" {
#endif

NTSYSAPI NTAPI PSTR RtlIpv4AddressToStringA(const IN_ADDR *Addr, PSTR S);
NTSYSAPI NTAPI PWSTR RtlIpv4AddressToStringW(const IN_ADDR *Addr, PWSTR S);
NTSYSAPI NTAPI NTSTATUS RtlIpv4AddressToStringExA(const IN_ADDR *Address, USHORT Port, PSTR AddressString, PULONG AddressStringLength);
NTSYSAPI NTAPI NTSTATUS RtlIpv4AddressToStringExW(const IN_ADDR *Address, USHORT Port, PWSTR AddressString, PULONG AddressStringLength);
NTSYSAPI NTAPI NTSTATUS RtlIpv4StringToAddressA(PCSTR S, BOOLEAN Strict, PCSTR *Terminator, IN_ADDR *Addr);
NTSYSAPI NTAPI NTSTATUS RtlIpv4StringToAddressW(PCWSTR S, BOOLEAN Strict, PCWSTR *Terminator, IN_ADDR *Addr);
NTSYSAPI NTAPI NTSTATUS RtlIpv4StringToAddressExA(PCSTR AddressString, BOOLEAN Strict, IN_ADDR *Address, PUSHORT Port);
NTSYSAPI NTAPI NTSTATUS RtlIpv4StringToAddressExW(PCWSTR AddressString, BOOLEAN Strict, IN_ADDR *Address, PUSHORT Port);
NTSYSAPI NTAPI PSTR RtlIpv6AddressToStringA(const IN6_ADDR *Addr, PSTR S);
NTSYSAPI NTAPI PWSTR RtlIpv6AddressToStringW(const IN6_ADDR *Addr, PWSTR S);
NTSYSAPI NTAPI NTSTATUS RtlIpv6AddressToStringExA(const IN6_ADDR *Address, ULONG ScopeId, USHORT Port, PSTR AddressString, PULONG AddressStringLength);
NTSYSAPI NTAPI NTSTATUS RtlIpv6AddressToStringExW(const IN6_ADDR *Address, ULONG ScopeId, USHORT Port, PWSTR AddressString, PULONG AddressStringLength);
NTSYSAPI NTAPI NTSTATUS RtlIpv6StringToAddressA(PCSTR S, PCSTR *Terminator, IN6_ADDR *Addr);
NTSYSAPI NTAPI NTSTATUS RtlIpv6StringToAddressW(PCWSTR S, PCWSTR *Terminator, IN6_ADDR *Addr);
NTSYSAPI NTAPI NTSTATUS RtlIpv6StringToAddressExA(PCSTR AddressString, IN6_ADDR *Address, PULONG ScopeId, PUSHORT Port);
NTSYSAPI NTAPI NTSTATUS RtlIpv6StringToAddressExW(PCWSTR AddressString, IN6_ADDR *Address, PULONG ScopeId, PUSHORT Port);

#ifdef __cplusplus
}
#endif

#endif
