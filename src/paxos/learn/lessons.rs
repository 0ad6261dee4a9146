//! The lessons: a bug each, with the script of a run that it breaks.

/// One of them.
pub(super) struct Lesson {
    /// The bug: a mutant of this name.
    pub(super) bug: &'static str,
    /// What it teaches, in a line.
    pub(super) about: &'static str,
    /// The run, as `synod sim --replay` plays it.
    pub(super) schedule: &'static str,
    /// What happens until the question, in words.
    pub(super) scene: &'static str,
    /// The first part of the run ends with a sentence that has these words.
    pub(super) until: &'static str,
    /// The question after that.
    pub(super) question: &'static str,
    /// Its answers, in small letters, and the right one.
    pub(super) answers: (&'static [&'static str], &'static str),
    /// Why.
    pub(super) why: &'static str,
    /// What comes of the bug in this run.
    pub(super) comes: &'static str,
    /// The source that prevents it.
    pub(super) source: Excerpt,
    /// What it does.
    pub(super) prevents: &'static str,
    /// What comes of the run without the bug.
    pub(super) without: &'static str,
}

/// Lines of a source file: its text, from the line with these words to the line with those.
pub(super) struct Excerpt {
    pub(super) text: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

impl Excerpt {
    /// The lines with their numbers, without the indentation that all have.
    pub(super) fn lines(&self) -> Vec<(usize, &'static str)> {
        let skipped =
            (1..).zip(self.text.lines()).skip_while(|(_, line)| !line.contains(self.from));
        let mut lines = Vec::new();
        for (number, line) in skipped {
            lines.push((number, line));
            if line.contains(self.to) {
                break;
            }
        }
        let indent = |line: &str| line.len() - line.trim_start().len();
        let least = lines.iter().map(|(_, line)| indent(line)).min().unwrap_or_default();
        lines.into_iter().map(|(number, line)| (number, &line[least..])).collect()
    }
}

/// All lessons. The first is the one for beginners.
pub(super) const LESSONS: &[Lesson] = &[
    Lesson {
        bug: "ignores-accepted-values",
        about: "a proposer that keeps its own value although another may be chosen",
        schedule: include_str!("ignores-accepted-values.schedule"),
        scene: "\
peer1 wants X. It takes the number 1 and reaches peer3 and peer4. Its messages
to peer5 are lost.
",
        until: "X is chosen",
        question: "\
peer2 knows nothing of that. It wants Y, takes the number 2, and reaches peer4
and peer5. Both promise 2:

    peer4 reports that it has accepted X under 1;
    peer5 reports that it has accepted nothing.

Two promises of three are a majority, so peer2 may go on and ask them to accept
a value. Which one? ",
        answers: (&["x", "y"], "x"),
        why: "\
It must be X. peer2 cannot know whether X is chosen: it has not heard from peer3.
But if X is chosen, a majority has accepted it, and that majority shares an
acceptor with every other one. Here it is peer4. So whoever finds a value among
the promises goes on with it, and gives up its own.
",
        comes: "\
X was chosen, and now Y is chosen too. Whoever asks peer1 and whoever asks
peer2 get different answers: the one thing that must never happen.
",
        source: Excerpt {
            text: include_str!("../proposer.rs"),
            from: "// The heart of Paxos.",
            to: "let value = forced",
        },
        prevents: "\
`reported` are the values among the promises. The one with the highest number
is taken; only where there is none is the candidate, the proposer's own value.
",
        without: "\
peer2 finds X among the promises and proposes X instead of Y, under its own
number. Both proposers end with the same value.
",
    },
    Lesson {
        bug: "half-is-a-quorum",
        about: "half of the acceptors taken for a majority of them",
        schedule: include_str!("half-is-a-quorum.schedule"),
        scene: "\
peer1 wants X. It takes the number 1 and reaches peer3 only. Nobody reaches
peer4 in this run.
",
        until: "peer3 promises 1",
        question: "\
peer1 has one promise. There are three acceptors. How many more must promise
before peer1 may go on and ask them to accept X? ",
        answers: (&["0", "1", "2"], "1"),
        why: "\
One more: two of three are a majority. Any two majorities share an acceptor,
which knows of both; two single acceptors do not. Three would be safe as well,
but then one computer that is down would stop everything.
",
        comes: "\
Each proposer has asked one acceptor, and no acceptor has heard of both. X and
Y are both called chosen.
",
        source: Excerpt {
            text: include_str!("../quorum.rs"),
            from: "pub fn majority",
            to: "members / 2 + 1",
        },
        prevents: "\
Of three acceptors 3 / 2 is 1, in whole numbers, and a majority is one more.
",
        without: "\
Each proposer has one promise and waits for a second one. Nothing is chosen
yet: Paxos would rather wait than give two answers. Once one more acceptor can
be reached, a value is chosen.
",
    },
    Lesson {
        bug: "accept-below-promise",
        about: "an acceptor that does not keep its promise",
        schedule: include_str!("accept-below-promise.schedule"),
        scene: "\
peer1 wants X and takes the number 1. It is slow: before its accept arrives
anywhere, peer2 gets Y chosen under the number 2.
",
        until: "Y is chosen",
        question: "\
Now the late accept(1, X) arrives at peer3, which has promised 1 and accepts
it. Then it arrives at peer4, which has promised 2 and accepted Y under 2.

May peer4 accept X under 1? (yes or no) ",
        answers: (&["yes", "no"], "no"),
        why: "\
It may not. With its promise of 2, peer4 told peer2 that nothing below 2 had been
accepted there, and would not be any more. peer2 relied on that when it asked
for its own value.
",
        comes: "\
peer3 and peer4 are a majority too: X is chosen beside Y.
",
        source: Excerpt {
            text: include_str!("../acceptor.rs"),
            from: "// Not `>`: after",
            to: "self.accepted = Some",
        },
        prevents: "\
An accept counts only if its number is not below the promise. It also raises
the promise, so that nothing older can follow.
",
        without: "\
peer4 refuses 1 and names the number in the way. peer1 would start again with a
higher number, and find Y.
",
    },
    Lesson {
        bug: "fresh-start",
        about: "an acceptor that forgets what it accepted when it crashes",
        schedule: include_str!("fresh-start.schedule"),
        scene: "\
peer1 wants X. It takes the number 1 and reaches peer3 and peer4. Its messages
to peer5 are lost.
",
        until: "X is chosen",
        question: "\
Then peer4 crashes and starts again. What must it still know?

    a: nothing, it can ask the others
    b: what it has promised
    c: what it has promised, and what it has accepted

Your answer: ",
        answers: (&["a", "b", "c"], "c"),
        why: "\
Both its promise and its vote. A majority has accepted X, and peer4 belongs to
it. If peer4 forgets that, X is left on peer3 alone, and a majority without
peer3 knows nothing of it.
",
        comes: "\
X was chosen, and now Y is chosen too. peer2 did nothing wrong: peer4 told it
that nothing had been accepted.
",
        source: Excerpt {
            text: include_str!("../peer.rs"),
            from: "fn restore",
            to: "Record::Acceptor(acceptor) =>",
        },
        prevents: "\
A peer that starts takes back the last state of its acceptor. `answer`, in the
same file, puts that state on disk before the answer leaves.
",
        without: "\
peer4 remembers X, so peer2 finds it among the promises and proposes X instead
of Y.
",
    },
];
