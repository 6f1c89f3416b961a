//! Starting a program in a process of its own: clone(2), then execve(2) in the child.
//!
//! The child shares this process's memory until it begins the other program, and the thread that made it
//! stands still until then (vfork(2)): so nothing is copied, however much memory there is. What makes that
//! sound:
//!
//! - The child has a stack of its own, in a frame of the thread that stands still, and enters it in
//!   assembly ([`arch::clone`]). No frame is in two minds.
//! - It writes only that stack, the buffer for a path and, in its environment, its own id. All else it does by system
//!   calls.
//! - No handler runs in it. All signals are blocked before it begins; it gives every signal that had a
//!   handler its default before it lets any through.
//! - Descriptors and signal actions are a copy, which it may change.
//!
//! Why nothing was started, the child says in that frame. But qemu-user, and others that emulate, make a copy
//! of the memory instead (fork(2)), in which the same code runs while this thread goes on. There the answer
//! comes by a pipe: execve closes it, or an error comes through. The pipe is made until a child has shown that
//! memory is shared here; it would cost a seventh of the time.

use core::cell::Cell;
use core::ffi::CStr;
use core::mem::{self, MaybeUninit};
use core::ptr;
use core::slice;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicU64};

use super::search::{self, Room};
use super::strings::{self, Lists, Strings};
use super::wait;
use super::{Pid, exit};
use crate::abi::fs::{F_DUPFD_CLOEXEC, F_SETFD};
use crate::abi::process::*;
use crate::abi::{self, Errno, Result, syscall};
use crate::fd::{BorrowedFd, STDERR};
use crate::pipe::{O_CLOEXEC, Pipe};
use crate::signal::{self, Action, SIGCHLD, SignalSet};
use crate::{arch, auxv, io};

/// A program to start, and how it is to begin.
///
/// It has this process's descriptors but those that execve closes (`O_CLOEXEC`; all that this library
/// makes), working directory, limits and process group. No signal is blocked in it; those that this
/// process handles have their default there, those that it ignores stay ignored.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    file: &'a CStr,
    path: Option<&'a CStr>,
    arguments: Strings<'a>,
    environ: Strings<'a>,
    files: &'a [(BorrowedFd<'a>, i32)],
    others: bool,
    defaults: SignalSet,
    mask: SignalSet,
    group: Option<Group>,
    terminal: Option<BorrowedFd<'a>>,
    sockets: u16,
}

/// `LISTEN_PID=`, the digits of an id, and zeros up to the end.
type ListenPid = [u8; 24];

/// Which process group a child is in.
#[derive(Clone, Copy)]
enum Group {
    Of(i32),
    Session,
}

/// Why no program was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failed {
    /// There was no process for it, or not as asked: `EAGAIN`: `RLIMIT_NPROC` or another limit; `ENOMEM`;
    /// `EMFILE`, `ENFILE`: no descriptor is left, here or, for those to be placed, there; `EPERM`: it may
    /// not be in that group; `EINVAL`: more than [`Command::FILES`] descriptors to be placed. The errors of
    /// a seccomp filter that refuses rt_sigprocmask(2) or rt_sigaction(2).
    Spawn(Errno),
    /// The file can't be executed (execve(2)): `ENOENT`: there is none; `EACCES`: it, or a directory before
    /// it, does not allow that; `ENOEXEC`: it is no program of this machine's; `E2BIG`: arguments and
    /// environment are too long; `ETXTBSY`, `ELOOP`, `ENAMETOOLONG`, `ENOMEM`...
    Exec(Errno),
}

impl Failed {
    /// The error alone.
    pub fn errno(self) -> Errno {
        match self {
            Self::Spawn(errno) | Self::Exec(errno) => errno,
        }
    }

    /// The exit status with which a shell says it: 127 where there is no such file, 126 where it can't be
    /// executed; 1 where there was no process for it.
    pub fn status(self) -> u8 {
        match self {
            Self::Exec(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG) => 127,
            Self::Exec(_) => 126,
            Self::Spawn(_) => 1,
        }
    }
}

impl<'a> Command<'a> {
    /// How many descriptors can be placed.
    pub const FILES: usize = 16;

    /// The program in this file, with these arguments, of which the first is its own name, and this
    /// environment.
    pub const fn new(file: &'a CStr, arguments: Strings<'a>, environ: Strings<'a>) -> Self {
        Self {
            file,
            path: None,
            arguments,
            environ,
            files: &[],
            others: true,
            defaults: SignalSet::NONE,
            mask: SignalSet::NONE,
            group: None,
            terminal: None,
            sockets: 0,
        }
    }

