// SPDX-License-Identifier: MIT
// NDIS_OBJECT_HEADER at every door through which a driver hands NDIS a structure: a wrong type, revision 0, a size too small for the
// revision, a revision that is yet to come; and that nothing is read beyond the size, for each structure lies right before a page that
// cannot be read. Then the versions of NDIS that a driver may register for. [network/version-information-requirements-for-ndis]
#include <nbx/device.h>
#include <string.h>
#include <sys/mman.h>

#include "witness.h"

#define FAILS 1                                   // some failure: the page names none

struct kind {
    const char *name;
    UCHAR type;
    USHORT bytes[4];                              // of revision 1, 2, ...
    NDIS_STATUS on_type, on_revision, on_size, on_future;
    void (*fill)(void *structure);                // the members behind the header, as for the newest revision
    NDIS_STATUS (*door)(void *structure);         // hands it over; what succeeded is undone again
};

// At the end of a page, the next one out of reach; aligned as drivers' structures are.
static void *
guarded(const void *from, size_t bytes)
{
    static uint8_t *page;
    if (!page) {
        page = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(page, MAP_FAILED);
        ck_assert_int_eq(mprotect(page + PAGE_SIZE, PAGE_SIZE, PROT_NONE), 0);
    }
    return memcpy(page + PAGE_SIZE - ((bytes + 7) & ~(size_t)7), from, bytes);
}

static uint8_t newest[1024];

static NDIS_STATUS
hand_over(const struct kind *k, UCHAR type, UCHAR revision, USHORT bytes, size_t room)
{
    NDIS_OBJECT_HEADER *header = (void *)newest;
    *header = (NDIS_OBJECT_HEADER){type, revision, bytes};
    return k->door(guarded(newest, room));
}

static void
expect(const struct kind *k, const char *what, UCHAR revision, NDIS_STATUS have, NDIS_STATUS want)
{
    bool is_right = want == FAILS ? have != NDIS_STATUS_SUCCESS : have == want;
    ck_assert_msg(is_right, "%s, %s (revision %u): 0x%08x", k->name, what, revision, (unsigned)have);
}

static void
probe(const struct kind *k)
{
    UCHAR revisions = 0;
    while (revisions < 4 && k->bytes[revisions])
        revisions++;
    USHORT full = k->bytes[revisions - 1];
    memset(newest, 0, sizeof newest);
    k->fill(newest);
    expect(k, "another type", 1, hand_over(k, 0x7f, 1, full, full), k->on_type);
    expect(k, "no revision", 0, hand_over(k, k->type, 0, full, full), k->on_revision);
    for (UCHAR r = 1; r <= revisions; r++) {
        USHORT own = k->bytes[r - 1];
        expect(k, "one byte too few", r, hand_over(k, k->type, r, own - 1, own), k->on_size);
        expect(k, "a header alone", r, hand_over(k, k->type, r, sizeof(NDIS_OBJECT_HEADER), own), k->on_size);
        if (r > 1)
            expect(k, "the size of the revision before", r, hand_over(k, k->type, r, k->bytes[r - 2], own),
                   k->bytes[r - 2] < own ? k->on_size : NDIS_STATUS_SUCCESS);
        expect(k, "as it should be", r, hand_over(k, k->type, r, own, own), NDIS_STATUS_SUCCESS);
        expect(k, "larger than its revision", r, hand_over(k, k->type, r, own + 8, own + 8), NDIS_STATUS_SUCCESS);
    }
    expect(k, "a revision to come", revisions + 1, hand_over(k, k->type, revisions + 1, full + 16, full + 16), k->on_future);
    expect(k, "a revision to come that is too small", revisions + 1, hand_over(k, k->type, revisions + 1, full - 1, full),
           k->on_future == NDIS_STATUS_SUCCESS ? k->on_size : k->on_future);
}

