//! Names of users.

/// The user's name, from wherever the system keeps them; `None` for a number that has none.
pub(crate) fn name(uid: u32) -> Option<String> {
    Some(uzers::get_user_by_uid(uid)?.name().to_string_lossy().into_owned())
}

/// The user as people read it.
pub(crate) fn shown(uid: u32) -> String {
    match name(uid) {
        Some(name) => format!("{} ({uid})", crate::output::shown(&name)),
        None => uid.to_string(),
    }
}
