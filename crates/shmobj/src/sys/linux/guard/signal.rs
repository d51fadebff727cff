//! The handler itself: installed once, and faults that are not ours passed on.
#![allow(unsafe_code)] // installs a signal handler

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::replace;
use crate::sys::linux::fork::Operation;
use crate::test_hooks::{self, is_forced};

/// What handled SIGBUS before; read by our handler, so it is set before that is installed.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// Installs the handler, once per process. False: faults cannot be caught.
pub(crate) fn install() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let installed = || {
        let _operation = Operation::start(); // a fork in its middle would leave a child that waits for it for ever
        *INSTALLED.get_or_init(|| install_now().is_some())
    };
    !is_forced(test_hooks::Fault::Guard) && INSTALLED.get().copied().unwrap_or_else(installed)
}

fn install_now() -> Option<()> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: only asks for the present action, for which there is room.
    let asked = unsafe { libc::sigaction(libc::SIGBUS, std::ptr::null(), before.as_mut_ptr()) };
    if asked != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it wrote the action.
    BEFORE.set(unsafe { before.assume_init() }).ok()?;
    install_handler().then_some(())
}

fn install_handler() -> bool {
    // SAFETY: all fields of this structure may be zero.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_sigbus;
    action.sa_sigaction = handler as usize;
    // The alternate stack, because another thread's fault may be about its own stack.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the handler only looks at its arguments and at memory of ours, and passes on what is not ours.
    unsafe { libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()) == 0 }
}

extern "C" fn on_sigbus(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let context: *mut libc::ucontext_t = context.cast();
    // SAFETY: the kernel passes what it knows of the signal. A positive code is a fault, everything else was sent.
    let code = unsafe { (*info).si_code };
    let is_fault = code > 0;
    if is_fault && leave_routine(context) {
        return;
    }
    // A page that is not there, and not one that the hardware has lost.
    if code == libc::BUS_ADRERR {
        // SAFETY: the kernel passes it.
        let info = unsafe { &*info };
        // SAFETY: a fault has an address.
        let address = unsafe { info.si_addr() }.addr();
        let errno = Errno::save();
        let replaced = replace::page_of(address);
        errno.restore();
        if replaced {
            return;
        }
    }
    pass_on(signal, info, context, is_fault);
}

/// A fault in the guarded copy lets it return.
#[cfg(target_arch = "x86_64")]
fn leave_routine(context: *mut libc::ucontext_t) -> bool {
    // SAFETY: the kernel passes the interrupted thread's context, which is ours while the handler runs.
    let at = unsafe { &mut (*context).uc_mcontext.gregs[libc::REG_RIP as usize] };
    let way_out = crate::sys::guarded_copy::way_out(*at as usize);
    if let Some(way_out) = way_out {
        *at = way_out as i64;
    }
    way_out.is_some()
}

#[cfg(not(target_arch = "x86_64"))]
fn leave_routine(_: *mut libc::ucontext_t) -> bool {
    false // here the kernel does the guarded copies
}

/// The interrupted thread's `errno`, which system calls in the handler may change.
struct Errno(c_int);

impl Errno {
    fn save() -> Self {
        // SAFETY: has no preconditions.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: this thread's own variable.
        Self(unsafe { *errno })
    }

    fn restore(self) {
        // SAFETY: has no preconditions.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: this thread's own variable.
        unsafe { *errno = self.0 };
    }
}

/// A fault that is not ours goes where it would have gone without us.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut libc::ucontext_t, is_fault: bool) {
    let Some(before) = BEFORE.get() else { return };
    let action = if GAVE_UP.load(Ordering::Relaxed) { libc::SIG_DFL } else { before.sa_sigaction };
    match action {
        // It was sent, and is ignored as it would have been; the handler stays.
        libc::SIG_IGN if !is_fault => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: the default action runs no code of ours.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
            // Returning repeats a fault, which then ends the process as it should; a signal that was sent is sent again.
            if !is_fault {
                // SAFETY: has no preconditions; the signal is delivered when this handler returns.
                unsafe { libc::raise(signal) };
            }
        }
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::ucontext_t);
            // SAFETY: with this flag the value is a function of this type.
            let handler: Handler = unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
            stay(signal, is_fault);
        }
        handler => {
            // SAFETY: without the flag the value is a function of this type.
            let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
            stay(signal, is_fault);
        }
    }
}

/// Whether the handler before ours has put the default action back.
static GAVE_UP: AtomicBool = AtomicBool::new(false);

/// The handler of Rust's standard library takes every signal for a fault that will be repeated, and puts the
/// default action back. One that was sent is not repeated: the next one has that action, and ours stays installed.
fn stay(signal: c_int, is_fault: bool) {
    let mut now = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: only asks for the present action, for which there is room.
    if is_fault || unsafe { libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr()) } != 0 {
        return;
    }
    // SAFETY: the call succeeded, so it wrote the action.
    if unsafe { now.assume_init() }.sa_sigaction == libc::SIG_DFL {
        GAVE_UP.store(true, Ordering::Relaxed);
        install_handler();
    }
}

/// The kernel kills a process whose thread blocks the signal of a fault, so a thread that blocks all signals, as many
/// do, would not survive. Blocking this one has no other use. Done once per thread.
#[inline]
pub(crate) fn unblock_once() {
    thread_local! {
        static DONE: Cell<bool> = const { Cell::new(false) };
    }
    if !DONE.get() {
        unblock();
        DONE.set(true);
    }
}

#[cold]
fn unblock() {
    // SAFETY: all fields of a signal set may be zero.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours.
    unsafe { libc::sigemptyset(&mut set) };
    // SAFETY: as above.
    unsafe { libc::sigaddset(&mut set, libc::SIGBUS) };
    // SAFETY: changes the mask of the calling thread only.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut()) };
}
