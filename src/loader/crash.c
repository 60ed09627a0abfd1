// SPDX-License-Identifier: MIT
// The crash reporter. Paths:
//   signal -> on_signal (alternate stack) -> frames from the interrupted registers -> report -> _exit(1)
//   sanitizer report -> its death callback -> where_report (driver, box, level), the sanitizer ends the process itself
// The handler reads debug information and allocates, which a signal handler must not; the process is over anyhow, so a second fault
// in the same thread ends it at once, and an alarm ends it if a lock of the allocator was held. The two flags and the alternate stack
// belong to the process, as signal handlers do; they are the only statics here.
#include "loader/crash.h"

#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "host/symbol.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"
#include "verify/ddi_table.h"

#define FRAMES_MAX 48
#define SIGNAL_STACK_BYTES (256u << 10)
#define REPORT_SECONDS 30

__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static _Atomic int reporting;            // a report has begun
static pthread_t reporter;               // valid then

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

static struct ke_thread *
thread_here(void)
{
    return sched_self ? sched_self->user : NULL;
}

static void
where_report(void)
{
    struct ke_thread *self = thread_here();
    if (!self || !self->box)
        return;
    const struct io_image *driver = self->driver;
    fprintf(stderr, "  driver %s, box %s, processor %u, thread %s, IRQL %u%s, %llu ns\n", driver ? driver->name : "(none: the runtime)",
            self->box->name, self->processor ? self->processor->number : 0, sched_self->name, self->irql,
            self->in_dpc ? ", in a DPC" : "", (unsigned long long)sched_now_ns(sched_self->sched));
}

// The frame that the report points at: the innermost one inside a driver's image, else the innermost one.
static size_t
driver_frame(const void *const *frames, size_t count)
{
    struct ke_thread *self = thread_here();
    for (size_t i = 0; self && self->box && i < count; i++)
        if (io_image_covers(self->driver, frames[i]))
            return i;
    return 0;
}

static void
headline(struct symbols *symbols, int number, const siginfo_t *info, const void *const *frames, size_t count)
{
    size_t at = driver_frame(frames, count);
    struct symbol place = {0};
    struct ke_thread *self = thread_here();
    const struct io_image *driver = self ? self->driver : NULL;
    const char *address = frames[at];
    symbols_resolve(symbols, at ? address - 1 : address, &place, 1);
    if (place.file)
        fprintf(stderr, "%s:%u:%u: error: ", place.file, place.line, place.column);
    else
        fprintf(stderr, "ndisbox: error: ");
    fprintf(stderr, "%s%s crashed in %s: %s", driver ? "driver " : "", driver ? driver->name : "ndisbox", place.function ? place.function : "unknown code",
            signal_text(number));
    if (number == SIGSEGV || number == SIGBUS)
        fprintf(stderr, " at address %p", info->si_addr);
    const char *low = sched_self ? sched_self->stack_low : NULL, *fault = info->si_addr;
    if (number == SIGSEGV && low && fault < low + 4096 && fault > low - (64 << 10))
        fprintf(stderr, ", the stack of %zu bytes is used up", (size_t)((const char *)sched_self->stack_high - low));
    fprintf(stderr, " [NBX-0004]\n");
}

static void
innermost_ddi(struct symbols *symbols, const void *const *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct symbol place = {0};
        symbols_resolve(symbols, i ? (const char *)frames[i] - 1 : frames[i], &place, 1);
        if (place.function && isupper((unsigned char)place.function[0]) && ddi_row_find(place.function)) {
            fprintf(stderr, "  inside %s\n", place.function);
            return;
        }
    }
}

static size_t
frames_from(const ucontext_t *context, const void **frames)
{
    const void *low = sched_self ? sched_self->stack_low : NULL, *high = sched_self ? sched_self->stack_high : NULL;
#if defined(__x86_64__)
    frames[0] = (const void *)context->uc_mcontext.gregs[REG_RIP];
    const void *frame = (const void *)context->uc_mcontext.gregs[REG_RBP];
    const void *const *top = (const void *const *)context->uc_mcontext.gregs[REG_RSP];
#else
    frames[0] = (const void *)context->uc_mcontext.pc;
    const void *frame = (const void *)context->uc_mcontext.regs[29];
    const void *const *top = NULL;
#endif
    size_t count = 1;
    // A call through a bad pointer has pushed its return address and nothing else.
    if ((uintptr_t)frames[0] < 4096 && top && (const void *)top >= low && (const void *)(top + 1) <= high)
        frames[count++] = *top;
    return count + symbol_walk(frame, low, high, frames + count, FRAMES_MAX - count);
}

static void
on_signal(int number, siginfo_t *info, void *context)
{
    int none = 0;
    if (!atomic_compare_exchange_strong(&reporting, &none, 1)) {
        if (pthread_equal(reporter, pthread_self()))
            _exit(1);   // a fault inside the report
        for (;;)
            pause();    // another thread's report is on its way and ends the process
    }
    reporter = pthread_self();
    alarm(REPORT_SECONDS);
    const void *frames[FRAMES_MAX];
    size_t count = frames_from(context, frames);
    struct symbols *symbols = symbols_create();
    if (symbols) {
        headline(symbols, number, info, frames, count);
        where_report();
        innermost_ddi(symbols, frames, count);
        symbols_print(symbols, stderr, frames, count, false);
    } else {
        fprintf(stderr, "ndisbox: error: %s at %p [NBX-0004]\n", signal_text(number), frames[0]);
        where_report();
    }
    fflush(stderr);
    _exit(1);
}

static void
on_alarm(int number)
{
    _exit(1);
}

void
crash_install(void)
{
    static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    struct sigaction alarmed = {.sa_handler = on_alarm};
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(where_report);
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
