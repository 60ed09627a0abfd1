// SPDX-License-Identifier: MIT
// Structured exceptions as driver code uses them: order of blocks, every way out of a block, raises and faults from every depth, and what
// must not be caught. The bodies are what a driver's function would be; they run on fibres here and on threads in unit_nt_threads.
#include "ddk/nbx_unoptimized.h"

#include <stdio.h>
#include <sys/mman.h>

#include "unit/nt/bugcheck.h"
#include "verify/crash.h"

// A word of what happened, in order.
static char story[128];
static void
tell(char what)
{
    size_t end = strlen(story);
    story[end] = what;
    story[end + 1] = 0;
}
#define STORY(text)                       \
    do {                                  \
        ck_assert_str_eq(story, text);    \
        memset(story, 0, sizeof story);   \
    } while (0)

// A page that nobody may touch: an access to it is not what a sanitizer reports by itself.
static volatile UCHAR *
nowhere(void)
{
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(page != MAP_FAILED);
    return page;
}

static void
gone(volatile UCHAR *page)
{
    munmap((void *)page, 4096);
}

NT_TEST(a_try_without_exception_runs_its_body_and_not_its_handler)
{
    __try {
        tell('b');
    } __except (tell('f'), EXCEPTION_EXECUTE_HANDLER) {
        tell('h');
    }
    tell('.');
    STORY("b.");
}

NT_TEST(ExRaiseStatus_in_a_try_runs_the_handler_with_its_code)
{
    NTSTATUS code = 0;
    volatile int kept = 1;
    int plain = 1;
    __try {
        plain = kept = 2;
        tell('b');
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
        tell('!');
    } __except (GetExceptionCode() == (ULONG)STATUS_INSUFFICIENT_RESOURCES ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) {
        code = (NTSTATUS)GetExceptionCode();
        tell('h');
    }
    STORY("bh");
    ck_assert_int_eq(code, STATUS_INSUFFICIENT_RESOURCES);
    ck_assert_int_eq(plain, 2);
    ck_assert_int_eq(kept, 2);
}

