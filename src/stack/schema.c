// SPDX-License-Identifier: MIT
// The one table of what a stack file may say. Checking, ndisbox-stack(5), the JSON Schema and the completion words all come from it,
// so a key added here is known everywhere; a key with a `later` sentence is reserved and refused by name.
#include <string.h>

#include "stack/stack_int.h"

#define DURATION_MAX (8760 * 3600 * UINT64_C(1000000000))

// The kinds of ports, as the wire room opens them.
const char *const schema_port_kinds[] = {"wire", "stream", "stream-listen", "tap", "packet", "pcap", "sink", "none", "?xdp", NULL};
const char *const schema_states[] = {"running", "paused", "link-up", "link-down", "removed", NULL};
const char *const schema_actions[] = {"pause", "restart", "reset", "sleep", "wake", "link-down", "link-up", "detach", "remove",
                                      "surprise-remove", NULL};
const char *const schema_whens[] = {"any", "established", "half-closed", NULL};
const char *const schema_endings[] = {"release", "abort", NULL};
const char *const schema_top_counters[] = {"findings", NULL};
const char *const schema_counters[] = {"rx_frames", "tx_frames", "rx_bytes", "tx_bytes", "rx_dropped", "tx_dropped", NULL};
static const char *const idle_words[] = {"ok", NULL};

#define WITHIN(text) \
    {.name = "within", \
     .type = SCHEMA_DURATION, \
     .min = 1, \
     .max = DURATION_MAX, \
     .fallback = text, \
     .doc = "The step is a finding when it takes longer than this"}
#define IDLE {.name = "idle", .type = SCHEMA_WORD, .words = idle_words, .doc = "Says that seeing no frame is no finding here"}

static const struct schema_key wait_keys[] = {
    {.name = "for", .type = SCHEMA_DURATION, .min = 1, .max = DURATION_MAX, .doc = "Let this much time pass; stands alone"},
    {.name = "adapter", .type = SCHEMA_ADAPTER, .doc = "The adapter whose state is awaited"},
    {.name = "state", .type = SCHEMA_WORD, .words = schema_states, .doc = "The state to wait for"},
    {.name = "service",
     .type = SCHEMA_TEXT,
     .doc = "BOX.SERVICE, until it says that its work is done or has failed, as a client of ndkping does and a server does not; a failure "
            "is a finding"},
    WITHIN("30s"),
    {0}};
static const struct schema_map wait_map = {"wait", "Wait for a state of an adapter, for a service, or let time pass", wait_keys};

static const struct schema_key traffic_keys[] = {
    {.name = "from",
     .type = SCHEMA_ADAPTER,
     .required = true,
     .doc = "The adapter that sends; a generator is bound to it as a protocol"},
    {.name = "to", .type = SCHEMA_ADAPTER, .required = true, .doc = "The adapter whose address the frames carry"},
    {.name = "frames", .type = SCHEMA_INT, .required = true, .min = 1, .max = UINT64_C(1000000000000), .doc = "How many frames"},
    {.name = "sizes",
     .type = SCHEMA_SIZES,
     .min = 60,
     .max = 65535,
     .fallback = "64..1514",
     .doc = "Bytes of a frame, Ethernet header included and frame check sequence not; from LOW..HIGH the sizes go round"},
    WITHIN("60s"),
    {0}};
static const struct schema_map traffic_map = {
    "traffic", "Send numbered frames from one adapter to another and wait for their completion", traffic_keys};

static const struct schema_key oid_keys[] = {
    {.name = "adapter", .type = SCHEMA_ADAPTER, .required = true, .doc = "The adapter that is asked"},
    {.name = "query", .type = SCHEMA_OID, .doc = "The OID to query"},
    {.name = "set", .type = SCHEMA_OID, .doc = "The OID to set; needs value"},
    {.name = "value", .type = SCHEMA_OID_VALUE, .doc = "What to set: an integer (4 bytes, low byte first), or bytes as hex:01 0a"},
    {.name = "expect", .type = SCHEMA_STATUS, .fallback = "NDIS_STATUS_SUCCESS", .doc = "The status that must come back"},
    WITHIN("10s"),
    {0}};
