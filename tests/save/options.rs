//! Tests of `save`'s options: every combination of options over every kind of FILE, compared with a model.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::process::Command;

use libtest_mimic::Trial;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::{OLD, Reader, after, failed, fine};
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, once, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![combines_all_options]
        .chain([once("save::options::syncs_as_asked", syncs_as_asked)])
        .collect()
}

const NEW: &[u8] = b"the new content, which is longer\n";

/// A combination of options.
#[derive(Clone, Copy, Debug)]
struct Options {
    append: bool,
    mode: bool,
    in_place: bool,
    no_sync: bool,
}

impl Options {
    fn all() -> impl Iterator<Item = Self> {
        (0..16).map(|bits| Self {
            append: bits & 1 != 0,
            mode: bits & 2 != 0,
            in_place: bits & 4 != 0,
            no_sync: bits & 8 != 0,
        })
    }

    fn arguments(self) -> Vec<&'static str> {
        [
            (self.append, "-a"),
            (self.mode, "-m604"),
            (self.in_place, "--in-place"),
            (self.no_sync, "--no-sync"),
        ]
        .into_iter()
        .filter_map(|(is_given, option)| is_given.then_some(option))
        .collect()
    }

    /// The mode afterwards of a regular file that had the mode `before`.
    fn mode(self, before: u32) -> u32 {
        if self.mode { 0o604 } else { before }
    }

    /// The content afterwards of a regular file that had the content `before`.
    fn content(self, before: &[u8]) -> Vec<u8> {
        match self.append {
            true => [before, NEW].concat(),
            false => NEW.to_vec(),
        }
    }

    /// Whether the old file is kept and written, not replaced by a new file.
    fn keeps_the_file(self) -> bool {
        self.append || self.in_place
    }
}

/// The mode of FILE before the run.
const OLD_MODE: u32 = 0o640;

/// A folder with an old file `f` that has a second name `g`.
fn with_two_names() -> Folder {
    let folder = Folder::with_old();
    folder.set_mode("f", OLD_MODE);
    fs::hard_link(folder.path("f"), folder.path("g")).unwrap();
    folder
}

/// A folder with `f`, a FIFO or a device with its own permissions.
fn with_node(kind: FileType) -> Option<Folder> {
    let folder = Folder::new();
    let null = makedev(1, 3);
    let mode = Mode::from_raw_mode(OLD_MODE);
    // `None` if the user may not create devices, or the file system does not support them.
    mknodat(CWD, folder.path("f"), kind, mode, null).ok()?;
    folder.set_mode("f", OLD_MODE);
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(folder.path("f"))
        .ok()?;
    Some(folder)
}

