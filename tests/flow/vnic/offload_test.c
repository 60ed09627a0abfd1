// SPDX-License-Identifier: MIT
// Checksums, large sends, coalesced receives and tags, each verified by computing the checksums a second time.
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/harness.h"
#include "kit.h"
#include "packet.h"

static uint8_t frame[PACKET_MAX];

// ---- down -----------------------------------------------------------------------------------------------------------------------

static void *
checksum_request(const struct packet *packet)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info = {.Value = NULL};
    info.Transmit.IsIPv4 = !packet->ip6;
    info.Transmit.IsIPv6 = packet->ip6;
    info.Transmit.TcpChecksum = !packet->udp;
    info.Transmit.UdpChecksum = packet->udp;
    info.Transmit.IpHeaderChecksum = !packet->ip6;
    info.Transmit.TcpHeaderOffset = packet->ip6 ? 54 : 34;
    return info.Value;
}

static void *
lso_request(const struct packet *packet, uint32_t mss)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info = {.Value = NULL};
    info.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    info.LsoV2Transmit.MSS = mss;
    info.LsoV2Transmit.TcpHeaderOffset = packet->ip6 ? 54 : 34;
    info.LsoV2Transmit.IPVersion = packet->ip6;
    return info.Value;
}

static void
send_packet(struct kit_binding *binding, const struct packet *packet, uint32_t mdls, uint32_t mss, uint32_t tci)
{
    uint32_t bytes = packet_make(packet, frame);
    const uint8_t *data = frame;
    struct kit_send send = {.data = &data, .bytes = &bytes, .count = 1, .mdls = mdls};
    if (mss)
        send.lso = lso_request(packet, mss);
    else
        send.checksum = checksum_request(packet);
    if (!packet->ip6 && !packet->lso)
        memset(frame + 24, 0, 2);             // IpHeaderChecksum is asked for: nothing is there
    NDIS_NET_BUFFER_LIST_8021Q_INFO tag = {.Value = NULL};
    tag.TagHeader.UserPriority = tci >> 13;
    tag.TagHeader.VlanId = tci & 0xfff;
    send.vlan = tag.Value;
    kit_send(binding, kit_nbl(binding, &send));
}

static void
checksum_down(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    struct port *port = port_test_find(kit.ports, "a");
    for (uint32_t i = 0; i < 40; i++) {
        struct packet packet = {.ip6 = i & 1, .udp = i & 2, .payload_bytes = 1 + i * 30, .flags = 0x18, .partial = true};
        send_packet(a, &packet, 1 + i % 8, 0, 0);
        const uint8_t *sent;
        struct port_offload offload;
        uint32_t bytes = port_test_tx_get(port, &sent, &offload);
        ck_assert_uint_eq(bytes, packet_payload(frame) + packet.payload_bytes);
        ck_assert_uint_eq(offload.flags, PORT_CSUM_NEEDED);
        ck_assert_uint_eq(offload.gso, PORT_GSO_NONE);
        ck_assert_uint_eq(offload.csum_start, packet_l4(frame));
        uint8_t *copy = malloc(bytes);
        memcpy(copy, sent, bytes);
        packet_finish(copy, bytes, offload.csum_start, offload.csum_offset);
        ck_assert(packet_is_right(copy, bytes));
        ck_assert(packet_payload_is(copy, bytes, 0));
        free(copy);
        port_test_tx_dequeue(port);
    }
    kit_wait(&a->completed, 40);
}

TEST(checksums_asked_for_out_of_band_are_left_to_the_port_with_the_ip_header_finished)
{
    kit_run(1, checksum_down);
}

