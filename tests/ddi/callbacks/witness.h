// SPDX-License-Identifier: MIT
// Drivers that write down each call they get: a miniport ("mp"), two filters ("fa" below "fb") and two protocols ("pa", "pb"), with every
// handler NDIS knows. Each handler notes its name, its context and the IRQL, then runs the test's own function for it, else the simplest
// behaviour that the page allows. Contexts are all different, so a test sees whose call it was.
//   w_run(seed, fn)          scheduler, box, drivers; fn at PASSIVE; everything is taken down, and nothing may be left
//   w_start(filters, bindings)   the adapter with so many filters and bindings, running
#ifndef NBX_TESTS_DDI_WITNESS_H
#define NBX_TESTS_DDI_WITNESS_H

#include <stdbool.h>

#include "harness/harness.h"
#include "ndis/ndis.h"
#include "nt/box.h"
#include "nt/io/image.h"

#define W_CALLS 1024

struct w_call {
    const char *name;                         // of the callback: "FilterAttach"
    const void *context;                      // its first parameter that is the driver's own
    KIRQL irql;
};

struct w_filter {
    NDIS_HANDLE driver, module;
    char driver_context, module_context;      // their addresses are what NDIS is given
    NET_BUFFER_LIST *held;
    NDIS_OID_REQUEST *request, *clone;        // of the last request that it passed on
};

struct w_protocol {
    NDIS_HANDLE driver, binding, pool;
    char driver_context, binding_context;
    NET_BUFFER_LIST *completed;               // sends that have come back, until w_protocol_free
    NET_BUFFER_LIST *held;                    // received lists, with w.holds_receives
    NDIS_OID_REQUEST *done;
    NDIS_STATUS done_status;
    bool is_opened, is_closed;                // an open, a close that pended is over
    NDIS_STATUS open_status;
};

struct witness {
    struct box *box;
    struct ndis_adapter *adapter;
    NDIS_HANDLE mp_driver, mp, mp_pool;
    char mp_driver_context, mp_context;
    struct w_filter filter[2];
    struct w_protocol protocol[2];
    bool holds_sends, holds_receives;         // the miniport, the protocols keep lists
    NET_BUFFER_LIST *held;                    // by the miniport
    NDIS_OID_REQUEST *pended;                 // by the miniport's own MiniportOidRequest
    NDIS_PORT_NUMBER port;                    // of what w_indicate indicates
    uint32_t loaded;                          // drivers that did load
    struct w_call calls[W_CALLS];
    uint32_t count;
};

