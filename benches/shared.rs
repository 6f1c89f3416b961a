//! What the benches that choose and print alike share; each has it as a module of its own.

/// Prints it as Markdown, which a terminal shows as well.
pub fn print(table: &[Vec<String>]) {
    let widths: Vec<usize> = (0..table[0].len())
        .map(|column| {
            table
                .iter()
                .map(|line| line[column].len())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let print_line = |line: &[String]| {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
    };
    print_line(&table[0]);
    print_line(
        &widths
            .iter()
            .map(|&width| "-".repeat(width))
            .collect::<Vec<_>>(),
    );
    table[1..].iter().for_each(|line| print_line(line));
}

/// The names of a list, if all of them are among those.
pub fn chosen(list: &str, among: &[String]) -> Option<Vec<String>> {
    let names: Vec<String> = list.split(',').map(str::to_owned).collect();
    names
        .iter()
        .all(|name| among.contains(name))
        .then_some(names)
}
