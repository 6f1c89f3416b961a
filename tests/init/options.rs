//! Tests of `init`'s options: every option combined with every other, each with its effect; and the values that options
//! accept.

use std::fs;

use libtest_mimic::{Completion, Trial};

use super::init;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, pairwise, run};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        has_the_effect_of_each_beside_each,
        takes_each_status_for_success,
        knows_which_signals_are_never_passed_on,
        passes_each_signal_on,
    ]
}

/// A program that records the signals that it receives in `own`, and the signals that another process of its group
/// receives in `other`. It prints whether it leads a session, and whether `init` adopts an orphan. It outlives the
/// parent of `init`, and exits with 7. When the last signal has been passed on, all earlier signals have been passed on
/// too.
const PROGRAM: &str = "
exec 2>/dev/null # of a signal to the group other processes end too, and the shell says so
stat() { cut -d ')' -f 2 /proc/$1/stat; } # state, parent, group, session
parent() { set -- $(stat $1); echo $2; }
for name in HUP USR1 USR2 ALRM; do trap \"echo $name >>own\" $name; done
(
	for name in HUP USR1 USR2 ALRM; do trap \"echo $name >>other\" $name; done
	: >there
	until [ -e end ]; do sleep 0.01; done
) &
until [ -e there ]; do sleep 0.01; done
set -- $(stat $$)
[ $4 != $$ ] || echo session
orphan=$(sleep 1000 >/dev/null & echo $!)
[ $(parent $orphan) != $PPID ] || echo adopted
kill $orphan
while [ -e /proc/$orphan ]; do sleep 0.01; done
kill -HUP $PPID
until [ -s own ]; do sleep 0.01; done
first=$(parent $PPID)
: >ready
until now=$(parent $PPID); [ -n \"$now\" ] && [ $now != $first ]; do sleep 0.01; done
kill -ALRM $PPID
until grep -q ALRM own; do sleep 0.01; done
: >end
wait $!
exit 7";

/// Starts `init` in the background, and ends before `init` does.
const PARENT: &str = "\"$@\" 2>reports & echo $! >init; until [ -e ready ]; do sleep 0.01; done";

/// Waits until that `init`, which is an orphan now, has ended.
const OUTSIDE: &str = "sh -c \"$0\" \"$@\"; while [ -e /proc/$(cat init) ]; do sleep 0.01; done";

fn has_the_effect_of_each_beside_each(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::SUBREAPER);
    }
    for [to_group, session, rewrites, status, adopts, at_end, reports] in pairwise() {
        let mut options = Vec::new();
        for (given, words) in [
            (to_group, &["-g"][..]),
            (session, &["-S"]),
            (rewrites, &["-r", "HUP:USR2"]),
            (status, &["-e", "7"]),
            (adopts, &["-s"]),
            (at_end, &["-p", "USR1"]),
            (reports, &["-w"]),
        ] {
            options.extend(if given { words } else { &[] });
        }
        let folder = Folder::new();
        let inner = init(arch, &options, PROGRAM);
        // Another `init` reports how this one ended.
        let mut outer = arch.program("init");
        outer.args(["-s", "-w", "sh", "-c", OUTSIDE, PARENT, "sh"]);
        outer.arg(inner.get_program()).args(inner.get_args());
        let ran = run(outer.current_dir(folder.root()));

        let mut printed = String::new();
        for (given, line) in [(session, "session\n"), (adopts, "adopted\n")] {
            printed += if given { line } else { "" };
        }
        assert_eq!(
            (ran.status, &ran.stdout),
            (Some(0), &printed),
            "{options:?}"
        );
        let id = String::from_utf8(folder.read("init")).unwrap();
        let code = if status { 0 } else { 7 };
        let end = format!("init: orphan {} ended: exit {code}", id.trim_end());
        assert!(
            ran.stderr.lines().any(|line| line == end),
            "{options:?}: {ran:?}"
        );
        let mut signals = vec![if rewrites { "USR2" } else { "HUP" }];
        signals.extend(at_end.then_some("USR1"));
        signals.push("ALRM");
        let received = |name| {
            let text = fs::read_to_string(folder.path(name)).unwrap_or_default();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(received("own"), signals, "{options:?}");
        // The program waits for its own first signal only. If the other process has two signals pending, its shell runs
        // the traps in the order of the signals' numbers.
        signals.truncate(if to_group { 3 } else { 0 });
        signals.sort_unstable();
        let mut others = received("other");
        others.sort_unstable();
        assert_eq!(others, signals, "{options:?}");
        let reported = received("reports");
        let ended = |line: &String| {
            line.starts_with("init: orphan ") && line.ends_with(" ended: signal 15")
        };
        assert!(reported.iter().all(ended), "{options:?}: {reported:?}");
        assert_eq!(
            reported.len(),
            usize::from(reports && adopts),
            "{options:?}"
        );
    }
    Completion::Completed
}

/// Both sides of each boundary between 64-bit words.
fn takes_each_status_for_success(arch: Arch) {
    for taken in [0, 1, 63, 64, 127, 128, 191, 192, 254, 255] {
        for status in [taken, (taken + 1) % 256, (taken + 64) % 256] {
            let option = format!("-e{taken}");
            let ran = run(&mut init(arch, &[&option], &format!("exit {status}")));
            let code = if status == taken { 0 } else { status };
            assert_eq!(ran, Ran::new(code, "", ""), "{option}");
        }
    }
}

/// Signals that are never passed on: signals of a fault, of a terminal to a background process, of children, and
/// signals that no process receives.
const NEVER: [i32; 12] = [4, 5, 6, 7, 8, 9, 11, 17, 19, 21, 22, 31];

fn knows_which_signals_are_never_passed_on(arch: Arch) {
    let status = |option: &str, value: &str| {
        let mut command = arch.program("init");
        run(command.args([option, value, "--", "true"])).status
    };
    for signal in 1..=64 {
        let never = NEVER.contains(&signal);
        let expected = |wrong| Some(if wrong { 2 } else { 0 });
        let rewrite = status("-r", &format!("{signal}:TERM"));
        assert_eq!(rewrite, expected(never), "-r {signal}:TERM");
        if arch.is_native() {
            // SIGKILL at the end of the parent ends `init` itself.
            let at_end = status("-p", &signal.to_string());
            assert_eq!(at_end, expected(never && signal != 9), "-p {signal}");
        }
    }
    for wrong in ["0", "65", "-1"] {
        assert_eq!(status("-p", wrong), Some(2));
        assert_eq!(status("-r", &format!("{wrong}:TERM")), Some(2));
    }
    for (to, expected) in [("0", 0), ("1", 0), ("64", 0), ("65", 2), ("-1", 2)] {
        assert_eq!(status("-r", &format!("HUP:{to}")), Some(expected), "{to}");
    }
}

fn passes_each_signal_on(arch: Arch) {
    // C libraries reserve signals 32 and 33. qemu-user maps the real-time signals to other numbers.
    let last = if arch.is_native() { 64 } else { 31 };
    let signals = (1..=last).filter(|signal| !NEVER.contains(signal) && !(32..34).contains(signal));
    let signals: Vec<_> = signals.map(|signal| signal.to_string()).collect();
    let signals = signals.join(" ");
    let script = format!(
        "for n in {signals}; do trap got=$n $n; done
        for n in {signals}; do
            kill -$n $PPID
            until [ \"$got\" = $n ]; do sleep 0.01; done
            echo $n
        done"
    );
    let printed = format!("{}\n", signals.replace(' ', "\n"));
    assert_eq!(
        run(&mut init(arch, &[], &script)),
        Ran::new(0, &printed, "")
    );
}
