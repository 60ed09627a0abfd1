// SPDX-License-Identifier: MIT
// See watch.h: a table of ours for an object. Where the provider has a function and we watch it, ours stands; where it has none (its
// version is older, or it does not provide the slot) there is none. Later versions only add to the end of a table, so that what a version
// has is a number of slots. [ndkpi, "Version" of each function's page]
#include <string.h>

#include "ndis/ndk/watch_int.h"

static bool
is_since(const struct ndk_watch *watch, USHORT major, USHORT minor)
{
    return watch->version.Major > major || (watch->version.Major == major && watch->version.Minor >= minor);
}

// The tables, by type: ours, and how many slots 1.1 has; then what came later.
static const struct {
    const void *calls;
    uint8_t slots, of_1_2, of_2_1;
} tables[] = {
    [NdkObjectTypeAdapter] = {&ndk_adapter_calls, 9, 0, 0},
    [NdkObjectTypeQp] = {&ndk_qp_calls, 10, 1, 0},
    [NdkObjectTypeCq] = {&ndk_cq_calls, 6, 1, 0},
    [NdkObjectTypeMr] = {&ndk_mr_calls, 7, 0, 0},
    [NdkObjectTypeMw] = {&ndk_mw_calls, 3, 0, 0},
    [NdkObjectTypePd] = {&ndk_pd_calls, 8, 0, 0},
    [NdkObjectTypeSharedEndpoint] = {&ndk_endpoint_calls, 3, 0, 0},
    [NdkObjectTypeConnector] = {&ndk_connector_calls, 11, 0, 2},
    [NdkObjectTypeListener] = {&ndk_listener_calls, 5, 0, 0},
    [NdkObjectTypeSrq] = {&ndk_srq_calls, 4, 0, 0},
};

void
ndk_table_fill(struct ndk_object *object)
{
    size_t slots = tables[object->type].slots;
    slots += is_since(object->watch, 1, 2) ? tables[object->type].of_1_2 : 0;
    slots += is_since(object->watch, 2, 1) ? tables[object->type].of_2_1 : 0;
    for (size_t at = 0; at < slots * sizeof(void *); at += sizeof(void *)) {
        void *theirs, *ours;
        memcpy(&theirs, (const uint8_t *)object->theirs + at, sizeof theirs);
        memcpy(&ours, (const uint8_t *)tables[object->type].calls + at, sizeof ours);
        if (theirs && ours)
            theirs = ours;
        memcpy((uint8_t *)&object->ours + at, &theirs, sizeof theirs);
    }
}
