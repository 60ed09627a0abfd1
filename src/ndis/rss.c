// SPDX-License-Identifier: MIT
// Receive side scaling as NDIS keeps it for an adapter: what the miniport can (its general attributes) and what it was last set to, so
// that the queries never reach it [network/oid-gen-receive-scale-capabilities, -parameters, oid-gen-receive-hash].
//   ndis_rss_capabilities_set   a copy of the attributes' structure
//   ndis_rss_noted              a set that the miniport said yes to: pieces marked as unchanged stay
//   ndis_rss_answer             a query: the structure, then the indirection table, then the key
// Which processors there are for RSS: ndis_rss_processors, from the standard keywords of the adapter.
#include <string.h>

#include "ndis/header.h"
#include "ndis/oid.h"
#include "ndis/rss.h"

#define TABLE_BYTES_MAX NDIS_RSS_INDIRECTION_TABLE_MAX_SIZE_REVISION_3
#define KEY_BYTES_MAX NDIS_RSS_HASH_SECRET_KEY_MAX_SIZE_REVISION_3

// What is kept of either OID: a head, a table (RSS only) and a key.
struct rss_pieces {
    ULONG information;                        // hash types and function
    bool is_on;
    uint32_t table_bytes, key_bytes;
    uint8_t table[TABLE_BYTES_MAX], key[KEY_BYTES_MAX];
};

struct ndis_rss {
    NDIS_RECEIVE_SCALE_CAPABILITIES capabilities;
    struct rss_pieces scale, hash;            // guarded by ndis->lock
};

NDIS_STATUS
ndis_rss_capabilities_set(struct ndis_adapter *adapter, const NDIS_RECEIVE_SCALE_CAPABILITIES *capabilities)
{
    if (!capabilities)
        return NDIS_STATUS_SUCCESS;
    if (!ndis_header_fits(&capabilities->Header, &ndis_kind_rss_capabilities))
        return NDIS_STATUS_INVALID_PARAMETER;
    struct ndis_rss *rss = ndis_alloc(sizeof *rss);
    if (!rss)
        return NDIS_STATUS_RESOURCES;
    memcpy(&rss->capabilities, capabilities, ndis_header_known(&capabilities->Header, &ndis_kind_rss_capabilities));
    adapter->rss = rss;
    adapter->general.RecvScaleCapabilities = &rss->capabilities;
    return NDIS_STATUS_SUCCESS;
}

void
ndis_rss_drop(struct ndis_adapter *adapter)
{
    ndis_free(adapter->rss);
    adapter->rss = NULL;
}

// ---- what was set -----------------------------------------------------------------------------------------------------------------

// Copy a piece that a set brought, if it lies within its bytes and is not too long. The miniport has said yes to it.
static uint32_t
piece_take(uint8_t *out, uint32_t room, const uint8_t *data, uint32_t bytes, uint32_t offset, uint32_t size)
{
    if (offset > bytes || size > bytes - offset || size > room)
        return 0;
    memcpy(out, data + offset, size);
    return size;
}

static void
scale_note(struct rss_pieces *pieces, const void *data, uint32_t bytes)
{
    NDIS_RECEIVE_SCALE_PARAMETERS p;
    if (bytes < NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1)
        return;
    memcpy(&p, data, NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1);
    if (p.Flags & NDIS_RSS_PARAM_FLAG_DISABLE_RSS) {
        pieces->information = 0;
        return;
    }
    if (!(p.Flags & NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED))
        pieces->information = p.HashInformation;
    if (!(p.Flags & NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED))
        pieces->table_bytes =
            piece_take(pieces->table, sizeof pieces->table, data, bytes, p.IndirectionTableOffset, p.IndirectionTableSize);
    if (!(p.Flags & NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED))
        pieces->key_bytes = piece_take(pieces->key, sizeof pieces->key, data, bytes, p.HashSecretKeyOffset, p.HashSecretKeySize);
}

static void
hash_note(struct rss_pieces *pieces, const void *data, uint32_t bytes)
{
    NDIS_RECEIVE_HASH_PARAMETERS p;
    if (bytes < NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1)
        return;
    memcpy(&p, data, NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1);
    pieces->is_on = p.Flags & NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH;
    if (pieces->is_on && !(p.Flags & NDIS_RECEIVE_HASH_FLAG_HASH_INFO_UNCHANGED))
        pieces->information = p.HashInformation;
    if (pieces->is_on && !(p.Flags & NDIS_RECEIVE_HASH_FLAG_HASH_KEY_UNCHANGED))
        pieces->key_bytes = piece_take(pieces->key, sizeof pieces->key, data, bytes, p.HashSecretKeyOffset, p.HashSecretKeySize);
}

