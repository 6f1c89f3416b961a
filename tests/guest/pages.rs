//! Tests of everything that depends on the page size, in a guest whose kernel has pages of 16 KiB: start-up, threads,
//! the heap, pipes, and the programs that use them. (qemu-user only emulates other page sizes, and from version 10 on
//! does not support them.)

use std::fs;
use std::process::Command;

use libtest_mimic::Trial;

use super::{Image, Session, guests};
use crate::heap::types;
use crate::memory::MIB;
use crate::model::corpus;
use crate::msort::shared_inputs;
use crate::support::Folder;
use crate::thread::assert_guard;

/// A test: its name, a transcript of commands and expected lines, and a function that checks the lines that vary. The
/// transcript has `?` in place of those lines.
type Test = (&'static str, &'static str, fn(&Session));

const TESTS: [Test; 11] = [
    ("start", "$ start\n?\n", start),
    (
        "protection",
        "$ protect relro\nstatus 139\n$ protect text\nstatus 139\n$ protect stack\nstatus 139\n",
        |_| {},
    ),
    (
        "threads",
        "$ thread results\n$ thread detach\n$ thread sync\n$ thread many\n",
        |_| {},
    ),
    (
        "guard",
        "$ thread guard\n?\n$ thread overflow\nstatus 139\n",
        |session| assert_guard(session.of("thread guard").into_iter()),
    ),
    (
        "heap",
        "$ heap types\n?\n$ heap layouts\n$ heap grow\n$ heap fresh\n\
         $ heap twice\n?\n$ heap twice-small\n?\n$ heap foreign\n?\n",
        heap,
    ),
    ("model", "$ model threads\n$ corpus\n", |_| {}),
    (
        "memory",
        "$ memory first\n?\n$ memory zeros\n?\n$ memory freed\n?\n$ memory handed-over\n?\n$ memory phases\n?\n",
        memory,
    ),
    (
        "exhaustion",
        "$ room 134217728\n$ heap exhaust\n?\n\
         $ room 67108864\n$ thread exhaust\n?\n\
         $ msort -o large-sorted large\n\
         $ room 33554432\n$ msort -o none large\n\
         msort: read large: Cannot allocate memory (ENOMEM)\nstatus 1\n\
         $ room 18446744073709551615\n$ same large large-sorted\n",
        |session| {
            session.says("heap exhaust", &types().lines().collect::<Vec<_>>());
            let printed = "Cannot allocate memory (ENOMEM)";
            session.says("thread exhaust", &[printed, printed]);
        },
    ),
    (
        "save",
        "$ save copy < pages-0\n$ same copy pages-0\n\
         $ save copy < pages-1\n$ same copy pages-1\n\
         $ save copy < pages-2\n$ same copy pages-2\n\
         $ save -a copy < pages-3\n$ same copy all-pages\n",
        |_| {},
    ),
    (
        "msort",
        "$ msort -ru -o out short\n$ same out short-sorted\n\
         $ msort -ru -o out long\n$ same out long-sorted\n\
         $ pipe --size 1 msort lines | msort -ru | save out\n$ same out lines-sorted\n",
        |_| {},
    ),
    (
        "pipes",
        "$ process size\n\
         $ echod -l 127.0.0.1:7009 > address-2 &\n$ wait address-2\n\
         $ echoc -c 3 -s 16384 -d 2 --verify 127.0.0.1:7009\n?\n\
         $ echoc -c 3 -s 65537 -d 2 --verify 127.0.0.1:7009\n?\n\
         $ kill\n",
        |session| {
            session.echoes("echoc -c 3 -s 16384 -d 2 --verify 127.0.0.1:7009");
            session.echoes("echoc -c 3 -s 65537 -d 2 --verify 127.0.0.1:7009");
        },
    ),
];

