// SPDX-License-Identifier: MIT
// Poll mode of miniports (NDIS 6.85): NDIS calls the driver for receives and completions as long as there is progress.
//
// A driver registers a poll object, asks for polling from its interrupt, and hands chains over inside the callback; NDIS turns
// the interrupt back on through the notification callback when nothing is left.
// Sources: [poll/nf-poll-ndisregisterpoll] and the pages it links. UNSURE: the pages do not type the reserved fields.
#ifndef NBX_DDK_NDIS_POLL_H
#define NBX_DDK_NDIS_POLL_H
#include "interrupt.h"
#include "nbl.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct NDIS_POLL_HANDLE__ *NDIS_POLL_HANDLE;

typedef struct _NDIS_POLL_TRANSMIT_DATA {
    ULONG MaxNblsToComplete;
    ULONG Reserved1;
    PNET_BUFFER_LIST CompletedNblChain;
    ULONG NumberOfCompletedNbls;
    ULONG NumberOfRemainingNbls;
    ULONG SendCompleteFlags;
    ULONG Reserved2;
    PVOID Reserved3[4];
} NDIS_POLL_TRANSMIT_DATA, *PNDIS_POLL_TRANSMIT_DATA;

typedef struct _NDIS_POLL_RECEIVE_DATA {
    ULONG MaxNblsToIndicate;
    ULONG Reserved1;
    PNET_BUFFER_LIST IndicatedNblChain;
    ULONG NumberOfIndicatedNbls;
    ULONG NumberOfRemainingNbls;
    ULONG Flags;
    ULONG Reserved2;
    PVOID Reserved3[4];
} NDIS_POLL_RECEIVE_DATA, *PNDIS_POLL_RECEIVE_DATA;

#define NDIS_POLL_DATA_REVISION_1 1
typedef struct _NDIS_POLL_DATA {
    NDIS_OBJECT_HEADER Header;
    NDIS_POLL_TRANSMIT_DATA Transmit;
    NDIS_POLL_RECEIVE_DATA Receive;
} NDIS_POLL_DATA, *PNDIS_POLL_DATA;
#define NDIS_SIZEOF_NDIS_POLL_DATA_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_POLL_DATA, Receive)

#define NDIS_POLL_NOTIFICATION_REVISION_1 1
typedef struct _NDIS_POLL_NOTIFICATION {
    NDIS_OBJECT_HEADER Header;
    BOOLEAN Enabled;
} NDIS_POLL_NOTIFICATION, *PNDIS_POLL_NOTIFICATION;
#define NDIS_SIZEOF_NDIS_POLL_NOTIFICATION_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_POLL_NOTIFICATION, Enabled)

typedef VOID NTAPI NDIS_POLL(PVOID Context, NDIS_POLL_DATA *PollData);
typedef VOID NTAPI NDIS_SET_POLL_NOTIFICATION(PVOID Context, NDIS_POLL_NOTIFICATION *Notification);

#define NDIS_POLL_CHARACTERISTICS_REVISION_1 1
typedef struct _NDIS_POLL_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    NDIS_SET_POLL_NOTIFICATION *SetPollNotificationHandler;
    NDIS_POLL *PollHandler;
} NDIS_POLL_CHARACTERISTICS, *PNDIS_POLL_CHARACTERISTICS;
#define NDIS_SIZEOF_NDIS_POLL_CHARACTERISTICS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_POLL_CHARACTERISTICS, PollHandler)

NTAPI NTSTATUS NdisRegisterPoll(NDIS_HANDLE NdisHandle, PVOID Context, const NDIS_POLL_CHARACTERISTICS *Characteristics,
                                NDIS_POLL_HANDLE *PollHandle);
NTAPI VOID NdisDeregisterPoll(NDIS_POLL_HANDLE PollHandle);
NTAPI VOID NdisRequestPoll(NDIS_POLL_HANDLE PollHandle, PVOID Reserved);
NTAPI VOID NdisSetPollAffinity(NDIS_POLL_HANDLE PollHandle, const PROCESSOR_NUMBER *PollAffinity);

#ifdef __cplusplus
}
#endif
#endif
