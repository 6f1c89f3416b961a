//! `save` and a loss of power: a real kernel on a disk with ext4 is stopped dead, at a random moment, while `save`
//! replaces a file there; then booted again. The file is the last one that `save` said it had written, or the
//! one that it was writing: whole, either way.
//!
//! qemu is killed: what the kernel had not yet given the disk is gone. (`make test-powercut`; each cut is a boot.)

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};
use rand::Rng;

use crate::guest::{GUESTS, Guest, Image, NOT_HERE, RUN_SCRIPT, scripts};
use crate::support::{Folder, run};
use crate::trial::{may_take, trial};

/// None but where `RING3_CUTS` says how many cuts there are to be.
pub fn trials() -> Vec<Trial> {
    let Some(cuts) = std::env::var("RING3_CUTS").ok() else {
        return Vec::new();
    };
    let cuts: usize = cuts.parse().expect("a number of cuts");
    let with_disk = GUESTS.iter().filter(|guest| guest.name != "aarch64_16k"); // its modules are compressed
    with_disk
        .map(|guest| {
            let name = format!("powercut::old_or_new_and_whole [{} kernel]", guest.name);
            trial(name, move || test(guest, cuts))
        })
        .collect()
}

/// What makes a disk of virtio's one of the kernel's, in this order.
const MODULES: [&str; 6] = [
    "virtio",
    "virtio_ring",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
];

fn test(guest: &Guest, cuts: usize) -> Completion {
    may_take(Duration::from_secs(60 * (1 + cuts as u64)));
    let folder = Folder::new();
    if let Err(why) = prepare(guest, &folder) {
        return Completion::ignored_with(why);
    }
    let mut random = rand::rng();
    let (mut last, mut old, mut new) = (None, 0, 0);
    for cut in 1..=cuts {
        let mut machine = match Machine::boot(guest, &folder) {
            Ok(machine) => machine,
            Err(why) => return Completion::ignored_with(why),
        };
        match (last, machine.found()) {
            (None, None) => {}
            // What was being written last has said nothing yet, or its line was cut off.
            (Some(last), Some(found)) if (last..=last + 2).contains(&found) => {
                if found == last {
                    old += 1
                } else {
                    new += 1
                }
            }
            (last, found) => panic!("before cut {cut}: found {found:?}, and {last:?} was saved"),
        }
        machine.run_for(Duration::from_millis(random.random_range(0..1500)));
        last = machine.cut().or(last);
    }
    println!(
        "{cuts} cuts [{}]: then {old} times the old file, {new} times the new one",
        guest.name
    );
    assert!(old + new > 0 || cuts < 2, "nothing was ever saved");
    Completion::Completed
}

/// Makes the disk, and what the kernel unpacks.
fn prepare(guest: &Guest, folder: &Folder) -> Result<(), String> {
    let disk = folder.path("disk");
    File::create(&disk).unwrap().set_len(64 << 20).unwrap();
    let mkfs = std::env::var_os("RING3_MKFS").unwrap_or("mkfs.ext4".into());
    let ran = run(Command::new(mkfs).arg("-q").arg(&disk));
    assert_eq!(ran.status, Some(0), "{ran:?}");

    let modules = guest.modules()?;
    let mut script = String::new();
    let mut image = Image::new(guest.arch, folder);
    for module in MODULES {
        let name = format!("{module}.ko");
        image.add(&name, &modules.join(&name));
        script += &format!("module /{module}.ko\n");
    }
    script += "mount /dev/vda /disk ext4\nrewrite /disk/file\n";
    std::fs::write(folder.path("script"), script).unwrap();
    image.add("script", &folder.path("script"));
    image.programs(&["save"]);
    image.probes(&["script", "rewrite"]);
    image.make();
    Ok(())
}

/// A machine that runs.
struct Machine {
    qemu: Child,
    lines: Receiver<String>,
    /// The last content that `save` said it had written.
    saved: Option<u32>,
}

impl Machine {
    /// Boots one, up to where the file is looked at; or says why there is none.
    fn boot(guest: &Guest, folder: &Folder) -> Result<Self, String> {
        let mut qemu = Command::new(scripts().join("guest.sh"))
            .arg(guest.name)
            .arg(folder.path("image"))
            .arg(RUN_SCRIPT)
            .args(["-device", "virtio-blk-pci,drive=disk", "-drive"])
            .arg(format!(
                "file={},if=none,id=disk,format=raw",
                folder.path("disk").display()
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(qemu.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line.trim_end().to_owned());
            }
        });
        let mut machine = Self {
            qemu,
            lines,
            saved: None,
        };
        let first = machine.lines.recv_timeout(Duration::from_secs(60));
        match (first, machine.qemu.try_wait().unwrap()) {
            (Ok(why), Some(status)) if status.code() == Some(NOT_HERE) => Err(why),
            (Ok(_), _) => Ok(machine),
            (Err(_), status) => panic!("no word from qemu, {status:?}"),
        }
    }

    /// What the file was: the number of its content.
    fn found(&mut self) -> Option<u32> {
        loop {
            let line = self
                .lines
                .recv_timeout(Duration::from_secs(60))
                .expect("a look at the file");
            assert!(
                !line.starts_with("status ") && !line.starts_with("init: "),
                "{line}"
            );
            if let Some(what) = line.strip_prefix("found ") {
                assert!(!line.contains("torn"), "{line}");
                return what.parse().ok();
            }
        }
    }

    fn run_for(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match self.lines.recv_timeout(left) {
                Ok(line) => self.note(&line),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("qemu ended by itself"),
            }
        }
    }

    fn note(&mut self, line: &str) {
        match line.strip_prefix("saved ").map(str::parse) {
            Some(Ok(number)) => self.saved = Some(number),
            _ => panic!("{line}"),
        }
    }

    /// Stops it dead, and says what was saved.
    fn cut(mut self) -> Option<u32> {
        self.qemu.kill().unwrap();
        self.qemu.wait().unwrap();
        let rest: Vec<_> = self.lines.iter().collect();
        for line in rest {
            // The last may be a part of one.
            if let Some(Ok(number)) = line.strip_prefix("saved ").map(str::parse::<u32>)
                && number > self.saved.unwrap_or(0)
            {
                self.saved = Some(number);
            }
        }
        self.saved
    }
}
