// SPDX-License-Identifier: MIT
// Ends of a connection: in order, by a Terminate, by a reset, by time; what becomes of the work.
#include "engine/iwarp/iwarp_int.h"
#include "harness/harness.h"
#include "kit.h"
#include <errno.h>

static struct iwarp_info
info_of(struct side *side)
{
    struct iwarp_info info;
    iwarp_info(side->c, &info);
    return info;
}

static void
open_pair(struct pair *pair)
{
    pair_open(pair, &setup_plain, 1);
    pair_connect(pair);
}

TEST(disconnect_sends_what_was_posted_first_and_both_ends_close_in_order)
{
    struct pair pair;
    open_pair(&pair);
    struct side *near = &pair.sides[0], *far = &pair.sides[1];
    side_region(far, 1, 0, 100000);
    side_region(near, 2, 0, 100000);
    struct kit_work *send = side_work(&pair, near, RDMA_SEND, 100000, 1), *read = side_work(&pair, near, RDMA_READ, 100000, 1);
    struct kit_work *receive = side_receive(&pair, far, 100000);
    read->work.remote_tag = 1;
    read->work.sink_tag = 2;
    ck_assert_int_eq(side_post(&pair, near, send), 0);
    ck_assert_int_eq(side_post(&pair, near, read), 0);
    ck_assert_int_eq(iwarp_disconnect(near->c, pair.now_us), 0);
    ck_assert_int_eq(iwarp_disconnect(near->c, pair.now_us), 0);
    struct kit_work *late = side_work(&pair, near, RDMA_SEND, 1, 1);
    ck_assert_int_eq(side_post(&pair, near, late), -ENOTCONN);
    pair_run(&pair);
    ck_assert_ptr_eq(side_done(far), receive);
    ck_assert_ptr_eq(side_done(near), send);
    ck_assert_ptr_eq(side_done(near), read);
    ck_assert_uint_eq(far->events, RDMA_EVENT_DONE | RDMA_EVENT_DISCONNECT);
    ck_assert_uint_eq(near->events, RDMA_EVENT_DONE);   // the peer has not ended its half yet
    ck_assert_int_eq(info_of(far).end, RDMA_END_NONE);
    ck_assert_int_eq(iwarp_post(far->c, &late->work, 0), -ENOTCONN);
    ck_assert_int_eq(iwarp_disconnect(far->c, pair.now_us), 0);
    pair_run(&pair);
    for (int i = 0; i < 2; i++) {
        ck_assert(pair.sides[i].events & RDMA_EVENT_CLOSED);
        ck_assert_int_eq(info_of(&pair.sides[i]).end, RDMA_END_NONE);
        ck_assert_uint_eq(pair.sides[i].disconnects, (unsigned)i);
        ck_assert(!pair.sides[i].reset);
        ck_assert_int_eq(iwarp_disconnect(pair.sides[i].c, pair.now_us), -ENOTCONN);
        ck_assert_uint_eq(iwarp_next_deadline(pair.sides[i].iwarp), ENG_NEVER);
    }
    pair_close(&pair);
}

TEST(both_may_disconnect_at_once_and_nobody_is_told_of_it)
{
    struct pair pair;
    open_pair(&pair);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(iwarp_disconnect(pair.sides[i].c, pair.now_us), 0);
    pair_run(&pair);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(pair.sides[i].events, RDMA_EVENT_CLOSED);
    pair_close(&pair);
}

