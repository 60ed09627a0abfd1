// SPDX-License-Identifier: MIT
// Objects of the management information base as a transport's control channel names them: entity, class, type, id.
//
// Source: the public-domain tdiinfo.h of mingw-w64 for the values. TCP_REQUEST_QUERY_INFORMATION_EX is what travels in
// IOCTL_TCP_QUERY_INFORMATION_EX, first with ENTITY_LIST_ID to learn the entities, then with one of them.
#ifndef NBX_DDK_TDIINFO_H
#define NBX_DDK_TDIINFO_H

#include "ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _TDIEntityID {
    ULONG tei_entity;
    ULONG tei_instance;
} TDIEntityID;

#define MAX_TDI_ENTITIES 4096
#define INVALID_ENTITY_INSTANCE -1
#define GENERIC_ENTITY 0
#define ENTITY_LIST_ID 0
#define ENTITY_TYPE_ID 1

// tei_entity
#define IF_ENTITY 0x200
#define AT_ENTITY 0x280
#define CO_NL_ENTITY 0x300
#define CL_NL_ENTITY 0x301
#define ER_ENTITY 0x380
#define CO_TL_ENTITY 0x400
#define CL_TL_ENTITY 0x401

// what ENTITY_TYPE_ID answers
#define IF_GENERIC 0x200
#define IF_MIB 0x202
#define AT_ARP 0x280
#define AT_NULL 0x282
#define CL_NL_IPX 0x301
#define CL_NL_IP 0x303
#define ER_ICMP 0x380
#define CO_TL_NBF 0x400
#define CO_TL_SPX 0x402
#define CO_TL_TCP 0x404
#define CO_TL_SPP 0x406
#define CL_TL_NBF 0x401
#define CL_TL_UDP 0x403

// toi_class
#define INFO_CLASS_GENERIC 0x100
#define INFO_CLASS_PROTOCOL 0x200
#define INFO_CLASS_IMPLEMENTATION 0x300

// toi_type
#define INFO_TYPE_PROVIDER 0x100
#define INFO_TYPE_ADDRESS_OBJECT 0x200
#define INFO_TYPE_CONNECTION 0x300

typedef struct _TDIObjectID {
    TDIEntityID toi_entity;
    ULONG toi_class;
    ULONG toi_type;
    ULONG toi_id;
} TDIObjectID;

#define CONTEXT_SIZE 16
typedef struct _TCP_REQUEST_QUERY_INFORMATION_EX {
    TDIObjectID ID;
    ULONG_PTR Context[CONTEXT_SIZE / sizeof(ULONG_PTR)];
} TCP_REQUEST_QUERY_INFORMATION_EX, *PTCP_REQUEST_QUERY_INFORMATION_EX;

// The same as a 32-bit process sends it.
typedef struct _TCP_REQUEST_QUERY_INFORMATION_EX32 {
    TDIObjectID ID;
    ULONG Context[CONTEXT_SIZE / sizeof(ULONG)];
} TCP_REQUEST_QUERY_INFORMATION_EX32, *PTCP_REQUEST_QUERY_INFORMATION_EX32;

typedef struct _TCP_REQUEST_SET_INFORMATION_EX {
    TDIObjectID ID;
    UINT BufferSize;
    UCHAR Buffer[1];
} TCP_REQUEST_SET_INFORMATION_EX, *PTCP_REQUEST_SET_INFORMATION_EX;

#ifdef __cplusplus
}
#endif

#endif
