// SPDX-License-Identifier: MIT
// The stack of tests/flow/ndis with hardware: a device for nic0, made before the adapter and taken away after it.
//   hw_run(seed, config, fn)    fn runs with hw.device there; the adapter is fn's to start (kit_start)
//   hw_reported(config, fn, words)   the same in a process of its own, which must end with a finding that says words
#ifndef NBX_TESTS_DDI_HARDWARE_HW_H
#define NBX_TESTS_DDI_HARDWARE_HW_H

#include <nbx/device.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"

struct hw {
    struct nbx_device *device;
};

extern struct hw hw;

void hw_run(uint64_t seed, const struct nbx_device_config *config, void (*fn)(void));
void hw_reported(const struct nbx_device_config *config, void (*fn)(void), const char *words);
// Let others run until *word has reached value (at least); gives up after a simulated second.
void hw_wait(const _Atomic uint32_t *word, uint32_t value);
// Let everything that is due happen.
void hw_settle(void);

#endif