TEST(a_peer_that_does_not_end_its_half_in_time_is_reset_and_progress_gives_time)
{
    struct pair pair;
    struct setup setup = setup_plain;
    iwarp_params_default(&setup.params);
    setup.params.close_us = 500;
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    struct side *near = &pair.sides[0];
    uint64_t start = pair.now_us;
    iwarp_disconnect(near->c, start);
    pair_run(&pair);
    ck_assert_uint_eq(iwarp_next_deadline(near->iwarp), start + 500);
    pair.now_us = start + 500;
    iwarp_time(near->iwarp, pair.now_us);
    ck_assert(iwarp_wants_abort(near->c));
    ck_assert_int_eq(info_of(near).end, RDMA_END_TIMED_OUT);
    pair_run(&pair);
    ck_assert(near->events & RDMA_EVENT_CLOSED);
    ck_assert_uint_eq(near->disconnects, 0);
    pair_close(&pair);

    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    near = &pair.sides[0];
    struct kit_work *work = side_work(&pair, near, RDMA_SEND, 5000, 1);
    side_post(&pair, near, work);
    iwarp_disconnect(near->c, start);
    struct tcp_send *run = iwarp_run_next(near->c);
    iwarp_run_done(near->iwarp, run, start + 400);
    ck_assert_uint_ge(iwarp_next_deadline(near->iwarp), start + 900);
    pair_close(&pair);
}

TEST(an_abort_resets_and_only_the_peer_is_told)
{
    struct pair pair;
    open_pair(&pair);
    iwarp_abort(pair.sides[0].c);
    ck_assert(iwarp_wants_abort(pair.sides[0].c));
    pair_run(&pair);
    ck_assert_uint_eq(pair.sides[0].events, RDMA_EVENT_CLOSED);
    ck_assert_uint_eq(pair.sides[1].events, RDMA_EVENT_CLOSED | RDMA_EVENT_DISCONNECT);
    ck_assert_int_eq(info_of(&pair.sides[0]).end, RDMA_END_ABORTED);
    ck_assert_int_eq(info_of(&pair.sides[1]).end, RDMA_END_LOST);
    ck_assert(!iwarp_wants_abort(pair.sides[1].c));
    iwarp_lost(pair.sides[0].c, false);
    iwarp_lost(pair.sides[1].c, false);
    ck_assert_uint_eq(iwarp_events(pair.sides[0].c) | iwarp_events(pair.sides[1].c), 0);
    pair_close(&pair);
}

TEST(work_stays_when_the_peer_goes_and_flush_cancels_it_in_order)
{
    struct pair pair;
    struct setup setup = setup_plain;
    setup.reads[0].outbound = 1;
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    struct side *near = &pair.sides[0];
    struct kit_work *works[5];
    for (int n = 0; n < 5; n++) {
        static const enum rdma_kind kinds[] = {RDMA_READ, RDMA_SEND, RDMA_LOCAL, RDMA_READ, RDMA_SEND};
        works[n] = side_work(&pair, near, kinds[n], kinds[n] == RDMA_SEND ? 10 : 0, 1);
        works[n]->work.flags = n == 1 ? RDMA_FENCE : 0;
        ck_assert_int_eq(side_post(&pair, near, works[n]), 0);
    }
    struct tcp_send *run = iwarp_run_next(near->c);     // the first read's request: TCP has it
    ck_assert_ptr_nonnull(run);
    iwarp_lost(near->c, false);
    ck_assert_uint_eq(iwarp_events(near->c), RDMA_EVENT_DISCONNECT | RDMA_EVENT_CLOSED);
    ck_assert_ptr_null(side_done(near));
    iwarp_flush(near->c);
    ck_assert_ptr_null(side_done(near));                // TCP may still send the request
    run->status = -ECONNABORTED;
    iwarp_run_done(near->iwarp, run, 1);
    for (int n = 0; n < 5; n++) {
        ck_assert_ptr_eq(side_done(near), works[n]);
        ck_assert_int_eq(works[n]->work.status, -ECANCELED);
    }
    ck_assert_uint_eq(near->local_calls, 0);
    pair_close(&pair);
}