static void
large_down(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    struct port *port = port_test_find(kit.ports, "a");
    for (uint32_t i = 0; i < 16; i++) {
        struct packet packet = {.ip6 = i & 1, .payload_bytes = 1449 + i * 4200, .flags = 0x98, .sequence = 0xfffff000, .lso = true};
        send_packet(a, &packet, 1 + i, 1428, i & 2 ? 0x6005 : 0);
        uint32_t shift = i & 2 ? 4 : 0;
        const uint8_t *sent;
        struct port_offload offload;
        uint32_t bytes = port_test_tx_get(port, &sent, &offload);
        ck_assert_uint_eq(bytes, packet_payload(frame) + packet.payload_bytes + shift);
        ck_assert_uint_eq(offload.flags, PORT_CSUM_NEEDED | PORT_GSO_ECN);
        ck_assert_uint_eq(offload.gso, packet.ip6 ? PORT_GSO_TCP6 : PORT_GSO_TCP4);
        ck_assert_uint_eq(offload.gso_bytes, 1428);
        ck_assert_uint_eq(offload.header_bytes, packet_payload(frame) + shift);
        ck_assert_uint_eq(offload.csum_start, packet_l4(frame) + shift);
        uint8_t *copy = malloc(bytes);
        memcpy(copy, sent, 12);
        memcpy(copy + 12, sent + 12 + shift, bytes - 12 - shift);
        if (shift)
            ck_assert(!memcmp(sent + 12, (const uint8_t[]){0x81, 0x00, 0x60, 0x05}, 4));
        packet_finish(copy, bytes - shift, offload.csum_start - shift, offload.csum_offset);
        ck_assert(packet_is_right(copy, bytes - shift));   // as one big packet, which is virtio-net's form
        free(copy);
        port_test_tx_dequeue(port);
    }
    kit_wait(&a->completed, 16);
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info = {.Value = a->lso_info};
    ck_assert_uint_eq(info.LsoV2TransmitComplete.Type, NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE);
    ck_assert_uint_eq(info.LsoV2TransmitComplete.Reserved, 0);
}

TEST(large_sends_reach_the_port_in_its_own_form_and_never_write_the_senders_data)
{
    kit_run(2, large_down);
}

static void
bad_large_down(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    struct packet packet = {.payload_bytes = 5000, .lso = true};
    uint32_t bytes = packet_make(&packet, frame);
    const uint8_t *data = frame;
    struct kit_send send = {.data = &data, .bytes = &bytes, .count = 1, .lso = lso_request(&packet, 1448)};
    frame[23] = 17;                           // says TCP, is UDP
    kit_send(a, kit_nbl(a, &send));
    ck_assert_int_eq(a->status[0], NDIS_STATUS_FAILURE);
    frame[23] = 6;
    send.lso = lso_request(&packet, 60000);   // segments larger than a frame
    kit_send(a, kit_nbl(a, &send));
    ck_assert_int_eq(a->status[1], NDIS_STATUS_INVALID_LENGTH);
    send.lso = NULL;                          // too long for a frame without large send
    kit_send(a, kit_nbl(a, &send));
    ck_assert_int_eq(a->status[2], NDIS_STATUS_INVALID_LENGTH);
    bytes = 13;
    kit_send(a, kit_nbl(a, &send));
    ck_assert_int_eq(a->status[3], NDIS_STATUS_INVALID_LENGTH);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_XMIT_ERROR), 4);
    const uint8_t *sent;
    ck_assert_uint_eq(port_test_tx_get(port_test_find(kit.ports, "a"), &sent, NULL), 0);
}

TEST(sends_that_no_frame_can_carry_come_back_with_the_reason)
{
    kit_run(3, bad_large_down);
}

static char pcap_path[64];

static void
large_in_software(void)
{
    struct kit_binding *a;
    char spec[128];
    snprintf(spec, sizeof spec, "pcap:,%s", pcap_path);
    kit_nic("nic0", spec, NULL, "tp", 0, &a);
    for (uint32_t i = 0; i < 8; i++) {
        struct packet packet = {.ip6 = i & 1, .payload_bytes = i < 6 ? 20000 + i * 9000 : 64000, .flags = 0x99, .sequence = 7, .lso = true};
        send_packet(a, &packet, 1 + i, i < 6 ? 1400 : 100, 0);
    }
    struct packet packet = {.udp = true, .payload_bytes = 333, .partial = true};
    send_packet(a, &packet, 5, 0, 0x2003);
    kit_wait(&a->completed, 9);
    for (uint32_t i = 0; i < 9; i++)
        ck_assert_int_eq(a->status[i], NDIS_STATUS_SUCCESS);
}

static void
check_segments(pcap_t *pcap, uint32_t payload_bytes, uint32_t mss)
{
    struct pcap_pkthdr *header;
    const uint8_t *data;
    for (uint32_t at = 0, i = 0; at < payload_bytes; i++) {
        ck_assert_int_eq(pcap_next_ex(pcap, &header, &data), 1);
        ck_assert(packet_is_right(data, header->len));
        ck_assert(packet_payload_is(data, header->len, at));
        ck_assert_uint_eq(packet_sequence(data), 7 + at);
        uint8_t flags = data[packet_l4(data) + 13];
        at += header->len - packet_payload(data);
        ck_assert_uint_eq(flags & 0x80, i ? 0 : 0x80);
        ck_assert_uint_eq(flags & 0x09, at == payload_bytes ? 0x09 : 0);
        if (at < payload_bytes)
            ck_assert_uint_eq(header->len - packet_payload(data), mss);
    }
}

