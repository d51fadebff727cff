//! Who holds an object, and who may, as `ls`, `stat` and their `--json` describe it.

use serde::Serialize;
use shmobj::{Grant, Holder, Kind, Principal};

use crate::rights::Sort;
use crate::{output, users};

/// A process that holds an object.
#[derive(Debug, Serialize)]
pub(crate) struct HolderDescription {
    pub(crate) pid: u32,
    pub(crate) command: String,
    /// What its descriptors permit: of mappings `read` or `read_write`, null if it has no data; of other kinds `query` or `use`.
    pub(crate) access: Option<String>,
}

/// What somebody may do.
#[derive(Debug, Serialize)]
pub(crate) struct GrantDescription {
    /// `user` or `group`.
    pub(crate) who: &'static str,
    pub(crate) id: u32,
    /// Null for a number that has no name here.
    pub(crate) name: Option<String>,
    /// `query`, `read`, `read_write`; of what is no mapping `query` or `use`; `none` is a denial.
    pub(crate) access: String,
}

impl HolderDescription {
    pub(crate) fn new(kind: Kind, holder: &Holder) -> Self {
        let access =
            (!holder.access.is_empty()).then(|| Sort::of(kind).shown(holder.access).replace('-', "_"));
        Self { pid: holder.pid, command: holder.command.clone(), access }
    }
}

impl GrantDescription {
    pub(crate) fn new(kind: Kind, grant: &Grant) -> Self {
        let (who, id, name) = match grant.who {
            Principal::User(uid) => ("user", uid, users::name(uid)),
            Principal::Group(gid) => ("group", gid, users::group_name(gid)),
            _ => ("unknown", u32::MAX, None),
        };
        Self { who, id, name, access: Sort::of(kind).shown(grant.access).replace('-', "_") }
    }

    /// The grant as `shmobj hold --allow` takes it.
    pub(crate) fn shown(&self) -> String {
        let name = self.name.as_deref().map_or_else(|| self.id.to_string(), output::shown);
        format!("{}:{name}:{}", self.who, self.access.replace('_', "-"))
    }
}
