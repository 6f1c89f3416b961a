//! The options.

use ring3::cli::{Argument, Path};

ring3::options! {
    "msort", "[OPTION]... [FILE]...", "Sort the lines of all FILEs by their bytes, as LC_ALL=C sort does.";

    /// Sorts in descending order.
    Reverse "-r, --reverse" "reverse the order";

    /// Prints only one of equal lines.
    Unique "-u, --unique" "print only one of equal lines";

    /// A zero byte ends a line, instead of a newline.
    ZeroTerminated "-z, --zero-terminated" "a zero byte ends a line, not a newline";

    /// Replaces FILE as [`save`](save.md) does. FILE may be an input.
    Output(Path) "-o, --output=FILE" "replace FILE by the result; it may be an input";

    /// Writes into FILE instead of replacing it, as `save` does. A reader can see a part of the lines, and a crash can
    /// leave a part.
    InPlace "    --in-place" "write into FILE; a crash can leave a part";

    /// Does not wait until FILE is on the device.
    NoSync "    --no-sync" "do not wait until FILE is on the device";

    operands: Argument::File;
    note: "If there is no FILE, or FILE is -, standard input is read.";
    example: "msort -u -o list list", "Replace a file by its lines in order.";
}
