// SPDX-License-Identifier: MIT
// Interlocked operations, ordered and unordered reads and writes, barriers: all over the compiler's atomic builtins.
//
// Plain names are full barriers, Acquire and Release say less, NoFence orders nothing, as Windows defines them
// [wdm/nf-wdm-interlockedexchange and its neighbours]. Increment, Decrement, Add and Xor... return what Windows returns:
// Increment, Decrement and InterlockedAdd the new value, And, Or, Xor, Exchange and ExchangeAdd the old one.
#ifndef NBX_DDK_WDM_INTERLOCKED_H
#define NBX_DDK_WDM_INTERLOCKED_H

#include "../ntdef.h"

FORCEINLINE LONG InterlockedIncrement(LONG volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG InterlockedDecrement(LONG volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG InterlockedCompareExchange(LONG volatile *Destination, LONG ExChange, LONG Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST), Comperand); }
FORCEINLINE LONG InterlockedAdd(LONG volatile *Addend, LONG Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG InterlockedExchange(LONG volatile *Target, LONG Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG InterlockedExchangeAdd(LONG volatile *Addend, LONG Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG InterlockedAnd(LONG volatile *Destination, LONG Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG InterlockedOr(LONG volatile *Destination, LONG Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG InterlockedXor(LONG volatile *Destination, LONG Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG InterlockedIncrementAcquire(LONG volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG InterlockedDecrementAcquire(LONG volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG InterlockedCompareExchangeAcquire(LONG volatile *Destination, LONG ExChange, LONG Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE), Comperand); }
FORCEINLINE LONG InterlockedAddAcquire(LONG volatile *Addend, LONG Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG InterlockedExchangeAcquire(LONG volatile *Target, LONG Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG InterlockedExchangeAddAcquire(LONG volatile *Addend, LONG Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG InterlockedAndAcquire(LONG volatile *Destination, LONG Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG InterlockedOrAcquire(LONG volatile *Destination, LONG Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG InterlockedXorAcquire(LONG volatile *Destination, LONG Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG InterlockedIncrementRelease(LONG volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_RELEASE); }
FORCEINLINE LONG InterlockedDecrementRelease(LONG volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_RELEASE); }
FORCEINLINE LONG InterlockedCompareExchangeRelease(LONG volatile *Destination, LONG ExChange, LONG Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED), Comperand); }
FORCEINLINE LONG InterlockedAddRelease(LONG volatile *Addend, LONG Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG InterlockedExchangeRelease(LONG volatile *Target, LONG Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG InterlockedExchangeAddRelease(LONG volatile *Addend, LONG Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG InterlockedAndRelease(LONG volatile *Destination, LONG Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG InterlockedOrRelease(LONG volatile *Destination, LONG Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG InterlockedXorRelease(LONG volatile *Destination, LONG Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG InterlockedIncrementNoFence(LONG volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_RELAXED); }
FORCEINLINE LONG InterlockedDecrementNoFence(LONG volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_RELAXED); }
FORCEINLINE LONG InterlockedCompareExchangeNoFence(LONG volatile *Destination, LONG ExChange, LONG Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED), Comperand); }
FORCEINLINE LONG InterlockedAddNoFence(LONG volatile *Addend, LONG Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG InterlockedExchangeNoFence(LONG volatile *Target, LONG Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG InterlockedExchangeAddNoFence(LONG volatile *Addend, LONG Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG InterlockedAndNoFence(LONG volatile *Destination, LONG Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG InterlockedOrNoFence(LONG volatile *Destination, LONG Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG InterlockedXorNoFence(LONG volatile *Destination, LONG Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 InterlockedIncrement64(LONG64 volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG64 InterlockedDecrement64(LONG64 volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG64 InterlockedCompareExchange64(LONG64 volatile *Destination, LONG64 ExChange, LONG64 Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST), Comperand); }
FORCEINLINE LONG64 InterlockedAdd64(LONG64 volatile *Addend, LONG64 Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG64 InterlockedExchange64(LONG64 volatile *Target, LONG64 Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG64 InterlockedExchangeAdd64(LONG64 volatile *Addend, LONG64 Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG64 InterlockedAnd64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG64 InterlockedOr64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG64 InterlockedXor64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE LONG64 InterlockedIncrementAcquire64(LONG64 volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG64 InterlockedDecrementAcquire64(LONG64 volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG64 InterlockedCompareExchangeAcquire64(LONG64 volatile *Destination, LONG64 ExChange, LONG64 Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE), Comperand); }
FORCEINLINE LONG64 InterlockedAddAcquire64(LONG64 volatile *Addend, LONG64 Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG64 InterlockedExchangeAcquire64(LONG64 volatile *Target, LONG64 Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG64 InterlockedExchangeAddAcquire64(LONG64 volatile *Addend, LONG64 Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG64 InterlockedAndAcquire64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG64 InterlockedOrAcquire64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG64 InterlockedXorAcquire64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG64 InterlockedIncrementRelease64(LONG64 volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_RELEASE); }
FORCEINLINE LONG64 InterlockedDecrementRelease64(LONG64 volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_RELEASE); }
FORCEINLINE LONG64 InterlockedCompareExchangeRelease64(LONG64 volatile *Destination, LONG64 ExChange, LONG64 Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED), Comperand); }
FORCEINLINE LONG64 InterlockedAddRelease64(LONG64 volatile *Addend, LONG64 Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG64 InterlockedExchangeRelease64(LONG64 volatile *Target, LONG64 Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG64 InterlockedExchangeAddRelease64(LONG64 volatile *Addend, LONG64 Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG64 InterlockedAndRelease64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG64 InterlockedOrRelease64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG64 InterlockedXorRelease64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE LONG64 InterlockedIncrementNoFence64(LONG64 volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 InterlockedDecrementNoFence64(LONG64 volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 InterlockedCompareExchangeNoFence64(LONG64 volatile *Destination, LONG64 ExChange, LONG64 Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED), Comperand); }
FORCEINLINE LONG64 InterlockedAddNoFence64(LONG64 volatile *Addend, LONG64 Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 InterlockedExchangeNoFence64(LONG64 volatile *Target, LONG64 Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 InterlockedExchangeAddNoFence64(LONG64 volatile *Addend, LONG64 Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 InterlockedAndNoFence64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 InterlockedOrNoFence64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 InterlockedXorNoFence64(LONG64 volatile *Destination, LONG64 Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE SHORT InterlockedIncrement16(SHORT volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST); }
FORCEINLINE SHORT InterlockedDecrement16(SHORT volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST); }
FORCEINLINE SHORT InterlockedCompareExchange16(SHORT volatile *Destination, SHORT ExChange, SHORT Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST), Comperand); }
FORCEINLINE SHORT InterlockedAdd16(SHORT volatile *Addend, SHORT Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE SHORT InterlockedExchange16(SHORT volatile *Target, SHORT Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE SHORT InterlockedExchangeAdd16(SHORT volatile *Addend, SHORT Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE SHORT InterlockedAnd16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE SHORT InterlockedOr16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE SHORT InterlockedXor16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE SHORT InterlockedIncrementAcquire16(SHORT volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_ACQUIRE); }
FORCEINLINE SHORT InterlockedDecrementAcquire16(SHORT volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_ACQUIRE); }
FORCEINLINE SHORT InterlockedCompareExchangeAcquire16(SHORT volatile *Destination, SHORT ExChange, SHORT Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE), Comperand); }
FORCEINLINE SHORT InterlockedAddAcquire16(SHORT volatile *Addend, SHORT Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE SHORT InterlockedExchangeAcquire16(SHORT volatile *Target, SHORT Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE SHORT InterlockedExchangeAddAcquire16(SHORT volatile *Addend, SHORT Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE SHORT InterlockedAndAcquire16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE SHORT InterlockedOrAcquire16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE SHORT InterlockedXorAcquire16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE SHORT InterlockedIncrementRelease16(SHORT volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_RELEASE); }
FORCEINLINE SHORT InterlockedDecrementRelease16(SHORT volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_RELEASE); }
FORCEINLINE SHORT InterlockedCompareExchangeRelease16(SHORT volatile *Destination, SHORT ExChange, SHORT Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED), Comperand); }
FORCEINLINE SHORT InterlockedAddRelease16(SHORT volatile *Addend, SHORT Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_RELEASE); }
FORCEINLINE SHORT InterlockedExchangeRelease16(SHORT volatile *Target, SHORT Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_RELEASE); }
FORCEINLINE SHORT InterlockedExchangeAddRelease16(SHORT volatile *Addend, SHORT Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_RELEASE); }
FORCEINLINE SHORT InterlockedAndRelease16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE SHORT InterlockedOrRelease16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE SHORT InterlockedXorRelease16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE SHORT InterlockedIncrementNoFence16(SHORT volatile *Addend) { return __atomic_add_fetch(Addend, 1, __ATOMIC_RELAXED); }
FORCEINLINE SHORT InterlockedDecrementNoFence16(SHORT volatile *Addend) { return __atomic_sub_fetch(Addend, 1, __ATOMIC_RELAXED); }
FORCEINLINE SHORT InterlockedCompareExchangeNoFence16(SHORT volatile *Destination, SHORT ExChange, SHORT Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED), Comperand); }
FORCEINLINE SHORT InterlockedAddNoFence16(SHORT volatile *Addend, SHORT Value) { return __atomic_add_fetch(Addend, Value, __ATOMIC_RELAXED); }
FORCEINLINE SHORT InterlockedExchangeNoFence16(SHORT volatile *Target, SHORT Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_RELAXED); }
FORCEINLINE SHORT InterlockedExchangeAddNoFence16(SHORT volatile *Addend, SHORT Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_RELAXED); }
FORCEINLINE SHORT InterlockedAndNoFence16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE SHORT InterlockedOrNoFence16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE SHORT InterlockedXorNoFence16(SHORT volatile *Destination, SHORT Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE CHAR InterlockedExchange8(CHAR volatile *Target, CHAR Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE CHAR InterlockedExchangeAdd8(CHAR volatile *Addend, CHAR Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE CHAR InterlockedAnd8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE CHAR InterlockedOr8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE CHAR InterlockedXor8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE CHAR InterlockedExchangeAcquire8(CHAR volatile *Target, CHAR Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE CHAR InterlockedExchangeAddAcquire8(CHAR volatile *Addend, CHAR Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE CHAR InterlockedAndAcquire8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE CHAR InterlockedOrAcquire8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE CHAR InterlockedXorAcquire8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE CHAR InterlockedExchangeRelease8(CHAR volatile *Target, CHAR Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_RELEASE); }
FORCEINLINE CHAR InterlockedExchangeAddRelease8(CHAR volatile *Addend, CHAR Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_RELEASE); }
FORCEINLINE CHAR InterlockedAndRelease8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE CHAR InterlockedOrRelease8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE CHAR InterlockedXorRelease8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE CHAR InterlockedExchangeNoFence8(CHAR volatile *Target, CHAR Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_RELAXED); }
FORCEINLINE CHAR InterlockedExchangeAddNoFence8(CHAR volatile *Addend, CHAR Value) { return __atomic_fetch_add(Addend, Value, __ATOMIC_RELAXED); }
FORCEINLINE CHAR InterlockedAndNoFence8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_and(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE CHAR InterlockedOrNoFence8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_or(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE CHAR InterlockedXorNoFence8(CHAR volatile *Destination, CHAR Value) { return __atomic_fetch_xor(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE PVOID InterlockedExchangePointer(PVOID volatile *Target, PVOID Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST); }
FORCEINLINE PVOID InterlockedCompareExchangePointer(PVOID volatile *Destination, PVOID ExChange, PVOID Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST), Comperand); }
FORCEINLINE PVOID InterlockedExchangePointerAcquire(PVOID volatile *Target, PVOID Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_ACQUIRE); }
FORCEINLINE PVOID InterlockedCompareExchangePointerAcquire(PVOID volatile *Destination, PVOID ExChange, PVOID Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE), Comperand); }
FORCEINLINE PVOID InterlockedCompareExchangePointerRelease(PVOID volatile *Destination, PVOID ExChange, PVOID Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED), Comperand); }
FORCEINLINE PVOID InterlockedExchangePointerNoFence(PVOID volatile *Target, PVOID Value) { return __atomic_exchange_n(Target, Value, __ATOMIC_RELAXED); }
FORCEINLINE PVOID InterlockedCompareExchangePointerNoFence(PVOID volatile *Destination, PVOID ExChange, PVOID Comperand) { return (__atomic_compare_exchange_n(Destination, &Comperand, ExChange, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED), Comperand); }
// A macro, because drivers ask with #ifndef whether they must bring their own.
#define InterlockedExchangePointerRelease(Target, Value) __atomic_exchange_n((PVOID volatile *)(Target), (PVOID)(Value), __ATOMIC_RELEASE)

// Windows spells these two with casts, so that a PMDL volatile * or any other pointer to pointer is taken.
#define InterlockedExchangePointer(Target, Value) InterlockedExchangePointer((PVOID volatile *)(Target), (PVOID)(Value))
#define InterlockedCompareExchangePointer(Destination, ExChange, Comperand) InterlockedCompareExchangePointer((PVOID volatile *)(Destination), (PVOID)(ExChange), (PVOID)(Comperand))

FORCEINLINE UCHAR InterlockedBitTestAndSet(LONG volatile *Base, LONG Bit) { ULONG mask = (ULONG)1 << (Bit & 31); return (UCHAR)((__atomic_fetch_or((ULONG volatile *)Base + (Bit >> 5), mask, __ATOMIC_SEQ_CST) & mask) != 0); }
FORCEINLINE UCHAR InterlockedBitTestAndReset(LONG volatile *Base, LONG Bit) { ULONG mask = (ULONG)1 << (Bit & 31); return (UCHAR)((__atomic_fetch_and((ULONG volatile *)Base + (Bit >> 5), ~mask, __ATOMIC_SEQ_CST) & mask) != 0); }
FORCEINLINE UCHAR InterlockedBitTestAndSet64(LONG64 volatile *Base, LONG64 Bit) { ULONG64 mask = (ULONG64)1 << (Bit & 63); return (UCHAR)((__atomic_fetch_or((ULONG64 volatile *)Base + (Bit >> 6), mask, __ATOMIC_SEQ_CST) & mask) != 0); }
FORCEINLINE UCHAR InterlockedBitTestAndReset64(LONG64 volatile *Base, LONG64 Bit) { ULONG64 mask = (ULONG64)1 << (Bit & 63); return (UCHAR)((__atomic_fetch_and((ULONG64 volatile *)Base + (Bit >> 6), ~mask, __ATOMIC_SEQ_CST) & mask) != 0); }

FORCEINLINE LONG ReadAcquire(LONG const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG ReadNoFence(LONG const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE LONG ReadRaw(LONG const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteRelease(LONG volatile *Destination, LONG Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteNoFence(LONG volatile *Destination, LONG Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteRaw(LONG volatile *Destination, LONG Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE CHAR ReadAcquire8(CHAR const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE CHAR ReadNoFence8(CHAR const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE CHAR ReadRaw8(CHAR const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteRelease8(CHAR volatile *Destination, CHAR Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteNoFence8(CHAR volatile *Destination, CHAR Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteRaw8(CHAR volatile *Destination, CHAR Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE SHORT ReadAcquire16(SHORT const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE SHORT ReadNoFence16(SHORT const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE SHORT ReadRaw16(SHORT const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteRelease16(SHORT volatile *Destination, SHORT Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteNoFence16(SHORT volatile *Destination, SHORT Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteRaw16(SHORT volatile *Destination, SHORT Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 ReadAcquire64(LONG64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE LONG64 ReadNoFence64(LONG64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE LONG64 ReadRaw64(LONG64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteRelease64(LONG64 volatile *Destination, LONG64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteNoFence64(LONG64 volatile *Destination, LONG64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteRaw64(LONG64 volatile *Destination, LONG64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE BOOLEAN ReadBooleanAcquire(BOOLEAN const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE BOOLEAN ReadBooleanNoFence(BOOLEAN const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE BOOLEAN ReadBooleanRaw(BOOLEAN const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteBooleanRelease(BOOLEAN volatile *Destination, BOOLEAN Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteBooleanNoFence(BOOLEAN volatile *Destination, BOOLEAN Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteBooleanRaw(BOOLEAN volatile *Destination, BOOLEAN Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE UCHAR ReadUCharAcquire(UCHAR const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE UCHAR ReadUCharNoFence(UCHAR const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE UCHAR ReadUCharRaw(UCHAR const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteUCharRelease(UCHAR volatile *Destination, UCHAR Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteUCharNoFence(UCHAR volatile *Destination, UCHAR Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteUCharRaw(UCHAR volatile *Destination, UCHAR Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE USHORT ReadUShortAcquire(USHORT const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE USHORT ReadUShortNoFence(USHORT const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE USHORT ReadUShortRaw(USHORT const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteUShortRelease(USHORT volatile *Destination, USHORT Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteUShortNoFence(USHORT volatile *Destination, USHORT Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteUShortRaw(USHORT volatile *Destination, USHORT Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE ULONG ReadULongAcquire(ULONG const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE ULONG ReadULongNoFence(ULONG const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE ULONG ReadULongRaw(ULONG const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteULongRelease(ULONG volatile *Destination, ULONG Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteULongNoFence(ULONG volatile *Destination, ULONG Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteULongRaw(ULONG volatile *Destination, ULONG Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE ULONG64 ReadULong64Acquire(ULONG64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE ULONG64 ReadULong64NoFence(ULONG64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE ULONG64 ReadULong64Raw(ULONG64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteULong64Release(ULONG64 volatile *Destination, ULONG64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteULong64NoFence(ULONG64 volatile *Destination, ULONG64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteULong64Raw(ULONG64 volatile *Destination, ULONG64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE INT32 ReadInt32Acquire(INT32 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE INT32 ReadInt32NoFence(INT32 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE INT32 ReadInt32Raw(INT32 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteInt32Release(INT32 volatile *Destination, INT32 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteInt32NoFence(INT32 volatile *Destination, INT32 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteInt32Raw(INT32 volatile *Destination, INT32 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE UINT32 ReadUInt32Acquire(UINT32 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE UINT32 ReadUInt32NoFence(UINT32 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE UINT32 ReadUInt32Raw(UINT32 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteUInt32Release(UINT32 volatile *Destination, UINT32 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteUInt32NoFence(UINT32 volatile *Destination, UINT32 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteUInt32Raw(UINT32 volatile *Destination, UINT32 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE INT64 ReadInt64Acquire(INT64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE INT64 ReadInt64NoFence(INT64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE INT64 ReadInt64Raw(INT64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteInt64Release(INT64 volatile *Destination, INT64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteInt64NoFence(INT64 volatile *Destination, INT64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteInt64Raw(INT64 volatile *Destination, INT64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE UINT64 ReadUInt64Acquire(UINT64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE UINT64 ReadUInt64NoFence(UINT64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE UINT64 ReadUInt64Raw(UINT64 const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteUInt64Release(UINT64 volatile *Destination, UINT64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteUInt64NoFence(UINT64 volatile *Destination, UINT64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteUInt64Raw(UINT64 volatile *Destination, UINT64 Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE HANDLE ReadHandleAcquire(HANDLE const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE HANDLE ReadHandleNoFence(HANDLE const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE HANDLE ReadHandleRaw(HANDLE const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteHandleRelease(HANDLE volatile *Destination, HANDLE Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WriteHandleNoFence(HANDLE volatile *Destination, HANDLE Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WriteHandleRaw(HANDLE volatile *Destination, HANDLE Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE PVOID ReadPointerAcquire(PVOID const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_ACQUIRE); }
FORCEINLINE PVOID ReadPointerNoFence(PVOID const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE PVOID ReadPointerRaw(PVOID const volatile *Source) { return __atomic_load_n(Source, __ATOMIC_RELAXED); }
FORCEINLINE VOID WritePointerRelease(PVOID volatile *Destination, PVOID Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); }
FORCEINLINE VOID WritePointerNoFence(PVOID volatile *Destination, PVOID Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }
FORCEINLINE VOID WritePointerRaw(PVOID volatile *Destination, PVOID Value) { __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); }

#define MemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define YieldProcessor() __builtin_ia32_pause()
#define _ReadWriteBarrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define _ReadBarrier() __atomic_signal_fence(__ATOMIC_ACQUIRE)
#define _WriteBarrier() __atomic_signal_fence(__ATOMIC_RELEASE)

#endif
