// SPDX-License-Identifier: MIT
// What RDMA costs: two boxes on one wire in one process, threads scheduler, verifier off, tcpip as the host in each, a consumer of NDK of
// this file's own in each. One thread of a box posts and looks for completions all the time; nobody arms anything.
//   ndk_bench lat SECONDS DRIVERS [crc]     64-byte Sends there and back: microseconds one way, the median of all rounds
//   ndk_bench rate SECONDS DRIVERS [crc]    64-byte Writes, 32 posted at once, of which all but the last with NDK_OP_FLAG_DEFER: a second
//   ndk_bench bw SECONDS DRIVERS [crc]      64 KB Writes, 32 out: gigabytes a second
//   ndk_bench idle COUNT DRIVERS [DEPTH]    connections that do nothing, queues of DEPTH (1) and DEPTH, 8 reads each way: bytes of one end
//   ndk_bench mr BYTES DRIVERS              a region registered: microseconds, and how much memory the process has more
// The line begins with the figure. A Write counts when it is complete: the peer's TCP has acknowledged it. Without `crc` neither end wants
// CRCs. What an idle end costs is what the C library's heap has given out (mallinfo2), with its own overhead, of all that two boxes hold
// for it: QP, connector, iWARP, TCP, and what the heap's rounding adds.
#include <nbx/ndk.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <ws2ipdef.h>

#include "host/sched.h"
#include "nbx/world.h"
#include "nt/io/image.h"

#define BENCH_PORT 7175
#define SMALL 64
#define LARGE 65536
#define DEPTH 256                             // of the queues
#define AT_ONCE 32                            // Writes behind one another, of which the last is not deferred
#define LARGE_OUT 32
#define SAMPLES (1u << 20)
#define READS 8                               // that may be out, each way
#define MDL_BYTES ((SIZE_T)8 << 20)
#define WARM_NS 200000000ull                  // before anything counts

enum job {
    JOB_LAT,
    JOB_RATE,
    JOB_BW,
    JOB_IDLE,
    JOB_MR,
    JOBS
};
static const char *const job_names[JOBS] = {"lat", "rate", "bw", "idle", "mr"};

struct wait {
    KEVENT done;
    NTSTATUS status;
    NDK_OBJECT_HEADER *object;
};

struct side {                                 // a box and its consumer
    int index;
    struct box *box;
    PDRIVER_OBJECT driver;
    struct nbx_ndk_client *client;
    NET_IFINDEX if_index;
    NDK_ADAPTER *adapter;
    NDK_CQ *cq;
    NDK_PD *pd;
    NDK_MR *mr;
    NDK_QP *qp;
    NDK_CONNECTOR *connector;
    NDK_LISTENER *listener;
    UCHAR *bytes;
    MDL *mdl;
    UINT32 local, remote;                     // tokens
    NDK_CONNECTOR *arriving;
    KEVENT arrived;
};

static struct {
    enum job job;
    const char *drivers;
    bool has_crc;
    ULONG idle_depth;
    uint64_t argument;                        // nanoseconds, connections, bytes
    struct sched *sched;
    struct side side[2];                      // alpha listens, beta connects
    _Atomic bool is_listening, is_ready, is_over;
    double figure, heap, resident;
    uint64_t count;
} bench;

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "ndk_bench: %s, so there is no figure\n", what);
    exit(1);
}

static uint64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// ---- calls that may pend ----------------------------------------------------------------------------------------------------------------

static void
wait_init(struct wait *wait)
{
    KeInitializeEvent(&wait->done, NotificationEvent, FALSE);
    wait->object = NULL;
}

