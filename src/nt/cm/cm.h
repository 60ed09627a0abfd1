// SPDX-License-Identifier: MIT
// The registry of a box, in memory: a tree of keys with typed values under \Registry\Machine and \Registry\User.
//   built     by the runtime and the stack file with cm_key_open and cm_set_*, before drivers run
//   read      by drivers through ZwOpenKey, RtlQueryRegistryValues, NDIS configuration
// Key and value names fold case, order is that of creation. All data is kept exactly as a driver or a setter gave it.
// A key that was deleted stays in memory until its last handle closes and answers STATUS_KEY_DELETED [wdm/nf-wdm-zwdeletekey].
#ifndef NBX_NT_CM_CM_H
#define NBX_NT_CM_CM_H

#include "nt/ob/ob.h"

#define CM_SERVICES "\\Registry\\Machine\\System\\CurrentControlSet\\Services"
#define CM_DATA_BYTES_MAX (1u << 20)

struct cm_value {
    struct list node;
    UNICODE_STRING name;             // empty: the unnamed value of the key
    ULONG type;                      // REG_*
    ULONG bytes;
    void *data;
};

struct cm_key {
    struct list node;                // parent->children
    struct cm_key *parent;
    struct list children;
    struct list values;
    UNICODE_STRING name;
    uint64_t written_unix_ns;
    uint32_t refs;                   // the tree's one, and one for each open key object; guarded by cm->lock
    bool is_deleted;
};

extern const struct _OBJECT_TYPE cm_key_type;

int cm_create(struct box *box);
uint32_t cm_destroy(struct box *box);

// Make the key of a full path (\Registry\...) and all its parents, or find it. The key lives as long as the box unless deleted.
// irql: PASSIVE. fails: NULL: not under \Registry, a bad path, or no memory.
struct cm_key *cm_key_open(struct box *box, const char *path);
struct cm_key *cm_key_open_under(struct box *box, struct cm_key *parent, const char *relative_path);
// Find only. owns: *key carries a reference, dropped with cm_key_put.
NTSTATUS cm_key_find(struct box *box, const UNICODE_STRING *path, struct cm_key **key);

// The same from a key on: find only. owns: *key carries a reference, dropped with cm_key_put.
NTSTATUS cm_key_find_under(struct box *box, struct cm_key *parent, const UNICODE_STRING *relative_path, struct cm_key **key);

// Set a value, replacing what was there. irql: PASSIVE. fails: INSUFFICIENT_RESOURCES, KEY_DELETED, INVALID_PARAMETER (too large).
NTSTATUS cm_set(struct box *box, struct cm_key *key, const UNICODE_STRING *name, ULONG type, const void *data, ULONG bytes);
NTSTATUS cm_set_dword(struct box *box, struct cm_key *key, const char *name, uint32_t value);
NTSTATUS cm_set_qword(struct box *box, struct cm_key *key, const char *name, uint64_t value);
NTSTATUS cm_set_sz(struct box *box, struct cm_key *key, const char *name, const char *text);
NTSTATUS cm_set_expand_sz(struct box *box, struct cm_key *key, const char *name, const char *text);
NTSTATUS cm_set_multi_sz(struct box *box, struct cm_key *key, const char *name, const char *const *texts, size_t count);
NTSTATUS cm_set_binary(struct box *box, struct cm_key *key, const char *name, const void *data, uint32_t bytes);

// A copy of a value, freed by the caller with free(). fails: OBJECT_NAME_NOT_FOUND, KEY_DELETED, INSUFFICIENT_RESOURCES.
NTSTATUS cm_get(struct box *box, struct cm_key *key, const UNICODE_STRING *name, ULONG *type, void **data, ULONG *bytes);
NTSTATUS cm_get_dword(struct box *box, struct cm_key *key, const char *name, uint32_t *value);
// Number index in order of creation; NO_MORE_ENTRIES past the end. *name is freed with ob_string_free, *data with free().
NTSTATUS cm_value_at(struct box *box, struct cm_key *key, ULONG index, UNICODE_STRING *name, ULONG *type, void **data, ULONG *bytes);
NTSTATUS cm_child_at(struct box *box, struct cm_key *key, ULONG index, UNICODE_STRING *name);
NTSTATUS cm_value_delete(struct box *box, struct cm_key *key, const UNICODE_STRING *name);
// fails: CANNOT_DELETE when it has subkeys, KEY_DELETED.
NTSTATUS cm_key_delete(struct box *box, struct cm_key *key);

// A handle to a key. irql: PASSIVE. owns: *handle is closed with ob_handle_close.
NTSTATUS cm_handle_open(struct box *box, struct cm_key *key, ACCESS_MASK access, HANDLE *handle);
// The key behind a handle, with a reference on *object that the caller drops with ob_unref.
NTSTATUS cm_handle_key(struct box *box, HANDLE handle, ACCESS_MASK access, void **object, struct cm_key **key);

struct cm_key_counts {
    ULONG subkeys, values, longest_subkey_bytes, longest_value_name_bytes, longest_data_bytes;
    uint64_t written_unix_ns;
};
NTSTATUS cm_key_counts_get(struct box *box, struct cm_key *key, struct cm_key_counts *counts, UNICODE_STRING *name);
// Full path of a key; freed with ob_string_free.
NTSTATUS cm_key_path(struct box *box, struct cm_key *key, UNICODE_STRING *path);
// ZwCreateKey and ZwOpenKey. create false: only find. *was_created may be NULL.
NTSTATUS cm_key_open_attributes(struct box *box, const OBJECT_ATTRIBUTES *attributes, bool create, bool is_volatile, ACCESS_MASK access,
                                HANDLE *handle, bool *was_created);

// RtlQueryRegistryValues and kin resolve RelativeTo this way. fails: OBJECT_NAME_NOT_FOUND, INVALID_PARAMETER, INVALID_HANDLE.
// owns: *key carries a reference, dropped with cm_key_put.
NTSTATUS cm_relative_open(struct box *box, ULONG relative_to, PCWSTR path, bool create, struct cm_key **key);
void cm_key_get(struct box *box, struct cm_key *key);
void cm_key_put(struct box *box, struct cm_key *key);

#endif
