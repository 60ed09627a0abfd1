// SPDX-License-Identifier: MIT
// The Parameters key of the service, read and judged before anything starts. Lists are words between spaces or commas. What each setting
// means stands in README.md; numbers come as REG_DWORD, all else as REG_SZ.
#include "ndkping.h"

#include <ip2string.h>

#define DIRECT (RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK)
#define TYPE(type) ((ULONG)(type) << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT)
#define LINE 256

struct ping_settings ping_settings;
const char *const ping_test_words[PING_TESTS] = {"ping", "send", "read", "write"};

// Texts as the registry has them.
struct texts {
    UNICODE_STRING role, adapter, local, peer, tests, sizes;
};

static NTSTATUS
bad(const char *key, const char *wanted)
{
    DbgPrint("ndkping: %s: %s\n", key, wanted);
    return STATUS_INVALID_PARAMETER;
}

// A text of the registry as ASCII; nothing longer, nothing else.
static BOOLEAN
text_copy(const UNICODE_STRING *from, char to[LINE])
{
    ULONG count = from->Length / sizeof(WCHAR);
    if (count >= LINE)
        return FALSE;
    for (ULONG i = 0; i < count; i++) {
        if (from->Buffer[i] < ' ' || from->Buffer[i] > '~')
            return FALSE;
        to[i] = (char)from->Buffer[i];
    }
    to[count] = 0;
    return TRUE;
}

// The next word of a list, cut out of it; NULL at its end.
static char *
word_next(char **at)
{
    char *word = *at;
    while (*word == ' ' || *word == ',')
        word++;
    if (!*word)
        return NULL;
    char *end = word;
    while (*end && *end != ' ' && *end != ',')
        end++;
    *at = *end ? end + 1 : end;
    *end = 0;
    return word;
}

static BOOLEAN
address_read(const char *text, SOCKADDR_INET *address)
{
    PCSTR end;
    *address = (SOCKADDR_INET){0};
    if (NT_SUCCESS(RtlIpv4StringToAddressA(text, TRUE, &end, &address->Ipv4.sin_addr)) && !*end) {
        address->si_family = AF_INET;
        return TRUE;
    }
    address->si_family = AF_INET6;
    return NT_SUCCESS(RtlIpv6StringToAddressA(text, &end, &address->Ipv6.sin6_addr)) && !*end;
}

static NTSTATUS
addresses_read(const struct texts *texts, struct ping_settings *s, ULONG port)
{
    char line[LINE], *at = line, *word;
    if (!text_copy(&texts->local, line))
        return bad("local", "IPv4 or IPv6 addresses of this box");
    while ((word = word_next(&at))) {
        if (s->n_local == PING_LISTENERS || !address_read(word, &s->local[s->n_local]))
            return bad("local", "one to four IPv4 or IPv6 addresses of this box");
        // The port has the same place in both kinds of address. A client's is chosen for it.
        s->local[s->n_local++].Ipv4.sin_port = s->is_client ? 0 : RtlUshortByteSwap((USHORT)port);
    }
    if (!s->n_local || (s->is_client && s->n_local != 1))
        return bad("local", s->is_client ? "one address of this box, to connect from" : "an address of this box, or up to four");
    if (!s->is_client)
        return STATUS_SUCCESS;
    if (!text_copy(&texts->peer, line) || !address_read(line, &s->peer) || s->peer.si_family != s->local[0].si_family)
        return bad("peer", "the server's address, of the family of local");
    s->peer.Ipv4.sin_port = RtlUshortByteSwap((USHORT)port);
    return STATUS_SUCCESS;
}

static NTSTATUS
sizes_read(const struct texts *texts, struct ping_settings *s)
{
    char line[LINE], *at = line, *word;
    if (!text_copy(&texts->sizes, line))
        return bad("sizes", "numbers of bytes");
    while ((word = word_next(&at))) {
        ULONG number = 0;
        for (const char *c = word; *c; c++) {
            if (*c < '0' || *c > '9' || number > s->buffer_bytes)
                return bad("sizes", "numbers of bytes, none above buffer");
            number = number * 10 + (ULONG)(*c - '0');
        }
        if (!number || number > s->buffer_bytes || s->n_sizes == PING_SIZES)
            return bad("sizes", "one to 32 numbers of bytes, none above buffer");
        s->sizes[s->n_sizes++] = number;
    }
    if (!s->n_sizes)
        s->sizes[s->n_sizes++] = 64; // as rping
    return STATUS_SUCCESS;
}

