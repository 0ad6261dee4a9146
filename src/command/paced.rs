//! A text in steps, at the pace of its reader: on a terminal each step waits for Enter. In a pipe,
//! or where nobody can answer, it runs through.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::{colour, print};
use crate::error::{Doing, Result};

/// Said below a step that waits.
const PROMPT: &str = "(Enter goes on, q leaves) ";

/// The reader of such a text.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    waits: bool,
}

impl Pacing {
    /// The reader at this terminal, who wants no pauses or does.
    pub fn new(no_pause: bool) -> Self {
        Self { waits: !no_pause && io::stdin().is_terminal() && io::stdout().is_terminal() }
    }

    /// Prints a step: its title, and its text with outcomes in colour.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn show(self, title: &str, body: &str) -> Result<()> {
        let bold = colour::wanted(&io::stdout());
        let title = if bold { colour::painted(title, 1) } else { title.to_owned() };
        print(&format!("{title}\n\n"))?;
        colour::print_report(body)
    }

    /// Waits until the reader has read; false if the reader leaves.
    ///
    /// # Errors
    /// The terminal cannot be read or written.
    pub fn pause(self) -> Result<bool> {
        print("\n")?;
        Ok(!self.waits || self.ask(PROMPT)?.is_some())
    }

    /// Asks, and leaves a blank line. The answer is in small letters; it is empty where nobody can
    /// give one, and none if the reader leaves.
    ///
    /// # Errors
    /// The terminal cannot be read or written.
    pub fn ask(self, question: &str) -> Result<Option<String>> {
        print(question)?;
        if !self.waits {
            print("\n\n")?;
            return Ok(Some(String::new()));
        }
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        let is_over = read.doing(|| "reading standard input".into())? == 0;
        print("\n")?;
        let answer = answer.trim().to_lowercase();
        Ok((!is_over && answer != "q").then_some(answer))
    }
}
