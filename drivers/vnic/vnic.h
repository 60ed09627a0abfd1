// SPDX-License-Identifier: MIT
// vnic: an Ethernet miniport whose hardware is a port (nbx/port.h). What its files share.
//
//   entry.c     DriverEntry and unload          settings.c  the adapter's INF keywords
//   adapter.c   initialize, halt, attributes    link.c      link state, pause, restart, reset, hang check
//   tx.c        lists down to the port and back rx.c        frames up from the port and buffers back
//   tx_batch.c  NET_BUFFERs into frames         oid.c       OID requests and statistics
//   offload.c, offload_send.c, frame.c          checksums, large segments, 802.1Q tags
//   toe.h, toe*.c                               the offload target of a TCP chimney
//   rdma.h, rdma_net.h, rdma*.c                 the NDK provider, with ../rdma_common
//   engines.h, keep.c, down.c                   frames up to and packets down from TCP engines in vnic
//
// Locks: tx.lock guards everything in tx, rx.lock guards rx's free list, state, filter and counters. Neither is taken while the other
// is held, and neither is held across a call into NDIS. Both are held across calls into the port: that is how a NIC's registers are
// guarded, the port calls nobody back from inside.
#ifndef VNIC_H
#define VNIC_H

#define NDIS_MINIPORT_DRIVER 1
#define NDIS630_MINIPORT 1
#include <ndis.h>

#include <ndischimney.h>

#include <nbx/port.h>

#define VNIC_TAG 'cinV'
#define VNIC_MAC_BYTES 6
#define VNIC_HEADER_BYTES 14                  // Ethernet
#define VNIC_VLAN_BYTES 4
#define VNIC_MULTICAST_MAX 64
#define VNIC_NBL_HAS_RSC 0x00001000           // in NblFlags, a bit of the miniport's: the RSC slot is not empty
#define VNIC_NBL_HAS_HASH 0x00002000          // the same: the hash slots are not empty
#define VNIC_RX_BATCH 48                      // NBLs in one indication
#define VNIC_RX_BUDGET 1024                   // frames in one upcall; others want the processor too
#define VNIC_TX_IOV_PER_FRAME 24              // a frame in more pieces is copied
#define VNIC_SCRATCH_BYTES 256                // patched headers of one frame
#define VNIC_BOUNCE_BYTES (160 * 1024)        // a 64 KB frame, or its segments with their headers
#define VNIC_WATCHDOG_MS 5000                 // a port that takes nothing for so long is stuck
#define VNIC_HOLD_US 200                      // CompletionOrder=random: how late a completion may be
#define VNIC_STUCK_CHECKS 4                   // hang checks without progress before we ask for a reset
#define VNIC_RSS_KEY_BYTES 40
#define VNIC_RSS_TABLE 128                    // entries of the indirection table
#define VNIC_RSS_QUEUES_MAX 64
#define VNIC_RSS_TYPES \
    (NDIS_HASH_IPV4 | NDIS_HASH_TCP_IPV4 | NDIS_HASH_UDP_IPV4 | NDIS_HASH_IPV6 | NDIS_HASH_TCP_IPV6 | NDIS_HASH_UDP_IPV6)
#define VNIC_LSO_MAX_BYTES 65536u - 256       // what we say a large send may carry

struct vnic_settings {
    char port[256];
    UCHAR mac[VNIC_MAC_BYTES];
    BOOLEAN has_mac;
    ULONG max_frame_bytes;                    // *JumboPacket: with the Ethernet header
    ULONG receive_buffers, transmit_buffers;
    // 0 off, 1 transmit, 2 receive, 3 both, as the INF keywords have it
    ULONG ip4_checksum, tcp4_checksum, udp4_checksum, tcp6_checksum, udp6_checksum;
    ULONG lso4, lso6, rsc4, rsc6;
    ULONG rss, rss_queues;                    // *RSS, *NumRssQueues
    ULONG priority_vlan;                      // 0 off, 1 priority, 2 VLAN, 3 both
    BOOLEAN random_completion;
    ULONG toe4, toe6;                         // *TCPConnectionOffloadIPv4, IPv6
    ULONG toe_connections, toe_paths, toe_neighbors, toe_sources, toe_vlans, toe_vlan_id, toe_sends;
    ULONG toe_window_bytes, toe_receive_kb;   // the largest receive buffer of a connection, and of all
    ULONG toe_hints, toe_idle_s, toe_fail_after, toe_junk, toe_refuse_one_in, toe_retrieve_one_in, toe_delay_us;
    ULONG network_direct;                     // *NetworkDirect
    ULONG network_direct_technology;          // *NetworkDirectTechnology: NdkiWarp alone
    ULONG rdma_crc, rdma_mpa, rdma_rtr;       // of MPA: CRCs are asked for; the revision asked with; enum mpa_rtr
    ULONG rdma_pends;                         // whatever may pend does
};

