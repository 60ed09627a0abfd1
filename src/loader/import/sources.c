// SPDX-License-Identifier: MIT
// SOURCES files, as the WDK's build tool read them until Windows 7: NAME=VALUE lines with \ continuation and $(NAME), nmake's !IF !IFDEF
// !IFNDEF !ELSE !ELSEIF !ENDIF !INCLUDE !MESSAGE !ERROR !UNDEF, # comments. Of the names, those that say what is compiled are looked at.
// Source: [windows-driver-docs archive: "SOURCES file", nmake's preprocessing directives].
#include <ctype.h>
#include <stdlib.h>

#include "loader/import/import_int.h"

#define NESTED_MAX 32
#define VARIABLES_MAX 4096

struct variable {
    const char *name, *value;
    struct import_place place;
    bool is_fixed;
};

struct sources {
    struct import *import;
    struct import_texts *texts;
    struct variable *variables;
    size_t count;
    unsigned depth;              // of files
    bool taken[NESTED_MAX], done[NESTED_MAX];   // of !IF: this branch counts; one did already
    unsigned nested;
    struct import_place place;
};

static void file_read(struct sources *s, const char *path, const char *text, size_t bytes);

static struct variable *
variable_find(struct sources *s, const char *name, size_t length)
{
    for (size_t i = 0; i < s->count; i++)
        if (strlen(s->variables[i].name) == length && !strncasecmp(s->variables[i].name, name, length))
            return &s->variables[i];
    return NULL;
}

static void
variable_set(struct sources *s, const char *name, size_t length, const char *value, bool is_fixed)
{
    struct variable *variable = variable_find(s, name, length);
    if (variable && variable->is_fixed)
        return;
    if (!variable) {
        if (s->count == VARIABLES_MAX) {
            import_fault(s->import, s->place, NULL, "more than %d names", VARIABLES_MAX);
            return;
        }
        variable = &s->variables[s->count++];
        variable->name = texts_copy(s->texts, name, length);
    }
    variable->value = value;
    variable->place = s->place;
    variable->is_fixed = is_fixed;
}

static const char *
value_of(struct sources *s, const char *name)
{
    const struct variable *variable = variable_find(s, name, strlen(name));
    return variable ? variable->value : "";
}

// $(NAME) and $(NAME:a=b), which is taken as $(NAME); a name that nobody set is empty, as nmake has it.
static const char *
expand(struct sources *s, const char *text)
{
    struct builder out = {0};
    while (*text) {
        const char *end = text[0] == '$' && text[1] == '(' ? strchr(text, ')') : NULL;
        if (!end) {
            builder_add(&out, text++, 1);
            continue;
        }
        const struct variable *variable = variable_find(s, text + 2, strcspn(text + 2, ":)"));
        if (out.bytes + (variable ? strlen(variable->value) : 0) > IMPORT_TEXT_MAX) {
            import_fault(s->import, s->place, NULL, "a value that grows past 1 MiB");
            break;
        }
        if (variable)
            builder_puts(&out, variable->value);
        text = end + 1;
    }
    char *taken = builder_take(&out);
    const char *copy = texts_copy(s->texts, taken, strlen(taken));
    free(taken);
    return copy;
}

// ---- nmake's conditions

struct condition {
    struct sources *s;
    const char *at;
    unsigned depth;
    bool is_bad;
};

static bool any_read(struct condition *c);

static void
blanks(struct condition *c)
{
    while (isspace((unsigned char)*c->at))
        c->at++;
}

// An operand: "text", a number, a word; without its quotes.
static const char *
operand(struct condition *c)
{
    blanks(c);
    const char *start = c->at;
    if (*start == '"') {
        const char *end = strchr(start + 1, '"');
        if (end) {
            c->at = end + 1;
            return texts_copy(c->s->texts, start + 1, (size_t)(end - start - 1));
        }
        c->is_bad = true;
        return "";
    }
    while (*c->at && !isspace((unsigned char)*c->at) && !strchr("=!<>&|()\"", *c->at))
        c->at++;
    return texts_copy(c->s->texts, start, (size_t)(c->at - start));
}

