//! Lists the public functions of the library by module ("room"), from the sources. The format of rustfmt is regular
//! enough to parse line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Functions that no case of the self-test can call, and the code that tests them.
pub const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("abi", "Arguments::with", "every system call's arguments"),
    ("abi", "Arguments::call", "every system call"),
    ("arch", "choose", "start-up calls it"),
    ("arch", "clone", "starts every thread and process"),
    (
        "arch",
        "set_restorer",
        "every signal handler returns through it",
    ),
    (
        "arch",
        "set_thread_pointer",
        "start-up calls it for the thread-local words of the first thread",
    ),
    (
        "arch",
        "ThreadBlock::thread_pointer",
        "every thread needs it for its thread-local words",
    ),
    (
        "arch",
        "unmap_and_exit",
        "every detached thread ends with it",
    ),
    (
        "overflow",
        "Report::new",
        "the probe protect, which ends with it",
    ),
    ("rt", "Words::new", "hello, which every guest runs"),
    ("rt", "Words::is_empty", "hello"),
    ("rt", "Words::first_four", "hello"),
    ("rt", "Words::framed", "hello"),
    ("system", "power_off", "init, in every guest"),
    (
        "system",
        "sync",
        "init, in every guest: it writes to all disks of the machine",
    ),
];

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The rooms, which are the library's public modules, and their public functions: `name` or `Type::name`, and
/// `module::name` for a public submodule.
pub fn of_all_rooms() -> BTreeMap<String, BTreeSet<String>> {
    let library = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let rooms = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "));
    let rooms = rooms.map(|room| room.strip_suffix(';').unwrap().to_owned());
    rooms.map(|room| (room.clone(), of_room(&room))).collect()
}

fn of_room(room: &str) -> BTreeSet<String> {
    let folder = repository().join("src").join(room);
    let file = repository().join(format!("src/{room}.rs"));
    let front = if file.exists() {
        file
    } else {
        folder.join("mod.rs")
    };
    let text = fs::read_to_string(front).unwrap();
    let mut functions = functions(&text);
    let mut reexported = BTreeSet::new();
    for line in statements(&text) {
        if let Some(names) = line.strip_prefix("pub use ")
            && !names.starts_with("crate::")
        {
            reexported.extend(words(names).map(str::to_owned));
        }
    }
    for line in text.lines() {
        let public = line.strip_prefix("pub mod ");
        let private = line.strip_prefix("mod ");
        let Some(module) = public
            .or(private)
            .and_then(|module| module.strip_suffix(';'))
        else {
            continue;
        };
        let inside = module_text(&folder, module);
        // Of a private submodule only re-exported functions count, or all functions after a glob re-export.
        let all = text.contains(&format!("pub use {module}::*;"));
        for function in self::functions(&inside) {
            let (first, _) = function.split_once("::").unwrap_or((&function, ""));
            // The functions that a macro makes are public in each module that uses the macro.
            let made = inside.contains("macro_rules!") && !function.contains("::");
            if public.is_some() {
                functions.insert(format!("{module}::{function}"));
            } else if all || made || reexported.contains(first) {
                functions.insert(function);
            }
        }
    }
    functions
}

fn module_text(folder: &Path, module: &str) -> String {
    let places: [PathBuf; 2] = [
        folder.join(format!("{module}.rs")),
        folder.join(module).join("mod.rs"),
    ];
    places
        .iter()
        .find_map(|place| fs::read_to_string(place).ok())
        .unwrap_or_default()
}

/// Splits the text into statements; the lines up to each `;` are joined.
fn statements(text: &str) -> Vec<String> {
    text.split(';')
        .map(|part| {
            part.trim().lines().last().map_or(String::new(), |_| {
                let begin = part.rfind("pub use ").unwrap_or(0);
                part[begin..]
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        })
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric() && char != '_')
        .filter(|word| !word.is_empty())
}

/// The public functions of one file.
fn functions(text: &str) -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    /// The item that surrounds the current line.
    enum In<'a> {
        Nothing,
        Type(&'a str),
        Trait(&'a str),
        Foreign,
    }
    let mut inside = In::Nothing;
    for line in text.lines() {
        if line == "mod tests {" {
            break;
        }
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if indent == 0 {
            if let Some(rest) = line.strip_prefix("impl") {
                let of = after_generics(rest);
                inside = if of.contains(" for ") {
                    In::Nothing
                } else {
                    In::Type(first_word(of))
                };
            } else if let Some(rest) = line.strip_prefix("pub trait ") {
                inside = In::Trait(first_word(rest));
            } else if line.starts_with("unsafe extern ") {
                inside = In::Foreign;
            } else if line == "}" {
                inside = In::Nothing;
            }
        }
        let public = code.strip_prefix("pub ").and_then(function_name);
        match (&inside, public) {
            (In::Nothing, Some(name)) if indent == 0 => {
                functions.insert(name.to_owned());
            }
            // A function that a macro defines for many types.
            (In::Nothing, Some(name)) if indent > 8 => {
                functions.insert(name.to_owned());
            }
            (In::Type(of), Some(name)) if indent == 4 => {
                functions.insert(format!("{of}::{name}"));
            }
            (In::Foreign, Some(name)) => {
                functions.insert(name.to_owned());
            }
            (In::Trait(of), None) if indent == 4 => {
                if let Some(name) = function_name(code) {
                    functions.insert(format!("{of}::{name}"));
                }
            }
            _ => {}
        }
    }
    functions
}

/// The name in `const unsafe extern "C" fn name(`...
fn function_name(code: &str) -> Option<&str> {
    let mut rest = code;
    for qualifier in ["const ", "unsafe ", "extern \"C\" "] {
        rest = rest.strip_prefix(qualifier).unwrap_or(rest);
    }
    rest.strip_prefix("fn ").map(first_word)
}

fn first_word(text: &str) -> &str {
    words(text).next().unwrap_or_default()
}

/// The rest of `<T: Bound<U>> Type<T> {` after the generic parameters, that is, after the first pair of angle brackets.
fn after_generics(text: &str) -> &str {
    let mut depth = 0;
    if !text.starts_with('<') {
        return text;
    }
    for (at, char) in text.char_indices() {
        match char {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    text
}

/// Whether a self-test file of the room, or the file of the self-test's children, calls the function. A line of a table
/// counts only if it does more than name the function as covered.
pub fn is_used(room: &str, function: &str) -> bool {
    let file = |name: &str| repository().join(format!("tests/selftest/src/{name}.rs"));
    let text = |name: &str| fs::read_to_string(file(name)).unwrap_or_default();
    // A row of ROOMS: `("room", file::CASES),`
    let main = text("main");
    let rows = main
        .lines()
        .filter_map(|line| line.trim().strip_prefix(&format!("(\"{room}\", ")));
    let files = rows.filter_map(|row| row.strip_suffix("::CASES),"));
    let all: String = files.chain(["child"]).map(text).collect();
    let name = function.rsplit("::").next().unwrap_or(function);
    all.lines().any(|line| {
        // A case: `"name", [covers], operation`
        let done = match (line.find("\", ["), line.find("], ")) {
            (Some(_), Some(end)) if line.trim_start().starts_with('"') => &line[end..],
            _ => line,
        };
        words(done).any(|word| word == name)
    })
}
