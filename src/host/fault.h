// SPDX-License-Identifier: MIT
// Faults of this process (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT), caught so that they can be reported in words before it ends.
#ifndef NBX_HOST_FAULT_H
#define NBX_HOST_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#define FAULT_FRAMES_MAX 48

struct fault {
    const char *signal;              // "SIGSEGV"
    bool has_address;                // a memory access
    const void *address;
    bool is_stack_overflow;
    size_t stack_bytes;
    const void *frames[FAULT_FRAMES_MAX];   // the faulting instruction, then return addresses
    size_t frame_count;
};

// From now on a fault calls on_fault, in the thread that faulted, on a signal stack, and ends the process with status 1 afterwards; a
// second fault in there, or 30 seconds, end it at once. With a sanitizer in the program its own report stays and on_end is called
// after it. Call it once, in the thread that will run the scheduler: only that one gets a signal stack, so a stack that overflows
// elsewhere goes unreported. fails: never.
void fault_catch(void (*on_fault)(const struct fault *fault), void (*on_end)(void));

#endif
