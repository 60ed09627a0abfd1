// SPDX-License-Identifier: MIT
// A mandatory filter comes and goes: NDIS unbinds every protocol, changes the stack, and binds them again in their order; without the
// filter, none. An optional one comes and goes beneath protocols that stay bound. [network/mandatory-filter-drivers]
#include <stdlib.h>

#include "harness/harness.h"
#include "kit.h"

static void
sends_go_through(uint32_t filter_sends)
{
    uint32_t before = kit.filter_sends, completed = kit.binding[1].completed;
    kit.mp.completion = KIT_INLINE;
    kit_send(&kit.binding[1], kit_nbl(&kit.binding[1], 7, 100));
    ck_assert_uint_eq(kit.binding[1].completed, completed + 1);
    ck_assert_int_eq(kit.binding[1].last_status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.filter_sends, before + filter_sends);
}

static void
mandatory_goes_and_comes(void)
{
    kit_start(true, 2);
    ck_assert_uint_eq(kit.binds, 2);
    ndis_filter_mandatory_set(kit.box, "lwf", true);
    ck_assert_int_eq(ndis_adapter_detach_filter(kit.adapter, "lwf"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.unbinds, 2);
    ck_assert_uint_eq(kit.binds, 4);
    ck_assert_uint_eq(kit.binding[0].protocol, 0);        // in their order again
    ck_assert_uint_eq(kit.binding[1].protocol, 1);
    sends_go_through(0);
    ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "lwf"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.unbinds, 4);
    ck_assert_uint_eq(kit.binds, 6);
    sends_go_through(1);
}

TEST(a_mandatory_filter_comes_and_goes_while_no_protocol_is_bound)
{
    kit_run(SIM_CALM, mandatory_goes_and_comes);
}

static void
optional_goes_and_comes(void)
{
    kit_start(true, 2);
    ck_assert_int_eq(ndis_adapter_detach_filter(kit.adapter, "lwf"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "lwf"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.unbinds, 0);
    ck_assert_uint_eq(kit.binds, 2);
    sends_go_through(1);
}

TEST(an_optional_filter_comes_and_goes_beneath_protocols_that_stay)
{
    kit_run(SIM_CALM, optional_goes_and_comes);
}

static void
mandatory_fails(void)
{
    kit_start(false, 2);
    ndis_filter_mandatory_set(kit.box, "lwf", true);
    kit.filter_refuses = true;
    ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "lwf"), NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(kit.unbinds, 2);
    ck_assert_uint_eq(kit.binds, 2);
    ck_assert(!ndis_adapter_is_running(kit.adapter));
}

TEST(protocols_stay_unbound_when_a_mandatory_filter_does_not_attach)
{
    kit_run(SIM_CALM, mandatory_fails);
}

static void
optional_fails(void)
{
    kit_start(false, 2);
    kit.filter_refuses = true;
    ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "lwf"), NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(kit.unbinds, 0);
    ck_assert(ndis_adapter_is_running(kit.adapter));
    sends_go_through(0);
}

TEST(a_stack_runs_on_when_an_optional_filter_does_not_attach)
{
    kit_run(SIM_CALM, optional_fails);
}
