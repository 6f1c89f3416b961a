//! Tests of `msort`: it prints exactly what `LC_ALL=C sort` prints. It reports every failure, and then leaves the
//! output file unchanged.

mod inputs;
mod modes;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use libtest_mimic::{Completion, Trial};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::per_arch;
use crate::save::on_a_small_disk;
use crate::skip;
use crate::support::{Arch, Folder, Ran, limit_memory, once, ran, run};
use crate::trial::{LONG, may_take};
pub use inputs::shared_inputs;
use inputs::{each_in_the_next, inputs, random_lines};

pub fn trials() -> Vec<Trial> {
    per_arch![
        sorts_as_sort_does,
        sorts_in_threads,
        sorts_in_a_thread_for_each_cpu,
        sorts_where_no_thread_can_be_had,
        sorts_on_a_small_stack,
        reads_options_as_sort_does,
        reads_several_inputs,
        reads_a_pipe_piece_by_piece,
        replaces_a_file,
        replaces_its_own_input,
        replaces_an_input_that_changes,
        replaces_what_a_link_leads_to,
        leaves_the_output_where_an_input_fails,
        leaves_the_output_where_its_room_ends,
        leaves_the_output_where_memory_ends,
        uses_the_memory_there_is,
        reports_inputs_it_cannot_read,
        looks_at_all_inputs_first,
        reads_more_inputs_than_it_may_open,
        writes_in_place,
        writes_over_a_mount_point,
        reports_outputs_it_cannot_create,
        combines_all_options,
        reports_failed_writes,
        reports_wrong_usage,
    ]
    .chain(modes::trials())
    .chain([
        once(
            "msort::syncs_except_with_no_sync",
            syncs_except_with_no_sync,
        ),
        once(
            "msort::writes_nothing_after_a_failed_write",
            writes_nothing_after_a_failed_write,
        ),
    ])
    .collect()
}

/// The options of every way to sort.
const WAYS: [&[&str]; 8] = [
    &[],
    &["-r"],
    &["-u"],
    &["-z"],
    &["-ru"],
    &["-rz"],
    &["-uz"],
    &["-ruz"],
];

impl Folder {
    /// A folder with these files.
    fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = Self::new();
        for (name, content) in files {
            fs::write(folder.path(name), content).unwrap();
        }
        folder
    }

    fn msort(&self, arch: Arch, arguments: &[&str]) -> Command {
        let mut command = arch.program("msort");
        command.args(arguments).current_dir(self.root());
        command
    }

    /// The output of the real sort. If sort fails, the test itself is wrong.
    fn sort(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("sort");
        command
            .args(arguments)
            .current_dir(self.root())
            .env("LC_ALL", "C");
        let output = run_with(&mut command, input);
        assert!(
            output.status.success(),
            "sort {arguments:?}: {}",
            ran(output).stderr
        );
        output.stdout
    }

    /// Checks that `msort` prints the same as sort.
    fn compare(&self, arch: Arch, arguments: &[&str], input: &[u8]) {
        let expected = self.sort(arguments, input);
        let output = run_with(&mut self.msort(arch, arguments), input);
        // Not assert_eq!, which would print megabytes.
        if output.stdout != expected || !output.status.success() {
            let lengths = (output.stdout.len(), expected.len());
            let place = output
                .stdout
                .iter()
                .zip(&expected)
                .position(|(a, b)| a != b);
            let stderr = ran(output).stderr;
            panic!("msort {arguments:?}: lengths {lengths:?}, differs at {place:?}: {stderr}");
        }
    }
}

/// Runs a command to its end with `input` as standard input.
fn run_with(command: &mut Command, input: &[u8]) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // An error is ignored: if the program ended without reading all input, it reports the reason.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    })
}

fn sorts_as_sort_does(arch: Arch) {
    may_take(LONG);
    let folder = Folder::with(&[]);
    // Under qemu-user two of the ways for each input, other ones for the next.
    let step = if arch.is_native() { 1 } else { 4 };
    for (nth, (name, text)) in inputs().into_iter().enumerate() {
        fs::write(folder.path(name), text).unwrap();
        for way in WAYS.iter().skip(nth % step).step_by(step) {
            folder.compare(arch, &[way, &[name][..]].concat(), b"");
        }
    }
}

