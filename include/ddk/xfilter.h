// SPDX-License-Identifier: MIT
// Helpers for Ethernet addresses.
//
// Source: [windows-driver-docs network], the names that drivers call.
#ifndef NBX_DDK_XFILTER_H
#define NBX_DDK_XFILTER_H
#include "ndis/types.h"

#define ETH_LENGTH_OF_ADDRESS 6
#define ETHERNET_LENGTH_OF_ADDRESS 6

#define ETH_IS_MULTICAST(Address) ((BOOLEAN)((((const UCHAR *)(Address))[0] & 0x01) != 0))
#define ETH_IS_BROADCAST(Address)                                                                                      \
    ((BOOLEAN)((((const UCHAR *)(Address))[0] & ((const UCHAR *)(Address))[1] & ((const UCHAR *)(Address))[2] &         \
                ((const UCHAR *)(Address))[3] & ((const UCHAR *)(Address))[4] & ((const UCHAR *)(Address))[5]) == 0xff))
// _Result: 0 when equal, else 1 or -1 by the first byte that differs.
#define ETH_COMPARE_NETWORK_ADDRESSES(_A, _B, _Result)                                                                 \
    do {                                                                                                               \
        int nbx_cmp_ = memcmp((_A), (_B), ETH_LENGTH_OF_ADDRESS);                                                      \
        *(_Result) = nbx_cmp_ == 0 ? 0 : nbx_cmp_ < 0 ? (UINT)-1 : 1;                                                  \
    } while (0)
// _Result: 0 when equal, else 1.
#define ETH_COMPARE_NETWORK_ADDRESSES_EQ(_A, _B, _Result) (*(_Result) = (memcmp((_A), (_B), ETH_LENGTH_OF_ADDRESS) != 0))
#define ETH_COPY_NETWORK_ADDRESS(_D, _S) memcpy((_D), (_S), ETH_LENGTH_OF_ADDRESS)
#endif
