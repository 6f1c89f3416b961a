//! The oracle: a C compiler compares the values of `ring3::abi` with the kernel's headers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use libtest_mimic::Trial;

use crate::per_arch;
use crate::support::{Arch, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        every_row_is_a_fact,
        every_fact_is_the_kernels,
        a_wrong_fact_is_found,
    ]
    .collect()
}

/// A fact of `ring3::abi`, as the architecture's own build of the table prints it.
struct Fact {
    expression: String,
    /// The expression's value; none if the headers do not define the expression, a macro.
    value: Option<i64>,
    /// The expression is a macro that older headers lack.
    newer: bool,
}

/// The facts by header.
fn facts(arch: Arch) -> BTreeMap<String, Vec<Fact>> {
    let ran = run(&mut arch.probe("facts"));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let mut facts = BTreeMap::<_, Vec<_>>::new();
    for line in ran.stdout.lines() {
        let [header, expression, value, ref rest @ ..] = line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("not a fact: {line}")
        };
        facts.entry(header.into()).or_default().push(Fact {
            expression: expression.into(),
            value: (value != "undefined").then(|| value.parse().unwrap()),
            newer: *rest == ["newer"],
        });
    }
    facts
}

/// The numbers of the system calls, by their names in C.
pub fn numbers(arch: Arch) -> BTreeMap<String, i64> {
    let facts = facts(arch).remove("asm/unistd.h").unwrap();
    let number = |fact: Fact| {
        let name = fact.expression.strip_prefix("__NR_")?;
        Some((name.to_owned(), fact.value?))
    };
    facts.into_iter().filter_map(number).collect()
}

/// What the compiler says of the facts of one header: nothing where all hold.
fn contradictions(arch: Arch, header: &str, facts: &[Fact]) -> String {
    // Kernel headers and the C library's do not go together: one program a header. `linux/types.h`
    // comes first because some of the kernel's headers forget it.
    let mut source =
        format!("#define _GNU_SOURCE\n#include <linux/types.h>\n#include <{header}>\n");
    for Fact {
        expression,
        value,
        newer,
    } in facts
    {
        let claim = value.map(|value| {
            format!(
                "_Static_assert((long long)({expression}) == {value}LL, \"{expression} is not {value}\");\n"
            )
        });
        source += &match (claim, newer) {
            (Some(claim), false) => claim,
            (Some(claim), true) => format!("#ifdef {expression}\n{claim}#endif\n"),
            (None, _) => format!("#ifdef {expression}\n#error {expression} is defined\n#endif\n"),
        };
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("facts.c");
    std::fs::write(&file, source).unwrap();
    // With the headers of the kernel and of the C library.
    let mut compiler = arch.gnu("gcc");
    let ran = run(compiler.args(["-fsyntax-only", "-w"]).arg(&file));
    assert_eq!(
        ran.status == Some(0),
        ran.stderr.is_empty(),
        "{}",
        ran.stderr
    );
    ran.stderr
}

/// Each row of each table in `src/abi` is a fact: a row `NAME = VALUE,` is a constant or the number of a call, and a
/// `record` has a size.
fn every_row_is_a_fact(arch: Arch) {
    let facts = facts(arch);
    let expressions: BTreeSet<_> = facts
        .values()
        .flatten()
        .map(|fact| &*fact.expression)
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/abi");
    let mut rows = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !has_rows(&path, arch) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let table = text.split("\nimpl ").next().unwrap();
        let before = std::iter::once("").chain(table.lines());
        for (line, before) in table.lines().zip(before) {
            let names = row(line.trim());
            let is_elsewhere = before.trim().starts_with("#[cfg(")
                || arch.facts().pointer == 4 && line.contains(", bits64]");
            if names.is_empty() || is_elsewhere {
                continue;
            }
            rows += 1;
            let is_fact = names.iter().any(|name| {
                let prefixes = ["", "__NR_", "__ARM_NR_"];
                prefixes
                    .iter()
                    .any(|prefix| expressions.contains(&*format!("{prefix}{name}")))
            });
            assert!(is_fact, "{}: {line}", path.display());
        }
    }
    assert!(rows > 500, "{rows}");
}

/// Whether a file of `src/abi` has a table with rows for an architecture.
fn has_rows(file: &Path, arch: Arch) -> bool {
    match file.file_name().unwrap().to_str().unwrap() {
        "mod.rs" | "call.rs" | "table.rs" => false,
        "x86_64.rs" => arch == Arch::X86_64,
        "generic.rs" => matches!(arch, Arch::Aarch64 | Arch::Riscv64),
        "bits32.rs" => arch.facts().pointer == 4,
        "x86.rs" => arch == Arch::X86,
        _ => true,
    }
}

/// What a table's row may be called in C: by its own name, or by a name in its cells. Empty if the line is no row.
fn row(line: &str) -> Vec<String> {
    if line.starts_with("record ") {
        let name = line.split('"').nth(3);
        return name
            .map(|name| format!("sizeof({name})"))
            .into_iter()
            .collect();
    }
    let Some((name, value)) = line.split_once(" = ") else {
        return Vec::new();
    };
    let is_name = |name: &str| {
        name.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let is_row = line.ends_with(',') || line.ends_with(';');
    if !is_row || !is_name(name.trim()) || line.starts_with("let ") {
        return Vec::new();
    }
    let cells = value.split([' ', '{', '}', ',']);
    [name.trim()]
        .into_iter()
        .chain(cells)
        .filter(|word| !word.is_empty())
        .map(String::from)
        .collect()
}

fn every_fact_is_the_kernels(arch: Arch) {
    let facts = facts(arch);
    let count: usize = facts.values().map(Vec::len).sum();
    assert!(
        count > 150,
        "only {count} facts: the table was not printed whole"
    );
    let wrong: String = facts
        .iter()
        .map(|(header, facts)| contradictions(arch, header, facts))
        .collect();
    assert!(wrong.is_empty(), "{wrong}");
}

/// The compiler compares the values: it refuses each fact that is changed by one. Facts that the headers may lack are
/// left out.
fn a_wrong_fact_is_found(arch: Arch) {
    for (header, facts) in facts(arch) {
        let mut changed = facts;
        changed.retain(|fact| !fact.newer && fact.value.is_some());
        changed
            .iter_mut()
            .for_each(|fact| fact.value = fact.value.map(|value| value ^ 1));
        let wrong = contradictions(arch, &header, &changed);
        for Fact {
            expression, value, ..
        } in changed
        {
            let value = value.unwrap();
            assert!(
                wrong.contains(&format!("{expression} is not {value}")),
                "{header}: nobody noticed {expression} = {value}"
            );
        }
    }
}
