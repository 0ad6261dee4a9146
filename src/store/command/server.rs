//! Clients: one thread for each connection. It reads what has come, makes all calls in it at once,
//! waits for the replies, and writes them in the order of the commands.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::calls::Mailbox;
use super::commands::{Asked, Telling, asked, tell, trouble};
use super::resp::{MAX_REQUEST, Replies, Words, take};
use super::shared::Server;
use super::{http, info};
use crate::command::{complain, spawn};
use crate::error::Result;
use crate::store::bytes::Bytes;
use crate::store::operation::{Answer, MAX_BYTES, Reply, Request};

/// How many clients may be connected; more are told so and closed.
const MOST_CLIENTS: usize = 10_000;
/// How many commands of one connection are taken at once; the rest waits in the socket.
const MOST_AT_ONCE: usize = 1024;
/// How many operations of one connection are under way at once. Their replies are held until the
/// last of them is there: each may tell a value.
const MOST_CALLS: usize = 64;
/// How many bytes of values the replies to one command may have; one with more is refused.
const MOST_TOLD: usize = 16 << 20;
/// Replies are written when they have so many bytes.
const WRITE_AT: usize = 64 * 1024;
/// How much is read at once.
const CHUNK: usize = 16 * 1024;
/// A client that takes nothing for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How many commands a transaction may have.
const MOST_QUEUED: usize = 1024;

/// Starts the listener's thread.
pub(super) fn open(server: &Arc<Server>, listener: TcpListener) -> Result<()> {
    let server = Arc::clone(server);
    spawn(move || {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => admit(&server, stream),
                Err(error) => complain(&format!("cannot accept clients: {error}\n")),
            }
        }
    })
}

fn admit(server: &Arc<Server>, mut stream: TcpStream) {
    let count = server.clients.fetch_add(1, Ordering::Relaxed);
    let of_thread = Arc::clone(server);
    let started = count < MOST_CLIENTS && {
        let handle = stream.try_clone();
        handle.is_ok_and(|stream| {
            spawn(move || {
                // However it ends, the client is gone.
                let _ = Session::new(&of_thread, stream).serve();
                of_thread.clients.fetch_sub(1, Ordering::Relaxed);
            })
            .is_ok()
        })
    };
    if !started {
        server.clients.fetch_sub(1, Ordering::Relaxed);
        let _ = stream.write_all(b"-ERR max number of clients reached\r\n");
    }
}

/// Commands that wait for EXEC.
#[derive(Default)]
struct Transaction {
    asked: Vec<(Bytes, Request, Telling)>,
    bytes: usize,
    is_wrong: bool,
}

struct Session<'a> {
    server: &'a Server,
    stream: TcpStream,
    mailbox: Arc<Mailbox>,
    buffer: Vec<u8>,
    out: Replies,
    /// Commands whose calls are to be made; how many calls, and how many bytes they carry.
    batch: VecDeque<Asked>,
    calls: usize,
    carried: usize,
    transaction: Option<Transaction>,
    watched: Option<(Bytes, u64)>,
    is_known: bool,
    is_over: bool,
}

impl<'a> Session<'a> {
    fn new(server: &'a Server, stream: TcpStream) -> Self {
        Self {
            server,
            stream,
            mailbox: Arc::default(),
            buffer: Vec::new(),
            out: Replies { bytes: Vec::new(), is_three: false },
            batch: VecDeque::new(),
            calls: 0,
            carried: 0,
            transaction: None,
            watched: None,
            is_known: server.word.is_none(),
            is_over: false,
        }
    }

