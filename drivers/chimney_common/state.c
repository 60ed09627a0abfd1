// SPDX-License-Identifier: MIT
// The three classes of a connection's state, field by field [wdd network/offload-state-objects; ndischimney/ns-ndischimney-_tcp_offload_
// state_const, cached, delegated]. The engine's record has the same classes in host form, with wider counters: what a member of one
// byte cannot say becomes the most that it can.
//   put: the engine's record -> structures in the host's (or target's) memory; get: back
// Both sides agree by this file that
//   ports are in network byte order, as a path's addresses are (UNSURE: no page says so)
//   SRtt is eight times the round trip time and RttVar four times its variation, in ticks: the record already has them so
//   RcvNxt + RcvWnd is the edge that was advertised; SndNxt below SndMax says from where everything is sent again
//   a timer that does not run is -1; 0 fires at once. Retransmit is also the timer of a shut window and of FIN_WAIT_2
#include "chim.h"

#define SCALE_MAX 14                      // [RFC 7323 2.3]

static UCHAR
byte_of(uint32_t value)
{
    return value > 0xFF ? 0xFF : (UCHAR)value;
}

struct flag_pair {
    uint32_t ours;
    USHORT theirs;
};

static const struct flag_pair constant_flags[] = {
    {TCP_HAS_TIMESTAMPS, TCP_FLAG_TIMESTAMP_ENABLED},
    {TCP_HAS_SACK, TCP_FLAG_SACK_ENABLED},
    {TCP_HAS_WINDOW_SCALE, TCP_FLAG_WINDOW_SCALING_ENABLED},
};
static const struct flag_pair cached_flags[] = {
    {TCP_CACHED_KEEP_ALIVE, TCP_FLAG_KEEP_ALIVE_ENABLED},
    {TCP_CACHED_NAGLE, TCP_FLAG_NAGLING_ENABLED},
    {TCP_CACHED_RESTART_KEEP_ALIVE, TCP_FLAG_KEEP_ALIVE_RESTART},
    {TCP_CACHED_RESTART_MAX_RT, TCP_FLAG_MAX_RT_RESTART},
    {TCP_CACHED_UPDATE_RCV_WND, TCP_FLAG_UPDATE_RCV_WND},
};

static USHORT
flags_put(const struct flag_pair *pairs, ULONG count, uint32_t ours)
{
    USHORT theirs = 0;
    for (ULONG i = 0; i < count; i++)
        if (ours & pairs[i].ours)
            theirs |= pairs[i].theirs;
    return theirs;
}

static uint32_t
flags_get(const struct flag_pair *pairs, ULONG count, USHORT theirs)
{
    uint32_t ours = 0;
    for (ULONG i = 0; i < count; i++)
        if (theirs & pairs[i].theirs)
            ours |= pairs[i].ours;
    return ours;
}

// ---- constant

VOID
chim_constant_put(const struct tcp_constant *from, TCP_OFFLOAD_STATE_CONST *to)
{
    to->Flags = flags_put(constant_flags, ARRAYSIZE(constant_flags), from->flags);
    to->RemotePort = RtlUshortByteSwap(from->remote_port);
    to->LocalPort = RtlUshortByteSwap(from->local_port);
    to->SndWindScale = from->snd_wnd_scale & 15;
    to->RcvWindScale = from->rcv_wnd_scale & 15;
    to->RemoteMss = from->remote_mss;
    to->HashValue = from->hash_value;
}

BOOLEAN
chim_constant_get(const TCP_OFFLOAD_STATE_CONST *from, struct tcp_constant *to)
{
    BOOLEAN scales = (from->Flags & TCP_FLAG_WINDOW_SCALING_ENABLED) != 0;
    to->flags = (uint8_t)flags_get(constant_flags, ARRAYSIZE(constant_flags), from->Flags);
    to->remote_port = RtlUshortByteSwap(from->RemotePort);
    to->local_port = RtlUshortByteSwap(from->LocalPort);
    to->snd_wnd_scale = scales ? from->SndWindScale : 0;
    to->rcv_wnd_scale = scales ? from->RcvWindScale : 0;
    to->remote_mss = from->RemoteMss;
    to->hash_value = from->HashValue;
    return to->remote_port && to->local_port && to->remote_mss && to->snd_wnd_scale <= SCALE_MAX && to->rcv_wnd_scale <= SCALE_MAX;
}

// ---- cached

VOID
chim_cached_put(const struct tcp_cached *from, TCP_OFFLOAD_STATE_CACHED *to)
{
    to->Flags = flags_put(cached_flags, ARRAYSIZE(cached_flags), from->flags);
    to->InitialRcvWnd = from->initial_rcv_wnd;
    to->RcvIndicationSize = from->rcv_indication_size;
    to->KaProbeCount = byte_of(from->ka_probe_count);
    to->KaTimeout = from->ka_timeout;
    to->KaInterval = from->ka_interval;
    to->MaxRT = from->max_rt;
    to->FlowLabel = from->flow_label & 0xFFFFF;
    to->TtlOrHopLimit = from->ttl;
    to->TosOrTrafficClass = from->tos;
    to->UserPriority = from->user_priority & 7;
}

