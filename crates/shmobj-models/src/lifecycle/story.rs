//! Paths in words.

use stateright::Path;

use super::state::{Pid, State, Step, Task};
use super::{Action, DataKind, Descriptor, Lifecycle};

impl Lifecycle {
    /// Tells a path as one line for each action.
    pub fn tell(&self, path: Path<State, Action>) -> Vec<String> {
        let moments = path.into_vec();
        let steps = moments.windows(2).filter_map(|pair| Some((&pair[0].0, pair[0].1?, &pair[1].0)));
        steps.map(|(before, action, after)| self.line(before, action, after)).collect()
    }

    fn line(&self, before: &State, action: Action, after: &State) -> String {
        match action {
            Action::Begin(pid, task) => format!("{pid} begins to {}", verb(task)),
            Action::Fork { parent, child } => format!("{parent} forks {child}"),
            Action::Fail(pid) => {
                format!("{pid} fails to {} for a reason of its own", verb(before.process(pid).task))
            }
            Action::Close(pid) => format!("{pid} begins to close its handle"),
            Action::Step(pid) => {
                let (was, is) = (before.process(pid), after.process(pid));
                format!("{pid} ({}) {}; {}", verb(was.task), self.done(was.step), self.next(is.step))
            }
            Action::Kill(pid, first) => format!("{pid} is killed, and the kernel closes {}", name(first)),
            Action::Drop(pid, descriptor) => format!("{pid} has no more descriptor of {}", name(descriptor)),
        }
    }

    fn done(&self, step: Step) -> String {
        let text = match step {
            Step::Idle | Step::Hold | Step::Dying | Step::Inherited => "waits",
            Step::Open => "opens the name",
            Step::TryExclusive => "tries flock(EX)",
            Step::TakeShared => "tries flock(SH)",
            Step::CountLinks => "looks at the link count",
            Step::Search(place) => return format!("looks for the data {}", self.place(place)),
            Step::Recheck => "looks whether its inode is still linked",
            Step::UnlinkData => "unlinks the data file",
            Step::UnlinkEntry => "unlinks the entry",
            Step::LetGo => "closes its descriptor",
            Step::Make => "makes an entry, locked SH and not yet linked",
            Step::Link => "links the entry",
            Step::LinkData => "links the data file",
            Step::CloseHandle => "closes its handle's descriptor",
        };
        text.to_owned()
    }

    fn next(&self, step: Step) -> String {
        let text = match step {
            Step::Idle => "done",
            Step::Hold => "holds a handle",
            Step::Dying | Step::Inherited => "stops",
            Step::Open => "will open the name",
            Step::TryExclusive => "will try EX",
            Step::TakeShared => "somebody has a lock: will try SH",
            Step::CountLinks => "got SH",
            Step::Search(place) => return format!("will look for the data {}", self.place(place)),
            Step::Recheck => "will look whether its inode is still linked",
            Step::UnlinkData => "will unlink the data file",
            Step::UnlinkEntry => "will unlink the entry",
            Step::LetGo => "will let go",
            Step::Make => "there is none: will make one",
            Step::Link => "will link the entry",
            Step::LinkData => "will link the data file",
            Step::CloseHandle => "will close its handle's descriptor",
        };
        text.to_owned()
    }

    fn place(&self, place: Pid) -> String {
        match self.data {
            DataKind::Memfd => format!("among the descriptors of {place}"),
            DataKind::File => "in the directory".to_owned(),
            DataKind::Entry => "in the entry".to_owned(),
        }
    }
}

fn verb(task: Task) -> &'static str {
    match task {
        Task::None => "rest",
        Task::Create => "create",
        Task::Open => "open",
        Task::Close => "close",
        Task::Sweep => "sweep",
    }
}

fn name(descriptor: Descriptor) -> &'static str {
    match descriptor {
        Descriptor::Entry => "the entry",
        Descriptor::Data => "the data",
    }
}
