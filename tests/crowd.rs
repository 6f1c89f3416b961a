//! A load test of `echod`: a hundred thousand clients at the same time. It runs on a real kernel in a guest, because
//! most other environments limit the open files of a process to fewer. Every client sends without a pause as soon as it
//! is connected, and compares each byte that comes back. `make test-crowd` runs this test. The test takes some minutes,
//! and 5 GiB of memory for the guest, mostly for the guest's kernel.

use std::time::Duration;

use libtest_mimic::{Completion, Trial};

use crate::guest::{Guest, Image, Session, guests};
use crate::support::Folder;
use crate::trial::{may_take, trial};

/// Returns no tests unless `RING3_CROWD` is set.
pub fn trials() -> Vec<Trial> {
    if std::env::var_os("RING3_CROWD").is_none() {
        return Vec::new();
    }
    guests()
        .map(|guest| {
            let name = format!("crowd::all_are_served [{} kernel]", guest.name);
            trial(name, move || all_are_served(guest))
        })
        .collect()
}

/// The time limit of the guest.
const LIMIT: Duration = Duration::from_secs(1500);

/// How many clients each load generator has. A client address has no more ports for connections to one server address.
const CLIENTS: u64 = 25_000;

/// The server's addresses, one for each load generator.
const ADDRESSES: [&str; 4] = [
    "127.0.0.2:7007",
    "127.0.0.3:7007",
    "127.0.0.4:7007",
    "127.0.0.5:7007",
];

fn all_are_served(guest: &Guest) -> Completion {
    let mut server = String::from("echod -b 65535 --stats 1");
    for address in ADDRESSES {
        server += &format!(" -l {address}");
    }
    // At the end all connections close at the same time. A closed connection whose FIN is not acknowledged yet is an
    // orphan. If there are more orphans than `tcp_max_orphans`, which is 32,768 with this memory, the kernel resets
    // them. Then a client whose FIN was lost on the way would receive a reset after all its bytes.
    let mut script = format!(
        "write /proc/sys/net/core/netdev_max_backlog 1000000\n\
         write /proc/sys/net/core/somaxconn 65535\n\
         write /proc/sys/net/ipv4/tcp_max_syn_backlog 65535\n\
         write /proc/sys/net/ipv4/tcp_max_orphans 200000\n\
         write /proc/sys/net/ipv4/ip_local_port_range 1024 65535\n\
         files 200000\n\
         {server} > addresses &\n\
         wait addresses\n"
    );
    for address in ADDRESSES {
        script += &format!("echoc -c {CLIENTS} -s 64 -t 90 --stall 60 --verify {address} &\n");
    }
    script += &"ended\n".repeat(ADDRESSES.len());
    script += "kill\n";

    let folder = Folder::new();
    std::fs::write(folder.path("script"), script).unwrap();
    let mut image = Image::new(guest.arch, &folder);
    image.programs(&["echod", "echoc"]);
    image.probes(&["script"]);
    image.add("script", &folder.path("script"));
    image.make();
    may_take(2 * LIMIT);
    match guest.boot(&folder, &["-m", "5120"], LIMIT) {
        Ok(session) => {
            judge(&session);
            Completion::Completed
        }
        Err(why) => Completion::ignored_with(why),
    }
}

fn judge(session: &Session) {
    let text = &session.text;
    assert!(
        session.off && text.contains("init: exit status 0"),
        "{text}"
    );
    let all = CLIENTS * ADDRESSES.len() as u64;
    let printed: Vec<_> = text
        .lines()
        .filter(|line| line.contains(" clients of "))
        .collect();
    let at_once = format!("echod: {all} clients of {all}, ");
    assert!(
        printed.iter().any(|line| line.starts_with(&at_once)),
        "{text}"
    );
    assert!(
        printed.iter().all(|line| line.ends_with(", 0 errors")),
        "{text}"
    );
    // `echoc` exits with 0 only if each request of each client came back unchanged.
    let echoes: Vec<u64> = text
        .lines()
        .filter_map(|line| line.split_once(" requests in "))
        .map(|(count, _)| count.parse().unwrap())
        .collect();
    assert!(
        echoes.len() == ADDRESSES.len() && echoes.iter().all(|&count| count > CLIENTS),
        "{text}"
    );
    println!(
        "{all} clients at once, {} echoes, none lost",
        echoes.iter().sum::<u64>()
    );
}
