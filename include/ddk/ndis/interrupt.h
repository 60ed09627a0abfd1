// SPDX-License-Identifier: MIT
// Interrupts, I/O ports and registers of miniports.
//
// Sources: [ndis/ns-ndis-_ndis_miniport_interrupt_characteristics], [ndis/nf-ndis-ndismregisterinterruptex],
// [ndis/nc-ndis-miniport_isr] and kin, [ndis/nf-ndis-ndismmapiospace], [ndis/nf-ndis-ndisrawreadportuchar].
#ifndef NBX_DDK_NDIS_INTERRUPT_H
#define NBX_DDK_NDIS_INTERRUPT_H
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum _NDIS_INTERRUPT_TYPE { NDIS_CONNECT_LINE_BASED = 1, NDIS_CONNECT_MESSAGE_BASED } NDIS_INTERRUPT_TYPE, *PNDIS_INTERRUPT_TYPE;

typedef BOOLEAN NTAPI MINIPORT_ISR(NDIS_HANDLE MiniportInterruptContext, PBOOLEAN QueueDefaultInterruptDpc,
                                   PULONG TargetProcessors);
typedef MINIPORT_ISR *MINIPORT_ISR_HANDLER;
// Before 6.20 the last two parameters were reserved, and typed otherwise.
#if NDIS_SUPPORT_NDIS620
#define NBX_DPC_TAIL PVOID ReceiveThrottleParameters, PVOID NdisReserved2
#else
#define NBX_DPC_TAIL PULONG NdisReserved1, PULONG NdisReserved2
#endif
typedef VOID NTAPI MINIPORT_INTERRUPT_DPC(NDIS_HANDLE MiniportInterruptContext, PVOID MiniportDpcContext, NBX_DPC_TAIL);
typedef MINIPORT_INTERRUPT_DPC *MINIPORT_INTERRUPT_DPC_HANDLER;
typedef VOID NTAPI MINIPORT_DISABLE_INTERRUPT(NDIS_HANDLE MiniportInterruptContext);
typedef MINIPORT_DISABLE_INTERRUPT *MINIPORT_DISABLE_INTERRUPT_HANDLER;
typedef VOID NTAPI MINIPORT_ENABLE_INTERRUPT(NDIS_HANDLE MiniportInterruptContext);
typedef MINIPORT_ENABLE_INTERRUPT *MINIPORT_ENABLE_INTERRUPT_HANDLER;
typedef BOOLEAN NTAPI MINIPORT_MESSAGE_INTERRUPT(NDIS_HANDLE MiniportInterruptContext, ULONG MessageId,
                                                 PBOOLEAN QueueDefaultInterruptDpc, PULONG TargetProcessors);
typedef MINIPORT_MESSAGE_INTERRUPT *MINIPORT_MSI_ISR_HANDLER;
typedef VOID NTAPI MINIPORT_MESSAGE_INTERRUPT_DPC(NDIS_HANDLE MiniportInterruptContext, ULONG MessageId, PVOID MiniportDpcContext,
                                                  NBX_DPC_TAIL);
typedef MINIPORT_MESSAGE_INTERRUPT_DPC *MINIPORT_MSI_INTERRUPT_DPC_HANDLER;
typedef VOID NTAPI MINIPORT_DISABLE_MESSAGE_INTERRUPT(NDIS_HANDLE MiniportInterruptContext, ULONG MessageId);
typedef MINIPORT_DISABLE_MESSAGE_INTERRUPT *MINIPORT_DISABLE_MSI_INTERRUPT_HANDLER;
typedef VOID NTAPI MINIPORT_ENABLE_MESSAGE_INTERRUPT(NDIS_HANDLE MiniportInterruptContext, ULONG MessageId);
typedef MINIPORT_ENABLE_MESSAGE_INTERRUPT *MINIPORT_ENABLE_MSI_INTERRUPT_HANDLER;
typedef BOOLEAN NTAPI MINIPORT_SYNCHRONIZE_INTERRUPT(NDIS_HANDLE SynchronizeContext);
typedef MINIPORT_SYNCHRONIZE_INTERRUPT *MINIPORT_SYNCHRONIZE_INTERRUPT_HANDLER;
typedef MINIPORT_SYNCHRONIZE_INTERRUPT *MINIPORT_SYNCHRONIZE_MSI_INTERRUPT_HANDLER;

