//! F4: what a model answered becomes a value, whatever it answered.
#![no_main]

use destilation::core::extract::extract_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let found = extract_json(text);
    assert!(found.salvaged || !found.truncated, "what is cut was salvaged");
    let Some(value) = found.value else {
        assert!(!found.salvaged, "nothing was salvaged");
        return;
    };
    // A value is its own answer.
    let again = extract_json(&value.to_string());
    assert_eq!(again.value, Some(value));
    assert!(!again.salvaged);
});
