//! `synod draw`: a run as a picture, of whatever protocol.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use lexopt::Parser;

use super::logs::{self, Logs};
use crate::command::args::{self, Argument};
use crate::command::{colour, complain, outputs, print, spawn};
use crate::error::{Doing, Error, Result};
use crate::protocols::Protocol;
use crate::trace::diagram::{self, Bound, Format, TextPage, Window};
use crate::trace::inputs::Inputs;
use crate::trace::judge::JudgeOptions;

const HELP: &str = "\
usage: synod draw [FILES] [-o FILE] [--format FORMAT] [options]

Draw a run as a space-time diagram: a line for each peer, an arrow for each message. For synod
member it is a row for each view, with a box at each member that installs it. FILES are journals
(--trace) or lines that peers printed; without FILES, and for the file -, standard input is read.
The lines themselves tell the protocol: PROTOCOLS.

flags:
  -o FILE            write to FILE; its extension selects the format: .txt .mmd .svg .html
  --format FORMAT    text (the default), mermaid, svg or html
  --open             show the picture in the browser: the SVG file of -o, or an HTML page, which
                     without -o goes to the folder for temporary files
  --hosts FILE       the hostsfile: names and roles of the peers (otherwise inferred)
  --from T           begin here: at a time since the first event, such as 2.5 (seconds), 300ms or
                     40us, or at line N of the log, as @N
  --to T             end here
  --number N         draw only the messages of proposal N
  --all              draw also what is not new: links, and notices of the choice to peers that know
                     it already
  --width N          columns of the text format (those of the terminal, otherwise 80)
FLAGS
exit codes:
  0  drawn
  2  a flag or a file was at fault

example:
  synod draw run.jsonl -o run.html
";

/// The help.
pub(super) fn help(protocols: &[Protocol]) -> String {
    logs::complete(HELP, protocols)
}

/// Columns where no terminal says how many.
const DEFAULT_COLUMNS: u16 = 80;

/// How a picture is written, and where.
#[derive(Default)]
struct Target {
    format: Option<String>,
    out: Option<PathBuf>,
    width: Option<u16>,
    open: bool,
}

/// The command.
pub(super) fn run(protocols: &'static [Protocol], parser: Parser) -> Result<ExitCode> {
    let (mut logs, mut target) = (Logs::default(), Target::default());
    let (mut window, mut options) = (Window::default(), JudgeOptions::default());
    args::read(parser, |argument, parser| {
        let Argument::Flag(name) = argument else { return logs.take(protocols, argument, parser) };
        match name {
            "-o" => target.out = Some(parser.value()?.into()),
            "--format" => target.format = Some(args::text(name, parser.value()?)?),
            "--from" => window.from = Some(bound(name, parser)?),
            "--to" => window.to = Some(bound(name, parser)?),
            "--number" => window.number = Some(args::text(name, parser.value()?)?),
            "--all" => window.all = true,
            "--open" => target.open = true,
            "--width" => target.width = Some(args::number(name, parser.value()?)?),
            _ => return logs.take(protocols, argument, parser),
        }
        Ok(true)
    })?;
    target.settle_open()?;
    let format = target.format()?;
    outputs::check(logs.paths(), target.out.as_deref())?;
    options.flags = std::mem::take(&mut logs.flags);
    let (hosts, mut inputs, protocol) = logs.open(protocols)?;
    options.hosts = hosts.as_ref();
    for name in inputs.names.iter_mut().filter(|name| *name == "(standard input)") {
        *name = "standard input".into();
    }
    let drawn = draw(protocol, inputs, window, &options, format)?;
    write(target.out.as_deref(), &drawn)?;
    target.out.filter(|_| target.open).map_or(Ok(()), |path| open(&path))?;
    Ok(ExitCode::SUCCESS)
}