NT_TEST(ExRaiseAccessViolation_and_ExRaiseDatatypeMisalignment_raise_their_status)
{
    NTSTATUS first = 0, second = 0;
    __try {
        ExRaiseAccessViolation();
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        first = (NTSTATUS)GetExceptionCode();
    }
    __try {
        ExRaiseDatatypeMisalignment();
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        second = (NTSTATUS)GetExceptionCode();
    }
    ck_assert_int_eq(first, STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(second, STATUS_DATATYPE_MISALIGNMENT);
}

static LONG
record_look(PEXCEPTION_POINTERS pointers, ULONG_PTR kind, const volatile void *address)
{
    PEXCEPTION_RECORD record = pointers->ExceptionRecord;
    ck_assert_int_eq(record->ExceptionCode, STATUS_ACCESS_VIOLATION);
    ck_assert_uint_eq(record->ExceptionFlags, 0);
    ck_assert_uint_eq(record->NumberParameters, 2);
    ck_assert_uint_eq(record->ExceptionInformation[0], kind);
    ck_assert_uint_eq(record->ExceptionInformation[1], (ULONG_PTR)address);
    ck_assert_uint_eq(pointers->ContextRecord->ContextFlags, CONTEXT_CONTROL | CONTEXT_INTEGER);
    ck_assert_uint_eq(pointers->ContextRecord->Rip, (ULONG64)(ULONG_PTR)record->ExceptionAddress);
    tell('f');
    return EXCEPTION_EXECUTE_HANDLER;
}

NT_TEST(a_fault_in_a_try_is_an_access_violation_that_tells_kind_and_address)
{
    volatile UCHAR *page = nowhere();
    volatile UCHAR got = 7;
    __try {
        got = page[5];
    } __except (record_look(GetExceptionInformation(), 0, page + 5)) {
        tell('r');
    }
    __try {
        page[9] = got;
    } __except (record_look(GetExceptionInformation(), 1, page + 9)) {
        tell('w');
    }
    STORY("frfw");
    ck_assert_uint_eq(got, 7);
    gone(page);
}

static int
five_deep(volatile UCHAR *page, int depth)
{
    volatile int here = depth ? five_deep(page, depth - 1) : page[depth];
    return here + 1;
}

NT_TEST(a_fault_five_calls_deep_arrives_in_the_caller)
{
    volatile UCHAR *page = nowhere();
    for (int i = 0; i < 100; i++) {
        __try {
            five_deep(page, 5);
            tell('!');
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            tell('h');
        }
        STORY("h");
    }
    gone(page);
}

NT_TEST(a_finally_block_runs_after_its_body_and_is_told_that_nothing_was_cut_short)
{
    __try {
        tell('b');
    } __finally {
        tell(AbnormalTermination() ? 'a' : 'n');
    }
    STORY("bn");
}

static int
returns_from_body(int value)
{
    __try {
        __try {
            return value + 1;
        } __finally {
            tell(AbnormalTermination() ? 'a' : 'n');
            five_deep((volatile UCHAR *)story, 0);   // calls are made on the same stack
            value = 100;
        }
        tell('!');
    } __finally {
        tell('o');
    }
    return 0;
}

NT_TEST(return_from_a_body_runs_the_finally_blocks_inside_out_and_returns_its_value)
{
    ck_assert_int_eq(returns_from_body(4), 5);
    STORY("ao");
    ck_assert_ptr_null(ke_self()->seh);
}

static int
returns_from_guarded_body(void)
{
    __try {
        return 3;
    } __except (tell('f'), EXCEPTION_EXECUTE_HANDLER) {
        tell('h');
    }
    return 0;
}

NT_TEST(return_from_a_body_with_a_handler_runs_neither_filter_nor_handler)
{
    ck_assert_int_eq(returns_from_guarded_body(), 3);
    STORY("");
    ck_assert_ptr_null(ke_self()->seh);
}

NT_TEST(goto_out_of_a_body_runs_the_finally_block)
{
    for (int i = 0; i < 3; i++) {
        __try {
            tell('b');
            if (i < 3)
                goto out;
            tell('!');
        } __finally {
            tell(AbnormalTermination() ? 'a' : 'n');
        }
        tell('!');
    out:
        tell('.');
    }
    STORY("ba.ba.ba.");
}

NT_TEST(leave_in_an_inner_loop_ends_the_body_normally)
{
    __try {
        for (int i = 0;; i++) {
            while (1) {
                if (i == 2)
                    __leave;
                break;
            }
            tell('i');
        }
    } __finally {
        tell(AbnormalTermination() ? 'a' : 'n');
    }
    __try {
        for (;;)
            __leave;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        tell('!');
    }
    STORY("iin");
}

NT_TEST(leave_in_a_handler_leaves_the_statement_around)
{
    __try {
        __try {
            ExRaiseStatus(STATUS_UNSUCCESSFUL);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            tell('h');
            __leave;
        }
        tell('!');
    } __finally {
        tell(AbnormalTermination() ? 'a' : 'n');
    }
    STORY("hn");
}

NT_TEST(an_exception_runs_the_finally_blocks_on_its_way_and_is_told_cut_short)
{
    __try {
        __try {
            __try {
                ExRaiseStatus(STATUS_UNSUCCESSFUL);
            } __finally {
                tell(AbnormalTermination() ? 'a' : 'n');
            }
            tell('!');
        } __finally {
            tell(AbnormalTermination() ? 'A' : 'N');
        }
        tell('!');
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        tell('h');
    }
    STORY("aAh");
}

NT_TEST(a_filter_that_declines_passes_the_exception_outward)
{
    NTSTATUS code = 0;
    __try {
        __try {
            ExRaiseStatus(STATUS_INVALID_PARAMETER);
        } __except (tell('1'), EXCEPTION_CONTINUE_SEARCH) {
            tell('!');
        }
    } __except (tell('2'), EXCEPTION_EXECUTE_HANDLER) {
        code = (NTSTATUS)GetExceptionCode();
    }
    STORY("12");
    ck_assert_int_eq(code, STATUS_INVALID_PARAMETER);
}

static void
inner_function(volatile UCHAR *page)
{
    __try {
        page[0] = 1;
    } __finally {
        tell('i');
    }
}

NT_TEST(a_fault_passes_through_a_called_function_with_its_finally_block)
{
    volatile UCHAR *page = nowhere();
    __try {
        inner_function(page);
        tell('!');
    } __except (record_look(GetExceptionInformation(), 1, page)) {
        tell('h');
    }
    STORY("ifh");
    gone(page);
}

NT_TEST(a_fault_in_a_handler_goes_to_the_try_around)
{
    volatile UCHAR *page = nowhere();
    NTSTATUS code = 0;
    __try {
        __try {
            ExRaiseStatus(STATUS_UNSUCCESSFUL);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            tell('h');
            page[0] = 1;
            tell('!');
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        code = (NTSTATUS)GetExceptionCode();
        tell('o');
    }
    STORY("ho");
    ck_assert_int_eq(code, STATUS_ACCESS_VIOLATION);
    gone(page);
}

NT_TEST(a_fault_in_a_finally_block_replaces_the_exception_that_ran_it)
{
    volatile UCHAR *page = nowhere();
    NTSTATUS code = 0;
    __try {
        __try {
            ExRaiseStatus(STATUS_UNSUCCESSFUL);
        } __finally {
            tell('f');
            page[0] = 1;
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        code = (NTSTATUS)GetExceptionCode();
    }
    STORY("f");
    ck_assert_int_eq(code, STATUS_ACCESS_VIOLATION);
    gone(page);
}

NT_TEST(a_try_in_a_handler_has_its_own_exception_and_leaves_the_other_alone)
{
    NTSTATUS inner = 0, outer = 0;
    __try {
        ExRaiseStatus(STATUS_NO_MEMORY);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        __try {
            ck_assert_int_eq((NTSTATUS)GetExceptionCode(), STATUS_NO_MEMORY);
            ExRaiseStatus(STATUS_TIMEOUT);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            inner = (NTSTATUS)GetExceptionCode();
        }
        outer = (NTSTATUS)GetExceptionCode();
    }
    ck_assert_int_eq(inner, STATUS_TIMEOUT);
    ck_assert_int_eq(outer, STATUS_NO_MEMORY);
}

NT_TEST(a_goto_out_of_a_finally_block_ends_the_exception)
{
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __finally {
        tell('f');
        goto out;
    }
    tell('!');
out:
    STORY("f");
    ck_assert_ptr_null(ke_self()->seh);
}

static void
divide(volatile int *quotient, int by)
{
#if defined(__x86_64__)
    // In assembler: a sanitizer would report the division, and the handler would never be asked.
    int low = 1, high = 0;
    __asm__ volatile("idivl %2" : "+a"(low), "+d"(high) : "r"(by));
    *quotient = low;
#else
    ExRaiseStatus(STATUS_INTEGER_DIVIDE_BY_ZERO);
#endif
}

NT_TEST(a_division_by_zero_and_a_bad_instruction_have_their_own_codes)
{
    NTSTATUS first = 0, second = 0;
    volatile int quotient = 0;
    __try {
        divide(&quotient, 0);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        first = (NTSTATUS)GetExceptionCode();
    }
    __try {
        __asm__ volatile("ud2");
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        second = (NTSTATUS)GetExceptionCode();
    }
    ck_assert_int_eq(first, STATUS_INTEGER_DIVIDE_BY_ZERO);
    ck_assert_int_eq(second, STATUS_ILLEGAL_INSTRUCTION);
}

NT_TEST(RtlRaiseException_hands_the_record_to_the_filter)
{
    EXCEPTION_RECORD record = {.ExceptionCode = STATUS_CRC_ERROR, .NumberParameters = 1, .ExceptionInformation = {77}};
    ULONG_PTR got = 0;
    __try {
        RtlRaiseException(&record);
    } __except (got = GetExceptionInformation()->ExceptionRecord->ExceptionInformation[0], EXCEPTION_EXECUTE_HANDLER) {
        ck_assert_int_eq((NTSTATUS)GetExceptionCode(), STATUS_CRC_ERROR);
    }
    ck_assert_uint_eq(got, 77);
}

NT_TEST(the_level_stays_what_it_was_at_a_raise)
{
    KIRQL old = PASSIVE_LEVEL, level = HIGH_LEVEL;
    __try {
        KeRaiseIrql(DISPATCH_LEVEL, &old);
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        level = KeGetCurrentIrql();
        KeLowerIrql(old);
    }
    ck_assert_uint_eq(level, DISPATCH_LEVEL);
}

NT_TEST(a_fault_inside_a_plain_copy_is_the_callers)
{
    volatile UCHAR *page = nowhere();
    UCHAR there[64] = {0};
    UNICODE_STRING from = {.Length = 16, .MaximumLength = 16, .Buffer = (PWCH)page}, to = {.MaximumLength = 64, .Buffer = (PWCH)there};
    __try {
        RtlCopyMemory(there, (const void *)page, sizeof there);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        tell('m');
    }
    __try {
        RtlCopyUnicodeString(&to, &from);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        tell('u');
    }
    STORY("mu");
    gone(page);
}

static NTSTATUS
probe(void (*NTAPI door)(volatile VOID *, SIZE_T, ULONG), const volatile void *address, SIZE_T bytes, ULONG alignment)
{
    NTSTATUS status = STATUS_SUCCESS;
    __try {
        door((volatile VOID *)address, bytes, alignment);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = (NTSTATUS)GetExceptionCode();
    }
    return status;
}

static NTAPI void
probe_read(volatile VOID *address, SIZE_T bytes, ULONG alignment)
{
    ProbeForRead(address, bytes, alignment);
}

#define SYSTEM_ADDRESS ((const volatile void *)0xFFFF900000000000u)
#define LAST_OF_USER ((const volatile void *)0x00007FFFFFFFFFFFu)

static void
probe_both_ways(void (*NTAPI door)(volatile VOID *, SIZE_T, ULONG))
{
    ULONGLONG words[4] = {1, 2, 3, 4};
    ck_assert_int_eq(probe(door, words, sizeof words, 8), STATUS_SUCCESS);
    ck_assert_int_eq(probe(door, (UCHAR *)words + 4, 8, 4), STATUS_SUCCESS);
    ck_assert_int_eq(probe(door, (UCHAR *)words + 4, 8, 8), STATUS_DATATYPE_MISALIGNMENT);
    ck_assert_int_eq(probe(door, (UCHAR *)words + 1, 1, 1), STATUS_SUCCESS);
    ck_assert_int_eq(probe(door, NULL, 1, 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(probe(door, SYSTEM_ADDRESS, 8, 8), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(probe(door, LAST_OF_USER, 2, 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(probe(door, words, (SIZE_T)-8, 8), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(probe(door, SYSTEM_ADDRESS, 0, 8), STATUS_SUCCESS);        // a length of 0 checks nothing
    ck_assert_int_eq(probe(door, (UCHAR *)words + 1, 0, 8), STATUS_SUCCESS);
    ck_assert_uint_eq(words[0] + words[3], 5);
}

NT_TEST(ProbeForRead_raises_for_misaligned_wrapping_and_system_ranges)
{
    volatile UCHAR *page = nowhere();
    probe_both_ways(probe_read);
    ck_assert_int_eq(probe(probe_read, page, 4096, 1), STATUS_SUCCESS);   // it does not touch the memory
    gone(page);
}

NT_TEST(ProbeForWrite_raises_for_the_same_and_for_what_is_not_writable)
{
    volatile UCHAR *page = nowhere();
    probe_both_ways(ProbeForWrite);
    ck_assert_int_eq(probe(ProbeForWrite, page, 1, 1), STATUS_ACCESS_VIOLATION);
    mprotect((void *)page, 4096, PROT_READ);
    ck_assert_int_eq(probe(ProbeForWrite, page, 1, 1), STATUS_ACCESS_VIOLATION);
    mprotect((void *)page, 4096, PROT_READ | PROT_WRITE);
    page[7] = 9;
    ck_assert_int_eq(probe(ProbeForWrite, page, 4096, 1), STATUS_SUCCESS);
    ck_assert_uint_eq(page[7], 9);
    gone(page);
}

static NTSTATUS
lock_pages(MDL *mdl, LOCK_OPERATION operation)
{
    NTSTATUS status = STATUS_SUCCESS;
    __try {
        MmProbeAndLockPages(mdl, UserMode, operation);
        MmUnlockPages(mdl);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = (NTSTATUS)GetExceptionCode();
    }
    return status;
}

NT_TEST(MmProbeAndLockPages_raises_when_the_pages_do_not_permit_the_operation)
{
    volatile UCHAR *page = nowhere();
    MDL *mdl = IoAllocateMdl((void *)page, 4096, FALSE, FALSE, NULL);
    ck_assert_int_eq(lock_pages(mdl, IoReadAccess), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(mdl->MdlFlags & MDL_PAGES_LOCKED, 0);
    mprotect((void *)page, 4096, PROT_READ);
    ck_assert_int_eq(lock_pages(mdl, IoReadAccess), STATUS_SUCCESS);
    ck_assert_int_eq(lock_pages(mdl, IoWriteAccess), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(lock_pages(mdl, IoModifyAccess), STATUS_ACCESS_VIOLATION);
    mprotect((void *)page, 4096, PROT_READ | PROT_WRITE);
    ck_assert_int_eq(lock_pages(mdl, IoModifyAccess), STATUS_SUCCESS);
    IoFreeMdl(mdl);
    gone(page);
}

// Several threads at once, each with its own frames, giving way to one another between them.
#define THREADS 4
#define ROUNDS 50
static _Atomic uint32_t caught;
static void
many(void *arg)
{
    volatile UCHAR *page = arg;
    for (int i = 0; i < ROUNDS; i++) {
        __try {
            __try {
                nt_test_sleep_ms(1);
                page[i] = 1;
            } __finally {
                nt_test_sleep_ms(1);
            }
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            caught++;
        }
    }
}

NT_TEST(threads_catch_their_own_faults)
{
    volatile UCHAR *page = nowhere();
    struct ke_thread *threads[THREADS];
    caught = 0;
    for (int i = 0; i < THREADS; i++)
        threads[i] = nt_test_start(many, (void *)(page + i * ROUNDS));
    for (int i = 0; i < THREADS; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(caught, THREADS * ROUNDS);
    gone(page);
}

// --- what is not caught ---

static void
raise_alone(void)
{
    __try {
        tell('b');
    } __except (EXCEPTION_EXECUTE_HANDLER) {
    }
    ExRaiseStatus(STATUS_UNSUCCESSFUL);
}

TEST(ExRaiseStatus_without_a_try_is_a_bug_check) { expect_bugcheck(raise_alone, "0x1E KMODE_EXCEPTION_NOT_HANDLED (0xC0000001"); }

static void
declined_by_all(void)
{
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (EXCEPTION_CONTINUE_SEARCH) {
    }
}

TEST(an_exception_that_every_filter_declines_is_a_bug_check)
{
    expect_bugcheck(declined_by_all, "0x1E KMODE_EXCEPTION_NOT_HANDLED (0xC0000001");
}

static void
resumed(void)
{
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (EXCEPTION_CONTINUE_EXECUTION) {
    }
}

TEST(EXCEPTION_CONTINUE_EXECUTION_is_refused_by_name)
{
    expect_bugcheck(resumed, "EXCEPTION_CONTINUE_EXECUTION, which ndisbox does not provide");
}

static void
leave_nothing(void)
{
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        __leave;
    }
}

TEST(leave_outside_of_every_body_is_refused) { expect_bugcheck(leave_nothing, "__leave: not inside a __try block"); }

// A child that must die of the fault in fn; what it said must hold words. Who reports depends: the crash reporter, or a sanitizer.
static void
expect_fault(void (*fn)(void), const char *words)
{
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], 2);
        crash_install();
        nt_test_run(2, fn);
        _exit(0);
    }
    close(ends[1]);
    static char text[65536];
    size_t bytes = 0;
    for (ssize_t n; bytes < sizeof text - 1 && (n = read(ends[0], text + bytes, sizeof text - 1 - bytes)) > 0;)
        bytes += (size_t)n;
    text[bytes] = 0;
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 0, "status %x, said %s", status, text);
    ck_assert_msg(strstr(text, "SEGV") != NULL, "said: %s", text);
#if defined(__has_feature) && __has_feature(thread_sanitizer)
    if (strstr(text, "ThreadSanitizer: nested bug"))
        return;   // its own report, which gives up on its stack
#endif
    ck_assert_msg(strstr(text, words) != NULL, "said: %s", text);
}

static void
fault_at_dispatch(void)
{
    KIRQL old;
    __try {
        KeRaiseIrql(DISPATCH_LEVEL, &old);
        nowhere()[0] = 1;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        _exit(0);
    }
}

TEST(a_fault_at_DISPATCH_LEVEL_is_not_caught_and_says_why) { expect_fault(fault_at_dispatch, "bug check 0xD1"); }

static void
fault_in_door(void)
{
    __try {
        KeSetEvent((PRKEVENT)nowhere(), 0, FALSE);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        _exit(0);
    }
}

TEST(a_fault_inside_a_door_that_keeps_state_is_not_caught_and_names_it) { expect_fault(fault_in_door, "in or behind KeSetEvent"); }

static void
fault_after_try(void)
{
    __try {
        tell('b');
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        _exit(0);
    }
    nowhere()[0] = 1;
}

TEST(a_fault_after_a_try_is_reported_as_ever) { expect_fault(fault_after_try, "fault_after_try"); }

static void
fault_declined(void)
{
    __try {
        nowhere()[0] = 1;
    } __except (EXCEPTION_CONTINUE_SEARCH) {
        _exit(0);
    }
}

TEST(a_fault_that_every_filter_declines_is_reported_where_it_happened) { expect_fault(fault_declined, "fault_declined"); }

#if !defined(__has_feature) || !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
static volatile int depth_kept;
static int
without_end(int depth)
{
    volatile char room[512];
    room[0] = (char)depth;
    depth_kept = depth;
    return depth_kept >= 0 ? without_end(depth + 1) + room[0] : 0;
}

// Windows cannot catch it either: [debugger/bug-check-0x7f--unexpected-kernel-mode-trap], a double fault.
static void
overflow(void)
{
    __try {
        without_end(0);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        _exit(0);
    }
}

TEST(a_stack_that_overflows_in_a_try_is_reported_as_such) { expect_fault(overflow, "is used up"); }

static void
overflow_start(void *arg)
{
    overflow();
}

static void
overflow_elsewhere(void)
{
    ke_thread_join(nt_test_start(overflow_start, NULL));
}

TEST(a_stack_that_overflows_on_another_thread_is_reported_as_such) { expect_fault(overflow_elsewhere, "is used up"); }
#endif
