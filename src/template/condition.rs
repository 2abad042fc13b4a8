//! Takes a condition apart at its `or`, `and` and `not`. Each part is evaluated alone, so that a value that is not there
//! makes its own part false, and not the whole.

/// A condition. A term is an expression without `or`, `and` and `not` outside of brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition<T> {
    Any(Vec<Condition<T>>),
    All(Vec<Condition<T>>),
    Not(Box<Condition<T>>),
    Term(T),
}

impl<T> Condition<T> {
    /// Makes something of each term.
    pub fn try_map<U, E>(self, make: &mut impl FnMut(T) -> Result<U, E>) -> Result<Condition<U>, E> {
        let mut all =
            |parts: Vec<Condition<T>>| parts.into_iter().map(|part| part.try_map(make)).collect::<Result<Vec<_>, E>>();
        Ok(match self {
            Condition::Any(parts) => Condition::Any(all(parts)?),
            Condition::All(parts) => Condition::All(all(parts)?),
            Condition::Not(part) => Condition::Not(Box::new(part.try_map(make)?)),
            Condition::Term(term) => Condition::Term(make(term)?),
        })
    }

    /// Whether the condition holds, as far as that has to be known.
    pub fn holds<E>(&self, term: &mut impl FnMut(&T) -> Result<bool, E>) -> Result<bool, E> {
        match self {
            Condition::Any(parts) => parts.iter().try_fold(false, |found, part| Ok(found || part.holds(term)?)),
            Condition::All(parts) => parts.iter().try_fold(true, |found, part| Ok(found && part.holds(term)?)),
            Condition::Not(part) => Ok(!part.holds(term)?),
            Condition::Term(one) => term(one),
        }
    }
}

/// Takes an expression apart. One that chooses between others by `if` stays whole.
pub(super) fn read(expression: &str) -> Condition<&str> {
    let expression = expression.trim();
    let words = outer_words(expression);
    if words.iter().any(|(_, word)| matches!(*word, "if" | "else")) {
        return Condition::Term(expression);
    }
    let split = |at: &str| -> Vec<Condition<&str>> {
        let mut places: Vec<(usize, usize)> =
            words.iter().filter(|(_, word)| *word == at).map(|(start, word)| (*start, start + word.len())).collect();
        places.push((expression.len(), expression.len()));
        let mut from = 0;
        places.into_iter().map(|(end, next)| read(&expression[std::mem::replace(&mut from, next)..end])).collect()
    };
    let has = |word: &str| words.iter().any(|(_, found)| *found == word);
    if has("or") {
        return Condition::Any(split("or"));
    }
    if has("and") {
        return Condition::All(split("and"));
    }
    if let Some(rest) = expression.strip_prefix("not").filter(|_| words.first() == Some(&(0, "not"))) {
        return Condition::Not(Box::new(read(rest)));
    }
    match expression.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')) {
        Some(inside) if closes_at_its_end(expression) => read(inside),
        _ => Condition::Term(expression),
    }
}

/// Whether the bracket that opens first is closed by the last character.
fn closes_at_its_end(expression: &str) -> bool {
    let mut places = depths(expression).skip(1);
    places.all(|(at, depth)| depth > 0 || at + 1 == expression.len())
}

/// Each character's place, and how many brackets are open after it. A bracket within quotes counts nothing.
fn depths(expression: &str) -> impl Iterator<Item = (usize, usize)> {
    let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
    expression.char_indices().map(move |(at, c)| {
        match (quote, c) {
            _ if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        // What is quoted is as good as in brackets.
        (at, depth + usize::from(quote.is_some()))
    })
}

/// The words outside of brackets and quotes that are no names of attributes, each with its place.
fn outer_words(expression: &str) -> Vec<(usize, &str)> {
    let is_outer: Vec<bool> = {
        let mut outer = vec![false; expression.len() + 1];
        depths(expression).for_each(|(at, depth)| outer[at] = depth == 0);
        outer
    };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = 0;
    while let Some(start) = expression[rest..].find(is_word).map(|at| rest + at) {
        let end = expression[start..].find(|c| !is_word(c)).map_or(expression.len(), |length| start + length);
        let is_attribute = expression[..start].trim_end().ends_with(['.', '|']);
        if is_outer[start] && !is_attribute {
            words.push((start, &expression[start..end]));
        }
        rest = end;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(text: &str) -> Condition<&str> {
        Condition::Term(text)
    }

    #[test]
    fn a_condition_is_taken_apart_where_its_words_stand_outside_of_brackets_and_quotes() {
        assert_eq!(read("a == 1"), term("a == 1"));
        assert_eq!(read(" a or b and not c "), {
            let and = Condition::All(vec![term("b"), Condition::Not(Box::new(term("c")))]);
            Condition::Any(vec![term("a"), and])
        });
        assert_eq!(read("(a or b) and c"), {
            Condition::All(vec![Condition::Any(vec![term("a"), term("b")]), term("c")])
        });
        assert_eq!(read("(a or b)"), Condition::Any(vec![term("a"), term("b")]));
        for whole in
            ["a in ['x or y', \"it's and\"]", "a.or == b | and", "x not in y", "f(a or b) == (c)", "a if b else c"]
        {
            assert_eq!(read(whole), term(whole), "{whole}");
        }
        assert_eq!(read("a == 'x\\' or' or b"), Condition::Any(vec![term("a == 'x\\' or'"), term("b")]));
        assert_eq!(read("order and android"), Condition::All(vec![term("order"), term("android")]));
    }
}
