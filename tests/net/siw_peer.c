// SPDX-License-Identifier: MIT
// Our iWARP engine on a TCP socket of Linux's, speaking rping to Linux's siw: the engine alone, without a provider around it.
//   siw_peer listen PORT MODE COUNT BYTES     rping -c of the guest comes; one connection, until it disconnects
//   siw_peer connect PORT MODE COUNT BYTES    to an rping -s of the guest, on 127.0.0.1; a gap of 300 ms before the first message
// MODE is of letters: c CRC, p peer-to-peer with an RTR, r reject (listen), 6 IPv6. Prints "ok COUNT rounds, CRC yes|no, RTR n".
// rping's messages are 16 bytes in network order: address, token, size. The server reads the client's source, writes its sink.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "engine/iwarp/iwarp.h"

#define SOURCE_TAG 0x11220100u
#define SINK_TAG 0x11220200u
#define ROOM (256u << 10)
#define WORKS 16
#define SECONDS 30

struct peer {
    int socket;
    struct iwarp *iwarp;
    struct iwarp_connection *c;
    uint8_t *source, *sink;
    uint32_t bytes;
    uint8_t in[ROOM];
    size_t n_in;
    bool has_fin, is_over;
    struct tcp_send *sending;              // what the socket has not taken yet, and how much it has
    size_t sent;
    uint32_t events;
    struct rdma_work receives[4], works[WORKS];
    struct rdma_sink sinks[4];
    struct eng_span spans[WORKS];
    uint8_t messages[4][64], outgoing[WORKS][16];
    unsigned n_receives, n_works, posted, done, heard, taken;
    uint8_t last[4][16];
};

static struct peer self;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("siw_peer: ", stdout);
    vfprintf(stdout, format, list);
    putchar('\n');
    va_end(list);
    exit(1);
}

static uint64_t
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void *
take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
give(void *context, void *block, size_t bytes)
{
    free(block);
}

// ---- what the engine asks

static enum rdma_fault
map(void *context, uint32_t tag, uint64_t offset, uint32_t count, enum rdma_access access, struct rdma_map *map)
{
    uint8_t *base = tag == SOURCE_TAG ? self.source : tag == SINK_TAG ? self.sink : NULL;
    if (!base)
        return RDMA_FAULT_TAG;
    if (offset > self.bytes || count > self.bytes - offset)
        return RDMA_FAULT_BOUNDS;
    if ((tag == SOURCE_TAG) != (access == RDMA_REMOTE_READ))
        return RDMA_FAULT_RIGHTS;
    *map = (struct rdma_map){.bytes = base + offset, .count = count};
    return RDMA_FAULT_NONE;
}

static enum rdma_fault
invalidate(void *context, uint32_t tag)
{
    return RDMA_FAULT_INVALIDATE;
}

static struct rdma_work *
receive(void *context)
{
    if (self.n_receives - self.taken >= 4)
        return NULL;
    unsigned at = self.n_receives++ % 4;
    self.sinks[at] = (struct rdma_sink){self.messages[at], sizeof self.messages[at]};
    self.receives[at] = (struct rdma_work){.kind = RDMA_RECEIVE, .sinks = &self.sinks[at], .n_sinks = 1, .bytes = sizeof self.messages[at]};
    return &self.receives[at];
}

static int
local(void *context, struct rdma_work *work)
{
    return -EINVAL;
}

static const struct rdma_ops ops = {.on_map = map, .on_invalidate = invalidate, .on_receive = receive, .on_local = local};

// ---- the socket

static void
take_in(void)
{
    ssize_t n = self.n_in < ROOM && !self.has_fin ? recv(self.socket, self.in + self.n_in, ROOM - self.n_in, MSG_DONTWAIT) : -1;
    if (n > 0)
        self.n_in += (size_t)n;
    if (n == 0)
        self.has_fin = true;
    if (n < 0 && errno == ECONNRESET && !self.is_over) {
        self.is_over = true;
        iwarp_lost(self.c, false);
    }
    while (self.n_in && self.n_in >= iwarp_need(self.c)) {
        struct eng_span span = {.bytes = self.in, .count = (uint32_t)self.n_in};
        size_t used = iwarp_input(self.c, &span, 1, now_us());
        if (!used)
            break;
        memmove(self.in, self.in + used, self.n_in -= used);
    }
    if (self.has_fin && !self.is_over)
        iwarp_peer_fin(self.c, self.n_in, now_us());
}

