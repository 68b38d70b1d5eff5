//! A source of cases that is the same in every run and on every machine.

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0 and less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    /// True in so many of 1000 cases.
    pub fn permille(&mut self, of_1000: usize) -> bool {
        self.below(1000) < of_1000
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub fn text(&mut self, alphabet: &str, len: usize) -> String {
        (0..len).map(|_| char::from(alphabet.as_bytes()[self.below(alphabet.len())])).collect()
    }

    /// A few changes: something put in, taken out, replaced or doubled.
    pub fn mutate<T: Clone>(&mut self, items: &mut Vec<T>, changes: usize, alphabet: &[T]) {
        for _ in 0..changes {
            let at = self.below(items.len() + 1);
            let new = alphabet[self.below(alphabet.len())].clone();
            match self.below(10) {
                0..4 => items.insert(at, new),
                4..7 if at < items.len() => drop(items.remove(at)),
                7..9 if at < items.len() => items[at] = new,
                9 => {
                    let end = at + self.below(items.len() - at + 1);
                    let again = items[at..end].to_vec();
                    items.splice(at..at, again);
                }
                _ => {}
            }
        }
    }
}

/// Pieces up to this length are cut out wherever they may begin.
const SMALL: usize = 16;

/// Everything that is left when one piece is cut out: the longest first, single items last.
pub fn cuts<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let mut all = Vec::new();
    let mut len = items.len();
    while len > 0 {
        for from in (0..items.len()).step_by(if len > SMALL { len } else { 1 }) {
            let to = (from + len).min(items.len());
            all.push([&items[..from], &items[to..]].concat());
        }
        len = if len > SMALL { len / 2 } else { len - 1 };
    }
    all
}
