// SPDX-License-Identifier: MIT
// The basic types of Windows kernel code, on Linux.
//
// Widths are Windows': ULONG and LONG have 32 bits whatever the compiler's own `long` has, WCHAR has 16 (-fshort-wchar), and
// pointers 64. NTAPI is the Microsoft x64 calling convention, so a driver function declared through its role type (for
// example `DRIVER_DISPATCH MyDispatch;`) is entered exactly as Windows would enter it. Structure layouts are those of
// Windows x64 and are asserted in tests/layout/nt.
// Sources: [windows-driver-docs kernel/windows-kernel-mode-data-types], [ddi ntdef], [wdm/ns-wdm-_unicode_string] and kin.
#ifndef NBX_DDK_NTDEF_H
#define NBX_DDK_NTDEF_H

#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <string.h>

#include "nbx_forced.h"
#include "driverspecs.h"
#include "guiddef.h"

#ifndef _AMD64_
#define _AMD64_ 1
#endif
#ifndef _WIN64
#define _WIN64 1
#endif
#ifndef _M_AMD64
#define _M_AMD64 100
#endif
#ifndef _M_X64
#define _M_X64 100
#endif

#ifndef NTAPI
#define NTAPI __attribute__((ms_abi))
#endif
#define FASTCALL NTAPI
#define WINAPI NTAPI
#define CALLBACK NTAPI
#define APIENTRY NTAPI
#define CDECL
// Windows x64 has one convention and ignores the names of the others; here they must not fall back to the Linux one.
#define __stdcall NTAPI
#define __fastcall NTAPI
#define _stdcall NTAPI
#define _fastcall NTAPI
#define __cdecl
#define _cdecl

#define NTSYSAPI
#define NTSYSCALLAPI
#define NTKERNELAPI
#define NTHALAPI
#define DECLSPEC_IMPORT
#define DECLSPEC_EXPORT
#define DECLSPEC_NORETURN __attribute__((noreturn))
#define DECLSPEC_ALIGN(bytes) __declspec(align(bytes))
#define POINTER_ALIGNMENT DECLSPEC_ALIGN(8)
#define DECLSPEC_NOINLINE __attribute__((noinline))
#define DECLSPEC_NOTHROW
#define DECLSPEC_NOVTABLE
#define DECLSPEC_SELECTANY __attribute__((weak))
#define DECLSPEC_CACHEALIGN DECLSPEC_ALIGN(SYSTEM_CACHE_ALIGNMENT_SIZE)
#define DECLSPEC_UUID(text)
#define DECLSPEC_DEPRECATED
#define DECLSPEC_DEPRECATED_DDK
#define DEPRECATE_DDK_FUNCTION(use)
#define SYSTEM_CACHE_ALIGNMENT_SIZE 64
#define MEMORY_ALLOCATION_ALIGNMENT 16
#define PROBE_ALIGNMENT(s) TYPE_ALIGNMENT(ULONG)
#define TYPE_ALIGNMENT(t) _Alignof(t)
#ifdef __cplusplus
#undef TYPE_ALIGNMENT
#define TYPE_ALIGNMENT(t) alignof(t)
#endif

