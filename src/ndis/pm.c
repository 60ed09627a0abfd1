// SPDX-License-Identifier: MIT
// What a network adapter can do while it sleeps, and what is wanted of it: the power management capabilities of the miniport's general
// attributes, and the parameters that protocols and filters set. NDIS keeps each one's own and tells the miniport their sum, just before
// it goes to a low-power state [network/oid-pm-parameters], [network/oid-pnp-enable-wake-up].
//   ndis_pm_take    the attributes: copied, for their pointers are the driver's
//   ndis_pm_answer  the requests NDIS answers itself
//   ndis_pm_tell    the sums, to the miniport
#include <string.h>

#include "ndis/header.h"
#include "ndis/oid.h"

void
ndis_pm_take(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *general)
{
    struct ndis_pm *pm = &adapter->pm;
    const NDIS_PM_CAPABILITIES *ex = NULL;
    // The pointer came with NDIS 6.20.
    if (general->Header.Revision >= NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2)
        ex = general->PowerManagementCapabilitiesEx;
    pm->has_capabilities = ex && ndis_header_fits(&ex->Header, &ndis_kind_pm_capabilities);
    memset(&pm->old_capabilities, 0, sizeof pm->old_capabilities);
    pm->capabilities = (NDIS_PM_CAPABILITIES){
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_PM_CAPABILITIES_REVISION_1, NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1)};
    if (pm->has_capabilities)
        memcpy(&pm->capabilities, ex, ndis_header_known(&ex->Header, &ndis_kind_pm_capabilities));
    pm->has_old_capabilities = general->PowerManagementCapabilities != NULL;
    if (pm->has_old_capabilities)
        pm->old_capabilities = *general->PowerManagementCapabilities;
    adapter->general.PowerManagementCapabilities = pm->has_old_capabilities ? &pm->old_capabilities : NULL;
    adapter->general.PowerManagementCapabilitiesEx = pm->has_capabilities ? &pm->capabilities : NULL;
}

bool
ndis_pm_is_aware(const struct ndis_adapter *adapter)
{
    return adapter->pm.has_capabilities || adapter->pm.has_old_capabilities ||
           (adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND);
}

// ---- what the drivers above want ---------------------------------------------------------------------------------------------------

// More than the hardware can is refused: "it tried to enable a capability that the underlying network adapter does not support".
static NDIS_STATUS
pm_parameters_set(struct ndis_adapter *adapter, struct ndis_module *source, NDIS_OID_REQUEST *request)
{
    struct _SET *set = (void *)&request->DATA.SET_INFORMATION;
    const NDIS_PM_CAPABILITIES *can = &adapter->pm.capabilities;
    NDIS_PM_PARAMETERS want = {.WakeUpFlags = 0};
    if (!adapter->pm.has_capabilities)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (set->InformationBufferLength < NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1) {
        set->BytesNeeded = NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1;
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    memcpy(&want, set->InformationBuffer, set->InformationBufferLength < sizeof want ? set->InformationBufferLength : sizeof want);
    if (!ndis_header_fits(&want.Header, &ndis_kind_pm_parameters))
        return NDIS_STATUS_INVALID_PARAMETER;
    if (want.Header.Revision < NDIS_PM_PARAMETERS_REVISION_2)
        want.MediaSpecificWakeUpEvents = 0;
    bool link = want.WakeUpFlags & NDIS_PM_WAKE_ON_LINK_CHANGE_ENABLED;
    if ((want.EnabledWoLPacketPatterns & ~can->SupportedWoLPacketPatterns) ||
        (want.EnabledProtocolOffloads & ~can->SupportedProtocolOffloads) || (link && !can->MinLinkChangeWakeUp) ||
        (want.MediaSpecificWakeUpEvents & ~can->MediaSpecificWakeUpEvents))
        return NDIS_STATUS_INVALID_PARAMETER;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    source->pm = want;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    set->BytesRead = set->InformationBufferLength;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
pm_wake_up_set(struct ndis_adapter *adapter, struct ndis_module *source, NDIS_OID_REQUEST *request)
{
    struct _SET *set = (void *)&request->DATA.SET_INFORMATION;
    if (set->InformationBufferLength < sizeof source->wake_up)
        return NDIS_STATUS_INVALID_LENGTH;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    memcpy(&source->wake_up, set->InformationBuffer, sizeof source->wake_up);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    set->BytesRead = sizeof source->wake_up;
    return NDIS_STATUS_SUCCESS;
}

static void
pm_add(const struct ndis_module *module, NDIS_PM_PARAMETERS *sum, ULONG *wake_up)
{
    sum->EnabledWoLPacketPatterns |= module->pm.EnabledWoLPacketPatterns;
    sum->EnabledProtocolOffloads |= module->pm.EnabledProtocolOffloads;
    sum->WakeUpFlags |= module->pm.WakeUpFlags;
    sum->MediaSpecificWakeUpEvents |= module->pm.MediaSpecificWakeUpEvents;
    *wake_up |= module->wake_up;
}

static void
pm_sum(struct ndis_adapter *adapter, NDIS_PM_PARAMETERS *sum, ULONG *wake_up)
{
    bool is_new = adapter->driver->minor >= 30;
    *wake_up = 0;
    *sum = (NDIS_PM_PARAMETERS){
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, is_new ? NDIS_PM_PARAMETERS_REVISION_2 : NDIS_PM_PARAMETERS_REVISION_1,
                              is_new ? NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_2 : NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1)};
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    LIST_FOR_EACH(node, &adapter->filters)
        pm_add(&LIST_ENTRY_OF(node, struct ndis_filter, node)->module, sum, wake_up);
    LIST_FOR_EACH(node, &adapter->bindings)
        pm_add(&LIST_ENTRY_OF(node, struct ndis_binding, node)->module, sum, wake_up);
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

// ---- answers ------------------------------------------------------------------------------------------------------------------------

// A miniport of before NDIS 6.20 said less; it is put into the new form for those above.
static NDIS_STATUS
pm_capabilities_reply(const struct ndis_adapter *adapter, NDIS_OID_REQUEST *request)
{
    const struct ndis_pm *pm = &adapter->pm;
    if (pm->has_capabilities)
        return ndis_oid_reply(request, &pm->capabilities, ndis_header_bytes(&pm->capabilities.Header, sizeof pm->capabilities));
    if (!pm->has_old_capabilities)
        return NDIS_STATUS_NOT_SUPPORTED;
    const NDIS_PM_WAKE_UP_CAPABILITIES *old = &pm->old_capabilities.WakeUpCapabilities;
    NDIS_PM_CAPABILITIES now = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_PM_CAPABILITIES_REVISION_1, NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1),
        .SupportedWoLPacketPatterns = (old->MinMagicPacketWakeUp ? NDIS_PM_WOL_MAGIC_PACKET_SUPPORTED : 0u) |
                                      (old->MinPatternWakeUp ? NDIS_PM_WOL_BITMAP_PATTERN_SUPPORTED : 0u),
        .MinMagicPacketWakeUp = old->MinMagicPacketWakeUp,
        .MinPatternWakeUp = old->MinPatternWakeUp,
        .MinLinkChangeWakeUp = old->MinLinkChangeWakeUp};
    return ndis_oid_reply(request, &now, now.Header.Size);
}

