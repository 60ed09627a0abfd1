// SPDX-License-Identifier: MIT
// The adapter's settings, as an INF writes them under its key: standard keywords begin with a star
// [network/standardized-inf-keywords-for-network-devices], and all of them are strings there.
//   NdisOpenConfigurationEx -> one table of numbers, Port, CompletionOrder, NetworkAddress -> NdisCloseConfiguration
// A missing keyword has its default. A number outside its range is refused with a line that names it: a NIC that quietly used
// another one would send its user hunting.
#include "vnic.h"

#include <ndkinfo.h>

struct vnic_keyword {
    NDIS_STRING name;
    USHORT field;                             // offset of a ULONG in struct vnic_settings
    ULONG initial, low, high;
};

#define KEYWORD(name, field, initial, low, high) {NDIS_STRING_CONST(name), FIELD_OFFSET(struct vnic_settings, field), initial, low, high}

static const struct vnic_keyword vnic_keywords[] = {
    KEYWORD("*JumboPacket", max_frame_bytes, 1514, 590, 9014),
    KEYWORD("*ReceiveBuffers", receive_buffers, 512, 16, 16384),
    KEYWORD("*TransmitBuffers", transmit_buffers, 64, 16, 1024),
    KEYWORD("*IPChecksumOffloadIPv4", ip4_checksum, 3, 0, 3),
    KEYWORD("*TCPChecksumOffloadIPv4", tcp4_checksum, 3, 0, 3),
    KEYWORD("*UDPChecksumOffloadIPv4", udp4_checksum, 3, 0, 3),
    KEYWORD("*TCPChecksumOffloadIPv6", tcp6_checksum, 3, 0, 3),
    KEYWORD("*UDPChecksumOffloadIPv6", udp6_checksum, 3, 0, 3),
    KEYWORD("*LsoV2IPv4", lso4, 1, 0, 1),
    KEYWORD("*LsoV2IPv6", lso6, 1, 0, 1),
    KEYWORD("*RscIPv4", rsc4, 1, 0, 1),
    KEYWORD("*RscIPv6", rsc6, 1, 0, 1),
    KEYWORD("*RSS", rss, 1, 0, 1),
    KEYWORD("*NumRssQueues", rss_queues, 8, 1, 64),
    KEYWORD("*PriorityVLANTag", priority_vlan, 3, 0, 3),
    KEYWORD("*TCPConnectionOffloadIPv4", toe4, 1, 0, 1),
    KEYWORD("*TCPConnectionOffloadIPv6", toe6, 1, 0, 1),
    KEYWORD("ToeConnections", toe_connections, 16384, 0, 1048576),
    KEYWORD("ToePaths", toe_paths, 16384, 0, 1048576),
    KEYWORD("ToeNeighbors", toe_neighbors, 4096, 0, 1048576),
    KEYWORD("ToeSourceAddresses", toe_sources, 64, 0, 64),
    KEYWORD("ToeVlans", toe_vlans, 64, 0, 64),
    KEYWORD("ToeVlanID", toe_vlan_id, 0, 0, 4094),
    KEYWORD("ToeSendBuffers", toe_sends, 65536, 0, 1048576),
    KEYWORD("ToeReceiveWindow", toe_window_bytes, 16777216, 1, 1073725440),
    KEYWORD("ToeReceiveMemory", toe_receive_kb, 4194304, 0, 4194304),
    KEYWORD("ToeHints", toe_hints, 0, 0, 1),
    KEYWORD("ToeIdleTime", toe_idle_s, 0, 0, 86400),
    KEYWORD("ToeFailAfter", toe_fail_after, 0, 0, 1000000000),
    KEYWORD("ToeJunk", toe_junk, 0, 0, 4294967295),
    KEYWORD("ToeRefuseOneIn", toe_refuse_one_in, 0, 0, 1000000000),
    KEYWORD("ToeDelay", toe_delay_us, 0, 0, 1000000),
    KEYWORD("ToeRetrieveOneIn", toe_retrieve_one_in, 0, 0, 1000000000),
    KEYWORD("*NetworkDirect", network_direct, 0, 0, 1),
    KEYWORD("*NetworkDirectTechnology", network_direct_technology, NdkiWarp, NdkiWarp, NdkiWarp),
    KEYWORD("RdmaCrc", rdma_crc, 1, 0, 1),
    KEYWORD("RdmaMpaRevision", rdma_mpa, 2, 1, 2),
    KEYWORD("RdmaReadyToReceive", rdma_rtr, 6, 0, 7),
    KEYWORD("RdmaPend", rdma_pends, 0, 0, 1),
};

static void
settings_name(const NDIS_STRING *name, char *out, ULONG out_bytes)
{
    ULONG count = name->Length / sizeof(WCHAR);
    if (count > out_bytes - 1)
        count = out_bytes - 1;
    for (ULONG i = 0; i < count; i++)
        out[i] = (char)name->Buffer[i];
    out[count] = 0;
}

