// SPDX-License-Identifier: MIT
// The system calls of a packet socket; see packet.h. Frames pass in batches of up to 64 by recvmmsg and sendmmsg, straight from and
// into the caller's buffers.
//
// Why not a ring: measured with virtio-net headers over a veth pair on two cores (Linux 6.18), TPACKET_V3 took in 0.4 to 0.6 million
// frames a second where recvmmsg took 0.3 to 0.4, and cost the receiver a fraction of the time, because it wakes once a block and
// the kernel copies in the sender's softirq. But a block is handed over only when it is full or a millisecond old (a tick before
// 6.18), which every request and answer would wait for. TPACKET_V2 hands over each frame at once and was no faster than recvmmsg.
#include "host/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { packet_header_bytes = 10, packet_buffer_bytes = 32 << 20, packet_spare_bytes = 16 };

struct packet_vectors {
    int index;                                          // of the bound interface
    struct mmsghdr in[PACKET_BATCH], out[PACKET_BATCH]; // one receiver, one sender
    struct iovec in_iov[PACKET_BATCH][3];
    uint8_t in_control[PACKET_BATCH][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    uint8_t in_spare[packet_spare_bytes];
};

static int
packet_error(char *error, size_t error_bytes, int rc, const char *name)
{
    if (!error || !error_bytes)
        return rc;
    if (rc == -EPERM || rc == -EACCES)
        snprintf(error, error_bytes,
                 "opening packet socket on %s needs CAP_NET_RAW: use sudo, `unshare -rn`, or port stream:PATH with passt", name);
    else if (rc == -ENODEV)
        snprintf(error, error_bytes, "there is no interface %s", name);
    else
        snprintf(error, error_bytes, "opening packet socket on %s: %s", name, strerror(-rc));
    return rc;
}

static int
packet_option(int fd, int option, int value)
{
    return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int
packet_options(int fd)
{
    int rc = packet_option(fd, PACKET_VNET_HDR, 1);
    if (!rc)
        rc = packet_option(fd, PACKET_AUXDATA, 1);
    if (!rc)
        rc = packet_option(fd, PACKET_IGNORE_OUTGOING, 1);
    int bytes = packet_buffer_bytes;
    // Without CAP_NET_ADMIN the kernel's own limit stays: fewer frames fit, and drops are counted.
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return rc;
}

int
packet_rebind(struct packet *packet)
{
    unsigned index = if_nametoindex(packet->name);
    if (!index)
        return -ENODEV;
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
    if (bind(packet->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    struct packet_mreq promiscuous = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
    if (setsockopt(packet->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) < 0)
        return -errno;
    packet->vectors->index = (int)index;
    return 0;
}

static void
packet_describe(struct packet *packet)
{
    struct ifreq ifr = {0};
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", packet->name);
    packet->mtu_bytes = ioctl(packet->fd, SIOCGIFMTU, &ifr) < 0 ? 1500 : (uint32_t)ifr.ifr_mtu;
    struct ethtool_cmd speed = {.cmd = ETHTOOL_GSET};
    ifr.ifr_data = (char *)&speed;
    packet->bits_per_second = 0;
    if (ioctl(packet->fd, SIOCETHTOOL, &ifr) == 0 && ethtool_cmd_speed(&speed) != (uint32_t)SPEED_UNKNOWN)
        packet->bits_per_second = (uint64_t)ethtool_cmd_speed(&speed) * 1000000;
}

int
packet_open(struct packet *packet, const char *name, char *error, size_t error_bytes)
{
    memset(packet, 0, sizeof(*packet));
    snprintf(packet->name, sizeof(packet->name), "%s", name);
    packet->vectors = calloc(1, sizeof(*packet->vectors));
    if (!packet->vectors)
        return packet_error(error, error_bytes, -ENOMEM, name);
    // Protocol 0: deaf until it is bound to the one interface, so that no frame of another one is ever seen.
    packet->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc = packet->fd < 0 ? -errno : packet_options(packet->fd);
    if (!rc)
        rc = packet_rebind(packet);
    if (rc) {
        packet_close(packet);
        return packet_error(error, error_bytes, rc, name);
    }
    packet_describe(packet);
    return 0;
}

void
packet_close(struct packet *packet)
{
    if (packet->fd >= 0)
        close(packet->fd);
    free(packet->vectors);
    packet->vectors = NULL;
    packet->fd = -1;
}

int
packet_look(struct packet *packet)
{
    struct ifreq ifr = {0};
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", packet->name);
    if (ioctl(packet->fd, SIOCGIFINDEX, &ifr) < 0 || ifr.ifr_ifindex != packet->vectors->index)
        return -ENODEV;
    if (ioctl(packet->fd, SIOCGIFFLAGS, &ifr) < 0)
        return -ENODEV;
    return (ifr.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

void
packet_error_clear(struct packet *packet)
{
    int error;
    socklen_t bytes = sizeof(error);
    (void)getsockopt(packet->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
}

uint32_t
packet_drops(struct packet *packet)
{
    struct tpacket_stats stats = {0};
    socklen_t bytes = sizeof(stats);
    return getsockopt(packet->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) < 0 ? 0 : stats.tp_drops;
}

static void
packet_auxdata(struct msghdr *message, struct packet_in *in)
{
    in->has_vlan = false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct tpacket_auxdata aux;
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA || c->cmsg_len < CMSG_LEN(sizeof(aux)))
            continue;
        memcpy(&aux, CMSG_DATA(c), sizeof(aux));
        in->has_vlan = aux.tp_status & TP_STATUS_VLAN_VALID;
        in->vlan_tci = aux.tp_vlan_tci;
        in->vlan_tpid = aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q;
    }
}

int
packet_receive(struct packet *packet, struct packet_in *in, uint32_t count)
{
    struct packet_vectors *v = packet->vectors;
    if (count > PACKET_BATCH)
        count = PACKET_BATCH;
    for (uint32_t i = 0; i < count; i++) {
        v->in_iov[i][0] = (struct iovec){in[i].header, packet_header_bytes};
        v->in_iov[i][1] = (struct iovec){in[i].buffer, in[i].capacity_bytes};
        v->in_iov[i][2] = (struct iovec){v->in_spare, sizeof(v->in_spare)};
        v->in[i].msg_hdr = (struct msghdr){.msg_iov = v->in_iov[i], .msg_iovlen = 3, .msg_control = v->in_control[i],
                                           .msg_controllen = sizeof(v->in_control[i])};
    }
    int received = recvmmsg(packet->fd, v->in, count, MSG_DONTWAIT, NULL);
    if (received < 0)
        return -errno;
    for (int i = 0; i < received; i++) {
        uint32_t bytes = v->in[i].msg_len;
        in[i].bytes = bytes < packet_header_bytes ? 0 : bytes - packet_header_bytes;
        packet_auxdata(&v->in[i].msg_hdr, &in[i]);
    }
    return received;
}

int
packet_send(struct packet *packet, const struct packet_out *out, uint32_t count)
{
    struct packet_vectors *v = packet->vectors;
    if (count > PACKET_BATCH)
        count = PACKET_BATCH;
    for (uint32_t i = 0; i < count; i++)
        v->out[i].msg_hdr = (struct msghdr){.msg_iov = out[i].iov, .msg_iovlen = out[i].iov_count};
    int sent = sendmmsg(packet->fd, v->out, count, MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}