TEST(flush_gives_back_a_receive_that_was_half_full_and_stops_looking)
{
    struct pair pair;
    open_pair(&pair);
    struct side *near = &pair.sides[0], *far = &pair.sides[1];
    struct kit_work *work = side_work(&pair, near, RDMA_SEND, 5000, 1), *receive = side_receive(&pair, far, 5000);
    side_post(&pair, near, work);
    while (far->c->fpdus_in < 2) {
        side_step(&pair, near);
        side_step(&pair, far);
    }
    iwarp_flush(far->c);
    ck_assert_ptr_eq(side_done(far), receive);
    ck_assert_int_eq(receive->work.status, -ECANCELED);
    struct rdma_work late = {.kind = RDMA_SEND};
    ck_assert_int_eq(iwarp_post(far->c, &late, 0), -ENOTCONN);
    pair_run(&pair);
    ck_assert_ptr_null(side_done(far));
    ck_assert_int_eq(iwarp_disconnect(far->c, pair.now_us), 0);
    pair_run(&pair);
    ck_assert_uint_eq(near->disconnects, 1);
    pair_close(&pair);
}

TEST(a_Terminate_fails_the_work_it_names_cancels_those_before_and_leaves_those_behind)
{
    struct pair pair;
    open_pair(&pair);
    struct side *near = &pair.sides[0], *far = &pair.sides[1];
    side_region(far, 1, 0, 100);
    side_region(near, 2, 0, 100);
    struct kit_work *works[4];
    for (int n = 0; n < 4; n++) {
        works[n] = side_work(&pair, near, RDMA_READ, 10, 1);
        works[n]->work.remote_tag = n == 1 ? 99 : 1;
        works[n]->work.sink_tag = 2;
        side_post(&pair, near, works[n]);
    }
    pair_run(&pair);
    struct iwarp_info info = info_of(near);
    ck_assert(info.got_terminate && info.end == RDMA_END_PEER_TERMINATED);
    ck_assert_uint_eq(near->disconnects, 1);
    struct kit_work *first = side_done(near);
    ck_assert_ptr_eq(first, works[0]);
    ck_assert(first->work.status == 0 || first->work.status == -ECANCELED);
    ck_assert_ptr_eq(side_done(near), works[1]);
    ck_assert_int_eq(works[1]->work.status, -EACCES);
    ck_assert_ptr_null(side_done(near));
    iwarp_flush(near->c);
    for (int n = 2; n < 4; n++) {
        ck_assert_ptr_eq(side_done(near), works[n]);
        ck_assert_int_eq(works[n]->work.status, -ECANCELED);
    }
    pair_close(&pair);
}

// A Terminate quoting such a header comes while a send, a write and a read wait for TCP; which of them is blamed, and with what.
static void
blame(unsigned layer, unsigned type, const uint8_t *header, size_t count, int blamed, int status)
{
    struct pair pair;
    open_pair(&pair);
    struct side *near = &pair.sides[0];
    struct kit_work *works[3];
    for (int n = 0; n < 3; n++) {
        works[n] = side_work(&pair, near, n == 0 ? RDMA_SEND : n == 1 ? RDMA_WRITE : RDMA_READ, 40, 1);
        works[n]->work.remote_tag = 5;
        works[n]->work.remote_offset = 1000;
        side_post(&pair, near, works[n]);
    }
    struct tcp_send *run, *runs[3];
    while ((run = iwarp_run_next(near->c)))
        iwarp_run_done(near->iwarp, run, 1);            // acknowledged, but for the read that is not answered
    struct iwarp_terminate terminate = {.layer = (uint8_t)layer, .type = (uint8_t)type, .has_ddp_header = count > 0};
    if (count)
        memcpy(terminate.ddp_header, header, count);
    ck_assert_ptr_eq(side_done(near), works[0]);
    ck_assert_ptr_eq(side_done(near), works[1]);
    struct kit_work *more[3];
    for (int n = 0; n < 3; n++) {
        more[n] = side_work(&pair, near, n == 0 ? RDMA_SEND : n == 1 ? RDMA_WRITE : RDMA_READ, 40, 1);
        more[n]->work.remote_tag = 5;
        more[n]->work.remote_offset = 1000;
        side_post(&pair, near, more[n]);
    }
    for (int n = 0; n < 3; n++)
        ck_assert_ptr_nonnull(runs[n] = iwarp_run_next(near->c));
    iwarp_terminated(near->c, &terminate, pair.now_us);
    if (blamed)
        ck_assert_ptr_ne(LIST_ENTRY_OF(near->c->done.next, struct rdma_work, link), &more[0]->work);    // TCP has its bytes
    for (int n = 0; n < 3; n++) {
        runs[n]->status = -ECONNRESET;
        iwarp_run_done(near->iwarp, runs[n], 1);
    }
    struct kit_work *all[4] = {works[2], more[0], more[1], more[2]};
    for (int n = 0; n <= blamed; n++) {
        ck_assert_ptr_eq(side_done(near), all[n]);
        ck_assert_int_eq(all[n]->work.status, n == blamed ? status : -ECANCELED);
    }
    ck_assert_ptr_null(side_done(near));
    ck_assert_int_eq(iwarp_wants_fin(near->c), 1);
    pair_close(&pair);
}

