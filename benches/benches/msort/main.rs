//! `msort` beside the real `sort`, and on inputs that sorting programs may be slow on.
//!
//! A round runs each once, whole processes from a file into a file, and yields ratios of this round's
//! times. The tables show the median of the rounds, the least and the most.

mod inputs;
mod run;

use std::fmt;
use std::path::PathBuf;

use inputs::{SPECIAL, random};
use run::{Folder, msort, sort};

/// How many random lines are sorted. The other inputs have as many bytes.
const LINES: usize = 6_000_000;
const ROUNDS: usize = 9;

/// Ratios, one a round.
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

/// An input that is not random.
struct Special {
    name: &'static str,
    file: PathBuf,
    /// Wall time over that of the random lines.
    wall: Ratios,
    /// Peak memory over the input.
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

    let [mut wall, mut cpu, mut peak, mut peak_of_sort]: [Ratios; 4] = Default::default();
    for _ in 0..ROUNDS {
        let ours = folder.run(&mut msort(&lines));
        let theirs = folder.run(&mut sort(&lines));
        wall.0.push(ours.wall / theirs.wall);
        cpu.0.push(ours.cpu / theirs.cpu);
        peak.0.push(ours.peak / size as f64);
        peak_of_sort.0.push(theirs.peak / size as f64);
        for special in &mut specials {
            let used = folder.run(&mut msort(&special.file));
            special.wall.0.push(used.wall / ours.wall);
            special.peak.0.push(used.peak / size as f64);
        }
    }

    println!("{LINES} random lines, {size} bytes; {ROUNDS} rounds: median [least, most]");
    println!("wall time / sort's        {wall}");
    println!("CPU time / sort's         {cpu}");
    println!("peak memory / input       {peak}");
    println!("sort's / input            {peak_of_sort}");
    println!();
    println!("as many bytes of          wall time / random    peak memory / input");
    for Special {
        name, wall, peak, ..
    } in specials
    {
        println!("{name:24}  {wall:20}  {peak}");
    }
}
