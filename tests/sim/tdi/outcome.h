// SPDX-License-Identifier: MIT
// What the sweeps of connections (tests/sim/tdi over tdimem, tests/sim/tcpip over TCP) say of an outcome: how a release ended, whether what
// arrived is what was sent, and that nothing on a list never happened.
#ifndef NBX_TESTS_SIM_TDI_OUTCOME_H
#define NBX_TESTS_SIM_TDI_OUTCOME_H

#include "../../flow/tdi/kit.h"

#include <stdio.h>
#include <string.h>

// ---- releases ---------------------------------------------------------------------------------------------------------------------------

static struct {
    _Atomic uint64_t done, timed_out, cancelled, reset, aborted, late;
} releases;

// TRUE: the connection ended in order, for this side.
static bool
release_ended(NTSTATUS status)
{
    switch ((ULONG)status) {
    case STATUS_SUCCESS: releases.done++; return true;
    case (ULONG)TDI_TIMED_OUT: releases.timed_out++; return false;
    case (ULONG)STATUS_CANCELLED: releases.cancelled++; return false;
    case (ULONG)TDI_CONNECTION_RESET: releases.reset++; return false;
    case (ULONG)TDI_CONNECTION_ABORTED: releases.aborted++; return false;
    default:
        ck_assert_msg(status == TDI_INVALID_CONNECTION, "release: %08x", (unsigned)status);
        releases.late++;
        return false;
    }
}

// ---- bytes ------------------------------------------------------------------------------------------------------------------------------

struct sent {
    const UCHAR *bytes;
    ULONG count;
    NTSTATUS status;                          // of the TDI_SEND
};

// What arrived begins as what was sent; sends that ended before they began are missing whole. Returns how many bytes that are.
static ULONG
stream_compare(const UCHAR *stream, ULONG stream_bytes, const struct sent *sent, uint32_t sends, bool must_be_whole, uint64_t seed)
{
    ULONG at = 0, whole = 0;
    for (uint32_t i = 0; i < sends; i++)
        whole += sent[i].status == STATUS_SUCCESS ? sent[i].count : 0;
    for (uint32_t i = 0; i < sends && at < stream_bytes; i++) {
        ULONG count = stream_bytes - at < sent[i].count ? stream_bytes - at : sent[i].count;
        bool is_same = memcmp(stream + at, sent[i].bytes, count) == 0;
        bool may_miss = sent[i].status == STATUS_CANCELLED || sent[i].status == STATUS_INSUFFICIENT_RESOURCES;
        if (may_miss && (must_be_whole || !is_same))
            continue;
        ck_assert_msg(is_same, "seed %llu: byte %u differs", (unsigned long long)seed, (unsigned)at);
        at += count;
    }
    ck_assert_msg(at == stream_bytes && (!must_be_whole || at == whole), "seed %llu: %u of %u bytes sent arrived, of which %u are right",
                  (unsigned long long)seed, (unsigned)stream_bytes, (unsigned)whole, (unsigned)at);
    return at;
}

// ---- what must have happened ------------------------------------------------------------------------------------------------------------

#ifndef TK_THREADS
static void
never_zero(const char *what, uint64_t count)
{
    fprintf(stderr, "  %-40s %llu\n", what, (unsigned long long)count);
    ck_assert_msg(count != 0, "never happened: %s", what);
}

static void
releases_never_zero(void)
{
    never_zero("RELEASE: SUCCESS", releases.done);
    never_zero("RELEASE: timed out", releases.timed_out);
    never_zero("RELEASE: cancelled", releases.cancelled);
    never_zero("RELEASE: reset by the peer", releases.reset);
    never_zero("RELEASE: aborted here", releases.aborted);
}
#endif

#endif
