// SPDX-License-Identifier: MIT
// What the stack file says about a binding, read from the registry below its section:
//   addresses   texts ADDRESS/BITS, IPv4 or IPv6; none: only what IPv6 finds by itself
//   gateway     texts ADDRESS: the default route of its family
//   mtu         a number of bytes, less than the adapter's
//   chimney     off, on or always; chimney_after, chimney_rest (milliseconds) and chimney_rate (KB a second) for `on`: chimney_policy.c
//   probes      a number: ARP probes before an IPv4 address is used [RFC 5227]; 0, the default, uses it at once, IPv6 addresses too
// What cannot be understood is said with DbgPrint, and the binding fails: half an address list is no address list.
#include "tcpip.h"

#include <ip2string.h>

#define TEXT_MAX 64

// One text of a value, in the first bytes of a buffer of ours, with its end.
static BOOLEAN
text_take(const WCHAR *text, SIZE_T units, WCHAR *copy)
{
    if (!units || units >= TEXT_MAX)
        return FALSE;
    memcpy(copy, text, units * sizeof(WCHAR));
    copy[units] = 0;
    return TRUE;
}

// ADDRESS or ADDRESS/BITS.
static BOOLEAN
address_parse(const WCHAR *text, struct eng_address *address, UCHAR *bits, BOOLEAN has_bits)
{
    IN_ADDR ip4;
    IN6_ADDR ip6;
    PCWSTR end;
    if (NT_SUCCESS(RtlIpv4StringToAddressW(text, TRUE, &end, &ip4)))
        *address = eng_address4(&ip4);
    else if (NT_SUCCESS(RtlIpv6StringToAddressW(text, &end, &ip6)))
        *address = eng_address6(&ip6);
    else
        return FALSE;
    if (!has_bits)
        return !*end;
    ULONG value = 0, most = address->family == ENG_IP4 ? 32 : 128;
    if (*end++ != '/' || !*end)
        return FALSE;
    for (; *end >= '0' && *end <= '9' && value <= most; end++)
        value = value * 10 + (ULONG)(*end - '0');
    *bits = (UCHAR)value;
    return !*end && value >= 1 && value <= most;
}

static VOID
address_add(struct tcpip_settings *settings, const WCHAR *text)
{
    ULONG i = settings->address_count;
    if (i == TCPIP_ADDRESSES_MAX) {
        DbgPrint("tcpip: more than %u addresses\n", TCPIP_ADDRESSES_MAX);
        settings->is_bad = TRUE;
    } else if (!address_parse(text, &settings->addresses[i].address, &settings->addresses[i].prefix_bits, TRUE)) {
        DbgPrint("tcpip: addresses: found %ws; expected ADDRESS/BITS, for example 10.77.0.1/24 or fd77::1/64\n", text);
        settings->is_bad = TRUE;
    } else {
        settings->address_count++;
    }
}

static VOID
gateway_add(struct tcpip_settings *settings, const WCHAR *text)
{
    ULONG i = settings->gateway_count;
    if (i == TCPIP_GATEWAYS_MAX) {
        DbgPrint("tcpip: more than %u gateways\n", TCPIP_GATEWAYS_MAX);
        settings->is_bad = TRUE;
    } else if (!address_parse(text, &settings->gateways[i], NULL, FALSE)) {
        DbgPrint("tcpip: gateway: found %ws; expected an address, for example 10.77.0.254\n", text);
        settings->is_bad = TRUE;
    } else {
        settings->gateway_count++;
    }
}

