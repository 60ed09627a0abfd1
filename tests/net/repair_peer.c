// SPDX-License-Identifier: MIT
// A Linux TCP client that stops in the middle of its connection and writes down how that stands, for somebody else to go on:
//   repair_peer INTERFACE ADDRESS PORT SEND GOT STATE LOCAL-MAC REMOTE-MAC DEAFEN LEAVE
// It sends from the file SEND and writes what it reads to GOT, until some of both has passed. Then it runs the shell line DEAFEN (from
// there on nothing of ours reaches the peer), sends more, which stays outstanding, and lets what the peer sends lie; runs LEAVE (from
// there on nothing reaches us), and writes to STATE what TCP_REPAIR, TCP_INFO and TCP_TIMESTAMP tell (tests/drivers/resumer/state.h). The
// timestamp that the kernel echoes is told by nothing of these: it is read off the interface, from the last segment in order.
#define REPAIR_BYTES (8 << 20)
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <time.h>

#include "../drivers/resumer/state.h"
#include "../harness/repair.h"

#define SENT_BEFORE 300000
#define READ_BEFORE 200000
#define OUTSTANDING 40000
#define UNREAD 20000
#define MS_MAX 10000

static struct repair_state taken;

static void
say(const char *what)
{
    fprintf(stderr, "repair_peer: %s\n", what);
    exit(1);
}

static uint64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
shell(const char *line)
{
    if (system(line))
        say(line);
}

// ---- what came by ---------------------------------------------------------------------------------------------------------------------

static int
sniffer_open(const char *interface)
{
    struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(interface)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)), room = 32 << 20;
    repair_must(fd, "a packet socket");
    repair_must(bind(fd, (struct sockaddr *)&name, sizeof name), "binding it");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    return fd;
}

static uint32_t
word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

// TSval of a segment, 0 if it has none.
static uint32_t
stamp_of(const uint8_t *tcp, uint32_t header_bytes)
{
    for (uint32_t at = 20; at + 10 <= header_bytes;) {
        if (tcp[at] == 8 && tcp[at + 1] == 10)
            return word(tcp + at + 2);
        if (!tcp[at])
            return 0;
        at += tcp[at] == 1 ? 1 : tcp[at + 1] ? tcp[at + 1] : header_bytes;
    }
    return 0;
}

// Of the last segment from the peer's port that begins before rcv_nxt.
static uint32_t
sniffer_stamp(int fd, uint16_t remote_port, uint32_t rcv_nxt)
{
    static uint8_t frame[65536];
    struct sockaddr_ll from;
    uint32_t stamp = 0;
    for (;;) {
        socklen_t bytes = sizeof from;
        ssize_t length = recvfrom(fd, frame, sizeof frame, 0, (struct sockaddr *)&from, &bytes);
        if (length < 0)
            return stamp;
        bool is_six = frame[12] == 0x86 && frame[13] == 0xdd;
        const uint8_t *tcp = frame + 14 + (is_six ? 40 : (frame[14] & 15) * 4);
        if (from.sll_pkttype == PACKET_OUTGOING || length < 74 || tcp + 20 > frame + length || (is_six ? frame[20] : frame[23]) != 6 ||
            memcmp(tcp, &remote_port, 2) || (int32_t)(word(tcp + 4) - rcv_nxt) > 0 || tcp + (tcp[12] >> 4) * 4 > frame + length)
            continue;
        uint32_t here = stamp_of(tcp, (uint32_t)(tcp[12] >> 4) * 4);
        stamp = here ? here : stamp;
    }
}

// ---- the connection's first part ------------------------------------------------------------------------------------------------------

