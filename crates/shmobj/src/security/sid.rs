//! Security identifiers, by which Windows names users and groups.

use std::fmt;
use std::str::FromStr;

use crate::error::{Attempt, Error, ErrorKind};

/// How many numbers a security identifier has at most behind its authority.
const MAXIMUM_PARTS: usize = 15;

/// A user or a group of Windows, as in `S-1-5-32-545` (the machine's users).
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// use shmobj::{Access, Principal, Security, Sid};
/// let users: Sid = "S-1-5-32-545".parse()?;
/// let security = Security::OWNER_ONLY.grant(Principal::Sid(users), Access::SYNCHRONIZE);
/// assert_eq!(users.to_string(), "S-1-5-32-545");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "ConvertStringSidToSid")]
pub struct Sid {
    authority: u64,
    count: usize,
    parts: [u32; MAXIMUM_PARTS],
}

impl Sid {
    /// Everybody (`S-1-1-0`).
    pub const EVERYONE: Self = Self::of(1, [0]);
    /// The system itself (`S-1-5-18`).
    pub const SYSTEM: Self = Self::of(5, [18]);

    const fn of(authority: u64, [first]: [u32; 1]) -> Self {
        let mut parts = [0; MAXIMUM_PARTS];
        parts[0] = first;
        Self { authority, count: 1, parts }
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.authority {
            small @ ..=0xffff_ffff => write!(f, "S-1-{small}")?,
            large => write!(f, "S-1-0x{large:012X}")?, // as Windows writes it
        }
        self.parts[..self.count].iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

impl FromStr for Sid {
    type Err = Error;

    /// Reads the form `S-1-authority-number-...`.
    ///
    /// # Errors
    /// [`InvalidParameter`](ErrorKind::InvalidParameter): it has not this form.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| {
            Attempt { verb: "read", subject: "security identifier", name: text }
                .fails(ErrorKind::InvalidParameter, "it has not the form S-1-authority-number-...")
                .with_remedy("see `whoami /user` and `whoami /groups`")
        })
    }
}

fn parse(text: &str) -> Option<Sid> {
    let mut numbers = text.strip_prefix("S-1-")?.split('-');
    let authority = numbers.next()?;
    let authority = match authority.strip_prefix("0x").or_else(|| authority.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()?
        }
        Some(_) => return None,
        None => decimal(authority)?,
    };
    let (mut parts, mut count) = ([0; MAXIMUM_PARTS], 0);
    for number in numbers {
        *parts.get_mut(count)? = u32::try_from(decimal(number)?).ok()?;
        count += 1;
    }
    (count > 0 && authority < 1 << 48).then_some(Sid { authority, count, parts })
}

/// Digits, and no sign.
fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_is_read_as_it_is_written() {
        for text in
            ["S-1-1-0", "S-1-5-18", "S-1-5-21-4294967295-2-3-1001", "S-1-5-32-545", "S-1-0x123456789ABC-7"]
        {
            assert_eq!(text.parse::<Sid>().unwrap().to_string(), text);
        }
        assert_eq!("S-1-1-0".parse::<Sid>().unwrap(), Sid::EVERYONE);
        assert_eq!("S-1-5-18".parse::<Sid>().unwrap(), Sid::SYSTEM);
        for text in [
            "",
            "S-1",
            "S-1-5",
            "S-2-5-1",
            "S-1-5-x",
            "S-1-5-4294967296",
            "S-1-281474976710656-1",
            "S-1-5-1-",
        ] {
            assert_eq!(text.parse::<Sid>().unwrap_err().win32_code(), 87, "{text}");
        }
        let longest = format!("S-1-5{}", "-7".repeat(15));
        assert_eq!(longest.parse::<Sid>().unwrap().to_string(), longest);
        assert!(format!("{longest}-7").parse::<Sid>().is_err());
    }
}
