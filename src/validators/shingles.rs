//! Texts as sets of hashed word shingles, and how alike two such sets are. Finding the alike among many is [`super::near_duplicates`].

/// A text as a set: 32-bit hashes of its shingles, sorted, each once. Two different shingles share a hash once in four thousand
/// million pairs, which moves a similarity by less than any threshold can tell.
pub type ShingleSet = Vec<u32>;

/// The shingles (`size` words in a row) of a text. Words are runs of letters and digits in lower case; in scripts written without
/// spaces every character is a word. Shorter texts fall back to single words, and texts without words to single characters.
/// Empty only if the text holds nothing but white space.
pub fn shingles(text: &str, size: usize) -> ShingleSet {
    let words = words(text);
    let mut set: ShingleSet = if words.is_empty() {
        text.chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| shorten(fold(u64::from(u32::from(c)), CHARACTER)))
            .collect()
    } else if words.len() < size {
        words.iter().map(|word| shorten(fold(*word, WORD))).collect()
    } else {
        words
            .windows(size.max(1))
            .map(|window| shorten(window.iter().fold(SHINGLE, |hash, word| fold(hash ^ word, STEP))))
            .collect()
    };
    set.sort_unstable();
    set.dedup();
    set
}

/// Size of the intersection over size of the union; 1 for two empty sets. Both sets sorted, each element once.
pub fn jaccard(left: &[u32], right: &[u32]) -> f64 {
    let shared = shared(left, right, usize::MAX).unwrap_or(0);
    let union = left.len() + right.len() - shared;
    if union == 0 {
        1.0
    } else {
        shared as f64 / union as f64
    }
}

/// [`jaccard`], if it is at least `threshold` (in (0, 1]); gives up as soon as that is out of reach.
pub fn jaccard_at_least(left: &[u32], right: &[u32], threshold: f64) -> Option<f64> {
    let total = left.len() + right.len();
    // J >= t  <=>  shared >= t / (1 + t) * total; the margin keeps rounding from losing an exact tie.
    let needed = (threshold / (1.0 + threshold) * total as f64 - 1e-6).ceil() as usize;
    if needed > left.len().min(right.len()) {
        return None;
    }
    let shared = shared(left, right, total - 2 * needed)?;
    let similarity = shared as f64 / (total - shared).max(1) as f64;
    (similarity + 1e-9 >= threshold).then_some(similarity)
}

/// How many elements two sorted sets share; `None` as soon as more than `spare` elements have no partner.
fn shared(left: &[u32], right: &[u32], mut spare: usize) -> Option<usize> {
    let (mut at, mut other, mut shared) = (0, 0, 0);
    while at < left.len() && other < right.len() {
        let (a, b) = (left[at], right[other]);
        if a == b {
            shared += 1;
        } else {
            spare = spare.checked_sub(1)?;
        }
        at += usize::from(a <= b);
        other += usize::from(b <= a);
    }
    let rest = left.len() - at + right.len() - other;
    (rest <= spare).then_some(shared)
}

// Odd constants with about as many ones as zeros, drawn once; they only keep the kinds of shingles apart.
const SEED: u64 = 0x9e6c_63d0_876a_9a99;
const STEP: u64 = 0xd6e8_feb8_6659_fd93;
const SHINGLE: u64 = 0xa0b4_28db_f1c6_5d3b;
const WORD: u64 = 0xc2b2_ae3d_27d4_eb4f;
const CHARACTER: u64 = 0x8ebc_6af0_9c88_c6e3;

/// Multiplies into 128 bits and folds the halves: every bit of the input reaches every bit of the result.
pub(super) fn fold(value: u64, by: u64) -> u64 {
    let product = u128::from(value ^ SEED) * u128::from(by);
    (product as u64) ^ ((product >> 64) as u64)
}

