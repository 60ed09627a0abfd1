// SPDX-License-Identifier: MIT
// Signal handlers around faults. Paths:
//   signal -> on_signal (alternate stack) -> frames and registers of the interrupted code -> on_first -> on_offer
//     taken: the interrupted context is rewritten so that the thread goes on in the taker's function once the handler has returned;
//            the system restores signal mask and stack, so the taker may jump where it likes
//     not:   on_fault -> _exit(1); or whoever had the signal before (a sanitizer), by restoring him and running the instruction again
// The report reads debug information and allocates, which a signal handler must not; the process is over anyhow, and an alarm ends it
// if a lock of the allocator was held. Handlers and their flags belong to the process, so they are statics.
#include "host/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "host/poison.h"
#include "host/sched.h"
#include "host/symbol.h"

#define SIGNAL_STACK_BYTES (256u << 10)
#define REPORT_SECONDS 30
#define TURN_ROOM_BYTES (16u << 10)   // of stack that a taker needs
#define RED_ZONE_BYTES 128            // below the stack pointer, where leaf functions keep locals

__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static struct {
    _Atomic int is_reporting;
    _Atomic int is_installed;
    void (*on_fault)(const struct fault *fault);
    _Atomic(bool (*)(const struct fault *, struct fault_turn *)) on_offer;
    _Atomic(bool (*)(void *, const struct fault *)) on_first;
    void *first_context;
    struct sigaction before[32];      // whose handler it was, by signal number
    struct fault left;                // to a sanitizer, which ends the process over it
    bool has_left;
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

static enum fault_kind
kind_of(int number, const siginfo_t *info)
{
    switch (number) {
    case SIGSEGV:
        return info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR ? FAULT_MEMORY : FAULT_GENERAL;
    case SIGBUS:
        return info->si_code == BUS_ADRALN ? FAULT_MISALIGNED : FAULT_PAGE_IN;
    case SIGFPE:
        return info->si_code == FPE_INTDIV || info->si_code == FPE_INTOVF ? FAULT_DIVIDE : FAULT_FLOAT;
    case SIGILL:
        return FAULT_INSTRUCTION;
    default:
        return FAULT_OTHER;
    }
}

static void
registers_fill(struct fault *fault, const ucontext_t *context)
{
#if defined(__x86_64__)
    static const int order[FAULT_REGISTERS] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8,
                                               REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP, REG_EFL};
    for (size_t i = 0; i < FAULT_REGISTERS; i++)
        fault->registers[i] = (uint64_t)context->uc_mcontext.gregs[order[i]];
    uint64_t error = (uint64_t)context->uc_mcontext.gregs[REG_ERR];   // of a page fault: bit 1 write, bit 4 instruction fetch
    fault->access = error & 0x10 ? FAULT_EXECUTE : error & 2 ? FAULT_WRITE : FAULT_READ;
#else
    fault->registers[4] = context->uc_mcontext.sp;
    fault->registers[5] = context->uc_mcontext.regs[29];
    fault->registers[16] = context->uc_mcontext.pc;
#endif
}

static void
frames_fill(struct fault *fault)
{
    const void *low = sched_self ? sched_self->stack_low : NULL, *high = sched_self ? sched_self->stack_high : NULL;
    const void *at = (const void *)fault->registers[16], *frame = (const void *)fault->registers[5];
    const void *const *top = (const void *const *)fault->registers[4];
    size_t count = 1;
    fault->frames[0] = at;
#if defined(__x86_64__)
    // A call through a bad pointer has pushed its return address and nothing else.
    if ((uintptr_t)at < 4096 && (const void *)top >= low && (const void *)(top + 1) <= high)
        fault->frames[count++] = *top;
#else
    (void)top;
#endif
    fault->frame_count = count + symbol_walk(frame, low, high, fault->frames + count, FAULT_FRAMES_MAX - count);
}

static void
fault_fill(struct fault *fault, int number, const siginfo_t *info, const ucontext_t *context)
{
    *fault = (struct fault){.signal = signal_text(number), .kind = kind_of(number, info), .address = info->si_addr};
    fault->has_address = number == SIGSEGV || number == SIGBUS;
    const char *low = sched_self ? sched_self->stack_low : NULL, *address = info->si_addr;
    if (number == SIGSEGV && low) {
        fault->is_stack_overflow = address < low + 4096 && address > low - (64 << 10);
        fault->stack_bytes = (size_t)((const char *)sched_self->stack_high - low);
    }
    registers_fill(fault, context);
    frames_fill(fault);
}

