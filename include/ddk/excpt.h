// SPDX-License-Identifier: MIT
// Structured exception handling: __try, __except, __finally, __leave and what filters and handlers ask for.
//
// The compiler has these words on Windows only; here they are macros over setjmp and a frame per __try (docs/decisions/0007). Limits:
//   - a file that uses them must be compiled with optimisation off (-O0, or nbx_unoptimized.h included first): locals live in
//     registers otherwise and are lost when an exception arrives. An optimised file is refused by the compiler, with this text.
//   - break and continue must not leave a __try or __finally block: they bind to the loop that the macro opens.
//   - a filter runs after the __finally blocks inside, not before; EXCEPTION_CONTINUE_EXECUTION is a report (NBX-0001).
// Sources: [cpp/structured-exception-handling-c-cpp], [cpp/try-except-statement], [cpp/try-finally-statement],
// [windows-driver-docs kernel/handling-exceptions], [sdk winnt/ns-winnt-exception_record], [sdk winnt/ns-winnt-context].
#ifndef NBX_DDK_EXCPT_H
#define NBX_DDK_EXCPT_H

#include "ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

#define EXCEPTION_NONCONTINUABLE 0x1
#define EXCEPTION_MAXIMUM_PARAMETERS 15

typedef struct _EXCEPTION_RECORD {
    NTSTATUS ExceptionCode;
    ULONG ExceptionFlags;
    struct _EXCEPTION_RECORD *ExceptionRecord;
    PVOID ExceptionAddress;
    ULONG NumberParameters;
    ULONG_PTR ExceptionInformation[EXCEPTION_MAXIMUM_PARAMETERS];   // of an access violation: 0 read, 1 write, 8 execute; the address
} EXCEPTION_RECORD, *PEXCEPTION_RECORD;

typedef struct DECLSPEC_ALIGN(16) _M128A {
    ULONGLONG Low;
    LONGLONG High;
} M128A, *PM128A;

// The machine at the fault. ContextFlags says what is filled in: control and integer registers after a fault, control alone after a
// raise; never segments, floating point or debug registers.
#define CONTEXT_AMD64 0x00100000L
#define CONTEXT_CONTROL (CONTEXT_AMD64 | 0x00000001L)
#define CONTEXT_INTEGER (CONTEXT_AMD64 | 0x00000002L)
#define CONTEXT_SEGMENTS (CONTEXT_AMD64 | 0x00000004L)
#define CONTEXT_FLOATING_POINT (CONTEXT_AMD64 | 0x00000008L)
#define CONTEXT_DEBUG_REGISTERS (CONTEXT_AMD64 | 0x00000010L)
#define CONTEXT_FULL (CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_FLOATING_POINT)
typedef struct DECLSPEC_ALIGN(16) _CONTEXT {
    ULONG64 P1Home, P2Home, P3Home, P4Home, P5Home, P6Home;
    ULONG ContextFlags, MxCsr;
    USHORT SegCs, SegDs, SegEs, SegFs, SegGs, SegSs;
    ULONG EFlags;
    ULONG64 Dr0, Dr1, Dr2, Dr3, Dr6, Dr7;
    ULONG64 Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, R8, R9, R10, R11, R12, R13, R14, R15;
    ULONG64 Rip;
    UCHAR FltSave[512];
    M128A VectorRegister[26];
    ULONG64 VectorControl, DebugControl, LastBranchToRip, LastBranchFromRip, LastExceptionToRip, LastExceptionFromRip;
} CONTEXT, *PCONTEXT;

typedef struct _EXCEPTION_POINTERS {
    PEXCEPTION_RECORD ExceptionRecord;
    PCONTEXT ContextRecord;
} EXCEPTION_POINTERS, *PEXCEPTION_POINTERS;