static bool
word_function(struct condition *c, const char *name, const char **argument)
{
    size_t length = strlen(name);
    if (strncasecmp(c->at, name, length) != 0)
        return false;
    const char *open = c->at + length + strspn(c->at + length, " \t"), *close = strchr(open, ')');
    if (*open != '(' || !close)
        return false;
    struct import_list parts = {0};
    list_split(c->s->texts, &parts, texts_copy(c->s->texts, open + 1, (size_t)(close - open - 1)), "\"");
    *argument = parts.count ? parts.items[0] : "";
    c->at = close + 1;
    return true;
}

static bool
is_number(const char *text, long *number)
{
    char *end;
    *number = strtol(text, &end, 0);
    return end != text && !*end;
}

static bool
compare(struct condition *c, const char *a)
{
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">"};
    size_t i = 0;
    long x, y;
    blanks(c);
    while (i < 6 && strncmp(c->at, signs[i], strlen(signs[i])) != 0)
        i++;
    if (i == 6)
        return is_number(a, &x) ? x != 0 : (c->is_bad |= a[0] != 0, false);
    c->at += strlen(signs[i]);
    const char *b = operand(c);
    if (is_number(a, &x) && is_number(b, &y)) {
        const bool results[] = {x == y, x != y, x <= y, x >= y, x<y, x> y};
        return results[i];
    }
    c->is_bad |= i > 1;
    return (strcmp(a, b) == 0) == (i == 0);
}

static bool
term_read(struct condition *c)
{
    const char *argument;
    bool result = false;
    if (++c->depth > NESTED_MAX)
        c->is_bad = true;
    blanks(c);
    if (c->is_bad) {
        result = false;
    } else if (c->at[0] == '!' && c->at[1] != '=') {
        c->at++;
        result = !term_read(c);
    } else if (*c->at == '(') {
        c->at++;
        result = any_read(c);
        blanks(c);
        c->is_bad |= *c->at != ')';
        c->at += *c->at == ')';
    } else if (word_function(c, "defined", &argument)) {
        result = variable_find(c->s, argument, strlen(argument)) != NULL;
    } else if (word_function(c, "exist", &argument)) {
        const char *path = path_join(c->s->texts, c->s->import->project.folder, argument);
        result = path_find(c->s->texts, c->s->import->request->fs, path) != NULL;
    } else {
        result = compare(c, operand(c));
    }
    c->depth--;
    return result && !c->is_bad;
}

static bool
any_read(struct condition *c)
{
    bool any = false, all = true;
    for (;;) {
        all &= term_read(c);
        blanks(c);
        if (!strncmp(c->at, "&&", 2)) {
            c->at += 2;
        } else {
            any |= all;
            all = true;
            if (strncmp(c->at, "||", 2) != 0)
                return any;
            c->at += 2;
        }
        if (c->is_bad)
            return false;
    }
}

static bool
condition_holds(struct sources *s, const char *text)
{
    struct condition c = {.s = s, .at = expand(s, text)};
    bool result = any_read(&c);
    blanks(&c);
    if (c.is_bad || *c.at)
        import_fault(s->import, s->place, texts_format(s->texts, "!IF %.200s", text), "this condition is not followed");
    return result;
}

// ---- directives

static bool
is_counted(const struct sources *s)
{
    for (unsigned i = 0; i < s->nested; i++)
        if (!s->taken[i])
            return false;
    return true;
}

static void
if_begin(struct sources *s, bool holds)
{
    if (s->nested == NESTED_MAX) {
        import_fault(s->import, s->place, "!IF", "more than %d in each other", NESTED_MAX);
        return;
    }
    s->taken[s->nested] = s->done[s->nested] = holds;
    s->nested++;
}

