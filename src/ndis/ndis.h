// SPDX-License-Identifier: MIT
// NDIS as the rooms above (nbx, tools) use it: attach it to a box, add and remove adapters, filters and bindings, drive their
// lifecycles, read their counters. All functions: irql PASSIVE, in a thread of the box; they wait for the drivers' answers.
#ifndef NBX_NDIS_NDIS_H
#define NBX_NDIS_NDIS_H

#include <ndis.h>

#include "nt/box.h"

struct ndis_adapter;

// fails: -ENOMEM.
int ndis_create(struct box *box);
// All adapters are gone. Returns the leftovers it reported.
uint32_t ndis_destroy(struct box *box);

struct ndis_adapter_config {
    const char *name;            // nic0
    const char *driver;          // service name of a registered miniport driver
    const char *port_spec;       // for a virtual NIC
    uint64_t mac;                // 0: none
    const char *friendly_name;   // what NdisMQueryAdapterInstanceName gives; NULL: name
    uint16_t if_type;            // of its NET_LUID; 0: Ethernet
};

// Where the runner puts settings before it adds the adapter, attaches a filter, binds a protocol. Written into path.
void ndis_adapter_key(const char *adapter, char *path, size_t path_bytes);
void ndis_filter_key(const char *adapter, const char *filter, char *path, size_t path_bytes);
void ndis_binding_key(const char *adapter, const char *protocol, char *path, size_t path_bytes);

// Make the adapter and its registry key, run MiniportInitializeEx: it is then paused. fails: what the miniport said; the adapter is
// gone then.
NDIS_STATUS ndis_adapter_add(struct box *box, const struct ndis_adapter_config *config, struct ndis_adapter **out);
struct ndis_adapter *ndis_adapter_find(struct box *box, const char *name);
// What the miniport registered as its interface and media types; a driver's INF says the same, or one of the two is wrong.
void ndis_adapter_types(struct ndis_adapter *adapter, uint32_t *if_type, uint32_t *media_type, uint32_t *physical_media_type);
// No protocol may be bound over an adapter that the driver's module is missing from: NDIS unbinds all while one comes or goes.
void ndis_filter_mandatory_set(struct box *box, const char *filter_service, bool is_mandatory);
// Attach a module of the filter driver on top of those attached. When a mandatory one fails, what was bound stays unbound.
NDIS_STATUS ndis_adapter_attach_filter(struct ndis_adapter *adapter, const char *filter_service);
// Pause, take the highest module of that driver out, restart. fails: NDIS_STATUS_ADAPTER_NOT_FOUND.
NDIS_STATUS ndis_adapter_detach_filter(struct ndis_adapter *adapter, const char *filter_service);
NDIS_STATUS ndis_adapter_bind(struct ndis_adapter *adapter, const char *protocol_service);
NDIS_STATUS ndis_adapter_restart(struct ndis_adapter *adapter);
NDIS_STATUS ndis_adapter_pause(struct ndis_adapter *adapter);
NDIS_STATUS ndis_adapter_reset(struct ndis_adapter *adapter);
// To a device power state: D0 wakes it. fails: what the driver that objected said; it is awake then (or still asleep, for D0).
NDIS_STATUS ndis_adapter_power(struct ndis_adapter *adapter, NDIS_DEVICE_POWER_STATE state);
// Unbind, detach, pause, halt, free.
void ndis_adapter_remove(struct ndis_adapter *adapter);
// The same if nobody above objects (NetEventQueryRemoveDevice). fails: what the one who does said; the adapter stays.
NDIS_STATUS ndis_adapter_query_remove(struct ndis_adapter *adapter);
// The same as if the hardware had been pulled out: nobody is asked, and the miniport hears of it before it is halted.
void ndis_adapter_surprise_remove(struct ndis_adapter *adapter);
// An event for a protocol as a whole (its binding context is NULL): NetEventBindsComplete, NetEventBindList, NetEventReconfigure.
// fails: what the protocol said, or NDIS_STATUS_ADAPTER_NOT_FOUND.
NDIS_STATUS ndis_protocol_tell(struct box *box, const char *protocol_service, NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes);
// An event for those above an adapter that a user or the system brings about: NetEventPnPCapabilities and the like. fails: what they said.
NDIS_STATUS ndis_adapter_tell(struct ndis_adapter *adapter, NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes);
// A user takes the protocol away: unbound from every adapter, it is told (ProtocolUninstall) and may deregister. Unloading comes next.
// fails: NDIS_STATUS_ADAPTER_NOT_FOUND, there is no such protocol.
NDIS_STATUS ndis_protocol_uninstall(struct box *box, const char *protocol_service);
// All bindings there will be for now have been made: every protocol is told (NetEventBindsComplete).
void ndis_binds_complete(struct box *box);
// The system goes down: MiniportShutdownEx of every adapter that has one, last added first. Nothing is paused or halted.
void ndis_shutdown(struct box *box);
bool ndis_adapter_is_running(struct ndis_adapter *adapter);
// What a management application asks of an interface that a driver provides: its ProviderQueryObject, ProviderSetObject. *bytes is
// the buffer's length, then what was written. fails: NDIS_STATUS_INTERFACE_NOT_FOUND, and whatever the provider says.
NDIS_STATUS ndis_interface_query(struct box *box, NET_IFINDEX index, NDIS_OID oid, void *buffer, uint32_t *bytes);
NDIS_STATUS ndis_interface_set(struct box *box, NET_IFINDEX index, NDIS_OID oid, void *buffer, uint32_t bytes);
// Have the miniport disable or enable its interrupts, for diagnosis: every message, or the line, at DIRQL. irql: <= DISPATCH
// fails: false, it has registered none.
bool ndis_adapter_interrupts(struct ndis_adapter *adapter, bool enable);

