// SPDX-License-Identifier: MIT
// The tape in memory and as a file. See tape.h for what it is.
//   record  sim_tape_append -> chunks -> sim_tape_write (no allocation, so that it may run while a process is dying)
//   replay  sim_tape_open checks the whole file -> sim_tape_next
// File: "NBXTAPE1", u32 version, u64 seed, u32 strategy, u32 switch_one_in, u32 spurious_one_in, u64 step_limit, u64 trace hash,
// u32 count of notes, u64 count of entries, u64 bytes of entries; each note: u32 and key, u32 and text; entries; u64 FNV-1a of
// everything before.
// Entry: byte (kind in the low five bits; 0x20: a bound follows; 0x40: a value follows), varint bound, varint value.
#include "sim/tape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "host/file.h"
#include "sim/sim_int.h"

#define SIM_TAPE_MAGIC "NBXTAPE1"
enum {
    SIM_TAPE_VERSION = 1,
    SIM_TAPE_HEADER_BYTES = 8 + 4 + 8 + 4 + 4 + 4 + 8 + 8 + 4 + 8 + 8,
    SIM_TAPE_HAS_BOUND = 0x20,
    SIM_TAPE_HAS_VALUE = 0x40,
};

const char *
sim_tape_kind_name(unsigned kind)
{
    static const char *const names[SIM_KIND_COUNT] = {
        [SIM_KIND_POINT + SCHED_POINT_LOCK] = "choice at a lock",
        [SIM_KIND_POINT + SCHED_POINT_UNLOCK] = "choice at an unlock",
        [SIM_KIND_POINT + SCHED_POINT_WAIT] = "choice at a wait",
        [SIM_KIND_POINT + SCHED_POINT_SIGNAL] = "choice at a signal",
        [SIM_KIND_POINT + SCHED_POINT_QUEUE] = "choice at a queue",
        [SIM_KIND_POINT + SCHED_POINT_IRQL] = "choice at an IRQL change",
        [SIM_KIND_POINT + SCHED_POINT_COMPLETE] = "choice at a completion",
        [SIM_KIND_POINT + SCHED_POINT_TIMER] = "choice at a timer",
        [SIM_KIND_POINT + SCHED_POINT_DDI] = "choice at a DDI call",
        [SIM_KIND_SPURIOUS] = "choice of a wait without a reason to end",
        [SIM_KIND_DRAW + SCHED_DRAW_SWITCH] = "draw of the next thread",
        [SIM_KIND_DRAW + SCHED_DRAW_WAKE] = "draw of a waiter",
        [SIM_KIND_DRAW + SCHED_DRAW_WIRE] = "draw of a wire",
        [SIM_KIND_DRAW + SCHED_DRAW_ORDER] = "draw of an order",
        [SIM_KIND_DRAW + SCHED_DRAW_FAULT] = "draw of a fault",
        [SIM_KIND_DRAW + SCHED_DRAW_DRIVER] = "draw for a driver",
    };
    return kind < SIM_KIND_COUNT && names[kind] ? names[kind] : "entry of an unknown kind";
}

static struct sim_tape_chunk *
sim_tape_chunk_add(struct sim_tape *tape)
{
    struct sim_tape_chunk *chunk = malloc(sizeof *chunk);
    if (!chunk) {
        fprintf(stderr, "ndisbox: sim: out of memory for the tape after %llu entries\n", (unsigned long long)tape->recorded);
        abort();
    }
    chunk->next = NULL;
    chunk->bytes = 0;
    if (tape->last)
        tape->last->next = chunk;
    else
        tape->first = chunk;
    return tape->last = chunk;
}

void
sim_tape_append_slow(struct sim_tape *tape, const struct sim_tape_entry *entry)
{
    struct sim_tape_chunk *chunk = tape->last;
    if (!chunk || SIM_TAPE_CHUNK_BYTES - chunk->bytes < SIM_TAPE_ENTRY_BYTES)
        chunk = sim_tape_chunk_add(tape);
    bool has_bound = entry->bound != tape->writer.last_bound[entry->kind];
    struct bytes_writer w;
    bytes_writer_init(&w, chunk->data + chunk->bytes, SIM_TAPE_CHUNK_BYTES - chunk->bytes);
    bytes_put_u8(&w, (uint8_t)(entry->kind | (has_bound ? SIM_TAPE_HAS_BOUND : 0) | (entry->value ? SIM_TAPE_HAS_VALUE : 0)));
    if (has_bound)
        bytes_put_varint(&w, entry->bound);
    if (entry->value)
        bytes_put_varint(&w, entry->value);
    chunk->bytes = (uint32_t)(w.at - chunk->data);
    tape->writer.last_bound[entry->kind] = entry->bound;
    tape->recorded++;
}

