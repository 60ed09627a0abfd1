// SPDX-License-Identifier: MIT
// Guard-paged stacks by mmap, and the bounds of a pthread's stack.
#include "host/stack.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t
stack_guard_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void *
stack_map(size_t bytes)
{
    size_t guard = stack_guard_bytes();
    char *base = mmap(NULL, bytes + guard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (mprotect(base, guard, PROT_NONE)) {
        munmap(base, bytes + guard);
        return NULL;
    }
    return base + guard;
}

void
stack_unmap(void *low, size_t bytes)
{
    size_t guard = stack_guard_bytes();
    munmap((char *)low - guard, bytes + guard);
}

static void
stack_bounds_ask(const void **low, const void **high)
{
    pthread_attr_t attr;
    void *base;
    size_t bytes;
    if (pthread_getattr_np(pthread_self(), &attr))
        return;
    if (!pthread_attr_getstack(&attr, &base, &bytes)) {
        *low = base;
        *high = (char *)base + bytes;
    }
    pthread_attr_destroy(&attr);
}

void
stack_bounds_get(const void **low, const void **high)
{
    // They never change, and for the first thread glibc reads all of /proc/self/maps to know them.
    static _Thread_local const void *known_low, *known_high;
    if (!known_high)
        stack_bounds_ask(&known_low, &known_high);
    *low = known_low;
    *high = known_high;
}
