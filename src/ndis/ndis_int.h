// SPDX-License-Identifier: MIT
// NDIS's own picture of a box: drivers, adapters, filter modules, bindings, and the order they stand in.
//
//   binding   binding   binding         each opened by a protocol on one adapter
//        \       |       /              top edge: receive is shown to every binding whose filter matches; completion goes by SourceHandle
//         filter (highest)
//         filter (lowest)
//         adapter                       a miniport's instance; below it only hardware (or a port)
//
// Lists of NBLs never look this picture up: each module carries ready-made routes (struct ndis_route), which stack.c rewrites while
// the box is frozen (ke_freeze), so a reader at DISPATCH needs no lock and no atomic.
//   send       binding.send -> filter.send ... -> adapter.send         (send.c)
//   completion adapter.send_complete -> filter.send_complete ... -> top (send.c)
//   receive    adapter.receive -> filter.receive ... -> top              (recv.c)
//   return     binding.returns -> filter.returns ... -> adapter.returns  (recv.c)
// Filters with a NULL handler are skipped by the routes [network/ndis-filter-driver-characteristics, bypass].
#ifndef NBX_NDIS_NDIS_INT_H
#define NBX_NDIS_NDIS_INT_H

#include <ndischimney.h>
#include <ndisndk.h>

#include "base/list.h"
#include "ndis/ndis.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"
#include "verify/ages.h"
#include "verify/rules.h"

// ---- handles ------------------------------------------------------------------------------------------------------------------

// First word of everything a driver holds as an NDIS_HANDLE, so that a wrong handle is told by name and not by a crash.
enum ndis_kind {
    NDIS_KIND_MINIPORT_DRIVER = 0x4e424d44,   // 'NBMD'
    NDIS_KIND_FILTER_DRIVER = 0x4e424644,
    NDIS_KIND_PROTOCOL = 0x4e425044,
    NDIS_KIND_ADAPTER = 0x4e424d41,
    NDIS_KIND_FILTER = 0x4e42464d,
    NDIS_KIND_BINDING = 0x4e424249,
    NDIS_KIND_BIND = 0x4e424243,              // a bind in progress
    NDIS_KIND_UNBIND = 0x4e425543,            // an unbind in progress
    NDIS_KIND_CONFIG = 0x4e424346,            // a configuration handle (config.c)
    NDIS_KIND_POOL_NBL = 0x4e42504c,
    NDIS_KIND_POOL_NB = 0x4e42504e,
    NDIS_KIND_LOOPBACK = 0x4e424c42           // SourceHandle of NBLs that NDIS made itself
};

// The runtime's own checks of a handle: a mismatch stops the driver with a report that names the function and what was found.
void *ndis_handle_check(NDIS_HANDLE handle, enum ndis_kind kind, const char *function);
// The driver behind a handle of any kind that NDIS takes for bookkeeping only: a driver's, an adapter's, a filter module's, a
// binding's, a generic object. A handle of no kind is reported.
DRIVER_OBJECT *ndis_handle_driver(NDIS_HANDLE handle, const char *function);

// ---- routes -------------------------------------------------------------------------------------------------------------------

struct ndis_module;

// Where a list goes next. target is the module that will be inside its driver; calls of it are counted when not at DISPATCH.
struct ndis_route {
    struct ndis_module *target;               // NULL: the top edge
    NDIS_HANDLE context;                      // what the handler gets first
    bool loopback;                            // send into the miniport: other bindings may want to see it
    union {
        void *handler;
        FILTER_SEND_NET_BUFFER_LISTS *send;   // a miniport's handlers have the same shapes
        FILTER_SEND_NET_BUFFER_LISTS_COMPLETE *send_complete;
        FILTER_RECEIVE_NET_BUFFER_LISTS *receive;
        FILTER_RETURN_NET_BUFFER_LISTS *returns;
        FILTER_CANCEL_SEND_NET_BUFFER_LISTS *cancel;
    };
};

enum ndis_state {                             // [network/miniport-adapter-states-and-operations and its filter and binding kin]
    NDIS_STATE_HALTED,                        // adapter halted, filter detached, binding unbound
    NDIS_STATE_INITIALIZING,                  // adapter initialising, filter attaching, binding opening
    NDIS_STATE_PAUSED,
    NDIS_STATE_RESTARTING,
    NDIS_STATE_RUNNING,
    NDIS_STATE_PAUSING,
    NDIS_STATE_CLOSING
};

// What adapter, filter module and binding have in common.
struct ndis_module {
    uint32_t kind;                            // enum ndis_kind; first, see ndis_handle_check
    _Atomic uint32_t state;                   // enum ndis_state
    struct ndis *ndis;
    struct ndis_adapter *adapter;             // itself for an adapter
    struct io_image *image;
    // Calls into this module made below DISPATCH (at DISPATCH ke_grace covers them); detach waits for 0.
    _Atomic uint32_t calls;
    // Routes that start here.
    struct ndis_route send;                   // down, for what this module sends
    struct ndis_route returns;                // down, for what this module returns
    struct ndis_route send_complete;          // up, for what this module completes
    struct ndis_route receive;                // up, for what this module indicates
    struct ndis_route cancel;                 // down
    // Counters of this edge, for reports; per processor, indexed by processor number.
    struct ndis_edge_counters *counters;
    struct ndis_trace_edge trace;
    // What a binding or a filter module wants while the adapter sleeps (pm.c); guarded by ndis->lock.
    NDIS_PM_PARAMETERS pm;
    ULONG wake_up;
};

// Set up what modules have in common; routes lead nowhere until the next publish. fails: false when out of memory.
bool ndis_module_init(struct ndis_module *module, enum ndis_kind kind, struct ndis_adapter *adapter, struct io_image *image);
void ndis_module_fini(struct ndis_module *module);
static inline enum ndis_state
ndis_module_state(struct ndis_module *module)
{
    return atomic_load(&module->state);
}
// Change the state; it goes into sim's trace.
void ndis_module_state_set(struct ndis_module *module, enum ndis_state state);
void ndis_edge_sum(const struct ndis_module *module, struct ndis_edge_counters *sum);

