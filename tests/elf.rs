//! Tests of the format of every shipped file: its segments, the parts that it must not have, and its size.

use libtest_mimic::Trial;
use object::Endianness;
use object::elf::{
    EM_AARCH64, EM_X86_64, ET_DYN, FileHeader64, PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_RELRO,
    PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_TLS, ProgramHeader64,
};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, Sym};

use crate::per_arch;
use crate::support::{Arch, programs_except};

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

/// Every program, with the maximum size of its shipped file on x86_64 and aarch64. (`echod` for x86_64 is 400 bytes
/// larger with rustc 1.96, as in Debian, than with 1.95.)
pub const PROGRAMS: &[(&str, u64, u64)] = &[
    ("hello", 512, 640),
    ("save", 23_900, 23_400),
    ("msort", 75_400, 70_900),
    ("echod", 44_000, 41_200),
    ("echoc", 26_600, 25_300),
    ("init", 22_300, 22_500),
    ("pipe", 23_800, 23_200),
];

type Elf = FileHeader64<Endianness>;
type Segment = ProgramHeader64<Endianness>;
const LE: Endianness = Endianness::Little;

/// Runs a check on every shipped program.
fn each(arch: Arch, check: impl Fn(&str, &[u8])) {
    for &(program, ..) in PROGRAMS {
        check(program, &std::fs::read(arch.shipped(program)).unwrap());
    }
}

fn header(file: &[u8]) -> &Elf {
    Elf::parse(file).unwrap()
}

fn segments(file: &[u8]) -> &[Segment] {
    header(file).program_headers(LE, file).unwrap()
}

fn of_type(file: &[u8], p_type: u32) -> Vec<&Segment> {
    segments(file)
        .iter()
        .filter(|segment| segment.p_type(LE) == p_type)
        .collect()
}

fn is_a_static_pie(arch: Arch) {
    each(arch, |program, file| {
        assert_is_a_static_pie(arch, program, file)
    });
}

/// Checks that a file needs no interpreter and no dynamic loader, and can be at any address.
pub fn assert_is_a_static_pie(arch: Arch, program: &str, file: &[u8]) {
    let header = header(file);
    let machine = match arch {
        Arch::X86_64 => EM_X86_64,
        Arch::Aarch64 => EM_AARCH64,
    };
    assert_eq!(
        (header.e_type(LE), header.e_machine(LE)),
        (ET_DYN, machine),
        "{program}"
    );
    assert!(
        of_type(file, PT_INTERP).is_empty(),
        "{program} asks for an interpreter"
    );
    assert!(
        of_type(file, PT_DYNAMIC).is_empty(),
        "{program} has a dynamic section"
    );
    assert_eq!(
        of_type(file, PT_LOAD)[0].p_vaddr(LE),
        0,
        "{program} has a fixed address"
    );
}

fn is_stripped_to_its_segments(arch: Arch) {
    each(arch, |program, file| {
        let header = header(file);
        assert_eq!(
            (header.e_shoff(LE), header.e_shnum(LE)),
            (0, 0),
            "{program} has sections"
        );
        let end = segments(file)
            .iter()
            .map(|s| s.p_offset(LE) + s.p_filesz(LE))
            .max()
            .unwrap();
        let rest = file.len() as u64 - end;
        assert!(rest < 8, "{program}: {rest} bytes after its last segment");

        // The shipped file has the same segments as the file with symbols, byte for byte.
        let debug = std::fs::read(arch.debug(program)).unwrap();
        for (shipped, whole) in segments(file).iter().zip(segments(&debug)) {
            let skip = if shipped.p_offset(LE) == 0 {
                size_of::<Elf>()
            } else {
                0
            };
            let (shipped, whole) = (
                shipped.data(LE, file).unwrap(),
                whole.data(LE, &*debug).unwrap(),
            );
            assert!(
                shipped.get(skip..) == whole.get(skip..),
                "{program} differs from its .debug file"
            );
        }
    });
}

fn needs_nobody(arch: Arch) {
    each(arch, |program, _| {
        let debug = std::fs::read(arch.debug(program)).unwrap();
        let sections = header(&debug).sections(LE, &*debug).unwrap();
        for section in sections.iter() {
            let name = String::from_utf8_lossy(sections.section_name(LE, section).unwrap());
            // Newer lld leaves an empty .rela.dyn on aarch64.
            let loaded = section.sh_flags(LE) & u64::from(object::elf::SHF_ALLOC) != 0
                && section.sh_size(LE) != 0;
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
            assert!(
                !loaded || known.contains(&&*name),
                "{program}: unexpected section {name}"
            );
        }
        let symbols = sections
            .symbols(LE, &*debug, object::elf::SHT_SYMTAB)
            .unwrap();
        assert!(symbols.len() > 2, "{program}.debug has no symbols");
        for symbol in symbols.iter().skip(1) {
            let name = String::from_utf8_lossy(symbol.name(LE, symbols.strings()).unwrap());
            assert!(!symbol.is_undefined(LE), "{program}: {name} is undefined");
        }
    });
}

