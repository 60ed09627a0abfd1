// SPDX-License-Identifier: MIT
// A TCP connection in a file, between tests/net/repair_peer.c, which writes it from a Linux socket, and the driver resumer, which hands
// it to an offload target. Numbers as the machine has them, ports in network order. Behind the structure: out_bytes bytes from snd_una on,
// then in_bytes bytes that end before rcv_nxt, received and not read.
#ifndef NBX_TESTS_RESUMER_STATE_H
#define NBX_TESTS_RESUMER_STATE_H

#include <stdint.h>

#define RESUMER_MAGIC 0x7265736du

struct resumer_state {
    uint32_t magic, is_six;
    uint8_t local[16], remote[16], local_mac[6], remote_mac[6];
    uint16_t local_port, remote_port;
    uint32_t mss, mtu, snd_scale, rcv_scale;
    uint32_t has_timestamps, has_sack, has_scaling;
    uint32_t rcv_nxt, rcv_wnd, snd_una, snd_max, snd_wnd, max_snd_wnd, snd_wl1;
    uint32_t cwnd_bytes, ssthresh_bytes, srtt_eighths_ms, rttvar_quarters_ms;
    uint32_t ts_recent, ts_time;
    uint32_t out_bytes, in_bytes;
    uint64_t una_place;              // of the byte snd_una in what A sends in all, which the file "send" has
};

#endif
