// SPDX-License-Identifier: MIT
// The inside of iWARP: the connection's record, and what its files call of each other.
//   instance.c    create, destroy, deadlines                        connection.c  start-up, events, ends: what a connection manager does
//   run.c         blocks of FPDUs for TCP, how they come back       send.c        the queues of work, segments, read responses
//   place.c       received FPDUs: judged, placed, delivered         over_tcp.c    all of it on an engine/tcp connection
// and, knowing no connection: startup.c, fpdu.c, crc.c (MPA), ddp.c, terminate.c.
// Stream positions count from the first byte of full operation, each direction by itself.
#ifndef NBX_ENGINE_IWARP_INT_H
#define NBX_ENGINE_IWARP_INT_H

#include "engine/iwarp/ddp.h"
#include "engine/iwarp/iwarp.h"

#define IWARP_RUN_SPANS 32
#define IWARP_RUN_ROOM 1024             // headers, trailers, markers and small payloads of a run; a start-up frame fits
#define IWARP_COPY_BYTES 192            // payloads up to here are copied into the run: many small FPDUs are then one span
#define IWARP_PIECES 12                 // spans of payload in an FPDU; a finer gather list makes shorter FPDUs
#define IWARP_MARKED_BYTES 4096         // payload of an FPDU with markers: two spans a marker
#define IWARP_RUNS_KEPT 256
#define IWARP_TRY_AGAIN_US 10000        // after memory for a run was short

// One tcp_send: one or more whole FPDUs, or a frame of the start-up.
struct iwarp_run {
    struct tcp_send send;               // first: iwarp_run_done gets it back
    struct list link;                   // among those that are ready, or free
    struct list out_link;               // among all of the connection's that TCP has or will get
    struct eng_owner owner;             // of room: ours, and one hold for each packet over it
    struct iwarp *iwarp;
    struct iwarp_connection *connection;        // NULL once it is released
    uint64_t end_position;
    uint32_t room_used;
    struct eng_span spans[IWARP_RUN_SPANS];
    uint8_t room[IWARP_RUN_ROOM];
};

struct iwarp {
    struct eng_memory *memory;
    struct eng_slab slab;               // of connections
    struct iwarp_params params;
    struct list timed;                  // connections with a deadline
    struct list free_runs;
    uint32_t connections, runs_kept, runs_out;
    uint64_t *digest;                   // NULL: nobody wants to know what is framed
};

enum iwarp_state {
    IWARP_WAIT_REQUEST,         // responder
    IWARP_ASKED,
    IWARP_WAIT_REPLY,           // initiator
    IWARP_REPLIED,
    IWARP_READY,                // the RTR is on its way
    IWARP_OPEN,
    IWARP_OVER,
};

// A read of the peer's, to be answered. The header of its request can be told from it.
struct iwarp_answer {
    struct rdmap_read read;
    uint32_t sequence;
};

// The message that is being cut into segments.
struct iwarp_message {
    bool is_active;
    struct ddp_header header;           // of its first segment
    struct rdma_work *work;             // NULL: the first answer, or a Terminate
    uint32_t bytes, sent_bytes;
    uint8_t text[RDMAP_READ_BYTES];     // a read request's
};

struct iwarp_connection {
    struct iwarp *iwarp;
    struct list timed_link;
    const struct rdma_ops *ops;
    void *context;
    enum rdma_role role;
    enum iwarp_state state;
    enum rdma_end end;
    uint32_t uses, events;
    uint64_t deadline_us;
    // What was agreed.
    uint8_t revision, rtr_options, rtr;
    bool has_crc, sends_markers, receives_markers, is_enhanced, is_peer_to_peer;
    struct rdma_reads reads, peer_reads;
    uint8_t *private_room;              // MPA_PRIVATE_BYTES_MAX, while the peer's is of interest
    uint16_t private_count;
    // Out.
    uint32_t emss_bytes, mulpdu_bytes;
    uint64_t position, acked_position, returned_position, in_flight_bytes;
    struct iwarp_run *run;              // being filled
    struct list ready_runs, out_runs;
    struct list waiting, queue, reading, done;  // works: not begun; begun and not done; reads among those; done
    struct iwarp_message message;
    uint32_t sequence[DDP_QUEUES];      // of the next message
    uint32_t reads_out;
    struct rdma_work *rtr_work;         // until it is done
    bool may_send, was_answer;
    // In.
    uint64_t in_position;
    size_t need;
    uint32_t in_sequence[DDP_QUEUES];
    struct rdma_work *receiving;
    uint32_t receiving_sink, in_sink;
    uint32_t read_bytes;                // of the answer that is coming in, for the first of `reading`
    struct iwarp_answer *answers;       // a ring
    uint32_t answers_max, answer_first, n_answers;
    bool has_fpdu;                      // one was received and validated
    // The end.
    bool is_deaf;                       // what comes in is dropped
    bool is_closing, fin_now, fin_sent, peer_fin, wants_abort, is_flushed, told_disconnect, is_starved;
    bool sent_terminate, got_terminate;
    struct iwarp_terminate terminate;
    uint64_t bytes_in, bytes_out, fpdus_in, fpdus_out;
};

// run.c
struct iwarp_run *iwarp_run_take(struct iwarp_connection *c);
void iwarp_run_close(struct iwarp_connection *c);       // what is being filled becomes ready
bool iwarp_run_frame(struct iwarp_connection *c, const struct mpa_frame *frame);
// One FPDU of this header and payload into the run. fails: false without memory, and nothing has changed.
bool iwarp_run_fpdu(struct iwarp_connection *c, const struct ddp_header *header, const struct eng_span *pieces, uint32_t n_pieces,
                    uint32_t bytes);
void iwarp_runs_free(struct iwarp *iwarp);

// send.c
void iwarp_pump(struct iwarp_connection *c, uint64_t now_us);
void iwarp_works_done(struct iwarp_connection *c);      // complete what can be, from the front of the queue
void iwarp_answer_read(struct iwarp_connection *c);     // the first outstanding read is answered
void iwarp_work_done(struct iwarp_connection *c, struct rdma_work *work, int status);
void iwarp_works_blame(struct iwarp_connection *c, const struct iwarp_terminate *terminate);

// place.c
size_t iwarp_place(struct iwarp_connection *c, const struct eng_span *spans, size_t n_spans, size_t count, uint64_t now_us);

// connection.c
void iwarp_rtr_drop(struct iwarp_connection *c);
void iwarp_tell(struct iwarp_connection *c, uint32_t events);
void iwarp_deadline(struct iwarp_connection *c, uint64_t deadline_us);
void iwarp_established(struct iwarp_connection *c);
/* An error was found: the Terminate goes out if one may, else the connection is reset. header is of the segment that was wrong, or NULL;
 * read the request's, or NULL. */
void iwarp_fail(struct iwarp_connection *c, enum iwarp_error error, const struct ddp_header *header, uint32_t segment_bytes,
                const struct rdmap_read *read, uint64_t now_us);
void iwarp_terminated(struct iwarp_connection *c, const struct iwarp_terminate *terminate, uint64_t now_us);
void iwarp_close_soon(struct iwarp_connection *c, uint64_t now_us);
void iwarp_progress(struct iwarp_connection *c, uint64_t now_us);
void iwarp_check_closed(struct iwarp_connection *c);

#endif
