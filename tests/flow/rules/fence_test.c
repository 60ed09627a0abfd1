// SPDX-License-Identifier: MIT
// Who may touch a NET_BUFFER_LIST: only the driver that has it. With --verify strict on the seeded scheduler, in asan builds, whoever
// even reads what it has given away is stopped at the access (NBX-0006). Each crime is committed in a child process, whose report is
// read; beside it stands the same driver keeping the rule. Without ASan a read goes unseen, and the tests say so.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "host/poison.h"
#include "nt/ke/ke.h"

static volatile uint64_t seen;

static void
touch(const char *driver, const volatile void *at, bool write)
{
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, driver), "test");
    if (write)
        *(volatile uint8_t *)at ^= 1;
    else
        seen = *(const volatile uint8_t *)at;
    ke_driver_leave(ke_self(), crossing);
}

// Where the parts of a list are, found while it may be looked at.
struct parts {
    NET_BUFFER_LIST *nbl;
    NET_BUFFER *nb;
    MDL *mdl;
    uint8_t *data;
};

static struct parts
parts_of(NET_BUFFER_LIST *nbl)
{
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    MDL *mdl = NET_BUFFER_FIRST_MDL(nb);
    return (struct parts){nbl, nb, mdl, MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority)};
}

// ---- a sender ----------------------------------------------------------------------------------------------------------------------

static void (*act)(void);

static void
strict(void)
{
    kit_verify = VERIFY_STRICT;
    kit_run(6, act);
}

static bool with_filter;

static struct parts
sent_and_held(void)
{
    kit_start(with_filter, 1);
    kit.mp.completion = KIT_LATER;
    NET_BUFFER_LIST *nbl = kit_mark(&kit.binding[0], 0);
    struct parts parts = parts_of(nbl);
    kit_send(&kit.binding[0], nbl);
    return parts;
}

static void
sender_waits(void)
{
    struct parts parts = sent_and_held();
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "proto0"), "test");
    KeGetCurrentIrql();                       // its own business meanwhile
    ke_driver_leave(ke_self(), crossing);
    touch("mp", parts.nbl, false);            // whoever has it may
    touch("mp", parts.data, true);
    touch("mp", parts.data, true);
    kit_complete_held();                      // the kit's handler reads all of it, and frees it
}

#define SENDER(name, part, write) \
    static void sender_##name(void) \
    { \
        struct parts parts = sent_and_held(); \
        touch("proto0", parts.part, write); \
        kit_complete_held(); \
    }
SENDER(reads_list, nbl, false)
SENDER(reads_nb, nb, false)
SENDER(reads_mdl, mdl, false)
SENDER(reads_data, data, false)

static void
is_stopped(void (*fn)(void), const char *driver, const char *verb, const char *part)
{
    act = fn;
    if (poison_is_there())
        crime_is_found(strict, "NBX-0006", driver, verb, part, "object NET_BUFFER_LIST", "found by the fence, at the access", NULL);
    else
        crime_is_none(strict);
}

TEST(a_sender_that_reads_what_it_has_sent_is_stopped)
{
    for (with_filter = false;; with_filter = true) {
        is_stopped(sender_reads_list, "driver proto0", "proto0 reads 1 bytes", "of the NET_BUFFER_LIST");
        is_stopped(sender_reads_nb, "driver proto0", "proto0 reads", "of the NET_BUFFER ");
        is_stopped(sender_reads_mdl, "driver proto0", "proto0 reads", "of the MDL");
        is_stopped(sender_reads_data, "driver proto0", "proto0 reads", "of the data");
        if (with_filter)
            break;
    }
}

TEST(a_sender_that_waits_for_its_completion_may_read)
{
    for (with_filter = false;; with_filter = true) {
        act = sender_waits;
        crime_is_none(strict);
        if (with_filter)
            break;
    }
}

TEST(the_report_of_a_read_says_who_has_the_list_and_how_it_came_there)
{
    act = sender_reads_data;
    with_filter = true;
    if (poison_is_there())
        crime_is_found(strict, "NBX-0006", "mp has it", "sent by proto0, NdisSendNetBufferLists", "handed to lwf, FilterSendNetBufferLists",
                       "sent by lwf, NdisFSendNetBufferLists", "handed to mp, MiniportSendNetBufferLists", "fence_test.c", "box test",
                       "of virtual time", NULL);
}

// ---- a filter ----------------------------------------------------------------------------------------------------------------------

static void
filter_reads_what_it_passed_on(void)
{
    with_filter = true;
    struct parts parts = sent_and_held();
    touch("lwf", parts.nb, false);
    kit_complete_held();
}

TEST(a_filter_that_reads_what_it_has_passed_on_is_stopped)
{
    is_stopped(filter_reads_what_it_passed_on, "driver lwf", "lwf reads", "of the NET_BUFFER ");
}

