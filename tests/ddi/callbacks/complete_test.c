// SPDX-License-Identifier: MIT
// What ends a pended MiniportPause and MiniportRestart, and what asks for a MiniportResetEx: each promise and each status of the pages
// of the three functions. [ndis/nf-ndis-ndismpausecomplete], [ndis/nf-ndis-ndismrestartcomplete], [ndis/nf-ndis-ndismresetminiport]
#include "witness.h"

#include <string.h>

static NDIS_STATUS pause_says, restart_says, final_status;
static bool inside, at_dispatch, indicates, is_over;

static void
complete(void)
{
    KIRQL old;
    KeRaiseIrql(at_dispatch ? DISPATCH_LEVEL : PASSIVE_LEVEL, &old);
    is_over = true;
    if (pause_says == NDIS_STATUS_PENDING)
        NdisMPauseComplete(w.mp);
    else
        NdisMRestartComplete(w.mp, final_status);
    KeLowerIrql(old);
}

static NTAPI VOID
complete_later(void *context)
{
    w_sleep(50);
    // Between the restart and its completion it may indicate already.
    if (indicates)
        (void)w_indicate(1, 0);
    complete();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NDIS_STATUS
pend(NDIS_STATUS says)
{
    HANDLE thread;
    is_over = false;
    if (says != NDIS_STATUS_PENDING)
        return says;
    if (inside)
        complete();
    else {
        ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, complete_later, NULL), STATUS_SUCCESS);
        ZwClose(thread);
    }
    return NDIS_STATUS_PENDING;
}

static NTAPI NDIS_STATUS
pause_pending(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS p)
{
    return pend(pause_says);
}

static NTAPI NDIS_STATUS
restart_pending(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS p)
{
    return pend(restart_says);
}

static void
run(void (*fn)(void))
{
    w_own.mp_pause = pause_pending;
    w_own.mp_restart = restart_pending;
    w_watched = true;
    for (uint64_t seed = 0; seed < 3; seed++)
        w_run(seed, fn);
}

static void
pauses(void)
{
    w_start(1, 1);
    for (int way = 0; way < 4; way++) {
        inside = way & 1;
        at_dispatch = way & 2;
        pause_says = NDIS_STATUS_PENDING;
        w_forget();
        ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
        ck_assert(is_over);                           // it was waited for
        ck_assert(!ndis_adapter_is_running(w.adapter));
        ck_assert_uint_eq(w_count("MiniportPause"), 1);
        pause_says = NDIS_STATUS_SUCCESS;
        ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);   // paused, so it can be restarted
        ck_assert(ndis_adapter_is_running(w.adapter));
    }
}

TEST(NdisMPauseComplete_ends_a_pause_that_was_pended_from_anywhere_at_any_IRQL_up_to_DISPATCH_LEVEL)
{
    run(pauses);
}

static void
restarts(void)
{
    static const NDIS_STATUS statuses[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_RESOURCES, NDIS_STATUS_FAILURE};
    w_start(1, 1);
    w_listen(&w.protocol[0]);
    for (int way = 0; way < 4; way++)
        for (uint32_t i = 0; i < RTL_NUMBER_OF(statuses); i++) {
            inside = way & 1;
            at_dispatch = way & 2;
            indicates = true;
            final_status = statuses[i];
            ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
            restart_says = NDIS_STATUS_PENDING;
            w_forget();
            ck_assert_int_eq(ndis_adapter_restart(w.adapter), statuses[i]);
            ck_assert(is_over);
            ck_assert_uint_eq(w_count("MiniportRestart"), 1);
            ck_assert_uint_eq(w_count("MiniportReturnNetBufferLists"), inside ? 0 : 1);
            ck_assert_uint_eq(w_count("FilterRestart"), statuses[i] == NDIS_STATUS_SUCCESS);
            ck_assert_int_eq(ndis_adapter_is_running(w.adapter), statuses[i] == NDIS_STATUS_SUCCESS);
            restart_says = NDIS_STATUS_SUCCESS;
            ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);   // from Paused, or it runs already
        }
}

