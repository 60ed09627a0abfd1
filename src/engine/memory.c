// SPDX-License-Identifier: MIT
// The engines' memory: a bound over what the caller gives, so that no peer can make an engine take more than it was told.
#include "engine/engine.h"
#include <string.h>

void *
eng_take(struct eng_memory *memory, size_t bytes)
{
    if (memory->limit_bytes && (bytes > memory->limit_bytes || memory->taken_bytes > memory->limit_bytes - bytes))
        return NULL;
    void *block = memory->on_take(memory->context, bytes);
    if (!block)
        return NULL;
    memory->taken_bytes += bytes;
    return memset(block, 0, bytes);
}

void
eng_give(struct eng_memory *memory, void *block, size_t bytes)
{
    if (!block)
        return;
    memory->taken_bytes -= bytes;
    memory->on_give(memory->context, block, bytes);
}
