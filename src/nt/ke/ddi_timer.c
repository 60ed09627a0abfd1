// SPDX-License-Identifier: MIT
// Front doors: timers. [wdm/nf-wdm-kesettimer], [wdm/nf-wdm-kesettimerex], [wdm/nf-wdm-kesetcoalescabletimer], [wdm/nf-wdm-kecanceltimer]
#include "nt/ke/timer.h"
#include "nt/ke/wait.h"
#include "verify/left.h"
#include "verify/verify.h"

NTAPI VOID
KeInitializeTimer(PKTIMER Timer)
{
    VERIFY_ENTER(KeInitializeTimer);
    ke_timer_init(Timer, NotificationTimer);
}

NTAPI VOID
KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
    VERIFY_ENTER(KeInitializeTimerEx);
    ke_timer_init(Timer, Type);
}

NTAPI BOOLEAN
KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
    VERIFY_ENTER(KeSetTimer);
    verify_timer_set(Timer, NULL, "KeSetTimer");
    BOOLEAN was_set = ke_timer_set(Timer, DueTime, 0, Dpc);
    VERIFY_LEAVE(KeSetTimer);
    return was_set;
}

NTAPI BOOLEAN
KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
    VERIFY_ENTER(KeSetTimerEx);
    verify_timer_set(Timer, NULL, "KeSetTimerEx");
    BOOLEAN was_set = ke_timer_set(Timer, DueTime, Period > 0 ? (uint32_t)Period : 0, Dpc);
    VERIFY_LEAVE(KeSetTimerEx);
    return was_set;
}

NTAPI BOOLEAN
KeSetCoalescableTimer(PKTIMER Timer, LARGE_INTEGER DueTime, ULONG Period, ULONG TolerableDelay, PKDPC Dpc)
{
    VERIFY_ENTER(KeSetCoalescableTimer);
    verify_timer_set(Timer, NULL, "KeSetCoalescableTimer");
    BOOLEAN was_set = ke_timer_set(Timer, DueTime, Period, Dpc);
    VERIFY_LEAVE(KeSetCoalescableTimer);
    return was_set;
}

NTAPI BOOLEAN
KeCancelTimer(PKTIMER Timer)
{
    VERIFY_ENTER(KeCancelTimer);
    BOOLEAN was_set = ke_timer_cancel(Timer);
    VERIFY_LEAVE(KeCancelTimer);
    return was_set;
}

NTAPI BOOLEAN
KeReadStateTimer(PKTIMER Timer)
{
    VERIFY_ENTER(KeReadStateTimer);
    return ke_header_state(&Timer->Header) != 0;
}
