// SPDX-License-Identifier: MIT
// The functions of intermediate drivers, each return value and promise of their pages.
// [ndis/nf-ndis-ndisiminitializedeviceinstanceex], [ndis/nf-ndis-ndisimcancelinitializedeviceinstance],
// [ndis/nf-ndis-ndisimdeinitializedeviceinstance], [ndis/nf-ndis-ndisimgetbindingcontext], [ndis/nf-ndis-ndisimassociateminiport]
#include <string.h>

#include "harness/harness.h"
#include "im_kit.h"

static void
ask_first(void)
{
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(im.virtual[0].initializes, 0);         // not inside the bind: later, on the PnP thread
}

static void
deinitialize_first(uint32_t which)
{
    if (im.virtual[0].handle)
        ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(im.virtual[0].handle), NDIS_STATUS_SUCCESS);
}

// One virtual miniport over mp's adapter, running, with this many protocol bindings on it.
static void
one_up(uint32_t bindings)
{
    im.on_bind = ask_first;
    im.on_unbind = deinitialize_first;
    kit_start(false, 0);
    im_load(1);
    im_bind(kit.adapter);
    im_stand(0, bindings);
}

// ---- NdisIMInitializeDeviceInstanceEx -----------------------------------------------------------------------------------------------

static void
initialises(void)
{
    struct im_virtual *v = &im.virtual[0];
    one_up(1);
    ck_assert_uint_eq(v->initializes, 1);
    ck_assert_ptr_eq(v->context_seen, v);
    ck_assert_ptr_eq(v->handle, v->adapter);
    ck_assert_uint_eq(v->changes, 1);
    ck_assert_uint_ne(v->if_index, 0);
    ck_assert_uint_eq(v->restarts, 1);
    ck_assert_ptr_eq(ndis_adapter_find(kit.box, "v0"), v->adapter);
    ck_assert(ndis_adapter_is_running(v->adapter));
    ck_assert(kit.binding[0].in_use);
    im_end();
}
TEST(NdisIMInitializeDeviceInstanceEx_initialises_the_device_of_that_name_with_its_context)
{
    kit_run(SIM_CALM, initialises);
}

static void
already(void)
{
    kit_start(false, 0);
    im_load(1);
    static WCHAR elsewhere[] = L"\\Device\\{not declared}";
    UNICODE_STRING name = {sizeof elsewhere - sizeof(WCHAR), sizeof elsewhere, elsewhere};
    ck_assert_int_eq(NdisIMInitializeDeviceInstanceEx(im.driver, &name, NULL), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisIMInitializeDeviceInstanceEx(im.driver, &name, NULL), NDIS_STATUS_NOT_ACCEPTED);   // asked for
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_NOT_ACCEPTED);                                                  // up
    ck_assert_uint_eq(im.virtual[0].initializes, 1);
    im_end();
}
TEST(NdisIMInitializeDeviceInstanceEx_does_not_accept_a_device_that_has_been_asked_for)
{
    kit_run(SIM_CALM, already);
}

