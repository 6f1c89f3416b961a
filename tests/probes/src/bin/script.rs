//! A minimal command interpreter for a guest without a shell. It runs the commands of a file, one a line, with words
//! separated by spaces. It prints each line before it runs, and the exit status unless it is 0.
//!
//! ```text
//! CMD ARG... < FILE > FILE    runs a program, with input and output redirected
//! CMD ARG... &                runs a program in the background
//! ended                       waits for the program that was started last in the background
//! kill                        sends that program SIGTERM, and waits for it
//! files NUMBER                limits the open files of each later program
//! room BYTES                  limits the address space of each later program
//! write FILE WORD...          writes a line into an existing file
//! wait FILE                   waits until a file is not empty, at most a minute
//! same FILE FILE              compares two files
//! free FILE                   unlinks a file
//! module FILE                 loads a module into the kernel
//! mount DEVICE FOLDER KIND    mounts a device
//! ```
//!
//! The exit status is that of the last line that failed.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::time::Duration;

use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::{OwnedFd, STDIN, STDOUT};
use ring3::fs::{self, At, CWD, O_CLOEXEC, O_CREAT, O_RDONLY, O_WRONLY, Open};
use ring3::heap::Heap;
use ring3::io;
use ring3::parts;
use ring3::process::{self, Child, Command, Lists, RLIMIT_AS, RLIMIT_NOFILE, Rlimit};
use ring3::rt::Exit;
use ring3::signal::SIGTERM;
use ring3::system::{self, Mount};
use ring3::text::{Print, Shown, Writer, number};
use ring3::time::{Clock, now};
use ring3::{Errno, Result};

ring3::program!("script", main);

#[global_allocator]
static HEAP: Heap = Heap::new();

fn main(start: Start) -> core::result::Result<(), Exit> {
    let file = start.args().nth(1).ok_or(Exit(2))?;
    let text = read(file).or_fail(PROGRAM, "read", Shown(file.to_bytes()))?;
    let mut script = Script {
        start,
        beside: Vec::new(),
    };
    let mut status = 0;
    for line in text
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        say(parts!("$ ", Shown(line)));
        let words: Vec<_> = line
            .split(|&byte| byte == b' ')
            .map(|word| CString::new(word).unwrap_or_default())
            .collect();
        let code = match script.run(&words) {
            Ok(code) => code,
            Err(errno) => {
                say(errno);
                1
            }
        };
        if code != 0 {
            say(parts!("status ", code));
            status = code;
        }
    }
    if status == 0 {
        Ok(())
    } else {
        Err(Exit(status))
    }
}

/// Prints a line. Errors are ignored: there is no other place to report them.
fn say(what: impl Print) {
    let mut buffer = [0; 512];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(parts!(what, "\n"));
    let _ = out.flush();
}

fn read(path: &CStr) -> Result<Vec<u8>> {
    let file = fs::open(CWD, path, O_RDONLY | O_CLOEXEC, 0)?;
    let mut bytes = Vec::new();
    let mut piece = [0; 16384];
    loop {
        match io::read(file.as_fd(), &mut piece)? {
            0 => return Ok(bytes),
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

struct Script {
    start: Start,
    /// The programs in the background.
    beside: Vec<Child>,
}

impl Script {
    /// Runs a line, and returns the exit status that a shell would report.
    fn run(&mut self, words: &[CString]) -> Result<u8> {
        let plain: Vec<_> = words.iter().map(|word| word.as_c_str()).collect();
        let built_in: Vec<_> = plain.iter().map(|word| word.to_bytes()).collect();
        match (&built_in[..], &plain[..]) {
            ([what @ (b"kill" | b"ended")], _) => {
                let child = self.beside.pop().ok_or(Errno::ECHILD)?;
                if *what == b"kill" {
                    child.kill(SIGTERM)?;
                }
                Ok(child.wait()?.status.code())
            }
            ([b"files", number], _) => {
                let number = number::whole(number, 10, u64::MAX).ok_or(Errno::EINVAL)?;
                let limit = Rlimit {
                    rlim_cur: number,
                    rlim_max: number,
                };
                process::set_limit(RLIMIT_NOFILE, limit).map(|()| 0)
            }
            ([b"room", bytes], _) => {
                let limit = Rlimit {
                    rlim_cur: number::whole(bytes, 10, u64::MAX).ok_or(Errno::EINVAL)?,
                    rlim_max: u64::MAX, // so that the limit can be raised again
                };
                process::set_limit(RLIMIT_AS, limit).map(|()| 0)
            }
            ([b"write", _, words @ ..], [_, path, ..]) => {
                let file = fs::open(CWD, path, O_WRONLY | O_CLOEXEC, 0)?;
                io::write_all(file.as_fd(), &words.join(&b' ')).map(|()| 0)
            }
            ([b"wait", _], [_, path]) => wait_for(path).map(|()| 0),
            ([b"same", ..], [_, one, two]) => Ok(u8::from(read(one)? != read(two)?)),
            ([b"free", ..], [_, path]) => fs::unlink(CWD, path).map(|()| 0),
            ([b"module", ..], [_, path]) => {
                let file = fs::open(CWD, path, O_RDONLY | O_CLOEXEC, 0)?;
                system::load_module(file.as_fd()).map(|()| 0)
            }
            ([b"mount", ..], [_, device, folder, kind]) => {
                match fs::make_directory(CWD, folder, 0o755) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(errno) => return Err(errno),
                }
                system::mount(device, folder, kind, Mount::NONE).map(|()| 0)
            }
            ([.., b"&"], [command @ .., _]) => {
                self.beside.push(self.spawn(command)?);
                Ok(0)
            }
            (_, command) => Ok(self.spawn(command)?.wait()?.status.code()),
        }
    }

    fn spawn(&self, words: &[&CStr]) -> Result<Child> {
        let (mut input, mut output) = (None::<OwnedFd>, None::<OwnedFd>);
        let mut lists = Lists::new(words.len(), 1)?;
        let mut words = words.iter().copied();
        let mut first = None;
        while let Some(word) = words.next() {
            let mut open = |how: Open| {
                let path = words.next().unwrap_or_default();
                fs::open(CWD, path, how | O_CLOEXEC, 0o644)
            };
            match word.to_bytes() {
                b"<" => input = Some(open(O_RDONLY)?),
                b">" => output = Some(open(O_WRONLY | O_CREAT)?),
                _ => {
                    first = first.or(Some(word));
                    lists.push(word)?;
                }
            }
        }
        let list = lists.end()?;
        let files = [
            (input.as_ref().map_or(STDIN, OwnedFd::as_fd), 0),
            (output.as_ref().map_or(STDOUT, OwnedFd::as_fd), 1),
        ];
        let first = first.ok_or(Errno::ENOENT)?;
        let command = Command::new(first, lists.get(list), self.start.environ());
        command
            .search()
            .files(&files)
            .spawn()
            .map_err(|failed| failed.errno())
    }
}

fn wait_for(path: &CStr) -> Result<()> {
    let until = now(Clock::Monotonic) + Duration::from_secs(60);
    loop {
        match fs::stat_at(CWD, path, At::NONE) {
            Ok(stat) if stat.stx_size > 0 => return Ok(()),
            result if now(Clock::Monotonic) > until => return result.and(Err(Errno::ETIMEDOUT)),
            _ => ring3::thread::yield_now(),
        }
    }
}
