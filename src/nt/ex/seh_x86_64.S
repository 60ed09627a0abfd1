// SPDX-License-Identifier: MIT
// The cleanup of a __try frame on x86-64, and the way back into whoever called it (src/nt/ex/seh.c).
//
//   void nbx_seh_unwind(struct nbx_seh *frame)   a SysV function; returns at once unless the body of the __try is being left
//   void nbx_seh_resume(struct nbx_seh *frame)   returns from that call of nbx_seh_unwind
//
// The compiler calls the first when control leaves the scope of a frame. It keeps what a SysV callee must keep, and its return address,
// and then the function goes on in its __finally block: on the same stack, which is why nothing may be left on it here. Afterwards
// nbx_seh_resume puts all of it back, as if the call had only now returned. Offsets: struct nbx_seh, phase 0 and back 192.
#if defined(__x86_64__)
        .text
        .p2align 4
        .globl  nbx_seh_unwind
        .type   nbx_seh_unwind, @function
nbx_seh_unwind:
        .cfi_startproc
        cmpl    $0, (%rdi)
        jne     1f
        movq    %rbx, 192(%rdi)
        movq    %rbp, 200(%rdi)
        movq    %r12, 208(%rdi)
        movq    %r13, 216(%rdi)
        movq    %r14, 224(%rdi)
        movq    %r15, 232(%rdi)
        leaq    8(%rsp), %rax
        movq    %rax, 240(%rdi)
        movq    (%rsp), %rax
        movq    %rax, 248(%rdi)
        jmp     ex_seh_unwinding
1:      ret
        .cfi_endproc
        .size   nbx_seh_unwind, .-nbx_seh_unwind

        .p2align 4
        .globl  nbx_seh_resume
        .hidden nbx_seh_resume
        .type   nbx_seh_resume, @function
nbx_seh_resume:
        .cfi_startproc
        .cfi_undefined rip
        movq    192(%rdi), %rbx
        movq    200(%rdi), %rbp
        movq    208(%rdi), %r12
        movq    216(%rdi), %r13
        movq    224(%rdi), %r14
        movq    232(%rdi), %r15
        movq    240(%rdi), %rsp
        jmpq    *248(%rdi)
        .cfi_endproc
        .size   nbx_seh_resume, .-nbx_seh_resume
#endif
        .section .note.GNU-stack, "", @progbits
