//! Numbers as people read them: times, sizes, dates, ranges.

use std::time::Duration;

use crate::core::text::grouped;

/// `0:02:10`; days are hours.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!(
        "{}:{:02}:{:02}",
        grouped(seconds / 3600),
        seconds / 60 % 60,
        seconds % 60
    )
}

/// How long something took: `2.4 s`, from a minute on [`clock`].
pub(super) fn took(time: Duration) -> String {
    if time < Duration::from_mins(1) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        clock(time)
    }
}

/// `1.2 MB`: powers of ten, as disks are sold.
pub(super) fn bytes(count: u64) -> String {
    let mut value = count as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if unit == "B" {
        format!("{count} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// `2026-11-22 13:10 UTC` from milliseconds since 1970.
pub(super) fn date(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).map_or_else(
        |_| "unknown".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// `1,000 to 1,200`, or one number where both ends are the same.
pub(super) fn range(low: u64, high: u64) -> String {
    if low == high {
        grouped(low)
    } else {
        format!("{} to {}", grouped(low), grouped(high))
    }
}

/// `1 sample`, `2,000 samples`.
pub(super) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(clock(Duration::from_secs(3_725)), "1:02:05");
        assert_eq!(took(Duration::from_millis(2_440)), "2.4 s");
        assert_eq!(took(Duration::from_secs(3_725)), "1:02:05");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_234_567), "1.2 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(i64::MAX), "unknown");
        assert_eq!(range(5, 5), "5");
        assert_eq!(range(1_000, 2_000), "1,000 to 2,000");
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(2_000, "row"), "2,000 rows");
    }
}