/// On all CPUs, and on one CPU.
fn sorts_in_threads(arch: Arch) {
    may_take(LONG);
    let folder = Folder::with(&[]);
    // Under qemu-user one of the ways for each input, another for the next.
    let step = if arch.is_native() { 1 } else { 3 };
    for (nth, (name, text)) in shared_inputs().into_iter().enumerate() {
        fs::write(folder.path(name), text).unwrap();
        let ways = [&[][..], &["-ru"], &["-uz"]];
        for way in ways.into_iter().skip(nth % step).step_by(step) {
            folder.compare(arch, &[way, &[name]].concat(), b"");
        }
        let script = "taskset -c 0 \"$@\"";
        let output = run_with(&mut by_shell(script, &folder.msort(arch, &[name])), b"");
        assert!(output.status.success() && output.stdout == folder.sort(&[name], b""));
    }
}

/// Checks that `msort` sorts correctly under strace with these injections. Returns how many threads it asked for.
fn threads_under_strace(arch: Arch, text: &[u8], injections: &str) -> usize {
    let folder = Folder::with(&[("input", text)]);
    let script =
        format!("strace -f -qq -o log -e trace=clone,sched_getaffinity {injections} \"$@\"");
    let output = run_with(&mut by_shell(&script, &folder.msort(arch, &["input"])), b"");
    assert!(output.status.success() && output.stdout == folder.sort(&["input"], b""));
    let log = String::from_utf8(folder.read("log")).unwrap();
    log.matches("clone(").count()
}

fn sorts_in_a_thread_for_each_cpu(arch: Arch) -> Completion {
    may_take(LONG);
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let text = random_lines(24, 320_000, 8..51, b"0123456789abcdef");
    for (mask, cpus) in [("01", 1), ("07", 3), ("ff", 8)] {
        let poke = format!("-e inject=sched_getaffinity:poke_exit=@arg3={mask}00000000000000");
        // One set of threads each for listing, sorting and writing.
        assert_eq!(threads_under_strace(arch, &text, &poke), 3 * (cpus - 1));
    }
    Completion::Completed
}

fn sorts_where_no_thread_can_be_had(arch: Arch) -> Completion {
    may_take(LONG);
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let text = random_lines(25, 200_000, 8..51, b"0123456789abcdef");
    let two = "-e inject=sched_getaffinity:poke_exit=@arg3=0300000000000000";
    let refused = format!("{two} -e inject=clone:error=EAGAIN");
    assert_eq!(threads_under_strace(arch, &text, &refused), 3);
    Completion::Completed
}

/// The depth of the recursion must not grow with the length of the lines.
fn sorts_on_a_small_stack(arch: Arch) {
    may_take(LONG);
    let folder = Folder::with(&[("input", &each_in_the_next())]);
    let expected = folder.sort(&["input"], b"");
    // The same limit natively and under qemu-user.
    let script = "ulimit -s 48; export QEMU_STACK_SIZE=49152; exec \"$@\"";
    let mut command = by_shell(script, &folder.msort(arch, &["input"]));
    let output = run_with(&mut command, b"");
    assert!(output.status.success() && output.stdout == expected);
}

fn reads_options_as_sort_does(arch: Arch) {
    let text = random_lines(8, 1000, 0..4, b"a\0b");
    let folder = Folder::with(&[("input", &text), ("-r", b"2\n1\n")]);
    for arguments in [
        &["-r", "-u", "-z", "input"][..],
        &["-rr", "-r", "input"],
        &["--reverse", "input"],
        &["--unique", "--zero-terminated", "input"],
        &["input", "-r"],
        &["-u", "input", "-r", "input"],
        &["--", "-r"],
        &["-u", "--", "-r", "input"],
        &["-"],
        &[],
    ] {
        folder.compare(arch, arguments, b"y\nx\ny");
    }
    let expected = folder.sort(&["-ru", "input"], b"");
    for arguments in [
        &["-ru", "-o", "output", "input"][..],
        &["-ru", "-ooutput", "input"],
        &["-ruooutput", "input"],
        &["-r", "input", "-uo", "output"],
        &["-ru", "--output=output", "input"],
        &["-ru", "--output", "output", "input"],
        &["-ru", "-o", "output", "-o", "output", "input"],
    ] {
        let ran = run(&mut folder.msort(arch, arguments));
        assert_eq!(ran, Ran::new(0, "", ""), "{arguments:?}");
        assert!(folder.read("output") == expected, "{arguments:?}");
        fs::remove_file(folder.path("output")).unwrap();
    }
}

