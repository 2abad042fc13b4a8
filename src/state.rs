//! Values by their type, which the author of a bot shares with its handlers.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// One value of each type. Cheap to clone; all clones share the values.
#[derive(Clone, Default)]
pub struct State {
    values: HashMap<TypeId, Value>,
    /// The types that were given more than once, so that only one value could be found.
    repeated: Vec<&'static str>,
}

#[derive(Clone)]
struct Value {
    of: &'static str,
    value: Arc<dyn Any + Send + Sync>,
}

impl State {
    pub fn put<T: Send + Sync + 'static>(&mut self, value: T) {
        self.insert(TypeId::of::<T>(), Value { of: type_name::<T>(), value: Arc::new(value) });
    }

    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.values.get(&TypeId::of::<T>())?.value).downcast().ok()
    }

    /// Adds the values of another one.
    pub fn extend(&mut self, other: State) {
        self.repeated.extend(other.repeated);
        for (id, value) in other.values {
            self.insert(id, value);
        }
    }

    /// The types of which there is more than one value.
    pub fn repeated(&self) -> &[&'static str] {
        &self.repeated
    }

    fn insert(&mut self, id: TypeId, value: Value) {
        let of = value.of;
        if self.values.insert(id, value).is_some() {
            self.repeated.push(of);
        }
    }
}

/// Shows only the types, since a value may contain a secret.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.values().map(|value| value.of)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_type_and_a_second_one_of_it_is_noticed() {
        let mut state = State::default();
        state.put(7_u32);
        state.put("seven");
        assert_eq!((state.get::<u32>().as_deref(), state.get::<u64>()), (Some(&7), None));
        assert!(state.repeated().is_empty());
        let mut other = State::default();
        other.put(8_u32);
        state.extend(other);
        assert_eq!(state.repeated(), ["u32"]);
    }
}
