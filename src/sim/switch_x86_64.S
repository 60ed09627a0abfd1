// SPDX-License-Identifier: MIT
// The fibre switch on x86-64, as a SysV function: it saves what a SysV callee must keep (rbx, rbp, r12 to r15, the control bits of
// mxcsr and the x87 control word). The xmm registers that ms_abi callees keep need no saving here: the switch is only ever called
// from SysV code, and an ms_abi function that calls SysV code has spilled its own before.
//
//   void sim_switch_stacks(void **save_sp, void *to_sp)
//
// A suspended stack, from its saved sp upward: mxcsr (4), x87 control word (2, padded to 4), r15, r14, r13, r12, rbx, rbp, return
// address. tools/gdb/ndisbox-gdb.py and sim/fibre.c know this layout.
#if defined(__x86_64__)
        .text
        .p2align 4
        .globl  sim_switch_stacks
        .hidden sim_switch_stacks
        .type   sim_switch_stacks, @function
sim_switch_stacks:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r15, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        ldmxcsr (%rsp)
        fldcw   4(%rsp)
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbp
        ret
        .cfi_endproc
        .size   sim_switch_stacks, .-sim_switch_stacks

// Where a new fibre's first switch returns to. r12 holds its main function, which never returns; rbp is 0, so that a walk along
// the frame pointers ends here, as one by CFI does.
        .p2align 4
        .globl  sim_switch_boot
        .hidden sim_switch_boot
        .type   sim_switch_boot, @function
sim_switch_boot:
        .cfi_startproc
        .cfi_undefined rip
        callq   *%r12
        ud2
        .cfi_endproc
        .size   sim_switch_boot, .-sim_switch_boot
#endif
        .section .note.GNU-stack, "", @progbits
