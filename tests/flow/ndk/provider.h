// SPDX-License-Identifier: MIT
// An NDK provider in the kit's miniport and a consumer driver ("consumer"), both in the hands of the test. The provider's adapters have a
// table of one function, NdkQueryAdapterInfo; what is asked of it is about opening and closing alone.
//   n_run(seed, body)   as kit_run, with the provider and the consumer; body calls n_start or kit_start itself
//   n_watched(body)     body as a crime: the verifier on, no seed
// Notes (kit_notes_are): n1 open, n2 close (the number of the adapter << 16); c1 arrival, c2 removal (enum nbx_ndk_gone << 16).
#ifndef NBX_TESTS_FLOW_NDK_PROVIDER_H
#define NBX_TESTS_FLOW_NDK_PROVIDER_H

#include <nbx/ndk.h>

#include "flow/ndis/kit.h"

#define N_ADAPTERS 8

struct n_adapter {
    NDK_ADAPTER object;
    bool is_open;
};

struct n_stand {
    // The provider; set before n_run or at any time.
    bool starts_disabled;                     // NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES.Enabled is FALSE
    bool is_enabled;                          // what it has told NDIS
    NDIS_STATUS open_status;                  // what OpenNDKAdapterHandler says; 0: as the page has it
    void (*on_open)(void);                    // inside it
    void (*on_close)(void);
    NDIS_STATUS options_status, attributes_status;   // what NDIS said
    void (*edit_chars)(NDIS_NDK_PROVIDER_CHARACTERISTICS *chars);
    void (*edit_attributes)(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes);
    struct n_adapter adapters[N_ADAPTERS];
    const NDK_ADAPTER_DISPATCH *table;        // of its adapters; NULL: n_table
    uint32_t set_state_oids;
    BOOLEAN set_state;                        // what the last OID_NDK_SET_STATE wanted

    // The consumer.
    PDRIVER_OBJECT driver;
    struct nbx_ndk_client *client;            // NULL: not registered
    NET_IFINDEX if_index;                     // of the last arrival
    NDK_ADAPTER *opened[N_ADAPTERS];
    bool keeps_open;                          // on_removal closes nothing
    void (*on_arrival)(void);
    void (*on_removal)(void);
};

extern struct n_stand n;
extern const NDK_ADAPTER_DISPATCH n_table;

void n_run(uint64_t seed, void (*body)(void));
void n_watched(void (*body)(void));
// kit_start without a filter, the consumer registered before; what was noted so far is forgotten.
void n_start(uint32_t bindings);
void n_register(void);
// The consumer opens version major.minor into opened[slot].
NDIS_STATUS n_open(uint32_t slot, uint16_t major, uint16_t minor);
void n_close(uint32_t slot);
// The provider switches NDK on or off: NetEventNDKEnable, NetEventNDKDisable.
NDIS_STATUS n_event(bool enable);
uint32_t n_open_count(void);                  // as the provider sees it

#endif
