//! `ring3-manual DATE`: writes the man pages with this date, the completions, and the tables in `docs`. Run it in the
//! repository, or by `make manual`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args()
        .nth(1)
        .ok_or("no DATE".into())
        .and_then(write)
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ring3-manual: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes each file whose content changes.
fn write(date: String) -> Result<(), String> {
    for file in ring3_manual::files(Path::new("."), &date)? {
        let path = Path::new(&file.path);
        if fs::read_to_string(path).is_ok_and(|text| text == file.text) {
            continue;
        }
        let folder = path.parent().unwrap_or(path);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(path, &file.text))
            .map_err(|error| format!("write {}: {error}", file.path))?;
    }
    Ok(())
}
