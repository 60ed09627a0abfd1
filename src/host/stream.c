// SPDX-License-Identifier: MIT
// The system calls behind stream.h.
#include "host/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
stream_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address->sun_path))
        return -ENAMETOOLONG;
    strcpy(address->sun_path, path);
    return 0;
}

static int
stream_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    // Room for some large frames; the kernel's limit applies.
    int bytes = 4 << 20;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return fd;
}

int
stream_connect(const char *path)
{
    struct sockaddr_un address;
    int rc = stream_address(path, &address);
    if (rc)
        return rc;
    int fd = stream_socket();
    if (fd < 0)
        return fd;
    // A full backlog is -EAGAIN here: not there yet, as -ECONNREFUSED.
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

// What stands where the socket is to be made: nothing, a dead socket (removed), or something that stays.
static int
stream_clear(const char *path)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    int fd = stream_connect(path);
    if (fd >= 0 || fd == -EAGAIN) {
        if (fd >= 0)
            close(fd);
        return -EADDRINUSE;
    }
    if (fd != -ECONNREFUSED)
        return fd;
    return unlink(path) < 0 ? -errno : 0;
}

int
stream_listen(const char *path)
{
    struct sockaddr_un address;
    int rc = stream_address(path, &address);
    if (!rc)
        rc = stream_clear(path);
    if (rc)
        return rc;
    int fd = stream_socket();
    if (fd < 0)
        return fd;
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

int
stream_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void
stream_unlink(const char *path)
{
    (void)unlink(path);
}

ssize_t
stream_send(int fd, const struct iovec *iov, uint32_t iov_count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = iov_count};
    ssize_t bytes = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return bytes < 0 ? -errno : bytes;
}

ssize_t
stream_receive(int fd, void *buffer, size_t bytes)
{
    ssize_t received = recv(fd, buffer, bytes, MSG_DONTWAIT);
    return received < 0 ? -errno : received;
}