// A virtual miniport's device, as a setup program or a notify object would have made it. It is started at once: as soon as the
// intermediate driver has asked for it (NdisIMInitializeDeviceInstanceEx with its name), NDIS initialises the miniport.
struct ndis_virtual_config {
    const char *name;            // v0: as an adapter's, unique among adapters
    const char *driver;          // service name of the intermediate driver
    // On the PnP thread: the miniport has initialised and is paused (adapter), is about to be halted (NULL), or did not initialise
    // (NULL and what it said). May be NULL itself.
    void (*on_change)(void *context, struct ndis_adapter *adapter, NDIS_STATUS status);
    void *context;
};
// device_name gets \Device\{GUID}, what the driver has to ask for. fails: NDIS_STATUS_RESOURCES.
NDIS_STATUS ndis_virtual_declare(struct box *box, const struct ndis_virtual_config *config, char *device_name, size_t device_name_bytes);
// Wait until what was queued for the PnP thread so far has run: a virtual miniport that a bind asked for has had its turn then.
void ndis_settle(struct box *box);

struct ndis_edge {               // one row a module, for the counters table: bottom to top
    const char *kind;            // "miniport", "filter", "protocol", "intermediate" (its lower edge)
    const char *name;
    uint64_t sent_nbls, completed_nbls, indicated_nbls, returned_nbls;
};
uint32_t ndis_adapter_edges(struct ndis_adapter *adapter, struct ndis_edge *edges, uint32_t capacity);

// Watching lists at every edge. One function per box; it runs on the data path (irql <= DISPATCH) just before the list goes on, must
// not keep or change it, and is called for:
//   port      lists into and out of the miniport          filter    what a filter module passes down and up
//   protocol  what a binding sends, and what it is shown
struct ndis_trace_edge {
    const char *adapter, *kind, *name;
    uint32_t id;                 // the watcher's own, 0 at first
};
// The adapter whose MiniportInitializeEx runs on this, the PnP thread, or NULL.
const char *ndis_adapter_starting(struct box *box);
typedef void (*ndis_trace_fn)(void *context, struct ndis_trace_edge *edge, NET_BUFFER_LIST *nbls, bool outbound);
// The same for what is no list of frames: a call in words, of an adapter ("nic0"), the driver that is called and the one that calls (NULL:
// whose code runs). irql: <= DISPATCH
typedef void (*ndis_words_fn)(void *context, const char *adapter, const char *driver, const char *from, const char *words);
void ndis_words_set(struct box *box, ndis_words_fn fn, void *context);
// Set before any adapter is added. NULL: none.
void ndis_trace_set(struct box *box, ndis_trace_fn fn, void *context);

// How often something happened that a test sweep must have seen at least once to prove anything.
enum ndis_event {
    NDIS_EVENT_PAUSE_IN_FLIGHT,      // a binding was paused while its sends were out
    NDIS_EVENT_LATE_RETURN,          // a binding was paused while it held received NBLs
    NDIS_EVENT_SEND_REFUSED,         // sent while not running: NDIS_STATUS_PAUSED
    NDIS_EVENT_COMPLETION_DEFERRED,  // completed inside the send call of a completion handler
    NDIS_EVENT_INDICATION_DEFERRED,  // indicated inside a return
    NDIS_EVENT_LOOPBACK,
    NDIS_EVENT_SHARED_RECEIVE,       // one NBL shown to several bindings
    NDIS_EVENT_OID_WAITED,           // a request had to wait for another
    NDIS_EVENT_OID_CANCELLED,
    NDIS_EVENT_SEND_CANCELLED,
    NDIS_EVENT_RESET,
    NDIS_EVENT_SLEEP,
    NDIS_EVENT_OPEN_PENDED,          // NdisOpenAdapterEx said NDIS_STATUS_PENDING
    NDIS_EVENT_COUNT
};
const char *ndis_event_word(enum ndis_event event);
void ndis_events_get(struct box *box, uint64_t counts[NDIS_EVENT_COUNT]);

NDIS_STATUS ndis_adapter_oid(struct ndis_adapter *adapter, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *buffer, uint32_t bytes,
                             uint32_t *done_bytes);

#endif
