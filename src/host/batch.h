// SPDX-License-Identifier: MIT
// Many writes in one system call, by io_uring(7), where the machine has it and lets us. A thread that writes small frames one by one goes
// back to user mode after each, and the scheduler takes each of these moments to run the reader that the frame has woken.
#ifndef NBX_HOST_BATCH_H
#define NBX_HOST_BATCH_H

#include <stdint.h>
#include <sys/uio.h>

#define BATCH_WRITES 64u                      // of one call, at most

struct batch;

struct batch_write {
    const struct iovec *iov;
    uint32_t iov_count;
    int32_t result;                           // bytes or -errno, as of writev
};

// For one descriptor that does not block. owns: the descriptor stays the caller's, and open until batch_close.
// fails: NULL; the machine has no io_uring, or refuses it (containers do), or the environment says NDISBOX_IO_URING=off: the caller writes
// one by one.
struct batch *batch_open(int fd);
void batch_close(struct batch *batch);

// Writes in one piece out of this memory are cheaper from now on, if the kernel lets us hold its pages. Once; owns: stays the caller's
// until batch_close.
void batch_know(struct batch *batch, void *memory, size_t bytes);

// At most BATCH_WRITES, in order, one caller at a time. Returns how many have a result: fewer than count when the kernel takes no more
// just now, and what follows has not been written.
uint32_t batch_write(struct batch *batch, struct batch_write *writes, uint32_t count);

#endif
