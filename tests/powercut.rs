//! A test of `save` with power cuts: a real kernel with a disk (ext4) is stopped at a random moment while `save`
//! replaces a file there. After the next boot the file must be complete: either the last content that `save` reported
//! as written, or the content that it was writing.
//!
//! A power cut is a kill of qemu: writes that the kernel has not yet sent to the disk are lost. (`make test-powercut`;
//! each cut needs a boot.)

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::guest::{Guest, Image, NOT_HERE, RUN_SCRIPT, guests, scripts};
use crate::support::{Folder, run};
use crate::trial::{may_take, trial};

/// Returns no tests unless `RING3_CUTS` is set, the number of cuts.
pub fn trials() -> Vec<Trial> {
    let Some(cuts) = std::env::var("RING3_CUTS").ok() else {
        return Vec::new();
    };
    let cuts: usize = cuts.parse().expect("a number of cuts");
    let with_disk = guests().filter(|guest| guest.name != "aarch64_16k"); // its modules are compressed
    with_disk
        .map(|guest| {
            let name = format!("powercut::old_or_new_and_whole [{} kernel]", guest.name);
            trial(name, move || test(guest, cuts))
        })
        .collect()
}

/// The kernel modules of a virtio disk, in the order of loading.
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
    let mut random = SmallRng::from_os_rng();
    let (mut last, mut old, mut new) = (None, 0, 0);
    for cut in 1..=cuts {
        let mut machine = match Machine::boot(guest, &folder) {
            Ok(machine) => machine,
            Err(why) => return Completion::ignored_with(why),
        };
        match (last, machine.found()) {
            (None, None) => {}
            // `found` may be newer: the cut came before `save` reported this content, or within the line of the report.
            (Some(last), Some(found)) if (last..=last + 2).contains(&found) => {
                if found == last {
                    old += 1
                } else {
                    new += 1
                }
            }
            (last, found) => panic!("before cut {cut}: found {found:?}, but {last:?} was saved"),
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

/// Creates the disk and the initramfs.
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

/// A running machine.
struct Machine {
    qemu: Child,
    lines: Receiver<String>,
    /// The last content that `save` has reported as written.
    saved: Option<u32>,
}

impl Machine {
    /// Boots a machine, until the probe reports what the file holds. `Err` with the reason if it cannot boot here.
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
            (Err(_), status) => panic!("no output from qemu, {status:?}"),
        }
    }

    /// The number of the content that the file held after the boot.
    fn found(&mut self) -> Option<u32> {
        loop {
            let line = self
                .lines
                .recv_timeout(Duration::from_secs(60))
                .expect("the probe reports what the file holds");
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

    /// Kills the machine. Returns the number of the last saved content.
    fn cut(mut self) -> Option<u32> {
        self.qemu.kill().unwrap();
        self.qemu.wait().unwrap();
        let rest: Vec<_> = self.lines.iter().collect();
        for line in rest {
            // The last line may be incomplete.
            if let Some(Ok(number)) = line.strip_prefix("saved ").map(str::parse::<u32>)
                && number > self.saved.unwrap_or(0)
            {
                self.saved = Some(number);
            }
        }
        self.saved
    }
}
