// SPDX-License-Identifier: MIT
// Front doors: poll objects. [poll/nf-poll-ndisregisterpoll] and its kin, [network/ndis-poll-mode]
#include "ndis/hardware.h"
#include "verify/refuse.h"
#include "verify/verify.h"

static struct ndis_poll *
poll_from(NDIS_POLL_HANDLE handle, const char *function)
{
    return ndis_handle_check(handle, (enum ndis_kind)NDIS_KIND_POLL, function);
}

NTAPI NTSTATUS
NdisRegisterPoll(NDIS_HANDLE NdisHandle, PVOID Context, const NDIS_POLL_CHARACTERISTICS *Characteristics, NDIS_POLL_HANDLE *PollHandle)
{
    VERIFY_ENTER(NdisRegisterPoll);
    struct ndis_poll *poll = NULL;
    NTSTATUS status =
        ndis_poll_register(ndis_handle_check(NdisHandle, NDIS_KIND_ADAPTER, "NdisRegisterPoll"), Context, Characteristics, &poll);
    *PollHandle = (NDIS_POLL_HANDLE)poll;
    return status;
}

NTAPI VOID
NdisDeregisterPoll(NDIS_POLL_HANDLE PollHandle)
{
    VERIFY_ENTER(NdisDeregisterPoll);
    ndis_poll_deregister(poll_from(PollHandle, "NdisDeregisterPoll"));
}

NTAPI VOID
NdisRequestPoll(NDIS_POLL_HANDLE PollHandle, PVOID Reserved)
{
    VERIFY_ENTER(NdisRequestPoll);
    if (Reserved)
        verify_contract("NdisRequestPoll", "Reserved is not zero");
    ndis_poll_request(poll_from(PollHandle, "NdisRequestPoll"));
}

NTAPI VOID
NdisSetPollAffinity(NDIS_POLL_HANDLE PollHandle, const PROCESSOR_NUMBER *PollAffinity)
{
    VERIFY_ENTER(NdisSetPollAffinity);
    if (!ndis_poll_affinity_set(poll_from(PollHandle, "NdisSetPollAffinity"), PollAffinity))
        verify_contract("NdisSetPollAffinity", "there is no such processor");
}
