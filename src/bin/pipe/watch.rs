//! Waits until all programs have ended. Meanwhile it passes signals on, and enforces `--timeout` and `--commit`.

use ring3::Errno;
use ring3::process::{Event, Watch};
use ring3::rt::Exit;
use ring3::signal::{SIGCONT, SIGINT, SIGKILL, SIGTERM, SIGWINCH};
use ring3::time::Deadline;

use crate::stages::Stages;
use crate::{PROGRAM, Settings};

/// How the pipeline came to its end.
pub enum Course {
    /// The programs ended by themselves.
    Free,
    /// `--timeout` ended all programs.
    Late,
    /// `--commit` ended the last program, because another one had failed.
    Cut,
}

/// Waits until all started programs have ended. If `started` is an error, a program could not be started, and this
/// function ends the others.
///
/// With `--commit` the last program gets EOF when all others have ended with success. If one of them has failed, this
/// function ends the last program, but only when all others have ended: otherwise they could die by SIGPIPE, which would
/// hide the failure. A last program that has closed its input is not ended. It does not wait for EOF; often it is
/// exiting, and the others died by SIGPIPE because of that.
///
/// Passes each received signal on to all programs, except SIGINT and SIGWINCH from the kernel: the terminal sends these
/// to its whole foreground process group, and the programs are in our group.
pub fn until_ended(
    watch: &Watch,
    stages: &mut Stages,
    settings: &Settings,
    started: Result<(), Exit>,
) -> Result<Course, Exit> {
    let mut course = Course::Free;
    // `next` is the time of the next step: SIGTERM, or SIGKILL if `ending` (SIGTERM was sent).
    let mut ending = started.is_err();
    let mut next = if ending {
        end(stages, settings)
    } else {
        Deadline::after(settings.timeout)
    };
    while stages.running() > 0 {
        match watch.next(next) {
            Event::Ended(ended) => {
                stages.note(ended);
                // While `ending`, the last program gets no EOF: another one may have ended with 0 because of SIGTERM.
                if settings.commit && !ending && stages.only_last_runs() {
                    if stages.others(settings.allow_sigpipe) == 0 {
                        stages.release();
                    } else if stages.last_reads() {
                        (course, ending) = (Course::Cut, true);
                        next = end(stages, settings);
                    }
                }
            }
            Event::Stopped(..) => {} // continuing the program is left to the process that stopped it
            Event::Signal(received) => {
                let signal = received.signal;
                if !(received.is_kernels() && (signal == SIGINT || signal == SIGWINCH)) {
                    stages.kill(signal);
                }
            }
            Event::Late if !ending => {
                (course, ending) = (Course::Late, true);
                next = end(stages, settings);
            }
            Event::Late => {
                stages.kill(SIGKILL);
                next = Deadline::NEVER;
            }
            Event::Alone => return Err(PROGRAM.fail("wait4", "programs", Errno::ECHILD)),
            Event::Refused(call, errno) => {
                if settings.commit {
                    stages.kill(SIGKILL); // when this process exits, the last program would get EOF
                }
                return Err(PROGRAM.fail(call, "programs", errno));
            }
        }
    }
    Ok(course)
}

/// Asks all running programs to end. A stopped program handles SIGTERM only after SIGCONT. Returns the end of the grace
/// period.
fn end(stages: &Stages, settings: &Settings) -> Deadline {
    stages.kill(SIGTERM);
    stages.kill(SIGCONT);
    Deadline::after(settings.grace)
}