    fn serve(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        while !self.is_over {
            if !self.take_all()? {
                if self.buffer.is_empty() && self.buffer.capacity() > CHUNK {
                    // Most clients are idle most of the time.
                    self.buffer = Vec::new();
                }
                let start = self.buffer.len();
                self.buffer.resize(start + CHUNK, 0);
                let count = self.stream.read(&mut self.buffer[start..])?;
                self.buffer.truncate(start + count);
                if count == 0 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes all commands that have come, up to a bound. False if there was none.
    fn take_all(&mut self) -> io::Result<bool> {
        let (mut at, mut count) = (0, 0);
        while count < MOST_AT_ONCE && !self.is_over {
            match take(&self.buffer[at..]) {
                Ok(Some((request, length))) => {
                    if http::is_request(&request) {
                        self.is_over = true;
                        return self.answer_http(&request, at + length).map(|()| true);
                    }
                    at += length;
                    count += 1;
                    self.command(&request);
                }
                Ok(None) => {
                    if self.buffer.len() - at > MAX_REQUEST {
                        self.refuse("too long a request");
                    }
                    break;
                }
                Err(why) => self.refuse(&why),
            }
        }
        self.buffer.drain(..at);
        self.settle();
        self.write()?;
        Ok(count > 0 || self.is_over)
    }

    fn write(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.out.bytes);
        self.stream.write_all(&bytes)
    }

    fn refuse(&mut self, why: &str) {
        self.settle();
        self.out.error(&format!("ERR Protocol error: {why}"));
        self.is_over = true;
    }

    fn answer_http(&mut self, request: &Words, head: usize) -> io::Result<()> {
        if self.server.word.is_some() {
            return self.stream.write_all(&http::response(401, "text/plain", b"not here\n"));
        }
        let rest = self.buffer.split_off(head);
        let make = |calls| self.server.calls.make(&self.server.node, &self.mailbox, calls);
        let response = http::answer(self.server, request, rest, &mut self.stream, make)?;
        self.stream.write_all(&response)
    }

    /// Makes the calls that wait, and tells their replies.
    fn settle(&mut self) {
        (self.calls, self.carried) = (0, 0);
        let batch = std::mem::take(&mut self.batch);
        let calls = batch.iter().flat_map(|asked| asked.calls.iter().cloned()).collect();
        let mut replies = self.make(calls).into_iter();
        for Asked { calls, telling } in batch {
            let own: Vec<Reply> = replies.by_ref().take(calls.len()).collect();
            self.tell(telling, &own);
        }
    }

    /// Puts the reply behind the others, which are written when they are many.
    fn tell(&mut self, telling: Telling, replies: &[Reply]) {
        tell(telling, replies, &mut self.out);
        if self.out.bytes.len() >= WRITE_AT && self.write().is_err() {
            self.is_over = true;
        }
    }

    /// A command with many keys: its calls are made some at a time.
    fn make_many(&mut self, Asked { calls, telling }: Asked) {
        let (mut replies, mut told) = (Vec::new(), 0);
        for some in calls.chunks(MOST_CALLS) {
            for Reply { version, outcome } in self.make(some.to_vec()) {
                // Of a value that is only counted nothing is kept.
                let outcome = match outcome {
                    Answer::Value(Some(_), expiry) if telling != Telling::Values => {
                        Answer::Value(None, expiry)
                    }
                    outcome => outcome,
                };
                told += outcome.told();
                replies.push(Reply { version, outcome });
            }
            if told > MOST_TOLD {
                return self.out.error("ERR the values are too long to be told together");
            }
        }
        self.tell(telling, &replies);
    }

    fn make(&self, calls: Vec<(Bytes, Request)>) -> Vec<Reply> {
        self.server.calls.make(&self.server.node, &self.mailbox, calls)
    }

    fn command(&mut self, request: &Words) {
        let Some((name, words)) = request.split_first() else { return };
        let name = String::from_utf8_lossy(name).to_uppercase();
        if !self.is_known && !matches!(name.as_str(), "AUTH" | "HELLO" | "QUIT") {
            self.settle();
            return self.out.error("NOAUTH Authentication required.");
        }
        match asked(&name, words) {
            Ok(Some(asked)) => self.queue(asked),
            Ok(None) => {
                // What comes before is told before.
                self.settle();
                self.other(&name, words);
            }
            Err(wrong) => {
                self.settle();
                if let Some(transaction) = &mut self.transaction {
                    transaction.is_wrong = true;
                }
                self.out.error(&wrong);
            }
        }
    }

    fn queue(&mut self, asked: Asked) {
        let carried: usize = asked.calls.iter().map(|(key, what)| key.len() + what.carried()).sum();
        let Some(transaction) = &mut self.transaction else {
            if self.calls + asked.calls.len() > MOST_CALLS || self.carried + carried > MAX_REQUEST {
                self.settle();
            }
            if asked.calls.len() > MOST_CALLS {
                return self.make_many(asked);
            }
            self.calls += asked.calls.len();
            self.carried += carried;
            return self.batch.push_back(asked);
        };
        transaction.bytes += carried;
        let Asked { calls, telling } = asked;
        let first = transaction.asked.first().map(|(key, ..)| key);
        let is_other = |key: &Bytes| first.is_some_and(|first| first != key);
        let error = match &calls[..] {
            [(key, _)] if is_other(key) => "CROSSSLOT a transaction is about one key",
            [_] if transaction.bytes > MAX_BYTES => "ERR a transaction has at most 2097152 bytes",
            [_] if transaction.asked.len() < MOST_QUEUED => {
                let queued = calls.into_iter().map(|(key, operation)| (key, operation, telling));
                transaction.asked.extend(queued);
                return self.out.status("QUEUED");
            }
            [_] => "ERR a transaction has at most 1024 commands",
            _ => "CROSSSLOT a transaction is about one key",
        };
        transaction.is_wrong = true;
        self.out.error(error);
    }

    /// Commands that ask nothing of registers, or are about the connection.
    fn other(&mut self, name: &str, words: &[Vec<u8>]) {
        match (name, words) {
            ("MULTI", []) if self.transaction.is_some() => {
                self.out.error("ERR MULTI calls can not be nested");
            }
            ("MULTI", []) => {
                self.transaction = Some(Transaction::default());
                self.out.status("OK");
            }
            ("EXEC", []) => self.exec(),
            ("DISCARD", []) => match self.transaction.take() {
                Some(_) => {
                    self.watched = None;
                    self.out.status("OK");
                }
                None => self.out.error("ERR DISCARD without MULTI"),
            },
            ("WATCH", _) if self.transaction.is_some() => {
                self.out.error("ERR WATCH inside MULTI is not allowed");
            }
            ("WATCH", [key]) => self.watch(key),
            ("WATCH", [_, _, ..]) => self.out.error("CROSSSLOT only one key can be watched"),
            ("UNWATCH", []) => {
                self.watched = None;
                self.out.status("OK");
            }
            ("AUTH", [.., word]) if words.len() <= 2 => self.auth(word),
            ("HELLO", _) => self.hello(words),
            ("RESET", []) => {
                self.transaction = None;
                self.watched = None;
                self.out.is_three = false;
                self.is_known = self.server.word.is_none();
                self.out.status("RESET");
            }
            ("QUIT", _) => {
                self.out.status("OK");
                self.is_over = true;
            }
            _ => info::answer(self.server, name, words, &mut self.out),
        }
    }

    fn watch(&mut self, key: &[u8]) {
        let key = Bytes::from(key);
        let replies = self.make(vec![(key.clone(), Request::Read)]);
        match replies.first() {
            Some(reply) if trouble(&reply.outcome).is_none() => {
                if self.watched.as_ref().is_some_and(|(watched, _)| *watched != key) {
                    return self.out.error("CROSSSLOT only one key can be watched");
                }
                // Of two watches the first counts.
                self.watched.get_or_insert((key, reply.version));
                self.out.status("OK");
            }
            Some(reply) => self.out.error(trouble(&reply.outcome).unwrap_or_default()),
            None => self.out.error("ERR no reply"),
        }
    }

    fn exec(&mut self) {
        let Some(Transaction { asked, is_wrong, .. }) = self.transaction.take() else {
            return self.out.error("ERR EXEC without MULTI");
        };
        let watched = self.watched.take();
        if is_wrong {
            return self.out.error("EXECABORT Transaction discarded because of previous errors.");
        }
        let Some((key, ..)) = asked.first().cloned() else { return self.out.array(0) };
        if watched.as_ref().is_some_and(|(watched, _)| *watched != key) {
            return self.out.error("CROSSSLOT a transaction is about the key that is watched");
        }
        let (operations, tellings): (Vec<_>, Vec<_>) =
            asked.into_iter().map(|(_, operation, telling)| (operation, telling)).unzip();
        let version = watched.map(|(_, version)| version);
        let replies = self.make(vec![(key, Request::All(version, operations))]);
        match replies.into_iter().next().map(|reply| (reply.version, reply.outcome)) {
            Some((version, Answer::All(outcomes))) => {
                self.out.array(outcomes.len());
                for (telling, outcome) in tellings.into_iter().zip(outcomes) {
                    tell(telling, &[Reply { version, outcome }], &mut self.out);
                }
            }
            Some((_, Answer::NotDone(_))) | None => self.out.null_array(),
            Some((_, outcome)) => self.out.error(trouble(&outcome).unwrap_or("ERR not done")),
        }
    }

    /// Every byte is looked at, however early they differ, so that time tells nothing.
    fn auth(&mut self, word: &[u8]) {
        let Some(wanted) = &self.server.word else {
            return self.out.error("ERR Client sent AUTH, but no password is set.");
        };
        let differences = word.iter().chain(std::iter::repeat(&0)).zip(wanted);
        let sum =
            differences.fold(word.len() ^ wanted.len(), |sum, (a, b)| sum | usize::from(a ^ b));
        if sum == 0 {
            self.is_known = true;
            self.out.status("OK");
        } else {
            self.out.error("WRONGPASS invalid username-password pair or user is disabled.");
        }
    }

    fn hello(&mut self, words: &[Vec<u8>]) {
        match words.first().map(Vec::as_slice) {
            None => {}
            Some(b"2") => self.out.is_three = false,
            Some(b"3") => self.out.is_three = true,
            Some(_) => return self.out.error("NOPROTO unsupported protocol version"),
        }
        if let Some([_, _, word]) = words.get(1..4)
            && !self.is_known
        {
            let before = self.out.bytes.len();
            self.auth(word);
            if !self.is_known {
                return;
            }
            self.out.bytes.truncate(before);
        }
        if !self.is_known {
            return self.out.error("NOAUTH HELLO must be called with the client authenticated.");
        }
        info::hello(self.server, &mut self.out);
    }
}
