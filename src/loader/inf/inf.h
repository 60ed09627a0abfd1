// SPDX-License-Identifier: MIT
// An INF, INX or .inf.in file: what Windows would install from it, as far as a network driver is concerned.
//
//   bytes -> inf_read (text.c, read.c: UTF-16 or UTF-8, sections, entries, %strings%, templates) -> struct inf
//         -> inf_component_find (model.c: the model of this machine; component.c, reg.c, params.c) -> struct inf_component
//
// The reader is pure: it is handed bytes, opens nothing and asks the machine for nothing. Sizes are bounded, and everything that is
// wrong is said with line and column through on_message. docs/inf.md is the page for users.
#ifndef NBX_LOADER_INF_INF_H
#define NBX_LOADER_INF_INF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INF_FILE_BYTES_MAX (2u << 20)
#define INF_LINE_BYTES_MAX 65536         // with its continuations
#define INF_FIELD_CHARS_MAX 4095         // [install/general-syntax-rules-for-inf-files, "INF Size Limits"]
#define INF_SECTION_NAME_MAX 255
#define INF_SECTIONS_MAX 8192
#define INF_FIELDS_MAX 400000
#define INF_TEXT_BYTES_MAX (32u << 20)   // all values together, %strings% put in
#define INF_ERRORS_MAX 20

// The Windows that models are chosen for; the same that RtlGetVersion reports.
#define INF_OS_MAJOR 10
#define INF_OS_MINOR 0
#define INF_OS_BUILD 19045

struct inf_place {
    uint32_t line, column;               // from 1; columns count characters
};

struct inf_subst {
    const char *name, *value;            // @NAME@ -> value
};

struct inf_options {
    const char *arch;                    // $ARCH$ and the models taken: amd64 (NULL: amd64), arm64, x86, arm
    const struct inf_subst *substs;
    size_t subst_count;
    const char *model;                   // take the model of this hardware id or install section; NULL: the last that matches
    void (*on_message)(void *context, struct inf_place place, bool is_error, const char *sentence);
    void *context;
};

// A value between commas: quotes and %strings% are resolved.
struct inf_field {
    const char *text;                    // UTF-8, never NULL
    struct inf_place place;
    bool quoted;
    const char *unknown;                 // a %token% that no string has (it stays as written), or NULL
};

struct inf_line {
    struct inf_place place;
    const struct inf_field *key;         // what stands before =, or NULL
    const struct inf_field *fields;
    size_t count;
    const struct inf_line *next;
};

struct inf_section {
    const char *name;
    struct inf_place place;              // its first head; sections of one name are one section
    const struct inf_line *first;
};

struct inf;

// owns: *inf until inf_destroy; the bytes are not kept, options->substs and the strings in options are, until inf_destroy.
// fails: NULL, after at least one error through on_message.
struct inf *inf_read(const struct inf_options *options, const void *bytes, size_t length_bytes);
void inf_destroy(struct inf *inf);
// Names do not heed case. NULL: there is none.
const struct inf_section *inf_section_find(const struct inf *inf, const char *name);
// The first field of the first `key = ...` of the section, or NULL.
const struct inf_field *inf_entry_find(const struct inf_section *section, const char *key);

// ---- what it means

enum inf_kind {
    INF_MINIPORT,                        // Class Net
    INF_PROTOCOL,                        // Class NetTrans
    INF_FILTER,                          // Class NetService with NCF_LW_FILTER
    INF_SERVICE                          // Class NetService without: a network service that is no filter
};

enum inf_root {
    INF_ROOT_ADAPTER,                    // HKR of the install section: the software key, which NDIS calls the instance key
    INF_ROOT_HARDWARE,                   // HKR of its .HW section
    INF_ROOT_SERVICE,                    // HKR of the service's install section
    INF_ROOT_MACHINE                     // HKLM
};

enum inf_type {                          // the numbers are REG_*
    INF_TYPE_NONE = 0,
    INF_TYPE_SZ = 1,
    INF_TYPE_EXPAND_SZ = 2,
    INF_TYPE_BINARY = 3,
    INF_TYPE_DWORD = 4,
    INF_TYPE_MULTI_SZ = 7,
    INF_TYPE_QWORD = 11
};

