//! In what a line differs from its protocol's form: one fault, and a set of them.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

/// The ways in which lines of one form may differ. [`faults!`](crate::faults) makes one.
pub trait Fault: Copy + Debug + Ord + 'static {
    /// All, in order; at most 32.
    const ALL: &'static [Self];
    /// There is other text beside the object.
    const TEXT_AROUND: Self;
    /// Bytes that are no UTF-8.
    const NOT_UTF8: Self;
    /// An object that is meant to be a line, and cannot be read.
    const UNREADABLE: Self;
    /// A line longer than [`MAX_LINE_BYTES`](super::reader::MAX_LINE_BYTES).
    const TOO_LONG: Self;
    /// One object lies on several lines, if the form has that.
    const SEVERAL_LINES: Option<Self>;

    /// Its place in a set.
    fn bit(self) -> u32;
}

/// Makes the enumeration of a form's faults. Those that every form has come last, and first what
/// only this one has.
#[macro_export]
macro_rules! faults {
    ($(#[$of_all:meta])* $name:ident, $several:expr, $($(#[$doc:meta])* $fault:ident,)+) => {
        $(#[$of_all])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $fault,)+
            /// There is other text beside the object that is no name of a peer and no time.
            TextAround,
            /// Bytes that are no UTF-8.
            NotUtf8,
            /// An object that is meant to be a line, and cannot be read.
            Unreadable,
            /// A line longer than is looked at.
            TooLong,
        }

        impl $crate::trace::fault::Fault for $name {
            const ALL: &'static [Self] = &[
                $(Self::$fault,)+ Self::TextAround, Self::NotUtf8, Self::Unreadable, Self::TooLong,
            ];
            const TEXT_AROUND: Self = Self::TextAround;
            const NOT_UTF8: Self = Self::NotUtf8;
            const UNREADABLE: Self = Self::Unreadable;
            const TOO_LONG: Self = Self::TooLong;
            const SEVERAL_LINES: Option<Self> = $several;

            fn bit(self) -> u32 {
                1 << self as u32
            }
        }
    };
}

/// A set of faults.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FaultSet<F>(u32, PhantomData<F>);

impl<F> Default for FaultSet<F> {
    fn default() -> Self {
        Self(0, PhantomData)
    }
}

impl<F: Fault> FaultSet<F> {
    /// Only this one.
    pub fn only(fault: F) -> Self {
        Self(fault.bit(), PhantomData)
    }

    /// True if there is none: the line is exactly of the form.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds one.
    pub fn add(&mut self, fault: F) {
        self.0 |= fault.bit();
    }

    /// Adds one, if it is there.
    pub fn add_if(&mut self, is_so: bool, fault: F) {
        if is_so {
            self.add(fault);
        }
    }

    /// Adds all of another set.
    pub fn extend(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// True if it is among them.
    pub fn has(self, fault: F) -> bool {
        self.0 & fault.bit() != 0
    }

    /// Those in the set, in order.
    pub fn iter(self) -> impl Iterator<Item = F> {
        F::ALL.iter().copied().filter(move |fault| self.has(*fault))
    }
}

impl<F: Fault> Debug for FaultSet<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
