// SPDX-License-Identifier: MIT
// The fibre switch on AArch64: saves what an AAPCS64 callee must keep (x19 to x29, the link register, d8 to d15) and fpcr.
//
//   void sim_switch_stacks(void **save_sp, void *to_sp)
//
// A suspended stack, from its saved sp upward: x29, x30, x19 ... x28, d8 ... d15, fpcr, padding: 176 bytes.
#if defined(__aarch64__)
        .text
        .p2align 4
        .globl  sim_switch_stacks
        .hidden sim_switch_stacks
        .type   sim_switch_stacks, %function
sim_switch_stacks:
        .cfi_startproc
        stp     x29, x30, [sp, #-176]!
        .cfi_adjust_cfa_offset 176
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mrs     x9, fpcr
        str     x9, [sp, #160]
        mov     x10, sp
        str     x10, [x0]
        mov     sp, x1
        ldr     x9, [sp, #160]
        msr     fpcr, x9
        ldp     d14, d15, [sp, #144]
        ldp     d12, d13, [sp, #128]
        ldp     d10, d11, [sp, #112]
        ldp     d8, d9, [sp, #96]
        ldp     x27, x28, [sp, #80]
        ldp     x25, x26, [sp, #64]
        ldp     x23, x24, [sp, #48]
        ldp     x21, x22, [sp, #32]
        ldp     x19, x20, [sp, #16]
        ldp     x29, x30, [sp], #176
        .cfi_adjust_cfa_offset -176
        .cfi_restore x29
        .cfi_restore x30
        ret
        .cfi_endproc
        .size   sim_switch_stacks, .-sim_switch_stacks

// Where a new fibre's first switch returns to; x19 holds its main function, x29 is 0.
        .p2align 4
        .globl  sim_switch_boot
        .hidden sim_switch_boot
        .type   sim_switch_boot, %function
sim_switch_boot:
        .cfi_startproc
        .cfi_undefined x30
        blr     x19
        brk     #1
        .cfi_endproc
        .size   sim_switch_boot, .-sim_switch_boot
#endif
        .section .note.GNU-stack, "", %progbits
