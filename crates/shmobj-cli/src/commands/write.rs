//! `shmobj write`: stdin into a mapping.

use std::io::{IsTerminal as _, Read as _, StdinLock};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressStyle};
use shmobj::{Access, Allocation, FileMapping};

use crate::{Place, size};

/// Bytes copied at a time.
const CHUNK: usize = 256 << 10;

/// Writes stdin into a file mapping, until it ends.
///
/// More input than fits is an error, which says how much was written. Reserved memory is committed as far as it is
/// written. On a terminal, progress is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Write {
    /// The mapping, which somebody has to hold.
    name: String,
    /// Where to start, in bytes or as 4K, 64M, 1GiB.
    #[arg(long, value_name = "N", default_value = "0", value_parser = size::parse)]
    offset: u64,
}

impl Write {
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let mapping = FileMapping::options().namespace(&place.namespace).open(&self.name, Access::WRITE)?;
        let view = mapping.view().offset(self.offset).map_mut()?;
        let reserved = mapping.allocation() == Allocation::Reserve;
        let mut input = std::io::stdin().lock();
        let progress = progress(&input);
        let mut buffer = vec![0; CHUNK];
        let mut written = 0;
        loop {
            let bytes = input.read(&mut buffer).map_err(|error| anyhow!("cannot read the input: {error}"))?;
            if bytes == 0 {
                break;
            }
            let fits = bytes.min(view.len() - written);
            if reserved && fits > 0 {
                view.commit(written, fits)?;
            }
            view.write_at(written, &buffer[..fits])?;
            written += fits;
            progress.set_position(written as u64);
            if fits < bytes {
                progress.finish_and_clear();
                return Err(anyhow!(
                    "cannot write file mapping {:?}: the input is longer than the {} bytes from offset {} to its \
                     end; {written} bytes were written",
                    self.name,
                    view.len(),
                    self.offset,
                ));
            }
        }
        progress.finish_and_clear();
        Ok(ExitCode::SUCCESS)
    }
}

/// Progress on stderr, where that is a terminal and nobody types the input there; against the length of the input
/// where it has one.
fn progress(input: &StdinLock<'_>) -> ProgressBar {
    if input.is_terminal() {
        return ProgressBar::hidden();
    }
    let length = rustix::fs::fstat(input.as_fd()).map_or(0, |stat| stat.st_size);
    let (bar, template) = match u64::try_from(length) {
        Ok(length @ 1..) => {
            (ProgressBar::new(length), "{bytes} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta} left")
        }
        _ => (ProgressBar::new_spinner(), "{spinner} {bytes}, {bytes_per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
