// SPDX-License-Identifier: MIT
// The kit of tests/flow/ndis; provider.c makes an NDK provider of its miniport.
#include "../ndis/kit.c"