static void
waits(void)
{
    im_load(1);
    static const char name[] = "\\Device\\{4E425800-0000-4000-8000-000000000002}";   // what the next declared one will be
    struct im_virtual *v = &im.virtual[1];
    for (size_t i = 0; name[i]; i++)
        v->name_buffer[i] = (WCHAR)name[i];
    v->name = (UNICODE_STRING){sizeof name * 2 - 2, sizeof v->name_buffer, v->name_buffer};
    ck_assert_int_eq(im_ask(1), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    ck_assert_uint_eq(v->initializes, 0);                    // no device, no start, no MiniportInitializeEx
    im_declare(1);
    ck_assert_str_eq(v->device_name, name);
    ck_assert_uint_eq(v->initializes, 1);
    ck_assert_ptr_eq(v->context_seen, v);
    ck_assert_ptr_nonnull(v->adapter);
    im_end();
}
TEST(NdisIMInitializeDeviceInstanceEx_waits_for_a_device_that_starts_later)
{
    kit_run(SIM_CALM, waits);
}

static void
lower_case(void)
{
    im_load(1);
    for (WCHAR *at = im.virtual[0].name_buffer; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (WCHAR)(*at + 32) : *at;
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    ck_assert_uint_eq(im.virtual[0].initializes, 1);
    im_end();
}
TEST(NdisIMInitializeDeviceInstanceEx_minds_no_case_in_device_names)
{
    kit_run(SIM_CALM, lower_case);
}

static void
no_context(void)
{
    im_load(1);
    ck_assert_int_eq(NdisIMInitializeDeviceInstanceEx(im.driver, &im.virtual[0].name, NULL), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    ck_assert_uint_eq(im.virtual[0].initializes, 1);
    ck_assert_ptr_null(im.virtual[0].context_seen);
    im_end();
}
TEST(NdisIMInitializeDeviceInstanceEx_takes_a_device_without_a_context)
{
    kit_run(SIM_CALM, no_context);
}

static void
ask_three(void)
{
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_int_eq(im_ask(i), NDIS_STATUS_SUCCESS);
}

static void
several(void)
{
    im.on_bind = ask_three;
    kit_start(false, 0);
    im_load(4);
    im_bind(kit.adapter);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(im.virtual[i].initializes, 1);
        ck_assert_ptr_eq(im.virtual[i].context_seen, &im.virtual[i]);
        ck_assert_uint_ne(im.virtual[i].if_index, im.virtual[(i + 1) % 3].if_index);
    }
    ck_assert_uint_eq(im.virtual[3].initializes, 0);
    ck_assert_ptr_null(im.virtual[3].adapter);
    im_end();
}
TEST(NdisIMInitializeDeviceInstanceEx_makes_one_miniport_for_each_call)
{
    kit_run(SIM_CALM, several);
}

static void
fails_once(void)
{
    struct im_virtual *v = &im.virtual[0];
    im_load(1);
    v->initialize_status = NDIS_STATUS_ADAPTER_NOT_FOUND;
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    ck_assert_uint_eq(v->initializes, 1);
    ck_assert_ptr_null(v->adapter);
    ck_assert_int_eq(v->said, NDIS_STATUS_ADAPTER_NOT_FOUND);
    ck_assert_uint_eq(v->halts, 0);
    v->initialize_status = NDIS_STATUS_SUCCESS;
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    ck_assert_uint_eq(v->initializes, 2);
    ck_assert_ptr_nonnull(v->adapter);
    im_end();
}
TEST(NdisIMInitializeDeviceInstanceEx_may_be_called_again_when_the_miniport_did_not_initialise)
{
    kit_run(SIM_CALM, fails_once);
}

static void
plain_asks(void)
{
    im.is_plain = true;
    im_load(1);
    im_ask(0);
}
static void
plain_asks_run(void)
{
    kit_run(SIM_CALM, plain_asks);
}
TEST(NdisIMInitializeDeviceInstanceEx_is_reported_for_a_driver_that_is_no_intermediate_one)
{
    harness_reported("the driver has not registered with NDIS_INTERMEDIATE_DRIVER", plain_asks_run);
}

// NDIS_INTERMEDIATE_DRIVER: the driver's adapters are those it asks for, none that somebody adds.
static void
not_added(void)
{
    im_load(0);
    struct ndis_adapter_config config = {.name = "nic9", .driver = "imd"};
    struct ndis_adapter *adapter;
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &adapter), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_ptr_null(adapter);
    ck_assert_uint_eq(strlen(im.order), 0);
    im_end();
}
TEST(NdisMRegisterMiniportDriver_with_NDIS_INTERMEDIATE_DRIVER_gets_no_adapter_that_it_has_not_asked_for)
{
    kit_run(SIM_CALM, not_added);
}

// ---- NdisIMCancelInitializeDeviceInstance -------------------------------------------------------------------------------------------

static void
cancels(void)
{
    struct im_virtual *v = &im.virtual[0];
    im_load(1);
    v->name_buffer[10]++;                                    // a device that is not there yet
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisIMCancelInitializeDeviceInstance(im.driver, &v->name), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisIMCancelInitializeDeviceInstance(im.driver, &v->name), NDIS_STATUS_FAILURE);   // nothing to cancel any more
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);        // and it may be asked for again
    ck_assert_int_eq(NdisIMCancelInitializeDeviceInstance(im.driver, &v->name), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    ck_assert_uint_eq(v->initializes, 0);
    im_end();
}
TEST(NdisIMCancelInitializeDeviceInstance_stops_what_has_not_begun)
{
    kit_run(SIM_CALM, cancels);
}

