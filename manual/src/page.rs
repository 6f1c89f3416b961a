//! Man pages, in the macros of man(7).

use crate::docs;
use crate::markdown::{Start, convert};
use crate::programs::Program;
use crate::roff::{code, font, line, prose};

/// The date and the version in the foot of a page.
pub struct Edition<'a> {
    pub date: &'a str,
    pub version: &'a str,
}

/// The page of a program. `doc` is its page in `docs`.
pub fn of_program(doc: &str, program: &Program, edition: &Edition) -> Result<String, String> {
    let name = program.page();
    let mut page = head(name, '1', edition);
    let about = program.about.replace('\n', " ");
    page += &named(name, &about);
    page += ".SH SYNOPSIS\n";
    page += &line(&format!(
        "{} {}",
        font('B', &code(program.name)),
        usage(program.usage)
    ));

    // Without the table, whose options the section OPTIONS has.
    let text = docs::split(doc).map_or(doc.to_owned(), |(before, after)| before.to_owned() + after);
    let (description, sections) = cut(&text, "\n## ");
    let (sections, see_also) = cut(sections, "\n## See also\n");
    page += ".SH DESCRIPTION\n";
    page += &convert(doc, Start::Section, description)?;
    page += ".SH OPTIONS\n";
    for option in &program.options {
        let names: Vec<_> = option
            .names_and_word()
            .iter()
            .map(|name| named_option(name))
            .collect();
        page += ".TP\n";
        page += &line(&names.join(", "));
        page += &convert(doc, Start::Tagged, &docs::paragraphs(option))?;
    }
    page += &convert(doc, Start::Section, sections)?;
    page += ".SH EXAMPLES\n";
    for (command, effect) in program.examples {
        page += ".TP\n";
        page += &line(&font('B', &code(command)));
        page += &line(&prose(effect));
    }
    page += &convert(doc, Start::Section, see_also)?;
    Ok(page)
}

/// Cuts `text` before `mark`, or at its end.
fn cut<'a>(text: &'a str, mark: &str) -> (&'a str, &'a str) {
    text.split_at(text.find(mark).unwrap_or(text.len()))
}

/// A name of an option: `--mode=MODE`.
fn named_option(name: &str) -> String {
    match name.split_once('=') {
        Some((name, word)) => format!("{}={}", font('B', &code(name)), font('I', &code(word))),
        None => font('B', &code(name)),
    }
}

/// The page `ring3`, section 7. The first paragraph of `doc` is the summary.
pub fn of_ring3(doc: &str, edition: &Edition) -> Result<String, String> {
    let (_, text) = doc.split_once("\n\n").ok_or("has no summary")?;
    let (about, text) = text.split_once("\n\n").ok_or("has no sections")?;
    let about = about.replace('\n', " ");
    Ok(
        head("ring3", '7', edition)
            + &named("ring3", &about)
            + &convert(doc, Start::Section, text)?,
    )
}

fn head(name: &str, section: char, edition: &Edition) -> String {
    format!(
        ".\\\" Made by make manual. Edit docs/ and src/bin/*/options.rs.\n.TH {} {section} {} \"ring3 {}\"\n",
        name.to_uppercase(),
        edition.date,
        edition.version
    )
}

/// The section NAME, with the first sentence of the summary. By convention, the sentence begins with a small letter and
/// has no full stop.
fn named(name: &str, about: &str) -> String {
    let about = about.split(". ").next().unwrap_or(about);
    let (first, rest) = about.split_at(1);
    let about = format!("{}{}", first.to_lowercase(), rest.trim_end_matches('.'));
    format!(".SH NAME\n{} \\- {}\n", code(name), prose(&about))
}

/// A usage: literal arguments are bold, words for arguments are italic.
fn usage(usage: &str) -> String {
    let mut roff = String::new();
    let mut rest = usage;
    while let Some(first) = rest.chars().next() {
        let is_word = |char: char| char.is_ascii_uppercase() || char == ':';
        let is_literal = |char: char| ['-', '\'', '|'].contains(&char);
        let (part, kind) = if is_word(first) {
            (
                rest.split(|char| !is_word(char)).next().unwrap_or(rest),
                Some('I'),
            )
        } else if is_literal(first) {
            (
                rest.split(|char| !is_literal(char)).next().unwrap_or(rest),
                Some('B'),
            )
        } else {
            (&rest[..first.len_utf8()], None)
        };
        roff += &match kind {
            Some(kind) => font(kind, &code(part)),
            None => part.to_owned(),
        };
        rest = &rest[part.len()..];
    }
    roff
}
