// SPDX-License-Identifier: MIT
// The hosts of tests/flow/rnic_connect, compiled here too.
#include "../rnic_connect/host.c"