static void
ask_and_cancel(void)
{
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisIMCancelInitializeDeviceInstance(im.driver, &im.virtual[0].name), NDIS_STATUS_SUCCESS);
}

static void
cancels_in_bind(void)
{
    im.on_bind = ask_and_cancel;
    kit_start(false, 0);
    im_load(1);
    im_bind(kit.adapter);
    ck_assert_uint_eq(im.virtual[0].initializes, 0);
    ck_assert_uint_eq(im.virtual[0].changes, 0);
    im_end();
}
TEST(NdisIMCancelInitializeDeviceInstance_holds_for_a_device_that_is_there)
{
    kit_run(SIM_CALM, cancels_in_bind);
}

static void
cancel_inside(struct im_virtual *v)
{
    ck_assert_int_eq(NdisIMCancelInitializeDeviceInstance(im.driver, &v->name), NDIS_STATUS_FAILURE);
}

static void
cannot_cancel(void)
{
    struct im_virtual *v = &im.virtual[0];
    im_load(1);
    ck_assert_int_eq(NdisIMCancelInitializeDeviceInstance(im.driver, &v->name), NDIS_STATUS_FAILURE);   // never asked for
    im.on_initialize = cancel_inside;                        // MiniportInitializeEx has been called
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    ck_assert_int_eq(NdisIMCancelInitializeDeviceInstance(im.driver, &v->name), NDIS_STATUS_FAILURE);   // up
    ck_assert_ptr_nonnull(v->adapter);
    im_end();
}
TEST(NdisIMCancelInitializeDeviceInstance_fails_when_there_is_nothing_to_stop)
{
    kit_run(SIM_CALM, cannot_cancel);
}

static void
forgotten(void)
{
    im_load(1);
    im.virtual[0].name_buffer[10]++;
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    im_end();                                                // unloads: the device may still come
    struct ndis_virtual_config config = {.name = "late", .driver = "imd"};
    char name[64];
    ck_assert_int_eq(ndis_virtual_declare(kit.box, &config, name, sizeof name), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_null(ndis_adapter_find(kit.box, "late"));
}
TEST(NdisMDeregisterMiniportDriver_forgets_devices_that_have_not_come_up)
{
    kit_run(SIM_CALM, forgotten);
}

// ---- NdisIMDeInitializeDeviceInstance -----------------------------------------------------------------------------------------------

static void
halts(void)
{
    struct im_virtual *v = &im.virtual[0];
    one_up(2);
    ck_assert(kit.binding[0].in_use && kit.binding[1].in_use);
    ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(v->handle), NDIS_STATUS_SUCCESS);
    ck_assert(!kit.binding[0].in_use && !kit.binding[1].in_use);   // told to unbind, before
    ck_assert_uint_eq(v->halts, 1);                          // and it is over when the call returns
    ck_assert_int_eq(v->halt_action, NdisHaltDeviceInstanceDeInitialized);
    ck_assert_str_eq(im.order, "IPH");
    ck_assert_ptr_null(v->adapter);
    ck_assert_ptr_null(ndis_adapter_find(kit.box, "v0"));
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);        // the device is still there
    ndis_settle(kit.box);
    ck_assert_uint_eq(v->initializes, 2);
    im_stand(0, 1);
    im_end();
    ck_assert_str_eq(im.order, "IPHIUPH");                   // mp's adapter goes, imd is unbound, and takes its miniport down inside
    ck_assert_int_eq(v->halt_action, NdisHaltDeviceInstanceDeInitialized);
}
TEST(NdisIMDeInitializeDeviceInstance_halts_the_miniport_after_the_protocols_above_have_been_unbound)
{
    kit_run(SIM_CALM, halts);
}

