// SPDX-License-Identifier: MIT
// The processors that RSS may use on an adapter: from *RssBaseProcNumber to *RssMaxProcNumber, and *MaxRssProcessors of them at most
// (16 when it says nothing), cut to what the box has. Read when the adapter is made. A base beyond the box's processors leaves the
// last one. Groups and NUMA nodes: a box has one of each, so other numbers of theirs mean nothing here.
// [network/standardized-inf-keywords-for-rss]
#include "ndis/config.h"
#include "ndis/header.h"
#include "ndis/rss.h"

static uint32_t
keyword(struct ndis_config *config, const char *name, uint32_t missing)
{
    UNICODE_STRING text;
    NDIS_CONFIGURATION_PARAMETER *value;
    if (!ndis_string_make(&text, name))
        return missing;
    if (ndis_config_read(config, &text, NdisParameterInteger, &value) == NDIS_STATUS_SUCCESS &&
        value->ParameterType == NdisParameterInteger)
        missing = value->ParameterData.IntegerData;
    ndis_string_free(&text);
    return missing;
}

void
ndis_rss_range_read(struct ndis_adapter *adapter, struct ndis_rss_range *range)
{
    uint32_t highest = adapter->module.ndis->box->processor_count - 1;
    struct ndis_config *config;
    NDIS_CONFIGURATION_OBJECT object = {.Header = ndis_header(NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                              NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1),
                                        .NdisHandle = adapter};
    *range = (struct ndis_rss_range){0, highest, 16};
    if (ndis_config_open(&object, &config) != NDIS_STATUS_SUCCESS)
        return;
    range->base = keyword(config, "*RssBaseProcNumber", 0);
    range->last = keyword(config, "*RssMaxProcNumber", highest);
    range->most = keyword(config, "*MaxRssProcessors", 16);
    ndis_config_close(config);
    if (range->last > highest)
        range->last = highest;
    if (range->base > range->last)
        range->base = range->last;
    if (!range->most)
        range->most = 1;
}
