//! A mutant: a change of one place in one source file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

#[derive(Clone)]
pub struct Mutant {
    /// The path, relative to the repository.
    pub file: String,
    /// The first changed line, counted from 1.
    pub line: usize,
    /// A description of the change, and the function that it is in.
    pub what: String,
    /// The range of replaced bytes in the file: `from..to`.
    pub from: usize,
    pub to: usize,
    pub new: String,
}

impl Mutant {
    /// The name of the change. It has no line number, because lines shift.
    pub fn id(&self) -> String {
        format!("{}: {}", self.file, self.what)
    }

    pub fn apply(&self, text: &str) -> String {
        format!("{}{}{}", &text[..self.from], self.new, &text[self.to..])
    }
}

/// Makes names unique: appends a number (`... #2`) to the second and later changes with the same name.
pub fn number(mutants: &mut [Mutant]) {
    let mut seen = BTreeMap::<String, u32>::new();
    for mutant in mutants {
        let count = seen.entry(mutant.id()).or_default();
        *count += 1;
        if *count > 1 {
            mutant.what += &format!(" #{count}");
        }
    }
}

/// Reads the changes from the JSON of `cargo mutants --list`.
pub fn of_cargo_mutants(list: &Path) -> Result<Vec<Mutant>, String> {
    let wrong = |why: String| format!("{}: {why}", list.display());
    let json = fs::read(list).map_err(|why| wrong(why.to_string()))?;
    let json: Value = serde_json::from_slice(&json).map_err(|why| wrong(why.to_string()))?;
    let mutants = json.as_array().ok_or_else(|| wrong("no list".into()))?;
    let mut texts = BTreeMap::new();
    mutants
        .iter()
        .map(|json| of_json(json, &mut texts).ok_or_else(|| wrong(format!("not a change: {json}"))))
        .collect()
}

fn of_json(json: &Value, texts: &mut BTreeMap<String, String>) -> Option<Mutant> {
    let file = json["file"].as_str()?;
    if !texts.contains_key(file) {
        texts.insert(file.to_owned(), fs::read_to_string(file).ok()?);
    }
    let text = &texts[file];
    let at = |end: &str| {
        let number = |name: &str| Some(json["span"][end][name].as_u64()? as usize);
        offset(text, number("line")?, number("column")?)
    };
    // The name has the form FILE:LINE:COLUMN: WHAT.
    let what = json["name"].as_str()?.splitn(4, ':').nth(3)?;
    Some(Mutant {
        file: file.to_owned(),
        line: json["span"]["start"]["line"].as_u64()? as usize,
        what: what.trim().to_owned(),
        from: at("start")?,
        to: at("end")?,
        new: json["replacement"].as_str()?.to_owned(),
    })
}

/// The byte offset of a position. Lines and columns are counted from 1, columns in characters.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let start: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let (inside, _) = text[start..].char_indices().nth(column - 1)?;
    Some(start + inside)
}
