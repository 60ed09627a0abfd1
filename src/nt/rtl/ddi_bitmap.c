// SPDX-License-Identifier: MIT
// Front doors: bit maps, and questions about single words. [wdm/nf-wdm-rtlinitializebitmap] and its neighbours. A run is looked for
// from the hint to the end and then from the start, as Windows does; bits past the end are touched only where all are written at once.
#include <ntddk.h>

#include "nt/ke/ke.h"
#include "verify/verify.h"

static inline bool
bit_is_set(const RTL_BITMAP *map, ULONG bit)
{
    return map->Buffer[bit / 32] >> (bit % 32) & 1;
}

static inline void
bit_write(RTL_BITMAP *map, ULONG bit, bool set)
{
    if (set)
        map->Buffer[bit / 32] |= 1u << (bit % 32);
    else
        map->Buffer[bit / 32] &= ~(1u << (bit % 32));
}

// How many bits from first on have this value, up to limit.
static ULONG
run_length(const RTL_BITMAP *map, ULONG first, bool set, ULONG limit)
{
    ULONG length = 0;
    while (length < limit && first + length < map->SizeOfBitMap && bit_is_set(map, first + length) == set)
        length++;
    return length;
}

static bool
range_is(const RTL_BITMAP *map, ULONG first, ULONG count, bool set)
{
    if (first > map->SizeOfBitMap || count > map->SizeOfBitMap - first)
        return false;
    return run_length(map, first, set, count) == count;
}

static ULONG
find_between(const RTL_BITMAP *map, ULONG from, ULONG to, ULONG count, bool set)
{
    for (ULONG at = from; at < to && count <= map->SizeOfBitMap - at;) {
        ULONG length = run_length(map, at, set, count);
        if (length == count)
            return at;
        at += length + 1;
    }
    return MAXULONG;
}

static ULONG
find_run(const RTL_BITMAP *map, ULONG count, ULONG hint, bool set)
{
    if (hint >= map->SizeOfBitMap)
        hint = 0;
    if (!count)
        return hint & ~7u;
    ULONG at = find_between(map, hint, map->SizeOfBitMap, count, set);
    return at != MAXULONG || !hint ? at : find_between(map, 0, hint, count, set);
}

static void
write_range(RTL_BITMAP *map, ULONG first, ULONG count, bool set)
{
    for (ULONG i = 0; i < count && first + i < map->SizeOfBitMap; i++)
        bit_write(map, first + i, set);
}

static ULONG
count_bits(const RTL_BITMAP *map)
{
    ULONG count = 0;
    for (ULONG bit = 0; bit < map->SizeOfBitMap; bit += 32) {
        ULONG word = map->Buffer[bit / 32];
        if (map->SizeOfBitMap - bit < 32)
            word &= (1u << (map->SizeOfBitMap - bit)) - 1;
        count += (ULONG)__builtin_popcount(word);
    }
    return count;
}

NTAPI VOID
RtlInitializeBitMap(PRTL_BITMAP BitMapHeader, PULONG BitMapBuffer, ULONG SizeOfBitMap)
{
    VERIFY_ENTER(RtlInitializeBitMap);
    *BitMapHeader = (RTL_BITMAP){SizeOfBitMap, BitMapBuffer};
}

NTAPI VOID
RtlClearBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    VERIFY_ENTER(RtlClearBit);
    write_range(BitMapHeader, BitNumber, 1, false);
}

NTAPI VOID
RtlSetBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    VERIFY_ENTER(RtlSetBit);
    write_range(BitMapHeader, BitNumber, 1, true);
}

NTAPI BOOLEAN
RtlTestBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    VERIFY_ENTER(RtlTestBit);
    return BitNumber < BitMapHeader->SizeOfBitMap && bit_is_set(BitMapHeader, BitNumber);
}

NTAPI VOID
RtlClearAllBits(PRTL_BITMAP BitMapHeader)
{
    VERIFY_ENTER(RtlClearAllBits);
    memset(BitMapHeader->Buffer, 0, (BitMapHeader->SizeOfBitMap + 31) / 32 * sizeof(ULONG));
}

NTAPI VOID
RtlSetAllBits(PRTL_BITMAP BitMapHeader)
{
    VERIFY_ENTER(RtlSetAllBits);
    memset(BitMapHeader->Buffer, 0xff, (BitMapHeader->SizeOfBitMap + 31) / 32 * sizeof(ULONG));
}

NTAPI VOID
RtlClearBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToClear)
{
    VERIFY_ENTER(RtlClearBits);
    write_range(BitMapHeader, StartingIndex, NumberToClear, false);
}

NTAPI VOID
RtlSetBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToSet)
{
    VERIFY_ENTER(RtlSetBits);
    write_range(BitMapHeader, StartingIndex, NumberToSet, true);
}

NTAPI ULONG
RtlFindClearBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    VERIFY_ENTER(RtlFindClearBits);
    return find_run(BitMapHeader, NumberToFind, HintIndex, false);
}

NTAPI ULONG
RtlFindSetBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    VERIFY_ENTER(RtlFindSetBits);
    return find_run(BitMapHeader, NumberToFind, HintIndex, true);
}

NTAPI ULONG
RtlFindClearBitsAndSet(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    VERIFY_ENTER(RtlFindClearBitsAndSet);
    ULONG at = find_run(BitMapHeader, NumberToFind, HintIndex, false);
    if (at != MAXULONG)
        write_range(BitMapHeader, at, NumberToFind, true);
    return at;
}

NTAPI ULONG
RtlFindSetBitsAndClear(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    VERIFY_ENTER(RtlFindSetBitsAndClear);
    ULONG at = find_run(BitMapHeader, NumberToFind, HintIndex, true);
    if (at != MAXULONG)
        write_range(BitMapHeader, at, NumberToFind, false);
    return at;
}

NTAPI ULONG
RtlNumberOfSetBits(PRTL_BITMAP BitMapHeader)
{
    VERIFY_ENTER(RtlNumberOfSetBits);
    return count_bits(BitMapHeader);
}

NTAPI ULONG
RtlNumberOfClearBits(PRTL_BITMAP BitMapHeader)
{
    VERIFY_ENTER(RtlNumberOfClearBits);
    return BitMapHeader->SizeOfBitMap - count_bits(BitMapHeader);
}

NTAPI BOOLEAN
RtlAreBitsClear(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    VERIFY_ENTER(RtlAreBitsClear);
    return Length && range_is(BitMapHeader, StartingIndex, Length, false);
}

NTAPI BOOLEAN
RtlAreBitsSet(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    VERIFY_ENTER(RtlAreBitsSet);
    return Length && range_is(BitMapHeader, StartingIndex, Length, true);
}

NTAPI CCHAR
RtlFindLeastSignificantBit(ULONGLONG Set)
{
    VERIFY_ENTER(RtlFindLeastSignificantBit);
    return Set ? (CCHAR)__builtin_ctzll(Set) : -1;
}

NTAPI CCHAR
RtlFindMostSignificantBit(ULONGLONG Set)
{
    VERIFY_ENTER(RtlFindMostSignificantBit);
    return Set ? (CCHAR)(63 - __builtin_clzll(Set)) : -1;
}

NTAPI ULONG
RtlNumberOfSetBitsUlongPtr(ULONG_PTR Target)
{
    VERIFY_ENTER(RtlNumberOfSetBitsUlongPtr);
    return (ULONG)__builtin_popcountll(Target);
}
