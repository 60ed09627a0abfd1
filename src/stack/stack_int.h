// SPDX-License-Identifier: MIT
// Inside the stack room: the arena, the tree of nodes that YAML and the short form are both turned into, the schema table's types.
//
//   yaml.c       bytes -> nodes (bounded; no anchors, aliases, tags)      set.c, short.c   overrides and the short form -> nodes
//   schema.c     the table         check.c   nodes against the table      scalar.c         text -> number, duration, rate ...
//   resolve*.c   nodes -> struct stack                                    print_*.c, doc_*.c   outwards
#ifndef NBX_STACK_STACK_INT_H
#define NBX_STACK_STACK_INT_H

#include <stdarg.h>

#include "stack/stack.h"

#define STACK_DEPTH_MAX 24           // maps in lists in maps
#define STACK_NODES_MAX 200000
#define STACK_FILE_BYTES_MAX (4u << 20)
#define STACK_ERRORS_MAX 20          // then reading stops: more would not help anyone
#define STACK_NAME_MAX 32            // boxes, adapters, drivers, wires

// ---- arena.c: memory that lives as long as one stack. Out of memory ends the process: nothing has been started yet.
struct stack_arena;
struct stack_arena *stack_arena_create(void);
void stack_arena_destroy(struct stack_arena *arena);
void *stack_arena_alloc(struct stack_arena *arena, size_t bytes);                 // zeroed
void *stack_arena_array(struct stack_arena *arena, size_t count, size_t bytes);   // zeroed
char *stack_arena_copy(struct stack_arena *arena, const char *text, size_t length_bytes);
// Call destroy(thing) when the arena goes, the last one first.
void stack_arena_attach(struct stack_arena *arena, void (*destroy)(void *thing), void *thing);
char *stack_arena_format(struct stack_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

// ---- nodes
enum stack_node_kind {
    STACK_NODE_SCALAR,
    STACK_NODE_MAP,
    STACK_NODE_LIST
};

struct stack_node {
    enum stack_node_kind kind;
    bool quoted;                     // scalar: written with quotes
    struct stack_place place;
    const char *key;                 // in a map
    struct stack_place key_place;
    const char *text;                // scalar
    struct stack_node *first, *last; // map, list
    struct stack_node *next;
    size_t count;
};

struct stack_node *stack_node_create(struct stack_arena *arena, enum stack_node_kind kind, struct stack_place place);
void stack_node_append(struct stack_node *parent, struct stack_node *child);
struct stack_node *stack_node_find(const struct stack_node *map, const char *key);
const char *stack_node_kind_words(const struct stack_node *node);   // "a map", "a list", "the text"

// What every step of reading needs.
struct stack_reader {
    struct stack_arena *arena;
    struct stack_report *report;
    const struct stack_source *source;
    size_t node_count;
    const char *place_name;          // not NULL: everything read now stands in this option ("--set a=b"), which has no lines
    size_t errors_before;            // report->error_count when this reading began
};

// ---- report.c
void stack_error(struct stack_reader *reader, struct stack_place place, const char *format, ...) __attribute__((format(printf, 3, 4)));
void stack_warning(struct stack_reader *reader, struct stack_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool stack_failed(const struct stack_reader *reader);
bool stack_full(const struct stack_reader *reader);                 // enough errors: stop
// ` (did you mean "x"?)`, or "". In the arena.
const char *stack_hint(struct stack_reader *reader, const char *typed, const char *const *words);
const char *stack_words_join(struct stack_arena *arena, const char *const *words);   // "a, b or c"

// ---- yaml.c, set.c, short.c: NULL with an error in the report
struct stack_node *stack_yaml_read(struct stack_reader *reader, const char *bytes, size_t length_bytes);
void stack_set_apply(struct stack_reader *reader, struct stack_node *root);
// Put value at a dotted path below root, making maps on the way. "\\." is a dot in a key; a number is a place in a list.
void stack_set_one(struct stack_reader *reader, struct stack_node *root, const char *path, const char *value);
struct stack_node *stack_short_read(struct stack_reader *reader, const char *const *drivers, size_t driver_count,
                                    const char *const *adapters, size_t adapter_count);

// ---- the schema
enum schema_type {
    SCHEMA_TEXT,
    SCHEMA_NAME,             // [A-Za-z0-9_-], at most STACK_NAME_MAX characters
    SCHEMA_BOOL,
    SCHEMA_INT,              // min..max; decimal or 0x
    SCHEMA_SIZES,            // N or N..M, both within min..max
    SCHEMA_DURATION,         // ns us ms s m h; 0 may stand alone
    SCHEMA_RATE,             // bit Kbit Mbit Gbit, decimal
    SCHEMA_PERCENT,          // 0..100%
    SCHEMA_MAC,
    SCHEMA_WORD,             // one of words
    SCHEMA_PATH,
    SCHEMA_PATHS,            // a path, or a list of at most max
    SCHEMA_TEXTS,            // the same of texts
    SCHEMA_DIRECTORY,        // of the host, which a driver may read; write as well with min 1
    SCHEMA_PORT,             // KIND[:ARGUMENT]
    SCHEMA_ADAPTER,          // BOX.ADAPTER
    SCHEMA_OID,              // OID_NAME or 0x number
    SCHEMA_STATUS,           // NDIS_STATUS_NAME
    SCHEMA_OID_VALUE,        // an integer, or hex:01 0a
    SCHEMA_COMPARE,          // [OP] N
    SCHEMA_LOWERS,           // an adapter's name, or a list of such
    SCHEMA_VALUES,           // a free tree of registry values
    SCHEMA_SERVICES,         // names of client drivers, each with its settings
    SCHEMA_MAP,              // known keys: map
    SCHEMA_NAMED,            // free names, each a map of the kind `map`
    SCHEMA_MODULES,          // a list; an entry is a name, or a name with its settings
    SCHEMA_CHOICES,          // a list of maps with exactly one key of `map`
    SCHEMA_EXPECTATIONS      // free keys BOX.ADAPTER.COUNTER, beside the known ones of `map`
};

struct schema_key {
    const char *name;
    enum schema_type type;
    bool required;
    const char *later;               // not NULL: reserved, refused with this sentence
    uint64_t min, max;
    const char *const *words;        // SCHEMA_WORD, and the kinds of a port; "?x": reserved for later
    const struct schema_map *map;
    const char *fallback;            // in words, for the documentation; NULL: none
    const char *doc;                 // one sentence, no line end
};

struct schema_map {
    const char *name;                // "box"
    const char *doc;
    const struct schema_key *keys;   // name NULL ends
};

extern const struct schema_map schema_root;
extern const char *const schema_port_kinds[];
extern const char *const schema_states[];
extern const char *const schema_whens[];
extern const char *const schema_endings[];
extern const char *const schema_actions[];
extern const char *const schema_counters[];
extern const char *const schema_top_counters[];

const char *schema_type_words(const struct schema_key *key, struct stack_arena *arena);   // "a duration such as 2ms"
const struct schema_key *schema_key_find(const struct schema_map *map, const char *name);

// A driver that comes with the tool.
struct stack_bundled {
    const char *name;
    enum stack_driver_kind kind;
    const struct schema_map *service;                               // a client's settings, or a protocol's
};
extern const struct stack_bundled stack_bundled[];                  // name NULL ends
const struct stack_bundled *stack_bundled_find(const char *name);
const char *stack_driver_kind_words(enum stack_driver_kind kind);   // "a filter driver"

// ---- constants.c: names of the DDK's headers, generated
struct stack_constant {
    const char *name;
    uint32_t number;
};
extern const struct stack_constant stack_oids[], stack_statuses[];   // name NULL ends
const char *const *stack_constant_words(struct stack_arena *arena, const struct stack_constant *table);

// ---- check.c: every node against the table. Reports; the tree is safe to resolve if nothing was reported.
void stack_check(struct stack_reader *reader, const struct stack_node *root);

// ---- scalar.c: false when the text is not one
bool scalar_name(const char *text);
bool scalar_bool(const char *text, bool *value);
bool scalar_uint(const char *text, uint64_t *value);
bool scalar_range(const char *text, uint64_t *low, uint64_t *high);
bool scalar_duration(const char *text, uint64_t *ns);
bool scalar_rate(const char *text, uint64_t *bits_per_second);
bool scalar_percent(const char *text, double *part);
bool scalar_mac(const char *text, uint8_t mac[6]);
bool scalar_hex(struct stack_arena *arena, const char *text, const uint8_t **bytes, size_t *count);   // after "hex:"
bool scalar_compare(const char *text, enum stack_compare *compare, uint64_t *number);
void scalar_print_duration(uint64_t ns, FILE *out);                // in the largest unit that is exact
void scalar_print_rate(uint64_t bits_per_second, FILE *out);
size_t scalar_word(const char *text, const char *const *words);     // index, or SIZE_MAX

// ---- resolve.c, resolve_whole.c, resolve_script.c, values.c
struct stack *stack_resolve(struct stack_reader *reader, const struct stack_node *root);
// How many virtual miniports the adapters of this map may imply.
size_t stack_virtual_room(const struct stack_node *adapters);
// Join virtual miniports to the adapters below them, and make those that are implied: they go behind the written ones.
void stack_resolve_virtual(struct stack_reader *reader, const struct stack_node *adapters, struct stack_box *box,
                           struct stack_adapter *list, const char *path);
void stack_resolve_values(struct stack_reader *reader, const struct stack_node *map, struct stack_value *key);
void stack_check_values(struct stack_reader *reader, const struct stack_node *map, const char *path);
const struct stack_step *stack_resolve_script(struct stack_reader *reader, const struct stack *stack, const struct stack_node *list);
void stack_check_whole(struct stack_reader *reader, const struct stack *stack);

// ---- ndkping.c: settings that go together, of a service whose keys have been checked
void stack_check_ndkping(struct stack_reader *reader, const struct stack_box *box, const struct stack_service *service, const char *path);

// ---- inf.c, bind.c
// Read the driver's INFs, or a bundled driver's own; node: where inf: stands, NULL for a bundled one. Its kind follows from them.
void stack_inf_read(struct stack_reader *reader, struct stack_driver *driver, const struct stack_node *node, const char *path);
// Settings against the INF: reports, and makes those that it declares texts, as an INF would write them.
void stack_inf_settings(struct stack_reader *reader, const struct stack_driver *driver, enum inf_param_scope scope,
                        struct stack_value *settings, const char *path);
// Does what stands on an adapter go together, by the INFs?
void stack_bind_check(struct stack_reader *reader, const struct stack_adapter *adapter);

#endif
