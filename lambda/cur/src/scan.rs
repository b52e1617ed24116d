//! Finds the commas and line ends that separate fields and rows, 64 bytes at a time.
//!
//! Half of the time that a CSV reader spends on a report goes into fields that nobody asked for: a row has some 200 and
//! eight matter. So fields are not visited; their separators are counted in bit masks, and only the wanted ones are
//! looked up. Quotes follow RFC 4180. A quote in the middle of an unquoted field, which the RFC forbids, is taken as a
//! plain character, as other readers do.

use wide::u8x64;

/// How many bytes are looked at in one step.
pub(crate) const BLOCK: usize = 64;

/// Where in a field the scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Place {
    /// Before a field's first byte: only here does a quote open a quoted field.
    #[default]
    Start,
    /// In a field without quotes, or after a quoted part.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote between quotes: the closing one, or the first of a doubled pair.
    Quote,
}

/// The structure of a block: bit n stands for byte n.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// Commas between fields.
    pub(crate) separators: u64,
    /// Line feeds between rows.
    pub(crate) line_ends: u64,
}

/// The marks of the first `length` bytes of a block (1 to 64), and where the scan stands after them.
pub(crate) fn scan(block: &[u8; BLOCK], length: usize, place: Place) -> (Marks, Place) {
    let all = u64::MAX >> (BLOCK - length.clamp(1, BLOCK));
    let last = (all >> 1) + 1;
    let bytes = u8x64::new(*block);
    let equal = |byte: u8| bytes.simd_eq(u8x64::splat(byte)).to_bitmask() & all;
    let (commas, feeds, quotes) = (equal(b','), equal(b'\n'), equal(b'"'));

    if quotes == 0 {
        if place == Place::Quoted {
            return (Marks::default(), Place::Quoted);
        }
        let after = if (commas | feeds) & last == 0 { Place::Plain } else { Place::Start };
        return (Marks { separators: commas, line_ends: feeds }, after);
    }

    let quoted = odd_so_far(quotes) ^ if place == Place::Quoted { u64::MAX } else { 0 };
    let marks = Marks { separators: commas & !quoted, line_ends: feeds & !quoted };
    let ends = marks.separators | marks.line_ends;
    // A quote opens a field only at the field's start, or reopens it right after a closing one (that is how a doubled
    // quote looks).
    let opening = quotes & quoted;
    let may_open = (ends << 1 | u64::from(place == Place::Start)) | (quotes << 1 | u64::from(place == Place::Quote));
    if opening & !may_open != 0 {
        return scan_bytes(block, length, place);
    }
    let after = match () {
        () if quoted & last != 0 => Place::Quoted,
        () if quotes & last != 0 => Place::Quote,
        () if ends & last != 0 => Place::Start,
        () => Place::Plain,
    };
    (marks, after)
}

/// Bit n is set when an odd number of bits up to and with n is.
fn odd_so_far(bits: u64) -> u64 {
    let mut odd = bits;
    for shift in [1, 2, 4, 8, 16, 32] {
        odd ^= odd << shift;
    }
    odd
}

/// The same, byte by byte: the definition of what `scan` computes, and its way out when quotes stand where they should
/// not.
fn scan_bytes(block: &[u8; BLOCK], length: usize, mut place: Place) -> (Marks, Place) {
    let mut marks = Marks::default();
    for (bit, byte) in block.iter().take(length).enumerate() {
        place = match (place, byte) {
            (Place::Start, b'"') | (Place::Quote, b'"') => Place::Quoted,
            (Place::Quoted, b'"') => Place::Quote,
            (Place::Quoted, _) => Place::Quoted,
            (_, b',') => {
                marks.separators |= 1 << bit;
                Place::Start
            }
            (_, b'\n') => {
                marks.line_ends |= 1 << bit;
                Place::Start
            }
            _ => Place::Plain,
        };
    }
    (marks, place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(text: &[u8]) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        for (to, from) in block.iter_mut().zip(text) {
            *to = *from;
        }
        block
    }

    fn separators(text: &str) -> Vec<usize> {
        let (marks, _) = scan(&block(text.as_bytes()), text.len(), Place::Start);
        (0..BLOCK).filter(|bit| marks.separators >> bit & 1 == 1).collect()
    }

    #[test]
    fn commas_between_quotes_separate_nothing() {
        assert_eq!(separators(r#"a,b,c"#), [1, 3]);
        assert_eq!(separators(r#""a,b",c"#), [5]);
        assert_eq!(separators(r#""a"",b",c"#), [7]);
        assert_eq!(separators(r#""",",c"#), [2], "an empty field, then one that is not closed");
        assert_eq!(separators(r#""""",c"#), [4], "a field that is one quote");
        assert_eq!(separators(r#"5" disk,c,d"#), [7, 9], "a quote within a plain field is a plain character");
        assert_eq!(separators("\"a\nb\",c"), [5]);
    }

    fn place() -> impl Strategy<Value = Place> {
        prop_oneof![Just(Place::Start), Just(Place::Plain), Just(Place::Quoted), Just(Place::Quote)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn blocks_and_bytes_agree(
            bytes in proptest::collection::vec(prop_oneof![6 => Just(b'x'), 3 => Just(b','), 2 => Just(b'"'), 1 => Just(b'\n'), 1 => any::<u8>()], BLOCK),
            length in 1..=BLOCK,
            place in place(),
        ) {
            let block = block(&bytes);
            prop_assert_eq!(scan(&block, length, place), scan_bytes(&block, length, place));
        }
    }
}
