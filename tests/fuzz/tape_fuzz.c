// SPDX-License-Identifier: MIT
// Any bytes as a tape, given the right magic and hash so that the checks behind them are reached. A tape that is accepted must be
// readable to its last entry, and drawing along it must end in order: its entries used up, or drift.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "host/file.h"
#include "sim/sim.h"
#include "sim/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
tape_file_write(const char *path, const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 16);
    int fd;
    if (!bytes || file_open(path, FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_TRUNCATE, &fd))
        abort();
    memcpy(bytes, "NBXTAPE1", 8);
    if (size)
        memcpy(bytes + 8, data, size);
    bytes_store_le64(bytes + 8 + size, hash_bytes(HASH_FNV_START, bytes, 8 + size));
    if (file_write(fd, bytes, size + 16, 0))
        abort();
    file_close(fd);
    free(bytes);
}

static void
tape_read_out(const char *path)
{
    struct sim_tape tape = {0};
    struct sim_config config = {0};
    const char *error;
    struct sim_tape_entry entry;
    if (!sim_tape_open(&tape, path, &config, &error)) {
        while (sim_tape_next(&tape, &entry))
            if (!entry.bound || entry.value > entry.bound)
                abort();
        if (tape.replayed != tape.in_count || !bytes_reader_is_ok(&tape.in_entries))
            abort();
    }
    sim_tape_close(&tape);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], *text;
    const char *error;
    snprintf(path, sizeof path, "/dev/shm/nbx-tape-fuzz-%d", (int)getpid());
    tape_file_write(path, data, size);
    tape_read_out(path);
    if (!sim_tape_note_load(path, "k", &text, &error))
        free(text);
    file_remove(path);
    return 0;
}
