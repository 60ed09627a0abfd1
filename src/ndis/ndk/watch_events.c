// SPDX-License-Identifier: MIT
// See watch.h: what a provider calls unasked. A CQ's notification is due once for each arm, and not inside another, with one of its page's
// statuses (NBX-0704); a
// connector's DisconnectEvent comes once (NBX-0710). The context of a CQ's, an SRQ's and a listener's is the request that made the object,
// because the provider has it before the object is known; a connector's is the connector.
// [network/ndkpi-completion-handling-requirements], [ndkpi/nc-ndkpi-ndk_fn_disconnect_event_callback]
#include "ndis/ndk/watch_int.h"

static void
notify_check(struct ndk_object *cq, NTSTATUS status)
{
    uint32_t arms = atomic_load(&cq->arms);
    if (!cq->watch->is_strict)
        return;
    if (status != STATUS_SUCCESS && status != STATUS_BUFFER_OVERFLOW && status != STATUS_INTERNAL_ERROR)
        verify_rule_broken(NBX_0704, "NdkCqNotificationCallback", "is called with status 0x%08X, which is not of its page",
                           (unsigned)status);
    if (atomic_exchange(&cq->is_notifying, 1))
        verify_rule_broken(NBX_0704, "NdkCqNotificationCallback", "is called while one for the same completion queue has not returned");
    if (status != STATUS_SUCCESS)
        return;                               // the queue has failed: nobody has to have asked
    while (arms && !atomic_compare_exchange_weak(&cq->arms, &arms, arms - 1))
        ;
    if (!arms)
        verify_rule_broken(NBX_0704, "NdkCqNotificationCallback", "is called, and NdkArmCq was not called since the last");
}

static void
notify_say(const struct ndk_object *queue, const char *call, NTSTATUS status)
{
    char number[NDK_NUMBER_BYTES];
    if (queue && ndk_is_told(queue->watch))
        ndk_say_up(queue->watch, call, "%s %u%s%s", ndk_type_word(queue->type), queue->number, status == STATUS_SUCCESS ? "" : ", ",
                   status == STATUS_SUCCESS ? "" : ndk_status_word(status, number));
}

NTAPI VOID
ndk_on_cq(PVOID context, NTSTATUS status)
{
    struct ndk_request *request = context;
    struct ndk_object *cq = atomic_load(&request->created);
    struct ndk_frame frame;
    NDK_FN_CQ_NOTIFICATION_CALLBACK fn = request->event;
    if (cq) {
        notify_check(cq, status);
        ndk_told(cq, status);
    }
    notify_say(cq, "NdkCqNotificationCallback", status);
    ndk_frame_begin(&frame, cq ? cq : request->of, "NdkCqNotificationCallback");
    fn(request->event_context, status);
    ndk_frame_end(&frame);
    if (cq) {
        ndk_told_end(cq);
        atomic_store(&cq->is_notifying, 0);
    }
}

NTAPI VOID
ndk_on_srq(PVOID context, NTSTATUS status)
{
    struct ndk_request *request = context;
    struct ndk_object *srq = atomic_load(&request->created);
    struct ndk_frame frame;
    NDK_FN_SRQ_NOTIFICATION_CALLBACK fn = request->event;
    if (status != STATUS_SUCCESS && status != STATUS_INTERNAL_ERROR)
        NDK_BROKEN(request->of, NBX_0704, "NdkSrqNotificationCallback", "is called with status 0x%08X, which is not of its page",
                   (unsigned)status);
    notify_say(srq, "NdkSrqNotificationCallback", status);
    ndk_frame_begin(&frame, srq ? srq : request->of, "NdkSrqNotificationCallback");
    fn(request->event_context, status);
    ndk_frame_end(&frame);
}

NTAPI VOID
ndk_on_connect(PVOID context, NDK_CONNECTOR *connector)
{
    struct ndk_request *request = context;
    struct ndk_object *listener = atomic_load(&request->created);
    struct ndk_frame frame;
    NDK_FN_CONNECT_EVENT_CALLBACK fn = request->event;
    if (!listener && request->of->watch->is_strict)
        verify_rule_fatal(NBX_0711, "NdkConnectEventCallback", "is called for a listener that is not made yet");
    struct ndk_object *come = listener ? ndk_object_come(listener, &connector->Header) : NULL;
    if (come && ndk_is_told(come->watch))
        ndk_say_up(come->watch, "NdkConnectEventCallback", "listener %u, connector %u", listener->number, come->number);
    ndk_frame_begin(&frame, listener ? listener : request->of, "NdkConnectEventCallback");
    fn(request->event_context, connector);
    ndk_frame_end(&frame);
}

static void
told_check(struct ndk_object *connector)
{
    if (atomic_exchange(&connector->is_told, 1))
        NDK_BROKEN(connector, NBX_0710, "NdkDisconnectEventCallback", "is called twice for one connector");
}

NTAPI VOID
ndk_on_disconnect(PVOID context)
{
    struct ndk_object *connector = context;
    struct ndk_frame frame;
    told_check(connector);
    if (ndk_is_told(connector->watch))
        ndk_say_up(connector->watch, "NdkDisconnectEventCallback", "connector %u", connector->number);
    ndk_frame_begin(&frame, connector, "NdkDisconnectEventCallback");
    connector->event.disconnect(connector->event_context);
    ndk_frame_end(&frame);
}

NTAPI VOID
ndk_on_disconnect_ex(PVOID context, ULONG reason)
{
    struct ndk_object *connector = context;
    struct ndk_frame frame;
    told_check(connector);
    if (ndk_is_told(connector->watch))
        ndk_say_up(connector->watch, "NdkDisconnectEventCallback", "connector %u, reason %u", connector->number, reason);
    ndk_frame_begin(&frame, connector, "NdkDisconnectEventCallback");
    connector->event.disconnect_ex(connector->event_context, reason);
    ndk_frame_end(&frame);
}
