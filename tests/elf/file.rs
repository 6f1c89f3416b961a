//! The parts of an ELF file that tests look at. Files with 32-bit and with 64-bit addresses are read into the same types.

use object::Endianness;
use object::elf::{ELFCLASS32, FileHeader32, FileHeader64, Ident, SHT_SYMTAB};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, Sym};

/// The architectures that the programs are built for are little-endian.
const LE: Endianness = Endianness::Little;

pub struct File {
    /// `ET_DYN`...
    pub kind: u16,
    pub machine: u16,
    /// The size of an address in bytes.
    pub pointer: u64,
    /// The size of the file header.
    pub header: usize,
    /// The offset of the section headers; 0 if there are none.
    pub sections_at: u64,
    pub segments: Vec<Segment>,
    /// The sections, which a shipped file does not have.
    pub sections: Vec<Section>,
    pub symbols: Vec<Symbol>,
}

#[derive(Debug)]
pub struct Segment {
    /// `PT_LOAD`...
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub in_file: u64,
    pub in_memory: u64,
    pub align: u64,
}

pub struct Section {
    pub name: String,
    pub flags: u64,
    pub size: u64,
    /// Empty if the file has no bytes of the section.
    pub data: Vec<u8>,
}

pub struct Symbol {
    pub name: String,
    pub is_undefined: bool,
}

impl File {
    pub fn parse(bytes: &[u8]) -> Self {
        let class = bytes[std::mem::offset_of!(Ident, class)];
        match class {
            ELFCLASS32 => Self::of_header::<FileHeader32<Endianness>>(bytes),
            _ => Self::of_header::<FileHeader64<Endianness>>(bytes),
        }
    }

    fn of_header<Header: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Self {
        let header = Header::parse(bytes).unwrap();
        let segments = header.program_headers(LE, bytes).unwrap().iter();
        let table = header.sections(LE, bytes).unwrap();
        let sections = table.iter().map(|section| Section {
            name: text(table.section_name(LE, section).unwrap()),
            flags: section.sh_flags(LE).into(),
            size: section.sh_size(LE).into(),
            data: section.data(LE, bytes).unwrap().to_vec(),
        });
        let names = table.symbols(LE, bytes, SHT_SYMTAB).unwrap();
        // The first symbol of a table stands for no symbol.
        let symbols = names.iter().skip(1).map(|symbol| Symbol {
            name: text(symbol.name(LE, names.strings()).unwrap()),
            is_undefined: symbol.is_undefined(LE),
        });
        Self {
            kind: header.e_type(LE),
            machine: header.e_machine(LE),
            pointer: size_of::<Header::Word>() as u64,
            header: size_of::<Header>(),
            sections_at: header.e_shoff(LE).into(),
            segments: segments
                .map(|segment| Segment {
                    kind: segment.p_type(LE),
                    flags: segment.p_flags(LE),
                    offset: segment.p_offset(LE).into(),
                    address: segment.p_vaddr(LE).into(),
                    in_file: segment.p_filesz(LE).into(),
                    in_memory: segment.p_memsz(LE).into(),
                    align: segment.p_align(LE).into(),
                })
                .collect(),
            sections: sections.collect(),
            symbols: symbols.collect(),
        }
    }

    /// The segments of a kind.
    pub fn of_kind(&self, kind: u32) -> Vec<&Segment> {
        let segments = self.segments.iter();
        segments.filter(|segment| segment.kind == kind).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
