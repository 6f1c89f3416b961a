//! Starting a program in a child process: clone(2), then execve(2) in the child.
//!
//! The child shares the parent's memory until it executes the other program or ends. The parent thread sleeps
//! until then, as with vfork(2). So no memory is copied, however much there is. Sharing the memory is sound,
//! because:
//!
//! - The child has its own stack, in a stack frame of the sleeping thread. The child enters that stack in
//!   assembly ([`arch::clone`]), so it does not use a frame of the parent's.
//! - The child writes only to that stack, to the path buffer, to the answer in its [`Plan`], and to one entry
//!   of its environment (its own id). Everything else it does by system calls.
//! - No signal handler runs in the child. All signals are blocked before the child starts. The child gives
//!   every signal that had a handler its default action before it unblocks any.
//! - The child has copies of the descriptor table and of the signal actions, which it may change.
//!
//! If the program can't be executed, the child writes the error to the plan in the frame (`answer`). But
//! emulators such as qemu-user implement the clone as fork(2): the child gets a copy of the memory, and the
//! parent continues at once. The same code is sound in a copy, but the answer does not reach the parent.
//! Therefore the child also sends the error through a pipe, which execve closes. Creating the pipe takes a
//! seventh of the time of a start. So the pipe is used only until a child has shown that the memory is
//! shared.

use core::cell::Cell;
use core::ffi::CStr;
use core::mem::{self, MaybeUninit};
use core::ptr;
use core::slice;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicU64};

use super::Lists;
use super::search::{self, Room};
use super::wait;
use super::{Pid, exit};
use crate::abi::fs::{F_DUPFD_CLOEXEC, F_SETFD};
use crate::abi::process::*;
use crate::abi::{self, Errno, Result, syscall};
use crate::bytes::strip_prefix;
use crate::env::{Strings, auxv};
use crate::fd::{BorrowedFd, STDERR};
use crate::pipe::{O_CLOEXEC, Pipe};
use crate::signal::{self, Action, SIGCHLD, SignalSet};
use crate::{arch, io};

/// A program to start, and the state in which it begins.
///
/// The program inherits this process's working directory, limits and process group. It also inherits the
/// descriptors without `FD_CLOEXEC`; all descriptors that this library creates have that flag. No signal is
/// blocked. Signals that this process handles have their default actions; signals that it ignores stay
/// ignored.
#[derive(Clone, Copy, Debug)]
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
    user: Option<(u32, u32, &'a [u32])>,
    sockets: u16,
}

/// The environment's entry for the id: `LISTEN_PID=`, the digits, and zeros up to the end.
type ListenPid = [u8; 24];

/// The process group of a child.
#[derive(Clone, Copy, Debug)]
enum Group {
    Of(i32),
    Session,
}

/// The reason why no program was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failed {
    /// There is no child, or it could not be set up as asked. `EAGAIN`: `RLIMIT_NPROC` or another limit.
    /// `ENOMEM`. `EMFILE`, `ENFILE`: no descriptor is left in this process, or in the child for moving
    /// descriptors to their numbers. `EPERM`: the child may not join that process group. `EINVAL`: more than
    /// [`Command::FILES`] descriptors to move. The errors of [`become_user_in`](super::become_user_in), for
    /// [`Command::user`]. The errors of a seccomp filter that refuses rt_sigprocmask(2)
    /// or rt_sigaction(2).
    Spawn(Errno),
    /// The file can't be executed (execve(2)). `ENOENT`: no such file. `EACCES`: no permission to execute the
    /// file or to search a directory of the path. `ENOEXEC`: not a program for this machine. `E2BIG`:
    /// arguments and environment are too long. `ETXTBSY`, `ELOOP`, `ENAMETOOLONG`, `ENOMEM`...
    Exec(Errno),
}

impl Failed {
    /// The error number.
    #[must_use]
    pub fn errno(self) -> Errno {
        match self {
            Self::Spawn(errno) | Self::Exec(errno) => errno,
        }
    }

