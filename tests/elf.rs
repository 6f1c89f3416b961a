//! Tests of the format of every shipped file: its segments, the parts that it must not have, and its size.

pub mod file;

use std::fs;

use libtest_mimic::Trial;
use object::elf::{
    ET_DYN, PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_TLS,
    SHF_ALLOC,
};

use crate::per_arch;
use crate::support::{Arch, programs_except};
use file::{File, Segment};

pub fn trials() -> Vec<Trial> {
    per_arch![
        is_a_static_pie,
        is_stripped_to_its_segments,
        needs_nobody,
        writes_or_executes,
        follows_without_a_gap,
        protects_what_it_relocates,
        has_two_words_a_thread_or_none,
        has_no_place_to_panic,
        keeps_its_size,
    ]
    .collect()
}

/// Every program, with the maximum size of its shipped file on each architecture, in the order of [`Arch::ALL`]. (`echod`
/// for x86_64 is 400 bytes larger with rustc 1.96, as in Debian, than with 1.95.)
pub const PROGRAMS: &[(&str, [u64; 5])] = &[
    ("hello", [512, 640, 576, 512, 448]),
    ("save", [23_900, 23_400, 21_700, 25_400, 20_400]),
    ("msort", [75_400, 70_900, 69_200, 78_600, 62_400]),
    ("echod", [44_000, 41_600, 38_600, 47_300, 36_800]),
    ("echoc", [40_000, 38_700, 38_200, 44_500, 34_200]),
    ("init", [32_768, 32_900, 29_500, 35_400, 28_400]),
    ("pipe", [23_800, 23_200, 20_900, 25_700, 20_700]),
    ("probe", [46_700, 46_100, 43_600, 49_700, 38_000]),
];

/// Runs a check on every shipped program.
fn each(arch: Arch, check: impl Fn(&str, &File, &[u8])) {
    for &(program, _) in PROGRAMS {
        let bytes = fs::read(arch.shipped(program)).unwrap();
        check(program, &File::parse(&bytes), &bytes);
    }
}

/// The file of a program that has sections and symbols.
fn debug(arch: Arch, program: &str) -> (File, Vec<u8>) {
    let bytes = fs::read(arch.debug(program)).unwrap();
    (File::parse(&bytes), bytes)
}

fn is_a_static_pie(arch: Arch) {
    each(arch, |program, file, _| {
        assert_is_a_static_pie(arch, program, file)
    });
}

/// Checks that a file needs no interpreter and no dynamic loader, and can be at any address.
pub fn assert_is_a_static_pie(arch: Arch, program: &str, file: &File) {
    let facts = arch.facts();
    assert_eq!(
        (file.kind, file.machine, file.pointer),
        (ET_DYN, facts.machine, facts.pointer),
        "{program}"
    );
    assert!(
        file.of_kind(PT_INTERP).is_empty(),
        "{program} asks for an interpreter"
    );
    assert!(
        file.of_kind(PT_DYNAMIC).is_empty(),
        "{program} has a dynamic section"
    );
    assert_eq!(
        file.of_kind(PT_LOAD)[0].address,
        0,
        "{program} has a fixed address"
    );
}

fn is_stripped_to_its_segments(arch: Arch) {
    each(arch, |program, file, bytes| {
        assert!(
            file.sections_at == 0 && file.sections.is_empty(),
            "{program} has sections"
        );
        let end = |segment: &Segment| segment.offset + segment.in_file;
        let rest = bytes.len() as u64 - file.segments.iter().map(end).max().unwrap();
        assert!(rest < 8, "{program}: {rest} bytes after its last segment");

        // The shipped file has the same segments as the file with symbols, byte for byte.
        let (debug, debug_bytes) = debug(arch, program);
        for (shipped, whole) in file.segments.iter().zip(&debug.segments) {
            let skip = if shipped.offset == 0 { file.header } else { 0 };
            let range = |segment: &Segment| segment.offset as usize + skip..end(segment) as usize;
            assert!(
                bytes.get(range(shipped)) == debug_bytes.get(range(whole)),
                "{program} differs from its .debug file"
            );
        }
    });
}

fn needs_nobody(arch: Arch) {
    each(arch, |program, _, _| {
        let (debug, _) = debug(arch, program);
        for section in &debug.sections {
            // Newer lld leaves an empty .rela.dyn on aarch64.
            let loaded = section.flags & u64::from(SHF_ALLOC) != 0 && section.size != 0;
            let known = [
                ".text",
                ".rodata",
                ".relr.dyn",
                ".data.rel.ro",
                ".got",
                ".tbss",
                ".data",
                ".bss",
            ];
            let name = &*section.name;
            assert!(
                !loaded || known.contains(&name),
                "{program}: unexpected section {name}"
            );
        }
        assert!(debug.symbols.len() > 1, "{program}.debug has no symbols");
        for symbol in debug.symbols {
            assert!(
                !symbol.is_undefined,
                "{program}: {} is undefined",
                symbol.name
            );
        }
    });
}

