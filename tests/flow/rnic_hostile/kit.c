// SPDX-License-Identifier: MIT
// The kit of tests/flow/rnic_connect, compiled here too.
#include "../rnic_connect/kit.c"
