// SPDX-License-Identifier: MIT
// Their hosts, compiled here too.
#include "../../flow/rnic_connect/host.c"
