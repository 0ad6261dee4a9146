//! `synod completions`: what a shell proposes after what is typed, from the pages of help.

use std::fmt::Write as _;
use std::process::ExitCode;

use lexopt::Arg::Value as Positional;
use lexopt::Parser;

use super::help::{Page, ShownFlag};
use crate::command::print;
use crate::error::{Error, Result};

pub(super) const HELP: &str = "\
usage: synod completions SHELL

Print what SHELL, which is bash, zsh or fish, needs to complete commands, flags and file names.

exit codes:
  0  printed
  2  there are no completions for this shell

example:
  synod completions bash > /usr/share/bash-completion/completions/synod
";

/// The command.
pub(super) fn run(pages: &[Page], mut parser: Parser) -> Result<ExitCode> {
    let mut shell = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Positional(word) if shell.is_none() => shell = Some(word),
            _ => return Err(arg.unexpected().into()),
        }
    }
    let places = places(pages);
    let script = match shell.as_ref().and_then(|word| word.to_str()) {
        Some("bash") => bash(&places),
        Some("zsh") => zsh(&places),
        Some("fish") => fish(&places),
        _ => return Err(Error::Usage("which shell? bash, zsh or fish".into())),
    };
    print(&script).map(|()| ExitCode::SUCCESS)
}

/// A point of the command line: behind the name of a command.
struct Place<'a> {
    name: &'a str,
    /// Words that may follow, and what they are for.
    words: Vec<(&'a str, &'a str)>,
    flags: Vec<ShownFlag<'a>>,
    /// True if files may follow.
    has_files: bool,
}

fn places(pages: &[Page]) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    for page in pages {
        let usage = page.text.split("\n\n").next().unwrap_or_default();
        let takes = |word| usage.split_whitespace().any(|token| token == word);
        for name in &page.names {
            let is_root = name.is_empty() || takes("[COMMAND");
            let mut words: Vec<(&str, &str)> = Vec::new();
            for (other, summary) in
                pages.iter().flat_map(|page| page.names.iter().map(|name| (name, page.summary)))
            {
                let below = other.strip_prefix(name.as_str()).and_then(|o| o.strip_prefix(' '));
                let command = Some(other.as_str()).filter(|o| !o.is_empty() && !o.contains(' '));
                let word = if is_root { command } else { below };
                words.extend(word.map(|word| (word, summary)));
            }
            if takes("SHELL") {
                words.extend(["bash", "zsh", "fish"].map(|shell| (shell, "")));
            }
            let mut flags = page.flags();
            flags.push(ShownFlag {
                names: vec!["--help"],
                value: None,
                text: "print the help".into(),
            });
            if name.is_empty() {
                let names = vec!["-V", "--version"];
                flags.push(ShownFlag { names, value: None, text: "print the version".into() });
            }
            let has_files = takes("[FILES]") || takes("[HOSTSFILE]");
            places.push(Place { name, words, flags, has_files });
        }
    }
    places
}

/// Names of places, as a pattern of `case`; empty if there is none.
fn pattern(names: impl Iterator<Item = String>) -> String {
    names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join("|")
}

