// SPDX-License-Identifier: MIT
// Two opens of one address and port: refused unless both say FILE_SHARE_READ or FILE_SHARE_WRITE; who gets what then.
#include "kit.h"

#include <string.h>

static struct tk_address a, b, c;
static struct tk_endpoint there, here;
static struct tk_request r1, r2;

TN_TEST(an_address_without_share_access_is_its_clients_alone)
{
    const char *name = tk_place.server;
    ck_assert_int_eq(tk_try_address(&a, TN_DEVICE, TN_IS_TWO(tn_net.place) ? tn_name_here(4242) : name), STATUS_SUCCESS);
    name = TN_IS_TWO(tn_net.place) ? tn_name_here(4242) : name;
    ck_assert_int_eq(tk_try_address(&b, TN_DEVICE, name), TDI_ADDR_IN_USE);
    ck_assert_int_eq(tk_try_shared_address(&b, TN_DEVICE, name), TDI_ADDR_IN_USE);
    tk_close_address(&a);
    ck_assert_int_eq(tk_try_shared_address(&a, TN_DEVICE, name), STATUS_SUCCESS);
    ck_assert_int_eq(tk_try_address(&b, TN_DEVICE, name), TDI_ADDR_IN_USE);
    ck_assert_int_eq(tk_try_shared_address(&b, TN_DEVICE, name), STATUS_SUCCESS);
    ck_assert_int_eq(tk_try_shared_address(&c, TN_DEVICE, name), STATUS_SUCCESS);
    tk_close_address(&b);
    tk_close_address(&a);
    tk_close_address(&c);
    tk_open_address(&a, TN_DEVICE, name);             // nobody holds it any more
    tk_close_address(&a);
}

static void
offers_of_a_shared_port(void)
{
    struct tk_address *order[] = {&a, &b};
    ck_assert_int_eq(tk_try_shared_address(&a, TN_DEVICE, tn_name_here(4242)), STATUS_SUCCESS);
    ck_assert_int_eq(tk_try_shared_address(&b, TN_DEVICE, tn_name_here(4242)), STATUS_SUCCESS);
    tk_open_endpoint(&there, TN_DEVICE);
    tk_open_pair(&c, &here, TN_DEVICE, NULL);
    for (unsigned i = 0; i < 2; i++) {
        // The oldest has the offers; when it is closed, the next.
        ck_assert_int_eq(tk_associate(&there, order[i]), STATUS_SUCCESS);
        tk_listen(&r1, &there, 0, NULL);
        tk_connect(&r2, &here, tn_name_here(4242), NULL, 0);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        tk_disconnect(&r1, &here, TDI_DISCONNECT_ABORT, NULL, 1);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        tk_settle();
        tk_disassociate(&there);
        tk_close_address(order[i]);
    }
    tk_connect(&r2, &here, tn_name_here(4242), NULL, 0);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONN_REFUSED);
    tk_close_endpoint(&there);
    tk_close_endpoint(&here);
    tk_close_address(&c);
}
TEST_TIMEOUT(120, the_oldest_of_those_that_share_a_port_gets_its_offers)
{
    tn_run(__func__, offers_of_a_shared_port, TN_LOOP4, 0, 6);
    tn_run(__func__, offers_of_a_shared_port, TN_LOOP6, 0, 3);
}

TDI_TEST(UDP_shares_a_port_when_all_say_so_and_the_newest_gets_what_is_for_one)
{
    ck_assert_int_eq(tk_try_shared_address(&a, L"\\Device\\Udp", "127.0.0.1:800"), STATUS_SUCCESS);
    ck_assert_int_eq(tk_try_address(&b, L"\\Device\\Udp", "127.0.0.1:800"), TDI_ADDR_IN_USE);
    ck_assert_int_eq(tk_try_address(&b, L"\\Device\\Udp", "0.0.0.0:800"), TDI_ADDR_IN_USE);
    ck_assert_int_eq(tk_try_shared_address(&b, L"\\Device\\Udp", "127.0.0.1:800"), STATUS_SUCCESS);
    tk_set_handler_of(&a, TDI_EVENT_RECEIVE_DATAGRAM);
    tk_set_handler_of(&b, TDI_EVENT_RECEIVE_DATAGRAM);
    tk_send_datagram(&r1, &a, "127.0.0.1:800", "x", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(a.datagrams, 0);
    ck_assert_int_eq(b.datagrams, 1);
    tk_close_address(&b);
    tk_send_datagram(&r1, &a, "127.0.0.1:800", "x", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(a.datagrams, 1);
    tk_close_address(&a);
}