// The span's bytes at self.sent and behind.
static bool
send_some(void)
{
    const struct tcp_send *send = self.sending;
    size_t skip = self.sent;
    struct iovec list[64];
    int n = 0;
    for (uint32_t i = 0; i < send->n_spans && n < 64; i++) {
        const struct eng_span *span = &send->spans[i];
        if (skip >= span->count) {
            skip -= span->count;
            continue;
        }
        list[n++] = (struct iovec){(uint8_t *)span->bytes + skip, span->count - skip};
        skip = 0;
    }
    ssize_t went = writev(self.socket, list, n);
    if (went < 0 && errno != EAGAIN)
        die("writev: %s", strerror(errno));
    self.sent += went > 0 ? (size_t)went : 0;
    return self.sent == send->bytes;
}

static void
send_out(void)
{
    for (;;) {
        if (!self.sending) {
            self.sending = iwarp_run_next(self.c);
            self.sent = 0;
        }
        if (!self.sending || !send_some())
            break;
        struct tcp_send *send = self.sending;
        self.sending = NULL;
        send->status = 0;
        send->acked_bytes = send->bytes;
        iwarp_run_done(self.iwarp, send, now_us());
    }
    if (!self.sending && iwarp_wants_fin(self.c)) {
        shutdown(self.socket, SHUT_WR);
        iwarp_fin_sent(self.c);
    }
    if (self.has_fin && self.events & RDMA_EVENT_CLOSED)
        self.is_over = true;
}

static void
look(void)
{
    struct rdma_work *work;
    self.events |= iwarp_events(self.c);
    while ((work = iwarp_done_next(self.c))) {
        if (work->kind != RDMA_RECEIVE) {
            self.done++;
            if (work->status && work->status != -ECANCELED)
                die("a request of ours ended with %d", work->status);
            continue;
        }
        if (!work->status && work->done_bytes != 16)
            die("a message of %u bytes came", (unsigned)work->done_bytes);
        if (!work->status)
            memcpy(self.last[self.heard++ % 4], work->sinks[0].bytes, 16);
        self.taken++;
    }
}

static void
step(void)
{
    struct pollfd poll_fd = {.fd = self.socket, .events = (short)(POLLIN | (self.sending ? POLLOUT : 0))};
    poll(&poll_fd, 1, 10);
    take_in();
    iwarp_time(self.iwarp, now_us());
    send_out();
    look();
    send_out();
}

// Until `event` or, with event 0, until `heard` messages have come and `done` requests have ended. FALSE: the peer is gone.
static bool
until(uint32_t event, unsigned heard, unsigned done, const char *what)
{
    for (uint64_t end = now_us() + SECONDS * 1000000ull; now_us() < end;) {
        if (event ? self.events & event : self.heard >= heard && self.done >= done)
            return true;
        if (!event && self.events & (RDMA_EVENT_DISCONNECT | RDMA_EVENT_CLOSED))
            return false;
        step();
    }
    die("waiting for %s: events %x, heard %u of %u, done %u of %u", what, self.events, self.heard, heard, self.done, done);
}

// ---- rping

static void
post(enum rdma_kind kind, const uint8_t *bytes, uint32_t count, uint32_t tag, uint64_t offset)
{
    unsigned at = self.n_works++ % WORKS;
    if (kind == RDMA_SEND)
        bytes = memcpy(self.outgoing[at], bytes, count);
    self.spans[at] = (struct eng_span){.bytes = (uint8_t *)bytes, .count = count};
    self.works[at] = (struct rdma_work){.kind = kind, .bytes = count, .remote_tag = tag, .remote_offset = offset, .sink_tag = SINK_TAG};
    self.works[at].spans = &self.spans[at];
    self.works[at].n_spans = kind != RDMA_READ;
    if (iwarp_post(self.c, &self.works[at], now_us()))
        die("iwarp_post of kind %d", kind);
    self.posted++;
    send_out();
}

static void
say(uint32_t tag)
{
    uint8_t message[16] = {0};
    if (tag) {
        bytes_store_be32(message + 8, tag);
        bytes_store_be32(message + 12, self.bytes);
    }
    post(RDMA_SEND, message, 16, 0, 0);
}

static unsigned
client(unsigned count)
{
    for (unsigned round = 0; round < count; round++) {
        for (uint32_t i = 0; i < self.bytes; i++)
            self.source[i] = (uint8_t)('A' + (round + i) % 58);
        self.source[self.bytes - 1] = 0; // rping's server writes a string back
        memset(self.sink, 0xEE, self.bytes);
        say(SOURCE_TAG);
        if (!until(0, 2 * round + 1, self.posted, "go ahead"))
            die("the server left after %u rounds", round);
        say(SINK_TAG);
        if (!until(0, 2 * round + 2, self.posted, "done"))
            die("the server left after %u rounds", round);
        if (memcmp(self.source, self.sink, self.bytes))
            die("round %u: the data differ", round);
    }
    return count;
}

