// SPDX-License-Identifier: MIT
// What Windows's compiler takes on x64 and clang on this target does not, mended in copies that only the compiler sees; the driver's files
// stay as they are, lines keep their numbers. Which mends a source needs is read from what the compiler says about it:
//
//   call    a handler without a role type goes where the runtime will call it. On Windows x64 there is one calling convention; here the
//           function's declarations get it by name
//   proto   a definition differs from its prototype in the types of parameters (a handle for a pointer). Windows's compiler warns; in the
//           copies for that source, the prototype loses its parameters. Their number must be the same, or it is left to the compiler
//   extern  "extern FORCEINLINE ..." declares a function that other files may call too. Ours is static: in the declaration the word goes
//   inline  and before the body it becomes an attribute that lets several files have one
//
// A mend is kept by name and file, not by line, so that it holds over edits; one that finds nothing does nothing.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader/import/import_int.h"

#define MENDS_MAX 512
#define CONVENTION "__attribute__((ms_abi)) "

struct import_mends {
    struct import_texts *texts;
    struct import_mend mends[MENDS_MAX];
    size_t count;
};

struct import_mends *
import_mends_create(void)
{
    struct import_texts *texts = texts_create();
    struct import_mends *mends = texts_alloc(texts, sizeof *mends);
    mends->texts = texts;
    return mends;
}

void
import_mends_destroy(struct import_mends *mends)
{
    if (mends)
        import_texts_destroy(mends->texts);
}

const struct import_mend *
import_mends_list(const struct import_mends *mends, size_t *count)
{
    *count = mends->count;
    return mends->mends;
}

bool
import_mends_add(struct import_mends *mends, enum import_mend_kind kind, const char *name, const char *file, size_t source)
{
    for (size_t i = 0; i < mends->count; i++) {
        const struct import_mend *mend = &mends->mends[i];
        bool is_same_place = !strcmp(mend->file, file) && (mend->source == source || kind != IMPORT_MEND_PROTO);
        if (mend->kind == kind && !strcmp(mend->name, name) && (kind == IMPORT_MEND_CALL || is_same_place))
            return false;
    }
    if (mends->count == MENDS_MAX)
        return false;
    mends->mends[mends->count++] =
        (struct import_mend){kind, texts_copy(mends->texts, name, strlen(name)), texts_copy(mends->texts, file, strlen(file)), source};
    return true;
}

// ---- places in a text

static bool
is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static const char *
line_at(const char *text, unsigned line)
{
    while (--line && text)
        text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL;
    return text;
}

// Behind a comment or a literal that begins at `at`; `at` itself where none does.
static const char *
skip_quiet(const char *at)
{
    if (at[0] == '/' && at[1] == '/')
        return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    if (at[0] != '"' && at[0] != '\'')
        return at;
    char quote = *at++;
    while (*at && *at != quote && *at != '\n')
        at += at[0] == '\\' && at[1] ? 2 : 1;
    return at + (*at == quote);
}

// The closing parenthesis of the one at open, and how many commas stand directly inside. NULL: it does not close.
static const char *
parens_end(const char *open, unsigned *commas)
{
    unsigned depth = 0;
    *commas = 0;
    for (const char *at = open; *at;) {
        const char *next = skip_quiet(at);
        if (next != at) {
            at = next;
            continue;
        }
        depth += *at == '(';
        *commas += *at == ',' && depth == 1;
        if (*at == ')' && --depth == 0)
            return at;
        at++;
    }
    return NULL;
}

// How many parameters stand behind the name, from this line on. -1: no list.
static int
parameters_count(const char *text, unsigned line, const char *name)
{
    unsigned commas;
    const char *at = text ? line_at(text, line) : NULL;
    at = at ? strstr(at, name) : NULL;
    at = at ? at + strlen(name) + strspn(at + strlen(name), " \t\r\n") : NULL;
    return at && *at == '(' && parens_end(at, &commas) ? (int)commas : -1;
}

// ---- reading what the compiler says

struct place {
    char file[4096];
    unsigned line, column;
    unsigned from_line, from_column, to_line, to_column; // of the last {range}
};

