// SPDX-License-Identifier: MIT
// Devices of virtual miniports, and what an intermediate driver asks of them. A device is known by its name (\Device\{GUID}); two
// things have to come together before NDIS initialises its miniport, in any order [network/initializing-virtual-miniports]:
//   declared   the device exists and is started (ndis_virtual_declare: what setup, the notify object and PnP do on Windows)
//   asked      the driver has called NdisIMInitializeDeviceInstanceEx with its name
// IDLE -> ASKED -> BEGUN (MiniportInitializeEx runs) -> UP -> IDLE again after a halt or a failed initialisation.
#ifndef NBX_NDIS_IM_H
#define NBX_NDIS_IM_H

#include "ndis/ndis_int.h"

enum ndis_im_state {
    NDIS_IM_IDLE,
    NDIS_IM_ASKED,
    NDIS_IM_BEGUN,
    NDIS_IM_UP
};

struct ndis_im {
    struct list node;                         // ndis->ims
    UNICODE_STRING device_name;               // owned
    bool declared;
    // of a declared one
    const char *name, *service;               // owned
    NET_IFINDEX if_index;
    NET_LUID luid;
    void (*on_change)(void *context, struct ndis_adapter *adapter, NDIS_STATUS status);
    void *on_change_context;
    // guarded by ndis->lock
    enum ndis_im_state state;
    struct ndis_miniport_driver *driver;      // who asked
    NDIS_HANDLE context;                      // DeviceContext
};

// irql: PASSIVE   owns: context stays the driver's   calls: MiniportInitializeEx, later, on the PnP thread
// fails: NDIS_STATUS_NOT_ACCEPTED: asked for already; NDIS_STATUS_RESOURCES
NDIS_STATUS ndis_im_ask(struct ndis_miniport_driver *driver, const UNICODE_STRING *name, NDIS_HANDLE context);
// fails: NDIS_STATUS_FAILURE: not asked for, or initialised or about to be
NDIS_STATUS ndis_im_cancel(struct ndis_miniport_driver *driver, const UNICODE_STRING *name);
// irql: PASSIVE   calls: unbinds and halts, before it returns   fails: NDIS_STATUS_FAILURE: no virtual miniport of that handle is up
NDIS_STATUS ndis_im_deinitialize(NDIS_HANDLE handle);
// The two edges belong together from now on. fails: reports a driver or protocol that cannot be one.
void ndis_im_associate(struct ndis_miniport_driver *driver, struct ndis_protocol *protocol);

// The driver is going: what it asked for and did not get is forgotten.
void ndis_im_forget(struct ndis_miniport_driver *driver);
// The adapter of this device is about to be taken down.
void ndis_im_leaving(struct ndis_im *im);
void ndis_im_destroy(struct ndis *ndis);

#endif
