// SPDX-License-Identifier: MIT
// Network interfaces: numbers of adapters and filter modules, LUID indexes, providers and their interfaces, the stack table.
#include <string.h>

#include "hw.h"
#include "nbx/fault.h"
#include "ndis/interface.h"

static struct ndis *
ndis(void)
{
    return ndis_self();
}

// ---- numbers --------------------------------------------------------------------------------------------------------------------------

static NET_LUID init_luid;
static NET_IFINDEX init_index;
static NDIS_STATUS init_by_luid;
static NET_IFINDEX init_found;

static NDIS_STATUS
note_numbers(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    init_luid = parameters->NetLuid;
    init_index = parameters->IfIndex;
    // An intermediate driver says here already what its virtual miniport stands above.
    init_by_luid = NdisIfGetInterfaceIndexFromNetLuid(parameters->NetLuid, &init_found);
    return NDIS_STATUS_SUCCESS;
}

static void
numbers(void)
{
    NET_IFINDEX index = 0, bound = 0, lowest = 0;
    NET_LUID luid = {0}, bound_luid = {0}, lowest_luid = {0}, unknown = {0};
    kit_start(true, 1);
    ck_assert_int_eq(init_by_luid, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(init_found, init_index);
    ck_assert_int_eq(NdisIfGetInterfaceIndexFromNetLuid(init_luid, &index), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(index, init_index);
    ck_assert_int_eq(NdisIfGetNetLuidFromInterfaceIndex(init_index, &luid), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(luid.Value, init_luid.Value);
    ck_assert_uint_eq(luid.Info.IfType, IF_TYPE_ETHERNET_CSMACD);
    // The filter module has a number of its own, above the adapter's.
    ck_assert_int_eq(NdisIfQueryBindingIfIndex(kit.binding[0].handle, &bound, &bound_luid, &lowest, &lowest_luid), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(lowest, init_index);
    ck_assert_uint_eq(lowest_luid.Value, init_luid.Value);
    ck_assert_uint_ne(bound, lowest);
    ck_assert_uint_ne(bound, 0);
    ck_assert_int_eq(NdisIfGetNetLuidFromInterfaceIndex(bound, &luid), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(luid.Value, bound_luid.Value);
    ck_assert(ndis_if_stack_has(ndis(), bound, lowest));
    ck_assert(!ndis_if_stack_has(ndis(), lowest, bound));
    // Gone with the module.
    ck_assert_int_eq(ndis_adapter_detach_filter(kit.adapter, "lwf"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisIfGetNetLuidFromInterfaceIndex(bound, &luid), NDIS_STATUS_INTERFACE_NOT_FOUND);
    ck_assert_int_eq(NdisIfQueryBindingIfIndex(kit.binding[0].handle, &bound, &bound_luid, &lowest, &lowest_luid), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(bound, lowest);
    ck_assert_uint_eq(bound_luid.Value, lowest_luid.Value);
    index = 4711;
    unknown.Value = 0x0006000000fffffe;
    ck_assert_int_eq(NdisIfGetInterfaceIndexFromNetLuid(unknown, &index), NDIS_STATUS_INTERFACE_NOT_FOUND);
    ck_assert_uint_eq(index, 4711);
    ck_assert_int_eq(NdisIfGetNetLuidFromInterfaceIndex(0, &luid), NDIS_STATUS_INTERFACE_NOT_FOUND);
}

TEST(NdisIfGetInterfaceIndexFromNetLuid_and_NdisIfGetNetLuidFromInterfaceIndex_know_adapters_and_filter_modules)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(1, NULL, numbers);
}

TEST(NdisIfGetNetLuidFromInterfaceIndex_knows_adapters_and_filter_modules_as_long_as_they_are_there)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(3, NULL, numbers);
}

TEST(NdisIfQueryBindingIfIndex_gives_the_highest_and_the_lowest_interface_of_a_binding)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(2, NULL, numbers);
}

// ---- LUID indexes ---------------------------------------------------------------------------------------------------------------------

static void
luids(void)
{
    UINT32 first = 0, second = 0, third = 0;
    kit_start(false, 1);
    ck_assert_int_eq(NdisIfAllocateNetLuidIndex(IF_TYPE_ETHERNET_CSMACD, &first), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisIfAllocateNetLuidIndex(IF_TYPE_ETHERNET_CSMACD, &second), NDIS_STATUS_SUCCESS);
    ck_assert_uint_ne(first, second);
    ck_assert_uint_ne(first, init_luid.Info.NetLuidIndex);
    ck_assert_uint_lt(first, 1 << 24);
    ck_assert_int_eq(NdisIfFreeNetLuidIndex(IF_TYPE_SOFTWARE_LOOPBACK, first), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisIfFreeNetLuidIndex(IF_TYPE_ETHERNET_CSMACD, first), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisIfFreeNetLuidIndex(IF_TYPE_ETHERNET_CSMACD, first), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisIfFreeNetLuidIndex(IF_TYPE_ETHERNET_CSMACD, (UINT32)init_luid.Info.NetLuidIndex), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisIfFreeNetLuidIndex(IF_TYPE_ETHERNET_CSMACD, second), NDIS_STATUS_SUCCESS);
    // All 2^24 - 1 of them given.
    uint64_t then = ndis()->next_luid_index;
    ndis()->next_luid_index = 0xfffffe;
    ck_assert_int_eq(NdisIfAllocateNetLuidIndex(IF_TYPE_ETHERNET_CSMACD, &third), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(third, 0xffffff);
    ck_assert_int_eq(NdisIfAllocateNetLuidIndex(IF_TYPE_ETHERNET_CSMACD, &first), NDIS_STATUS_RESOURCES);
    ck_assert_int_eq(NdisIfFreeNetLuidIndex(IF_TYPE_ETHERNET_CSMACD, third), NDIS_STATUS_SUCCESS);
    ndis()->next_luid_index = then;
}

TEST(NdisIfAllocateNetLuidIndex_gives_each_index_once_and_runs_out_at_24_bits)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(1, NULL, luids);
}

TEST(NdisIfFreeNetLuidIndex_takes_back_what_was_given_for_that_type)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(2, NULL, luids);
}

// ---- providers ------------------------------------------------------------------------------------------------------------------------

static uint32_t queries, sets;
static bool lies;

static NTAPI NDIS_STATUS
query_object(NDIS_HANDLE context, NET_IF_OBJECT_ID id, PULONG bytes, PVOID buffer)
{
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_ptr_eq(context, &queries);
    queries++;
    if (id != OID_GEN_MEDIA_CONNECT_STATUS_EX)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (*bytes < 4)
        return NDIS_STATUS_INVALID_PARAMETER;
    memset(buffer, 7, 4);
    *bytes = lies ? 400 : 4;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
set_object(NDIS_HANDLE context, NET_IF_OBJECT_ID id, ULONG bytes, PVOID buffer)
{
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_ptr_eq(context, &queries);
    sets += bytes;
    return id == OID_GEN_MEDIA_CONNECT_STATUS_EX ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

static NDIS_IF_PROVIDER_CHARACTERISTICS
provider_chars(void)
{
    return (NDIS_IF_PROVIDER_CHARACTERISTICS){
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_OBJECT_REVISION_1, NDIS_SIZEOF_IF_PROVIDER_CHARACTERISTICS_REVISION_1},
        .QueryObjectHandler = query_object,
        .SetObjectHandler = set_object};
}

static NDIS_HANDLE provider;
static NET_IFINDEX interface[3];
static NET_LUID luid[3];

static NET_IF_INFORMATION
information(void)
{
    return (NET_IF_INFORMATION){
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_OBJECT_REVISION_1, NDIS_SIZEOF_NET_IF_INFORMATION_REVISION_1}};
}

// A provider with three interfaces.
static void
provide(void)
{
    NDIS_IF_PROVIDER_CHARACTERISTICS chars = provider_chars();
    NET_IF_INFORMATION info = information();
    ck_assert_int_eq(NdisIfRegisterProvider(&chars, NULL, &provider), NDIS_STATUS_SUCCESS);
    for (int i = 0; i < 3; i++) {
        UINT32 index;
        ck_assert_int_eq(NdisIfAllocateNetLuidIndex(IF_TYPE_TUNNEL, &index), NDIS_STATUS_SUCCESS);
        NDIS_MAKE_NET_LUID(&luid[i], IF_TYPE_TUNNEL, index);
        ck_assert_int_eq(NdisIfRegisterInterface(provider, luid[i], &queries, &info, &interface[i]), NDIS_STATUS_SUCCESS);
        ck_assert_uint_ne(interface[i], 0);
    }
}

static void
unprovide(void)
{
    for (int i = 0; i < 3; i++)
        NdisIfDeregisterInterface(interface[i]);
    NdisIfDeregisterProvider(provider);
}

static void
providers(void)
{
    NET_IFINDEX found;
    NET_LUID found_luid;
    uint8_t buffer[8] = {0};
    uint32_t bytes = 8;
    kit_start(false, 1);
    provide();
    ck_assert_uint_ne(interface[0], interface[1]);
    ck_assert_int_eq(NdisIfGetInterfaceIndexFromNetLuid(luid[1], &found), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(found, interface[1]);
    ck_assert_int_eq(NdisIfGetNetLuidFromInterfaceIndex(interface[2], &found_luid), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(found_luid.Value, luid[2].Value);
    ck_assert_int_eq(ndis_interface_query(kit.box, interface[0], OID_GEN_MEDIA_CONNECT_STATUS_EX, buffer, &bytes), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 4);
    ck_assert_uint_eq(buffer[3], 7);
    bytes = 2;
    ck_assert_int_eq(ndis_interface_query(kit.box, interface[0], OID_GEN_MEDIA_CONNECT_STATUS_EX, buffer, &bytes),
                     NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(ndis_interface_query(kit.box, interface[0], OID_GEN_LINK_STATE, buffer, &bytes), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(ndis_interface_set(kit.box, interface[1], OID_GEN_MEDIA_CONNECT_STATUS_EX, buffer, 8), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(sets, 8);
    ck_assert_int_eq(ndis_interface_query(kit.box, 4711, OID_GEN_LINK_STATE, buffer, &bytes), NDIS_STATUS_INTERFACE_NOT_FOUND);
    ck_assert_int_eq(ndis_interface_set(kit.box, init_index, OID_GEN_LINK_STATE, buffer, 8), NDIS_STATUS_INTERFACE_NOT_FOUND);
    ck_assert_uint_eq(queries, 3);
    unprovide();
    ck_assert_int_eq(NdisIfGetNetLuidFromInterfaceIndex(interface[2], &found_luid), NDIS_STATUS_INTERFACE_NOT_FOUND);
}

TEST(NdisIfRegisterInterface_gives_an_index_and_the_provider_answers_for_it_until_NdisIfDeregisterInterface)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(1, NULL, providers);
}

static void
provider_refusals(void)
{
    NDIS_IF_PROVIDER_CHARACTERISTICS chars = provider_chars();
    NDIS_HANDLE none = &chars;
    kit_start(false, 1);
    chars.Header.Type = NDIS_OBJECT_TYPE_OID_REQUEST;
    ck_assert_int_eq(NdisIfRegisterProvider(&chars, NULL, &none), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_ptr_null(none);
    chars = provider_chars();
    chars.Header.Size--;
    ck_assert_int_eq(NdisIfRegisterProvider(&chars, NULL, &none), NDIS_STATUS_NOT_SUPPORTED);
    chars = provider_chars();
    chars.QueryObjectHandler = NULL;
    ck_assert_int_eq(NdisIfRegisterProvider(&chars, NULL, &none), NDIS_STATUS_INVALID_PARAMETER);
    chars = provider_chars();
    chars.SetObjectHandler = NULL;
    ck_assert_int_eq(NdisIfRegisterProvider(&chars, NULL, &none), NDIS_STATUS_INVALID_PARAMETER);
    provide();
    NET_IF_INFORMATION info = information();
    NET_IFINDEX index = 77;
    NET_LUID zero = {0}, fresh = luid[0];
    fresh.Info.NetLuidIndex += 1000;
    ck_assert_int_eq(NdisIfRegisterInterface(provider, luid[0], NULL, &info, &index), NDIS_STATUS_DUPLICATE_OBJECTID);
    ck_assert_int_eq(NdisIfRegisterInterface(provider, init_luid, NULL, &info, &index), NDIS_STATUS_DUPLICATE_OBJECTID);
    ck_assert_int_eq(NdisIfRegisterInterface(provider, zero, NULL, &info, &index), NDIS_STATUS_INVALID_PARAMETER);
    info.PhysAddressLength = IF_MAX_PHYS_ADDRESS_LENGTH + 1;
    ck_assert_int_eq(NdisIfRegisterInterface(provider, fresh, NULL, &info, &index), NDIS_STATUS_INVALID_PARAMETER);
    info = information();
    info.Header.Size--;
    ck_assert_int_eq(NdisIfRegisterInterface(provider, fresh, NULL, &info, &index), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(index, 77);
    unprovide();
}

TEST(NdisIfRegisterProvider_refuses_wrong_headers_and_missing_handlers)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(1, NULL, provider_refusals);
}

TEST(NdisIfRegisterInterface_refuses_a_LUID_that_is_taken_and_wrong_information)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(2, NULL, provider_refusals);
}

static void
arm(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

static void
without_memory(void)
{
    NDIS_IF_PROVIDER_CHARACTERISTICS chars = provider_chars();
    NET_IF_INFORMATION info = information();
    NDIS_HANDLE none = &chars;
    NET_IFINDEX index = 77;
    NET_LUID fresh;
    kit_start(false, 1);
    arm();
    ck_assert_int_eq(NdisIfRegisterProvider(&chars, NULL, &none), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(NULL);
    ck_assert_ptr_null(none);
    provide();
    fresh = luid[0];
    fresh.Info.NetLuidIndex += 1000;
    arm();
    ck_assert_int_eq(NdisIfRegisterInterface(provider, fresh, NULL, &info, &index), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(NULL);
    ck_assert_uint_eq(index, 77);
    ck_assert_int_eq(NdisIfGetInterfaceIndexFromNetLuid(fresh, &index), NDIS_STATUS_INTERFACE_NOT_FOUND);
    arm();
    ck_assert_int_eq(NdisIfAddIfStackEntry(interface[0], interface[1]), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(NULL);
    ck_assert(!ndis_if_stack_has(ndis(), interface[0], interface[1]));
    ck_assert_int_eq(NdisIfAddIfStackEntry(interface[0], interface[1]), NDIS_STATUS_SUCCESS);
    unprovide();
}

TEST(NdisIfRegisterProvider_without_memory_says_RESOURCES)
{
    hw_run(1, NULL, without_memory);
}

TEST(NdisIfRegisterInterface_without_memory_says_RESOURCES)
{
    hw_run(2, NULL, without_memory);
}

TEST(NdisIfAddIfStackEntry_without_memory_says_RESOURCES)
{
    hw_run(3, NULL, without_memory);
}

static void
deregister_early(void)
{
    kit_start(false, 1);
    provide();
    NdisIfDeregisterProvider(provider);
}

TEST(NdisIfDeregisterProvider_with_interfaces_left_is_reported)
{
    hw_reported(NULL, deregister_early, "0x7C (0x17)");
}

static void
deregister_unknown(void)
{
    kit_start(false, 1);
    NdisIfDeregisterInterface(4711);
}

TEST(NdisIfDeregisterInterface_of_an_index_that_nobody_registered_is_reported)
{
    hw_reported(NULL, deregister_unknown, "no provider has registered an interface with this index");
}

static void
deregister_adapter(void)
{
    kit_start(false, 1);
    NdisIfDeregisterInterface(init_index);
}

TEST(NdisIfDeregisterInterface_of_an_adapters_own_index_is_reported)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_reported(NULL, deregister_adapter, "no provider has registered an interface with this index");
}

static void
query_lies(void)
{
    uint8_t buffer[8];
    uint32_t bytes = 8;
    kit_start(false, 1);
    provide();
    lies = true;
    ndis_interface_query(kit.box, interface[0], OID_GEN_MEDIA_CONNECT_STATUS_EX, buffer, &bytes);
}

TEST(ProviderQueryObject_that_says_it_wrote_more_than_there_is_room_is_reported)
{
    hw_reported(NULL, query_lies, "ProviderQueryObject: it says that it has written more than the buffer holds");
}

// ---- the stack ------------------------------------------------------------------------------------------------------------------------

static void
stack(void)
{
    kit_start(false, 1);
    provide();
    ck_assert_int_eq(NdisIfAddIfStackEntry(interface[0], init_index), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisIfAddIfStackEntry(interface[0], init_index), NDIS_STATUS_SUCCESS);   // said already
    ck_assert_int_eq(NdisIfAddIfStackEntry(interface[1], interface[0]), NDIS_STATUS_SUCCESS);
    ck_assert(ndis_if_stack_has(ndis(), interface[0], init_index));
    ck_assert(ndis_if_stack_has(ndis(), interface[1], interface[0]));
    ck_assert_int_eq(NdisIfAddIfStackEntry(interface[0], 4711), NDIS_STATUS_INTERFACE_NOT_FOUND);
    ck_assert_int_eq(NdisIfAddIfStackEntry(4711, interface[0]), NDIS_STATUS_INTERFACE_NOT_FOUND);
    NdisIfDeleteIfStackEntry(interface[0], init_index);
    ck_assert(!ndis_if_stack_has(ndis(), interface[0], init_index));
    NdisIfDeleteIfStackEntry(interface[0], init_index);   // no matching entry: nothing
    ck_assert(ndis_if_stack_has(ndis(), interface[1], interface[0]));
    // An interface that goes takes its entries along.
    NdisIfDeregisterInterface(interface[1]);
    ck_assert(!ndis_if_stack_has(ndis(), interface[1], interface[0]));
    NdisIfDeregisterInterface(interface[0]);
    NdisIfDeregisterInterface(interface[2]);
    NdisIfDeregisterProvider(provider);
}

TEST(NdisIfAddIfStackEntry_puts_known_interfaces_in_order)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(1, NULL, stack);
}

TEST(NdisIfDeleteIfStackEntry_takes_back_an_entry_and_nothing_else)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(2, NULL, stack);
}

static void
loop(void)
{
    kit_start(false, 1);
    provide();
    NdisIfAddIfStackEntry(interface[0], interface[1]);
    NdisIfAddIfStackEntry(interface[1], interface[2]);
    NdisIfAddIfStackEntry(interface[2], interface[0]);
}

TEST(NdisIfAddIfStackEntry_that_closes_a_loop_is_reported)
{
    hw_reported(NULL, loop, "0x7C (0x1B)");
}

// ---- the callbacks ------------------------------------------------------------------------------------------------------------------

static void
is_asked(void)
{
    uint8_t buffer[8] = {0};
    uint32_t bytes = 8;
    kit_start(false, 1);
    provide();
    queries = sets = 0;
    ck_assert_int_eq(ndis_interface_query(kit.box, interface[1], OID_GEN_MEDIA_CONNECT_STATUS_EX, buffer, &bytes), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(queries, 1);                // query_object looks at IRQL and context
    ck_assert_uint_eq(bytes, 4);
    ck_assert(buffer[0] == 7 && buffer[4] == 0);
    bytes = 2;
    ck_assert_int_eq(ndis_interface_query(kit.box, interface[1], OID_GEN_MEDIA_CONNECT_STATUS_EX, buffer, &bytes),
                     NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(ndis_interface_query(kit.box, interface[1], OID_GEN_ALIAS, buffer, &bytes), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(queries, 3);
    // NDIS answers itself for an interface of its own: no provider is asked.
    ck_assert_int_eq(ndis_interface_query(kit.box, init_index, OID_GEN_ALIAS, buffer, &bytes), NDIS_STATUS_INTERFACE_NOT_FOUND);
    ck_assert_int_eq(ndis_interface_set(kit.box, interface[1], OID_GEN_MEDIA_CONNECT_STATUS_EX, buffer, 5), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(sets, 5);                   // the length of the buffer
    ck_assert_int_eq(ndis_interface_set(kit.box, interface[1], OID_GEN_ALIAS, buffer, 1), NDIS_STATUS_NOT_SUPPORTED);
    unprovide();
    ck_assert_int_eq(ndis_interface_query(kit.box, interface[1], OID_GEN_ALIAS, buffer, &bytes), NDIS_STATUS_INTERFACE_NOT_FOUND);
    ck_assert_int_eq(ndis_interface_set(kit.box, interface[1], OID_GEN_ALIAS, buffer, 1), NDIS_STATUS_INTERFACE_NOT_FOUND);
    ck_assert(queries == 3 && sets == 6);
}

TEST(ProviderQueryObject_is_asked_at_PASSIVE_LEVEL_with_the_interfaces_context_and_its_status_goes_back)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(3, NULL, is_asked);
}

TEST(ProviderSetObject_is_asked_at_PASSIVE_LEVEL_with_the_bytes_and_its_status_goes_back)
{
    kit_mp_hooks.initialize = note_numbers;
    hw_run(3, NULL, is_asked);
}