static void
halt_inside(struct im_virtual *v)
{
    ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(v->adapter), NDIS_STATUS_FAILURE);
}

static void
bad_handles(void)
{
    one_up(0);
    NDIS_HANDLE handle = im.virtual[0].handle;
    uint64_t nothing[4] = {0};
    ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(NULL), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(nothing), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(kit.mp.adapter), NDIS_STATUS_FAILURE);   // an adapter with hardware below
    ck_assert(ndis_adapter_is_running(kit.adapter));
    ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(handle), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(handle), NDIS_STATUS_FAILURE);           // gone
    im.on_initialize = halt_inside;
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    ck_assert_ptr_nonnull(im.virtual[0].adapter);
    im_end();
}
TEST(NdisIMDeInitializeDeviceInstance_fails_for_a_handle_that_is_no_virtual_miniport)
{
    kit_run(SIM_CALM, bad_handles);
}

static void
disabled(void)
{
    struct im_virtual *v = &im.virtual[0];
    one_up(1);
    ndis_adapter_remove(v->adapter);                         // somebody disables the device: not the driver's wish
    ck_assert_uint_eq(v->halts, 1);
    ck_assert_int_eq(v->halt_action, NdisHaltDeviceDisabled);
    ck_assert(!kit.binding[0].in_use);
    ck_assert_ptr_null(v->adapter);
    im_end();
    ck_assert_uint_eq(v->halts, 1);
    ck_assert_uint_eq(im.unbinds, 1);
}
TEST(NdisIMDeInitializeDeviceInstance_is_not_what_a_disabled_device_looks_like)
{
    kit_run(SIM_CALM, disabled);
}

// ---- NdisIMGetBindingContext --------------------------------------------------------------------------------------------------------

static void
contexts(void)
{
    one_up(2);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(NdisIMGetBindingContext(kit.binding[0].handle), &im.virtual[0]);
    ck_assert_ptr_eq(NdisIMGetBindingContext(kit.binding[1].handle), &im.virtual[0]);   // the same for all that are bound to it
    ck_assert_ptr_null(NdisIMGetBindingContext(kit.binding[2].handle));                // no virtual miniport below
    ck_assert_ptr_null(NdisIMGetBindingContext(im.binding[0]));
    im_end();
}
TEST(NdisIMGetBindingContext_returns_the_context_of_the_virtual_miniport_below_or_nothing)
{
    kit_run(SIM_CALM, contexts);
}