#define NDIS_MINIPORT_INTERRUPT_REVISION_1 1
#define NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1 1
typedef struct _NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    MINIPORT_ISR_HANDLER InterruptHandler;
    MINIPORT_INTERRUPT_DPC_HANDLER InterruptDpcHandler;
    MINIPORT_DISABLE_INTERRUPT_HANDLER DisableInterruptHandler;
    MINIPORT_ENABLE_INTERRUPT_HANDLER EnableInterruptHandler;
    BOOLEAN MsiSupported;
    BOOLEAN MsiSyncWithAllMessages;
    MINIPORT_MSI_ISR_HANDLER MessageInterruptHandler;
    MINIPORT_MSI_INTERRUPT_DPC_HANDLER MessageInterruptDpcHandler;
    MINIPORT_DISABLE_MSI_INTERRUPT_HANDLER DisableMessageInterruptHandler;
    MINIPORT_ENABLE_MSI_INTERRUPT_HANDLER EnableMessageInterruptHandler;
    NDIS_INTERRUPT_TYPE InterruptType;
    PIO_INTERRUPT_MESSAGE_INFO MessageInfoTable;
} NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, *PNDIS_MINIPORT_INTERRUPT_CHARACTERISTICS;

#define NDIS_SIZEOF_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1                                                      \
    RTL_SIZEOF_THROUGH_FIELD(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, MessageInfoTable)

typedef struct _NDIS_RECEIVE_THROTTLE_PARAMETERS {
    ULONG MaxNblsToIndicate;
    ULONG MoreNblsPending : 1;
} NDIS_RECEIVE_THROTTLE_PARAMETERS, *PNDIS_RECEIVE_THROTTLE_PARAMETERS;

#define NDIS_INDICATE_ALL_NBLS ((ULONG)-1)
#define NDIS_ANY_NUMBER_OF_NBLS ((ULONG)-1)

typedef enum _NDIS_MSIX_TABLE_CONFIG {
    NdisMSIXTableConfigSetTableEntry,
    NdisMSIXTableConfigMaskTableEntry,
    NdisMSIXTableConfigUnmaskTableEntry,
    NdisMSIXTableConfigMax
} NDIS_MSIX_TABLE_OPERATION, *PNDIS_MSIX_TABLE_OPERATION;

typedef struct _NDIS_MSIX_CONFIG_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    NDIS_MSIX_TABLE_OPERATION ConfigOperation;
    ULONG TableEntry;
    ULONG MessageNumber;
} NDIS_MSIX_CONFIG_PARAMETERS, *PNDIS_MSIX_CONFIG_PARAMETERS;

#define NDIS_MSIX_CONFIG_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_MSIX_CONFIG_PARAMETERS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_MSIX_CONFIG_PARAMETERS, MessageNumber)

NTAPI NDIS_STATUS NdisMRegisterInterruptEx(NDIS_HANDLE MiniportAdapterHandle, NDIS_HANDLE MiniportInterruptContext,
                                           PNDIS_MINIPORT_INTERRUPT_CHARACTERISTICS MiniportInterruptCharacteristics,
                                           PNDIS_HANDLE NdisInterruptHandle);
NTAPI VOID NdisMDeregisterInterruptEx(NDIS_HANDLE NdisInterruptHandle);
NTAPI ULONG NdisMQueueDpc(NDIS_HANDLE NdisInterruptHandle, ULONG MessageId, ULONG TargetProcessors,
                          PVOID MiniportDpcContext);
NTAPI KAFFINITY NdisMQueueDpcEx(NDIS_HANDLE NdisInterruptHandle, ULONG MessageId, PGROUP_AFFINITY TargetProcessors,
                                PVOID MiniportDpcContext);
// The page types SynchronizeFunction PVOID; it is a MINIPORT_SYNCHRONIZE_INTERRUPT.
NTAPI BOOLEAN NdisMSynchronizeWithInterruptEx(NDIS_HANDLE NdisInterruptHandle, ULONG MessageId,
                                              MINIPORT_SYNCHRONIZE_INTERRUPT_HANDLER SynchronizeFunction, PVOID SynchronizeContext);
