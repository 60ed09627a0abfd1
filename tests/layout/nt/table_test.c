// SPDX-License-Identifier: MIT
// The executive's structures against the layout table docs/facts/layout-x64.tsv, at compile time and again at run time.
//
// Each row below becomes a static assertion. The test then reads the table itself and demands that every row of a structure
// that is named here is here with the same number, so that neither side can change alone. NDIS's rows: tests/layout/ndis.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include <ntifs.h>
#include <ifdef.h>

#define TABLE \
    SIZE(DEVICE_OBJECT, 0x148) \
    SIZE(DRIVER_OBJECT, 0x150) \
    SIZE(FILE_OBJECT, 0xd8) \
    SIZE(IF_PHYSICAL_ADDRESS_LH, 0x22) \
    SIZE(IO_STACK_LOCATION, 0x48) \
    SIZE(IO_STATUS_BLOCK, 0x10) \
    SIZE(IRP, 0xd0) \
    SIZE(KDPC, 0x40) \
    SIZE(KEVENT, 0x18) \
    SIZE(KSEMAPHORE, 0x20) \
    SIZE(KSPIN_LOCK, 0x8) \
    SIZE(KTIMER, 0x40) \
    SIZE(MDL, 0x30) \
    SIZE(NET_LUID_LH, 0x8) \
    SIZE(NPAGED_LOOKASIDE_LIST, 0x80) \
    SIZE(SLIST_HEADER, 0x10) \
    SIZE(UNICODE_STRING, 0x10) \
    SIZE(WORK_QUEUE_ITEM, 0x20) \
    FIELD(DEVICE_OBJECT, ActiveThreadCount, 0x108) \
    FIELD(DEVICE_OBJECT, AlignmentRequirement, 0x98) \
    FIELD(DEVICE_OBJECT, AttachedDevice, 0x18) \
    FIELD(DEVICE_OBJECT, Characteristics, 0x34) \
    FIELD(DEVICE_OBJECT, CurrentIrp, 0x20) \
    FIELD(DEVICE_OBJECT, DeviceExtension, 0x40) \
    FIELD(DEVICE_OBJECT, DeviceLock, 0x118) \
    FIELD(DEVICE_OBJECT, DeviceQueue, 0xa0) \
    FIELD(DEVICE_OBJECT, DeviceType, 0x48) \
    FIELD(DEVICE_OBJECT, Dpc, 0xc8) \
    FIELD(DEVICE_OBJECT, DriverObject, 0x8) \
    FIELD(DEVICE_OBJECT, Flags, 0x30) \
    FIELD(DEVICE_OBJECT, NextDevice, 0x10) \
    FIELD(DEVICE_OBJECT, Queue, 0x50) \
    FIELD(DEVICE_OBJECT, ReferenceCount, 0x4) \
    FIELD(DEVICE_OBJECT, SectorSize, 0x130) \
    FIELD(DEVICE_OBJECT, SecurityDescriptor, 0x110) \
    FIELD(DEVICE_OBJECT, Size, 0x2) \
    FIELD(DEVICE_OBJECT, StackSize, 0x4c) \
    FIELD(DEVICE_OBJECT, Timer, 0x28) \
    FIELD(DEVICE_OBJECT, Type, 0x0) \
    FIELD(DEVICE_OBJECT, Vpb, 0x38) \
    FIELD(DRIVER_OBJECT, DriverExtension, 0x30) \
    FIELD(DRIVER_OBJECT, DriverUnload, 0x68) \
    FIELD(DRIVER_OBJECT, MajorFunction, 0x70) \
    FIELD(FILE_OBJECT, FsContext, 0x18) \
    FIELD(FILE_OBJECT, FsContext2, 0x20) \
    FIELD(IO_STACK_LOCATION, CompletionRoutine, 0x38) \
    FIELD(IO_STACK_LOCATION, Context, 0x40) \
    FIELD(IO_STACK_LOCATION, Control, 0x3) \
    FIELD(IO_STACK_LOCATION, DeviceObject, 0x28) \
    FIELD(IO_STACK_LOCATION, FileObject, 0x30) \
    FIELD(IO_STACK_LOCATION, Flags, 0x2) \
    FIELD(IO_STACK_LOCATION, MajorFunction, 0x0) \
    FIELD(IO_STACK_LOCATION, MinorFunction, 0x1) \
    FIELD(IO_STACK_LOCATION, Parameters, 0x8) \
    FIELD(IRP, AllocationFlags, 0x47) \
    FIELD(IRP, ApcEnvironment, 0x46) \
    FIELD(IRP, AssociatedIrp, 0x18) \
    FIELD(IRP, Cancel, 0x44) \
    FIELD(IRP, CancelIrql, 0x45) \
    FIELD(IRP, CancelRoutine, 0x68) \
    FIELD(IRP, CurrentLocation, 0x43) \
    FIELD(IRP, Flags, 0x10) \
    FIELD(IRP, IoStatus, 0x30) \
    FIELD(IRP, MdlAddress, 0x8) \
    FIELD(IRP, Overlay, 0x58) \
    FIELD(IRP, PendingReturned, 0x41) \
    FIELD(IRP, RequestorMode, 0x40) \
    FIELD(IRP, Size, 0x2) \
    FIELD(IRP, StackCount, 0x42) \
    FIELD(IRP, Tail, 0x78) \
    FIELD(IRP, ThreadListEntry, 0x20) \
    FIELD(IRP, Type, 0x0) \
    FIELD(IRP, UserBuffer, 0x70) \
    FIELD(IRP, UserEvent, 0x50) \
    FIELD(IRP, UserIosb, 0x48) \
    FIELD(KDPC, DeferredContext, 0x20) \
    FIELD(KDPC, DeferredRoutine, 0x18) \
    FIELD(KDPC, SystemArgument1, 0x28) \
    FIELD(KDPC, SystemArgument2, 0x30) \
    FIELD(KTIMER, Dpc, 0x30) \
    FIELD(KTIMER, DueTime, 0x18) \
    FIELD(KTIMER, TimerListEntry, 0x20) \
    FIELD(MDL, ByteCount, 0x28) \
    FIELD(MDL, ByteOffset, 0x2c) \
    FIELD(MDL, MappedSystemVa, 0x18) \
    FIELD(MDL, MdlFlags, 0xa) \
    FIELD(MDL, Next, 0x0) \
    FIELD(MDL, Process, 0x10) \
    FIELD(MDL, Size, 0x8) \
    FIELD(MDL, StartVa, 0x20) \
    FIELD(UNICODE_STRING, Buffer, 0x8)

