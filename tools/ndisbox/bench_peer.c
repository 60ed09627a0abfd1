// SPDX-License-Identifier: MIT
// A benchmark's peer: somebody else's program that measures itself and prints lines. It is given its time and then ended, and it
// cannot keep us: dpdk-testpmd goes on for ever unless a signal comes, and tears its ports down inside the handler of that signal,
// whatever the interrupted code held; `timeout` sends one signal and waits without end. So: SIGTERM, a grace, SIGKILL to the group.
//   peer_run -> fork, own process group, exec -> lines until there are enough or its time is over -> SIGTERM
//   -> what it still writes is read and dropped -> gone, or SIGKILL and a note
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_int.h"
#include "out.h"

struct peer {
    pid_t pid;
    int out;                                  // its stdout
    char line[1024];
    size_t used;
    peer_line_fn *on_line;
    void *context;
    bool has_enough;
};

static int64_t
peer_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
peer_child(char *const argv[], int out)
{
    int nothing = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);         // the tool gone, nobody would end it
    dup2(nothing, 0);
    dup2(out, 1);
    dup2(nothing, 2);
    execv(argv[0], argv);
    _exit(127);
}

static int
peer_start(struct peer *peer, char *const argv[])
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return -errno;
    peer->pid = fork();
    if (peer->pid < 0) {
        int failed = -errno;
        close(ends[0]);
        close(ends[1]);
        return failed;
    }
    if (!peer->pid)
        peer_child(argv, ends[1]);
    setpgid(peer->pid, peer->pid);            // both sides, so that the group is there whoever comes first
    close(ends[1]);
    peer->out = ends[0];
    return 0;
}

static void
peer_take(struct peer *peer, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != '\n') {
            if (peer->used + 1 < sizeof peer->line)
                peer->line[peer->used++] = bytes[i];
            continue;
        }
        peer->line[peer->used] = 0;
        peer->used = 0;
        if (peer->on_line)
            peer->has_enough |= peer->on_line(peer->context, peer->line);
    }
}

// Read until then or until there is enough. Returns false when it closed its end.
static bool
peer_read(struct peer *peer, int64_t until_ms)
{
    char bytes[4096];
    for (int64_t left; !peer->has_enough && (left = until_ms - peer_now_ms()) > 0;) {
        struct pollfd ready = {.fd = peer->out, .events = POLLIN};
        if (poll(&ready, 1, (int)left) <= 0)
            continue;
        ssize_t got = read(peer->out, bytes, sizeof bytes);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0)
            peer_take(peer, bytes, (size_t)got);
    }
    return true;
}

static bool
peer_is_gone(struct peer *peer, int64_t until_ms)
{
    for (;;) {
        pid_t gone = waitpid(peer->pid, NULL, WNOHANG);
        if (gone == peer->pid || (gone < 0 && errno != EINTR))
            return true;
        if (peer_now_ms() >= until_ms)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

int
peer_run(char *const argv[], unsigned limit_ms, unsigned grace_ms, peer_line_fn *on_line, void *context, bool *killed)
{
    struct peer peer = {.on_line = on_line, .context = context};
    int failed = peer_start(&peer, argv);
    if (failed)
        return failed;
    bool writes = peer_read(&peer, peer_now_ms() + limit_ms);
    int64_t until_ms = peer_now_ms() + grace_ms;
    peer.has_enough = false;
    peer.on_line = NULL;                      // what it says in parting is no measurement
    kill(-peer.pid, SIGTERM);
    if (writes)
        peer_read(&peer, until_ms);           // a full pipe would keep it from ending
    bool gone = peer_is_gone(&peer, until_ms);
    if (killed)
        *killed = !gone;
    if (!gone) {
        out_note("%s did not end within %u ms of SIGTERM and was killed; what it had measured until then counts", argv[0], grace_ms);
        kill(-peer.pid, SIGKILL);
        waitpid(peer.pid, NULL, 0);
    }
    close(peer.out);
    return 0;
}
