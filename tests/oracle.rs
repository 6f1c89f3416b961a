//! The oracle: what `ring3::abi` says of the kernel's headers, a C compiler that has them confirms.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use libtest_mimic::Trial;

use crate::per_arch;
use crate::support::{Arch, run};

pub fn trials() -> Vec<Trial> {
    per_arch![every_fact_is_the_kernels, a_wrong_fact_is_found].collect()
}

/// The C compiler for an architecture, with the kernel's and the C library's headers.
fn compiler(arch: Arch) -> Command {
    Command::new(if arch.is_native() {
        "gcc".into()
    } else {
        format!("{}-linux-gnu-gcc", arch.name())
    })
}

/// The facts by header, each an expression of C and its value, as the architecture's own build of
/// the table prints them.
fn facts(arch: Arch) -> BTreeMap<String, Vec<(String, i64)>> {
    let ran = run(&mut arch.probe("facts"));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let mut facts = BTreeMap::<_, Vec<_>>::new();
    for line in ran.stdout.lines() {
        let [header, expression, value] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not a fact: {line}")
        };
        facts
            .entry(header.into())
            .or_default()
            .push((expression.into(), value.parse().unwrap()));
    }
    facts
}

/// What the compiler says of the facts of one header: nothing where all hold.
fn contradictions(arch: Arch, header: &str, facts: &[(String, i64)]) -> String {
    // Kernel headers and the C library's do not go together: one program a header. `linux/types.h`
    // comes first because some of the kernel's headers forget it.
    let mut source =
        format!("#define _GNU_SOURCE\n#include <linux/types.h>\n#include <{header}>\n");
    for (expression, value) in facts {
        writeln!(
            source,
            "_Static_assert((long long)({expression}) == {value}LL, \"{expression} is not {value}\");"
        )
        .unwrap();
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

/// The compiler is really asked: facts changed by one are all refused.
fn a_wrong_fact_is_found(arch: Arch) {
    for (header, facts) in facts(arch) {
        let changed: Vec<_> = facts
            .into_iter()
            .map(|(text, value)| (text, value ^ 1))
            .collect();
        let wrong = contradictions(arch, &header, &changed);
        for (expression, value) in changed {
            assert!(
                wrong.contains(&format!("{expression} is not {value}")),
                "{header}: nobody noticed {expression} = {value}"
            );
        }
    }
}