    /// Looks for the file in the directories of the environment's `PATH`, or of
    /// [`DEFAULT_PATH`](super::DEFAULT_PATH) where it has none, as [`search`](fn@super::search) says.
    pub fn search(self) -> Self {
        let path = self.environ.value("PATH").unwrap_or(search::DEFAULT_PATH);
        Self {
            path: Some(path),
            ..self
        }
    }

    /// Gives it these descriptors, each by the number beside it, whatever is there in this process. Numbers
    /// may overlap in any way.
    pub const fn files(self, files: &'a [(BorrowedFd<'a>, i32)]) -> Self {
        Self { files, ..self }
    }

    /// Leaves it no other descriptors than the three standard ones and those to be placed (close_range(2),
    /// so it takes Linux 5.11: `ENOSYS` or `EINVAL` before).
    pub const fn no_others(self) -> Self {
        Self {
            others: false,
            ..self
        }
    }

    /// Has these signals do in it what they do by default, ignored here or not.
    pub const fn defaults(self, signals: SignalSet) -> Self {
        Self {
            defaults: signals,
            ..self
        }
    }

    /// Begins it with these signals blocked.
    pub const fn mask(self, signals: SignalSet) -> Self {
        Self {
            mask: signals,
            ..self
        }
    }

    /// Puts it in a process group: its own where `group` is 0 (setpgid(2)).
    pub const fn group(self, group: i32) -> Self {
        Self {
            group: Some(Group::Of(group)),
            ..self
        }
    }

    /// Makes it the leader of a session, without a terminal (setsid(2)).
    pub const fn session(self) -> Self {
        Self {
            group: Some(Group::Session),
            ..self
        }
    }

    /// Makes the child's process group the foreground group of this terminal before the program begins. If the program
    /// can't be executed, the calling process's group is the foreground group again.
    ///
    /// The calling process's group has to be the foreground group now. Otherwise this takes the terminal from another
    /// group. See [`set_foreground`](super::set_foreground).
    pub const fn foreground(self, terminal: BorrowedFd<'a>) -> Self {
        Self {
            terminal: Some(terminal),
            ..self
        }
    }

    /// Passes on `count` sockets of a service manager, the descriptors from 3 on, as the manager does
    /// (sd_listen_fds(3)): the child's execve does not close them, and `LISTEN_PID` in the child's environment is the
    /// child's id. `LISTEN_PIDFDID`, which also identifies a process, is removed. A `count` of 0 changes nothing.
    ///
    /// The sockets stay open in the calling process; see [`Inherited`](crate::service::Inherited).
    pub const fn sockets(self, count: u16) -> Self {
        Self {
            sockets: count,
            ..self
        }
    }

    /// Starts it, and comes back when it has begun: or not, and then there is no child.
    ///
    /// The child is to be waited for, by [`Child::wait`] or [`wait::any`](super::any). Where `SIGCHLD` is
    /// ignored (a parent can hand that down), the kernel forgets how it ended.
    ///
    /// It takes 13 KiB of the stack.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn spawn(&self) -> core::result::Result<Child, Failed> {
        if self.files.len() > Self::FILES {
            return Err(Failed::Spawn(Errno::EINVAL));
        }
        if self.sockets == 0 {
            return self.start(self.environ, None);
        }
        let entry = Cell::new([0; _]);
        let environ = self.environ_with(&entry).map_err(Failed::Spawn)?;
        self.start(environ.get(0), Some(&entry))
    }

    /// The environment, with `entry` in place of `LISTEN_PID` and `LISTEN_PIDFDID`.
    fn environ_with(&self, entry: &Cell<ListenPid>) -> Result<Lists<'a>> {
        let mut lists = Lists::new(self.environ.iter().count() + 1, 1)?;
        for other in self.environ.iter() {
            // LISTEN_PID and LISTEN_PIDFDID.
            if strings::after(other, "LISTEN_PID").is_none() {
                lists.push(other)?;
            }
        }
        lists.put(entry.as_ptr().cast_const().cast())?;
        lists.end()?;
        Ok(lists)
    }

    /// Starts the program with this environment. The child writes its id to `listen_pid`, an entry of the environment.
    fn start(
        &self,
        environ: Strings<'_>,
        listen_pid: Option<&Cell<ListenPid>>,
    ) -> core::result::Result<Child, Failed> {
        let pipe = if SHARED.load(Relaxed) {
            None
        } else {
            Some(Pipe::new(O_CLOEXEC).map_err(Failed::Spawn)?)
        };
        let plan = Plan {
            command: Command { environ, ..*self },
            listen_pid,
            answer: AtomicU64::new(UNHEARD),
            pipe: pipe.as_ref().map(|pipe| pipe.write.as_fd().as_raw()),
        };
        let (pid, answer) = clone_child(plan).map_err(Failed::Spawn)?;
        if answer != UNHEARD {
            SHARED.store(true, Relaxed);
        }
        let failed = match (answer, pipe) {
            (UNHEARD, Some(pipe)) => {
                drop(pipe.write);
                let mut bytes = [0; size_of::<u64>()];
                match io::read(pipe.read.as_fd(), &mut bytes) {
                    Ok(0) => None,
                    Ok(_) => Failed::of(u64::from_ne_bytes(bytes)),
                    Err(errno) => Some(Failed::Spawn(errno)),
                }
            }
            // A child that was killed before it could say anything: its status will.
            (UNHEARD, None) => None,
            (answer, _) => Failed::of(answer),
        };
        match failed {
            None => Ok(Child(pid)),
            Some(failed) => {
                let _ = wait::pid(pid); // gone, or about to
                Err(failed)
            }
        }
    }
}

