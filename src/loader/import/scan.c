// SPDX-License-Identifier: MIT
// What a driver's code uses, from its text as `clang -E -fdirectives-only` leaves it: conditions decided, includes in place with line
// markers, comments gone, macros still there. Every name is counted by where it stands: in the project's own files or in ours, as a
// call inside a function or otherwise. Structure tags, bare longs, inline assembler and __try are noted on the way; the code of a
// __try goes through seh.c.
//
//   import_scan_text -> token_next, line markers -> word_seen -> #define lines, calls, tags -> seh_check at each __try
#include <ctype.h>
#include <stdlib.h>

#include "base/hash.h"
#include "loader/import/scan_int.h"

#define FAULTS_MAX 20

void
import_scan_init(struct import_scan *scan)
{
    *scan = (struct import_scan){.texts = texts_create()};
}

void
import_scan_clear(struct import_scan *scan)
{
    import_texts_destroy(scan->texts);
    free(scan->uses);
    free(scan->buckets);
    *scan = (struct import_scan){0};
}

// The slot of the word; its use index + 1, or 0 where it is free.
static uint32_t *
slot_find(const struct import_scan *scan, const char *word, size_t length)
{
    size_t at = (size_t)hash_bytes(HASH_FNV_START, word, length) & (scan->bucket_count - 1);
    while (scan->buckets[at]) {
        const char *other = scan->uses[scan->buckets[at] - 1].word;
        if (!strncmp(other, word, length) && !other[length])
            break;
        at = (at + 1) & (scan->bucket_count - 1);
    }
    return &scan->buckets[at];
}

static void
buckets_grow(struct import_scan *scan)
{
    uint32_t *before = scan->buckets;
    scan->bucket_count = scan->bucket_count ? scan->bucket_count * 2 : 4096;
    scan->buckets = calloc(scan->bucket_count, sizeof *scan->buckets);
    if (!scan->buckets)
        abort();
    for (size_t i = 0; i < scan->use_count; i++)
        *slot_find(scan, scan->uses[i].word, strlen(scan->uses[i].word)) = (uint32_t)i + 1;
    free(before);
}

static struct import_use *
use_get(struct import_scan *scan, const char *word, size_t length)
{
    if (scan->use_count * 2 >= scan->bucket_count)
        buckets_grow(scan);
    uint32_t *slot = slot_find(scan, word, length);
    if (*slot)
        return &scan->uses[*slot - 1];
    if (scan->use_count == scan->use_room) {
        scan->use_room = scan->use_room ? scan->use_room * 2 : 1024;
        scan->uses = realloc(scan->uses, scan->use_room * sizeof *scan->uses);
        if (!scan->uses)
            abort();
    }
    scan->uses[scan->use_count] = (struct import_use){.word = texts_copy(scan->texts, word, length)};
    *slot = (uint32_t)++scan->use_count;
    return &scan->uses[scan->use_count - 1];
}

const struct import_use *
import_scan_find(const struct import_scan *scan, const char *word)
{
    if (!scan->bucket_count)
        return NULL;
    const uint32_t *slot = slot_find(scan, word, strlen(word));
    return *slot && scan->uses[*slot - 1].count ? &scan->uses[*slot - 1] : NULL;
}

void
scan_fault(struct import_scan *scan, struct import_place place, const char *construct, const char *text)
{
    if (!scan->faults)
        scan->faults = texts_alloc(scan->texts, FAULTS_MAX * sizeof *scan->faults);
    for (size_t i = 0; i < scan->fault_count; i++)
        if (scan->faults[i].place.line == place.line && !strcmp(scan->faults[i].place.file, place.file))
            return;   // a header that several sources include
    if (scan->fault_count < FAULTS_MAX)
        scan->faults[scan->fault_count++] = (struct import_fault){place, construct, text};
}

// ---- tokens

static bool
is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

// # 12 "file" 1 3
static void
marker_read(struct scan_text *t)
{
    const char *at = t->at + 1, *end = memchr(t->at, '\n', (size_t)(t->end - t->at));
    end = end ? end : t->end;
    while (at < end && *at == ' ')
        at++;
    unsigned line = 0;
    while (at < end && isdigit((unsigned char)*at))
        line = line * 10 + (unsigned)(*at++ - '0');
    const char *open = memchr(at, '"', (size_t)(end - at));
    const char *close = open ? memrchr(open + 1, '"', (size_t)(end - open - 1)) : NULL;
    if (close) {
        t->place.file = texts_copy(t->scan->texts, open + 1, (size_t)(close - open - 1));
        t->is_ours = t->place.file[0] == '<';
        for (size_t i = 0; i < t->outside_count; i++)
            t->is_ours |= !strncmp(t->place.file, t->outside[i], strlen(t->outside[i]));
        t->is_repeated = false;
        for (size_t i = 0; i < t->files_before && !t->is_repeated; i++)
            t->is_repeated = !strcmp(t->scan->files.items[i], t->place.file);
        if (!t->is_ours && !t->is_repeated && !list_has(&t->scan->files, t->place.file))
            list_add(t->scan->texts, &t->scan->files, t->place.file);
        t->place.line = line;
        t->at = end < t->end ? end + 1 : end;
    } else {
        t->at++;
    }
}

static bool
is_line_start(const struct scan_text *t)
{
    const char *at = t->at;
    while (at > t->start && (at[-1] == ' ' || at[-1] == '\t'))
        at--;
    return at == t->start || at[-1] == '\n';
}

static void
quoted_skip(struct scan_text *t)
{
    char quote = *t->at++;
    while (t->at < t->end && *t->at != quote && *t->at != '\n')
        t->at += *t->at == '\\' && t->at + 1 < t->end && t->at[1] != '\n' ? 2 : 1;
    t->at += t->at < t->end && *t->at == quote;
}