static void
context_none(void)
{
    im_load(1);
    ck_assert_int_eq(NdisIMInitializeDeviceInstanceEx(im.driver, &im.virtual[0].name, NULL), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
    im_stand(0, 1);
    ck_assert_ptr_null(NdisIMGetBindingContext(kit.binding[0].handle));
    im_end();
}
TEST(NdisIMGetBindingContext_is_NULL_where_the_driver_gave_no_context)
{
    kit_run(SIM_CALM, context_none);
}

// ---- NdisIMAssociateMiniport --------------------------------------------------------------------------------------------------------

static void
sends_through(void)
{
    one_up(1);
    kit.mp.completion = KIT_LATER;
    struct kit_binding *binding = &kit.binding[0];
    for (uint32_t i = 0; i < 8; i++)
        kit_send(binding, kit_nbl(binding, 100 + i, 64));
    ck_assert_uint_eq(kit.mp.sent, 8);
    ck_assert_uint_eq(binding->completed, 0);
    kit_complete_held();
    ck_assert_uint_eq(binding->completed, 8);                // with its own SourceHandle again: the kit looks
    ck_assert_int_eq(binding->last_status, NDIS_STATUS_SUCCESS);
    im_end();
}
TEST(a_list_goes_down_through_an_intermediate_driver_and_comes_back_to_its_sender_as_it_was)
{
    kit_verify = VERIFY_ON;
    kit_run(SIM_CALM, sends_through);
}

static void
associated(void)
{
    struct ndis_edge edges[8];
    one_up(1);
    ck_assert_uint_eq(ndis_adapter_edges(kit.adapter, edges, 8), 2);
    ck_assert_str_eq(edges[1].kind, im.is_alone ? "protocol" : "intermediate");
    ck_assert_str_eq(edges[1].name, "imd");
    ck_assert_uint_eq(ndis_adapter_edges(im.virtual[0].adapter, edges, 8), 2);
    ck_assert_str_eq(edges[0].kind, "miniport");
    ck_assert_str_eq(edges[1].kind, "protocol");
    im_end();
}
static void
not_associated(void)
{
    im.is_alone = true;
    associated();
}
TEST(NdisIMAssociateMiniport_makes_the_two_edges_known_as_one_driver)
{
    kit_run(SIM_CALM, associated);
    memset(&im, 0, sizeof im);
    kit_run(SIM_CALM, not_associated);
}

static void
plain_associates(void)
{
    im.is_plain = true;
    im_load(0);
    NdisIMAssociateMiniport(im.driver, im.protocol);
}
static void
plain_associates_run(void)
{
    kit_run(SIM_CALM, plain_associates);
}
static void
other_handle(void)
{
    im_load(0);
    NdisIMAssociateMiniport(im.driver, im.driver);
}
static void
other_handle_run(void)
{
    kit_run(SIM_CALM, other_handle);
}
TEST(NdisIMAssociateMiniport_is_reported_for_what_are_no_edges_of_an_intermediate_driver)
{
    harness_reported("NdisIMAssociateMiniport", plain_associates_run);
    harness_reported("NdisIMAssociateMiniport (ProtocolHandle)", other_handle_run);
}

// ---- lists through a virtual miniport -------------------------------------------------------------------------------------------------

static void
promiscuous(uint32_t count)
{
    ULONG filter = NDIS_PACKET_TYPE_PROMISCUOUS;
    for (uint32_t i = 0; i < count; i++)
        ck_assert_int_eq(kit_set(&kit.binding[i], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestSetInformation,
        .DATA.SET_INFORMATION = {
            .Oid = OID_GEN_CURRENT_PACKET_FILTER, .InformationBuffer = &filter, .InformationBufferLength = sizeof filter}};
    ck_assert_int_eq(NdisOidRequest(im.binding[0], &request), NDIS_STATUS_SUCCESS);
}

// A list that is shown to several below and to several above: the table below goes through it while the one above does.
static void
shared(void)
{
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 1};
    one_up(2);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);   // a later binding beside imd's
    promiscuous(3);
    kit_indicate(to, 40, 0);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(kit.binding[i].received, 40);
    ck_assert_uint_eq(kit.binding[0].resources, 40);         // imd is lent the list, and so are those above it
    ck_assert_uint_eq(kit.binding[1].resources, 40);
    ck_assert_uint_eq(kit.binding[2].resources, 0);
    ck_assert_uint_eq(kit.mp.returned, 40);
    kit_indicate(to, 40, NDIS_RECEIVE_FLAGS_RESOURCES);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(kit.binding[i].received, 80);
    im_end();
}
TEST(a_list_that_is_lent_to_an_intermediate_driver_may_be_lent_on)
{
    kit_verify = VERIFY_ON;
    kit_run(SIM_CALM, shared);
}