/// Makes the child. Returns its id, and the answer that it had written to the plan when this thread resumed.
fn clone_child(plan: Plan<'_>) -> Result<(Pid, u64)> {
    let mut frame = MaybeUninit::<Frame>::uninit();
    let frame = frame.as_mut_ptr();
    // SAFETY: the pointers are into `frame`, a local; `write` initialises the whole plan.
    let plan = unsafe {
        (&raw mut (*frame).plan).write(plan);
        &raw mut (*frame).plan
    };
    let flags = (CLONE_VM | CLONE_VFORK).bits() | SIGCHLD as usize;
    let _held = signal::hold(SignalSet::ALL)?;
    // SAFETY: the plan is aligned to 16 bytes by its type. Right below the plan is the child's stack, which no
    // other thread uses. The frame outlives the child's use of it: with CLONE_VFORK the kernel resumes this
    // thread when the child has left this memory. No id is asked for. `child` takes the plan's address.
    let pid = unsafe {
        let (no_id, no_pointer) = (ptr::null_mut(), 0);
        abi::check(arch::clone(flags, plan.cast(), no_id, no_pointer, child))
    }?;
    // SAFETY: the plan was written above. The child changes only the atomic in it, which this thread loads.
    let answer = unsafe { (*plan).answer.load(Acquire) };
    Ok((Pid(pid as i32), answer)) // a positive int
}

/// Bytes of the child's stack. It takes less than 1 KiB of them, and without optimisation 3.
const STACK: usize = 8192;

/// What the child has of its own, in the frame of the thread that waits for it.
#[repr(C)]
struct Frame<'a> {
    stack: MaybeUninit<[u8; STACK]>,
    /// Where the stack begins: it grows down from here.
    plan: Plan<'a>,
    room: Room,
}

/// What the child is to do.
#[repr(C, align(16))]
struct Plan<'a> {
    command: Command<'a>,
    /// The entry of its environment that gets its id.
    listen_pid: Option<&'a Cell<ListenPid>>,
    /// What the child answers: `UNHEARD`, `BEGUN`, or why it failed.
    answer: AtomicU64,
    /// Where it answers too.
    pipe: Option<i32>,
}

/// Whether a child was seen to share this memory: then all do.
static SHARED: AtomicBool = AtomicBool::new(false);

/// No child has written here.
const UNHEARD: u64 = 0;
/// It runs, and if it has left this memory, it has begun the other program.
const BEGUN: u64 = 1;

impl Failed {
    /// As the child answers: the error's number in the high half.
    fn answer(self) -> u64 {
        let exec = u64::from(matches!(self, Self::Exec(_)));
        u64::from(self.errno().number()) << 32 | exec
    }

    fn of(answer: u64) -> Option<Self> {
        let errno = Errno::from_number((answer >> 32) as i32)?;
        Some(match answer as u32 {
            0 => Self::Spawn(errno),
            _ => Self::Exec(errno),
        })
    }
}

/// Where the child begins.
///
/// # Safety
/// Called by [`arch::clone`] in a new process, with the place of the plan in a [`Frame`].
unsafe extern "C" fn child(place: *mut u8) -> ! {
    let frame = place.wrapping_sub(mem::offset_of!(Frame, plan));
    let frame = frame.cast::<Frame>();
    // SAFETY: written before this process was made; nobody changes it.
    let plan = unsafe { &(*frame).plan };
    // SAFETY: nobody else uses it.
    let room = unsafe { &mut (*frame).room };
    plan.answer.store(BEGUN, Release);
    if let Some(entry) = plan.listen_pid {
        entry.set(listen_pid(Pid::own()));
    }
    let mut pipe = plan.pipe;
    // SAFETY: this is the child of a clone that copied descriptors and signal actions.
    let failed = unsafe { plan.command.begin(&mut pipe, room) };
    plan.answer.store(failed.answer(), Release);
    if let Some(pipe) = pipe {
        // SAFETY: where `begin` left it.
        let pipe = unsafe { BorrowedFd::borrow_raw(pipe) };
        let _ = io::write_all(pipe, &failed.answer().to_ne_bytes());
    }
    exit(127)
}

