//! Link options: origin has its own entry point, so the C library's is left out.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for option in [
        "-nostartfiles",
        "-Wl,--build-id=none",
        "-Wl,--no-eh-frame-hdr",
        "-Wl,-z,noseparate-code",
    ] {
        println!("cargo:rustc-link-arg-bins={option}");
    }
}