/// If the last line of an input has no newline, it must not be joined with the first line of the next input.
fn reads_several_inputs(arch: Arch) {
    may_take(LONG);
    let folder = Folder::with(&[
        ("whole", b"c\na\n"),
        ("open", b"b\nd"),
        ("empty", b""),
        ("newline", b"\n"),
    ]);
    for way in WAYS {
        for files in [
            &["whole", "open"][..],
            &["open", "whole"],
            &["open", "empty", "open", "newline"],
            &["open", "-", "whole"],
            &["-", "open", "-"],
            &["empty", "empty"],
            // A file whose size is 0 but which has content.
            &["/proc/filesystems", "open"],
        ] {
            folder.compare(arch, &[way, files].concat(), b"e\n\nb");
        }
    }
}

fn reads_a_pipe_piece_by_piece(arch: Arch) {
    may_take(LONG);
    let folder = Folder::with(&[]);
    let text = random_lines(9, 50_000, 0..60, b"0123456789");
    let expected = folder.sort(&[], &text);
    let mut command = folder.msort(arch, &[]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut random = SmallRng::seed_from_u64(10);
    let mut rest = &text[..];
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.random_range(1..5000).min(rest.len()));
        stdin.write_all(piece).unwrap();
        rest = after;
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout == expected);
}

fn replaces_a_file(arch: Arch) {
    let folder = Folder::with(&[
        ("input", b"2\n1\n"),
        ("old", b"a longer text that was there\n"),
    ]);
    for name in ["old", "new"] {
        let ran = run(&mut folder.msort(arch, &["input", "-o", name]));
        assert_eq!(ran, Ran::new(0, "", ""));
        assert_eq!(folder.read(name), b"1\n2\n");
    }
    assert_eq!(folder.names(), ["input", "new", "old"]);
    // The output is a device to write to, not a file to replace.
    let ran = run(&mut folder.msort(arch, &["input", "-o", "/dev/stdout"]));
    assert_eq!(ran, Ran::new(0, "1\n2\n", ""));
}

fn replaces_its_own_input(arch: Arch) {
    may_take(LONG);
    let text = random_lines(11, 100_000, 0..40, b"0123456789");
    let folder = Folder::with(&[("file", &text), ("other", b"2\n1")]);
    for way in WAYS {
        fs::write(folder.path("file"), &text).unwrap();
        let arguments = [way, &["other", "file", "-o", "file"]].concat();
        let expected = folder.sort(&[way, &["other", "file"]].concat(), b"");
        assert_eq!(
            run(&mut folder.msort(arch, &arguments)),
            Ran::new(0, "", "")
        );
        assert!(folder.read("file") == expected, "{arguments:?}");
    }
    assert_eq!(folder.names(), ["file", "other"]);
}

/// Another process truncates the file or appends to it, at any moment. The bytes that `msort` has read are sorted.
fn replaces_an_input_that_changes(arch: Arch) {
    may_take(LONG);
    let text = random_lines(16, 200_000, 8..51, b"0123456789abcdef");
    let more = random_lines(17, 100_000, 8..51, b"0123456789abcdef");
    let whole = [&text[..], &more].concat();
    let folder = Folder::with(&[("file", &text)]);
    let mut random = SmallRng::seed_from_u64(18);
    let begin = Instant::now();
    assert!(run(&mut folder.msort(arch, &["file", "-o", "file"])).status == Some(0));
    let duration = begin.elapsed();
    for round in 0..20 {
        fs::write(folder.path("file"), &text).unwrap();
        let mut file = fs::File::options()
            .append(true)
            .open(folder.path("file"))
            .unwrap();
        let mut command = folder.msort(arch, &["file", "-o", "file"]);
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(duration.mul_f64(random.random()));
        match round % 2 {
            0 => file
                .set_len(random.random_range(0..text.len() as u64))
                .unwrap(),
            _ => file.write_all(&more).unwrap(),
        }
        assert_eq!(
            ran(child.wait_with_output().unwrap()),
            Ran::new(0, "", ""),
            "round {round}"
        );
        let output = folder.read("file");
        // The bytes that were read. The newline is new, if the file was cut within a line.
        let mut read = whole[..output.len()].to_vec();
        if let Some(last) = read.last_mut() {
            *last = b'\n';
        }
        let mut lines: Vec<_> = read.split_inclusive(|&byte| byte == b'\n').collect();
        lines.sort_unstable();
        assert!(output == lines.concat(), "round {round}");
    }
    assert_eq!(folder.names(), ["file"]);
}