// One cache line a processor; written only by the owner of the processor.
struct ndis_edge_counters {
    _Alignas(KE_CACHE_LINE) uint64_t sent_nbls;
    uint64_t completed_nbls;
    uint64_t indicated_nbls;
    uint64_t returned_nbls;
    uint64_t send_moved_ns, receive_moved_ns; // on the first line: when the module last gave on one of either (verify/ages.c)
    uint64_t unused[2];
};

// Something for the PnP thread to do (pnp.c).
struct ndis_pnp_item {
    struct list node;
    void (*fn)(void *arg);
    void *arg;
    struct ke_latch *done;                    // set when fn has returned; NULL: nobody waits
    bool is_allocated;                        // freed before fn runs; false in an item of one's own
};

// A pending lifecycle answer of a driver (pause, restart, close ... that returned NDIS_STATUS_PENDING).
struct ndis_pending {
    struct ke_latch latch;
    _Atomic uint32_t expected;                // 1 while an answer is due
    NDIS_STATUS status;
};

// ---- drivers ------------------------------------------------------------------------------------------------------------------

// What an offload target registered (chimney.h); Header.Size 0: nothing.
struct ndis_chimney_provider {
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic;
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp;
};
// What a protocol driver did, or one binding of it.
struct ndis_chimney_client {
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic;
    NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp;
};

struct ndis_miniport_driver {
    uint32_t kind;
    struct list node;                         // ndis->miniport_drivers
    struct ndis *ndis;
    struct io_image *image;
    DRIVER_OBJECT *driver_object;
    NDIS_HANDLE context;                      // MiniportDriverContext
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS chars;   // newest revision; fields beyond the registered one are zero
    uint8_t major, minor;                     // NDIS version registered
    struct ndis_protocol *lower_edge;         // of an intermediate driver: NdisIMAssociateMiniport
    struct ndis_chimney_provider chimney;
    OPEN_NDK_ADAPTER_HANDLER ndk_open;        // both or none
    CLOSE_NDK_ADAPTER_HANDLER ndk_close;
    uint32_t adapter_count;                   // guarded by ndis->lock
    bool deregistering;
};

struct ndis_filter_driver {
    uint32_t kind;
    struct list node;
    struct ndis *ndis;
    struct io_image *image;
    DRIVER_OBJECT *driver_object;
    NDIS_HANDLE context;
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars;
    UNICODE_STRING friendly_name, unique_name, service_name;   // owned
    uint32_t module_count;
    bool deregistering;
    bool is_mandatory;                        // its INF says that no protocol may bind over an adapter without it
};

struct ndis_protocol {
    uint32_t kind;
    struct list node;
    struct ndis *ndis;
    struct io_image *image;
    NDIS_HANDLE context;
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars;
    UNICODE_STRING name;                      // owned
    struct ndis_miniport_driver *upper_edge;  // of an intermediate driver: NdisIMAssociateMiniport
    struct ndis_chimney_client chimney;       // of bindings that set no other
    _Atomic uint32_t binding_count;           // opens whose close is not over: deregistration waits for 0
    bool deregistering;
};

// ---- modules ------------------------------------------------------------------------------------------------------------------

struct ndis_oid_queue {                       // serialises OID requests into one module (oid.c)
    struct list waiting;                      // of struct ndis_oid
    struct ndis_oid *current;
    bool running;                             // somebody is handing requests to the driver: others only queue
    uint64_t handed;                          // how many requests have been handed to the driver
    bool work_queued;                         // work is on its way to do so at PASSIVE
    struct ke_work work;
    bool is_watched;                          // what follows is in use (oid_watch.c)
    uint64_t watch_until_ns;
    KTIMER watch_timer;
    KDPC watch_dpc;
    bool is_timed;                            // as is what follows: the time-out of a request (NDIS_OID_REQUEST.Timeout)
    _Atomic uint64_t timeout_until_ns;        // 0: the current one has none
    KTIMER timeout_timer;
    KDPC timeout_dpc;
};

// Power of an adapter (pm.c, power.c).
struct ndis_pm {
    bool has_capabilities, has_old_capabilities;   // of NDIS 6.20 and of before
    NDIS_PM_CAPABILITIES capabilities;        // copies of what the general attributes pointed to; zero: can do nothing of it
    NDIS_PNP_CAPABILITIES old_capabilities;
    NDIS_DEVICE_POWER_STATE state;
    _Atomic bool is_halted;                   // asleep because it was halted; read by whoever sends a request
    bool was_running;                         // paused for the sleep, to be restarted after it
};

// Resets and the check for hang of an adapter (reset.c).
struct ndis_reset {
    bool is_open;                             // may begin: between initialise and halt; guarded by ndis->lock, as the next two are
    bool is_wanted;                           // asked for while it could not begin
    bool is_running;
    _Atomic uint32_t ended;                   // how many have ended
    NDIS_STATUS status;                       // of the last
    WORK_QUEUE_ITEM work;                     // runs it: not the PnP thread, which may wait for what only a reset ends
    struct ndis_pending pending;              // NdisMResetComplete
    BOOLEAN addressing;                       // what it said
    struct ke_thread *hang_thread;            // NULL: no MiniportCheckForHangEx
    _Atomic uint32_t hang_stop;
    uint64_t hang_request;                    // oids.handed at the last look, and at how many looks since that request was out
    uint32_t hang_looks;
};

// Protocols whose bindings are to come back (rebind.c).
struct ndis_parked {
    struct ndis_protocol **protocols;
    uint32_t count;
};

// Which processors of the box RSS may use [network/standardized-inf-keywords-for-rss].
struct ndis_rss_range {
    uint32_t base, last, most;   // first and last number, and how many at most
};
struct ndis_adapter {
    struct ndis_module module;
    struct list node;                         // ndis->adapters, in order of creation
    struct ndis_miniport_driver *driver;
    struct ndis_hardware *hardware;           // hardware.h
    struct ndis_rss *rss;                     // rss.c; NULL: the miniport has none
    struct ndis_rss_range rss_range;
    struct {                                  // vmq.c; guarded by ndis->lock
        uint64_t queues;                      // a bit for each number that is given
        struct list filters;
        NDIS_RECEIVE_FILTER_ID last_filter;
    } vmq;
    const char *name;                         // "nic0": the stack file's word, for reports
    UNICODE_STRING device_name;               // \Device\{GUID}; owned
    UNICODE_STRING friendly_name;             // owned
    GUID guid;
    NET_LUID luid;
    NET_IFINDEX if_index;
    const char *registry_path;                // of the adapter's instance key; owned
    const char *port_spec;                    // what a virtual NIC plugs in; owned, may be NULL
    uint64_t mac;                             // from the stack file, 0 if none: low 48 bits, first byte highest

