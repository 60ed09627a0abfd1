// SPDX-License-Identifier: MIT
// IoCancelIrp and IoSetCancelRoutine on an IRP of the driver's own, without a device: who gets the routine, and at which level it runs.
#include "unit/nt/nt_test.h"

static struct {
    IRP *irp;
    KIRQL irql, cancel_irql;
    ULONG calls;
    BOOLEAN cancelled;
} seen;

static VOID NTAPI
remember_cancel(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    seen.irp = Irp;
    seen.calls++;
    seen.irql = KeGetCurrentIrql();
    seen.cancel_irql = Irp->CancelIrql;
    seen.cancelled = Irp->Cancel;
    IoReleaseCancelSpinLock(Irp->CancelIrql);
}

NT_TEST(IoCancelIrp_runs_the_routine_once_with_the_lock_held_and_says_so)
{
    IRP *irp = IoAllocateIrp(1, FALSE);
    memset(&seen, 0, sizeof(seen));
    ck_assert_ptr_null(IoSetCancelRoutine(irp, remember_cancel));
    ck_assert_int_eq(IoCancelIrp(irp), TRUE);
    ck_assert_uint_eq(seen.calls, 1);
    ck_assert_ptr_eq(seen.irp, irp);
    ck_assert_int_eq(seen.cancelled, TRUE);
    ck_assert_uint_eq(seen.irql, DISPATCH_LEVEL);
    ck_assert_uint_eq(seen.cancel_irql, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_int_eq(IoCancelIrp(irp), FALSE);
    ck_assert_uint_eq(seen.calls, 1);
    IoFreeIrp(irp);
}

NT_TEST(IoCancelIrp_without_a_routine_only_marks_the_irp)
{
    IRP *irp = IoAllocateIrp(1, FALSE);
    ck_assert_int_eq(irp->Cancel, FALSE);
    ck_assert_int_eq(IoCancelIrp(irp), FALSE);
    ck_assert_int_eq(irp->Cancel, TRUE);
    IoFreeIrp(irp);
}

NT_TEST(IoSetCancelRoutine_gives_back_the_routine_that_was_set)
{
    IRP *irp = IoAllocateIrp(1, FALSE);
    memset(&seen, 0, sizeof(seen));
    ck_assert_ptr_null(IoSetCancelRoutine(irp, remember_cancel));
    ck_assert_ptr_eq((void *)IoSetCancelRoutine(irp, NULL), (void *)remember_cancel);
    ck_assert_ptr_null(IoSetCancelRoutine(irp, NULL));
    ck_assert_int_eq(IoCancelIrp(irp), FALSE);
    ck_assert_uint_eq(seen.calls, 0);
    IoFreeIrp(irp);
}
