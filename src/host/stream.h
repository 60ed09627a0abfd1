// SPDX-License-Identifier: MIT
// AF_UNIX stream sockets, never blocking: connect, listen and accept, send and receive. Nothing here knows what passes.
#ifndef NBX_HOST_STREAM_H
#define NBX_HOST_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

// The longest path that fits into a socket's address, its end included.
enum { STREAM_PATH_BYTES = 108 };

// owns: return a descriptor; close with fd_close. fails: -errno.
int stream_connect(const char *path);
// A socket file that nobody listens on any more is replaced. fails: -EADDRINUSE if somebody does, -EEXIST if it is no socket.
int stream_listen(const char *path);
int stream_accept(int listener);
// Remove the socket file of a listener.
void stream_unlink(const char *path);

// Return bytes, or -errno: -EAGAIN no room, nothing there; stream_receive gives 0 when the peer has closed.
ssize_t stream_send(int fd, const struct iovec *iov, uint32_t iov_count);
ssize_t stream_receive(int fd, void *buffer, size_t bytes);

#endif
