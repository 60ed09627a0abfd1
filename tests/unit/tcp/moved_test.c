// SPDX-License-Identifier: MIT
// A client that keeps received bytes elsewhere: they leave the connection, count against the window until they are used, and a
// receiver whose clients move everything and use nothing stops its peer as one that does not read does.
#include "kit.h"

static struct kit kit;

static uint32_t
move_all(struct kit_end *end)
{
    struct tcp_receive_view view;
    tcp_receive_view(end->connection, &view);
    tcp_receive_move(end->connection, view.bytes);
    return view.bytes;
}

TEST(moved_bytes_count_against_the_window_until_they_are_used)
{
    struct tcp_params params;
    struct tcp_info info;
    struct kit_wire wire = {.delay_us = 1000};
    uint32_t moved = 0;
    kit_params(&params);
    params.receive_bytes = 20000;
    kit_create(&kit, 5, &wire, &params, ENG_IP4);
    kit.end[1].reads = false;
    kit_connect(&kit);
    kit_send(&kit.end[0], 100000, 100000, 4096, 0);
    for (unsigned i = 0; i < 200; i++) {
        kit_run(&kit, 2000);
        moved += move_all(&kit.end[1]);
    }
    // The buffer's worth has come, nothing waits, and no more comes.
    ck_assert_uint_le(moved, 20000);
    ck_assert_uint_gt(moved, 20000 - 1460);
    tcp_info(kit.end[1].connection, &info);
    ck_assert_uint_eq(info.receive_bytes, 0);
    ck_assert_uint_lt(info.window_bytes, 1460);
    tcp_receive_used(kit.end[1].connection, moved, kit.now_us, &kit.end[1].outbox);
    kit_drain(&kit.end[1]);
    uint32_t more = 0;
    for (unsigned i = 0; i < 200; i++) {
        kit_run(&kit, 2000);
        more += move_all(&kit.end[1]);
    }
    ck_assert_uint_gt(more, 20000 - 1460);
    tcp_abort(kit.end[0].connection, kit.now_us, &kit.end[0].outbox);
    kit_drain(&kit.end[0]);
    kit_run(&kit, 10000);
    kit_destroy(&kit);
}
