//! Constants and structures for the whole machine: mounts, reboot, terminals and network interfaces.

super::abi! {
    /// Options of a mount (mount(2)).
    flags ["linux/mount.h" Mount: usize] {
        /// Nothing can be written.
        MS_RDONLY = 0x1,
        /// Programs with the set-user-ID or set-group-ID bit gain no rights.
        MS_NOSUID = 2,
        /// Device files of the mounted file system can't be opened.
        MS_NODEV = 4,
        /// Programs of the mounted file system can't be executed.
        MS_NOEXEC = 8,
        /// Each write waits for the disk.
        MS_SYNCHRONOUS = 0x10,
        /// Changes the options of an existing mount.
        MS_REMOUNT = 0x20,
        /// Permits mandatory locks. Has no effect since Linux 5.15.
        MS_MANDLOCK = 0x40,
        /// Each change of a directory waits for the disk.
        MS_DIRSYNC = 0x80,
        /// Does not follow symbolic links.
        MS_NOSYMFOLLOW = 0x100,
        /// Reads do not change the time of the last access.
        MS_NOATIME = 0x400,
        /// Reads of directories do not change the time of the last access.
        MS_NODIRATIME = 0x800,
        /// Makes a directory or file visible at another place.
        MS_BIND = 0x1000,
        /// Moves a mount to another place.
        MS_MOVE = 0x2000,
        /// With `MS_BIND` or a kind of propagation: applies to all mounts below.
        MS_REC = 0x4000,
        /// Keeps messages out of the kernel's log.
        MS_SILENT = 0x8000,
        /// Checks access control lists. File systems set it themselves.
        MS_POSIXACL = 0x10000,
        /// Propagation: as `MS_PRIVATE`, and can't be bound.
        MS_UNBINDABLE = 0x20000,
        /// Propagation: mounts below do not appear in other places.
        MS_PRIVATE = 0x40000,
        /// Propagation: mounts below appear here when made in the master, not the other way.
        MS_SLAVE = 0x80000,
        /// Propagation: mounts below appear in all places of the group.
        MS_SHARED = 0x100000,
        /// Reads change the time of the last access only if it is older than the last change, or a day old.
        MS_RELATIME = 0x200000,
        /// Counts the changes of each inode.
        MS_I_VERSION = 0x800000,
        /// Each read changes the time of the last access.
        MS_STRICTATIME = 0x1000000,
        /// Keeps changes of times in memory for up to a day.
        MS_LAZYTIME = 0x2000000,
    }

    consts ["linux/reboot.h" u32] {
        /// The first argument of `reboot`, a guard against accidental calls.
        LINUX_REBOOT_MAGIC1 = 0xfee1dead,
        /// The second argument of `reboot`, also a guard.
        LINUX_REBOOT_MAGIC2 = 672274793,
        /// Another value of the second argument.
        LINUX_REBOOT_MAGIC2A = 85072278,
        /// Another value of the second argument.
        LINUX_REBOOT_MAGIC2B = 369367448,
        /// Another value of the second argument.
        LINUX_REBOOT_MAGIC2C = 537993216,
        /// Restarts the machine.
        LINUX_REBOOT_CMD_RESTART = 0x1234567,
        /// Halts the machine.
        LINUX_REBOOT_CMD_HALT = 0xcdef0123,
        /// Ctrl-Alt-Del restarts the machine at once.
        LINUX_REBOOT_CMD_CAD_ON = 0x89abcdef,
        /// Ctrl-Alt-Del sends `SIGINT` to process 1.
        LINUX_REBOOT_CMD_CAD_OFF = 0x0,
        /// Switches the machine off.
        LINUX_REBOOT_CMD_POWER_OFF = 0x4321fedc,
        /// Restarts the machine, with a string for the firmware.
        LINUX_REBOOT_CMD_RESTART2 = 0xa1b2c3d4,
        /// Suspends the machine to disk.
        LINUX_REBOOT_CMD_SW_SUSPEND = 0xd000fce2,
        /// Starts a kernel that was loaded before (kexec_load(2)).
        LINUX_REBOOT_CMD_KEXEC = 0x45584543,
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
    record ["linux/if.h" "struct ifreq" Ifreq + { 22, bits32 14 }] {
        /// The interface's name.
        ifr_name: [u8; IFNAMSIZ],
        /// `IFF_*`
        ifr_flags: i16,
    }

    /// `struct ifreq` as `SIOCGIFINDEX` uses it: a network interface and its number.
    record ["linux/if.h" "struct ifreq" IfreqIndex + { 20, bits32 12 }] {
        /// The interface's name.
        ifr_name: [u8; IFNAMSIZ],
        /// The interface's number, from 1.
        ifr_ifindex: i32,
    }

    /// How umount2(2) removes a mount.
    flags ["sys/mount.h" Umount: u32] {
        /// Aborts pending requests. Data can be lost.
        MNT_FORCE = 1,
        /// The mount disappears at once, and ends when it is no longer used.
        MNT_DETACH = 2,
        /// Fails with `EAGAIN` the first time; removes the mount if it is not used up to the second time.
        MNT_EXPIRE = 4,
        /// If the path's last component is a symbolic link, fails.
        UMOUNT_NOFOLLOW = 8,
    }

    /// Flags of getrandom(2).
    flags ["linux/random.h" Grnd: u32] {
        /// Fails with `EAGAIN` instead of waiting until the generator is seeded.
        GRND_NONBLOCK = 0x1,
        /// As /dev/random. The same as no flag since Linux 5.6.
        GRND_RANDOM = 0x2,
        /// Does not wait until the generator is seeded: the bytes may be predictable.
        GRND_INSECURE = 0x4,
    }

    /// The names of the kernel and of the machine. Each ends with a zero.
    record ["linux/utsname.h" "struct new_utsname" Utsname] {
        /// The system.
        sysname: [u8; 65],
        /// The machine's name.
        nodename: [u8; 65],
        /// The kernel's release.
        release: [u8; 65],
        /// The kernel's build.
        version: [u8; 65],
        /// The architecture.
        machine: [u8; 65],
        /// The NIS domain.
        domainname: [u8; 65],
    }

    consts ["linux/sysinfo.h" u32] {
        /// The bits after the point in `Sysinfo::loads`.
        SI_LOAD_SHIFT = 16,
    }

    /// The machine's memory, load and uptime.
    record ["linux/sysinfo.h" "struct sysinfo" Sysinfo] {
        /// Seconds since boot.
        uptime: isize,
        /// The load averages of 1, 5 and 15 minutes, in units of 1/65,536.
        loads: [usize; 3],
        /// The memory that the kernel manages, in units of `mem_unit` bytes.
        totalram: usize,
        /// The free memory, in the same unit.
        freeram: usize,
        /// The memory of `tmpfs` and shared mappings, in the same unit.
        sharedram: usize,
        /// The memory of buffers, in the same unit.
        bufferram: usize,
        /// The swap space, in the same unit.
        totalswap: usize,
        /// The free swap space, in the same unit.
        freeswap: usize,
        /// The number of processes and threads.
        procs: u16,
        /// Padding.
        pad: u16,
        /// The high memory of 32-bit kernels, in units of `mem_unit` bytes.
        totalhigh: usize,
        /// The free high memory, in the same unit.
        freehigh: usize,
        /// The unit of the sizes, in bytes.
        mem_unit: u32,
        /// Padding.
        _f: [u8; 20 - 2 * size_of::<usize>() - size_of::<u32>()],
    }
}
