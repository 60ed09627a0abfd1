// SPDX-License-Identifier: MIT
// The tables and counters of the transport in the management information base's words [RFC 1213, 4293, 4022, 4113], from what the engines
// and the adapters say. Everything here runs with host->lock held and only reads.
//   entities: an interface entity for each interface of the engine, loopback first; for IPv4 an address translation entity for each; one
//   each of CL_NL (IP), ER (ICMP), CO_TL (TCP), CL_TL (UDP). A device of IPv6 has its own, whose tables are IPv6's.
// The engines count both families together: counters of IP, TCP and UDP are those of the host, whichever device is asked.
// What nobody counts is 0 there: ifInErrors and ifInUnknownProtos (the adapter's own OIDs know the first).
#include "chimney.h"
#include "mib.h"

#include <tdistat.h>

// Append a row, if it fits.
static VOID
answer_add(struct tcpip_answer *answer, const VOID *row, ULONG bytes)
{
    if (answer->wanted == answer->used && answer->room - answer->used >= bytes) {
        memcpy(answer->bytes + answer->used, row, bytes);
        answer->used += bytes;
    }
    answer->wanted += bytes;
}

static ULONG
number4(const struct eng_address *address)
{
    ULONG number;
    memcpy(&number, address->bytes, sizeof number);
    return number;
}

static ULONG
capped(ULONG64 value)
{
    return value > 0xFFFFFFFF ? 0xFFFFFFFF : (ULONG)value;
}

static ULONG
net_number(enum net_count count)
{
    return (ULONG)net_count_of(tcpip_host.net, count); // a Counter32 wraps
}

// ---- entities -------------------------------------------------------------------------------------------------------------------

// The n-th interface's index; 0: none.
static ULONG
interface_at(ULONG n)
{
    for (ULONG i = NET_LOOPBACK; i < NET_INTERFACES_MAX; i++)
        if (net_interface_settings_of(tcpip_host.net, i) && n-- == 0)
            return i;
    return 0;
}

static const struct {
    ULONG entity, type;
} singles[] = {{CL_NL_ENTITY, CL_NL_IP}, {ER_ENTITY, ER_ICMP}, {CO_TL_ENTITY, CO_TL_TCP}, {CL_TL_ENTITY, CL_TL_UDP}};

// ENTITY_TYPE_ID's answer, 0: there is none.
static ULONG
entity_type(const struct tcpip_answer *answer, const TDIEntityID *entity)
{
    ULONG index = interface_at(entity->tei_instance);
    if (entity->tei_entity == IF_ENTITY)
        return index ? IF_MIB : 0;
    if (entity->tei_entity == AT_ENTITY && answer->family == ENG_IP4)
        return !index ? 0 : index == NET_LOOPBACK ? AT_NULL : AT_ARP;
    for (ULONG i = 0; i < ARRAYSIZE(singles); i++)
        if (entity->tei_entity == singles[i].entity && !entity->tei_instance)
            return singles[i].type;
    return 0;
}

BOOLEAN
tcpip_mib_has(const struct tcpip_answer *answer, const TDIEntityID *entity)
{
    return entity_type(answer, entity) != 0;
}

NTSTATUS
tcpip_mib_entities(struct tcpip_answer *answer)
{
    TDIEntityID entity = {0};
    for (ULONG i = 0; i < ARRAYSIZE(singles); i++) {
        entity.tei_entity = singles[i].entity;
        answer_add(answer, &entity, sizeof entity);
    }
    for (entity.tei_instance = 0; interface_at(entity.tei_instance); entity.tei_instance++) {
        entity.tei_entity = IF_ENTITY;
        answer_add(answer, &entity, sizeof entity);
        entity.tei_entity = AT_ENTITY;
        if (answer->family == ENG_IP4)
            answer_add(answer, &entity, sizeof entity);
    }
    return STATUS_SUCCESS;
}

NTSTATUS
tcpip_mib_entity_type(struct tcpip_answer *answer)
{
    ULONG type = entity_type(answer, &answer->id.toi_entity);
    if (!type)
        return TDI_INVALID_PARAMETER;
    answer_add(answer, &type, sizeof type);
    return STATUS_SUCCESS;
}

// ---- interfaces -----------------------------------------------------------------------------------------------------------------

