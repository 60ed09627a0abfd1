// SPDX-License-Identifier: MIT
// Looking at packets that lie in pieces, and borrowing their bytes for packets of our own.
//   in_peek         a header in place, or copied together when it lies in two pieces
//   net_out_borrow  an answer that carries received bytes: by reference while they have owners and few pieces, else in one block
#include "engine/net_int.h"

const uint8_t *
in_peek(const struct eng_in *in, size_t offset_bytes, size_t count, void *scratch)
{
    if (in->n_spans && offset_bytes + count <= in->spans[0].count)
        return in->spans[0].bytes + offset_bytes;
    return eng_spans_copy(in->spans, in->n_spans, offset_bytes, scratch, count) ? scratch : NULL;
}

static void
block_release(struct eng_owner *owner)
{
    struct net_block *block = TIMER_OWNER(owner, struct net_block, owner);
    eng_give(block->memory, block, block->taken_bytes);
}

struct net_block *
net_block_create(struct eng_memory *memory, size_t bytes)
{
    struct net_block *block = eng_take(memory, sizeof *block + bytes);
    if (!block)
        return NULL;
    block->owner = (struct eng_owner){.holds = 1, .on_release = block_release};
    block->memory = memory;
    block->taken_bytes = sizeof *block + bytes;
    return block;
}

static bool
spans_have_owners(const struct eng_span *spans, size_t n_spans)
{
    for (size_t i = 0; i < n_spans; i++)
        if (!spans[i].owner)
            return false;
    return true;
}

int
net_out_borrow(struct net *net, struct eng_out *out, const struct eng_span *spans, size_t n_spans, size_t offset_bytes, size_t count)
{
    struct eng_span cut[ENG_OUT_SPANS];
    size_t cut_bytes, n = eng_spans_cut(spans, n_spans, offset_bytes, count, cut, ENG_OUT_SPANS - out->n_data, &cut_bytes);
    if (cut_bytes == count && spans_have_owners(cut, n)) {
        for (size_t i = 0; i < n; i++)
            eng_out_add(out, &cut[i]);
        return 0;
    }
    struct net_block *block = net_block_create(net->memory, count);
    if (!block)
        return -ENOMEM;
    bool fits = out->n_data < ENG_OUT_SPANS && eng_spans_copy(spans, n_spans, offset_bytes, block->bytes, count);
    if (fits)
        eng_out_add(out, &(struct eng_span){.bytes = block->bytes, .count = (uint32_t)count, .owner = &block->owner});
    eng_drop(&block->owner);
    return fits ? 0 : -ENOMEM;
}
