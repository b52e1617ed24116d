//! JSON that is read as strictly as the schema says. serde alone takes more: null for what is absent, a list for a map
//! of known keys, a map for a word. What `cdk synth` refuses the function must refuse too, or there are two policies in
//! one file.

use std::iter::Enumerate;
use std::vec;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, map};

use super::shape::{ShapeError, Step, Wrong};

/// Each value in the one form that the schema has for it. Its errors know where they stand.
pub(super) struct Strict(pub(super) Value);

impl<'de> Deserializer<'de> for Strict {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(whole), _, _) => visitor.visit_u64(whole),
                (_, Some(whole), _) => visitor.visit_i64(whole),
                (_, _, Some(broken)) => visitor.visit_f64(broken),
                _ => Err(ShapeError::custom(format_args!("{number} is no number that can be read"))),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter().enumerate())),
            Value::Object(entries) => visitor.visit_map(Entries::of(entries)),
        }
    }

    /// A key that is there has a value: null is none.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        if self.0.is_object() {
            self.deserialize_any(visitor)
        } else {
            Err(ShapeError::custom(format_args!("must be a map of keys (found {})", self.0)))
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(IntoDeserializer::<ShapeError>::into_deserializer(word)),
            other => Err(ShapeError::new(Wrong::UnknownWord { word: other.to_string(), known })),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// The items of a list. Our types read lists to their ends: none is a tuple.
struct Items(Enumerate<vec::IntoIter<Value>>);

impl<'de> SeqAccess<'de> for Items {
    type Error = ShapeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ShapeError> {
        let Some((index, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(Strict(item)).map(Some).map_err(|error| error.under(Step::Item(index)))
    }
}

/// The entries of a map.
struct Entries {
    rest: map::IntoIter,
    /// The entry whose key was read, and its value not yet.
    open: Option<(String, Value)>,
}

impl Entries {
    fn of(entries: Map<String, Value>) -> Self {
        Self { rest: entries.into_iter(), open: None }
    }
}

impl<'de> MapAccess<'de> for Entries {
    type Error = ShapeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ShapeError> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.open = Some((key.clone(), value));
        let read = seed.deserialize(IntoDeserializer::<ShapeError>::into_deserializer(key.clone()));
        read.map(Some).map_err(|error| error.of_key(key))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ShapeError> {
        let (key, value) = self.open.take().ok_or_else(|| ShapeError::custom("a value without its key"))?;
        seed.deserialize(Strict(value)).map_err(|error| error.under(Step::Key(key)))
    }
}