enum vnic_state { VNIC_PAUSED, VNIC_RUNNING, VNIC_PAUSING };

enum vnic_cast { VNIC_UNICAST, VNIC_MULTICAST, VNIC_BROADCAST, VNIC_CASTS };

struct vnic_counters {
    ULONG64 frames[VNIC_CASTS], bytes[VNIC_CASTS];
    ULONG64 discards, errors, no_buffer;
};

// One frame of a batch on its way to the port: what it takes to go on after it.
struct vnic_tx_mark {
    BOOLEAN nb_ends;                          // the last frame of its NET_BUFFER (a large send in software has many)
    UCHAR cast;
};

struct vnic_tx {
    KSPIN_LOCK lock;
    enum vnic_state state;
    BOOLEAN blocked;                          // the port took fewer than offered: wait for on_tx_ready
    BOOLEAN link_up;
    BOOLEAN resetting;                        // a reset waits for out to become 0
    NET_BUFFER_LIST *first, *last;            // FIFO of what is not wholly with the port
    NET_BUFFER *next_nb;                      // in first: the next to go; NULL means its first
    ULONG next_segment;                       // of next_nb, when we segment ourselves
    ULONG out;                                // NBLs taken and not yet completed back to NDIS
    NET_BUFFER_LIST *held;                    // CompletionOrder=random: sent, to be completed by the DPC
    KDPC complete_dpc;
    KTIMER complete_timer;                    // the same DPC, somewhat later
    KTIMER watchdog;                          // runs while the port takes nothing
    KDPC watchdog_dpc;
    BOOLEAN watchdog_is_set;
    ULONG64 watchdog_progress;
    struct vnic_counters counters;
    ULONG64 progress, last_progress;          // frames that the port took: for the hang check
    ULONG stuck_checks;
    // One batch. The arrays are allocated once.
    ULONG batch_max, iov_max, frame_count, iov_count, bounce_used;
    struct port_frame *frames;
    struct vnic_tx_mark *marks;
    struct iovec *iov;
    UCHAR (*scratch)[VNIC_SCRATCH_BYTES];
    UCHAR *bounce;
};

// What is switched on: checksums as in the settings (1 transmit, 2 receive, 3 both), the others 0 or 1.
struct vnic_offload {
    ULONG ip4_checksum, tcp4_checksum, udp4_checksum, tcp6_checksum, udp6_checksum;
    ULONG lso4, lso6, rsc4, rsc6;
};

// hash_types alone: each frame gets its hash. With is_on it also goes to the processor that the table says.
struct vnic_rss_mode {
    BOOLEAN is_on;
    ULONG hash_types, table_count;            // NDIS_HASH_*
    UCHAR key[VNIC_RSS_KEY_BYTES];
    UCHAR table[VNIC_RSS_TABLE];              // processors of group 0
};

struct vnic_list {                            // what goes up
    NET_BUFFER_LIST *first, **end;
    ULONG count;
    ULONG_PTR type, types;                    // the first frame's EtherType; bits in which another differs
};

// What another processor is to indicate.
struct vnic_rss_queue {
    DECLSPEC_ALIGN(64) KSPIN_LOCK lock;       // guards list
    struct vnic_list list;
    KDPC dpc;                                 // on that processor
    struct vnic_adapter *adapter;
};

struct vnic_rx_mode {                         // what OID requests set for the receiver
    ULONG packet_filter;                      // NDIS_PACKET_TYPE_*
    ULONG multicast_count;
    UCHAR multicast[VNIC_MULTICAST_MAX][VNIC_MAC_BYTES];
    struct vnic_offload offload;
    struct vnic_rss_mode rss;
};

struct vnic_rsc {
    ULONG64 segments, bytes, events;
};

