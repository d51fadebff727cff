//! Arguments as a letter: each has its length in front, so it may be empty or contain newlines.

use crate::letter_box::ROOM;

/// Fails if the arguments do not fit into a letter.
pub(crate) fn write(arguments: &[String]) -> Result<Vec<u8>, String> {
    let mut letter = Vec::new();
    for argument in arguments {
        letter.extend((argument.len() as u64).to_le_bytes());
        letter.extend(argument.as_bytes());
    }
    if letter.len() > ROOM {
        return Err(format!(
            "the arguments make a letter of {} bytes, and {ROOM} fit into the box",
            letter.len()
        ));
    }
    Ok(letter)
}

/// What another process wrote is input like any other: a letter that is nonsense is an error.
pub(crate) fn read(mut letter: &[u8]) -> Result<Vec<String>, &'static str> {
    const NONSENSE: &str = "the letter in the box is nonsense";
    let mut arguments = Vec::new();
    while !letter.is_empty() {
        let (length, rest) = letter.split_first_chunk().ok_or(NONSENSE)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| NONSENSE)?;
        let (argument, rest) = rest.split_at_checked(length).ok_or(NONSENSE)?;
        arguments.push(String::from_utf8_lossy(argument).into_owned());
        letter = rest;
    }
    Ok(arguments)
}
