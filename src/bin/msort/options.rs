//! The options.

use ring3::cli::{Argument, Path};

ring3::options! {
    "msort", "[OPTION]... [FILE]...", "Sort the lines of all FILEs by their bytes, as LC_ALL=C sort does.";

    /// Compares lines by the numbers at their beginnings, and lines with equal numbers by their bytes.
    Numeric "-n, --numeric-sort" "compare the numbers at the beginning of lines";

    /// With `-n`: lines with equal numbers keep the order of the input.
    Stable "-s, --stable" "with -n, keep the order of equal numbers";

    /// Sorts in descending order.
    Reverse "-r, --reverse" "reverse the order";

    /// Prints only one of equal lines; with `-n`, only the first of lines with equal numbers.
    Unique "-u, --unique" "print only one of equal lines";

    /// A zero byte ends a line, instead of a newline.
    ZeroTerminated "-z, --zero-terminated" "a zero byte ends a line, not a newline";

    /// Prints the first line of FILE that is out of order, and exits with status 1. With `-u`, equal lines are out of
    /// order. Sorts nothing.
    Check "-c, --check" "print the first line out of order; exit 1";

    /// As `-c`, but does not print the line.
    QuietCheck "-C, --quiet-check" "as -c, but do not print the line";

    /// Merges FILEs that are sorted, without reading them into memory.
    Merge "-m, --merge" "merge sorted FILEs, do not sort";

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