bool
sim_tape_next(struct sim_tape *tape, struct sim_tape_entry *entry)
{
    struct bytes_reader *r = &tape->in_entries;
    if (!r->left_bytes)
        return false;
    uint8_t head = bytes_get_u8(r);
    entry->kind = head & (SIM_KIND_COUNT - 1);
    if (head & SIM_TAPE_HAS_BOUND)
        tape->reader.last_bound[entry->kind] = bytes_get_varint(r);
    entry->bound = tape->reader.last_bound[entry->kind];
    entry->value = head & SIM_TAPE_HAS_VALUE ? bytes_get_varint(r) : 0;
    if (!bytes_reader_is_ok(r))
        return false;
    tape->replayed++;
    return true;
}

// Sequential writing with a running hash.
struct sim_tape_sink {
    int fd, error;
    uint64_t offset, hash;
};

static void
sim_tape_sink_put(struct sim_tape_sink *sink, const void *bytes, size_t count)
{
    if (sink->error)
        return;
    sink->error = file_write(sink->fd, bytes, count, sink->offset);
    sink->offset += count;
    sink->hash = hash_bytes(sink->hash, bytes, count);
}

static void
sim_tape_sink_text(struct sim_tape_sink *sink, const char *text)
{
    uint8_t length[4];
    size_t bytes = strlen(text);
    bytes_store_le32(length, (uint32_t)bytes);
    sim_tape_sink_put(sink, length, 4);
    sim_tape_sink_put(sink, text, bytes);
}

static void
sim_tape_sink_header(struct sim_tape_sink *sink, struct sim *sim)
{
    uint8_t header[SIM_TAPE_HEADER_BYTES];
    uint32_t notes = 0;
    uint64_t bytes = 0;
    for (struct sim_tape_note *note = sim->tape.notes; note; note = note->next)
        notes++;
    for (struct sim_tape_chunk *chunk = sim->tape.first; chunk; chunk = chunk->next)
        bytes += chunk->bytes;
    struct bytes_writer w;
    bytes_writer_init(&w, header, sizeof header);
    bytes_put_span(&w, SIM_TAPE_MAGIC, 8);
    bytes_put_le32(&w, SIM_TAPE_VERSION);
    bytes_put_le64(&w, sim->config.seed);
    bytes_put_le32(&w, sim->config.strategy);
    bytes_put_le32(&w, sim->config.switch_one_in);
    bytes_put_le32(&w, sim->config.spurious_one_in);
    bytes_put_le64(&w, sim->config.step_limit);
    bytes_put_le64(&w, sim->hash);
    bytes_put_le32(&w, notes);
    bytes_put_le64(&w, sim->tape.recorded);
    bytes_put_le64(&w, bytes);
    sim_tape_sink_put(sink, header, sizeof header);
}

int
sim_tape_write(struct sched *sched, const char *path)
{
    struct sim *sim = sim_from(sched);
    struct sim_tape_sink sink = {.hash = HASH_FNV_START};
    sink.error = file_open(path, FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_TRUNCATE, &sink.fd);
    if (sink.error)
        return sink.error;
    sim_tape_sink_header(&sink, sim);
    for (struct sim_tape_note *note = sim->tape.notes; note; note = note->next) {
        sim_tape_sink_text(&sink, note->key);
        sim_tape_sink_text(&sink, note->text);
    }
    for (struct sim_tape_chunk *chunk = sim->tape.first; chunk; chunk = chunk->next)
        sim_tape_sink_put(&sink, chunk->data, chunk->bytes);
    uint8_t hash[8];
    bytes_store_le64(hash, sink.hash);
    sim_tape_sink_put(&sink, hash, 8);
    file_close(sink.fd);
    return sink.error;
}

int
sim_tape_note(struct sched *sched, const char *key, const char *text)
{
    struct sim *sim = sim_from(sched);
    struct sim_tape_note **at = &sim->tape.notes;
    if (strlen(key) > UINT32_MAX || strlen(text) > UINT32_MAX)
        return -EINVAL;
    while (*at) {
        if (!strcmp((*at)->key, key))
            return -EEXIST;
        at = &(*at)->next;
    }
    struct sim_tape_note *note = calloc(1, sizeof *note);
    if (note) {
        note->key = strdup(key);
        note->text = strdup(text);
    }
    if (!note || !note->key || !note->text) {
        if (note) {
            free(note->key);
            free(note->text);
        }
        free(note);
        return -ENOMEM;
    }
    *at = note;
    return 0;
}

struct sim_tape_file {
    struct bytes_reader reader;  // after the header: at the first note
    struct sim_config config;
    uint64_t hash, entries, entries_bytes;
    uint32_t notes;
};