// What a test sets before w_run: its own handlers, and what it wants otherwise in what is registered.
struct w_own {
    ULONG attribute_flags;
    UINT check_for_hang_s;
    UCHAR minor[3];                           // NDIS 6.minor of miniport, filters, protocols; 0: 30
    void (*edit_miniport)(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars);
    void (*edit_filter)(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *chars);
    void (*edit_protocol)(uint32_t which, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars);
    SET_OPTIONS *mp_options, *filter_options, *protocol_options;
    MINIPORT_INITIALIZE *initialize;
    MINIPORT_HALT *halt;
    MINIPORT_PAUSE *mp_pause;
    MINIPORT_RESTART *mp_restart;
    MINIPORT_OID_REQUEST *mp_oid;
    MINIPORT_CANCEL_OID_REQUEST *mp_cancel_oid;
    MINIPORT_DIRECT_OID_REQUEST *mp_direct;
    MINIPORT_CANCEL_DIRECT_OID_REQUEST *mp_cancel_direct;
    MINIPORT_SEND_NET_BUFFER_LISTS *mp_send;
    MINIPORT_CANCEL_SEND *mp_cancel_send;
    MINIPORT_RETURN_NET_BUFFER_LISTS *mp_return;
    MINIPORT_CHECK_FOR_HANG *check_for_hang;
    MINIPORT_RESET *reset;
    MINIPORT_DEVICE_PNP_EVENT_NOTIFY *mp_event;
    MINIPORT_SHUTDOWN *shutdown;
    MINIPORT_UNLOAD *unload;
    FILTER_ATTACH *attach;
    FILTER_DETACH *detach;
    FILTER_PAUSE *filter_pause;
    FILTER_RESTART *filter_restart;
    FILTER_SET_MODULE_OPTIONS *module_options;
    FILTER_SEND_NET_BUFFER_LISTS *filter_send;
    FILTER_SEND_NET_BUFFER_LISTS_COMPLETE *filter_send_complete;
    FILTER_CANCEL_SEND_NET_BUFFER_LISTS *filter_cancel_send;
    FILTER_RECEIVE_NET_BUFFER_LISTS *filter_receive;
    FILTER_RETURN_NET_BUFFER_LISTS *filter_return;
    FILTER_OID_REQUEST *filter_oid;
    FILTER_OID_REQUEST_COMPLETE *filter_oid_complete;
    FILTER_CANCEL_OID_REQUEST *filter_cancel_oid;
    FILTER_DIRECT_OID_REQUEST *filter_direct;
    FILTER_DIRECT_OID_REQUEST_COMPLETE *filter_direct_complete;
    FILTER_CANCEL_DIRECT_OID_REQUEST *filter_cancel_direct;
    FILTER_STATUS *filter_status;
    FILTER_NET_PNP_EVENT *filter_event;
    FILTER_DEVICE_PNP_EVENT_NOTIFY *filter_device_event;
    PROTOCOL_BIND_ADAPTER_EX *bind;
    PROTOCOL_UNBIND_ADAPTER_EX *unbind;
    PROTOCOL_OPEN_ADAPTER_COMPLETE_EX *open_complete;
    PROTOCOL_CLOSE_ADAPTER_COMPLETE_EX *close_complete;
    PROTOCOL_NET_PNP_EVENT *protocol_event;
    PROTOCOL_UNINSTALL *uninstall;
    PROTOCOL_OID_REQUEST_COMPLETE *protocol_oid_complete;
    PROTOCOL_DIRECT_OID_REQUEST_COMPLETE *protocol_direct_complete;
    PROTOCOL_STATUS_EX *protocol_status;
    PROTOCOL_RECEIVE_NET_BUFFER_LISTS *receive;
    PROTOCOL_SEND_NET_BUFFER_LISTS_COMPLETE *send_complete;
};

extern struct witness w;
extern struct w_own w_own;
extern bool w_watched;                        // set before w_run: the box has a verifier

void w_run(uint64_t seed, void (*fn)(void));
void w_start(uint32_t filters, uint32_t bindings);
void w_remove(void);

// ---- what was seen ----------------------------------------------------------------------------------------------------------------
void w_note(const char *name, const void *context);
void w_forget(void);
uint32_t w_count(const char *name);
// The last call of that name; the test fails when there is none.
const struct w_call *w_call(const char *name);
// Each call of that name so far was at this IRQL, and there was at least one.
void w_irql_was(const char *name, KIRQL irql);
// Of the callbacks that the words name, the calls since w_forget were these in this order.
void w_order_is(const char *words);

// ---- the drivers' plain behaviour, for a test's own handler to go on with --------------------------------------------------------------
NDIS_STATUS w_initialize(NDIS_HANDLE handle);
NDIS_STATUS w_attach(NDIS_HANDLE handle, NDIS_HANDLE context);
NDIS_STATUS w_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters);
NDIS_STATUS w_unbind(NDIS_HANDLE context);
struct w_filter *w_filter_of(NDIS_HANDLE module_context);
struct w_protocol *w_protocol_of(NDIS_HANDLE binding_context);
// Pass a request on as a clone.
NDIS_STATUS w_filter_pass(struct w_filter *filter, NDIS_OID_REQUEST *request, bool direct);

// ---- traffic and requests from the test -----------------------------------------------------------------------------------------------
NET_BUFFER_LIST *w_nbl(struct w_protocol *protocol, uint8_t first_byte);
void w_protocol_free(struct w_protocol *protocol);
// The miniport indicates `count` broadcast frames; the list is freed again by MiniportReturnNetBufferLists.
NET_BUFFER_LIST *w_indicate(uint32_t count, ULONG flags);
void w_free_list(NET_BUFFER_LIST *nbls);
uint32_t w_length(const NET_BUFFER_LIST *nbls);
void w_request(NDIS_OID_REQUEST *request, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *buffer, UINT bytes);
void w_listen(struct w_protocol *protocol);   // packet filter: directed and broadcast
void w_sleep(uint32_t milliseconds);
void w_until(bool (*is_so)(void));

#endif
