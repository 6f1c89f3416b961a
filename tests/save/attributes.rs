//! Tests of permissions, owner, group and access control list: which of them `save` keeps, and which change.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use libtest_mimic::{Completion, Trial};
use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::io::Errno;

use super::{OLD, after, failed, fine};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![
        takes_the_umask_from_a_new_file,
        sets_the_given_mode,
        sets_the_mode_where_root_does_not_write,
        opens_no_new_file_to_others_while_appending,
        keeps_permissions,
        keeps_owner_and_group,
        keeps_the_owner_or_refuses,
        keeps_an_access_control_list,
        takes_no_default_access_control_list,
    ]
    .collect()
}

pub const NOBODY: u32 = 65534;

impl Folder {
    pub fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    pub fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    /// `save` with the rights of the user nobody, who may write into this folder.
    pub fn unprivileged_save(&self, arch: Arch) -> Command {
        let program = self.path("save");
        if !program.exists() {
            // Copied by a separate process. If this process opened the file for writing, its children would hold the
            // descriptor for a moment, and execve would fail with ETXTBSY.
            let copied = Command::new("cp")
                .arg(arch.shipped("save"))
                .arg(&program)
                .status();
            assert!(copied.unwrap().success());
        }
        self.set_mode("save", 0o755);
        self.set_mode("", 0o777);
        let mut command = arch.command(program);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

fn takes_the_umask_from_a_new_file(arch: Arch) {
    let folder = Folder::new();
    for (umask, mode) in [
        ("000", 0o666),
        ("022", 0o644),
        ("027", 0o640),
        ("777", 0o000),
    ] {
        for arguments in [[umask, "--no-sync"], ["-a", &format!("{umask}a")]] {
            let mut command = arch.program("save");
            let mut command = after(&format!("umask {umask}"), command.args(arguments));
            assert_eq!(folder.feed(&mut command, b"new"), fine());
            let name = arguments.into_iter().find(|name| name.starts_with(umask));
            assert_eq!(folder.mode(name.unwrap()), mode, "umask {umask}");
        }
    }
}

fn sets_the_given_mode(arch: Arch) {
    for (text, mode) in [
        ("0", 0o000),
        ("400", 0o400),
        ("0666", 0o666),
        ("4751", 0o4751),
        ("7777", 0o7777),
    ] {
        for appending in [None, Some("-a")] {
            let folder = Folder::with_old();
            for file in ["f", "new"] {
                let mut command = arch.program("save");
                command.args(["-m", text]).args(appending).arg(file);
                let mut command = after("umask 077", &command);
                assert_eq!(folder.feed(&mut command, b"new"), fine());
                assert_eq!(folder.mode(file), mode, "{file}");
            }
        }
    }
}

/// A write by an unprivileged user clears the set-user-ID bit, so `save` must set the mode after it.
fn sets_the_mode_where_root_does_not_write(arch: Arch) {
    for option in ["--in-place", "-a", "--no-sync"] {
        let folder = Folder::new();
        let save = |arguments: &[&str]| {
            let mut command = folder.unprivileged_save(arch);
            assert_eq!(folder.feed(command.args(arguments), b"new"), fine());
        };
        save(&["f"]);
        save(&[option, "-m", "4751", "f"]);
        assert_eq!(folder.mode("f"), 0o4751, "{option}");
    }
}

/// A new file with an explicit mode must not be accessible to other users at any moment.
fn opens_no_new_file_to_others_while_appending(arch: Arch) {
    let folder = Folder::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = arch.program("save");
    command.args(["-a", "-m", "640", "f"]);
    let mut command = after("umask 022", &command);
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| folder.run(&mut command, reader));
        (&writer).write_all(b"new").unwrap();
        wait_until("save appends", || folder.path("f").exists());
        assert_eq!(folder.mode("f"), 0o600);
        drop(writer);
        assert_eq!(ran.join().unwrap(), fine());
    });
    assert_eq!(folder.mode("f"), 0o640);
}

fn keeps_permissions(arch: Arch) {
    for mode in [
        0o000, 0o200, 0o400, 0o444, 0o600, 0o640, 0o666, 0o755, 0o1644, 0o2755, 0o4755, 0o6711,
    ] {
        let folder = Folder::with_old();
        folder.set_mode("f", mode);
        let mut command = arch.program("save");
        let mut command = after("umask 077", command.arg("f"));
        assert_eq!(folder.feed(&mut command, b"new"), fine());
        assert_eq!(folder.mode("f"), mode);
        folder.set_mode("f", 0o600);
        assert_eq!(folder.read("f"), b"new");
    }
}

fn needs_root() -> Completion {
    Completion::ignored_with(skip::ROOT)
}

