// SPDX-License-Identifier: MIT
// Logical lines: what a person meant by one line of an INF. A line may go on after a backslash, ends at a comment, and in a template
// (.inf.in, .inx) has @NAME@ and $ARCH$ filled in on the way. Each byte remembers where it stood in the file.
// [install/general-syntax-rules-for-inf-files, "Line Format, Continuation, and Comments"]
//
//   inf_line_next -> each physical line -> feed each character (substituted ones too) -> comment? quote? -> \ at the end: go on
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/inf/inf_int.h"

// How far a line has been understood.
struct line_state {
    bool in_quote, in_comment;
};

static bool
append(struct inf *inf, struct inf_logical *line, char c, struct inf_place place)
{
    if (line->bytes + 2 > line->room) {
        size_t room = line->room ? line->room * 2 : 512;
        char *text = realloc(line->text, room);
        struct inf_place *places = text ? realloc(line->places, room * sizeof *places) : NULL;
        if (!text || !places)
            abort();
        line->text = text;
        line->places = places;
        line->room = room;
    }
    if (line->bytes >= INF_LINE_BYTES_MAX) {
        inf_error(inf, place, "the line has more than %d bytes with its continuations", INF_LINE_BYTES_MAX);
        return false;
    }
    line->text[line->bytes] = c;
    line->places[line->bytes++] = place;
    line->text[line->bytes] = 0;
    line->places[line->bytes] = (struct inf_place){place.line, place.column + 1};
    return true;
}

static bool
feed(struct inf *inf, struct inf_logical *line, struct line_state *state, char c, struct inf_place place)
{
    if (state->in_comment)
        return true;
    if (c == ';' && !state->in_quote) {
        state->in_comment = true;
        return true;
    }
    state->in_quote ^= c == '"';
    return append(inf, line, c, place);
}

// @NAME@: how long it is with its marks, or 0.
static size_t
template_length(const char *at, const char *end)
{
    const char *name = at + 1;
    if (name >= end || !(isalpha((unsigned char)*name) || *name == '_'))
        return 0;
    while (name < end && (isalnum((unsigned char)*name) || *name == '_'))
        name++;
    return name < end && *name == '@' ? (size_t)(name - at) + 1 : 0;
}

static const char *
template_value(struct inf *inf, const char *name, size_t length, struct inf_place place)
{
    for (size_t i = 0; i < inf->options.subst_count; i++)
        if (strlen(inf->options.substs[i].name) == length && !memcmp(inf->options.substs[i].name, name, length))
            return inf->options.substs[i].value;
    inf_error(inf, place,
              "@%.*s@ is a place to be filled in; give it with --subst %.*s=VALUE, or in a stack file with subst:", (int)length, name,
              (int)length, name);
    return NULL;
}

// A ; inside %token% is part of the token's name.
static size_t
token_length(const char *at, const char *end)
{
    const char *close = at + 1;
    bool has_semicolon = false;
    for (; close < end && *close != '%'; close++) {
        if (isspace((unsigned char)*close) || strchr("\",=", *close))
            return 0;
        has_semicolon |= *close == ';';
    }
    return close < end && has_semicolon ? (size_t)(close - at) + 1 : 0;
}

// How many bytes of the physical line at stand for something else, or 0; what they stand for is in *text (*bytes of it).
static size_t
special(struct inf *inf, const struct line_state *state, const char *at, const char *end, struct inf_place place, const char **text,
        size_t *bytes)
{
    size_t length;
    *text = NULL;
    if (state->in_comment)
        return 0;
    if (*at == '@' && (length = template_length(at, end)) != 0) {
        *text = template_value(inf, at + 1, length - 2, place);
        *bytes = *text ? strlen(*text) : 0;
        return length;
    }
    if (*at == '$' && end - at >= 6 && !strncasecmp(at, "$ARCH$", 6)) {
        *text = inf->arch;
        *bytes = strlen(inf->arch);
        return 6;
    }
    return 0;
}

static bool
read_physical(struct inf *inf, struct inf_cursor *cursor, struct inf_logical *line, struct line_state *state)
{
    const char *end = cursor->at;
    while (end < cursor->end && *end != '\n' && *end != '\r')
        end++;
    struct inf_place place = {cursor->line, 1};
    bool is_good = true;
    for (const char *at = cursor->at; at < end && is_good;) {
        const char *text;
        size_t bytes = 0, length = special(inf, state, at, end, place, &text, &bytes);
        for (size_t i = 0; length && i < bytes && is_good; i++)
            is_good = feed(inf, line, state, text[i], place);
        if (!length && *at == '%' && !state->in_quote && !state->in_comment && (length = token_length(at, end)) != 0) {
            for (size_t i = 0; i < length && is_good; i++)
                is_good = append(inf, line, at[i], (struct inf_place){place.line, place.column + (uint32_t)i});
        } else if (!length) {
            length = 1;
            is_good = feed(inf, line, state, *at, place);
        }
        for (size_t i = 0; i < length; i++)
            place.column += ((unsigned char)at[i] & 0xc0) != 0x80;
        at += length;
    }
    if (end < cursor->end)
        end += *end == '\r' && end + 1 < cursor->end && end[1] == '\n' ? 2 : 1;
    cursor->at = end;
    cursor->line++;
    return is_good;
}

// Blanks go from the end, and the backslashes that say that the line goes on. Were there any?
static bool
goes_on(struct inf_logical *line)
{
    bool has_backslash = false;
    while (line->bytes && isspace((unsigned char)line->text[line->bytes - 1]))
        line->bytes--;
    for (; line->bytes && line->text[line->bytes - 1] == '\\'; line->bytes--)
        has_backslash = true;
    if (line->text)
        line->text[line->bytes] = 0;
    return has_backslash;
}

bool
inf_line_next(struct inf *inf, struct inf_cursor *cursor, struct inf_logical *line)
{
    line->bytes = 0;
    line->start = (struct inf_place){cursor->line, 1};
    if (cursor->at >= cursor->end)
        return false;
    do {
        struct line_state state = {0};
        if (!read_physical(inf, cursor, line, &state))
            return false;
        if (state.in_quote) {
            size_t quote = line->bytes;
            while (quote && line->text[quote - 1] != '"')
                quote--;
            inf_error(inf, line->places[quote ? quote - 1 : 0],
                      "a quoted string has no end on its line; a quotation mark inside one is written twice (\"\")");
            return false;
        }
    } while (goes_on(line) && cursor->at < cursor->end);
    return true;
}

void
inf_logical_free(struct inf_logical *line)
{
    free(line->text);
    free(line->places);
}
