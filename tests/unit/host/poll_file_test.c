// SPDX-License-Identifier: MIT
// The poller that port threads sleep in, and regular files.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/harness.h"
#include "host/file.h"
#include "host/poll.h"
#include "host/sched.h"

struct served {
    struct poller poller;
    int fd;
    unsigned bytes, notices;
};

static void
serve_main(void *arg)
{
    struct served *served = arg;
    for (;;) {
        int events = poller_wait(&served->poller, -1);
        char buffer[16];
        ck_assert_int_ge(events, 0);
        if (events & POLLER_NOTIFIED)
            served->notices++;
        if (events & POLLER_READABLE)
            served->bytes += (unsigned)read(served->fd, buffer, sizeof buffer);
        if (events & POLLER_STOPPED)
            return;
    }
}

TEST(poller_serves_its_descriptor_until_it_is_stopped)
{
    for (int round = 0; round < 20; round++) {
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        struct sched *sched = sched_threads_create(1);
        struct sched_thread *thread;
        struct served served = {.fd = pair[1]};
        ck_assert_int_eq(poller_create(&served.poller, pair[1]), 0);
        ck_assert_int_eq(sched_thread_start(sched, "server", serve_main, &served, NULL, &thread), 0);
        ck_assert_int_eq(write(pair[0], "abc", 3), 3);
        poller_notify(&served.poller);
        poller_stop(&served.poller);
        sched_thread_join(sched, thread);
        ck_assert_uint_le(served.bytes, 3);
        ck_assert_uint_le(served.notices, 1);
        ck_assert_int_eq(poller_wait(&served.poller, -1), POLLER_STOPPED);
        poller_destroy(&served.poller);
        close(pair[0]);
        close(pair[1]);
        sched_destroy(sched);
    }
}

TEST(poller_tells_readable_writable_notified_failed_and_timeout_apart)
{
    int pair[2];
    struct poller poller;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(poller_create(&poller, pair[1]), 0);
    ck_assert_int_eq(poller_wait(&poller, 0), 0);
    ck_assert_int_eq(poller_want(&poller, POLLER_READABLE | POLLER_WRITABLE), 0);
    ck_assert_int_eq(poller_wait(&poller, -1), POLLER_WRITABLE);
    ck_assert_int_eq(write(pair[0], "x", 1), 1);
    ck_assert_int_eq(poller_wait(&poller, -1), POLLER_READABLE | POLLER_WRITABLE);
    ck_assert_int_eq(poller_want(&poller, 0), 0);
    ck_assert_int_eq(poller_wait(&poller, 0), 0);
    poller_notify(&poller);
    poller_notify(&poller);
    ck_assert_int_eq(poller_wait(&poller, -1), POLLER_NOTIFIED);
    ck_assert_int_eq(poller_wait(&poller, 0), 0);
    poller_notify(&poller);
    ck_assert_int_eq(poller_wait(&poller, -1), POLLER_NOTIFIED);
    close(pair[0]);
    ck_assert_int_eq(poller_wait(&poller, -1), POLLER_FAILED | POLLER_READABLE);
    ck_assert_int_eq(poller_fd_set(&poller, -1), 0);
    ck_assert_int_eq(poller_wait(&poller, 0), 0);
    poller_destroy(&poller);
    close(pair[1]);
    ck_assert_int_eq(poller_create(&poller, -77), 0);
    poller_destroy(&poller);
}

TEST(poller_refuses_what_epoll_cannot_watch)
{
    char path[] = "/tmp/nbx-poll-XXXXXX";
    int fd = mkstemp(path);
    struct poller poller;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(poller_create(&poller, fd), -EPERM);
    ck_assert_int_eq(poller.epoll_fd, -1);
    close(fd);
    unlink(path);
}

TEST(files_are_written_read_and_measured)
{
    char folder[] = "/tmp/nbx-file-XXXXXX", path[64], buffer[32];
    int fd;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a", folder);
    ck_assert_int_eq(file_open(path, FILE_MODE_READ, &fd), -ENOENT);
    ck_assert_int_eq(file_open(path, FILE_MODE_READ | FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_EXCLUSIVE, &fd), 0);
    ck_assert_int_eq(file_write(fd, "hello", 5, 3), 0);
    ck_assert_int_eq(file_bytes(fd), 8);
    ck_assert_int_eq(file_read(fd, buffer, sizeof buffer, 0), 8);
    ck_assert_int_eq(memcmp(buffer, "\0\0\0hello", 8), 0);
    ck_assert_int_eq(file_read(fd, buffer, 4, 8), 0);
    ck_assert_int_eq(file_read(fd, buffer, 4, UINT64_MAX), -EINVAL);
    ck_assert_int_eq(file_write(fd, buffer, 1, INT64_MAX), -EINVAL);
    file_close(fd);
    ck_assert_int_eq(file_open(path, FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_EXCLUSIVE, &fd), -EEXIST);
    char *text;
    size_t count;
    ck_assert_int_eq(file_load(path, 7, &text, &count), -EFBIG);
    ck_assert_int_eq(file_load(path, 8, &text, &count), 0);
    ck_assert_uint_eq(count, 8);
    ck_assert_str_eq(text + 3, "hello");
    free(text);
    ck_assert_int_eq(file_open(path, FILE_MODE_WRITE | FILE_MODE_TRUNCATE, &fd), 0);
    ck_assert_int_eq(file_bytes(fd), 0);
    file_close(fd);
    ck_assert_int_eq(file_remove(path), 0);
    ck_assert_int_eq(file_remove(path), -ENOENT);
    ck_assert_int_eq(file_open(folder, FILE_MODE_READ, &fd), -EISDIR);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(file_open(path, FILE_MODE_READ, &fd), -ENODEV);
    ck_assert_int_eq(file_remove(path), 0);
    rmdir(folder);
    ck_assert_int_eq(file_open("/dev/null", FILE_MODE_READ, &fd), -ENODEV);
}
