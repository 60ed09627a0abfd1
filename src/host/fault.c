// SPDX-License-Identifier: MIT
// Signal handlers around a report: signal -> on_signal (alternate stack) -> frames from the interrupted registers -> on_fault -> _exit(1).
// The report reads debug information and allocates, which a signal handler must not; the process is over anyhow, and an alarm ends it
// if a lock of the allocator was held. Handlers and their flags belong to the process, so they are statics.
#include "host/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "host/sched.h"
#include "host/symbol.h"

#define SIGNAL_STACK_BYTES (256u << 10)
#define REPORT_SECONDS 30

__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static struct {
    _Atomic int is_reporting;
    void (*on_fault)(const struct fault *fault);
} fault_state;
static _Thread_local int fault_is_reporter;

static const char *
signal_text(int number)
{
    switch (number) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGILL:
        return "SIGILL";
    case SIGFPE:
        return "SIGFPE";
    default:
        return "SIGABRT";
    }
}

static void
frames_fill(struct fault *fault, const ucontext_t *context)
{
    const void *low = sched_self ? sched_self->stack_low : NULL, *high = sched_self ? sched_self->stack_high : NULL;
#if defined(__x86_64__)
    const void *at = (const void *)context->uc_mcontext.gregs[REG_RIP];
    const void *frame = (const void *)context->uc_mcontext.gregs[REG_RBP];
    const void *const *top = (const void *const *)context->uc_mcontext.gregs[REG_RSP];
#else
    const void *at = (const void *)context->uc_mcontext.pc;
    const void *frame = (const void *)context->uc_mcontext.regs[29];
    const void *const *top = NULL;
#endif
    size_t count = 1;
    fault->frames[0] = at;
    // A call through a bad pointer has pushed its return address and nothing else.
    if ((uintptr_t)at < 4096 && top && (const void *)top >= low && (const void *)(top + 1) <= high)
        fault->frames[count++] = *top;
    fault->frame_count = count + symbol_walk(frame, low, high, fault->frames + count, FAULT_FRAMES_MAX - count);
}

static void
on_signal(int number, siginfo_t *info, void *context)
{
    int none = 0;
    if (!atomic_compare_exchange_strong(&fault_state.is_reporting, &none, 1)) {
        if (fault_is_reporter)
            _exit(1);   // a fault inside the report
        for (;;)
            pause();    // another thread's report is on its way and ends the process
    }
    fault_is_reporter = 1;
    alarm(REPORT_SECONDS);
    struct fault fault = {.signal = signal_text(number), .address = info->si_addr};
    fault.has_address = number == SIGSEGV || number == SIGBUS;
    const char *low = sched_self ? sched_self->stack_low : NULL, *address = info->si_addr;
    if (number == SIGSEGV && low) {
        fault.is_stack_overflow = address < low + 4096 && address > low - (64 << 10);
        fault.stack_bytes = (size_t)((const char *)sched_self->stack_high - low);
    }
    frames_fill(&fault, context);
    fault_state.on_fault(&fault);
    _exit(1);
}

static void
on_alarm(int number)
{
    _exit(1);
}

void
fault_catch(void (*on_fault)(const struct fault *fault), void (*on_end)(void))
{
    static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    struct sigaction alarmed = {.sa_handler = on_alarm};
    fault_state.on_fault = on_fault;
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(on_end);
        action.sa_flags &= ~SA_ONSTACK;   // the sanitizer's allocator looks for the fibre's stack, not for the one it set for signals
        sigaction(SIGABRT, &action, NULL);
        return;
    }
    void *stack = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack != MAP_FAILED)
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = SIGNAL_STACK_BYTES}, NULL);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        sigaction(caught[i], &action, NULL);
    sigaction(SIGALRM, &alarmed, NULL);
}
