// SPDX-License-Identifier: MIT
// What the schema cannot say of ndkping's settings, so that nonsense is refused with its place in the file and before anything starts:
// lists of words, sizes within the buffer, addresses, settings that need or exclude each other. The driver judges the same for itself.
//   stack_check_ndkping -> addresses, tests, sizes -> what only the other role has -> the adapters of the box
#include <stdio.h>
#include <string.h>

#include "base/iptext.h"
#include "stack/stack_int.h"

#define LOCALS_MAX 4
#define SIZES_MAX 32
#define BUFFER_BYTES 1048576
#define TEXT_MAX 255                  // what the driver reads of a text

struct check {
    struct stack_reader *reader;
    const struct stack_box *box;
    const struct stack_service *service;
    const char *path;
};

static const char *
text_of(const struct check *check, const char *name)
{
    const char *text = stack_value_text(&check->service->settings, name);
    return text ? text : "";
}

static uint64_t
number_of(const struct check *check, const char *name, uint64_t fallback)
{
    const struct stack_value *value = stack_value_find(&check->service->settings, name);
    return value ? value->number : fallback;
}

static void
complain(const struct check *check, const char *name, const char *wanted)
{
    const struct stack_value *value = stack_value_find(&check->service->settings, name);
    if (value && value->kind == STACK_VALUE_TEXT)
        stack_error(check->reader, value->place, "%s.%s: found \"%.80s\"; allowed: %s", check->path, name, value->text, wanted);
    else if (value)
        stack_error(check->reader, value->place, "%s.%s: found %llu; allowed: %s", check->path, name,
                    (unsigned long long)value->number, wanted);
    else
        stack_error(check->reader, check->service->place, "%s: needs the key \"%s\": %s", check->path, name, wanted);
}

// The next word of a list, copied; false at its end. A word that is too long for any use comes cut, and is none.
static bool
word_next(const char **at, char word[IPTEXT_BYTES])
{
    *at += strspn(*at, " ,");
    size_t length = strcspn(*at, " ,");
    snprintf(word, IPTEXT_BYTES, "%.*s", (int)length, *at);
    *at += length;
    return length > 0;
}

// 4, 6, or 0: none.
static int
family_of(const char *word)
{
    uint8_t bytes[16];
    uint32_t scope = 0;
    uint16_t port = 0;
    if (iptext4_get_full(word, true, bytes, &port) && !port)
        return 4;
    return iptext6_get_full(word, bytes, &scope, &port) && !port && !scope ? 6 : 0;
}

// How many addresses, and the family of the last; false when one is none.
static bool
addresses_count(const char *list, size_t *count, int *family)
{
    char word[IPTEXT_BYTES];
    for (*count = 0; word_next(&list, word); (*count)++)
        if (!(*family = family_of(word)))
            return false;
    return true;
}

static void
check_addresses(const struct check *check, bool is_client)
{
    size_t count, peers;
    int family = 0, other = 0;
    bool is_good = addresses_count(text_of(check, "local"), &count, &family);
    if (!is_good || !count || count > (is_client ? 1 : LOCALS_MAX))
        complain(check, "local",
                 is_client ? "one IPv4 or IPv6 address, to connect from" : "one to four IPv4 or IPv6 addresses, between spaces");
    else if (!is_client && stack_value_find(&check->service->settings, "peer"))
        complain(check, "peer", "nothing: a server takes whoever comes");
    else if (is_client && (!addresses_count(text_of(check, "peer"), &peers, &other) || peers != 1 || other != family))
        complain(check, "peer", "the server's address, of the family of local");
}

static void
check_tests(const struct check *check)
{
    static const char *const words[] = {"ping", "send", "read", "write", NULL};
    const char *list = text_of(check, "tests"), *wanted = "some of ping, send, read, write, between spaces";
    char word[IPTEXT_BYTES];
    size_t count = 0;
    for (; word_next(&list, word); count++)
        if (scalar_word(word, words) == SIZE_MAX) {
            const char *hint = stack_hint(check->reader, word, words);
            complain(check, "tests", stack_arena_format(check->reader->arena, "%s%s", wanted, hint));
            return;
        }
    if (!count && stack_value_find(&check->service->settings, "tests"))
        complain(check, "tests", wanted);
}