struct inf_value {
    enum inf_root root;
    const char *key;                     // below the root, "" for the root itself
    const char *name;                    // "" is the unnamed value; NULL: the key alone
    uint32_t type;                       // enum inf_type, or another REG_* that came as bytes
    const char *const *texts;            // SZ, EXPAND_SZ: one; MULTI_SZ: count
    const uint8_t *bytes;                // BINARY, NONE and other types: count
    size_t count;
    uint64_t number;                     // DWORD, QWORD
    struct inf_place place;
};

enum inf_param_scope {
    INF_PARAM_ADAPTER,                   // Ndi\Params: the adapter's settings
    INF_PARAM_FILTER_DRIVER,             // FilterDriverParams: the filter driver's Parameters key
    INF_PARAM_FILTER_MODULE              // FilterAdapterParams, FilterInstanceParams: a filter module's settings
};

enum inf_param_type {
    INF_PARAM_INT,                       // int, long, word, dword, qword: what fits is in bits and is_signed
    INF_PARAM_ENUM,
    INF_PARAM_EDIT
};

struct inf_choice {
    const char *value, *description;
};

struct inf_param {
    const char *name;
    const char *description;             // ParamDesc, or ""
    enum inf_param_scope scope;
    enum inf_param_type type;
    const char *type_word;               // as written: "int"
    uint32_t bits;                       // 16, 32 or 64
    bool is_signed, is_hex;              // hex: base 16
    const char *initial;                 // Default, or NULL
    bool is_optional;
    bool has_min, has_max;
    int64_t min, max, step;              // step 0: none
    uint32_t text_max;                   // LimitText, 0: none
    const struct inf_choice *choices;
    size_t choice_count;
    struct inf_place place;
};

enum inf_filter_type {
    INF_FILTER_MONITORING = 1,
    INF_FILTER_MODIFYING = 2
};

struct inf_component {
    enum inf_kind kind;
    const char *class_name;              // "Net"
    const char *provider, *description, *component_id, *install_section;   // component_id "" if the model has none
    struct inf_place model_place;
    size_t model_count;                  // how many models of this machine there were to choose from
    const char *const *model_ids;        // their component ids (or install sections, where a model has no id)

    const char *service;                 // from AddService: the driver's registry key
    const char *ndi_service;             // Ndi\Service
    uint32_t start_type;                 // 0 boot .. 4 disabled
    const char *binary;                  // file name of ServiceBinary, or ""
    struct inf_place service_place;

    const char *const *upper_range, *const *lower_range, *const *media_types;   // words, NULL-terminated
    struct inf_place upper_place, lower_place, media_place;

    const char *filter_class;            // INF_FILTER; "" for a monitoring filter without one
    enum inf_filter_type filter_type;
    bool is_mandatory;
    const char *instance_id;             // NetCfgInstanceId: the GUID a filter registers with, or ""

    bool has_characteristics, has_bus_type, has_if_type, has_media_type, has_physical_media_type;
    uint32_t characteristics, bus_type, if_type, media_type, physical_media_type;

    const struct inf_value *values;      // in the order they are written
    size_t value_count;
    const struct inf_param *params;
    size_t param_count;
    const char *const *ignored;          // sentences: what is here and means nothing to us
    size_t ignored_count;
};

// Choose the model and follow its install section. owns: lives as long as inf.
// fails: NULL, after at least one error through on_message.
const struct inf_component *inf_component_find(struct inf *inf);

// Is the text a value that the parameter may have? NULL: yes; else what is allowed, as in "an integer from 1 to 5".
const char *inf_param_check(const struct inf *inf, const struct inf_param *param, const char *text);
const struct inf_param *inf_param_find(const struct inf_component *component, enum inf_param_scope scope, const char *name);
// What the parameter may be, in words.
const char *inf_param_words(const struct inf *inf, const struct inf_param *param);

const char *inf_kind_words(enum inf_kind kind);      // "a miniport driver"
const char *inf_type_words(uint32_t type);           // "REG_SZ", or "type 0x38"

// The place of a filter class in a stack, 0 the lowest; -1: none of an adapter's stack.
// [network/configuring-an-inf-file-for-a-modifying-filter-driver]
int inf_filter_class_height(const char *filter_class);
extern const char *const inf_filter_classes[];       // from the top one down, NULL-terminated

#endif
