// SPDX-License-Identifier: MIT
// The stack file, resolved: what the runner builds. Everything the user wrote has been checked, every reference points at something,
// every default is filled in, and each part remembers the line it came from, so that a failure in mid-run can still name it.
//
//   bytes of a file  -> stack_read       -> struct stack          (libyaml -> nodes -> --set -> schema check -> resolution)
//   --driver, --adapter -> stack_read_short -> struct stack       (builds the same nodes, so both forms mean the same)
//   struct stack     -> stack_print_yaml, stack_print_picture     (--print-stack, the tape; --check)
//
// The room is pure: it opens no file and asks the machine for nothing. Memory is one arena per stack; stack_destroy frees it all.
#ifndef NBX_STACK_STACK_H
#define NBX_STACK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "loader/inf/inf.h"

#define STACK_SCHEMA_VERSION 1

// Where something was written. file is the name given by the user, or "--set", "--adapter" and the like. line and column from 1.
struct stack_place {
    const char *file;
    uint32_t line, column;
};

// A registry value or key; settings of adapters, filters and protocols are keys too.
//   key        map                   children
//   dword      plain integer         number      (name of a standard keyword, "*...": text, as an INF writes it, REG_SZ)
//   qword      qword:N               number
//   text       anything else, quoted integers included            REG_SZ
//   list       a list of scalars     texts       REG_MULTI_SZ
//   binary     hex:01 0a             bytes       REG_BINARY
enum stack_value_kind {
    STACK_VALUE_KEY,
    STACK_VALUE_DWORD,
    STACK_VALUE_QWORD,
    STACK_VALUE_TEXT,
    STACK_VALUE_LIST,
    STACK_VALUE_BINARY
};

struct stack_value {
    const char *name;
    enum stack_value_kind kind;
    struct stack_place place;
    uint64_t number;                        // dword, qword
    const char *text;                       // text: UTF-8
    const char *const *texts;               // list
    const uint8_t *bytes;                   // binary
    const struct stack_value *children;     // key: in file order
    size_t count;                           // texts, bytes or children
};

// The child of that name (ASCII case does not matter, as in the registry), or NULL. key may be NULL.
const struct stack_value *stack_value_find(const struct stack_value *key, const char *name);
// The text of a child that is a text, or NULL.
const char *stack_value_text(const struct stack_value *key, const char *name);

enum stack_driver_kind {
    STACK_DRIVER_ANY,
    STACK_DRIVER_MINIPORT,
    STACK_DRIVER_INTERMEDIATE,
    STACK_DRIVER_FILTER,
    STACK_DRIVER_PROTOCOL,
    STACK_DRIVER_CLIENT
};

// A driver image that the box loads. Those under `drivers:` come first in file order, then bundled ones in order of first use.
struct stack_driver {
    const char *name;
    enum stack_driver_kind kind;            // what the box uses it as; ANY: listed under drivers:, used by nothing
    const char *path;                       // NULL: bundled, found by name beside the tool; or a project that is not built yet
    const char *project;                    // what path is built from, or NULL
    const char *grant;                      // host directory for \??\NAME, or NULL
    const char *const *infs;                // paths of its INF, or of an intermediate's two; none: 0
    size_t inf_count;
    struct stack_value subst;               // a key of texts: what @NAME@ stands for in them
    const char *model;                      // the INF's model that is meant, or NULL
    const struct inf *inf;                  // of component
    const struct inf_component *component;  // from the INF, also that of a bundled driver; NULL: there is none
    const struct inf_component *lower;      // intermediate: its protocol side (the NetTrans INF), or NULL
    const char *service;                    // its service's name: the INF's, else name
    struct stack_value registry;            // the service key: a tree below Services\NAME
    bool idle_ok;                           // never attached or no frame seen is not a finding
    bool is_service;                        // loaded once the adapters run, not before
    struct stack_place place;
};

// A directory of the host in a service's settings: the driver sees it as \??\SERVICE\NAME, which is the value it reads.
struct stack_directory {
    const char *name;                       // of the setting
    const char *path;
    bool can_write;
    struct stack_place place;
};

// A client driver under `services:`.
struct stack_service {
    const struct stack_driver *driver;
    struct stack_value settings;            // a key: values of ...\Services\NAME\Parameters; of a directory its path
    const struct stack_directory *directories;
    size_t directory_count;
    struct stack_place place;
};

// A driver put into an adapter's stack: a filter, an intermediate, or a protocol to bind.
struct stack_module {
    const struct stack_driver *driver;
    struct stack_value settings;            // a key, possibly empty
    struct stack_place place;
};

struct stack_box;
struct stack_adapter;

// An intermediate driver bound to an adapter from above, and its virtual miniports over it, in file order.
struct stack_upper {
    const struct stack_driver *driver;
    const struct stack_module *module;      // the entry of intermediates: with the binding's settings, or NULL
    const struct stack_adapter **adapters;
    size_t adapter_count;
};