fn keeps_owner_and_group(arch: Arch) -> Completion {
    if !rustix::process::geteuid().is_root() {
        return needs_root();
    }
    let folder = Folder::with_old();
    chown(folder.path("f"), Some(1234), Some(2345)).unwrap();
    folder.set_mode("f", 0o6751);
    assert_eq!(folder.save(arch, &["f"], b"new"), fine());
    let metadata = fs::metadata(folder.path("f")).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (1234, 2345));
    assert_eq!(folder.mode("f"), 0o6751);
    Completion::Completed
}

/// A user in the group of the directory and the file may write the file, but cannot keep its owner.
fn keeps_the_owner_or_refuses(arch: Arch) -> Completion {
    if !rustix::process::geteuid().is_root() {
        return needs_root();
    }
    for (group, mode) in [(NOBODY, 0o6664), (2345, 0o646)] {
        let folder = Folder::with_old();
        let attributes = || {
            let metadata = fs::metadata(folder.path("f")).unwrap();
            let owner = (metadata.uid(), metadata.gid());
            (owner, metadata.ino(), metadata.mode() & 0o777)
        };
        chown(folder.path("f"), Some(1234), Some(group)).unwrap();
        folder.set_mode("f", mode);
        let mut command = folder.unprivileged_save(arch);
        let before = attributes();
        let message = "set owner of f: Operation not permitted (EPERM): \
                       its owner or group would change; --in-place writes into it";
        assert_eq!(folder.feed(command.arg("f"), b"new"), failed(message));
        assert_eq!(folder.read("f"), OLD);
        assert_eq!(folder.mode("f"), mode);

        let mut command = folder.unprivileged_save(arch);
        let ran = folder.feed(command.args(["--in-place", "f"]), b"new");
        assert_eq!(ran, fine());
        assert_eq!(folder.read("f"), b"new");
        assert_eq!(attributes(), before);
        assert_eq!(folder.names(), ["f", "save"]);
    }
    // If the file could not be overwritten either, the message does not suggest --in-place.
    let folder = Folder::with_old();
    chown(folder.path("f"), Some(1234), Some(2345)).unwrap();
    let mut command = folder.unprivileged_save(arch);
    let message = "set owner of f: Operation not permitted (EPERM)";
    assert_eq!(folder.feed(command.arg("f"), b"new"), failed(message));
    assert_eq!(folder.read("f"), OLD);
    Completion::Completed
}

/// An access control list in the format of extended attributes (linux/posix_acl_xattr.h): the user 1234 may read and
/// write, the group has no rights.
pub fn list() -> Vec<u8> {
    const NO_ID: u32 = u32::MAX;
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 6, NO_ID), // ACL_USER_OBJ
        (0x02, 6, 1234),  // ACL_USER
        (0x04, 0, NO_ID), // ACL_GROUP_OBJ
        (0x10, 6, NO_ID), // ACL_MASK
        (0x20, 0, NO_ID), // ACL_OTHER
    ];
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    list
}

pub const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

impl Folder {
    /// Sets a list, where the file system has lists.
    fn set_list(&self, name: &str, attribute: &str) -> Result<(), Completion> {
        match setxattr(self.path(name), attribute, &list(), XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP) => Err(Completion::ignored_with(skip::ACCESS_LISTS)),
            result => {
                result.unwrap();
                Ok(())
            }
        }
    }

    fn list(&self, name: &str) -> Option<Vec<u8>> {
        let mut value = vec![0; 1000];
        match getxattr(self.path(name), ACCESS, &mut value[..]) {
            Err(Errno::NODATA) => None,
            length => Some(value[..length.unwrap()].to_vec()),
        }
    }
}

fn keeps_an_access_control_list(arch: Arch) -> Completion {
    let folder = Folder::with_old();
    if let Err(ignored) = folder.set_list("f", ACCESS) {
        return ignored;
    }
    assert_eq!(folder.mode("f"), 0o660);
    assert_eq!(folder.save(arch, &["f"], b"new"), fine());
    assert_eq!(folder.list("f"), Some(list()));
    assert_eq!(folder.mode("f"), 0o660);
    assert_eq!(folder.read("f"), b"new");
    Completion::Completed
}

/// A new file gets the default list of its directory. A file that existed without a list keeps its own permissions.
fn takes_no_default_access_control_list(arch: Arch) -> Completion {
    let folder = Folder::with_old();
    folder.set_mode("f", 0o640);
    if let Err(ignored) = folder.set_list("", DEFAULT) {
        return ignored;
    }
    assert_eq!(folder.save(arch, &["f"], b"new"), fine());
    assert_eq!(folder.list("f"), None);
    assert_eq!(folder.mode("f"), 0o640);
    assert_eq!(folder.save(arch, &["new"], b"new"), fine());
    assert_eq!(folder.list("new"), Some(list()));
    assert_eq!(folder.read("f"), b"new");
    Completion::Completed
}
