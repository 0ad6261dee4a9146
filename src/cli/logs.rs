//! The lines of finished runs, as `check` and `draw` are given them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lexopt::Parser;

use crate::command::args::{self, Argument};
use crate::command::{self, tell_of_terminal};
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::protocols::Protocol;
use crate::trace::inputs::Inputs;

/// What the command line says of them.
#[derive(Default)]
pub(super) struct Logs {
    files: Vec<PathBuf>,
    hosts: Option<PathBuf>,
    /// The protocol that a flag of its judge chooses.
    chosen: Option<&'static Protocol>,
    /// The values of such flags.
    pub(super) flags: BTreeMap<&'static str, String>,
}

impl Logs {
    /// Takes a file, the hostsfile, or a flag of a protocol's judge.
    ///
    /// # Errors
    /// The value is none.
    pub(super) fn take(
        &mut self,
        protocols: &'static [Protocol],
        argument: Argument<'_>,
        parser: &mut Parser,
    ) -> Result<bool> {
        match argument {
            Argument::Operand(file) => self.files.push(file.into()),
            Argument::Flag("--hosts") => self.hosts = Some(parser.value()?.into()),
            Argument::Flag(name) => {
                let of_judge = |protocol: &'static Protocol| {
                    let mut flags = protocol.log?.flags().iter();
                    Some((protocol, flags.find(|flag| name.strip_prefix("--") == Some(flag.name))?))
                };
                let Some((protocol, flag)) = protocols.iter().find_map(of_judge) else {
                    return Ok(false);
                };
                self.chosen = Some(protocol);
                if flag.has_value {
                    self.flags.insert(flag.name, args::text(name, parser.value()?)?);
                }
            }
        }
        Ok(true)
    }

    /// What is read: where no file is named, standard input.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let input = self.files.is_empty().then_some(Path::new("-"));
        self.files.iter().chain(&self.hosts).map(PathBuf::as_path).chain(input)
    }

    /// The hostsfile, if one is named; the inputs; and their protocol: the one that a flag chooses,
    /// else the first that recognises a line, else the first.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn open(
        self,
        protocols: &'static [Protocol],
    ) -> Result<(Option<Hosts>, Inputs, &'static Protocol)> {
        let hosts = self.hosts.as_deref().map(command::hosts).transpose()?;
        let mut files = self.files;
        if files.is_empty() {
            files.push("-".into());
            tell_of_terminal("name files");
        }
        if files.len() > usize::from(u16::MAX) {
            return Err(Error::Usage(format!("more than {} files", u16::MAX)));
        }
        let mut inputs = Inputs::of(files);
        if let Some(chosen) = self.chosen {
            return Ok((hosts, inputs, chosen));
        }
        let heads = inputs.heads()?;
        let knows = |protocol: &&Protocol| {
            protocol.log.is_some_and(|log| heads.iter().any(|head| log.recognises(head)))
        };
        let protocol = protocols.iter().find(knows).unwrap_or(&protocols[0]);
        Ok((hosts, inputs, protocol))
    }
}

/// The help of a command that reads logs, with the protocols' names and what their judges' own
/// flags mean.
pub(super) fn complete(help: &str, protocols: &[Protocol]) -> String {
    let logs = || protocols.iter().filter(|protocol| protocol.log.is_some());
    let names = logs().map(|protocol| protocol.name).collect::<Vec<_>>().join(", ");
    let flags: String = logs().filter_map(|protocol| Some(protocol.log?.help())).collect();
    help.replace("PROTOCOLS", &names).replace("FLAGS\n", &(flags + "\n"))
}
