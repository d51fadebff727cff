//! Unmapping what a guardian has from the process that it is a copy of.
//!
//! Views of shared memory would live as long as the guardian, and every page of the spawner's own that changes would be there twice. What has to stay is the program
//! and its libraries with their variables, the stack that we are on, this thread's own memory, and the board.
#![allow(unsafe_code)] // unmaps memory of this process

use std::ops::Range;

use rustix::fs::{Mode, OFlags};

/// What is not unmapped, however large it is: tools that watch memory have a map of all of it, which is not really there.
const ENORMOUS: usize = 1 << 40;
const PROGRAMS: usize = 256;

/// A line of /proc/self/maps.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    start: usize,
    end: usize,
    executable: bool,
    shared: bool,
    /// Device and inode, as one number; 0: no file.
    file: u64,
    /// `[vdso]` and its like.
    special: bool,
}

/// Unmaps all that is not needed. `needed`: addresses in what is.
///
/// # Safety
/// Nothing may be used any more that was allocated, mapped or put on another thread's stack.
pub(super) unsafe fn trim(needed: &[usize]) {
    let mut programs = [0_u64; PROGRAMS];
    let mut count = 0;
    each_line(|line| {
        if line.executable && line.file != 0 && count < PROGRAMS && !programs[..count].contains(&line.file) {
            programs[count] = line.file;
            count += 1;
        }
    });
    // Without them it cannot be told what this process is made of.
    if count == 0 {
        return;
    }
    // Of more than there is room for, all that is in files stays.
    let has_all = count < PROGRAMS;
    let programs = &programs[..count];
    // The list changes under the reader's eyes, so it is read again until it has nothing more.
    for _ in 0..1000 {
        let mut found = [const { 0..0 }; 64];
        let mut length = 0;
        let mut end_of_program = 0;
        each_line(|line| {
            let is_program = !has_all || programs.contains(&line.file);
            let belongs = !line.shared && line.file != 0 && is_program;
            // Behind a program's variables are those that begin as 0, which are in no file.
            let continues = line.file == 0 && !line.special && line.start == end_of_program;
            if belongs || continues {
                end_of_program = line.end;
            }
            let range = line.start..line.end;
            let is_kept = belongs
                || continues
                // A program may have copied itself into larger pages, which are in no file.
                || (line.executable && !line.shared)
                || line.special
                || range.len() >= ENORMOUS
                // The board, and the page: each is mapped by itself.
                || (line.shared && needed.iter().any(|address| range.contains(address)));
            if is_kept {
                return;
            }
            each_rest(range, needed, |rest| {
                if length < found.len() {
                    found[length] = rest;
                    length += 1;
                }
            });
        });
        for range in &found[..length] {
            unmap(range.clone());
        }
        if length < found.len() {
            return;
        }
    }
}

/// What of a range is not around an address that is needed. The kernel makes one range of neighbours: a thread's own memory, or a stack, may be in one with a gigabyte of data.
fn each_rest(range: Range<usize>, needed: &[usize], mut each: impl FnMut(Range<usize>)) {
    let mut from = range.start;
    while from < range.end {
        let window = |address: &usize| address.saturating_sub(AROUND)..address.saturating_add(AROUND);
        let inside = needed.iter().filter(|&address| range.contains(address));
        let next = inside.map(window).filter(|window| window.end > from).min_by_key(|window| window.start);
        let Some(kept) = next.filter(|window| window.start < range.end) else {
            each(from..range.end);
            return;
        };
        let page = rustix::param::page_size();
        let end = kept.start / page * page;
        if end > from {
            each(from..end);
        }
        from = kept.end.next_multiple_of(page).max(from);
    }
}

/// How much is kept around what is needed: the stack below it is used as well.
const AROUND: usize = 256 << 10;

fn unmap(range: Range<usize>) {
    // SAFETY: the caller of `trim` does not use it any more.
    let _ = unsafe { rustix::mm::munmap(range.start as *mut _, range.len()) };
}

fn each_line(mut each: impl FnMut(Line)) {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(maps) = rustix::fs::open(c"/proc/self/maps", flags, Mode::empty()) else { return };
    let mut buffer = [0_u8; 4096];
    let mut line = Reader::default();
    while let Ok(bytes @ 1..) = rustix::io::read(&maps, &mut buffer) {
        for &byte in &buffer[..bytes] {
            if let Some(line) = line.take(byte) {
                each(line);
            }
        }
    }
}