fn replaces_what_a_link_leads_to(arch: Arch) {
    let folder = Folder::with(&[("file", b"2\n1\n")]);
    symlink("file", folder.path("link")).unwrap();
    assert_eq!(
        run(&mut folder.msort(arch, &["link", "-o", "link"])),
        Ran::new(0, "", "")
    );
    assert_eq!(folder.read("file"), b"1\n2\n");
    assert_eq!(
        fs::read_link(folder.path("link")).unwrap(),
        Path::new("file")
    );
    assert_eq!(folder.names(), ["file", "link"]);
}

/// Checks that a run prints `stderr` and exits with 1, and that `output` in its folder is untouched: it is the same
/// file, and there are no new files beside it.
fn assert_output_untouched(folder: &Folder, command: &mut Command, stderr: &str) {
    let before = (
        folder.names(),
        fs::metadata(folder.path("output")).unwrap().ino(),
    );
    assert_eq!(run(command), Ran::new(1, "", stderr));
    let after = (
        folder.names(),
        fs::metadata(folder.path("output")).unwrap().ino(),
    );
    assert_eq!(before, after);
    assert_eq!(folder.read("output"), b"old");
}

fn leaves_the_output_where_an_input_fails(arch: Arch) {
    let folder = Folder::with(&[("input", b"2\n1\n"), ("output", b"old")]);
    assert_output_untouched(
        &folder,
        &mut folder.msort(arch, &["-o", "output", "input", "missing"]),
        "msort: open missing: No such file or directory (ENOENT)\n",
    );
    assert_output_untouched(
        &folder,
        &mut folder.msort(arch, &["-o", "output", "input", "."]),
        "msort: read .: Is a directory (EISDIR)\n",
    );
    // The new file must not get descriptor 0, which `msort` would read as its input.
    assert_output_untouched(
        &folder,
        &mut by_shell("exec \"$@\" <&-", &folder.msort(arch, &["-o", "output"])),
        "msort: read stdin: Bad file descriptor (EBADF)\n",
    );
}

fn leaves_the_output_where_its_room_ends(arch: Arch) {
    let text = random_lines(13, 50_000, 0..20, b"ab");
    let folder = Folder::with(&[("input", &text), ("output", b"old")]);
    assert_output_untouched(
        &folder,
        &mut by_shell(
            "ulimit -f 100; exec \"$@\"",
            &folder.msort(arch, &["input", "-o", "output"]),
        ),
        "msort: write output: File too large (EFBIG)\n",
    );
}

fn leaves_the_output_where_memory_ends(arch: Arch) -> Completion {
    may_take(LONG);
    if arch.reserves_addresses() {
        return Completion::ignored_with(skip::UNLIMITED);
    }
    let text = vec![b'x'; 100 << 20];
    // There is memory for the text, but not for 16 more bytes for each line.
    let lines: String = (0..3_000_000).map(|n| format!("{n:07}\n")).collect();
    let folder = Folder::with(&[
        ("text", &text),
        ("lines", lines.as_bytes()),
        ("output", b"old"),
    ]);
    for (name, message) in [
        (
            "text",
            "msort: read text: Cannot allocate memory (ENOMEM)\n",
        ),
        (
            "lines",
            "msort: sort input: Cannot allocate memory (ENOMEM)\n",
        ),
    ] {
        let mut command = folder.msort(arch, &[name, "-o", "output"]);
        limit_memory(arch, &mut command, 64 << 20);
        assert_output_untouched(&folder, &mut command, message);
    }
    Completion::Completed
}