// The rest of a directive, continued lines included, is no code; but the names in a #define count as uses.
static void
directive_read(struct scan_text *t)
{
    const char *at = t->at + 1;
    while (at < t->end && (*at == ' ' || *at == '\t'))
        at++;
    if (at < t->end && isdigit((unsigned char)*at)) {
        marker_read(t);
        return;
    }
    t->directive = true;
    t->is_define = t->end - at > 6 && !memcmp(at, "define", 6);
    t->at = at;
}

bool
scan_token(struct scan_text *t, struct scan_token *token)
{
    while (t->at < t->end) {
        char c = *t->at;
        if (c == '\n') {
            t->directive = t->directive && t->at > t->start &&
                           (t->at[-1] == '\\' || (t->at[-1] == '\r' && t->at - 1 > t->start && t->at[-2] == '\\'));
            t->place.line++;
            t->at++;
        } else if (isspace((unsigned char)c) || c == '\\') {
            t->at++;
        } else if (c == '#' && !t->directive && is_line_start(t)) {
            directive_read(t);
        } else if (c == '"' || c == '\'') {
            quoted_skip(t);
            *token = (struct scan_token){.kind = '"', .place = t->place, .in_directive = t->directive};
            return true;
        } else if (c == '/' && t->at + 1 < t->end && t->at[1] == '/') {
            while (t->at < t->end && *t->at != '\n')
                t->at++;
        } else if (c == '/' && t->at + 1 < t->end && t->at[1] == '*') {
            for (t->at += 2; t->at < t->end && !(t->at[0] == '*' && t->at + 1 < t->end && t->at[1] == '/'); t->at++)
                t->place.line += *t->at == '\n';
            t->at += t->end - t->at > 2 ? 2 : t->end - t->at;
        } else {
            const char *start = t->at;
            while (t->at < t->end && is_word(*t->at))
                t->at++;
            bool is_name = t->at > start && !isdigit((unsigned char)*start);
            t->at += t->at == start;
            *token = (struct scan_token){is_name                          ? 'w'
                                         : isalnum((unsigned char)*start) ? '0'
                                                                          : *start,
                                         start, (size_t)(t->at - start), t->place, t->directive};
            return true;
        }
    }
    return false;
}

bool
scan_is(const struct scan_token *token, const char *word)
{
    return token->kind == 'w' && token->length == strlen(word) && !memcmp(token->text, word, token->length);
}

// excpt.h has these words as well.
bool
scan_is_try(const struct scan_token *token)
{
    return scan_is(token, "__try") || scan_is(token, "_try") || scan_is(token, "try");
}

static char
next_sign(const struct scan_text *t)
{
    const char *at = t->at;
    while (at < t->end && isspace((unsigned char)*at))
        at++;
    return at < t->end ? *at : 0;
}

// ---- what is noted

static void
long_seen(struct scan_text *t, const struct scan_token *token, const struct scan_token *before)
{
    const char *at = t->at + strspn(t->at, " \t");
    bool is_double = !strncmp(at, "long", 4) || !strncmp(at, "double", 6) || scan_is(before, "long");
    if (is_double || t->long_line == token->place.line)
        return;
    t->long_line = token->place.line;
    if (!t->scan->long_count++)
        t->scan->long_place = token->place;
}

static void
tag_seen(struct scan_text *t, const struct scan_token *token)
{
    const char *name = texts_copy(t->scan->texts, token->text, token->length);
    if (!list_has(&t->scan->tags, name) && t->scan->tags.count < 4096)
        list_add(t->scan->texts, &t->scan->tags, name);
}

static void
word_seen(struct scan_text *t, const struct scan_token *token, const struct scan_token *before)
{
    struct import_use *use = use_get(t->scan, token->text, token->length);
    if (t->is_ours) {
        use->is_ours = true;
        return;
    }
    bool is_member = before->kind == '.' || (before->kind == '>' && before->text > t->start && before->text[-1] == '-');
    bool is_call = next_sign(t) == '(' && (t->braces > 0 || token->in_directive) && !is_member;
    if (is_member)
        return;
    if (!use->count)
        use->place = token->place;
    use->count += !use->count || !t->is_repeated;
    use->is_call |= is_call;
    use->is_declared |= !is_call || (token->in_directive && scan_is(before, "define"));
    if (scan_is(before, "struct") && next_sign(t) != '(' && !token->in_directive)
        tag_seen(t, token);
    if (token->in_directive)
        return;
    if (scan_is(token, "long") && !t->is_repeated)
        long_seen(t, token, before);
    if (scan_is(token, "__asm") || scan_is(token, "_asm"))
        scan_fault(t->scan, token->place, "__asm", "inline assembler of the Microsoft compiler is not followed; use an intrinsic, or C");
    if (scan_is_try(token)) {
        t->scan->has_try = true;
        seh_check(t);
    }
}

void
import_scan_text(struct import_scan *scan, const char *text, size_t text_bytes, const char *const *outside, size_t outside_count)
{
    struct scan_text t = {.scan = scan,
                          .start = text,
                          .at = text,
                          .end = text + text_bytes,
                          .place = {"<text>", 1},
                          .outside = outside,
                          .outside_count = outside_count,
                          .files_before = scan->files.count};
    struct scan_token token, before = {0};
    scan->has_try = false;
    while (scan_token(&t, &token)) {
        if (token.kind == 'w')
            word_seen(&t, &token, &before);
        if (!token.in_directive) {
            t.braces += token.kind == '{';
            t.braces -= token.kind == '}' && t.braces;
        }
        before = token;
    }
}