// A driver may put extern or static before it, so for drivers it must not be static itself: it is C's inline there, which gives no
// address to take (the loader would name the function as unresolved).
#ifndef FORCEINLINE
#if defined(NBX_DRIVER) && !defined(__cplusplus)
#define FORCEINLINE __inline __attribute__((always_inline, unused))
#else
#define FORCEINLINE static inline __attribute__((always_inline, unused))
#endif
#endif
#define CFORCEINLINE FORCEINLINE
#ifndef NTAPI_INLINE
#define NTAPI_INLINE NTAPI
#endif
#ifndef __inline
#define _inline __inline
#endif
#define UNALIGNED __unaligned
#define UNALIGNED64 __unaligned
#define RESTRICTED_POINTER
#define POINTER_32
#define POINTER_64
#define CONST const
#define IN
#define OUT
#define OPTIONAL
#define CRITICAL
#define FAR
#define NEAR
#define NOTHING
#ifndef VOID
#define VOID void
#endif
#ifdef __cplusplus
#define EXTERN_C extern "C"
#define EXTERN_C_START extern "C" {
#define EXTERN_C_END }
#else
#define EXTERN_C extern
#define EXTERN_C_START
#define EXTERN_C_END
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef char CHAR, CCHAR;
typedef unsigned char UCHAR;
typedef int16_t SHORT, CSHORT;
typedef uint16_t USHORT;
typedef int32_t LONG;
typedef uint32_t ULONG;
typedef int32_t INT;
typedef uint32_t UINT;
typedef int64_t LONGLONG, LONG64, INT64;
typedef uint64_t ULONGLONG, ULONG64, UINT64, DWORDLONG, DWORD64;
typedef int32_t INT32, LONG32;
typedef uint32_t UINT32, ULONG32, DWORD32;
typedef int16_t INT16;
typedef uint16_t UINT16;
typedef int8_t INT8;
typedef uint8_t UINT8;
typedef int64_t INT_PTR, LONG_PTR, SSIZE_T;
typedef uint64_t UINT_PTR, ULONG_PTR, SIZE_T, DWORD_PTR, KAFFINITY, HANDLE_PTR;
typedef int64_t USN;
typedef UCHAR BOOLEAN, BYTE, KIRQL, FCHAR;
typedef int32_t BOOL;
typedef uint16_t WORD;
typedef uint32_t DWORD, LCID, FLONG, EXECUTION_STATE, LOGICAL, HFILE_ULONG;
typedef uint16_t LANGID;
typedef float FLOAT;
typedef double DOUBLE;
typedef wchar_t WCHAR;
typedef uint32_t UCSCHAR;
typedef LONG NTSTATUS;
typedef LONG HRESULT;
typedef CCHAR KPROCESSOR_MODE;
typedef LONG KPRIORITY;
typedef ULONG_PTR KSPIN_LOCK;
typedef ULONG ACCESS_MASK;
typedef ULONG DEVICE_TYPE;
typedef ULONG CLONG;

typedef void *PVOID, *LPVOID, *HANDLE, *PVOID64;
typedef void **PPVOID;
typedef const void *PCVOID, *LPCVOID;
typedef void *UNALIGNED PUVOID;
typedef CHAR *PCHAR, *PCH, *PSTR, *LPSTR, *PSZ, *LPCH, *PNZCH;
typedef const CHAR *PCSTR, *LPCSTR, *PCCH, *LPCCH, *PCSZ, *PCNZCH;
typedef UCHAR *PUCHAR, *PBOOLEAN, *PBYTE, *LPBYTE, *PFCHAR, *PKIRQL;
typedef const UCHAR *PCUCHAR, *PCBYTE;
typedef SHORT *PSHORT, *PCSHORT;
typedef USHORT *PUSHORT, *PWORD, *LPWORD;
typedef LONG *PLONG, *LPLONG, *PNTSTATUS;
typedef const LONG *PCLONG;
typedef ULONG *PULONG, *PDWORD, *LPDWORD, *PACCESS_MASK;
typedef INT *PINT, *LPINT;
typedef UINT *PUINT;
typedef BOOL *PBOOL, *LPBOOL;
typedef LONGLONG *PLONGLONG, *PLONG64, *PINT64;
typedef ULONGLONG *PULONGLONG, *PULONG64, *PUINT64, *PDWORDLONG, *PDWORD64;
typedef INT32 *PINT32, *PLONG32;
typedef UINT32 *PUINT32, *PULONG32, *PDWORD32;
typedef INT16 *PINT16;
typedef UINT16 *PUINT16;
typedef INT8 *PINT8;
typedef UINT8 *PUINT8;
typedef LONG_PTR *PLONG_PTR, *PINT_PTR, *PSSIZE_T;
typedef ULONG_PTR *PULONG_PTR, *PUINT_PTR, *PSIZE_T, *PDWORD_PTR, *PKAFFINITY, *PKSPIN_LOCK;
typedef FLOAT *PFLOAT;
typedef HANDLE *PHANDLE, *LPHANDLE;
typedef WCHAR *PWCHAR, *PWCH, *PWSTR, *LPWSTR, *LPWCH, *NWPSTR, *PNZWCH;
typedef const WCHAR *PCWSTR, *LPCWSTR, *PCWCH, *LPCWCH, *PCNZWCH;
typedef WCHAR UNALIGNED *PUWSTR;
typedef const WCHAR UNALIGNED *PCUWSTR;
typedef PVOID PSECURITY_DESCRIPTOR, PSID;
typedef ULONG SECURITY_INFORMATION, *PSECURITY_INFORMATION;
typedef PWSTR *PZPWSTR;
typedef LCID *PLCID;
typedef LANGID *PLANGID;

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef TRUE
#define FALSE 0
#define TRUE 1
#endif
#define MINCHAR 0x80
#define MAXCHAR 0x7f
#define MINSHORT 0x8000
#define MAXSHORT 0x7fff
#define MINLONG 0x80000000
#define MAXLONG 0x7fffffff
#define MAXUCHAR 0xff
#define MAXUSHORT 0xffff
#define MAXULONG 0xffffffffU
#define MAXULONGLONG UINT64_MAX
#define MAXLONGLONG INT64_MAX
#define MAXLONG_PTR INT64_MAX
#define MAXULONG_PTR UINT64_MAX
#define MAXSIZE_T UINT64_MAX
#define MAXUINT8 ((UINT8) ~((UINT8)0))
#define MAXUINT16 ((UINT16) ~((UINT16)0))
#define MAXUINT32 ((UINT32) ~((UINT32)0))
#define MAXUINT64 ((UINT64) ~((UINT64)0))
#define MAXUINT MAXUINT32
#define MAXINT32 ((INT32)(MAXUINT32 >> 1))
#define MAXDWORD MAXULONG
#define MAXWORD MAXUSHORT
#define MAXBYTE MAXUCHAR

typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY, *RESTRICTED_POINTER PRLIST_ENTRY;

typedef struct _SINGLE_LIST_ENTRY {
    struct _SINGLE_LIST_ENTRY *Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

typedef struct DECLSPEC_ALIGN(16) _SLIST_ENTRY {
    struct _SLIST_ENTRY *Next;
} SLIST_ENTRY, *PSLIST_ENTRY;

// Sixteen bytes that a driver must not look into; the executive keeps depth, sequence and head in them.
typedef union DECLSPEC_ALIGN(16) _SLIST_HEADER {
    struct {
        ULONGLONG Alignment;
        ULONGLONG Region;
    };
    struct {
        ULONGLONG Depth : 16;
        ULONGLONG Sequence : 48;
        ULONGLONG Reserved : 4;
        ULONGLONG NextEntry : 60;
    } HeaderX64;
} SLIST_HEADER, *PSLIST_HEADER;

typedef union _LARGE_INTEGER {
    struct {
        ULONG LowPart;
        LONG HighPart;
    };
    struct {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    struct {
        ULONG LowPart;
        ULONG HighPart;
    };
    struct {
        ULONG LowPart;
        ULONG HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef LARGE_INTEGER PHYSICAL_ADDRESS, *PPHYSICAL_ADDRESS;

typedef struct _LUID {
    ULONG LowPart;
    LONG HighPart;
} LUID, *PLUID;

typedef struct _UNICODE_STRING {
    USHORT Length;
    USHORT MaximumLength;
    PWCH Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

typedef struct _STRING {
    USHORT Length;
    USHORT MaximumLength;
    PCHAR Buffer;
} STRING, *PSTRING, ANSI_STRING, *PANSI_STRING, OEM_STRING, *POEM_STRING, UTF8_STRING, *PUTF8_STRING;
typedef const STRING *PCSTRING, *PCANSI_STRING, *PCOEM_STRING, *PCUTF8_STRING;
typedef STRING CANSI_STRING;

typedef struct _OBJECT_ATTRIBUTES {
    ULONG Length;
    HANDLE RootDirectory;
    PUNICODE_STRING ObjectName;
    ULONG Attributes;
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;
typedef const OBJECT_ATTRIBUTES *PCOBJECT_ATTRIBUTES;

typedef struct _PROCESSOR_NUMBER {
    USHORT Group;
    UCHAR Number;
    UCHAR Reserved;
} PROCESSOR_NUMBER, *PPROCESSOR_NUMBER;

typedef struct _GROUP_AFFINITY {
    KAFFINITY Mask;
    USHORT Group;
    USHORT Reserved[3];
} GROUP_AFFINITY, *PGROUP_AFFINITY;
typedef const GROUP_AFFINITY *PCGROUP_AFFINITY;
#define ALL_PROCESSOR_GROUPS 0xffff
#define INVALID_PROCESSOR_INDEX 0xffffffff   // of KeGetProcessorIndexFromNumber

typedef enum _EVENT_TYPE { NotificationEvent, SynchronizationEvent } EVENT_TYPE;
typedef enum _TIMER_TYPE { NotificationTimer, SynchronizationTimer } TIMER_TYPE;
typedef enum _WAIT_TYPE { WaitAll, WaitAny, WaitNotification, WaitDequeue, WaitDpc } WAIT_TYPE;
typedef enum _NT_PRODUCT_TYPE { NtProductWinNt = 1, NtProductLanManNt, NtProductServer } NT_PRODUCT_TYPE, *PNT_PRODUCT_TYPE;
typedef enum _SUITE_TYPE { SmallBusiness, Enterprise, BackOffice, CommunicationServer, TerminalServer } SUITE_TYPE;

#define OBJ_INHERIT 0x00000002L
#define OBJ_PERMANENT 0x00000010L
#define OBJ_EXCLUSIVE 0x00000020L
#define OBJ_CASE_INSENSITIVE 0x00000040L
#define OBJ_OPENIF 0x00000080L
#define OBJ_OPENLINK 0x00000100L
#define OBJ_KERNEL_HANDLE 0x00000200L
#define OBJ_FORCE_ACCESS_CHECK 0x00000400L
#define OBJ_IGNORE_IMPERSONATED_DEVICEMAP 0x00000800L
#define OBJ_DONT_REPARSE 0x00001000L
#define OBJ_VALID_ATTRIBUTES 0x00001FF2L

#define InitializeObjectAttributes(p, n, a, r, s)                                                                      \
    do {                                                                                                               \
        (p)->Length = sizeof(OBJECT_ATTRIBUTES);                                                                       \
        (p)->RootDirectory = (r);                                                                                      \
        (p)->Attributes = (a);                                                                                         \
        (p)->ObjectName = (n);                                                                                         \
        (p)->SecurityDescriptor = (s);                                                                                 \
        (p)->SecurityQualityOfService = NULL;                                                                          \
    } while (0)
#define RTL_CONSTANT_OBJECT_ATTRIBUTES(n, a)                                                                           \
    {sizeof(OBJECT_ATTRIBUTES), NULL, (PUNICODE_STRING)(n), (a), NULL, NULL}
#define RTL_INIT_OBJECT_ATTRIBUTES(n, a) RTL_CONSTANT_OBJECT_ATTRIBUTES(n, a)

#define NT_SUCCESS(Status) (((NTSTATUS)(Status)) >= 0)
#define NT_INFORMATION(Status) ((((ULONG)(Status)) >> 30) == 1)
#define NT_WARNING(Status) ((((ULONG)(Status)) >> 30) == 2)
#define NT_ERROR(Status) ((((ULONG)(Status)) >> 30) == 3)
#define APPLICATION_ERROR_MASK 0x20000000
#define ERROR_SEVERITY_SUCCESS 0x00000000
#define ERROR_SEVERITY_INFORMATIONAL 0x40000000
#define ERROR_SEVERITY_WARNING 0x80000000
#define ERROR_SEVERITY_ERROR 0xC0000000

#define FIELD_OFFSET(type, field) ((LONG)__builtin_offsetof(type, field))
#define UFIELD_OFFSET(type, field) ((ULONG)__builtin_offsetof(type, field))
#ifndef CONTAINING_RECORD
#define CONTAINING_RECORD(address, type, field) ((type *)((PCHAR)(address) - (ULONG_PTR)__builtin_offsetof(type, field)))
#endif
#define RTL_FIELD_SIZE(type, field) (sizeof(((type *)0)->field))
#ifndef FIELD_SIZE
#define FIELD_SIZE(type, field) RTL_FIELD_SIZE(type, field)
#endif
#define RTL_SIZEOF_THROUGH_FIELD(type, field) (FIELD_OFFSET(type, field) + RTL_FIELD_SIZE(type, field))
#define RTL_CONTAINS_FIELD(Struct, Size, Field)                                                                        \
    ((((PCHAR)(&(Struct)->Field)) + sizeof((Struct)->Field)) <= (((PCHAR)(Struct)) + (Size)))
#define RTL_NUMBER_OF(A) (sizeof(A) / sizeof((A)[0]))
#define RTL_NUMBER_OF_V1(A) RTL_NUMBER_OF(A)
#define RTL_NUMBER_OF_V2(A) RTL_NUMBER_OF(A)
#define RTL_NUMBER_OF_FIELD(type, field) (RTL_NUMBER_OF(RTL_FIELD_TYPE(type, field)))
#define RTL_FIELD_TYPE(type, field) (((type *)0)->field)
#define RTL_PADDING_BETWEEN_FIELDS(T, F1, F2)                                                                          \
    ((FIELD_OFFSET(T, F2) > FIELD_OFFSET(T, F1)) ? (FIELD_OFFSET(T, F2) - FIELD_OFFSET(T, F1) - RTL_FIELD_SIZE(T, F1))   \
                                                 : (FIELD_OFFSET(T, F1) - FIELD_OFFSET(T, F2) - RTL_FIELD_SIZE(T, F2)))
#define RTL_BITS_OF(sizeOfArg) (sizeof(sizeOfArg) * 8)
#define RTL_BITS_OF_FIELD(type, field) (RTL_BITS_OF(RTL_FIELD_TYPE(type, field)))
#ifndef ARRAYSIZE
#define ARRAYSIZE(A) RTL_NUMBER_OF(A)
#define ANYSIZE_ARRAY 1                       // of the last member of a structure that goes on
#endif
#ifndef _ARRAYSIZE
#define _ARRAYSIZE(A) RTL_NUMBER_OF(A)
#endif
#define UNREFERENCED_PARAMETER(P) ((void)(P))
#define DBG_UNREFERENCED_PARAMETER(P) ((void)(P))
#define DBG_UNREFERENCED_LOCAL_VARIABLE(V) ((void)(V))
#define DEFAULT_UNREACHABLE                                                                                            \
    default:                                                                                                           \
        __builtin_unreachable()
#ifdef __cplusplus
#define C_ASSERT(e) static_assert((e), #e)
#else
#define C_ASSERT(e) _Static_assert((e), #e)
#ifndef static_assert
#define static_assert _Static_assert
#endif
#endif
#if !defined(NOMINMAX) && !defined(__cplusplus)
#ifndef min
#define min(a, b) (((a) < (b)) ? (a) : (b))
#endif
#ifndef max
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif
#endif

#define ANSI_NULL ((CHAR)0)
#define UNICODE_NULL ((WCHAR)0)
#define UNICODE_STRING_MAX_BYTES ((USHORT)65534)
#define UNICODE_STRING_MAX_CHARS (32767)
#define TEXT_QUOTE_NBX(quote) L##quote
#ifdef UNICODE
typedef WCHAR TCHAR, *PTCHAR, *PTSTR, *LPTSTR;
typedef const WCHAR *PCTSTR, *LPCTSTR;
#else
typedef CHAR TCHAR, *PTCHAR, *PTSTR, *LPTSTR;
typedef const CHAR *PCTSTR, *LPCTSTR;
#endif
#ifdef UNICODE
#define TEXT(quote) TEXT_QUOTE_NBX(quote)
#else
#define TEXT(quote) quote
#endif
#define DECLARE_CONST_UNICODE_STRING(_var, _string)                                                                    \
    const WCHAR _var##_buffer[] = _string;                                                                             \
    const UNICODE_STRING _var = {sizeof(_string) - sizeof(WCHAR), sizeof(_string), (PWCH)_var##_buffer}
#define DECLARE_GLOBAL_CONST_UNICODE_STRING(_var, _str) DECLARE_CONST_UNICODE_STRING(_var, _str)
#define DECLARE_UNICODE_STRING_SIZE(_var, _size)                                                                       \
    WCHAR _var##_buffer[_size];                                                                                        \
    UNICODE_STRING _var = {0, (_size) * sizeof(WCHAR), _var##_buffer}
#ifdef __cplusplus
#define RTL_CONSTANT_STRING(s) {sizeof(s) - sizeof((s)[0]), sizeof(s), (__remove_cv(__typeof__((s)[0])) *)(s)}
#else
#define RTL_CONSTANT_STRING(s) {sizeof(s) - sizeof((s)[0]), sizeof(s), (__typeof__((s)[0]) *)(s)}
#endif

#define DECLARE_HANDLE(name)                                                                                           \
    struct name##__ {                                                                                                  \
        int unused;                                                                                                    \
    };                                                                                                                 \
    typedef struct name##__ *name
#define LOBYTE(w) ((UCHAR)(((ULONG_PTR)(w)) & 0xff))
#define HIBYTE(w) ((UCHAR)((((ULONG_PTR)(w)) >> 8) & 0xff))
#define LOWORD(l) ((USHORT)(((ULONG_PTR)(l)) & 0xffff))
#define HIWORD(l) ((USHORT)((((ULONG_PTR)(l)) >> 16) & 0xffff))
#define MAKEWORD(a, b) ((USHORT)(((UCHAR)(a)) | ((USHORT)((UCHAR)(b))) << 8))
#define MAKELONG(a, b) ((LONG)(((USHORT)(a)) | ((ULONG)((USHORT)(b))) << 16))
#define ALIGN_DOWN_BY(length, alignment) ((ULONG_PTR)(length) & ~((ULONG_PTR)(alignment)-1))
#define ALIGN_UP_BY(length, alignment) (ALIGN_DOWN_BY(((ULONG_PTR)(length) + (alignment)-1), alignment))
#define ALIGN_DOWN(length, type) ALIGN_DOWN_BY(length, sizeof(type))
#define ALIGN_UP(length, type) ALIGN_UP_BY(length, sizeof(type))
#define ALIGN_DOWN_POINTER_BY(address, alignment) ((PVOID)ALIGN_DOWN_BY(address, alignment))
#define ALIGN_UP_POINTER_BY(address, alignment) ((PVOID)ALIGN_UP_BY(address, alignment))
#define ALIGN_DOWN_POINTER(address, type) ALIGN_DOWN_POINTER_BY(address, sizeof(type))
#define ALIGN_UP_POINTER(address, type) ALIGN_UP_POINTER_BY(address, sizeof(type))
#define Int32x32To64(a, b) ((LONGLONG)(LONG)(a) * (LONGLONG)(LONG)(b))
#define UInt32x32To64(a, b) ((ULONGLONG)(ULONG)(a) * (ULONGLONG)(ULONG)(b))
#define Int64ShllMod32(a, b) ((ULONGLONG)(a) << (b))
#define Int64ShraMod32(a, b) ((LONGLONG)(a) >> (b))
#define Int64ShrlMod32(a, b) ((ULONGLONG)(a) >> (b))
#define ULongToHandle(ul) ((HANDLE)(ULONG_PTR)(ULONG)(ul))
#define UlongToHandle(ul) ULongToHandle(ul)
#define LongToHandle(l) ((HANDLE)(LONG_PTR)(LONG)(l))
#define HandleToULong(h) ((ULONG)(ULONG_PTR)(h))
#define HandleToUlong(h) HandleToULong(h)
#define HandleToLong(h) ((LONG)(LONG_PTR)(h))
#define PtrToUlong(p) ((ULONG)(ULONG_PTR)(p))
#define PtrToULong(p) PtrToUlong(p)
#define PtrToLong(p) ((LONG)(LONG_PTR)(p))
#define PtrToUint(p) ((UINT)(UINT_PTR)(p))
#define UlongToPtr(ul) ((PVOID)(ULONG_PTR)(ULONG)(ul))
#define ULongToPtr(ul) UlongToPtr(ul)
#define LongToPtr(l) ((PVOID)(LONG_PTR)(LONG)(l))
#define UintToPtr(ui) ((PVOID)(UINT_PTR)(UINT)(ui))

#ifdef __cplusplus
}
#define DEFINE_ENUM_FLAG_OPERATORS(T)                                                                                  \
    extern "C++" {                                                                                                     \
    inline T operator|(T a, T b) { return (T)((int)a | (int)b); }                                                      \
    inline T operator&(T a, T b) { return (T)((int)a & (int)b); }                                                      \
    inline T operator~(T a) { return (T)(~(int)a); }                                                                   \
    inline T &operator|=(T &a, T b) { return a = a | b; }                                                              \
    inline T &operator&=(T &a, T b) { return a = a & b; }                                                              \
    }
#else
#define DEFINE_ENUM_FLAG_OPERATORS(T)
#endif

#include "nbx_crt.h"

#endif
