//! Completions for bash.

use ring3::cli::Argument;

use crate::programs::{Opt, Program, signals};

/// The file of a program.
pub fn of(program: &Program) -> String {
    let options: Vec<_> = program.options.iter().flat_map(words).collect();
    let values: String = program
        .with_argument()
        .filter(|option| !option.is_optional)
        .map(|option| {
            let names = option.names().join(" | ");
            let action = match option.argument {
                Argument::File => "        compopt -o default\n".to_owned(),
                Argument::Directory => "        compopt -o dirnames\n".to_owned(),
                Argument::Signal => format!(
                    "        mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\")\n",
                    signals().join(" ")
                ),
                _ => String::new(),
            };
            format!("    {names})\n{action}        return\n        ;;\n")
        })
        .collect();
    let (command, operands) = match program.operands {
        Argument::Command => {
            let names = program.names_with_argument();
            let bar = if program.usage.contains("'|'") {
                BAR
            } else {
                ""
            };
            (
                COMMAND
                    .replace("@NAMES@", &names.join(" | "))
                    .replace("@BAR@", bar),
                "",
            )
        }
        Argument::File => (String::new(), "    compopt -o default\n"),
        _ => (String::new(), ""),
    };
    FILE.replace("@COMMAND@", &command)
        .replace("@VALUES@", &values)
        .replace("@OPTIONS@", &options.join(" "))
        .replace("@OPERANDS@", operands)
        .replace("@PROGRAM@", program.name)
}

/// The names of an option, as bash inserts them: an equals sign ends the long name of an option that must have an argument.
fn words(option: &Opt) -> Vec<String> {
    let mut names = option.names();
    if option.is_optional {
        return names;
    }
    if let (Some(_), Some(long)) = (option.word, names.last_mut()) {
        long.push('=');
    }
    names
}

const FILE: &str = r#"# Completions of @PROGRAM@ for bash. Made by make manual.

_ring3_@PROGRAM@() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
@COMMAND@    # bash splits --option=VALUE at the =.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $before in
@VALUES@    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '@OPTIONS@' -- "$cur")
        [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
        return
    fi
@OPERANDS@}

complete -F _ring3_@PROGRAM@ @PROGRAM@
"#;

/// For a program whose operands are a command line: if the cursor is in the command line, completes the command or its
/// arguments.
const COMMAND: &str = r#"
    # Finds the command: the first word that is neither an option nor the value of an option.
    local start options=yes
    for ((start = 1; start < COMP_CWORD; start++)); do
        case ${COMP_WORDS[start]} in
        --)
            options=
            ((start++))
            break
            ;;
        @NAMES@)
            ((start++))
            [[ ${COMP_WORDS[start]} != = ]] || ((start++))
            ;;
        -*) ;;
        *) break ;;
        esac
    done
@BAR@    if ((start == COMP_CWORD)) && [[ -z $options || $cur != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        return
    elif ((start < COMP_CWORD)); then
        if declare -F _comp_command_offset >/dev/null; then
            _comp_command_offset "$start"
        elif declare -F _command_offset >/dev/null; then
            _command_offset "$start"
        else
            compopt -o default
        fi
        return
    fi

"#;

/// A quoted bar begins the next command.
const BAR: &str = r#"    local i
    for ((i = start; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} != [\'\"\\]'|'* ]] || start=$((i + 1)) options=
    done
"#;