static void
given(void)
{
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 1};
    one_up(2);
    promiscuous(2);
    kit.binding[1].keep = true;
    kit_indicate(to, 10, 0);
    ck_assert_uint_eq(kit.binding[0].received, 10);
    ck_assert_uint_eq(kit.binding[1].received, 10);
    ck_assert_uint_eq(kit.mp.returned, 0);
    kit_return(&kit.binding[1]);
    ck_assert_uint_eq(kit.mp.returned, 10);
    im_end();
}
TEST(a_list_that_is_given_to_an_intermediate_driver_comes_back_through_both_its_edges)
{
    kit_verify = VERIFY_ON;
    kit_run(SIM_CALM, given);
}

// What comes up from below may be a copy that NDIS looped back there; it goes home through the intermediate driver all the same, and
// what NDIS loops back above does not.
static void
looped(void)
{
    one_up(2);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
    promiscuous(2);
    kit_send(&kit.binding[2], kit_nbl(&kit.binding[2], 1, 64));   // beside imd: a copy for imd, and through it for both above
    ck_assert_uint_eq(kit.binding[0].received, 1);
    ck_assert_uint_eq(kit.binding[1].received, 1);
    ck_assert_uint_eq(im.returned, 1);
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 2, 64));   // above: a copy for the other one, which imd never sees
    ck_assert_uint_eq(kit.binding[0].received, 1);
    ck_assert_uint_eq(kit.binding[1].received, 2);
    ck_assert_uint_eq(im.returned, 1);
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 1};
    kit_indicate(to, 5, 0);
    ck_assert_uint_eq(im.returned, 6);
    ck_assert_uint_eq(kit.mp.returned, 5);
    im_end();
}
TEST(a_list_goes_home_through_an_intermediate_driver_that_leaves_its_SourceHandle_alone)
{
    kit_verify = VERIFY_ON;
    im.keeps_source = true;
    kit_run(SIM_CALM, looped);
    memset(&im, 0, sizeof im);
    kit_run(SIM_CALM, looped);
}

// ---- several below ----------------------------------------------------------------------------------------------------------------------

static void
ask_whatever(void)
{
    NDIS_STATUS status = im_ask(0);
    ck_assert_int_eq(status, im.bindings == 1 ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_ACCEPTED);
}

static void
deinitialize_with_the_last(uint32_t which)
{
    if (im.bindings == 1)
        ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(im.virtual[0].handle), NDIS_STATUS_SUCCESS);
}

static void
two_below(void)
{
    im.on_bind = ask_whatever;
    im.on_unbind = deinitialize_with_the_last;
    kit_start(false, 0);
    NDIS_HANDLE pool = kit.mp.pool;
    struct ndis_adapter_config config = {.name = "nic1", .driver = "mp"};
    struct ndis_adapter *second;
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &second), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(second), NDIS_STATUS_SUCCESS);
    im_load(1);
    im_bind(second);
    im_bind(kit.adapter);
    im_stand(0, 1);
    ndis_adapter_remove(second);                             // frees the pool of the adapter that came last
    ck_assert_uint_eq(im.unbinds, 1);
    ck_assert_uint_eq(im.virtual[0].halts, 0);               // one is left to stand on
    ck_assert(ndis_adapter_is_running(im.virtual[0].adapter));
    kit.mp.pool = pool;
    im_end();
    ck_assert_uint_eq(im.virtual[0].halts, 1);
}
TEST(NdisIMInitializeDeviceInstanceEx_serves_a_virtual_miniport_over_several_adapters)
{
    kit_run(SIM_CALM, two_below);
}

// ---- a combined miniport and intermediate driver ---------------------------------------------------------------------------------------

static void
has_hardware(void)
{
    struct ndis_adapter_config config = {.name = "nic1", .driver = "imd"};
    struct ndis_adapter *adapter = NULL;
    one_up(1);
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &adapter), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_ptr_null(adapter);
    ck_assert_uint_eq(im.virtual[0].initializes, 1);
    im_end();
}

TEST(MiniportInitializeEx_of_an_intermediate_driver_is_refused_for_hardware)
{
    kit_run(SIM_CALM, has_hardware);
}