// Of an adapter; the name's characters become bytes.
static VOID
interface_adapter(IFEntry *entry, UCHAR *description, const struct tcpip_adapter *adapter)
{
    entry->if_speed = capped(adapter->speed_bits);
    entry->if_operstatus = adapter->is_running && adapter->is_link_up ? 1 : 2;
    entry->if_lastchange = (ULONG)((adapter->changed_us - tcpip_host.started_us) / 10000);
    entry->if_inoctets = (ULONG)adapter->in.bytes;
    entry->if_inucastpkts = (ULONG)adapter->in.unicast;
    entry->if_innucastpkts = (ULONG)adapter->in.group;
    entry->if_indiscards = (ULONG)adapter->in_dropped;
    entry->if_outoctets = (ULONG)adapter->out.bytes;
    entry->if_outucastpkts = (ULONG)adapter->out.unicast;
    entry->if_outnucastpkts = (ULONG)adapter->out.group;
    entry->if_outdiscards = (ULONG)(adapter->dropped_full + adapter->dropped_down);
    entry->if_outerrors = (ULONG)adapter->failed;
    entry->if_outqlen = adapter->to_send_count;
    while (entry->if_descrlen < min(adapter->name.Length / sizeof(WCHAR), 255u)) {
        description[entry->if_descrlen] = (UCHAR)adapter->name.Buffer[entry->if_descrlen];
        entry->if_descrlen++;
    }
}

NTSTATUS
tcpip_mib_interface(struct tcpip_answer *answer)
{
    union {
        IFEntry entry;
        UCHAR room[sizeof(IFEntry) + 256];
    } whole = {0};
    ULONG index = interface_at(answer->id.toi_entity.tei_instance);
    const struct net_interface_settings *settings = net_interface_settings_of(tcpip_host.net, index);
    const struct tcpip_adapter *adapter = tcpip_host.adapters[index];
    IFEntry *entry = &whole.entry;
    UCHAR *description = whole.room + FIELD_OFFSET(IFEntry, if_descr);
    entry->if_index = index;
    entry->if_type = adapter ? 6 : 24; // ethernet-csmacd, softwareLoopback [RFC 1213 3.5]
    entry->if_mtu = settings->mtu_bytes;
    entry->if_physaddrlen = adapter ? sizeof settings->link_address : 0;
    memcpy(entry->if_physaddr, settings->link_address, entry->if_physaddrlen);
    entry->if_adminstatus = entry->if_operstatus = 1;
    if (adapter) {
        interface_adapter(entry, description, adapter);
    } else {
        entry->if_descrlen = sizeof "loopback" - 1;
        memcpy(description, "loopback", entry->if_descrlen);
    }
    answer_add(answer, entry, FIELD_OFFSET(IFEntry, if_descr) + entry->if_descrlen + 1);
    return STATUS_SUCCESS;
}

// Of the address in the context.
NTSTATUS
tcpip_mib_interface_of(struct tcpip_answer *answer)
{
    union {
        IPInterfaceInfo info;
        UCHAR room[sizeof(IPInterfaceInfo) + MAX_PHYSADDR_SIZE];
    } whole = {0};
    struct eng_address address = answer->family == ENG_IP4 ? eng_address4(answer->context) : eng_address6(answer->context);
    ULONG index = net_address_is_known(tcpip_host.net, &address);
    if (!index)
        return TDI_ADDR_INVALID;
    const struct net_interface_settings *settings = net_interface_settings_of(tcpip_host.net, index);
    const struct tcpip_adapter *adapter = tcpip_host.adapters[index];
    whole.info.iii_mtu = settings->mtu_bytes;
    whole.info.iii_speed = adapter ? capped(adapter->speed_bits) : 0;
    whole.info.iii_addrlength = adapter ? sizeof settings->link_address : 0;
    memcpy(whole.room + FIELD_OFFSET(IPInterfaceInfo, iii_addr), settings->link_address, whole.info.iii_addrlength);
    answer_add(answer, &whole, FIELD_OFFSET(IPInterfaceInfo, iii_addr) + whole.info.iii_addrlength);
    return STATUS_SUCCESS;
}

// ---- IP -------------------------------------------------------------------------------------------------------------------------

static ULONG
interfaces_count(void)
{
    ULONG count = 0;
    while (interface_at(count))
        count++;
    return count;
}