TEST(the_work_that_a_Terminate_names_is_found_by_its_queue_and_number_or_by_its_tag_and_offset)
{
    uint8_t header[18];
    size_t count = untagged_make(header, true, RDMAP_READ_REQUEST, 1, 1, 0);
    blame(0, 1, header, count, 0, -EACCES);
    count = untagged_make(header, true, RDMAP_SEND, 0, 2, 0);
    blame(1, 2, header, count, 1, -EREMOTEIO);
    count = tagged_make(header, true, RDMAP_WRITE, 5, 1040);
    blame(1, 1, header, count, 2, -EACCES);
    count = tagged_make(header, true, RDMAP_WRITE, 5, 1000);
    blame(1, 0, header, count, 2, -EREMOTEIO);
    count = untagged_make(header, true, RDMAP_READ_REQUEST, 1, 2, 0);
    blame(0, 2, header, count, 3, -EREMOTEIO);
    count = tagged_make(header, true, RDMAP_WRITE, 5, 1041);
    blame(1, 1, header, count, -1, 0);
    count = tagged_make(header, true, RDMAP_WRITE, 6, 1000);
    blame(1, 1, header, count, -1, 0);
    count = untagged_make(header, true, RDMAP_SEND, 0, 9, 0);
    blame(1, 2, header, count, -1, 0);
    blame(2, 0, header, 0, -1, 0);
}

TEST(a_Terminate_with_or_without_headers_is_read_as_it_was_written)
{
    struct iwarp_terminate in = {.layer = 1, .type = 2, .code = 5, .segment_bytes = 700}, out;
    uint8_t bytes[IWARP_TERMINATE_BYTES_MAX + 1];
    for (int n = 0; n < 6; n++) {
        in.has_ddp_header = n % 3 != 0;
        in.has_rdmap_header = n >= 3;
        memset(in.ddp_header, 0, 18);
        memset(in.rdmap_header, 0, 28);
        if (in.has_ddp_header) {
            memset(in.ddp_header, n, n % 3 == 1 ? 18 : 14);
            in.ddp_header[0] = n % 3 == 1 ? 0x41 : 0xC1;
        }
        if (in.has_rdmap_header)
            memset(in.rdmap_header, 7, 28);
        in.segment_bytes = in.has_ddp_header ? 700 : 0;
        size_t count = terminate_write(&in, bytes);
        ck_assert_uint_eq(count, 4u + (n % 3 == 0 ? 0 : n % 3 == 1 ? 20 : 16) + (n >= 3 ? 28 : 0));
        ck_assert(terminate_read(&out, bytes, count));
        ck_assert_mem_eq(&in, &out, sizeof in);
        for (size_t part = 0; part < count; part++)
            ck_assert(!terminate_read(&out, bytes, part));
    }
}

