//! A table: which tests cover which module ("room").

use std::fmt;

/// A group of tests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Suite {
    /// The unit tests of a module of the library: its path in `src`.
    Library(&'static str),
    /// The tests of the programs with this text in their names.
    Programs(&'static str),
}

impl Suite {
    pub fn is_of_programs(self) -> bool {
        matches!(self, Suite::Programs(_))
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Suite::Library(filter) => write!(f, "unit tests of {filter}"),
            Suite::Programs(filter) => f.write_str(filter),
        }
    }
}

/// The tests that may notice a change, by the start of the changed file's path. The longest matching start counts. A
/// change in the library also runs the self-test and the unit tests of the module. Tests that read the sources or
/// compare sizes are not here, because they would fail for any change.
const ROOMS: &[(&str, &str)] = &[
    ("src/", "start:: hello:: save:: pipe::"),
    (
        "src/abi",
        "oracle:: start:: process:: thread:: save:: pipe:: echod::service::",
    ),
    ("src/arch", "start:: thread:: stack:: process:: memory::"),
    ("src/env", "start:: time:: memory::"),
    ("src/bin/echoc", "echoc::"),
    ("src/bin/echod", "echod::"),
    ("src/bin/hello", "hello::"),
    ("src/bin/init", "init::"),
    ("src/bin/msort", "msort::"),
    ("src/bin/pipe", "pipe::"),
    ("src/bin/probe", "probe::"),
    ("src/bin/save", "save::"),
    (
        "src/cli",
        "cli:: start:: save:: pipe:: msort:: init:: echoc:: echod::service::",
    ),
    ("src/fs/copy", "save:: msort::"),
    ("src/fd", "start:: save:: pipe:: init:: echod::service::"),
    ("src/fs/dir", "start:: examples::find"),
    ("src/fs/mapping", "start::"),
    ("src/fs/whole", "start::"),
    ("src/fs", "start:: save:: msort:: init::"),
    (
        "src/heap/small",
        "start:: examples::tee examples::grep examples::find",
    ),
    ("src/heap", "heap:: memory:: model:: thread:: msort::"),
    (
        "src/io",
        "start:: hello:: save:: pipe:: msort:: examples::tee",
    ),
    (
        "src/collections/list",
        "memory:: pipe:: msort:: echoc:: echod::service::",
    ),
    (
        "src/mem",
        "start:: memory:: heap:: thread:: stack:: msort::",
    ),
    (
        "src/net",
        "resolve:: echoc:: init:: echod:: examples::dns examples::httpd",
    ),
    ("src/text/number", "start:: save:: pipe::"),
    ("src/overflow", "stack:: start::"),
    (
        "src/pipe",
        "pipe:: save:: echod::service:: echod::gives_no_client_a_standard_descriptor",
    ),
    ("src/fs/resolve", "save:: msort:: examples::httpd"),
    ("src/eventfd", "echod::"),
    ("src/bytes", "start:: save:: pipe:: process::"),
    ("src/path", "start:: examples::find examples::httpd"),
    ("src/poll", "pipe:: init:: echoc:: echod::"),
    (
        "src/text/print",
        "start:: save:: pipe:: init:: stack:: echoc::",
    ),
    ("src/process/ids", "echod::rights::"),
    ("src/process", "process:: pipe:: init::"),
    ("src/rt/program", "start:: stack:: hello::"),
    ("src/random", "save::"),
    ("src/fs/replace", "save:: msort::"),
    (
        "src/rt",
        "start:: stack:: hello:: pipe:: init:: process:: thread::",
    ),
    (
        "src/systemd",
        "init:: pipe:: echod::service:: echod::reports::",
    ),
    ("src/text/shown", "start:: save:: pipe::"),
    (
        "src/signal",
        "start:: process:: stack:: pipe:: init:: save::",
    ),
    ("src/collections/slab", "memory:: pipe:: echoc:: echod::"),
    ("src/sync", "thread:: msort:: echod::workers::"),
    ("src/system", "start:: msort:: init:: echod::datagrams::"),
    ("src/thread", "thread:: stack:: msort:: echod::workers::"),
    (
        "src/time",
        "time:: pipe:: echoc:: examples::date examples::timeout",
    ),
];

/// The suites to run for a changed file.
pub fn suites(file: &str) -> Vec<Suite> {
    let fits = ROOMS.iter().filter(|(start, _)| file.starts_with(start));
    let (start, names) = fits
        .max_by_key(|(start, _)| start.len())
        .expect("the row src/ matches every file");
    let mut suites: Vec<_> = names.split(' ').map(Suite::Programs).collect();
    if !start.starts_with("src/bin/") {
        let module = start.trim_start_matches("src/");
        suites.extend([Suite::Library(module), Suite::Programs("selftest::")]);
    }
    suites
}
