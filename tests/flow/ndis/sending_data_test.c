// SPDX-License-Identifier: MIT
// The founding page "Sending Data from a Protocol Driver", statement by statement: docs/contracts/sending-data.md names the test of each.
#include "kit.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/harness.h"
#include "nt/ke/ke.h"

#define FRAMES 64

static void
send_marked(struct kit_binding *binding, uint32_t first, uint32_t count)
{
    NET_BUFFER_LIST *list = NULL, **end = &list;
    for (uint32_t i = 0; i < count; i++) {
        *end = kit_mark(binding, first + i);
        end = &NET_BUFFER_LIST_NEXT_NBL(*end);
    }
    kit_send(binding, list);
}

// ---- out-of-band information ---------------------------------------------------------------------------------------------------

static void
information_goes_down(void)
{
    kit_start(true, 2);
    send_marked(&kit.binding[0], 0, 5);
    send_marked(&kit.binding[1], 0, 7);
    ck_assert_uint_eq(kit.mp.sent, 12);
    ck_assert_uint_eq(kit.mp.marked_vlans, 12);
}

TEST(information_set_with_NET_BUFFER_LIST_INFO_is_read_by_the_miniport)
{
    kit_run(1, information_goes_down);
}

// ---- one completion list for several sends -------------------------------------------------------------------------------------

static void
sends_are_merged(void)
{
    kit_start(true, 1);
    kit.mp.completion = KIT_LATER;
    for (uint32_t i = 0; i < 4; i++)
        send_marked(&kit.binding[0], i * 3, 3);
    ck_assert_uint_eq(kit.binding[0].completed, 0);
    kit_complete_held();
    ck_assert_uint_eq(kit.binding[0].completed, 12);
    ck_assert_uint_eq(kit.binding[0].complete_calls, 1);
}

TEST(structures_of_several_sends_come_back_in_one_completion_list)
{
    kit_run(2, sends_are_merged);
}

// ---- SourceHandle --------------------------------------------------------------------------------------------------------------

static void
source_decides_alone(void)
{
    kit_start(true, 4);
    kit.mp.completion = KIT_LATER;
    // One list of the miniport holds NBLs of all four bindings, in turn: each binding gets its own, whatever stands around it.
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t i = 0; i < 4; i++)
            send_marked(&kit.binding[i], round, 1);
    kit_complete_held();
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(kit.binding[i].completed, 3);
        ck_assert_uint_eq(kit.binding[i].complete_calls, 1);
        ck_assert_uint_eq(kit.binding[i].returned_mask[0], 7);
    }
}

TEST(NDIS_returns_an_NBL_by_its_SourceHandle)
{
    kit_run(3, source_decides_alone);
}

static void
source_is_wrong(void)
{
    static uint32_t nothing[16];
    kit_start(false, 1);
    NET_BUFFER_LIST *nbl = kit_mark(&kit.binding[0], 0);
    nbl->SourceHandle = nothing;
    NdisSendNetBufferLists(kit.binding[0].handle, nbl, 0, 0);
}

static void
source_is_wrong_watched(void)
{
    kit_verify = VERIFY_ON;
    kit_run(4, source_is_wrong);
}

static void
source_is_wrong_unwatched(void)
{
    kit_run(4, source_is_wrong);
}

TEST(a_SourceHandle_that_is_no_binding_stops_the_driver_with_a_report)
{
    // Watched, where it is sent; else where it would go home, by whoever completes it.
    harness_reported("NdisSendNetBufferLists: the SourceHandle of a NET_BUFFER_LIST is not the binding that it is sent on",
                     source_is_wrong_watched);
    harness_reported("NdisMSendNetBufferListsComplete (SourceHandle): the handle ", source_is_wrong_unwatched);
}

// ---- ownership back: free, or use again ----------------------------------------------------------------------------------------

static uint32_t reused;

static void
send_again(struct kit_binding *binding, NET_BUFFER_LIST *nbls)
{
    while (nbls) {
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        NET_BUFFER_LIST_NEXT_NBL(nbls) = NULL;
        if (reused++ < 500)
            kit_send(binding, nbls);
        else
            NdisFreeNetBufferList(nbls);
        nbls = next;
    }
}

static void
structures_are_used_again(void)
{
    kit_start(true, 1);
    kit.binding[0].on_completed = send_again;
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 7, 64));
    ck_assert_uint_eq(kit.mp.sent, 501);
    ck_assert_uint_eq(kit.binding[0].completed, 501);
}

TEST(structures_that_came_back_may_be_used_in_a_later_send)
{
    kit_run(5, structures_are_used_again);
}

// ---- order down, any order back ------------------------------------------------------------------------------------------------