/// The buffer for a file is allocated with the file's size. For a pipe the buffer is doubled when more is needed. If
/// doubling fails, a smaller increase is tried.
fn uses_the_memory_there_is(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::MEMORY);
    }
    let text = [vec![b'x'; 40 << 20], b"\n".to_vec()].concat();
    let folder = Folder::with(&[("text", &text)]);
    for (name, limit) in [("text", 64 << 20), ("-", 96 << 20)] {
        let mut command = folder.msort(arch, &[name, "-o", "output"]);
        limit_memory(arch, &mut command, limit);
        let output = run_with(&mut command, &text);
        assert_eq!(ran(output), Ran::new(0, "", ""), "{name}");
        assert!(folder.read("output") == text, "{name}");
    }
    Completion::Completed
}

fn reports_inputs_it_cannot_read(arch: Arch) {
    let folder = Folder::with(&[("input", b"2\n1\n")]);
    for (arguments, stderr) in [
        (
            &["input", "missing"][..],
            "msort: open missing: No such file or directory (ENOENT)\n",
        ),
        (
            &["input/x"],
            "msort: open input/x: Not a directory (ENOTDIR)\n",
        ),
        (&[""], "msort: open : No such file or directory (ENOENT)\n"),
        (&["."], "msort: read .: Is a directory (EISDIR)\n"),
        (
            &["a\nb"],
            "msort: open a\\x0ab: No such file or directory (ENOENT)\n",
        ),
    ] {
        let ran = run(&mut folder.msort(arch, arguments));
        assert_eq!(ran, Ran::new(1, "", stderr));
    }
    let stderr = "msort: read stdin: Bad file descriptor (EBADF)\n";
    assert_eq!(
        run(&mut by_shell("exec \"$@\" <&-", &folder.msort(arch, &[]))),
        Ran::new(1, "", stderr)
    );
}

/// An error of an input is reported even if an earlier input is a FIFO without a writer.
fn looks_at_all_inputs_first(arch: Arch) {
    let folder = Folder::with(&[("a", b"b\na\n")]);
    let made = Command::new("mkfifo").arg(folder.path("fifo")).status();
    assert!(made.unwrap().success());
    for missing in [&["fifo", "missing"][..], &["a", "fifo", "-", "missing"]] {
        let ran = run(&mut folder.msort(arch, missing));
        let message = "msort: open missing: No such file or directory (ENOENT)\n";
        assert_eq!(ran, Ran::new(1, "", message));
    }
    let ran = run(&mut folder.msort(arch, &["fifo", "."]));
    let message = "msort: read .: Is a directory (EISDIR)\n";
    assert_eq!(ran, Ran::new(1, "", message));
    let fifo = folder.path("fifo");
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(fifo, "d\nc").unwrap());
        let ran = run(&mut folder.msort(arch, &["a", "fifo"]));
        assert_eq!(ran, Ran::new(0, "a\nb\nc\nd\n", ""));
    });
}

fn reads_more_inputs_than_it_may_open(arch: Arch) {
    let folder = Folder::with(&[("a", b"b\na\n")]);
    // qemu-user needs descriptors of its own.
    let command = folder.msort(arch, &["a"; 100]);
    let ran = ran(run_with(
        &mut by_shell("ulimit -n 16; exec \"$@\"", &command),
        b"",
    ));
    let expected = ["a\n".repeat(100), "b\n".repeat(100)].concat();
    assert_eq!(ran, Ran::new(0, &expected, ""));
}

fn writes_in_place(arch: Arch) {
    let folder = Folder::with(&[("a", b"b\na\n"), ("b", b"c\n")]);
    fs::hard_link(folder.path("a"), folder.path("same")).unwrap();
    let ran = run(&mut folder.msort(arch, &["-o", "a", "--in-place", "a", "b", "a"]));
    assert_eq!(ran, Ran::new(0, "", ""));
    assert_eq!(folder.read("same"), b"a\na\nb\nb\nc\n");
    let ran = run(&mut folder.msort(arch, &["-u", "-o", "a", "--in-place", "--no-sync", "a"]));
    assert_eq!(ran, Ran::new(0, "", ""));
    assert_eq!(folder.read("same"), b"a\nb\nc\n");
    assert_eq!(folder.names(), ["a", "b", "same"]);
}

