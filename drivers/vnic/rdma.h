// SPDX-License-Identifier: MIT
// vnic as an RDMA provider: rdma_common has the objects and the data path; what makes connections over a port is here.
//   rdma_net.c                                       frames and engine/tcp under the connections
//   rdma_connect.c rdma_listen.c rdma_endpoint.c     connector, listener, shared endpoint
#ifndef VNIC_RDMA_H
#define VNIC_RDMA_H

#include "vnic.h"

#include "../rdma_common/rdma.h"

// rdma_net.c
extern const struct rdma_transport rdma_net_transport;

#endif