static int
connect_to(const char *address, const char *port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *at;
    int one = 1;
    if (getaddrinfo(address, port, &hints, &at))
        say("the address is none");
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    repair_must(fd, "socket");
    repair_must(connect(fd, at->ai_addr, at->ai_addrlen), "connect");
    repair_set_int(fd, TCP_NODELAY, one, "TCP_NODELAY");
    repair_must(fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
    freeaddrinfo(at);
    return fd;
}

// Until so much has gone and come. Returns how much has gone in all.
static uint64_t
talk(int fd, int from, int to, uint64_t sent, uint64_t send_until, uint64_t read_until)
{
    static uint8_t out[16384], in[16384];
    uint64_t got = 0, deadline_ms = now_ms() + MS_MAX;
    while (sent < send_until || got < read_until) {
        struct pollfd ready = {fd, (short)((sent < send_until ? POLLOUT : 0) | (got < read_until ? POLLIN : 0)), 0};
        if (now_ms() > deadline_ms)
            say("the peer did not take or send as much as it should");
        poll(&ready, 1, 100);
        if (ready.revents & POLLOUT) {
            size_t want = send_until - sent < sizeof out ? send_until - sent : sizeof out;
            ssize_t had = pread(from, out, want, (off_t)sent), here = had > 0 ? send(fd, out, (size_t)had, 0) : -1;
            repair_must(here < 0 && errno == EAGAIN ? 0 : (int)here, "sending");
            sent += here > 0 ? (uint64_t)here : 0;
        }
        if (ready.revents & POLLIN && got < read_until) {
            size_t want = read_until - got < sizeof in ? read_until - got : sizeof in;
            ssize_t here = recv(fd, in, want, 0);
            if (here == 0 || write(to, in, here > 0 ? (size_t)here : 0) < 0)
                say("the peer has ended, or the file is full");
            got += here > 0 ? (uint64_t)here : 0;
        }
    }
    return sent;
}

// Until the peer has what was sent, or until so much lies here unread.
static void
wait_for(int fd, unsigned long request, bool is_less, int bytes)
{
    int now = 0;
    for (uint64_t deadline_ms = now_ms() + MS_MAX;; usleep(5000)) {
        repair_must(ioctl(fd, request, &now), "the length of a queue");
        if (is_less ? now <= bytes : now >= bytes)
            return;
        if (now_ms() > deadline_ms)
            say("a queue is not as long as it should be");
    }
}

// ---- what it amounts to ---------------------------------------------------------------------------------------------------------------

static uint32_t
most(uint64_t value, uint32_t limit)
{
    return value < limit ? (uint32_t)value : limit;
}

static void
names_put(int fd, struct resumer_state *state)
{
    struct sockaddr_storage near, far;
    socklen_t near_bytes = sizeof near, far_bytes = sizeof far;
    repair_must(getsockname(fd, (struct sockaddr *)&near, &near_bytes), "getsockname");
    repair_must(getpeername(fd, (struct sockaddr *)&far, &far_bytes), "getpeername");
    state->is_six = near.ss_family == AF_INET6;
    if (state->is_six) {
        memcpy(state->local, &((struct sockaddr_in6 *)&near)->sin6_addr, 16);
        memcpy(state->remote, &((struct sockaddr_in6 *)&far)->sin6_addr, 16);
    } else {
        memcpy(state->local, &((struct sockaddr_in *)&near)->sin_addr, 4);
        memcpy(state->remote, &((struct sockaddr_in *)&far)->sin_addr, 4);
    }
    state->local_port = ((struct sockaddr_in *)&near)->sin_port;      // in one place in both families
    state->remote_port = ((struct sockaddr_in *)&far)->sin_port;
}

static void
state_put(struct resumer_state *state, int unsent)
{
    const struct tcp_info *info = &taken.info;
    const struct tcp_repair_window *window = &taken.window;
    uint32_t end = taken.seq[TCP_SEND_QUEUE], mss = info->tcpi_snd_mss;
    state->magic = RESUMER_MAGIC;
    state->mss = taken.mss;
    state->mtu = info->tcpi_pmtu;
    state->has_timestamps = info->tcpi_options & TCPI_OPT_TIMESTAMPS;
    state->has_sack = info->tcpi_options & TCPI_OPT_SACK;
    state->has_scaling = info->tcpi_options & TCPI_OPT_WSCALE;
    state->snd_scale = info->tcpi_snd_wscale;
    state->rcv_scale = info->tcpi_rcv_wscale;
    state->rcv_nxt = taken.seq[TCP_RECV_QUEUE];
    state->rcv_wnd = window->rcv_wup + window->rcv_wnd - state->rcv_nxt;   // to the edge that the peer was told
    state->snd_una = end - (uint32_t)taken.bytes[TCP_SEND_QUEUE];
    state->snd_max = end - (uint32_t)unsent;
    state->snd_wnd = window->snd_wnd;
    state->max_snd_wnd = window->max_window;
    state->snd_wl1 = window->snd_wl1;
    state->cwnd_bytes = most((uint64_t)info->tcpi_snd_cwnd * mss, 1u << 30);
    state->ssthresh_bytes = most((uint64_t)info->tcpi_snd_ssthresh * mss, 1u << 30);
    state->srtt_eighths_ms = most(info->tcpi_rtt / 125, 0xFFFF);           // microseconds to eighths of milliseconds
    state->rttvar_quarters_ms = most(info->tcpi_rttvar / 250, 0xFFFF);
    state->out_bytes = (uint32_t)taken.bytes[TCP_SEND_QUEUE];
    state->in_bytes = (uint32_t)taken.bytes[TCP_RECV_QUEUE];
}

static void
mac_read(const char *text, uint8_t mac[6])
{
    if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) != 6)
        say("a link address is none");
}

