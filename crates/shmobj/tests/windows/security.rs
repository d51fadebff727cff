//! A `Security` is the object's access control list.

use super::*;

/// A security descriptor of the system, as text.
fn text_of(descriptor: PSECURITY_DESCRIPTOR, parts: OBJECT_SECURITY_INFORMATION) -> String {
    let (mut text, mut length) = (null_mut(), 0);
    // SAFETY: a descriptor of the system's; it allocates what it answers.
    let done = unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor,
            SDDL_REVISION_1,
            parts,
            &raw mut text,
            &raw mut length,
        )
    };
    assert_ne!(done, 0, "it is a descriptor");
    // SAFETY: so many units are there.
    let units = unsafe { std::slice::from_raw_parts(text, length as usize) };
    let string = String::from_utf16(units).unwrap().trim_end_matches('\0').to_owned();
    // SAFETY: both were allocated by the system for this.
    unsafe { LocalFree(text.cast()) };
    // SAFETY: as above.
    unsafe { LocalFree(descriptor) };
    string
}

/// A part of an object's descriptor.
fn shown(kind: Kind, name: &str, part: OBJECT_SECURITY_INFORMATION) -> String {
    let handle = raw_open(kind, READ_CONTROL, name).unwrap();
    let mut descriptor = null_mut();
    // SAFETY: the handle is open, and the answer the system's.
    let code = unsafe {
        GetSecurityInfo(
            handle.as_raw_handle(),
            SE_KERNEL_OBJECT,
            part,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    assert_eq!(code, 0);
    text_of(descriptor, part)
}

/// The text in the form in which the system writes it.
fn as_the_system_writes(text: &str) -> String {
    let (text, mut descriptor) = (wide(text), null_mut());
    // SAFETY: the text ends with 0; the system allocates what it answers.
    let done = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    };
    assert_ne!(done, 0);
    text_of(descriptor, DACL_SECURITY_INFORMATION)
}

/// This process's user, as text.
fn own_user() -> String {
    let mut token = null_mut();
    // SAFETY: has no preconditions.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: asks for this process's own token.
    assert_ne!(unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) }, 0);
    // SAFETY: just opened.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    let (mut answer, mut needed) = ([0_usize; 16], 0);
    // SAFETY: the system writes at most so many bytes.
    let told = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            answer.as_mut_ptr().cast(),
            128,
            &raw mut needed,
        )
    };
    assert_ne!(told, 0);
    let mut text = null_mut();
    // SAFETY: the answer begins with the pointer to an identifier in the same buffer.
    assert_ne!(unsafe { ConvertSidToStringSidW(with_exposed_provenance_mut(answer[0]), &raw mut text) }, 0);
    let mut units = Vec::new();
    // SAFETY: the text ends with 0.
    while let unit @ 1.. = unsafe { text.wrapping_add(units.len()).read() } {
        units.push(unit);
    }
    String::from_utf16(&units).unwrap()
}

#[test]
fn a_security_is_the_objects_access_control_list() {
    let [users, guests]: [Sid; 2] = ["S-1-5-32-545", "S-1-5-32-546"].map(|sid| sid.parse().unwrap());
    let list = |mode| {
        Security::mode(mode)
            .grant(Principal::Sid(users), Access::SYNCHRONIZE | Access::MODIFY | Access::READ_WRITE)
            .grant(Principal::Sid(guests), Access::empty())
    };
    for (mode, group, everyone) in [(0o640, true, false), (0o604, false, true), (0o600, false, false)] {
        for kind in [Kind::Event, Kind::FileMapping, Kind::Job] {
            let name = unique();
            let _made: AnyHandle = match kind {
                Kind::Event => Event::options().security(list(mode)).create(&name).unwrap().into(),
                Kind::Job => Job::options().security(list(mode)).create(&name).unwrap().into(),
                _ => FileMapping::options().size(1).security(list(mode)).create(&name).unwrap().into(),
            };
            let owner = shown(kind, &name, OWNER_SECURITY_INFORMATION).split_off(2);
            let primary = shown(kind, &name, GROUP_SECURITY_INFORMATION).split_off(2);
            let (all, reads, writes) = match kind {
                Kind::Event => ("0x1f0003", "0x120001", "0x120003"),
                Kind::Job => ("0x1f003f", "0x120004", "0x120006"),
                _ => ("0xf001f", "0x20005", "0x20007"),
            };
            let user = own_user();
            let owner = if owner == user { String::new() } else { format!("(A;;{all};;;{owner})") };
            let mut expected =
                format!("D:P(A;;{all};;;{user}){owner}(A;;{all};;;S-1-5-18)(D;;{all};;;S-1-5-32-546)");
            if group {
                expected += &format!("(A;;{reads};;;{primary})");
            }
            if everyone {
                expected += &format!("(A;;{reads};;;S-1-1-0)");
            }
            expected += &format!("(A;;{writes};;;S-1-5-32-545)");
            let found = shown(kind, &name, DACL_SECURITY_INFORMATION);
            assert_eq!(found, as_the_system_writes(&expected), "{kind} {mode:o}");
        }
    }
}

/// AE-10: and it stays the one of the create that made the object.
#[test]
fn another_security_of_an_object_that_exists_is_ignored() {
    let name = unique();
    let _first = Event::options().security(Security::mode(0o604)).create(&name).unwrap();
    let before = shown(Kind::Event, &name, DACL_SECURITY_INFORMATION);
    let again = Event::options().security(Security::mode(0o666)).create(&name).unwrap();
    assert!(again.existed());
    assert_eq!(shown(Kind::Event, &name, DACL_SECURITY_INFORMATION), before);
    assert!(before.contains("WD") || before.contains("S-1-1-0"), "everybody may wait: {before}");
}
