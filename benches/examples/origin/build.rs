//! Link options. Origin has its own entry point, so the C library's is left out. On stable, origin cannot relocate the
//! program, so the program has a fixed address. The other options make the program smaller.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for option in [
        "-nostartfiles",
        "-Wl,--no-pie",
        "-Wl,--build-id=none",
        "-Wl,--no-eh-frame-hdr",
        "-Wl,-z,noseparate-code",
    ] {
        println!("cargo:rustc-link-arg-bins={option}");
    }
}
