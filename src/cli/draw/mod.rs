//! `synod draw`: a run as a picture.

pub(super) mod group;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::check;
use crate::command::{args, outputs};
use crate::error::{Doing, Error, Result};
use crate::hosts::Hosts;
use crate::member::judge::MemberLog;
use crate::paxos::diagram::PaxosDiagram;
use crate::paxos::judge::dialect::{Content, Entry, PaxosDialect};
use crate::paxos::judge::{KnownRoles, PaxosJudge, PaxosLog, PaxosOptions, PaxosRule, Report};
use crate::process::PeerId;
use crate::trace::diagram::{self, Alarm, Bound, Format, HostLabel, TextPage, Window};
use crate::trace::findings::{Certainty, Finding, Level, Rule as _};
use crate::trace::inputs::Inputs;
use crate::trace::judge::{JudgeOptions, LogJudge as _};
use crate::visible::visible;

pub(super) const HELP: &str = "\
usage: synod draw [FILES] [--format text|mermaid|svg|html] [-o FILE] [options]

Draw a run as a space-time diagram: a line per peer, an arrow per message. FILES are journals
(--trace) or what peers printed; without any, standard input is read.

  -o FILE            write to FILE; its ending chooses the form: .txt .mmd .svg .html
  --format FORM      text (the default), mermaid, svg or html
  --hosts FILE       a hostsfile: names and roles; without it, roles are inferred
  --from T --to T    only this part: a time since the first event, as 2.5 (seconds), 300ms or
                     40us; or @N, the N-th line
  --number N         only messages about proposal N
  --all              also what tells nothing new: links that come up, notices of the choice to
                     peers that know it
  --width N          columns of the text form (the terminal's, else 80)
  --help, --version

Of a group (synod member) a row per view is drawn: a box at each member that installs it, and
between the views who is called unreachable and who crashes. Its lines are known as such.

  --membership       draw the lines of a group, also where events of Paxos stand beside them
  --on-request LIST  who was removed on request, as for synod check

Exit 0: drawn. Exit 2: a flag or a file was at fault.
";

/// Columns where no terminal says how many.
const DEFAULT_COLUMNS: u16 = 80;

#[derive(Default)]
struct Options {
    files: Vec<PathBuf>,
    format: Option<String>,
    out: Option<PathBuf>,
    hosts: Option<PathBuf>,
    window: Window,
    width: Option<u16>,
    membership: bool,
    on_request: Option<String>,
}

fn parse(mut parser: Parser) -> Result<Options> {
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Positional(file) => options.files.push(file.into()),
            Short('o') | Long("output") => options.out = Some(parser.value()?.into()),
            Long("format") => {
                options.format = Some(args::text("--format", parser.value()?)?);
            }
            Long("hosts") => options.hosts = Some(parser.value()?.into()),
            Long("from") => options.window.from = Some(bound("--from", &mut parser)?),
            Long("to") => options.window.to = Some(bound("--to", &mut parser)?),
            Long("number") => {
                let text = args::text("--number", parser.value()?)?;
                options.window.number = Some(text);
            }
            Long("all") => options.window.all = true,
            Long("membership") => options.membership = true,
            Long("on-request") => {
                options.on_request = Some(args::text("--on-request", parser.value()?)?);
                options.membership = true;
            }
            Long("width") => options.width = Some(args::number("--width", parser.value()?)?),
            Short(_) | Long(_) => return Err(arg.unexpected().into()),
        }
    }
    if options.files.len() > usize::from(u16::MAX) {
        return Err(Error::Usage(format!("more than {} files", u16::MAX)));
    }
    if options.files.is_empty() {
        options.files.push("-".into());
    }
    Ok(options)
}

