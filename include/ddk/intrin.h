// SPDX-License-Identifier: MIT
// Microsoft's intrinsics as far as kernel drivers name them; the processor's vector types come from the compiler.
//
// It stands before the compiler's own intrin.h, which only serves Windows targets.
#ifndef NBX_DDK_INTRIN_H
#define NBX_DDK_INTRIN_H

#include <immintrin.h>

#include "wdm/bits.h"
#include "wdm/interlocked.h"

#define __cpuid(info, leaf) __asm__ volatile("cpuid" : "=a"((info)[0]), "=b"((info)[1]), "=c"((info)[2]), "=d"((info)[3]) : "a"(leaf), "c"(0))
#define __cpuidex(info, leaf, subleaf) \
    __asm__ volatile("cpuid" : "=a"((info)[0]), "=b"((info)[1]), "=c"((info)[2]), "=d"((info)[3]) : "a"(leaf), "c"(subleaf))
#define _InterlockedIncrement InterlockedIncrement
#define _InterlockedDecrement InterlockedDecrement
#define _InterlockedExchange InterlockedExchange
#define _InterlockedCompareExchange InterlockedCompareExchange
#define _InterlockedCompareExchange64 InterlockedCompareExchange64
#define _InterlockedExchangeAdd InterlockedExchangeAdd
#define _InterlockedOr InterlockedOr
#define _InterlockedAnd InterlockedAnd

#endif
