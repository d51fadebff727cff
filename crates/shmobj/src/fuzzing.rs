//! The parsers that read what strangers wrote, for the fuzz targets in `fuzz/`.

use crate::error::Attempt;
use crate::kind::Kind;
use crate::name::{Name, Scope};
use crate::sys::linux::namespace::filename;
use crate::sys::linux::object::page::{Frozen, HEAD_BYTES, Header, Id, Image, Storage};
use crate::sys::transfer::{environment, unpack};
use crate::transfer::AnyHandle;

/// Reads bytes as an entry: as they are, and once more behind a beginning that an entry has.
pub fn entry(bytes: &[u8]) {
    read_entry(bytes);
    let good = beginning();
    if let Some(rest) = bytes.get(good.len()..) {
        read_entry(&[&good, rest].concat());
    }
}

/// Magic, version, kind and id of a file mapping.
fn beginning() -> Vec<u8> {
    let header = Header {
        kind: Kind::FileMapping,
        id: Id::default(),
        created: 0,
        creator_pid: 0,
        creator_uid: 0,
        command: "".into(),
        storage: Storage::Memfd,
        size: 1,
        data_dev: 0,
        data_ino: 0,
        protection: 4,
        flags: 0,
    };
    Image::new(&header, 4096, "n", b"", None, None).bytes()[..80].to_vec()
}

/// All the way to its texts.
fn read_entry(bytes: &[u8]) {
    let _ = Frozen::parse(bytes);
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    assert!(Header::hints(head).count() <= 64);
    if let Ok((header, texts)) = Header::parse(head, bytes.len() as u64, 4096) {
        assert!(header.size <= i64::MAX as u64);
        let overflow = bytes.get(4096..).unwrap_or_default();
        let overflow = &overflow[..overflow.len().min(texts.overflow())];
        if let Ok((name, path)) = texts.read(head, overflow) {
            assert!(texts.name_is(&name, head, overflow));
            // What was read can be written, and reads the same.
            let image = Image::new(&header, 4096, &name, &path, None, None);
            let image = image.bytes();
            let again = Header::parse(&image[..HEAD_BYTES], image.len() as u64, 4096).expect("our own image");
            assert_eq!(again.0.size, header.size);
        }
    }
}

/// Reads a name, and turns it into a file's name and back.
pub fn name(name: &str) {
    let attempt = Attempt { verb: "open", subject: Kind::FileMapping.as_str(), name };
    if let Ok(Some(parsed)) = Name::parse(&attempt) {
        let file = filename::encode(parsed.scope, parsed.base);
        assert!(file.as_bytes().len() <= 255 && !file.as_bytes().contains(&b'/'));
        let decoded = filename::decode(parsed.scope, file.as_bytes()).expect("our own name");
        assert!(if decoded.whole {
            decoded.name == parsed.base
        } else {
            parsed.base.starts_with(&decoded.name)
        });
    }
    let _ = filename::decode(Scope::Local, name.as_bytes());
    let _ = filename::decode(Scope::Global, name.as_bytes());
}

/// Takes all that a text in the environment promises.
pub fn inherited(text: &str) -> Vec<crate::Result<AnyHandle>> {
    let attempt = Attempt { verb: "take the inherited", subject: "handle", name: "" };
    let carried = environment::all_of(text);
    carried.into_iter().map(|carried| unpack(&attempt, carried).map(AnyHandle::from)).collect()
}