// Handlers that are never called: only whether they are there counts.
static NTAPI NDIS_STATUS
any_handler(void)
{
    return NDIS_STATUS_FAILURE;
}
#define ANY ((void *)any_handler)

// ---- drivers ------------------------------------------------------------------------------------------------------------------

static PDRIVER_OBJECT driver_object;
static UCHAR major = 6, minor = 89;

static void
fill_miniport(void *structure)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS *c = structure;
    *c = (NDIS_MINIPORT_DRIVER_CHARACTERISTICS){.MajorNdisVersion = major,
                                                .MinorNdisVersion = minor,
                                                .InitializeHandlerEx = ANY,
                                                .HaltHandlerEx = ANY,
                                                .UnloadHandler = ANY,
                                                .PauseHandler = ANY,
                                                .RestartHandler = ANY,
                                                .OidRequestHandler = ANY,
                                                .SendNetBufferListsHandler = ANY,
                                                .ReturnNetBufferListsHandler = ANY,
                                                .CancelSendHandler = ANY,
                                                .DevicePnPEventNotifyHandler = ANY,
                                                .ShutdownHandlerEx = ANY,
                                                .CancelOidRequestHandler = ANY,
                                                .DirectOidRequestHandler = ANY,
                                                .CancelDirectOidRequestHandler = ANY,
                                                .SynchronousOidRequestHandler = ANY};
}

static NDIS_STATUS
register_miniport(void *structure)
{
    static WCHAR name[] = L"\\Registry";
    UNICODE_STRING registry = {sizeof name - sizeof(WCHAR), sizeof name, name};
    NDIS_HANDLE handle = &registry;
    NDIS_STATUS status = NdisMRegisterMiniportDriver(driver_object, &registry, NULL, structure, &handle);
    ck_assert((status == NDIS_STATUS_SUCCESS) == (handle != NULL));
    if (handle)
        NdisMDeregisterMiniportDriver(handle);
    return status;
}

static WCHAR tried[] = L"tried";

static void
fill_filter(void *structure)
{
    NDIS_FILTER_DRIVER_CHARACTERISTICS *c = structure;
    *c = (NDIS_FILTER_DRIVER_CHARACTERISTICS){.MajorNdisVersion = major,
                                              .MinorNdisVersion = minor,
                                              .FriendlyName = {10, 12, tried},
                                              .UniqueName = {10, 12, tried},
                                              .ServiceName = {10, 12, tried},
                                              .AttachHandler = ANY,
                                              .DetachHandler = ANY,
                                              .RestartHandler = ANY,
                                              .PauseHandler = ANY,
                                              .DirectOidRequestHandler = ANY,
                                              .DirectOidRequestCompleteHandler = ANY,
                                              .SynchronousOidRequestHandler = ANY};
}

static NDIS_STATUS
register_filter(void *structure)
{
    NDIS_HANDLE handle = &tried;
    NDIS_STATUS status = NdisFRegisterFilterDriver(driver_object, NULL, structure, &handle);
    ck_assert((status == NDIS_STATUS_SUCCESS) == (handle != NULL));
    if (handle)
        NdisFDeregisterFilterDriver(handle);
    return status;
}

static void
fill_protocol(void *structure)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *c = structure;
    *c = (NDIS_PROTOCOL_DRIVER_CHARACTERISTICS){.MajorNdisVersion = major,
                                                .MinorNdisVersion = minor,
                                                .Name = {10, 12, tried},
                                                .BindAdapterHandlerEx = ANY,
                                                .UnbindAdapterHandlerEx = ANY,
                                                .OpenAdapterCompleteHandlerEx = ANY,
                                                .CloseAdapterCompleteHandlerEx = ANY,
                                                .NetPnPEventHandler = ANY,
                                                .OidRequestCompleteHandler = ANY,
                                                .ReceiveNetBufferListsHandler = ANY,
                                                .SendNetBufferListsCompleteHandler = ANY,
                                                .DirectOidRequestCompleteHandler = ANY};
}