/// Every combination of options, with an output that is new, old or an input, and with standard input among the inputs.
fn combines_all_options(arch: Arch) {
    may_take(LONG);
    let (a, input) = (&b"b\0x\nc\nb\0x\na"[..], &b"c\nd\0\nb"[..]);
    // Under qemu-user a run takes ten times as long, so only half of the ways run.
    let step = if arch.is_native() { 1 } else { 2 };
    for way in WAYS.into_iter().rev().step_by(step) {
        for files in [&["a"][..], &["-"], &["a", "-"], &[]] {
            let folder = Folder::with(&[("a", a)]);
            let expected = folder.sort(&[way, files].concat(), input);
            for more in [
                &[][..],
                &["--in-place"],
                &["--no-sync"],
                &["--in-place", "--no-sync"],
            ] {
                let arguments = [more, way, files].concat();
                let printed = run_with(&mut folder.msort(arch, &arguments), input);
                assert!(printed.stdout == expected && printed.status.success());

                let outputs: &[_] = match files {
                    ["a", "-"] => &["new", "old", "a"],
                    _ => &[],
                };
                for &output in outputs {
                    let folder = Folder::with(&[("a", a), ("old", a)]);
                    for name in ["a", "old"] {
                        folder.set_mode(name, 0o604);
                    }
                    let number = |name| fs::metadata(folder.path(name)).unwrap().ino();
                    let before = [number("a"), number("old")];
                    let arguments = [&["-o", output], &arguments[..]].concat();
                    let ended = run_with(&mut folder.msort(arch, &arguments), input);
                    assert_eq!(ran(ended), Ran::new(0, "", ""), "{arguments:?}");
                    assert_eq!(folder.read(output), expected, "{arguments:?}");
                    let kept = [number("a") == before[0], number("old") == before[1]];
                    let in_place = more.contains(&"--in-place");
                    let wanted = ["a", "old"].map(|name| name != output || in_place);
                    assert_eq!(kept, wanted, "{arguments:?}");
                    assert_eq!([folder.mode("a"), folder.mode("old")], [0o604; 2]);
                    let names: &[_] = match output {
                        "new" => &["a", "new", "old"],
                        _ => &["a", "old"],
                    };
                    assert_eq!(folder.names(), names, "{arguments:?}");
                }
            }
        }
    }
}

/// Of two writing threads, one write of one thread fails. The output must end there, and the error must be reported.
fn writes_nothing_after_a_failed_write() {
    may_take(LONG);
    let text = random_lines(26, 120_000, 8..51, b"0123456789abcdef");
    let folder = Folder::with(&[("input", &text)]);
    let expected = folder.sort(&["input"], b"");
    let mut failures = 0;
    for nth in 1..=4 {
        // Without -f, strace traces only the first thread.
        let script = format!(
            "strace -qq -o log -e trace=write,sched_getaffinity \
             -e inject=sched_getaffinity:poke_exit=@arg3=0300000000000000 \
             -e inject=write:error=ENOSPC:when={nth} \"$@\" >output"
        );
        let ran = run(&mut by_shell(
            &script,
            &folder.msort(Arch::NATIVE, &["input"]),
        ));
        let log = String::from_utf8(folder.read("log")).unwrap();
        let output = folder.read("output");
        // The number of writes of a thread depends on the other thread.
        if log.contains("(INJECTED)") {
            failures += 1;
            let message = "msort: write stdout: No space left on device (ENOSPC)\n";
            assert_eq!(ran, Ran::new(1, "", message), "{nth}");
            assert!(expected.starts_with(&output), "{nth}: a hole");
            assert!(output.len() < expected.len(), "{nth}");
        } else {
            assert_eq!(ran, Ran::new(0, "", ""), "{nth}");
            assert!(output == expected, "{nth}");
        }
    }
    assert!(failures > 0, "the first thread made no write");
}