static ULONG
addresses_count(UCHAR family)
{
    struct net_address address;
    ULONG count = 0;
    for (size_t n = 0; net_address_at(tcpip_host.net, n, &address); n++)
        count += address.address.family == family;
    return count;
}

static ULONG
routes_count(UCHAR family)
{
    struct net_route route;
    ULONG count = 0;
    for (size_t n = 0; net_route_at(tcpip_host.net, n, &route); n++)
        count += route.prefix.family == family;
    return count;
}

NTSTATUS
tcpip_mib_ip(struct tcpip_answer *answer)
{
    const struct tcp_counters *tcp = tcp_counters(tcpip_host.tcp);
    const struct tcpip_target_counts *away = &tcpip_host.target;
    BOOLEAN is_six = answer->family != ENG_IP4;
    IPSNMPInfo info = {
        .ipsi_forwarding = 2, // a host that forwards nothing
        .ipsi_defaultttl = 64,
        .ipsi_inreceives = net_number(is_six ? NET_COUNT_in_ip6 : NET_COUNT_in_ip4) + (ULONG)away->packets_in[is_six],
        .ipsi_inhdrerrors = net_number(NET_COUNT_in_bad_header) + net_number(NET_COUNT_in_bad_sum) + net_number(NET_COUNT_in_bad_options) +
                            net_number(NET_COUNT_in_bad_extension) + net_number(NET_COUNT_in_hop_limit),
        .ipsi_inaddrerrors = net_number(NET_COUNT_in_wrong_destination) + net_number(NET_COUNT_in_martian),
        .ipsi_inunknownprotos = net_number(NET_COUNT_in_unknown_protocol),
        .ipsi_indiscards = (ULONG)(tcpip_host.drops.datagrams_full + tcpip_host.drops.datagrams_memory),
        .ipsi_indelivers = (ULONG)tcp->segments_in + net_number(NET_COUNT_udp_in) + net_number(NET_COUNT_icmp_in) +
                           net_number(NET_COUNT_group_in) + (ULONG)(away->packets_in[0] + away->packets_in[1]),
        .ipsi_outrequests = net_number(NET_COUNT_out_packets) + (ULONG)away->packets_out,
        .ipsi_outdiscards = net_number(NET_COUNT_out_no_memory) + net_number(NET_COUNT_out_down) +
                            net_number(NET_COUNT_out_waiting_dropped),
        .ipsi_outnoroutes = net_number(NET_COUNT_out_no_route),
        .ipsi_reasmtimeout = answer->family == ENG_IP4 ? 30 : 60,
        .ipsi_reasmreqds = net_number(NET_COUNT_frag_in),
        .ipsi_reasmoks = net_number(NET_COUNT_frag_whole),
        .ipsi_reasmfails = net_number(NET_COUNT_frag_overlap) + net_number(NET_COUNT_frag_bad) + net_number(NET_COUNT_frag_no_room) +
                           net_number(NET_COUNT_frag_timeout),
        .ipsi_fragoks = net_number(NET_COUNT_out_cut),
        .ipsi_fragfails = net_number(NET_COUNT_out_too_big),
        .ipsi_fragcreates = net_number(NET_COUNT_out_fragments),
        .ipsi_numif = interfaces_count(),
        .ipsi_numaddr = addresses_count(answer->family),
        .ipsi_numroutes = routes_count(answer->family),
    };
    answer_add(answer, &info, sizeof info);
    return STATUS_SUCCESS;
}

static ULONG
mask_of(ULONG bits)
{
    return bits && bits <= 32 ? RtlUlongByteSwap(0xFFFFFFFFu << (32 - bits)) : 0; // an IPv6 prefix has none
}

NTSTATUS
tcpip_mib_addresses(struct tcpip_answer *answer)
{
    struct net_address own;
    for (size_t n = 0; net_address_at(tcpip_host.net, n, &own); n++) {
        IPAddrEntry entry = {.iae_addr = number4(&own.address), .iae_index = own.interface_index, .iae_mask = mask_of(own.prefix_bits),
                             .iae_bcastaddr = own.interface_index != NET_LOOPBACK, .iae_reasmsize = 65535};
        if (own.address.family == ENG_IP4)
            answer_add(answer, &entry, sizeof entry);
    }
    return STATUS_SUCCESS;
}

