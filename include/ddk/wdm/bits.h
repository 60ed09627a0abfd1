// SPDX-License-Identifier: MIT
// Bit scans, rotations and counts under the names of Microsoft's intrinsics, over the compiler's builtins.
//
// A scan of zero answers FALSE and leaves the index alone. Sources: [cpp-docs intrinsics/bitscanforward-bitscanforward64],
// [cpp-docs c-runtime-library/rotl-rotl64-rotr-rotr64].
#ifndef NBX_DDK_WDM_BITS_H
#define NBX_DDK_WDM_BITS_H

#include "../ntdef.h"

FORCEINLINE UCHAR BitScanForward(ULONG *Index, ULONG Mask)
{
    if (Mask == 0)
        return FALSE;
    *Index = (ULONG)__builtin_ctz(Mask);
    return TRUE;
}
FORCEINLINE UCHAR BitScanReverse(ULONG *Index, ULONG Mask)
{
    if (Mask == 0)
        return FALSE;
    *Index = 31 - (ULONG)__builtin_clz(Mask);
    return TRUE;
}
FORCEINLINE UCHAR BitScanForward64(ULONG *Index, ULONG64 Mask)
{
    if (Mask == 0)
        return FALSE;
    *Index = (ULONG)__builtin_ctzll(Mask);
    return TRUE;
}
FORCEINLINE UCHAR BitScanReverse64(ULONG *Index, ULONG64 Mask)
{
    if (Mask == 0)
        return FALSE;
    *Index = 63 - (ULONG)__builtin_clzll(Mask);
    return TRUE;
}
#define _BitScanForward BitScanForward
#define _BitScanReverse BitScanReverse
#define _BitScanForward64 BitScanForward64
#define _BitScanReverse64 BitScanReverse64
#define BitTest(Base, Offset) ((UCHAR)((*(const LONG *)(Base) >> (Offset)) & 1))
#define PopulationCount64(operand) ((ULONG64)__builtin_popcountll(operand))
#define RotateLeft8(value, shift) __builtin_rotateleft8((value), (shift))
#define RotateLeft16(value, shift) __builtin_rotateleft16((value), (shift))
#define RotateLeft32(value, shift) __builtin_rotateleft32((value), (shift))
#define RotateLeft64(value, shift) __builtin_rotateleft64((value), (shift))
#define RotateRight32(value, shift) __builtin_rotateright32((value), (shift))
#define RotateRight64(value, shift) __builtin_rotateright64((value), (shift))
#define UnsignedMultiplyHigh(a, b) ((ULONG64)(((unsigned __int128)(a) * (unsigned __int128)(b)) >> 64))
FORCEINLINE ULONG64 UnsignedMultiply128(ULONG64 Multiplier, ULONG64 Multiplicand, ULONG64 *HighProduct)
{
    unsigned __int128 product = (unsigned __int128)Multiplier * Multiplicand;

    *HighProduct = (ULONG64)(product >> 64);
    return (ULONG64)product;
}
#define ReadTimeStampCounter() __builtin_ia32_rdtsc()
#define PreFetchCacheLine(level, address) __builtin_prefetch((const void *)(address))
#define PrefetchForWrite(address) __builtin_prefetch((const void *)(address), 1)

#endif
