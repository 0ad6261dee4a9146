//! The one error type: what went wrong, and what was being done, joined by `": "`.
//!
//! Errors are for the person who started the program. A peer's odd behaviour is not an error of
//! ours: it costs that peer its connection and prints a line.

use std::{fmt, io};

/// The result of nearly everything that a person's input or the machine can make fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. Every variant ends the program with exit code 2.
#[derive(Debug)]
pub enum Error {
    /// A flag or an argument that cannot be used; the text says which and why.
    Usage(String),
    /// A flag that the command does not have.
    UnknownFlag(String),
    /// A file's content that cannot be used; the text says where and why.
    Input(String),
    /// The operating system refused.
    Io(io::Error),
    /// Another error, with what was being done when it happened.
    Doing(String, Box<Error>),
}

impl Error {
    /// True if the usage text would help.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Usage(_) | Self::UnknownFlag(_) => true,
            Self::Doing(_, inner) => inner.is_usage(),
            Self::Input(_) | Self::Io(_) => false,
        }
    }

    /// True if a file's content is at fault, and not the operating system.
    pub fn is_content(&self) -> bool {
        match self {
            Self::Input(_) => true,
            Self::Doing(_, inner) => inner.is_content(),
            Self::Usage(_) | Self::UnknownFlag(_) | Self::Io(_) => false,
        }
    }

    /// The flag, if it is one that the command does not have.
    pub fn unknown_flag(&self) -> Option<&str> {
        if let Self::UnknownFlag(flag) = self { Some(flag) } else { None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Input(text) => f.write_str(text),
            Self::UnknownFlag(flag) => write!(f, "{flag}: there is no such flag"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Doing(what, inner) => write!(f, "{what}: {inner}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<lexopt::Error> for Error {
    fn from(error: lexopt::Error) -> Self {
        match error {
            lexopt::Error::UnexpectedOption(flag) => Self::UnknownFlag(flag),
            error => Self::Usage(error.to_string()),
        }
    }
}

/// Adds to an error what was being done.
pub trait Doing<T> {
    /// `file.read().doing(|| "reading x".into())` reads as `reading x: permission denied`.
    ///
    /// # Errors
    /// The same error, wrapped.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::Doing(what(), Box::new(error.into())))
    }
}
