//! Completions for bash, zsh and fish. clap_complete makes those for zsh and fish. Its completions for bash know
//! neither operands nor `--option=VALUE`, so `bash.rs` makes those.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::{Shell, generate};
use ring3::cli::Argument;

use crate::programs::{Opt, Program, signals};
use crate::{File, bash, file};

/// The files of a program.
pub fn of(program: &Program) -> Vec<File> {
    let name = program.name;
    let made = |shell| {
        let mut text = Vec::new();
        generate(shell, &mut command(program), name, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    let path = |path: String| format!("target/completions/{path}");
    vec![
        file(path(format!("bash/{name}")), bash::of(program)),
        file(
            path(format!("zsh/_{name}")),
            made(Shell::Zsh).replace(":_cmdambivalent'", ZSH_COMMAND),
        ),
        file(
            path(format!("fish/{name}.fish")),
            made(Shell::Fish) + &fish_operands(program),
        ),
    ]
}

/// Completes a command and its arguments in zsh. clap_complete's rule takes a `--` for the command.
const ZSH_COMMAND: &str =
    ":{ [[ $words[1] != -- ]] || { shift words; (( CURRENT-- )) }; _normal }'";

/// The program for clap. An option with an argument may be repeated.
fn command(program: &Program) -> Command {
    let command = Command::new(program.name)
        .disable_help_flag(true)
        .disable_version_flag(true);
    let options = program.options.iter().map(|option| {
        let arg = Arg::new(option.long).long(option.long).help(help(option));
        let arg = option.short.into_iter().fold(arg, Arg::short);
        match option.word {
            None => arg.action(ArgAction::SetTrue),
            Some(word) => {
                let arg = arg
                    .action(ArgAction::Append)
                    .value_name(word.replace(':', "\\:")) // zsh has colons between the parts of a rule
                    .value_hint(hint(option.argument));
                let arg = match option.is_optional {
                    true => arg.num_args(0..=1).require_equals(true),
                    false => arg,
                };
                match option.argument {
                    Argument::Signal => arg.value_parser(PossibleValuesParser::new(signals())),
                    _ => arg,
                }
            }
        }
    });
    let operands = Arg::new("operand").value_hint(hint(program.operands));
    let operands = match program.operands {
        Argument::Command => operands.num_args(1..).trailing_var_arg(true),
        _ if program.usage.ends_with("...") => operands.num_args(0..),
        _ => operands,
    };
    let operands = Some(operands).filter(|_| program.operands != Argument::None);
    command.args(options).args(operands)
}

fn hint(argument: Argument) -> ValueHint {
    match argument {
        Argument::File => ValueHint::FilePath,
        Argument::Directory => ValueHint::DirPath,
        Argument::Command => ValueHint::CommandWithArguments,
        _ => ValueHint::Other,
    }
}

/// The line of help, with the default.
fn help(option: &Opt) -> String {
    match option.default {
        "" => option.help.to_owned(),
        default => format!("{} (default {default})", option.help),
    }
}

/// The operands for fish, which completes files if there is no rule.
fn fish_operands(program: &Program) -> String {
    let name = program.name;
    match program.operands {
        Argument::File => String::new(),
        Argument::Command => {
            let names = program.names_with_argument().join(" ");
            format!("complete -c {name} -x -a '(__fish_complete_subcommand {names})'\n")
        }
        _ => format!("complete -c {name} -f\n"),
    }
}
