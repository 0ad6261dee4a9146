//! `synod get`, `set`, `del` and `cas`: one operation of the store for scripts, told by the exit
//! code.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::Parser;

use super::CLIENT_PORT;
use crate::command::Beside;
use crate::command::args::{self, Argument};
use crate::error::{Doing, Error, Result};

/// How long a peer may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long its reply may take: longer than the peer itself waits for others.
const REPLY_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest reply that is read, in bytes.
const MAX_REPLY: u64 = 4 << 20;

const GET: &str = "\
usage: synod get KEY [--at HOST:PORT] [--auth FILE]

Print the value that KEY has in a synod store, and a newline.

flags:
  --at HOST:PORT  the peer that is asked (127.0.0.1:6379)
  --auth FILE     first say the word in FILE

exit codes:
  0  done
  1  not done: there is no value
  2  nobody answers, nobody knows whether it was done, or a flag or a file was at fault

example:
  synod get user:1
";

const SET: &str = "\
usage: synod set KEY VALUE [--at HOST:PORT] [--auth FILE]

Give KEY this value in a synod store. Once that is done it is durable.

flags:
  --at HOST:PORT  the peer that is asked (127.0.0.1:6379)
  --auth FILE     first say the word in FILE

exit codes:
  0  done
  2  nobody answers, nobody knows whether it was done, or a flag or a file was at fault

example:
  synod set user:1 alice
";

const DEL: &str = "\
usage: synod del KEY [--at HOST:PORT] [--auth FILE]

Take the value of KEY in a synod store away.

flags:
  --at HOST:PORT  the peer that is asked (127.0.0.1:6379)
  --auth FILE     first say the word in FILE

exit codes:
  0  done
  1  not done: there was no value
  2  nobody answers, nobody knows whether it was done, or a flag or a file was at fault

example:
  synod del user:1
";

const CAS: &str = "\
usage: synod cas KEY OLD NEW [--at HOST:PORT] [--auth FILE]

Give KEY the value NEW in a synod store, if its value is OLD; no other change comes between.

flags:
  --at HOST:PORT  the peer that is asked (127.0.0.1:6379)
  --auth FILE     first say the word in FILE

exit codes:
  0  done
  1  not done: there is another value, or none
  2  nobody answers, nobody knows whether it was done, or a flag or a file was at fault

example:
  synod cas user:1 alice bob
";

/// All of them.
pub(crate) const COMMANDS: &[Beside] = &[
    Beside {
        name: "get",
        summary: "print the value of a key of a store",
        help: GET,
        run: |parser| run(parser, 1, |words| vec![b"GET".as_slice(), words[0]]),
    },
    Beside {
        name: "set",
        summary: "give a key of a store a value",
        help: SET,
        run: |parser| run(parser, 2, |words| vec![b"SET".as_slice(), words[0], words[1]]),
    },
    Beside {
        name: "del",
        summary: "take the value of a key of a store away",
        help: DEL,
        run: |parser| run(parser, 1, |words| vec![b"DEL".as_slice(), words[0]]),
    },
    Beside {
        name: "cas",
        summary: "replace the value of a key of a store if it is as expected",
        help: CAS,
        run: |parser| {
            run(parser, 3, |words| {
                vec![b"SET".as_slice(), words[0], words[2], b"IFEQ".as_slice(), words[1]]
            })
        },
    },
];

/// What a peer has replied.
enum Told {
    Nothing,
    Status,
    Number(i64),
    Value(Vec<u8>),
    Error(String),
}

fn run(
    parser: Parser,
    count: usize,
    command: for<'a> fn(&[&'a [u8]]) -> Vec<&'a [u8]>,
) -> Result<ExitCode> {
    let (mut words, mut at, mut auth) = (Vec::new(), format!("127.0.0.1:{CLIENT_PORT}"), None);
    args::read(parser, |argument, parser| match argument {
        Argument::Flag("--at") => {
            at = args::text("--at", parser.value()?)?;
            Ok(true)
        }
        Argument::Flag("--auth") => {
            auth = Some(PathBuf::from(parser.value()?));
            Ok(true)
        }
        Argument::Flag(_) => Ok(false),
        Argument::Operand(word) => {
            words.push(word.as_encoded_bytes().to_vec());
            Ok(words.len() <= count)
        }
    })?;
    if words.len() < count {
        let missing = count - words.len();
        return Err(Error::Usage(format!("{missing} more of the words are needed: a key first")));
    }
    let word = auth.as_deref().map(super::word).transpose()?;
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let told = ask(&at, word.as_deref(), &command(&words)).doing(|| at.clone())?;
    let is_done = match told {
        Told::Error(error) => return Err(Error::Input(format!("{at}: {error}"))),
        Told::Nothing | Told::Number(0) => false,
        Told::Status | Told::Number(_) => true,
        Told::Value(mut value) => {
            value.push(b'\n');
            match io::stdout().lock().write_all(&value) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                result => result.doing(|| "writing to standard output".into())?,
            }
            true
        }
    };
    Ok(ExitCode::from(u8::from(!is_done)))
}

/// Asks one peer, once: what was asked twice could be done twice.
fn ask(at: &str, word: Option<&[u8]>, command: &[&[u8]]) -> io::Result<Told> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut stream = None;
    for address in at.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(connected) => stream = Some(connected),
            Err(error) => failed = error,
        }
        if stream.is_some() {
            break;
        }
    }
    let mut stream = BufReader::new(stream.ok_or(failed)?);
    stream.get_mut().set_read_timeout(Some(REPLY_TIMEOUT))?;
    stream.get_mut().set_nodelay(true)?;
    if let Some(word) = word {
        let told = tell(&mut stream, &[b"AUTH", word])?;
        if matches!(told, Told::Error(_)) {
            return Ok(told);
        }
    }
    tell(&mut stream, command)
}

fn tell(stream: &mut BufReader<TcpStream>, words: &[&[u8]]) -> io::Result<Told> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend(format!("${}\r\n", word.len()).into_bytes());
        request.extend_from_slice(word);
        request.extend(b"\r\n");
    }
    stream.get_mut().write_all(&request)?;
    let mut source = stream.take(MAX_REPLY);
    let mut line = String::new();
    source.read_line(&mut line)?;
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "this is no reply of a store");
    let text = line.strip_suffix("\r\n").ok_or_else(odd)?;
    let (kind, rest) = text.split_at_checked(1).ok_or_else(odd)?;
    let number = || rest.parse::<i64>().map_err(|_| odd());
    Ok(match kind {
        "+" => Told::Status,
        "-" => Told::Error(rest.to_owned()),
        ":" => Told::Number(number()?),
        "$" if number()? < 0 => Told::Nothing,
        "$" => {
            let length = usize::try_from(number()?).map_err(|_| odd())?;
            let mut value = Vec::new();
            source.take(length as u64 + 2).read_to_end(&mut value)?;
            if value.len() != length + 2 {
                return Err(odd());
            }
            value.truncate(length);
            Told::Value(value)
        }
        _ => return Err(odd()),
    })
}