/// `2.5`, `300ms`, `40us` or `@120`.
fn bound(flag: &str, parser: &mut Parser) -> Result<Bound> {
    let raw = parser.value()?;
    let text = args::text(flag, raw)?;
    let wrong = || {
        Error::Usage(format!(
            "{flag} {text:?}: a time is 2.5 (seconds), 300ms or 40us, and a line of the log is @N"
        ))
    };
    if let Some(line) = text.strip_prefix('@') {
        return line.parse().map(Bound::Event).map_err(|_| wrong());
    }
    let (number, per_unit) = [("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("", 1.0)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .ok_or_else(wrong)?;
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let seconds = args::seconds(flag, (number * per_unit).to_string().into())?;
    Ok(Bound::Time(u64::try_from(seconds.as_micros()).unwrap_or(u64::MAX)))
}

/// The command.
pub(super) fn run(parser: Parser) -> Result<ExitCode> {
    let options = parse(parser)?;
    let format = format(&options)?;
    let hostsfile = options.hosts.as_deref();
    let inputs = options.files.iter().map(PathBuf::as_path).chain(hostsfile);
    outputs::check(inputs, options.out.as_deref())?;
    let hosts = options.hosts.as_deref().map(crate::command::hosts).transpose()?;
    let mut inputs = check::inputs(options.files.clone())?;
    for name in inputs.names.iter_mut().filter(|name| *name == "(standard input)") {
        *name = "standard input".into();
    }
    let heads = inputs.heads()?;
    let is_group = heads.iter().any(|head| MemberLog.recognises(head));
    if options.membership || (is_group && !heads.iter().any(|head| PaxosLog.recognises(head))) {
        let drawn = group::draw(&options, format, hosts.as_ref(), inputs)?;
        write(options.out.as_deref(), &drawn)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut collector = PaxosDiagram::new(options.window.clone()).ok_or_else(|| {
        let number = options.window.number.as_deref().unwrap_or_default();
        Error::Usage(format!("--number {number:?}: this is no number"))
    })?;
    // A file without roles has nothing to tell the judge.
    let roles = hosts.as_ref().and_then(|hosts| KnownRoles::of(hosts).ok());
    let mut judge = PaxosJudge::new(PaxosOptions { roles, expect: None });
    let known = JudgeOptions { hosts: hosts.as_ref(), ..JudgeOptions::default() };
    let remarks = read(inputs, &known, &mut collector, &mut judge)?;
    if let Some(objection) = collector.extent().objection(collector.is_of_no_use()) {
        return Err(Error::Input(objection));
    }
    let mut picture =
        collector.finish(|peer| host(hosts.as_ref()?, peer), &violations(judge.finish()));
    if hosts.is_none() {
        picture
            .remarks
            .push("Roles are inferred from the messages (--hosts FILE names them).".into());
    }
    picture.remarks.extend(remarks);
    let drawn = diagram::draw(&picture, format);
    write(options.out.as_deref(), &drawn)?;
    Ok(ExitCode::SUCCESS)
}

/// Draws a journal into a file, as `synod draw JOURNAL -o PICTURE` does.
pub(super) fn journal(journal: &Path, picture: &Path, hosts: Option<&Path>) -> Result<()> {
    let mut args: Vec<OsString> = vec![journal.into(), "-o".into(), picture.into()];
    if let Some(hosts) = hosts {
        args.extend(["--hosts".into(), hosts.into()]);
    }
    run(Parser::from_args(args)).map(|_| ())
}

/// Refuses a file whose ending says no form.
pub(super) fn check_ending(picture: &Path) -> Result<()> {
    format(&Options { out: Some(picture.into()), ..Options::default() }).map(|_| ())
}

/// Writes the picture to a file or to standard output.
fn write(path: Option<&Path>, drawn: &str) -> Result<()> {
    if let Some(path) = path {
        return fs::write(path, drawn).doing(|| format!("writing {}", path.display()));
    }
    let mut out = io::stdout().lock();
    match out.write_all(drawn.as_bytes()).and_then(|()| out.flush()) {
        // Whoever read has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.doing(|| "writing to standard output".into()),
    }
}

/// The safety rules that the run broke.
fn violations(report: Report) -> Vec<Alarm> {
    let broken = |finding: &Finding<PaxosRule>| {
        let safety = finding.rule.row().level == Level::Safety;
        safety && finding.certainty != Certainty::NotDecidable
    };
    let violation = |finding: Finding<PaxosRule>| Alarm {
        rule: finding.rule.row().name.into(),
        sentence: finding.sentence,
        places: finding.lines.iter().map(|line| (usize::from(line.input), line.line)).collect(),
    };
    report.findings.list.into_iter().filter(broken).map(violation).collect()
}

/// What the hostsfile says of a peer.
fn host(hosts: &Hosts, peer: u16) -> Option<HostLabel> {
    let host = hosts.get(PeerId(peer))?;
    let roles: Vec<String> = host.roles.iter().map(ToString::to_string).collect();
    let address =
        host.port.map_or_else(|| host.host.clone(), |port| format!("{}:{port}", host.host));
    Some(HostLabel { address, roles: roles.join(", ") })
}

/// The form that was asked for: by name, by the file's ending, or text.
fn format(options: &Options) -> Result<Format> {
    let ending = options
        .out
        .as_deref()
        .map(|path| path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()));
    let name = match (&options.format, ending) {
        (Some(name), _) => name.clone(),
        (None, None) => "text".into(),
        (None, Some(ending)) => match ending.as_deref() {
            Some("txt" | "text") => "text".into(),
            Some("mmd" | "mermaid") => "mermaid".into(),
            Some("svg") => "svg".into(),
            Some("html" | "htm") => "html".into(),
            _ => {
                let name = options.out.as_deref().unwrap_or(Path::new("")).display();
                return Err(Error::Usage(format!(
                    "{name}: which form? the ending says it: .txt .mmd .svg .html"
                )));
            }
        },
    };
    match name.as_str() {
        "text" => Ok(Format::Text(page(options))),
        "mermaid" => Ok(Format::Mermaid),
        "svg" => Ok(Format::Svg),
        "html" => Ok(Format::Html),
        _ => Err(Error::Usage(format!("--format {name:?}: there are text, mermaid, svg and html"))),
    }
}

/// How the text form is set: as wide as the terminal, in colours if it is one.
fn page(options: &Options) -> TextPage {
    let terminal = options.out.is_none() && io::stdout().is_terminal();
    let wide = || terminal.then(terminal_columns).flatten();
    let columns = options.width.or_else(wide).unwrap_or(DEFAULT_COLUMNS);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    TextPage { columns: usize::from(columns), colours: terminal && !plain }
}

/// The terminal's width, as `stty` knows it: the standard library does not.
fn terminal_columns() -> Option<u16> {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    asked.or_else(|| {
        let terminal = File::open("/dev/tty").ok()?;
        let mut stty = Command::new("stty");
        stty.arg("size").stdin(terminal).stderr(Stdio::null());
        let output = String::from_utf8(stty.output().ok()?.stdout).ok()?;
        output.split_whitespace().nth(1)?.parse().ok().filter(|columns| *columns > 0)
    })
}

/// Feeds all lines to the collector, the earliest first, or line by line in turn where there are no
/// times. What was found out about the inputs is returned, for the picture's remarks.
fn read(
    inputs: Inputs,
    options: &JudgeOptions<'_>,
    collector: &mut PaxosDiagram,
    judge: &mut PaxosJudge,
) -> Result<Vec<String>> {
    let names = inputs.names.clone();
    let mut strange = 0_u64;
    // The last event of each input: the next to draw when nothing earlier is left to be read.
    let mut next: Vec<Option<(Entry<'static>, String, u64)>> = vec![None; names.len()];
    let inferred = inputs.read::<PaxosDialect, _>(
        &options.names(),
        |line| match &line.content {
            Content::Event(entry) => Some((entry.time_us.unwrap_or(0), line.number)),
            _ => None,
        },
        |input, line| {
            let at = usize::from(input);
            let event = match line {
                None => None,
                Some(line) => {
                    judge.line(input, line);
                    match &line.content {
                        Content::Event(entry) => {
                            Some((entry.clone().into_owned(), line.text.to_string(), line.number))
                        }
                        other => {
                            let is_strange =
                                matches!(other, Content::Unreadable | Content::TooLong);
                            strange += u64::from(is_strange);
                            return;
                        }
                    }
                }
            };
            if let Some((entry, text, line)) = std::mem::replace(&mut next[at], event) {
                collector.take(&entry, &text, (at, line));
            }
        },
    )?;
    if collector.extent().is_empty() {
        return Err(Error::Input(format!("{}: no line is an event of a run", names.join(", "))));
    }
    let mut remarks: Vec<String> = inferred.iter().map(|sentence| visible(sentence)).collect();
    if strange > 0 {
        remarks.push(format!("{strange} lines look like events, but cannot be read."));
    }
    Ok(remarks)
}