static NDIS_STATUS
settings_number(NDIS_HANDLE handle, const struct vnic_keyword *keyword, struct vnic_settings *settings)
{
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_STATUS status;
    ULONG *field = (ULONG *)((UCHAR *)settings + keyword->field);
    NDIS_STRING name = keyword->name;
    *field = keyword->initial;
    NdisReadConfiguration(&status, &value, handle, &name, NdisParameterInteger);
    if (status != NDIS_STATUS_SUCCESS)
        return NDIS_STATUS_SUCCESS;           // not there
    BOOLEAN is_number = value->ParameterType == NdisParameterInteger;   // a value comes in the type it has
    ULONG number = is_number ? value->ParameterData.IntegerData : 0;
    if (is_number && number >= keyword->low && number <= keyword->high) {
        *field = number;
        return NDIS_STATUS_SUCCESS;
    }
    char text[64];
    settings_name(&name, text, sizeof text);
    if (is_number)
        DbgPrint("vnic: %s is %u; it may be %u to %u\n", text, number, keyword->low, keyword->high);
    else
        DbgPrint("vnic: %s is no number; it may be %u to %u\n", text, keyword->low, keyword->high);
    return NDIS_STATUS_INVALID_PARAMETER;
}

// A string of printable ASCII, cut to nothing when it is missing. fails: FALSE when it does not fit or has other characters.
static BOOLEAN
settings_text(NDIS_HANDLE handle, const NDIS_STRING *keyword, char *out, ULONG out_bytes)
{
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_STATUS status;
    NDIS_STRING name = *keyword;
    out[0] = 0;
    NdisReadConfiguration(&status, &value, handle, &name, NdisParameterString);
    if (status != NDIS_STATUS_SUCCESS)
        return TRUE;
    if (value->ParameterType != NdisParameterString)
        return FALSE;
    const NDIS_STRING *text = &value->ParameterData.StringData;
    ULONG count = text->Length / sizeof(WCHAR);
    while (count && !text->Buffer[count - 1])
        count--;
    if (count >= out_bytes)
        return FALSE;
    for (ULONG i = 0; i < count; i++) {
        if (text->Buffer[i] < ' ' || text->Buffer[i] > '~')
            return FALSE;
        out[i] = (char)text->Buffer[i];
    }
    out[count] = 0;
    return TRUE;
}

static BOOLEAN
settings_text_is(const char *text, const char *word)
{
    while (*text && *text == *word) {
        text++;
        word++;
    }
    return *text == *word;
}

static NDIS_STATUS
settings_texts(NDIS_HANDLE handle, struct vnic_settings *settings)
{
    static const NDIS_STRING port = NDIS_STRING_CONST("Port"), order = NDIS_STRING_CONST("CompletionOrder");
    char text[16];
    if (!settings_text(handle, &port, settings->port, sizeof settings->port)) {
        DbgPrint("vnic: Port is no text of at most %u printable characters\n", (ULONG)sizeof settings->port - 1);
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    if (!settings->port[0])
        memcpy(settings->port, "none", sizeof "none");
    if (!settings_text(handle, &order, text, sizeof text) ||
        (text[0] && !settings_text_is(text, "fifo") && !settings_text_is(text, "random"))) {
        DbgPrint("vnic: CompletionOrder is \"%s\"; it may be fifo or random\n", text);
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    settings->random_completion = settings_text_is(text, "random");
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
settings_address(NDIS_HANDLE handle, struct vnic_settings *settings)
{
    void *address;
    UINT bytes;
    NDIS_STATUS status;
    NdisReadNetworkAddress(&status, &address, &bytes, handle);
    settings->has_mac = status == NDIS_STATUS_SUCCESS;
    if (!settings->has_mac)
        return NDIS_STATUS_SUCCESS;
    if (bytes != VNIC_MAC_BYTES || (((const UCHAR *)address)[0] & 1)) {
        DbgPrint("vnic: NetworkAddress is no unicast address of 6 bytes\n");
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    memcpy(settings->mac, address, VNIC_MAC_BYTES);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
vnic_settings_read(NDIS_HANDLE ndis, struct vnic_settings *settings)
{
    NDIS_CONFIGURATION_OBJECT object = {.Header = {NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                   NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
                                        .NdisHandle = ndis};
    NDIS_HANDLE handle;
    NDIS_STATUS status = NdisOpenConfigurationEx(&object, &handle);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    for (ULONG i = 0; i < ARRAYSIZE(vnic_keywords) && status == NDIS_STATUS_SUCCESS; i++)
        status = settings_number(handle, &vnic_keywords[i], settings);
    if (status == NDIS_STATUS_SUCCESS)
        status = settings_texts(handle, settings);
    if (status == NDIS_STATUS_SUCCESS)
        status = settings_address(handle, settings);
    NdisCloseConfiguration(handle);
    return status;
}