TEST(NdisMRestartComplete_ends_a_restart_that_was_pended_and_its_status_decides_whether_the_adapter_runs)
{
    run(restarts);
}

static void
pauses_without(void)
{
    w_start(0, 1);
    NdisMPauseComplete(w.mp);
}

static void
pauses_twice(void)
{
    w_start(0, 1);
    inside = true;
    pause_says = NDIS_STATUS_PENDING;
    ndis_adapter_pause(w.adapter);
    NdisMPauseComplete(w.mp);
}

static void
restarts_without(void)
{
    w_start(0, 1);
    NdisMRestartComplete(w.mp, NDIS_STATUS_SUCCESS);
}

static void
restarts_with_pending(void)
{
    w_start(0, 1);
    ndis_adapter_pause(w.adapter);
    inside = true;
    restart_says = NDIS_STATUS_PENDING;
    final_status = NDIS_STATUS_PENDING;
    ndis_adapter_restart(w.adapter);
}

static void (*crime)(void);

static void
run_crime(void)
{
    run(crime);
}

static void
is_reported(void (*fn)(void), const char *words)
{
    crime = fn;
    harness_reported(words, run_crime);
}

TEST(NdisMPauseComplete_without_a_pause_that_was_pended_is_reported)
{
    is_reported(pauses_without, "NdisMPauseComplete: no pause is pending");
    is_reported(pauses_twice, "NdisMPauseComplete: no pause is pending");
}

TEST(NdisMRestartComplete_without_a_restart_that_was_pended_is_reported)
{
    is_reported(restarts_without, "NdisMRestartComplete: no restart is pending");
}

TEST(NdisMRestartComplete_with_NDIS_STATUS_PENDING_is_reported)
{
    is_reported(restarts_with_pending, "NdisMRestartComplete: NDIS_STATUS_PENDING is no final status");
}

// ---- NdisMResetMiniport ----------------------------------------------------------------------------------------------------------

static uint32_t resets;
static KIRQL reset_irql;
static PKTHREAD asker;

static NTAPI NDIS_STATUS
reset_noting(NDIS_HANDLE context, PBOOLEAN addressing)
{
    resets++;
    ck_assert_ptr_ne(KeGetCurrentThread(), asker);    // not inside the call
    reset_irql = KeGetCurrentIrql();
    if (resets == 1)
        NdisMResetMiniport(w.mp);                     // during a reset there is nothing more to ask for
    return NDIS_STATUS_SUCCESS;
}

static void
asks(void)
{
    KIRQL old;
    w_start(0, 1);
    resets = 0;
    asker = KeGetCurrentThread();
    for (uint32_t i = 0; i < 2; i++) {
        KeRaiseIrql(i ? PASSIVE_LEVEL : DISPATCH_LEVEL, &old);
        NdisMResetMiniport(w.mp);
        KeLowerIrql(old);
        w_sleep(10000);
        ck_assert_uint_eq(resets, i + 1);
        ck_assert_uint_eq(reset_irql, PASSIVE_LEVEL);
    }
    // A paused adapter is reset as well.
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    NdisMResetMiniport(w.mp);
    w_sleep(10000);
    ck_assert_uint_eq(resets, 3);
}

TEST(NdisMResetMiniport_calls_MiniportResetEx_later_and_once_though_it_is_asked_again_meanwhile)
{
    w_own.reset = reset_noting;
    for (uint64_t seed = 0; seed < 3; seed++)
        w_run(seed, asks);
}

static void
no_reset(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars)
{
    chars->ResetHandlerEx = NULL;
    chars->CheckForHangHandlerEx = NULL;
}

static void
asks_in_vain(void)
{
    w_start(0, 1);
    NdisMResetMiniport(w.mp);
}

TEST(NdisMResetMiniport_of_a_miniport_without_MiniportResetEx_is_reported)
{
    w_own.edit_miniport = no_reset;
    is_reported(asks_in_vain, "NdisMResetMiniport: the driver has registered no MiniportResetEx");
}
