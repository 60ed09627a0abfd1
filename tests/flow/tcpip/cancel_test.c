// SPDX-License-Identifier: MIT
// A TDI_SEND that is cancelled: taken out of the stream when no byte of it has left, without harm to the connection; the end of the
// connection when it has begun.
#include "kit.h"

#include <string.h>

static struct tk_pair pair;
static struct tk_request r1, r2, r3, r4;
static UCHAR big[1 << 20], room[1 << 20];

// Far more than the peer's window, whose client does not receive: what is sent afterwards waits behind it.
static void
begin(void)
{
    for (ULONG i = 0; i < sizeof(big); i++)
        big[i] = (UCHAR)(i * 11 + i / 253);
    tk_pair_open(&pair, TN_DEVICE);
    tk_send(&r1, &pair.here, big, sizeof(big), 0);
    tk_settle();
    ck_assert(!tk_is_done(&r1));
}

static void
receive_whole(void *bytes, ULONG count)
{
    for (ULONG at = 0; at < count;) {
        tk_receive(&r4, &pair.there, (UCHAR *)bytes + at, count - at, 0);
        ck_assert_int_eq(tk_wait(&r4), STATUS_SUCCESS);
        at += (ULONG)r4.iosb.Information;
    }
}

TN_TEST(a_TDI_SEND_that_has_not_begun_is_cancelled_without_harm_to_the_connection)
{
    begin();
    tk_send(&r2, &pair.here, "taken back", 10, 0);
    tk_send(&r3, &pair.here, "goes", 4, 0);
    ck_assert_int_eq(IoCancelIrp(r2.irp), TRUE);
    ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
    ck_assert_uint_eq(r2.iosb.Information, 0);
    receive_whole(room, sizeof(big));
    ck_assert_mem_eq(room, big, sizeof(big));
    receive_whole(room, 4);
    ck_assert_mem_eq(room, "goes", 4);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

TN_TEST(a_TDI_SEND_that_has_begun_ends_the_connection_when_it_is_cancelled)
{
    begin();
    tk_send(&r2, &pair.here, "behind it", 9, 0);
    ck_assert_int_eq(IoCancelIrp(r1.irp), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_ABORTED);
    tk_send(&r3, &pair.here, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r3), TDI_INVALID_CONNECTION);
    tk_pair_close(&pair);
}

TN_TEST(a_cancelled_TDI_SEND_lets_the_release_behind_it_go)
{
    begin();
    tk_send(&r2, &pair.here, "taken back", 10, 0);
    tk_disconnect(&r3, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    ck_assert_int_eq(IoCancelIrp(r2.irp), TRUE);
    ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
    receive_whole(room, sizeof(big));
    ck_assert_mem_eq(room, big, sizeof(big));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_receive(&r4, &pair.there, room, 1, 0);
    ck_assert_int_eq(tk_wait(&r4), TDI_GRACEFUL_DISC);
    tk_disconnect(&r4, &pair.there, TDI_DISCONNECT_RELEASE, NULL, 1);
    ck_assert_int_eq(tk_wait(&r4), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

// The cancel comes while the peer takes what is before: either the send went, whole, or not a byte of it.
static VOID NTAPI
cancel_it(PVOID context)
{
    IoCancelIrp(((struct tk_request *)context)->irp);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

TN_TEST(a_TDI_SEND_that_is_cancelled_while_the_window_opens_goes_whole_or_not_at_all_or_ends_the_connection)
{
    HANDLE handle;
    PVOID thread;
    begin();
    tk_send(&r2, &pair.here, "perhaps", 7, 0);
    ck_assert_int_eq(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, cancel_it, &r2), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, 0, NULL, KernelMode, &thread, NULL), STATUS_SUCCESS);
    ULONG at = 0;
    NTSTATUS status = STATUS_SUCCESS;
    while (at < sizeof(big) && status == STATUS_SUCCESS) {
        tk_receive(&r4, &pair.there, room + at, sizeof(room) - at, 0);
        status = tk_wait(&r4);
        at += (ULONG)r4.iosb.Information;
    }
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    NTSTATUS sent = tk_wait(&r2);
    tk_wait(&r1);
    ck_assert_mem_eq(room, big, at);
    if (status == STATUS_SUCCESS && sent == STATUS_SUCCESS) {
        receive_whole(room, 7);
        ck_assert_mem_eq(room, "perhaps", 7);
    } else if (status == STATUS_SUCCESS) {
        ck_assert_int_eq(sent, STATUS_CANCELLED);
    }
    ObDereferenceObject(thread);
    ZwClose(handle);
    tk_pair_close(&pair);
}
