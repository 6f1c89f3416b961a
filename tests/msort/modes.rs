//! Tests of `-n` and `-s`, of `-c` and of `-m`, beside the real sort.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::inputs::random_lines;
use super::{by_shell, run_with};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, limit_memory, ran, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        does_as_sort_does,
        sorts_numbers,
        sorts_numbers_in_threads,
        checks,
        checks_no_more_than_it_must,
        tells_of_checks_it_cannot_make,
        a_check_without_memory_is_no_disorder,
        merges_long_inputs,
        merges_more_inputs_than_it_may_open,
        merges_inputs_larger_than_memory,
        merges_into_an_input,
        merges_standard_input_once,
        merges_what_has_come,
        tells_of_merges_it_cannot_make,
    ]
}

/// Texts that a comparison of numbers could take for another number.
const NUMBERS: [&str; 48] = [
    "",
    "0",
    "-0",
    "00",
    "1",
    "01",
    "-1",
    "10",
    "9",
    "2",
    "-2",
    ".5",
    "-.5",
    "0.5",
    "1.",
    "--1",
    "- 1",
    " 1",
    "\t1",
    "  -1",
    "1.0",
    "1.50",
    "1.5",
    "0.0",
    "-",
    ".",
    "-.",
    "1e3",
    "+1",
    "1,000",
    "a",
    "-a",
    "1a",
    "\0",
    "1\0",
    "\r1",
    "1 b",
    "0x10",
    "1..2",
    "1.2.3",
    "-00.10",
    "-.1",
    "99999999999999999999",
    "99999999999999999998",
    "-99999999999999999999",
    ".00000000000000000001",
    "-.00000000000000000001",
    "\u{b2}",
];

/// A line: a number, digits, or both.
fn line(random: &mut SmallRng) -> Vec<u8> {
    let text = |random: &mut SmallRng| {
        NUMBERS[random.random_range(0..NUMBERS.len())]
            .as_bytes()
            .to_vec()
    };
    match random.random_range(0..8) {
        0..4 => text(random),
        4..6 => {
            let length = random.random_range(0..6);
            (0..length)
                .map(|_| b"0123. -a"[random.random_range(0..8)])
                .collect()
        }
        6 => [text(random), text(random)].concat(),
        // As many digits as a key has, as two keys have, and as the count of a key can tell; one fewer and one more.
        _ => {
            let length = [13, 26, 255][random.random_range(0..3)] + random.random_range(0..3) - 1;
            let mut line = vec![b'7'; length];
            for _ in 0..random.random_range(0..3) {
                let place = length - 1 - random.random_range(0..length.min(30));
                line[place] = b"0.8"[random.random_range(0..3)];
            }
            if random.random_range(0..3) == 0 {
                line.insert(0, b'-');
            }
            line
        }
    }
}

/// A text of such lines. `end` ends each, except sometimes the last.
fn text(random: &mut SmallRng, end: u8) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..[0, 1, 2, 3, 10, 100][random.random_range(0..6)] {
        let mut line = line(random);
        match end {
            b'\n' => {}
            _ => line
                .iter_mut()
                .for_each(|byte| *byte = if *byte == 0 { b'\n' } else { *byte }),
        }
        text.extend(line);
        text.push(end);
    }
    if random.random_range(0..3) == 0 {
        text.pop();
    }
    text
}

/// All combinations of the options that make an order.
fn orders() -> impl Iterator<Item = Vec<&'static str>> {
    (0..32).map(|set| {
        let options = ["-n", "-r", "-s", "-u", "-z"].into_iter().enumerate();
        options
            .filter(|(bit, _)| set >> bit & 1 == 1)
            .map(|(_, option)| option)
            .collect()
    })
}