NTAPI NDIS_STATUS NdisMRegisterIoPortRange(PVOID *PortOffset, NDIS_HANDLE MiniportAdapterHandle, UINT InitialPort,
                                           UINT NumberOfPorts);
NTAPI VOID NdisMDeregisterIoPortRange(NDIS_HANDLE MiniportAdapterHandle, UINT InitialPort, UINT NumberOfPorts,
                                      PVOID PortOffset);
NTAPI NDIS_STATUS NdisMMapIoSpace(PVOID *VirtualAddress, NDIS_HANDLE MiniportAdapterHandle,
                                  NDIS_PHYSICAL_ADDRESS PhysicalAddress, UINT Length);
NTAPI VOID NdisMUnmapIoSpace(NDIS_HANDLE MiniportAdapterHandle, PVOID VirtualAddress, UINT Length);
NTAPI ULONG NdisMGetBusData(NDIS_HANDLE MiniportAdapterHandle, ULONG WhichSpace, ULONG Offset, PVOID Buffer,
                            ULONG Length);
NTAPI ULONG NdisMSetBusData(NDIS_HANDLE MiniportAdapterHandle, ULONG WhichSpace, ULONG Offset, PVOID Buffer,
                            ULONG Length);

// Ports and registers of a device that the box has been given (nbx/device.h), so that its model sees each access.
#define NdisRawReadPortUchar(_Port, _Data) (*(_Data) = READ_PORT_UCHAR((PUCHAR)(_Port)))
#define NdisRawReadPortUshort(_Port, _Data) (*(_Data) = READ_PORT_USHORT((PUSHORT)(_Port)))
#define NdisRawReadPortUlong(_Port, _Data) (*(_Data) = READ_PORT_ULONG((PULONG)(_Port)))
#define NdisRawWritePortUchar(_Port, _Data) WRITE_PORT_UCHAR((PUCHAR)(_Port), (UCHAR)(_Data))
#define NdisRawWritePortUshort(_Port, _Data) WRITE_PORT_USHORT((PUSHORT)(_Port), (USHORT)(_Data))
#define NdisRawWritePortUlong(_Port, _Data) WRITE_PORT_ULONG((PULONG)(_Port), (ULONG)(_Data))
#define NdisRawReadPortBufferUchar(_Port, _Buffer, _Length) READ_PORT_BUFFER_UCHAR((PUCHAR)(_Port), (_Buffer), (_Length))
#define NdisRawReadPortBufferUshort(_Port, _Buffer, _Length) READ_PORT_BUFFER_USHORT((PUSHORT)(_Port), (_Buffer), (_Length))
#define NdisRawReadPortBufferUlong(_Port, _Buffer, _Length) READ_PORT_BUFFER_ULONG((PULONG)(_Port), (_Buffer), (_Length))
#define NdisRawWritePortBufferUchar(_Port, _Buffer, _Length) WRITE_PORT_BUFFER_UCHAR((PUCHAR)(_Port), (_Buffer), (_Length))
#define NdisRawWritePortBufferUshort(_Port, _Buffer, _Length) WRITE_PORT_BUFFER_USHORT((PUSHORT)(_Port), (_Buffer), (_Length))
#define NdisRawWritePortBufferUlong(_Port, _Buffer, _Length) WRITE_PORT_BUFFER_ULONG((PULONG)(_Port), (_Buffer), (_Length))
#define NdisReadRegisterUchar(_Register, _Data) (*(_Data) = READ_REGISTER_UCHAR((volatile UCHAR *)(_Register)))
#define NdisReadRegisterUshort(_Register, _Data) (*(_Data) = READ_REGISTER_USHORT((volatile USHORT *)(_Register)))
#define NdisReadRegisterUlong(_Register, _Data) (*(_Data) = READ_REGISTER_ULONG((volatile ULONG *)(_Register)))
#define NdisWriteRegisterUchar(_Register, _Data) WRITE_REGISTER_UCHAR((volatile UCHAR *)(_Register), (UCHAR)(_Data))
#define NdisWriteRegisterUshort(_Register, _Data) WRITE_REGISTER_USHORT((volatile USHORT *)(_Register), (USHORT)(_Data))
#define NdisWriteRegisterUlong(_Register, _Data) WRITE_REGISTER_ULONG((volatile ULONG *)(_Register), (ULONG)(_Data))

#ifdef __cplusplus
}
#endif
#endif