/// The commands of a transcript, each with the lines that follow it.
fn commands(transcript: &str) -> Vec<(&str, Vec<&str>)> {
    let mut commands = Vec::<(&str, Vec<&str>)>::new();
    for line in transcript.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command, Vec::new())),
            (None, Some((_, said))) => said.push(line),
            (None, None) => panic!("{line}"),
        }
    }
    commands
}

/// The command that runs the heap's model with the files of the corpus as arguments.
fn replay() -> String {
    let names = (0..corpus().len()).map(|n| format!(" corpus-{n}"));
    format!("model corpus{}", names.collect::<String>())
}

/// The command as the script has it. [`TESTS`] uses short names for long commands.
fn written(command: &str) -> String {
    match command {
        "corpus" => replay(),
        _ => command.to_owned(),
    }
}

pub fn trials() -> Vec<Trial> {
    let others = guests().filter(|guest| guest.has_other_pages());
    let trials = others.flat_map(|guest| {
        TESTS.iter().map(move |(name, transcript, looks)| {
            guest.trial(&format!("pages::{name}"), move |session| {
                for (command, said) in commands(transcript) {
                    if said != ["?"] {
                        session.says(&written(command), &said);
                    }
                }
                looks(session);
            })
        })
    });
    trials.collect()
}

/// The lines of the script for these tests.
pub fn script() -> String {
    let all = TESTS
        .iter()
        .flat_map(|(_, transcript, _)| commands(transcript));
    all.map(|(command, _)| written(command) + "\n").collect()
}

/// Adds the files that the script needs to an image, beside the programs and `lines`.
pub fn add_to(image: &mut Image, folder: &Folder) {
    image.probes(&[
        "start", "protect", "thread", "heap", "model", "memory", "process",
    ]);
    for (n, file) in corpus().iter().enumerate() {
        image.add(&format!("corpus-{n}"), file);
    }
    let mut add = |name: &str, text: &[u8]| {
        fs::write(folder.path(name), text).unwrap();
        image.add(name, &folder.path(name));
    };
    add("large", &[&vec![b'x'; 40 << 20][..], b"\n"].concat());
    let bytes: Vec<u8> = (0..1 << 20)
        .map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for (n, length) in [0, 16_384, 65_537, 1 << 20].into_iter().enumerate() {
        add(&format!("pages-{n}"), &bytes[..length]);
    }
    add("all-pages", &[&bytes[..65_537], &bytes].concat());
    let inputs = shared_inputs();
    for (file, input) in [
        ("short", "short lines"),
        ("long", "a long line among others"),
    ] {
        let (_, text) = inputs.iter().find(|(name, _)| *name == input).unwrap();
        add(file, text);
    }
    for file in ["short", "long", "lines"] {
        let sorted = format!("{file}-sorted");
        let mut sort = Command::new("sort");
        sort.args(["-ru", "-o", &sorted, file]).env("LC_ALL", "C");
        assert!(sort.current_dir(folder.root()).status().unwrap().success());
        image.add(&sorted, &folder.path(&sorted));
    }
}

fn start(session: &Session) {
    let said = session.of("start");
    for line in ["auxv 6 0x4000", "page 16384", "relocated 130"] {
        assert!(said.contains(&line), "{said:?}");
    }
}

fn heap(session: &Session) {
    session.says("heap types", &types().lines().collect::<Vec<_>>());
    for part in ["twice", "twice-small", "foreign"] {
        let said = session.of(&format!("heap {part}"));
        let [printed, "status 134"] = said[..] else {
            panic!("{part}: {said:?}")
        };
        assert!(printed.contains(": heap: freed 0x"), "{printed}");
    }
}

fn memory(session: &Session) {
    for (part, most) in [
        ("first", 3),
        ("zeros", MIB),
        ("freed", 2 * MIB),
        ("handed-over", 4 * MIB), // the pages of the caches are four times as large
        ("phases", 1360),
    ] {
        let said = session.of(&format!("memory {part}"));
        let number = said.first().and_then(|number| number.parse().ok());
        assert!(
            number.is_some_and(|number: u64| number <= most),
            "{part}: {said:?}"
        );
    }
}
