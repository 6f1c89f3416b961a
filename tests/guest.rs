//! Guests: virtual machines that boot a real kernel under qemu-system, with `init` as the first process and only
//! programs of this project. Each guest boots once and runs the script of all tests; each test then checks a part of
//! the transcript.
//!
//! `scripts/guest.sh` boots the kernels that the set-up found. If there is none, the script reports the reason, and
//! every test of this guest is skipped with that reason.

mod pages;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::support::{Arch, Folder, programs_except};
use crate::trial::{Verdict, counted, may_take, trial};

/// The time limit for a guest to boot, run its whole script, and power off.
const BOOT: Duration = Duration::from_secs(300);

/// A virtual machine with a real kernel.
pub struct Guest {
    /// The name that `scripts/guest.sh` uses.
    pub name: &'static str,
    pub arch: Arch,
    session: OnceLock<Result<Session, String>>,
}

impl Guest {
    const fn new(name: &'static str, arch: Arch) -> Self {
        Self {
            name,
            arch,
            session: OnceLock::new(),
        }
    }

    /// The folder of the kernel's modules, or the reason why there is none.
    pub fn modules(&self) -> Result<PathBuf, String> {
        let env = scripts().join("../target/setup/env.sh");
        let env = fs::read_to_string(env).unwrap_or_default();
        let value = |key: &str| {
            let line = env
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{key}_{}='", self.name)));
            line.and_then(|line| line.strip_suffix('\''))
        };
        match (value("NO_GUEST"), value("KERNEL")) {
            (Some(""), Some(kernel)) => Ok(Path::new(kernel).join("modules")),
            (why, _) => Err(why
                .unwrap_or("set-up has not looked for a kernel")
                .to_owned()),
        }
    }

    /// The transcript of the guest's session, or the reason why the guest cannot boot here. Boots the guest at the
    /// first call.
    pub fn session(&self) -> &Result<Session, String> {
        may_take(2 * BOOT); // two other guests may boot before
        self.session.get_or_init(|| {
            let folder = Folder::new();
            self.initramfs(&folder);
            self.boot(&folder, &[], BOOT)
        })
    }

    /// Whether the page size of the guest is not 4 KiB.
    fn has_other_pages(&self) -> bool {
        self.name.ends_with("_16k")
    }

    /// Makes the initramfs for the guest's kernel.
    fn initramfs(&self, folder: &Folder) {
        let mut random = SmallRng::seed_from_u64(1);
        // Enough lines that `msort` uses more than one thread.
        let mut lines: Vec<String> = (0..100_000)
            .map(|_| {
                format!(
                    "{:x} a line\n",
                    random.random::<u64>() >> random.random_range(0..60)
                )
            })
            .collect();
        fs::write(folder.path("lines"), lines.concat()).unwrap();
        lines.sort();
        fs::write(folder.path("sorted"), lines.concat()).unwrap();

        let mut image = Image::new(self.arch, folder);
        image.programs(&programs_except(&["init"])); // `new` added it
        image.probes(&["selftest", "script"]);
        let mut script = SCRIPT.to_owned();
        if self.has_other_pages() {
            script += &pages::script();
            pages::add_to(&mut image, folder);
        }
        fs::write(folder.path("script"), script).unwrap();
        for file in ["lines", "sorted", "script"] {
            image.add(file, &folder.path(file));
        }
        image.make();
    }

    /// Boots the guest from the folder's `image`, with additional options for qemu, and waits until it is off. `Err`
    /// with the reason if it cannot boot here.
    pub fn boot(
        &self,
        folder: &Folder,
        options: &[&str],
        most: Duration,
    ) -> Result<Session, String> {
        let mut guest = Command::new(scripts().join("guest.sh"))
            .arg(self.name)
            .arg(folder.path("image"))
            .arg(RUN_SCRIPT)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut terminal = guest.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            terminal.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).replace('\r', "")
        });
        let begin = counted();
        let status = loop {
            if let Some(status) = guest.try_wait().unwrap() {
                break Some(status);
            }
            if counted().saturating_sub(begin) > most {
                guest.kill().unwrap();
                guest.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let mut text = reader.join().unwrap();
        if status.is_none() {
            text += &format!("\nkilled after {} s, its limit", most.as_secs());
        }
        match status.and_then(|status| status.code()) {
            Some(NOT_HERE) => Err(text.trim().to_owned()),
            code => Ok(Session {
                text,
                off: code == Some(0),
            }),
        }
    }
}

