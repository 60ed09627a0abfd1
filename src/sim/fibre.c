// SPDX-License-Identifier: MIT
// Fibres: their stacks, the pool of those, and the switch with what ASan, LSan and TSan must be told about it.
//   create   pooled or new stack -> boot frame -> ready
//   switch   announce to the sanitizers -> sim_switch_stacks -> on the other side, finish
//   destroy  only of a fibre that is not running: its stack goes back to the pool
// ASan must know which stack is current and keep each fibre's fake stack (use-after-return frames); LSan must scan suspended stacks
// for pointers, as roots; TSan gets one fiber each and is told that every switch synchronises (flag 0), because on one OS thread
// it does: data races are found by the threads scheduler.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/pages.h"
#include "host/stack.h"
#include "host/symbol.h"
#include "sim/sim_int.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if __has_feature(thread_sanitizer)
#define SIM_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif
#endif

void sim_switch_stacks(void **save_sp, void *to_sp);
void sim_switch_boot(void);

// The other half of a switch, on the stack that goes on.
static void
sim_fibre_arrived(struct sim_context *self)
{
#ifdef SIM_ASAN
    __sanitizer_finish_switch_fiber(self->asan_fake_stack, NULL, NULL);
#endif
}

void
sim_fibre_switch(struct sim_context *from, struct sim_context *to, bool from_ends)
{
#ifdef SIM_ASAN
    __sanitizer_start_switch_fiber(from_ends ? NULL : &from->asan_fake_stack, to->stack_low, to->stack_bytes);
#endif
#ifdef SIM_TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
    sim_switch_stacks(&from->sp, to->sp);
    sim_fibre_arrived(from);
}

// The first frame of every fibre; a switch to it for the first time arrives here.
static void
sim_fibre_main(void)
{
    struct sim_fibre *fibre = (struct sim_fibre *)sched_self;
    struct sim *sim = sim_from(fibre->base.sched);
    sim_fibre_arrived(&fibre->context);
    fibre->fn(fibre->arg);
    fibre->state = SIM_FIBRE_ENDED;
    atomic_store(&fibre->ended, 1);
    sim_wake(&sim->base, &fibre->ended, UINT32_MAX);
    sim_schedule_away(sim, true);
    abort();
}

#if defined(__x86_64__)
struct sim_saved_frame {          // what lies at a suspended context's sp: the layout of switch_x86_64.S
    uint32_t mxcsr, x87_control;
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t return_address;
    uint64_t pad[2];             // sim_switch_boot starts with rsp here: aligned for its call
};

static void
sim_saved_frame_boot(struct sim_saved_frame *frame)
{
    *frame = (struct sim_saved_frame){
        .mxcsr = 0x1F80, .x87_control = 0x037F, .r12 = (uintptr_t)sim_fibre_main, .return_address = (uintptr_t)sim_switch_boot};
}

static const void *
sim_saved_frame_pointer(const struct sim_saved_frame *frame)
{
    return (const void *)frame->rbp;
}

static const void *
sim_saved_frame_return(const struct sim_saved_frame *frame)
{
    return (const void *)frame->return_address;
}
#elif defined(__aarch64__)
struct sim_saved_frame {          // what lies at a suspended context's sp: the layout of switch_aarch64.S
    uint64_t x29, x30, x19_to_x28[10], d8_to_d15[8], fpcr, pad;
};

static void
sim_saved_frame_boot(struct sim_saved_frame *frame)
{
    *frame = (struct sim_saved_frame){.x30 = (uintptr_t)sim_switch_boot, .x19_to_x28 = {(uintptr_t)sim_fibre_main}};
}

static const void *
sim_saved_frame_pointer(const struct sim_saved_frame *frame)
{
    return (const void *)frame->x29;
}

static const void *
sim_saved_frame_return(const struct sim_saved_frame *frame)
{
    return (const void *)frame->x30;
}
#else
#error "sim has no fibre switch for this processor yet: write src/sim/switch_<arch>.S and its boot frame here"
#endif
_Static_assert(sizeof(struct sim_saved_frame) % 16 == 0, "the stack of a new fibre is aligned");

static void *
sim_stack_get(struct sim *sim)
{
    struct sim_stack *stack = sim->free_stacks;
    if (stack)
        sim->free_stacks = stack->next;
    else
        stack = pages_get(sim->base.pages, sim->stack_bytes, PAGES_STACK);
#ifdef SIM_ASAN
    if (stack)
        __lsan_register_root_region(stack, sim->stack_bytes);
#endif
    return stack;
}