// "FILE:LINE:COL:{1:2-1:3}{...}: " at text. Returns what stands behind, or NULL.
static const char *
place_read(const char *text, struct place *place)
{
    const char *colon = text;
    for (; *colon && *colon != '\n'; colon++) {
        char *end;
        if (*colon != ':' || !isdigit((unsigned char)colon[1]))
            continue;
        place->line = (unsigned)strtoul(colon + 1, &end, 10);
        if (*end != ':' || !isdigit((unsigned char)end[1]))
            continue;
        place->column = (unsigned)strtoul(end + 1, &end, 10);
        if (*end != ':' || (size_t)(colon - text) >= sizeof place->file)
            continue;
        memcpy(place->file, text, (size_t)(colon - text));
        place->file[colon - text] = 0;
        place->from_line = 0;
        for (end++; *end == '{'; end += *end == '}') {
            place->from_line = (unsigned)strtoul(end + 1, &end, 10);
            place->from_column = *end ? (unsigned)strtoul(end + 1, &end, 10) : 0;
            place->to_line = *end ? (unsigned)strtoul(end + 1, &end, 10) : 0;
            place->to_column = *end ? (unsigned)strtoul(end + 1, &end, 10) : 0;
            if (*end != '}')
                return NULL;
        }
        return end + (*end == ':');
    }
    return NULL;
}

char *
import_path_plain(const char *path)
{
    struct import_texts *texts = texts_create();
    char *copy = texts_copy(texts, path, strlen(path));
    for (char *at = copy; *at; at++)
        *at = *at == '\\' ? '/' : *at;
    char *plain = strdup(path_join(texts, ".", copy));
    import_texts_destroy(texts);
    if (!plain)
        abort();
    return plain;
}

static void
path_plain(char *path, size_t room)
{
    char *plain = import_path_plain(path);
    snprintf(path, room, "%s", plain);
    free(plain);
}

// The one name that the range is, without & and parentheses. NULL: it is more than a name.
static const char *
name_of_range(struct import_mends *mends, const char *text, const struct place *place)
{
    const char *at = place->from_line && place->from_line == place->to_line ? line_at(text, place->from_line) : NULL;
    if (!at || place->to_column <= place->from_column || strlen(at) < place->to_column - 1)
        return NULL;
    const char *end = at + place->to_column - 1;
    at += place->from_column - 1;
    while (at < end && strchr(" &(", *at))
        at++;
    while (end > at && strchr(" )", end[-1]))
        end--;
    for (const char *c = at; c < end; c++)
        if (!is_word(*c))
            return NULL;
    return end > at && !isdigit((unsigned char)*at) ? texts_copy(mends->texts, at, (size_t)(end - at)) : NULL;
}

static bool
pointer_read(struct import_mends *mends, const struct import_mend_reader *reader, const char *message, const struct place *place,
             size_t source)
{
    // One of the two types has the convention, and it is the one of the place where the function goes.
    const char *end = message + strcspn(message, "\n"), *found = strstr(message, "ms_abi");
    const char *other = found ? strstr(found + 6, "ms_abi") : NULL;
    if (!found || found > end || (other && other < end && !strstr(found, "(aka")))
        return false;
    char *text = reader->read(reader->context, source, place->file);
    const char *name = text ? name_of_range(mends, text, place) : NULL;
    free(text);
    return name && import_mends_add(mends, IMPORT_MEND_CALL, name, "", 0);
}

static bool
conflict_read(struct import_mends *mends, const struct import_mend_reader *reader, const char *message, const struct place *place,
              size_t source)
{
    struct place before;
    const char *name = strchr(message, '\''), *end = name ? strchr(name + 1, '\'') : NULL;
    const char *note = strstr(message, ": note: previous declaration is here");
    if (!end || !note)
        return false;
    const char *line = note;
    while (line > message && line[-1] != '\n')
        line--;
    if (!place_read(line, &before))
        return false;
    path_plain(before.file, sizeof before.file);
    if (!reader->is_project(reader->context, before.file) || !reader->is_project(reader->context, place->file))
        return false;
    name = texts_copy(mends->texts, name + 1, (size_t)(end - name - 1));
    char *here = reader->read(reader->context, source, place->file), *there = reader->read(reader->context, source, before.file);
    int parameters = parameters_count(here, place->line, name);
    bool is_mended = parameters >= 0 && parameters == parameters_count(there, before.line, name) &&
                     import_mends_add(mends, IMPORT_MEND_PROTO, name, before.file, source);
    free(here);
    free(there);
    return is_mended;
}

