//! What a process asks the system for, as `strace` saw it.
//!
//! The order of the lines is proof. The tracer stops a thread before each call and again after it.
//! So if the line that says that a flush has returned stands above the line that begins a write to
//! a socket, then the flush was through before that write could begin, whichever threads they were.

#![allow(dead_code, reason = "every test program uses another part of this")]

pub(crate) mod power;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The calls that change names or contents, flush them, or speak to somebody.
const CALLS: &str = "trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,\
     symlink,symlinkat,unlink,unlinkat,write,writev,pwrite64,pwritev,sendto,sendmsg,sendmmsg,\
     fsync,fdatasync";

/// True if processes can be traced here. In CI they must be.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
pub(crate) fn is_possible() -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let why = match traced {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("CI").is_none(), "in CI, strace must be able to trace: {why}");
    eprintln!("skipped: strace cannot trace here (Debian's package strace, and ptrace): {why}");
    false
}

/// The same command, traced into this file. `inject` spoils calls, in the words of `strace`.
///
/// The process itself is the child, the tracer is not, so a signal meets the right one. Both hold
/// standard error: when it ends, the file is complete.
pub(crate) fn traced(command: &Command, file: &Path, inject: Option<&str>) -> Command {
    let mut tracer = Command::new("strace");
    // With threads; files and sockets named; what is written shown whole.
    tracer.args(["-D", "-f", "-y", "-s", "1048576", "-e", "signal=none", "-e", CALLS]);
    if let Some(inject) = inject {
        tracer.args(["-e", &format!("inject={inject}")]);
    }
    tracer.arg("-o").arg(file).arg(command.get_program()).args(command.get_args());
    tracer
}

/// A call begins or returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) thread: u32,
    pub(crate) call: String,
    /// As they are printed.
    pub(crate) args: Vec<String>,
    /// What it returned; `None` when it begins. An error is negative.
    pub(crate) result: Option<i64>,
}

impl Event {
    /// The file, directory or socket behind the first argument: `3</a/b>` is `/a/b`.
    pub(crate) fn target(&self) -> Option<&str> {
        self.args.first()?.split_once('<')?.1.strip_suffix('>')
    }

    /// Every text among the arguments.
    pub(crate) fn texts(&self) -> Vec<Vec<u8>> {
        self.args.iter().flat_map(|arg| texts(arg)).collect()
    }

    /// The arguments that are paths.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let texts = self.texts().into_iter();
        texts.map(|text| String::from_utf8_lossy(&text).into_owned().into()).collect()
    }
}

/// Reads what `strace` wrote.
pub(crate) fn read(file: &Path) -> Vec<Event> {
    let text = fs::read(file).expect("strace wrote it");
    parse(&String::from_utf8_lossy(&text))
}