    /// The exit status that a shell reports for this failure: 127 if there is no such file, 126 if the file
    /// can't be executed; 1 if there was no child.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Exec(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG) => 127,
            Self::Exec(_) => 126,
            Self::Spawn(_) => 1,
        }
    }
}

impl<'a> Command<'a> {
    /// The maximum number of descriptors for [`files`](Self::files).
    pub const FILES: usize = 16;

    /// Describes the program in `file`, with these arguments and this environment. The first argument is the
    /// program's own name.
    #[must_use]
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
            user: None,
            sockets: 0,
        }
    }

    /// Looks for the file in the directories of the environment's `PATH`, as [`search`](fn@super::search)
    /// does. Without `PATH` it uses [`DEFAULT_PATH`](super::DEFAULT_PATH).
    #[must_use]
    pub fn search(self) -> Self {
        let path = self.environ.value("PATH").unwrap_or(search::DEFAULT_PATH);
        Self {
            path: Some(path),
            ..self
        }
    }

    /// Gives the program these descriptors, each with the number beside the descriptor. An inherited
    /// descriptor with one of these numbers is replaced. The old and the new numbers may overlap in any way.
    #[doc(alias = "dup3")]
    #[doc(alias = "dup2")]
    #[must_use]
    pub const fn files(self, files: &'a [(BorrowedFd<'a>, i32)]) -> Self {
        Self { files, ..self }
    }

    /// Passes on no descriptors except the three standard ones and those of [`files`](Self::files)
    /// (close_range(2), which requires Linux 5.11: before that, starting fails with `ENOSYS` or `EINVAL`).
    #[doc(alias = "close_range")]
    #[must_use]
    pub const fn no_others(self) -> Self {
        Self {
            others: false,
            ..self
        }
    }

    /// Sets these signals to their default actions in the program, even if this process ignores them.
    #[must_use]
    pub const fn defaults(self, signals: SignalSet) -> Self {
        Self {
            defaults: signals,
            ..self
        }
    }

    /// Starts the program with these signals blocked.
    #[must_use]
    pub const fn mask(self, signals: SignalSet) -> Self {
        Self {
            mask: signals,
            ..self
        }
    }

    /// Moves the child to the process group `group`; 0 creates a new group with the child as its leader
    /// (setpgid(2)).
    #[doc(alias = "setpgid")]
    #[must_use]
    pub const fn group(self, group: i32) -> Self {
        Self {
            group: Some(Group::Of(group)),
            ..self
        }
    }

    /// Makes the child the leader of a new session without a controlling terminal (setsid(2)).
    #[doc(alias = "setsid")]
    #[must_use]
    pub const fn session(self) -> Self {
        Self {
            group: Some(Group::Session),
            ..self
        }
    }

    /// Makes the child's process group the terminal's foreground group before the program begins. If the
    /// program can't be executed, the calling process's group becomes the foreground group again.
    ///
    /// The calling process's group must be the foreground group at the start. Otherwise this takes the
    /// terminal from another group. See [`set_foreground`](super::set_foreground).
    #[doc(alias = "tcsetpgrp")]
    #[must_use]
    pub const fn foreground(self, terminal: BorrowedFd<'a>) -> Self {
        Self {
            terminal: Some(terminal),
            ..self
        }
    }

    /// Runs the program as another user, with these ids of the user and the group and these supplementary groups
    /// ([`become_user_in`](super::become_user_in)). The calling process keeps its ids.
    ///
    /// Before it executes the program, the child shares the calling process's memory. After its change of the user, the
    /// kernel denies ptrace(2) of this memory to that user (`suid_dumpable`, proc(5)).
    #[doc(alias = "setresuid")]
    #[doc(alias = "setgroups")]
    #[must_use]
    pub const fn user(self, uid: u32, gid: u32, groups: &'a [u32]) -> Self {
        Self {
            user: Some((uid, gid, groups)),
            ..self
        }
    }

    /// Passes on `count` sockets of a service manager, the descriptors from 3 on, as the manager does
    /// (sd_listen_fds(3)).
    ///
    /// The child's execve does not close the sockets, and `LISTEN_PID` in the child's environment is the
    /// child's id. `LISTEN_PIDFDID`, which also identifies a process, is removed. A `count` of 0 changes
    /// nothing.
    ///
    /// The sockets stay open in the calling process; see [`Inherited`](crate::systemd::Inherited).
    #[must_use]
    pub const fn sockets(self, count: u16) -> Self {
        Self {
            sockets: count,
            ..self
        }
    }

    /// Starts the program, and returns when it has begun. After an error there is no child.
    ///
    /// The caller must wait for the child, by [`Child::wait`] or [`wait::any`](super::any). If `SIGCHLD` is
    /// ignored, the kernel discards how the child ended. (A process inherits an ignored `SIGCHLD` from its
    /// parent.)
    ///
    /// This takes 13 KiB of the stack.
    ///
    /// # Errors
    /// [`Failed`].
    #[doc(alias = "vfork")]
    #[doc(alias = "clone")]
    #[doc(alias = "execve")]
    #[doc(alias = "posix_spawn")]
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

    /// Executes the program in place of the calling process (execve(2)). Returns only after an error, which is
    /// [`Failed::Exec`]; then nothing has changed.
    ///
    /// Of this command, only the file, the search for it, the arguments and the environment count. The program keeps the
    /// process: its id, group, descriptors without `FD_CLOEXEC`, blocked and ignored signals. All other threads end.
    ///
    /// This takes 5 KiB of the stack.
    ///
    /// ```no_run
    /// # fn become_the_rest(start: ring3::env::Start) -> Result<(), ring3::Errno> {
    /// use ring3::process::Command;
    ///
    /// let mut words = start.args();
    /// words.next(); // the name of this program
    /// let arguments = words.strings();
    /// let Some(name) = words.next() else { return Ok(()) };
    /// Err(Command::new(name, arguments, start.environ()).search().exec().errno())
    /// # }
    /// ```
    #[doc(alias = "execve")]
    #[doc(alias = "execvp")]
    #[must_use]
    pub fn exec(&self) -> Failed {
        self.execute(&mut Room::uninit())
    }

    /// Builds the environment with `entry` in place of `LISTEN_PID` and `LISTEN_PIDFDID`.
    fn environ_with(&self, entry: &Cell<ListenPid>) -> Result<Lists<'a>> {
        let mut lists = Lists::new(self.environ.iter().count() + 1, 1)?;
        for other in self.environ.iter() {
            // The prefix of LISTEN_PID and of LISTEN_PIDFDID.
            if strip_prefix(other, "LISTEN_PID").is_none() {
                lists.push(other)?;
            }
        }
        // SAFETY: the caller keeps `entry` for as long as the list is read. The last byte of `entry` is
        // always zero: `spawn` sets all bytes to zero, and `listen_pid` keeps the last byte.
        unsafe { lists.put(entry.as_ptr().cast_const().cast())? };
        lists.end()?;
        Ok(lists)
    }

    /// Starts the program with this environment. The child writes its id to `listen_pid`, an entry of the
    /// environment.
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
            answer: AtomicU64::new(NO_ANSWER),
            pipe: pipe.as_ref().map(|pipe| pipe.write.as_fd().as_raw()),
        };
        let (pid, answer) = clone_child(plan).map_err(Failed::Spawn)?;
        if answer != NO_ANSWER {
            SHARED.store(true, Relaxed);
        }
        let failed = match (answer, pipe) {
            (NO_ANSWER, Some(pipe)) => {
                drop(pipe.write);
                let mut bytes = [0; size_of::<u64>()];
                match io::read(pipe.read.as_fd(), &mut bytes) {
                    Ok(0) => None,
                    Ok(_) => Failed::of(u64::from_ne_bytes(bytes)),
                    Err(errno) => Some(Failed::Spawn(errno)),
                }
            }
            // The child was killed before it could answer. The child's exit status will show this.
            (NO_ANSWER, None) => None,
            (answer, _) => Failed::of(answer),
        };
        match failed {
            None => Ok(Child(pid)),
            Some(failed) => {
                let _ = wait::pid(pid); // reaps the child, which ends or has ended
                Err(failed)
            }
        }
    }
}

