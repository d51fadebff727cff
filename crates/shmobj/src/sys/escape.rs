//! Texts in the variable that tells a child what it inherits: every byte that could be read as something else is `%` and two hexadecimal digits.

use std::fmt::Write;

pub(super) fn escape(to: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => to.push(byte.into()),
            _ => {
                let _ = write!(to, "%{byte:02X}");
            }
        }
    }
}

pub(super) fn unescape(text: &str) -> Option<String> {
    let mut decoded = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        decoded.push(if byte == b'%' { (digit()? * 16 + digit()?) as u8 } else { byte });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["", "frames", "a:b;c%d=e", "Local\\ä €", "x\ny"] {
            let mut escaped = String::new();
            escape(&mut escaped, text);
            assert!(!escaped.contains([':', ';', '=']), "{escaped}");
            assert_eq!(unescape(&escaped).as_deref(), Some(text));
        }
    }

    #[test]
    fn nonsense_is_no_text() {
        for text in ["%", "%4", "%+1", "%g0", "%FF"] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }
}
