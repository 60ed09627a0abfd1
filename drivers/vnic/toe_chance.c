// SPDX-License-Identifier: MIT
// Failures and delays by chance, for tests of hosts: settings that are off unless somebody writes them (vnic.inf says so of each).
//   ToeRefuseOneIn    a new neighbor, path or connection is refused, with any status that an initiate may give one of its layer
//   ToeDelay          a state operation waits for up to so many microseconds before it is looked at: things happen meanwhile
//   ToeRetrieveOneIn  after a segment its connection is asked for back, for any reason that there is
// What follows is what follows in earnest: a refused object is not there, and hardware that fails has lost its connection.
// [network/returning-the-completion-status-of-an-initiate-offload-operation]
#include "toe.h"

static const NDIS_STATUS of_neighbor[] = {NDIS_STATUS_FAILURE, NDIS_STATUS_RESOURCES,
                                          NDIS_STATUS_OFFLOAD_NEIGHBOR_ENTRIES, NDIS_STATUS_OFFLOAD_HW_ADDRESS_ENTRIES,
                                          NDIS_STATUS_OFFLOAD_VLAN_ENTRIES, NDIS_STATUS_OFFLOAD_VLAN_MISMATCH};
static const NDIS_STATUS of_path[] = {NDIS_STATUS_FAILURE, NDIS_STATUS_RESOURCES, NDIS_STATUS_OFFLOAD_PATH_ENTRIES,
                                      NDIS_STATUS_OFFLOAD_IP_ADDRESS_ENTRIES, NDIS_STATUS_OFFLOAD_PATH_MTU};
static const NDIS_STATUS of_connection[] = {NDIS_STATUS_FAILURE,
                                            NDIS_STATUS_RESOURCES,
                                            NDIS_STATUS_OFFLOAD_TCP_ENTRIES,
                                            NDIS_STATUS_OFFLOAD_TCP_XMIT_BUFFER,
                                            NDIS_STATUS_OFFLOAD_TCP_RCV_BUFFER,
                                            NDIS_STATUS_OFFLOAD_TCP_RCV_WINDOW,
                                            NDIS_STATUS_OFFLOAD_CONNECTION_REJECTED};

static const struct {
    const NDIS_STATUS *status;
    ULONG count;
} refusals[] = {[CHIM_NEIGHBOR] = {of_neighbor, ARRAYSIZE(of_neighbor)},
                [CHIM_PATH] = {of_path, ARRAYSIZE(of_path)},
                [CHIM_TCP] = {of_connection, ARRAYSIZE(of_connection)}};

static BOOLEAN
happens(ULONG one_in)
{
    return one_in && !nbx_port_draw(one_in);
}

VOID
toe_chance_queue(struct vnic_toe *toe)
{
    ULONG most_us = toe->adapter->settings.toe_delay_us;
    LARGE_INTEGER due = {.QuadPart = most_us ? -10 * (LONGLONG)(1 + nbx_port_draw(most_us)) : 0};
    if (most_us)
        KeSetTimer(&toe->work_timer, due, &toe->work_dpc);
    else
        KeInsertQueueDpc(&toe->work_dpc, NULL, NULL);
}

NDIS_STATUS
toe_chance_status(const struct vnic_toe *toe, enum chim_layer layer)
{
    if (!happens(toe->adapter->settings.toe_refuse_one_in))
        return NDIS_STATUS_SUCCESS;
    return refusals[layer].status[nbx_port_draw(refusals[layer].count)];
}

VOID
toe_chance_retrieve(struct toe_connection *c)
{
    if (c->is_uploading || c->is_terminating || !c->is_live || !happens(c->toe->adapter->settings.toe_retrieve_one_in))
        return;
    TCP_UPLOAD_REASON reason = (TCP_UPLOAD_REASON)(LowActivity + nbx_port_draw(MaxUploadReason - LowActivity));
    toe_retrieve(c, reason);
    c->is_lost = reason == HardwareFailure;
}
