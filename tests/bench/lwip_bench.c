// SPDX-License-Identifier: MIT
// lwIP as Debian builds it (liblwip: its raw API on one thread, windows of 64 KB), behind a TAP without offloads: a peer of the TCP
// benchmarks (tests/bench/tcp.sh). Built only where liblwip-dev is installed.
//   lwip_bench discard|source PORT TAP      10.78.0.1/16 on an existing TAP
// Its own TAP driver writes past its buffers (PBUF_POOL blocks of 592 bytes for frames of 1514), so this one reads into PBUF_RAM.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <lwip/etharp.h>
#include <lwip/sys.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>

static struct netif netif;
static bool is_source;
static uint16_t port;
static uint8_t block[32768];
static int tap;

// ---- the TAP --------------------------------------------------------------------------------------------------------------------

static void
tap_open(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    tap = open("/dev/net/tun", O_RDWR);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request)) {
        perror("lwip_bench: TAP");
        exit(1);
    }
}

static err_t
tap_output(struct netif *to, struct pbuf *p)
{
    uint8_t together[1600];
    (void)to;
    if (!p->next)
        return write(tap, p->payload, p->len) == p->len ? ERR_OK : ERR_IF;
    u16_t bytes = pbuf_copy_partial(p, together, sizeof together, 0);
    return write(tap, together, bytes) == bytes ? ERR_OK : ERR_IF;
}

static void
tap_input(void *arg)
{
    static uint8_t frame[2048];
    (void)arg;
    for (;;) {
        ssize_t bytes = read(tap, frame, sizeof frame);
        struct pbuf *p = bytes > 0 ? pbuf_alloc(PBUF_RAW, (u16_t)bytes, PBUF_RAM) : NULL;
        if (!p)
            continue;
        memcpy(p->payload, frame, (size_t)bytes);
        if (netif.input(p, &netif) != ERR_OK)
            pbuf_free(p);
    }
}

static err_t
tap_init(struct netif *it)
{
    static const uint8_t hardware[6] = {2, 0x6c, 0x77, 0x69, 0x70, 1};
    it->name[0] = 't';
    it->name[1] = 'p';
    it->output = etharp_output;
    it->linkoutput = tap_output;
    it->mtu = 1500;
    it->hwaddr_len = 6;
    memcpy(it->hwaddr, hardware, 6);
    it->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    return ERR_OK;
}

// ---- the services ---------------------------------------------------------------------------------------------------------------

static err_t
source_fill(void *arg, struct tcp_pcb *pcb, u16_t acked)
{
    (void)arg;
    (void)acked;
    while (tcp_sndbuf(pcb)) {
        u16_t room = tcp_sndbuf(pcb) < sizeof block ? (u16_t)tcp_sndbuf(pcb) : (u16_t)sizeof block;
        if (tcp_write(pcb, block, room, 0) != ERR_OK)
            break; // its queue is full: more when something has been acknowledged
    }
    tcp_output(pcb);
    return ERR_OK;
}

static err_t
on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
    (void)arg;
    (void)error;
    if (!p) {
        tcp_close(pcb);
        return ERR_OK;
    }
    tcp_recved(pcb, p->tot_len);
    pbuf_free(p);
    return ERR_OK;
}

static err_t
on_accepted(void *arg, struct tcp_pcb *pcb, err_t error)
{
    (void)arg;
    (void)error;
    tcp_recv(pcb, on_received);
    if (is_source) {
        tcp_sent(pcb, source_fill);
        source_fill(NULL, pcb, 0);
    }
    return ERR_OK;
}

static void
begin(void *arg)
{
    ip4_addr_t address, mask, gateway;
    (void)arg;
    IP4_ADDR(&address, 10, 78, 0, 1);
    IP4_ADDR(&mask, 255, 255, 0, 0);
    IP4_ADDR(&gateway, 10, 78, 0, 2);
    netif_add(&netif, &address, &mask, &gateway, NULL, tap_init, tcpip_input);
    netif_set_default(&netif);
    netif_set_link_up(&netif);
    netif_set_up(&netif);
    struct tcp_pcb *pcb = tcp_new();
    if (!pcb || tcp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK || !(pcb = tcp_listen(pcb))) {
        fprintf(stderr, "lwip_bench: cannot listen\n");
        exit(1);
    }
    tcp_accept(pcb, on_accepted);
    sys_thread_new("tap", tap_input, NULL, 0, 0);
}

int
main(int argc, char **argv)
{
    if (argc != 4 || (strcmp(argv[1], "discard") && strcmp(argv[1], "source"))) {
        fprintf(stderr, "lwip_bench discard|source PORT TAP\n");
        return 2;
    }
    is_source = argv[1][0] == 's';
    port = (uint16_t)atoi(argv[2]);
    tap_open(argv[3]);
    tcpip_init(begin, NULL);
    for (;;)
        pause();
}
