//! A value that many states share and that is hashed once.

use std::fmt::{self, Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// A value that does not change. What the core and the engine hold has no hash of its own; it is hashed by what its
/// `Debug` writes, which leaves nothing out that two states may differ in.
pub struct Sealed<T>(Arc<Inner<T>>);

struct Inner<T> {
    value: T,
    digest: OnceLock<u64>,
}

impl<T: Debug> Sealed<T> {
    /// Seals a value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Inner { value, digest: OnceLock::new() }))
    }

    fn digest(&self) -> u64 {
        *self.0.digest.get_or_init(|| {
            let mut digest = Digest(DefaultHasher::new());
            // Writing to a hasher does not fail.
            let _ = write!(digest, "{:?}", self.0.value);
            digest.0.finish()
        })
    }
}

impl<T: Debug + Clone> Sealed<T> {
    /// Seals what becomes of a copy, and hands out what the change answers.
    pub fn change<A>(&mut self, change: impl FnOnce(&mut T) -> A) -> A {
        let mut value = self.0.value.clone();
        let answer = change(&mut value);
        *self = Self::new(value);
        answer
    }
}

impl<T> std::ops::Deref for Sealed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Debug> Hash for Sealed<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest().hash(state);
    }
}

impl<T: Debug> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.digest() == other.digest()
    }
}

/// What is sealed inside of another sealed value is not written out again.
impl<T: Debug> Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.digest())
    }
}

struct Digest(DefaultHasher);

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
