//! A stack overflow, told: `PROGRAM: stack overflow in thread 'NAME' (TID)`, and then SIGSEGV as without it.
//!
//! ```ignore
//! let _report = overflow::Report::new(PROGRAM)?; // in `main`, and in each thread that is to tell
//! ```
//!
//! Below each stack is memory that nobody may touch: the guard of a thread, or what the kernel leaves free below the
//! first thread's. The signal of a touch there can't be handled on the stack that is full: it takes an alternate one
//! (sigaltstack(2)), which is each thread's own.
//!
//! The stack pointer says what is a stack overflow and what another fault: compiled code touches each page that
//! its stack grows by, so that it faults within a page of the stack pointer.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::abi::Result;
use crate::cli::Program;
use crate::process::{self, Pid};
use crate::shown::Shown;
use crate::signal::{self, SEGV_ACCERR, SEGV_MAPERR, SIGSEGV, SigFault, UC_PC, UC_SP};
use crate::sync::OnceLock;
use crate::{arch, mem, parts};

/// The program that asked first.
static PROGRAM: OnceLock<Program> = OnceLock::new();

/// While it lives, a stack overflow of the thread that made it is told on standard error. It ends the process by
/// SIGSEGV in any case.
pub struct Report {
    /// A mapping: a guard, and the alternate stack.
    guard: NonNull<u8>,
    length: usize,
    /// It is of the thread that made it, and of no other.
    thread: PhantomData<*const ()>,
}

impl Report {
    /// Begins in the calling thread, by the name of `program`. Another handler of SIGSEGV, or alternate stack of this
    /// thread, is replaced.
    ///
    /// # Errors
    /// `ENOMEM`: there is no memory for the alternate stack.
    #[doc(alias = "sigaltstack")]
    pub fn new(program: Program) -> Result<Self> {
        PROGRAM.get_or_init(|| program);
        let page = mem::page_size();
        let size = signal::alternate_stack_size().next_multiple_of(page);
        let report = Self {
            guard: mem::reserve(page + size)?,
            length: page + size,
            thread: PhantomData,
        };
        // SAFETY: above the guard, which is the first page of what was just reserved. The handlers have it until
        // `drop`.
        unsafe {
            let stack = report.guard.add(page);
            mem::commit(stack, size)?;
            signal::use_alternate_stack(stack.as_ptr(), size)?;
        }
        // SAFETY: `tell` makes system calls on memory of its own, and uses nothing of the program's.
        unsafe { signal::handle_fault(SIGSEGV, tell) }?;
        Ok(report)
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // EPERM: a handler drops it, on this stack. Then it stays.
        if signal::no_alternate_stack().is_ok() {
            // SAFETY: the whole mapping, which nobody uses any more.
            let _ = unsafe { mem::unmap(self.guard, self.length) };
        }
    }
}

/// The handler.
extern "C" fn tell(signal: i32, fault: *const SigFault, context: *const u8) {
    // SAFETY: the kernel gave both, for the handler's time, and on this architecture the registers are there.
    let (fault, [sp, pc]) = unsafe {
        let register = |place| *context.byte_add(place).cast::<usize>();
        (*fault, [UC_SP, UC_PC].map(register))
    };
    let is_a_touch = [SEGV_MAPERR, SEGV_ACCERR].contains(&fault.si_code);
    let is_near = fault.si_addr.abs_diff(sp) <= arch::PAGE_MAX;
    // (Near is what is executed on the stack too.)
    if is_a_touch
        && is_near
        && fault.si_addr != pc
        && let Some(program) = PROGRAM.get()
    {
        let mut name = [0; 16];
        let name = process::thread_name(&mut name);
        let id = process::gettid().unsigned_abs();
        program.say(parts!(
            "stack overflow in thread '",
            Shown(name),
            "' (",
            id,
            ")"
        ));
    }
    let _ = signal::set_default(signal);
    if !is_a_touch {
        // Sent by a process: sent again, it ends this one when the handler returns.
        let _ = process::kill(Pid::own(), signal);
    }
    // Else the same instruction faults again.
}
