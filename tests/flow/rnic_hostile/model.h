// SPDX-License-Identifier: MIT
// A model peer on the wire of two boxes: an engine/tcp of its own behind a port, frames made here, and every byte above TCP typed by hand,
// so that it can say what no provider says. It talks to the provider of the first box alone, in the family of the run.
//   model_open -> model_connect, or model_listen and model_wait_connected -> model_send ... model_has -> model_release -> model_close
// What the provider has said since the connection was made is in model.in; waits are of virtual time and long.
#ifndef NBX_TESTS_FLOW_RNIC_HOSTILE_MODEL_H
#define NBX_TESTS_FLOW_RNIC_HOSTILE_MODEL_H

#include "../rnic_connect/kit.h"
#include "engine/iwarp/ddp.h"
#include "harness/fpdu.h"

#define MODEL_PORT 4000
#define MODEL_IN_BYTES (1u << 16)

extern struct model {
    uint8_t in[MODEL_IN_BYTES];           // what came
    size_t count;
    bool is_connected, has_fin, is_ended; // ended: both ways, or reset
    bool is_reset;                        // by the provider
} model;

// A test with the model beside the boxes, over each family; model_run for one with settings of the adapter.
#define MODEL_TEST(name) \
    static void name##_with(void); \
    TEST_TIMEOUT(120, name) \
    { \
        model_run(#name, name##_with, NULL); \
    } \
    static void name##_with(void)

void model_run(const char *test, void (*body)(void), const char *settings);
void model_open(void);
void model_close(void);                   // nothing is left of it
SOCKADDR_INET model_address(USHORT port);

void model_connect(USHORT port);          // to a listener of the first box
void model_listen(void);                  // at MODEL_PORT, for one connection
void model_send(const void *bytes, size_t count);
void model_shutdown(void);                // the end of its stream
void model_release(void);                 // and away with the connection

// Each: false if it has not happened after a minute.
bool model_wait_connected(void);
bool model_wait_bytes(size_t count);
bool model_wait_fin(void);
bool model_wait_reset(void);

// ---- bytes by hand (harness/fpdu.h)

size_t model_read(uint8_t *to, uint32_t sequence, uint32_t tag, uint64_t offset, uint32_t bytes);
void model_send_fpdu(const uint8_t *ulpdu, size_t count);

// The provider has said this Terminate, quoting as much, as the last of its stream (what came before it begins at that byte of model.in),
// and has ended the stream.
void model_terminated(size_t from, enum iwarp_error error, bool has_ddp, bool has_read);

#endif