static bool
offer(const struct fault *fault, ucontext_t *context)
{
    bool (*on_offer)(const struct fault *, struct fault_turn *) = atomic_load(&fault_state.on_offer);
    struct fault_turn turn;
    uintptr_t sp = (uintptr_t)fault->registers[4];
    if (!on_offer || !sched_self || fault->kind == FAULT_OTHER || fault->is_stack_overflow ||
        sp < (uintptr_t)sched_self->stack_low + TURN_ROOM_BYTES || sp >= (uintptr_t)sched_self->stack_high || !on_offer(fault, &turn))
        return false;
    sp = (sp - RED_ZONE_BYTES) & ~(uintptr_t)15;
#if defined(__x86_64__)
    // As a call leaves it: the return address on a stack that was aligned before it; the direction flag clear.
    sp -= sizeof(uint64_t);
    *(uint64_t *)sp = fault->registers[16];
    context->uc_mcontext.gregs[REG_RSP] = (greg_t)sp;
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)turn.fn;
    context->uc_mcontext.gregs[REG_RDI] = (greg_t)(uintptr_t)turn.arg;
    context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x400;
#else
    context->uc_mcontext.regs[30] = fault->registers[16];
    context->uc_mcontext.sp = sp;
    context->uc_mcontext.pc = (uintptr_t)turn.fn;
    context->uc_mcontext.regs[0] = (uintptr_t)turn.arg;
#endif
    return true;
}

static void
report(const struct fault *fault)
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
    fault_state.on_fault(fault);
    _exit(1);
}

static bool
has_handler(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) ? action->sa_sigaction != NULL : action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static void
on_signal(int number, siginfo_t *info, void *context)
{
    struct fault fault;
    fault_fill(&fault, number, info, context);
    bool (*on_first)(void *, const struct fault *) = atomic_load(&fault_state.on_first);
    if (on_first && !fault_is_reporter && fault.kind == FAULT_MEMORY && on_first(fault_state.first_context, &fault))
        return;
    if (!fault_is_reporter && number != SIGABRT && info->si_code > 0 && offer(&fault, context))
        return;
    const struct sigaction *before = &fault_state.before[number];
    if (fault_state.on_fault && !has_handler(before))
        report(&fault);
    // Nobody here: the one before us meets the fault by running the instruction again, or gets a sent signal sent once more.
    fault_state.left = fault;
    fault_state.has_left = true;
    sigaction(number, before, NULL);
    if (info->si_code <= 0)
        raise(number);
}

static void
on_alarm(int number)
{
    _exit(1);
}

static void
install(int number, int flags)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER | flags};
    sigaction(number, &action, &fault_state.before[number]);
}

void *
fault_stack_get(void)
{
    stack_t now;
    if (!atomic_load(&fault_state.is_installed) || sigaltstack(NULL, &now) ||
        (!(now.ss_flags & SS_DISABLE) && now.ss_size >= SIGNAL_STACK_BYTES))
        return NULL;
    char *stack = mmap(NULL, SIGNAL_STACK_BYTES + sizeof now, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED)
        return NULL;
    memcpy(stack + SIGNAL_STACK_BYTES, &now, sizeof now);     // a sanitizer's is too small for a report, and is wanted back
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = SIGNAL_STACK_BYTES}, NULL);
    return stack;
}

void
fault_stack_put(void *stack)
{
    if (!stack)
        return;
    stack_t before;
    memcpy(&before, (char *)stack + SIGNAL_STACK_BYTES, sizeof before);
    sigaltstack(before.ss_flags & SS_DISABLE ? &(stack_t){.ss_flags = SS_DISABLE} : &before, NULL);
    munmap(stack, SIGNAL_STACK_BYTES + sizeof before);
}

static void
install_once(void)
{
    static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    int none = 0;
    if (!atomic_compare_exchange_strong(&fault_state.is_installed, &none, 1))
        return;
    (void)fault_stack_get();   // for the life of this thread
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        install(caught[i], SA_ONSTACK);
}

void
fault_offer(bool (*on_offer)(const struct fault *fault, struct fault_turn *turn))
{
    if (atomic_load_explicit(&fault_state.on_offer, memory_order_relaxed) == on_offer)
        return;
    atomic_store(&fault_state.on_offer, on_offer);
    install_once();
}

void
fault_first(bool (*on_first)(void *context, const struct fault *fault), void *context)
{
    atomic_store(&fault_state.on_first, NULL);
    fault_state.first_context = context;
    atomic_store(&fault_state.on_first, on_first);
    install_once();
}

const struct fault *
fault_left(void)
{
    return fault_state.has_left ? &fault_state.left : NULL;
}

void
fault_report(const struct fault *fault)
{
    if (fault_state.on_fault)
        report(fault);
}

void
fault_catch(void (*on_fault)(const struct fault *fault), void (*on_end)(void))
{
    struct sigaction alarmed = {.sa_handler = on_alarm};
    fault_state.on_fault = on_fault;
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(on_end);
        if (poison_is_there())
            install_once();    // AddressSanitizer's handlers come after ours; fault_left tells on_end what they ended the process for
        install(SIGABRT, 0);   // not on a signal stack: the sanitizer's allocator looks for the fibre's, not for the one it set
        return;
    }
    install_once();
    install(SIGABRT, SA_ONSTACK);
    sigaction(SIGALRM, &alarmed, NULL);
}