impl Command<'_> {
    /// Makes of the calling process what the command says; comes back where that failed.
    ///
    /// # Safety
    /// The process is a child that ends if this comes back: its descriptors and signal actions are its own,
    /// and all signals are blocked. `pipe` is an open descriptor of its own.
    unsafe fn begin(&self, pipe: &mut Option<i32>, room: &mut Room) -> Failed {
        let before = self.terminal.map(|terminal| (terminal, super::group()));
        // SAFETY: the caller's promise.
        let failed = match unsafe { self.prepare(pipe) } {
            Ok(()) => self.execute(room),
            Err(errno) => Failed::Spawn(errno),
        };
        // This raises no SIGTTOU: all signals are still blocked, or this process's group is the foreground group.
        if let Some((terminal, group)) = before {
            let _ = super::set_foreground(terminal, group);
        }
        failed
    }

    /// Executes the program. Returns only if that failed.
    fn execute(&self, room: &mut Room) -> Failed {
        let exec = |file: *const u8| {
            let (arguments, environ) = (self.arguments.as_ptr(), self.environ.as_ptr());
            // SAFETY: the kernel reads three strings, two of which are lists of them. It comes back only
            // with an error.
            let result = unsafe { syscall!(execve(file, arguments, environ)) };
            result.err().unwrap_or(Errno::EIO)
        };
        let file = self.file;
        Failed::Exec(match self.path {
            None => exec(file.as_ptr().cast()),
            Some(path) => search::search(file.to_bytes(), path.to_bytes(), room, exec),
        })
    }

    /// All but the program itself.
    ///
    /// # Safety
    /// As for [`begin`](Self::begin).
    unsafe fn prepare(&self, pipe: &mut Option<i32>) -> Result<()> {
        const OWN: i32 = 0;
        // SAFETY: changes this process's group or session alone.
        unsafe {
            match self.group {
                None => {}
                Some(Group::Of(group)) => drop(syscall!(setpgid(OWN, group))?),
                Some(Group::Session) => drop(syscall!(setsid())?),
            }
        }
        if let Some(terminal) = self.terminal {
            super::set_foreground(terminal, Pid::own())?;
        }
        // SAFETY: the caller's promise.
        unsafe { self.place(pipe) }?;
        let first = STDERR.as_raw() + 1;
        for socket in first..first + i32::from(self.sockets) {
            // SAFETY: the caller's promise.
            unsafe { syscall!(fcntl(socket, F_SETFD, STAYS_OPEN)) }?;
        }
        // Asked for here, and not before: another thread may have set a handler until this process was made.
        // Under another runtime nobody here knows of its handlers.
        let ours = auxv::get(auxv::AT_PAGESZ).is_some();
        let handled = if ours {
            signal::handled()
        } else {
            SignalSet::ALL
        };
        for signal in (handled | self.defaults).iter() {
            let default =
                self.defaults.contains(signal) || signal::action(signal)? == Action::Handled;
            if default {
                match signal::set_default(signal) {
                    // SIGKILL and SIGSTOP can't be changed, and need not; qemu-user keeps two for itself.
                    Ok(()) | Err(Errno::EINVAL) => {}
                    refused => return refused, // a handler would run in the parent's memory
                }
            }
        }
        signal::set_mask(self.mask)
    }

    /// Puts the descriptors where they are to be.
    ///
    /// # Safety
    /// As for [`begin`](Self::begin).
    unsafe fn place(&self, pipe: &mut Option<i32>) -> Result<()> {
        if !self.others {
            let first = STDERR.as_raw() + 1;
            // SAFETY: they are marked to be closed by execve, which those that are placed are not.
            unsafe { syscall!(close_range(first, u32::MAX, CLOSE_RANGE_CLOEXEC)) }?;
        }
        let above = self.files.iter().map(|&(_, to)| to).max().unwrap_or(-1);
        let above = above.saturating_add(1); // of i32::MAX itself, EBADF tells
        // What stands where another one is to be goes out of the way first.
        let clear = |from: i32, own: i32| -> Result<i32> {
            let taken = self.files.iter().any(|&(_, to)| to == from);
            if !taken || from == own {
                return Ok(from);
            }
            // SAFETY: makes a new descriptor.
            unsafe { syscall!(fcntl(from, F_DUPFD_CLOEXEC, above)) }.map(|fd| fd as i32)
        };
        if let Some(pipe) = pipe {
            *pipe = clear(*pipe, -1)?;
        }
        let mut sources = [-1; Self::FILES];
        for (source, &(fd, to)) in sources.iter_mut().zip(self.files) {
            *source = clear(fd.as_raw(), to)?;
        }
        for (&source, &(_, to)) in sources.iter().zip(self.files) {
            // SAFETY: what was at `to` in this child nobody needs: it was moved, or is not asked for.
            unsafe {
                if source == to {
                    syscall!(fcntl(source, F_SETFD, STAYS_OPEN))?;
                } else {
                    syscall!(dup3(source, to, STAYS_OPEN))?;
                }
            }
        }
        Ok(())
    }
}

