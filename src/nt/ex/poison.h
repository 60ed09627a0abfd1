// SPDX-License-Identifier: MIT
// Tell ASan that memory which lies in a cache of ours is not to be touched. Nothing in other builds.
#ifndef NBX_NT_EX_POISON_H
#define NBX_NT_EX_POISON_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define EX_POISON(at, bytes) __asan_poison_memory_region(at, bytes)
#define EX_UNPOISON(at, bytes) __asan_unpoison_memory_region(at, bytes)
#endif
#endif
#ifndef EX_POISON
#define EX_POISON(at, bytes) ((void)(at), (void)(bytes))
#define EX_UNPOISON(at, bytes) ((void)(at), (void)(bytes))
#endif

#endif
