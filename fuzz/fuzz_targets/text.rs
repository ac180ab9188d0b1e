//! F6: text of any origin can be shown, and stays as it is when it is made safe again.
#![no_main]

use destilation::core::text::{is_format, sanitize, sanitize_line, shorten};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, u8)| {
    let (text, most) = input;
    let once = sanitize(text).into_owned();
    assert_eq!(sanitize(&once).as_str(), once);
    assert!(once.chars().all(|c| c == '\n' || !c.is_control()), "{once:?}");
    let is_joiner = |c| matches!(c, '\u{200d}' | '\u{fe0f}');
    assert!(!once.chars().any(|c| is_format(c) && !is_joiner(c)), "{once:?}");
    let line = sanitize_line(text).into_owned();
    assert!(!line.contains('\n'), "{line:?}");
    assert_eq!(sanitize_line(&line).as_str(), line);
    let cut = shorten(&once, usize::from(most));
    assert!(
        cut == once || cut.strip_suffix('…').is_some_and(|head| once.starts_with(head)),
        "{cut:?}"
    );
});
