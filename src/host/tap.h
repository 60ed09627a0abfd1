// SPDX-License-Identifier: MIT
// A TAP interface of the Linux kernel, with the virtio-net header of 10 bytes before each frame and checksum and TCP segmentation
// left to the reader and the writer [Documentation/networking/tuntap.rst; VIRTIO 1.2, 5.1.6].
//   exists already  attached, and left as found: kept, neither brought up nor down, offloads switched off again
//   does not        created for as long as the descriptor is open, brought up, gone with it
#ifndef NBX_HOST_TAP_H
#define NBX_HOST_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct tap {
    int fd;
    char name[16];
    bool was_created;
    uint32_t mtu_bytes;
    unsigned offloads;           // TUN_F_...
};

// owns: fills tap; tap_close releases. fails: -errno with a sentence for the user in error.
int tap_open(struct tap *tap, const char *name, char *error, size_t error_bytes);
void tap_close(struct tap *tap);

// The interface was deleted under the descriptor: attach again if one of that name exists. fails: -errno, -ENODEV if there is none.
int tap_reattach(struct tap *tap);

// What the kernel may leave to the reader; what it may not it does itself. Stays so over tap_reattach. fails: -errno.
int tap_offload_set(struct tap *tap, bool csum, bool gso4, bool gso6);

// One frame, header first. Returns bytes or -errno: -EAGAIN nothing there, -EBADFD the interface has been deleted; for tap_write
// -EIO: the interface is down.
static inline ssize_t tap_read(const struct tap *tap, const struct iovec *iov, int count);
static inline ssize_t tap_write(const struct tap *tap, const struct iovec *iov, int count);

#include <errno.h>

static inline ssize_t
tap_read(const struct tap *tap, const struct iovec *iov, int count)
{
    ssize_t bytes = readv(tap->fd, iov, count);
    return bytes < 0 ? -errno : bytes;
}

static inline ssize_t
tap_write(const struct tap *tap, const struct iovec *iov, int count)
{
    ssize_t bytes = writev(tap->fd, iov, count);
    return bytes < 0 ? -errno : bytes;
}

#endif