static const struct schema_map oid_map = {"oid", "Send one OID request down an adapter's stack", oid_keys};

static const struct schema_key do_keys[] = {
    {.name = "adapter", .type = SCHEMA_ADAPTER, .required = true, .doc = "The adapter it is done to"},
    {.name = "action", .type = SCHEMA_WORD, .required = true, .words = schema_actions, .doc = "What is done"},
    {.name = "filter", .type = SCHEMA_NAME, .doc = "The filter driver to detach; only with action: detach"},
    WITHIN("30s"),
    {0}};
static const struct schema_map do_map = {"do", "What the PnP manager, the power manager or a hand on the cable would do", do_keys};

static const struct schema_key expect_keys[] = {{.name = "findings", .type = SCHEMA_COMPARE, .doc = "Findings of the whole run so far"},
                                                {.name = "within",
                                                 .type = SCHEMA_DURATION,
                                                 .max = DURATION_MAX,
                                                 .fallback = "0",
                                                 .doc = "Until then the expectations may still come true"},
                                                {0}};
static const struct schema_map expect_map = {
    "expect", "Compare counters; each line that is not true is a finding. Keys are BOX.ADAPTER.COUNTER", expect_keys};

#define CONNECTION \
    {.name = "connection", \
     .type = SCHEMA_TEXT, \
     .required = true, \
     .doc = "BOX:PORT, the TCP connections whose port in this box it is; \"BOX:*\": all of the box"}

static const struct schema_key offload_keys[] = {
    CONNECTION,
    {.name = "when", .type = SCHEMA_WORD, .words = schema_whens, .fallback = "any", .doc = "In which state a connection must be"},
    {.name = "rounds",
     .type = SCHEMA_INT,
     .min = 1,
     .max = UINT64_C(1000000),
     .fallback = "1",
     .doc = "More than 1: so often handed over and taken back, at moments that the run's seed draws"},
    WITHIN("30s"),
    {0}};
static const struct schema_map offload_map = {
    "offload", "Hand TCP connections to the offload target of their adapter (tcpip with chimney: on)", offload_keys};

static const struct schema_key upload_keys[] = {CONNECTION, WITHIN("30s"), {0}};
static const struct schema_map upload_map = {"upload", "Take TCP connections back from an offload target", upload_keys};

static const struct schema_key call_keys[] = {
    {.name = "box", .type = SCHEMA_NAME, .required = true, .doc = "The box whose tcpip is asked"},
    {.name = "to", .type = SCHEMA_TEXT, .required = true, .doc = "An echo service: ADDRESS:PORT, or [ADDRESS]:PORT for IPv6"},
    {.name = "port",
     .type = SCHEMA_INT,
     .required = true,
     .min = 1,
     .max = 65535,
     .doc = "The port in this box; what the call is known by"},
    WITHIN("30s"),
    {0}};
static const struct schema_map call_map = {
    "call", "Open a TCP connection with a TDI client of the runner's own, which sends all the while and checks what comes back", call_keys};

static const struct schema_key hang_up_keys[] = {
    {.name = "connection", .type = SCHEMA_TEXT, .required = true, .doc = "BOX:PORT of a call"},
    {.name = "by",
     .type = SCHEMA_WORD,
     .words = schema_endings,
     .fallback = "release",
     .doc = "release: when all that was sent has come back, TDI_DISCONNECT with TDI_DISCONNECT_RELEASE; abort: at once, with _ABORT"},
    {.name = "after",
     .type = SCHEMA_INT,
     .max = UINT64_C(1000000000000),
     .fallback = "0",
     .doc = "So many bytes must have come back before"},
    WITHIN("30s"),
    {0}};
static const struct schema_map hang_up_map = {
    "hang-up", "End a call. A byte that came back wrong, and a connection that ended by itself, are findings", hang_up_keys};

