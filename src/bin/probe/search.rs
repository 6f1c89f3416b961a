//! Looks for a text in bytes that arrive one by one (the algorithm of Knuth, Morris and Pratt).

/// The greatest length of a text, in bytes.
pub const LONGEST: usize = 255;

/// A search.
pub struct Search<'a> {
    text: &'a [u8],
    /// The border of each prefix of the text: the length of the longest proper prefix that is also a suffix. The entry at
    /// index `n` is for the prefix of `n + 1` bytes.
    borders: [u8; LONGEST],
    /// How many bytes of the text the last bytes match.
    matched: usize,
}

impl<'a> Search<'a> {
    /// Begins a search for `text`, of which at most [`LONGEST`] bytes count.
    pub fn new(text: &'a [u8]) -> Self {
        let mut search = Self {
            text: text.get(..LONGEST).unwrap_or(text),
            borders: [0; LONGEST],
            matched: 0,
        };
        for (at, &byte) in search.text.iter().enumerate().skip(1) {
            search.next(byte);
            if let Some(border) = search.borders.get_mut(at) {
                *border = search.matched as u8;
            }
        }
        search.matched = 0;
        search
    }

    /// Whether the bytes so far end with the text.
    pub fn is_found(&self) -> bool {
        self.matched == self.text.len()
    }

    /// Takes the next byte.
    pub fn next(&mut self, byte: u8) {
        while self.text.get(self.matched) != Some(&byte) {
            match self.matched.checked_sub(1) {
                Some(last) => {
                    self.matched = self.borders.get(last).copied().unwrap_or_default().into()
                }
                None => return,
            }
        }
        self.matched += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the search finds `text` in `bytes`.
    fn finds(text: &[u8], bytes: &[u8]) -> bool {
        let mut search = Search::new(text);
        let mut next = bytes.iter();
        while !search.is_found() {
            match next.next() {
                Some(&byte) => search.next(byte),
                None => return false,
            }
        }
        true
    }

    /// All texts of up to 5 letters `a` and `b`, in all such texts of up to 8 letters.
    #[test]
    fn a_text_is_found_where_it_is() {
        extern crate std;
        let texts = |longest: u32| {
            (0..=longest).flat_map(|length| {
                (0..1_u32 << length).map(move |bits| {
                    (0..length)
                        .map(|at| b'a' + (bits >> at & 1) as u8)
                        .collect::<std::vec::Vec<_>>()
                })
            })
        };
        for text in texts(5) {
            for bytes in texts(8) {
                let is_there =
                    text.is_empty() || bytes.windows(text.len()).any(|part| part == text);
                assert_eq!(finds(&text, &bytes), is_there, "{text:?} {bytes:?}");
            }
        }
    }

    #[test]
    fn the_longest_text_is_found() {
        let mut bytes = [b'a'; 2 * LONGEST];
        bytes[2 * LONGEST - 1] = b'b';
        assert!(finds(&bytes[LONGEST..], &bytes));
        assert!(!finds(&bytes[LONGEST..], &bytes[..2 * LONGEST - 1]));
    }
}
