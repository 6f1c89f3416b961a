//! The machine as a whole, and its terminals.

super::abi! {
    /// How a file system is mounted (mount(2)).
    flags ["linux/mount.h" Mount: usize] {
        /// Nothing on it gives more rights than its user has.
        MS_NOSUID = 2,
        /// No device files.
        MS_NODEV = 4,
        /// No programs.
        MS_NOEXEC = 8,
    }

    consts ["linux/reboot.h" u32] {
        /// `reboot` is meant, says the first argument,
        LINUX_REBOOT_MAGIC1 = 0xfee1dead,
        /// and the second.
        LINUX_REBOOT_MAGIC2 = 672274793,
        /// Switches the machine off.
        LINUX_REBOOT_CMD_POWER_OFF = 0x4321fedc,
    }

    consts ["asm/ioctls.h" u32] {
        /// Which process group a terminal's keys are for.
        TIOCGPGRP = 0x540f,
        /// Sets the process group that a terminal's keys are for.
        TIOCSPGRP = 0x5410,
    }

    consts ["linux/sockios.h" u32] {
        /// The flags of a network interface.
        SIOCGIFFLAGS = 0x8913,
        /// Sets them.
        SIOCSIFFLAGS = 0x8914,
        /// The number of a network interface.
        SIOCGIFINDEX = 0x8933,
    }

    consts ["linux/if.h" i16] {
        /// The interface is up.
        IFF_UP = 1,
    }

    consts ["linux/if.h" usize] {
        /// The longest name of an interface, in bytes, the zero at its end included.
        IFNAMSIZ = 16,
    }

    /// What is asked of an interface, or said of it: of the many kinds, its flags.
    record ["linux/if.h" "struct ifreq" Ifreq + 22] {
        /// Its name.
        ifr_name: [u8; IFNAMSIZ],
        /// `IFF_*`
        ifr_flags: i16,
    }

    /// `struct ifreq` as `SIOCGIFINDEX` uses it: a network interface and its number.
    record ["linux/if.h" "struct ifreq" IfreqIndex + 20] {
        /// The interface's name.
        ifr_name: [u8; IFNAMSIZ],
        /// The interface's number, from 1.
        ifr_ifindex: i32,
    }
}
