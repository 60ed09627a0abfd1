// SPDX-License-Identifier: MIT
// What passes between a consumer and a provider in words, for whoever watches the box (ndis_words_set): the interface `events` of a
// trace. Made only then.
//   "alpha.nic0.vnic: NdkConnect: connector 1, QP 1, 10.77.0.1:7174; from ndkping"      on its way to the provider
//   "alpha.nic0.ndkping: NdkConnect complete: connector 1, STATUS_SUCCESS; from vnic"   and back
//   "alpha.nic0.vnic: NdkSend: QP 1, 64 bytes; from ndkping"                            data
// What asks, arms and polls in vain is not told. Objects have numbers, by kind, in the order in which they were made: an address would be
// another in each run. Nothing of memory's contents or addresses is told either.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <ws2def.h>
#include <ws2ipdef.h>

#include "base/iptext.h"
#include "ndis/ndk/watch_int.h"

#define TEXT_BYTES 240

static const struct {
    NTSTATUS status;
    const char *word;
} statuses[] = {
#define WORD(status) {status, #status}
    WORD(STATUS_SUCCESS),
    WORD(STATUS_PENDING),
    WORD(STATUS_CANCELLED),
    WORD(STATUS_CONNECTION_REFUSED),
    WORD(STATUS_CONNECTION_ABORTED),
    WORD(STATUS_CONNECTION_ACTIVE),
    WORD(STATUS_CONNECTION_DISCONNECTED),
    WORD(STATUS_CONNECTION_INVALID),
    WORD(STATUS_IO_TIMEOUT),
    WORD(STATUS_HOST_UNREACHABLE),
    WORD(STATUS_NETWORK_UNREACHABLE),
    WORD(STATUS_INVALID_ADDRESS),
    WORD(STATUS_ADDRESS_ALREADY_EXISTS),
    WORD(STATUS_TOO_MANY_ADDRESSES),
    WORD(STATUS_SHARING_VIOLATION),
    WORD(STATUS_INVALID_NETWORK_RESPONSE),
    WORD(STATUS_INSUFFICIENT_RESOURCES),
    WORD(STATUS_REMOTE_RESOURCES),
    WORD(STATUS_ACCESS_VIOLATION),
    WORD(STATUS_BUFFER_OVERFLOW),
    WORD(STATUS_BUFFER_TOO_SMALL),
    WORD(STATUS_DEVICE_BUSY),
    WORD(STATUS_IMPLEMENTATION_LIMIT),
    WORD(STATUS_INTERNAL_ERROR),
    WORD(STATUS_INVALID_BUFFER_SIZE),
    WORD(STATUS_INVALID_DEVICE_REQUEST),
    WORD(STATUS_INVALID_DEVICE_STATE),
    WORD(STATUS_INVALID_PARAMETER),
    WORD(STATUS_INVALID_PARAMETER_MIX),
    WORD(STATUS_NOT_SUPPORTED),
#undef WORD
};