// Check magic, version and hash, and read the header.
static const char *
sim_tape_file_check(struct sim_tape_file *file, const char *bytes, size_t count)
{
    if (count < SIM_TAPE_HEADER_BYTES + 8 || memcmp(bytes, SIM_TAPE_MAGIC, 8))
        return "not a tape";
    if (hash_bytes(HASH_FNV_START, bytes, count - 8) != bytes_load_le64(bytes + count - 8))
        return "the tape is damaged: its hash is wrong";
    bytes_reader_init(&file->reader, bytes + 8, count - 16);
    if (bytes_get_le32(&file->reader) != SIM_TAPE_VERSION)
        return "the tape is of another version";
    file->config.seed = bytes_get_le64(&file->reader);
    uint32_t strategy = bytes_get_le32(&file->reader);
    file->config.switch_one_in = bytes_get_le32(&file->reader);
    file->config.spurious_one_in = bytes_get_le32(&file->reader);
    file->config.step_limit = bytes_get_le64(&file->reader);
    file->hash = bytes_get_le64(&file->reader);
    file->notes = bytes_get_le32(&file->reader);
    file->entries = bytes_get_le64(&file->reader);
    file->entries_bytes = bytes_get_le64(&file->reader);
    if (strategy > SIM_RUN_TO_BLOCK || !file->config.switch_one_in)
        return "the tape's configuration is not one that this build knows";
    file->config.strategy = (enum sim_strategy)strategy;
    return NULL;
}

// The next note in place, or false at a damaged one.
static bool
sim_tape_file_note(struct sim_tape_file *file, const uint8_t **key, uint32_t *key_bytes, const uint8_t **text, uint32_t *text_bytes)
{
    *key_bytes = bytes_get_le32(&file->reader);
    *key = bytes_get_span(&file->reader, *key_bytes);
    *text_bytes = bytes_get_le32(&file->reader);
    *text = bytes_get_span(&file->reader, *text_bytes);
    return bytes_reader_is_ok(&file->reader);
}

// Every entry must decode, so that replaying needs no further checks.
static const char *
sim_tape_entries_check(const struct sim_tape_file *file)
{
    struct sim_tape probe = {.in_entries = file->reader};
    struct sim_tape_entry entry;
    if (file->reader.left_bytes != file->entries_bytes)
        return "the tape is damaged: the length of its entries is wrong";
    while (sim_tape_next(&probe, &entry)) {
        bool is_point = entry.kind < SIM_KIND_DRAW;
        if (!entry.bound || (is_point ? entry.value > entry.bound : entry.value >= entry.bound))
            return "the tape is damaged: a value is not below its bound";
    }
    if (!bytes_reader_is_ok(&probe.in_entries) || probe.replayed != file->entries)
        return "the tape is damaged: its entries end too early";
    return NULL;
}

int
sim_tape_open(struct sim_tape *tape, const char *path, struct sim_config *config, const char **error)
{
    size_t count;
    struct sim_tape_file file = {0};
    int failed = file_load(path, (size_t)1 << 32, &tape->in, &count);
    if (failed) {
        *error = "sim: the tape cannot be read";
        return failed;
    }
    *error = sim_tape_file_check(&file, tape->in, count);
    for (uint32_t i = 0; !*error && i < file.notes; i++) {
        const uint8_t *key, *text;
        uint32_t key_bytes, text_bytes;
        if (!sim_tape_file_note(&file, &key, &key_bytes, &text, &text_bytes))
            *error = "the tape is damaged: a note is cut off";
    }
    if (!*error)
        *error = sim_tape_entries_check(&file);
    if (*error)
        return -EINVAL;
    tape->is_replay = true;
    tape->in_entries = file.reader;
    tape->in_count = file.entries;
    tape->in_hash = file.hash;
    config->seed = file.config.seed;
    config->strategy = file.config.strategy;
    config->switch_one_in = file.config.switch_one_in;
    config->spurious_one_in = file.config.spurious_one_in;
    if (!config->step_limit)
        config->step_limit = file.config.step_limit;
    return 0;
}

void
sim_tape_close(struct sim_tape *tape)
{
    while (tape->first) {
        struct sim_tape_chunk *chunk = tape->first;
        tape->first = chunk->next;
        free(chunk);
    }
    while (tape->notes) {
        struct sim_tape_note *note = tape->notes;
        tape->notes = note->next;
        free(note->key);
        free(note->text);
        free(note);
    }
    free(tape->in);
}

static char *
sim_tape_note_find(struct sim_tape_file *file, const char *key)
{
    for (uint32_t i = 0; i < file->notes; i++) {
        const uint8_t *at, *text;
        uint32_t key_bytes, text_bytes;
        if (!sim_tape_file_note(file, &at, &key_bytes, &text, &text_bytes))
            return NULL;
        if (key_bytes == strlen(key) && !memcmp(at, key, key_bytes))
            return strndup((const char *)text, text_bytes);
    }
    return NULL;
}

int
sim_tape_note_load(const char *path, const char *key, char **text, const char **error)
{
    char *bytes;
    size_t count;
    struct sim_tape_file file = {0};
    *error = NULL;
    int failed = file_load(path, (size_t)1 << 32, &bytes, &count);
    if (failed) {
        *error = "the tape cannot be read";
        return failed;
    }
    *error = sim_tape_file_check(&file, bytes, count);
    *text = *error ? NULL : sim_tape_note_find(&file, key);
    free(bytes);
    return *error ? -EINVAL : *text ? 0 : -ENOENT;
}
