// SPDX-License-Identifier: MIT
// What a miniport registers as an NDK provider and says of an adapter, and what of it is refused.
#include "provider.h"

#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/cm/cm.h"

// ---- NdisSetOptionalHandlers ----------------------------------------------------------------------------------------------------------

static void
is_no_provider(void)
{
    n_register();
    kit_start(false, 0);
    kit_notes_are("m203 m105 m201");          // nothing arrives
    n.if_index = 1;
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_ADAPTER_NOT_FOUND);
    ck_assert_int_eq(n.attributes_status, NDIS_STATUS_INVALID_PARAMETER);   // attributes of a miniport that is no provider
}

static void
refused_as(void (*with)(NDIS_NDK_PROVIDER_CHARACTERISTICS *chars), NDIS_STATUS status)
{
    n.edit_chars = with;
    n_run(SIM_CALM, is_no_provider);
    ck_assert_int_eq(n.options_status, status);
}

static void
wrong_type(NDIS_NDK_PROVIDER_CHARACTERISTICS *chars)
{
    chars->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
}

static void
no_revision(NDIS_NDK_PROVIDER_CHARACTERISTICS *chars)
{
    chars->Header.Revision = 0;
}

static void
too_small(NDIS_NDK_PROVIDER_CHARACTERISTICS *chars)
{
    chars->Header.Size--;
}

static void
flags(NDIS_NDK_PROVIDER_CHARACTERISTICS *chars)
{
    chars->Flags = 1;
}

static void
no_open(NDIS_NDK_PROVIDER_CHARACTERISTICS *chars)
{
    chars->OpenNDKAdapterHandler = NULL;
}

static void
no_close(NDIS_NDK_PROVIDER_CHARACTERISTICS *chars)
{
    chars->CloseNDKAdapterHandler = NULL;
}

TEST(NdisSetOptionalHandlers_refuses_an_NDK_provider_without_its_handlers_or_below_NDIS_6_30)
{
    refused_as(wrong_type, NDIS_STATUS_FAILURE);
    refused_as(no_revision, NDIS_STATUS_FAILURE);
    refused_as(too_small, NDIS_STATUS_FAILURE);
    refused_as(flags, NDIS_STATUS_FAILURE);
    refused_as(no_open, NDIS_STATUS_FAILURE);
    refused_as(no_close, NDIS_STATUS_FAILURE);
    kit_mp_hooks.minor = 20;
    refused_as(NULL, NDIS_STATUS_NOT_SUPPORTED);
}

static void
registers_late(void)
{
    NDIS_NDK_PROVIDER_CHARACTERISTICS chars = {.Header = {NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS,
                                                          NDIS_NDK_PROVIDER_CHARACTERISTICS_REVISION_1,
                                                          NDIS_SIZEOF_NDK_PROVIDER_CHARACTERISTICS_REVISION_1}};
    kit_start(false, 0);
    chars.OpenNDKAdapterHandler = (OPEN_NDK_ADAPTER_HANDLER)(void *)&n;
    chars.CloseNDKAdapterHandler = (CLOSE_NDK_ADAPTER_HANDLER)(void *)&n;
    ck_assert_int_eq(NdisSetOptionalHandlers(kit.mp_driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&chars), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisSetOptionalHandlers(kit.protocol[0], (PNDIS_DRIVER_OPTIONAL_HANDLERS)&chars), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(n.options_status, NDIS_STATUS_SUCCESS);
}

TEST(NdisSetOptionalHandlers_takes_an_NDK_provider_in_MiniportSetOptions_alone)
{
    n_run(SIM_CALM, registers_late);
}

// ---- NdisMSetMiniportAttributes ---------------------------------------------------------------------------------------------------------

static NDIS_NDK_CAPABILITIES bad;

static void
has_no_ndk(void)
{
    n_register();
    kit_start(false, 1);
    kit_notes_are("m203 m105 m201 p9");
    ck_assert_ptr_null(kit.binding[0].bound_ndk);
    ck_assert(!kit.binding[0].bound_ndk_enabled);
    n.if_index = 1;
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_ADAPTER_NOT_FOUND);
}