static void
check_sizes(const struct check *check)
{
    unsigned long long most = number_of(check, "buffer", BUFFER_BYTES);
    const char *list = text_of(check, "sizes");
    char word[IPTEXT_BYTES];
    uint64_t bytes;
    size_t count = 0;
    bool is_good = true;
    for (; word_next(&list, word); count++)
        is_good = is_good && word[0] != '0' && scalar_uint(word, &bytes) && bytes <= most;
    if (is_good && count <= SIZES_MAX && (count || !stack_value_find(&check->service->settings, "sizes")))
        return;
    const char *wanted = "one to %d numbers of bytes between spaces, each from 1 to buffer (%llu)";
    complain(check, "sizes", stack_arena_format(check->reader->arena, wanted, SIZES_MAX, most));
}

// vnic has NDK when it is told so; of other miniports nobody knows here.
static bool
may_have_ndk(const struct stack_adapter *adapter)
{
    const struct stack_value *value = stack_value_find(&adapter->settings, "*NetworkDirect");
    bool is_on = value && value->kind == STACK_VALUE_TEXT ? strcmp(value->text, "0") != 0 : value && value->number;
    return is_on || adapter->lower_count || (adapter->driver && strcmp(adapter->driver->name, "vnic"));
}

static void
check_adapter(const struct check *check)
{
    const struct stack_box *box = check->box;
    const char *wanted = text_of(check, "adapter");
    const char **words = stack_arena_array(check->reader->arena, box->adapter_count + 1, sizeof *words);
    bool has_name = stack_value_find(&check->service->settings, "adapter"), is_there = !has_name, has_ndk = false;
    for (size_t i = 0; i < box->adapter_count; i++) {
        const struct stack_adapter *adapter = &box->adapters[i];
        bool is_it = !has_name || !strcmp(adapter->name, wanted);
        words[i] = adapter->name;
        is_there = is_there || is_it;
        has_ndk = has_ndk || (is_it && may_have_ndk(adapter));
    }
    const char *hint = stack_hint(check->reader, wanted, words), *all = stack_words_join(check->reader->arena, words);
    if (!is_there)
        complain(check, "adapter", stack_arena_format(check->reader->arena, "an adapter of this box%s: %s", hint, all));
    else if (!has_ndk)
        stack_error(check->reader, check->service->place, "%s: %s%s has %sNDK; give vnic the setting \"*NetworkDirect\": 1", check->path,
                    has_name ? "adapter " : "no adapter of this box", wanted, has_name ? "no " : "");
}

static void
check_lengths(const struct check *check)
{
    const struct stack_value *settings = &check->service->settings;
    for (size_t i = 0; i < settings->count; i++)
        if (settings->children[i].kind == STACK_VALUE_TEXT && strlen(settings->children[i].text) > TEXT_MAX)
            complain(check, settings->children[i].name, stack_arena_format(check->reader->arena, "at most %d characters", TEXT_MAX));
}

void
stack_check_ndkping(struct stack_reader *reader, const struct stack_box *box, const struct stack_service *service, const char *path)
{
    static const char *const of_clients[] = {"tests", "sizes", "count", "depth", "delay"};
    struct check check = {reader, box, service, path};
    bool is_client = !strcmp(text_of(&check, "role"), "client");
    check_addresses(&check, is_client);
    if (is_client) {
        check_tests(&check);
        check_sizes(&check);
    }
    for (size_t i = 0; !is_client && i < sizeof of_clients / sizeof *of_clients; i++)
        if (stack_value_find(&service->settings, of_clients[i]))
            complain(&check, of_clients[i], "nothing: what is done is the client's setting");
    if (is_client && stack_value_find(&service->settings, "reject"))
        complain(&check, "reject", "nothing: only a server rejects");
    check_adapter(&check);
    check_lengths(&check);
}