NTSTATUS
tcpip_mib_routes(struct tcpip_answer *answer)
{
    struct net_route route;
    for (size_t n = 0; net_route_at(tcpip_host.net, n, &route); n++) {
        BOOLEAN is_direct = eng_address_is_any(&route.gateway);
        IPRouteEntry entry = {.ire_dest = number4(&route.prefix),
                              .ire_index = route.interface_index,
                              .ire_metric1 = route.metric,
                              .ire_metric2 = IRE_METRIC_UNUSED,
                              .ire_metric3 = IRE_METRIC_UNUSED,
                              .ire_metric4 = IRE_METRIC_UNUSED,
                              .ire_nexthop = number4(&route.gateway),
                              .ire_type = is_direct ? IRE_TYPE_DIRECT : IRE_TYPE_INDIRECT,
                              .ire_proto = is_direct ? IRE_PROTO_LOCAL : IRE_PROTO_NETMGMT,
                              .ire_mask = mask_of(route.prefix_bits),
                              .ire_metric5 = IRE_METRIC_UNUSED};
        if (route.prefix.family == ENG_IP4)
            answer_add(answer, &entry, sizeof entry);
    }
    return STATUS_SUCCESS;
}

static void
neighbour_add(void *context, const struct net_neighbour_info *info)
{
    struct tcpip_answer *answer = context;
    if (info->address.family != ENG_IP4 || info->interface_index != interface_at(answer->id.toi_entity.tei_instance))
        return;
    MIB_IPNETROW row = {.dwIndex = info->interface_index, .dwPhysAddrLen = info->is_known ? sizeof info->link_address : 0,
                        .dwAddr = number4(&info->address), .dwType = info->is_known ? MIB_IPNET_TYPE_DYNAMIC : MIB_IPNET_TYPE_INVALID};
    memcpy(row.bPhysAddr, info->link_address, row.dwPhysAddrLen);
    answer_add(answer, &row, sizeof row);
}

NTSTATUS
tcpip_mib_neighbours(struct tcpip_answer *answer)
{
    net_neighbours(tcpip_host.net, neighbour_add, answer);
    return STATUS_SUCCESS;
}

// ---- TCP ------------------------------------------------------------------------------------------------------------------------

NTSTATUS
tcpip_mib_tcp(struct tcpip_answer *answer)
{
    const struct tcp_counters *now = tcp_counters(tcpip_host.tcp);
    const struct tcpip_target_counts *away = &tcpip_host.target;
    struct tcp_params params;
    tcp_params_default(&params); // what host.c begins with
    MIB_TCPSTATS stats = {.dwRtoAlgorithm = MIB_TCP_RTO_VANJ,
                          .dwRtoMin = params.min_rto_us / 1000,
                          .dwRtoMax = params.max_rto_us / 1000,
                          .dwMaxConn = params.connections_max ? params.connections_max : 0xFFFFFFFF,
                          .dwActiveOpens = (ULONG)now->active_opens,
                          .dwPassiveOpens = (ULONG)now->offers,
                          .dwAttemptFails = (ULONG)now->attempts_failed,
                          .dwEstabResets = (ULONG)(now->established_reset + tcpip_host.away_resets),
                          .dwCurrEstab = now->established + tcpip_host.away_count,
                          .dwInSegs = (ULONG)(now->segments_in + away->segments_in),
                          .dwOutSegs = (ULONG)(now->segments_out - now->retransmitted + away->segments_out),
                          .dwRetransSegs = (ULONG)(now->retransmitted + away->retransmitted),
                          .dwInErrs = (ULONG)(now->bad_sum + now->bad_header + away->errors_in),
                          .dwOutRsts = (ULONG)(now->resets_out + away->resets_out),
                          .dwNumConns = now->connections};
    answer_add(answer, &stats, sizeof stats);
    return STATUS_SUCCESS;
}

