// SPDX-License-Identifier: MIT
// What is charged to whom when a consumer calls a provider directly, by a table of functions that no door of ours stands before: memory
// belongs to the driver whose code asked for it, not to the one that runs. The drivers of this kit are code of the test program, so the two
// have places of their own in it (sections), which stand for their images.
#include <stdio.h>
#include <unistd.h>

#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"
#include "provider.h"

#define CODE_OF(driver) __attribute__((noinline, section("code_of_" #driver)))
extern const char __start_code_of_mp[], __stop_code_of_mp[], __start_code_of_consumer[], __stop_code_of_consumer[];

static void *block;
static bool provider_forgets, consumer_forgets;

// The provider's function, as a table has it: memory of an object.
static CODE_OF(mp) NTAPI NTSTATUS
provider_creates(void **object)
{
    *object = ExAllocatePool2(POOL_FLAG_NON_PAGED, 123, 'tjbO');
    return *object ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static CODE_OF(mp) NTAPI VOID
provider_closes(void *object)
{
    ExFreePoolWithTag(object, 'tjbO');
}

// The consumer's: an object of the provider's, and memory of its own.
static CODE_OF(consumer) NTAPI VOID
consumer_lives(void)
{
    void *own = ExAllocatePool2(POOL_FLAG_NON_PAGED, 45, 'snoC');
    ck_assert_int_eq(provider_creates(&block), STATUS_SUCCESS);
    if (!consumer_forgets)
        ExFreePoolWithTag(own, 'snoC');
}

// The object is taken apart when its adapter goes, after the consumer has: it was never the consumer's to give back.
static void
halts(void)
{
    if (!provider_forgets)
        provider_closes(block);
}

static void
lives(void)
{
    struct io_image *mp = io_image_find(kit.box, "mp"), *consumer = io_image_find(kit.box, "consumer");
    mp->base = (void *)__start_code_of_mp;
    mp->span_bytes = (size_t)(__stop_code_of_mp - __start_code_of_mp);
    consumer->base = (void *)__start_code_of_consumer;
    consumer->span_bytes = (size_t)(__stop_code_of_consumer - __start_code_of_consumer);
    kit_mp_hooks.halt = halts;
    n_start(0);
    struct ke_crossing crossing = ke_driver_enter(ke_self(), consumer, "a thread of the consumer's");
    consumer_lives();
    ke_driver_leave(ke_self(), crossing);
}

static void
run(void)
{
    n_watched(lives);
    fflush(NULL);
    if (kit.findings)
        _exit(1);                             // a rule that counts does not end the run
}

TEST(memory_that_a_provider_gets_in_a_consumers_call_is_the_providers_to_give_back)
{
    provider_forgets = true;
    crime_is_found(run, "NBX-0300", "driver mp", "mp has left 1 block of pool with tag 'Objt', 123 bytes", "got by mp", NULL);
    provider_forgets = false;
    consumer_forgets = true;
    crime_is_found(run, "NBX-0300", "driver consumer", "consumer has left 1 block of pool with tag 'Cons', 45 bytes", "got by consumer",
                   NULL);
}

TEST(memory_that_a_provider_keeps_longer_than_its_consumer_lives_is_not_reported)
{
    crime_is_none(run);
}
