//! Which functions the instructions of a path are in.

use std::collections::BTreeMap;
use std::process::Command;

use super::{paths, step};

/// Prints each function with its instructions per operation; what is inlined counts for the function that it is in, and the stops are in it.
pub(crate) fn print(name: &str) {
    let path = paths::PATHS.iter().find(|path| path.name.contains(name)).expect("a path of this name");
    let mut addresses: BTreeMap<u64, u32> = BTreeMap::new();
    let mut maps = String::new();
    let total = step::count(path.name, path.iterations, |process, address| {
        if maps.is_empty() {
            maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("its maps");
        }
        *addresses.entry(address).or_default() += 1;
    });
    let mut functions: BTreeMap<String, u32> = BTreeMap::new();
    for (address, count) in addresses {
        *functions.entry(function_at(&maps, address)).or_default() += count;
    }
    let mut functions: Vec<(String, u32)> = functions.into_iter().collect();
    functions.sort_by_key(|function| std::cmp::Reverse(function.1));
    println!("{}: {total:.1} instructions", path.name);
    for (function, count) in functions {
        println!("{:>10.1}  {function}", f64::from(count) / f64::from(path.iterations + 1));
    }
}

/// The function, or the file where it has no name.
fn function_at(maps: &str, address: u64) -> String {
    let mut start = None;
    for line in maps.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [range, _, offset, _, _, file] = fields[..] else { continue };
        let Some((from, to)) = range.split_once('-') else { continue };
        let number = |text| u64::from_str_radix(text, 16).expect("a number");
        if offset == "00000000" {
            start = Some(number(from));
        }
        if (number(from)..number(to)).contains(&address) {
            let place = format!("{:#x}", address - start.unwrap_or_default());
            let output = Command::new("addr2line").args(["-f", "-C", "-e", file, &place]).output();
            let text =
                output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            let name = text.lines().next().unwrap_or("??");
            return if name == "??" { file.into() } else { name.into() };
        }
    }
    "the kernel's page".into()
}
