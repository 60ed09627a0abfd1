// SPDX-License-Identifier: MIT
// What iWARP costs, without TCP, adapters or clocks: CRC32C alone, 64 KB writes framed, and the same received and placed, with CRC and
// without, for FPDUs of Ethernet and of jumbo frames; then 64-byte writes that leave together. Prints nanoseconds and GB/s, the best of
// several rounds.
#include "engine/iwarp/crc.h"
#include "engine/iwarp/iwarp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 9
#define WRITES 400
#define WRITE_BYTES 65536
#define SMALL_WRITES 64

static struct eng_memory memory;
static struct iwarp *iwarp;
static struct iwarp_connection *ends[2];
static uint8_t source[WRITE_BYTES], target[WRITE_BYTES];
static struct eng_span span = {.bytes = source, .count = WRITE_BYTES};
static struct rdma_work works[SMALL_WRITES];

static void *
bench_take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
bench_give(void *context, void *block, size_t bytes)
{
    free(block);
}

static enum rdma_fault
bench_map(void *context, uint32_t tag, uint64_t offset, uint32_t count, enum rdma_access access, struct rdma_map *map)
{
    if (tag != 1 || offset > WRITE_BYTES || count > WRITE_BYTES - offset)
        return RDMA_FAULT_BOUNDS;
    *map = (struct rdma_map){.bytes = target + offset, .count = count};
    return RDMA_FAULT_NONE;
}

static const struct rdma_ops ops = {.on_map = bench_map};

static double
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

// Everything that is ready at one end goes to the other, run by run, as one or more spans; returns nanoseconds of the other end's work.
static double
carry(int from, bool is_placed)
{
    struct tcp_send *send, *sent[2000];
    double spent = 0;
    size_t n = 0;
    while ((send = iwarp_run_next(ends[from])))
        sent[n++] = send;
    for (size_t i = 0; i < n; i++) {
        double start = now_ns();
        if (is_placed)
            iwarp_input(ends[1 - from], sent[i]->spans, sent[i]->n_spans, 1);
        spent += now_ns() - start;
    }
    for (size_t i = 0; i < n; i++)
        iwarp_run_done(iwarp, sent[i], 1);
    return spent;
}

static void
connect_ends(uint32_t uses, uint32_t emss)
{
    for (int i = 0; i < 2; i++) {
        struct iwarp_open open = {.role = i ? RDMA_RESPONDER : RDMA_INITIATOR, .uses = uses, .emss_bytes = emss, .ops = &ops};
        iwarp_open(iwarp, &open, 1, &ends[i]);
    }
    carry(0, true);
    iwarp_accept(ends[1], (struct rdma_reads){0}, NULL, 0, 1);
    carry(1, true);
    iwarp_complete_connect(ends[0], 1);
}

static void
post(struct rdma_work *work, uint32_t bytes, uint32_t flags)
{
    span.count = bytes;
    *work = (struct rdma_work){.kind = RDMA_WRITE, .flags = flags, .spans = &span, .n_spans = 1, .bytes = bytes, .remote_tag = 1};
    if (iwarp_post(ends[0], work, 1))
        abort();
}

static void
drain(void)
{
    while (iwarp_done_next(ends[0]))
        ;
}

static void
large(const char *name, uint32_t uses, uint32_t emss)
{
    double out = 1e18, in = 1e18;
    connect_ends(uses, emss);
    for (int round = 0; round < ROUNDS; round++) {
        double spent_out = 0, spent_in = 0;
        for (int i = 0; i < WRITES; i++) {
            double start = now_ns();
            post(&works[0], WRITE_BYTES, 0);
            spent_out += now_ns() - start;
            spent_in += carry(0, true);
            drain();
        }
        out = spent_out / WRITES < out ? spent_out / WRITES : out;
        in = spent_in / WRITES < in ? spent_in / WRITES : in;
    }
    printf("%-28s framed %8.0f ns %6.2f GB/s   placed %8.0f ns %6.2f GB/s\n", name, out, WRITE_BYTES / out, in, WRITE_BYTES / in);
    iwarp_release(ends[0]);
    iwarp_release(ends[1]);
}

static void
small(uint32_t uses)
{
    double best = 1e18;
    connect_ends(uses, 1448);
    for (int round = 0; round < ROUNDS; round++) {
        double spent = 0;
        for (int i = 0; i < WRITES; i++) {
            double start = now_ns();
            for (int n = 0; n < SMALL_WRITES; n++)
                post(&works[n], 64, n + 1 < SMALL_WRITES ? RDMA_DEFER : 0);
            carry(0, true);
            drain();
            spent += now_ns() - start;
        }
        best = spent / WRITES / SMALL_WRITES < best ? spent / WRITES / SMALL_WRITES : best;
    }
    printf("64-byte writes, deferred%s   posted, framed, placed, done %6.1f ns each\n", uses & IWARP_USE_CRC ? ", CRC" : "     ", best);
    iwarp_release(ends[0]);
    iwarp_release(ends[1]);
}

static void
crc_alone(uint32_t bytes)
{
    double best = 1e18;
    uint32_t crc = CRC_START;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < WRITES; i++)
            for (uint32_t at = 0; at + bytes <= WRITE_BYTES; at += bytes)
                crc = crc_add(crc, source + at, bytes);
        double spent = (now_ns() - start) / WRITES / (WRITE_BYTES / bytes);
        best = spent < best ? spent : best;
    }
    printf("CRC32C of %5u bytes          %8.1f ns %6.2f GB/s   (%08x)\n", bytes, best, bytes / best, crc);
}

int
main(void)
{
    struct iwarp_params params;
    memory = (struct eng_memory){.on_take = bench_take, .on_give = bench_give};
    iwarp_params_default(&params);
    iwarp = iwarp_create(&memory, &params);
    memset(source, 0x5A, sizeof source);
    crc_alone(84);
    crc_alone(1440);
    crc_alone(WRITE_BYTES);
    large("64 KB, EMSS 1448, CRC", IWARP_USE_CRC, 1448);
    large("64 KB, EMSS 1448", 0, 1448);
    large("64 KB, EMSS 8948, CRC", IWARP_USE_CRC, 8948);
    large("64 KB, EMSS 8948", 0, 8948);
    large("64 KB, EMSS 1448, markers", IWARP_USE_CRC | IWARP_USE_MARKERS, 1448);
    small(IWARP_USE_CRC);
    small(0);
    iwarp_destroy(iwarp);
    return memory.taken_bytes != 0;
}
