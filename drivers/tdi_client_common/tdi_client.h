// SPDX-License-Identifier: MIT
// What every TDI client does first: open a transport's files, and make requests that it waits for. A driver takes it through its file
// SHARES (tdiecho, tdihttpd). All of it at PASSIVE_LEVEL.
#ifndef TDI_CLIENT_H
#define TDI_CLIENT_H

#include <ntddk.h>

#include <tdikrnl.h>

// An open file of a transport; all 0: none.
struct tdiclient_file {
    HANDLE handle;
    PFILE_OBJECT object;
    PDEVICE_OBJECT device;
};

// Open a transport's device with one extended attribute, TdiTransportAddress or TdiConnectionContext.
// fails: the transport's status; STATUS_INVALID_PARAMETER for a value that is longer than any address
NTSTATUS tdiclient_open(PCWSTR device, const char *attribute, const VOID *value, USHORT bytes, struct tdiclient_file *file);
// Safe on a file that was never opened.
VOID tdiclient_close(struct tdiclient_file *file);
// A request that is waited for. owns: takes irp
NTSTATUS tdiclient_call(struct tdiclient_file *file, PIRP irp);
// fails: these two also with STATUS_INSUFFICIENT_RESOURCES
NTSTATUS tdiclient_set_handler(struct tdiclient_file *address, LONG type, PVOID handler, PVOID context);
NTSTATUS tdiclient_associate(struct tdiclient_file *connection, HANDLE address);

#endif
