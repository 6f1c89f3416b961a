//! The macros that make a crate a program: [`program!`](crate::program) and [`bare_program!`](crate::bare_program).

/// Makes the crate a program with a name and a `main` function.
///
/// The macro defines the items that a program must define exactly once: the entry point, the panic handler, and the
/// memory functions (`memcpy` and others) under the names that the compiler calls. The library itself defines none of
/// these items, so the library can be linked into tests that use std.
///
/// The program's name is also the constant `PROGRAM`, which prints messages ([`Program`](crate::rt::Program)).
///
/// `main` is a `fn(Start) -> T`, where `T` determines the exit status ([`Termination`](crate::rt::Termination)). With
/// `program!("name", main, inherited)`, `main` is a `fn(Start, Result<Inherited>) -> T`. Its second argument is the
/// result of [`inherited`](crate::systemd::inherited): the descriptors that a service manager opened.
///
/// Outside of unit tests, the crate has neither std nor the entry point of std. So its first line is the line below.
/// Under `cargo test` std starts the crate, and `program!` defines only `PROGRAM`.
///
/// ```ignore
/// #![cfg_attr(not(test), no_std, no_main)]
///
/// ring3::program!("true", main);
///
/// fn main(_: ring3::env::Start) {}
/// ```
#[macro_export]
macro_rules! program {
    ($name:expr, $main:path) => {
        $crate::program!(@ $name, $main);
    };
    ($name:expr, $main:path, inherited) => {
        $crate::program!(@ $name, |start: $crate::env::Start| {
            let (pid, fds) = (start.var("LISTEN_PID"), start.var("LISTEN_FDS"));
            // SAFETY: this closure runs once, before the program's code. Start-up opens no descriptor.
            $main(start, unsafe { $crate::systemd::inherited(pid, fds) })
        });
    };
    (@ $name:expr, $main:expr) => {
        /// The name with which the program's messages begin.
        const PROGRAM: $crate::rt::Program = $crate::rt::Program::new($name);

        // A unit test is a program of std: std defines these items.
        #[cfg(not(test))]
        $crate::program!(@@ $name, $main);
        #[cfg(test)]
        const _: () = {
            let _ = $main;
        };
    };
    (@@ $name:expr, $main:expr) => {
        $crate::__panics_abort!();

        // The linker script. build.rs reports the directory in which lld finds the file.
        #[link(name = "ring3-program.ld", kind = "dylib", modifiers = "+verbatim")]
        unsafe extern "C" {}

        $crate::__start!(__entry);

        /// The first Rust function of the program.
        ///
        /// # Safety
        /// `ring3_start` calls this once, with the initial stack pointer and the linker script's values.
        unsafe extern "C" fn __entry(
            sp: *const usize,
            relro: usize,
            relro_end: usize,
            thread_words: usize,
        ) -> ! {
            // SAFETY: `ring3_start` calls this function once, with the values that `rt::start` expects.
            unsafe { $crate::rt::start(PROGRAM, sp, relro, relro_end, thread_words, $main) }
        }

        #[panic_handler]
        fn __panic(info: &::core::panic::PanicInfo<'_>) -> ! {
            $crate::rt::panic($name, info)
        }

        /// The `alloc` crate is compiled for unwinding, and some code of `alloc` calls this function to resume
        /// unwinding. Nothing unwinds here: a panic aborts.
        #[unsafe(no_mangle)]
        extern "C" fn _Unwind_Resume() -> ! {
            $crate::arch::trap()
        }

        $crate::__mem_names!();
        $crate::__libc_names!();
    };
}

/// Makes the crate a program that does not read the auxiliary vector: for programs that must be small. A panic traps,
/// without a message.
///
/// With `--cfg ring3_unrelocated` (as in `.cargo/programs.toml`) and without debug assertions, the program consists only
/// of code and constants, and has no `memcpy`. A static that contains an address, or that is written, does not link
/// then: no segment can hold it. In other builds the compiler itself makes such statics: the addresses of functions of
/// other crates, and the source location of each check. So a bare program then has the segments and the relocating
/// start of [`program!`], and `memcpy`.
///
/// `main` is a `fn(Words) -> T`, where `T` determines the exit status ([`Termination`](crate::rt::Termination)).
#[macro_export]
macro_rules! bare_program {
    ($main:path) => {
        // A unit test is a program of std: std defines these items.
        #[cfg(not(test))]
        $crate::bare_program!(@ $main);
        #[cfg(test)]
        const _: () = {
            let _ = $main;
        };
    };
    (@ $main:path) => {
        $crate::__panics_abort!();
        $crate::__bare_start!(__entry);

        /// The first Rust function of the program.
        ///
        /// # Safety
        /// `ring3_start` calls this once, with the initial stack pointer.
        unsafe extern "C" fn __entry(sp: *const usize) -> ! {
            // SAFETY: `ring3_start` passes the initial stack pointer of the kernel. `Words::new` is called only here,
            // and a bare program does not call `rt::start`, so no other code uses the strings on the initial stack.
            let words = unsafe { $crate::rt::Words::new(sp) };
            $crate::process::exit($crate::rt::Termination::status($main(words)))
        }

        #[panic_handler]
        fn __panic(_: &::core::panic::PanicInfo<'_>) -> ! {
            $crate::arch::trap()
        }
    };
}

/// The linker script and the entry point of a bare program that has nothing to relocate.
#[cfg(all(ring3_unrelocated, not(debug_assertions)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __bare_start {
    ($entry:path) => {
        #[link(name = "ring3-bare.ld", kind = "dylib", modifiers = "+verbatim")]
        unsafe extern "C" {}

        $crate::__start_bare!($entry);
    };
}

/// The linker script and the entry point of other bare programs: those of `program!`.
#[cfg(not(all(ring3_unrelocated, not(debug_assertions))))]
#[doc(hidden)]
#[macro_export]
macro_rules! __bare_start {
    ($entry:path) => {
        #[link(name = "ring3-program.ld", kind = "dylib", modifiers = "+verbatim")]
        unsafe extern "C" {}

        $crate::__start!($entry);
        $crate::__mem_names!();
        $crate::__libc_names!();
    };
}

/// Refuses a program whose panics unwind: nothing here can unwind, and the compiler's own error names no remedy. (Tests
/// run under std, where panics unwind.)
#[doc(hidden)]
#[macro_export]
macro_rules! __panics_abort {
    () => {
        #[cfg(all(panic = "unwind", not(test), not(doc)))] // rustdoc does not know the profile
        ::core::compile_error!(
            "a program of ring3 needs `panic = \"abort\"`: write it into both [profile.dev] and [profile.release] \
             of Cargo.toml (in a workspace, the Cargo.toml of its root)"
        );
    };
}
