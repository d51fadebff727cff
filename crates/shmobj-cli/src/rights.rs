//! Rights as people write and read them.

use shmobj::{Access, Grant, Kind, Principal, Security};

use crate::users;

/// What has the same rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Mapping,
    Synchronization,
    Job,
}

/// The words for the rights of a sort, the strongest first: a handle or a user is shown with the first one that fits.
type Words = [(&'static str, Access)];

const USE: Access = Access::SYNCHRONIZE.union(Access::MODIFY);
const USE_OF_JOB: Access = USE.union(Access::ASSIGN).union(Access::TERMINATE);

const OF_MAPPINGS: &Words = &[
    ("read-write", Access::READ_WRITE),
    ("write", Access::WRITE),
    ("read", Access::READ),
    ("query", Access::QUERY),
    ("none", Access::empty()),
];

const OF_SYNCHRONIZATION: &Words = &[
    ("use", USE),
    ("wait", Access::SYNCHRONIZE),
    ("signal", Access::MODIFY),
    ("query", Access::QUERY),
    ("none", Access::empty()),
];

const OF_JOBS: &Words = &[
    ("use", USE_OF_JOB),
    ("terminate", Access::TERMINATE),
    ("assign", Access::ASSIGN),
    ("modify", Access::MODIFY),
    ("wait", Access::SYNCHRONIZE),
    ("query", Access::QUERY),
    ("none", Access::empty()),
];

impl Sort {
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::FileMapping => Self::Mapping,
            Kind::Job => Self::Job,
            _ => Self::Synchronization,
        }
    }

    /// All rights that objects of this sort have.
    pub(crate) fn rights(self) -> Access {
        match self {
            Self::Mapping => Access::QUERY | Access::READ_WRITE,
            Self::Synchronization => Access::QUERY | USE,
            Self::Job => Access::QUERY | USE_OF_JOB,
        }
    }

    /// Some rights in a word: the strongest of them, which brings the weaker ones.
    pub(crate) fn shown(self, access: Access) -> &'static str {
        self.words().iter().find(|(_, rights)| access.contains(*rights)).map_or("none", |(word, _)| word)
    }

    /// What to write for the rights of this sort.
    pub(crate) fn choice(self) -> &'static str {
        match self {
            Self::Mapping => "read, write, query or all",
            Self::Synchronization => "wait, signal, use, query or all",
            Self::Job => "terminate, assign, modify, wait, use, query or all",
        }
    }

    fn words(self) -> &'static Words {
        match self {
            Self::Mapping => OF_MAPPINGS,
            Self::Synchronization => OF_SYNCHRONIZATION,
            Self::Job => OF_JOBS,
        }
    }

    fn named(self) -> &'static str {
        match self {
            Self::Mapping => "file mappings",
            Self::Synchronization => "synchronization objects",
            Self::Job => "jobs",
        }
    }

    /// The rights that a word stands for.
    fn meant_by(self, word: &str) -> Option<Access> {
        match (self, word) {
            (_, "all") => Some(self.rights()),
            // As with files, who writes may read: memory cannot be mapped for writing alone.
            (Self::Mapping, "write") => Some(Access::READ_WRITE),
            (Self::Synchronization, "modify") => Some(Access::MODIFY),
            _ => self.words().iter().find(|(known, _)| *known == word).map(|(_, rights)| *rights),
        }
    }

    /// Reads one of `--allow user:NAME:RIGHTS`.
    fn parse_grant(self, text: &str) -> Result<Grant, String> {
        let parts: Vec<&str> = text.splitn(3, ':').collect();
        let [sort, name, words] = parts[..] else {
            return Err("write user:NAME:RIGHTS or group:NAME:RIGHTS".into());
        };
        let number = || name.parse::<u32>().ok();
        let who = match sort {
            "user" => users::uid(name).or_else(number).map(Principal::User),
            "group" => users::gid(name).or_else(number).map(Principal::Group),
            _ => return Err(format!("{sort:?} is neither user nor group")),
        };
        let who = who.ok_or_else(|| format!("there is no {sort} {name:?}"))?;
        if words != "none" && words.split(',').any(|word| word == "none") {
            return Err("\"none\" denies everything: write it alone".into());
        }
        let access = words.split(',').try_fold(Access::empty(), |access, word| {
            self.meant_by(word).map(|right| access | right).ok_or_else(|| {
                format!("{word:?} is no right to {}: write {}, or none", self.named(), self.choice())
            })
        })?;
        Ok(Grant { who, access })
    }
}

/// Reads a grant of a file mapping.
pub(crate) fn mapping_grant(text: &str) -> Result<Grant, String> {
    Sort::Mapping.parse_grant(text)
}

/// Reads a grant of a synchronization object.
pub(crate) fn synchronization_grant(text: &str) -> Result<Grant, String> {
    Sort::Synchronization.parse_grant(text)
}

/// Reads a grant of a job.
pub(crate) fn job_grant(text: &str) -> Result<Grant, String> {
    Sort::Job.parse_grant(text)
}

/// Reads the rights of a handle to an object whose kind is not known yet.
pub(crate) fn of_any_kind(text: &str) -> Result<Access, String> {
    let sorts = [Sort::Mapping, Sort::Synchronization, Sort::Job];
    let access = text.split(',').try_fold(Access::empty(), |access, word| {
        let meant = sorts.iter().filter_map(|sort| sort.meant_by(word)).reduce(Access::union);
        meant.filter(|right| !right.is_empty()).map(|right| access | right)
    });
    let say = || {
        let [mappings, others, jobs] = sorts.map(Sort::choice);
        format!("write {others}; of file mappings {mappings}; of jobs {jobs}")
    };
    access.ok_or_else(say)
}