fn draw(
    protocol: &Protocol,
    inputs: Inputs,
    window: Window,
    options: &JudgeOptions<'_>,
    format: Format,
) -> Result<String> {
    let Some(make) = protocol.diagram else {
        return Err(Error::Usage(format!("a run of {} is not drawn", protocol.name)));
    };
    let diagram = make(inputs, window, options)?;
    if io::stderr().is_terminal() {
        diagram.advice.iter().for_each(|advice| complain(&format!("synod draw: {advice}\n")));
    }
    Ok(diagram::draw(&diagram, format))
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

/// Draws a journal into a file, as `synod draw JOURNAL -o PICTURE` does.
pub(super) fn journal(
    protocols: &'static [Protocol],
    journal: &Path,
    picture: &Path,
    more: &[OsString],
) -> Result<()> {
    let files: [OsString; 3] = [journal.into(), "-o".into(), picture.into()];
    let args = files.iter().chain(more).cloned();
    run(protocols, Parser::from_args(args)).map(|_| ())
}

/// Refuses a file whose extension selects no format.
pub(super) fn check_ending(picture: &Path) -> Result<()> {
    Target { out: Some(picture.into()), ..Target::default() }.format().map(|_| ())
}

/// Writes the picture to a file or to standard output.
fn write(path: Option<&Path>, drawn: &str) -> Result<()> {
    let Some(path) = path else { return print(drawn) };
    fs::write(path, drawn).doing(|| format!("writing {}", path.display()))
}

/// How long a program that shows a file is watched for failing; some end only with their window.
const OPENING: Duration = Duration::from_secs(3);

/// Shows a picture in the browser.
fn open(path: &Path) -> Result<()> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let failed = |why: String| {
        Err(Error::Input(format!("{why}; open {} in a browser yourself", path.display())))
    };
    let mut command = Command::new(program);
    command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return failed(format!("there is no {program} on this machine"));
        }
        Err(error) => return failed(format!("{program}: {error}")),
    };
    complain(&format!("synod: showing {}\n", path.display()));
    let (sender, receiver) = mpsc::channel();
    spawn(move || {
        let _ = sender.send(child.wait());
    })?;
    match receiver.recv_timeout(OPENING) {
        Ok(Ok(status)) if !status.success() => failed(format!("{program} fails")),
        _ => Ok(()),
    }
}

impl Target {
    /// What is to be shown is a file that a browser can show: without a name, a page.
    fn settle_open(&mut self) -> Result<()> {
        if self.open && self.out.is_none() {
            let name = format!("synod-{}.html", std::process::id());
            self.out = Some(std::env::temp_dir().join(name));
        }
        if self.open && !matches!(self.format()?, Format::Svg | Format::Html) {
            return Err(Error::Usage("--open shows a page or an SVG file in the browser".into()));
        }
        Ok(())
    }

    /// The format that was asked for: by name, by the file's extension, or text.
    fn format(&self) -> Result<Format> {
        let extension = self.out.as_deref().map(|path| {
            path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase())
        });
        let name = match (&self.format, extension) {
            (Some(name), _) => name.clone(),
            (None, None) => "text".into(),
            (None, Some(extension)) => match extension.as_deref() {
                Some("txt" | "text") => "text".into(),
                Some("mmd" | "mermaid") => "mermaid".into(),
                Some("svg") => "svg".into(),
                Some("html" | "htm") => "html".into(),
                _ => {
                    let name = self.out.as_deref().unwrap_or(Path::new("")).display();
                    return Err(Error::Usage(format!(
                        "{name}: which format? the extension selects it: .txt .mmd .svg .html"
                    )));
                }
            },
        };
        match name.as_str() {
            "text" => Ok(Format::Text(self.page())),
            "mermaid" => Ok(Format::Mermaid),
            "svg" => Ok(Format::Svg),
            "html" => Ok(Format::Html),
            _ => Err(Error::Usage(format!(
                "--format {name:?}: there are text, mermaid, svg and html"
            ))),
        }
    }

    /// How the text format is set: as wide as the terminal, in colours if it is one.
    fn page(&self) -> TextPage {
        let terminal = self.out.is_none() && io::stdout().is_terminal();
        let wide = || terminal.then(terminal_columns).flatten();
        let columns = self.width.or_else(wide).unwrap_or(DEFAULT_COLUMNS);
        let colours = terminal && colour::wanted(&io::stdout());
        TextPage { columns: usize::from(columns), colours }
    }
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
