// SPDX-License-Identifier: MIT
// Faults of this process (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT), caught so that they can be reported in words before it ends.
#ifndef NBX_HOST_FAULT_H
#define NBX_HOST_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_FRAMES_MAX 48
#define FAULT_REGISTERS 18

enum fault_kind { FAULT_OTHER, FAULT_MEMORY, FAULT_GENERAL, FAULT_PAGE_IN, FAULT_MISALIGNED, FAULT_DIVIDE, FAULT_INSTRUCTION, FAULT_FLOAT };
enum fault_access { FAULT_READ = 0, FAULT_WRITE = 1, FAULT_EXECUTE = 8 };

struct fault {
    const char *signal;              // "SIGSEGV"
    enum fault_kind kind;            // FAULT_GENERAL: an access without an address, as through a non-canonical pointer
    enum fault_access access;
    uint64_t registers[FAULT_REGISTERS];   // x86-64: rax rcx rdx rbx rsp rbp rsi rdi r8..r15 rip eflags; elsewhere sp is [4], pc [16]
    bool has_address;                // a memory access
    const void *address;
    bool is_stack_overflow;
    size_t stack_bytes;
    const void *frames[FAULT_FRAMES_MAX];   // the faulting instruction, then return addresses
    size_t frame_count;
};

// Where the thread that faulted goes on instead: at fn(arg), on its own stack below the frame that faulted, with the signal mask and
// the stack that it had, as if the instruction that faulted had been a call of fn. fn must not return.
struct fault_turn {
    void (*fn)(void *arg);
    void *arg;
};

// Before a fault is reported (and before a sanitizer or the system gets it) it is offered to on_offer, on the signal stack: true with
// *turn filled takes it. Only faults on the running scheduler thread's own stack are offered, with 16 KB of it left: a stack that is
// used up is not. May be called again with the same function. irql: any. fails: never.
void fault_offer(bool (*on_offer)(const struct fault *fault, struct fault_turn *turn));

// Before all others a memory fault goes to on_first, on the signal stack: true says that the reason for it is gone and the instruction
// may be run again. NULL: nobody. One for the process, set while nothing else runs. irql: any. fails: never.
void fault_first(bool (*on_first)(void *context, const struct fault *fault), void *context);

// Report a fault that was taken before and found no taker after all, as if it happened now. fails: returns if nobody reports faults.
void fault_report(const struct fault *fault);

// The fault that a sanitizer is ending the process for, after it was offered in vain. NULL: none.
const struct fault *fault_left(void);

// Give the calling thread a signal stack of its own until fault_stack_put, if faults are caught: without one, a thread whose stack
// overflows ends the process without a word. owns: returns it. fails: NULL, when none was needed or to be had.
void *fault_stack_get(void);
void fault_stack_put(void *stack);

// From now on a fault calls on_fault, in the thread that faulted, on a signal stack, and ends the process with status 1 afterwards; a
// second fault in there, or 30 seconds, end it at once. With a sanitizer in the program its own report stays and on_end is called
// after it. Call it once, in the thread that will run the scheduler; threads of the scheduler get signal stacks as they start.
// fails: never.
void fault_catch(void (*on_fault)(const struct fault *fault), void (*on_end)(void));

#endif
