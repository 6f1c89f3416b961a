//! Constants and structures for the whole machine: mounts, reboot, terminals and network interfaces.

super::abi! {
    /// Options of a mount (mount(2)).
    flags ["linux/mount.h" Mount: usize] {
        /// Programs with the set-user-ID or set-group-ID bit gain no rights.
        MS_NOSUID = 2,
        /// Device files of the mounted file system can't be opened.
        MS_NODEV = 4,
        /// Programs of the mounted file system can't be executed.
        MS_NOEXEC = 8,
    }

    consts ["linux/reboot.h" u32] {
        /// The first argument of `reboot`, a guard against accidental calls.
        LINUX_REBOOT_MAGIC1 = 0xfee1dead,
        /// The second argument of `reboot`, also a guard.
        LINUX_REBOOT_MAGIC2 = 672274793,
        /// Switches the machine off.
        LINUX_REBOOT_CMD_POWER_OFF = 0x4321fedc,
    }

    consts ["asm/ioctls.h" u32] {
        /// Reads a terminal's foreground process group.
        TIOCGPGRP = 0x540f,
        /// Sets a terminal's foreground process group.
        TIOCSPGRP = 0x5410,
    }

    consts ["linux/sockios.h" u32] {
        /// Reads the flags of a network interface.
        SIOCGIFFLAGS = 0x8913,
        /// Sets the flags of a network interface.
        SIOCSIFFLAGS = 0x8914,
        /// Reads the number of a network interface.
        SIOCGIFINDEX = 0x8933,
    }

    consts ["linux/if.h" i16] {
        /// The interface is up.
        IFF_UP = 1,
    }

    consts ["linux/if.h" usize] {
        /// The longest name of an interface, in bytes, including the zero at the end.
        IFNAMSIZ = 16,
    }

    /// A request about a network interface. Of the structure's union, this has the flags.
    record ["linux/if.h" "struct ifreq" Ifreq + 22] {
        /// The interface's name.
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