struct vnic_rx {
    KSPIN_LOCK lock;
    enum vnic_state state;
    BOOLEAN busy;                             // on_rx is indicating
    BOOLEAN starved;                          // on_rx left for want of buffers
    BOOLEAN mode_changed;
    ULONG count, free_count, slot_count;      // NBLs: all, on the free list, in slots; the others are out
    ULONG kept_count;                         // of those, with our own TCP engines and not with NDIS
    struct vnic_kept *kept;                   // one for each; NULL without engines
    NET_BUFFER_LIST *free;                    // LIFO, linked by Next
    NET_BUFFER_LIST **all;
    NDIS_HANDLE pool;
    ULONG buffer_bytes;
    struct vnic_rx_mode mode;
    struct vnic_counters counters;
    struct vnic_rsc rsc;
    volatile LONG receiver;                   // 0; 1: there is one, the port's thread or vnic_rx_poll; 2: it is to look once more
    // The receiver's alone. Whatever is in slots beyond slot_used is stale.
    ULONG slot_used;
    NET_BUFFER_LIST *slot_nbl[VNIC_RX_BATCH];
    struct port_slot slots[VNIC_RX_BATCH];
    struct vnic_rx_mode mode_now;             // the receiver's copy
    struct vnic_counters batch;               // not yet in counters
    struct vnic_rsc batch_rsc;
};

