// SPDX-License-Identifier: MIT
// Calls of the chimney in words, for whoever watches the box (ndis_words_set): the interface `events` of a trace. Made only then.
//   "MiniportInitiateOffload: neighbor new, path new, tcp new with 64 bytes outstanding"      a state operation on its way down
//   "ProtocolInitiateOffloadComplete: neighbor SUCCESS, ..."          and up, with what each block got
//   "MiniportTcpOffloadSend: 2 lists, 2920 bytes"                      data
#include "ndis/chimney/chimney_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ndis/words.h"

#define TRACE_BYTES 400
#define TRACE_BLOCKS 8                        // of a larger tree the first, and how many more there are

struct text {
    const struct ndis_module *module;
    char words[TRACE_BYTES];
    size_t used;
    uint32_t blocks;
    bool is_done;
};

__attribute__((format(printf, 2, 3))) static void
text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(text->words + text->used, sizeof text->words - text->used, format, arguments);
    va_end(arguments);
    if (bytes > 0)
        text->used = text->used + (size_t)bytes < sizeof text->words ? text->used + (size_t)bytes : sizeof text->words - 1;
}

static void
text_say(const struct text *text)
{
    const struct ndis_module *module = text->module;
    struct ndis *ndis = module->ndis;
    ndis->words_fn(ndis->words_context, module->adapter->name, module->image->name, NULL, text->words);
}

void
chimney_trace(const struct ndis_module *module, const char *call, const char *format, ...)
{
    struct text text = {.module = module};
    char more[TRACE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(more, sizeof more, format, arguments);
    va_end(arguments);
    text_add(&text, "%s: %.300s", call, more);
    text_say(&text);
}

static uint64_t
chain_bytes(const NET_BUFFER_LIST *nbls, uint64_t *count)
{
    uint64_t bytes = 0;
    for (const NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        for (const NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next)
            bytes += nb->DataLength;
        if (count)
            ++*count;
    }
    return bytes;
}

// ---- trees ------------------------------------------------------------------------------------------------------------------------------

static const char *
layer_word(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    UCHAR type = block->Header.Type;
    if (!block->NdisOffloadHandle)
        return "placeholder";
    return type <= NeighborOffloadState ? "neighbor" : type <= Ip6OffloadState ? "path" : "tcp";
}

static void
block_say(void *context, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    static const char *const roles[] = {[CHIMNEY_PLACEHOLDER] = "", [CHIMNEY_LINKER] = " linked", [CHIMNEY_NEW] = " new"};
    static const char prefix[] = "NDIS_STATUS_";
    struct text *text = context;
    if (text->blocks++ >= TRACE_BLOCKS)
        return;
    const char *status = ndis_status_word(block->Status);
    if (!strncmp(status, prefix, sizeof prefix - 1))
        status += sizeof prefix - 1;
    text_add(text, "%s %s%s%s", text->blocks > 1 ? "," : "", layer_word(block), text->is_done ? " " : roles[chimney_block_role(block)],
             text->is_done ? status : "");
    // Sends that were handed over are the target's once the initiate is over; what a terminate gives back is the host's.
    if (block->NetBufferListChain && (!text->is_done || block->Header.Type == TcpOffloadDelegatedState))
        text_add(text, " with %llu bytes outstanding", (unsigned long long)chain_bytes(block->NetBufferListChain, NULL));
}

void
chimney_trace_tree(const struct ndis_module *module, const char *call, const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree, bool is_done)
{
    struct text text = {.module = module, .is_done = is_done};
    text_add(&text, "%s:", call);
    chimney_tree_walk((NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *)tree, block_say, &text);
    if (text.blocks > TRACE_BLOCKS)
        text_add(&text, " and %u more", text.blocks - TRACE_BLOCKS);
    text_say(&text);
}

// ---- data -------------------------------------------------------------------------------------------------------------------------------

void
chimney_trace_nbls(const struct ndis_module *module, const char *call, const NET_BUFFER_LIST *nbls, const char *note, bool is_done)
{
    struct text text = {.module = module};
    uint64_t count = 0, bytes = chain_bytes(nbls, &count);
    text_add(&text, "%s: %llu lists, %llu bytes", call, (unsigned long long)count, (unsigned long long)bytes);
    if (note)
        text_add(&text, ", %s", note);
    if (is_done && nbls)
        text_add(&text, ", %s", ndis_status_word(nbls->Status));
    text_say(&text);
}
