//! A hundred thousand clients of `echod` at once, on a real kernel: few other places let a process have so many
//! files. All send all the time, from their connection on, and each byte that comes back is looked at.
//! (`make test-crowd`: some minutes, and 5 GiB of memory for the machine, most of which is its kernel's.)

use std::time::Duration;

use libtest_mimic::{Completion, Trial};

use crate::guest::{GUESTS, Guest, Image, Session};
use crate::support::Folder;
use crate::trial::{may_take, trial};

/// None but where `RING3_CROWD` is set.
pub fn trials() -> Vec<Trial> {
    if std::env::var_os("RING3_CROWD").is_none() {
        return Vec::new();
    }
    GUESTS
        .iter()
        .map(|guest| {
            let name = format!("crowd::all_are_served [{} kernel]", guest.name);
            trial(name, move || all_are_served(guest))
        })
        .collect()
}

/// The time limit for the machine.
const LIMIT: Duration = Duration::from_secs(1500);

/// How many clients each of the loads is: an address of the server's has no more ports for one of theirs.
const CLIENTS: u64 = 25_000;

/// Where the server listens, a load each.
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
    // All close at once in the end. A connection that was closed and whose end the other has not acknowledged yet is
    // an orphan; of more than `tcp_max_orphans`, 32,768 in this memory, the kernel only resets. A client whose end was
    // lost on the way is then told of the reset instead, after all its bytes.
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
    let told: Vec<_> = text
        .lines()
        .filter(|line| line.contains(" clients of "))
        .collect();
    let at_once = format!("echod: {all} clients of {all}, ");
    assert!(told.iter().any(|line| line.starts_with(&at_once)), "{text}");
    assert!(
        told.iter().all(|line| line.ends_with(", 0 errors")),
        "{text}"
    );
    // `echoc` ended with 0: to each request of each client its own bytes came back.
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
