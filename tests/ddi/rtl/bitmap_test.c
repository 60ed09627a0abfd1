// SPDX-License-Identifier: MIT
// Bit maps, each promise of their pages: where a run is found, what is written and what around it stays.
// Sources: [wdm/nf-wdm-rtlfindclearbits] and its neighbours, [wdm/nf-wdm-rtlfindmostsignificantbit].
#include <string.h>

#include "unit/nt/nt_test.h"

#define BITS 70
#define NOT_FOUND 0xffffffffu

struct map {
    ULONG words[4];              // the last one is none of the map's
    RTL_BITMAP map;
};

static void
map_make(struct map *m, ULONG word)
{
    for (int i = 0; i < 4; i++)
        m->words[i] = word;
    memset(&m->map, 0xcc, sizeof m->map);
    RtlInitializeBitMap(&m->map, m->words, BITS);
}

// The map has just the bits from first to first + count, and so has the word behind it no change.
static void
map_is(const struct map *m, ULONG first, ULONG count, ULONG behind)
{
    for (ULONG i = 0; i < BITS; i++)
        ck_assert_msg((m->words[i / 32] >> i % 32 & 1) == (i >= first && i < first + count), "bit %u", i);
    ck_assert_uint_eq(m->words[3], behind);
}

NT_TEST_ONE(RtlSetAllBits_sets_each_bit_of_the_map_and_no_word_behind)
{
    struct map m;
    map_make(&m, 0);
    RtlSetAllBits(&m.map);
    map_is(&m, 0, BITS, 0);
}

NT_TEST_ONE(RtlClearAllBits_clears_each_bit_of_the_map_and_no_word_behind)
{
    struct map m;
    map_make(&m, 0xffffffff);
    RtlClearAllBits(&m.map);
    map_is(&m, 0, 0, 0xffffffff);
}

NT_TEST_ONE(RtlSetBit_sets_just_one_bit)
{
    static const ULONG bits[] = {0, 31, 32, 69};
    for (int i = 0; i < 4; i++) {
        struct map m;
        map_make(&m, 0);
        RtlSetBit(&m.map, bits[i]);
        map_is(&m, bits[i], 1, 0);
    }
}

NT_TEST_ONE(RtlClearBit_clears_just_one_bit)
{
    static const ULONG bits[] = {0, 31, 32, 69};
    for (int i = 0; i < 4; i++) {
        struct map m;
        map_make(&m, 0xffffffff);
        RtlClearBit(&m.map, bits[i]);
        ck_assert(!(m.words[bits[i] / 32] >> bits[i] % 32 & 1));
        ck_assert_uint_eq(RtlNumberOfClearBits(&m.map), 1);
    }
}

NT_TEST_ONE(RtlTestBit_gives_the_bits_value)
{
    struct map m;
    map_make(&m, 0);
    m.words[1] = 2;
    ck_assert_uint_eq(RtlTestBit(&m.map, 33), 1);
    ck_assert_uint_eq(RtlTestBit(&m.map, 32), 0);
    ck_assert_uint_eq(RtlTestBit(&m.map, 1), 0);
}

NT_TEST_ONE(RtlCheckBit_is_one_for_a_set_bit_and_zero_for_a_clear_one)
{
    struct map m;
    map_make(&m, 0);
    m.words[1] = 0x80000002;
    ck_assert_int_eq(RtlCheckBit(&m.map, 33), 1);
    ck_assert_int_eq(RtlCheckBit(&m.map, 63), 1);
    ck_assert_int_eq(RtlCheckBit(&m.map, 32), 0);
}