static void
attributes_refused_as(void (*with)(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes), NDIS_STATUS status)
{
    n.edit_attributes = with;
    n_run(SIM_CALM, has_no_ndk);
    ck_assert_int_eq(n.attributes_status, status);
}

static void
newer(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes)
{
    attributes->Header.Revision = 2;
}

static void
smaller(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes)
{
    attributes->Header.Size--;
}

static void
no_capabilities(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes)
{
    attributes->NdkCapabilities = NULL;
}

static void
no_info(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes)
{
    attributes->NdkCapabilities->NdkInfo = NULL;
}

static void
small_capabilities(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes)
{
    bad = *attributes->NdkCapabilities;
    bad.Header.Size--;
    attributes->NdkCapabilities = &bad;
}

static void
other_capabilities(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes)
{
    bad = *attributes->NdkCapabilities;
    bad.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES;
    attributes->NdkCapabilities = &bad;
}

TEST(NdisMSetMiniportAttributes_refuses_NDK_attributes_without_capabilities)
{
    attributes_refused_as(newer, NDIS_STATUS_BAD_VERSION);
    attributes_refused_as(smaller, NDIS_STATUS_INVALID_PARAMETER);
    attributes_refused_as(no_capabilities, NDIS_STATUS_INVALID_PARAMETER);
    attributes_refused_as(no_info, NDIS_STATUS_INVALID_PARAMETER);
    attributes_refused_as(small_capabilities, NDIS_STATUS_INVALID_PARAMETER);
    attributes_refused_as(other_capabilities, NDIS_STATUS_INVALID_PARAMETER);
}

// What was told is kept, whatever becomes of the miniport's own copy; it is told once, and inside MiniportInitializeEx.
static NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES kept;

static void
keep(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes)
{
    kept = *attributes;
    bad = *attributes->NdkCapabilities;
    kept.NdkCapabilities = &bad;
}

static void
tells_late(void)
{
    kit_start(false, 1);
    ck_assert_int_eq(n.attributes_status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMSetMiniportAttributes(kit.mp.adapter, (PNDIS_MINIPORT_ADAPTER_ATTRIBUTES)&kept), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(kit.binding[0].bound_ndk->MaxQpCount, 17);
}

TEST(NdisMSetMiniportAttributes_takes_NDK_attributes_inside_MiniportInitializeEx_alone)
{
    n.edit_attributes = keep;
    n_run(SIM_CALM, tells_late);
}

// ---- the administrator's word -------------------------------------------------------------------------------------------------------

static const char *keyword;
static bool enables_later;

static void
starts_with_keyword(void)
{
    char path[256];
    ndis_adapter_key("nic0", path, sizeof path);
    struct cm_key *key = cm_key_open(kit.box, path);
    if (keyword && *keyword)
        ck_assert_int_eq(cm_set_sz(kit.box, key, "*NetworkDirect", keyword), STATUS_SUCCESS);
    else if (keyword)
        ck_assert_int_eq(cm_set_dword(kit.box, key, "*NetworkDirect", 0), STATUS_SUCCESS);
    n.starts_disabled = enables_later;
    n_start(0);
    if (enables_later)
        n_event(true);
}

static void
keyword_run(void)
{
    n_watched(starts_with_keyword);
}

TEST(an_NDK_provider_that_is_on_against_its_keyword_is_reported)
{
    keyword = "0";
    crime_is_found(keyword_run, "NBX-0718", "driver mp", "NdisMSetMiniportAttributes", "*NetworkDirect is 0", NULL);
    keyword = "";
    crime_is_found(keyword_run, "NBX-0718", "driver mp", "NdisMSetMiniportAttributes", NULL);
    enables_later = true;
    crime_is_found(keyword_run, "NBX-0718", "NdisMNetPnPEvent", "*NetworkDirect is 0", NULL);
}

TEST(an_NDK_provider_that_follows_its_keyword_is_not_reported)
{
    keyword = "1";
    crime_is_none(keyword_run);
    keyword = NULL;
    crime_is_none(keyword_run);
}