/// Creates the child. Returns its id, and the answer that was in the plan when this thread resumed.
fn clone_child(plan: Plan<'_>) -> Result<(Pid, u64)> {
    let mut frame = MaybeUninit::<Frame>::uninit();
    let frame = frame.as_mut_ptr();
    // SAFETY: the pointers are into `frame`, a local. `write` initialises the whole plan.
    let plan = unsafe {
        (&raw mut (*frame).plan).write(plan);
        &raw mut (*frame).plan
    };
    let flags = (CLONE_VM | CLONE_VFORK).bits() | SIGCHLD as usize;
    let _held = signal::hold(SignalSet::ALL)?;
    // SAFETY: `plan` is aligned to 16 bytes by its type. The bytes below it, `Frame::stack`, are the child's
    // stack; no other thread uses them. The frame outlives the child's use of it: with CLONE_VFORK the kernel
    // resumes this thread when the child has left this memory. The flags ask for no id, so the null `no_id`
    // is not written. `child` takes the plan's address.
    let pid = unsafe {
        let (no_id, no_pointer) = (ptr::null_mut(), 0);
        abi::check(arch::clone(flags, plan.cast(), no_id, no_pointer, child))
    }?;
    // SAFETY: the plan was written above. The child has left this memory, so nothing changes the plan at the
    // same time. Under an emulator the child has a copy and never changes this plan.
    let answer = unsafe { (*plan).answer.load(Acquire) };
    Ok((Pid(pid as i32), answer)) // an id is a positive int
}