static NTSTATUS
tests_read(const struct texts *texts, struct ping_settings *s)
{
    char line[LINE], *at = line, *word;
    if (!text_copy(&texts->tests, line))
        return bad("tests", "some of ping, send, read, write");
    while ((word = word_next(&at))) {
        ULONG i = 0;
        while (i < PING_TESTS && strcmp(word, ping_test_words[i]))
            i++;
        if (i == PING_TESTS)
            return bad("tests", "some of ping, send, read, write");
        s->tests |= 1u << i;
    }
    if (!s->tests)
        s->tests = 1u << PING_PING;
    return STATUS_SUCCESS;
}

static NTSTATUS
texts_judge(const struct texts *texts, struct ping_settings *s, ULONG port)
{
    char line[LINE];
    if (!text_copy(&texts->role, line) || (strcmp(line, "client") && strcmp(line, "server")))
        return bad("role", "client or server");
    s->is_client = !strcmp(line, "client");
    if (!text_copy(&texts->adapter, line) || strlen(line) >= PING_TEXT)
        return bad("adapter", "the name of an adapter of this box");
    strcpy(s->adapter, line);
    NTSTATUS status = addresses_read(texts, s, port);
    if (NT_SUCCESS(status))
        status = sizes_read(texts, s);
    if (NT_SUCCESS(status))
        status = tests_read(texts, s);
    return status;
}

static NTSTATUS
numbers_judge(const struct ping_settings *s, ULONG port)
{
    if (!port || port > 65535)
        return bad("port", "1 to 65535");
    if (!s->count || s->count > 100000000)
        return bad("count", "1 to 100000000");
    if (s->depth < 2 || s->depth > 1024)
        return bad("depth", "2 to 1024");
    if (!s->reads || s->reads > 1024)
        return bad("reads", "1 to 1024");
    if (s->buffer_bytes < PING_MESSAGE || s->buffer_bytes > PING_REGION_BYTES / 2)
        return bad("buffer", "16 to 4194304");
    if (!s->timeout_s || s->timeout_s > 86400 || s->retry_s > 86400 || s->start_delay_ms > 60000)
        return bad("timeout, retry, delay", "1 to 86400 s, 0 to 86400 s, 0 to 60000 ms");
    return STATUS_SUCCESS;
}

static VOID
texts_free(struct texts *texts)
{
    UNICODE_STRING *all[] = {&texts->role, &texts->adapter, &texts->local, &texts->peer, &texts->tests, &texts->sizes};
    for (ULONG i = 0; i < ARRAYSIZE(all); i++) {
        if (all[i]->Buffer)
            RtlFreeUnicodeString(all[i]);
    }
}

#define WORDS(key, field) {.Flags = DIRECT, .Name = (PWSTR)(key), .EntryContext = &texts.field, .DefaultType = TYPE(REG_SZ)}
#define NUMBER(key, field) {.Flags = DIRECT, .Name = (PWSTR)(key), .EntryContext = &(field), .DefaultType = TYPE(REG_DWORD)}

NTSTATUS
ping_settings_read(const UNICODE_STRING *service)
{
    struct ping_settings *s = &ping_settings;
    struct texts texts = {0};
    ULONG port = 7174; // rping's
    *s = (struct ping_settings){.count = 100, .depth = 64, .reads = 16, .buffer_bytes = 1u << 20, .timeout_s = 30, .retry_s = 10};
    RTL_QUERY_REGISTRY_TABLE table[] = {
        {.Flags = RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_REQUIRED, .Name = (PWSTR)L"Parameters"},
        WORDS(L"role", role), WORDS(L"adapter", adapter), WORDS(L"local", local), WORDS(L"peer", peer),
        WORDS(L"tests", tests), WORDS(L"sizes", sizes), NUMBER(L"port", port), NUMBER(L"count", s->count),
        NUMBER(L"depth", s->depth), NUMBER(L"reads", s->reads), NUMBER(L"buffer", s->buffer_bytes),
        NUMBER(L"delay", s->start_delay_ms), NUMBER(L"timeout", s->timeout_s), NUMBER(L"retry", s->retry_s),
        NUMBER(L"reject", s->reject), NUMBER(L"json", s->json), NUMBER(L"poll", s->poll), {0}};
    // The path of the service's key need not end with a 0.
    WCHAR *path = ping_alloc(service->Length + sizeof(WCHAR));
    if (!path)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(path, service->Buffer, service->Length);
    NTSTATUS status = RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, path, table, NULL, NULL);
    ping_free(path);
    if (!NT_SUCCESS(status))
        DbgPrint("ndkping: the settings cannot be read: 0x%08x\n", status);
    if (NT_SUCCESS(status))
        status = numbers_judge(s, port);
    if (NT_SUCCESS(status))
        status = texts_judge(&texts, s, port);
    texts_free(&texts);
    return status;
}
