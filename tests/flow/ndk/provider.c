// SPDX-License-Identifier: MIT
// See provider.h. The version rules are those of OPEN_NDK_ADAPTER_HANDLER's page, for a provider of 1.2 and 2.1.
#include "provider.h"

#include <check.h>
#include <string.h>

struct n_stand n;

// ---- provider -----------------------------------------------------------------------------------------------------------------------

static NDK_ADAPTER_INFO info = {.Version = {1, 2}, .MaxTransferLength = 1 << 30, .RdmaTechnology = NdkiWarp};

static NTAPI NTSTATUS
query_info(NDK_ADAPTER *adapter, NDK_ADAPTER_INFO *out, ULONG *bytes)
{
    ULONG room = *bytes;
    *bytes = sizeof info;
    if (room < sizeof info)
        return STATUS_BUFFER_TOO_SMALL;
    *out = info;
    out->Version = adapter->Header.Version;
    return STATUS_SUCCESS;
}

const NDK_ADAPTER_DISPATCH n_table = {.NdkQueryAdapterInfo = query_info};

static NDIS_STATUS
open_version(NDK_VERSION *version)
{
    USHORT highest = version->Major == 1 ? 2 : version->Major == 2 ? 1 : 0;
    if (!highest || version->Minor > highest)
        return NDIS_STATUS_BAD_VERSION;
    version->Minor = highest;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
mp_open_ndk(NDIS_HANDLE context, PNDIS_OPEN_NDK_ADAPTER_PARAMETERS parameters, NDK_ADAPTER **out)
{
    uint32_t i = 0;
    NDK_VERSION version = parameters->Version;
    ck_assert_ptr_eq(context, &kit.mp);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    if (n.on_open)
        n.on_open();
    NDIS_STATUS status = n.open_status ? n.open_status : open_version(&version);
    if (!n.is_enabled)
        status = NDIS_STATUS_ADAPTER_NOT_READY;
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    while (n.adapters[i].is_open)
        i++;
    NDK_OBJECT_HEADER header = {.Version = version, .ObjectType = NdkObjectTypeAdapter};
    n.adapters[i] = (struct n_adapter){.object = {.Header = header, .Dispatch = n.table ? n.table : &n_table}, .is_open = true};
    kit_note('n', 1 | i << 16);
    *out = &n.adapters[i].object;
    return status;
}

static NTAPI VOID
mp_close_ndk(NDIS_HANDLE context, NDK_ADAPTER *object)
{
    struct n_adapter *adapter = CONTAINING_RECORD(object, struct n_adapter, object);
    ck_assert_ptr_eq(context, &kit.mp);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    if (n.on_close)
        n.on_close();
    kit_note('n', 2 | (uint32_t)(adapter - n.adapters) << 16);
    ck_assert(adapter->is_open);
    adapter->is_open = false;
}

static NTAPI NDIS_STATUS
mp_options_ndk(NDIS_HANDLE driver, NDIS_HANDLE context)
{
    NDIS_NDK_PROVIDER_CHARACTERISTICS chars = {.Header = {NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS,
                                                          NDIS_NDK_PROVIDER_CHARACTERISTICS_REVISION_1,
                                                          NDIS_SIZEOF_NDK_PROVIDER_CHARACTERISTICS_REVISION_1},
                                               .OpenNDKAdapterHandler = mp_open_ndk,
                                               .CloseNDKAdapterHandler = mp_close_ndk};
    if (n.edit_chars)
        n.edit_chars(&chars);
    n.options_status = NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&chars);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
mp_initialize_ndk(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    NDIS_NDK_CAPABILITIES capabilities = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_NDK_CAPABILITIES_REVISION_1, NDIS_SIZEOF_NDK_CAPABILITIES_REVISION_1},
        .MaxQpCount = 17,
        .NdkInfo = &info};
    NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES,
                                                                  NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES_REVISION_1,
                                                                  NDIS_SIZEOF_MINIPORT_ADAPTER_NDK_ATTRIBUTES_REVISION_1},
                                                       .Enabled = !n.starts_disabled,
                                                       .NdkCapabilities = &capabilities};
    n.is_enabled = !n.starts_disabled;
    if (n.edit_attributes)
        n.edit_attributes(&attributes);
    n.attributes_status = NdisMSetMiniportAttributes(adapter, (PNDIS_MINIPORT_ADAPTER_ATTRIBUTES)&attributes);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
