// SPDX-License-Identifier: MIT
// A stack for tests: one box on the seeded scheduler with an in-program miniport ("mp"), filter ("lwf") and protocols ("proto0",
// "proto1"), whose behaviour a test sets through struct kit. Drivers' state is static: Check forks, so each test has its own.
// With KIT_THREADS defined the scheduler is that of OS threads (tests/flow/ndis_threads), and counters that threads share are atomic.
//   kit_run(seed, fn)   make scheduler, box and drivers; run fn at PASSIVE in the box; take everything down; demand no leftovers
#ifndef NBX_TESTS_FLOW_NDIS_KIT_H
#define NBX_TESTS_FLOW_NDIS_KIT_H

#include <stdbool.h>

#include "ndis/ndis.h"
#include "nt/box.h"
#include "nt/io/image.h"
#include "sim/sim.h"
#include "verify/verify.h"

#define KIT_BINDINGS 4
#define KIT_MARK 0x6b69740000000000ull      // 'kit', then the binding (8 bits), then the sequence number (32 bits)
#define SIM_CALM 0                            // a seed for tests that look at no schedule in particular

enum kit_completion {
    KIT_INLINE,
    KIT_LATER,
    KIT_RANDOM
};

struct kit_miniport {
    NDIS_HANDLE adapter;
    enum kit_completion completion;
    NET_BUFFER_LIST *held;                    // taken and not completed, in order of arrival
    _Atomic uint32_t sent, returned, pauses, restarts, halts, initializes;
    uint64_t order[4096];                     // first 8 bytes of each frame, as they arrived
    NDIS_HANDLE pool;
    _Atomic ULONG packet_filter;
    _Atomic uint32_t oids;
    bool pend_oids;
    NDIS_OID_REQUEST *pended_oid;
    NDIS_STATUS initialize_status;
    uint32_t shutdowns;
    uint64_t next[KIT_BINDINGS];              // of frames that kit_mark made: what is to come next from each binding
    uint32_t out_of_order;
    uint32_t marked_vlans;                    // frames whose 802.1Q word named their binding
    NDIS_STATUS oid_status;                   // what set requests get; 0: success
    uint32_t multicast_count;                 // of the last OID_802_3_MULTICAST_LIST
    _Atomic uint32_t resets, hang_checks, cancels;
    NDIS_STATUS (*on_reset)(BOOLEAN *addressing);   // NULL: success, nothing lost
    bool (*on_check_for_hang)(void);          // NULL: all is well
    ULONG check_for_hang_s;
    bool knows_power, knew_power;             // it gives NDIS_PM_CAPABILITIES; those of before NDIS 6.20
    ULONG attribute_flags;
    NDIS_STATUS power_status;                 // what OID_PNP_QUERY_POWER and OID_PNP_SET_POWER get; 0: success
    NDIS_DEVICE_POWER_STATE power_state;
    NDIS_STATUS (*on_pause)(void);            // NULL: success
    bool miscounts;                           // kit_indicate says one more than there are
    bool forgets_source;                      // what it indicates has no SourceHandle
    bool keep_returned;                       // what comes back is kept on this list until kit_free_returned
    NET_BUFFER_LIST *kept;
};

struct kit_binding {
    NDIS_HANDLE handle;
    KEVENT opened;                            // its open was pended and is over
    NDIS_STATUS open_status;                  // how
    uint32_t opens_pended;
    uint32_t bound_mtu;                       // NDIS_BIND_PARAMETERS.MtuSize
    BOOLEAN bound_ndk_enabled;                // NDKEnabled and NDKCapabilities
    PNDIS_NDK_CAPABILITIES bound_ndk;
    _Atomic bool in_use;
    uint32_t protocol;
    _Atomic uint32_t completed, received, status_indications;
    _Atomic uint32_t in_flight, resources;
    uint32_t complete_calls;
    uint64_t returned_mask[4];                // by sequence number below 256: came back; a second time is counted
    uint32_t returned_twice;
    bool return_lent;                         // returns what was indicated with RESOURCES, as it must not
    bool keep;                                // received NBLs are kept on this list until kit_return
    NET_BUFFER_LIST *kept;
    _Atomic NDIS_STATUS last_status;
    NDIS_OID_REQUEST *_Atomic oid_done;
    _Atomic NDIS_STATUS oid_status;
    void (*on_completed)(struct kit_binding *binding, NET_BUFFER_LIST *nbls);
    void (*on_received)(struct kit_binding *binding);
    void (*on_status)(struct kit_binding *binding, NDIS_STATUS_INDICATION *indication);
    NDIS_STATUS (*on_event)(struct kit_binding *binding, NET_PNP_EVENT_NOTIFICATION *event);   // NULL: success
};

// What came by of events, lifecycle calls and power requests, for tests of their order: who ('m', 'f', 'p') and what.
struct kit_note {
    char who;
    uint32_t what;
};
enum {
    KIT_NOTE_DEVICE = 0x100,                  // + NDIS_DEVICE_PNP_EVENT; below it a NET_PNP_EVENT_CODE
    KIT_NOTE_PAUSE = 0x200,
    KIT_NOTE_RESTART,
    KIT_NOTE_HALT,                            // + NDIS_HALT_ACTION << 16
    KIT_NOTE_INITIALIZE,
    KIT_NOTE_UNBIND,
    KIT_NOTE_DETACH,
    KIT_NOTE_POWER,                           // OID_PNP_SET_POWER, + state << 16
    KIT_NOTE_QUERY_POWER,
    KIT_NOTE_PM_PARAMETERS,                   // + EnabledWoLPacketPatterns << 16
    KIT_NOTE_WAKE_UP                          // OID_PNP_ENABLE_WAKE_UP, + flags << 16
};