static NDIS_STATUS
register_protocol(void *structure)
{
    NDIS_HANDLE handle = &tried;
    NDIS_STATUS status = NdisRegisterProtocolDriver(NULL, structure, &handle);
    ck_assert((status == NDIS_STATUS_SUCCESS) == (handle != NULL));
    if (handle)
        NdisDeregisterProtocolDriver(handle);
    return status;
}

#define BAD_CHARS NDIS_STATUS_BAD_CHARACTERISTICS, NDIS_STATUS_BAD_CHARACTERISTICS, NDIS_STATUS_BAD_CHARACTERISTICS, NDIS_STATUS_SUCCESS

static const struct kind drivers[] = {
    {"NDIS_MINIPORT_DRIVER_CHARACTERISTICS",
     NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS,
     {NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1, NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2,
      NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3},
     BAD_CHARS,
     fill_miniport,
     register_miniport},
    {"NDIS_FILTER_DRIVER_CHARACTERISTICS",
     NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS,
     {NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_1, NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2,
      NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_3},
     BAD_CHARS,
     fill_filter,
     register_filter},
    {"NDIS_PROTOCOL_DRIVER_CHARACTERISTICS",
     NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS,
     {NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1, NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
     BAD_CHARS,
     fill_protocol,
     register_protocol}};

static bool is_known_minor[256];

// Of every version there could be: those of the pages, with every revision of the structure, and no other.
static void
versions_are_tried(const struct kind *k)
{
    for (major = 5; major <= 7; major++)
        for (uint32_t m = 0; m < 256; m++) {
            minor = (UCHAR)m;
            memset(newest, 0, sizeof newest);
            k->fill(newest);
            NDIS_STATUS want = major == 6 && is_known_minor[m] ? NDIS_STATUS_SUCCESS : NDIS_STATUS_BAD_VERSION;
            for (UCHAR r = 1; r <= 4 && k->bytes[r - 1]; r++)
                ck_assert_msg(hand_over(k, k->type, r, k->bytes[r - 1], k->bytes[r - 1]) == want, "%s, NDIS %u.%u, revision %u", k->name,
                              major, m, r);
        }
    major = 6;
    minor = 89;
}

static NTAPI NTSTATUS
trying_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static const UCHAR known[] = {0, 1, 20, 30, 40, 50, 51, 60, 70, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89};
    for (size_t i = 0; i < sizeof known; i++)
        is_known_minor[known[i]] = true;
    driver_object = driver;
    for (size_t i = 0; i < 3; i++) {
        probe(&drivers[i]);
        versions_are_tried(&drivers[i]);
    }
    tried[0] = L'T';
    return STATUS_UNSUCCESSFUL;                   // nothing more to do here
}

static void
drivers_register(void)
{
    struct io_image_config config = {.name = "tried", .entry = trying_entry};
    struct io_image *image;
    char error[256];
    ck_assert_int_eq(io_image_load(w.box, &config, &image, error, sizeof error), STATUS_UNSUCCESSFUL);
    ck_assert_int_eq(tried[0], L'T');
}

TEST(NDIS_OBJECT_HEADER_of_characteristics_is_held_against_type_revision_and_size_for_each_version_of_NDIS)
{
    w_run(1, drivers_register);
}

// A handler that came with a later revision than the one that is named is not there, whatever lies behind.
static uint32_t synchronous;

static NTAPI NDIS_STATUS
synchronous_oid(NDIS_HANDLE context, NDIS_OID_REQUEST *request)
{
    synchronous++;
    return NDIS_STATUS_SUCCESS;
}

static void
names_revision_2(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars)
{
    chars->SynchronousOidRequestHandler = synchronous_oid;
    chars->Header.Revision = NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2;
    chars->Header.Size = sizeof *chars;           // says more than its revision has
}

