// SPDX-License-Identifier: MIT
// passthru's chimney for mux_test.c: its very sources, in this program instead of a driver's image.
#include "../../../drivers/passthru/offload.c"
#include "../../../drivers/passthru/offload_data.c"
#include "../../../drivers/passthru/offload_entry.c"
#include "../../../drivers/passthru/offload_gate.c"
