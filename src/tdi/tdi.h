// SPDX-License-Identifier: MIT
// The TDI library of a box: who provides transports, which device objects and addresses there are, and which clients want to know.
//   front doors -> registry.c changes the lists and queues what has happened -> notify.c tells every client, one thing at a time
// Handles are the records' addresses, checked against the lists before use.
#ifndef NBX_TDI_TDI_H
#define NBX_TDI_TDI_H

#include <tdikrnl.h>

#include "nt/box.h"
#include "nt/ke/ke.h"

enum tdi_kind { TDI_PROVIDER = 1, TDI_DEVICE, TDI_ADDRESS, TDI_CLIENT };

struct tdi_entry {
    struct list node;                // of its kind's list; guarded by tdi->lock
    enum tdi_kind kind;
    uint32_t refs;                   // the list, and each notification about it; guarded by tdi->lock
    uint64_t number;                 // 1, 2, 3 ... as they came: where a walk goes on
    bool is_gone;                    // deregistered; a device or an address is on its list until clients know that
    bool is_told;                    // clients know it
    bool is_ready;                   // a provider's
    UNICODE_STRING name;             // of a provider, a device object, a client; owned
    TA_ADDRESS *address;             // owned
    TDI_PNP_CONTEXT *context;        // owned; may be NULL
    // a client's
    bool is_version_one;             // BindHandler and its kin, addresses without device name
    TDI_CLIENT_INTERFACE_INFO info;
    _Atomic uint32_t asked;          // power events that its routine is being asked about
};

// Something that clients are to be told.
struct tdi_event {
    struct list node;
    enum tdi_event_kind {
        TDI_TELL_DEVICE,
        TDI_TELL_DEVICE_GONE,
        TDI_TELL_ADDRESS,
        TDI_TELL_ADDRESS_GONE,
        TDI_TELL_PROVIDER_READY,
        TDI_TELL_NET_READY,
        TDI_TELL_ALL,                // a new client: everything there is
        TDI_TELL_ADDRESSES           // TdiEnumerateAddresses
    } kind;
    struct tdi_entry *entry;         // what it is about; a reference
    struct tdi_entry *client;        // only this one; a reference; NULL: all
};

// A power event that clients have not answered yet.
struct tdi_power {
    struct list node;
    NET_PNP_EVENT *event;
    ProviderPnPPowerComplete on_done;
    uint32_t pending;                // clients, and the one that asks them
    NTSTATUS status;
};

// A client's power routine that runs; on the stack of the thread that calls it.
struct tdi_ask {
    struct list node;
    struct tdi_entry *client;        // a reference
    struct ke_thread *thread;
};

struct tdi {
    struct box *box;
    struct box_upper upper;
    struct ke_lock lock;             // guards the lists and their entries; a leaf
    struct list entries[TDI_CLIENT + 1];   // by kind, in order of registration
    struct list events;              // not yet told
    struct list powers;
    struct list asks;
    uint64_t last_number;
    bool is_net_ready;               // TDI_PNP_OP_NETREADY has been told
    _Atomic uint32_t turn;           // taken by the thread that tells
    struct ke_thread *teller;        // it
    struct tdi_entry *told;          // the client whose routine runs
};

// The box's TDI, made now if need be; NULL when out of memory. irql: <= APC
struct tdi *tdi_of_box(void);

// --- registry.c. irql: PASSIVE. fails: INSUFFICIENT_RESOURCES; nothing has changed then. calls: clients, before it returns
NTSTATUS tdi_register(const struct tdi_entry *what, const TDI_PNP_CONTEXT *context, HANDLE *handle);
NTSTATUS tdi_deregister(HANDLE handle, enum tdi_kind kind, const char *function);
NTSTATUS tdi_provider_ready(HANDLE handle);
NTSTATUS tdi_addresses_tell(HANDLE client);
struct tdi_entry *tdi_find_locked(struct tdi *tdi, HANDLE handle, enum tdi_kind kind);
void tdi_entry_unref_locked(struct tdi_entry *entry);
// The entry that came first after this number, with a reference; NULL: none. locks: takes tdi->lock
struct tdi_entry *tdi_entry_after(struct tdi *tdi, enum tdi_kind kind, uint64_t number);
void tdi_entry_drop(struct tdi *tdi, struct tdi_entry *entry);

// --- notify.c
// Queue it; takes references. locks: tdi->lock. fails: false.
bool tdi_tell_locked(struct tdi *tdi, enum tdi_event_kind kind, struct tdi_entry *entry, struct tdi_entry *client);
// Tell what is queued; waits while somebody else tells. From inside a client's routine: returns at once, it is told later.
void tdi_tell_now(struct tdi *tdi);

// --- power.c
NTSTATUS tdi_power_request(UNICODE_STRING *device, NET_PNP_EVENT *event, TDI_PNP_CONTEXT *context1, TDI_PNP_CONTEXT *context2,
                           ProviderPnPPowerComplete on_done);
void tdi_power_complete(HANDLE client, NET_PNP_EVENT *event, NTSTATUS status);
// Does this thread come from inside the client's power routine? locks: tdi->lock
bool tdi_power_is_inside_locked(const struct tdi *tdi, const struct tdi_entry *client);
// Wait until the routine of a client that is off its list has left it. irql: PASSIVE
void tdi_power_wait(struct tdi_entry *client);

// --- mdl.c. irql: <= DISPATCH. Each returns the bytes copied.
ULONG tdi_mdl_bytes(const MDL *mdl);
ULONG tdi_mdl_write(MDL *mdl, ULONG offset, const void *from, ULONG bytes);
ULONG tdi_mdl_read(MDL *mdl, ULONG offset, void *to, ULONG bytes);
ULONG tdi_mdl_copy(MDL *from, ULONG from_offset, MDL *to, ULONG to_offset);

// --- request.c
NTSTATUS tdi_request_map(IRP *irp, IO_STACK_LOCATION *stack);

#endif
