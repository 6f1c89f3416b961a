//! The programs' tables of options as man pages, as completions for bash, zsh and fish, and as Markdown tables in
//! `docs/`.
//!
//! - `programs.rs` reads the tables: `src/bin/NAME/options.rs`.
//! - `docs.rs` writes the table and the title of `docs/NAME.md`.
//! - `page.rs` makes a man page of `docs/NAME.md` and the table; `markdown.rs` converts the text, `roff.rs` escapes it.
//! - `completions.rs` makes the completions; `bash.rs` those for bash.
//!
//! `make manual` writes all files. `tests/manual.rs` checks the files.

mod bash;
mod completions;
mod docs;
mod markdown;
mod page;
mod programs;
mod roff;

use std::fs;
use std::path::Path;

use page::Edition;

pub use programs::{Opt, Program, TABLES, all};

/// A file that this crate makes.
pub struct File {
    /// The path in the repository.
    pub path: String,
    /// The content.
    pub text: String,
}

/// All files. `root` is the repository. The man pages have this date.
///
/// # Errors
/// A page of `docs` cannot be read, or has a form that this crate does not know; the text names the page.
pub fn files(root: &Path, date: &str) -> Result<Vec<File>, String> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))
        .map_err(|error| format!("Cargo.toml: {error}"))?;
    let version = manifest.split("\nversion = \"").nth(1);
    let version = version.and_then(|rest| rest.split('"').next());
    let version = version.ok_or("Cargo.toml has no version")?;
    let edition = Edition { date, version };
    let mut files = Vec::new();
    for program in all() {
        let doc = doc(root, program.name, |doc| {
            let doc = docs::with_table(doc, &program)?;
            let page = page::of_program(&doc, &program, &edition)?;
            files.push(file(format!("target/man/man1/{}.1", program.page()), page));
            Ok(doc)
        })?;
        files.push(doc);
        files.extend(completions::of(&program));
    }
    let page = doc(root, "ring3", |doc| page::of_ring3(doc, &edition))?;
    files.push(file("target/man/man7/ring3.7".into(), page.text));
    Ok(files)
}

/// The page `docs/NAME.md` as `change` returns it.
fn doc(
    root: &Path,
    name: &str,
    change: impl FnOnce(&str) -> Result<String, String>,
) -> Result<File, String> {
    let path = format!("docs/{name}.md");
    let text = fs::read_to_string(root.join(&path)).map_err(|error| error.to_string());
    let text = text.and_then(|text| change(&text));
    let text = text.map_err(|error| format!("{path}: {error}"))?;
    Ok(file(path, text))
}

fn file(path: String, text: String) -> File {
    File { path, text }
}
