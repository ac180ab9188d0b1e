//! F5: any schema compiles or is refused with words, and what compiled says of any value what is wrong with it. The input is the
//! schema and the value, one behind the other.
#![no_main]

use destilation::validators::compile_schema;
use libfuzzer_sys::fuzz_target;
use serde_json::{Deserializer, Value};

fuzz_target!(|text: &str| {
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    let Some(Ok(schema)) = values.next() else {
        return;
    };
    let value = match values.next() {
        Some(Ok(value)) => value,
        _ => schema.clone(),
    };
    match compile_schema(&schema) {
        Ok(check) => {
            let problems = check.problems(&value);
            assert!(problems.len() <= 20, "{problems:?}");
            assert_eq!(check.problems(&value), problems);
        }
        Err(error) => assert!(!error.message.is_empty()),
    }
});