static void
is_not_asked(void)
{
    NDIS_OID_REQUEST request;
    uint32_t value;
    w_start(0, 1);
    w_request(&request, NdisRequestQueryInformation, OID_GEN_XMIT_OK, &value, sizeof value);
    ck_assert_int_eq(NdisSynchronousOidRequest(w.protocol[0].binding, &request), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(synchronous, 0);
}

TEST(NDIS_OBJECT_HEADER_says_by_its_revision_what_is_read_and_not_by_its_size)
{
    w_own.edit_miniport = names_revision_2;
    w_run(1, is_not_asked);
}

// ---- attributes of an adapter -------------------------------------------------------------------------------------------------

static NDIS_HANDLE initializing;

static void
fill_nothing(void *structure)
{
}

static void
fill_registration(void *structure)
{
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *a = structure;
    a->MiniportAdapterContext = &w.mp_context;
    a->AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER;
}

static void
fill_general(void *structure)
{
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *a = structure;
    a->MediaType = NdisMedium802_3;
    a->MtuSize = 1500;
    a->MacAddressLength = 6;
}

static NDIS_STATUS
set_attributes(void *structure)
{
    return NdisMSetMiniportAttributes(initializing, structure);
}

#define BAD_ATTRIBUTES NDIS_STATUS_NOT_SUPPORTED, NDIS_STATUS_BAD_VERSION, NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_BAD_VERSION

static const struct kind registration = {
    "NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES",
    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
    {NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_2},
    BAD_ATTRIBUTES,
    fill_registration,
    set_attributes};
static const struct kind general = {
    "NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES",
    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
    {NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2},
    BAD_ATTRIBUTES,
    fill_general,
    set_attributes};
static const struct kind offload = {"NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES",
                                    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
                                    {NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1},
                                    BAD_ATTRIBUTES,
                                    fill_nothing,
                                    set_attributes};
#define ASSIST(r) NDIS_SIZEOF_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES_REVISION_##r
static const struct kind assist = {"NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES",
                                   NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES,
                                   {ASSIST(1), ASSIST(2), ASSIST(3), ASSIST(4)},
                                   BAD_ATTRIBUTES,
                                   fill_nothing,
                                   set_attributes};

// The first two may be set once an adapter: each case that should succeed has an initialisation of its own.
static UCHAR which_revision;
static bool with_general;

static NTAPI NDIS_STATUS
initialize_refusing(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    const struct kind *k = with_general ? &general : &registration;
    initializing = handle;
    if (with_general) {
        fill_registration(memset(newest, 0, sizeof newest));
        ck_assert_int_eq(hand_over(&registration, registration.type, 1, registration.bytes[0], registration.bytes[0]), NDIS_STATUS_SUCCESS);
    }
    k->fill(memset(newest, 0, sizeof newest));
    USHORT own = k->bytes[which_revision - 1];
    expect(k, "another type", 1, hand_over(k, 0x7f, 1, own, own), k->on_type);
    expect(k, "no revision", 0, hand_over(k, k->type, 0, own, own), k->on_revision);
    expect(k, "a revision to come", 3, hand_over(k, k->type, 3, k->bytes[1] + 8, k->bytes[1]), k->on_future);
    for (USHORT bytes = sizeof(NDIS_OBJECT_HEADER); bytes < own; bytes++)
        expect(k, "too few bytes", which_revision, hand_over(k, k->type, which_revision, bytes, own), k->on_size);
    expect(k, "as it should be", which_revision, hand_over(k, k->type, which_revision, own, own), NDIS_STATUS_SUCCESS);
    expect(k, "a second time", which_revision, hand_over(k, k->type, which_revision, own, own), NDIS_STATUS_INVALID_PARAMETER);
    if (!with_general)
        return NDIS_STATUS_FAILURE;
    probe(&offload);
    probe(&assist);
    return NDIS_STATUS_SUCCESS;
}

static void
attributes_are_tried(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    for (which_revision = 1; which_revision <= 2; which_revision++) {
        with_general = false;
        ck_assert_int_eq(ndis_adapter_add(w.box, &config, &w.adapter), NDIS_STATUS_FAILURE);
        with_general = true;
        ck_assert_int_eq(ndis_adapter_add(w.box, &config, &w.adapter), NDIS_STATUS_SUCCESS);
        w_remove();
    }
}

TEST(NDIS_OBJECT_HEADER_of_adapter_attributes_is_held_against_type_revision_and_size)
{
    w_own.initialize = initialize_refusing;
    w_run(1, attributes_are_tried);
}

// ---- what else comes through doors --------------------------------------------------------------------------------------------

static uint32_t asked_value;

static void
fill_request(void *structure)
{
    w_request(structure, NdisRequestSetInformation, 0xff770001, &asked_value, sizeof asked_value);
}

static NDIS_STATUS
ask(void *structure)
{
    // NDIS writes into its reserved area, which every revision has.
    return NdisOidRequest(w.protocol[0].binding, structure);
}

static NDIS_STATUS
ask_directly(void *structure)
{
    return NdisDirectOidRequest(w.protocol[0].binding, structure);
}

static NDIS_STATUS
ask_from_filter(void *structure)
{
    return NdisFOidRequest(w.filter[0].module, structure);
}

static void
fill_nbl_pool(void *structure)
{
    NET_BUFFER_LIST_POOL_PARAMETERS *p = structure;
    p->fAllocateNetBuffer = TRUE;
    p->PoolTag = 'hdrW';
}

static NDIS_STATUS
make_nbl_pool(void *structure)
{
    NDIS_HANDLE pool = NdisAllocateNetBufferListPool(w.mp, structure);
    if (pool)
        NdisFreeNetBufferListPool(pool);
    return pool ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
}

static NDIS_STATUS
make_nb_pool(void *structure)
{
    NDIS_HANDLE pool = NdisAllocateNetBufferPool(w.mp, structure);
    if (pool)
        NdisFreeNetBufferPool(pool);
    return pool ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
}

static void
fill_timer(void *structure)
{
    NDIS_TIMER_CHARACTERISTICS *c = structure;
    c->AllocationTag = 'hdrW';
    c->TimerFunction = ANY;
}

static NDIS_STATUS
make_timer(void *structure)
{
    NDIS_HANDLE timer;
    NDIS_STATUS status = NdisAllocateTimerObject(w.mp, structure, &timer);
    if (status == NDIS_STATUS_SUCCESS)
        NdisFreeTimerObject(timer);
    return status;
}

static void
fill_configuration(void *structure)
{
    ((NDIS_CONFIGURATION_OBJECT *)structure)->NdisHandle = w.mp;
}

static NDIS_STATUS
open_configuration(void *structure)
{
    NDIS_HANDLE configuration;
    NDIS_STATUS status = NdisOpenConfigurationEx(structure, &configuration);
    if (status == NDIS_STATUS_SUCCESS)
        NdisCloseConfiguration(configuration);
    return status;
}

static void
fill_device(void *structure)
{
    static WCHAR name[] = L"\\Device\\tried", link[] = L"\\DosDevices\\tried";
    static UNICODE_STRING names[2] = {{sizeof name - 2, sizeof name, name}, {sizeof link - 2, sizeof link, link}};
    static PDRIVER_DISPATCH majors[IRP_MJ_MAXIMUM_FUNCTION + 1];
    NDIS_DEVICE_OBJECT_ATTRIBUTES *a = structure;
    a->DeviceName = &names[0];
    a->SymbolicName = &names[1];
    a->MajorFunctions = majors;
}

static NDIS_STATUS
make_device(void *structure)
{
    DEVICE_OBJECT *object;
    NDIS_HANDLE device;
    NDIS_STATUS status = NdisRegisterDeviceEx(w.mp_driver, structure, &object, &device);
    if (status == NDIS_STATUS_SUCCESS)
        NdisDeregisterDeviceEx(device);
    return status;
}

static NDIS_STATUS
make_port(void *structure)
{
    NDIS_STATUS status = NdisMAllocatePort(w.mp, structure);
    if (status == NDIS_STATUS_SUCCESS)
        NdisMFreePort(w.mp, ((NDIS_PORT_CHARACTERISTICS *)structure)->PortNumber);
    return status;
}

static void
fill_provider(void *structure)
{
    NDIS_IF_PROVIDER_CHARACTERISTICS *c = structure;
    c->QueryObjectHandler = ANY;
    c->SetObjectHandler = ANY;
}

static NDIS_STATUS
make_provider(void *structure)
{
    NDIS_HANDLE provider;
    NDIS_STATUS status = NdisIfRegisterProvider(structure, NULL, &provider);
    if (status == NDIS_STATUS_SUCCESS)
        NdisIfDeregisterProvider(provider);
    return status;
}

static void
fill_shared(void *structure)
{
    ((NDIS_SHARED_MEMORY_PARAMETERS *)structure)->Length = 100;
}

static NDIS_STATUS
make_shared(void *structure)
{
    NDIS_HANDLE block;
    NDIS_STATUS status = NdisAllocateSharedMemory(w.mp, structure, &block);
    if (status == NDIS_STATUS_SUCCESS)
        NdisFreeSharedMemory(w.mp, block);
    return status;
}

#define FAIL_ALL FAILS, FAILS, FAILS, NDIS_STATUS_SUCCESS

static const struct kind others[] = {
    {"NDIS_OID_REQUEST", NDIS_OBJECT_TYPE_OID_REQUEST, {NDIS_SIZEOF_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_2},
     NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_SUCCESS, fill_request, ask},
    {"NDIS_OID_REQUEST (direct)", NDIS_OBJECT_TYPE_OID_REQUEST, {NDIS_SIZEOF_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_2},
     NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_SUCCESS, fill_request,
     ask_directly},
    {"NDIS_OID_REQUEST (filter)", NDIS_OBJECT_TYPE_OID_REQUEST, {NDIS_SIZEOF_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_2},
     NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_SUCCESS, fill_request,
     ask_from_filter},
    {"NET_BUFFER_LIST_POOL_PARAMETERS", NDIS_OBJECT_TYPE_DEFAULT,
     {NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1, NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2}, FAIL_ALL,
     fill_nbl_pool, make_nbl_pool},
    {"NET_BUFFER_POOL_PARAMETERS", NDIS_OBJECT_TYPE_DEFAULT,
     {NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1, NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2}, FAIL_ALL, fill_nothing,
     make_nb_pool},
    {"NDIS_TIMER_CHARACTERISTICS", NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, {NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1}, FAIL_ALL,
     fill_timer, make_timer},
    {"NDIS_CONFIGURATION_OBJECT", NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, {NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1}, FAIL_ALL,
     fill_configuration, open_configuration},
    {"NDIS_DEVICE_OBJECT_ATTRIBUTES", NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES, {NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1},
     NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_SUCCESS, fill_device,
     make_device},
    {"NDIS_PORT_CHARACTERISTICS", NDIS_OBJECT_TYPE_DEFAULT, {NDIS_SIZEOF_PORT_CHARACTERISTICS_REVISION_1}, FAIL_ALL, fill_nothing,
     make_port},
    {"NDIS_IF_PROVIDER_CHARACTERISTICS", NDIS_OBJECT_TYPE_DEFAULT, {NDIS_SIZEOF_IF_PROVIDER_CHARACTERISTICS_REVISION_1}, FAIL_ALL,
     fill_provider, make_provider},
    {"NDIS_SHARED_MEMORY_PARAMETERS", NDIS_OBJECT_TYPE_DEFAULT,
     {NDIS_SIZEOF_SHARED_MEMORY_PARAMETERS_REVISION_1, NDIS_SIZEOF_SHARED_MEMORY_PARAMETERS_REVISION_2}, FAIL_ALL, fill_shared,
     make_shared}};

static void
others_are_tried(void)
{
    w_start(1, 1);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        probe(&others[i]);
}

TEST(NDIS_OBJECT_HEADER_of_requests_pools_timers_devices_ports_and_providers_is_held_against_type_revision_and_size)
{
    w_run(1, others_are_tried);
}

// ---- hardware -----------------------------------------------------------------------------------------------------------------

static void
fill_interrupt(void *structure)
{
    NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *c = structure;
    c->InterruptHandler = ANY;
    c->InterruptDpcHandler = ANY;
    c->DisableInterruptHandler = ANY;
    c->EnableInterruptHandler = ANY;
}

static NDIS_STATUS
make_interrupt(void *structure)
{
    NDIS_HANDLE interrupt;
    NDIS_STATUS status = NdisMRegisterInterruptEx(initializing, NULL, structure, &interrupt);
    if (status == NDIS_STATUS_SUCCESS)
        NdisMDeregisterInterruptEx(interrupt);
    return status;
}

static void
fill_dma(void *structure)
{
    NDIS_SG_DMA_DESCRIPTION *d = structure;
    d->MaximumPhysicalMapping = 1500;
    d->ProcessSGListHandler = ANY;
}

static NDIS_STATUS
make_dma(void *structure)
{
    NDIS_HANDLE dma;
    NDIS_STATUS status = NdisMRegisterScatterGatherDma(initializing, structure, &dma);
    if (status == NDIS_STATUS_SUCCESS)
        NdisMDeregisterScatterGatherDma(dma);
    return status;
}

static void
fill_poll(void *structure)
{
    NDIS_POLL_CHARACTERISTICS *c = structure;
    c->PollHandler = ANY;
    c->SetPollNotificationHandler = ANY;
}

static NDIS_STATUS
make_poll(void *structure)
{
    NDIS_POLL_HANDLE poll;
    NTSTATUS status = NdisRegisterPoll(initializing, NULL, structure, &poll);
    if (status == STATUS_SUCCESS)
        NdisDeregisterPoll(poll);
    return status;
}

static const struct kind hardware[] = {
    {"NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS", NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT,
     {NDIS_SIZEOF_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1}, BAD_CHARS, fill_interrupt, make_interrupt},
    {"NDIS_SG_DMA_DESCRIPTION", NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION,
     {NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1, NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1}, NDIS_STATUS_BAD_VERSION,
     NDIS_STATUS_BAD_VERSION, NDIS_STATUS_BAD_VERSION, NDIS_STATUS_BAD_VERSION, fill_dma, make_dma},
    {"NDIS_POLL_CHARACTERISTICS", NDIS_OBJECT_TYPE_DEFAULT, {NDIS_SIZEOF_NDIS_POLL_CHARACTERISTICS_REVISION_1}, FAIL_ALL, fill_poll,
     make_poll}};

static NTAPI NDIS_STATUS
initialize_with_hardware(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    NDIS_STATUS status = w_initialize(handle);
    initializing = handle;
    for (size_t i = 0; i < sizeof hardware / sizeof hardware[0]; i++)
        probe(&hardware[i]);
    return status;
}

static void
hardware_is_tried(void)
{
    const struct nbx_device_config config = {.adapter = "nic0", .has_line = true};
    struct nbx_device *device;
    ck_assert_int_eq(nbx_device_create(&config, &device), 0);
    w_start(0, 0);
    w_remove();
    ck_assert_int_eq(nbx_device_destroy(device), 0);
}

TEST(NDIS_OBJECT_HEADER_of_interrupts_DMA_and_poll_objects_is_held_against_type_revision_and_size)
{
    w_own.initialize = initialize_with_hardware;
    w_own.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER;
    w_own.minor[0] = 85;
    w_run(1, hardware_is_tried);
}
