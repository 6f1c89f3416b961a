//! Compares the README and the manuals (`docs/PROGRAM.md`) with the programs: runs each block of commands and compares the
//! output, except for figures, dates, ports and process ids; compares the table of sizes, the source of
//! `hello` and the addresses of its system calls; builds the README's program; looks for the targets of all links.
//!
//! A test that fails prints the text that the page should have.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};
use rustix::process::{Pid, Signal, kill_process};

use crate::echoc::{sent, server};
use crate::guest::scripts;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, once, programs, root, run};
use crate::trial::{LONG, may_take, trial};

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        once("readme::names_what_is_there", names_what_is_there),
        once("readme::links_lead_somewhere", links_lead_somewhere),
        once("readme::counts_the_faults", counts_the_faults),
    ];
    trials.extend(per_arch![states_sizes]);
    for block in blocks() {
        for arch in Arch::tested() {
            let first = block.text.lines().next().unwrap_or_default();
            let first: String = first.trim_start_matches("$ ").chars().take(40).collect();
            let name = format!("readme::{} [{}]", first.trim(), arch.name());
            let block = block.clone();
            trials.push(trial(name, move || block.check(arch)));
        }
    }
    trials
}

fn page(path: &str) -> String {
    let text = fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn readme() -> String {
    page("README.md")
}

/// A fenced block.
#[derive(Clone)]
struct Block {
    /// After the first fence: `sh`, `rust`...
    kind: String,
    text: String,
}

/// The blocks of the README and of the manuals.
fn blocks() -> Vec<Block> {
    // `manual::docs_are_those_of_the_table` reports a manual that is missing.
    let path = |page: String| root().join(format!("docs/{page}.md"));
    let pages = programs().into_iter().chain(["ring3".to_owned()]);
    let manuals = pages.map(path);
    let manuals = manuals.map(|path| fs::read_to_string(path).unwrap_or_default());
    let pages = std::iter::once(readme()).chain(manuals);
    let blocks = pages.flat_map(|page| blocks_of(&page));
    // `makes_a_crate` checks these together with the commands.
    let is_of_a_crate = |block: &Block| {
        let is_source = block.kind == "rust" && block.text.contains("program!(\"mine\"");
        is_source || block.kind == "toml"
    };
    blocks.filter(|block| !is_of_a_crate(block)).collect()
}

fn blocks_of(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(kind), None) => {
                open = Some(Block {
                    kind: kind.to_lowercase(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

impl Block {
    fn check(&self, arch: Arch) -> Completion {
        match self.kind.as_str() {
            "sh" => self.text.lines().for_each(|line| works(arch, line)),
            "dockerfile" => return is_an_image(arch, &self.text),
            "rust" if self.text.starts_with("//! `hello ") => is_the_source_of_hello(&self.text),
            "asm" => has_system_calls(arch, &self.text),
            "" if self.text.starts_with("$ ./hello\n") => is_what_make_run_shows(arch, &self.text),
            "" if self.text.starts_with("$ echoc --verify ") => finds_the_byte(arch, &self.text),
            "" if self.text.starts_with("$ cargo new ") => makes_a_crate(arch, &self.text),
            "" if self.text.starts_with("$ ") => prints(arch, &self.text),
            "" if self.text.starts_with("src/") => {} // names_what_is_there
            kind => panic!("no test knows this block of {kind:?}:\n{}", self.text),
        }
        Completion::Completed
    }
}

/// Fails if these differ, and prints the text that the page should have.
fn same(shown: &str, is: &str) {
    assert!(shown == is, "the page has\n{shown}\nand should have\n{is}");
}

fn is_the_source_of_hello(text: &str) {
    same(text, &page("src/bin/hello.rs"));
}

/// The instructions of `hello`, each architecture in a column with its name as the title: each instruction that makes a
/// system call is at its address in the shipped file, and the block shows all of them. Another compiler places them
/// elsewhere: then the size of the file differs from the README's, and nothing is compared.
fn has_system_calls(arch: Arch, text: &str) {
    let file = fs::read(arch.shipped("hello")).unwrap();
    let mut titles = text.lines().next().unwrap().split_whitespace();
    let is_shown = titles.any(|title| title == arch.name());
    if !is_shown || stated(arch, "hello") != Some(file.len() as u64) {
        return;
    }
    let (instruction, bytes): (&str, &[u8]) = match arch {
        Arch::X86_64 => ("syscall", &[0x0f, 0x05]),
        Arch::Aarch64 => ("svc #0", &[0x01, 0x00, 0x00, 0xd4]),
        Arch::Riscv64 => ("ecall", &[0x73, 0x00, 0x00, 0x00]),
        Arch::X86 => ("int 0x80", &[0xcd, 0x80]),
        Arch::Arm => ("svc #0", &[0x00, 0xdf]), // Thumb code
    };
    let words: Vec<_> = text.split_whitespace().collect();
    let first = instruction.split(' ').next().unwrap();
    let pairs = words.windows(2).filter(|pair| pair[1] == first);
    let mut shown: Vec<_> = pairs
        .map(|pair| usize::from_str_radix(pair[0].trim_end_matches(':'), 16).unwrap())
        .collect();
    shown.sort_unstable();
    let windows = file.windows(bytes.len()).enumerate();
    let is: Vec<_> = windows
        .filter(|(_, window)| *window == bytes)
        .map(|(at, _)| at)
        .collect();
    assert!(
        !is.is_empty() && shown == is,
        "{instruction} is at {is:x?}, and the README has {shown:x?}"
    );
}

/// A shell in a folder that has the programs as commands, and a few files.
fn shell(arch: Arch, folder: &Folder, script: &str) -> Command {
    let bin = folder.path("bin");
    let _ = fs::create_dir(&bin); // it may be there
    for name in programs() {
        let program = arch.program(&name);
        let words = std::iter::once(program.get_program()).chain(program.get_args());
        let words: Vec<_> = words.map(|word| format!("'{}'", word.display())).collect();
        let file = bin.join(&name);
        fs::write(
            &file,
            format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")),
        )
        .unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let mut path = vec![bin];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).current_dir(folder.root());
    shell.env("PATH", std::env::join_paths(path).unwrap());
    shell.env("HOME", folder.root());
    shell
}

/// A command of a block without output: it must exit with 0, and print nothing.
fn works(arch: Arch, line: &str) {
    let line = line.split(" # ").next().unwrap().trim();
    if let Some(target) = line.strip_prefix("make ") {
        let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
        let rule = format!("\n{target}:");
        assert!(makefile.contains(&rule), "make has no {target}");
    } else if line.starts_with("echod ") {
        // Port 7 needs privileges, and may be in use.
        let line = line.replace(":7 ", ":0 ");
        let folder = Folder::new();
        let script = format!("exec {line}");
        let mut server = shell(arch, &folder, &script)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        for _ in line.matches("-l ") {
            let printed = lines.next().unwrap().unwrap();
            assert!(printed.starts_with("echod: listening on "), "{printed}");
        }
        kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
        assert!(server.wait().unwrap().success());
    } else if !line.is_empty() {
        let folder = Folder::new();
        for name in ["list", "new-key"] {
            fs::write(folder.path(name), "b\na\nb\n").unwrap();
        }
        let ran = run(&mut shell(arch, &folder, line));
        assert_eq!(
            (ran.status, &*ran.stdout, &*ran.stderr),
            (Some(0), "", ""),
            "{line}"
        );
    }
}

/// Commands after `$ `, and the output of each, on standard output or standard error.
fn prints(arch: Arch, text: &str) {
    let folder = Folder::new();
    let mut is = String::new();
    for command in text.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let ran = run(&mut shell(arch, &folder, command));
        is += &format!("$ {command}\n{}{}", ran.stdout, ran.stderr);
    }
    // Only the first line of a usage.
    let shown = text.lines().map(|line| format!("{line}\n"));
    let mut shown: Vec<_> = shown.collect();
    let mut lines: Vec<_> = is.lines().map(|line| format!("{line}\n")).collect();
    for list in [&mut shown, &mut lines] {
        list.iter_mut().for_each(|line| *line = masked(line));
    }
    same(&shown.concat(), &lines.concat());
}

/// A line with the parts masked that differ from run to run; numbers become `N`.
fn masked(line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    // ls -l: the owner, the group and the date.
    if let [mode, "1", _, _, size, _, _, _, name] = words[..]
        && mode.starts_with("-rw")
    {
        return format!("{mode} 1 USER GROUP {size} DATE {name}");
    }
    let measured = [" req/s", "latency ", "kill "];
    if measured.iter().any(|what| line.contains(what)) {
        let mut masked = String::new();
        for letter in line.chars() {
            match letter {
                '0'..='9' | '.' if masked.ends_with('N') => {}
                '0'..='9' => masked.push('N'),
                letter => masked.push(letter),
            }
        }
        return masked;
    }
    const PORT: &str = "127.0.0.1:";
    match line.split_once(PORT) {
        Some((before, after)) => {
            let after = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
            format!("{before}{PORT}PORT{after}")
        }
        None => line.to_owned(),
    }
}

/// `make run-x86`, without its first lines, which name the folder.
fn is_what_make_run_shows(arch: Arch, text: &str) {
    let ran = run(Command::new(scripts().join("run.sh")).arg(arch.name()));
    assert_eq!((ran.status, &*ran.stderr), (Some(0), ""));
    let begin = ran
        .stdout
        .find("$ ./hello\n")
        .or(ran.stdout.find("$ qemu-"));
    let mut is = ran.stdout[begin.unwrap()..].to_owned();
    if !arch.is_native() {
        is = is.replace(&format!("qemu-{} ", arch.name()), "");
    }
    let shown: String = text.lines().map(|line| masked(line) + "\n").collect();
    let is: String = is.lines().map(|line| masked(line) + "\n").collect();
    same(&shown, &is);
}

/// A server that changes the byte that the block names. `echoc` gets more than a second to reach that byte.
fn finds_the_byte(arch: Arch, text: &str) {
    let (command, printed) = text.trim_end().split_once('\n').unwrap();
    let place = printed
        .split("byte ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let place: usize = place.parse().unwrap();
    let clients = command
        .split("-c ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let (address, _) = server::start(clients.parse().unwrap(), move |client| {
        let mut is_first = false;
        server::echo(client, |position, bytes| {
            if position == 0 {
                is_first = (0..8).zip(&*bytes).all(|(at, byte)| *byte == sent(at));
            }
            let wrong = place.checked_sub(position).filter(|_| is_first);
            if let Some(byte) = wrong.and_then(|index| bytes.get_mut(index)) {
                *byte ^= 0x10;
            }
            true
        });
    });
    let command = command.strip_prefix("$ echoc ").unwrap();
    let (options, _) = command.rsplit_once(' ').unwrap();
    let folder = Folder::new();
    let script = format!("echoc -t 1000 --stall 60 {options} {address}");
    let ran = run(&mut shell(arch, &folder, &script));
    same(&masked(printed), &masked(ran.stderr.trim_end()));
}

/// The strings of an array in JSON.
fn strings(json: &str) -> Vec<&str> {
    json.split('"').skip(1).step_by(2).collect()
}

/// A Dockerfile: its files and its command, in a root of its own. The command has to exit with 0, or to serve.
fn is_an_image(arch: Arch, text: &str) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::IN_AN_IMAGE);
    }
    let folder = Folder::new();
    for name in programs() {
        fs::copy(arch.shipped(&name), folder.path(&name)).unwrap();
    }
    for name in ["bin", "data"] {
        fs::create_dir(folder.path(name)).unwrap();
    }
    let mut words = Vec::new();
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("FROM", "scratch")) => {}
            Some(("COPY", files)) => {
                let (files, place) = files.rsplit_once(' ').unwrap();
                for name in files.split(' ') {
                    // A file that is not ours may be any program.
                    let of_ours = folder.path(name);
                    let file = if of_ours.exists() {
                        of_ours
                    } else {
                        arch.shipped("hello")
                    };
                    fs::copy(file, folder.path(place.trim_start_matches('/')).join(name)).unwrap();
                }
            }
            Some(("ENTRYPOINT" | "CMD", list)) => words.extend(strings(list)),
            _ => panic!("{line}"),
        }
    }
    let mut image = Command::new("unshare");
    image.args(["--user", "--map-root-user", "--net", "--root"]);
    image.arg(folder.root()).env("PATH", "/sbin:/bin");
    let attempt = run(Command::new("unshare").args(["--user", "--map-root-user", "--net", "true"]));
    if attempt.status != Some(0) {
        return Completion::ignored_with(skip::namespaces(&attempt.stderr));
    }
    let mut child = image.args(words).stdout(Stdio::piped()).spawn().unwrap();
    if text.contains("echod") {
        let mut printed = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut printed)
            .unwrap();
        assert_eq!(printed, "echod: listening on 0.0.0.0:7\n");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    }
    assert!(child.wait().unwrap().success());
    Completion::Completed
}