#define SIZE(type, bytes) C_ASSERT(sizeof(type) == (bytes));
#define FIELD(type, field, offset) C_ASSERT(FIELD_OFFSET(type, field) == (offset));
TABLE
#undef SIZE
#undef FIELD

struct layout_row {
    const char *type;
    const char *field;
    unsigned long value;
};

#define SIZE(type, bytes) {#type, "<sizeof>", sizeof(type)},
#define FIELD(type, field, offset) {#type, #field, (unsigned long)FIELD_OFFSET(type, field)},
static const struct layout_row rows[] = {TABLE};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static int is_ours(const char *type)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (!strcmp(rows[i].type, type))
            return 1;
    return 0;
}

static void expect_row(const char *type, const char *field, unsigned long value)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (!strcmp(rows[i].type, type) && !strcmp(rows[i].field, field)) {
            ck_assert_msg(rows[i].value == value, "%s.%s is at %#lx, the table says %#lx", type, field, rows[i].value, value);
            return;
        }
    ck_abort_msg("the table has %s.%s at %#lx, this file does not", type, field, value);
}

TEST(every_row_of_the_layout_table_for_the_executive_holds)
{
    FILE *table = fopen(NBX_SOURCE_DIR "/docs/facts/layout-x64.tsv", "r");
    char line[256], type[100], field[100];
    unsigned long value;
    size_t seen = 0;

    ck_assert_ptr_nonnull(table);
    while (fgets(line, sizeof line, table))
        if (sscanf(line, "%99[^\t]\t%99[^\t]\t%lx", type, field, &value) == 3 && is_ours(type)) {
            expect_row(type, field, value);
            seen++;
        }
    fclose(table);
    ck_assert_uint_eq(seen, ROW_COUNT);
}