TEST(a_port_without_offloads_gets_whole_segments_with_finished_checksums)
{
    snprintf(pcap_path, sizeof pcap_path, "/tmp/vnic-%d.pcapng", (int)getpid());
    kit_run(4, large_in_software);
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(pcap_path, error);
    ck_assert_msg(pcap != NULL, "%s", error);
    for (uint32_t i = 0; i < 8; i++)
        check_segments(pcap, i < 6 ? 20000 + i * 9000 : 64000, i < 6 ? 1400 : 100);
    struct pcap_pkthdr *header;
    const uint8_t *data;
    ck_assert_int_eq(pcap_next_ex(pcap, &header, &data), 1);
    ck_assert(!memcmp(data + 12, (const uint8_t[]){0x81, 0x00, 0x20, 0x03}, 4));
    memcpy(frame, data, 12);
    memcpy(frame + 12, data + 16, header->len - 16);
    ck_assert(packet_is_right(frame, header->len - 4));
    pcap_close(pcap);
    unlink(pcap_path);
}

// ---- up -------------------------------------------------------------------------------------------------------------------------

static void
deliver(const uint8_t *data, uint32_t bytes, const struct port_offload *offload)
{
    ck_assert_int_eq(port_test_rx_enqueue(port_test_find(kit.ports, "a"), data, bytes, offload), 0);
}

static void
deliver_packet(const struct packet *packet, struct port_offload offload)
{
    uint32_t bytes = packet_make(packet, frame);
    if (offload.flags & PORT_CSUM_NEEDED) {
        offload.csum_start = (uint16_t)packet_l4(frame);
        offload.csum_offset = packet->udp ? 6 : 16;
    }
    if (offload.gso)
        offload.header_bytes = (uint16_t)packet_payload(frame);
    deliver(frame, bytes, &offload);
}

static NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO
checksum_of(const struct kit_frame *got)
{
    return (NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO){.Value = got->checksum};
}

static void
checksum_up(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    deliver_packet(&(struct packet){.payload_bytes = 100, .partial = true}, (struct port_offload){.flags = PORT_CSUM_NEEDED});
    deliver_packet(&(struct packet){.ip6 = true, .payload_bytes = 99}, (struct port_offload){.flags = PORT_CSUM_VALID});
    deliver_packet(&(struct packet){.udp = true, .payload_bytes = 98, .partial = true}, (struct port_offload){.flags = PORT_CSUM_NEEDED});
    deliver_packet(&(struct packet){.payload_bytes = 97}, (struct port_offload){0});
    packet_make(&(struct packet){.payload_bytes = 96}, frame);
    frame[25] ^= 1;
    deliver(frame, 34 + 32 + 96, &(struct port_offload){.flags = PORT_CSUM_VALID});
    port_test_rx_flush(port_test_find(kit.ports, "a"));
    kit_wait(&a->frames, 5);
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info = checksum_of(&a->frame[0]);
    ck_assert(info.Receive.TcpChecksumSucceeded && info.Receive.IpChecksumSucceeded && info.Receive.TcpChecksumValueInvalid);
    info = checksum_of(&a->frame[1]);
    ck_assert(info.Receive.TcpChecksumSucceeded && !info.Receive.TcpChecksumValueInvalid && !info.Receive.IpChecksumSucceeded);
    info = checksum_of(&a->frame[2]);
    ck_assert(info.Receive.UdpChecksumSucceeded && !info.Receive.TcpChecksumValueInvalid);
    ck_assert(packet_is_right(a->frame[2].data, a->frame[2].bytes));
    ck_assert_ptr_null(a->frame[3].checksum);
    info = checksum_of(&a->frame[4]);
    ck_assert(info.Receive.IpChecksumFailed && !info.Receive.IpChecksumSucceeded);
}

TEST(received_checksum_words_say_what_the_port_said)
{
    kit_run(5, checksum_up);
}