// A segment is sent again while the first is still below: two lists, the same bytes, and the sender has touched neither.
static void
same_bytes_twice(void)
{
    kit_start(with_filter, 1);
    kit.mp.completion = KIT_LATER;
    NET_BUFFER_LIST *first = kit_mark(&kit.binding[0], 0), *again = kit_mark(&kit.binding[0], 1);
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(again);
    MDL *mdl = IoAllocateMdl(parts_of(first).data, NET_BUFFER_FIRST_MDL(nb)->ByteCount, FALSE, FALSE, NULL);
    ck_assert_ptr_nonnull(mdl);
    MmBuildMdlForNonPagedPool(mdl);
    NET_BUFFER_FIRST_MDL(nb) = NET_BUFFER_CURRENT_MDL(nb) = mdl;
    kit_send(&kit.binding[0], first);
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "proto0"), "test");
    kit_send(&kit.binding[0], again);
    ke_driver_leave(ke_self(), crossing);
    kit_complete_held();
    IoFreeMdl(mdl);
}

TEST(the_same_bytes_may_be_in_two_lists_that_are_out)
{
    act = same_bytes_twice;
    for (with_filter = false;; with_filter = true) {
        crime_is_none(strict);
        if (with_filter)
            break;
    }
}

// ---- receive -----------------------------------------------------------------------------------------------------------------------

static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static struct parts
received_and_kept(void)
{
    ULONG filter = NDIS_PACKET_TYPE_BROADCAST;
    kit_start(with_filter, 1);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    kit.binding[0].keep = true;
    kit_indicate(everybody, 1, 0);
    ck_assert_ptr_nonnull(kit.binding[0].kept);
    return parts_of(kit.binding[0].kept);
}

static void
receiver_reads_before_it_returns(void)
{
    struct parts parts = received_and_kept();
    touch("proto0", parts.data, false);
    touch("proto0", parts.nbl, false);
    kit_return(&kit.binding[0]);
}

static void
receiver_reads_data_after_the_return(void)
{
    struct parts parts = received_and_kept();
    kit.mp.keep_returned = true;
    kit_return(&kit.binding[0]);
    touch("proto0", parts.data, false);
    kit_free_returned();
}

static void
receiver_reads_the_list_after_the_return(void)
{
    struct parts parts = received_and_kept();
    kit.mp.keep_returned = true;
    kit_return(&kit.binding[0]);
    touch("proto0", parts.nbl, false);
    kit_free_returned();
}

static void
miniport_reads_after_indicating(void)
{
    struct parts parts = received_and_kept();
    touch("mp", parts.data, false);
    kit_return(&kit.binding[0]);
}

static void
miniport_reads_what_came_back(void)
{
    struct parts parts = received_and_kept();
    kit.mp.keep_returned = true;
    kit_return(&kit.binding[0]);
    touch("mp", parts.data, false);
    touch("mp", parts.nb, true);
    touch("mp", parts.nb, true);
    kit_free_returned();
}

TEST(a_receiver_that_reads_what_it_has_returned_is_stopped)
{
    for (with_filter = false;; with_filter = true) {
        is_stopped(receiver_reads_data_after_the_return, "driver proto0", "proto0 reads", "mp has it back");
        is_stopped(receiver_reads_the_list_after_the_return, "driver proto0", "proto0 reads", "mp has it back");
        if (with_filter)
            break;
    }
}

TEST(a_miniport_that_reads_what_it_has_indicated_is_stopped)
{
    is_stopped(miniport_reads_after_indicating, "driver mp", "mp reads", "proto0 has it");
}

TEST(who_has_a_received_list_may_read_it)
{
    for (with_filter = false;; with_filter = true) {
        act = receiver_reads_before_it_returns;
        crime_is_none(strict);
        act = miniport_reads_what_came_back;
        crime_is_none(strict);
        if (with_filter)
            break;
    }
}

// With RESOURCES the miniport has the list back when the call returns, and reads it at once (the kit's does).
static void
resources_come_back(void)
{
    ULONG filter = NDIS_PACKET_TYPE_BROADCAST;
    kit_start(with_filter, 2);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(kit_set(&kit.binding[i], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "mp"), "test");
    kit_indicate(everybody, 3, NDIS_RECEIVE_FLAGS_RESOURCES);
    kit_indicate(everybody, 3, 0);            // shown to the first, given to the second
    ke_driver_leave(ke_self(), crossing);
    ck_assert_uint_eq(kit.binding[0].received, 6);
    ck_assert_uint_eq(kit.binding[1].received, 6);
}

TEST(with_RESOURCES_the_miniport_may_read_at_once_after_indicating)
{
    for (with_filter = false;; with_filter = true) {
        act = resources_come_back;
        crime_is_none(strict);
        if (with_filter)
            break;
    }
}
