// SPDX-License-Identifier: MIT
// What a terminate gave back goes to the target again: the record and both chains, in blocks that look as new.
#include <string.h>

#include "stage.h"

void
host_offload_again(struct host_connection *c, const struct chim_tcp *first)
{
    TCP_OFFLOAD_STATE_DELEGATED back = c->block.tcp_delegated;
    host_chain_back(c);
    NET_BUFFER_LIST *outstanding = c->block.block.NetBufferListChain, *buffered = back.BufferedData;
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *block = &c->block.block;
    memset(block, 0, sizeof *block);
    block->Header = (NDIS_OBJECT_HEADER){TcpOffloadState, NDIS_OFFLOAD_BLOCK_LIST_REVISION_1, sizeof *block};
    block->OffloadHandle = &c->handle;
    c->block.tcp.constant = first->constant;
    c->block.tcp.cached = first->cached;
    c->block.tcp.delegated = back;
    block->NetBufferListChain = outstanding;
    host_offload(1);
    if (buffered)
        NdisOffloadTcpReceiveReturn(st.binding, buffered);
}
