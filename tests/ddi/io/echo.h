// SPDX-License-Identifier: MIT
// A test driver with four devices: \\.\EchoBuffered, \\.\EchoDirect, \\.\EchoNeither keep what was written and give it back;
// \\.\EchoPend keeps reads in a cancel-safe queue until IOCTL_ECHO_FINISH completes the oldest. Every request is counted by kind.
#ifndef NBX_TESTS_DDI_IO_ECHO_H
#define NBX_TESTS_DDI_IO_ECHO_H

#include <ntddk.h>

#define IOCTL_ECHO_REVERSE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_ECHO_FINISH CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_ECHO_NEITHER CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_ECHO_NEED_WRITE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x804, METHOD_BUFFERED, FILE_WRITE_ACCESS)
#define IOCTL_ECHO_FAIL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x805, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_ECHO_OVERRUN CTL_CODE(FILE_DEVICE_UNKNOWN, 0x806, METHOD_BUFFERED, FILE_ANY_ACCESS)

enum echo_event {
    ECHO_CREATE = 1,
    ECHO_CLEANUP,
    ECHO_CLOSE,
    ECHO_CANCELLED,
    ECHO_FINISHED,
    ECHO_SHUTDOWN
};

struct echo_log {
    volatile LONG count;
    UCHAR events[64];
};

struct echo_device {
    UCHAR data[256];
    ULONG bytes;
    KPROCESSOR_MODE last_mode;
    IO_CSQ csq;
    KSPIN_LOCK lock;
    LIST_ENTRY pending;
};

extern struct echo_log echo_log;
DRIVER_INITIALIZE EchoEntry;

#endif
