// SPDX-License-Identifier: MIT
// What targets sent and received of our connections, so that the host's counters stay true over a hand-over: a target counts for itself,
// and the sum of both is what clients are told (mib.c). [maintaining-and-reporting-chimney-specific-statistics]
//   tcpip_stats_refresh (a client asks) or the last connection of an adapter has come back -> wants_stats -> tcpip_stats_serve: four OIDs,
//   one after the other, each begun by the end of the one before -> what is more than the last time is added to host->target
// A target whose numbers are less than they were has begun anew (it was reset, or somebody set them to 0): all of them are new.
#include "chimney.h"

static const NDIS_OID oids[] = {OID_TCP4_OFFLOAD_STATS, OID_TCP6_OFFLOAD_STATS, OID_IP4_OFFLOAD_STATS, OID_IP6_OFFLOAD_STATS};
C_ASSERT(ARRAYSIZE(oids) == TCPIP_STATS);

static ULONG64
more(ULONG64 now, ULONG64 before)
{
    return now >= before ? now - before : now;
}

static VOID
tcp_add(TCP_OFFLOAD_STATS *before, const TCP_OFFLOAD_STATS *now)
{
    struct tcpip_target_counts *sum = &tcpip_host.target;
    sum->segments_in += more(now->InSegments, before->InSegments);
    sum->segments_out += more(now->OutSegments, before->OutSegments);
    sum->retransmitted += more(now->RetransmittedSegments, before->RetransmittedSegments);
    sum->errors_in += more(now->InErrors, before->InErrors);
    sum->resets_out += more(now->OutResets, before->OutResets);
    *before = *now;
}

static VOID
ip_add(IP_OFFLOAD_STATS *before, const IP_OFFLOAD_STATS *now, BOOLEAN is_six)
{
    struct tcpip_target_counts *sum = &tcpip_host.target;
    sum->packets_in[is_six] += more(now->InReceives, before->InReceives);
    sum->packets_out += more(now->OutRequests, before->OutRequests);
    *before = *now;
}

// ---- one after the other --------------------------------------------------------------------------------------------------------------

// Nobody's numbers are under way: whoever waits for them has them.   locks: host->lock held
static VOID
idle_look(VOID)
{
    for (ULONG i = 0; i < NET_INTERFACES_MAX; i++)
        if (tcpip_host.adapters[i] && tcpip_host.adapters[i]->chimney.wants_stats)
            return;
    KeSetEvent(&tcpip_host.stats_idle, IO_NO_INCREMENT, FALSE);
}

VOID
tcpip_stats_serve(struct tcpip_adapter *adapter)
{
    struct tcpip_stats *stats = &adapter->chimney.stats;
    stats->request = (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestQueryStatistics,
        .RequestId = adapter,
        .DATA.QUERY_INFORMATION = {
            .Oid = oids[stats->at],
            .InformationBuffer = &stats->answer,
            .InformationBufferLength = stats->at < 2 ? sizeof stats->answer.tcp : sizeof stats->answer.ip}};
    NDIS_STATUS status = NdisOidRequest(adapter->ndis, &stats->request);
    if (status != NDIS_STATUS_PENDING)
        tcpip_stats_done(adapter, status);
}

VOID
tcpip_stats_done(struct tcpip_adapter *adapter, NDIS_STATUS status)
{
    struct tcpip_chimney *chimney = &adapter->chimney;
    struct tcpip_stats *stats = &chimney->stats;
    struct tcpip_call call;
    tcpip_enter(&call);
    // A target that does not say what it did leaves what is known as it is.
    if (status == NDIS_STATUS_SUCCESS && stats->at < 2)
        tcp_add(&stats->tcp[stats->at], &stats->answer.tcp);
    else if (status == NDIS_STATUS_SUCCESS)
        ip_add(&stats->ip[stats->at - 2], &stats->answer.ip, stats->at == 3);
    stats->at = (stats->at + 1) % TCPIP_STATS;
    if (!stats->at) {
        chimney->wants_stats = stats->is_again;
        stats->is_again = FALSE;
        idle_look();
    }
    stats->is_out = FALSE;
    tcpip_adapter_queue(adapter);
    tcpip_leave(&call);
}

VOID
tcpip_stats_want(struct tcpip_adapter *adapter)
{
    struct tcpip_chimney *chimney = &adapter->chimney;
    if (chimney->wants_stats)
        chimney->stats.is_again = TRUE; // those under way may be from before
    chimney->wants_stats = TRUE;
    tcpip_adapter_queue(adapter);
}

VOID
tcpip_stats_refresh(VOID)
{
    struct tcpip_call call;
    BOOLEAN is_any = FALSE;
    if (KeGetCurrentIrql() != PASSIVE_LEVEL)
        return; // a client that cannot wait gets what is known
    tcpip_enter(&call);
    for (ULONG i = 0; i < NET_INTERFACES_MAX; i++) {
        struct tcpip_adapter *adapter = tcpip_host.adapters[i];
        if (!adapter || !adapter->chimney.has_target || adapter->chimney.is_stopped || !adapter->is_running || !adapter->chimney.away)
            continue;
        tcpip_stats_want(adapter);
        is_any = TRUE;
    }
    if (is_any)
        KeClearEvent(&tcpip_host.stats_idle);
    tcpip_leave(&call);
    if (is_any)
        KeWaitForSingleObject(&tcpip_host.stats_idle, Executive, KernelMode, FALSE, NULL);
}