static unsigned
server(void)
{
    for (unsigned round = 0;; round++) {
        const uint8_t *from = self.last[2 * round % 4], *to = self.last[(2 * round + 1) % 4];
        if (!until(0, 2 * round + 1, self.posted, "the source's message"))
            return round;
        uint32_t bytes = bytes_load_be32(from + 12);
        if (bytes > self.bytes)
            die("a source of %u bytes", bytes);
        post(RDMA_READ, NULL, bytes, bytes_load_be32(from + 8), bytes_load_be64(from));
        if (!until(0, 2 * round + 1, self.posted, "the read"))
            die("the client left during a read");
        say(0);
        if (!until(0, 2 * round + 2, self.posted, "the sink's message"))
            die("the client left in a round");
        post(RDMA_WRITE, self.sink, bytes, bytes_load_be32(to + 8), bytes_load_be64(to));
        say(0);
    }
}

// ---- start

static int
connect_or_accept(bool is_server, int port, bool is_six)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr *address = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    socklen_t bytes = is_six ? sizeof six : sizeof four;
    int one = 1, fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (is_server) {
        if (bind(fd, address, bytes) || listen(fd, 1))
            die("listen: %s", strerror(errno));
        puts("listening");
        fflush(stdout);
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, SECONDS * 1000) != 1)
            die("nobody came");
        int listener = fd;
        fd = accept(listener, NULL, NULL);
        close(listener);
    } else if (connect(fd, address, bytes))
        die("connect: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY, whose header knows other TCPs */, &one, sizeof one);
    return fd;
}

static void __attribute__((noreturn))
reject_said(void)
{
    struct iwarp_info info;
    iwarp_info(self.c, &info);
    if (!(self.events & RDMA_EVENT_REJECT))
        die("the connection ended before a reply: end %d", info.end);
    die("rejected: %.*s", info.private_count, (const char *)info.private_bytes);
}

// FALSE: rejected, as asked.
static bool
begin(bool is_server, const char *mode)
{
    static struct eng_memory memory = {.on_take = take, .on_give = give};
    struct iwarp_params params;
    iwarp_params_default(&params);
    self.iwarp = iwarp_create(&memory, &params);
    struct iwarp_open open = {.role = is_server ? RDMA_RESPONDER : RDMA_INITIATOR, .emss_bytes = 1448, .ops = &ops, .context = &self};
    open.uses = IWARP_USE_ENHANCED | (strchr(mode, 'c') ? IWARP_USE_CRC : 0);
    open.rtr = strchr(mode, 'p') ? MPA_RTR_WRITE | MPA_RTR_READ : 0;
    open.reads = (struct rdma_reads){4, 4};
    if (iwarp_open(self.iwarp, &open, now_us(), &self.c))
        die("iwarp_open");
    if (is_server) {
        until(RDMA_EVENT_REQUEST, 0, 0, "the request");
        int failed = strchr(mode, 'r') ? iwarp_reject(self.c, "no", 2, now_us())
                                       : iwarp_accept(self.c, (struct rdma_reads){4, 4}, NULL, 0, now_us());
        if (failed)
            die("accept or reject: %d", failed);
        if (strchr(mode, 'r')) {
            until(RDMA_EVENT_CLOSED, 0, 0, "the end after a reject");
            return false;
        }
    } else {
        until(RDMA_EVENT_REPLY | RDMA_EVENT_REJECT | RDMA_EVENT_CLOSED, 0, 0, "the reply");
        if (!(self.events & RDMA_EVENT_REPLY))
            reject_said();
        if (iwarp_complete_connect(self.c, now_us()))
            die("iwarp_complete_connect");
    }
    until(RDMA_EVENT_ESTABLISHED, 0, 0, "the connection");
    return true;
}

int
main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: siw_peer listen|connect PORT MODE COUNT BYTES\n");
        return 2;
    }
    bool is_server = argv[1][0] == 'l';
    const char *mode = argv[3];
    struct iwarp_info info;
    self.bytes = (uint32_t)atoi(argv[5]);
    self.source = calloc(1, self.bytes);
    self.sink = calloc(1, self.bytes);
    self.socket = connect_or_accept(is_server, atoi(argv[2]), strchr(mode, '6') != NULL);
    if (!begin(is_server, mode)) {
        puts("rejected");
        return 0;
    }
    iwarp_info(self.c, &info);
    if (!is_server)
        for (uint64_t end = now_us() + 300000; now_us() < end;)
            step();
    unsigned rounds = is_server ? server() : client((unsigned)atoi(argv[4]));
    if (rounds != (unsigned)atoi(argv[4]))
        die("%u rounds, not %s", rounds, argv[4]);
    iwarp_disconnect(self.c, now_us());
    send_out();
    until(RDMA_EVENT_CLOSED, 0, 0, "the end");
    printf("ok %u rounds, CRC %s, RTR %u\n", rounds, info.has_crc ? "yes" : "no", info.rtr);
    return 0;
}
