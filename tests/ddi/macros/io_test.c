// SPDX-License-Identifier: MIT
// Inline functions and macros over IRPs, MDLs, locks and objects.
#include <string.h>

#include <ntddk.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"

static void
irp_body(void)
{
    IRP *irp = IoAllocateIrp(2, FALSE);
    ck_assert_ptr_nonnull(irp);
    IoSetNextIrpStackLocation(irp);
    PIO_STACK_LOCATION mine = IoGetCurrentIrpStackLocation(irp);
    ck_assert_ptr_eq(mine, (PIO_STACK_LOCATION)(irp + 1) + irp->CurrentLocation - 1);
    ck_assert_uint_eq(mine->Control & SL_PENDING_RETURNED, 0);
    mine->Control = SL_INVOKE_ON_ERROR;
    IoMarkIrpPending(irp);
    ck_assert_uint_eq(mine->Control, SL_INVOKE_ON_ERROR | SL_PENDING_RETURNED);
    IoFreeIrp(irp);
}
TEST(IoGetCurrentIrpStackLocation_is_the_location_of_the_running_driver)
{
    kit_run(SIM_CALM, irp_body);
}
TEST(IoMarkIrpPending_adds_to_the_control_bits)
{
    kit_run(2, irp_body);
}

static uint8_t bytes[5000];

static void
mdl_body(void)
{
    MDL *mdl = IoAllocateMdl(bytes + 7, 4500, FALSE, FALSE, NULL);
    ck_assert_uint_eq(MmGetMdlByteCount(mdl), 4500);
    MmBuildMdlForNonPagedPool(mdl);
    ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), bytes + 7);
    IoFreeMdl(mdl);
    mdl = IoAllocateMdl(bytes + 9, 100, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoWriteAccess);
    uint8_t *mapped = MmGetSystemAddressForMdlSafe(mdl, HighPagePriority | MdlMappingNoExecute);
    ck_assert_ptr_nonnull(mapped);
    mapped[3] = 0x3c;
    ck_assert_uint_eq(bytes[12], 0x3c);
    ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), mapped);   // mapped once
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
}
TEST(MmGetMdlByteCount_is_the_length_in_bytes)
{
    kit_run(SIM_CALM, mdl_body);
}
TEST(MmGetSystemAddressForMdlSafe_maps_once_and_gives_the_bytes)
{
    kit_run(2, mdl_body);
}

static void
spin_body(void)
{
    KSPIN_LOCK lock = 77;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);           // one that were not free would never come back: sim would say so
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeReleaseSpinLock(&lock, old);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}
TEST(KeInitializeSpinLock_makes_a_lock_that_is_free)
{
    kit_run(SIM_CALM, spin_body);
}

static EX_PUSH_LOCK push;
static int readers, most_readers, counter;

static void
pause_a_while(void)
{
    LARGE_INTEGER a_while = {.QuadPart = -10000};
    KeDelayExecutionThread(KernelMode, FALSE, &a_while);
}

static VOID NTAPI
push_reader(PVOID context)
{
    KeEnterCriticalRegion();
    ExAcquirePushLockShared(&push);
    if (++readers > most_readers)
        most_readers = readers;
    int seen = counter;
    pause_a_while();
    ck_assert_int_eq(counter, seen);          // nobody writes meanwhile
    readers--;
    ExReleasePushLockShared(&push);
    KeLeaveCriticalRegion();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID NTAPI
push_writer(PVOID context)
{
    KeEnterCriticalRegion();
    ExAcquirePushLockExclusive(&push);
    ck_assert_int_eq(readers, 0);
    int seen = counter;
    pause_a_while();
    counter = seen + 1;
    ExReleasePushLockExclusive(&push);
    KeLeaveCriticalRegion();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
push_body(void)
{
    HANDLE thread[8];
    readers = most_readers = counter = 0;
    ExInitializePushLock(&push);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(PsCreateSystemThread(&thread[i], 0, NULL, NULL, NULL, i & 1 ? push_reader : push_writer, NULL),
                         STATUS_SUCCESS);
    for (int i = 0; i < 8; i++) {
        PVOID object;
        ck_assert_int_eq(ObReferenceObjectByHandle(thread[i], 0, NULL, KernelMode, &object, NULL), STATUS_SUCCESS);
        KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL);
        ObDereferenceObject(object);
        ZwClose(thread[i]);
    }
    ck_assert_int_eq(counter, 4);
}
TEST(ExAcquirePushLockShared_lets_readers_in_together)
{
    for (uint64_t seed = 1; seed <= 40 && most_readers < 2; seed++)
        kit_run(seed, push_body);
    ck_assert_int_ge(most_readers, 2);
}
TEST(ExAcquirePushLockExclusive_keeps_everybody_else_out)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        kit_run(seed, push_body);
}
TEST(ExReleasePushLockShared_lets_a_writer_in_after_the_last_reader)
{
    for (uint64_t seed = 21; seed <= 40; seed++)
        kit_run(seed, push_body);
}
TEST(ExReleasePushLockExclusive_lets_the_next_in)
{
    for (uint64_t seed = 41; seed <= 60; seed++)
        kit_run(seed, push_body);
}

static VOID NTAPI
short_thread(PVOID context)
{
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
object_body(void)
{
    HANDLE handle;
    PVOID object;
    ck_assert_int_eq(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, short_thread, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, 0, NULL, KernelMode, &object, NULL), STATUS_SUCCESS);
    ObReferenceObject(object);
    ZwClose(handle);
    ObDereferenceObject(object);              // the one of the handle's look-up: ours still keeps it
    ck_assert_int_eq(KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ObDereferenceObject(object);              // the last: else the kit finds the thread left over
}
TEST(ObReferenceObject_keeps_an_object_whose_handle_is_closed)
{
    kit_run(SIM_CALM, object_body);
}
TEST(ObDereferenceObject_lets_go_of_it)
{
    kit_run(2, object_body);
}

static void
raise_body(void)
{
    KIRQL old = 99;
    KeRaiseIrql(APC_LEVEL, &old);
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert_uint_eq(old, APC_LEVEL);
    KeLowerIrql(old);
    ck_assert_uint_eq(KeGetCurrentIrql(), APC_LEVEL);
    KeLowerIrql(PASSIVE_LEVEL);
}
TEST(KeRaiseIrql_gives_the_level_before)
{
    kit_run(SIM_CALM, raise_body);
}
