// SPDX-License-Identifier: MIT
// A box with vnic adapters on ports and a protocol of the test's own on top ("tp"), on either scheduler.
//   kit_run(seed, fn)      seeded scheduler;  kit_run_threads(fn)  real threads. Both: make world, box and drivers, run fn at PASSIVE
//                          in the box, take everything down, demand no leftovers.
//   kit_nic(...)           an adapter with settings, bound to tp (or to another protocol) and running
// The drivers under test are the built .so files.
#ifndef NBX_TESTS_FLOW_VNIC_KIT_H
#define NBX_TESTS_FLOW_VNIC_KIT_H

#include <ndkinfo.h>
#include <stdbool.h>

#include "base/prng.h"
#include "ndis/ndis.h"
#include "nt/box.h"
#include "verify/verify.h"
#include "wire/port.h"

#define KIT_BINDINGS 4
#define KIT_FRAMES 8192

struct kit_frame {                            // as tp saw it arrive
    uint8_t *data;
    uint32_t bytes;
    void *checksum, *vlan, *rsc;
    uint16_t type;                            // NetBufferListFrameType
    uint32_t flags;
    uint32_t hash, hash_type, processor;      // of RSS; where it was indicated
};

struct kit_binding {
    NDIS_HANDLE handle;
    KEVENT opened;                            // its open was pended and is over
    NDIS_STATUS open_status;                  // how
    const char *adapter;
    KSPIN_LOCK lock;                          // guards the rest
    bool in_use;
    struct kit_frame frame[KIT_FRAMES];
    uint32_t frames;
    uint32_t completed;                       // NBLs back
    uint32_t next_id;                         // of the NBLs it sends
    uint32_t order[KIT_FRAMES];               // ids in order of completion
    NDIS_STATUS status[KIT_FRAMES];           // by id
    uint32_t completion_calls;
    void *lso_info;                           // of the last NBL back
    bool keep;
    NET_BUFFER_LIST *kept;
    uint32_t kept_count;
    uint32_t link_indications;
    bool link_up;
    bool has_ndk, ndk_enabled;                // as the bind said
    NDK_ADAPTER_INFO ndk;
    NDIS_OID_REQUEST *oid_done;
    NDIS_STATUS oid_status;
};

struct kit {
    struct box *box;
    const char *driver;                       // of adapters: vnic unless a test says hello_miniport
    struct port_world *ports;
    struct kit_binding binding[KIT_BINDINGS];
    uint64_t trace_hash;
    uint32_t left;
    char message[512];                        // the last thing a driver or a port said
    struct prng prng;
};

extern struct kit kit;
extern enum verify_mode kit_verify;           // set before kit_run; off by default

struct kit_setting {
    const char *name, *text;
};

void kit_run(uint64_t seed, void (*fn)(void));
void kit_run_threads(void (*fn)(void));

// Add an adapter of the driver vnic on this port; settings end with a NULL name. fails: what the miniport said.
NDIS_STATUS kit_add(const char *name, const char *port, const struct kit_setting *settings, struct ndis_adapter **out);
// Add, restart, bind to the protocol. The binding is NULL for a protocol other than tp. Promiscuous when filter is 0.
struct ndis_adapter *kit_nic(const char *name, const char *port, const struct kit_setting *settings, const char *protocol,
                             uint32_t filter, struct kit_binding **binding);

// What a sender asks for. Frames are the NET_BUFFERs of one NBL, cut into pieces at odd places when mdls > 1.
struct kit_send {
    const uint8_t *const *data;
    const uint32_t *bytes;
    uint32_t count, mdls;
    void *checksum, *lso, *vlan, *cancel_id;
};
NET_BUFFER_LIST *kit_nbl(struct kit_binding *binding, const struct kit_send *send);
NET_BUFFER_LIST *kit_nbl_one(struct kit_binding *binding, const uint8_t *data, uint32_t bytes);
void kit_send(struct kit_binding *binding, NET_BUFFER_LIST *nbls);
void kit_return(struct kit_binding *binding);
NDIS_STATUS kit_oid(struct kit_binding *binding, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *data, uint32_t bytes);
uint64_t kit_counter(struct kit_binding *binding, NDIS_OID oid);
// Wait until the number is reached, or fail.
void kit_wait(volatile uint32_t *number, uint32_t value);
void kit_sleep_us(uint32_t us);

#endif
