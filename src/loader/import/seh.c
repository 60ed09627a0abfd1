// SPDX-License-Identifier: MIT
// __try is made of macros on this target, and their loop would catch a break or continue that means to leave the __try: the driver would
// go on in the wrong place, silently. So each __try is read ahead, statement by statement, and such a break is refused with its line.
// A break inside a loop or switch that lies within the same __try is what it looks like, and fine. What a macro hides is not seen.
#include <stdlib.h>

#include "loader/import/scan_int.h"

#define NESTED_MAX 200

struct reader {
    struct scan_text text;       // a copy: the caller's stays
    struct scan_token now;
    bool at_end;
    unsigned depth;
};

struct around {
    bool loop, choice;           // a loop, a switch lies between here and the __try
};

static void statement_read(struct reader *r, struct around around);

static void
advance(struct reader *r)
{
    do
        r->at_end = !scan_token(&r->text, &r->now);
    while (!r->at_end && r->now.in_directive);
    if (r->at_end)
        r->now = (struct scan_token){0};
}

static bool
sign_is(const struct reader *r, char sign)
{
    return !r->at_end && r->now.kind == sign;
}

// "( ... )", if it stands here.
static void
parens_skip(struct reader *r)
{
    unsigned depth = 0;
    if (!sign_is(r, '('))
        return;
    do {
        depth += sign_is(r, '(');
        depth -= sign_is(r, ')');
        advance(r);
    } while (depth && !r->at_end);
}

// Up to and with the ; of an expression or a declaration.
static void
expression_skip(struct reader *r)
{
    unsigned depth = 0;
    while (!r->at_end && !(sign_is(r, ';') && !depth)) {
        if (sign_is(r, '}') && !depth)
            return;              // a macro without ;
        depth += sign_is(r, '(') || sign_is(r, '{') || sign_is(r, '[');
        depth -= (sign_is(r, ')') || sign_is(r, '}') || sign_is(r, ']')) && depth;
        advance(r);
    }
    advance(r);
}

static void
block_read(struct reader *r, struct around around)
{
    advance(r);
    while (!r->at_end && !sign_is(r, '}'))
        statement_read(r, around);
    advance(r);
}

static void
jump_read(struct reader *r, struct around around, bool is_break)
{
    bool stays = around.loop || (is_break && around.choice);
    if (!stays)
        scan_fault(r->text.scan, r->now.place, is_break ? "break" : "continue",
                   is_break ? "this break leaves a __try, which ndisbox cannot follow; use goto or __leave"
                            : "this continue leaves a __try, which ndisbox cannot follow; use goto or __leave");
    expression_skip(r);
}

// __except (filter) block, __finally block: their bodies are loops of macros as well.
static void
handlers_read(struct reader *r)
{
    static const char *const words[] = {"__except", "__finally", "_except", "_finally", "except", "finally"};
    for (size_t i = 0; i < 6; i++) {
        if (!scan_is(&r->now, words[i]))
            continue;
        advance(r);
        parens_skip(r);
        if (sign_is(r, '{'))
            block_read(r, (struct around){0});
    }
}

static void
loop_read(struct reader *r, struct around around, const char *word)
{
    advance(r);
    if (!strcmp(word, "do")) {
        statement_read(r, (struct around){true, around.choice});
        expression_skip(r);
        return;
    }
    parens_skip(r);
    if (!strcmp(word, "switch"))
        around.choice = true;
    else
        around.loop = true;
    statement_read(r, around);
}

static void
label_read(struct reader *r)
{
    while (!r->at_end && !sign_is(r, ':') && !sign_is(r, ';') && !sign_is(r, '{') && !sign_is(r, '}'))
        advance(r);
    if (sign_is(r, ':'))
        advance(r);
}

// "name :", which begins no case.
static bool
is_label(const struct reader *r)
{
    const char *at = r->text.at;
    while (at < r->text.end && strchr(" \t\r\n", *at))
        at++;
    return at < r->text.end && *at == ':' && !scan_is(&r->now, "default") && !scan_is(&r->now, "case");
}

static void
if_read(struct reader *r, struct around around)
{
    advance(r);
    parens_skip(r);
    statement_read(r, around);
    if (scan_is(&r->now, "else")) {
        advance(r);
        statement_read(r, around);
    }
}

static void
statement_read(struct reader *r, struct around around)
{
    static const char *const loops[] = {"for", "while", "do", "switch"};
    const char *loop = NULL;
    if (r->depth == NESTED_MAX) {
        while (!r->at_end)
            advance(r);
        return;
    }
    r->depth++;
    for (size_t i = 0; i < 4; i++)
        loop = scan_is(&r->now, loops[i]) ? loops[i] : loop;
    if (sign_is(r, '{')) {
        block_read(r, around);
    } else if (loop) {
        loop_read(r, around, loop);
    } else if (scan_is(&r->now, "if")) {
        if_read(r, around);
    } else if (r->now.kind == 'w' && is_label(r)) {
        advance(r);
        advance(r);
        statement_read(r, around);
    } else if (scan_is(&r->now, "case") || scan_is(&r->now, "default")) {
        label_read(r);
    } else if (scan_is(&r->now, "break") || scan_is(&r->now, "continue")) {
        jump_read(r, around, scan_is(&r->now, "break"));
    } else if (scan_is_try(&r->now)) {
        advance(r);
        if (sign_is(r, '{'))     // its own reading complains of what is in it
            block_read(r, (struct around){true, true});
        handlers_read(r);
    } else {
        expression_skip(r);
    }
    r->depth--;
}

void
seh_check(const struct scan_text *text)
{
    struct reader r = {.text = *text};
    advance(&r);
    if (!sign_is(&r, '{'))
        return;
    block_read(&r, (struct around){0});
    handlers_read(&r);
}
