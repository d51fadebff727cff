//! Names of users and groups.

/// The user's name, from wherever the system keeps them; `None` for a number that has none.
pub(crate) fn name(uid: u32) -> Option<String> {
    Some(uzers::get_user_by_uid(uid)?.name().to_string_lossy().into_owned())
}

/// The group's name.
pub(crate) fn group_name(gid: u32) -> Option<String> {
    Some(uzers::get_group_by_gid(gid)?.name().to_string_lossy().into_owned())
}

/// The number of a user.
pub(crate) fn uid(name: &str) -> Option<u32> {
    Some(uzers::get_user_by_name(name)?.uid())
}

/// The number of a group.
pub(crate) fn gid(name: &str) -> Option<u32> {
    Some(uzers::get_group_by_name(name)?.gid())
}

/// The user as people read it.
pub(crate) fn shown(uid: u32) -> String {
    match name(uid) {
        Some(name) => format!("{} ({uid})", crate::output::shown(&name)),
        None => uid.to_string(),
    }
}