size_t
import_mends_read(struct import_mends *mends, const struct import_mend_reader *reader, const char *said, size_t source)
{
    static const char pointer[] = " error: incompatible function pointer types", conflict[] = " error: conflicting types for '",
                      external[] = " error: cannot combine with previous 'extern' declaration specifier",
                      again[] = " error: static declaration of '", cast[] = " note: consider defining '";
    struct place place;
    size_t count = 0;
    for (const char *line = said; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')) {
        const char *message = place_read(line, &place);
        if (!message)
            continue;
        path_plain(place.file, sizeof place.file);
        if (!strncmp(message, pointer, sizeof pointer - 1)) {
            count += pointer_read(mends, reader, message, &place, source);
        } else if (!strncmp(message, conflict, sizeof conflict - 1)) {
            count += conflict_read(mends, reader, message, &place, source);
        } else if (!strncmp(message, external, sizeof external - 1)) {
            count +=
                reader->is_project(reader->context, place.file) && import_mends_add(mends, IMPORT_MEND_EXTERN, "extern", place.file, 0);
        } else if (!strncmp(message, again, sizeof again - 1) && reader->is_project(reader->context, place.file)) {
            const char *name = message + sizeof again - 1;
            name = texts_copy(mends->texts, name, strcspn(name, "'\n"));
            count += import_mends_add(mends, IMPORT_MEND_INLINE, name, place.file, 0);
        } else if (!strncmp(message, cast, sizeof cast - 1)) {
            const char *name = message + sizeof cast - 1;
            size_t length = strcspn(name, "'\n");
            if (!strncmp(name + length, "' with the 'ms_abi'", 19))
                count += import_mends_add(mends, IMPORT_MEND_CALL, texts_copy(mends->texts, name, length), "", 0);
        }
    }
    return count;
}

// ---- mending

struct mending {
    const struct import_mends *mends;
    struct builder out;
    const char *path;
    size_t source;
    const char *previous; // the last word or sign before this one
    size_t previous_length;
    unsigned braces;
    size_t inline_at, inline_bytes; // in out: the inline word of the declaration that is being read
    bool is_changed;
};

static const struct import_mend *
mend_find(const struct mending *m, enum import_mend_kind kind, const char *name, size_t length)
{
    for (size_t i = 0; i < m->mends->count; i++) {
        const struct import_mend *mend = &m->mends->mends[i];
        if (mend->kind != kind || strlen(mend->name) != length || memcmp(mend->name, name, length) != 0)
            continue;
        if (kind == IMPORT_MEND_CALL || (!strcmp(mend->file, m->path) && (kind != IMPORT_MEND_PROTO || mend->source == m->source)))
            return mend;
    }
    return NULL;
}

static bool
previous_is(const struct mending *m, const char *word)
{
    return m->previous_length == strlen(word) && !memcmp(m->previous, word, m->previous_length);
}

// Does a declarator stand here? A type, a * or an attribute comes before it, and no word that begins an expression.
static bool
is_declared_here(const struct mending *m, const char *behind)
{
    static const char *const expressions[] = {"return", "else", "do", "case", "goto", "sizeof",
                                              "in", "define", "undef", "ifdef", "ifndef"};
    bool is_type = m->previous_length && (is_word(m->previous[0]) || (!m->braces && strchr("*)]", m->previous[0])));
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++)
        is_type &= !previous_is(m, expressions[i]);
    behind += strspn(behind, " \t\r\n");
    return is_type && (*behind == '(' || (!m->braces && (*behind == ';' || *behind == ',')));
}

static size_t
inline_length(const char *text)
{
    static const char *const words[] = {"FORCEINLINE", "__forceinline", "__inline", "_inline", "inline"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (!strncmp(text, words[i], length) && !is_word(text[length]))
            return length;
    }
    return 0;
}