/// Descriptor flags: not closed by execve.
const STAYS_OPEN: i32 = 0;

/// The entry `LISTEN_PID` of the environment for a process.
fn listen_pid(pid: Pid) -> ListenPid {
    fn put(number: u32, places: &mut slice::IterMut<'_, u8>) {
        if number >= 10 {
            put(number / 10, places);
        }
        if let Some(place) = places.next() {
            *place = b'0' + (number % 10) as u8;
        }
    }
    let mut entry = *b"LISTEN_PID=\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let (_, digits) = entry.split_at_mut(b"LISTEN_PID=".len());
    put(pid.as_raw().unsigned_abs(), &mut digits.iter_mut());
    entry
}

/// A child that was started and not yet waited for.
///
/// Dropping it does nothing: the process goes on, and stays a zombie at its end until somebody waits for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Child(Pid);

impl Child {
    /// Its id, which nobody else gets before it has ended and was waited for.
    pub fn pid(&self) -> Pid {
        self.0
    }

    /// Sends it a signal (kill(2)). One that has ended takes no notice.
    ///
    /// # Errors
    /// `EPERM`: it has become another user's. `EINVAL`: no such signal. `ESRCH`: somebody else has waited
    /// for it.
    pub fn kill(&self, signal: i32) -> Result<()> {
        super::kill(self.0, signal)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// `ECHILD`: somebody else has waited for it, or `SIGCHLD` is ignored.
    pub fn wait(self) -> Result<wait::Ended> {
        wait::pid(self.0)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::process::{Lists, Status};

    /// Under another runtime, whose handlers nobody here knows.
    #[test]
    fn starts_programs_from_under_std() {
        let mut lists = Lists::new(3, 1).unwrap();
        for word in [c"sh", c"-c", c"exit 7"] {
            lists.push(word).unwrap();
        }
        let list = lists.end().unwrap();
        let spawn = |file| {
            Command::new(file, lists.get(list), Strings::NONE)
                .search()
                .spawn()
        };
        for _ in 0..3 {
            let ended = spawn(c"sh").unwrap().wait().unwrap();
            assert_eq!(ended.status, Status::Exited(7));
            assert_eq!(spawn(c"nothing").err(), Some(Failed::Exec(Errno::ENOENT)));
        }
    }

    #[test]
    fn an_entry_has_the_digits_of_an_id() {
        for id in [1, 9, 10, 12_345, 4_194_304, i32::MAX] {
            let entry = listen_pid(Pid(id));
            let text = CStr::from_bytes_until_nul(&entry).unwrap();
            assert_eq!(text.to_str().unwrap(), std::format!("LISTEN_PID={id}"));
        }
    }

    #[test]
    fn the_status_is_a_shells() {
        use Errno as E;
        for (errno, status) in [
            (E::ENOENT, 127),
            (E::ENOTDIR, 127),
            (E::ELOOP, 127),
            (E::ENAMETOOLONG, 127),
            (E::EACCES, 126),
            (E::ENOEXEC, 126),
            (E::E2BIG, 126),
            (E::ETXTBSY, 126),
            (E::ENOMEM, 126),
            (E::EIO, 126),
        ] {
            assert_eq!(Failed::Exec(errno).status(), status, "{errno:?}");
            assert_eq!(Failed::Spawn(errno).status(), 1, "{errno:?}");
        }
    }

    #[test]
    fn a_failure_comes_as_it_was_sent() {
        for failed in [Failed::Spawn(Errno::EMFILE), Failed::Exec(Errno::EHWPOISON)] {
            assert_eq!(Failed::of(failed.answer()), Some(failed));
        }
        assert_eq!(Failed::of(BEGUN), None);
    }
}