/// The child's stack in bytes. The child uses less than 1 KiB, or 3 KiB without optimisation.
const STACK: usize = 8192;

/// The child's stack, input and path buffer, in the frame of the thread that waits for the child.
#[repr(C)]
struct Frame<'a> {
    stack: MaybeUninit<[u8; STACK]>,
    /// The stack grows down from the plan's address.
    plan: Plan<'a>,
    room: Room,
}

/// The input of the child, and its answer.
#[repr(C, align(16))]
struct Plan<'a> {
    command: Command<'a>,
    /// The entry of the child's environment to which the child writes its id.
    listen_pid: Option<&'a Cell<ListenPid>>,
    /// The child's answer: `NO_ANSWER`, `BEGUN`, or the encoded failure.
    answer: AtomicU64,
    /// The descriptor to which the child also sends a failure.
    pipe: Option<i32>,
}

/// Whether a child has shown that children share this memory. If one child does, all do.
static SHARED: AtomicBool = AtomicBool::new(false);

/// The child has not written an answer here.
const NO_ANSWER: u64 = 0;
/// The child runs. If it has left this memory with this answer, it has executed the program.
const BEGUN: u64 = 1;

impl Failed {
    /// Encodes the failure as the child's answer: the error number is the high half.
    fn answer(self) -> u64 {
        let exec = u64::from(matches!(self, Self::Exec(_)));
        u64::from(self.errno().number()) << 32 | exec
    }

    /// Decodes an answer; `None` if it is no failure.
    fn of(answer: u64) -> Option<Self> {
        let errno = Errno::from_number((answer >> 32) as i32)?;
        Some(match answer as u32 {
            0 => Self::Spawn(errno),
            _ => Self::Exec(errno),
        })
    }
}

