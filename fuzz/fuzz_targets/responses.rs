//! F1, F3: any response on any wire, the plugins' among them, is an answer or an error that can be shown.
#![no_main]

use destilation_fuzz::{READERS, response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let response = response(text);
    for (kind, reader) in READERS.iter() {
        let _ = (reader.usage(&response), reader.rate_hint(&response));
        match reader.read(&response) {
            Ok(answer) => assert_eq!(reader.read(&response).as_ref(), Ok(&answer), "{kind}"),
            Err(error) => {
                assert!(!error.message.chars().any(char::is_control), "{kind}: {error:?}");
                assert!(error.message.chars().count() < 600, "{kind}: {error:?}");
            }
        }
    }
});
