// SPDX-License-Identifier: MIT
// The user-mode side of a driver's devices, for tests and tools: open \\.\Name, read, write, DeviceIoControl, cancel, overlapped.
// Call it from a thread of the box (box_run, or a thread of the runtime) at PASSIVE_LEVEL. Requests arrive at the driver with
// RequestorMode UserMode and as its device says: buffered, direct or neither. Statuses are NTSTATUS values as the driver gave them.
// Page: [windows fileapi/nf-fileapi-createfilew], [ioapiset/nf-ioapiset-deviceiocontrol].
#ifndef NBX_FILE_H
#define NBX_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <ntddk.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nbx_file;

enum nbx_file_flag {
    NBX_FILE_READ = 1,               // GENERIC_READ
    NBX_FILE_WRITE = 2,              // GENERIC_WRITE
    NBX_FILE_OVERLAPPED = 4,         // requests may pend; else each call waits for its end
};

// Open \\.\Name, \\.\Name\rest or an NT path (\Device\Name). Sends IRP_MJ_CREATE.
// owns: *file is closed with nbx_file_close. fails: the status of the lookup or of the driver.
NTSTATUS nbx_file_open(const char *path, unsigned flags, struct nbx_file **file);
// The same with extended attributes: a list of FILE_FULL_EA_INFORMATION, as a TDI transport wants it. fails: also
// STATUS_EA_LIST_INCONSISTENT, for a list that is none.
NTSTATUS nbx_file_open_ea(const char *path, unsigned flags, const void *ea, uint32_t ea_bytes, struct nbx_file **file);
// The HANDLE, for requests that name a file by it (IOCTL_TDI_ASSOCIATE_ADDRESS). It stays the file's.
void *nbx_file_handle(struct nbx_file *file);
// Close the handle: IRP_MJ_CLEANUP now, IRP_MJ_CLOSE when the last request is back. The driver decides what pending requests get.
void nbx_file_close(struct nbx_file *file);

// One request. bytes_done (may be NULL) gets the byte count of the status block.
// Without an overlapped: waits, returns the final status.
// With one (the file must have been opened so): returns STATUS_PENDING and nbx_overlapped_wait gives the end, or the final status
// when the driver was done at once. owns: buffers and the overlapped are lent until the end.
struct nbx_overlapped {
    IO_STATUS_BLOCK iosb;            // final status and byte count, valid once done
    uint64_t offset;                 // where in the device, for read and write
    KEVENT done;                     // set at the end
};
NTSTATUS nbx_file_read(struct nbx_file *file, void *to, uint32_t bytes, struct nbx_overlapped *overlapped, uint32_t *bytes_done);
NTSTATUS nbx_file_write(struct nbx_file *file, const void *from, uint32_t bytes, struct nbx_overlapped *overlapped, uint32_t *bytes_done);
NTSTATUS nbx_file_control(struct nbx_file *file, uint32_t code, const void *in, uint32_t in_bytes, void *out, uint32_t out_bytes,
                          struct nbx_overlapped *overlapped, uint32_t *bytes_done);
// Wait for the end of a request that was STATUS_PENDING. timeout_ms UINT32_MAX: for ever. Returns its final status, or STATUS_TIMEOUT.
NTSTATUS nbx_overlapped_wait(struct nbx_overlapped *overlapped, uint32_t timeout_ms);
// Ask for cancelling: of one request, or (NULL) of all on this file. Returns how many were asked; each still has to come back.
uint32_t nbx_file_cancel(struct nbx_file *file, struct nbx_overlapped *overlapped);

#ifdef __cplusplus
}
#endif

#endif