void
ndis_rss_noted(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request)
{
    const struct _SET *set = (const void *)&request->DATA.SET_INFORMATION;
    if (request->RequestType != NdisRequestSetInformation || !adapter->rss ||
        (set->Oid != OID_GEN_RECEIVE_SCALE_PARAMETERS && set->Oid != OID_GEN_RECEIVE_HASH))
        return;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    if (set->Oid == OID_GEN_RECEIVE_SCALE_PARAMETERS)
        scale_note(&adapter->rss->scale, set->InformationBuffer, set->InformationBufferLength);
    else
        hash_note(&adapter->rss->hash, set->InformationBuffer, set->InformationBufferLength);
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

// ---- queries ----------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
scale_reply(NDIS_OID_REQUEST *request, const struct rss_pieces *pieces)
{
    struct {
        NDIS_RECEIVE_SCALE_PARAMETERS head;
        uint8_t rest[TABLE_BYTES_MAX + KEY_BYTES_MAX];
    } reply;
    const uint32_t head_bytes = sizeof reply.head;
    memset(&reply, 0, sizeof reply);
    reply.head.Header = ndis_header(NDIS_OBJECT_TYPE_RSS_PARAMETERS, NDIS_RECEIVE_SCALE_PARAMETERS_REVISION_3,
                                    NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_3);
    reply.head.HashInformation = pieces->information;
    if (pieces->information) {
        reply.head.IndirectionTableSize = (USHORT)pieces->table_bytes;
        reply.head.IndirectionTableOffset = head_bytes;
        reply.head.HashSecretKeySize = (USHORT)pieces->key_bytes;
        reply.head.HashSecretKeyOffset = head_bytes + pieces->table_bytes;
        memcpy((uint8_t *)&reply + head_bytes, pieces->table, pieces->table_bytes);
        memcpy((uint8_t *)&reply + head_bytes + pieces->table_bytes, pieces->key, pieces->key_bytes);
    }
    return ndis_oid_reply(request, &reply, head_bytes + reply.head.IndirectionTableSize + reply.head.HashSecretKeySize);
}

static NDIS_STATUS
hash_reply(NDIS_OID_REQUEST *request, const struct rss_pieces *pieces)
{
    struct {
        NDIS_RECEIVE_HASH_PARAMETERS head;
        uint8_t key[KEY_BYTES_MAX];
    } reply;
    memset(&reply, 0, sizeof reply);
    reply.head.Header =
        ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_RECEIVE_HASH_PARAMETERS_REVISION_1, NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1);
    if (pieces->is_on) {
        reply.head.Flags = NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH;
        reply.head.HashInformation = pieces->information;
        reply.head.HashSecretKeySize = (USHORT)pieces->key_bytes;
        reply.head.HashSecretKeyOffset = sizeof reply.head;
        memcpy(reply.key, pieces->key, pieces->key_bytes);
    }
    return ndis_oid_reply(request, &reply, (uint32_t)sizeof reply.head + reply.head.HashSecretKeySize);
}

NDIS_STATUS
ndis_rss_answer(NDIS_OID_REQUEST *request, const struct ndis_adapter *adapter, bool *known)
{
    const struct ndis_rss *rss = adapter->rss;
    struct rss_pieces pieces;
    NDIS_OID oid = request->DATA.QUERY_INFORMATION.Oid;
    if (oid != OID_GEN_RECEIVE_SCALE_CAPABILITIES && oid != OID_GEN_RECEIVE_SCALE_PARAMETERS && oid != OID_GEN_RECEIVE_HASH) {
        *known = false;
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    if (!rss)
        return NDIS_STATUS_NOT_SUPPORTED;     // the miniport has no RSS, and is not asked
    if (oid == OID_GEN_RECEIVE_SCALE_CAPABILITIES)
        return ndis_oid_reply(request, &rss->capabilities,
                              (uint32_t)ndis_header_bytes(&rss->capabilities.Header, sizeof rss->capabilities));
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    pieces = oid == OID_GEN_RECEIVE_HASH ? rss->hash : rss->scale;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return oid == OID_GEN_RECEIVE_HASH ? hash_reply(request, &pieces) : scale_reply(request, &pieces);
}
