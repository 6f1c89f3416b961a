//! The parts of `docs/NAME.md` that come from the table: the title, and the table of options.

use crate::programs::{Opt, Program};

/// The line before the table of options.
pub const BEGIN: &str = "<!-- options -->\n";
/// The line after the table.
pub const END: &str = "<!-- end of options -->\n";

/// Splits a page at the table of options.
pub fn split(doc: &str) -> Result<(&str, &str), String> {
    let (before, rest) = doc
        .split_once(BEGIN)
        .ok_or("has no line <!-- options -->")?;
    let (_, after) = rest
        .split_once(END)
        .ok_or("has no line <!-- end of options -->")?;
    Ok((before, after))
}

/// The page with the title and the table as the program has them.
pub fn with_table(doc: &str, program: &Program) -> Result<String, String> {
    let (_, doc) = doc.split_once('\n').ok_or("is empty")?;
    let title = format!("# `{} {}`", program.name, program.usage);
    let own: Vec<_> = program
        .options
        .iter()
        .filter(|option| !option.manual.is_empty())
        .collect();
    if own.is_empty() {
        return Ok(format!("{title}\n{doc}"));
    }
    let (before, after) = split(doc)?;
    let rows: String = own.into_iter().map(row).collect();
    let table = format!("\n| option | effect |\n|---|---|\n{rows}\n");
    Ok(format!("{title}\n{before}{BEGIN}{table}{END}{after}"))
}

/// The row of an option.
fn row(option: &Opt) -> String {
    let names: Vec<_> = option
        .names_and_word()
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let text = paragraphs(option)
        .replace("\n\n", "<br>")
        .replace('\n', " ");
    format!("| {} | {} |\n", names.join(", "), text.replace('|', "\\|"))
}

/// The paragraphs of an option, in Markdown, with the default.
pub fn paragraphs(option: &Opt) -> String {
    let lines: Vec<_> = option.manual.lines().map(str::trim_start).collect();
    let mut text = lines.join("\n");
    if text.is_empty() {
        // --help and --version
        text = format!("{}.", option.help.replacen("print", "Prints", 1));
    }
    if !option.default.is_empty() {
        text += &format!(" The default is `{}`.", option.default);
    }
    text
}
