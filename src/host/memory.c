// SPDX-License-Identifier: MIT
// process_vm_readv on ourselves: it reports a bad address instead of faulting.
#include "host/memory.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

bool
memory_is_readable(const void *address, size_t bytes)
{
    if (!address || !bytes)
        return false;
    // One byte of each page.
    uintptr_t first = (uintptr_t)address, last = first + bytes - 1;
    if (last < first)
        return false;
    for (uintptr_t at = first; at <= last; at = (at | 0xfff) + 1) {
        char byte;
        struct iovec to = {&byte, 1}, from = {(void *)at, 1};
        if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 1)
            return false;
        if ((at | 0xfff) == UINTPTR_MAX)
            break;
    }
    return true;
}

void *
memory_symbol(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}

void *
memory_map(size_t bytes, bool is_accessible)
{
    void *memory = mmap(NULL, bytes, is_accessible ? PROT_READ | PROT_WRITE : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void
memory_protect(void *memory, size_t bytes, bool is_accessible)
{
    if (mprotect(memory, bytes, is_accessible ? PROT_READ | PROT_WRITE : PROT_NONE))
        abort();
}

void
memory_unmap(void *memory, size_t bytes)
{
    munmap(memory, bytes);
}
