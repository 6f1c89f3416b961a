//! Reports a stack overflow: `PROGRAM: stack overflow in thread 'NAME' (TID)`. Then SIGSEGV ends the process, as it
//! does without a report.
//!
//! ```
//! # const PROGRAM: ring3::rt::Program = ring3::rt::Program::new("program");
//! use ring3::overflow::Report;
//!
//! let _report = Report::new(PROGRAM)?; // in `main`, and in every other thread
//! # Ok::<(), ring3::Errno>(())
//! ```
//!
//! Below each stack is memory without access: the guard pages of a thread, or the gap that the kernel keeps below the
//! first thread's stack. An access there raises SIGSEGV. The handler cannot run on the full stack, so it runs on an
//! alternate stack (sigaltstack(2)). Each thread has its own alternate stack.
//!
//! The stack pointer distinguishes a stack overflow from another fault. Compiled code probes each page by which its
//! stack grows, so a stack overflow faults within a page of the stack pointer. The memory there cannot be read: a write to
//! memory that can be read, for instance to code that is mapped next to the stack, is another fault.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::abi::poll::EPOLL_CTL_ADD;
use crate::abi::{Errno, Result, syscall};
use crate::process;
use crate::rt::Program;
use crate::signal::{self, SEGV_ACCERR, SEGV_MAPERR, SIGSEGV, SigFault, UC_PC, UC_SP};
use crate::sync::OnceLock;
use crate::text::Shown;
use crate::{arch, mem, parts};

/// The program of the first `Report`.
static PROGRAM: OnceLock<Program> = OnceLock::new();

/// While a `Report` exists, a stack overflow of the thread that created it prints a message on standard error. With or
/// without the message, SIGSEGV ends the process. A thread has at most one `Report` at a time.
#[derive(Debug)]
pub struct Report {
    /// A mapping: a guard, and the alternate stack.
    guard: NonNull<u8>,
    length: usize,
    /// Keeps the `Report` in the thread that created it: neither Send nor Sync.
    thread: PhantomData<*const ()>,
}

impl Report {
    /// Reports stack overflows of the calling thread from now on, under the name of the `program` that the first call
    /// in the process passed. The call replaces the process's handler of SIGSEGV and the thread's alternate stack.
    ///
    /// # Errors
    /// `ENOMEM`: there is no memory for the alternate stack. A seccomp filter's errors.
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
        // SAFETY: `reserve` mapped `page + size` bytes: the guard page, and the `size` bytes of the stack. No other
        // code uses the stack. It stays mapped until `drop` has taken it from the handlers.
        unsafe {
            let stack = report.guard.add(page);
            mem::commit(stack, size)?;
            signal::use_alternate_stack(stack.as_ptr(), size)?;
        }
        // SAFETY: `report_overflow` may run between any two instructions. It loads atomics, makes system calls and
        // writes only to its own stack.
        unsafe { signal::handle_fault(SIGSEGV, report_overflow) }?;
        Ok(report)
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // EPERM: a handler that runs on this stack drops the report. Then the stack stays mapped.
        if signal::no_alternate_stack().is_ok() {
            // SAFETY: the range is the whole mapping. Only handlers of this thread ran on the stack. None runs there
            // now: the kernel refuses `no_alternate_stack` while a handler does.
            let _ = unsafe { mem::unmap(self.guard, self.length) };
        }
    }
}

/// The handler of SIGSEGV.
extern "C" fn report_overflow(signal: i32, fault: *const SigFault, context: *const u8) {
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo and a valid ucontext_t, until the handler returns.
    // `UC_SP` and `UC_PC` are offsets of registers in a ucontext_t.
    let (fault, [sp, pc]) = unsafe {
        let register = |place| *context.byte_add(place).cast::<usize>();
        (*fault, [UC_SP, UC_PC].map(register))
    };
    let is_access = [SEGV_MAPERR, SEGV_ACCERR].contains(&fault.si_code);
    let is_near = fault.si_addr.abs_diff(sp) <= arch::PAGE_MAX;
    // A jump to an address in the stack faults near the stack pointer too. The `si_addr` of such a fault is the
    // instruction pointer.
    if is_access
        && is_near
        && fault.si_addr != pc
        && !is_readable(fault.si_addr)
        && let Some(program) = PROGRAM.get()
    {
        let mut name = [0; 16];
        let name = process::thread_name(&mut name);
        let id = process::gettid().as_raw().unsigned_abs();
        program.say(parts!(
            "stack overflow in thread '",
            Shown(name),
            "' (",
            id,
            ")"
        ));
    }
    let _ = signal::set_default(signal);
    if !is_access {
        // A process may have sent the signal. Then no instruction raises the signal again. This call sends it again, and
        // it ends this process when the handler returns.
        let _ = process::kill(process::getpid(), signal);
    }
    // Else the same instruction faults again.
}

/// Whether memory at `address` can be read.
fn is_readable(address: usize) -> bool {
    let event = core::ptr::without_provenance::<u8>(address);
    // SAFETY: the kernel checks that it can read the event, and reports EFAULT if it cannot. Then it finds that -1 is no
    // descriptor, and reports EBADF. So the call has no effect.
    let result = unsafe { syscall!(epoll_ctl(-1, EPOLL_CTL_ADD, -1, event)) };
    result == Err(Errno::EBADF)
}