// The inline word before this name becomes an attribute: as long as it was, or longer.
static void
inline_mend(struct mending *m)
{
    static const char weak[] = "__attribute__((weak))";
    char *after = strdup(m->out.text + m->inline_at + m->inline_bytes);
    if (!after)
        abort();
    m->out.bytes = m->inline_at;
    builder_puts(&m->out, weak);
    builder_puts(&m->out, after);
    free(after);
    m->inline_bytes = 0;
    m->is_changed = true;
}

// A word: itself, or what becomes of it. Returns where to go on.
static const char *
word_mend(struct mending *m, const char *word, size_t length)
{
    const char *behind = word + length;
    if (length == 6 && !memcmp(word, "extern", 6) && mend_find(m, IMPORT_MEND_EXTERN, word, length)) {
        const char *next = behind + strspn(behind, " \t\r\n");
        size_t inline_bytes = inline_length(next);
        if (inline_bytes) {
            builder_add(&m->out, word, (size_t)(next - word));
            for (size_t i = 0; i < inline_bytes; i++)
                builder_puts(&m->out, " ");
            m->is_changed = true;
            return next + inline_bytes;
        }
    }
    if (!m->braces && length == inline_length(word)) {
        m->inline_at = m->out.bytes;
        m->inline_bytes = length;
    }
    if (m->inline_bytes && mend_find(m, IMPORT_MEND_INLINE, word, length) && is_declared_here(m, behind))
        inline_mend(m);
    if (mend_find(m, IMPORT_MEND_CALL, word, length) && is_declared_here(m, behind)) {
        builder_puts(&m->out, CONVENTION);
        m->is_changed = true;
    }
    builder_add(&m->out, word, length);
    const char *open = behind + strspn(behind, " \t\r\n");
    unsigned commas;
    const char *close = *open == '(' ? parens_end(open, &commas) : NULL;
    const char *after = close ? close + 1 + strspn(close + 1, " \t\r\n") : NULL;
    if (!after || *after != ';' || m->braces || !mend_find(m, IMPORT_MEND_PROTO, word, length) || !is_declared_here(m, behind))
        return behind;
    for (; behind <= open; behind++)
        builder_add(&m->out, behind, 1);
    for (; behind < close; behind++)
        builder_add(&m->out, *behind == '\n' ? "\n" : " ", 1);
    m->is_changed = true;
    return behind;
}

char *
import_mends_apply(const struct import_mends *mends, size_t source, const char *path, const char *text)
{
    struct mending m = {.mends = mends, .path = path, .source = source, .previous = ""};
    for (const char *at = text; *at;) {
        const char *next = skip_quiet(at);
        size_t length = 0;
        while (is_word(at[length]))
            length++;
        if (next != at) {
            builder_add(&m.out, at, (size_t)(next - at));
        } else if (length) {
            next = isdigit((unsigned char)*at) ? at + length : NULL;
            if (next)
                builder_add(&m.out, at, length);
            else
                next = word_mend(&m, at, length);
            m.previous = at;
            m.previous_length = length;
        } else {
            m.inline_bytes = *at == ';' || *at == '}' ? 0 : m.inline_bytes;
            m.braces += *at == '{';
            m.braces -= *at == '}' && m.braces;
            if (!isspace((unsigned char)*at)) {
                m.previous = at;
                m.previous_length = 1;
            }
            builder_add(&m.out, at, 1);
            next = at + 1;
        }
        at = next;
    }
    char *mended = builder_take(&m.out);
    if (m.is_changed)
        return mended;
    free(mended);
    return NULL;
}

char *
import_mends_overlay_text(const struct import_pair *copies, size_t count)
{
    struct builder out = {0};
    builder_puts(&out, "{'version': 0, 'case-sensitive': 'false', 'use-external-names': 'false', 'roots': [");
    for (size_t i = 0; i < count; i++) {
        builder_puts(&out, i ? ",\n{'type': 'file', 'name': " : "\n{'type': 'file', 'name': ");
        overlay_quote(&out, copies[i].name);
        builder_puts(&out, ", 'external-contents': ");
        overlay_quote(&out, copies[i].value);
        builder_puts(&out, "}");
    }
    builder_puts(&out, "]}\n");
    return builder_take(&out);
}