/// The commands make a crate with the README's program. The crate must build without a warning, and print what the
/// README shows.
fn makes_a_crate(arch: Arch, text: &str) {
    may_take(LONG);
    let block = |kind: &str, text: &str| {
        let blocks = blocks_of(&readme()).into_iter();
        let mut blocks = blocks.filter(|block| block.kind == kind && block.text.contains(text));
        blocks.next().unwrap().text
    };
    let folder = Folder::new();
    fs::write(folder.path("main.rs"), block("rust", "\"mine\"")).unwrap();
    fs::write(folder.path("profiles"), block("toml", "panic")).unwrap();

    // Set-up's configuration names a linker; tests/outside.rs tests the build without flags.
    let root = root().canonicalize().unwrap();
    let config = root.join(format!("target/setup/{}.toml", arch.name()));
    let triple = arch.facts().triple;
    let run_with = format!(
        "cat ../profiles >>Cargo.toml; cp ../main.rs src; \
         cargo run --quiet --offline --config {} --target {triple}",
        config.display()
    );
    let commands = text.lines().filter_map(|line| line.strip_prefix("$ "));
    let script = commands.collect::<Vec<_>>().join("\n");
    let script = script
        .replace("cargo new", "cargo new --quiet")
        .replace("cargo add", "cargo add --quiet --offline")
        .replace("--git URL", &format!("--path {}", root.display()))
        .replace("cargo run", &run_with);
    let shown = text.lines().filter(|line| !line.starts_with("$ "));
    let shown: Vec<_> = shown
        .map(|line| line.replace("debug", &format!("{triple}/debug")))
        .collect();

    let mut shell = Command::new("sh");
    shell.args(["-ec", &script]).current_dir(folder.root());
    shell
        .env("CARGO_TARGET_DIR", "target")
        .env_remove("RUSTFLAGS");
    if let Some(qemu) = arch.runner() {
        let key = triple.to_uppercase().replace('-', "_");
        shell.env(format!("CARGO_TARGET_{key}_RUNNER"), qemu);
    }
    let ran = run(&mut shell);
    assert_eq!((ran.status, &*ran.stderr), (Some(0), ""));
    assert_eq!(ran.stdout, shown.join("\n") + "\n");
}