static const struct schema_key step_keys[] = {
    {.name = "wait", .type = SCHEMA_MAP, .map = &wait_map, .doc = "Wait for a state of an adapter, for a service, or let time pass"},
    {.name = "traffic", .type = SCHEMA_MAP, .map = &traffic_map, .doc = "Send frames from one adapter to another"},
    {.name = "oid", .type = SCHEMA_MAP, .map = &oid_map, .doc = "Send one OID request"},
    {.name = "do", .type = SCHEMA_MAP, .map = &do_map, .doc = "Pause, restart, reset, unplug, remove"},
    {.name = "expect", .type = SCHEMA_EXPECTATIONS, .map = &expect_map, .doc = "Compare counters"},
    {.name = "offload",
     .type = SCHEMA_MAP,
     .map = &offload_map,
     .doc = "Hand TCP connections to an offload target"},
    {.name = "upload",
     .type = SCHEMA_MAP,
     .map = &upload_map,
     .doc = "Take TCP connections back from an offload target"},
    {.name = "call", .type = SCHEMA_MAP, .map = &call_map, .doc = "Connect to an echo service through tcpip, and send"},
    {.name = "hang-up", .type = SCHEMA_MAP, .map = &hang_up_map, .doc = "End a call"},
    {0}};
static const struct schema_map step_map = {"step", "One step of the script", step_keys};

static const struct schema_key wire_keys[] = {
    {.name = "rate", .type = SCHEMA_RATE, .max = UINT64_C(10000000000000), .fallback = "no limit", .doc = "Bits a second, each way"},
    {.name = "delay", .type = SCHEMA_DURATION, .max = 3600 * UINT64_C(1000000000), .fallback = "0", .doc = "Time on the way"},
    {.name = "jitter",
     .type = SCHEMA_DURATION,
     .max = 3600 * UINT64_C(1000000000),
     .fallback = "0",
     .doc = "Up to this much more time, drawn for each frame"},
    {.name = "loss", .type = SCHEMA_PERCENT, .fallback = "0%", .doc = "Frames that get lost"},
    {.name = "reorder", .type = SCHEMA_PERCENT, .fallback = "0%", .doc = "Frames that overtake others"},
    {.name = "duplicate", .type = SCHEMA_PERCENT, .fallback = "0%", .doc = "Frames that arrive twice"},
    {.name = "corrupt", .type = SCHEMA_PERCENT, .fallback = "0%", .doc = "Frames that arrive with a wrong byte"},
    {.name = "seed", .type = SCHEMA_INT, .max = UINT64_MAX, .fallback = "1", .doc = "Where the draws of this wire begin"},
    {0}};
static const struct schema_map wire_map = {"wire", "A cable inside the process. An empty map is a perfect one", wire_keys};

static const struct schema_key driver_keys[] = {
    {.name = "path",
     .type = SCHEMA_PATH,
     .doc = "The driver image, a shared object; this or project is needed unless the name is that of a bundled driver"},
    {.name = "registry",
     .type = SCHEMA_VALUES,
     .doc = "Values below the driver's service key, for example { Parameters: { Debug: 1 } }"},
    {.name = "grant",
     .type = SCHEMA_PATH,
     .doc = "A directory of the host that the driver may read and write files in; it sees it as \\??\\NAME, with the driver's name"},
    IDLE,
    {.name = "inf",
     .type = SCHEMA_PATHS,
     .max = 2,
     .doc = "The driver's INF, INX or .inf.in: its service, registry, settings, and what it binds to; an intermediate driver has two"},
    {.name = "subst", .type = SCHEMA_VALUES, .doc = "What @NAME@ stands for in the INF and in the project's templates: { NAME: text }"},
    {.name = "model",
     .type = SCHEMA_TEXT,
     .fallback = "the last",
     .doc = "Which model of the INF, by its hardware id or install section"},
    {.name = "project",
     .type = SCHEMA_PATH,
     .doc = "In place of path: the driver's project (.vcxproj, .vcxproj.in, SOURCES or one .c file), built into the cache when needed; "
            "ndisbox-build(1)"},
    {0}};
