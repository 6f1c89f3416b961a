//! The file format of programs, as far as a program reads another's tables (elf(5)).

super::abi! {
    /// The beginning of every file.
    record ["elf.h" "Elf64_Ehdr" Ehdr] {
        /// Magic, class, byte order.
        e_ident: [u8; 16],
        /// Kind of file.
        e_type: u16,
        /// Architecture.
        e_machine: u16,
        /// Version of the format.
        e_version: u32,
        /// Where it starts.
        e_entry: u64,
        /// Offset of the program headers.
        e_phoff: u64,
        /// Offset of the section headers.
        e_shoff: u64,
        /// For the architecture.
        e_flags: u32,
        /// Size of this header.
        e_ehsize: u16,
        /// Size of a program header.
        e_phentsize: u16,
        /// How many program headers.
        e_phnum: u16,
        /// Size of a section header.
        e_shentsize: u16,
        /// How many section headers.
        e_shnum: u16,
        /// The section of names.
        e_shstrndx: u16,
    }

    /// A program header: one segment.
    record ["elf.h" "Elf64_Phdr" Phdr] {
        /// `PT_*`
        p_type: u32,
        /// What may be done with it.
        p_flags: u32,
        /// Where it is in the file.
        p_offset: u64,
        /// Its address, as linked.
        p_vaddr: u64,
        /// Not used.
        p_paddr: u64,
        /// Bytes in the file.
        p_filesz: u64,
        /// Bytes in memory.
        p_memsz: u64,
        /// Alignment.
        p_align: u64,
    }

    consts ["elf.h" u32] {
        /// A segment to load.
        PT_LOAD = 1,
        /// The dynamic table.
        PT_DYNAMIC = 2,
    }

    /// An entry of the dynamic table.
    record ["elf.h" "Elf64_Dyn" Dyn] {
        /// `DT_*`
        d_tag: i64,
        /// A number or an address, as the tag says.
        d_un: u64,
    }

    consts ["elf.h" i64] {
        /// The end of the table.
        DT_NULL = 0,
        /// Hash table of the symbols, System V's form.
        DT_HASH = 4,
        /// The strings.
        DT_STRTAB = 5,
        /// The symbols.
        DT_SYMTAB = 6,
        /// Hash table of the symbols, GNU's form.
        DT_GNU_HASH = 0x6ffffef5,
        /// A version number for each symbol.
        DT_VERSYM = 0x6ffffff0,
        /// What the version numbers are called.
        DT_VERDEF = 0x6ffffffc,
    }

    /// A symbol.
    record ["elf.h" "Elf64_Sym" Sym] {
        /// Its name, as an offset into the strings.
        st_name: u32,
        /// Kind and binding.
        st_info: u8,
        /// Visibility.
        st_other: u8,
        /// Its section, `SHN_UNDEF` where it is another file's.
        st_shndx: u16,
        /// Its address, as linked.
        st_value: u64,
        /// Its size.
        st_size: u64,
    }

    consts ["elf.h" u16] {
        /// No section.
        SHN_UNDEF = 0,
    }

    /// A version that the file defines.
    record ["elf.h" "Elf64_Verdef" Verdef] {
        /// Version of the format.
        vd_version: u16,
        /// `VER_FLG_*`
        vd_flags: u16,
        /// Its number in `DT_VERSYM`.
        vd_ndx: u16,
        /// How many names.
        vd_cnt: u16,
        /// Hash of its name.
        vd_hash: u32,
        /// From here to the first [`Verdaux`].
        vd_aux: u32,
        /// From here to the next definition; 0 at the last.
        vd_next: u32,
    }

    /// The name of a version.
    record ["elf.h" "Elf64_Verdaux" Verdaux] {
        /// An offset into the strings.
        vda_name: u32,
        /// From here to the next name.
        vda_next: u32,
    }
}