static NDIS_STATUS
pm_old_capabilities_reply(const struct ndis_adapter *adapter, NDIS_OID_REQUEST *request)
{
    const struct ndis_pm *pm = &adapter->pm;
    NDIS_PNP_CAPABILITIES old = {.Flags = 0};
    if (pm->has_old_capabilities)
        old = pm->old_capabilities;
    else if (pm->has_capabilities)
        old.WakeUpCapabilities = (NDIS_PM_WAKE_UP_CAPABILITIES){.MinMagicPacketWakeUp = pm->capabilities.MinMagicPacketWakeUp,
                                                                .MinPatternWakeUp = pm->capabilities.MinPatternWakeUp,
                                                                .MinLinkChangeWakeUp = pm->capabilities.MinLinkChangeWakeUp};
    else
        return NDIS_STATUS_NOT_SUPPORTED;
    return ndis_oid_reply(request, &old, sizeof old);
}

static bool
pm_answer_query(struct ndis_adapter *adapter, NDIS_OID_REQUEST *request, NDIS_STATUS *status)
{
    NDIS_PM_PARAMETERS sum;
    ULONG wake_up;
    switch (request->DATA.QUERY_INFORMATION.Oid) {
    case OID_PM_HARDWARE_CAPABILITIES:
    case OID_PM_CURRENT_CAPABILITIES:
        *status = pm_capabilities_reply(adapter, request);
        return true;
    case OID_PNP_CAPABILITIES:
        // An intermediate driver answers for itself [network/required-and-optional-oids-for-power-management].
        if (adapter->driver->chars.Flags & NDIS_INTERMEDIATE_DRIVER)
            return false;
        *status = pm_old_capabilities_reply(adapter, request);
        return true;
    case OID_PM_PARAMETERS:
        pm_sum(adapter, &sum, &wake_up);
        *status = adapter->pm.has_capabilities ? ndis_oid_reply(request, &sum, sum.Header.Size) : NDIS_STATUS_NOT_SUPPORTED;
        return true;
    case OID_PNP_ENABLE_WAKE_UP:
        pm_sum(adapter, &sum, &wake_up);
        *status = ndis_oid_reply(request, &wake_up, sizeof wake_up);
        return true;
    default:
        return false;
    }
}

bool
ndis_pm_answer(struct ndis_adapter *adapter, struct ndis_module *source, NDIS_OID_REQUEST *request, NDIS_STATUS *status)
{
    if (request->RequestType == NdisRequestQueryInformation || request->RequestType == NdisRequestQueryStatistics)
        return pm_answer_query(adapter, request, status);
    // NDIS's own sets are the ones that go down.
    if (request->RequestType != NdisRequestSetInformation || !source)
        return false;
    switch (request->DATA.SET_INFORMATION.Oid) {
    case OID_PM_PARAMETERS:
        *status = pm_parameters_set(adapter, source, request);
        return true;
    case OID_PNP_ENABLE_WAKE_UP:
        *status = pm_wake_up_set(adapter, source, request);
        return true;
    case OID_PNP_SET_POWER:
        *status = NDIS_STATUS_NOT_SUPPORTED;   // NDIS's alone
        return true;
    default:
        return false;
    }
}

NDIS_STATUS
ndis_pm_tell(struct ndis_adapter *adapter)
{
    NDIS_PM_PARAMETERS sum;
    ULONG wake_up;
    pm_sum(adapter, &sum, &wake_up);
    if (adapter->pm.has_capabilities) {
        // Link changes do not wake a computer that sleeps [network/low-power-for-wake-on-lan].
        sum.WakeUpFlags &= ~(ULONG)NDIS_PM_WAKE_ON_LINK_CHANGE_ENABLED;
        return ndis_oid_adapter(adapter, NdisRequestSetInformation, OID_PM_PARAMETERS, &sum, sum.Header.Size, NULL);
    }
    if (adapter->pm.has_old_capabilities && wake_up)
        return ndis_oid_adapter(adapter, NdisRequestSetInformation, OID_PNP_ENABLE_WAKE_UP, &wake_up, sizeof wake_up, NULL);
    return NDIS_STATUS_SUCCESS;
}
