//! The scenes about memory. Whatever is not as it should be ends the demo with an error.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{bail, ensure};
use shmobj::{Access, FileMapping};

use super::actor::Actor;
use super::evidence;
use super::peer::{COUNTER, INCREMENTS, NAME, NOTES, SIZE, Task};
use super::report::grouped;
use super::stage::Stage;
use crate::size;

/// How often freeing is measured, should other programs move the kernel's sum at the same time.
const MEASUREMENTS: usize = 5;

impl Stage<'_> {
    /// Tells them all.
    pub(super) fn memory_and_files(&mut self) -> anyhow::Result<()> {
        let mut writer = self.start("writer")?;
        let mut reader = self.start("reader")?;
        self.memory(&mut writer, &mut reader)?;
        self.file(&mut writer, &mut reader)?;
        self.one_is_killed(&mut writer, &mut reader)?;
        self.both_are_killed(&mut reader)?;
        self.nothing_is_left()
    }

    fn open(&self, name: &str) -> shmobj::Result<FileMapping> {
        FileMapping::options().namespace(&self.namespace).open(name, Access::READ)
    }

    fn memory<'a>(&mut self, writer: &mut Actor<'a>, reader: &mut Actor<'a>) -> anyhow::Result<()> {
        self.report.scene("Memory")?;
        self.perform(writer, Task::Create)?;
        let opened = self.perform(reader, Task::Open)?;
        ensure!(opened.contains(&writer.pid().to_string()), "the writer is not the creator");
        self.perform(writer, Task::Write)?;
        let read = self.perform(reader, Task::Read)?;
        ensure!(read.contains(&format!("process {}", writer.pid())), "the greeting is not the writer's");
        writer.begin(Task::Count)?;
        reader.begin(Task::Count)?;
        for actor in [writer, reader] {
            let text = actor.answer()?;
            self.report.verified(actor.role, actor.pid(), &format!("{text}, beside the other"))?;
        }
        let count = self.open(NAME)?.map()?.load::<AtomicU64>(COUNTER, Ordering::Relaxed)?;
        ensure!(count == 2 * INCREMENTS, "the counter says {count}: increments were lost");
        self.found(&format!("the counter says {}: none was lost", grouped(count)))
    }

    fn file(&mut self, writer: &mut Actor<'_>, reader: &mut Actor<'_>) -> anyhow::Result<()> {
        self.report.scene("A file")?;
        fs::write(self.home.notes(), "nobody has changed this line of plain text\n")?;
        let expected = format!("changed by {}", writer.pid());
        self.perform(writer, Task::ChangeFile)?;
        let seen = self.perform(reader, Task::SeeFile)?;
        ensure!(seen.contains(&expected), "the reader does not see the change");
        let text = fs::read_to_string(self.home.notes())?;
        ensure!(text.starts_with(&expected), "the file does not have the change: {text:?}");
        self.found(&format!("reads {:?} in the file, without mapping it", text.trim_end()))
    }

    fn one_is_killed(&mut self, writer: &mut Actor<'_>, reader: &mut Actor<'_>) -> anyhow::Result<()> {
        self.report.scene("SIGKILL, while the other still has the object")?;
        let id = self.namespace.inspect(NAME)?.id;
        let before = evidence::processes_with_memory(&id);
        ensure!(before == 2, "{before} processes have the memory instead of 2");
        writer.kill()?;
        let after = evidence::processes_with_memory(&id);
        ensure!(after == 1, "{after} processes have the memory instead of 1");
        self.found(&format!(
            "killed the writer, which had created {NAME:?}: now one process has the memory"
        ))?;
        self.perform(reader, Task::Check)?;
        for name in [NAME, NOTES] {
            ensure!(self.open(name)?.existed(), "{name:?} is not the object that it was");
        }
        self.found("whoever comes now still opens both by name")
    }

    fn both_are_killed(&mut self, reader: &mut Actor<'_>) -> anyhow::Result<()> {
        self.report.scene("SIGKILL, and nobody has it")?;
        let id = self.namespace.inspect(NAME)?.id;
        let before = evidence::shared_memory();
        reader.kill()?;
        self.found("killed the reader as well")?;
        let left = evidence::processes_with_memory(&id);
        ensure!(left == 0, "{left} processes still have the memory");
        let freed = match before {
            Some(before) => format!("the machine has {} less", size::human(self.freed(before)?)),
            None => "this kernel does not tell".to_owned(),
        };
        self.found(&format!("the memory is gone: no process has it; of shared memory, {freed}"))
    }

    /// By how much the machine's shared memory shrank when its last holder was killed. Measured again, with a new holder,
    /// where other programs spoil it.
    fn freed(&self, before: u64) -> anyhow::Result<u64> {
        if let Some(less) = evidence::drop_of_shared_memory(before, SIZE) {
            return Ok(less);
        }
        for _ in 1..MEASUREMENTS {
            let mut holder = self.start("holder")?;
            holder.begin(Task::Create)?;
            holder.answer()?;
            let before = evidence::shared_memory().unwrap_or(0);
            holder.kill()?;
            if let Some(less) = evidence::drop_of_shared_memory(before, SIZE) {
                return Ok(less);
            }
        }
        bail!("the kernel never counted {} less shared memory", size::human(SIZE))
    }

    fn nothing_is_left(&mut self) -> anyhow::Result<()> {
        self.are_free(&[NAME, NOTES])?;
        self.found("the names are free: looking for them finds nothing")?;
        let anew = FileMapping::options().namespace(&self.namespace).size(SIZE).create_new(NAME)?;
        let view = anew.map()?;
        let contents = view.read_vec(0, view.len())?;
        ensure!(contents.iter().all(|&byte| byte == 0), "the new object is not zeroed");
        self.found(&format!("created {NAME:?} anew: another object, {} of zeros", size::human(SIZE)))?;
        drop((view, anew));
        self.is_empty()?;
        self.found("closed it: the namespace directory is empty")
    }
}
