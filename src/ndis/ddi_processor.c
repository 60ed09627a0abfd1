// SPDX-License-Identifier: MIT
// Front doors: processors as NDIS shows them. A box is one package of as many cores as it has processors, in group 0 and node 0.
// Which of them RSS may use is the adapter's *RssBaseProcNumber, *RssMaxProcNumber and *MaxRssProcessors (rss_range.c).
// [ndis/nf-ndis-ndisgetprocessorinformation], [ndis/nf-ndis-ndisgetrssprocessorinformation]
#include <string.h>

#include "ndis/header.h"
#include "ndis/rss.h"
#include "verify/refuse.h"
#include "verify/verify.h"

NTAPI KAFFINITY
NdisGroupActiveProcessorMask(USHORT Group)
{
    VERIFY_ENTER(NdisGroupActiveProcessorMask);
    return KeQueryGroupAffinity(Group);
}

NTAPI PROCESSOR_NUMBER
NdisCurrentGroupAndProcessor(VOID)
{
    VERIFY_ENTER(NdisCurrentGroupAndProcessor);
    PROCESSOR_NUMBER number = {0};
    KeGetCurrentProcessorNumberEx(&number);
    return number;
}

// The same numbers in both structures.
NTAPI NDIS_STATUS
NdisGetProcessorInformation(PNDIS_SYSTEM_PROCESSOR_INFO SystemProcessorInfo)
{
    VERIFY_ENTER(NdisGetProcessorInformation);
    NDIS_SYSTEM_PROCESSOR_INFO *info = SystemProcessorInfo;
    uint32_t count = box_self()->processor_count;
    if (info->Header.Size < NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_REVISION_1)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    PUCHAR processors = info->RssProcessors;
    *info = (NDIS_SYSTEM_PROCESSOR_INFO){
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_SYSTEM_PROCESSOR_INFO_REVISION_1,
                              NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_REVISION_1),
        .NumPhysicalPackages = 1,
        .NumCores = count,
        .NumCoresPerPhysicalPackage = count,
        .MaxHyperThreadingCpusPerCore = 1,
        .RssCpuCount = count,
        .RssProcessors = processors};
    for (uint32_t i = 0; i < count; i++) {
        info->CpuInfo[i] = (NDIS_PROCESSOR_INFO){.CpuNumber = i, .CoreId = i};
        if (processors)
            processors[i] = (UCHAR)i;
    }
    return NDIS_STATUS_SUCCESS;
}

NTAPI NDIS_STATUS
NdisGetProcessorInformationEx(NDIS_HANDLE NdisHandle, PNDIS_SYSTEM_PROCESSOR_INFO_EX SystemProcessorInfo, PSIZE_T Size)
{
    VERIFY_ENTER(NdisGetProcessorInformationEx);
    uint32_t count = box_self()->processor_count;
    SIZE_T need = sizeof *SystemProcessorInfo + count * sizeof(NDIS_PROCESSOR_INFO_EX);
    bool fits = SystemProcessorInfo && *Size >= need;
    *Size = need;
    if (!fits)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    *SystemProcessorInfo = (NDIS_SYSTEM_PROCESSOR_INFO_EX){
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_SYSTEM_PROCESSOR_INFO_EX_REVISION_1,
                              NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_EX_REVISION_1),
        .NumSockets = 1,
        .NumCores = count,
        .NumCoresPerSocket = count,
        .MaxHyperThreadingProcsPerCore = 1,
        .ProcessorInfoOffset = sizeof *SystemProcessorInfo,
        .NumberOfProcessors = count,
        .ProcessorInfoEntrySize = sizeof(NDIS_PROCESSOR_INFO_EX)};
    NDIS_PROCESSOR_INFO_EX *each = (void *)(SystemProcessorInfo + 1);
    for (uint32_t i = 0; i < count; i++)
        each[i] = (NDIS_PROCESSOR_INFO_EX){.ProcNum = {.Number = (UCHAR)i}, .CoreId = i};
    return NDIS_STATUS_SUCCESS;
}

// The adapter that the handle of a miniport, a filter module or a binding stands for.
static const struct ndis_adapter *
instance_adapter(NDIS_HANDLE handle, const char *function)
{
    uint32_t kind = handle ? *(const uint32_t *)handle : 0;
    if (kind != NDIS_KIND_ADAPTER && kind != NDIS_KIND_FILTER && kind != NDIS_KIND_BINDING)
        verify_bad_handle(function, handle, NDIS_KIND_ADAPTER);
    return ((const struct ndis_module *)handle)->adapter;
}

NTAPI NDIS_STATUS
NdisGetRssProcessorInformation(NDIS_HANDLE NdisHandle, PNDIS_RSS_PROCESSOR_INFO RssProcessorInfo, PSIZE_T Size)
{
    VERIFY_ENTER(NdisGetRssProcessorInformation);
    const struct ndis_rss_range *range = &instance_adapter(NdisHandle, "NdisGetRssProcessorInformation")->rss_range;
    uint32_t count = range->last - range->base + 1;
    SIZE_T need = sizeof *RssProcessorInfo + count * sizeof(NDIS_RSS_PROCESSOR);
    bool fits = RssProcessorInfo && *Size >= need;
    *Size = need;
    if (!fits)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    *RssProcessorInfo = (NDIS_RSS_PROCESSOR_INFO){
        .Header = ndis_header(NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO, NDIS_RSS_PROCESSOR_INFO_REVISION_2,
                              NDIS_SIZEOF_RSS_PROCESSOR_INFO_REVISION_2),
        .RssBaseProcessor.Number = (UCHAR)range->base,
        .MaxNumRssProcessors = range->most < count ? range->most : count,
        .RssProcessorArrayOffset = sizeof *RssProcessorInfo,
        .RssProcessorCount = count,
        .RssProcessorEntrySize = sizeof(NDIS_RSS_PROCESSOR),
        .RssMaxProcessor.Number = (UCHAR)range->last,
        .RssProfile = NdisRssProfileNumaStatic};
    NDIS_RSS_PROCESSOR *each = (void *)(RssProcessorInfo + 1);
    for (uint32_t i = 0; i < count; i++)
        each[i] = (NDIS_RSS_PROCESSOR){.ProcNum.Number = (UCHAR)(range->base + i)};
    return NDIS_STATUS_SUCCESS;
}

NTAPI ULONG
NdisProcessorNumberToIndex(PROCESSOR_NUMBER ProcNum)
{
    VERIFY_ENTER(NdisProcessorNumberToIndex);
    return KeGetProcessorIndexFromNumber(&ProcNum);
}

// No hypervisor is below a box.
NTAPI NDIS_STATUS
NdisGetHypervisorInfo(PNDIS_HYPERVISOR_INFO HypervisorInfo)
{
    VERIFY_ENTER(NdisGetHypervisorInfo);
    if (HypervisorInfo->Header.Size < NDIS_SIZEOF_HYPERVISOR_INFO_REVISION_1)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    HypervisorInfo->Flags = 0;
    HypervisorInfo->PartitionType = NdisHypervisorPartitionTypeUnknown;
    return NDIS_STATUS_SUCCESS;
}
