// SPDX-License-Identifier: MIT
// Results, a line each, as words or (json: 1) as an object: DbgPrint, which ndisbox shows on stderr. Latencies are kept in ns, up to
// 100,000 of them, sorted here, and said as least, median and 99 of 100.
#include "ndkping.h"

#define WORD_NS 5000000000ull              // between words on how far a test is

static const char *
kind_of(const struct ping_job *job)
{
    return job->test == PING_PING ? "" : job->is_rate ? " rate"
                                                      : " latency";
}

const char *
ping_status_word(NTSTATUS status)
{
    switch (status) {
    case STATUS_CONNECTION_REFUSED: return " (STATUS_CONNECTION_REFUSED)";
    case STATUS_CONNECTION_ABORTED: return " (STATUS_CONNECTION_ABORTED)";
    case STATUS_CONNECTION_DISCONNECTED: return " (STATUS_CONNECTION_DISCONNECTED)";
    case STATUS_HOST_UNREACHABLE: return " (STATUS_HOST_UNREACHABLE)";
    case STATUS_NETWORK_UNREACHABLE: return " (STATUS_NETWORK_UNREACHABLE)";
    case STATUS_INVALID_ADDRESS: return " (STATUS_INVALID_ADDRESS)";
    case STATUS_SHARING_VIOLATION: return " (STATUS_SHARING_VIOLATION)";
    case STATUS_ADDRESS_ALREADY_EXISTS: return " (STATUS_ADDRESS_ALREADY_EXISTS)";
    case STATUS_IO_TIMEOUT: return " (STATUS_IO_TIMEOUT)";
    case STATUS_DATA_ERROR: return " (STATUS_DATA_ERROR)";
    case STATUS_INVALID_NETWORK_RESPONSE: return " (STATUS_INVALID_NETWORK_RESPONSE)";
    case STATUS_INSUFFICIENT_RESOURCES: return " (STATUS_INSUFFICIENT_RESOURCES)";
    default: return "";
    }
}

VOID
ping_result_start(struct ping_result *result)
{
    result->start_ns = ping_now_ns();
    result->next_word_ns = result->start_ns + WORD_NS;
}

VOID
ping_result_stop(struct ping_result *result)
{
    result->elapsed_ns = ping_now_ns() - result->start_ns;
}

VOID
ping_result_tick(struct ping_result *result)
{
    UINT64 now = ping_now_ns();
    if (now < result->next_word_ns)
        return;
    UINT64 gone_s = (now - result->start_ns) / 1000000000;
    UINT64 left_s = gone_s * (ping_settings.count - result->count) / (result->count ? result->count : 1);
    result->next_word_ns = now + WORD_NS;
    if (!ping_settings.json)
        DbgPrint("ndkping: %s%s: %u bytes: %u of %u in %I64u s, about %I64u s to go\n", ping_test_words[result->job->test],
                 kind_of(result->job), result->job->bytes, result->count, ping_settings.count, gone_s, left_s);
}

VOID
ping_result_add(struct ping_result *result, UINT64 ns)
{
    result->count++;
    if (result->n_samples < result->room)
        result->samples[result->n_samples++] = ns > MAXULONG ? MAXULONG : (ULONG)ns;
}

static VOID
sift(ULONG *list, ULONG at, ULONG count)
{
    for (ULONG child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && list[child + 1] > list[child])
            child++;
        if (list[at] >= list[child])
            return;
        ULONG kept = list[at];
        list[at] = list[child];
        list[child] = kept;
    }
}

static VOID
sort(ULONG *list, ULONG count)
{
    for (ULONG i = count / 2; i--;)
        sift(list, i, count);
    for (ULONG left = count; left > 1; left--) {
        ULONG kept = list[0];
        list[0] = list[left - 1];
        list[left - 1] = kept;
        sift(list, 0, left - 1);
    }
}

struct figures {
    ULONG least, median, late;             // ns
    UINT64 rate, bytes;                    // a second
};

