// SPDX-License-Identifier: MIT
// An intermediate driver for tests ("imd"), on top of the stack of tests/flow/ndis: its lower edge is bound to mp's adapters, and it asks
// for as many virtual miniports as a test wants, when the test wants. Lists pass through it between its first binding and its first
// virtual miniport, the very lists, as passthru does it.
#ifndef NBX_TESTS_DDI_IM_KIT_H
#define NBX_TESTS_DDI_IM_KIT_H

#include "flow/ndis/kit.h"

#define IM_VIRTUALS 4

struct im_virtual {
    char device_name[64];
    UNICODE_STRING name;
    WCHAR name_buffer[64];
    NDIS_HANDLE handle;                       // what MiniportInitializeEx got; NULL after halt
    NDIS_HANDLE context_seen;                 // IMDeviceInstanceContext
    NET_IFINDEX if_index;
    NDIS_STATUS initialize_status;            // what MiniportInitializeEx returns
    uint32_t initializes, halts, pauses, restarts;
    NDIS_HALT_ACTION halt_action;
    // what the room above was told
    struct ndis_adapter *adapter;
    NDIS_STATUS said;
    uint32_t changes;
};

struct im_kit {
    NDIS_HANDLE driver, protocol;
    NDIS_HANDLE binding[2];
    KEVENT opened;                            // the open that was pended is over
    NDIS_STATUS open_status;                  // how
    uint32_t bindings, unbinds, returned;
    struct im_virtual virtual[IM_VIRTUALS];
    void (*on_bind)(void);                    // inside ProtocolBindAdapterEx, after the open
    void (*on_unbind)(uint32_t which);        // inside ProtocolUnbindAdapterEx, before the close
    void (*on_initialize)(struct im_virtual *v);
    bool is_plain;                            // register without NDIS_INTERMEDIATE_DRIVER
    bool is_alone;                            // do not call NdisIMAssociateMiniport
    bool keeps_source;                        // lists go up with the SourceHandle that they came with
    char order[256];                          // what happened, in letters
};

extern struct im_kit im;

void im_note(char letter);
// Load imd; declare `count` devices and give their names to im.virtual. mp's adapter is up (kit_start) or comes later.
void im_load(uint32_t count);
void im_declare(uint32_t which);
NDIS_STATUS im_ask(uint32_t which);
// Bind imd to the adapter and wait until what it asked for has had its turn.
void im_bind(struct ndis_adapter *adapter);
// Filters none; restart, then bind the protocols above.
void im_stand(uint32_t which, uint32_t bindings);
// Take down what is up, unload imd.
void im_end(void);

#endif