    // set by NdisMSetMiniportAttributes, in its order (miniport.c)
    bool have_registration, have_general;
    bool initializing;                        // inside MiniportInitializeEx
    bool halting;                             // inside MiniportHaltEx, and until what it must give back has been looked at
    NDIS_HANDLE general_context;              // MiniportAdapterContext
    ULONG attribute_flags;
    ULONG check_for_hang_s;
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES general;
    NDIS_RESTART_GENERAL_ATTRIBUTES above;    // as the bindings see them, after the last restart
    NDIS_OID *supported_oids;                 // copy, owned
    ULONG supported_oid_count;
    uint8_t permanent_mac[NDIS_MAX_PHYS_ADDRESS_LENGTH], current_mac[NDIS_MAX_PHYS_ADDRESS_LENGTH];
    NDIS_OFFLOAD *offload_default, *offload_hardware;   // copies, owned, NULL if none; under ndis->lock once initialised (offload.c)
    NDIS_OFFLOAD_ENCAPSULATION encapsulation; // as last set; all zero before
    struct {                                  // connection offload (chimney.h); Header.Size 0: nothing was said. Under ndis->lock
        NDIS_TCP_CONNECTION_OFFLOAD now, hardware;
        NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS parameters;   // as last set
        bool has_handlers;                    // NdisMGetOffloadHandlers was called. Kept with a verifier
    } connection;
    struct ndis_ndk *ndk;                     // ndk/ndk_int.h; NULL: no NDK. Changed under ndis->lock
    bool ndk_is_asleep;                       // PnP thread; outlives a halt for sleep
    struct ndis_assist *assist;               // hardware assist attributes (assist.c); NULL: none were set

    struct list ports;                        // of struct ndis_port (nport.c); guarded by ndis->lock
    _Atomic uint32_t default_port;            // 1 while active
    struct ndis_parked parked;                // while it is not; the PnP thread's
    struct list filters;                      // of ndis_filter.node, bottom to top
    struct list bindings;                     // of ndis_binding.node, in order of opening
    uint32_t binding_count;
    uint32_t opens;                           // NdisOpenAdapterEx so far, what decides on threads whether one pends (open.c)

    // Receive to the bindings. Rebuilt with the routes and read at DISPATCH; freed after ke_grace.
    struct ndis_top *_Atomic top;
    uint32_t top_version;                     // under ndis->lock: counts the tables begun

    struct ndis_pending pause, restart;
    struct ndis_reset reset;
    struct ndis_pm pm;
    _Atomic uint32_t low_power;               // asleep: no request but OID_PNP_SET_POWER reaches the miniport
    _Atomic uint32_t resetting;               // inside MiniportResetEx, or it has pended: the miniport gets no requests or sends
    struct ndis_oid_queue oids;
    struct ke_lock oid_lock;                  // guards oids and kept
    struct list direct_oids;                  // direct requests that are out at a module of this adapter (oid_direct.c); by oid_lock
    struct list kept;                         // of struct ndis_kept (kept.c)
    uint64_t kept_next;

    // Link state and what is replayed to late bindings (status.c). Guarded by ndis->lock.
    NDIS_LINK_STATE link;
    // What the bindings asked for, summed (pfilter.c). Guarded by ndis->lock.
    _Atomic uint32_t sums_unsure;             // a bit for each that the miniport refused (sum_bit)
    ULONG packet_filter;
    uint32_t multicast_count;
    uint8_t (*multicast)[6];
    ULONG lookahead;
    bool removing;
    _Atomic bool is_shut;                     // MiniportShutdownEx has been called: nothing else of the miniport is, ever again
    uint32_t loopback_kind;                   // NDIS_KIND_LOOPBACK; its address: SourceHandle of the copies made here (loopback.c)
    struct ndis_im *im;                       // a virtual miniport's device (im.h); NULL: hardware below
    NDIS_HANDLE im_context;                   // DeviceContext of NdisIMInitializeDeviceInstanceEx
};

struct ndis_filter {
    struct ndis_module module;
    struct list node;                         // adapter->filters
    struct ndis_filter_driver *driver;
    NET_LUID luid;
    NET_IFINDEX if_index;                     // 0: not numbered yet
    NDIS_HANDLE context;                      // FilterModuleContext, from NdisFSetAttributes
    bool attributes_set;
    bool attaching;                           // inside FilterAttach: the only place for NdisFSetAttributes
    bool setting_options;                     // inside FilterSetModuleOptions: the only place for new handlers
    const char *instance_name;
    UNICODE_STRING module_name;               // {GUID}-{filter GUID}-0000; owned
    NDIS_FILTER_PARTIAL_CHARACTERISTICS handlers;   // current data-path handlers; NULL ones are bypassed
    FILTER_STATUS_HANDLER status_handler;
    struct ndis_pending pause, restart;
    struct ndis_oid_queue oids;
    const char *settings_path;                // registry key of this module's settings; owned
};

