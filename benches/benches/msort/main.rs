//! Compares `msort` with coreutils' `sort`, and measures it on inputs that can make a sorting program slow.
//!
//! A round runs each program once on each input, as a process that reads a file and writes a file, and gives the ratios
//! of this round's times. The tables show the median of the rounds, the least and the greatest.

mod inputs;
mod run;

use std::fmt;
use std::path::PathBuf;

use inputs::{SPECIAL, numbers, random};
use run::{Folder, msort, sort};

/// The number of random lines. The other inputs have as many bytes as these lines.
const LINES: usize = 6_000_000;
const ROUNDS: usize = 9;

/// One ratio for each round. Prints as `median [least, greatest]`.
#[derive(Default)]
struct Ratios(Vec<f64>);

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ratios = self.0.clone();
        ratios.sort_by(f64::total_cmp);
        let [least, median, most] = [0, ratios.len() / 2, ratios.len() - 1].map(|i| ratios[i]);
        f.pad(&format!("{median:.2} [{least:.2}, {most:.2}]"))
    }
}

/// A special input, which only `msort` sorts.
struct Special {
    name: &'static str,
    file: PathBuf,
    /// Wall time divided by that of the random lines in the same round.
    wall: Ratios,
    /// Peak memory divided by the size of the input.
    peak: Ratios,
}

impl Special {
    fn new(name: &'static str, file: PathBuf) -> Self {
        let [wall, peak] = Default::default();
        Self {
            name,
            file,
            wall,
            peak,
        }
    }
}

/// An input that both programs sort, and the ratios of `msort` to `sort`.
struct Pair<'a> {
    name: &'static str,
    file: &'a PathBuf,
    wall: Ratios,
    cpu: Ratios,
    peak: Ratios,
    peak_of_sort: Ratios,
}

impl<'a> Pair<'a> {
    fn new((name, file): (&'static str, &'a PathBuf)) -> Self {
        let [wall, cpu, peak, peak_of_sort] = Default::default();
        Self {
            name,
            file,
            wall,
            cpu,
            peak,
            peak_of_sort,
        }
    }

    /// Runs a round. Returns the wall time of `msort`.
    fn run(&mut self, folder: &Folder) -> f64 {
        let size = self.file.metadata().unwrap().len() as f64;
        let ours = folder.run(&mut msort(self.file));
        let theirs = folder.run(&mut sort(self.file));
        self.wall.0.push(ours.wall / theirs.wall);
        self.cpu.0.push(ours.cpu / theirs.cpu);
        self.peak.0.push(ours.peak / size);
        self.peak_of_sort.0.push(theirs.peak / size);
        ours.wall
    }
}

fn main() {
    let folder = Folder::new();
    let lines = folder.file("random", |out| random(out, LINES));
    let size = lines.metadata().unwrap().len() as usize;
    let mut specials: Vec<_> = SPECIAL
        .into_iter()
        .map(|(name, write)| Special::new(name, folder.file(name, |out| write(out, size))))
        .collect();
    for (name, options) in [("sorted", &[][..]), ("reversed", &["-r"])] {
        let file = folder.output(name, sort(&lines).args(options));
        specials.push(Special::new(name, file));
    }

    // Both programs sort the random lines, and numbers of equal length.
    let numbers = folder.file("numbers", |out| numbers(out, size));
    let mut pairs = [("random lines", &lines), ("zero-padded numbers", &numbers)].map(Pair::new);
    for _ in 0..ROUNDS {
        let random = pairs.each_mut().map(|pair| pair.run(&folder))[0];
        for special in &mut specials {
            let used = folder.run(&mut msort(&special.file));
            special.wall.0.push(used.wall / random);
            special.peak.0.push(used.peak / size as f64);
        }
    }

    println!("{LINES} random lines, {size} bytes; {ROUNDS} rounds: median [least, most]");
    println!(
        "{:24}  wall time / sort's     CPU time / sort's      peak memory / input    sort's / input",
        ""
    );
    for Pair {
        name,
        wall,
        cpu,
        peak,
        peak_of_sort,
        ..
    } in pairs
    {
        println!("{name:24}  {wall:21}  {cpu:21}  {peak:21}  {peak_of_sort}");
    }
    println!();
    println!("as many bytes of          wall time / random    peak memory / input");
    for Special {
        name, wall, peak, ..
    } in specials
    {
        println!("{name:24}  {wall:20}  {peak}");
    }
}
