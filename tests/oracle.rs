//! The oracle: a C compiler compares the values of `ring3::abi` with the kernel's headers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

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

/// The C compiler for an architecture, with the kernel's and the C library's headers.
fn compiler(arch: Arch) -> Command {
    Command::new(if arch.is_native() {
        "gcc".into()
    } else {
        format!("{}-linux-gnu-gcc", arch.name())
    })
}

/// A fact of `ring3::abi`, as the architecture's own build of the table prints it.
struct Fact {
    expression: String,
    value: i64,
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
            value: value.parse().unwrap(),
            newer: *rest == ["newer"],
        });
    }
    facts
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
        let claim = format!(
            "_Static_assert((long long)({expression}) == {value}LL, \"{expression} is not {value}\");\n"
        );
        source += &match newer {
            true => format!("#ifdef {expression}\n{claim}#endif\n"),
            false => claim,
        };
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("facts.c");
    std::fs::write(&file, source).unwrap();
    let mut compiler = compiler(arch);
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
        let others: &[&str] = match arch {
            Arch::X86_64 => &["generic.rs"],
            Arch::Aarch64 => &["x86.rs", "nr_x86.rs"],
        };
        let no_tables = ["mod.rs", "call.rs", "table.rs"];
        if no_tables
            .iter()
            .chain(others)
            .any(|other| path.ends_with(other))
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let table = text.split("\nimpl ").next().unwrap();
        for line in table.lines() {
            let expression = row(line.trim());
            let Some(expression) = expression else {
                continue;
            };
            rows += 1;
            let number = format!("__NR_{expression}");
            assert!(
                expressions.contains(&*expression) || expressions.contains(&*number),
                "{}: {line}",
                path.display()
            );
        }
    }
    assert!(rows > 500, "{rows}");
}

/// The C expression of a table's row; none if the line is no row.
fn row(line: &str) -> Option<String> {
    if line.starts_with("record ") {
        return Some(format!("sizeof({})", line.split('"').nth(3)?));
    }
    let (name, _) = line.split_once(" = ")?;
    let is_name = |name: &str| {
        name.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let is_row = line.ends_with(',') || line.ends_with(';');
    let name = name.trim();
    (is_row && is_name(name) && !line.starts_with("let ")).then(|| name.to_owned())
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

/// The compiler is really asked: facts changed by one are all refused. Facts that the headers may lack are left out.
fn a_wrong_fact_is_found(arch: Arch) {
    for (header, facts) in facts(arch) {
        let mut changed = facts;
        changed.retain(|fact| !fact.newer);
        changed.iter_mut().for_each(|fact| fact.value ^= 1);
        let wrong = contradictions(arch, &header, &changed);
        for Fact {
            expression, value, ..
        } in changed
        {
            assert!(
                wrong.contains(&format!("{expression} is not {value}")),
                "{header}: nobody noticed {expression} = {value}"
            );
        }
    }
}
