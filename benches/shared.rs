//! Functions that several benches share: printing a table, and parsing a list of names. Each bench includes this file
//! as a module.

/// Prints a table as Markdown, with aligned columns.
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

/// Splits a list at its commas. Returns the names if all of them are in `among`.
pub fn chosen(list: &str, among: &[String]) -> Option<Vec<String>> {
    let names: Vec<String> = list.split(',').map(str::to_owned).collect();
    names
        .iter()
        .all(|name| among.contains(name))
        .then_some(names)
}