static const struct schema_map driver_map = {"driver", "A driver image that the box loads", driver_keys};

static const struct schema_key adapter_keys[] = {
    {.name = "driver", .type = SCHEMA_NAME, .required = true, .doc = "The miniport driver: a bundled one, or a name from drivers:"},
    {.name = "port",
     .type = SCHEMA_PORT,
     .words = schema_port_kinds,
     .doc = "What the virtual NIC is plugged into; vnic needs it and no other driver has it"},
    {.name = "mac",
     .type = SCHEMA_MAC,
     .fallback = "02:6e:62:00:BOX:ADAPTER, counted from 0",
     .doc = "The permanent address of a vnic. A virtual miniport that has one finds it as its NetworkAddress"},
    {.name = "settings", .type = SCHEMA_VALUES, .doc = "Values of the adapter's key, for example the standard INF keywords"},
    {.name = "above",
     .type = SCHEMA_LOWERS,
     .doc = "Makes this a virtual miniport of the intermediate driver that driver: names, over that adapter of the box or those "
            "adapters"},
    {.name = "intermediates",
     .type = SCHEMA_MODULES,
     .doc = "Intermediate drivers, bottom to top. Each makes one virtual miniport, named ADAPTER-DRIVER, and what filters: and "
            "protocols: "
            "list stands above the highest; where adapters of that driver are declared with above:, those are used, and the entry only "
            "has the settings of its binding"},
    {.name = "filters", .type = SCHEMA_MODULES, .doc = "Filter drivers, bottom to top"},
    {.name = "protocols", .type = SCHEMA_MODULES, .doc = "Protocol drivers to bind"},
    IDLE,
    {0}};
static const struct schema_map adapter_map = {"adapter", "A network adapter: a miniport with what stands above it", adapter_keys};

static const struct schema_key box_keys[] = {
    {.name = "processors", .type = SCHEMA_INT, .min = 1, .max = 64, .fallback = "1", .doc = "Virtual processors"},
    {.name = "drivers",
     .type = SCHEMA_NAMED,
     .map = &driver_map,
     .doc = "Drivers beyond the bundled ones, and registry values for any"},
    {.name = "adapters", .type = SCHEMA_NAMED, .map = &adapter_map, .required = true, .doc = "Network adapters, by name"},
    {.name = "services",
     .type = SCHEMA_SERVICES,
     .doc = "Drivers that are clients of transports: bundled ones with the settings below, or names from drivers: with any settings, "
            "which "
            "become values of the service's Parameters key. Each is loaded in this order when the adapters run, and unloaded before they "
            "go; a client that stands under drivers: alone is loaded before there is an adapter and unloaded after the last one"},
    {.name = "files",
     .type = SCHEMA_VALUES,
     .later = "files (a driver's user-mode side) are not built yet; take the section out",
     .doc = "The user-mode side of a driver's device"},
    {0}};
static const struct schema_map box_map = {"box", "One Windows machine", box_keys};

static const struct schema_key root_keys[] = {
    {.name = "ndisbox",
     .type = SCHEMA_INT,
     .required = true,
     .min = STACK_SCHEMA_VERSION,
     .max = STACK_SCHEMA_VERSION,
     .doc = "The version of this format"},
    {.name = "boxes", .type = SCHEMA_NAMED, .map = &box_map, .required = true, .doc = "The Windows machines, by name"},
    {.name = "wires", .type = SCHEMA_NAMED, .map = &wire_map, .doc = "The cables inside the process, by name"},
    {.name = "script", .type = SCHEMA_CHOICES, .map = &step_map, .doc = "What happens, step by step; the run ends when it does"},
    {0}};
const struct schema_map schema_root = {"stack", "A stack file", root_keys};

// ---- the bundled drivers' settings

