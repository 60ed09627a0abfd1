// SPDX-License-Identifier: MIT
// Derived NET_BUFFER_LISTs: clones. A clone describes the same data through its own NET_BUFFERs, and its own MDLs unless the driver
// asked for the original ones; it begins at the start of the used data. NDIS sets neither the parent pointer nor the child count:
// they are the driver's [network/relationships-between-net-buffer-list-generations].
//   ndis_nbl_clone -> [a NBL of the driver's pool or NDIS's own] -> a NET_BUFFER each -> partial MDLs over the used data
//   ndis_nbl_clone_free gives all of it back
#include <stdlib.h>
#include <string.h>

#include "ndis/header.h"
#include "ndis/nbl.h"

int
ndis_clone_create(struct ndis *ndis)
{
    NET_BUFFER_LIST_POOL_PARAMETERS nbl = {.Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                                 NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1),
                                           .PoolTag = 'nlcN'};
    NET_BUFFER_POOL_PARAMETERS nb = {.Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_POOL_PARAMETERS_REVISION_1,
                                                           NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1),
                                     .PoolTag = 'bncN'};
    ndis->clone_pool = ndis_nbl_pool_create(&nbl);
    ndis->clone_nb_pool = ndis_nb_pool_create(&nb);
    return ndis->clone_pool && ndis->clone_nb_pool ? 0 : -1;
}

void
ndis_clone_destroy(struct ndis *ndis)
{
    if (ndis->clone_pool)
        ndis_nbl_pool_destroy(ndis->clone_pool);
    if (ndis->clone_nb_pool)
        ndis_nb_pool_destroy(ndis->clone_nb_pool);
    ndis->clone_pool = ndis->clone_nb_pool = NULL;
}

static void
mdl_chain_free(MDL *mdl)
{
    while (mdl) {
        MDL *next = mdl->Next;
        free(mdl);
        mdl = next;
    }
}

// New MDLs over bytes of data from where nb's data starts.
static bool
mdl_chain_clone(const NET_BUFFER *nb, MDL **out)
{
    MDL **end = out;
    size_t left = nb->DataLength, skip = nb->CurrentMdlOffset;
    *out = NULL;
    for (MDL *from = nb->CurrentMdl; from && left; from = from->Next, skip = 0) {
        size_t part = from->ByteCount - skip;
        if (part > left)
            part = left;
        if (!part)
            continue;
        uint8_t *data = (uint8_t *)from->MappedSystemVa + skip;
        MDL *mdl = malloc(ndis_mdl_bytes(data, part));
        if (!mdl) {
            mdl_chain_free(*out);
            return false;
        }
        ndis_mdl_init(mdl, data, part);
        mdl->MdlFlags |= MDL_PARTIAL;
        *end = mdl;
        end = &mdl->Next;
        left -= part;
    }
    return true;
}

static NET_BUFFER *
nb_clone(const NET_BUFFER *from, struct ndis_nb_pool *pool, NET_BUFFER *own, bool original_mdls)
{
    MDL *mdl = from->CurrentMdl;
    if (!original_mdls && !mdl_chain_clone(from, &mdl))
        return NULL;
    NET_BUFFER *nb = own ? own : ndis_nb_alloc(pool);
    if (!nb) {
        if (!original_mdls)
            mdl_chain_free(mdl);
        return NULL;
    }
    ndis_nb_init(nb, mdl, original_mdls ? from->CurrentMdlOffset : 0, from->stDataLength);
    nb->NdisPoolHandle = own ? own->NdisPoolHandle : pool;
    return nb;
}

void
ndis_nbl_clone_free(NET_BUFFER_LIST *clone, bool original_mdls)
{
    struct ndis_nbl *head = ndis_nbl_of(clone);
    NET_BUFFER *own = head->has_net_buffer ? ndis_nbl_own_nb(head) : NULL;
    for (NET_BUFFER *nb = clone->FirstNetBuffer, *next; nb; nb = next) {
        next = nb->Next;
        if (!original_mdls)
            mdl_chain_free(nb->MdlChain);
        if (nb != own)
            ndis_nb_free(nb);
    }
    ndis_nbl_free(clone);
}

NET_BUFFER_LIST *
ndis_nbl_clone(const NET_BUFFER_LIST *original, struct ndis_nbl_pool *pool, struct ndis_nb_pool *nb_pool, bool original_mdls)
{
    struct ndis *ndis = ndis_self();
    NET_BUFFER_LIST *clone = ndis_nbl_alloc(pool ? pool : ndis->clone_pool, 0, 0);
    if (!clone)
        return NULL;
    struct ndis_nbl *head = ndis_nbl_of(clone);
    head->kind = NDIS_NBL_CLONE;
    head->has_original_mdls = original_mdls;
    clone->Context = NULL;   // none to begin with, whatever the pool has [nblapi/nf-nblapi-ndisallocateclonenetbufferlist]
    // The NET_BUFFER that comes with the pool's NBLs serves the first one, unless it brings data of its own.
    NET_BUFFER *own = head->has_net_buffer && !head->pool->data_bytes ? clone->FirstNetBuffer : NULL;
    clone->FirstNetBuffer = NULL;
    NET_BUFFER **end = &clone->FirstNetBuffer;
    for (const NET_BUFFER *from = original->FirstNetBuffer; from; from = from->Next, own = NULL) {
        NET_BUFFER *nb = nb_clone(from, nb_pool ? nb_pool : ndis->clone_nb_pool, own, original_mdls);
        if (!nb) {
            ndis_nbl_clone_free(clone, original_mdls);
            return NULL;
        }
        *end = nb;
        end = &nb->Next;
    }
    return clone;
}
