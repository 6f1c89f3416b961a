//! The works (workloads), by name.

mod first;
mod growth;
mod memory;
mod pages;
mod small;
mod threads;

/// Runs the work of this name.
pub fn run(name: &str) {
    match name {
        "pair" => small::pair(),
        "lifo" => small::lifo(),
        "random-1k" => small::random(name, 10_000, 1024),
        "random-64k" => small::random(name, 2_000, 64 * 1024),
        "grow-small" => growth::small(),
        "grow-large" => growth::large(),
        "grow-steps" => growth::steps(),
        "pages" => pages::pages(),
        "private" => threads::private(),
        "larson" => threads::larson(),
        "remote" => threads::remote(),
        "small" => memory::change(name, memory::SMALL),
        "medium" => memory::change(name, memory::MEDIUM),
        "ended" => memory::ended(),
        "first" => first::first(),
        _ => panic!("no work is called {name}"),
    }
}
