// SPDX-License-Identifier: MIT
// Sends taken back: the id on its way down through a filter, the aborted lists on their way up to who sent them, and lists of another
// id that go on. [ndis/nf-ndis-ndiscancelsendnetbufferlists], [ndis/nf-ndis-ndisfcancelsendnetbufferlists]
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"

static struct canf {
    NDIS_HANDLE driver, module, pool;
    uint32_t cancels, completed;
    void *cancelled;
    NDIS_STATUS status;
} canf;

static NTAPI VOID
canf_cancel(NDIS_HANDLE context, PVOID id)
{
    canf.cancels++;
    canf.cancelled = id;
    NdisFCancelSendNetBufferLists(canf.module, id);
}

static NTAPI VOID
canf_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    NdisFSendNetBufferLists(canf.module, nbls, port, flags);
}

static NTAPI VOID
canf_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    while (nbls && nbls->SourceHandle == canf.module) {      // its own; in these tests lists are not mixed
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        canf.completed++;
        canf.status = nbls->Status;
        NdisFreeNetBufferList(nbls);
        nbls = next;
    }
    if (nbls)
        NdisFSendNetBufferListsComplete(canf.module, nbls, flags);
}

static NTAPI NDIS_STATUS
canf_attach(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    NDIS_FILTER_ATTRIBUTES attributes = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = 'fnac',
        .DataSize = 128};
    canf.module = handle;
    canf.pool = NdisAllocateNetBufferListPool(handle, &pool);
    return NdisFSetAttributes(handle, &canf, &attributes);
}

static NTAPI VOID
canf_detach(NDIS_HANDLE context)
{
    NdisFreeNetBufferListPool(canf.pool);
}

static NTAPI NDIS_STATUS
canf_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
canf_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
canf_unload(PDRIVER_OBJECT driver)
{
    NdisFDeregisterFilterDriver(canf.driver);
}

static NTAPI NTSTATUS
canf_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"canf";
    UNICODE_STRING string = {sizeof name - sizeof(WCHAR), sizeof name, name};
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .FriendlyName = string,
        .UniqueName = string,
        .ServiceName = string,
        .AttachHandler = canf_attach,
        .DetachHandler = canf_detach,
        .RestartHandler = canf_restart,
        .PauseHandler = canf_pause,
        .SendNetBufferListsHandler = canf_send,
        .SendNetBufferListsCompleteHandler = canf_complete,
        .CancelSendNetBufferListsHandler = canf_cancel};
    driver->DriverUnload = canf_unload;
    return NdisFRegisterFilterDriver(driver, NULL, &chars, &canf.driver);
}

static void
start(void)
{
    memset(&canf, 0, sizeof canf);
    struct io_image_config config = {.name = "canf", .entry = canf_entry};
    struct io_image *image;
    char error[256];
    ck_assert(NT_SUCCESS(io_image_load(kit.box, &config, &image, error, sizeof error)));
    kit_start(false, 0);
    ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "canf"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
    kit.mp.completion = KIT_LATER;
}

static void
end(void)
{
    kit_complete_held();
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_int_eq(io_image_unload(io_image_find(kit.box, "canf")), STATUS_SUCCESS);
}

static void
marked_send(struct kit_binding *binding, uint64_t value, void *id)
{
    NET_BUFFER_LIST *nbl = kit_nbl(binding, value, 64);
    NDIS_SET_NET_BUFFER_LIST_CANCEL_ID(nbl, id);
    kit_send(binding, nbl);
}

static void
through(void)
{
    struct kit_binding *binding = &kit.binding[0];
    int one, two;
    start();
    for (uint32_t i = 0; i < 6; i++)
        marked_send(binding, 100 + i, i % 3 ? &one : (void *)&two);
    NdisCancelSendNetBufferLists(binding->handle, &one);
    ck_assert_uint_eq(canf.cancels, 1);
    ck_assert_ptr_eq(canf.cancelled, &one);
    ck_assert_uint_eq(kit.mp.cancels, 1);                    // the filter has handed it on
    ck_assert_uint_eq(binding->completed, 4);                // with the protocol that sent them
    ck_assert_int_eq(binding->last_status, NDIS_STATUS_SEND_ABORTED);
    NdisCancelSendNetBufferLists(binding->handle, &one);     // there are none any more
    ck_assert_uint_eq(binding->completed, 4);
    kit_complete_held();
    ck_assert_uint_eq(binding->completed, 6);
    ck_assert_int_eq(binding->last_status, NDIS_STATUS_SUCCESS);
    end();
}
TEST(NdisFCancelSendNetBufferLists_hands_the_cancel_of_a_protocol_on)
{
    kit_run(SIM_CALM, through);
}
TEST(NdisCancelSendNetBufferLists_brings_lists_of_that_id_back_aborted_and_leaves_others)
{
    kit_run(2, through);
}

static void
own(void)
{
    int id;
    start();
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(canf.pool, 0, 0);
    NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(nbl)) = 64;
    nbl->SourceHandle = canf.module;
    NDIS_SET_NET_BUFFER_LIST_CANCEL_ID(nbl, &id);
    NdisFSendNetBufferLists(canf.module, nbl, 0, 0);
    ck_assert_uint_eq(canf.completed, 0);
    NdisFCancelSendNetBufferLists(canf.module, &id);
    ck_assert_uint_eq(canf.completed, 1);
    ck_assert_int_eq(canf.status, NDIS_STATUS_SEND_ABORTED);
    ck_assert_uint_eq(canf.cancels, 0);                      // from here down, not through itself
    end();
}
TEST(NdisFCancelSendNetBufferLists_takes_back_what_the_filter_itself_has_sent)
{
    kit_run(SIM_CALM, own);
}