impl Folder {
    /// Checks that `msort` prints the same as sort, and has the same exit status.
    fn compare_all(&self, arch: Arch, arguments: &[&str], input: &[u8]) {
        let mut sort = Command::new("sort");
        sort.args(arguments)
            .current_dir(self.root())
            .env("LC_ALL", "C");
        let expected = run_with(&mut sort, input);
        let output = run_with(&mut self.msort(arch, arguments), input);
        assert!(
            output.stdout == expected.stdout && output.status.code() == expected.status.code(),
            "{arguments:?}: {:?}, not {:?}",
            ran(output),
            ran(expected)
        );
        let place = |stderr: &[u8]| {
            let text = String::from_utf8_lossy(stderr).into_owned();
            text.split_once(": disorder: ")
                .map(|(place, _)| place.to_owned())
        };
        let expected = place(&expected.stderr).map(|place| place.replacen("sort", "msort", 1));
        assert_eq!(place(&output.stderr), expected, "{arguments:?}");
    }
}

/// Each order, with small random inputs: sorted, checked and merged.
fn does_as_sort_does(arch: Arch) {
    may_take(LONG);
    let rounds = if arch.is_native() { 12 } else { 2 };
    let mut random = SmallRng::seed_from_u64(30);
    for order in orders() {
        let end = if order.contains(&"-z") { 0 } else { b'\n' };
        for round in 0..rounds {
            let names = &["a", "-", "b", "c", "d"][..random.random_range(1..=5)];
            let folder = Folder::new();
            for name in ["a", "b", "c", "d"] {
                fs::write(folder.path(name), text(&mut random, end)).unwrap();
            }
            let input = text(&mut random, end);
            folder.compare_all(arch, &[&order[..], names].concat(), &input);
            // Inputs that are sorted are in order, and can be merged. Every second input lacks its last terminator.
            folder.compare_all(arch, &[&order[..], &["-c", "a"]].concat(), b"");
            folder.compare_all(arch, &[&order[..], &["-C"]].concat(), &input);
            for name in ["a", "b", "c", "d"] {
                let mut sorted = folder.sort(&[&order[..], &[name]].concat(), b"");
                if round % 2 == 1 {
                    sorted.pop();
                }
                fs::write(folder.path(name), sorted).unwrap();
            }
            let input = folder.sort(&order, &input);
            folder.compare_all(arch, &[&order[..], &["-c", "a"]].concat(), b"");
            folder.compare_all(arch, &[&order[..], &["-m"], names].concat(), &input);
            let expected = folder.sort(&[&order[..], names].concat(), &input);
            let arguments = [&order[..], &["-m", "-o", "a"], names].concat();
            let ended = ran(run_with(&mut folder.msort(arch, &arguments), &input));
            assert_eq!(ended, Ran::new(0, "", ""), "{arguments:?}");
            assert!(folder.read("a") == expected, "{arguments:?}");
        }
    }
}

/// Lines with numbers, by the name of their kind.
fn numbers(kind: &str, count: u64) -> Vec<u8> {
    let mut random = SmallRng::seed_from_u64(31);
    let mut line = |n: u64| match kind {
        "random" => random.random::<i32>().to_string(),
        "fractions" => (random.random::<f64>() - 0.5).to_string(),
        "counts" => format!("{:7} {:x}", random.random_range(0..9), n * 77_777),
        "one number" => format!("{:01$} {2}", 5, 1 + n as usize % 7, n * 7919 % 1000),
        // More digits than a key has, in most of which the numbers agree.
        "times" => (1_700_000_000_000_000_000 + n * 7919 % 1_000_003).to_string(),
        "digits" => {
            let zeros = "0".repeat(n as usize % 3);
            format!("-{}{:07}.5{zeros}", "1".repeat(40), n * 7919 % 1009)
        }
        "lengths" => "8".repeat(n as usize * 7919 % 600),
        "sorted" => n.to_string(),
        "reversed" => (count - n).to_string(),
        _ => format!("line {}", n * 7919 % 1009),
    };
    let lines = (0..count).map(|n| line(n) + "\n");
    lines.collect::<String>().into_bytes()
}