static void
sim_stack_put(struct sim *sim, void *low)
{
#ifdef SIM_ASAN
    // Frames that were left by the last switch never unpoisoned their redzones.
    __asan_unpoison_memory_region(low, sim->stack_bytes);
    __lsan_unregister_root_region(low, sim->stack_bytes);
#endif
    struct sim_stack *stack = low;
    stack->next = sim->free_stacks;
    sim->free_stacks = stack;
}

void
sim_stacks_destroy(struct sim *sim)
{
    while (sim->free_stacks) {
        struct sim_stack *stack = sim->free_stacks;
        sim->free_stacks = stack->next;
        pages_put(sim->base.pages, stack, sim->stack_bytes, PAGES_STACK);
    }
}

static int
sim_context_init(struct sim *sim, struct sim_context *context)
{
    char *low = sim_stack_get(sim);
    if (!low)
        return -ENOMEM;
    struct sim_saved_frame *frame = (struct sim_saved_frame *)(low + sim->stack_bytes) - 1;
    sim_saved_frame_boot(frame);
    *context = (struct sim_context){.sp = frame, .stack_low = low, .stack_bytes = sim->stack_bytes};
#ifdef SIM_TSAN
    context->tsan_fiber = __tsan_create_fiber(0);
#endif
    return 0;
}

int
sim_fibre_create(struct sim *sim, const char *name, sched_thread_fn fn, void *arg, void *user, struct sim_fibre **out)
{
    size_t name_bytes = strlen(name) + 1;
    int error = sim_schedule_reserve(sim, sim->fibre_count + 1);
    if (error)
        return error;
    struct sim_fibre *fibre = calloc(1, sizeof *fibre + name_bytes);
    if (!fibre)
        return -ENOMEM;
    error = sim_context_init(sim, &fibre->context);
    if (error) {
        free(fibre);
        return error;
    }
    memcpy(fibre->name, name, name_bytes);
    fibre->base = (struct sched_thread){
        .sched = &sim->base, .user = user, .name = fibre->name, .id = sim->next_id++,
        .stack_low = fibre->context.stack_low, .stack_high = (const char *)fibre->context.stack_low + sim->stack_bytes};
    fibre->fn = fn;
    fibre->arg = arg;
    heap_node_init(&fibre->deadline);
    list_init(&fibre->word_node);
    list_push_back(&sim->fibres, &fibre->node);
    sim->fibre_count++;
    sim_ready_push(sim, fibre);
    *out = fibre;
    return 0;
}

void
sim_fibre_destroy(struct sim *sim, struct sim_fibre *fibre)
{
    bool abandoned = fibre->state != SIM_FIBRE_ENDED;
#ifdef SIM_TSAN
    __tsan_destroy_fiber(fibre->context.tsan_fiber);
#endif
#ifdef SIM_ASAN
    // After a finding, what the suspended frames of an abandoned fibre hold is not a leak: its stack stays mapped, as a root.
    if (!abandoned)
        sim_stack_put(sim, (void *)fibre->context.stack_low);
#else
    (void)abandoned;
    sim_stack_put(sim, (void *)fibre->context.stack_low);
#endif
    list_remove(&fibre->word_node);
    heap_remove(&sim->deadlines, &fibre->deadline);
    sim->hopes -= fibre->is_hope;
    list_remove(&fibre->node);
    sim->fibre_count--;
    free(fibre);
}

size_t
sim_fibre_backtrace(const struct sim_fibre *fibre, const void **addresses, size_t limit)
{
    if (fibre->state == SIM_FIBRE_ENDED || !limit)
        return 0;
    if (&fibre->base == sched_self)
        return symbol_backtrace(addresses, limit);
    const struct sim_saved_frame *saved = fibre->context.sp;
    addresses[0] = sim_saved_frame_return(saved);
    return 1 + symbol_walk(sim_saved_frame_pointer(saved), fibre->base.stack_low, fibre->base.stack_high, addresses + 1, limit - 1);
}

// The OS thread that calls sched_run is suspended like a fibre while fibres run.
void
sim_main_context_start(struct sim_context *main)
{
    const void *high;
    *main = (struct sim_context){0};
    stack_bounds_get(&main->stack_low, &high);
    main->stack_bytes = (size_t)((const char *)high - (const char *)main->stack_low);
#ifdef SIM_ASAN
    __lsan_register_root_region(main->stack_low, main->stack_bytes);
#endif
#ifdef SIM_TSAN
    main->tsan_fiber = __tsan_get_current_fiber();
#endif
}

void
sim_main_context_stop(struct sim_context *main)
{
#ifdef SIM_ASAN
    __lsan_unregister_root_region(main->stack_low, main->stack_bytes);
#endif
}
