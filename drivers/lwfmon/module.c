// SPDX-License-Identifier: MIT
// The life of a filter module, one for each adapter that it is attached to.
//   attach (settings, counters, capture) -> paused -> restart -> running -> pause -> paused -> detach (totals)
// Settings, below the module's key: File, a path as the kernel sees it (\??\lwfmon\mon.pcapng); RingKB, the memory between the data
// path and the file.
#include "lwfmon.h"

#define MODULE_RING_KB 4096u                  // by default; RingKB may be 64 to 1048576, and is made a power of two

// ---- settings -------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
module_ring_kb(NDIS_HANDLE handle, ULONG *ring_kb)
{
    NDIS_STRING keyword = NDIS_STRING_CONST("RingKB");
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_STATUS status;
    *ring_kb = MODULE_RING_KB;
    NdisReadConfiguration(&status, &value, handle, &keyword, NdisParameterInteger);
    if (status != NDIS_STATUS_SUCCESS)
        return NDIS_STATUS_SUCCESS;           // not there
    // A value of another type than was asked for comes as it is.
    *ring_kb = value->ParameterType == NdisParameterInteger ? value->ParameterData.IntegerData : 0;
    if (*ring_kb >= 64 && *ring_kb <= 1048576)
        return NDIS_STATUS_SUCCESS;
    DbgPrint("lwfmon: RingKB is %u, or no number; it may be 64 to 1048576\n", *ring_kb);
    return NDIS_STATUS_INVALID_PARAMETER;
}

static NDIS_STATUS
module_no_text(VOID)
{
    DbgPrint("lwfmon: File is no text; it may be a path such as \\??\\lwfmon\\mon.pcapng\n");
    return NDIS_STATUS_INVALID_PARAMETER;
}

static NDIS_STATUS
module_capture(struct lwfmon_module *module)
{
    NDIS_CONFIGURATION_OBJECT object = {
        .Header = {NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                   NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
        .NdisHandle = module->filter};
    NDIS_STRING keyword = NDIS_STRING_CONST("File");
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_HANDLE handle;
    ULONG ring_kb;
    NDIS_STATUS status = NdisOpenConfigurationEx(&object, &handle);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    NdisReadConfiguration(&status, &value, handle, &keyword, NdisParameterString);
    if (status != NDIS_STATUS_SUCCESS)
        status = NDIS_STATUS_SUCCESS;         // no file wanted
    else if (value->ParameterType != NdisParameterString)
        status = module_no_text();
    else if ((status = module_ring_kb(handle, &ring_kb)) == NDIS_STATUS_SUCCESS)
        status = lwfmon_capture_open(module->filter, &module->name, &value->ParameterData.StringData, ring_kb, &module->capture);
    NdisCloseConfiguration(handle);
    return status;
}

// ---- attach and detach ----------------------------------------------------------------------------------------------------------

static void
module_free(struct lwfmon_module *module)
{
    if (module->counters)
        NdisFreeMemory(module->counters, 0, 0);
    NdisFreeMemory(module, 0, 0);
}

static struct lwfmon_module *
module_create(NDIS_HANDLE filter, const NDIS_STRING *name)
{
    struct lwfmon_module *module =
        NdisAllocateMemoryWithTagPriority(filter, sizeof *module + name->Length, LWFMON_TAG, NormalPoolPriority);
    if (!module)
        return NULL;
    NdisZeroMemory(module, sizeof *module);
    module->filter = filter;
    module->name.Buffer = (PWCH)(module + 1);
    module->name.Length = module->name.MaximumLength = name->Length;
    NdisMoveMemory(module->name.Buffer, name->Buffer, name->Length);
    module->oids = 1;
    KeInitializeEvent(&module->oids_gone, NotificationEvent, FALSE);
    module->processors = KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS);
    ULONG bytes = module->processors * LWFMON_DIRECTIONS * (ULONG)sizeof *module->counters;
    module->counters = NdisAllocateMemoryWithTagPriority(filter, bytes, LWFMON_TAG, NormalPoolPriority);
    if (module->counters) {
        NdisZeroMemory(module->counters, bytes);
        return module;
    }
    module_free(module);
    return NULL;
}

NDIS_STATUS
lwfmon_attach(NDIS_HANDLE filter, NDIS_HANDLE driver_context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    NDIS_FILTER_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1,
                                                    NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    UNREFERENCED_PARAMETER(driver_context);
    if (parameters->MiniportMediaType != NdisMedium802_3)
        return NDIS_STATUS_INVALID_PARAMETER; // the file says Ethernet
    struct lwfmon_module *module = module_create(filter, parameters->BaseMiniportInstanceName);
    if (!module)
        return NDIS_STATUS_RESOURCES;
    NDIS_STATUS status = module_capture(module);
    if (status == NDIS_STATUS_SUCCESS) {
        status = NdisFSetAttributes(filter, module, &attributes);
        if (status != NDIS_STATUS_SUCCESS && module->capture)
            lwfmon_capture_close(module->capture, &module->name);
    }
    if (status != NDIS_STATUS_SUCCESS)
        module_free(module);
    return status;
}

VOID
lwfmon_detach(NDIS_HANDLE context)
{
    struct lwfmon_module *module = context;
    struct lwfmon_counters in, out;
    // Clones that are still below come back before the module may go.
    lwfmon_oid_unref(module);
    KeWaitForSingleObject(&module->oids_gone, Executive, KernelMode, FALSE, NULL);
    lwfmon_counters_sum(module, LWFMON_IN, &in);
    lwfmon_counters_sum(module, LWFMON_OUT, &out);
    DbgPrint("lwfmon: %wZ: in %I64u frames, %I64u bytes; out %I64u frames, %I64u bytes\n", &module->name, in.frames, in.bytes,
             out.frames, out.bytes);
    if (module->capture)
        lwfmon_capture_close(module->capture, &module->name);
    module_free(module);
}

// ---- pause, restart and what only passes ----------------------------------------------------------------------------------------

// Everything that passes is somebody else's and is back with its owner before NDIS pauses a filter; of our own there is nothing.
NDIS_STATUS
lwfmon_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
lwfmon_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

VOID
lwfmon_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    struct lwfmon_module *module = context;
    NdisFIndicateStatus(module->filter, indication);
}

VOID
lwfmon_device_pnp(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
    struct lwfmon_module *module = context;
    NdisFDevicePnPEventNotify(module->filter, event);
}

NDIS_STATUS
lwfmon_net_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    struct lwfmon_module *module = context;
    return NdisFNetPnPEvent(module->filter, event);
}