fn sorts_numbers(arch: Arch) {
    may_take(LONG);
    let folder = Folder::new();
    for kind in [
        "random",
        "fractions",
        "counts",
        "one number",
        "times",
        "digits",
        "lengths",
        "sorted",
        "reversed",
        "no numbers",
    ] {
        fs::write(folder.path(kind), numbers(kind, 3000)).unwrap();
        for order in ["-n", "-nr", "-ns", "-nrs", "-nu", "-nru"] {
            folder.compare(arch, &[order, kind], b"");
        }
    }
    // Numbers that are longer than any buffer.
    let ones = "1".repeat(1 << 20);
    let long = format!("{ones}\n-{ones}\n{ones}.1\n{ones}");
    folder.compare(arch, &["-n"], long.as_bytes());
}

fn sorts_numbers_in_threads(arch: Arch) {
    may_take(LONG);
    let folder = Folder::new();
    for (kind, count) in [("random", 300_000), ("counts", 200_000), ("times", 150_000)] {
        fs::write(folder.path(kind), numbers(kind, count)).unwrap();
        for order in ["-n", "-nrs", "-nru"] {
            folder.compare(arch, &[order, kind], b"");
        }
    }
}

fn checks(arch: Arch) {
    let long = "x".repeat(300_000);
    let folder = Folder::with(&[
        ("sorted", b"a\nb\nb\n"),
        ("empty", b""),
        ("open", b"b\na"),
        ("zeros", b"b\0a\nc\0"),
        ("control\n", b"a\n\x1b[1m\t\xff\n"),
        ("long", format!("{long}y\n{long}\n").as_bytes()),
    ]);
    for (arguments, told) in [
        (&["sorted"][..], ""),
        (&["empty"], ""),
        (&["-m", "sorted"], ""),
        (&["-u", "sorted"], "sorted:3: disorder: b"),
        (&["-r", "sorted"], "sorted:2: disorder: b"),
        (&["open"], "open:2: disorder: a"),
        (&[], "-:2: disorder: 10"),
        (&["-n", "-"], "-:3: disorder: 9"),
        // A terminator in a line, control characters, and bytes that are not UTF-8 are escaped.
        (&["-z", "zeros"], "zeros:2: disorder: a\\x0ac"),
        (
            &["control\n"],
            "control\\x0a:2: disorder: \\x1b[1m\\x09\\xff",
        ),
        (&["long"], &format!("long:2: disorder: {long}")),
    ] {
        let status = if told.is_empty() { 0 } else { 1 };
        let told = match told {
            "" => String::new(),
            told => format!("msort: {told}\n"),
        };
        for (option, told) in [("-c", &*told), ("--check", &*told), ("-C", "")] {
            let arguments = [&[option], arguments].concat();
            let output = run_with(&mut folder.msort(arch, &arguments), b"2\n10\n9\n");
            assert_eq!(ran(output), Ran::new(status, "", told), "{arguments:?}");
        }
    }
}