struct kit {
    struct box *box;
    struct ndis_adapter *adapter;
    NDIS_HANDLE mp_driver, filter;            // the miniport driver's handle, the filter module's
    NDIS_HANDLE protocol[2];                  // proto0's, proto1's
    bool filter_refuses;                      // FilterAttach fails
    uint32_t binds, unbinds;                  // of all protocols
    void (*on_bind)(NDIS_BIND_PARAMETERS *parameters);
    bool asks_bind_name;                      // NdisQueryBindInstanceName in the bind handler: once without memory, once with
    NDIS_STATUS bind_name_status[2];
    NDIS_STRING bind_name;                    // the test frees it
    bool filter_bypasses_sends;               // lwf takes itself out of the send path at the next restart
    struct kit_miniport mp;
    struct kit_binding binding[KIT_BINDINGS];
    _Atomic uint32_t filter_oids;
    _Atomic uint32_t filter_sends, filter_completes, filter_receives, filter_returns, filter_pauses, filter_restarts;
    NDIS_STATUS (*protocol_event)(NET_PNP_EVENT_NOTIFICATION *event);   // for a protocol as a whole; NULL: success
    bool filter_swallows;                     // events end at lwf
    NDIS_STATUS filter_event_status;          // what it then says; 0: success
    struct kit_note notes[256];
    uint32_t note_count;
    NDIS_STATUS (*on_filter_pause)(void);     // NULL: success
    bool filter_keeps_sends, filter_keeps_receives;   // lwf puts them on this list until kit_filter_pass_kept
    NET_BUFFER_LIST *filter_kept_sends, *filter_kept_receives;
    uint32_t left;
    uint32_t findings;                        // after which the run went on
    uint64_t trace_hash;
};

// What a test adds to the miniport, set before kit_run. initialize runs inside MiniportInitializeEx once the attributes are set (its
// status becomes the miniport's), halt inside MiniportHaltEx.
struct kit_miniport_hooks {
    ULONG attribute_flags;
    UCHAR minor;                              // NDIS 6.minor; 0: 30
    NDIS_STATUS (*initialize)(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters);
    void (*halt)(void);
    SET_OPTIONS_HANDLER options;              // MiniportSetOptions; NULL: mp has none
    NDIS_STATUS (*direct)(NDIS_OID_REQUEST *request);   // MiniportDirectOidRequest; NULL: mp has none
    void (*cancel_direct)(void *id);
    NDIS_STATUS (*synchronous)(NDIS_OID_REQUEST *request);   // MiniportSynchronousOidRequest; NULL: mp has none
    NDIS_STATUS (*oid)(NDIS_OID_REQUEST *request);   // first to be asked; NDIS_STATUS_NOT_RECOGNIZED: the kit answers
};

extern struct kit kit;
extern struct kit_miniport_hooks kit_mp_hooks;
extern bool kit_filter_takes_oids;            // set before kit_run: lwf answers requests itself
extern bool kit_filter_takes_events;          // set before kit_run: lwf has FilterNetPnPEvent and FilterDevicePnPEventNotify
extern bool kit_mp_checks_for_hang;           // set before kit_run: mp has a MiniportCheckForHangEx
extern enum verify_mode kit_verify;           // the same: how closely the drivers are watched; off by default

static inline NTAPI VOID
kit_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    struct kit_binding *binding = context;
    binding->open_status = status;
    KeSetEvent(&binding->opened, IO_NO_INCREMENT, FALSE);
}

// In a bind handler: how the open ended, of which this is what NdisOpenAdapterEx said. opened is initialised.
static inline NDIS_STATUS
kit_opened(struct kit_binding *binding, NDIS_STATUS status)
{
    if (status != NDIS_STATUS_PENDING)
        return status;
    binding->opens_pended++;
    KeWaitForSingleObject(&binding->opened, Executive, KernelMode, FALSE, NULL);
    return binding->open_status;
}

void kit_note(char who, uint32_t what);
// The notes so far are exactly these; they are forgotten then. "p1 f200 m10204": who, and what in hex.
void kit_notes_are(const char *wanted);
void kit_run(uint64_t seed, void (*fn)(void));
// mp, then lwf if asked for, then as many bindings as asked for, running.
void kit_start(bool filter, uint32_t bindings);

// An NBL with one NB whose data begins with value; sent by the binding, so it must be its own.
NET_BUFFER_LIST *kit_nbl(struct kit_binding *binding, uint64_t value, uint32_t bytes);
// The same, numbered for the miniport to check the order by, the binding's number + 1 in the 802.1Q word.
NET_BUFFER_LIST *kit_mark(struct kit_binding *binding, uint32_t sequence);
// Complete what is held, shuffled, in lists of random length, each with NBLs of any binding.
void kit_complete_shuffled(void);
void kit_send(struct kit_binding *binding, NET_BUFFER_LIST *nbls);
void kit_complete_held(void);
// Indicate count frames to the given destination.
void kit_indicate(const uint8_t destination[6], uint32_t count, ULONG flags);
void kit_return(struct kit_binding *binding);
void kit_free_returned(void);
// lwf passes on the first one that it keeps: a send, or a received one.
void kit_filter_pass_kept(bool send);
NDIS_STATUS kit_set(struct kit_binding *binding, NDIS_OID oid, void *data, uint32_t bytes);
NDIS_STATUS kit_query(struct kit_binding *binding, NDIS_OID oid, void *data, uint32_t bytes);

#endif
