//! `shmobj inherited`: what was handed to this process when it was started.

use std::process::ExitCode;

use serde::Serialize;
use shmobj::transfer::{self, AnyHandle};

use crate::output;
use crate::rights::Sort;

/// Shows the handles that this process has inherited: those of the shell that starts it.
///
/// --json prints [{"role", "kind", "name", "access"}]; the name of an unnamed object is null. Ends with 1 if one of
/// them cannot be used, and says why. Roles whose descriptors a program in between has closed or replaced are not shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Inherited {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A handle that was inherited.
#[derive(Debug, Serialize)]
struct Description {
    role: String,
    kind: String,
    /// As other commands take it; null if it has none.
    name: Option<String>,
    access: String,
}

impl Inherited {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut handles = Vec::new();
        let mut code = ExitCode::SUCCESS;
        for role in transfer::roles() {
            match transfer::inherited::<AnyHandle>(&role) {
                Ok(handle) => handles.push(Description::new(role, &handle)),
                Err(error) => {
                    output::message(&error.to_string());
                    code = ExitCode::FAILURE;
                }
            }
        }
        if self.json {
            output::json(&handles)?;
        } else if !handles.is_empty() {
            let header = ["ROLE", "KIND", "NAME", "ACCESS"].map(String::from).to_vec();
            output::table(std::iter::once(header).chain(handles.iter().map(Description::row)))?;
        }
        Ok(code)
    }
}

impl Description {
    fn new(role: String, handle: &AnyHandle) -> Self {
        let name = handle.name();
        Self {
            role,
            kind: handle.kind().to_string().replace(' ', "_"),
            name: (!name.is_empty()).then(|| name.to_owned()),
            access: Sort::of(handle.kind()).shown(handle.access()).replace('-', "_"),
        }
    }

    fn row(&self) -> Vec<String> {
        vec![
            output::shown(&self.role),
            self.kind.replace('_', " "),
            self.name.as_deref().map_or("-".into(), output::shown),
            self.access.replace('_', "-"),
        ]
    }
}