static void
checksum_up_off(void)
{
    static const struct kit_setting off[] = {
        {"*TCPChecksumOffloadIPv4", "1"}, {"*UDPChecksumOffloadIPv4", "0"}, {"*IPChecksumOffloadIPv4", "0"}, {0}};
    struct kit_binding *a;
    kit_nic("nic0", "test:a", off, "tp", 0, &a);
    for (uint32_t i = 0; i < 2; i++)
        deliver_packet(&(struct packet){.udp = i, .payload_bytes = 100 + i, .partial = true},
                       (struct port_offload){.flags = PORT_CSUM_NEEDED});
    port_test_rx_flush(port_test_find(kit.ports, "a"));
    kit_wait(&a->frames, 2);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_ptr_null(a->frame[i].checksum);
        ck_assert(packet_is_right(a->frame[i].data, a->frame[i].bytes));
    }
}

TEST(with_receive_checksums_off_an_open_checksum_is_finished_and_nothing_is_claimed)
{
    kit_run(6, checksum_up_off);
}

static void
coalesced_up(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    for (uint32_t i = 0; i < 2; i++)
        deliver_packet(&(struct packet){.ip6 = i, .payload_bytes = 40001, .partial = true},
                       (struct port_offload){.flags = PORT_CSUM_NEEDED, .gso = i ? PORT_GSO_TCP6 : PORT_GSO_TCP4, .gso_bytes = 1000});
    port_test_rx_flush(port_test_find(kit.ports, "a"));
    kit_wait(&a->frames, 2);
    for (uint32_t i = 0; i < 2; i++) {
        NDIS_RSC_NBL_INFO rsc = {.Value = a->frame[i].rsc};
        ck_assert_uint_eq(rsc.Info.CoalescedSegCount, 41);
        ck_assert_uint_eq(rsc.Info.DupAckCount, 0);
        ck_assert(checksum_of(&a->frame[i]).Receive.TcpChecksumSucceeded);
        ck_assert(checksum_of(&a->frame[i]).Receive.TcpChecksumValueInvalid);
        ck_assert(packet_payload_is(a->frame[i].data, a->frame[i].bytes, 0));
    }
    NDIS_RSC_STATISTICS_INFO statistics;
    ck_assert_int_eq(kit_oid(a, NdisRequestQueryInformation, OID_TCP_RSC_STATISTICS, &statistics, sizeof statistics), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(statistics.CoalescedPkts, 82);
    ck_assert_uint_eq(statistics.CoalesceEvents, 2);
}

TEST(a_super_segment_comes_up_as_one_coalesced_list)
{
    kit_run(7, coalesced_up);
}

static void
split_up(void)
{
    static const struct kit_setting off[] = {{"*RscIPv4", "0"}, {"*RscIPv6", "0"}, {0}};
    struct kit_binding *a;
    kit_nic("nic0", "test:a", off, "tp", 0, &a);
    for (uint32_t i = 0; i < 2; i++)
        deliver_packet(&(struct packet){.ip6 = i, .payload_bytes = 40001, .sequence = 7, .flags = 0x99, .partial = true},
                       (struct port_offload){.flags = PORT_CSUM_NEEDED, .gso = i ? PORT_GSO_TCP6 : PORT_GSO_TCP4, .gso_bytes = 1000});
    port_test_rx_flush(port_test_find(kit.ports, "a"));
    kit_wait(&a->frames, 82);
    for (uint32_t i = 0; i < 82; i++) {
        const struct kit_frame *got = &a->frame[i];
        ck_assert_ptr_null(got->rsc);
        ck_assert_uint_eq(packet_sequence(got->data), 7 + i % 41 * 1000);
        ck_assert(packet_is_right(got->data, got->bytes));
        ck_assert(packet_payload_is(got->data, got->bytes, i % 41 * 1000));
        ck_assert(checksum_of(got).Receive.TcpChecksumSucceeded && !checksum_of(got).Receive.TcpChecksumValueInvalid);
    }
}

TEST(with_rsc_off_a_super_segment_comes_up_as_its_segments)
{
    kit_run(8, split_up);
}

static void
echoed_open(void)
{
    kit_nic("nic0", "test:a", NULL, "echoproto", 0, NULL);
    struct port *port = port_test_find(kit.ports, "a");
    for (uint32_t i = 0; i < 2; i++)
        deliver_packet(&(struct packet){.ip6 = i, .payload_bytes = 500 + i, .partial = true},
                       (struct port_offload){.flags = PORT_CSUM_NEEDED});
    port_test_rx_flush(port);
    for (uint32_t i = 0; i < 2; i++) {
        const uint8_t *sent;
        struct port_offload offload;
        uint32_t bytes = 0;
        for (uint32_t wait = 0; wait < 1000 && !(bytes = port_test_tx_get(port, &sent, &offload)); wait++)
            kit_sleep_us(100);
        ck_assert_uint_gt(bytes, 0);
        ck_assert_uint_eq(offload.flags, PORT_CSUM_NEEDED);
        memcpy(frame, sent, bytes);
        packet_finish(frame, bytes, offload.csum_start, offload.csum_offset);
        ck_assert(packet_is_right(frame, bytes));
        port_test_tx_dequeue(port);
    }
}

TEST(echoproto_asks_for_the_checksum_that_a_received_frame_left_open)
{
    kit_run(11, echoed_open);
}

// ---- tags and switches ------------------------------------------------------------------------------------------------------------

static void
tags_up(void)
{
    static const struct kit_setting off[] = {{"*PriorityVLANTag", "0"}, {0}};
    static const uint8_t tagged[24] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0xa0, 0x07, 0x88, 0xb5, 1, 2, 3, 4, 5, 6};
    struct kit_binding *a, *b;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    kit_nic("nic1", "test:b", off, "tp", 0, &b);
    for (uint32_t i = 0; i < 2; i++) {
        struct port *port = port_test_find(kit.ports, i ? "b" : "a");
        ck_assert_int_eq(port_test_rx_enqueue(port, tagged, sizeof tagged, NULL), 0);
        ck_assert_int_eq(port_test_rx_enqueue(port, tagged, i ? sizeof tagged : 17, NULL), 0);   // a tag that is cut off
        port_test_rx_flush(port);
    }
    kit_wait(&a->frames, 1);
    kit_wait(&b->frames, 2);
    NDIS_NET_BUFFER_LIST_8021Q_INFO info = {.Value = a->frame[0].vlan};
    ck_assert_uint_eq(info.TagHeader.UserPriority, 5);
    ck_assert_uint_eq(info.TagHeader.VlanId, 7);
    ck_assert_uint_eq(a->frame[0].bytes, 20);
    ck_assert(!memcmp(a->frame[0].data, tagged, 12));
    ck_assert(!memcmp(a->frame[0].data + 12, tagged + 16, 8));
    ck_assert_uint_eq(a->frame[0].type, 0xb588);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_RCV_DISCARDS), 1);
    ck_assert_ptr_null(b->frame[0].vlan);
    ck_assert(!memcmp(b->frame[0].data, tagged, sizeof tagged));
}

