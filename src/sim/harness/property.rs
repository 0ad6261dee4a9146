//! What must hold in every run, and what a run has violated of it.

/// What must never happen, or must have happened in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Property {
    /// Its name on the command line and in tables.
    pub name: &'static str,
    /// The property.
    pub says: &'static str,
    /// True if it is about what happens in time. A schedule knows no time: in one from which all
    /// deliveries are gone nothing is ever reached, and no back-off is long enough.
    pub depends_on_time: bool,
}

impl Property {
    /// A property of safety.
    pub const fn new(name: &'static str, says: &'static str) -> Self {
        Self { name, says, depends_on_time: false }
    }

    /// A property about what happens in time.
    pub const fn in_time(name: &'static str, says: &'static str) -> Self {
        Self { name, says, depends_on_time: true }
    }
}

/// A violated property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub property: Property,
    /// How, in words.
    pub how: String,
}

/// What a run has violated so far.
#[derive(Clone, Debug, Default)]
pub struct Violations {
    only: Option<Property>,
    first: Option<Violation>,
    all: Vec<Property>,
}

impl Violations {
    /// Nothing is violated yet. With `only`, a violation of any other property does not count as
    /// the first.
    pub fn new(only: Option<Property>) -> Self {
        Self { only, ..Self::default() }
    }

    /// Notes a violation.
    pub fn add(&mut self, property: Property, how: impl FnOnce() -> String) {
        if !self.all.contains(&property) {
            self.all.push(property);
        }
        if self.first.is_none() && self.only.is_none_or(|only| only == property) {
            self.first = Some(Violation { property, how: how() });
        }
    }

    /// The first violation that counts.
    pub fn first(&self) -> Option<&Violation> {
        self.first.as_ref()
    }

    /// The first violation that counts, and every property that was violated.
    pub fn into_parts(self) -> (Option<Violation>, Vec<Property>) {
        (self.first, self.all)
    }
}