static const struct schema_key tdiecho_keys[] = {
    {.name = "Port",
     .type = SCHEMA_INT,
     .max = 65535,
     .fallback = "0: all of them",
     .doc = "The one service to offer: 7 (echo), 9 (discard) or 19 (character generator)"},
    {.name = "Endpoints",
     .type = SCHEMA_INT,
     .min = 1,
     .max = 1000000,
     .fallback = "64",
     .doc = "Connections of a service and an address at one time; a client beyond them is refused"},
    {.name = "BufferBytes", .type = SCHEMA_INT, .min = 1024, .max = 16777216, .fallback = "65536", .doc = "Of one send or receive"},
    {0}};
static const struct schema_map tdiecho_map = {
    "service tdiecho", "Echo (port 7), discard (9) and character generator (19) over TCP, echo over UDP", tdiecho_keys};

static const struct schema_key tdihttpd_keys[] = {
    {.name = "root", .type = SCHEMA_DIRECTORY, .required = true, .doc = "What is served; nothing outside is ever read"},
    {.name = "port", .type = SCHEMA_INT, .min = 1, .max = 65535, .fallback = "80", .doc = "The TCP port, of both families"},
    {.name = "upload",
     .type = SCHEMA_DIRECTORY,
     .min = 1,
     .fallback = "PUT is refused with 405",
     .doc = "Where PUT makes and replaces files; it may be the same as root"},
    {.name = "connections",
     .type = SCHEMA_INT,
     .min = 1,
     .max = 65536,
     .fallback = "1024",
     .doc = "Connections of a family at one time; a client beyond them is refused"},
    {.name = "timeout",
     .type = SCHEMA_INT,
     .min = 1,
     .max = 86400,
     .fallback = "60",
     .doc = "Seconds after which a connection on which nothing moves is ended"},
    {0}};
static const struct schema_map tdihttpd_map = {
    "service tdihttpd", "Files over HTTP/1.1, over TCP of both families. Its README says what it answers", tdihttpd_keys};

static const char *const ndkping_roles[] = {"client", "server", NULL};
static const struct schema_key ndkping_keys[] = {
    {.name = "role", .type = SCHEMA_WORD, .words = ndkping_roles, .required = true, .doc = "Who connects, and who listens"},
    {.name = "local",
     .type = SCHEMA_TEXT,
     .required = true,
     .doc = "The address to connect from, or up to four to listen on, between spaces; they are tcpip's, of the same adapter"},
    {.name = "peer", .type = SCHEMA_TEXT, .fallback = "a server has none", .doc = "The address to connect to"},
    {.name = "port", .type = SCHEMA_INT, .min = 1, .max = 65535, .fallback = "7174, as rping's", .doc = "The server's port"},
    {.name = "adapter", .type = SCHEMA_TEXT, .fallback = "each that has NDK", .doc = "The adapter, by name"},
    {.name = "tests",
     .type = SCHEMA_TEXT,
     .fallback = "ping",
     .doc = "Some of ping (rping's protocol), send, read, write (latency and rate, between two ndkpings), between spaces"},
    {.name = "sizes", .type = SCHEMA_TEXT, .fallback = "64", .doc = "Bytes, up to 32 numbers between spaces: every test is done with each"},
    {.name = "count", .type = SCHEMA_INT, .min = 1, .max = 100000000, .fallback = "100", .doc = "Rounds or requests of a test"},
    {.name = "depth", .type = SCHEMA_INT, .min = 2, .max = 1024, .fallback = "64", .doc = "Requests that a rate has out at one time"},
    {.name = "reads", .type = SCHEMA_INT, .min = 1, .max = 1024, .fallback = "16", .doc = "Reads that may be out, each way"},
    {.name = "buffer",
     .type = SCHEMA_INT,
     .min = 16,
     .max = 4194304,
     .fallback = "1048576",
     .doc = "The longest message; a server gives each connection two such buffers"},
    {.name = "delay",
     .type = SCHEMA_INT,
     .max = 60000,
     .fallback = "0",
     .doc = "Milliseconds between connecting and the first message; Linux's siw wants 300 (it can overlook what comes sooner)"},
    {.name = "timeout",
     .type = SCHEMA_INT,
     .min = 1,
     .max = 86400,
     .fallback = "30",
     .doc = "Seconds without any completion after which a test has failed"},
    {.name = "retry",
     .type = SCHEMA_INT,
     .max = 86400,
     .fallback = "10",
     .doc = "Seconds for which a connect that finds nobody is tried again, and a listen without its address"},
    {.name = "reject", .type = SCHEMA_INT, .max = 1, .fallback = "0", .doc = "1: a server rejects every connection"},
    {.name = "json", .type = SCHEMA_INT, .max = 1, .fallback = "0", .doc = "1: each result is one line of JSON"},
    {.name = "poll", .type = SCHEMA_INT, .max = 1, .fallback = "0", .doc = "1: look for completions all the time, instead of being told"},
    {0}};
