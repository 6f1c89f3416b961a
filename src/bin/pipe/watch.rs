//! Waits until all programs have ended. Meanwhile it passes signals on, and enforces `--timeout`.

use ring3::Errno;
use ring3::process::{Event, Watch};
use ring3::rt::Exit;
use ring3::signal::{SIGCONT, SIGINT, SIGKILL, SIGTERM, SIGWINCH};
use ring3::time::Deadline;

use crate::stages::Stages;
use crate::{PROGRAM, Settings};

/// Waits until all started programs have ended. Returns true if `--timeout` ended them. If `started` is an error, a
/// program could not be started, and this function ends the others.
///
/// Passes each received signal on to all programs, except SIGINT and SIGWINCH from the kernel: the terminal sends these
/// to its whole foreground process group, and the programs are in our group.
pub fn until_ended(
    watch: &Watch,
    stages: &mut Stages,
    settings: &Settings,
    started: Result<(), Exit>,
) -> Result<bool, Exit> {
    let mut late = false;
    // `next` is the time of the next step: SIGTERM, or SIGKILL if `ending` (SIGTERM was sent).
    let mut ending = started.is_err();
    let mut next = if ending {
        end(stages);
        Deadline::after(settings.grace)
    } else {
        Deadline::after(settings.timeout)
    };
    while stages.running() > 0 {
        match watch.next(next) {
            Event::Ended(ended) => stages.note(ended),
            Event::Stopped(..) => {} // continuing the program is left to the process that stopped it
            Event::Signal(received) => {
                let signal = received.signal;
                if !(received.is_kernels() && (signal == SIGINT || signal == SIGWINCH)) {
                    stages.kill(signal);
                }
            }
            Event::Late if !ending => {
                (late, ending) = (true, true);
                end(stages);
                next = Deadline::after(settings.grace);
            }
            Event::Late => {
                stages.kill(SIGKILL);
                next = Deadline::NEVER;
            }
            Event::Alone => return Err(PROGRAM.fail("wait4", "programs", Errno::ECHILD)),
            Event::Refused(call, errno) => return Err(PROGRAM.fail(call, "programs", errno)),
        }
    }
    Ok(late)
}

/// Asks all programs to end. A stopped program handles SIGTERM only after SIGCONT.
fn end(stages: &Stages) {
    stages.kill(SIGTERM);
    stages.kill(SIGCONT);
}
