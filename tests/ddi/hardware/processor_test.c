// SPDX-License-Identifier: MIT
// Processors as NDIS shows them, and which of them RSS may use.
#include <string.h>

#include "hw.h"
#include "nt/cm/cm.h"

static void
plain(void)
{
    KIRQL irql = KeRaiseIrqlToDpcLevel();
    PROCESSOR_NUMBER now = NdisCurrentGroupAndProcessor();
    ck_assert_uint_eq(now.Group, 0);
    ck_assert_uint_eq(now.Number, KeGetCurrentProcessorNumberEx(NULL));
    KeLowerIrql(irql);
    ck_assert_uint_eq(NdisGroupActiveProcessorMask(0), 3);
    ck_assert_uint_eq(NdisGroupActiveProcessorMask(1), 0);
    // Both processors, one after the other.
    uint32_t seen = 0;
    for (UCHAR i = 0; i < 2; i++) {
        KAFFINITY before = KeSetSystemAffinityThreadEx(1ull << i);
        irql = KeRaiseIrqlToDpcLevel();
        seen |= 1u << NdisCurrentGroupAndProcessor().Number;
        KeLowerIrql(irql);
        KeRevertToUserAffinityThreadEx(before);
    }
    ck_assert_uint_eq(seen, 3);
}

TEST(NdisCurrentGroupAndProcessor_is_the_processor_that_runs_the_caller)
{
    hw_run(1, NULL, plain);
}

TEST(NdisGroupActiveProcessorMask_is_that_of_the_one_group)
{
    hw_run(2, NULL, plain);
}

