// SPDX-License-Identifier: MIT
// Many writes in one call: in order, each with its own result, as if they had been made one by one. Where io_uring is refused there is
// nothing to test but that this is said.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/harness.h"
#include "host/batch.h"

static int ends[2];
static uint32_t numbers[BATCH_WRITES];
static struct iovec pieces[BATCH_WRITES][2];
static struct batch_write writes[BATCH_WRITES];

static struct batch *
open_all(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
    struct batch *batch = batch_open(ends[0]);
    if (!batch)
        fprintf(stderr, "SKIP: no io_uring here (%s)\n", strerror(errno));
    return batch;
}

static void
close_all(struct batch *batch)
{
    batch_close(batch);
    ck_assert_int_ge(fcntl(ends[0], F_GETFD), 0); // it stays the caller's
    close(ends[0]);
    close(ends[1]);
}

// Datagrams with consecutive numbers, in two pieces.
static void
fill(uint32_t first, uint32_t count)
{
    static const char word[] = "frame";
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = first + i;
        pieces[i][0] = (struct iovec){(void *)word, 5};
        pieces[i][1] = (struct iovec){&numbers[i], sizeof(numbers[i])};
        writes[i] = (struct batch_write){.iov = pieces[i], .iov_count = 2, .result = 12345};
    }
}

static void
is_next(uint32_t number)
{
    char got[32];
    ck_assert_int_eq(recv(ends[1], got, sizeof(got), 0), 9);
    ck_assert_int_eq(memcmp(got, "frame", 5), 0);
    ck_assert_int_eq(memcmp(got + 5, &number, 4), 0);
}

TEST(batch_writes_all_in_order_and_says_what_became_of_each)
{
    struct batch *batch = open_all();
    uint32_t at = 0;
    if (!batch)
        return;
    // More rounds than the rings have entries, of all lengths.
    for (uint32_t count = 1; count <= 8; count++) {
        for (int round = 0; round < 40; round++, at += count) {
            fill(at, count);
            ck_assert_uint_eq(batch_write(batch, writes, count), count);
            for (uint32_t i = 0; i < count; i++) {
                ck_assert_int_eq(writes[i].result, 9);
                is_next(at + i);
            }
        }
    }
    ck_assert_int_eq(recv(ends[1], &at, sizeof(at), 0), -1);
    close_all(batch);
}

TEST(batch_tells_EAGAIN_where_there_is_no_room_and_goes_on_when_there_is)
{
    struct batch *batch = open_all();
    uint32_t sent = 0;
    if (!batch)
        return;
    for (int round = 0; round < 1000 && !sent; round++) {
        fill(BATCH_WRITES * (uint32_t)round, BATCH_WRITES);
        ck_assert_uint_eq(batch_write(batch, writes, BATCH_WRITES), BATCH_WRITES);
        for (uint32_t i = 0; i < BATCH_WRITES && !sent; i++)
            sent = writes[i].result == 9 ? 0 : BATCH_WRITES * (uint32_t)round + i;
    }
    ck_assert_uint_gt(sent, 0); // the socket's queue is full
    uint32_t full_at = sent % BATCH_WRITES;
    for (uint32_t i = full_at; i < BATCH_WRITES; i++)
        ck_assert_int_eq(writes[i].result, -EAGAIN);
    for (uint32_t i = 0; i < sent; i++)
        is_next(i);
    fill(77, 1);
    ck_assert_uint_eq(batch_write(batch, writes, 1), 1);
    ck_assert_int_eq(writes[0].result, 9);
    is_next(77);
    close_all(batch);
}

TEST(batch_tells_each_writes_own_error)
{
    struct batch *batch = open_all();
    if (!batch)
        return;
    fill(0, 3);
    pieces[1][0].iov_base = NULL;
    ck_assert_uint_eq(batch_write(batch, writes, 3), 3);
    ck_assert_int_eq(writes[0].result, 9);
    ck_assert_int_eq(writes[1].result, -EFAULT);
    ck_assert_int_eq(writes[2].result, 9);
    is_next(0);
    is_next(2);
    close_all(batch);
}

TEST(batch_writes_single_pieces_of_memory_it_knows_and_of_other_memory)
{
    static uint32_t known[16], other[8];
    struct batch *batch = open_all();
    uint32_t got;
    if (!batch)
        return;
    batch_know(batch, known, sizeof(known) / 2);
    for (uint32_t i = 0; i < 8; i++) {
        known[i] = i;
        other[i] = 100 + i;
        pieces[i][0] = (struct iovec){i % 2 ? &other[i] : &known[i], sizeof(uint32_t)};
        writes[i] = (struct batch_write){.iov = pieces[i], .iov_count = 1, .result = 12345};
    }
    // Across its end: not known as a whole.
    pieces[7][0] = (struct iovec){(uint8_t *)&known[8] - 2, 4};
    ck_assert_uint_eq(batch_write(batch, writes, 8), 8);
    for (uint32_t i = 0; i < 8; i++) {
        ck_assert_int_eq(writes[i].result, 4);
        ck_assert_int_eq(recv(ends[1], &got, sizeof(got), 0), 4);
        if (i < 7)
            ck_assert_uint_eq(got, i % 2 ? 100 + i : i);
    }
    close_all(batch);
}
