//! Natural order of file names: numbers count by value, so `frame2` comes before `frame10`.

use std::cmp::Ordering;

/// Compares names run by run: digits by the number they spell, anything else byte by byte without regard to
/// ASCII case. Names that are equal so far are compared as they are written.
pub fn order(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a.as_bytes(), b.as_bytes());
    while let (Some(&first_a), Some(&first_b)) = (rest_a.first(), rest_b.first()) {
        let step = if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            number(&mut rest_a).cmp(&number(&mut rest_b))
        } else {
            (rest_a, rest_b) = (&rest_a[1..], &rest_b[1..]);
            first_a.to_ascii_lowercase().cmp(&first_b.to_ascii_lowercase())
        };
        if step != Ordering::Equal {
            return step;
        }
    }
    rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b))
}

/// Takes the leading number off: its count of digits without leading zeros, and those digits.
fn number<'a>(rest: &mut &'a [u8]) -> (usize, &'a [u8]) {
    let end = rest
        .iter()
        .position(|c| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    let zeros = digits.iter().take_while(|&&c| c == b'0').count();
    (digits.len() - zeros, &digits[zeros..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_by_value() {
        let sorted = [
            "Frame1.png",
            "frame2.png",
            "frame02.png",
            "frame10.png",
            "frame10b.png",
            "frame99999999999999999999999.png",
            "frame100000000000000000000000.png",
            "frames.png",
            "größe3.png",
            "größe20.png",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| order(a, b));
        assert_eq!(names[0], "Frame1.png");
        // Equal numbers: the way they are written decides, "0" before "2".
        let mut expected = sorted;
        expected.swap(1, 2);
        assert_eq!(names, expected);
    }

    #[test]
    fn it_is_a_total_order() {
        let names = [
            "", "0", "00", "a", "A", "a0", "a00", "a0b", "a1", "1a", "10", "9", "é", "a-1",
        ];
        for a in names {
            for b in names {
                assert_eq!(order(a, b), order(b, a).reverse(), "{a:?} {b:?}");
                assert_eq!(order(a, b) == Ordering::Equal, a == b, "{a:?} {b:?}");
                for c in names {
                    if order(a, b).is_lt() && order(b, c).is_lt() {
                        assert!(order(a, c).is_lt(), "{a:?} {b:?} {c:?}");
                    }
                }
            }
        }
    }
}
