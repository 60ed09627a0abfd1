// SPDX-License-Identifier: MIT
// The poller: two descriptors in one epoll set. The flags in `pending` say why the eventfd fired; they are set before it is written
// and taken after it is read, so a notification between the two costs an extra turn at most and is never lost.
#include "host/poll.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { POLLER_IS_FD, POLLER_IS_EVENT };

static uint32_t
poller_epoll_events(unsigned wanted)
{
    return (wanted & POLLER_READABLE ? EPOLLIN : 0u) | (wanted & POLLER_WRITABLE ? EPOLLOUT : 0u);
}

int
poller_create(struct poller *poller, int fd)
{
    *poller = (struct poller){.epoll_fd = -1, .event_fd = -1, .fd = -1, .wanted = POLLER_READABLE};
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = POLLER_IS_EVENT};
    int error = 0;
    poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    poller->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (poller->epoll_fd < 0 || poller->event_fd < 0 || epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, poller->event_fd, &event))
        error = -errno;
    if (!error)
        error = poller_fd_set(poller, fd);
    if (error)
        poller_destroy(poller);
    return error;
}

void
poller_destroy(struct poller *poller)
{
    if (poller->epoll_fd >= 0)
        close(poller->epoll_fd);
    if (poller->event_fd >= 0)
        close(poller->event_fd);
    poller->epoll_fd = poller->event_fd = poller->fd = -1;
}

int
poller_want(struct poller *poller, unsigned events)
{
    if (events == poller->wanted || poller->fd < 0) {
        poller->wanted = events;
        return 0;
    }
    struct epoll_event event = {.events = poller_epoll_events(events), .data.u32 = POLLER_IS_FD};
    if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_MOD, poller->fd, &event))
        return -errno;
    poller->wanted = events;
    return 0;
}

int
poller_fd_set(struct poller *poller, int fd)
{
    if (poller->fd >= 0)
        epoll_ctl(poller->epoll_fd, EPOLL_CTL_DEL, poller->fd, NULL);
    poller->fd = -1;
    if (fd < 0)
        return 0;
    struct epoll_event event = {.events = poller_epoll_events(poller->wanted), .data.u32 = POLLER_IS_FD};
    if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event))
        return -errno;
    poller->fd = fd;
    return 0;
}

static int
poller_events_of_fd(uint32_t epoll_events)
{
    int events = 0;
    if (epoll_events & EPOLLIN)
        events |= POLLER_READABLE;
    if (epoll_events & EPOLLOUT)
        events |= POLLER_WRITABLE;
    if (epoll_events & (EPOLLERR | EPOLLHUP))
        events |= POLLER_FAILED | POLLER_READABLE;
    return events;
}

static int
poller_events_of_others(struct poller *poller)
{
    uint64_t count;
    ssize_t r = read(poller->event_fd, &count, sizeof count);
    (void)r;                     // EAGAIN: an earlier turn has taken it
    unsigned pending = atomic_fetch_and(&poller->pending, ~(unsigned)POLLER_NOTIFIED);
    return (int)pending;
}

int
poller_wait(struct poller *poller, int timeout_ms)
{
    if (atomic_load(&poller->pending) & POLLER_STOPPED)
        return POLLER_STOPPED;
    struct epoll_event ready[2];
    int count = epoll_wait(poller->epoll_fd, ready, 2, timeout_ms);
    if (count < 0)
        return errno == EINTR ? 0 : -errno;
    int events = 0;
    for (int i = 0; i < count; i++)
        events |= ready[i].data.u32 == POLLER_IS_EVENT ? poller_events_of_others(poller) : poller_events_of_fd(ready[i].events);
    return events;
}

static void
poller_raise(struct poller *poller, unsigned event)
{
    if (atomic_fetch_or(&poller->pending, event) & event)
        return;                  // raised and not yet taken: the eventfd is or will be readable
    uint64_t one = 1;
    ssize_t r = write(poller->event_fd, &one, sizeof one);
    (void)r;                     // EAGAIN: the counter is full, so it is readable
}

void
poller_notify(struct poller *poller)
{
    poller_raise(poller, POLLER_NOTIFIED);
}

void
poller_stop(struct poller *poller)
{
    poller_raise(poller, POLLER_STOPPED);
}
