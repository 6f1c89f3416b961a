//! Starts the program of the command line: its arguments, its environment, its user.

use core::ffi::CStr;

use ring3::bytes;
use ring3::cli::OrFail;
use ring3::env::{ExpandError, Start, Strings, expand};
use ring3::mem::Mapping;
use ring3::parts;
use ring3::process::{Child, Command, Failed, Lists};
use ring3::rt::Exit;
use ring3::signal::{self, SignalSet};
use ring3::text::Shown;

use crate::terminal::Terminal;
use crate::user::{FILES, User};
use crate::{PROGRAM, Settings};

/// Starts the program. The program inherits the first `sockets` sockets of the service manager.
#[inline(never)]
pub fn begin(
    settings: &Settings,
    start: Start,
    terminal: &Terminal,
    sockets: u16,
) -> Result<Child, Exit> {
    let mut room = 0;
    if settings.expand {
        for word in settings.words() {
            room += expanded(word, start.environ(), &mut [])? + 1;
        }
    }
    let mut files;
    let mut user = None;
    if let Some(wanted) = settings.user {
        files = Mapping::new(FILES).or_fail(PROGRAM, "read", c"/etc/passwd")?;
        let found = user.insert(User::find(&mut files, wanted)?);
        found.own(start)?;
    }
    spawn(settings, start, terminal, sockets, user.as_ref(), room).map_err(|failed| {
        let shown = Shown(settings.first.to_bytes());
        PROGRAM.fail("run", shown, failed.errno());
        Exit(failed.status())
    })
}

/// Starts the program as `user`. The expanded arguments take `room` bytes.
#[inline(never)]
fn spawn(
    settings: &Settings,
    start: Start,
    terminal: &Terminal,
    sockets: u16,
    user: Option<&User<'_>>,
    mut length: usize,
) -> Result<Child, Failed> {
    // The texts that are not on the initial stack: the expanded arguments, and HOME. The mapping has zeros only, so each
    // text ends with a zero.
    let mut entries = 0;
    if let Some(user) = user {
        length += HOME.len() + user.home.len() + 1;
        entries = start.environ().iter().count() + 1;
    }
    let mut memory = match length {
        0 => None,
        _ => Some(Mapping::new(length).map_err(Failed::Spawn)?),
    };
    let mut room = memory.as_deref_mut().unwrap_or_default();
    let strings = 1 + settings.rest.len() + entries;
    let mut lists = Lists::new(strings, 2).map_err(Failed::Spawn)?;
    let mut first = None;
    let mut build = || {
        for mut word in settings.words() {
            if settings.expand {
                let length = expand(word.to_bytes(), start.environ(), room).unwrap_or(0); // `begin` found no error
                word = take(&mut room, length);
            }
            first = first.or(Some(word));
            lists.push(word)?;
        }
        lists.end()?;
        let Some(user) = user else { return Ok(0) };
        bytes::copy(room, HOME);
        bytes::copy(room.get_mut(HOME.len()..).unwrap_or_default(), user.home);
        lists.push(take(&mut room, HOME.len() + user.home.len()))?;
        for entry in start.environ().iter() {
            if !bytes::begins(entry.to_bytes(), HOME) {
                lists.push(entry)?;
            }
        }
        lists.end()
    };
    let environ = match build().map_err(Failed::Spawn)? {
        0 => start.environ(),
        at => lists.get(at),
    };
    let first = first.unwrap_or_default();
    let command = Command::new(first, lists.get(0), environ).search();
    // Signals that the parent of `init` ignored get their default action in the program.
    let command = command.defaults(SignalSet::ALL.without(signal::TERMINALS));
    let command = if settings.session {
        command.session()
    } else {
        command.group(0)
    };
    let command = match terminal.to_give() {
        Some(terminal) => command.foreground(terminal),
        None => command,
    };
    let command = match user {
        Some(user) => command.user(user.uid, user.gid, user.groups()),
        None => command,
    };
    command.sockets(sockets).spawn()
}

/// The beginning of the environment's entry for the home directory.
const HOME: &[u8] = b"HOME=";

/// Expands the variables in a word, and writes the result to `buffer`. Returns the length of the result.
fn expanded(word: &CStr, environ: Strings<'_>, buffer: &mut [u8]) -> Result<usize, Exit> {
    expand(word.to_bytes(), environ, buffer).map_err(|error| {
        PROGRAM.say(parts!("expand ", error));
        match error {
            ExpandError::Unset { .. } => Exit(1),
            ExpandError::Open(_) | ExpandError::Form(_) => Exit(2),
        }
    })
}

/// Takes the C string of `length` bytes from the beginning of `room`. A zero follows the string, because the room is a
/// new mapping.
fn take<'m>(room: &mut &'m mut [u8], length: usize) -> &'m CStr {
    let all = core::mem::take(room);
    let (text, rest) = all.split_at_mut_checked(length + 1).unwrap_or_default();
    *room = rest;
    bytes::until_zero(text)
}
