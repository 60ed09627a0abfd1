// SPDX-License-Identifier: MIT
// A poller for a thread that serves one file descriptor: it sleeps until the descriptor is readable or writable (as wanted at the
// time), until another thread notifies it, or until it is told to stop. epoll for the descriptor, an eventfd for the other threads.
//   poller_create -> [port thread: poller_wait in a loop] -> poller_stop (any thread) -> the loop ends -> join -> poller_destroy
// Level-triggered: what was not read is reported again. poller_notify is remembered until a wait has returned it, so none is lost.
// Only for the threads scheduler: it blocks the OS thread.
#ifndef NBX_HOST_POLL_H
#define NBX_HOST_POLL_H

#include <stdatomic.h>
#include <stdbool.h>

enum poller_events {
    POLLER_READABLE = 1,
    POLLER_WRITABLE = 2,
    POLLER_FAILED = 4,           // error or hang-up on the descriptor; also READABLE, so that a read tells which
    POLLER_NOTIFIED = 8,         // poller_notify was called since the last wait that said so
    POLLER_STOPPED = 16          // poller_stop was called: said by every later wait
};

struct poller {
    int epoll_fd, event_fd, fd;
    unsigned wanted;             // POLLER_READABLE and POLLER_WRITABLE, as set by poller_want; the waiting thread's
    _Atomic unsigned pending;    // POLLER_NOTIFIED and POLLER_STOPPED, not yet returned
};

// Begin to watch fd for reading. fd stays the caller's. fails: -errno, and nothing is left open.
int poller_create(struct poller *poller, int fd);
void poller_destroy(struct poller *poller);

// What to wait for, of POLLER_READABLE and POLLER_WRITABLE. Only by the waiting thread. fails: -errno.
int poller_want(struct poller *poller, unsigned events);

// Watch another descriptor from now on (a stream that connected again), or none (-1). Only by the waiting thread, before it closes
// the old one. fails: -errno; then none is watched.
int poller_fd_set(struct poller *poller, int fd);

// Sleep until something is so; timeout_ms < 0: for ever. Returns a set of poller_events (0: the timeout, or a signal), or -errno.
int poller_wait(struct poller *poller, int timeout_ms);

// From any thread; never blocks.
void poller_notify(struct poller *poller);
void poller_stop(struct poller *poller);

#endif
