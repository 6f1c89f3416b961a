//! Compares ring3's memory functions with glibc's, in the same run.
//!
//! A round times both functions, one right after the other, and gives one ratio. The table shows the median of the
//! rounds and their quartiles. Ratios are stable even on a machine whose speed varies. SLOW marks a median above
//! [`LIMIT`].

use ring3::arch::{self, mem};
use std::{
    ffi::{c_char, c_int, c_ulong, c_void},
    hint::black_box,
    time::Instant,
};

/// The greatest ratio to glibc's time that is not marked.
const LIMIT: f64 = 1.5;
const SIZES: [usize; 4] = [64, 1 << 10, 64 << 10, 1 << 20];
const ROUNDS: usize = 41;
/// How many bytes the calls of one timing process in all, so that it takes at least tens of microseconds.
const BYTES_A_TIMING: usize = 4 << 20;
/// The most calls in one timing. For small sizes, this is the limit, and not the bytes.
const MAX_CALLS: usize = 10_000;

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

/// One function: ring3's version, and glibc's.
#[derive(Clone, Copy)]
enum Pair {
    Copy([self::Copy; 2]),
    Fill([Fill; 2]),
    Compare([Compare; 2]),
    Length([Length; 2]),
}

/// A row of the table: the functions, and the position of the bytes that they read.
struct Row {
    name: &'static str,
    pair: Pair,
    place: Place,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In another buffer than `dst`.
    Apart,
    /// A little above `dst`, so that a copy must run upwards.
    Above,
    /// A little below `dst`, so that a copy must run downwards.
    Below,
}

fn main() {
    // SAFETY: getauxval takes a number, and reads this process's own auxiliary vector.
    let value = |key| unsafe { getauxval(key as c_ulong) } as usize;
    // SAFETY: getauxval returns the kernel's values.
    unsafe { arch::choose(|key| Some(value(key)).filter(|&value| value != 0)) };

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

/// Measures one row at one size. Returns the quartiles of three values: nanoseconds of a call of ring3's function, of
/// glibc's, and the ratio in each round.
fn measure(row: &Row, buffers: &mut [Vec<u8>; 2], size: usize, off: usize) -> [[f64; 3]; 3] {
    let calls = (BYTES_A_TIMING / size).clamp(1, MAX_CALLS);
    let [first, second] = buffers;
    let aligned = |buffer: &mut Vec<u8>| {
        let start = buffer.as_mut_ptr();
        start.wrapping_add(start.align_offset(4096))
    };
    // `off` misaligns the operand that is read, or the only operand.
    let (dst, src) = match row.place {
        Place::Apart => (aligned(first), aligned(second).wrapping_add(off)),
        Place::Above => (aligned(first), aligned(first).wrapping_add(96 + off)),
        Place::Below => (aligned(first).wrapping_add(96 + off), aligned(first)),
    };
    // A NUL ends the string for strlen. It is removed below.
    // SAFETY: `src` is at most 4095 (alignment) + 97 (offset) bytes into a buffer, and the buffer is 8192 bytes longer
    // than the largest `size`. So `src + size` is in the buffer. `buffers` is borrowed mutably, and no reference into
    // the buffers exists while these pointers are used.
    unsafe { src.add(size).write(0) };
    // SAFETY: as above, `size` bytes from `dst` and from `src` on are in the buffers; the NUL is at `src + size`. `dst`
    // and `src` overlap only for `Above` and `Below`, which no row with memcpy has.
    let time = |which| unsafe { nanoseconds(row.pair, which, dst, src, size, calls) };
    for which in [0, 1] {
        time(which); // warms caches and branch predictors
    }
    let rounds: Vec<[f64; 3]> = (0..ROUNDS)
        .map(|round| {
            // The two functions alternate in being first, so that none of them always finds the cache as the other
            // left it.
            let mut nanoseconds = [0.0; 2];
            for which in [round % 2, 1 - round % 2] {
                nanoseconds[which] = time(which);
            }
            let [ours, theirs] = nanoseconds;
            [ours, theirs, ours / theirs]
        })
        .collect();
    // SAFETY: as above, `src + size` is in the buffer.
    unsafe { src.add(size).write(b'x') };
    [0, 1, 2].map(|column| {
        let mut values: Vec<f64> = rounds.iter().map(|round| round[column]).collect();
        values.sort_by(f64::total_cmp);
        [ROUNDS / 4, ROUNDS / 2, ROUNDS * 3 / 4].map(|at| values[at])
    })
}

/// Times `calls` calls of one function of the pair. Returns the nanoseconds of one call.
///
/// # Safety
///
/// `dst` and `src` must be valid for reads and writes of `size` bytes, and a NUL must be at `src + size`. For memcpy,
/// the two ranges must not overlap.
unsafe fn nanoseconds(
    pair: Pair,
    which: usize,
    dst: *mut u8,
    src: *mut u8,
    size: usize,
    calls: usize,
) -> f64 {
    let (dst, src): (*mut c_void, *mut c_void) = (dst.cast(), src.cast());
    // The function pointers pass through `black_box`. Otherwise the compiler could recognize a call of memcpy, and drop
    // it.
    // SAFETY: for all four calls, the caller has promised that the ranges are valid and the string ends with a NUL.
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