/// A number as the README writes it.
pub fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// In bytes. One per cent of `hello` is less than lld 14 differs from lld 22 (aarch64: 593 and 600 bytes).
const SLACK: u64 = 16;

/// Whether a stated size is right: within one per cent or [`SLACK`] bytes, whichever is more. Another compiler's and
/// another linker's sizes differ.
pub fn is_right_size(stated: u64, is: u64) -> bool {
    stated.abs_diff(is) <= (is / 100).max(SLACK)
}

/// The cells of the row of the README's table of programs that begins with `first`, without the first cell.
fn row(first: &str) -> Vec<String> {
    let begin = format!("| {first} | ");
    let text = readme();
    let mut rows = text.lines().filter_map(|line| line.strip_prefix(&begin));
    let row = rows.next();
    let row = row.unwrap_or_else(|| panic!("the README has no row for {first}"));
    row.split(" | ").map(str::to_owned).collect()
}

/// The size of a program that the table states; none for an architecture without a column.
fn stated(arch: Arch, name: &str) -> Option<u64> {
    let column = row("program").iter().position(|cell| cell == arch.name())?;
    let cells = row(&format!("[`{name}`](docs/{name}.md)"));
    Some(cells[column].replace(',', "").parse().unwrap())
}

/// Each program has a row with the sizes of its files.
fn states_sizes(arch: Arch) {
    let mut wrong = String::new();
    for name in programs() {
        let is = fs::metadata(arch.shipped(&name)).unwrap().len();
        if !stated(arch, &name).is_none_or(|stated| is_right_size(stated, is)) {
            wrong += &format!("\n{name} | {} |", with_commas(is));
        }
    }
    assert!(wrong.is_empty(), "these sizes should stand there:{wrong}");
}

