//! Tests of `save -a`: it appends to the file, and cuts the file back after a failure.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::OwnedFd;

use libtest_mimic::Trial;

use super::{LENGTHS, OLD, after, connection, content, failed, fine, reset};
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![
        appends,
        makes_a_file_to_append_to,
        cuts_back_beyond_a_limit,
        cuts_back_when_reading_fails,
        leaves_what_others_appended,
        refuses_to_append_a_file_to_itself,
        writes_no_message_into_the_file,
    ]
    .collect()
}

fn appends(arch: Arch) {
    let folder = Folder::with_old();
    let mut wanted = OLD.to_vec();
    for length in LENGTHS {
        let content = content(length);
        assert_eq!(folder.save(arch, &["-a", "f"], &content), fine());
        wanted.extend(&content);
        assert!(folder.read("f") == wanted, "{length} bytes of a pipe");
        fs::write(folder.path("in"), &content).unwrap();
        let input = File::open(folder.path("in")).unwrap();
        let mut command = arch.program("save");
        assert_eq!(folder.run(command.args(["-a", "f"]), input), fine());
        wanted.extend(&content);
        assert!(folder.read("f") == wanted, "{length} bytes of a file");
    }
    assert_eq!(folder.names(), ["f", "in"]);
}

fn makes_a_file_to_append_to(arch: Arch) {
    let folder = Folder::new();
    for (name, sync) in [("f", None), ("g", Some("--no-sync"))] {
        let mut command = arch.program("save");
        command.args(["-a", name]).args(sync);
        assert_eq!(folder.feed(&mut command, b"first "), fine());
        assert_eq!(folder.feed(&mut command, b"second"), fine());
        assert_eq!(folder.read(name), b"first second");
    }
    assert_eq!(folder.names(), ["f", "g"]);
}

fn cuts_back_beyond_a_limit(arch: Arch) {
    let folder = Folder::with_old();
    // The unit is 512 bytes. The limit, 51200, is in the middle of the buffer, so a write is partial.
    let mut command = arch.program("save");
    let mut command = after("ulimit -f 100", command.args(["-a", "f"]));
    let ran = folder.feed(&mut command, &content(200_000));
    assert_eq!(ran, failed("write f: File too large (EFBIG)"));
    assert_eq!(folder.read("f"), OLD);
    // A file that was created for the run stays, and is empty.
    let mut command = arch.program("save");
    let mut command = after("ulimit -f 100", command.args(["-a", "new"]));
    let ran = folder.feed(&mut command, &content(200_000));
    assert_eq!(ran, failed("write new: File too large (EFBIG)"));
    assert!(folder.read("new").is_empty());
}

/// Appends from a connection. Calls `meanwhile` when some bytes are in the file, then resets the connection.
fn append_and_reset(arch: Arch, folder: &Folder, meanwhile: impl FnOnce()) -> Ran {
    let (mut ours, its) = connection();
    let length = || fs::metadata(folder.path("f")).unwrap().len();
    let before = length();
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| {
            let mut command = arch.program("save");
            folder.run(command.args(["-a", "f"]), OwnedFd::from(its))
        });
        ours.write_all(&content(100_000)).unwrap();
        wait_until("all bytes are appended", || length() == before + 100_000);
        meanwhile();
        reset(ours);
        ran.join().unwrap()
    })
}

const RESET: &str = "read stdin: Connection reset by peer (ECONNRESET)";

fn cuts_back_when_reading_fails(arch: Arch) {
    let folder = Folder::with_old();
    assert_eq!(append_and_reset(arch, &folder, || ()), failed(RESET));
    assert_eq!(folder.read("f"), OLD);
}

/// If other processes have appended too, `save` must not cut the file back.
fn leaves_what_others_appended(arch: Arch) {
    let folder = Folder::with_old();
    let ran = append_and_reset(arch, &folder, || {
        let mut file = OpenOptions::new()
            .append(true)
            .open(folder.path("f"))
            .unwrap();
        file.write_all(b"of others").unwrap();
    });
    let left = format!("{RESET}\nsave: f has 100000 bytes of the input");
    assert_eq!(ran, failed(&left));
    let wanted = [OLD, &content(100_000), b"of others"].concat();
    assert!(folder.read("f") == wanted);
}

fn refuses_to_append_a_file_to_itself(arch: Arch) {
    let folder = Folder::with_old();
    fs::hard_link(folder.path("f"), folder.path("g")).unwrap();
    for name in ["f", "g"] {
        let input = File::open(folder.path("f")).unwrap();
        let ran = folder.run(arch.program("save").args(["-a", name]), input);
        let message = format!("append to itself {name}: Invalid argument (EINVAL)");
        assert_eq!(ran, failed(&message));
    }
    assert_eq!(folder.read("f"), OLD);
    // A device is not a file that would grow by its own content.
    let input = File::open("/dev/null").unwrap();
    let ran = folder.run(arch.program("save").args(["-a", "/dev/null"]), input);
    assert_eq!(ran, fine());
}

/// If standard error is closed, the opened file would get its number.
fn writes_no_message_into_the_file(arch: Arch) {
    let folder = Folder::with_old();
    for closed in ["exec 2>&-", "exec >&- 2>&-"] {
        for appending in [None, Some("-a")] {
            let mut command = arch.program("save");
            command.args(appending).arg("f");
            let mut command = after(&format!("ulimit -f 100; {closed}"), &command);
            let ran = folder.feed(&mut command, &content(200_000));
            assert_eq!(ran, Ran::new(1, "", ""));
            assert_eq!(folder.read("f"), OLD);
        }
    }
}