fn writes_or_executes(arch: Arch) {
    each(arch, |program, file, _| {
        for segment in &file.segments {
            assert!(
                segment.flags & (PF_W | PF_X) != PF_W | PF_X,
                "{program}: {segment:?}"
            );
        }
        let stack = file.of_kind(PT_GNU_STACK);
        assert_eq!(stack.len(), 1, "{program} has no PT_GNU_STACK");
        assert_eq!(stack[0].flags, PF_R | PF_W, "{program}");
    });
}

fn follows_without_a_gap(arch: Arch) {
    let page = arch.facts().page;
    each(arch, |program, file, _| {
        let mut end = 0;
        for segment in file.of_kind(PT_LOAD) {
            let offset = segment.offset;
            assert_eq!(segment.align, page, "{program}");
            assert_eq!(
                offset % page,
                segment.address % page,
                "{program}: no kernel can map this segment"
            );
            assert!(
                offset >= end && offset - end < 64,
                "{program}: {} bytes of padding",
                offset - end
            );
            end = offset + segment.in_file;
        }
    });
}

/// Whether a program has data that start-up relocates and then protects.
pub fn relocates(file: &File) -> bool {
    let relro = file.of_kind(PT_GNU_RELRO);
    relro.iter().any(|segment| segment.in_memory > 0)
}

fn protects_what_it_relocates(arch: Arch) {
    each(arch, |program, file, _| {
        let relro = file.of_kind(PT_GNU_RELRO);
        if program == "hello" {
            // `hello` has nothing to relocate and nothing to write: one segment.
            assert!(relro.is_empty() && file.of_kind(PT_LOAD).len() == 1);
            return;
        }
        let (debug, _) = debug(arch, program);
        let is_there = debug
            .sections
            .iter()
            .any(|section| [".data.rel.ro", ".got"].contains(&&*section.name) && section.size > 0);
        assert_eq!(relro.len(), 1, "{program}");
        // The RELRO data is a load segment of its own, so that its last page holds no data that is written later.
        let (address, size) = (relro[0].address, relro[0].in_file);
        assert_eq!(size > 0, is_there, "{program}");
        if !is_there {
            return; // no constant holds an address
        }
        assert!(
            file.of_kind(PT_LOAD)
                .iter()
                .any(|load| (load.address, load.in_memory) == (address, size)),
            "{program}: RELRO is not alone in its segment"
        );
    });
}

/// The thread-local words of `rt` and `thread`. They are zero at the start, so the file holds no bytes for them.
fn has_two_words_a_thread_or_none(arch: Arch) {
    let words = (0, 2 * arch.facts().pointer);
    let sizes = |file: &File| -> Vec<_> {
        let tls = file.of_kind(PT_TLS).into_iter();
        tls.map(|segment| (segment.in_file, segment.in_memory))
            .collect()
    };
    each(arch, |program, file, _| {
        let sizes = sizes(file);
        let allowed: &[&[_]] = match program {
            "hello" => &[&[]],
            _ => &[&[(0, 0)], &[words]],
        };
        assert!(allowed.contains(&&*sizes), "{program}: {sizes:?}");
    });
    let threads = fs::read(arch.shipped("probes/thread")).unwrap();
    assert_eq!(sizes(&File::parse(&threads)), [words]);
}

/// If no code can panic, the linker removes the panic messages and `core::fmt`: 3 KB.
fn has_no_place_to_panic(arch: Arch) {
    let panics = |name: &str| {
        let symbols = debug(arch, name).0.symbols.into_iter();
        symbols
            .map(|symbol| symbol.name)
            .filter(|name| name.contains("panicking"))
            .collect::<Vec<_>>()
    };
    // msort has checks that can panic: of indices, and of divisors.
    for program in &programs_except(&["msort"]) {
        assert_eq!(panics(program), [""; 0], "{program}");
    }
    // Checks that this test would find a panic.
    assert_ne!(panics("probes/panic"), [""; 0]);
}

fn keeps_its_size(arch: Arch) {
    for (program, sizes) in PROGRAMS {
        let most = sizes[arch as usize];
        let size = fs::metadata(arch.shipped(program)).unwrap().len();
        assert!(
            size <= most,
            "{program} has {size} bytes, but the maximum is {most}"
        );
    }
}
