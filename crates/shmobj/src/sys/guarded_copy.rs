//! The guarded copy: a routine without a stack frame, and where it begins and ends, for the handlers of faults of both systems.
#![allow(unsafe_code)] // assembly

use std::arch::global_asm;

// fn(to: rdi, from: rsi, length: rdx) -> rax: 0 if all was copied, 1 if a page was not there. On both systems: the convention of calls is declared.
//
// Up to 32 bytes by two overlapping moves, then by `rep movsb`, and from 3 MiB on by stores that bypass the
// cache, since a copy larger than the cache would otherwise read its destination as well. Nothing is kept on the
// stack: for a fault anywhere inside, the handler only has to move the instruction pointer to the last label.
macro_rules! symbol {
    ($suffix:literal) => {
        concat!("shmobj_", env!("CARGO_PKG_VERSION"), "_", $suffix)
    };
}
macro_rules! routine {
    (before: [$($before:expr),* $(,)?], after: [$($after:expr),* $(,)?]) => {
        global_asm!(
            $($before,)*
            ".p2align 4",
            concat!(".globl ", symbol!("copy")),
            concat!(".globl ", symbol!("fault")),
            concat!(symbol!("copy"), ":"),
            "cmp rdx, 32",
            "ja 4f",
            "cmp rdx, 16",
            "jae 3f",
            "cmp rdx, 8",
            "jae 2f",
            "mov rcx, rdx",
            "rep movsb",
            "xor eax, eax",
            "ret",
            "2:", // 8 to 15 bytes
            "mov rax, [rsi]",
            "mov rcx, [rsi + rdx - 8]",
            "mov [rdi], rax",
            "mov [rdi + rdx - 8], rcx",
            "xor eax, eax",
            "ret",
            "3:", // 16 to 32 bytes
            "movdqu xmm0, [rsi]",
            "movdqu xmm1, [rsi + rdx - 16]",
            "movdqu [rdi], xmm0",
            "movdqu [rdi + rdx - 16], xmm1",
            "xor eax, eax",
            "ret",
            "4:",
            "mov rcx, rdx",
            "cmp rdx, 0x300000",
            "jae 5f",
            "rep movsb",
            "xor eax, eax",
            "ret",
            "5:", // up to a multiple of 64 in the destination, then 64 bytes a turn
            "mov rcx, rdi",
            "neg rcx",
            "and rcx, 63",
            "sub rdx, rcx",
            "rep movsb",
            "mov rcx, rdx",
            "shr rcx, 6",
            ".p2align 4",
            "6:",
            "prefetcht0 [rsi + 512]",
            "movdqu xmm0, [rsi]",
            "movdqu xmm1, [rsi + 16]",
            "movdqu xmm2, [rsi + 32]",
            "movdqu xmm3, [rsi + 48]",
            "movntdq [rdi], xmm0",
            "movntdq [rdi + 16], xmm1",
            "movntdq [rdi + 32], xmm2",
            "movntdq [rdi + 48], xmm3",
            "add rsi, 64",
            "add rdi, 64",
            "dec rcx",
            "jnz 6b",
            "sfence",
            "mov rcx, rdx",
            "and rcx, 63",
            "rep movsb",
            "xor eax, eax",
            "ret",
            concat!(symbol!("fault"), ":"),
            "sfence",
            "mov eax, 1",
            "ret",
            $($after,)*
        );
    };
}

#[cfg(target_os = "linux")]
routine!(
    before: [
        ".pushsection .text.shmobj_copy,\"ax\",@progbits",
        concat!(".hidden ", symbol!("copy")),
        concat!(".hidden ", symbol!("fault")),
        concat!(".type ", symbol!("copy"), ",@function"),
    ],
    after: [".popsection"]
);
#[cfg(windows)]
routine!(before: [".text"], after: []);

unsafe extern "sysv64" {
    #[link_name = concat!("shmobj_", env!("CARGO_PKG_VERSION"), "_copy")]
    fn guarded_copy(to: *mut u8, from: *const u8, length: usize) -> usize;
    #[link_name = concat!("shmobj_", env!("CARGO_PKG_VERSION"), "_fault")]
    fn guarded_fault();
}

/// Copies `length` bytes; false: a page was not there, and what was copied before stays.
///
/// # Safety
/// `from` must be readable and `to` writable for `length` bytes, but for pages that are gone; the handler must be installed.
pub(crate) unsafe fn copy(to: *mut u8, from: *const u8, length: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { guarded_copy(to, from, length) == 0 }
}

/// Where a thread goes on that had a fault at this instruction, if that is in the routine.
pub(crate) fn way_out(instruction: usize) -> Option<usize> {
    let fault = guarded_fault as *const () as usize;
    let routine = guarded_copy as *const () as usize..fault;
    routine.contains(&instruction).then_some(fault)
}
