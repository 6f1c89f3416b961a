//! Reports the directory of the linker scripts: `program!` names a script, and the linker looks for the script there.

fn main() {
    println!("cargo::rerun-if-changed=linker");
    println!(
        "cargo::rustc-link-search=native={}/linker",
        std::env::var("CARGO_MANIFEST_DIR").unwrap()
    );
}