static void
else_begin(struct sources *s, const char *rest)
{
    if (!s->nested) {
        import_fault(s->import, s->place, "!ELSE", "no !IF before it");
        return;
    }
    unsigned top = s->nested - 1;
    rest += strspn(rest, " \t");
    bool holds = !s->done[top];
    s->taken[top] = true;   // so that a condition behind it is looked at only if it can count
    if (holds && !strncasecmp(rest, "IFDEF", 5))
        holds = variable_find(s, rest + 5 + strspn(rest + 5, " \t"), strcspn(rest + 5 + strspn(rest + 5, " \t"), " \t")) != NULL;
    else if (holds && !strncasecmp(rest, "IF", 2) && is_counted(s))
        holds = condition_holds(s, rest + 2);
    s->taken[top] = holds;
    s->done[top] |= holds;
}

static void
include_read(struct sources *s, const char *rest)
{
    struct import_list words = {0};
    const char *expanded = expand(s, rest), *name;
    size_t bytes;
    list_split(s->texts, &words, expanded, "<>\"");
    if (strchr(rest, '<') || strstr(rest, "$(NTMAKEENV)") || !words.count)
        return;   // Microsoft's own
    char *path = texts_copy(s->texts, words.items[0], strlen(words.items[0]));
    for (char *at = path; *at; at++)
        if (*at == '\\')
            *at = '/';
    path = path_join(s->texts, path_folder(s->texts, s->place.file), path);
    const char *found = path_find(s->texts, s->import->request->fs, path);
    char *text = found && s->depth < 16 ? import_file_read(s->import, found, &bytes, &name) : NULL;
    if (!text) {
        import_fault(s->import, s->place, texts_format(s->texts, "!INCLUDE %.200s", words.items[0]),
                     found ? "cannot be read, or too many in each other" : "there is no such file");
        return;
    }
    struct import_place before = s->place;
    unsigned nested = s->nested;
    file_read(s, found, text, bytes);
    s->place = before;
    if (s->nested != nested)
        import_fault(s->import, s->place, "!IF", "an included file leaves an !IF open, or closes one too many");
    s->nested = nested;
    free(text);
}

static void
directive_read(struct sources *s, const char *line)
{
    char word[16] = "";
    size_t length = 0;
    line += strspn(line, " \t");
    while (isalpha((unsigned char)line[length]) && length < sizeof word - 1) {
        word[length] = (char)toupper((unsigned char)line[length]);
        length++;
    }
    const char *rest = line + length + strspn(line + length, " \t");
    size_t name = strcspn(rest, " \t");
    bool counts = is_counted(s);
    if (!strcmp(word, "IF"))
        if_begin(s, counts && condition_holds(s, rest));
    else if (!strcmp(word, "IFDEF") || !strcmp(word, "IFNDEF"))
        if_begin(s, counts && (variable_find(s, rest, name) != NULL) == !strcmp(word, "IFDEF"));
    else if (!strcmp(word, "ELSE"))
        else_begin(s, rest);
    else if (!strcmp(word, "ELSEIF"))
        else_begin(s, texts_format(s->texts, "IF %s", rest));
    else if (!strcmp(word, "ENDIF") && s->nested)
        s->nested--;
    else if (!strcmp(word, "ENDIF"))
        import_fault(s->import, s->place, "!ENDIF", "no !IF before it");
    else if (counts && !strcmp(word, "INCLUDE"))
        include_read(s, rest);
    else if (counts && !strcmp(word, "ERROR"))
        import_fault(s->import, s->place, "!ERROR", "the project says: %.200s", rest);
    else if (counts && !strcmp(word, "UNDEF") && variable_find(s, rest, name))
        variable_find(s, rest, name)->value = "";
    else if (counts && strcmp(word, "MESSAGE") && strcmp(word, "UNDEF") && strcmp(word, "CMDSWITCHES"))
        import_fault(s->import, s->place, texts_format(s->texts, "!%.40s", line), "no directive that is known");
}

