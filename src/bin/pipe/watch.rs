//! Until all programs have ended: what happens meanwhile.

use ring3::Errno;
use ring3::process::{Event, Watch};
use ring3::rt::Exit;
use ring3::signal::{SIGCONT, SIGINT, SIGKILL, SIGTERM, SIGWINCH};
use ring3::time::{NEVER, after};

use crate::stages::Stages;
use crate::{PROGRAM, Settings};

/// Waits until all that were started have ended, and says whether that was because the time was over. Where
/// not all could be started it ends them.
///
/// Signals are passed on to each. But of the keys of a terminal, and its size, its whole foreground group
/// hears by itself: the programs are in ours.
pub fn until_ended(
    watch: &Watch,
    stages: &mut Stages,
    settings: &Settings,
    started: Result<(), Exit>,
) -> Result<bool, Exit> {
    let mut late = false;
    // When to go on to what ends them with more force; `ending` once that has begun.
    let mut ending = started.is_err();
    let mut next = if ending {
        end(stages);
        after(settings.grace)
    } else {
        after(settings.timeout)
    };
    while stages.running() > 0 {
        match watch.next(next) {
            Event::Ended(ended) => stages.note(ended),
            Event::Stopped(..) => {} // left to the process that stopped it
            Event::Signal(received) => {
                let signal = received.signal;
                if !(received.is_kernels() && (signal == SIGINT || signal == SIGWINCH)) {
                    stages.kill(signal);
                }
            }
            Event::Late if !ending => {
                (late, ending) = (true, true);
                end(stages);
                next = after(settings.grace);
            }
            Event::Late => {
                stages.kill(SIGKILL);
                next = NEVER;
            }
            Event::Alone => return Err(PROGRAM.fail("wait4", "programs", Errno::ECHILD)),
            Event::Refused(call, errno) => return Err(PROGRAM.fail(call, "programs", errno)),
        }
    }
    Ok(late)
}

/// Asks all to end; one that is stopped has to go on for that.
fn end(stages: &Stages) {
    stages.kill(SIGTERM);
    stages.kill(SIGCONT);
}