TEST(a_received_tag_is_taken_out_of_the_frame_unless_tags_are_off)
{
    kit_run(9, tags_up);
}

static NDIS_STATUS
offload_set(struct kit_binding *binding, NDIS_OFFLOAD_PARAMETERS *wanted, uint32_t bytes)
{
    return kit_oid(binding, NdisRequestSetInformation, OID_TCP_OFFLOAD_PARAMETERS, wanted, bytes);
}

static void
switching(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    NDIS_OFFLOAD_PARAMETERS wanted = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_OFFLOAD_PARAMETERS_REVISION_3, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3},
        .TCPIPv4Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED,
        .RscIPv4 = NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED};
    ck_assert_int_eq(offload_set(a, &wanted, sizeof wanted), NDIS_STATUS_SUCCESS);
    deliver_packet(&(struct packet){.payload_bytes = 3000, .partial = true},
                   (struct port_offload){.flags = PORT_CSUM_NEEDED, .gso = PORT_GSO_TCP4, .gso_bytes = 1000});
    port_test_rx_flush(port_test_find(kit.ports, "a"));
    kit_wait(&a->frames, 3);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert(packet_is_right(a->frame[i].data, a->frame[i].bytes));
        ck_assert(!checksum_of(&a->frame[i]).Receive.TcpChecksumSucceeded);
    }
    wanted.TCPIPv4Checksum = 9;
    ck_assert_int_eq(offload_set(a, &wanted, sizeof wanted), NDIS_STATUS_INVALID_PARAMETER);
    wanted.TCPIPv4Checksum = 0;
    wanted.LsoV1 = NDIS_OFFLOAD_PARAMETERS_LSOV1_ENABLED;
    ck_assert_int_eq(offload_set(a, &wanted, sizeof wanted), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(offload_set(a, &wanted, 8), NDIS_STATUS_INVALID_LENGTH);
}

TEST(OID_TCP_OFFLOAD_PARAMETERS_switches_what_the_receiver_does)
{
    kit_run(10, switching);
}
