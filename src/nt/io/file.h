// SPDX-License-Identifier: MIT
// FILE_OBJECTs and what the runtime keeps behind them; requests on files (file.c, transfer.c, hostfile.c).
#ifndef NBX_NT_IO_FILE_H
#define NBX_NT_IO_FILE_H

#include "nt/io/request.h"

struct io_file {
    FILE_OBJECT object;              // first: the body
    struct box *box;
    struct list requests;            // outstanding IRPs: io_request_tail.file_node; guarded by io->lock
    int fd;                          // a granted file of the host; -1: a device
    bool is_directory;
    const struct grant *grant;       // of a host file: what it was opened below, and its path there; lives as long as the box
    char *relative;
    bool is_doomed;                  // its name goes when the last handle does
};

static inline struct io_file *
io_file_of(FILE_OBJECT *file)
{
    return (struct io_file *)file;
}

struct io_transfer {
    UCHAR major;                     // READ, WRITE, DEVICE_CONTROL, FLUSH_BUFFERS
    KPROCESSOR_MODE mode;
    void *input;
    ULONG input_bytes;
    void *output;
    ULONG output_bytes;
    const LARGE_INTEGER *offset;     // NULL: the file's position (files opened synchronous only)
    ULONG key;
    ULONG control_code;
    IO_STATUS_BLOCK *iosb;           // lent until the request is complete
    KEVENT *event;                   // set when complete; NULL: the file's own event
    void *event_object;              // owns: a reference on event, dropped at the end whatever happens
};
// Send a request to the file's device, or do it on the host file. irql: PASSIVE. Waits on a synchronous file.
// Returns the final status, or STATUS_PENDING: then iosb and event tell the end.
NTSTATUS io_file_transfer(FILE_OBJECT *file, const struct io_transfer *transfer);
// The same by handles: the file's (with access), and an event's (may be NULL).
NTSTATUS io_handle_transfer(HANDLE file_handle, HANDLE event_handle, ACCESS_MASK access, struct io_transfer *transfer);
// Cancel what is outstanding: of one status block, or (NULL) all. Returns how many were asked to go. irql: PASSIVE.
uint32_t io_file_cancel(FILE_OBJECT *file, const IO_STATUS_BLOCK *iosb);
NTSTATUS io_file_query(FILE_OBJECT *file, FILE_INFORMATION_CLASS class, void *buffer, ULONG bytes, ULONG *written);
NTSTATUS io_file_set(FILE_OBJECT *file, FILE_INFORMATION_CLASS class, const void *buffer, ULONG bytes);

// The host side: does the path lie under a grant? fails: OBJECT_PATH_NOT_FOUND: it is no path of files at all (look for a device);
// ACCESS_DENIED: it is one, and was not granted (a message says so); what opening it says.
NTSTATUS io_host_open(struct box *box, const UNICODE_STRING *path, const struct io_file_config *config, FILE_OBJECT **file,
                      IO_STATUS_BLOCK *iosb);
NTSTATUS io_host_transfer(FILE_OBJECT *file, const struct io_transfer *transfer, IO_STATUS_BLOCK *iosb);
// Host files: times, attributes, a new name, the end (hostfile.c). Classes and statuses as the page of the caller says.
NTSTATUS io_host_query(FILE_OBJECT *file, FILE_INFORMATION_CLASS class, void *buffer, ULONG bytes, ULONG *written);
NTSTATUS io_host_set(FILE_OBJECT *file, FILE_INFORMATION_CLASS class, const void *buffer, ULONG bytes);
void io_host_cleanup(FILE_OBJECT *file);   // the last handle is closed
FILE_OBJECT *io_file_make(struct box *box, const struct io_file_config *config);

#endif