// How one binding receives: copied into the top table so that the receive path touches one cache line a binding.
struct ndis_binding {
    struct ndis_module module;
    struct list node;                         // adapter->bindings
    struct ndis_protocol *protocol;
    NDIS_HANDLE context;                      // ProtocolBindingContext
    PROTOCOL_RECEIVE_NET_BUFFER_LISTS *receive_handler;
    PROTOCOL_SEND_NET_BUFFER_LISTS_COMPLETE *send_complete_handler;
    struct ke_gate *sends;                    // NBLs sent and not yet back with the protocol
    struct ke_gate *receives;                 // NBLs shown and not yet returned, plus calls in its receive handler
    ULONG packet_filter;                      // what it set; 0 at first
    uint32_t multicast_count;
    uint8_t (*multicast)[6];
    ULONG lookahead;
    uint16_t frame_types[8];                  // EtherTypes it asked for in NDIS_OPEN_PARAMETERS, host order; none: all
    uint32_t frame_type_count;
    struct ndis_pending close, pnp;
    NET_PNP_EVENT_NOTIFICATION *event;        // what pnp is about; NULL: nothing is pending
    _Atomic uint32_t holds;                   // the open itself, an unbind that waits: the last frees
    struct ndis_bind *bind;                   // its ProtocolBindAdapterEx, until that has completed; guarded by ndis->lock
    bool unbinding;                           // its ProtocolUnbindAdapterEx has begun
    _Atomic uint32_t unbind_asked;            // NdisUnbindAdapter: unbind_item is on its way
    struct ndis_pnp_item unbind_item;
    struct ke_work close_work;                // tells the protocol that a pended close is over
    _Atomic uint32_t closing, close_steps;
    _Atomic uint32_t oids_outstanding;        // requests out, plus one until the close begins
    UNICODE_STRING adapter_name;              // what the protocol was told; owned
    struct ndis_chimney_client chimney;
    _Atomic uint32_t null_disconnects;        // disconnects without a NET_BUFFER_LIST that are below it
    _Atomic uint32_t chimney_lent;            // lists of the target's that it has: indicated, or with a terminate. Kept with a verifier
    _Atomic uint32_t offloads;                // state objects that it has offloaded and not terminated
};

// The bindings of an adapter as the receive path sees them.
// refs: one of the adapter, one for each reader below DISPATCH; readers at DISPATCH are covered by ke_grace.
struct ndis_top {
    _Atomic uint32_t refs;
    uint32_t count;                           // running bindings, at most 64
    struct ndis_route returns;                // down, for what nobody wanted
    struct ndis_top_entry {
        struct ndis_binding *binding;
        PROTOCOL_RECEIVE_NET_BUFFER_LISTS *handler;
        NDIS_HANDLE context;
        ULONG packet_filter;
        uint32_t frame_type_count;
        uint16_t frame_types[8];
        uint32_t multicast_count;
        uint8_t (*multicast)[6];              // lives with this table
    } entry[];
};

// Per unbind, what UnbindContext points at: it outlives the binding handle, which the close ends.
struct ndis_unbind {
    uint32_t kind;
    struct ndis_pending done;
};

// Per bind attempt, what BindContext points at [ndis/nc-ndis-protocol_bind_adapter_ex].
struct ndis_bind {
    uint32_t kind;
    struct ndis_adapter *adapter;
    struct ndis_protocol *protocol;
    struct ndis_binding *binding;             // between NdisOpenAdapterEx and NdisCloseAdapterEx; guarded by ndis->lock
    _Atomic uint32_t word;                    // BIND_* (binding.c): an answer is due, is there; an unbind is wanted
    NDIS_STATUS status;                       // the answer
    const char *settings_path;                // registry key of the binding
    UNICODE_STRING settings_string;           // ProtocolSection; owned by the caller of the bind
    NDIS_PORT *ports;                         // ActivePorts; owned
    NDIS_OFFLOAD offload;                     // what DefaultOffloadConfiguration points at
    NDIS_TCP_CONNECTION_OFFLOAD connection;   // and TcpConnectionOffloadCapabilities
    bool inside;                              // ProtocolBindAdapterEx has not completed: opens are allowed
    bool opening;                             // an open is pending (open.c); guarded by ndis->lock
};

// ---- NBLs ---------------------------------------------------------------------------------------------------------------------

#define NDIS_INFO_SLOTS 32                    // over-allocated: drivers of any version find theirs

struct ndis_nbl_pool;
struct ndis_nb_pool;

enum ndis_nbl_kind {
    NDIS_NBL_PLAIN,
    NDIS_NBL_CLONE,
    NDIS_NBL_FRAGMENT,
    NDIS_NBL_REASSEMBLED
};

// What stands before every NET_BUFFER_LIST. nbl.c makes them; send.c and recv.c use the second half while the NBL travels.
// Before it stands, with the verifier on, the record of the NBL (verify/record.h).
// The NBL begins on a cache line: a plain frame then touches three of its lines when sent (links; owner's words and SourceHandle;
// flags, status and the first out-of-band words) and four when received (the frame type).
struct ndis_nbl {
    void *link;                               // the slab's
    struct ndis_nbl_pool *pool;
    uint8_t kind;                             // enum ndis_nbl_kind
    uint8_t has_net_buffer;                   // pool with fAllocateNetBuffer: the NET_BUFFER stands behind
    uint8_t in_use;
    uint8_t has_original_mdls;                // a clone made with NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS
    // travelling
    NET_BUFFER_LIST *batch_next;              // deferred lists (frame.c): the next list's first NBL
    ULONG batch_flags, batch_count;
    NDIS_PORT_NUMBER batch_port;
    uint64_t top_mask;                        // recv_top.c: the bindings that still want to see it
    NET_BUFFER_LIST *order_next;              // recv_top.c: the order it arrived in
    const struct ndis_module *loopback_sender;   // loopback.c: compared, never followed
    _Alignas(KE_CACHE_LINE) union {
        NET_BUFFER_LIST nbl;
        uint8_t nbl_bytes[0x90 + NDIS_INFO_SLOTS * 8];
    };
};

static inline struct ndis_nbl *
ndis_nbl_of(NET_BUFFER_LIST *nbl)
{
    return CONTAINING_RECORD(nbl, struct ndis_nbl, nbl);
}

// ---- re-entrance (frame.c) ------------------------------------------------------------------------------------------------------
// A completion inside a send call, and an indication inside a return, would nest for ever when a protocol answers each with the
// next. So the outermost upcall on a thread owns a frame on its stack; nested ones at the same edge are put on it as whole lists
// and delivered when the running callback has come back. Order is kept; nothing is allocated (the first NBL carries the list).
enum ndis_upcall {
    NDIS_UPCALL_SEND_COMPLETE,
    NDIS_UPCALL_RECEIVE
};

struct ndis_frame {
    struct ndis_frame *outer;                 // ke_thread.ndis_frames is the innermost
    struct ndis_module *target;
    enum ndis_upcall kind;
    NET_BUFFER_LIST *first, *last;            // first NBLs of deferred lists, linked by ndis_nbl.batch_next
};

