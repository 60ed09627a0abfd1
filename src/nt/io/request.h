// SPDX-License-Identifier: MIT
// Requests before they are IRPs: what IoBuild*, the Zw calls and nbx/file.h have in common.
#ifndef NBX_NT_IO_REQUEST_H
#define NBX_NT_IO_REQUEST_H

#include "nt/io/io.h"

struct io_request {
    UCHAR major, minor;
    DEVICE_OBJECT *device;           // top of the stack it is sent to
    FILE_OBJECT *file;               // may be NULL
    KPROCESSOR_MODE mode;
    void *input;                     // write data, or a device control's input
    ULONG input_bytes;
    void *output;                    // read buffer, or a device control's output
    ULONG output_bytes;
    LARGE_INTEGER offset;            // read, write
    ULONG key;
    ULONG control_code;
    IO_STATUS_BLOCK *iosb;
    KEVENT *event;
    void *event_object;              // reference that completion drops; NULL: event is plain memory
    bool is_threaded;                // completion frees it
};

// Make the IRP with its first stack location, system buffer and MDL as the device's flags or the method say.
// irql: PASSIVE (<= DISPATCH for buffered). owns: *irp is the caller's until io_irp_call; buffers are lent until completion.
// fails: INSUFFICIENT_RESOURCES, INVALID_PARAMETER. Raises what MmProbeAndLockPages raises.
NTSTATUS io_request_build(struct box *box, const struct io_request *request, IRP **irp);
// IoBuild*FsdRequest. fails: NULL.
IRP *io_request_fsd(struct box *box, ULONG major, DEVICE_OBJECT *device, void *buffer, ULONG bytes, const LARGE_INTEGER *offset,
                    KEVENT *event, IO_STATUS_BLOCK *iosb, bool is_threaded);
// Give back an IRP that was never sent.
void io_request_discard(struct box *box, IRP *irp);

#define IO_SYSTEM_BUFFER_TAG 0x42536f49   // 'IoSB'

#endif
