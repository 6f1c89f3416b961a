//! Merges inputs that are sorted already. Each input has one buffer; no input must fit into memory.
//!
//! The inputs play a tournament for the smallest line. Each match has a node of a binary tree, which keeps the loser.
//! When the winner's line has been written, only the matches of the winner are played again, with its next line.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ffi::CStr;
use core::mem;

use ring3::cli::OrFail;
use ring3::fd::{BorrowedFd, STDOUT};
use ring3::fs::replace::{During, Operation};
use ring3::fs::{self, At, CWD, S_IFREG};
use ring3::io;
use ring3::process::{self, RLIMIT_NOFILE};
use ring3::rt::Exit;

use crate::memory::{copy, reserve};
use crate::order::Order;
use crate::stream::Stream;
use crate::{Input, PROGRAM, Stopped};

/// The size of the output's buffer, in bytes; and the greatest size of an input's buffer before it grows.
pub const BUFFER: usize = 128 * 1024;

/// The least size of an input's buffer, in bytes.
const SMALLEST: usize = 16 * 1024;

/// The target for the sum of all inputs' buffers, in bytes. Below 64 inputs the sum is smaller, above 512 it is larger.
const BUFFERS: usize = 8 << 20;

/// No stream: an empty place in the tournament.
const NONE: usize = usize::MAX;

/// Whether the inputs can be merged while they are read. They can't if the process may not open all of them at the same
/// time, or if an input is the output, as in `msort -m a b >>a` or `msort -m a b -o /dev/fd/3 3>>a`. `output` is the path of
/// the output; `None` for standard output.
pub fn is_possible(inputs: &[&'static CStr], output: Option<&CStr>) -> bool {
    /// Descriptors for other files: the standard ones, and those for the replacement of a file.
    const OTHERS: usize = 16;
    let most = process::raise_limit(RLIMIT_NOFILE).unwrap_or_default();
    let output = match output {
        None => fs::stat(STDOUT),
        Some(path) => fs::stat_at(CWD, path, At::NONE),
    };
    let output = output.ok().filter(|file| file.kind() == S_IFREG);
    let is_output = |&input: &_| {
        output.is_some_and(|output| {
            let input = Input(input).stat();
            input.is_ok_and(|input| input.is_same_file(&output))
        })
    };
    (inputs.len() + OTHERS) as u64 <= most && !inputs.iter().any(is_output)
}

/// The inputs, and the tournament between their current lines.
pub struct Merge {
    order: Order,
    players: Vec<Player>,
    /// Lines that are not written yet.
    buffer: Vec<u8>,
}

/// An input, and a place in the tree of matches.
struct Player {
    stream: Stream,
    /// The key of the current line.
    key: u64,
    /// The number of another player: at place 0 the winner of the tournament, at place `n` the loser of match `n`. The
    /// first match of player `p` is `(p + players) / 2`, and the match after match `n` is `n / 2`.
    loser: usize,
}

impl Merge {
    /// Opens the inputs and reads their first lines. If standard input is named twice, all its lines are at the first place.
    ///
    /// # Errors
    /// Exit 1: a message was printed.
    pub fn new(inputs: &[&'static CStr], end: u8, order: Order) -> Result<Self, Exit> {
        let mut players = Vec::new();
        let mut buffer = Vec::new();
        reserve(&mut players, inputs.len())
            .and_then(|()| reserve(&mut buffer, BUFFER))
            .or_fail(PROGRAM, "merge", "inputs")?;
        let size = (BUFFERS / inputs.len()).clamp(SMALLEST, BUFFER);
        let mut stdin_is_open = false;
        for &input in inputs {
            let input = Input(input);
            if !(input.is_stdin() && mem::replace(&mut stdin_is_open, true)) {
                players.push(Player {
                    stream: Stream::open(input, end, size)?,
                    key: 0,
                    loser: NONE,
                });
            }
        }
        let mut merge = Self {
            order,
            players,
            buffer,
        };
        for number in 0..merge.players.len() {
            let stream = &mut merge.players[number].stream;
            let input = stream.input;
            stream.advance().or_fail(PROGRAM, "read", input)?;
            merge.play(number);
        }
        Ok(merge)
    }

    /// Merges the inputs into `fd`.
    ///
    /// # Errors
    /// Those of read(2) and write(2); `ENOMEM` if a line does not fit into memory. A part of the lines may have been
    /// written.
    pub fn write(&mut self, fd: BorrowedFd<'_>) -> Result<(), Stopped> {
        // The line before, with its terminator; used only with `unique`.
        let mut before = Vec::new();
        loop {
            let winner = self.players[0].loser;
            let stream = &self.players[winner].stream;
            let with_end = stream.line();
            let [line @ .., _] = with_end else {
                break;
            };
            let input = stream.input;
            let is_again = match &before[..] {
                [before @ .., _] => self.order.compare(before, line).is_eq(),
                [] => false,
            };
            if !is_again {
                if self.buffer.len() + with_end.len() > BUFFER {
                    write(fd, &self.buffer)?;
                    self.buffer.clear();
                }
                if with_end.len() > BUFFER {
                    write(fd, with_end)?;
                } else {
                    self.buffer.extend_from_slice(with_end);
                }
                if self.order.unique {
                    copy(with_end, &mut before).map_err(|errno| Stopped::Read(input, errno))?;
                }
            }
            let next = self.players[winner].stream.advance();
            next.map_err(|errno| Stopped::Read(input, errno))?;
            self.play(winner);
        }
        write(fd, &self.buffer)
    }

    /// Plays the matches of a player with a new line.
    fn play(&mut self, number: usize) {
        let count = self.players.len();
        let player = &mut self.players[number];
        if let [line @ .., _] = player.stream.line() {
            player.key = self.order.key(line);
        }
        let mut winner = number;
        let mut place = (number + count) / 2;
        while place > 0 {
            let other = self.players[place].loser;
            if self.wins(other, winner) {
                self.players[place].loser = winner;
                winner = other;
            }
            place /= 2;
        }
        self.players[0].loser = winner;
    }

    /// Whether the line of player `a` comes before the line of player `b`. An empty place wins, so that each player
    /// gets a place in the beginning; a player without more lines loses.
    fn wins(&self, a: usize, b: usize) -> bool {
        let (Some(one), Some(other)) = (self.players.get(a), self.players.get(b)) else {
            return a == NONE;
        };
        match (one.stream.line(), other.stream.line()) {
            ([line @ .., _], [other_line @ .., _]) => {
                let ordering = match one.key.cmp(&other.key) {
                    Ordering::Equal => self.order.compare(line, other_line),
                    ordering => self.order.direct(ordering),
                };
                // Of equal lines, the line of the earlier input comes first.
                ordering.then(a.cmp(&b)).is_lt()
            }
            (line, _) => !line.is_empty(),
        }
    }
}

fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Stopped> {
    Ok(io::write_all(fd, bytes).during(Operation::Write)?)
}
