// SPDX-License-Identifier: MIT
// A program for the guest: it listens with rdma_cm and refuses the one connection that comes, with private data:
// reject ADDRESS PORT WORDS. (With the address left open rdma_cm refuses by itself, without a word to us.)
// Prints what came with the request, then what it said. Exit: 0 when one was refused.
#include <arpa/inet.h>
#include <rdma/rdma_cma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (argc != 4 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
        fputs("usage: reject ADDRESS PORT WORDS\n", stderr);
        return 2;
    }
    address.sin_port = htons((uint16_t)atoi(argv[2]));
    const char *words = argv[3];
    struct rdma_event_channel *channel = rdma_create_event_channel();
    struct rdma_cm_event *event;
    struct rdma_cm_id *listener;
    if (!channel || rdma_create_id(channel, &listener, NULL, RDMA_PS_TCP) || rdma_bind_addr(listener, (struct sockaddr *)&address) ||
        rdma_listen(listener, 1)) {
        perror("reject: listen");
        return 1;
    }
    puts("listening");
    fflush(stdout);
    if (rdma_get_cm_event(channel, &event) || event->event != RDMA_CM_EVENT_CONNECT_REQUEST) {
        perror("reject: no request");
        return 1;
    }
    struct rdma_cm_id *id = event->id;
    printf("request: ird %u ord %u, %u bytes\n", event->param.conn.responder_resources, event->param.conn.initiator_depth,
           event->param.conn.private_data_len);
    if (rdma_reject(id, words, (uint8_t)strlen(words))) {
        perror("reject: rdma_reject");
        return 1;
    }
    printf("refused: %s\n", words);
    fflush(stdout);
    rdma_ack_cm_event(event);
    rdma_destroy_id(id);
    rdma_destroy_id(listener);
    rdma_destroy_event_channel(channel);
    return 0;
}
