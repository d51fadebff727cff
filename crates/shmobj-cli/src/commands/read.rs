//! `shmobj read`: the bytes of a mapping on stdout.

use std::io::Write as _;
use std::process::ExitCode;

use shmobj::{Access, FileMapping};

use crate::{Place, size};

/// Bytes copied at a time: large enough for the speed of memory, small enough for any machine.
const CHUNK: usize = 256 << 10;

/// Writes the bytes of a file mapping to stdout.
#[derive(Debug, clap::Args)]
pub(crate) struct Read {
    /// The mapping, which somebody has to hold.
    name: String,
    /// Where to start, in bytes or as 4K, 64M, 1GiB.
    #[arg(long, value_name = "N", default_value = "0", value_parser = size::parse)]
    offset: u64,
    /// How much to read; to the end of the mapping without it.
    #[arg(long, value_name = "N", value_parser = size::parse)]
    len: Option<u64>,
}

impl Read {
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let mapping = FileMapping::options().namespace(&place.namespace).open(&self.name, Access::READ)?;
        let mut options = mapping.view().offset(self.offset);
        if let Some(len) = self.len {
            options = options.len(len);
        }
        let view = options.map()?;
        let mut out = std::io::stdout().lock();
        let mut buffer = vec![0; CHUNK.min(view.len())];
        let mut done = 0;
        while done < view.len() {
            let chunk = buffer.len().min(view.len() - done);
            view.read_at(done, &mut buffer[..chunk])?;
            out.write_all(&buffer[..chunk])?;
            done += chunk;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}