// A value of one text or several; RtlQueryRegistryValues calls this for each text of a REG_MULTI_SZ.
static NTSTATUS
settings_text(const WCHAR *name, ULONG type, const void *data, ULONG bytes, struct tcpip_settings *settings,
              VOID (*add)(struct tcpip_settings *settings, const WCHAR *text))
{
    WCHAR text[TEXT_MAX];
    if (type == REG_NONE)
        return STATUS_SUCCESS; // not there
    SIZE_T units = bytes / sizeof(WCHAR);
    while (units && !((const WCHAR *)data)[units - 1])
        units--;
    if (type == REG_SZ && !units)
        return STATUS_SUCCESS;
    if (type != REG_SZ || !text_take(data, units, text)) {
        DbgPrint("tcpip: %ws: expected a text or a list of texts, none longer than %u\n", name, TEXT_MAX - 1);
        settings->is_bad = TRUE;
        return STATUS_SUCCESS;
    }
    add(settings, text);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI
settings_address(PWSTR name, ULONG type, PVOID data, ULONG bytes, PVOID context, PVOID entry)
{
    UNREFERENCED_PARAMETER(entry);
    return settings_text(name, type, data, bytes, context, address_add);
}

static NTSTATUS NTAPI
settings_gateway(PWSTR name, ULONG type, PVOID data, ULONG bytes, PVOID context, PVOID entry)
{
    UNREFERENCED_PARAMETER(entry);
    return settings_text(name, type, data, bytes, context, gateway_add);
}

static VOID
chimney_set(struct tcpip_settings *settings, const WCHAR *text)
{
    static const WCHAR *const words[] = {[TCPIP_CHIMNEY_OFF] = L"off", [TCPIP_CHIMNEY_ON] = L"on", [TCPIP_CHIMNEY_ALWAYS] = L"always"};
    for (ULONG i = 0; i < ARRAYSIZE(words); i++) {
        if (!wcscmp(text, words[i])) {
            settings->chimney = i;
            return;
        }
    }
    DbgPrint("tcpip: chimney: found %ws; expected off, on or always\n", text);
    settings->is_bad = TRUE;
}

static NTSTATUS NTAPI
settings_chimney(PWSTR name, ULONG type, PVOID data, ULONG bytes, PVOID context, PVOID entry)
{
    UNREFERENCED_PARAMETER(entry);
    return settings_text(name, type, data, bytes, context, chimney_set);
}

static NTSTATUS
settings_query(const NDIS_STRING *section, struct tcpip_settings *settings)
{
    const ULONG direct = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK;
    const ULONG number = REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT;
    ULONG *mtu = &settings->mtu_bytes, *probes = &settings->probes, *after = &settings->chimney_after_ms;
    ULONG *rest = &settings->chimney_rest_ms, *rate = &settings->chimney_rate_kb;
    RTL_QUERY_REGISTRY_TABLE table[] = {{.QueryRoutine = settings_address, .Name = (PWSTR)L"addresses"},
                                        {.QueryRoutine = settings_gateway, .Name = (PWSTR)L"gateway"},
                                        {.QueryRoutine = settings_chimney, .Name = (PWSTR)L"chimney"},
                                        {.Flags = direct, .Name = (PWSTR)L"mtu", .EntryContext = mtu, .DefaultType = number},
                                        {.Flags = direct, .Name = (PWSTR)L"probes", .EntryContext = probes, .DefaultType = number},
                                        {.Flags = direct, .Name = (PWSTR)L"chimney_after", .EntryContext = after, .DefaultType = number},
                                        {.Flags = direct, .Name = (PWSTR)L"chimney_rest", .EntryContext = rest, .DefaultType = number},
                                        {.Flags = direct, .Name = (PWSTR)L"chimney_rate", .EntryContext = rate, .DefaultType = number},
                                        {0}};
    // The section is a path from the services key on, or a whole path.
    ULONG relative = section->Length && section->Buffer[0] == '\\' ? RTL_REGISTRY_ABSOLUTE : RTL_REGISTRY_SERVICES;
    SIZE_T units = section->Length / sizeof(WCHAR);
    PWSTR path = tcpip_alloc((units + 1) * sizeof(WCHAR));
    if (!path)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(path, section->Buffer, units * sizeof(WCHAR));
    NTSTATUS status = RtlQueryRegistryValues(relative, path, table, settings, NULL);
    tcpip_free(path);
    return status;
}

NTSTATUS
tcpip_settings_read(const NDIS_STRING *section, struct tcpip_settings *settings)
{
    RtlZeroMemory(settings, sizeof *settings);
    settings->chimney_rest_ms = 10000;
    NTSTATUS status = settings_query(section, settings);
    if (status == STATUS_OBJECT_TYPE_MISMATCH)
        DbgPrint("tcpip: mtu, probes and chimney_... are numbers (REG_DWORD); one of them is something else\n");
    if (!NT_SUCCESS(status))
        return status;
    if (settings->mtu_bytes && settings->mtu_bytes < 576) {
        DbgPrint("tcpip: mtu is %u; at least 576, and 1280 for IPv6\n", settings->mtu_bytes);
        return STATUS_INVALID_PARAMETER;
    }
    if (settings->probes > 10) {
        DbgPrint("tcpip: probes is %u; 0 to 10\n", settings->probes);
        return STATUS_INVALID_PARAMETER;
    }
    if (settings->chimney_after_ms > TCPIP_CHIMNEY_MS_MAX || settings->chimney_rest_ms > TCPIP_CHIMNEY_MS_MAX) {
        DbgPrint("tcpip: chimney_after is %u, chimney_rest %u; at most %u milliseconds, a day\n", settings->chimney_after_ms,
                 settings->chimney_rest_ms, TCPIP_CHIMNEY_MS_MAX);
        return STATUS_INVALID_PARAMETER;
    }
    if ((settings->chimney_after_ms || settings->chimney_rate_kb) && settings->chimney != TCPIP_CHIMNEY_ON) {
        DbgPrint("tcpip: chimney_after and chimney_rate choose connections for chimney: on, which is not set\n");
        return STATUS_INVALID_PARAMETER;
    }
    if (settings->chimney_rate_kb && !settings->chimney_after_ms) {
        DbgPrint("tcpip: chimney_rate without chimney_after: nothing says when a connection is looked at\n");
        return STATUS_INVALID_PARAMETER;
    }
    return settings->is_bad ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}