/// Every call becomes two events. A call that never returned, since its thread was killed, has one.
pub(crate) fn parse(text: &str) -> Vec<Event> {
    let mut open: BTreeMap<u32, (String, Vec<String>)> = BTreeMap::new();
    let mut events = Vec::new();
    for line in text.lines() {
        let (thread, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no thread: {line}"));
        let thread = thread.parse().unwrap_or_else(|_| panic!("no thread: {line}"));
        let rest = rest.trim_start();
        if rest.starts_with("+++ ") || rest.starts_with("--- ") {
            continue;
        }
        let result;
        let (call, args) = if let Some(rest) = rest.strip_prefix("<... ") {
            let (call, rest) = rest.split_once(" resumed>").expect("it names the call");
            let begun = open.remove(&thread).unwrap_or_else(|| panic!("never begun: {line}"));
            assert_eq!(begun.0, call, "one call at a time: {line}");
            result = &rest[end_of_arguments(rest)..];
            begun
        } else {
            let (call, rest) = rest.split_once('(').unwrap_or_else(|| panic!("no call: {line}"));
            let unfinished = rest.strip_suffix(" <unfinished ...>");
            let ended = end_of_arguments(rest);
            let args = arguments(unfinished.unwrap_or(&rest[..ended]));
            let (call, args) = (call.to_owned(), args);
            let (begun, at) = ((call.clone(), args.clone()), thread);
            events.push(Event { thread, call: call.clone(), args: args.clone(), result: None });
            if unfinished.is_some() {
                open.insert(at, begun);
                continue;
            }
            result = &rest[ended..];
            (call, args)
        };
        // `?`: the thread was killed before the call returned.
        if let Some(result) = result.split_once("= ").and_then(|(_, result)| number(result)) {
            events.push(Event { thread, call, args, result: Some(result) });
        }
    }
    events
}

/// The number that `3</a/b>`, `0` or `-1 ENOENT (...)` begins with.
fn number(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let end = text[1.min(text.len())..].find(|c: char| !c.is_ascii_digit());
    text[..end.map_or(text.len(), |end| end + 1)].parse().ok()
}

/// Where the list of arguments is closed.
fn end_of_arguments(text: &str) -> usize {
    walk(text).find(|(_, c, depth)| *c == ')' && *depth == 0).map_or(text.len(), |(at, ..)| at)
}

fn arguments(text: &str) -> Vec<String> {
    let commas = walk(text).filter(|(_, c, depth)| *c == ',' && *depth == 0).map(|(at, ..)| at);
    let mut start = 0;
    let mut found = Vec::new();
    for end in commas.chain([text.len()]) {
        found.push(text[start..end].trim().to_owned());
        start = (end + 1).min(text.len());
    }
    found
}

/// The characters outside of texts, with the depth of the brackets around them.
fn walk(text: &str) -> impl Iterator<Item = (usize, char, usize)> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    text.char_indices().filter_map(move |(at, c)| {
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            return None;
        }
        match c {
            '"' => quoted = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => {
                depth -= 1;
                return None;
            }
            _ => {}
        }
        Some((at, c, depth))
    })
}

/// The texts in an argument: one, or those of a list of buffers.
fn texts(arg: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = arg.bytes().peekable();
    while rest.any(|byte| byte == b'"') {
        let mut text = Vec::new();
        while let Some(byte) = rest.next().filter(|byte| *byte != b'"') {
            if byte != b'\\' {
                text.push(byte);
                continue;
            }
            text.push(match rest.next().expect("something is escaped") {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'v' => 0x0b,
                b'f' => 0x0c,
                digit @ b'0'..=b'7' => {
                    let mut value = u32::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(next) = rest.next_if(|next| (b'0'..=b'7').contains(next)) else {
                            break;
                        };
                        value = value * 8 + u32::from(next - b'0');
                    }
                    u8::try_from(value).expect("octal digits of one byte")
                }
                other => other,
            });
        }
        found.push(text);
    }
    found
}

#[test]
fn what_strace_writes_is_understood() {
    let text = r#"7 openat(AT_FDCWD</w>, "/d/log.new", O_WRONLY|O_CREAT, 0666) = 5</d/log.new>
7 write(5</d/log.new>, "a, (\"b\")\n\0\303\2511", 9 <unfinished ...>
8 mkdir("/d", 0777)        = -1 EEXIST (File exists)
8 fsync(6</d> <unfinished ...>
7 <... write resumed>)     = 9
9 writev(4<socket:[12]>, [{iov_base="x", iov_len=1}, {iov_base="y)", iov_len=2}], 2) = 3
8 <... fsync resumed>)     = ?
8 +++ killed by SIGKILL +++
7 fdatasync(5</d/log>)     = -1 EIO (Input/output error) (INJECTED)
"#;
    let events = parse(text);
    let told: Vec<_> = events.iter().map(|e| (e.thread, &*e.call, e.result)).collect();
    let want = [
        (7, "openat", None),
        (7, "openat", Some(5)),
        (7, "write", None),
        (8, "mkdir", None),
        (8, "mkdir", Some(-1)),
        (8, "fsync", None),
        (7, "write", Some(9)),
        (9, "writev", None),
        (9, "writev", Some(3)),
        (7, "fdatasync", None),
        (7, "fdatasync", Some(-1)),
    ];
    assert_eq!(told, want);
    assert_eq!(events[0].paths(), [PathBuf::from("/d/log.new")]);
    assert_eq!(events[6].texts(), [b"a, (\"b\")\n\0\xc3\xa91".to_vec()]);
    assert_eq!(events[6].target(), Some("/d/log.new"));
    assert_eq!(events[8].texts(), [b"x".to_vec(), b"y)".to_vec()]);
    assert_eq!(events[8].target(), Some("socket:[12]"));
}