VOID
chim_cached_get(const TCP_OFFLOAD_STATE_CACHED *from, struct tcp_cached *to)
{
    to->flags = flags_get(cached_flags, ARRAYSIZE(cached_flags), from->Flags);
    to->initial_rcv_wnd = from->InitialRcvWnd;
    to->rcv_indication_size = from->RcvIndicationSize;
    to->ka_probe_count = from->KaProbeCount;
    to->ka_timeout = from->KaTimeout;
    to->ka_interval = from->KaInterval;
    to->max_rt = from->MaxRT;
    to->flow_label = from->FlowLabel;
    to->ttl = from->TtlOrHopLimit;
    to->tos = from->TosOrTrafficClass;
    to->user_priority = from->UserPriority;
}

// ---- delegated

C_ASSERT((int)TCP_CLOSED == (int)TcpConnectionClosed && (int)TCP_SYN_RECEIVED == (int)TcpConnectionSynRcvd &&
         (int)TCP_ESTABLISHED == (int)TcpConnectionEstablished && (int)TCP_FIN_WAIT_2 == (int)TcpConnectionFinWait2 &&
         (int)TCP_CLOSE_WAIT == (int)TcpConnectionCloseWait && (int)TCP_LAST_ACK == (int)TcpConnectionLastAck &&
         (int)TCP_TIME_WAIT == (int)TcpConnectionTimeWait);

VOID
chim_delegated_put(const struct tcp_delegated *from, TCP_OFFLOAD_STATE_DELEGATED *to)
{
    to->State = (TCP_OFFLOAD_CONNECTION_STATE)from->state;
    to->Flags = 0;
    to->RcvNxt = from->rcv_nxt;
    to->RcvWnd = from->rcv_wnd;
    to->SndUna = from->snd_una;
    to->SndNxt = from->snd_nxt;
    to->SndMax = from->snd_max;
    to->SndWnd = from->snd_wnd;
    to->MaxSndWnd = from->max_snd_wnd;
    to->SendWL1 = from->snd_wl1;
    to->CWnd = from->cwnd;
    to->SsThresh = from->ssthresh;
    to->SRtt = from->srtt;
    to->RttVar = from->rttvar;
    to->TsRecent = from->ts_recent;
    to->TsRecentAge = from->ts_recent_age;
    to->TsTime = from->ts_time;
    to->TotalRT = from->total_rt;
    to->DupAckCount = byte_of(from->dup_ack_count);
    to->SndWndProbeCount = byte_of(from->snd_wnd_probe_count);
    to->KeepAlive.ProbeCount = byte_of(from->keep_alive.probe_count);
    to->KeepAlive.TimeoutDelta = from->keep_alive.timeout_delta;
    to->Retransmit.Count = byte_of(from->retransmit.count);
    to->Retransmit.TimeoutDelta = from->retransmit.timeout_delta;
}

BOOLEAN
chim_delegated_get(const TCP_OFFLOAD_STATE_DELEGATED *from, struct tcp_delegated *to)
{
    if ((ULONG)from->State >= MaxTcpConnectionState)
        return FALSE;
    *to = (struct tcp_delegated){
        .state = (enum tcp_state)from->State,
        .rcv_nxt = from->RcvNxt,
        .rcv_wnd = from->RcvWnd,
        .snd_una = from->SndUna,
        .snd_nxt = from->SndNxt,
        .snd_max = from->SndMax,
        .snd_wnd = from->SndWnd,
        .max_snd_wnd = from->MaxSndWnd,
        .snd_wl1 = from->SendWL1,
        .cwnd = from->CWnd,
        .ssthresh = from->SsThresh,
        .srtt = from->SRtt,
        .rttvar = from->RttVar,
        .ts_recent = from->TsRecent,
        .ts_recent_age = from->TsRecentAge,
        .ts_time = from->TsTime,
        .total_rt = from->TotalRT,
        .dup_ack_count = from->DupAckCount,
        .snd_wnd_probe_count = from->SndWndProbeCount,
        .keep_alive = {.probe_count = from->KeepAlive.ProbeCount, .timeout_delta = from->KeepAlive.TimeoutDelta},
        .retransmit = {.count = from->Retransmit.Count, .timeout_delta = from->Retransmit.TimeoutDelta},
    };
    return TRUE;
}

BOOLEAN
chim_state_travels(TCP_OFFLOAD_CONNECTION_STATE state)
{
    return state >= TcpConnectionEstablished && state < TcpConnectionTimeWait;
}

struct eng_address
chim_address_get(const UCHAR *bytes, enum eng_family family)
{
    return family == ENG_IP6 ? eng_address6(bytes) : eng_address4(bytes);
}