// Where the target's completions and events go: NDIS (entry.c), or a test's own.
struct toe_upward {
    VOID(NTAPI *on_initiate_done)(NDIS_HANDLE ndis, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
    VOID(NTAPI *on_query_done)(NDIS_HANDLE ndis, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
    VOID(NTAPI *on_update_done)(NDIS_HANDLE ndis, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
    VOID(NTAPI *on_invalidate_done)(NDIS_HANDLE ndis, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
    VOID(NTAPI *on_terminate_done)(NDIS_HANDLE ndis, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
    VOID(NTAPI *on_offload_event)(NDIS_HANDLE ndis, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST block, ULONG code);
    NDIS_STATUS(NTAPI *on_get_handlers)(NDIS_HANDLE ndis, NDIS_CHIMNEY_OFFLOAD_TYPE type, PNDIS_OFFLOAD_EVENT_HANDLERS *handlers);
};

struct vnic_toe;
struct vnic_rdma;

struct vnic_adapter {
    NDIS_HANDLE ndis;
    struct vnic_settings settings;
    struct nbx_port *port;
    struct port_caps caps;
    BOOLEAN started;
    UCHAR mac[VNIC_MAC_BYTES];
    ULONG64 link_bits;
    volatile LONG link_up;
    volatile LONG toe_live;                   // offloaded connections: while there are none, no frame is looked at for them
    struct vnic_toe *toe;                     // NULL: not switched on
    volatile LONG rdma_live;                  // as toe_live, for ports and connections of RDMA
    struct vnic_rdma *rdma;                   // NULL: not switched on
    NET_IFINDEX if_index;
    volatile LONG pause_steps;                // tx, rx and MiniportPause itself: the last one completes the pause
    ULONG tx_max_bytes;                       // a frame without large send, an in-band tag included
    struct vnic_rss_queue *rss_queues;        // one a processor; NULL without *RSS
    ULONG rss_queue_count;
    DECLSPEC_ALIGN(64) struct vnic_tx tx;
    DECLSPEC_ALIGN(64) struct vnic_rx rx;
};

extern NDIS_HANDLE vnic_driver;

// settings.c
NDIS_STATUS vnic_settings_read(NDIS_HANDLE ndis, struct vnic_settings *settings);

// adapter.c
MINIPORT_INITIALIZE vnic_initialize;
MINIPORT_HALT vnic_halt;
void *vnic_alloc(struct vnic_adapter *adapter, SIZE_T bytes);
void vnic_free(struct vnic_adapter *adapter, void *block);

// link.c
MINIPORT_PAUSE vnic_pause;
MINIPORT_RESTART vnic_restart;
MINIPORT_RESET vnic_reset;
MINIPORT_CHECK_FOR_HANG vnic_check_for_hang;
MINIPORT_SHUTDOWN vnic_shutdown;
MINIPORT_DEVICE_PNP_EVENT_NOTIFY vnic_pnp_event;
// One of the parts that a pause waits for is quiet now. irql: <= DISPATCH, no lock held   calls: NdisMPauseComplete after the last
void vnic_pause_step(struct vnic_adapter *adapter);
void vnic_on_link(void *context, bool up, uint64_t bits_per_second);

// tx.c
MINIPORT_SEND_NET_BUFFER_LISTS vnic_send;
MINIPORT_CANCEL_SEND vnic_cancel_send;
NDIS_STATUS vnic_tx_create(struct vnic_adapter *adapter);
void vnic_tx_destroy(struct vnic_adapter *adapter);
void vnic_tx_restart(struct vnic_adapter *adapter);
// TRUE: quiet already. FALSE: vnic_pause_step follows.
BOOLEAN vnic_tx_pause(struct vnic_adapter *adapter);
// Give back everything that waits; PENDING: NdisMResetComplete follows the last NBL.
NDIS_STATUS vnic_tx_reset(struct vnic_adapter *adapter);
// irql: DISPATCH   calls: NdisMSendNetBufferListsComplete
void vnic_tx_link(struct vnic_adapter *adapter, BOOLEAN up);
BOOLEAN vnic_tx_is_stuck(struct vnic_adapter *adapter);
void vnic_on_tx_ready(void *context);

// tx_batch.c; all under tx->lock
// SUCCESS: the batch holds frame_count frames (0 only if the FIFO is empty). Else: the frame at the front cannot be sent, and why.
NDIS_STATUS vnic_batch_build(struct vnic_adapter *adapter);
BOOLEAN vnic_batch_has_room(const struct vnic_tx *tx);
// SUCCESS; PENDING: not in this batch; else it cannot be sent.
NDIS_STATUS vnic_batch_add(struct vnic_tx *tx, const NET_BUFFER *nb, UCHAR *head, ULONG head_bytes, ULONG skip,
                           const struct port_offload *offload);
// FALSE: the MDL chain ends early.
BOOLEAN vnic_nb_copy(const NET_BUFFER *nb, ULONG skip, UCHAR *out, ULONG bytes);

// rx.c
MINIPORT_RETURN_NET_BUFFER_LISTS vnic_return;
NDIS_STATUS vnic_rx_create(struct vnic_adapter *adapter);
void vnic_rx_destroy(struct vnic_adapter *adapter);
void vnic_rx_restart(struct vnic_adapter *adapter);
BOOLEAN vnic_rx_pause(struct vnic_adapter *adapter);
void vnic_on_rx(void *context);
// irql: DISPATCH   owns: gives the list, which is ended, to NDIS
void vnic_list_indicate(struct vnic_adapter *adapter, const struct vnic_list *list);

static inline void
vnic_list_add(struct vnic_list *list, NET_BUFFER_LIST *nbl)
{
    ULONG_PTR type = (ULONG_PTR)NET_BUFFER_LIST_INFO(nbl, NetBufferListFrameType);
    if (!list->count++)
        list->type = type;
    list->types |= list->type ^ type;
    *list->end = nbl;
    list->end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
}

// rss.c
NDIS_STATUS vnic_rss_create(struct vnic_adapter *adapter);
void vnic_rss_destroy(struct vnic_adapter *adapter);
void vnic_rss_capabilities(const struct vnic_adapter *adapter, NDIS_RECEIVE_SCALE_CAPABILITIES *capabilities);
NDIS_STATUS vnic_rss_set(struct vnic_adapter *adapter, const void *data, ULONG bytes);
NDIS_STATUS vnic_hash_set(struct vnic_adapter *adapter, const void *data, ULONG bytes);
// Hashes into the NBLs; what another processor has to indicate leaves the list. irql: DISPATCH
void vnic_rss_spread(struct vnic_adapter *adapter, struct vnic_list *list);
ULONG vnic_toeplitz(const UCHAR key[VNIC_RSS_KEY_BYTES], const UCHAR *input, ULONG bytes);

// offload.c and, for sends, offload_send.c
NDIS_STATUS vnic_offload_create(struct vnic_adapter *adapter);
NDIS_STATUS vnic_offload_set(struct vnic_adapter *adapter, const void *data, ULONG bytes);
NDIS_STATUS vnic_offload_encapsulation(struct vnic_adapter *adapter, const void *data, ULONG bytes);
// Add the frames of a NET_BUFFER with out-of-band requests, from this segment on; results as vnic_batch_add.
NDIS_STATUS vnic_offload_send(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl, NET_BUFFER *nb, ULONG segment);
// A large send is on its way: leave the completion information in its NBL.
void vnic_offload_sent(NET_BUFFER_LIST *nbl);
// What the port says about a received frame, as NDIS wants it.
// shift: bytes of a tag that was taken out
void vnic_offload_receive(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl, UCHAR *frame, ULONG bytes, ULONG shift,
                          const struct port_offload *offload);
// How many frames a slot becomes: more than 1 for a super-segment while RSC is off.
ULONG vnic_offload_segments(const struct vnic_adapter *adapter, const struct port_slot *slot);
// Segment index of that slot into out->buffer. Segment 0 may be made in place, last.
void vnic_offload_segment(const struct port_slot *slot, ULONG index, struct port_slot *out);
// Take an 802.1Q tag out of a received frame: the addresses move up, *offset is where the frame begins then.
// FALSE: the frame is to be dropped.
BOOLEAN vnic_vlan_take(struct vnic_adapter *adapter, UCHAR *frame, ULONG bytes, ULONG *offset, PVOID *tag);

// toe*.c
extern const struct toe_upward vnic_toe_ndis; // entry.c
NDIS_STATUS vnic_toe_create(struct vnic_adapter *adapter, const struct toe_upward *upward);
void vnic_toe_destroy(struct vnic_adapter *adapter);
KDEFERRED_ROUTINE vnic_toe_work;
// Take the frames of offloaded connections out of the slots [0, got), which are filled; returns how many are left, in front. The others
// that may be used again follow. irql: DISPATCH   calls: NDIS, the port
ULONG vnic_toe_take(struct vnic_adapter *adapter, ULONG got);
void vnic_toe_tx_ready(struct vnic_adapter *adapter);
void vnic_toe_indicate(struct vnic_adapter *adapter, NDIS_STATUS status);
void vnic_toe_capabilities(const struct vnic_adapter *adapter, BOOLEAN is_hardware, NDIS_TCP_CONNECTION_OFFLOAD *capabilities);
NDIS_STATUS vnic_toe_switch(struct vnic_adapter *adapter, UCHAR ip4, UCHAR ip6);    // OID_TCP_OFFLOAD_PARAMETERS' values
NDIS_STATUS vnic_toe_parameters(struct vnic_adapter *adapter, const void *data, ULONG bytes);
// fails: FALSE when the OID is none of the target's; else *status
BOOLEAN vnic_toe_statistics(struct vnic_adapter *adapter, NDIS_OID oid, void *data, ULONG *bytes);
BOOLEAN vnic_toe_statistics_reset(struct vnic_adapter *adapter, NDIS_OID oid);
NTAPI VOID vnic_toe_initiate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
NTAPI VOID vnic_toe_query(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
NTAPI VOID vnic_toe_update(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
NTAPI VOID vnic_toe_invalidate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
NTAPI VOID vnic_toe_terminate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST root);
NTAPI NDIS_STATUS vnic_toe_send(NDIS_HANDLE context, PVOID offload_context, PNET_BUFFER_LIST nbls);
NTAPI NDIS_STATUS vnic_toe_receive(NDIS_HANDLE context, PVOID offload_context, PNET_BUFFER_LIST nbls);
NTAPI NDIS_STATUS vnic_toe_disconnect(NDIS_HANDLE context, PVOID offload_context, PNET_BUFFER_LIST nbl, ULONG flags);
NTAPI NDIS_STATUS vnic_toe_forward(NDIS_HANDLE context, PVOID offload_context, PNET_BUFFER_LIST nbls);
NTAPI NDIS_STATUS vnic_toe_receive_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls);

// rdma*.c
NDIS_STATUS vnic_rdma_register(NDIS_HANDLE driver);
NDIS_STATUS vnic_rdma_create(struct vnic_adapter *adapter);
NDIS_STATUS vnic_rdma_attributes(struct vnic_adapter *adapter);
void vnic_rdma_destroy(struct vnic_adapter *adapter);
// The hardware was pulled out. irql: PASSIVE
void vnic_rdma_gone(struct vnic_adapter *adapter);
// OID_NDK_SET_STATE; OID_NDK_STATISTICS, _CONNECTIONS, _LOCAL_ENDPOINTS. irql: <= DISPATCH
NDIS_STATUS vnic_rdma_set_state(struct vnic_adapter *adapter, const void *data, ULONG bytes);
NDIS_STATUS vnic_rdma_query(struct vnic_adapter *adapter, NDIS_OID_REQUEST *request);
// As vnic_toe_take. irql: DISPATCH   calls: consumers, the port
ULONG vnic_rdma_take(struct vnic_adapter *adapter, ULONG got);
void vnic_rdma_tx_ready(struct vnic_adapter *adapter);

// oid.c
MINIPORT_OID_REQUEST vnic_oid;
MINIPORT_CANCEL_OID_REQUEST vnic_cancel_oid;
MINIPORT_DIRECT_OID_REQUEST vnic_direct_oid;
MINIPORT_CANCEL_DIRECT_OID_REQUEST vnic_cancel_direct_oid;
#define VNIC_PACKET_FILTERS \
    (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST | NDIS_PACKET_TYPE_BROADCAST | \
     NDIS_PACKET_TYPE_PROMISCUOUS)
#define VNIC_STATISTICS \
    (NDIS_STATISTICS_XMIT_OK_SUPPORTED | NDIS_STATISTICS_RCV_OK_SUPPORTED | NDIS_STATISTICS_XMIT_ERROR_SUPPORTED | \
     NDIS_STATISTICS_RCV_ERROR_SUPPORTED | NDIS_STATISTICS_RCV_NO_BUFFER_SUPPORTED | \
     NDIS_STATISTICS_DIRECTED_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_DIRECTED_FRAMES_XMIT_SUPPORTED | \
     NDIS_STATISTICS_MULTICAST_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_MULTICAST_FRAMES_XMIT_SUPPORTED | \
     NDIS_STATISTICS_BROADCAST_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_BROADCAST_FRAMES_XMIT_SUPPORTED | \
     NDIS_STATISTICS_DIRECTED_BYTES_RCV_SUPPORTED | NDIS_STATISTICS_DIRECTED_FRAMES_RCV_SUPPORTED | \
     NDIS_STATISTICS_MULTICAST_BYTES_RCV_SUPPORTED | NDIS_STATISTICS_MULTICAST_FRAMES_RCV_SUPPORTED | \
     NDIS_STATISTICS_BROADCAST_BYTES_RCV_SUPPORTED | NDIS_STATISTICS_BROADCAST_FRAMES_RCV_SUPPORTED | \
     NDIS_STATISTICS_TRANSMIT_QUEUE_LENGTH_SUPPORTED | NDIS_STATISTICS_BYTES_RCV_SUPPORTED | \
     NDIS_STATISTICS_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_RCV_DISCARDS_SUPPORTED | \
     NDIS_STATISTICS_XMIT_DISCARDS_SUPPORTED | NDIS_STATISTICS_GEN_STATISTICS_SUPPORTED)
extern const NDIS_OID vnic_oids[];
extern const ULONG vnic_oids_bytes;

// A run of plain NBLs (tx_run.c).
struct vnic_run {
    NET_BUFFER_LIST *last;
    ULONG64 frames[VNIC_CASTS], bytes[VNIC_CASTS];
};
// Batch frames from the front of nbls as far as they are plain and fit; returns how many.
// irql: DISPATCH   locks: tx->lock held   owns: looks only
ULONG vnic_run_build(struct vnic_tx *tx, NET_BUFFER_LIST *nbls, ULONG max_bytes, struct vnic_run *run);
// The port took so many: counts them. Returns what is left of nbls; run->last is the last that went.
NET_BUFFER_LIST *vnic_run_take(struct vnic_tx *tx, NET_BUFFER_LIST *nbls, ULONG count, ULONG taken, struct vnic_run *run);

// The NBL behind this one. *step: from the one before to this one, 0 at first. Lists mostly come off a free list in the order in which
// their blocks lie in memory, so the processor may go on with a guess while Next is still being loaded; the compare decides.
static inline NET_BUFFER_LIST *
vnic_next(NET_BUFFER_LIST *nbl, LONG_PTR *step)
{
    NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(nbl);
    ULONG_PTR guess = (ULONG_PTR)nbl + (ULONG_PTR)*step;
    if (__builtin_expect((ULONG_PTR)next == guess, 1)) {
        __asm__("" : "+r"(guess));            // or the compiler takes next, which it knows to be equal, and waits for it
        return (NET_BUFFER_LIST *)guess;
    }
    *step = (LONG_PTR)((ULONG_PTR)next - (ULONG_PTR)nbl);
    return next;
}

static inline enum vnic_cast
vnic_cast_of(const UCHAR *destination)
{
    static const UCHAR broadcast[VNIC_MAC_BYTES] = {255, 255, 255, 255, 255, 255};
    if (!(destination[0] & 1))
        return VNIC_UNICAST;
    return memcmp(destination, broadcast, VNIC_MAC_BYTES) ? VNIC_MULTICAST : VNIC_BROADCAST;
}

#endif
