// SPDX-License-Identifier: MIT
// The cleanup of a __try frame on AArch64, and the way back into whoever called it: see seh_x86_64.S, which does the same.
// It keeps x19 to x30, sp and d8 to d15. Offsets: struct nbx_seh, phase 0 and back 192.
#if defined(__aarch64__)
        .text
        .p2align 2
        .globl  nbx_seh_unwind
        .type   nbx_seh_unwind, %function
nbx_seh_unwind:
        ldr     w9, [x0]
        cbnz    w9, 1f
        add     x9, x0, #192
        stp     x19, x20, [x9]
        stp     x21, x22, [x9, #16]
        stp     x23, x24, [x9, #32]
        stp     x25, x26, [x9, #48]
        stp     x27, x28, [x9, #64]
        stp     x29, x30, [x9, #80]
        stp     d8, d9, [x9, #96]
        stp     d10, d11, [x9, #112]
        stp     d12, d13, [x9, #128]
        stp     d14, d15, [x9, #144]
        mov     x10, sp
        str     x10, [x9, #160]
        b       ex_seh_unwinding
1:      ret
        .size   nbx_seh_unwind, .-nbx_seh_unwind

        .p2align 2
        .globl  nbx_seh_resume
        .hidden nbx_seh_resume
        .type   nbx_seh_resume, %function
nbx_seh_resume:
        add     x9, x0, #192
        ldp     x19, x20, [x9]
        ldp     x21, x22, [x9, #16]
        ldp     x23, x24, [x9, #32]
        ldp     x25, x26, [x9, #48]
        ldp     x27, x28, [x9, #64]
        ldp     x29, x30, [x9, #80]
        ldp     d8, d9, [x9, #96]
        ldp     d10, d11, [x9, #112]
        ldp     d12, d13, [x9, #128]
        ldp     d14, d15, [x9, #144]
        ldr     x10, [x9, #160]
        mov     sp, x10
        ret
        .size   nbx_seh_resume, .-nbx_seh_resume
#endif
        .section .note.GNU-stack, "", %progbits