static GUESTS: [Guest; 5] = [
    Guest::new("x86_64", Arch::X86_64),
    Guest::new("aarch64", Arch::Aarch64),
    Guest::new("aarch64_16k", Arch::Aarch64), // with pages of 16 KiB
    Guest::new("riscv64", Arch::Riscv64),
    Guest::new("arm", Arch::Arm),
];

/// The guests of this run's architectures.
pub fn guests() -> impl Iterator<Item = &'static Guest> {
    let tested: Vec<_> = Arch::tested().collect();
    GUESTS
        .iter()
        .filter(move |guest| tested.contains(&guest.arch))
}

impl Guest {
    /// The trial of a test in this guest.
    fn trial<V: Verdict + 'static>(
        &'static self,
        name: &str,
        test: impl FnOnce(&Session) -> V + Send + 'static,
    ) -> Trial {
        trial(
            format!("guest::{name} [{} kernel]", self.name),
            move || match self.session() {
                Ok(session) => test(session).completion(),
                Err(why) => Completion::ignored_with(why.clone()),
            },
        )
    }
}

/// The trials of a test: one for each guest.
fn per_guest<V: Verdict + 'static>(
    name: &str,
    test: fn(&Session) -> V,
) -> impl Iterator<Item = Trial> {
    guests().map(move |guest| guest.trial(name, test))
}

pub fn trials() -> Vec<Trial> {
    per_guest("hello_speaks", hello_speaks)
        .chain(per_guest("save_writes", save_writes))
        .chain(per_guest("msort_sorts", msort_sorts))
        .chain(per_guest("pipe_joins", pipe_joins))
        .chain(per_guest("echod_echoes", echod_echoes))
        .chain(per_guest("probe_checks", probe_checks))
        .chain(per_guest("init_reaps", init_reaps))
        .chain(per_guest("init_powers_off", init_powers_off))
        .chain(pages::trials())
        .collect()
}

/// The script that each guest runs; `tests/probes/src/bin/script.rs` describes the commands.
pub const SCRIPT: &str = "\
selftest
selftest --child orphan < /dev/null
hello Ada Grace
pipe hello | save greeting
save /proc/self/fd/1 < greeting
msort -o in-order lines
same in-order sorted
pipe msort -r lines | msort | save joined
same joined sorted
echod -l 127.0.0.1:7007 > address &
wait address
echoc -c 8 -s 1000 --verify 127.0.0.1:7007
echoc -c 2 -s 200000 -d 2 --verify 127.0.0.1:7007
probe 127.0.0.1:7007 tcp://127.0.0.1:7007 -- hello probe
probe 127.0.0.1:7008
kill
";

/// The output on a guest's terminal.
pub struct Session {
    pub text: String,
    /// Whether the machine was switched off within the time limit.
    pub off: bool,
}

impl Session {
    /// The lines that a command of the script printed.
    pub fn of(&self, command: &str) -> Vec<&str> {
        let mut lines = self.text.lines();
        assert!(
            lines.any(|line| line.strip_prefix("$ ") == Some(command)),
            "{command} was not run: {}",
            self.text
        );
        lines
            .filter(|line| !line.starts_with(ORPHAN)) // such a line may appear at any moment
            .take_while(|line| !line.starts_with("$ ") && !line.starts_with("init: "))
            .collect()
    }

    /// Checks that a command printed exactly these lines.
    fn says(&self, command: &str, lines: &[&str]) {
        assert_eq!(self.of(command), lines, "{command}");
    }

