// SPDX-License-Identifier: MIT
// Waiting for one file descriptor and for a bell, for the threads of ports that live in real time. The bell is an eventfd: ringing
// it from any thread ends the wait, and a ring that came before the wait is not lost.
#ifndef NBX_HOST_FD_H
#define NBX_HOST_FD_H

#include <stdbool.h>
#include <stdint.h>

enum fd_events { FD_READABLE = 1, FD_WRITABLE = 2, FD_BROKEN = 4 };

// owns: returns a descriptor; close with fd_close. fails: -errno.
int fd_bell_create(void);
void fd_bell_ring(int bell);
void fd_close(int fd);

// Wait until fd (-1: none) has one of the wanted events or is broken, the bell rings, or the time is over; a wait of 0 only looks.
// The bell is silenced on return. Returns the events, 0 for bell and timeout. irql: PASSIVE, a thread of a port only.
uint32_t fd_wait(int fd, uint32_t wanted, int bell, int timeout_ms);

#endif
