// SPDX-License-Identifier: MIT
// poll and eventfd behind fd.h.
#include "host/fd.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
fd_bell_create(void)
{
    int bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return bell < 0 ? -errno : bell;
}

void
fd_bell_ring(int bell)
{
    uint64_t one = 1;
    // It fails only when 2^64 - 2 rings are waiting; the bell has rung then.
    if (write(bell, &one, sizeof(one)) < 0)
        return;
}

void
fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

uint32_t
fd_wait(int fd, uint32_t wanted, int bell, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = fd}, {.fd = bell, .events = POLLIN}};
    if (wanted & FD_READABLE)
        fds[0].events |= POLLIN;
    if (wanted & FD_WRITABLE)
        fds[0].events |= POLLOUT;
    // Interrupted by a signal: as good as a timeout, the caller looks again.
    if (poll(fds, 2, timeout_ms) <= 0)
        return 0;
    if (fds[1].revents) {
        uint64_t rings;
        if (read(bell, &rings, sizeof(rings)) < 0)
            rings = 0;
    }
    uint32_t events = 0;
    if (fds[0].revents & POLLIN)
        events |= FD_READABLE;
    if (fds[0].revents & POLLOUT)
        events |= FD_WRITABLE;
    if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
        events |= FD_BROKEN;
    return events;
}