static VOID
connection_add(struct tcpip_answer *answer, const struct tcp_constant *end, ULONG state)
{
    ULONG here = RtlUshortByteSwap(end->local_port), there = RtlUshortByteSwap(end->remote_port);
    if (end->local.family != answer->family)
        return;
    if (answer->family == ENG_IP4) {
        MIB_TCPROW row = {.dwState = state, .dwLocalAddr = number4(&end->local), .dwLocalPort = here,
                          .dwRemoteAddr = number4(&end->remote), .dwRemotePort = there};
        answer_add(answer, &row, sizeof row);
        return;
    }
    ULONG own = net_address_is_ours(tcpip_host.net, &end->local);
    MIB_TCP6ROW row = {.State = (MIB_TCP_STATE)state, .dwLocalScopeId = tcpip_scope_of(&end->local, own), .dwLocalPort = here,
                       .dwRemoteScopeId = tcpip_scope_of(&end->remote, own), .dwRemotePort = there};
    memcpy(&row.LocalAddr, end->local.bytes, sizeof row.LocalAddr);
    memcpy(&row.RemoteAddr, end->remote.bytes, sizeof row.RemoteAddr);
    answer_add(answer, &row, sizeof row);
}

NTSTATUS
tcpip_mib_connections(struct tcpip_answer *answer)
{
    struct tcp_record record;
    for (struct tcp_listener *one = NULL; (one = tcp_listener_next(tcpip_host.tcp, one));) {
        struct tcp_constant end = {0};
        tcp_listener_where(one, &end.local, &end.local_port);
        end.remote.family = end.local.family;
        connection_add(answer, &end, MIB_TCP_STATE_LISTEN);
    }
    for (struct tcp_connection *one = NULL; (one = tcp_connection_next(tcpip_host.tcp, one));) {
        tcp_query(one, answer->now_us, &record);
        connection_add(answer, &record.constant, (ULONG)record.delegated.state + MIB_TCP_STATE_CLOSED); // in the same order
    }
    // Those that a target has, in the state that they went with.
    for (ULONG i = 0; i < TCPIP_AWAY_BUCKETS; i++) {
        for (LIST_ENTRY *at = tcpip_host.away[i].Flink; at != &tcpip_host.away[i]; at = at->Flink) {
            const struct tcp_record *away = &CONTAINING_RECORD(at, struct tcpip_offload, bucket)->record;
            connection_add(answer, &away->constant, (ULONG)away->delegated.state + MIB_TCP_STATE_CLOSED);
        }
    }
    return STATUS_SUCCESS;
}

// ---- UDP ------------------------------------------------------------------------------------------------------------------------

static ULONG
udp_addresses(UCHAR family)
{
    ULONG count = 0;
    for (LIST_ENTRY *at = tcpip_host.udp.Flink; at != &tcpip_host.udp; at = at->Flink)
        count += CONTAINING_RECORD(at, struct tcpip_address, link)->local.family == family;
    return count;
}

NTSTATUS
tcpip_mib_udp(struct tcpip_answer *answer)
{
    ULONG errors = net_number(NET_COUNT_udp_bad) + net_number(NET_COUNT_udp_bad_sum), unwanted = net_number(NET_COUNT_udp_no_port);
    const TDI_PROVIDER_STATISTICS *four = tdic_device_statistics(answer->udp4), *six = tdic_device_statistics(answer->udp6);
    MIB_UDPSTATS stats = {.dwInDatagrams = four->DatagramsReceived + six->DatagramsReceived,
                          .dwNoPorts = unwanted,
                          .dwInErrors = errors + four->DataFramesRejected + six->DataFramesRejected,
                          .dwOutDatagrams = four->DatagramsSent + six->DatagramsSent,
                          .dwNumAddrs = udp_addresses(answer->family)};
    answer_add(answer, &stats, sizeof stats);
    return STATUS_SUCCESS;
}

NTSTATUS
tcpip_mib_listeners(struct tcpip_answer *answer)
{
    for (LIST_ENTRY *at = tcpip_host.udp.Flink; at != &tcpip_host.udp; at = at->Flink) {
        const struct tcpip_address *address = CONTAINING_RECORD(at, struct tcpip_address, link);
        ULONG port = RtlUshortByteSwap(address->port);
        MIB_UDPROW four = {.dwLocalAddr = number4(&address->local), .dwLocalPort = port};
        MIB_UDP6ROW six = {.dwLocalScopeId = address->scope, .dwLocalPort = port};
        memcpy(&six.dwLocalAddr, address->local.bytes, sizeof six.dwLocalAddr);
        if (address->local.family != answer->family)
            continue;
        if (answer->family == ENG_IP4)
            answer_add(answer, &four, sizeof four);
        else
            answer_add(answer, &six, sizeof six);
    }
    return STATUS_SUCCESS;
}