static NTAPI VOID
on_done(PVOID context, NTSTATUS status)
{
    struct wait *wait = context;
    wait->status = status;
    KeSetEvent(&wait->done, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
on_closed(PVOID context)
{
    on_done(context, STATUS_SUCCESS);
}

static NTAPI VOID
on_made(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *object)
{
    ((struct wait *)context)->object = object;
    on_done(context, status);
}

static NTSTATUS
wait_end(struct wait *wait, NTSTATUS returned)
{
    if (returned != STATUS_PENDING)
        return returned;
    KeWaitForSingleObject(&wait->done, Executive, KernelMode, FALSE, NULL);
    return wait->status;
}

// Make an object, inline or later.
#define CREATE(made, call) \
    do { \
        struct wait wait; \
        wait_init(&wait); \
        must(wait_end(&wait, (call)) == STATUS_SUCCESS, "no " #made); \
        if (wait.object) \
            (made) = (VOID *)wait.object; \
    } while (0)

static void
object_close(NDK_OBJECT_HEADER *object, NDK_FN_CLOSE_OBJECT close)
{
    struct wait wait;
    wait_init(&wait);
    must(wait_end(&wait, close(object, on_closed, &wait)) == STATUS_SUCCESS, "an object does not close");
}

// ---- a consumer -------------------------------------------------------------------------------------------------------------------------

static NTAPI VOID
consumer_unload(PDRIVER_OBJECT driver)
{
}

static NTAPI NTSTATUS
consumer_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    driver->DriverUnload = consumer_unload;
    for (int i = 0; i < 2; i++)
        if (bench.side[i].box == box_self())
            bench.side[i].driver = driver;
    return STATUS_SUCCESS;
}

static NTAPI VOID
on_arrival(PVOID context, const struct nbx_ndk_arrival *arrival)
{
    ((struct side *)context)->if_index = arrival->if_index;
}

static NTAPI VOID
on_removal(PVOID context, NET_IFINDEX if_index, enum nbx_ndk_gone why)
{
    must(false, "the adapter went");
}

static NTAPI VOID
on_notification(PVOID context, NTSTATUS status)
{
    must(NT_SUCCESS(status), "a completion queue broke");
}

static NTAPI VOID
on_connect(PVOID context, NDK_CONNECTOR *connector)
{
    struct side *side = context;
    side->arriving = connector;               // they come one at a time
    KeSetEvent(&side->arrived, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
on_disconnect(PVOID context)
{
}

static SOCKADDR_INET
address_of(int index, USHORT port)
{
    SOCKADDR_INET address = {0};
    const UCHAR bytes[4] = {10, 0, 0, (UCHAR)(index + 1)};
    address.Ipv4.sin_family = AF_INET;
    address.Ipv4.sin_port = RtlUshortByteSwap(port);
    memcpy(&address.Ipv4.sin_addr, bytes, sizeof bytes);
    return address;
}

static void
nap_ms(ULONG ms)
{
    LARGE_INTEGER interval = {.QuadPart = -(LONGLONG)ms * 10000};
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
}

static uint64_t
resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    must(file && fscanf(file, "%lu %lu", &total, &resident) == 2, "/proc/self/statm cannot be read");
    fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t
heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// One MDL describes no 16 MB.
static MDL *
mdl_chain(UCHAR *bytes, SIZE_T count)
{
    MDL *first = NULL, **end = &first;
    for (SIZE_T at = 0, here; at < count; at += here) {
        here = count - at < MDL_BYTES ? count - at : MDL_BYTES;
        *end = IoAllocateMdl(bytes + at, (ULONG)here, FALSE, FALSE, NULL);
        must(*end != NULL, "no MDL");
        MmBuildMdlForNonPagedPool(*end);
        end = &(*end)->Next;
    }
    return first;
}

// The bytes are touched before or never: what a registration itself touches shows.
static void
region_open(struct side *side, SIZE_T bytes)
{
    struct wait wait;
    side->bytes = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(side->bytes != MAP_FAILED, "no memory");
    side->mdl = mdl_chain(side->bytes, bytes);
    if (bench.job != JOB_MR)
        memset(side->bytes, 0x5A, bytes);
    CREATE(side->mr, side->pd->Dispatch->NdkCreateMr(side->pd, FALSE, on_made, &wait, &side->mr));
    uint64_t resident = resident_bytes(), heap = heap_bytes(), start = now_ns();
    wait_init(&wait);
    NTSTATUS status = side->mr->Dispatch->NdkRegisterMr(side->mr, side->mdl, bytes,
                                                        NDK_MR_FLAG_ALLOW_REMOTE_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ, on_done, &wait);
    must(wait_end(&wait, status) == STATUS_SUCCESS, "the region is not registered");
    bench.figure = (double)(now_ns() - start) / 1e3;
    bench.heap = (double)heap_bytes() - (double)heap;
    bench.resident = (double)resident_bytes() - (double)resident;
    side->local = side->mr->Dispatch->NdkGetLocalTokenFromMr(side->mr);
    side->remote = side->mr->Dispatch->NdkGetRemoteTokenFromMr(side->mr);
}

static void
region_close(struct side *side, SIZE_T bytes)
{
    struct wait wait;
    wait_init(&wait);
    must(wait_end(&wait, side->mr->Dispatch->NdkDeregisterMr(side->mr, on_done, &wait)) == STATUS_SUCCESS, "the region stays");
    object_close(&side->mr->Header, side->mr->Dispatch->NdkCloseMr);
    for (MDL *mdl = side->mdl, *next; mdl; mdl = next) {
        next = mdl->Next;
        IoFreeMdl(mdl);
    }
    munmap(side->bytes, bytes);
}

// ---- connections ------------------------------------------------------------------------------------------------------------------------

static void
qp_open(struct side *side, ULONG depth)
{
    CREATE(side->qp, side->pd->Dispatch->NdkCreateQp(side->pd, side->cq, side->cq, side, depth, depth, 1, 1, 0, on_made, &wait, &side->qp));
}

// alpha: its address is of use when nobody else has claimed it [RFC 5227].
static void
listen_begin(struct side *side)
{
    SOCKADDR_INET address = address_of(0, BENCH_PORT);
    NTSTATUS status = STATUS_PENDING;
    CREATE(side->listener, side->adapter->Dispatch->NdkCreateListener(side->adapter, on_connect, side, on_made, &wait, &side->listener));
    for (int tries = 0; status != STATUS_SUCCESS; tries++) {
        struct wait wait;
        must(tries < 600, "the address never comes");
        wait_init(&wait);
        status = side->listener->Dispatch->NdkListen(side->listener, (PSOCKADDR)&address, sizeof address.Ipv4, on_done, &wait);
        status = wait_end(&wait, status);
        if (status != STATUS_SUCCESS)
            nap_ms(50);
    }
    atomic_store(&bench.is_listening, true);
}

static void
connection_take(struct side *side, ULONG depth)
{
    struct wait wait;
    KeWaitForSingleObject(&side->arrived, Executive, KernelMode, FALSE, NULL);
    side->connector = side->arriving;
    qp_open(side, depth);
    wait_init(&wait);
    NTSTATUS status = side->connector->Dispatch->NdkAccept(side->connector, side->qp, READS, READS, NULL, 0, on_disconnect, side, on_done,
                                                           &wait);
    must(wait_end(&wait, status) == STATUS_SUCCESS, "a connection is not accepted");
}

static void
connection_make(struct side *side, ULONG depth)
{
    SOCKADDR_INET from = address_of(1, 0), to = address_of(0, BENCH_PORT);
    NTSTATUS status = STATUS_PENDING;
    struct wait wait;
    qp_open(side, depth);
    for (int tries = 0; status != STATUS_SUCCESS; tries++) {
        must(tries < 600, "the connection is not made");
        CREATE(side->connector, side->adapter->Dispatch->NdkCreateConnector(side->adapter, on_made, &wait, &side->connector));
        wait_init(&wait);
        status = side->connector->Dispatch->NdkConnect(side->connector, side->qp, (PSOCKADDR)&from, sizeof from.Ipv4, (PSOCKADDR)&to,
                                                       sizeof to.Ipv4, READS, READS, NULL, 0, on_done, &wait);
        status = wait_end(&wait, status);
        if (status == STATUS_SUCCESS)
            break;
        must(status == STATUS_INVALID_ADDRESS || status == STATUS_NETWORK_UNREACHABLE, "the connection is not made");
        object_close(&side->connector->Header, side->connector->Dispatch->NdkCloseConnector);
        nap_ms(50);
    }
    wait_init(&wait);
    status = side->connector->Dispatch->NdkCompleteConnect(side->connector, on_disconnect, side, on_done, &wait);
    must(wait_end(&wait, status) == STATUS_SUCCESS, "a connection is not completed");
}

static void
connection_close(struct side *side)
{
    object_close(&side->connector->Header, side->connector->Dispatch->NdkCloseConnector);
    object_close(&side->qp->Header, side->qp->Dispatch->NdkCloseQp);
}

// ---- lat --------------------------------------------------------------------------------------------------------------------------------

static void
post_receive(struct side *side)
{
    NDK_SGE sge = {.VirtualAddress = side->bytes + SMALL, .Length = SMALL, .MemoryRegionToken = side->local};
    must(side->qp->Dispatch->NdkReceive(side->qp, side->bytes, &sge, 1) == STATUS_SUCCESS, "a receive is refused");
}

static void
post_send(struct side *side)
{
    NDK_SGE sge = {.VirtualAddress = side->bytes, .Length = SMALL, .MemoryRegionToken = side->local};
    must(side->qp->Dispatch->NdkSend(side->qp, NULL, &sge, 1, NDK_OP_FLAG_SILENT_SUCCESS) == STATUS_SUCCESS, "a Send is refused");
}

// Until a message has come, or it is all over: false.
static bool
message_await(struct side *side)
{
    NDK_RESULT result;
    while (!side->cq->Dispatch->NdkGetCqResults(side->cq, &result, 1))
        if (atomic_load_explicit(&bench.is_over, memory_order_relaxed))
            return false;
    must(result.Status == STATUS_SUCCESS && result.RequestContext == side->bytes && result.BytesTransferred == SMALL, "a Send failed");
    post_receive(side);
    return true;
}

static int
sample_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void
lat_beta(struct side *side)
{
    uint32_t *samples = malloc(SAMPLES * sizeof *samples);
    uint64_t begin = now_ns(), last = begin, now;
    must(samples != NULL, "no memory");
    memset(samples, 0, SAMPLES * sizeof *samples);
    do {
        post_send(side);
        must(message_await(side), "the other end is gone");
        now = now_ns();
        if (now - begin > WARM_NS)
            samples[bench.count++ % SAMPLES] = now - last < UINT32_MAX ? (uint32_t)(now - last) : UINT32_MAX;
        last = now;
    } while (now - begin < WARM_NS + bench.argument);
    must(bench.count > 0, "no round in time");
    size_t have = bench.count < SAMPLES ? bench.count : SAMPLES;
    qsort(samples, have, sizeof *samples, sample_order);
    bench.figure = samples[have / 2] / 2e3;
    free(samples);
}

static void
lat_alpha(struct side *side)
{
    while (message_await(side))
        post_send(side);
}

// ---- rate, bw ---------------------------------------------------------------------------------------------------------------------------

static void
post_writes(struct side *side, ULONG bytes, unsigned count)
{
    NDK_SGE sge = {.VirtualAddress = side->bytes, .Length = bytes, .MemoryRegionToken = side->local};
    const struct side *peer = &bench.side[!side->index];
    for (unsigned i = 1; i <= count; i++)
        must(side->qp->Dispatch->NdkWrite(side->qp, NULL, &sge, 1, (UINT64)(ULONG_PTR)peer->bytes, peer->remote,
                                          i < count ? NDK_OP_FLAG_DEFER : 0) == STATUS_SUCCESS,
             "a Write is refused");
}

static void
writes_run(struct side *side)
{
    ULONG bytes = bench.job == JOB_RATE ? SMALL : LARGE;
    unsigned most = bench.job == JOB_RATE ? DEPTH : LARGE_OUT, at_once = bench.job == JOB_RATE ? AT_ONCE : 1, out = 0;
    uint64_t begin = now_ns(), from = 0, now = begin, done = 0, first = 0;
    NDK_RESULT results[64];
    while (!from || now < from + bench.argument) {
        for (; out + at_once <= most; out += at_once)
            post_writes(side, bytes, at_once);
        ULONG count = side->cq->Dispatch->NdkGetCqResults(side->cq, results, 64);
        for (ULONG i = 0; i < count; i++)
            must(results[i].Status == STATUS_SUCCESS, "a Write failed");
        out -= count;
        done += count;
        now = now_ns();
        if (!from && now >= begin + WARM_NS) {
            from = now;
            first = done;
        }
    }
    bench.count = done - first;
    bench.figure = (double)bench.count / ((double)(now - from) / 1e9);
    if (bench.job == JOB_BW)
        bench.figure *= LARGE / 1e9;
    for (ULONG i = 0; i < LARGE && bench.job == JOB_BW; i++)
        must(bench.side[0].bytes[i] == 0xA5, "what was written is not there");
}

// ---- idle -------------------------------------------------------------------------------------------------------------------------------

struct end {
    NDK_CONNECTOR *connector;
    NDK_QP *qp;
};

static void
idle_run(struct side *side)
{
    uint64_t count = bench.argument;
    struct end *ends = malloc((count + 1) * sizeof *ends);
    must(ends != NULL, "no memory");
    memset(ends, 0, (count + 1) * sizeof *ends);
    for (uint64_t i = 0; i <= count; i++) {
        if (side->index)
            connection_make(side, bench.idle_depth);
        else
            connection_take(side, bench.idle_depth);
        ends[i] = (struct end){side->connector, side->qp};
        if (!i && side->index) {              // the first one has paid for what they share
            nap_ms(1000);
            bench.heap = (double)heap_bytes();
            bench.resident = (double)resident_bytes();
        }
    }
    if (side->index) {
        nap_ms(1000);
        bench.heap = ((double)heap_bytes() - bench.heap) / (double)count / 2;
        bench.resident = ((double)resident_bytes() - bench.resident) / (double)count / 2;
        bench.figure = bench.resident;
        atomic_store(&bench.is_over, true);
    }
    while (!atomic_load(&bench.is_over))
        nap_ms(50);
    for (uint64_t i = 0; i <= count; i++) {
        side->connector = ends[i].connector;
        side->qp = ends[i].qp;
        connection_close(side);
    }
    free(ends);
}

// ---- a side, from its driver to its end -------------------------------------------------------------------------------------------------

static void
alpha_run(struct side *side)
{
    listen_begin(side);
    if (bench.job == JOB_IDLE) {
        idle_run(side);
    } else if (bench.job != JOB_MR) {
        connection_take(side, DEPTH);
        if (bench.job == JOB_LAT)
            post_receive(side);
        atomic_store(&bench.is_ready, true);
        if (bench.job == JOB_LAT)
            lat_alpha(side);
        // Writes show here in memory alone; to look for completions is what has them received at once.
        for (NDK_RESULT result; !atomic_load_explicit(&bench.is_over, memory_order_relaxed);)
            must(!side->cq->Dispatch->NdkGetCqResults(side->cq, &result, 1), "a request ended that nobody posted");
        connection_close(side);
    }
    object_close(&side->listener->Header, side->listener->Dispatch->NdkCloseListener);
}

static void
beta_run(struct side *side)
{
    while (!atomic_load(&bench.is_listening))
        nap_ms(20);
    if (bench.job == JOB_IDLE) {
        idle_run(side);
    } else if (bench.job != JOB_MR) {
        connection_make(side, DEPTH);
        while (!atomic_load(&bench.is_ready))
            nap_ms(20);
        if (bench.job == JOB_LAT)
            post_receive(side);
        (bench.job == JOB_LAT ? lat_beta : writes_run)(side);
        atomic_store(&bench.is_over, true);
        connection_close(side);
    }
}

static void
side_run(void *context)
{
    struct side *side = context;
    struct io_image_config config = {.name = "consumer", .entry = consumer_entry};
    struct nbx_ndk_client_config client = {.context = side, .on_arrival = on_arrival, .on_removal = on_removal};
    SIZE_T bytes = bench.job == JOB_MR && side->index ? bench.argument : LARGE;
    char error[256] = "";
    struct io_image *consumer;
    KeInitializeEvent(&side->arrived, SynchronizationEvent, FALSE);
    must(NT_SUCCESS(io_image_load(side->box, &config, &consumer, error, sizeof error)), error);
    client.driver = side->driver;
    must(nbx_ndk_client_register(&client, &side->client) == STATUS_SUCCESS && side->if_index, "there is no NDK");
    must(nbx_ndk_adapter_open(side->client, side->if_index, (NDK_VERSION){2, 1}, &side->adapter) == NDIS_STATUS_SUCCESS, "NDK is not open");
    const NDK_ADAPTER_DISPATCH *dispatch = side->adapter->Dispatch;
    CREATE(side->cq, dispatch->NdkCreateCq(side->adapter, 4 * DEPTH, on_notification, NULL, NULL, on_made, &wait, &side->cq));
    CREATE(side->pd, dispatch->NdkCreatePd(side->adapter, on_made, &wait, &side->pd));
    region_open(side, bytes);
    memset(side->bytes, side->index ? 0xA5 : 0x5A, bench.job == JOB_MR ? 0 : bytes);
    (side->index ? beta_run : alpha_run)(side);
    region_close(side, bytes);
    object_close(&side->pd->Header, side->pd->Dispatch->NdkClosePd);
    object_close(&side->cq->Header, side->cq->Dispatch->NdkCloseCq);
    nbx_ndk_adapter_close(side->client, side->adapter);
    nbx_ndk_client_deregister(side->client);
    must(io_image_unload(consumer) == STATUS_SUCCESS, "something was left behind");
}

static void
alpha_main(void *context)
{
    must(!box_run(bench.side[0].box, side_run, &bench.side[0]), "a box did not run");
}

// ---- the world --------------------------------------------------------------------------------------------------------------------------

static bool
driver_path(const struct stack_driver *driver, char *path, size_t bytes)
{
    return (size_t)snprintf(path, bytes, "%s/%s.so", bench.drivers, driver->name) < bytes;
}

static void
on_message(void *context, const char *text)
{
}

static void
on_finding(void *context, const char *text)
{
    must(false, text);
}

static void
world_main(void *context)
{
    struct world_config config = {.sched = bench.sched,
                                  .stack = context,
                                  .driver_path = driver_path,
                                  .on_message = on_message,
                                  .on_finding = on_finding,
                                  .verify = VERIFY_OFF};
    struct sched_thread *alpha;
    struct world *world = world_create(&config);
    must(world && world_build(world) == WORLD_OK, "the boxes do not start");
    for (int i = 0; i < 2; i++)
        bench.side[i] = (struct side){.index = i, .box = world->boxes[i].box};
    must(!sched_thread_start(bench.sched, "alpha", alpha_main, NULL, NULL, &alpha), "no thread");
    must(!box_run(bench.side[1].box, side_run, &bench.side[1]), "a box did not run");
    sched_thread_join(bench.sched, alpha);
    world_teardown(world);
    world_destroy(world);
}

static struct stack *
stack_make(void)
{
    static const char box[] = "  %s:\n    processors: 2\n    adapters:\n      nic0:\n        driver: vnic\n        port: wire:lan\n"
                              "        idle: ok\n"
                              "        mac: \"02:00:00:00:00:0%d\"\n        settings: { \"*NetworkDirect\": 1, RdmaCrc: %d }\n"
                              "        protocols:\n          - tcpip: { addresses: [\"10.0.0.%d/24\"] }\n";
    struct stack_report report = {0};
    struct stack_source source = {.name = "bench"};
    char text[2048];
    int at = snprintf(text, sizeof text, "ndisbox: 1\nboxes:\n");
    for (int i = 0; i < 2; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, box, i ? "beta" : "alpha", i + 1, bench.has_crc, i + 1);
    snprintf(text + at, sizeof text - (size_t)at, "wires:\n  lan: {}\n");
    struct stack *stack = stack_read(&source, text, strlen(text), &report);
    must(stack != NULL, "the stack is not understood");
    stack_report_clear(&report);
    return stack;
}

static bool
arguments_read(int argc, char **argv)
{
    if (argc != 4 && argc != 5)
        return false;
    while (bench.job < JOBS && strcmp(argv[1], job_names[bench.job]))
        bench.job++;
    double number = strtod(argv[2], NULL);
    bench.argument = (uint64_t)(bench.job < JOB_IDLE ? number * 1e9 : number);
    bench.drivers = argv[3];
    bench.has_crc = argc == 5 && !strcmp(argv[4], "crc");
    bench.idle_depth = argc == 5 ? (ULONG)strtoul(argv[4], NULL, 10) : 1;
    if (argc == 5 && (bench.job == JOB_IDLE ? !bench.idle_depth : !bench.has_crc))
        return false;
    // Each end of an idle connection has a port of those that are given out; a region's length is an MDL's.
    return bench.job < JOBS && number > 0 && (bench.job != JOB_IDLE || number <= 15000) && (bench.job != JOB_MR || number <= 1u << 31);
}

int
main(int argc, char **argv)
{
    static const char *const units[JOBS] = {"us one way, the median of", "Writes/s,", "GB/s,", "bytes an end, of", "us for"};
    if (!arguments_read(argc, argv)) {
        fprintf(stderr, "usage: ndk_bench lat|rate|bw SECONDS DRIVERS [crc], ndk_bench idle COUNT DRIVERS [DEPTH], "
                        "ndk_bench mr BYTES DRIVERS\n");
        return 2;
    }
    struct stack *stack = stack_make();
    bench.sched = sched_threads_create(1);
    must(bench.sched != NULL, "no memory");
    must(!sched_run(bench.sched, "main", world_main, stack, NULL), "nothing can run");
    sched_destroy(bench.sched);
    stack_destroy(stack);
    printf("%.3f %s %llu", bench.figure, units[bench.job], (unsigned long long)(bench.job < JOB_IDLE ? bench.count : bench.argument));
    if (bench.job >= JOB_IDLE)
        printf("; heap %.0f bytes more, resident %.0f bytes more", bench.heap, bench.resident);
    printf("\n");
    return 0;
}