fn shorten(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

/// A text as a sequence: a 32-bit hash per word, in order, by the same rule of what a word is.
pub(super) fn sequence(text: &str) -> Vec<u32> {
    words(text).into_iter().map(shorten).collect()
}

/// A hash per word, in order.
fn words(text: &str) -> Vec<u64> {
    let mut words = Vec::with_capacity(text.len() / 5 + 1);
    let mut hash = SEED;
    let mut inside = false;
    let mut end = |hash: &mut u64, inside: &mut bool| {
        if *inside {
            words.push(fold(*hash, WORD));
            *hash = SEED;
            *inside = false;
        }
    };
    for c in text.chars() {
        if c.is_ascii() {
            if c.is_ascii_alphanumeric() {
                hash = add(hash, u32::from(c.to_ascii_lowercase()));
                inside = true;
            } else {
                end(&mut hash, &mut inside);
            }
        } else if is_unspaced(c) {
            end(&mut hash, &mut inside);
            hash = add(hash, u32::from(c));
            inside = true;
            end(&mut hash, &mut inside);
        } else if c.is_alphanumeric() {
            for lower in c.to_lowercase() {
                hash = add(hash, u32::from(lower));
            }
            inside = true;
        } else if !joins(c) {
            end(&mut hash, &mut inside);
        }
    }
    end(&mut hash, &mut inside);
    words
}

fn add(hash: u64, c: u32) -> u64 {
    (hash ^ u64::from(c)).wrapping_mul(STEP).rotate_left(23)
}

/// Letters of scripts that put no spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(
        u32::from(c),
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff
            | 0xf900..=0xfaff | 0x20000..=0x3134f
    ) && c.is_alphanumeric()
}

/// Marks and joiners that belong to the word around them.
pub(super) fn joins(c: char) -> bool {
    matches!(u32::from(c), 0x0300..=0x036f | 0x200c | 0x200d | 0x00ad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn case_and_punctuation_do_not_count() {
        assert_eq!(
            shingles("The Tide — it rises, twice a day.", 3),
            shingles("the tide it RISES twice a day", 3)
        );
        assert_ne!(
            shingles("the tide rises twice", 3),
            shingles("the tide rises once", 3)
        );
    }

    #[test]
    fn short_texts_are_still_compared() {
        assert_eq!(shingles("Paris.", 3), shingles("paris", 3));
        assert_eq!(shingles("42", 3).len(), 1);
        assert_eq!(shingles("New York", 3).len(), 2);
        assert_eq!(shingles("?!", 3).len(), 2);
        assert!(shingles(" \n\t", 3).is_empty());
    }

    #[test]
    fn unspaced_scripts_have_a_word_a_character() {
        assert_eq!(shingles("潮水每天涨两次", 3).len(), 5);
        assert_eq!(shingles("Ünïted STRASSE", 1), shingles("ünïted strasse", 1));
    }

    fn sets() -> impl Strategy<Value = (BTreeSet<u32>, BTreeSet<u32>)> {
        let set = || proptest::collection::btree_set(0_u32..40, 0..30);
        (set(), set())
    }

    proptest! {
        #[test]
        fn jaccard_is_intersection_over_union((left, right) in sets(), percent in 1_u32..=100) {
            let shared = left.intersection(&right).count();
            let union = left.union(&right).count();
            let a: Vec<u32> = left.iter().copied().collect();
            let b: Vec<u32> = right.iter().copied().collect();
            let expected = if union == 0 { 1.0 } else { shared as f64 / union as f64 };
            prop_assert!((jaccard(&a, &b) - expected).abs() < 1e-12);
            prop_assert!((jaccard(&b, &a) - expected).abs() < 1e-12);
            let threshold = f64::from(percent) / 100.0;
            let reached = union > 0 && shared as u32 * 100 >= percent * union as u32;
            if union > 0 {
                prop_assert_eq!(jaccard_at_least(&a, &b, threshold).is_some(), reached);
            }
        }

        #[test]
        fn a_text_is_its_own_duplicate(text in "\\PC{0,80}", size in 1_usize..5) {
            let set = shingles(&text, size);
            prop_assert!((jaccard(&set, &set) - 1.0).abs() < 1e-12);
            prop_assert!(set.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(set.is_empty(), text.chars().all(char::is_whitespace));
        }
    }
}
