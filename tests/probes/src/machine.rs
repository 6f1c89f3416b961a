//! What the tests expect of the architecture, and not of the library.

use ring3::signal;

/// More bytes than fit into the address space beside a stack: all but 64 KiB, a multiple of every page size.
pub const TOO_MUCH: usize = usize::MAX - 0xffff;

/// What differs between the architectures.
pub struct Machine {
    /// The names that kernels and qemu-user have for the processor (`uname -m`). A kernel of 64 bits has the same name
    /// for programs of 32 bits.
    pub names: &'static [&'static [u8]],
    /// The instruction that returns to the caller, as often as it fits into four bytes.
    pub ret: [u8; 4],
    /// The exit status of a process that `arch::trap` ends, as a shell has it.
    pub trap: i64,
    /// The exit status of a process whose signal handler returns without `sa_restorer`: 0 where the kernel has the code
    /// for the return.
    pub without_restorer: i64,
}

/// The architecture of this program.
#[cfg(target_arch = "x86_64")]
pub const MACHINE: Machine = Machine {
    names: &[b"x86_64"],
    ret: [0xc3; 4],
    trap: 128 + signal::SIGILL as i64,
    without_restorer: 128 + signal::SIGSEGV as i64,
};

/// The architecture of this program.
#[cfg(target_arch = "aarch64")]
pub const MACHINE: Machine = Machine {
    names: &[b"aarch64"],
    ret: 0xd65f_03c0_u32.to_le_bytes(),
    trap: 128 + signal::SIGTRAP as i64,
    without_restorer: 0,
};

/// The architecture of this program.
#[cfg(target_arch = "riscv64")]
pub const MACHINE: Machine = Machine {
    names: &[b"riscv64"],
    ret: 0x0000_8067_u32.to_le_bytes(),
    trap: 128 + signal::SIGTRAP as i64,
    without_restorer: 0,
};

/// The architecture of this program.
#[cfg(target_arch = "x86")]
pub const MACHINE: Machine = Machine {
    names: &[b"i686", b"x86_64"],
    ret: [0xc3; 4],
    trap: 128 + signal::SIGILL as i64,
    without_restorer: 0,
};

/// The architecture of this program.
#[cfg(target_arch = "arm")]
pub const MACHINE: Machine = Machine {
    names: &[b"armv7l", b"armv8l", b"aarch64"],
    ret: 0xe12f_ff1e_u32.to_le_bytes(),
    trap: 128 + signal::SIGTRAP as i64,
    without_restorer: 0,
};