// One logical line, continued ones joined.
static void
line_read(struct sources *s, const char *line)
{
    const char *equals = strchr(line, '=');
    line += strspn(line, " \t");
    if (!*line || *line == '#')
        return;
    if (*line == '!') {
        directive_read(s, line + 1);
        return;
    }
    if (!is_counted(s))
        return;
    size_t length = strcspn(line, " \t=");
    if (!equals || line[length + strspn(line + length, " \t")] != '=' || !length) {
        if (line[0] != '\t' && !strchr(line, ':'))
            import_fault(s->import, s->place, texts_format(s->texts, "%.60s", line), "a line is NAME=VALUE, a !directive, or a # comment");
        return;
    }
    const char *value = equals + 1 + strspn(equals + 1, " \t");
    variable_set(s, line, length, expand(s, value), false);
}

static void
file_read(struct sources *s, const char *path, const char *text, size_t bytes)
{
    struct builder line = {0};
    unsigned number = 0;
    bool is_open = false;
    s->depth++;
    for (const char *at = text; *at && !import_is_full(s->import);) {
        size_t length = strcspn(at, "\n"), used = length;
        number++;
        while (used && isspace((unsigned char)at[used - 1]))
            used--;
        if (!is_open)
            s->place = (struct import_place){path, number};
        bool goes_on = used && at[used - 1] == '\\' && !(at[strspn(at, " \t")] == '#' && !is_open);
        // A comment inside a continued value is a line of its own that does not end the value.
        if (!(is_open && at[strspn(at, " \t")] == '#'))
            builder_add(&line, at, used - goes_on);
        else
            goes_on = true;
        builder_puts(&line, goes_on ? " " : "");
        is_open = goes_on;
        at += length + (at[length] == '\n');
        if (!goes_on || !*at) {
            char *whole = builder_take(&line);
            line_read(s, whole);
            free(whole);
        }
    }
    free(builder_take(&line));
    s->depth--;
    (void)bytes;
}

// ---- what it means

static void
defines_read(struct sources *s, struct import_source *source)
{
    static const char *const always[] = {"_WIN64", "_AMD64_", "AMD64", "WINNT=1"};
    struct import_list words = {0};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        list_add(s->texts, &source->defines, always[i]);
    if (s->import->project.is_debug)
        list_add(s->texts, &source->defines, "DBG=1");
    list_split(s->texts, &words, texts_format(s->texts, "%s %s", value_of(s, "C_DEFINES"), value_of(s, "USER_C_FLAGS")), " \t");
    for (size_t i = 0; i < words.count; i++) {
        const char *word = words.items[i];
        if ((word[0] != '-' && word[0] != '/') || (word[1] != 'D' && word[1] != 'U'))
            continue;
        const char *value = word[2] ? word + 2 : i + 1 < words.count ? words.items[++i]
                                                                     : "";
        if (value[0])
            list_add(s->texts, word[1] == 'D' ? &source->defines : &source->undefines, value);
    }
}

static void
folders_read(struct sources *s, struct import_source *source)
{
    struct import_list folders = {0};
    list_split(s->texts, &folders, value_of(s, "INCLUDES"), ";");
    for (size_t i = 0; i < folders.count; i++) {
        char *path = texts_copy(s->texts, folders.items[i], strlen(folders.items[i]));
        for (char *at = path; *at; at++)
            if (*at == '\\')
                *at = '/';
        const char *found = path_find(s->texts, s->import->request->fs, path_join(s->texts, s->import->project.folder, path));
        if (found && path[0] != '/' && !list_has(&source->folders, found))
            list_add(s->texts, &source->folders, found);
        else if (!found)
            import_note(s->import, "the include folder %s is not there", folders.items[i]);
    }
}