/// A file that is a mount point, as in containers: the message names the cause and the option that helps.
fn writes_over_a_mount_point(arch: Arch) -> Completion {
    let folder = Folder::with(&[]);
    let mount = run(on_a_small_disk("true").current_dir(folder.root()));
    if mount.status != Some(0) {
        return Completion::ignored_with(skip::namespaces(&mount.stderr));
    }
    let mut command = on_a_small_disk(
        r#"printf 'b\na\n' >g && : >f && mount --bind g f && {
           "$@" -o f f; echo "exit $?"; cat f
           "$@" --in-place -o f f; echo "exit $?"; cat f; ls -A; }"#,
    );
    let program = arch.program("msort");
    command.arg(program.get_program()).args(program.get_args());
    let printed = "msort: replace f: Device or resource busy (EBUSY): it is a mount point; \
                --in-place writes into it\n";
    let wanted = "exit 1\nb\na\nexit 0\na\nb\nf\ng\n";
    assert_eq!(
        run(command.current_dir(folder.root())),
        Ran::new(0, wanted, printed)
    );
    Completion::Completed
}

fn syncs_except_with_no_sync() {
    let arch = Arch::NATIVE;
    for (arguments, syncs) in [(&[][..], 2), (&["--no-sync"], 0)] {
        let folder = Folder::with(&[("a", b"b\na\n")]);
        let aside = Folder::new();
        let mut command = Command::new("strace");
        command
            .args(["-f", "-e", "trace=fsync,syncfs,sync", "-o"])
            .arg(aside.path("trace"))
            .arg(arch.shipped("msort"))
            .args(["-o", "a", "a"])
            .args(arguments)
            .current_dir(folder.root());
        assert_eq!(run(&mut command), Ran::new(0, "", ""));
        assert_eq!(folder.read("a"), b"a\nb\n");
        let trace = fs::read_to_string(aside.path("trace")).unwrap();
        let made = trace.lines().filter(|line| line.contains("sync"));
        assert_eq!(made.count(), syncs, "{trace}");
    }
}

fn reports_outputs_it_cannot_create(arch: Arch) {
    let folder = Folder::with(&[("input", b"2\n1\n")]);
    for (output, stderr) in [
        (".", "msort: open .: Is a directory (EISDIR)\n"),
        (
            "missing/x",
            "msort: open missing/x: No such file or directory (ENOENT)\n",
        ),
        (
            "input/x",
            "msort: open input/x: Not a directory (ENOTDIR)\n",
        ),
        ("", "msort: open : No such file or directory (ENOENT)\n"),
    ] {
        let ran = run(&mut folder.msort(arch, &["-o", output, "input"]));
        assert_eq!(ran, Ran::new(1, "", stderr));
    }
    assert_eq!(folder.names(), ["input"]);
}

/// Runs `script` in a shell; in the script `"$@"` is the command.
fn by_shell(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script, "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell
}

fn reports_failed_writes(arch: Arch) {
    may_take(LONG);
    // An output that fits into the buffer, an output that does not, and an output that several threads write.
    for count in [10, 50_000, 400_000] {
        let text = random_lines(12, count, 0..20, b"ab");
        let folder = Folder::with(&[("input", &text)]);
        let full = "No space left on device (ENOSPC)";
        for (script, stderr) in [
            (
                "exec \"$@\" > /dev/full",
                format!("msort: write stdout: {full}\n"),
            ),
            (
                "exec \"$@\" -o /dev/full",
                format!("msort: write /dev/full: {full}\n"),
            ),
            (
                "exec \"$@\" >&-",
                "msort: write stdout: Bad file descriptor (EBADF)\n".into(),
            ),
        ] {
            let ran = run(&mut by_shell(script, &folder.msort(arch, &["input"])));
            assert_eq!(ran, Ran::new(1, "", &stderr), "{script}");
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = folder.msort(arch, &["input"]);
        let child = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let ran = ran(child.wait_with_output().unwrap());
        assert_eq!(
            ran,
            Ran::new(1, "", "msort: write stdout: Broken pipe (EPIPE)\n")
        );
    }
}

/// (`tests/cli.rs` tests each option.)
fn reports_wrong_usage(arch: Arch) {
    let folder = Folder::with(&[]);
    let ran = run(&mut folder.msort(arch, &["-o", "a", "--output=b"]));
    assert_eq!(ran, Ran::misused("msort", "--output: more than one output"));
    assert!(folder.names().is_empty());
}
