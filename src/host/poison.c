// SPDX-License-Identifier: MIT
// See poison.h. ASan calls __asan_on_error, a name that it keeps for this, once it knows what happened and before it prints it.
// The callback is the process's, as the shadow is, so it is a static.
#include "host/poison.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON_ASAN 1
#include <sanitizer/asan_interface.h>

#include "host/sched.h"
#include "host/symbol.h"
#endif
#endif

#ifdef POISON_ASAN
static struct {
    void (*on_touch)(void *context, const struct poison_touch *touch);
    void *context;
} poison_state;

bool
poison_is_there(void)
{
    return true;
}

void
poison_set(const void *at, size_t bytes)
{
    __asan_poison_memory_region(at, bytes);
}

void
poison_clear(const void *at, size_t bytes)
{
    __asan_unpoison_memory_region(at, bytes);
}

void
poison_on_touch(void (*on_touch)(void *context, const struct poison_touch *touch), void *context)
{
    poison_state.context = context;
    poison_state.on_touch = on_touch;
}

bool
poison_touch_now(struct poison_touch *touch)
{
    if (!__asan_report_present() || !__asan_get_report_pc())
        return false;
    *touch = (struct poison_touch){.address = __asan_get_report_address(),
                                   .bytes = __asan_get_report_access_size(),
                                   .is_write = __asan_get_report_access_type() == 1};
    const void *low = sched_self ? sched_self->stack_low : NULL, *high = sched_self ? sched_self->stack_high : NULL;
    touch->frames[0] = __asan_get_report_pc();
    touch->frame_count = 1 + symbol_walk(__asan_get_report_bp(), low, high, touch->frames + 1, POISON_FRAMES_MAX - 1);
    return true;
}

// The name that ASan calls.
void poison_found(void) __asm__("__asan_on_error");

void
poison_found(void)
{
    struct poison_touch touch;
    if (!poison_state.on_touch || !poison_touch_now(&touch))
        return;
    poison_state.on_touch(poison_state.context, &touch);
}
#else
bool
poison_is_there(void)
{
    return false;
}

void
poison_set(const void *at, size_t bytes)
{
    (void)at, (void)bytes;
}

void
poison_clear(const void *at, size_t bytes)
{
    (void)at, (void)bytes;
}

void
poison_on_touch(void (*on_touch)(void *context, const struct poison_touch *touch), void *context)
{
    (void)on_touch, (void)context;
}

bool
poison_touch_now(struct poison_touch *touch)
{
    (void)touch;
    return false;
}
#endif