static void
sender_thread(void *arg)
{
    struct kit_binding *binding = arg;
    for (uint32_t i = 0; i < FRAMES;) {
        uint32_t count = 1 + (uint32_t)sched_draw(kit.box->sched, SCHED_DRAW_FAULT, 5);
        if (count > FRAMES - i)
            count = FRAMES - i;
        // Paused: what was refused did not reach the miniport, so the order there starts again from it. Wait and go on.
        while (!ndis_adapter_is_running(kit.adapter)) {
            LARGE_INTEGER wait = {.QuadPart = -100};
            KeDelayExecutionThread(KernelMode, FALSE, &wait);
        }
        send_marked(binding, i, count);
        i += count;
    }
}

static void
completer_thread(void *arg)
{
    volatile bool *stop = arg;
    LARGE_INTEGER wait = {.QuadPart = -50};
    while (!*stop) {
        kit_complete_shuffled();
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    }
    kit_complete_shuffled();
}

static void
two_protocols_two_bindings_each(void)
{
    struct ke_thread *sender[KIT_BINDINGS], *completer;
    volatile bool stop = false;
    kit_start(true, KIT_BINDINGS);
    kit.mp.completion = KIT_LATER;
    ck_assert_int_eq(ke_thread_start(kit.box, "complete", completer_thread, (void *)&stop, &completer), 0);
    for (uint32_t i = 0; i < KIT_BINDINGS; i++)
        ck_assert_int_eq(ke_thread_start(kit.box, "send", sender_thread, &kit.binding[i], &sender[i]), 0);
    for (uint32_t i = 0; i < KIT_BINDINGS; i++)
        ke_thread_join(sender[i]);
    stop = true;
    ke_thread_join(completer);
    ck_assert_uint_eq(kit.mp.out_of_order, 0);
    for (uint32_t i = 0; i < KIT_BINDINGS; i++) {
        ck_assert_uint_eq(kit.binding[i].completed, FRAMES);
        ck_assert_uint_eq(kit.binding[i].returned_twice, 0);
        ck_assert_uint_eq(kit.binding[i].returned_mask[0], ~0ull);
    }
}

TEST_TIMEOUT(60, each_binding_is_submitted_in_its_order_and_completed_in_any)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        kit_run(seed, two_protocols_two_bindings_each);
}

// Across a pause: what was taken before it came down in order, what comes after the restart continues in order.
static void
order_across_a_pause(void)
{
    volatile bool stop = false;
    struct ke_thread *completer;
    kit_start(true, 2);
    kit.mp.completion = KIT_LATER;
    ck_assert_int_eq(ke_thread_start(kit.box, "complete", completer_thread, (void *)&stop, &completer), 0);
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < 2; i++)
            send_marked(&kit.binding[i], round * 8, 8);
        ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(kit.binding[0].in_flight + kit.binding[1].in_flight, 0);
        ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    }
    stop = true;
    ke_thread_join(completer);
    ck_assert_uint_eq(kit.mp.sent, 64);
    ck_assert_uint_eq(kit.mp.out_of_order, 0);
}

TEST_TIMEOUT(60, the_order_holds_across_pause_and_restart)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        kit_run(seed, order_across_a_pause);
}

// ---- nothing is touched meanwhile ----------------------------------------------------------------------------------------------

// Run it in a child: 1 is a finding, the report's end of the process.
static int
ends_with(void (*fn)(void))
{
    pid_t child = fork();
    if (!child) {
        kit_verify = VERIFY_ON;
        kit_run(6, fn);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static NET_BUFFER_LIST *
send_and_keep(void)
{
    kit_start(true, 1);
    kit.mp.completion = KIT_LATER;
    NET_BUFFER_LIST *nbl = kit_mark(&kit.binding[0], 0);
    kit_send(&kit.binding[0], nbl);
    return nbl;
}

static void
touches_nothing(void)
{
    send_and_keep();
    kit_complete_held();
}

static void
touches_the_data(void)
{
    NET_BUFFER_LIST *nbl = send_and_keep();
    uint8_t *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl)), NormalPagePriority);
    data[40] ^= 1;
    kit_complete_held();
}

static void
touches_the_structures(void)
{
    NET_BUFFER_LIST *nbl = send_and_keep();
    NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(nbl)) -= 4;
    kit_complete_held();
}

static void
frees_it_meanwhile(void)
{
    NdisFreeNetBufferList(send_and_keep());
    kit_complete_held();
}

static void
sends_it_again_meanwhile(void)
{
    NET_BUFFER_LIST *nbl = send_and_keep();
    kit.mp.held = NULL;
    kit_send(&kit.binding[0], nbl);
}

TEST(a_driver_that_touches_a_NET_BUFFER_LIST_while_it_is_out_is_stopped)
{
    ck_assert_int_eq(ends_with(touches_nothing), 0);
    ck_assert_int_eq(ends_with(touches_the_data), 1);
    ck_assert_int_eq(ends_with(touches_the_structures), 1);
    ck_assert_int_eq(ends_with(frees_it_meanwhile), 1);
    ck_assert_int_eq(ends_with(sends_it_again_meanwhile), 1);
}
