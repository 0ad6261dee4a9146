//! Keys and values: bytes of clients, which the protocol does not look at.
//!
//! In JSON they are a string in which every byte is the character of its number, so that any bytes
//! come through, and text stays readable. Control characters that JSON would escape with six bytes
//! are the characters from U+0100 on instead, so a byte takes two at most.

use std::fmt::{self, Debug, Display, Write as _};
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where the characters for control characters begin.
const RAISED: u32 = 0x100;

/// True if JSON has no short form for this control character.
fn is_long(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t' | 8 | 12)
}

/// Some bytes; a copy is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Arc<[u8]>);

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Bytes {
    /// The characters of the JSON form.
    fn characters(&self) -> impl Iterator<Item = char> {
        let of = |byte: &u8| char::from_u32(RAISED + u32::from(*byte)).filter(|_| is_long(*byte));
        self.iter().map(move |byte| of(byte).unwrap_or(char::from(*byte)))
    }
}

/// For people: what is not printable is escaped.
impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.iter().flat_map(|byte| std::ascii::escape_default(*byte)) {
            f.write_char(char::from(byte))?;
        }
        Ok(())
    }
}

impl Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self) {
            Ok(text) if self.iter().all(|byte| byte.is_ascii() && !is_long(*byte)) => {
                serializer.serialize_str(text)
            }
            _ => serializer.serialize_str(&self.characters().collect::<String>()),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Characters;
        impl Visitor<'_> for Characters {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string of characters up to U+011F")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                if text.is_ascii() {
                    return Ok(text.into());
                }
                let byte = |c: char| {
                    let raised = || u32::from(c).checked_sub(RAISED).filter(|low| *low < 0x20);
                    u8::try_from(u32::from(c)).ok().or_else(|| raised()?.try_into().ok())
                };
                let bytes = text.chars().map(byte).collect::<Option<Vec<u8>>>();
                bytes.map(Bytes::from).ok_or_else(|| E::custom("a character is above U+011F"))
            }
        }
        deserializer.deserialize_str(Characters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_through_json_and_text_stays_readable() {
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [Bytes::from("user:1"), Bytes::from(""), Bytes::from(all)] {
            let json = serde_json::to_string(&bytes).unwrap();
            assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes, "{json}");
            assert!(json.len() <= 2 * bytes.len() + 2, "{json}");
        }
        assert_eq!(serde_json::from_str::<Bytes>(r#""\u0001""#).unwrap(), Bytes::from("\x01"));
        assert_eq!(serde_json::to_string(&Bytes::from("user:1")).unwrap(), "\"user:1\"");
        assert!(serde_json::from_str::<Bytes>("\"\u{120}\"").is_err());
        assert_eq!(format!("{:?}", Bytes::from(&b"a\n\xff"[..])), r#""a\n\xff""#);
    }
}
