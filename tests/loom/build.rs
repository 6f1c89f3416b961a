//! Generates code that loom can run from the library's own sources: the same text with loom's atomics in place of
//! core's. So there is no copy to keep up to date, and no `cfg` in the product.
//!
//! For each fault in the table below it generates another copy with that single fault. The models find nothing in the
//! library's copy. For each fault the named model must fail on the faulty copy.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The source files that the models run, relative to `src`.
const SOURCES: [&str; 10] = [
    "sync/mod.rs",
    "sync/condvar.rs",
    "sync/futex.rs",
    "sync/mutex.rs",
    "sync/once.rs",
    "thread/mod.rs",
    "thread/scope.rs",
    "thread/stack.rs",
    "thread/task.rs",
    "bin/echod/gate.rs",
];

/// Replacements: a text of the sources, and the text for loom. Each text must occur in the sources.
const CHANGES: [(&str, &str); 8] = [
    ("core::sync::atomic", "crate::atomic"),
    ("super::atomic", "crate::atomic"),
    // Leaves out the library's own tests.
    ("#[cfg(test)]", "#[cfg(any())]"),
    ("use core::hint;", "use crate::atomic::hint;"),
    // loom's atomics have no const constructor.
    ("const fn", "fn"),
    // For the models one spin is as good as a hundred.
    ("const SPINS: usize = 100;", "const SPINS: usize = 1;"),
    // A thread of loom ends by unwinding to loom.
    (r#"extern "C" fn run<"#, r#"extern "C-unwind" fn run<"#),
    ("crate::sync", "super::super::sync"),
];

/// A fault: its name, the model that finds it, the file, the library's text, and the text with the fault.
type Fault = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const FAULTS: &[Fault] = &[
    (
        "a_mutex_is_taken_relaxed",
        "mutex",
        "sync/mutex.rs",
        "compare_exchange(FREE, HELD, Acquire, Relaxed)",
        "compare_exchange(FREE, HELD, Relaxed, Relaxed)",
    ),
    (
        "a_mutex_is_taken_relaxed_after_a_wait",
        "mutex",
        "sync/mutex.rs",
        "swap(AWAITED, Acquire)",
        "swap(AWAITED, Relaxed)",
    ),
    (
        "a_mutex_is_freed_relaxed",
        "mutex",
        "sync/mutex.rs",
        "swap(FREE, Release)",
        "swap(FREE, Relaxed)",
    ),
    (
        "a_mutex_wakes_nobody",
        "mutex",
        "sync/mutex.rs",
        "futex::wake(&raw const self.0, 1);",
        "",
    ),
    (
        "a_mutex_forgets_other_waiters",
        "mutex_of_three",
        "sync/mutex.rs",
        "            self.spin();\n        }",
        "            if self.try_lock() { return; }\n        }",
    ),
    (
        "a_condvar_looks_after_it_has_unlocked",
        "condvar",
        "sync/condvar.rs",
        "let seen = self.notifications.load(Relaxed);
        guard.lock().unlock();
        futex::wait(",
        "guard.lock().unlock();
        let seen = self.notifications.load(Relaxed);
        futex::wait(",
    ),
    (
        "a_condvar_counts_no_notification",
        "condvar",
        "sync/condvar.rs",
        "self.notifications.fetch_add(1, Relaxed);",
        "",
    ),
    (
        "a_condvar_wakes_nobody",
        "condvar",
        "sync/condvar.rs",
        "futex::wake(&raw const self.notifications, count);",
        "let _ = count;",
    ),
    (
        "a_condvar_wakes_one_for_all",
        "condvar_for_all",
        "sync/condvar.rs",
        "self.notify(i32::MAX)",
        "self.notify(1)",
    ),
    (
        "a_once_is_done_relaxed",
        "once",
        "sync/once.rs",
        "swap(DONE, Release)",
        "swap(DONE, Relaxed)",
    ),
    (
        "a_once_is_seen_relaxed",
        "once",
        "sync/once.rs",
        "self.0.load(Acquire) == DONE",
        "self.0.load(Relaxed) == DONE",
    ),
    (
        "a_once_is_waited_for_relaxed",
        "once",
        "sync/once.rs",
        "compare_exchange(RUNNING, AWAITED, Relaxed, Acquire)",
        "compare_exchange(RUNNING, AWAITED, Relaxed, Relaxed)",
    ),
    (
        "a_once_wakes_nobody",
        "once",
        "sync/once.rs",
        "futex::wake(&raw const self.0, i32::MAX);",
        "",
    ),
    (
        "a_once_wakes_one_for_all",
        "once_of_three",
        "sync/once.rs",
        "futex::wake(&raw const self.0, i32::MAX);",
        "futex::wake(&raw const self.0, 1);",
    ),
    (
        "a_handle_waits_as_for_a_thread_of_ours",
        "join",
        "thread/task.rs",
        "futex::wait_shared(id, running)",
        "futex::wait(id, running)",
    ),
    (
        "a_handle_sees_the_end_relaxed",
        "join",
        "thread/task.rs",
        "id.load(Acquire)",
        "id.load(crate::atomic::Ordering::Relaxed)",
    ),
    (
        "a_handle_does_not_wait_for_the_end",
        "detach",
        "thread/task.rs",
        "self.wait();",
        "",
    ),
    (
        "a_handle_is_dropped_without_release",
        "detach",
        "thread/task.rs",
        "state.swap(DETACHED, Release)",
        "state.swap(DETACHED, crate::atomic::Ordering::Relaxed)",
    ),
    (
        "a_thread_is_alone_without_acquire",
        "detach",
        "thread/task.rs",
        "state.swap(DONE, Acquire)",
        "state.swap(DONE, crate::atomic::Ordering::Relaxed)",
    ),
    (
        "a_thread_ends_without_release",
        "join",
        "thread/task.rs",
        "fence(Release);",
        "",
    ),
    (
        "a_thread_alone_leaves_its_word_to_the_kernel",
        "detach",
        "thread/task.rs",
        "let _ = unsafe { syscall!(set_tid_address(ptr::null::<u32>())) };",
        "",
    ),
    (
        "a_thread_alone_leaves_its_mapping",
        "detach",
        "thread/task.rs",
        "unsafe { arch::unmap_and_exit(stack.start.as_ptr(), stack.length) }",
        "let _ = stack;",
    ),
    (
        "a_scope_is_left_relaxed",
        "in_scope",
        "thread/scope.rs",
        "scope.running.load(Acquire)",
        "scope.running.load(Relaxed)",
    ),
    (
        "a_scope_is_counted_down_relaxed",
        "in_scope",
        "thread/task.rs",
        "(*running).fetch_sub(1, Release)",
        "(*running).fetch_sub(1, crate::atomic::Ordering::Relaxed)",
    ),
    (
        "a_scope_is_not_woken",
        "in_scope",
        "thread/task.rs",
        "futex::wake(running, 1);",
        "",
    ),
    (
        "a_scope_is_touched_after_its_end",
        "in_scope",
        "thread/task.rs",
        "futex::wake(running, 1);",
        "unsafe { (*running).load(Acquire) };
            futex::wake(running, 1);",
    ),
    (
        "a_scope_does_not_count_a_thread",
        "in_scope",
        "thread/scope.rs",
        "        self.running.fetch_add(1, Relaxed);
",
        "",
    ),
    (
        "a_gate_does_not_note_who_waits",
        "gate",
        "bin/echod/gate.rs",
        "word | WAITING };",
        "word };",
    ),
    (
        "a_gate_tells_nobody_who_waits",
        "gate",
        "bin/echod/gate.rs",
        "word & WAITING != 0 && {",
        "word & WAITING == WAITING + 1 && {",
    ),
    (
        "a_gate_is_entered_relaxed",
        "gate",
        "bin/echod/gate.rs",
        "compare_exchange_weak(word, next, Acquire, Relaxed)",
        "compare_exchange_weak(word, next, Relaxed, Relaxed)",
    ),
    (
        "a_gate_is_left_relaxed",
        "gate",
        "bin/echod/gate.rs",
        "fetch_add(LEFT - CLIENT, Release)",
        "fetch_add(LEFT - CLIENT, Relaxed)",
    ),
    (
        "a_gate_forgets_who_left_meanwhile",
        "gate_without_descriptors",
        "bin/echod/gate.rs",
        "left(word) == place.0",
        "true",
    ),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for file in SOURCES {
        println!("cargo::rerun-if-changed=../../src/{file}");
    }
    let source = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../../src");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    let files = SOURCES.map(|file| {
        let text = fs::read_to_string(source.join(file));
        (file, text.unwrap_or_else(|error| panic!("{file}: {error}")))
    });
    for (text, _) in CHANGES {
        let there = files.iter().any(|(_, source)| source.contains(text));
        assert!(there, "nowhere in the sources: {text}");
    }
    let mut variants = String::new();
    let mut tests = String::new();
    write_variant(&out, &files, &mut variants, "library", None);
    for fault in FAULTS {
        let (name, model, ..) = fault;
        write_variant(&out, &files, &mut variants, name, Some(fault));
        write!(
            tests,
            "models!({name});
             #[test] fn {name}() {{ finds(\"{name}\", {name}::{model}); }}\n"
        )
        .unwrap();
    }
    fs::write(out.join("variants.rs"), variants).unwrap();
    fs::write(out.join("faults.rs"), tests).unwrap();
}

/// Writes the sources for loom, with the fault if there is one, and appends the module to `variants`.
fn write_variant(
    out: &Path,
    files: &[(&str, String)],
    variants: &mut String,
    name: &str,
    fault: Option<&Fault>,
) {
    let folder = out.join(name);
    for (file, text) in files {
        let mut text = text.clone();
        if let Some((_, _, of, from, to)) = fault
            && of == file
        {
            assert_eq!(text.matches(from).count(), 1, "in {file}: {from}");
            text = text.replace(from, to);
        }
        for (from, to) in CHANGES {
            text = text.replace(from, to);
        }
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    writeln!(
        variants,
        "#[allow(warnings, clippy::all)] pub mod {name} {{"
    )
    .unwrap();
    for (file, module) in [
        ("sync/mod.rs", "sync"),
        ("thread/mod.rs", "thread"),
        ("bin/echod/gate.rs", "gate"),
    ] {
        let path = folder.join(file);
        writeln!(variants, "#[path = {path:?}] pub mod {module};").unwrap();
    }
    writeln!(variants, "}}").unwrap();
}