static const struct schema_map ndkping_map = {
    "service ndkping", "rping over NDK, as client or server, and measurements. Its README says what it prints", ndkping_keys};

static const char *const chimney_words[] = {"off", "on", "always", NULL};
static const struct schema_key tcpip_keys[] = {
    {.name = "addresses",
     .type = SCHEMA_TEXTS,
     .max = 16,
     .fallback = "what IPv6 finds by itself",
     .doc = "ADDRESS/BITS of the adapter, of both families"},
    {.name = "gateway", .type = SCHEMA_TEXTS, .max = 4, .fallback = "no default route", .doc = "The default route of its family"},
    {.name = "mtu", .type = SCHEMA_INT, .min = 576, .max = 65535, .fallback = "the adapter's", .doc = "Bytes of an IP packet, at most"},
    {.name = "probes",
     .type = SCHEMA_INT,
     .max = 10,
     .fallback = "0: at once",
     .doc = "How often an address is probed before it is used (RFC 5227)"},
    {.name = "chimney",
     .type = SCHEMA_WORD,
     .words = chimney_words,
     .fallback = "off",
     .doc = "Whether TCP connections may go to the adapter's offload target: on, those that a script asks for and those that the next "
            "three choose; always, each as soon as it is open"},
    {.name = "chimney_after",
     .type = SCHEMA_INT,
     .max = 86400000,
     .fallback = "0: none goes by itself",
     .doc = "Milliseconds that a connection must have been open, with chimney: on; one that does not go is looked at again after as many"},
    {.name = "chimney_rate",
     .type = SCHEMA_INT,
     .max = 4194303,
     .fallback = "0",
     .doc = "KB a second that it must have moved meanwhile, both ways together"},
    {.name = "chimney_rest",
     .type = SCHEMA_INT,
     .max = 86400000,
     .fallback = "10000",
     .doc = "Milliseconds until one that the target refused or gave back is looked at again; twice as long each further time"},
    {0}};
static const struct schema_map tcpip_map = {"protocol tcpip", "TCP/IP. Its README says what is decided how", tcpip_keys};

const struct stack_bundled stack_bundled[] = {
    {"vnic", STACK_DRIVER_MINIPORT, NULL},
    {"lwfmon", STACK_DRIVER_FILTER, NULL},
    {"tapproto", STACK_DRIVER_PROTOCOL, NULL},
    {"echoproto", STACK_DRIVER_PROTOCOL, NULL},
    {"tcpip", STACK_DRIVER_PROTOCOL, &tcpip_map},
    {"tdiecho", STACK_DRIVER_CLIENT, &tdiecho_map},
    {"tdihttpd", STACK_DRIVER_CLIENT, &tdihttpd_map},
    {"ndkping", STACK_DRIVER_CLIENT, &ndkping_map},
    {"tdimem", STACK_DRIVER_ANY, NULL},
    {"passthru", STACK_DRIVER_INTERMEDIATE, NULL},
    {NULL, STACK_DRIVER_ANY, NULL}};

const struct stack_bundled *
stack_bundled_find(const char *name)
{
    for (const struct stack_bundled *driver = stack_bundled; driver->name; driver++)
        if (!strcmp(driver->name, name))
            return driver;
    return NULL;
}