fn combines_all_options(arch: Arch) {
    may_take(LONG);
    // Under qemu-user a run takes ten times as long, so only half of the combinations run.
    for options in Options::all().filter(|options| arch.is_native() || !options.no_sync) {
        let save = |folder: &Folder, file: &str, before: &str| {
            let mut command = arch.program("save");
            command.args(options.arguments()).arg(file);
            let mut command = after(&format!("umask 027{before}"), &command);
            folder.feed(&mut command, NEW)
        };
        let what = format!("{:?}", options.arguments());

        // A new file, by its name and by a dangling symbolic link.
        for (file, link) in [("f", false), ("link", true)] {
            let folder = Folder::new();
            if link {
                symlink("f", folder.path("link")).unwrap();
            }
            assert_eq!(save(&folder, file, ""), fine(), "{what}");
            assert_eq!(folder.read("f"), NEW, "{what}");
            assert_eq!(folder.mode("f"), options.mode(0o640), "{what}");
            assert_eq!(folder.names().len(), 1 + usize::from(link), "{what}");
            assert_eq!(folder.path("link").is_symlink(), link, "{what}");
        }

        // An old file, by its name and by a symbolic link.
        for file in ["f", "link"] {
            let folder = with_two_names();
            symlink(folder.path("f"), folder.path("link")).unwrap();
            assert_eq!(save(&folder, file, ""), fine(), "{what}");
            assert_eq!(folder.read("f"), options.content(OLD), "{what}");
            assert_eq!(folder.mode("f"), options.mode(OLD_MODE), "{what}");
            let other = match options.keeps_the_file() {
                true => options.content(OLD),
                false => OLD.to_vec(),
            };
            assert_eq!(folder.read("g"), other, "{what}");
            assert!(folder.path("link").is_symlink(), "{what}");
            assert_eq!(folder.names(), ["f", "g", "link"], "{what}");
        }

        // A FIFO and a device keep their permissions: -m applies to regular files.
        if let Some(folder) = with_node(FileType::Fifo) {
            let reader = Reader::of(&folder.path("f"));
            assert_eq!(save(&folder, "f", ""), fine(), "{what}");
            let got = reader.rest();
            assert_eq!(got, NEW, "{what}");
            assert_eq!(folder.mode("f"), OLD_MODE, "{what}");
            assert_eq!(folder.names(), ["f"], "{what}");
        }
        if let Some(folder) = with_node(FileType::CharacterDevice) {
            assert_eq!(save(&folder, "f", ""), fine(), "{what}");
            let device = fs::symlink_metadata(folder.path("f")).unwrap();
            assert!(device.file_type().is_char_device(), "{what}");
            assert_eq!(folder.mode("f"), OLD_MODE, "{what}");
            assert_eq!(folder.names(), ["f"], "{what}");
        }

        // Open descriptors: a pipe, which has no permissions, and a file.
        let folder = with_two_names();
        let text = String::from_utf8_lossy(NEW);
        for path in ["/dev/stdout", "/proc/self/fd/1", "/proc/thread-self/fd/1"] {
            assert_eq!(save(&folder, path, ""), Ran::new(0, &text, ""), "{what}");
        }
        for path in ["/dev/stdout", "/dev/fd/1"] {
            let folder = with_two_names();
            assert_eq!(save(&folder, path, "; exec >>f"), fine(), "{what}");
            assert_eq!(folder.read("g"), [OLD, NEW].concat(), "{what}");
            assert_eq!(folder.mode("g"), options.mode(OLD_MODE), "{what}");
            assert_eq!(folder.names(), ["f", "g"], "{what}");
        }

        // Paths that cannot be written.
        let folder = with_two_names();
        fs::create_dir(folder.path("d")).unwrap();
        folder.set_mode("d", 0o750);
        for (path, why) in [
            ("d", "Is a directory (EISDIR)"),
            ("missing/f", "No such file or directory (ENOENT)"),
            ("f/f", "Not a directory (ENOTDIR)"),
        ] {
            let failed = failed(&format!("open {path}: {why}"));
            assert_eq!(save(&folder, path, ""), failed, "{what}");
        }
        assert_eq!(
            (folder.mode("d"), folder.mode("f")),
            (0o750, OLD_MODE),
            "{what}"
        );
        assert_eq!(folder.names(), ["d", "f", "g"], "{what}");
    }
}

/// How often each combination of options syncs, over a new file, an old file, and a device.
fn syncs_as_asked() {
    let arch = Arch::NATIVE;
    // Without -m: the mode does not affect the syncs, and could change /dev/null.
    for options in Options::all().filter(|options| !options.mode) {
        for (file, syncs) in [
            // The file, and the directory if it has a new name.
            ("new", 2),
            ("f", if options.keeps_the_file() { 1 } else { 2 }),
            ("/dev/null", 1),
        ] {
            let folder = with_two_names();
            let aside = Folder::new();
            let mut command = Command::new("strace");
            command
                .args(["-e", "trace=fsync,syncfs,sync", "-o"])
                .arg(aside.path("trace"))
                .arg(arch.shipped("save"))
                .args(options.arguments())
                .arg(file)
                .current_dir(folder.root());
            assert_eq!(run(&mut command), fine());
            let trace = fs::read_to_string(aside.path("trace")).unwrap();
            let syncs = if options.no_sync { 0 } else { syncs };
            let what = format!("{options:?} {file}: {trace}");
            let made = trace.lines().filter(|line| line.contains("sync"));
            assert_eq!(made.count(), syncs, "{what}");
        }
    }
}
