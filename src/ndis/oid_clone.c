// SPDX-License-Identifier: MIT
// Clones of OID requests: what a filter or an intermediate driver hands down in place of the request that it was given. Each is on a
// list of the box until it is freed, so that one that nobody freed is said at the end, with the driver that made it.
#include <stdio.h>
#include <string.h>

#include "ndis/header.h"
#include "ndis/oid.h"
#include "verify/left.h"
#include "verify/refuse.h"
#include "verify/report.h"

#define OID_CLONE_KIND 0x4e424f43u            // 'NBOC'

struct ndis_oid_clone {
    uint32_t kind;
    struct ndis *ndis;
    struct list node;                         // ndis->oid_clones, under ndis->lock
    const struct io_image *image;
    NDIS_OID_REQUEST request;
};

bool
ndis_oid_clones_for(NDIS_HANDLE source)
{
    uint32_t kind = source ? *(const uint32_t *)source : 0;
    return kind == NDIS_KIND_FILTER || kind == NDIS_KIND_BINDING;
}

NDIS_OID_REQUEST *
ndis_oid_clone(NDIS_HANDLE source, const NDIS_OID_REQUEST *request)
{
    const struct ndis_module *module = source;
    if (ndis_sync_oid_is(request))            // [ndis/nf-ndis-filter_synchronous_oid_request]
        verify_contract("NdisAllocateCloneOidRequest", "a synchronous request must not be cloned");
    if (!ndis_header_is(&request->Header, NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_SIZEOF_OID_REQUEST_REVISION_1))
        verify_rule_fatal(NBX_0119, "NdisAllocateCloneOidRequest", "the header of the request is not right");
    struct ndis_oid_clone *clone = ndis_alloc(sizeof *clone);
    if (!clone)
        return NULL;
    clone->kind = OID_CLONE_KIND;
    clone->ndis = module->ndis;
    clone->image = module->image;
    // A driver of an older NDIS has a shorter structure, perhaps on its stack.
    // What is NDIS's own in it is not looked at: the request may be on its way back to its source already.
    const size_t own_at = offsetof(NDIS_OID_REQUEST, NdisReserved), own_end = own_at + sizeof request->NdisReserved;
    memcpy(&clone->request, request, own_at);
    memcpy((uint8_t *)&clone->request + own_end, (const uint8_t *)request + own_end,
           ndis_header_bytes(&request->Header, sizeof clone->request) - own_end);
    memset(clone->request.NdisReserved, 0, sizeof clone->request.NdisReserved);
    memset(clone->request.MiniportReserved, 0, sizeof clone->request.MiniportReserved);
    memset(clone->request.SourceReserved, 0, sizeof clone->request.SourceReserved);
    KIRQL old = ke_lock_take(&clone->ndis->lock);
    list_push_back(&clone->ndis->oid_clones, &clone->node);
    ke_lock_drop(&clone->ndis->lock, old);
    verify_had(VERIFY_LEFT_CLONE, &clone->request, source, "NdisAllocateCloneOidRequest");
    return &clone->request;
}

void
ndis_oid_clone_free(NDIS_OID_REQUEST *request)
{
    struct ndis *ndis = ndis_self();
    struct ndis_oid_clone *found = NULL;
    KIRQL old = ke_lock_take(&ndis->lock);
    LIST_FOR_EACH(node, &ndis->oid_clones) {  // few are out at any time; what is no clone is not touched
        struct ndis_oid_clone *clone = LIST_ENTRY_OF(node, struct ndis_oid_clone, node);
        if (&clone->request == request)
            found = clone;
    }
    bool is_below = found && atomic_load(&ndis_oid_of(request)->state) == NDIS_OID_PENDED;
    if (found && !is_below)
        list_remove(&found->node);
    ke_lock_drop(&ndis->lock, old);
    if (!found)
        verify_contract("NdisFreeCloneOidRequest", "the request is no clone (freed already, or not from NdisAllocateCloneOidRequest)");
    if (is_below)
        verify_contract("NdisFreeCloneOidRequest", "the clone is still below: its answer has not come");
    verify_gave(ndis->box, VERIFY_LEFT_CLONE, request);
    ndis_free(found);
}

uint32_t
ndis_oid_clones_left(struct ndis *ndis)
{
    struct list *node;
    uint32_t count = 0;
    while ((node = list_pop_front(&ndis->oid_clones))) {
        struct ndis_oid_clone *clone = LIST_ENTRY_OF(node, struct ndis_oid_clone, node);
        if (!verify_left_one(ndis->box, VERIFY_LEFT_CLONE, &clone->request, "NdisFreeCloneOidRequest")) {
            box_message(ndis->box, "left behind: a cloned OID request (0x%08x) that %s never freed",
                        clone->request.DATA.QUERY_INFORMATION.Oid, clone->image ? clone->image->name : "?");
            count++;
        }
        ndis_free(clone);
    }
    return count;
}