// ---- counters -------------------------------------------------------------------------------------------------------------------

static VOID
count_add(struct tcpip_answer *answer, const char *prefix, const char *name, ULONG64 value)
{
    NBX_TCPIP_COUNT count = {.Value = value};
    ULONG at = 0;
    for (; *prefix && at < sizeof count.Name - 1; at++)
        count.Name[at] = *prefix++;
    for (; *name && at < sizeof count.Name - 1; at++)
        count.Name[at] = *name++;
    answer_add(answer, &count, sizeof count);
}

// What adapters lost, those that are gone too.
static VOID
counts_of_adapters(struct tcpip_answer *answer)
{
    ULONG64 full = tcpip_host.drops.adapters_full, failed = tcpip_host.drops.adapters_failed, down = tcpip_host.drops.adapters_down;
    for (ULONG i = 0; i < NET_INTERFACES_MAX; i++) {
        const struct tcpip_adapter *adapter = tcpip_host.adapters[i];
        full += adapter ? adapter->dropped_full : 0;
        failed += adapter ? adapter->failed : 0;
        down += adapter ? adapter->dropped_down : 0;
    }
    count_add(answer, "lost_", "adapter_full", full);
    count_add(answer, "lost_", "adapter_failed", failed);
    count_add(answer, "lost_", "adapter_down", down);
}

NTSTATUS
tcpip_mib_counts(struct tcpip_answer *answer)
{
    const struct tcp_counters *tcp = tcp_counters(tcpip_host.tcp);
    const struct {
        const char *name;
        ULONG64 value;
    } of_tcp[] = {
#define ONE(name) {#name, tcp->name}
        ONE(segments_in), ONE(segments_out), ONE(bytes_in), ONE(bytes_out), ONE(retransmitted), ONE(timeouts), ONE(fast_recoveries),
        ONE(bad_sum), ONE(bad_header), ONE(no_memory), ONE(resets_in), ONE(resets_out), ONE(challenge_acks), ONE(challenge_acks_held),
        ONE(dropped_old), ONE(dropped_paws), ONE(cookies_out), ONE(cookies_good), ONE(cookies_bad), ONE(offers), ONE(offers_dropped),
        ONE(out_of_order), ONE(duplicates_in), ONE(dsacks_in), ONE(probes_out), ONE(keepalives_out), ONE(active_opens),
        ONE(attempts_failed), ONE(established_reset), ONE(connections), ONE(half_open), ONE(time_waits), ONE(established),
#undef ONE
    };
    const struct tcpip_chimney_counts *chimney = &tcpip_host.chimney;
    const struct {
        const char *name;
        ULONG64 value;
    } of_chimney[] = {
#define ONE(name) {#name, chimney->name}
        ONE(offloaded), ONE(refused), ONE(uploaded), ONE(updated), ONE(invalidated), ONE(queried), ONE(questions),
#undef ONE
    };
    const struct tcpip_target_counts *target = &tcpip_host.target;
    const struct {
        const char *name;
        ULONG64 value;
    } of_target[] = {
#define ONE(name) {#name, target->name}
        ONE(segments_in), ONE(segments_out), ONE(retransmitted), ONE(errors_in), ONE(resets_out), ONE(packets_out),
#undef ONE
    };
    count_add(answer, "lost_", "datagrams_full", tcpip_host.drops.datagrams_full);
    count_add(answer, "lost_", "datagrams_memory", tcpip_host.drops.datagrams_memory);
    count_add(answer, "lost_", "addresses_unregistered", tcpip_host.drops.addresses_unregistered);
    counts_of_adapters(answer);
    for (enum net_count count = 0; count < NET_COUNT_MAX; count++)
        count_add(answer, "ip_", net_count_name(count), net_count_of(tcpip_host.net, count));
    for (ULONG i = 0; i < ARRAYSIZE(of_tcp); i++)
        count_add(answer, "tcp_", of_tcp[i].name, of_tcp[i].value);
    for (ULONG i = 0; i < ARRAYSIZE(of_chimney); i++)
        count_add(answer, "chimney_", of_chimney[i].name, of_chimney[i].value);
    for (ULONG i = 0; i < ARRAYSIZE(of_target); i++)
        count_add(answer, "target_", of_target[i].name, of_target[i].value);
    return STATUS_SUCCESS;
}