    /// Checks that an `echoc` command printed the number of replies and no error. (On a busy machine a round trip in a
    /// guest can take over a second.)
    fn echoes(&self, load: &str) {
        let said = self.of(load);
        let requests = said
            .first()
            .and_then(|line| line.split_once(" requests in "))
            .and_then(|(count, _)| count.parse().ok());
        assert!(said.len() == 2 && requests > Some(0), "{load}: {said:?}");
    }
}

/// Builds the initramfs, which the guest's kernel unpacks into its root: `init` and the added files.
pub struct Image {
    arch: Arch,
    command: Command,
}

impl Image {
    /// Starts an image that becomes the file `image` in this folder.
    pub fn new(arch: Arch, folder: &Folder) -> Self {
        let mut command = Command::new(scripts().join("initramfs.sh"));
        command.arg(folder.path("image")).arg("bin/");
        let mut image = Self { arch, command };
        image.add("init", &arch.shipped("init"));
        image
    }

    pub fn add(&mut self, name: &str, file: &Path) {
        self.command.arg(format!("{name}={}", file.display()));
    }

    pub fn programs(&mut self, names: &[impl AsRef<str>]) {
        for name in names {
            let name = name.as_ref();
            self.add(&format!("bin/{name}"), &self.arch.shipped(name));
        }
    }

    pub fn probes(&mut self, names: &[&str]) {
        let folder = self.arch.shipped("probes");
        for name in names {
            self.add(&format!("bin/{name}"), &folder.join(name));
        }
    }

    pub fn make(mut self) {
        let status = self.command.status().unwrap();
        assert!(status.success(), "{:?}: {status}", self.command);
    }
}

pub fn scripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts"))
}

/// The arguments of `init` in a guest, given on the kernel's command line.
pub const RUN_SCRIPT: &str = "--boot -w script /script";

/// The start of `init`'s message about a reaped orphan.
const ORPHAN: &str = "init: orphan ";

/// The exit status of `scripts/guest.sh` if the guest cannot boot here.
pub const NOT_HERE: i32 = 77;

fn hello_speaks(session: &Session) {
    session.says("hello Ada Grace", &["Hello, Ada Grace!"]);
}

fn save_writes(session: &Session) {
    session.says("pipe hello | save greeting", &[]);
    session.says("save /proc/self/fd/1 < greeting", &["Hello, world!"]);
}

fn msort_sorts(session: &Session) {
    session.says("msort -o in-order lines", &[]);
    session.says("same in-order sorted", &[]);
}

fn pipe_joins(session: &Session) {
    session.says("pipe msort -r lines | msort | save joined", &[]);
    session.says("same joined sorted", &[]);
}

fn echod_echoes(session: &Session) {
    session.says("wait address", &[]);
    for load in [
        "echoc -c 8 -s 1000 --verify 127.0.0.1:7007",
        "echoc -c 2 -s 200000 -d 2 --verify 127.0.0.1:7007",
    ] {
        session.echoes(load);
    }
    session.says("kill", &[]);
}

fn probe_checks(session: &Session) {
    session.says(
        "probe 127.0.0.1:7007 tcp://127.0.0.1:7007 -- hello probe",
        &["Hello, probe!"],
    );
    session.says(
        "probe 127.0.0.1:7008",
        &[
            "probe: connect 127.0.0.1:7008: Connection refused (ECONNREFUSED)",
            "status 1",
        ],
    );
}

fn init_reaps(session: &Session) {
    session.says("selftest --child orphan < /dev/null", &[]);
    let mut orphans = session.text.lines().filter(|line| line.starts_with(ORPHAN));
    assert!(
        orphans.any(|line| line.ends_with(" ended: exit 0")),
        "{}",
        session.text
    );
}

fn init_powers_off(session: &Session) {
    assert!(session.off, "{}", session.text);
    let mut said = session
        .text
        .lines()
        .skip_while(|line| !line.starts_with("init: ") || line.starts_with(ORPHAN));
    assert!(
        said.next()
            .is_some_and(|line| line.starts_with("init: exit status ")),
        "{}",
        session.text
    );
    assert!(
        said.all(|line| line.ends_with("reboot: Power down")),
        "{}",
        session.text
    );
}
