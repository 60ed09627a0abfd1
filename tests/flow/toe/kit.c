// SPDX-License-Identifier: MIT
// The kit of tests/flow/vnic, compiled here too.
#include "../vnic/kit.c"