// The frame of this edge that is running on this thread, or NULL.
static inline struct ndis_frame *
ndis_frame_find(struct ke_thread *self, const struct ndis_module *target, enum ndis_upcall kind)
{
    for (struct ndis_frame *frame = self->ndis_frames; frame; frame = frame->outer)
        if (frame->target == target && frame->kind == kind)
            return frame;
    return NULL;
}

// owns: takes the list until ndis_frame_take gives it back.
void ndis_frame_defer(struct ndis_frame *frame, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags);
// The next deferred list, or NULL.
NET_BUFFER_LIST *ndis_frame_take(struct ndis_frame *frame, NDIS_PORT_NUMBER *port, ULONG *count, ULONG *flags);

static inline void
ndis_frame_push(struct ndis_frame *frame, struct ke_thread *self, struct ndis_module *target, enum ndis_upcall kind)
{
    frame->outer = self->ndis_frames;
    frame->target = target;
    frame->kind = kind;
    frame->first = frame->last = NULL;
    self->ndis_frames = frame;
}

static inline void
ndis_frame_pop(struct ndis_frame *frame, struct ke_thread *self)
{
    self->ndis_frames = frame->outer;
}

// ---- the box's NDIS -------------------------------------------------------------------------------------------------------------

struct ndis {
    struct box *box;
    struct ndis_pnp *pnp;
    struct ndis_interfaces *interfaces;       // interface.c
    struct ke_lock lock;                      // guards the lists and the picture; never held across a call into a driver
    struct list miniport_drivers, filter_drivers, protocols, adapters;
    struct list oid_clones;                   // of struct ndis_oid_clone (oid_clone.c)
    struct list ndk_clients;                  // of struct ndis_ndk_client (ndk/ndk.h); PnP thread alone
    struct list ims;                          // devices of virtual miniports (im.h)
    struct ndis_adapter *starting;            // inside MiniportInitializeEx, not yet among adapters; PnP thread
    NET_IFINDEX next_if_index;
    uint64_t next_luid_index;
    uint64_t next_guid;
    struct ndis_module loopback;              // SourceHandle of NDIS's own NBLs
    _Atomic uint64_t events[NDIS_EVENT_COUNT];
    struct ages ages;                         // how long drivers keep what is not theirs
    bool ledger_on;                           // verify/ledger.h: the box has a verifier
    ndis_trace_fn trace_fn;                   // NULL: nobody watches
    void *trace_context;
    ndis_words_fn words_fn;                   // NULL: nobody watches
    void *words_context;
    NDIS_HANDLE loopback_pool;
    NDIS_HANDLE clone_pool, clone_nb_pool;    // for derived lists whose driver names no pool (clone.c)
    _Atomic uint32_t cancel_ids;              // NdisGeneratePartialCancelId: how many were given
};

// A pool goes while blocks of it are out: said in words, with the driver that made it, and counted as left behind.
void ndis_pool_leak(struct ndis *ndis, const char *what, ULONG tag, const struct io_image *image, uint64_t count);

struct ndis *ndis_self(void);                 // of the running thread's box

// Rare paths only.
static inline void
ndis_event_note(struct ndis *ndis, enum ndis_event event)
{
    atomic_fetch_add_explicit(&ndis->events[event], 1, memory_order_relaxed);
}

// A list is about to cross this module's edge.
static inline void
ndis_trace(struct ndis_module *module, NET_BUFFER_LIST *nbls, bool outbound)
{
    struct ndis *ndis = module->ndis;
    if (__builtin_expect(ndis->trace_fn != NULL, 0))
        ndis->trace_fn(ndis->trace_context, &module->trace, nbls, outbound);
}

