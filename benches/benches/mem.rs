//! ring3's memory functions beside glibc's, in the same run.
//!
//! A round times both, one right after the other, and yields one ratio; the table shows the median
//! of the rounds and their quartiles. Ratios stand still on a machine whose speed does not.
//! SLOW marks a median above [`LIMIT`].

use ring3::arch::mem;
use std::{
    ffi::{c_char, c_int, c_ulong, c_void},
    hint::black_box,
    time::Instant,
};

/// How many times glibc's time a call may take.
const LIMIT: f64 = 1.5;
const SIZES: [usize; 4] = [64, 1 << 10, 64 << 10, 1 << 20];
const ROUNDS: usize = 41;
/// What one timing moves, so that it takes tens of microseconds and more.
const BYTES_A_TIMING: usize = 4 << 20;
/// For small sizes the calls count, not the bytes.
const MAX_CALLS: usize = 10_000;

const AT_MINSIGSTKSZ: c_ulong = 51;

unsafe extern "C" {
    fn memcpy(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void;
    fn memmove(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void;
    fn memset(dst: *mut c_void, c: c_int, n: usize) -> *mut c_void;
    fn memcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
    fn bcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
    fn strlen(s: *const c_char) -> usize;
    fn getauxval(kind: c_ulong) -> c_ulong;
}

type Copy = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;
type Fill = unsafe extern "C" fn(*mut c_void, c_int, usize) -> *mut c_void;
type Compare = unsafe extern "C" fn(*const c_void, *const c_void, usize) -> c_int;
type Length = unsafe extern "C" fn(*const c_char) -> usize;

/// One function, ours and glibc's.
#[derive(Clone, Copy)]
enum Pair {
    Copy([self::Copy; 2]),
    Fill([Fill; 2]),
    Compare([Compare; 2]),
    Length([Length; 2]),
}

/// A line of the table: what is called, and where the bytes it reads lie.
struct Row {
    name: &'static str,
    pair: Pair,
    place: Place,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In a buffer of their own.
    Apart,
    /// A little above dst, so that a copy must run upwards.
    Above,
    /// A little below dst, so that a copy must run downwards.
    Below,
}

fn main() {
    // SAFETY: getauxval reads this process's own auxiliary vector.
    let minsigstksz = unsafe { getauxval(AT_MINSIGSTKSZ) } as usize;
    // SAFETY: it is the kernel's value, or 0.
    unsafe { mem::choose(minsigstksz) };

    let row = |name, pair, place| Row { name, pair, place };
    let moves = Pair::Copy([mem::ring3_memmove, memmove]);
    let rows = [
        row(
            "memcpy",
            Pair::Copy([mem::ring3_memcpy, memcpy]),
            Place::Apart,
        ),
        row("memmove", moves, Place::Apart),
        row("memmove, down", moves, Place::Above),
        row("memmove, up", moves, Place::Below),
        row(
            "memset",
            Pair::Fill([mem::ring3_memset, memset]),
            Place::Apart,
        ),
        row(
            "memcmp",
            Pair::Compare([mem::ring3_memcmp, memcmp]),
            Place::Apart,
        ),
        row("bcmp", Pair::Compare([mem::ring3_bcmp, bcmp]), Place::Apart),
        row(
            "strlen",
            Pair::Length([mem::ring3_strlen, strlen]),
            Place::Apart,
        ),
    ];

    let mut buffers = [vec![b'x'; (1 << 20) + 8192], vec![b'x'; (1 << 20) + 8192]];
    let mut slow = 0;
    println!(
        "{:<14} {:>8} {:>5}  {:>10} {:>10}  ratio [quartiles]",
        "", "bytes", "off", "ring3 ns", "glibc ns"
    );
    for row in &rows {
        for size in SIZES {
            for off in [0, 1] {
                let [ours, theirs, ratio] = measure(row, &mut buffers, size, off);
                let is_slow = ratio[1] > LIMIT;
                slow += usize::from(is_slow);
                let mark = if is_slow { "  SLOW" } else { "" };
                println!(
                    "{:<14} {size:>8} {off:>5}  {:>10.1} {:>10.1}  {:.2} [{:.2} {:.2}]{mark}",
                    row.name, ours[1], theirs[1], ratio[1], ratio[0], ratio[2]
                );
            }
        }
    }
    println!("{slow} of {} above {LIMIT}", rows.len() * SIZES.len() * 2);
}

/// The quartiles of nanoseconds a call, ours and glibc's, and of the ratio of each round.
fn measure(row: &Row, buffers: &mut [Vec<u8>; 2], size: usize, off: usize) -> [[f64; 3]; 3] {
    let calls = (BYTES_A_TIMING / size).clamp(1, MAX_CALLS);
    let [first, second] = buffers;
    let aligned = |buffer: &mut Vec<u8>| {
        let start = buffer.as_mut_ptr();
        start.wrapping_add(start.align_offset(4096))
    };
    // `off` moves the side that is read, or the only one.
    let (dst, src) = match row.place {
        Place::Apart => (aligned(first), aligned(second).wrapping_add(off)),
        Place::Above => (aligned(first), aligned(first).wrapping_add(96 + off)),
        Place::Below => (aligned(first).wrapping_add(96 + off), aligned(first)),
    };
    // SAFETY: src has more than 4096 bytes behind the `size` that are used, its own alignment and
    // `off` included; the NUL ends the string for strlen and is taken back below.
    unsafe { src.add(size).write(0) };
    // SAFETY: both pointers have `size` bytes behind them, and a NUL follows src's.
    let time = |which| unsafe { nanoseconds(row.pair, which, dst, src, size, calls) };
    for which in [0, 1] {
        time(which); // warms caches and branch predictors
    }
    let rounds: Vec<[f64; 3]> = (0..ROUNDS)
        .map(|round| {
            // The first of the two changes, so that neither always finds the other's leavings.
            let mut nanoseconds = [0.0; 2];
            for which in [round % 2, 1 - round % 2] {
                nanoseconds[which] = time(which);
            }
            let [ours, theirs] = nanoseconds;
            [ours, theirs, ours / theirs]
        })
        .collect();
    // SAFETY: as above.
    unsafe { src.add(size).write(b'x') };
    [0, 1, 2].map(|column| {
        let mut values: Vec<f64> = rounds.iter().map(|round| round[column]).collect();
        values.sort_by(f64::total_cmp);
        [ROUNDS / 4, ROUNDS / 2, ROUNDS * 3 / 4].map(|at| values[at])
    })
}

/// Times `calls` calls of one function of the pair.
///
/// # Safety
///
/// `dst` and `src` are valid for `size` bytes, and a NUL follows those of `src`.
unsafe fn nanoseconds(
    pair: Pair,
    which: usize,
    dst: *mut u8,
    src: *mut u8,
    size: usize,
    calls: usize,
) -> f64 {
    let (dst, src): (*mut c_void, *mut c_void) = (dst.cast(), src.cast());
    // The pointers pass through black_box, so that no call is known to be memcpy and dropped.
    // SAFETY, of all four: the caller's promise.
    match black_box(pair) {
        Pair::Copy(f) => clock(calls, || unsafe { f[which](dst, src, size) }),
        Pair::Fill(f) => clock(calls, || unsafe { f[which](src, i32::from(b'x'), size) }),
        Pair::Compare(f) => clock(calls, || unsafe { f[which](dst, src, size) }),
        Pair::Length(f) => clock(calls, || unsafe { f[which](src.cast()) }),
    }
}

fn clock<T>(calls: usize, call: impl Fn() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(call());
    }
    start.elapsed().as_nanos() as f64 / calls as f64
}
