//! The inputs to sort. They are the same in every run.

use std::io::{Result, Write};

/// Writes random lines of 8 to 50 hexadecimal digits.
pub fn random(out: &mut dyn Write, lines: usize) -> Result<()> {
    let mut dice = Dice(1);
    for _ in 0..lines {
        let digits = [0; 4].map(|_| format!("{:016x}", dice.roll())).concat();
        writeln!(out, "{}", &digits[..8 + dice.roll() as usize % 43])?;
    }
    Ok(())
}

/// Writes random numbers of 12 digits with leading zeros, about `size` bytes in all.
pub fn numbers(out: &mut dyn Write, size: usize) -> Result<()> {
    lines(out, size, |dice| {
        format!("{:012}", dice.roll() % 1_000_000_000)
    })
}

/// Writes about `size` bytes of lines: up to a line more.
pub type Make = fn(&mut dyn Write, usize) -> Result<()>;

/// Special inputs, by name.
pub const SPECIAL: [(&str, Make); 8] = [
    ("empty lines", |out, size| lines(out, size, |_| "")),
    ("1 random letter", |out, size| {
        lines(out, size, |dice| dice.letters(1))
    }),
    ("2 random letters", |out, size| {
        lines(out, size, |dice| dice.letters(2))
    }),
    ("7 random letters", |out, size| {
        lines(out, size, |dice| dice.letters(7))
    }),
    ("equal lines of 1", |out, size| lines(out, size, |_| "x")),
    ("equal lines of 29", |out, size| {
        lines(out, size, |_| "the same line again and again")
    }),
    ("1000 x, and a number", |out, size| {
        let prefix = "x".repeat(1000);
        lines(out, size, |dice| format!("{prefix}{}", dice.roll()))
    }),
    ("one line", |out, size| lines(out, 1, |_| "x".repeat(size))),
];

/// Writes lines until there are at least `size` bytes.
fn lines<L: AsRef<[u8]>>(
    out: &mut dyn Write,
    size: usize,
    mut line: impl FnMut(&mut Dice) -> L,
) -> Result<()> {
    let mut dice = Dice(2);
    let mut written = 0;
    while written < size {
        let line = line(&mut dice);
        out.write_all(line.as_ref())?;
        out.write_all(b"\n")?;
        written += line.as_ref().len() + 1;
    }
    Ok(())
}

/// A random number generator: SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn letters(&mut self, count: usize) -> Vec<u8> {
        let roll = self.roll().to_le_bytes();
        roll[..count].iter().map(|byte| b'a' + byte % 26).collect()
    }
}