// One writer, the owner of the processor; reports read while it counts.
static inline void
ndis_edge_add(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

// Count a list at this module's edge, on the own processor's line.
#define NDIS_EDGE_COUNT(self, module, counter, count) \
    do { \
        KIRQL count_old_ = ke_raise_dispatch(self); \
        ndis_edge_add(&(module)->counters[(self)->processor->number].counter, (count)); \
        ke_lower(self, count_old_); \
    } while (0)

// ---- calls into drivers -----------------------------------------------------------------------------------------------------------

#define NDIS_CALLS_DRAINING 0x80000000u       // in ndis_module.calls: the last to leave wakes ndis_module_drain

// A call into a driver that is no part of the data path: NDIS_CALL(image, "MiniportPause", handler(...)) is the handler's result.
#define NDIS_CALL(image_, name, call) \
    ({ \
        struct ke_crossing crossing_ = ke_driver_enter(ke_self(), (image_), (name)); \
        __auto_type result_ = (call); \
        ke_driver_leave(ke_self(), crossing_); \
        result_; \
    })
#define NDIS_CALL_VOID(image_, name, call) \
    do { \
        struct ke_crossing crossing_ = ke_driver_enter(ke_self(), (image_), (name)); \
        (call); \
        ke_driver_leave(ke_self(), crossing_); \
    } while (0)

// One call less. The module may be gone when this returns.
static inline void
ndis_module_leave(struct ndis_module *module)
{
    if (__builtin_expect(atomic_fetch_sub(&module->calls, 1) == (NDIS_CALLS_DRAINING | 1), 0))
        sched_wake(sched_self->sched, &module->calls, UINT32_MAX);   // its address is all that is needed of it
}

// Enter a module's driver: at DISPATCH nothing to do (ke_grace covers the call), below it the call is counted.
static inline bool
ndis_call_begin(struct ndis_module *module, struct ke_thread *self)
{
    if (__builtin_expect(self->irql >= DISPATCH_LEVEL, 1))
        return false;
    atomic_fetch_add_explicit(&module->calls, 1, memory_order_acq_rel);
    return true;
}

static inline void
ndis_call_end(struct ndis_module *module, bool counted)
{
    if (__builtin_expect(counted, 0))
        ndis_module_leave(module);
}

// Copy a route so that its target cannot go away before the call: raised to DISPATCH for the moment when below.
// Pair with ndis_route_end. Returns whether the call was counted.
static inline bool
ndis_route_begin(const struct ndis_route *from, struct ndis_route *route, struct ke_thread *self)
{
    if (__builtin_expect(self->irql >= DISPATCH_LEVEL, 1)) {
        *route = *from;
        return false;
    }
    KIRQL old = ke_raise_dispatch(self);
    *route = *from;
    if (route->target)
        atomic_fetch_add_explicit(&route->target->calls, 1, memory_order_acq_rel);
    ke_lower(self, old);
    return route->target != NULL;
}

static inline void
ndis_route_end(const struct ndis_route *route, bool counted)
{
    if (__builtin_expect(counted, 0))
        ndis_module_leave(route->target);
}

// Wait until nobody is inside the module's driver through the data path. irql: PASSIVE; the routes to it are gone already.
// (Calls made below DISPATCH are counted; those at DISPATCH ended when the box was frozen.)
void ndis_module_drain(struct ndis_module *module);

void ndis_pending_begin(struct ndis_pending *pending);
// The driver's call has returned status: waits for the completion call if it was PENDING. Returns the final status.
NDIS_STATUS ndis_pending_end(struct ndis_pending *pending, NDIS_STATUS status);
// The same; with the verifier on it is a finding when the driver has not answered after limit_s seconds, and the wait goes on.
NDIS_STATUS ndis_pending_end_within(struct ndis_pending *pending, NDIS_STATUS status, const struct ndis_module *module,
                                    const char *function, uint32_t limit_s, enum verify_rule rule);
// The report of one that is late: what it did not do, as in "has not completed it".
void ndis_late(const struct ndis_module *module, enum verify_rule rule, const char *function, const char *what, uint32_t limit_s);
#define NDIS_CLOSE_LIMIT_S 30                 // ours: Windows does not say how long its watchdog waits
#define NDIS_PAUSE_LIMIT_S 10                 // Driver Verifier's for a filter's pause [devtest, NdisFilterTimedPauseComplete]
// A pause succeeds or pends; anything else is a finding.
void ndis_pause_status_check(const struct ndis_module *module, NDIS_STATUS status, const char *function);
// The completion call. Returns false when none was due: the caller reports it.
bool ndis_pending_complete(struct ndis_pending *pending, NDIS_STATUS status);

// ---- send.c, recv.c -----------------------------------------------------------------------------------------------------------------

// Queue nbls below this binding.
// irql: <= DISPATCH   locks: none held   owns: takes nbls; each comes back once through the protocol's send-complete handler
// fails: never; on a binding that is not running they come back with NDIS_STATUS_PAUSED.
void ndis_send_submit(struct ndis_binding *binding, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG flags);
// A filter passes on, or originates.
void ndis_send_pass(struct ndis_filter *filter, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG flags);
// Completed by the adapter or by a filter: one edge up. owns: gives nbls back to whoever is next.
void ndis_send_done(struct ndis_module *from, NET_BUFFER_LIST *nbls, ULONG flags);
void ndis_send_cancel(struct ndis_module *from, PVOID cancel_id);

void ndis_recv_indicate(struct ndis_module *from, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags);
void ndis_recv_return(struct ndis_module *from, NET_BUFFER_LIST *nbls, ULONG flags);
// Hand NBLs down a copied route (returns of NBLs nobody wanted at the top). The caller keeps the route's target alive.
void ndis_recv_return_hop(const struct ndis_route *route, NET_BUFFER_LIST *nbls, ULONG flags);
// The top edge: show to the bindings what their filters match. recv_top.c
void ndis_recv_top(struct ndis_adapter *adapter, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags);

// Drop a reader's or the adapter's hold; the last frees.
void ndis_top_unref(struct ndis_top *top);

// The runtime's own memory: NULL when out of memory; what is left at the end is a leak of ours and fails the test that left it.
void *ndis_alloc(size_t bytes);               // zeroed
void ndis_free(void *memory);
// ASCII text as a zero-terminated UNICODE_STRING; ndis_string_free gives it back. fails: false, and *out is empty.
bool ndis_string_make(UNICODE_STRING *out, const char *ascii);
bool ndis_string_copy(UNICODE_STRING *out, const UNICODE_STRING *from);
void ndis_string_free(UNICODE_STRING *string);
bool ndis_string_equal(const UNICODE_STRING *a, const UNICODE_STRING *b);   // not minding case
// Equal to ASCII text, not minding case (service names).
bool ndis_string_is(const UNICODE_STRING *string, const char *ascii);

// Show a copy of outgoing NBLs to the bindings whose filter matches (all but the sender, unless flags say so). loopback.c
// irql: <= DISPATCH; before the NBLs are given to the miniport. May give up on lack of memory: loopback is best effort.
void ndis_loopback(struct ndis_adapter *adapter, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG flags);
void ndis_loopback_free(NET_BUFFER_LIST *nbls);
int ndis_loopback_create(struct ndis *ndis);
void ndis_loopback_destroy(struct ndis *ndis);
// The pools for derived lists (clone.c). fails: not 0 when out of memory; destroy takes what there is.
int ndis_clone_create(struct ndis *ndis);
void ndis_clone_destroy(struct ndis *ndis);

// ---- walking a list -----------------------------------------------------------------------------------------------------------
// A walk over Next waits four or five cycles for each load, and a list crosses a dozen walks. Lists mostly come from LIFO free lists of
// one slab, so the step from one NBL to the next is mostly the step before. ndis_walk_next guesses it, and the processor goes on with
// the guess while Next is still being loaded; the compare decides. Wrong guesses cost what a mispredicted branch does.
struct ndis_walk {
    intptr_t step;
};

static inline NET_BUFFER_LIST *
ndis_walk_next(struct ndis_walk *walk, NET_BUFFER_LIST *nbl)
{
    NET_BUFFER_LIST *next = nbl->Next;
    uintptr_t guess = (uintptr_t)nbl + (uintptr_t)walk->step;
    if (__builtin_expect((uintptr_t)next == guess, 1)) {
        __asm__("" : "+r"(guess));            // or the compiler takes next, which it knows to be equal, and the wait is back
        return (NET_BUFFER_LIST *)guess;
    }
    walk->step = (intptr_t)((uintptr_t)next - (uintptr_t)nbl);
    return next;
}

// Length of a chain; *last gets its end when not NULL.
static inline uint32_t
ndis_nbl_count(NET_BUFFER_LIST *nbls, NET_BUFFER_LIST **last)
{
    uint32_t count = 0;
    NET_BUFFER_LIST *at = NULL;
    struct ndis_walk walk = {0};
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = ndis_walk_next(&walk, nbl)) {
        at = nbl;
        count++;
    }
    if (last)
        *last = at;
    return count;
}