static void
topology(void)
{
    NDIS_SYSTEM_PROCESSOR_INFO info;
    UCHAR rss[64];
    memset(&info, 0xee, sizeof info);
    memset(rss, 0xee, sizeof rss);
    info.Header.Size = NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_REVISION_1;
    info.RssProcessors = rss;
    ck_assert_int_eq(NdisGetProcessorInformation(&info), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(info.NumCores, 2);
    ck_assert_uint_eq(info.NumPhysicalPackages, 1);
    ck_assert_uint_eq(info.NumCoresPerPhysicalPackage, 2);
    ck_assert_uint_eq(info.MaxHyperThreadingCpusPerCore, 1);
    ck_assert_uint_eq(info.RssCpuCount, 2);
    ck_assert_uint_eq(info.RssBaseCpu, 0);
    ck_assert_uint_eq(info.CpuInfo[1].CpuNumber, 1);
    ck_assert_uint_eq(rss[0], 0);
    ck_assert_uint_eq(rss[1], 1);
    info.RssProcessors = NULL;
    ck_assert_int_eq(NdisGetProcessorInformation(&info), NDIS_STATUS_SUCCESS);
    info.Header.Size--;
    ck_assert_int_eq(NdisGetProcessorInformation(&info), NDIS_STATUS_BUFFER_TOO_SHORT);
}

TEST(NdisGetProcessorInformation_tells_the_cores_and_refuses_a_short_structure)
{
    hw_run(1, NULL, topology);
}

static void
topology_ex(void)
{
    struct {
        NDIS_SYSTEM_PROCESSOR_INFO_EX head;
        NDIS_PROCESSOR_INFO_EX each[2];
    } info;
    SIZE_T size = 0;
    ck_assert_int_eq(NdisGetProcessorInformationEx(NULL, NULL, &size), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_uint_eq(size, sizeof info);
    size--;
    ck_assert_int_eq(NdisGetProcessorInformationEx(NULL, &info.head, &size), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_uint_eq(size, sizeof info);
    ck_assert_int_eq(NdisGetProcessorInformationEx(kit.mp_driver, &info.head, &size), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(info.head.NumberOfProcessors, 2);
    ck_assert_uint_eq(info.head.NumCores, 2);
    ck_assert_uint_eq(info.head.NumSockets, 1);
    ck_assert_uint_eq(info.head.ProcessorInfoOffset, offsetof(__typeof__(info), each));
    ck_assert_uint_eq(info.head.ProcessorInfoEntrySize, sizeof info.each[0]);
    ck_assert_uint_eq(info.each[1].ProcNum.Number, 1);
    ck_assert_uint_eq(info.each[1].CoreId, 1);
}

TEST(NdisGetProcessorInformationEx_tells_the_size_it_needs_and_fills_it)
{
    hw_run(1, NULL, topology_ex);
}

// ---- RSS ------------------------------------------------------------------------------------------------------------------------------

static const char *base, *last, *most;
static uint32_t want_base, want_count, want_most;

struct rss_info {
    NDIS_RSS_PROCESSOR_INFO head;
    NDIS_RSS_PROCESSOR each[2];
};

static void
rss_of(NDIS_HANDLE handle)
{
    struct rss_info info;
    SIZE_T size = 0;
    ck_assert_int_eq(NdisGetRssProcessorInformation(handle, NULL, &size), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_uint_eq(size, sizeof info.head + want_count * sizeof info.each[0]);
    size--;
    ck_assert_int_eq(NdisGetRssProcessorInformation(handle, &info.head, &size), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_int_eq(NdisGetRssProcessorInformation(handle, &info.head, &size), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(info.head.Header.Type, NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO);
    ck_assert_uint_eq(info.head.RssBaseProcessor.Number, want_base);
    ck_assert_uint_eq(info.head.RssProcessorCount, want_count);
    ck_assert_uint_eq(info.head.MaxNumRssProcessors, want_most);
    ck_assert_uint_eq(info.head.RssMaxProcessor.Number, want_base + want_count - 1);
    for (uint32_t i = 0; i < want_count; i++) {
        NDIS_RSS_PROCESSOR *one = (void *)((uint8_t *)&info + info.head.RssProcessorArrayOffset + i * info.head.RssProcessorEntrySize);
        ck_assert_uint_eq(one->ProcNum.Number, want_base + i);
    }
}

static void
rss(void)
{
    char path[256];
    ndis_adapter_key("nic0", path, sizeof path);
    struct cm_key *key = cm_key_open(kit.box, path);
    ck_assert_ptr_nonnull(key);
    if (base)
        cm_set_sz(kit.box, key, "*RssBaseProcNumber", base);
    if (last)
        cm_set_sz(kit.box, key, "*RssMaxProcNumber", last);
    if (most)
        cm_set_sz(kit.box, key, "*MaxRssProcessors", most);
    kit_start(true, 1);
    rss_of(kit.mp.adapter);
    rss_of(kit.filter);
    rss_of(kit.binding[0].handle);
}

static void
rss_case(const char *b, const char *l, const char *m, uint32_t wb, uint32_t wc, uint32_t wm)
{
    base = b, last = l, most = m;
    want_base = wb, want_count = wc, want_most = wm;
    hw_run(1, NULL, rss);
}

TEST(NdisGetRssProcessorInformation_follows_the_adapters_RSS_keywords)
{
    rss_case(NULL, NULL, NULL, 0, 2, 2);
    rss_case("1", NULL, NULL, 1, 1, 1);
    rss_case(NULL, "0", NULL, 0, 1, 1);
    rss_case(NULL, "63", "1", 0, 2, 1);
    rss_case("7", NULL, "0", 1, 1, 1);   // beyond what the box has
}

static void
rss_bad_handle(void)
{
    SIZE_T size = 0;
    kit_start(false, 1);
    NdisGetRssProcessorInformation(kit.mp_driver, NULL, &size);
}

TEST(NdisGetRssProcessorInformation_with_a_drivers_handle_is_reported)
{
    hw_reported(NULL, rss_bad_handle, "NdisGetRssProcessorInformation: the handle");
}

static void
hypervisor(void)
{
    NDIS_HYPERVISOR_INFO info = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_HYPERVISOR_INFO_REVISION_1,
                                            NDIS_SIZEOF_HYPERVISOR_INFO_REVISION_1},
                                 .Flags = 77,
                                 .PartitionType = NdisHypervisorPartitionMsHvChild};
    ck_assert_int_eq(NdisGetHypervisorInfo(&info), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(info.Flags, 0);
    ck_assert_int_eq(info.PartitionType, NdisHypervisorPartitionTypeUnknown);
    info.Header.Size--;
    ck_assert_int_eq(NdisGetHypervisorInfo(&info), NDIS_STATUS_BUFFER_TOO_SHORT);
}

TEST(NdisGetHypervisorInfo_says_that_there_is_none)
{
    hw_run(1, NULL, hypervisor);
}
