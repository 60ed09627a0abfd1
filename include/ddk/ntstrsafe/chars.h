// SPDX-License-Identifier: MIT
// The safe string functions for one kind of character; ntstrsafe.h includes this twice, once narrow and once wide.
//
// Wants NBX_CHAR (the character), NBX_NAME(x) (x with its A or W) and NBX_VFORMAT (the formatter), and undefines them.
// Cch functions count characters and do the work; Cb functions count bytes and call them; Ex functions add the end pointer,
// what remains and the flags. Results follow [ntstrsafe/nf-ntstrsafe-rtlstringcchcopyexw] and its neighbours: a string that
// does not fit is cut, terminated, and answered with STATUS_BUFFER_OVERFLOW.

typedef NBX_CHAR *NBX_NAME(nbx_strsafe_out);
typedef const NBX_CHAR *NBX_NAME(nbx_strsafe_in);
#define NBX_OUT NBX_NAME(nbx_strsafe_out)
#define NBX_IN NBX_NAME(nbx_strsafe_in)

FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchLength)(NBX_IN psz, size_t cchMax, size_t *pcchLength)
{
    size_t length = 0;
    BOOLEAN found = FALSE;

    if (psz != NULL && cchMax <= NTSTRSAFE_MAX_CCH)
        for (; length < cchMax && !found; length += !found)
            found = psz[length] == 0;
    if (pcchLength != NULL)
        *pcchLength = found ? length : 0;
    return found ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

// Copies up to count characters behind the first used ones of dest, whose size has been checked.
FORCEINLINE NTSTATUS NBX_NAME(nbx_strsafe_append)(NBX_OUT dest, size_t size, size_t *used, NBX_IN source, size_t count)
{
    while (count > 0 && *source != 0 && *used < size - 1) {
        dest[(*used)++] = *source++;
        count--;
    }
    dest[*used] = 0;
    return count > 0 && *source != 0 ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

// Applies the flags to what an Ex function has done, and reports the end and what remains behind it.
FORCEINLINE NTSTATUS NBX_NAME(nbx_strsafe_finish)(NTSTATUS status, NBX_OUT dest, size_t size, size_t used, NBX_OUT *end, size_t *remaining, ULONG flags)
{
    if (NT_SUCCESS(status) && (flags & STRSAFE_FILL_BEHIND_NULL) && used + 1 < size)
        memset(dest + used + 1, (int)(flags & 0xff), (size - used - 1) * sizeof(NBX_CHAR));
    if (!NT_SUCCESS(status) && size > 0) {
        if (flags & STRSAFE_FILL_ON_FAILURE) {
            memset(dest, (int)(flags & 0xff), size * sizeof(NBX_CHAR));
            used = (flags & 0xff) ? size - 1 : 0;
        }
        if (flags & STRSAFE_NULL_ON_FAILURE)
            used = 0;
        if (flags & (STRSAFE_FILL_ON_FAILURE | STRSAFE_NULL_ON_FAILURE))
            dest[used] = 0;
    }
    if (NT_SUCCESS(status) || status == STATUS_BUFFER_OVERFLOW) {
        if (end != NULL)
            *end = dest == NULL ? NULL : dest + used;
        if (remaining != NULL)
            *remaining = size - used;
    }
    return status;
}

// Both copy and concatenate, counted or not: keep says whether what dest holds stays in front.
FORCEINLINE NTSTATUS NBX_NAME(nbx_strsafe_put)(NBX_OUT dest, size_t size, BOOLEAN keep, NBX_IN source, size_t count, NBX_OUT *end, size_t *remaining, ULONG flags)
{
    static const NBX_CHAR nothing[1] = {0};
    size_t used = 0, fits;
    NTSTATUS status = STATUS_SUCCESS;

    if ((flags & ~STRSAFE_VALID_FLAGS) || size > NTSTRSAFE_MAX_CCH)
        return STATUS_INVALID_PARAMETER;
    if (flags & STRSAFE_IGNORE_NULLS) {
        source = source == NULL ? nothing : source;
        if (dest == NULL)
            return size != 0 ? STATUS_INVALID_PARAMETER : *source == 0 || count == 0 ? NBX_NAME(nbx_strsafe_finish)(STATUS_SUCCESS, NULL, 0, 0, end, remaining, flags) : STATUS_BUFFER_OVERFLOW;
    }
    if (dest == NULL || source == NULL || size == 0)
        return STATUS_INVALID_PARAMETER;
    if (count > NTSTRSAFE_MAX_CCH && count != (size_t)-1)
        status = STATUS_INVALID_PARAMETER;
    else if (keep)
        status = NBX_NAME(RtlStringCchLength)(dest, size, &used);
    if (!NT_SUCCESS(status))
        return NBX_NAME(nbx_strsafe_finish)(status, dest, size, used, end, remaining, flags);
    if (flags & STRSAFE_NO_TRUNCATION) {
        for (fits = 0; fits < count && source[fits] != 0 && fits < size - used; fits++)
            ;
        if (fits == size - used)
            return NBX_NAME(nbx_strsafe_finish)(STATUS_BUFFER_OVERFLOW, dest, size, used, end, remaining, flags);
    }
    status = NBX_NAME(nbx_strsafe_append)(dest, size, &used, source, count);
    return NBX_NAME(nbx_strsafe_finish)(status, dest, size, used, end, remaining, flags);
}

// A formatter cannot take back what it has written: with STRSAFE_NO_TRUNCATION an overflow leaves the empty string.
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchVPrintfEx)(NBX_OUT pszDest, size_t cchDest, NBX_OUT *ppszDestEnd, size_t *pcchRemaining, ULONG dwFlags, NBX_IN pszFormat, va_list argList)
{
    static const NBX_CHAR nothing[1] = {0};
    NTSTATUS status = STATUS_SUCCESS;
    int written;

    if ((dwFlags & ~STRSAFE_VALID_FLAGS) || cchDest > NTSTRSAFE_MAX_CCH)
        return STATUS_INVALID_PARAMETER;
    if (dwFlags & STRSAFE_IGNORE_NULLS) {
        pszFormat = pszFormat == NULL ? nothing : pszFormat;
        if (pszDest == NULL)
            return cchDest != 0 ? STATUS_INVALID_PARAMETER : *pszFormat == 0 ? NBX_NAME(nbx_strsafe_finish)(STATUS_SUCCESS, NULL, 0, 0, ppszDestEnd, pcchRemaining, dwFlags) : STATUS_BUFFER_OVERFLOW;
    }
    if (pszDest == NULL || pszFormat == NULL || cchDest == 0)
        return STATUS_INVALID_PARAMETER;
    written = NBX_VFORMAT(pszDest, cchDest - 1, pszFormat, argList);
    if (written < 0 || (size_t)written > cchDest - 1) {
        status = STATUS_BUFFER_OVERFLOW;
        written = (dwFlags & STRSAFE_NO_TRUNCATION) ? 0 : (int)(cchDest - 1);
    }
    pszDest[written] = 0;
    return NBX_NAME(nbx_strsafe_finish)(status, pszDest, cchDest, (size_t)written, ppszDestEnd, pcchRemaining, dwFlags);
}

FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchVPrintf)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszFormat, va_list argList)
{
    return NBX_NAME(RtlStringCchVPrintfEx)(pszDest, cchDest, NULL, NULL, 0, pszFormat, argList);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbVPrintf)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszFormat, va_list argList)
{
    return NBX_NAME(RtlStringCchVPrintfEx)(pszDest, cbDest / sizeof(NBX_CHAR), NULL, NULL, 0, pszFormat, argList);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbVPrintfEx)(NBX_OUT pszDest, size_t cbDest, NBX_OUT *ppszDestEnd, size_t *pcbRemaining, ULONG dwFlags, NBX_IN pszFormat, va_list argList)
{
    size_t remaining = 0;
    NTSTATUS status = NBX_NAME(RtlStringCchVPrintfEx)(pszDest, cbDest / sizeof(NBX_CHAR), ppszDestEnd, &remaining, dwFlags, pszFormat, argList);

    if (pcbRemaining != NULL && (NT_SUCCESS(status) || status == STATUS_BUFFER_OVERFLOW))
        *pcbRemaining = remaining * sizeof(NBX_CHAR) + cbDest % sizeof(NBX_CHAR);
    return status;
}
static inline __attribute__((unused)) NTSTATUS NBX_NAME(RtlStringCchPrintf)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszFormat, ...)
{
    va_list arguments;
    NTSTATUS status;

    va_start(arguments, pszFormat);
    status = NBX_NAME(RtlStringCchVPrintf)(pszDest, cchDest, pszFormat, arguments);
    va_end(arguments);
    return status;
}
static inline __attribute__((unused)) NTSTATUS NBX_NAME(RtlStringCbPrintf)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszFormat, ...)
{
    va_list arguments;
    NTSTATUS status;

    va_start(arguments, pszFormat);
    status = NBX_NAME(RtlStringCbVPrintf)(pszDest, cbDest, pszFormat, arguments);
    va_end(arguments);
    return status;
}
static inline __attribute__((unused)) NTSTATUS NBX_NAME(RtlStringCchPrintfEx)(NBX_OUT pszDest, size_t cchDest, NBX_OUT *ppszDestEnd, size_t *pcchRemaining, ULONG dwFlags, NBX_IN pszFormat, ...)
{
    va_list arguments;
    NTSTATUS status;

    va_start(arguments, pszFormat);
    status = NBX_NAME(RtlStringCchVPrintfEx)(pszDest, cchDest, ppszDestEnd, pcchRemaining, dwFlags, pszFormat, arguments);
    va_end(arguments);
    return status;
}
static inline __attribute__((unused)) NTSTATUS NBX_NAME(RtlStringCbPrintfEx)(NBX_OUT pszDest, size_t cbDest, NBX_OUT *ppszDestEnd, size_t *pcbRemaining, ULONG dwFlags, NBX_IN pszFormat, ...)
{
    va_list arguments;
    NTSTATUS status;

    va_start(arguments, pszFormat);
    status = NBX_NAME(RtlStringCbVPrintfEx)(pszDest, cbDest, ppszDestEnd, pcbRemaining, dwFlags, pszFormat, arguments);
    va_end(arguments);
    return status;
}

FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbLength)(NBX_IN psz, size_t cbMax, size_t *pcbLength)
{
    size_t length = 0;
    NTSTATUS status = NBX_NAME(RtlStringCchLength)(psz, cbMax / sizeof(NBX_CHAR), &length);

    if (pcbLength != NULL)
        *pcbLength = length * sizeof(NBX_CHAR);
    return status;
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchCopy)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszSrc)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cchDest, FALSE, pszSrc, (size_t)-1, NULL, NULL, 0);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchCopyEx)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszSrc, NBX_OUT *ppszDestEnd, size_t *pcchRemaining, ULONG dwFlags)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cchDest, FALSE, pszSrc, (size_t)-1, ppszDestEnd, pcchRemaining, dwFlags);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbCopy)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszSrc)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cbDest / sizeof(NBX_CHAR), FALSE, pszSrc, (size_t)-1, NULL, NULL, 0);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbCopyEx)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszSrc, NBX_OUT *ppszDestEnd, size_t *pcbRemaining, ULONG dwFlags)
{
    size_t remaining = 0;
    NTSTATUS status = NBX_NAME(nbx_strsafe_put)(pszDest, cbDest / sizeof(NBX_CHAR), FALSE, pszSrc, (size_t)-1, ppszDestEnd, &remaining, dwFlags);

    if (pcbRemaining != NULL && (NT_SUCCESS(status) || status == STATUS_BUFFER_OVERFLOW))
        *pcbRemaining = remaining * sizeof(NBX_CHAR) + cbDest % sizeof(NBX_CHAR);
    return status;
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchCopyN)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszSrc, size_t cchToCopy)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cchDest, FALSE, pszSrc, cchToCopy, NULL, NULL, 0);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchCopyNEx)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszSrc, size_t cchToCopy, NBX_OUT *ppszDestEnd, size_t *pcchRemaining, ULONG dwFlags)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cchDest, FALSE, pszSrc, cchToCopy, ppszDestEnd, pcchRemaining, dwFlags);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbCopyN)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszSrc, size_t cbToCopy)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cbDest / sizeof(NBX_CHAR), FALSE, pszSrc, cbToCopy / sizeof(NBX_CHAR), NULL, NULL, 0);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbCopyNEx)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszSrc, size_t cbToCopy, NBX_OUT *ppszDestEnd, size_t *pcbRemaining, ULONG dwFlags)
{
    size_t remaining = 0;
    NTSTATUS status = NBX_NAME(nbx_strsafe_put)(pszDest, cbDest / sizeof(NBX_CHAR), FALSE, pszSrc, cbToCopy / sizeof(NBX_CHAR), ppszDestEnd, &remaining, dwFlags);

    if (pcbRemaining != NULL && (NT_SUCCESS(status) || status == STATUS_BUFFER_OVERFLOW))
        *pcbRemaining = remaining * sizeof(NBX_CHAR) + cbDest % sizeof(NBX_CHAR);
    return status;
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchCat)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszSrc)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cchDest, TRUE, pszSrc, (size_t)-1, NULL, NULL, 0);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchCatEx)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszSrc, NBX_OUT *ppszDestEnd, size_t *pcchRemaining, ULONG dwFlags)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cchDest, TRUE, pszSrc, (size_t)-1, ppszDestEnd, pcchRemaining, dwFlags);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbCat)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszSrc)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cbDest / sizeof(NBX_CHAR), TRUE, pszSrc, (size_t)-1, NULL, NULL, 0);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbCatEx)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszSrc, NBX_OUT *ppszDestEnd, size_t *pcbRemaining, ULONG dwFlags)
{
    size_t remaining = 0;
    NTSTATUS status = NBX_NAME(nbx_strsafe_put)(pszDest, cbDest / sizeof(NBX_CHAR), TRUE, pszSrc, (size_t)-1, ppszDestEnd, &remaining, dwFlags);

    if (pcbRemaining != NULL && (NT_SUCCESS(status) || status == STATUS_BUFFER_OVERFLOW))
        *pcbRemaining = remaining * sizeof(NBX_CHAR) + cbDest % sizeof(NBX_CHAR);
    return status;
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchCatN)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszSrc, size_t cchToAppend)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cchDest, TRUE, pszSrc, cchToAppend, NULL, NULL, 0);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCchCatNEx)(NBX_OUT pszDest, size_t cchDest, NBX_IN pszSrc, size_t cchToAppend, NBX_OUT *ppszDestEnd, size_t *pcchRemaining, ULONG dwFlags)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cchDest, TRUE, pszSrc, cchToAppend, ppszDestEnd, pcchRemaining, dwFlags);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbCatN)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszSrc, size_t cbToAppend)
{
    return NBX_NAME(nbx_strsafe_put)(pszDest, cbDest / sizeof(NBX_CHAR), TRUE, pszSrc, cbToAppend / sizeof(NBX_CHAR), NULL, NULL, 0);
}
FORCEINLINE NTSTATUS NBX_NAME(RtlStringCbCatNEx)(NBX_OUT pszDest, size_t cbDest, NBX_IN pszSrc, size_t cbToAppend, NBX_OUT *ppszDestEnd, size_t *pcbRemaining, ULONG dwFlags)
{
    size_t remaining = 0;
    NTSTATUS status = NBX_NAME(nbx_strsafe_put)(pszDest, cbDest / sizeof(NBX_CHAR), TRUE, pszSrc, cbToAppend / sizeof(NBX_CHAR), ppszDestEnd, &remaining, dwFlags);

    if (pcbRemaining != NULL && (NT_SUCCESS(status) || status == STATUS_BUFFER_OVERFLOW))
        *pcbRemaining = remaining * sizeof(NBX_CHAR) + cbDest % sizeof(NBX_CHAR);
    return status;
}

#undef NBX_OUT
#undef NBX_IN
#undef NBX_CHAR
#undef NBX_NAME
#undef NBX_VFORMAT
