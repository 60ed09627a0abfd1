// SPDX-License-Identifier: MIT
// Front doors: ERESOURCEs, callback objects, system-allocated timers.
#include "nt/ex/callback.h"
#include "nt/ex/extimer.h"
#include "nt/ex/resource.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "verify/left.h"
#include "verify/verify.h"

NTAPI NTSTATUS
ExInitializeResourceLite(PERESOURCE Resource)
{
    VERIFY_ENTER(ExInitializeResourceLite);
    ex_resource_init(Resource);
    verify_had(VERIFY_LEFT_RESOURCE, Resource, NULL, NULL);
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
ExReinitializeResourceLite(PERESOURCE Resource)
{
    VERIFY_ENTER(ExReinitializeResourceLite);
    ex_resource_fini(Resource);
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
ExDeleteResourceLite(PERESOURCE Resource)
{
    VERIFY_ENTER(ExDeleteResourceLite);
    verify_gave(box_self(), VERIFY_LEFT_RESOURCE, Resource);
    ex_resource_fini(Resource);
    return STATUS_SUCCESS;
}

NTAPI BOOLEAN
ExAcquireResourceSharedLite(PERESOURCE Resource, BOOLEAN Wait)
{
    VERIFY_ENTER(ExAcquireResourceSharedLite);
    return ex_resource_take(Resource, EX_RESOURCE_SHARED, Wait);
}

NTAPI BOOLEAN
ExAcquireResourceExclusiveLite(PERESOURCE Resource, BOOLEAN Wait)
{
    VERIFY_ENTER(ExAcquireResourceExclusiveLite);
    return ex_resource_take(Resource, EX_RESOURCE_EXCLUSIVE, Wait);
}

NTAPI BOOLEAN
ExAcquireSharedStarveExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    VERIFY_ENTER(ExAcquireSharedStarveExclusive);
    return ex_resource_take(Resource, EX_RESOURCE_SHARED_STARVE, Wait);
}

NTAPI BOOLEAN
ExAcquireSharedWaitForExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    VERIFY_ENTER(ExAcquireSharedWaitForExclusive);
    return ex_resource_take(Resource, EX_RESOURCE_SHARED_WAIT, Wait);
}

NTAPI VOID
ExReleaseResourceLite(PERESOURCE Resource)
{
    VERIFY_ENTER(ExReleaseResourceLite);
    ex_resource_drop(Resource, (ERESOURCE_THREAD)ke_self());
}

NTAPI VOID
ExReleaseResourceForThreadLite(PERESOURCE Resource, ERESOURCE_THREAD ResourceThreadId)
{
    VERIFY_ENTER(ExReleaseResourceForThreadLite);
    ex_resource_drop(Resource, ResourceThreadId);
}

NTAPI VOID
ExConvertExclusiveToSharedLite(PERESOURCE Resource)
{
    VERIFY_ENTER(ExConvertExclusiveToSharedLite);
    ex_resource_share(Resource);
}

NTAPI ULONG
ExGetExclusiveWaiterCount(PERESOURCE Resource)
{
    VERIFY_ENTER(ExGetExclusiveWaiterCount);
    return __atomic_load_n(&Resource->NumberOfExclusiveWaiters, __ATOMIC_RELAXED);
}

NTAPI ULONG
ExGetSharedWaiterCount(PERESOURCE Resource)
{
    VERIFY_ENTER(ExGetSharedWaiterCount);
    return __atomic_load_n(&Resource->NumberOfSharedWaiters, __ATOMIC_RELAXED);
}

NTAPI BOOLEAN
ExIsResourceAcquiredExclusiveLite(PERESOURCE Resource)
{
    VERIFY_ENTER(ExIsResourceAcquiredExclusiveLite);
    return ex_resource_is_exclusive(Resource);
}

NTAPI ULONG
ExIsResourceAcquiredSharedLite(PERESOURCE Resource)
{
    VERIFY_ENTER(ExIsResourceAcquiredSharedLite);
    return ex_resource_held(Resource);
}

NTAPI NTSTATUS
ExCreateCallback(PCALLBACK_OBJECT *CallbackObject, POBJECT_ATTRIBUTES ObjectAttributes, BOOLEAN Create, BOOLEAN AllowMultipleCallbacks)
{
    VERIFY_ENTER(ExCreateCallback);
    *CallbackObject = NULL;
    return ex_callback_create(box_self(), ObjectAttributes, Create, AllowMultipleCallbacks, (void **)CallbackObject);
}

NTAPI PVOID
ExRegisterCallback(PCALLBACK_OBJECT CallbackObject, PCALLBACK_FUNCTION CallbackFunction, PVOID CallbackContext)
{
    VERIFY_ENTER(ExRegisterCallback);
    return ex_callback_register(CallbackObject, CallbackFunction, CallbackContext);
}

NTAPI VOID
ExUnregisterCallback(PVOID CallbackRegistration)
{
    VERIFY_ENTER(ExUnregisterCallback);
    ex_callback_unregister(CallbackRegistration);
}

NTAPI VOID
ExNotifyCallback(PVOID CallbackObject, PVOID Argument1, PVOID Argument2)
{
    VERIFY_ENTER(ExNotifyCallback);
    ex_callback_notify(CallbackObject, Argument1, Argument2);
}

NTAPI PEX_TIMER
ExAllocateTimer(PEXT_CALLBACK Callback, PVOID CallbackContext, ULONG Attributes)
{
    VERIFY_ENTER(ExAllocateTimer);
    ULONG both = EX_TIMER_HIGH_RESOLUTION | EX_TIMER_NO_WAKE;
    if ((Attributes & both) == both)   // a bug check by contract
        ke_bugcheck(BUGCODE_TIMER_OR_DPC_INVALID, 6, Attributes, 0, 0);
    return ex_timer_create(box_self(), Callback, CallbackContext, Attributes, __builtin_return_address(0));
}

NTAPI BOOLEAN
ExSetTimer(PEX_TIMER Timer, LONGLONG DueTime, LONGLONG Period, PEXT_SET_PARAMETERS Parameters)
{
    VERIFY_ENTER(ExSetTimer);
    verify_timer_set(Timer, NULL, "ExSetTimer");   // its KTIMER is its first member
    return ex_timer_set(Timer, DueTime, Period);
}

NTAPI BOOLEAN
ExCancelTimer(PEX_TIMER Timer, PEXT_CANCEL_PARAMETERS Parameters)
{
    VERIFY_ENTER(ExCancelTimer);
    return ex_timer_cancel(Timer);
}

NTAPI BOOLEAN
ExDeleteTimer(PEX_TIMER Timer, BOOLEAN Cancel, BOOLEAN Wait, PEXT_DELETE_PARAMETERS Parameters)
{
    VERIFY_ENTER(ExDeleteTimer);
    return ex_timer_delete(Timer, Cancel, Wait, Parameters ? Parameters->DeleteCallback : NULL,
                           Parameters ? Parameters->DeleteContext : NULL);
}