/// Reads `start-end perms offset device:minor inode path`, byte by byte.
#[derive(Debug, Default)]
struct Reader {
    field: usize,
    number: u64,
    device: u64,
    line: Line,
}

impl Reader {
    fn take(&mut self, byte: u8) -> Option<Line> {
        if byte == b'\n' {
            self.end_field();
            return Some(std::mem::take(self).line);
        }
        if byte == b' ' && self.field < 6 {
            // The path is behind many blanks.
            if !(self.field == 5 && self.number == 0) {
                self.end_field();
            }
            return None;
        }
        match self.field {
            0 if byte == b'-' => {
                self.line.start = self.number as usize;
                self.number = 0;
            }
            0 | 2 | 3 => {
                let digit = char::from(byte).to_digit(16);
                self.number = digit.map_or(self.number, |digit| self.number << 4 | u64::from(digit));
            }
            1 => match byte {
                b'x' => self.line.executable = true,
                b's' => self.line.shared = true,
                _ => {}
            },
            4 => self.number = self.number.wrapping_mul(10).wrapping_add(u64::from(byte.wrapping_sub(b'0'))),
            5 => {
                self.line.special = byte == b'[';
                self.field = 6;
            }
            _ => {
                // `[heap]` is the process's own, and so is what it has named (`[anon:...]`).
                if matches!(byte, b'h' | b'a') && self.field == 6 && self.line.special {
                    self.line.special = false;
                }
                self.field = 7;
            }
        }
        None
    }

    fn end_field(&mut self) {
        match self.field {
            0 => self.line.end = self.number as usize,
            3 => self.device = self.number,
            4 if self.number != 0 => self.line.file = self.number ^ self.device.rotate_left(40),
            _ => {}
        }
        self.number = 0;
        self.field = (self.field + 1).min(7).min(if self.field == 4 { 5 } else { 7 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Line> {
        let mut reader = Reader::default();
        text.bytes().filter_map(|byte| reader.take(byte)).collect()
    }

    #[test]
    fn lines_are_read() {
        let text = "55d0-55e0 r-xp 00001000 fe:01 4711                       /usr/bin/a b\n\
                    55e0-55f0 rw-p 00000000 00:00 0 \n\
                    6000-7000 rw-p 00000000 00:00 0                          [heap]\n\
                    7000-8000 rw-s 00000000 00:01 42                         /memfd:x (deleted)\n\
                    8000-9000 r-xp 00000000 00:00 0                          [vdso]\n";
        let lines = lines(text);
        assert_eq!(lines.len(), 5);
        assert_eq!((lines[0].start, lines[0].end), (0x55d0, 0x55e0));
        assert!(lines[0].executable && !lines[0].shared && lines[0].file != 0 && !lines[0].special);
        assert!(!lines[1].executable && lines[1].file == 0 && !lines[1].special);
        assert!(lines[2].file == 0 && !lines[2].special, "the heap is not needed");
        assert!(lines[3].shared && lines[3].file != 0 && lines[3].file != lines[0].file);
        assert!(lines[4].special);
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init)] // one range is what is expected
    fn what_is_around_needed_addresses_is_kept_and_nothing_else_of_their_range() {
        let rest = |range: Range<usize>, needed: &[usize]| {
            let mut found = Vec::new();
            each_rest(range, needed, |rest| found.push(rest));
            found
        };
        let (start, end) = (1 << 30, 2 << 30);
        assert_eq!(rest(start..end, &[]), [start..end]);
        assert_eq!(rest(start..end, &[start]), [start + AROUND..end]);
        assert_eq!(rest(start..end, &[end - 8]), [start..(end - 8 - AROUND) / 4096 * 4096]);
        let middle = 3 << 29;
        assert_eq!(
            rest(start..end, &[middle, middle + 4096]),
            [start..middle - AROUND, middle + 4096 + AROUND..end]
        );
        assert_eq!(rest(start..start + 4096, &[start + 8]), []);
        assert_eq!(rest(start..end, &[start - 1, end]), [start..end], "of another range");
    }

    #[test]
    fn the_maps_of_this_process_are_understood() {
        let mut own_code = None;
        let mut stack = false;
        let local = 0_u8;
        each_line(|line| {
            assert!(line.start < line.end);
            if (line.start..line.end).contains(&(lines as *const () as usize)) {
                own_code = Some(line);
            }
            stack |= (line.start..line.end).contains(&(&raw const local as usize));
        });
        let code = own_code.expect("the test's own code is mapped");
        assert!(code.executable && code.file != 0 && !code.shared);
        assert!(stack);
    }
}