/// Each path in the list at "Where things are" exists.
fn names_what_is_there() {
    let list = blocks_of(&readme())
        .into_iter()
        .find(|block| block.text.starts_with("src/"))
        .unwrap();
    let paths = list
        .text
        .lines()
        .map(|line| line.split(' ').next().unwrap());
    for path in paths.filter(|path| !path.contains('*')) {
        assert!(root().join(path).exists(), "there is no {path}");
    }
}

/// The anchor of a heading: its letters, digits, `-` and `_`, in lower case, with `-` for each space.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
    kept.collect::<String>().replace(' ', "-")
}

/// Each page that is linked from a page of the project exists, and has the heading that the link names.
fn links_lead_somewhere() {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().display()));
    let others = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ];
    let mut wrong = Vec::new();
    for path in docs.chain(others.map(str::to_owned)) {
        let text = page(&path);
        let links = text.split("](").skip(1);
        let links = links.map(|rest| rest.split(')').next().unwrap());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => root().join(&path),
                file => root().join(&path).parent().unwrap().join(file),
            };
            let found = match fs::read_to_string(&target) {
                Ok(text) if !heading.is_empty() => {
                    let mut headings = text.lines().filter(|line| line.starts_with('#'));
                    headings.any(|line| anchor(line) == heading)
                }
                _ => target.exists() && heading.is_empty(),
            };
            if !found {
                wrong.push(format!("{path}: {link}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0], "these links lead nowhere");
}

/// The faults that the models of tests/loom have to find.
fn counts_the_faults() {
    let build = fs::read_to_string(root().join("tests/loom/build.rs")).unwrap();
    let (_, faults) = build.split_once("\nconst FAULTS: ").unwrap();
    let (faults, _) = faults.split_once("\n];").unwrap();
    let count = faults.lines().filter(|line| *line == "    (").count();
    let text = readme();
    let about = text
        .split("\n- ")
        .find(|item| item.contains("`tests/loom`"));
    let mut words = about.unwrap().split_whitespace();
    let number = count.to_string();
    assert!(words.any(|word| word == number), "{count} faults");
}