// What follows belongs to the macros. One frame lies in each function that has a __try, for as long as the statement runs.
#if defined(__x86_64__)
#define NBX_SEH_CALL __attribute__((sysv_abi))
#else
#define NBX_SEH_CALL
#endif
enum nbx_seh_phase {
    NBX_SEH_BODY,      // on the thread's chain: inside the __try block
    NBX_SEH_LEFT,      // the body ended, or __leave
    NBX_SEH_UNWOUND,   // return or goto left the body: a __finally block runs and then the jump goes on
    NBX_SEH_RAISED,    // an exception has come: the filter is asked, or the __finally block runs and the search goes on
    NBX_SEH_HANDLER,   // inside the __except block
    NBX_SEH_DONE
};
struct nbx_seh {
    volatile int phase;
    struct nbx_seh *outer;        // the thread's next frame, perhaps another function's
    struct nbx_seh *around;       // the __try statement around this one in the same function
    EXCEPTION_POINTERS pointers;
    EXCEPTION_RECORD record;
    void *back[22];               // where an UNWOUND frame goes on (src/nt/ex/seh_x86_64.S)
    const void *stack;            // where the function's callees begin (the frame itself may lie on a sanitizer's heap)
    DECLSPEC_ALIGN(16) UCHAR jump[320];
    DECLSPEC_ALIGN(16) UCHAR room[2048];   // the runtime's: registers and stack of the fault
};
NBX_SEH_CALL struct nbx_seh *nbx_seh_enter(struct nbx_seh *frame, struct nbx_seh *around);
NBX_SEH_CALL void nbx_seh_step(struct nbx_seh *frame);
NBX_SEH_CALL void nbx_seh_unwind(struct nbx_seh *frame);
NBX_SEH_CALL int nbx_seh_declined(struct nbx_seh *frame, LONG answer);
NBX_SEH_CALL DECLSPEC_NORETURN void nbx_seh_leave(struct nbx_seh *frame);
NBX_SEH_CALL ULONG nbx_seh_code(const struct nbx_seh *frame);
NBX_SEH_CALL PEXCEPTION_POINTERS nbx_seh_information(struct nbx_seh *frame);
NBX_SEH_CALL int nbx_seh_abnormal(const struct nbx_seh *frame);
// The C library's, by a name that the compiler has no opinion of; called in the frame that it returns to, so it cannot be wrapped.
NBX_SEH_CALL int nbx_seh_setjmp(void *jump) __asm__("_setjmp") __attribute__((returns_twice));

static struct nbx_seh *const nbx_seh_here __attribute__((unused)) = 0;   // outside every __try; each __try hides it by its own

#ifdef __cplusplus
#define NBX_SEH_ASSERT static_assert
#else
#define NBX_SEH_ASSERT _Static_assert
#endif
#if defined(__OPTIMIZE__) && !defined(NBX_UNOPTIMIZED)
#define NBX_SEH_CHECK NBX_SEH_ASSERT(0, "a file with __try must be compiled with optimisation off: see excpt.h");
#else
#define NBX_SEH_CHECK
#endif

#if !defined(__cplusplus) || defined(NBX_DRIVER)   // the C++ library has a __try of its own
#undef __try
#undef __except
#undef __finally
#undef __leave
#define __try                                                                                                            \
    NBX_SEH_CHECK for (struct nbx_seh *nbx_seh_around = nbx_seh_here, nbx_seh_frame __attribute__((cleanup(nbx_seh_unwind))), \
                                      *nbx_seh_here = nbx_seh_enter(&nbx_seh_frame, nbx_seh_around);                     \
                       nbx_seh_here->phase != NBX_SEH_DONE; nbx_seh_step(nbx_seh_here))                                  \
        if (nbx_seh_here->phase == NBX_SEH_BODY && nbx_seh_setjmp(nbx_seh_here->jump) == 0)
#define __except(...)                                                                                                    \
    else if (nbx_seh_here->phase != NBX_SEH_RAISED || nbx_seh_declined(nbx_seh_here, (LONG)(__VA_ARGS__))) {             \
    } else
#define __finally else
#define __leave nbx_seh_leave(nbx_seh_here)
#endif

#define GetExceptionCode() nbx_seh_code(nbx_seh_here)
#define GetExceptionInformation() nbx_seh_information(nbx_seh_here)
#define AbnormalTermination() nbx_seh_abnormal(nbx_seh_here)
#define _exception_code GetExceptionCode
#define _exception_info GetExceptionInformation
#define _abnormal_termination AbnormalTermination
#define exception_code GetExceptionCode
#define exception_info GetExceptionInformation
#define abnormal_termination AbnormalTermination
#if defined(NBX_DRIVER) && !defined(__cplusplus)   // the runtime has other uses for these words
#define try __try
#define except __except
#define finally __finally
#define leave __leave
#endif

#ifdef __cplusplus
}
#endif

#endif
