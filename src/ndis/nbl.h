// SPDX-License-Identifier: MIT
// NET_BUFFER_LISTs, NET_BUFFERs, their MDLs and data: pools, data start, contexts. The front doors are ddi_nbl.c.
#ifndef NBX_NDIS_NBL_H
#define NBX_NDIS_NBL_H

#include "ndis/ndis_int.h"
#include "ndis/slab.h"

struct ndis_nbl_pool {
    uint32_t kind;
    struct ndis *ndis;
    struct io_image *image;                   // who made it, for the leak report
    struct ndis_slab *slab;
    ULONG tag;
    uint32_t context_bytes;                   // reserved behind each NBL
    uint32_t data_bytes;                      // behind the NET_BUFFER, described by its MDL
    uint32_t record_bytes;                    // before each head, the verifier's; 0 without it
    bool with_net_buffer;
    uint8_t protocol_id;
    uint32_t origin_at;                       // in a block: struct verify_mark, who allocated it; 0: not watched so closely
};

struct ndis_nb_pool {
    uint32_t kind;
    struct ndis *ndis;
    struct io_image *image;
    struct ndis_slab *slab;
    ULONG tag;
    uint32_t data_bytes;
    uint32_t origin_at;
};

// What stands before every NET_BUFFER of a NET_BUFFER pool, and behind it its own MDL and data, if the pool has data.
struct ndis_nb {
    void *link;                               // the slab's
    struct ndis_nb_pool *pool;                // NULL: part of an NBL block
    NET_BUFFER nb;
};

// owns: returns it until ndis_nbl_pool_destroy. fails: NULL.
struct ndis_nbl_pool *ndis_nbl_pool_create(const NET_BUFFER_LIST_POOL_PARAMETERS *parameters);
void ndis_nbl_pool_destroy(struct ndis_nbl_pool *pool);
struct ndis_nb_pool *ndis_nb_pool_create(const NET_BUFFER_POOL_PARAMETERS *parameters);
void ndis_nb_pool_destroy(struct ndis_nb_pool *pool);

NET_BUFFER_LIST *ndis_nbl_alloc(struct ndis_nbl_pool *pool, uint32_t context_bytes, uint32_t context_backfill);
void ndis_nbl_free(NET_BUFFER_LIST *nbl);
NET_BUFFER *ndis_nb_alloc(struct ndis_nb_pool *pool);
void ndis_nb_free(NET_BUFFER *nb);
// The NET_BUFFER that a pool with fAllocateNetBuffer keeps in the NBL's block.
NET_BUFFER *ndis_nbl_own_nb(struct ndis_nbl *head);
MDL *ndis_nb_own_mdl(NET_BUFFER *nb);
void ndis_nb_init(NET_BUFFER *nb, MDL *mdl, ULONG offset, SIZE_T bytes);

// An MDL over nonpaged memory, page array filled in (addresses map one to one). mdl has room for ndis_mdl_bytes(va, bytes).
size_t ndis_mdl_bytes(const void *va, size_t bytes);
void ndis_mdl_init(MDL *mdl, void *va, size_t bytes);

NDIS_STATUS ndis_nb_retreat(NET_BUFFER *nb, ULONG delta, ULONG backfill, NET_BUFFER_ALLOCATE_MDL_HANDLER allocate);
void ndis_nb_advance(NET_BUFFER *nb, ULONG delta, BOOLEAN free_mdl, NET_BUFFER_FREE_MDL_HANDLER free_handler);
// Set CurrentMdl and its offset from DataOffset.
void ndis_nb_seek(NET_BUFFER *nb);
// Contiguous bytes at the data start, or copied into storage, or NULL.
void *ndis_nb_data(NET_BUFFER *nb, ULONG bytes, void *storage, UINT align, UINT align_offset);
// Copy up to bytes from offset of the data into out; returns how many there were.
size_t ndis_nb_read(const NET_BUFFER *nb, size_t offset, void *out, size_t bytes);

// Derived lists (clone.c). pool, nb_pool: NULL for NDIS's own. fails: NULL.
// owns: the clone is the caller's until ndis_nbl_clone_free, with the same flag; the original has to live as long.
NET_BUFFER_LIST *ndis_nbl_clone(const NET_BUFFER_LIST *original, struct ndis_nbl_pool *pool, struct ndis_nb_pool *nb_pool,
                                bool original_mdls);
void ndis_nbl_clone_free(NET_BUFFER_LIST *clone, bool original_mdls);

// Blocks that are out when their pool goes (nbl_left.c): NBX-0301, or a line when the box is not watched. While stacks are kept, who
// allocated a block stands at its end: room for it, who it is, nobody any more.
uint32_t ndis_origin_room(const struct ndis *ndis, size_t *bytes);
void ndis_origin_set(void *block, uint32_t origin_at, const char *function);
void ndis_origin_clear(void *block, uint32_t origin_at);
void ndis_nbl_pool_left(struct ndis_nbl_pool *pool);
void ndis_nb_pool_left(struct ndis_nb_pool *pool);

NDIS_STATUS ndis_nbl_context_alloc(NET_BUFFER_LIST *nbl, USHORT bytes, USHORT backfill);
void ndis_nbl_context_free(NET_BUFFER_LIST *nbl, USHORT bytes);

#endif