const char *
ndk_status_word(NTSTATUS status, char number[NDK_NUMBER_BYTES])
{
    for (size_t i = 0; i < ARRAYSIZE(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].word;
    snprintf(number, NDK_NUMBER_BYTES, "0x%08x", (unsigned)status);
    return number;
}

const char *
ndk_type_word(NDK_OBJECT_TYPE type)
{
    static const char *const words[] = {"?", "adapter", "QP", "CQ", "MR", "MW", "PD", "shared endpoint", "connector", "listener", "SRQ"};
    return type < ARRAYSIZE(words) ? words[type] : words[0];
}

const char *
ndk_address_words(const SOCKADDR *address, ULONG bytes, char text[IPTEXT_BYTES])
{
    size_t count = 0;
    const SOCKADDR_IN *four = (const SOCKADDR_IN *)address;
    const SOCKADDR_IN6 *six = (const SOCKADDR_IN6 *)address;
    if (address && bytes >= sizeof *four && four->sin_family == AF_INET)
        count = iptext4_put_full((const uint8_t *)&four->sin_addr, four->sin_port, text);
    else if (address && bytes >= sizeof *six && six->sin6_family == AF_INET6)
        count = iptext6_put_full((const uint8_t *)&six->sin6_addr, 0, six->sin6_port, text);
    text[count] = 0;
    return count ? text : "no address";
}

// ---- saying -----------------------------------------------------------------------------------------------------------------------------

static const char *
consumer_name(const struct io_image *consumer)
{
    return consumer ? consumer->name : "nbx-client";
}

static void
say(const struct ndk_watch *watch, bool is_down, const char *call, const char *details)
{
    const struct ndis *ndis = watch->adapter->module.ndis;
    const char *provider = watch->provider->name, *consumer = consumer_name(watch->consumer);
    char words[TEXT_BYTES + 64];
    snprintf(words, sizeof words, "%s%s%s", call, details[0] ? ": " : "", details);
    ndis->words_fn(ndis->words_context, watch->adapter->name, is_down ? provider : consumer, is_down ? consumer : provider, words);
}

#define SAY(watch, is_down, call, format) \
    do { \
        char details[TEXT_BYTES]; \
        va_list arguments; \
        va_start(arguments, format); \
        vsnprintf(details, sizeof details, format, arguments); \
        va_end(arguments); \
        say(watch, is_down, call, details); \
    } while (0)

void
ndk_say_down(const struct ndk_watch *watch, const char *call, const char *format, ...)
{
    SAY(watch, true, call, format);
}

void
ndk_say_up(const struct ndk_watch *watch, const char *call, const char *format, ...)
{
    SAY(watch, false, call, format);
}

void
ndk_say_open(const struct ndis_adapter *adapter, const struct io_image *consumer, const char *call, const char *details)
{
    const struct ndis *ndis = adapter->module.ndis;
    char words[TEXT_BYTES];
    snprintf(words, sizeof words, "%s: %s", call, details);
    ndis->words_fn(ndis->words_context, adapter->name, adapter->module.image->name, consumer_name(consumer), words);
}

// ---- what has a result ------------------------------------------------------------------------------------------------------------------

void
ndk_say_made(const struct ndk_request *request, const struct ndk_object *object, NTSTATUS status)
{
    const struct ndk_watch *watch = request->of->watch;
    char number[NDK_NUMBER_BYTES];
    if (object)
        ndk_say_down(watch, request->function, "%s %u%s", ndk_type_word(request->type), object->number, request->note);
    else
        ndk_say_down(watch, request->function, "%s%s, %s", ndk_type_word(request->type), request->note, ndk_status_word(status, number));
}

void
ndk_say_result(const struct ndk_request *request, NTSTATUS status)
{
    const struct ndk_object *of = request->of;
    char number[NDK_NUMBER_BYTES], call[64];
    if (request->tells == NDK_TELLS_END) {
        snprintf(call, sizeof call, "%s complete", request->function);
        ndk_say_up(of->watch, call, "%s %u, %s", ndk_type_word(of->type), of->number, ndk_status_word(status, number));
    } else if (request->tells == NDK_TELLS_RESULT) {
        bool is_good = status == STATUS_SUCCESS;
        ndk_say_down(of->watch, request->function, "%s %u%s%s%s", ndk_type_word(of->type), of->number, request->note, is_good ? "" : ", ",
                     is_good ? "" : ndk_status_word(status, number));
    }
}

void
ndk_note(struct ndk_request *request, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(request->note, sizeof request->note, format, arguments);
    va_end(arguments);
}

void
ndk_say_results(const struct ndk_object *cq, const char *function, const struct ndk_sum *sum)
{
    char number[NDK_NUMBER_BYTES];
    const char *plural = sum->results == 1 ? "" : "s";
    if (!sum->failed)
        ndk_say_down(cq->watch, function, "CQ %u, %u result%s, %llu bytes", cq->number, sum->results, plural,
                     (unsigned long long)sum->bytes);
    else
        ndk_say_down(cq->watch, function, "CQ %u, %u result%s, %llu bytes, %u failed: %s", cq->number, sum->results, plural,
                     (unsigned long long)sum->bytes, sum->failed, ndk_status_word(sum->status, number));
}