struct stack_adapter {
    const struct stack_box *box;
    const char *name;
    uint32_t index;                         // in the box, from 0
    const struct stack_driver *driver;      // the miniport
    const char *port;                       // as port_open takes it ("tap:nb0"); paths made good; NULL unless driver is vnic
    uint8_t mac[6];                         // given, or made up from box and adapter index (02:6e:62:00:BB:AA); vnic only
    bool has_mac;                           // false: the driver is not vnic
    bool mac_given;                         // the file says it
    bool idle_ok;
    struct stack_value settings;            // the adapter's driver key
    // A virtual miniport has adapters below it, and its driver is an intermediate one. 0: a real adapter.
    const struct stack_adapter **lowers;
    size_t lower_count;
    bool is_implied;                        // not written: made for an entry of intermediates: of the adapter below
    const struct stack_adapter *top;        // of an adapter with implied ones: the highest; filters: and protocols: stand there
    const struct stack_upper *uppers;       // intermediate drivers bound to this adapter
    size_t upper_count;
    const struct stack_module *intermediates;   // as written
    size_t intermediate_count;
    const struct stack_module *filters;     // bottom to top
    size_t filter_count;
    const struct stack_module *protocols;
    size_t protocol_count;
    struct stack_place place, port_place;
};

struct stack_box {
    const char *name;
    uint32_t index;                         // in the file, from 0
    uint32_t processors;
    const struct stack_driver *drivers;
    size_t driver_count;
    const struct stack_adapter *adapters;
    size_t adapter_count;
    const struct stack_service *services;   // in the order in which they are loaded
    size_t service_count;
    struct stack_place place;
};

struct stack_wire {
    const char *name;
    uint64_t bits_per_second;               // 0: no limit
    uint64_t delay_ns, jitter_ns;
    double loss, reorder, duplicate, corrupt;   // 0..1
    uint64_t seed;
    struct stack_place place;
};

enum stack_step_kind {
    STACK_STEP_WAIT,
    STACK_STEP_TRAFFIC,
    STACK_STEP_OID,
    STACK_STEP_DO,
    STACK_STEP_EXPECT,
    STACK_STEP_OFFLOAD,
    STACK_STEP_UPLOAD,
    STACK_STEP_CALL,
    STACK_STEP_HANG_UP
};

enum stack_state {
    STACK_STATE_RUNNING,
    STACK_STATE_PAUSED,
    STACK_STATE_LINK_UP,
    STACK_STATE_LINK_DOWN,
    STACK_STATE_REMOVED
};

enum stack_action {
    STACK_ACTION_PAUSE,
    STACK_ACTION_RESTART,
    STACK_ACTION_RESET,
    STACK_ACTION_SLEEP,                     // later: refused when read
    STACK_ACTION_WAKE,                      // later: refused when read
    STACK_ACTION_LINK_DOWN,
    STACK_ACTION_LINK_UP,
    STACK_ACTION_DETACH,                    // takes a filter out; the step names it
    STACK_ACTION_REMOVE,
    STACK_ACTION_SURPRISE_REMOVE            // as if the hardware were pulled out
};

enum stack_when {
    STACK_WHEN_ANY,
    STACK_WHEN_ESTABLISHED,
    STACK_WHEN_HALF_CLOSED
};

enum stack_compare {
    STACK_COMPARE_EQ,
    STACK_COMPARE_NE,
    STACK_COMPARE_LT,
    STACK_COMPARE_LE,
    STACK_COMPARE_GT,
    STACK_COMPARE_GE
};

enum stack_counter {
    STACK_COUNTER_FINDINGS,                 // of the whole run: adapter is NULL
    STACK_COUNTER_RX_FRAMES,
    STACK_COUNTER_TX_FRAMES,
    STACK_COUNTER_RX_BYTES,
    STACK_COUNTER_TX_BYTES,
    STACK_COUNTER_RX_DROPPED,
    STACK_COUNTER_TX_DROPPED
};

struct stack_expectation {
    enum stack_counter counter;
    const struct stack_adapter *adapter;
    enum stack_compare compare;
    uint64_t number;
    const char *key;                        // "alpha.nic0.rx_frames", as written
    struct stack_place place;
};

