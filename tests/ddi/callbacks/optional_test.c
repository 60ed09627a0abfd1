// SPDX-License-Identifier: MIT
// NdisSetOptionalHandlers: what may be set, by whom and when; what is refused with a status, and what by name.
#include "witness.h"

#include "nbx/fault.h"

static NDIS_STATUS said[4];
static NDIS_OBJECT_HEADER offered;
static bool once_over;                        // the driver is to come up all the same

static NDIS_STATUS
offer(NDIS_HANDLE handle, UCHAR type)
{
    NDIS_OBJECT_HEADER header = {type, 1, sizeof(NDIS_FILTER_PARTIAL_CHARACTERISTICS)};
    return NdisSetOptionalHandlers(handle, &header);
}

// ---- a filter module ----------------------------------------------------------------------------------------------------------------

static void
filter_partial(NDIS_FILTER_PARTIAL_CHARACTERISTICS *partial)
{
    *partial = (NDIS_FILTER_PARTIAL_CHARACTERISTICS){.Header = {NDIS_OBJECT_TYPE_FILTER_PARTIAL_CHARACTERISTICS,
                                                                NDIS_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1,
                                                                NDIS_SIZEOF_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1}};
}

static NTAPI NDIS_STATUS
options_in_every_way(NDIS_HANDLE context)
{
    NDIS_HANDLE module = w_filter_of(context)->module;
    NDIS_FILTER_PARTIAL_CHARACTERISTICS partial;
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    struct nbx_fault_report report;
    filter_partial(&partial);
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    ck_assert_int_eq(NdisSetOptionalHandlers(module, &partial.Header), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
    partial.Header.Size--;
    ck_assert_int_eq(NdisSetOptionalHandlers(module, &partial.Header), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisSetOptionalHandlers(module, NULL), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisSetOptionalHandlers(NULL, &partial.Header), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(offer(module, NDIS_OBJECT_TYPE_DEFAULT), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(offer(module, NDIS_OBJECT_TYPE_MINIPORT_SS_CHARACTERISTICS), NDIS_STATUS_FAILURE);
    // Refused, each time: the handlers are those that were registered. Now none of them.
    if (!once_over)
        return NDIS_STATUS_SUCCESS;
    filter_partial(&partial);
    ck_assert_int_eq(NdisSetOptionalHandlers(module, &partial.Header), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

static void
module_sets(void)
{
    w_start(1, 1);
    NdisSendNetBufferLists(w.protocol[0].binding, w_nbl(&w.protocol[0], 1), 0, 0);
    ck_assert_uint_eq(w_count("FilterSendNetBufferLists"), 1);
    once_over = true;
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    w_forget();
    NdisSendNetBufferLists(w.protocol[0].binding, w_nbl(&w.protocol[0], 1), 0, 0);
    ck_assert_uint_eq(w_count("FilterSendNetBufferLists"), 0);
    ck_assert_uint_eq(w_count("MiniportSendNetBufferLists"), 1);
    ck_assert_uint_eq(w_count("FilterSendNetBufferListsComplete"), 0);
    ck_assert_uint_eq(w_count("ProtocolSendNetBufferListsComplete"), 1);
    NDIS_FILTER_PARTIAL_CHARACTERISTICS partial;
    filter_partial(&partial);
    ck_assert_int_eq(NdisSetOptionalHandlers(w.filter[0].module, &partial.Header), NDIS_STATUS_FAILURE);   // not now
}

TEST(NdisSetOptionalHandlers_of_a_filter_module_bypasses_it_from_the_restart_on_and_refusals_change_nothing)
{
    w_own.module_options = options_in_every_way;
    w_run(1, module_sets);
}

// ---- drivers, each in its SetOptions and outside --------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
miniport_offers(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    said[0] = NdisSetOptionalHandlers(handle, &offered);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
filter_offers(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    said[1] = NdisSetOptionalHandlers(handle, &offered);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
protocol_offers(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    said[2] = NdisSetOptionalHandlers(handle, &offered);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
module_offers(NDIS_HANDLE context)
{
    said[3] = NdisSetOptionalHandlers(w_filter_of(context)->module, &offered);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
bind_offers(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    NDIS_STATUS status = w_bind(context, bind, parameters);
    NdisSetOptionalHandlers(w.protocol[0].binding, &offered);
    return status;
}

static void
nothing_fits(void)
{
    static const UCHAR types[] = {NDIS_OBJECT_TYPE_MINIPORT_SS_CHARACTERISTICS, NDIS_OBJECT_TYPE_CO_CLIENT_OPTIONAL_HANDLERS,
                                  NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, NDIS_OBJECT_TYPE_FILTER_PARTIAL_CHARACTERISTICS};
    w_start(1, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(said[i], NDIS_STATUS_FAILURE);
    // Outside SetOptions no driver may, whatever it is.
    NDIS_HANDLE handles[] = {w.mp_driver, w.protocol[0].driver, w.filter[0].driver, w.filter[0].module, w.protocol[0].binding, w.mp};
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
        for (size_t k = 0; k < sizeof types; k++)
            ck_assert_int_eq(offer(handles[i], types[k]), NDIS_STATUS_FAILURE);
}

TEST(NdisSetOptionalHandlers_with_the_wrong_structure_or_at_the_wrong_time_fails)
{
    offered = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_FILTER_PARTIAL_CHARACTERISTICS, 1, 64};
    w_own.mp_options = miniport_offers;
    w_own.filter_options = filter_offers;
    w_own.protocol_options = protocol_offers;
    w_run(1, nothing_fits);
}

static void
start_all(void)
{
    w_start(1, 1);
}

static void
run_all(void)
{
    w_run(1, start_all);
}

static void
is_refused(UCHAR type, const char *name)
{
    offered = (NDIS_OBJECT_HEADER){type, 1, 64};
    harness_reported(name, run_all);
}

TEST(NdisSetOptionalHandlers_names_what_a_miniport_driver_offers_and_is_not_provided)
{
    w_own.mp_options = miniport_offers;
    is_refused(NDIS_OBJECT_TYPE_MINIPORT_SS_CHARACTERISTICS, "NDIS_MINIPORT_SS_CHARACTERISTICS");
    is_refused(NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS, "NDIS_MINIPORT_PNP_CHARACTERISTICS");
    is_refused(NDIS_OBJECT_TYPE_CO_MINIPORT_CHARACTERISTICS, "NDIS_MINIPORT_CO_CHARACTERISTICS");
    is_refused(NDIS_OBJECT_TYPE_CO_CALL_MANAGER_OPTIONAL_HANDLERS, "NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS");
    is_refused(NDIS_OBJECT_TYPE_SHARED_MEMORY_PROVIDER_CHARACTERISTICS, "NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS");
}

TEST(NdisSetOptionalHandlers_names_what_a_protocol_driver_offers_and_is_not_provided)
{
    w_own.protocol_options = protocol_offers;
    is_refused(NDIS_OBJECT_TYPE_CO_PROTOCOL_CHARACTERISTICS, "NDIS_PROTOCOL_CO_CHARACTERISTICS");
    is_refused(NDIS_OBJECT_TYPE_CO_CLIENT_OPTIONAL_HANDLERS, "NDIS_CO_CLIENT_OPTIONAL_HANDLERS");
    w_own.protocol_options = NULL;
    w_own.bind = bind_offers;
    is_refused(NDIS_OBJECT_TYPE_CO_CALL_MANAGER_OPTIONAL_HANDLERS, "NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS");
}

TEST(NdisSetOptionalHandlers_names_what_a_filter_module_offers_and_is_not_provided)
{
    w_own.module_options = module_offers;
    is_refused(NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_CHARACTERISTICS, "NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS");
    is_refused(NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, "NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS");
    is_refused(NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, "NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS");
    is_refused(NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, "NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS");
}
