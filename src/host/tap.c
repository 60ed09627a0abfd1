// SPDX-License-Identifier: MIT
// The system calls of a TAP interface; see tap.h.
//   tap_open: does it exist? -> /dev/net/tun -> TUNSETIFF -> header size, byte order, offloads -> (created) queue length, up -> MTU
// TUNSETIFF creates what does not exist, so existence is asked before, and re-attaching refuses to create.
#include "host/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    tap_header_bytes = 10,
    // The kernel drops what it cannot queue for us; a deep queue keeps bursts of small frames that one reader meets late.
    tap_queue_frames = 4096
};

__attribute__((format(printf, 4, 5))) static int
tap_error(char *error, size_t error_bytes, int rc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (error && error_bytes)
        vsnprintf(error, error_bytes, format, args);
    va_end(args);
    return rc;
}

static int
tap_ioctl_name(const char *name, unsigned long request, struct ifreq *request_data)
{
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return -errno;
    snprintf(request_data->ifr_name, sizeof(request_data->ifr_name), "%s", name);
    int rc = ioctl(sock, request, request_data) < 0 ? -errno : 0;
    close(sock);
    return rc;
}

// Attach the descriptor to the named interface. An interface made for several queues takes a reader only with that flag.
static int
tap_attach(int fd, const char *name)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (ioctl(fd, TUNSETIFF, &ifr) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    ifr.ifr_flags |= IFF_MULTI_QUEUE;
    return ioctl(fd, TUNSETIFF, &ifr) == 0 ? 0 : -errno;
}

static int
tap_offload(int fd, unsigned offloads)
{
    int header_bytes = tap_header_bytes, little_endian = 1;
    if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) < 0 || ioctl(fd, TUNSETVNETLE, &little_endian) < 0)
        return -errno;
    return ioctl(fd, TUNSETOFFLOAD, offloads) < 0 ? -errno : 0;
}

int
tap_offload_set(struct tap *tap, bool csum, bool gso4, bool gso6)
{
    unsigned offloads = csum ? TUN_F_CSUM : 0;
    if (gso4)
        offloads |= TUN_F_TSO4 | TUN_F_TSO_ECN;
    if (gso6)
        offloads |= TUN_F_TSO6 | TUN_F_TSO_ECN;
    tap->offloads = offloads;
    return tap_offload(tap->fd, offloads);
}

static int
tap_bring_up(const char *name)
{
    struct ifreq ifr = {.ifr_qlen = tap_queue_frames};
    // The queue's length is for the machine's root alone; root of a user namespace (unshare -rn) has a TAP with the usual one.
    int rc = tap_ioctl_name(name, SIOCSIFTXQLEN, &ifr);
    if (rc && rc != -EPERM)
        return rc;
    rc = tap_ioctl_name(name, SIOCGIFFLAGS, &ifr);
    if (rc)
        return rc;
    ifr.ifr_flags |= IFF_UP;
    return tap_ioctl_name(name, SIOCSIFFLAGS, &ifr);
}

static int
tap_attach_error(const char *name, bool exists, int rc, char *error, size_t error_bytes)
{
    if (rc == -EPERM || rc == -EACCES)
        return tap_error(error, error_bytes, rc,
                         "opening tap %s needs CAP_NET_ADMIN: use sudo, `unshare -rn`, or port stream:PATH with passt", name);
    if (rc == -EBUSY)
        return tap_error(error, error_bytes, rc, "tap %s is in use by another process", name);
    if (rc == -EINVAL && exists)
        return tap_error(error, error_bytes, rc, "interface %s exists and is no TAP: use port packet:%s, or another name", name, name);
    return tap_error(error, error_bytes, rc, "opening tap %s: %s", name, strerror(-rc));
}

int
tap_open(struct tap *tap, const char *name, char *error, size_t error_bytes)
{
    memset(tap, 0, sizeof(*tap));
    snprintf(tap->name, sizeof(tap->name), "%s", name);
    bool exists = if_nametoindex(name) != 0;
    tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tap->fd < 0) {
        int rc = -errno;
        if (rc == -ENOENT || rc == -ENODEV)
            return tap_error(error, error_bytes, rc,
                             "opening tap %s needs /dev/net/tun: load the module tun, or use port stream:PATH with passt", name);
        return tap_attach_error(name, exists, rc, error, error_bytes);
    }
    int rc = tap_attach(tap->fd, name);
    if (rc) {
        tap_attach_error(name, exists, rc, error, error_bytes);
        goto undo_fd;
    }
    tap->was_created = !exists;
    tap->offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    rc = tap_offload(tap->fd, tap->offloads);
    if (rc) {
        tap_error(error, error_bytes, rc, "tap %s: the kernel refuses the virtio-net header or its offloads: %s", name, strerror(-rc));
        goto undo_fd;
    }
    if (tap->was_created && (rc = tap_bring_up(name)) != 0) {
        tap_error(error, error_bytes, rc, "bringing tap %s up: %s", name, strerror(-rc));
        goto undo_fd;
    }
    struct ifreq ifr = {0};
    tap->mtu_bytes = tap_ioctl_name(name, SIOCGIFMTU, &ifr) ? 1500 : (uint32_t)ifr.ifr_mtu;
    return 0;
undo_fd:
    close(tap->fd);
    tap->fd = -1;
    return rc;
}

int
tap_reattach(struct tap *tap)
{
    if (!if_nametoindex(tap->name))
        return -ENODEV;
    int rc = tap_attach(tap->fd, tap->name);
    if (!rc)
        rc = tap_offload(tap->fd, tap->offloads);
    if (!rc)
        tap->was_created = false;
    return rc;
}

void
tap_close(struct tap *tap)
{
    if (tap->fd < 0)
        return;
    if (!tap->was_created) {
        int native = 0;
        (void)ioctl(tap->fd, TUNSETOFFLOAD, 0);
        (void)ioctl(tap->fd, TUNSETVNETLE, &native);
    }
    close(tap->fd);
    tap->fd = -1;
}