/// Who may open an object.
pub(crate) fn security(mode: u32, allow: &[Grant]) -> Security {
    allow.iter().fold(Security::mode(mode), |security, grant| match grant.who {
        Principal::User(uid) => security.user(uid, grant.access),
        Principal::Group(gid) => security.group(gid, grant.access),
        _ => security,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(sort: Sort, words: &str) -> Access {
        sort.parse_grant(&format!("user:4711:{words}")).unwrap().access
    }

    #[test]
    fn each_sort_has_its_words() {
        for (word, access) in [
            ("read", Access::READ),
            ("write", Access::READ_WRITE),
            ("read-write", Access::READ_WRITE),
            ("query", Access::QUERY),
            ("all", Access::QUERY | Access::READ_WRITE),
            ("none", Access::empty()),
            ("query,read", Access::QUERY | Access::READ),
        ] {
            assert_eq!(allowed(Sort::Mapping, word), access, "{word}");
        }
        for (word, access) in [
            ("wait", Access::SYNCHRONIZE),
            ("signal", Access::MODIFY),
            ("modify", Access::MODIFY),
            ("use", Access::SYNCHRONIZE | Access::MODIFY),
            ("wait,signal", Access::SYNCHRONIZE | Access::MODIFY),
            ("query", Access::QUERY),
            ("all", Access::QUERY | Access::SYNCHRONIZE | Access::MODIFY),
            ("none", Access::empty()),
        ] {
            assert_eq!(allowed(Sort::Synchronization, word), access, "{word}");
        }
        for (word, access) in [
            ("terminate", Access::TERMINATE),
            ("assign", Access::ASSIGN),
            ("modify,wait", Access::MODIFY | Access::SYNCHRONIZE),
            ("use", USE_OF_JOB),
            ("all", Access::QUERY | USE_OF_JOB),
        ] {
            assert_eq!(allowed(Sort::Job, word), access, "{word}");
        }
        assert!(Sort::Job.parse_grant("user:1:signal").is_err(), "a job is not signaled by its users");
    }

    #[test]
    fn users_and_groups_are_names_or_numbers() {
        let who = |text| mapping_grant(text).unwrap().who;
        assert_eq!(who("user:root:read"), Principal::User(0));
        assert_eq!(who("group:root:read"), Principal::Group(0));
        assert_eq!(who("user:0:read"), Principal::User(0));
        assert_eq!(who("group:4294967294:read"), Principal::Group(4_294_967_294));
    }

    #[test]
    fn what_is_no_grant_is_refused_with_the_reason() {
        let refusal = |text| mapping_grant(text).unwrap_err();
        assert_eq!(refusal("user:no such user:read"), r#"there is no user "no such user""#);
        assert_eq!(refusal("group:no such group:read"), r#"there is no group "no such group""#);
        assert_eq!(refusal("user:4294967296:read"), r#"there is no user "4294967296""#);
        assert_eq!(refusal("everybody:root:read"), r#""everybody" is neither user nor group"#);
        assert_eq!(refusal("root:read"), "write user:NAME:RIGHTS or group:NAME:RIGHTS");
        assert_eq!(
            refusal("user:root:wait"),
            r#""wait" is no right to file mappings: write read, write, query or all, or none"#
        );
        assert!(refusal("user:root:").starts_with(r#""" is no right"#));
        let refusal = synchronization_grant("user:root:read").unwrap_err();
        assert!(
            refusal.starts_with(r#""read" is no right to synchronization objects: write wait, "#),
            "{refusal}"
        );
    }

    #[test]
    fn rights_are_shown_by_the_strongest() {
        let (mapping, synchronization) = (Sort::Mapping, Sort::Synchronization);
        assert_eq!(mapping.shown(Access::ALL), "read-write");
        assert_eq!(mapping.shown(Access::READ | Access::QUERY), "read");
        assert_eq!(mapping.shown(Access::QUERY), "query");
        assert_eq!(mapping.shown(Access::empty()), "none");
        assert!(mapping_grant("user:1:all,none").is_err() && mapping_grant("user:1:none,read").is_err());
        assert_eq!(synchronization.shown(Access::ALL), "use");
        assert_eq!(synchronization.shown(Access::SYNCHRONIZE | Access::QUERY), "wait");
        assert_eq!(synchronization.shown(Access::MODIFY), "signal");
        assert_eq!(synchronization.shown(Access::QUERY), "query");
        assert_eq!(Sort::Job.shown(Access::ALL), "use");
        assert_eq!(Sort::Job.shown(Access::ASSIGN | Access::QUERY), "assign");
    }

    #[test]
    fn rights_for_several_kinds_are_given_together() {
        assert_eq!(of_any_kind("all"), Ok(Access::ALL));
        assert_eq!(of_any_kind("query"), Ok(Access::QUERY));
        assert_eq!(of_any_kind("read,wait"), Ok(Access::READ | Access::SYNCHRONIZE));
        assert_eq!(of_any_kind("use"), Ok(USE_OF_JOB));
        assert!(of_any_kind("none").is_err() && of_any_kind("").is_err() && of_any_kind("rw").is_err());
    }

    #[test]
    fn grants_become_the_security_of_an_object() {
        let security =
            security(0o640, &[mapping_grant("user:1:read").unwrap(), mapping_grant("group:2:none").unwrap()]);
        let expected = Security::mode(0o640).user(1, Access::READ).group(2, Access::empty());
        assert_eq!(security, expected);
    }
}