fn writes_or_executes(arch: Arch) {
    each(arch, |program, file| {
        for segment in segments(file) {
            let flags = segment.p_flags(LE);
            assert!(
                flags & (PF_W | PF_X) != PF_W | PF_X,
                "{program}: {segment:?}"
            );
        }
        let stack = of_type(file, PT_GNU_STACK);
        assert_eq!(stack.len(), 1, "{program} has no PT_GNU_STACK");
        assert_eq!(stack[0].p_flags(LE), PF_R | PF_W, "{program}");
    });
}

fn follows_without_a_gap(arch: Arch) {
    let page = match arch {
        Arch::X86_64 => 0x1000,
        Arch::Aarch64 => 0x10000,
    };
    each(arch, |program, file| {
        let mut end = 0;
        for segment in of_type(file, PT_LOAD) {
            let (offset, address) = (segment.p_offset(LE), segment.p_vaddr(LE));
            assert_eq!(segment.p_align(LE), page, "{program}");
            assert_eq!(
                offset % page,
                address % page,
                "{program}: no kernel can map this segment"
            );
            assert!(
                offset >= end && offset - end < 64,
                "{program}: {} bytes of padding",
                offset - end
            );
            end = offset + segment.p_filesz(LE);
        }
    });
}

/// Whether a program has data that start-up relocates and then protects.
pub fn relocates(file: &[u8]) -> bool {
    let relro = of_type(file, PT_GNU_RELRO);
    relro.iter().any(|segment| segment.p_memsz(LE) > 0)
}

fn protects_what_it_relocates(arch: Arch) {
    each(arch, |program, file| {
        let relro = of_type(file, PT_GNU_RELRO);
        if program == "hello" {
            // `hello` has nothing to relocate and nothing to write: one segment.
            assert!(relro.is_empty() && of_type(file, PT_LOAD).len() == 1);
            return;
        }
        let debug = std::fs::read(arch.debug(program)).unwrap();
        let sections = header(&debug).sections(LE, &*debug).unwrap();
        let is_there = sections.iter().any(|section| {
            let name = sections.section_name(LE, section).unwrap();
            [&b".data.rel.ro"[..], b".got"].contains(&name) && section.sh_size(LE) > 0
        });
        assert_eq!(relro.len(), 1, "{program}");
        // The RELRO data is a load segment of its own, so that its last page holds no data that is written later.
        let (address, size) = (relro[0].p_vaddr(LE), relro[0].p_filesz(LE));
        assert_eq!(size > 0, is_there, "{program}");
        if !is_there {
            return; // no constant holds an address
        }
        let loads = of_type(file, PT_LOAD);
        assert!(
            loads
                .iter()
                .any(|load| (load.p_vaddr(LE), load.p_memsz(LE)) == (address, size)),
            "{program}: RELRO is not alone in its segment"
        );
    });
}

/// The thread-local words of `rt` and `thread`. They are zero at the start, so the file holds no bytes for them.
fn has_two_words_a_thread_or_none(arch: Arch) {
    let sizes = |file: &[u8]| -> Vec<_> {
        let tls = of_type(file, PT_TLS);
        let size = |segment: &&Segment| (segment.p_filesz(LE), segment.p_memsz(LE));
        tls.iter().map(size).collect()
    };
    each(arch, |program, file| {
        let sizes = sizes(file);
        let allowed: &[&[_]] = match program {
            "hello" => &[&[]],
            _ => &[&[(0, 0)], &[(0, 16)]],
        };
        assert!(allowed.contains(&&*sizes), "{program}: {sizes:?}");
    });
    let threads = std::fs::read(arch.shipped("probes/thread")).unwrap();
    assert_eq!(sizes(&threads), [(0, 16)]);
}

/// If no code can panic, the linker removes the panic messages and `core::fmt`: 3 KB.
fn has_no_place_to_panic(arch: Arch) {
    let panics = |name: &str| {
        let debug = std::fs::read(arch.debug(name)).unwrap();
        let sections = header(&debug).sections(LE, &*debug).unwrap();
        let symbols = sections
            .symbols(LE, &*debug, object::elf::SHT_SYMTAB)
            .unwrap();
        symbols
            .iter()
            .map(|symbol| String::from_utf8_lossy(symbol.name(LE, symbols.strings()).unwrap()))
            .filter(|name| name.contains("panicking"))
            .map(|name| name.into_owned())
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
    for &(program, x86_64, aarch64) in PROGRAMS {
        let most = if arch == Arch::X86_64 {
            x86_64
        } else {
            aarch64
        };
        let size = std::fs::metadata(arch.shipped(program)).unwrap().len();
        assert!(
            size <= most,
            "{program} has {size} bytes, but the maximum is {most}"
        );
    }
}