mp_oid_ndk(NDIS_OID_REQUEST *request)
{
    if (request->RequestType != NdisRequestSetInformation || request->DATA.SET_INFORMATION.Oid != OID_NDK_SET_STATE)
        return NDIS_STATUS_NOT_RECOGNIZED;
    ck_assert_uint_eq(request->DATA.SET_INFORMATION.InformationBufferLength, sizeof(BOOLEAN));
    n.set_state_oids++;
    n.set_state = *(BOOLEAN *)request->DATA.SET_INFORMATION.InformationBuffer;
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
n_event(bool enable)
{
    NET_PNP_EVENT_NOTIFICATION event = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_PNP_EVENT_NOTIFICATION_REVISION_1, NDIS_SIZEOF_NET_PNP_EVENT_NOTIFICATION_REVISION_1},
        .NetPnPEvent = {.NetEvent = enable ? NetEventNDKEnable : NetEventNDKDisable}};
    n.is_enabled = enable;
    return NdisMNetPnPEvent(kit.mp.adapter, &event);
}

uint32_t
n_open_count(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < N_ADAPTERS; i++)
        count += n.adapters[i].is_open;
    return count;
}

// ---- consumer -----------------------------------------------------------------------------------------------------------------------

static NTAPI VOID
consumer_arrival(PVOID context, const struct nbx_ndk_arrival *arrival)
{
    ck_assert_ptr_eq(context, &n);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_str_eq(arrival->name, "nic0");
    ck_assert_uint_eq(arrival->capabilities->MaxQpCount, 17);
    ck_assert_uint_eq(arrival->capabilities->NdkInfo->RdmaTechnology, NdkiWarp);
    kit_note('c', 1);
    n.if_index = arrival->if_index;
    if (n.on_arrival)
        n.on_arrival();
}

static NTAPI VOID
consumer_removal(PVOID context, NET_IFINDEX if_index, enum nbx_ndk_gone why)
{
    ck_assert_ptr_eq(context, &n);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_uint_eq(if_index, n.if_index);
    kit_note('c', 2 | (uint32_t)why << 16);
    if (n.on_removal)
        n.on_removal();
    for (uint32_t i = 0; i < N_ADAPTERS && !n.keeps_open; i++)
        if (n.opened[i])
            n_close(i);
}

void
n_register(void)
{
    struct nbx_ndk_client_config config = {
        .driver = n.driver, .context = &n, .on_arrival = consumer_arrival, .on_removal = consumer_removal};
    ck_assert_int_eq(nbx_ndk_client_register(&config, &n.client), STATUS_SUCCESS);
}

NDIS_STATUS
n_open(uint32_t slot, uint16_t major, uint16_t minor)
{
    NDK_VERSION version = {major, minor};
    n.opened[slot] = (NDK_ADAPTER *)&n;
    NDIS_STATUS status = nbx_ndk_adapter_open(n.client, n.if_index, version, &n.opened[slot]);
    ck_assert_int_eq(status == NDIS_STATUS_SUCCESS, n.opened[slot] != NULL);
    return status;
}

void
n_close(uint32_t slot)
{
    NDK_ADAPTER *adapter = n.opened[slot];
    n.opened[slot] = NULL;
    nbx_ndk_adapter_close(n.client, adapter);
}

static NTAPI VOID
consumer_unload(PDRIVER_OBJECT driver)
{
    for (uint32_t i = 0; i < N_ADAPTERS; i++)
        if (n.opened[i])
            n_close(i);
    if (n.client)
        nbx_ndk_client_deregister(n.client);
    n.client = NULL;
}

static NTAPI NTSTATUS
consumer_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    driver->DriverUnload = consumer_unload;
    n.driver = driver;
    return STATUS_SUCCESS;
}

// ---- the test's side ----------------------------------------------------------------------------------------------------------------

static void (*n_body)(void);

static void
n_loaded(void)
{
    struct io_image_config config = {.name = "consumer", .entry = consumer_entry};
    struct io_image *image;
    char error[256];
    ck_assert_int_eq(io_image_load(kit.box, &config, &image, error, sizeof error), STATUS_SUCCESS);
    n_body();
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

void
n_run(uint64_t seed, void (*body)(void))
{
    kit_mp_hooks.options = mp_options_ndk;
    kit_mp_hooks.initialize = mp_initialize_ndk;
    kit_mp_hooks.oid = mp_oid_ndk;
    n_body = body;
    kit_run(seed, n_loaded);
    ck_assert_uint_eq(n_open_count(), 0);
}

void
n_watched(void (*body)(void))
{
    kit_verify = VERIFY_ON;
    n_run(SIM_CALM, body);
}

void
n_start(uint32_t bindings)
{
    n_register();
    kit_start(false, bindings);
    kit.note_count = 0;
}