const char *
stack_driver_kind_words(enum stack_driver_kind kind)
{
    switch (kind) {
    case STACK_DRIVER_MINIPORT: return "a miniport driver";
    case STACK_DRIVER_INTERMEDIATE: return "an intermediate driver";
    case STACK_DRIVER_FILTER: return "a filter driver";
    case STACK_DRIVER_PROTOCOL: return "a protocol driver";
    case STACK_DRIVER_CLIENT: return "a client driver";
    default: return "a driver";
    }
}

const struct schema_key *
schema_key_find(const struct schema_map *map, const char *name)
{
    for (const struct schema_key *key = map->keys; key->name; key++)
        if (!strcmp(key->name, name))
            return key;
    return NULL;
}

const char *
schema_type_words(const struct schema_key *key, struct stack_arena *arena)
{
    switch (key->type) {
    case SCHEMA_TEXT: return "text";
    case SCHEMA_NAME: return "a name (letters, digits, _ and -, at most 32)";
    case SCHEMA_BOOL: return "on or off";
    case SCHEMA_INT:
        if (key->min == key->max)
            return stack_arena_format(arena, "%llu", (unsigned long long)key->min);
        if (key->max == UINT64_MAX)
            return "an integer";
        return stack_arena_format(arena, "an integer from %llu to %llu", (unsigned long long)key->min, (unsigned long long)key->max);
    case SCHEMA_SIZES:
        return stack_arena_format(arena, "bytes as N or LOW..HIGH, from %llu to %llu", (unsigned long long)key->min,
                                  (unsigned long long)key->max);
    case SCHEMA_DURATION: return "a duration such as 2ms (ns, us, ms, s, m, h)";
    case SCHEMA_RATE: return "a rate such as 1Gbit (bit, Kbit, Mbit, Gbit; a second)";
    case SCHEMA_PERCENT: return "a percentage such as 0.1%";
    case SCHEMA_MAC: return "a MAC address such as 02:00:00:00:00:01";
    case SCHEMA_WORD: return stack_words_join(arena, key->words);
    case SCHEMA_PATH: return "a path, relative to the file";
    case SCHEMA_PATHS:
        return stack_arena_format(arena, "a path, relative to the file, or a list of at most %llu", (unsigned long long)key->max);
    case SCHEMA_TEXTS: return stack_arena_format(arena, "a text, or a list of at most %llu", (unsigned long long)key->max);
    case SCHEMA_DIRECTORY:
        return key->min ? "a directory, relative to the file; files are made in it" : "a directory, relative to the file";
    case SCHEMA_PORT: return "wire:NAME, stream:PATH, stream-listen:PATH, tap:NAME, packet:INTERFACE, pcap:IN[,OUT], sink or none";
    case SCHEMA_ADAPTER: return "an adapter as BOX.ADAPTER";
    case SCHEMA_OID: return "an OID such as OID_GEN_MAXIMUM_FRAME_SIZE or 0x00010106";
    case SCHEMA_STATUS: return "a status such as NDIS_STATUS_SUCCESS";
    case SCHEMA_OID_VALUE: return "an integer, or bytes as hex:01 0a";
    case SCHEMA_COMPARE: return "a number, or a comparison such as \">= 1000\" (== != < <= > >=)";
    case SCHEMA_LOWERS: return "the name of an adapter of this box, or a list of such names";
    case SCHEMA_SERVICES: return "a map of driver names, each with a map of its settings";
    case SCHEMA_VALUES: return "a map of names and values";
    case SCHEMA_MAP: return "a map";
    case SCHEMA_NAMED: return stack_arena_format(arena, "a map of names, one %s each", key->map->name);
    case SCHEMA_MODULES: return "a list of driver names; one with settings is NAME: { KEY: VALUE }";
    case SCHEMA_CHOICES: return "a list of steps, each one of its words with a map";
    case SCHEMA_EXPECTATIONS: return "a map of counters (BOX.ADAPTER.COUNTER) and what they must be";
    }
    return "";
}