/// The lines after the first disorder are not read: the input has no end.
fn checks_no_more_than_it_must(arch: Arch) {
    let folder = Folder::new();
    let mut child = folder
        .msort(arch, &["-c"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(b"b\na\n").unwrap();
    let mut told = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert_eq!(told, "msort: -:2: disorder: a\n");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// Exit status 1 means disorder alone.
fn tells_of_checks_it_cannot_make(arch: Arch) {
    let folder = Folder::with(&[("a", b"b\na\n"), ("b", b"")]);
    for (arguments, message) in [
        (&["-c", "a", "b"][..], "extra operand b with -c"),
        (&["-C", "a", "b\n", "c"], "extra operand b\\x0a with -C"),
        (&["-c", "-o", "b", "a"], "-c and -o are incompatible"),
        (&["-o", "b", "-C"], "-C and -o are incompatible"),
        (&["-cC"], "-c and -C are incompatible"),
    ] {
        let ran = run(&mut folder.msort(arch, arguments));
        assert_eq!(ran, Ran::misused("msort", message));
    }
    for option in ["-c", "-C"] {
        for (script, message) in [
            (
                "exec \"$@\" missing",
                "open missing: No such file or directory (ENOENT)",
            ),
            ("exec \"$@\" .", "read .: Is a directory (EISDIR)"),
            ("exec \"$@\" <&-", "read stdin: Bad file descriptor (EBADF)"),
        ] {
            let ran = run(&mut by_shell(script, &folder.msort(arch, &[option])));
            assert_eq!(
                ran,
                Ran::new(2, "", &format!("msort: {message}\n")),
                "{script}"
            );
        }
    }
    assert_eq!(folder.read("b"), b"");
}

/// Inputs of many buffers, and lines that are longer than a buffer.
fn merges_long_inputs(arch: Arch) {
    may_take(LONG);
    let folder = Folder::new();
    let sorted = |name: &str, text: &[u8], order: &str| {
        fs::write(folder.path(name), folder.sort(&[order], text)).unwrap();
    };
    for (order, bytes) in [
        ("-s", &b"0123456789abcdef"[..]),
        ("-r", b"ab"),
        ("-nr", b"0123456789 "),
        ("-nus", b"0123"),
    ] {
        let mut names = Vec::new();
        for n in 0..13_u64 {
            let (count, longest) = [(5000, 60), (3, 400_000), (3000, 4), (1, 2)][n as usize % 4];
            let name = format!("{n}");
            sorted(
                &name,
                &random_lines(40 + n, count, 0..longest, bytes),
                order,
            );
            names.push(name);
        }
        // Two of the inputs are the same.
        names.push("0".to_owned());
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        folder.compare(arch, &[&["-m", order], &names[..]].concat(), b"");
        folder.compare(arch, &[&["-m", order], &names[..2]].concat(), b"");
        folder.compare(arch, &[&["-m", order], &names[1..2]].concat(), b"");
        let (_, first) = names.split_first().unwrap();
        let input = folder.read("0");
        folder.compare(arch, &[&["-m", order, "-"], first].concat(), &input);
    }
}

fn merges_more_inputs_than_it_may_open(arch: Arch) {
    let folder = Folder::with(&[("a", b"a\nb\n")]);
    let command = folder.msort(arch, &[&["-m"], &["a"; 100][..]].concat());
    let expected = ["a\n".repeat(100), "b\n".repeat(100)].concat();
    // The first limit can be raised, the second can't.
    for limit in ["ulimit -S -n 16; exec \"$@\"", "ulimit -n 16; exec \"$@\""] {
        let ran = ran(run_with(&mut by_shell(limit, &command), b""));
        assert_eq!(ran, Ran::new(0, &expected, ""), "{limit}");
    }
}

fn merges_inputs_larger_than_memory(arch: Arch) -> Completion {
    may_take(LONG);
    if !arch.is_native() {
        return Completion::ignored_with(skip::MEMORY);
    }
    let folder = Folder::new();
    for (name, step) in [("a", 2), ("b", 3)] {
        let lines: String = (0..1_200_000)
            .map(|n| format!("{:016}\n", n * step))
            .collect();
        fs::write(folder.path(name), lines).unwrap();
    }
    for order in ["-m", "-mn"] {
        let mut command = folder.msort(arch, &[order, "a", "b", "-o", "output"]);
        limit_memory(arch, &mut command, 16 << 20);
        assert_eq!(run(&mut command), Ran::new(0, "", ""));
        assert!(folder.read("output") == folder.sort(&[order, "a", "b"], b""));
    }
    let mut command = folder.msort(arch, &["-c", "output"]);
    limit_memory(arch, &mut command, 16 << 20);
    assert_eq!(run(&mut command), Ran::new(0, "", ""));
    // A line that does not fit into memory.
    fs::write(folder.path("a"), vec![b'x'; 20 << 20]).unwrap();
    let mut command = folder.msort(arch, &["-m", "b", "a", "-o", "output"]);
    limit_memory(arch, &mut command, 16 << 20);
    let told = "msort: read a: Cannot allocate memory (ENOMEM)\n";
    assert_eq!(run(&mut command), Ran::new(1, "", told));
    Completion::Completed
}

/// The output is one of the inputs: replaced, written in place, and appended to.
fn merges_into_an_input(arch: Arch) {
    may_take(LONG);
    let lines = |step: u32| {
        (0..40_000)
            .map(|n| format!("{:07}\n", n * step))
            .collect::<String>()
            .into_bytes()
    };
    let (a, b) = (lines(2), lines(3));
    let folder = Folder::with(&[]);
    let fill = || {
        fs::write(folder.path("a"), &a).unwrap();
        fs::write(folder.path("b"), &b).unwrap();
    };
    fill();
    let expected = folder.sort(&["-m", "a", "b"], b"");
    for script in [
        "exec \"$@\" -o a",
        "exec \"$@\" -o b --no-sync",
        "exec \"$@\" -o b --in-place",
        "exec \"$@\" -o /dev/stdout 1<>b",
        "exec \"$@\" 1<>a",
        "exec \"$@\" -o /dev/fd/3 3<>a",
    ] {
        fill();
        // Without the limit, an output that is read again would grow until the disk is full.
        let ran = run(&mut by_shell(
            &format!("ulimit -f 4096; {script}"),
            &folder.msort(arch, &["-m", "a", "b"]),
        ));
        assert_eq!(ran, Ran::new(0, "", ""), "{script}");
        let (output, kept) = if script.contains(" b") || script.contains(">b") {
            ("b", &a)
        } else {
            ("a", &b)
        };
        assert!(folder.read(output) == expected, "{script}");
        assert!(
            folder.read(if output == "a" { "b" } else { "a" }) == *kept,
            "{script}"
        );
    }
    for script in [
        "exec \"$@\" <a >>a",
        "exec \"$@\" -o /dev/fd/3 <a 3>>a",
        "exec \"$@\" -o /dev/stderr <a 2>>a",
    ] {
        fill();
        let ran = run(&mut by_shell(
            &format!("ulimit -f 4096; {script}"),
            &folder.msort(arch, &["-m", "-", "b"]),
        ));
        assert_eq!(ran, Ran::new(0, "", ""), "{script}");
        assert!(folder.read("a") == [&a[..], &expected].concat(), "{script}");
    }
    assert_eq!(folder.names(), ["a", "b"]);
}

fn merges_standard_input_once(arch: Arch) {
    let folder = Folder::with(&[("a", b"b\n")]);
    let input = random_lines(60, 100_000, 5..6, b"c");
    let output = run_with(&mut folder.msort(arch, &["-m", "-", "a", "-", "-"]), &input);
    assert!(output.status.success() && output.stdout == [b"b\n", &input[..]].concat());
    assert_eq!(
        ran(run_with(&mut folder.msort(arch, &["-m"]), b"a\nb")),
        Ran::new(0, "a\nb\n", "")
    );
}

/// Exit status 1 means that the input is not sorted, so no error may have this status.
fn a_check_without_memory_is_no_disorder(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let folder = Folder::with(&[("sorted", b"a\nb\n")]);
    for (option, nth) in ["-c", "-C"]
        .into_iter()
        .flat_map(|option| (1..=3).map(move |nth| (option, nth)))
    {
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null"]);
        // The second name is that of 32 bits.
        strace.arg(format!("--inject=mmap,?mmap2:error=ENOMEM:when={nth}+"));
        strace.arg(arch.shipped("msort")).args([option, "sorted"]);
        let ran = run(strace.current_dir(folder.root()));
        assert_eq!((ran.status, &*ran.stdout), (Some(2), ""), "{option} {nth}");
        assert!(
            ran.stderr.ends_with(": Cannot allocate memory (ENOMEM)\n"),
            "{ran:?}"
        );
    }
    Completion::Completed
}

/// All inputs are opened before the first is read, and a line does not wait for the end of its input.
fn merges_what_has_come(arch: Arch) {
    let folder = Folder::new();
    for name in ["a", "b"] {
        let made = Command::new("mkfifo").arg(folder.path(name)).status();
        assert!(made.unwrap().success());
    }
    let child = folder
        .msort(arch, &["-m", "a", "b"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let open = |name| {
        fs::File::options()
            .write(true)
            .open(folder.path(name))
            .unwrap()
    };
    let (mut a, mut b) = (open("a"), open("b"));
    let mut random = SmallRng::seed_from_u64(61);
    let mut expected = Vec::new();
    for n in 0..3000 {
        let line = format!("{n:010} a line\n");
        let (begin, end) = line.as_bytes().split_at(random.random_range(0..line.len()));
        let file = if random.random() { &mut a } else { &mut b };
        file.write_all(begin).unwrap();
        file.write_all(end).unwrap();
        expected.extend(line.into_bytes());
    }
    drop((a, b));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout == expected);
}

fn tells_of_merges_it_cannot_make(arch: Arch) {
    may_take(LONG);
    let text = random_lines(62, 50_000, 7..8, b"a");
    let folder = Folder::with(&[("a", &text), ("b", b"a\n"), ("output", b"old")]);
    for (script, message) in [
        (
            "exec \"$@\" missing",
            "open missing: No such file or directory (ENOENT)",
        ),
        (
            "exec \"$@\" -o output missing",
            "open missing: No such file or directory (ENOENT)",
        ),
        ("exec \"$@\" -o output .", "read .: Is a directory (EISDIR)"),
        // The first input must not be read as standard input, and the new file must not get the message.
        (
            "exec \"$@\" -o output - <&-",
            "read stdin: Bad file descriptor (EBADF)",
        ),
        (
            "exec \"$@\" >/dev/full",
            "write stdout: No space left on device (ENOSPC)",
        ),
        (
            "exec \"$@\" -o /dev/full",
            "write /dev/full: No space left on device (ENOSPC)",
        ),
        (
            "exec \"$@\" >&-",
            "write stdout: Bad file descriptor (EBADF)",
        ),
        (
            "ulimit -f 100; exec \"$@\" -o output",
            "write output: File too large (EFBIG)",
        ),
        (
            "exec \"$@\" -o missing/x",
            "open missing/x: No such file or directory (ENOENT)",
        ),
    ] {
        let ran = run(&mut by_shell(
            script,
            &folder.msort(arch, &["-m", "a", "b"]),
        ));
        assert_eq!(
            ran,
            Ran::new(1, "", &format!("msort: {message}\n")),
            "{script}"
        );
    }
    for (arguments, message) in [
        (&["-m", "."][..], "read .: Is a directory (EISDIR)"),
        (
            &["-m", "-o", "output", "/proc/self/mem"],
            "read /proc/self/mem: Input/output error (EIO)",
        ),
    ] {
        let ran = run(&mut folder.msort(arch, arguments));
        assert_eq!(ran, Ran::new(1, "", &format!("msort: {message}\n")));
    }
    let script = "exec \"$@\" <&-";
    let ran_alone = run(&mut by_shell(
        script,
        &folder.msort(arch, &["-m", "-o", "output"]),
    ));
    assert_eq!(
        ran_alone,
        Ran::new(1, "", "msort: read stdin: Bad file descriptor (EBADF)\n")
    );
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = folder.msort(arch, &["-m", "a", "b"]);
    let child = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = "msort: write stdout: Broken pipe (EPIPE)\n";
    assert_eq!(
        ran(child.wait_with_output().unwrap()),
        Ran::new(1, "", told)
    );
    assert_eq!(folder.read("output"), b"old");
    assert_eq!(folder.names(), ["a", "b", "output"]);
}
