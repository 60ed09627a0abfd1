// SPDX-License-Identifier: MIT
// Objects of a box: typed, reference-counted bodies with a header in front, a tree of names, and one table of kernel handles.
//   ob_object_create -> one reference for the maker; ob_ref and ob_unref from anywhere up to DISPATCH_LEVEL
//   ob_name_insert   -> the name holds a reference until ob_name_remove (or, for a temporary object, until its last handle closes)
//   ob_handle_create -> a handle holds a reference; ob_handle_close runs on_close after the last one
// The last ob_unref runs on_delete at PASSIVE_LEVEL: at once when the caller is there, else on the box's worker. A driver sees the
// body's address and nothing else; struct ob_header lies right before it.
#ifndef NBX_NT_OB_OB_H
#define NBX_NT_OB_OB_H

#include "nt/box.h"

enum ob_kind {
    OB_DIRECTORY = 1,
    OB_SYMLINK,
    OB_DEVICE,
    OB_DRIVER,
    OB_FILE,
    OB_EVENT,
    OB_THREAD,
    OB_PROCESS,
    OB_KEY,
    OB_CALLBACK,
    OB_KIND_COUNT
};

// What a driver's POBJECT_TYPE points at: constant, one per kind, owned by the room that owns the kind.
struct _OBJECT_TYPE {
    enum ob_kind kind;
    const char *name;
    void (*on_close)(struct box *box, void *body);      // the last handle is gone; PASSIVE; may be NULL
    void (*on_delete)(struct box *box, void *body);     // the last reference is gone; PASSIVE; may be NULL
};

#define OB_HOLDER_BYTES 32

struct ob_header {
    struct list node;                    // box->ob objects, in order of creation; guarded by ob->lock
    struct box *box;
    const struct _OBJECT_TYPE *type;
    struct ob_directory *directory;      // where its name is, NULL without one; guarded by ob->lock
    struct list name_node;               // guarded by ob->lock
    UNICODE_STRING name;                 // last component, owned
    _Atomic int64_t refs;
    uint32_t handles;                    // guarded by ob->lock
    uint32_t number;                     // 1, 2, 3 ... in the box: stable between runs
    uint32_t magic;
    bool is_permanent;
    char holder[OB_HOLDER_BYTES];        // whose code made it: a driver's name, or "ndisbox"
};

struct ob_directory {
    struct list entries;                 // struct ob_header.name_node, in order of insertion
};

struct ob_symlink {
    UNICODE_STRING target;               // owned
};

extern const struct _OBJECT_TYPE ob_directory_type;
extern const struct _OBJECT_TYPE ob_symlink_type;
extern const struct _OBJECT_TYPE ob_event_type;
extern const struct _OBJECT_TYPE ob_callback_type;

// Room life. ob_destroy reports what is left, by holder (box_leftover counts it), frees it and returns 0.
int ob_create(struct box *box);
uint32_t ob_destroy(struct box *box);

// Make a zeroed body with one reference. irql: <= DISPATCH. owns: *body is the caller's reference. fails: INSUFFICIENT_RESOURCES.
NTSTATUS ob_object_create(struct box *box, const struct _OBJECT_TYPE *type, size_t body_bytes, void **body);
struct ob_header *ob_header_of(const void *body);
void ob_ref(void *body);
// Drop a reference; calls: type->on_delete after the last. irql: <= DISPATCH (deletion is put off to PASSIVE). Returns what is left.
int64_t ob_unref(void *body);
// The same, deleting on the worker always: for callers that hold what on_delete takes.
void ob_unref_deferred(void *body);
void ob_holder_set(void *body, const char *holder);

// Give the body a name. Directories of the path must exist. irql: <= DISPATCH. The name holds a reference of its own.
// fails: OBJECT_NAME_INVALID, OBJECT_PATH_NOT_FOUND, OBJECT_PATH_SYNTAX_BAD, OBJECT_NAME_COLLISION; nothing has changed then.
NTSTATUS ob_name_insert(void *body, const UNICODE_STRING *path, bool is_permanent);
// Take the name away and drop its reference; no-op without a name.
void ob_name_remove(void *body);
// The name goes with the last handle from now on (at once if none is open).
void ob_make_temporary(void *body);

// Find by full path, through symbolic links. *rest (may be NULL: then a rest is an error) is what followed a device's name, in a
// buffer that the caller frees with ob_string_free. owns: *body carries a reference.
NTSTATUS ob_lookup(struct box *box, const UNICODE_STRING *path, const struct _OBJECT_TYPE *type, void **body, UNICODE_STRING *rest);
// \A\B of a body, newly allocated (ob_string_free). Without a name: empty.
NTSTATUS ob_name_query(const void *body, UNICODE_STRING *path);

// Handles. A handle is the box's, whatever thread uses it. irql: PASSIVE for close, <= DISPATCH otherwise.
NTSTATUS ob_handle_create(struct box *box, void *body, ACCESS_MASK access, HANDLE *handle);
// fails: INVALID_HANDLE, OBJECT_TYPE_MISMATCH (type NULL takes all), ACCESS_DENIED. owns: *body carries a reference.
NTSTATUS ob_handle_ref(struct box *box, HANDLE handle, const struct _OBJECT_TYPE *type, ACCESS_MASK access, void **body);
// The same, and the pseudo handles of the current thread (-2) and process (-1) are understood.
NTSTATUS ob_handle_ref_special(struct box *box, HANDLE handle, const struct _OBJECT_TYPE *type, ACCESS_MASK access, void **body);
NTSTATUS ob_handle_close(struct box *box, HANDLE handle);
// Close what is left open of one kind, reporting each as a leftover.
void ob_handles_close_kind(struct box *box, enum ob_kind kind);
ACCESS_MASK ob_handle_access(struct box *box, HANDLE handle);

// Open by OBJECT_ATTRIBUTES (RootDirectory handle understood): full path in *path, freed by the caller.
NTSTATUS ob_attributes_path(struct box *box, const OBJECT_ATTRIBUTES *attributes, UNICODE_STRING *path);

// Strings: counted UTF-16; comparisons fold case as names do.
bool ob_name_equal(const UNICODE_STRING *a, const UNICODE_STRING *b);
NTSTATUS ob_string_copy(const UNICODE_STRING *from, UNICODE_STRING *to);   // terminated with a 0 that Length does not count
NTSTATUS ob_string_from(const char *utf8, UNICODE_STRING *to);
void ob_string_free(UNICODE_STRING *string);
// UTF-8 into out, cut at bytes, always terminated. Returns out.
const char *ob_string_text(const UNICODE_STRING *string, char *out, size_t bytes);

#endif