// ---- pnp.c: one thread a box runs every lifecycle change, in order ----------------------------------------------------------------

// Run fn(arg) on the PnP thread and wait for it (directly when already there). irql: PASSIVE.
void ndis_pnp_run(struct ndis *ndis, void (*fn)(void *arg), void *arg);
// Same without waiting. fails: -ENOMEM.
int ndis_pnp_queue(struct ndis *ndis, void (*fn)(void *arg), void *arg);
// Same with an item of the caller's own, for what must not fail; it may be queued again, or freed, from fn on. irql: <= DISPATCH.
void ndis_pnp_queue_own(struct ndis *ndis, struct ndis_pnp_item *item);
// Take it back. Called on the PnP thread, so that it is not running: it is queued, or was never.
void ndis_pnp_unqueue_own(struct ndis *ndis, struct ndis_pnp_item *item);
// Is this the PnP thread?
bool ndis_pnp_is_self(struct ndis *ndis);
int ndis_pnp_start(struct ndis *ndis);
void ndis_pnp_stop(struct ndis *ndis);

// ---- stack.c: the picture and its changes -------------------------------------------------------------------------------------------

// Rewrite all routes and the top table of an adapter with the box frozen. irql: PASSIVE. fails: STATUS_INSUFFICIENT_RESOURCES, and
// nothing has changed.
NDIS_STATUS ndis_stack_publish(struct ndis_adapter *adapter);
// Only the bindings' wishes have changed: a new top table. irql: PASSIVE, any thread.
NDIS_STATUS ndis_top_refresh(struct ndis_adapter *adapter);
// Put a module into the picture or take it out, and publish; after taking out nobody is inside its driver through the data path.
NDIS_STATUS ndis_stack_insert(struct ndis_adapter *adapter, struct list *list, struct list *node);
void ndis_stack_take(struct ndis_module *module, struct list *node);
// Pause from the top: bindings, filters, miniport. Restart from the bottom. Run on the box's ordered work queue.
void ndis_stack_pause(struct ndis_adapter *adapter, ULONG reason);
NDIS_STATUS ndis_stack_restart(struct ndis_adapter *adapter);

// miniport.c
NDIS_STATUS ndis_miniport_initialize(struct ndis_adapter *adapter);
void ndis_miniport_halt(struct ndis_adapter *adapter, NDIS_HALT_ACTION action);
void ndis_miniport_pause(struct ndis_adapter *adapter, ULONG reason);
NDIS_STATUS ndis_miniport_restart(struct ndis_adapter *adapter, NDIS_RESTART_ATTRIBUTES **list);

// reset.c. Between start and stop the adapter may be reset and its miniport is asked whether it hangs.
// irql: PASSIVE. fails: NDIS_STATUS_RESOURCES.
NDIS_STATUS ndis_reset_start(struct ndis_adapter *adapter);
// Waits for a reset that runs.
void ndis_reset_stop(struct ndis_adapter *adapter);
// A worker resets the adapter soon; one that runs already is enough. irql: <= DISPATCH.
void ndis_reset_request(struct ndis_adapter *adapter);
// Same and wait. Returns what the miniport said. irql: PASSIVE, not on the PnP thread.
NDIS_STATUS ndis_reset_run(struct ndis_adapter *adapter);
// NdisMResetComplete. Returns false when none was due.
bool ndis_reset_complete(struct ndis_adapter *adapter, NDIS_STATUS status, BOOLEAN addressing);

// restart.c
void ndis_restart_general(const struct ndis_adapter *adapter, NDIS_RESTART_GENERAL_ATTRIBUTES *out);
// A binding that is made over a running stack.
NDIS_STATUS ndis_restart_one(struct ndis_binding *binding);
PUCHAR ndis_restart_names(struct ndis_adapter *adapter, ULONG *bytes);

// adapter.c
// Make the adapter and run MiniportInitializeEx; im: the device of a virtual miniport. On the PnP thread.
NDIS_STATUS ndis_adapter_start(struct ndis_miniport_driver *driver, const struct ndis_adapter_config *config, struct ndis_im *im,
                               struct ndis_adapter **out);
// Unbind, detach, pause, halt, free. On the PnP thread.
void ndis_adapter_stop(struct ndis_adapter *adapter, NDIS_HALT_ACTION action);
void ndis_interface_number(struct ndis *ndis, NET_IFINDEX *index, NET_LUID *luid);
void ndis_device_name(NET_LUID luid, char *out, size_t out_bytes);   // \Device\{GUID}
struct ndis_adapter *ndis_adapter_by_index(struct ndis *ndis, NET_IFINDEX if_index);
// "{adapter GUID}-{filter's unique name}-0000"
void ndis_filter_module_name(const struct ndis_adapter *adapter, const struct ndis_filter_driver *driver, char *out, size_t out_bytes);
char *ndis_strdup(const char *text);

// filter.c
NDIS_STATUS ndis_filter_attach(struct ndis_adapter *adapter, struct ndis_filter_driver *driver, const char *settings_path,
                               struct ndis_filter **out);
void ndis_filter_detach(struct ndis_filter *filter);
void ndis_filter_pause(struct ndis_filter *filter, ULONG reason);
// A driver may change its handlers for this module before each restart; default is what it registered.
NDIS_STATUS ndis_filter_options(struct ndis_filter *filter);
NDIS_STATUS ndis_filter_restart(struct ndis_filter *filter, NDIS_RESTART_ATTRIBUTES **list);

// binding.c
NDIS_STATUS ndis_binding_bind(struct ndis_adapter *adapter, struct ndis_protocol *protocol, const char *settings_path);
void ndis_binding_unbind(struct ndis_binding *binding);
// Unbind all, last first, and remember them; bind them again in their order, or do not. On the PnP thread.
// fails: park: NDIS_STATUS_RESOURCES, nothing was unbound; return: what the first protocol said that did not bind, after all had their turn
NDIS_STATUS ndis_bindings_park(struct ndis_adapter *adapter, struct ndis_parked *parked);
NDIS_STATUS ndis_bindings_return(struct ndis_adapter *adapter, struct ndis_parked *parked);
void ndis_bindings_forget(struct ndis_parked *parked);
// No adapter has that protocol parked any more. On the PnP thread.
void ndis_bindings_forget_protocol(struct ndis *ndis, const struct ndis_protocol *protocol);
void ndis_binding_pause(struct ndis_binding *binding, ULONG reason);
void ndis_binding_restart(struct ndis_binding *binding, NDIS_RESTART_ATTRIBUTES *list);
// A request of the binding has been completed to the protocol (oid.c); the close may go on.
void ndis_binding_oid_done(struct ndis_binding *binding);