/// The child's code.
///
/// # Safety
/// Called by [`arch::clone`] in a new process, with the address of the plan in a [`Frame`].
unsafe extern "C" fn child(place: *mut u8) -> ! {
    let frame = place.wrapping_sub(mem::offset_of!(Frame, plan));
    let frame = frame.cast::<Frame>();
    // SAFETY: `place` is the plan's address in a frame (the caller guarantees this). The plan was written
    // before this process was created. From then on only this process changes the plan, and only its atomic
    // and the `Cell`.
    let plan = unsafe { &(*frame).plan };
    // SAFETY: only the child uses `room`, and this is the only reference to it.
    let room = unsafe { &mut (*frame).room };
    plan.answer.store(BEGUN, Release);
    if let Some(entry) = plan.listen_pid {
        entry.set(listen_pid(super::getpid()));
    }
    let mut pipe = plan.pipe;
    // SAFETY: this process was created by a clone that copied descriptors and signal actions, with all
    // signals blocked. This process ends below, and inherited the open descriptor `pipe`.
    let failed = unsafe { plan.command.begin(&mut pipe, room) };
    plan.answer.store(failed.answer(), Release);
    if let Some(pipe) = pipe {
        // SAFETY: `begin` leaves the number of the pipe's open descriptor in `pipe`.
        let pipe = unsafe { BorrowedFd::borrow_raw(pipe) };
        let _ = io::write_all(pipe, &failed.answer().to_ne_bytes());
    }
    exit(127)
}