static void
one_source(struct sources *s, const char *written, struct import_place place)
{
    struct import *import = s->import;
    char *path = texts_copy(s->texts, written, strlen(written));
    for (char *at = path; *at; at++)
        if (*at == '\\')
            *at = '/';
    path = path_join(s->texts, import->project.folder, path);
    const char *found = path_find(s->texts, import->request->fs, path);
    if (path_ends(path, ".rc") || path_ends(path, ".mof") || path_ends(path, ".mc")) {
        import_note(import, "left out: %s (resources and MOF mean nothing here)", written);
    } else if (path_ends(path, ".asm") || path_ends(path, ".s")) {
        import_fault(import, place, written, "needs an assembler for Windows; ndisbox compiles C");
    } else if (!found) {
        import_fault(import, place, written, "there is no such file");
    } else {
        struct import_source *source = import_source_add(import, found, place);
        if (source) {
            source->is_cpp = !path_ends(path, ".c");
            defines_read(s, source);
            folders_read(s, source);
        }
    }
}

// RUN_WPP=$(SOURCES) -km -func:DEBUGP(LEVEL,MSG,...)
static void
wpp_read(struct sources *s)
{
    for (const char *at = value_of(s, "RUN_WPP"); (at = strcasestr(at, "-func:")) != NULL; at += 6)
        import_trace_add(s->import, at + 6);
}

static void
kinds_refuse(struct sources *s)
{
    static const char *const drivers[] = {"DRIVER", "EXPORT_DRIVER", "MINIPORT", ""};
    static const char *const frameworks[] = {"KMDF_VERSION", "KMDF_VERSION_MAJOR", "UMDF_VERSION", "UMDF_VERSION_MAJOR"};
    const char *type = value_of(s, "TARGETTYPE");
    bool is_driver = false;
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        is_driver |= !strcasecmp(type, drivers[i]);
    if (!is_driver)
        import_fault(s->import, variable_find(s, "TARGETTYPE", 10)->place, texts_format(s->texts, "TARGETTYPE=%.60s", type),
                     "this project builds no driver; give the one whose TARGETTYPE is DRIVER");
    for (size_t i = 0; i < sizeof frameworks / sizeof *frameworks; i++) {
        const struct variable *variable = variable_find(s, frameworks[i], strlen(frameworks[i]));
        if (variable && variable->value[0])
            import_fault(s->import, variable->place, texts_format(s->texts, "%s=%.60s", variable->name, variable->value),
                         "needs the Windows Driver Frameworks, which ndisbox does not have: it runs WDM and NDIS drivers");
    }
}

void
sources_read(struct import *import, const char *path, const char *text, size_t bytes)
{
    struct sources *s = texts_alloc(import->texts, sizeof *s);
    const struct import_request *request = import->request;
    *s = (struct sources){.import = import, .texts = import->texts, .place = {path, 0}};
    s->variables = texts_alloc(s->texts, VARIABLES_MAX * sizeof *s->variables);
    import->project.kind = "SOURCES";
    for (size_t i = 0; i < request->property_count; i++)
        variable_set(s, request->properties[i].name, strlen(request->properties[i].name), request->properties[i].value, true);
    variable_set(s, "_BUILDARCH", 10, "AMD64", false);
    variable_set(s, "AMD64", 5, "1", false);
    variable_set(s, "FREEBUILD", 9, "1", false);
    file_read(s, path, text, bytes);
    if (s->nested && !import->project.fault_count)
        import_fault(import, (struct import_place){path, 0}, "!IF", "it is never closed with !ENDIF");
    if (import->project.fault_count)
        return;
    kinds_refuse(s);
    if (value_of(s, "TARGETNAME")[0])
        import->project.target = value_of(s, "TARGETNAME");
    import->project.is_debug = !strcmp(value_of(s, "FREEBUILD"), "0");
    static const char *const lists[] = {"SOURCES", "AMD64_SOURCES"};
    for (size_t i = 0; i < 2; i++) {
        struct import_list files = {0};
        list_split(s->texts, &files, value_of(s, lists[i]), " \t");
        const struct variable *variable = variable_find(s, lists[i], strlen(lists[i]));
        for (size_t j = 0; j < files.count; j++)
            one_source(s, files.items[j], variable->place);
    }
    wpp_read(s);
}