// One event to one binding; waits for a pended answer. irql: PASSIVE, on the PnP thread.
NDIS_STATUS ndis_binding_event(struct ndis_binding *binding, NET_PNP_EVENT_NOTIFICATION *event);

// One event to the protocol as a whole, its binding context NULL. protocol.c; irql: PASSIVE, on the PnP thread.
NDIS_STATUS ndis_protocol_event(struct ndis_protocol *protocol, NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes);
// Unbind it from everything, for good, and tell it. irql: PASSIVE, on the PnP thread. The protocol may be gone when this returns.
void ndis_protocol_uninstall_now(struct ndis_protocol *protocol);
// Its pended answer: told by the event alone. Returns false when none is due.
bool ndis_protocol_event_complete(NET_PNP_EVENT_NOTIFICATION *event, NDIS_STATUS status);

// event.c: on the PnP thread, whoever calls. irql: PASSIVE
NET_PNP_EVENT_NOTIFICATION ndis_event_make(NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes);
// To the next filter above `from` that takes events, else to all bindings. Returns SUCCESS for what nobody may refuse.
NDIS_STATUS ndis_event_up(struct ndis_module *from, NET_PNP_EVENT_NOTIFICATION *event);
// NDIS's own, from the adapter up.
NDIS_STATUS ndis_event_own(struct ndis_adapter *adapter, NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes);
NDIS_STATUS ndis_event_from_miniport(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event);
NDIS_STATUS ndis_event_from_filter(struct ndis_filter *filter, NET_PNP_EVENT_NOTIFICATION *event);
// The filter is about to be paused and detached: the last moment at which its requests and indications work.
void ndis_event_pre_detach(struct ndis_filter *filter);
// To the next filter below (NULL: from the top) that takes device events, else to the miniport.
void ndis_event_down(struct ndis_adapter *adapter, struct ndis_filter *from, NET_DEVICE_PNP_EVENT *event);
void ndis_event_device(struct ndis_adapter *adapter, NDIS_DEVICE_PNP_EVENT code, void *buffer, ULONG bytes);
void ndis_event_power_profile(struct ndis_adapter *adapter);

// pm.c
void ndis_pm_take(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *general);
// Does the miniport go to sleep by itself? Else it is halted.
bool ndis_pm_is_aware(const struct ndis_adapter *adapter);
// Tell the miniport what may wake it. irql: PASSIVE
NDIS_STATUS ndis_pm_tell(struct ndis_adapter *adapter);

// nport.c
NDIS_STATUS ndis_port_allocate(struct ndis_adapter *adapter, NDIS_PORT_CHARACTERISTICS *chars);
NDIS_STATUS ndis_port_free(struct ndis_adapter *adapter, NDIS_PORT_NUMBER number);
NDIS_STATUS ndis_port_event(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event);
// What MiniportInitializeEx is told of the default port.
NDIS_PORT_AUTHENTICATION_PARAMETERS ndis_port_default_states(void);
// The miniport has set its registration attributes; it has halted (a port left over is reported).
void ndis_port_registered(struct ndis_adapter *adapter);
void ndis_port_halted(struct ndis_adapter *adapter, const char *function);
// Wait for the default port (not on the PnP thread, which its activation needs). Returns whether it is active. irql: PASSIVE.
bool ndis_port_default_wait(struct ndis_adapter *adapter, uint64_t timeout_ns);
// owns: one block, for ndis_free. fails: NULL when out of memory.
NDIS_PORT *ndis_port_list(struct ndis_adapter *adapter);

// oid.c, pfilter.c, status.c
void ndis_oid_adapter_create(struct ndis_adapter *adapter);
// NDIS's own request to the miniport, waiting for the answer. irql: PASSIVE.
NDIS_STATUS ndis_oid_adapter(struct ndis_adapter *adapter, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *buffer, uint32_t bytes,
                             uint32_t *done_bytes);
// The same for a set of NDIS's sum of what the bindings asked for (pfilter.c), if the miniport has another.
NDIS_STATUS ndis_oid_adapter_sum(struct ndis_adapter *adapter, NDIS_OID oid);
// The same for a set that goes to the miniport alone, past the filters: what it said yes to before and has lost (kept.c).
NDIS_STATUS ndis_oid_adapter_restore(struct ndis_adapter *adapter, NDIS_OID oid, void *buffer, uint32_t bytes);
// Sum the bindings' packet filters and multicast lists and tell the miniport when the sum has changed. irql: PASSIVE.
NDIS_STATUS ndis_pfilter_update(struct ndis_adapter *adapter);
// Set again, at the miniport, what it has lost in a reset: packet filter, multicast list, offload encapsulation, wake-up patterns.
// irql: PASSIVE. Returns the first failure. kept.c
NDIS_STATUS ndis_kept_restore(struct ndis_adapter *adapter);
void ndis_kept_drop(struct ndis_adapter *adapter);
// Does the binding's packet filter take a frame with this destination?
bool ndis_pfilter_matches(const struct ndis_top_entry *entry, const uint8_t *frame, uint32_t bytes, const struct ndis_adapter *adapter);
// NDIS itself indicates, on behalf of the miniport. irql: <= DISPATCH
void ndis_status_own(struct ndis_adapter *adapter, NDIS_STATUS code, void *buffer, ULONG bytes);
// Is what a driver indicates well made? NBX-0118 when not; only while the box is watched.
void ndis_status_check(const struct ndis_module *from, const NDIS_STATUS_INDICATION *indication, const char *function);
void ndis_status_indicate(struct ndis_module *from, NDIS_STATUS_INDICATION *indication);
// Tell a binding that has just begun to run what it missed (link state).
void ndis_status_replay(struct ndis_binding *binding);
// Abort what the module still has queued (before it goes away), completing each with status.
void ndis_oid_flush(struct ndis_module *module, NDIS_STATUS status);

#endif
