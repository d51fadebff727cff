//! The objects that this process holds, keyed by the entry's device and inode.
//!
//! However many handles a process has to an object, it holds one description (one lock), one set of data
//! descriptors and one mapping of the page. The map holds weak references: the handles keep the object.
//!
//! An inode number cannot be used again while we hold a description of it, so a live reference is never stale.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use super::Object;
use crate::sys::linux::namespace::FileKey;

type Held = HashMap<FileKey, Weak<Object>, BuildHasherDefault<InodeHasher>>;

static HELD: LazyLock<Mutex<Held>> = LazyLock::new(Mutex::default);

/// Inode numbers of a tmpfs are counted up, and nobody chooses them: spreading them is enough, and cheaper than the
/// hash that keeps strangers from choosing collisions.
#[derive(Default)]
struct InodeHasher(u64);

impl Hasher for InodeHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(32) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }
}

fn held() -> MutexGuard<'static, Held> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The object behind an entry, if this process holds it.
pub(super) fn find(key: FileKey) -> Option<Arc<Object>> {
    held().get(&key)?.upgrade()
}

/// Makes an object known. If another thread was first, its object is returned and ours is dropped.
pub(super) fn adopt(object: Object) -> Arc<Object> {
    let mut held = held();
    if let Some(first) = held.get(&object.key).and_then(Weak::upgrade) {
        drop(held); // dropping `object` takes the lock of the registry again
        return first;
    }
    let object = Arc::new(object);
    held.insert(object.key, Arc::downgrade(&object));
    object
}

/// Forgets an object that is being dropped, unless another one has taken its place.
pub(super) fn forget(object: &Object) {
    let mut held = held();
    if held.get(&object.key).is_some_and(|known| known.strong_count() == 0) {
        held.remove(&object.key);
    }
}
