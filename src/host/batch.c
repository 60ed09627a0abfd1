// SPDX-License-Identifier: MIT
// See batch.h. The two rings that are shared with the kernel, by its system calls alone (no liburing):
//   batch_write: entries into the submission queue -> io_uring_enter, which executes them one after the other in this thread, because they
//   must not wait (RWF_NOWAIT) -> results out of the completion queue
// The kernel takes entries from the head and we add at the tail; both are used up before a call returns, so entry i of a call is write i.
#include "host/batch.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct batch {
    int ring, fd;
    uint32_t mask, done_mask;
    uint32_t *tail, *done_head;
    const uint32_t *head, *done_tail;
    struct io_uring_sqe *entries;
    const struct io_uring_cqe *done;
    void *shared;
    size_t shared_bytes, entries_bytes;
    uintptr_t known;                          // memory whose pages the ring knows
    size_t known_bytes;
};

static void *
ring_map(int ring, size_t bytes, uint64_t what)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, (off_t)what);
    return at == MAP_FAILED ? NULL : at;
}

static int
rings_map(struct batch *batch, const struct io_uring_params *p)
{
    size_t in = p->sq_off.array + p->sq_entries * sizeof(uint32_t), out = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
    // The second is of Linux 5.6, as is IORING_OP_WRITE.
    if (!(p->features & IORING_FEAT_SINGLE_MMAP) || !(p->features & IORING_FEAT_RW_CUR_POS))
        return -ENOSYS;
    batch->shared_bytes = in > out ? in : out;
    batch->entries_bytes = p->sq_entries * sizeof(struct io_uring_sqe);
    batch->shared = ring_map(batch->ring, batch->shared_bytes, IORING_OFF_SQ_RING);
    batch->entries = ring_map(batch->ring, batch->entries_bytes, IORING_OFF_SQES);
    if (!batch->shared || !batch->entries)
        return -ENOMEM;
    uint8_t *base = batch->shared;
    batch->head = (uint32_t *)(base + p->sq_off.head);
    batch->tail = (uint32_t *)(base + p->sq_off.tail);
    batch->mask = *(uint32_t *)(base + p->sq_off.ring_mask);
    batch->done_head = (uint32_t *)(base + p->cq_off.head);
    batch->done_tail = (uint32_t *)(base + p->cq_off.tail);
    batch->done_mask = *(uint32_t *)(base + p->cq_off.ring_mask);
    batch->done = (struct io_uring_cqe *)(base + p->cq_off.cqes);
    uint32_t *order = (uint32_t *)(base + p->sq_off.array);
    for (uint32_t i = 0; i < p->sq_entries; i++)
        order[i] = i;
    return 0;
}

struct batch *
batch_open(int fd)
{
    struct io_uring_params params = {0};
    const char *wish = getenv("NDISBOX_IO_URING");
    struct batch *batch = wish && !strcmp(wish, "off") ? NULL : calloc(1, sizeof(*batch));
    if (!batch)
        return NULL;
    batch->fd = fd;
    batch->ring = (int)syscall(SYS_io_uring_setup, BATCH_WRITES, &params);
    if (batch->ring >= 0 && !rings_map(batch, &params))
        return batch;
    batch_close(batch);
    return NULL;
}

void
batch_close(struct batch *batch)
{
    if (!batch)
        return;
    if (batch->entries)
        munmap(batch->entries, batch->entries_bytes);
    if (batch->shared)
        munmap(batch->shared, batch->shared_bytes);
    if (batch->ring >= 0)
        close(batch->ring);
    free(batch);
}

void
batch_know(struct batch *batch, void *memory, size_t bytes)
{
    struct iovec iov = {memory, bytes};
    if (syscall(SYS_io_uring_register, batch->ring, IORING_REGISTER_BUFFERS, &iov, 1))
        return;
    batch->known = (uintptr_t)memory;
    batch->known_bytes = bytes;
}

static uint32_t
results_take(struct batch *batch, struct batch_write *writes)
{
    uint32_t head = *batch->done_head, taken = 0;
    for (; head != __atomic_load_n(batch->done_tail, __ATOMIC_ACQUIRE); head++, taken++) {
        const struct io_uring_cqe *done = &batch->done[head & batch->done_mask];
        // A descriptor of a kind that this kernel cannot write to without waiting: written to by itself it does not wait either.
        writes[done->user_data].result = done->res == -EOPNOTSUPP ? -EAGAIN : done->res;
    }
    __atomic_store_n(batch->done_head, head, __ATOMIC_RELEASE);
    return taken;
}

// A single piece costs the kernel less than a vector of one, and least where its pages are known.
static void
entry_fill(const struct batch *batch, struct io_uring_sqe *entry, const struct batch_write *write, uint32_t place)
{
    const struct iovec *iov = write->iov;
    bool is_vector = write->iov_count != 1;
    uintptr_t at = is_vector ? (uintptr_t)iov : (uintptr_t)iov->iov_base;
    *entry = (struct io_uring_sqe){.opcode = is_vector ? IORING_OP_WRITEV : IORING_OP_WRITE,
                                   .fd = batch->fd,
                                   .addr = at,
                                   .len = is_vector ? write->iov_count : (uint32_t)iov->iov_len,
                                   .rw_flags = RWF_NOWAIT,
                                   .user_data = place};
    if (!is_vector && at >= batch->known && at + iov->iov_len <= batch->known + batch->known_bytes)
        entry->opcode = IORING_OP_WRITE_FIXED;
}

uint32_t
batch_write(struct batch *batch, struct batch_write *writes, uint32_t count)
{
    uint32_t first = *batch->tail, done = 0, taken = 0;
    for (uint32_t i = 0; i < count; i++)
        entry_fill(batch, &batch->entries[(first + i) & batch->mask], &writes[i], i);
    __atomic_store_n(batch->tail, first + count, __ATOMIC_RELEASE);
    // Once an entry is taken it is carried through: its result is waited for, whatever interrupts.
    for (bool is_refused = false; done < taken || (taken < count && !is_refused);) {
        long rc = syscall(SYS_io_uring_enter, batch->ring, is_refused ? 0 : count - taken, (is_refused ? taken : count) - done,
                          IORING_ENTER_GETEVENTS, NULL, 0);
        taken = __atomic_load_n(batch->head, __ATOMIC_ACQUIRE) - first;
        done += results_take(batch, writes);
        is_refused = rc < 0 && errno != EINTR;
    }
    __atomic_store_n(batch->tail, first + taken, __ATOMIC_RELEASE); // what was not taken is no entry
    return taken;
}