TEST(a_Terminate_from_the_peer_is_told_and_the_stream_is_ended)
{
    struct pair pair;
    uint8_t ulpdu[64];
    raw_open(&pair);
    size_t count = untagged_make(ulpdu, true, RDMAP_TERMINATE, 2, 1, 0);
    memcpy(ulpdu + count, "\x12\x05\x00\x00", 4);
    raw_ulpdu(&pair, ulpdu, count + 4);
    struct side *side = &pair.sides[1];
    struct iwarp_info info = info_of(side);
    ck_assert(info.got_terminate && !info.sent_terminate);
    ck_assert_uint_eq(info.terminate.layer, 1);
    ck_assert_uint_eq(info.terminate.type, 2);
    ck_assert_uint_eq(info.terminate.code, 5);
    ck_assert_uint_eq(side->disconnects, 1);
    ck_assert_uint_eq(side->sent_count, 0);
    ck_assert(side->c->fin_sent);
    raw_fin(&pair);
    ck_assert(side->events & RDMA_EVENT_CLOSED);
    ck_assert_uint_eq(side->disconnects, 1);
    pair_close(&pair);
}

TEST(the_end_of_the_stream_within_the_start_up_is_a_loss)
{
    for (int n = 0; n < 3; n++) {
        struct pair pair;
        pair_open(&pair, &setup_plain, 1);
        struct side *side = &pair.sides[n == 0 ? 0 : 1];
        if (n == 2)
            pair_run(&pair);                            // it was asked already
        iwarp_peer_fin(side->c, 0, pair.now_us);
        ck_assert(iwarp_wants_abort(side->c));
        ck_assert_int_eq(info_of(side).end, RDMA_END_LOST);
        ck_assert_uint_eq(iwarp_events(side->c) & (RDMA_EVENT_CLOSED | RDMA_EVENT_DISCONNECT), RDMA_EVENT_CLOSED);
        if (n == 2)
            ck_assert_int_eq(iwarp_accept(side->c, (struct rdma_reads){0}, NULL, 0, 1), -ENOTCONN);
        pair_close(&pair);
    }
}

TEST(a_peer_that_ends_after_its_reply_leaves_nothing_to_complete)
{
    struct pair pair;
    pair_open(&pair, &setup_plain, 1);
    pair_run(&pair);
    iwarp_accept(pair.sides[1].c, (struct rdma_reads){0}, NULL, 0, pair.now_us);
    pair_run(&pair);
    iwarp_disconnect(pair.sides[1].c, pair.now_us);
    pair_run(&pair);
    ck_assert_uint_eq(pair.sides[0].events, RDMA_EVENT_REPLY | RDMA_EVENT_DISCONNECT);
    ck_assert_int_eq(iwarp_complete_connect(pair.sides[0].c, pair.now_us), -ENOTCONN);
    ck_assert_int_eq(iwarp_disconnect(pair.sides[0].c, pair.now_us), 0);
    pair_run(&pair);
    for (int i = 0; i < 2; i++)
        ck_assert(pair.sides[i].events & RDMA_EVENT_CLOSED);
    pair_close(&pair);
}

TEST(a_peer_that_has_ended_its_half_still_gets_the_answers_to_its_reads)
{
    struct pair pair;
    open_pair(&pair);
    struct side *near = &pair.sides[0], *far = &pair.sides[1];
    side_region(far, 1, 0, 50000);
    side_region(near, 2, 0, 50000);
    struct kit_work *read = side_work(&pair, near, RDMA_READ, 50000, 1);
    read->work.remote_tag = 1;
    read->work.sink_tag = 2;
    side_post(&pair, near, read);
    while (!far->c->n_answers && far->c->fpdus_out < 1) {
        side_step(&pair, near);
        side_step(&pair, far);
    }
    iwarp_peer_fin(far->c, 0, pair.now_us);
    iwarp_disconnect(far->c, pair.now_us);
    pair_run(&pair);
    ck_assert_ptr_eq(side_done(near), read);
    ck_assert_int_eq(read->work.status, 0);
    pair_close(&pair);
}
