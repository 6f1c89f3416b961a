//! The options.

use ring3::cli::{self, Argument};

ring3::options! {
    "save", "[OPTION]... FILE", "Write standard input to FILE: all of it, or FILE stays as it was.";

    /// Appends to FILE. If that fails, `save` cuts the appended bytes off again; a signal that ends `save` leaves them
    /// there.
    Append "-a, --append" "append to FILE";

    /// Gives FILE these permissions, in octal. Without this option a FILE that exists keeps its permissions, and a new
    /// FILE has 666 less the umask.
    Mode(cli::Mode) "-m, --mode=MODE" "set FILE's permissions, in octal";

    /// Writes into FILE instead of replacing it: see [Files that are not replaced](#files-that-are-not-replaced). A
    /// reader can see a part of the input, and a crash can leave a part.
    InPlace "    --in-place" "write into FILE; a crash can leave a part";

    /// Does not wait until FILE is on the device.
    NoSync "    --no-sync" "do not wait until FILE is on the device";

    operands: Argument::File;
    note: "\
FILE keeps its permissions, owner, group and access control list. A symbolic
link is followed. A device, a FIFO, /dev/stdout, /dev/fd/N and the files of
/proc and /sys are written directly.

`false | save FILE` empties FILE: save cannot see that the program before it
failed. `pipe --commit false '|' save FILE` keeps FILE.";
    example: "sort list | uniq | save list", "Replace a file by a part of itself.";
    example: "save -m 600 key <new-key", "No other user can open the new file at any moment.";
}