static struct figures
figures_of(struct ping_result *result, ULONG bytes)
{
    struct figures f = {0};
    if (result->n_samples) {
        sort(result->samples, result->n_samples);
        f.least = result->samples[0];
        f.median = result->samples[result->n_samples / 2];
        f.late = result->samples[(ULONG)((UINT64)(result->n_samples - 1) * 99 / 100)];
    }
    if (result->elapsed_ns) {
        f.rate = (UINT64)result->count * 1000000000 / result->elapsed_ns;
        UINT64 all = (UINT64)result->count * bytes, us = result->elapsed_ns / 1000 + 1;
        f.bytes = all / us * 1000000 + all % us * 1000000 / us;
    }
    return f;
}

VOID
ping_job_print(const struct ping_job *job, char text[PING_LINE])
{
    RtlStringCbPrintfA(text, PING_LINE, "%s%s of %u bytes", ping_test_words[job->test], kind_of(job), job->bytes);
}

static VOID
report_json(const struct ping_job *job, const char *peer, NTSTATUS status, const struct ping_result *result, const struct figures *f)
{
    DbgPrint("{\"ndkping\": \"%s%s\", \"peer\": \"%s\", \"bytes\": %u, \"status\": \"0x%08x\", \"count\": %u, \"least_ns\": %u, "
             "\"median_ns\": %u, \"p99_ns\": %u, \"elapsed_ns\": %I64u, \"per_second\": %I64u, \"bytes_per_second\": %I64u}\n",
             ping_test_words[job->test], kind_of(job), peer, job->bytes, status, result->count, f->least, f->median, f->late,
             result->elapsed_ns, f->rate, f->bytes);
}

VOID
ping_report_client(const struct ping_job *job, BOOLEAN is_stopped, NTSTATUS status, struct ping_result *result)
{
    struct figures f = figures_of(result, job->bytes);
    char peer[PING_TEXT];
    const char *word = ping_test_words[job->test], *kind = kind_of(job);
    ULONG bytes = job->bytes;
    ping_address_print(&ping_settings.peer, peer);
    if (ping_settings.json)
        report_json(job, peer, status, result, &f);
    else if (is_stopped)
        DbgPrint("ndkping: %s%s: %s, %u bytes: stopped after %u of %u\n", word, kind, peer, bytes, result->count, ping_settings.count);
    else if (!NT_SUCCESS(status))
        DbgPrint("ndkping: %s%s: %s, %u bytes: FAILED with 0x%08x%s after %u of %u\n", word, kind, peer, bytes, status,
                 ping_status_word(status), result->count, ping_settings.count);
    else if (job->is_rate)
        DbgPrint("ndkping: %s%s: %s, %u bytes: %I64u a second, %I64u.%03u MB/s (%u, %u at a time)\n", word, kind, peer, bytes, f.rate,
                 f.bytes / 1000000, (ULONG)(f.bytes / 1000 % 1000), result->count, result->depth);
    else
        DbgPrint("ndkping: %s%s: %s, %u bytes: %u ok, %u.%u us (least %u.%u, 99 of 100 within %u.%u)\n", word, kind, peer, bytes,
                 result->count, f.median / 1000, f.median % 1000 / 100, f.least / 1000, f.least % 1000 / 100, f.late / 1000,
                 f.late % 1000 / 100);
}

VOID
ping_report_server(const char *peer, const struct ping_hello *hello, NTSTATUS status, const struct ping_result *result)
{
    static const char *const modes[PING_MODES] = {"ping", "send latency", "send rate", "write latency", "read or write"};
    if (ping_settings.json)
        DbgPrint("{\"ndkping\": \"server\", \"test\": \"%s\", \"peer\": \"%s\", \"status\": \"0x%08x\", \"count\": %u}\n",
                 modes[hello->mode], peer, status, result->count);
    else if (NT_SUCCESS(status) && hello->mode == PING_MODE_PASSIVE)
        DbgPrint("ndkping: server: %s: %s: ended by the peer\n", peer, modes[hello->mode]);
    else if (NT_SUCCESS(status))
        DbgPrint("ndkping: server: %s: %s: %u served\n", peer, modes[hello->mode], result->count);
    else
        DbgPrint("ndkping: server: %s: %s: FAILED with 0x%08x%s after %u\n", peer, modes[hello->mode], status,
                 ping_status_word(status), result->count);
}
