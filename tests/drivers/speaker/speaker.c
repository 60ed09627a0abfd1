// SPDX-License-Identifier: MIT
// A service that says how its work went, for tests of include/nbx/service.h. Its setting Words has a letter for each thing to say, in turn,
// from a DPC soon after it has been loaded: d it is done, f it has failed, x it has failed, with more than a line should have. What
// stands behind a u is said by its unload routine.
#include <ntddk.h>

#include <ntstrsafe.h>

#include "nbx/service.h"

static KTIMER timer;
static KDPC dpc;
static WCHAR letters[16];

static VOID
speaker_say(PDRIVER_OBJECT driver, WCHAR letter, ULONG number)
{
    static CHAR text[400];
    RtlStringCbPrintfA(text, sizeof text, "word %u", number);
    if (letter == 'x') {
        memset(text, 'y', sizeof text - 1);
        text[3] = '\n';
    }
    if (letter == 'd')
        nbx_service_done(driver, text);
    else
        nbx_service_failed(driver, text);
}

// The words before the u, or those behind it.
static VOID
speaker_go(PDRIVER_OBJECT driver, BOOLEAN is_unload)
{
    BOOLEAN is_behind = FALSE;
    for (ULONG i = 0; letters[i]; i++) {
        if (letters[i] == 'u')
            is_behind = TRUE;
        else if (is_behind == is_unload)
            speaker_say(driver, letters[i], i + 1);
    }
}

static KDEFERRED_ROUTINE SpeakerDpc;
static VOID
SpeakerDpc(PKDPC self, PVOID context, PVOID argument1, PVOID argument2)
{
    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    speaker_go(context, FALSE);
}

static DRIVER_UNLOAD SpeakerUnload;
static VOID
SpeakerUnload(PDRIVER_OBJECT driver)
{
    KeCancelTimer(&timer);
    KeFlushQueuedDpcs();
    speaker_go(driver, TRUE);
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING service)
{
    LARGE_INTEGER due = {.QuadPart = -200000};   // 20 ms
    UNICODE_STRING words = {0, sizeof letters - sizeof(WCHAR), letters};
    WCHAR path[256] = {0};
    RTL_QUERY_REGISTRY_TABLE table[] = {
        {.Flags = RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_REQUIRED, .Name = (PWSTR)L"Parameters"},
        {.Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK | RTL_QUERY_REGISTRY_REQUIRED,
         .Name = (PWSTR)L"Words",
         .EntryContext = &words,
         .DefaultType = REG_SZ << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT},
        {0}};
    memcpy(path, service->Buffer, service->Length);
    NTSTATUS status = RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, path, table, NULL, NULL);
    if (!NT_SUCCESS(status))
        return status;
    driver->DriverUnload = SpeakerUnload;
    KeInitializeTimer(&timer);
    KeInitializeDpc(&dpc, SpeakerDpc, driver);
    KeSetTimer(&timer, due, &dpc);
    return STATUS_SUCCESS;
}