int
main(int argc, char **argv)
{
    struct resumer_state state = {0};
    int unsent = 0;
    if (argc != 11)
        say("INTERFACE ADDRESS PORT SEND GOT STATE LOCAL-MAC REMOTE-MAC DEAFEN LEAVE");
    mac_read(argv[7], state.local_mac);
    mac_read(argv[8], state.remote_mac);
    int from = open(argv[4], O_RDONLY | O_CLOEXEC), to = open(argv[5], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    FILE *file = fopen(argv[6], "wbe");
    if (from < 0 || to < 0 || !file)
        say("a file cannot be opened");
    int sniffer = sniffer_open(argv[1]), fd = connect_to(argv[2], argv[3]);
    uint64_t sent = talk(fd, from, to, 0, SENT_BEFORE, READ_BEFORE);
    wait_for(fd, SIOCOUTQ, true, 0);
    shell(argv[9]);
    sent = talk(fd, from, to, sent, sent + OUTSTANDING, 0);
    wait_for(fd, SIOCINQ, false, UNREAD);
    shell(argv[10]);
    repair_take(fd, &taken);
    repair_must(ioctl(fd, SIOCOUTQNSD, &unsent), "what was not sent");
    if (taken.info.tcpi_options & TCPI_OPT_TIMESTAMPS)
        repair_get(fd, TCP_TIMESTAMP, &state.ts_time, sizeof state.ts_time, "TCP_TIMESTAMP");
    state_put(&state, unsent);
    names_put(fd, &state);
    state.ts_recent = sniffer_stamp(sniffer, state.remote_port, state.rcv_nxt);
    state.una_place = sent - state.out_bytes;
    if (!state.out_bytes || !state.in_bytes || state.snd_una == state.snd_max)
        say("nothing is outstanding, or nothing unread");
    if (fwrite(&state, sizeof state, 1, file) != 1 || fwrite(taken.data[TCP_SEND_QUEUE], state.out_bytes, 1, file) != 1 ||
        fwrite(taken.data[TCP_RECV_QUEUE], state.in_bytes, 1, file) != 1 || fclose(file))
        say("the state cannot be written");
    close(fd);                                                            // in repair: without a segment
    printf("%u bytes outstanding, %d of them not sent, %u not read, timestamps %s, window %u, ours %u\n", state.out_bytes, unsent,
           state.in_bytes, state.has_timestamps ? "on" : "off", state.snd_wnd, state.rcv_wnd);
    return 0;
}