NT_TEST_ONE(RtlSetBits_sets_the_range_and_nothing_when_the_count_is_0)
{
    static const struct {
        ULONG first, count;
    } cases[] = {{0, 70}, {0, 1}, {30, 5}, {31, 34}, {69, 1}, {10, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct map m;
        map_make(&m, 0);
        RtlSetBits(&m.map, cases[i].first, cases[i].count);
        map_is(&m, cases[i].first, cases[i].count, 0);
    }
}

NT_TEST_ONE(RtlClearBits_clears_the_range_and_nothing_when_the_count_is_0)
{
    struct map m;
    map_make(&m, 0xffffffff);
    RtlClearBits(&m.map, 7, 0);
    ck_assert_uint_eq(RtlNumberOfClearBits(&m.map), 0);
    RtlClearBits(&m.map, 40, 30);
    map_is(&m, 0, 40, 0xffffffff);
    RtlClearBits(&m.map, 0, 33);
    map_is(&m, 33, 7, 0xffffffff);
}

// A map with the runs 5..9, 20..39 and 60..69 of the value looked for.
static void
map_runs(struct map *m, bool set)
{
    map_make(m, set ? 0 : 0xffffffff);
    void(NTAPI * write)(PRTL_BITMAP, ULONG, ULONG) = set ? RtlSetBits : RtlClearBits;
    write(&m->map, 5, 5);
    write(&m->map, 20, 20);
    write(&m->map, 60, 10);
}

static const struct {
    ULONG count, hint, at;
} finds[] = {{5, 0, 5}, {6, 0, 20}, {5, 6, 20}, {5, 25, 25}, {5, 36, 60},         // from the hint on
             {6, 65, 20},
             {20, 60, 20},
             {5, 66, 5},                                     // and from the start up to it
             {10, 25, 25},
             {18, 21, 21},
             {20, 21, 20},                                   // a run that begins before the hint and goes over it
             {5, 500, 5},                                                                // a hint that is none
             {21, 0, NOT_FOUND},
             {70, 3, NOT_FOUND},
             {71, 0, NOT_FOUND},
             {11, 60, 20}};

static void
check_find(ULONG(NTAPI *find)(PRTL_BITMAP, ULONG, ULONG), bool set, bool turns)
{
    for (size_t i = 0; i < sizeof finds / sizeof *finds; i++) {
        struct map m, before;
        map_runs(&m, set);
        before = m;
        ULONG at = find(&m.map, finds[i].count, finds[i].hint);
        ck_assert_msg(at == finds[i].at, "row %zu: found at %u", i, at);
        for (ULONG bit = 0; bit < BITS; bit++) {
            bool is_in = turns && at != NOT_FOUND && bit >= at && bit < at + finds[i].count;
            ULONG was = before.words[bit / 32] >> bit % 32 & 1, is = m.words[bit / 32] >> bit % 32 & 1;
            ck_assert_msg(is == (is_in ? !was : was), "row %zu bit %u", i, bit);
        }
    }
}

NT_TEST_ONE(RtlFindClearBits_searches_from_the_hint_and_around_and_changes_nothing)
{
    check_find(RtlFindClearBits, false, false);
}
NT_TEST_ONE(RtlFindSetBits_searches_from_the_hint_and_around_and_changes_nothing)
{
    check_find(RtlFindSetBits, true, false);
}
NT_TEST_ONE(RtlFindClearBitsAndSet_sets_just_the_run_that_it_found)
{
    check_find(RtlFindClearBitsAndSet, false, true);
}
NT_TEST_ONE(RtlFindSetBitsAndClear_clears_just_the_run_that_it_found)
{
    check_find(RtlFindSetBitsAndClear, true, true);
}

NT_TEST_ONE(RtlNumberOfSetBits_counts_to_the_end_of_the_map_alone)
{
    struct map m;
    map_make(&m, 0xffffffff);
    ck_assert_uint_eq(RtlNumberOfSetBits(&m.map), BITS);
    map_runs(&m, true);
    ck_assert_uint_eq(RtlNumberOfSetBits(&m.map), 35);
}

NT_TEST_ONE(RtlNumberOfClearBits_counts_to_the_end_of_the_map_alone)
{
    struct map m;
    map_make(&m, 0);
    ck_assert_uint_eq(RtlNumberOfClearBits(&m.map), BITS);
    map_runs(&m, true);
    ck_assert_uint_eq(RtlNumberOfClearBits(&m.map), 35);
}

static void
check_are(BOOLEAN(NTAPI *are)(PRTL_BITMAP, ULONG, ULONG), bool set)
{
    struct map m;
    map_runs(&m, set);
    ck_assert_int_eq(are(&m.map, 20, 20), TRUE);
    ck_assert_int_eq(are(&m.map, 39, 1), TRUE);
    ck_assert_int_eq(are(&m.map, 20, 21), FALSE);      // one behind
    ck_assert_int_eq(are(&m.map, 19, 2), FALSE);       // one in front
    ck_assert_int_eq(are(&m.map, 60, 10), TRUE);
    ck_assert_int_eq(are(&m.map, 60, 11), FALSE);      // not in the map
    ck_assert_int_eq(are(&m.map, 71, 1), FALSE);
    ck_assert_int_eq(are(&m.map, 69, 0xffffffff), FALSE);
    ck_assert_int_eq(are(&m.map, 20, 0), FALSE);
}

NT_TEST_ONE(RtlAreBitsClear_is_true_for_a_clear_range_of_the_map_alone)
{
    check_are(RtlAreBitsClear, false);
}
NT_TEST_ONE(RtlAreBitsSet_is_true_for_a_set_range_of_the_map_alone)
{
    check_are(RtlAreBitsSet, true);
}

NT_TEST_ONE(RtlFindMostSignificantBit_gives_its_position_or_minus_1)
{
    for (int bit = 0; bit < 64; bit++)
        ck_assert_int_eq(RtlFindMostSignificantBit(1ull << bit | (bit ? 1ull << (bit - 1) : 0)), bit);
    ck_assert_int_eq(RtlFindMostSignificantBit(0), -1);
}

NT_TEST_ONE(RtlNumberOfSetBitsUlongPtr_counts_all_64)
{
    ck_assert_uint_eq(RtlNumberOfSetBitsUlongPtr(0), 0);
    ck_assert_uint_eq(RtlNumberOfSetBitsUlongPtr(0x8000000100000001), 3);
    ck_assert_uint_eq(RtlNumberOfSetBitsUlongPtr(~(ULONG_PTR)0), 64);
}