/// The pattern of all commands of one word or two.
fn names(places: &[Place<'_>]) -> String {
    pattern(places.iter().filter(|place| !place.name.is_empty()).map(|place| place.name.to_owned()))
}

fn bash(places: &[Place<'_>]) -> String {
    let mut script = format!(
        "_synod() {{\n\
         \x20   local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}\n\
         \x20   local at= next words flags files=\n\
         \x20   for next in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n\
         \x20       next=${{at:+$at }}$next\n\
         \x20       case $next in {}) at=$next ;; *) break ;; esac\n\
         \x20   done\n\
         \x20   COMPREPLY=()\n\
         \x20   case $at:$prev in\n",
        names(places)
    );
    for (is_of, what) in [
        ((|value| value == "FILE") as fn(&str) -> bool, "compopt -o default; "),
        (|value| value == "DIR", "compopt -o dirnames; "),
        (|value| value != "FILE" && value != "DIR", ""),
    ] {
        let of_place = |place: &Place<'_>| {
            let flags = place.flags.iter().filter(|flag| flag.value.is_some_and(is_of));
            let names = flags.flat_map(|flag| &flag.names);
            names.map(|flag| format!("{}:{flag}", place.name)).collect::<Vec<_>>()
        };
        let flags = pattern(places.iter().flat_map(of_place));
        let _ = writeln!(script, "        {flags}) {what}return ;;"); // a String takes all
    }
    script.push_str("    esac\n    case $at in\n");
    for Place { name, words, flags, has_files } in places {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let flags: Vec<&str> = flags.iter().flat_map(|flag| flag.names.iter().copied()).collect();
        let (words, flags) = (words.join(" "), flags.join(" "));
        let files = if *has_files { " files=1" } else { "" };
        let _ = writeln!(script, "        '{name}') words='{words}' flags='{flags}'{files} ;;");
    }
    script.push_str(
        "    esac\n\
         \x20   [[ $cur == -* ]] && words=$flags files=\n\
         \x20   [[ $files ]] && compopt -o default\n\
         \x20   COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\
         }\n\
         complete -F _synod synod\n",
    );
    script
}

/// The first clause of a text, without what a shell would read otherwise.
fn brief(text: &str) -> String {
    text.split([';', ':', '(', '[']).next().unwrap_or_default().trim().replace('\'', "’")
}

fn zsh(places: &[Place<'_>]) -> String {
    let mut script = format!(
        "#compdef synod\n\
         _synod() {{\n\
         \x20   local at= next\n\
         \x20   integer n=1\n\
         \x20   for next in \"${{(@)words[2,CURRENT-1]}}\"; do\n\
         \x20       next=${{at:+$at }}$next\n\
         \x20       case $next in ({}) at=$next; n+=1 ;; (*) break ;; esac\n\
         \x20   done\n\
         \x20   words=(\"${{(@)words[n,-1]}}\"); CURRENT=$((CURRENT - n + 1))\n\
         \x20   case $at in\n",
        names(places)
    );
    for Place { name, words, flags, has_files } in places {
        let _ = write!(script, "        ('{name}') _arguments"); // a String takes all
        for ShownFlag { names, value, text } in flags {
            let action = match value {
                None => String::new(),
                Some("FILE") => ":file:_files".into(),
                Some("DIR") => ":directory:_files -/".into(),
                Some(value) => format!(":{}: ", value.replace(':', "\\:")),
            };
            for name in names {
                let _ = write!(script, " '{name}[{}]{action}'", brief(text));
            }
        }
        if !words.is_empty() {
            let words = words.iter().map(|(word, text)| format!("{word}\\:\"{}\"", brief(text)));
            let _ = write!(script, " '1: :(({}))'", words.collect::<Vec<_>>().join(" "));
        }
        script.push_str(if *has_files { " '*:file:_files' ;;\n" } else { " ;;\n" });
    }
    script.push_str(
        "    esac\n\
         }\n\
         if [ \"$funcstack[1]\" = _synod ]; then _synod \"$@\"; else compdef _synod synod; fi\n",
    );
    script
}

fn fish(places: &[Place<'_>]) -> String {
    let mut script = format!(
        "function __synod_is_at\n\
         \x20   set -l at ''\n\
         \x20   for next in (commandline -opc)[2..-1]\n\
         \x20       set next (string trim \"$at $next\")\n\
         \x20       contains -- $next {} || break\n\
         \x20       set at $next\n\
         \x20   end\n\
         \x20   test \"$at\" = \"$argv[1]\"\n\
         end\n\
         complete -c synod -f\n",
        names(places).replace('|', " ")
    );
    for Place { name, words, flags, has_files } in places {
        let mut line = |rest: String| {
            let _ = writeln!(script, "complete -c synod -n \"__synod_is_at '{name}'\" {rest}");
        };
        for (word, text) in words {
            line(format!("-a {word} -d '{}'", brief(text)));
        }
        for ShownFlag { names, value, text } in flags {
            let names = names.iter().map(|name| match name.strip_prefix("--") {
                Some(long) => format!("-l {long} "),
                None => format!("-s {} ", name.trim_start_matches('-')),
            });
            let value = match value {
                None => "",
                Some("FILE") => "-rF ",
                Some("DIR") => "-xa '(__fish_complete_directories)' ",
                Some(_) => "-x ",
            };
            line(format!("{}{value}-d '{}'", names.collect::<String>(), brief(text)));
        }
        if *has_files {
            line("-F".into());
        }
    }
    script
}