struct stack_step {
    enum stack_step_kind kind;
    struct stack_place place;
    const struct stack_adapter *adapter;    // wait (NULL: for a service, or time passes), traffic (from), oid, do
    uint64_t within_ns; // wait, traffic, oid, do: a finding when it takes longer. expect: until then it may still come true
    union {
        struct {
            enum stack_state state;
            uint64_t for_ns; // adapter and service NULL: just let this much time pass
            const struct stack_box *box;            // of the service
            const struct stack_service *service;    // until it has said that its work is over
        } wait;
        struct {
            const struct stack_adapter *to;
            uint64_t frames;
            uint32_t size_min_bytes, size_max_bytes; // Ethernet header included, FCS not
        } traffic;
        struct {
            bool is_set;
            const char *name; // "OID_GEN_MAXIMUM_FRAME_SIZE", or "0x00010106"
            const uint8_t *value; // set: the buffer; integers are 4 bytes, little end first
            size_t value_bytes;
            const char *expect; // "NDIS_STATUS_SUCCESS"
            uint32_t number, expect_status;   // what the names stand for
        } oid;
        struct {
            enum stack_action action;
            const struct stack_module *filter; // detach only
        } act;
        struct {
            const struct stack_box *box;
            uint16_t port;                  // the connections' in this box
            enum stack_when when;
            uint64_t rounds;                // offload: so often, with an upload behind each but the last of one
        } handover;
        struct {                            // call and hang-up
            const struct stack_box *box;
            uint16_t port;                  // in this box
            bool is_six;
            uint8_t remote[16];
            uint16_t remote_port;           // in network order, as remote
            bool is_abort;                  // hang-up
            uint64_t after_bytes;           // hang-up
        } call;
        struct {
            const struct stack_expectation *list;
            size_t count;
        } expect;
    };
};

struct stack {
    const char *file;
    const struct stack_box *boxes;
    size_t box_count;
    const struct stack_wire *wires;
    size_t wire_count;
    const struct stack_step *steps;
    size_t step_count;
    bool has_script; // the run ends when it does
    struct stack_arena *arena;
};

// Everything that is wrong or odd, in file order, each as "FILE:LINE:COL: error: ..." without a line end.
struct stack_report {
    char **lines;
    size_t count;
    size_t error_count; // the others are warnings
};
void stack_report_clear(struct stack_report *report);

// What the room cannot do by itself. NULL functions: inf: is refused, bundled drivers have no INF.
struct stack_files {
    // The bytes of an INF. owns: returns them, free(). fails: NULL, and why.
    char *(*read_inf)(void *context, const char *path, size_t *length_bytes, const char **why);
    // Where the INF of a bundled driver is; index 1: the second of an intermediate's two, that of its virtual miniport. false: none.
    bool (*bundled_inf)(void *context, const char *driver, size_t index, char *path, size_t path_bytes);
    void *context;
};

struct stack_source {
    const char *name; // for messages: the path as the user typed it
    const char *base_dir; // relative paths in it start here; NULL: taken as they are
    const char *const *sets; // "KEY=VALUE" of each --set, in order
    size_t set_count;
    struct stack_files files;
};

// Read a stack file.
// owns:  returns the stack, the caller's until stack_destroy; it keeps nothing of its arguments. report is added to, the caller clears.
// fails: NULL, with at least one error in report.
struct stack *stack_read(const struct stack_source *source, const char *bytes, size_t length_bytes, struct stack_report *report);

// The short form: the values of each --driver and --adapter, in order; one box of the name "box".
struct stack *stack_read_short(const struct stack_source *source, const char *const *drivers, size_t driver_count,
                               const char *const *adapters, size_t adapter_count, struct stack_report *report);
void stack_destroy(struct stack *stack);
// Where the image of a driver with a project was built. The path is copied.
void stack_driver_built(struct stack *stack, const struct stack_driver *driver, const char *path);

// "alpha.nic0", or NULL.
const struct stack_adapter *stack_adapter_find(const struct stack *stack, const char *name);
// The first adapter whose port needs the real machine (stream, tap, packet, xdp), or NULL: sim refuses those.
const struct stack_adapter *stack_adapter_find_real(const struct stack *stack);

// Write the stack as a file that reads back as the same stack.
void stack_print_yaml(const struct stack *stack, FILE *out);
// Draw each box: protocols on top, then filters, miniport, port.
void stack_print_picture(const struct stack *stack, FILE *out);

// OID_... and NDIS_STATUS_... of include/ddk; an OID may be a number as 0x... too. false: there is none of that name.
bool stack_oid_find(const char *name, uint32_t *number);
bool stack_status_find(const char *name, uint32_t *number);
// For messages; NULL when the number has no name.
const char *stack_oid_name(uint32_t number);
const char *stack_status_name(uint32_t number);

const char *stack_state_word(enum stack_state state);
const char *stack_action_word(enum stack_action action);
const char *stack_counter_word(enum stack_counter counter);
const char *stack_compare_word(enum stack_compare compare);

// Of the words (NULL-terminated) the one nearest to what was typed, or NULL if none is near.
const char *stack_word_nearest(const char *typed, const char *const *words);

// The same words as in a file: "10s", "2ms" to nanoseconds; "7" or "1..1000" to both ends. false: it is none.
bool stack_parse_duration(const char *text, uint64_t *ns);
bool stack_parse_range(const char *text, uint64_t *low, uint64_t *high);

// The schema in other people's forms: ndisbox-stack(5), JSON Schema 2020-12.
void stack_schema_print_man(FILE *out);
void stack_schema_print_json(FILE *out);

#endif
