//! ELF, the file format of programs (elf(5)): the structures needed to find a symbol in the vDSO.

super::abi! {
    /// The header at the beginning of every file.
    record ["link.h" "ElfW(Ehdr)" Ehdr] {
        /// Magic, class, byte order.
        e_ident: [u8; 16],
        /// Kind of file.
        e_type: u16,
        /// Architecture.
        e_machine: u16,
        /// Version of the format.
        e_version: u32,
        /// Address of the entry point.
        e_entry: usize,
        /// Offset of the program headers.
        e_phoff: usize,
        /// Offset of the section headers.
        e_shoff: usize,
        /// Flags of the architecture.
        e_flags: u32,
        /// Size of this header.
        e_ehsize: u16,
        /// Size of a program header.
        e_phentsize: u16,
        /// The number of program headers.
        e_phnum: u16,
        /// Size of a section header.
        e_shentsize: u16,
        /// The number of section headers.
        e_shnum: u16,
        /// Index of the section that holds the sections' names.
        e_shstrndx: u16,
    }

    /// A program header, which describes a segment.
    record ["link.h" "ElfW(Phdr)" Phdr] {
        /// `PT_*`
        p_type: u32,
        /// The permissions: read, write, execute.
        #[cfg(target_pointer_width = "64")]
        p_flags: u32,
        /// Offset in the file.
        p_offset: usize,
        /// Address, as linked.
        p_vaddr: usize,
        /// Not used.
        p_paddr: usize,
        /// Bytes in the file.
        p_filesz: usize,
        /// Bytes in memory; bytes beyond `p_filesz` are zero.
        p_memsz: usize,
        /// The permissions: read, write, execute.
        #[cfg(target_pointer_width = "32")]
        p_flags: u32,
        /// Alignment.
        p_align: usize,
    }

    consts ["elf.h" u32] {
        /// A segment to load.
        PT_LOAD = 1,
        /// The dynamic table.
        PT_DYNAMIC = 2,
    }

    /// An entry of the dynamic table.
    record ["link.h" "ElfW(Dyn)" Dyn] {
        /// `DT_*`
        d_tag: isize,
        /// A number or an address, depending on the tag.
        d_un: usize,
    }

    consts ["elf.h" isize] {
        /// The end of the table.
        DT_NULL = 0,
        /// Address of the symbols' hash table, in System V's format.
        DT_HASH = 4,
        /// Address of the strings.
        DT_STRTAB = 5,
        /// Address of the symbols.
        DT_SYMTAB = 6,
        /// Address of the symbols' hash table, in GNU's format.
        DT_GNU_HASH = 0x6ffffef5,
        /// Address of the version numbers, one for each symbol.
        DT_VERSYM = 0x6ffffff0,
        /// Address of the definitions of the versions: their numbers and names.
        DT_VERDEF = 0x6ffffffc,
    }

    /// A symbol.
    record ["link.h" "ElfW(Sym)" Sym] {
        /// The symbol's name, as an offset into the strings.
        st_name: u32,
        /// Kind and binding.
        #[cfg(target_pointer_width = "64")]
        st_info: u8,
        /// Visibility.
        #[cfg(target_pointer_width = "64")]
        st_other: u8,
        /// The section's index; `SHN_UNDEF` if another file defines the symbol.
        #[cfg(target_pointer_width = "64")]
        st_shndx: u16,
        /// The symbol's address, as linked.
        st_value: usize,
        /// The symbol's size in bytes.
        st_size: usize,
        /// Kind and binding.
        #[cfg(target_pointer_width = "32")]
        st_info: u8,
        /// Visibility.
        #[cfg(target_pointer_width = "32")]
        st_other: u8,
        /// The section's index; `SHN_UNDEF` if another file defines the symbol.
        #[cfg(target_pointer_width = "32")]
        st_shndx: u16,
    }

    consts ["elf.h" u16] {
        /// Not a section: the symbol is undefined in this file.
        SHN_UNDEF = 0,
    }

    /// A version that the file defines.
    record ["link.h" "ElfW(Verdef)" Verdef] {
        /// Version of the format.
        vd_version: u16,
        /// `VER_FLG_*`
        vd_flags: u16,
        /// The version's number in `DT_VERSYM`.
        vd_ndx: u16,
        /// The number of names; the first is the version's own.
        vd_cnt: u16,
        /// Hash of the version's name.
        vd_hash: u32,
        /// Offset from this structure to the first [`Verdaux`].
        vd_aux: u32,
        /// Offset from this structure to the next definition; 0 in the last.
        vd_next: u32,
    }

    /// A name of a version definition.
    record ["link.h" "ElfW(Verdaux)" Verdaux] {
        /// The name, as an offset into the strings.
        vda_name: u32,
        /// Offset from this structure to the next name.
        vda_next: u32,
    }
}