impl Command<'_> {
    /// Applies the command to the calling process, and executes the program. Returns only after an error.
    ///
    /// # Safety
    /// The calling process is a child that ends after this function returns. Its descriptors and signal
    /// actions are its own, and all signals are blocked. `pipe` is an open descriptor of the process.
    unsafe fn begin(&self, pipe: &mut Option<i32>, room: &mut Room) -> Failed {
        let before = self.terminal.map(|terminal| (terminal, super::group()));
        // SAFETY: the caller guarantees the requirements of `prepare`, which are the same.
        let failed = match unsafe { self.prepare(pipe) } {
            Ok(()) => self.execute(room),
            Err(errno) => Failed::Spawn(errno),
        };
        // This raises no SIGTTOU: all signals are still blocked, or this process's group is the foreground
        // group.
        if let Some((terminal, group)) = before {
            let _ = super::set_foreground(terminal, group);
        }
        failed
    }

    /// Executes the program. Returns only if that failed.
    fn execute(&self, room: &mut Room) -> Failed {
        let exec = |file: *const u8| {
            let (arguments, environ) = (self.arguments.as_ptr(), self.environ.as_ptr());
            // SAFETY: the kernel reads the path `file`, which ends with a zero, and two lists of strings. The
            // lists are valid by the contract of `Strings`. The call returns only after an error.
            let result = unsafe { syscall!(execve(file, arguments, environ)) };
            result.err().unwrap_or(Errno::EIO)
        };
        let file = self.file;
        Failed::Exec(match self.path {
            None => exec(file.as_ptr().cast()),
            Some(path) => search::search(file.to_bytes(), path.to_bytes(), room, exec),
        })
    }

    /// Sets up the process for the program: group, terminal, descriptors, signals.
    ///
    /// # Safety
    /// As for [`begin`](Self::begin).
    unsafe fn prepare(&self, pipe: &mut Option<i32>) -> Result<()> {
        const OWN: i32 = 0;
        // SAFETY: the calls take numbers, and change only this process's group or session.
        unsafe {
            match self.group {
                None => {}
                Some(Group::Of(group)) => drop(syscall!(setpgid(OWN, group))?),
                Some(Group::Session) => drop(syscall!(setsid())?),
            }
        }
        if let Some(terminal) = self.terminal {
            super::set_foreground(terminal, super::getpid())?;
        }
        // SAFETY: the caller guarantees the requirements of `move_files`, which are the same.
        unsafe { self.move_files(pipe) }?;
        let first = STDERR.as_raw() + 1;
        for socket in first..first + i32::from(self.sockets) {
            // SAFETY: F_SETFD takes a number. The descriptor table is this process's own (the caller
            // guarantees this).
            unsafe { syscall!(fcntl(socket, F_SETFD, STAYS_OPEN)) }?;
        }
        // The handled signals are read here, in the child: another thread of the parent may have set a
        // handler until this process was created. Under another runtime, `handled` does not know all
        // handlers.
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
                    // SIGKILL and SIGSTOP can't be changed and need not be. qemu-user reserves two more signals.
                    Ok(()) | Err(Errno::EINVAL) => {}
                    refused => return refused, // a handler would run in the parent's memory
                }
            }
        }
        if let Some((uid, gid, groups)) = self.user {
            super::become_user_in(uid, gid, groups)?;
        }
        signal::set_mask(self.mask)
    }

    /// Moves the descriptors to their numbers.
    ///
    /// # Safety
    /// As for [`begin`](Self::begin).
    unsafe fn move_files(&self, pipe: &mut Option<i32>) -> Result<()> {
        if !self.others {
            let first = STDERR.as_raw() + 1;
            // SAFETY: the call takes numbers. It marks descriptors of this process's own table to be closed
            // by execve; the descriptors that are moved below lose the mark.
            unsafe { syscall!(close_range(first, u32::MAX, CLOSE_RANGE_CLOEXEC)) }?;
        }
        let above = self.files.iter().map(|&(_, to)| to).max().unwrap_or(-1);
        let above = above.saturating_add(1); // dup3 reports EBADF for i32::MAX itself
        // If a descriptor has the number that another descriptor is to get, the descriptor first moves to a
        // number above all these numbers.
        let clear = |from: i32, own: i32| -> Result<i32> {
            let taken = self.files.iter().any(|&(_, to)| to == from);
            if !taken || from == own {
                return Ok(from);
            }
            // SAFETY: F_DUPFD_CLOEXEC takes a number, and only creates a descriptor in this process's own
            // table.
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
            // SAFETY: the calls take numbers. They replace `to` in this process's own table. A descriptor
            // that is still needed is no longer at `to`: it was moved away above.
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

/// Descriptor flags without FD_CLOEXEC: execve does not close the descriptor.
const STAYS_OPEN: i32 = 0;

/// The environment's entry `LISTEN_PID` for a process.
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
/// Dropping the value does nothing. The process continues, and after its end stays a zombie until it is
/// reaped.
#[derive(Debug, PartialEq, Eq)]
pub struct Child(Pid);

impl Child {
    /// The child's id. It is not reused before the child has ended and was reaped.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.0
    }

    /// Sends a signal to the child (kill(2)). A child that has ended ignores it.
    ///
    /// # Errors
    /// `EPERM`: the child now runs as another user. `EINVAL`: no such signal. `ESRCH`: other code has already
    /// reaped the child.
    pub fn kill(&self, signal: i32) -> Result<()> {
        super::kill(self.0, signal)
    }

    /// Waits until the child ends, and reaps it (wait4(2)).
    ///
    /// # Errors
    /// `ECHILD`: other code has already reaped the child, or `SIGCHLD` is ignored.
    #[doc(alias = "wait4")]
    #[doc(alias = "waitpid")]
    pub fn wait(self) -> Result<wait::Ended> {
        wait::pid(self.0)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::process::{Lists, Status};

    /// Runs under another runtime (std's), whose handlers `signal::handled` does not know.
    #[test]
    fn programs_start_under_another_runtime() {
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
    fn the_status_is_that_of_a_shell() {
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
    fn a_failure_survives_its_encoding() {
        for failed in [Failed::Spawn(Errno::EMFILE), Failed::Exec(Errno::EHWPOISON)] {
            assert_eq!(Failed::of(failed.answer()), Some(failed));
        }
        assert_eq!(Failed::of(BEGUN), None);
    }
}
