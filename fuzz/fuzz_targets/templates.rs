//! F7: any template compiles or is refused, and renders the same twice or says why not, within its fuel and sixteen mebibytes.
#![no_main]

use std::sync::LazyLock;

use destilation::core::Row;
use destilation::core::template::Template;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

static ROW: LazyLock<Row> = LazyLock::new(|| {
    let row = json!({"question": "What is 2 + 2?", "n": 10_000_000, "f": 0.5, "a": null, "is": true,
        "list": [1, "two", [3]], "answer": {"text": "{{ question }}", "score": -1}, "text": "word ".repeat(2_000)});
    row.as_object().unwrap().clone()
});

fuzz_target!(|source: &str| {
    if let Ok(template) = Template::compile("prompt", source) {
        let _ = (template.variables(), template.tolerates("question"));
        let rendered = template.render(&ROW);
        assert!(rendered.as_ref().is_ok_and(|text| text.len() <= 16 << 20) || rendered.is_err());
        assert_eq!(template.render(&ROW), rendered);
    }
    if let Ok(condition) = Template::condition("when", source) {
        let _ = condition.holds(&ROW);
    }
});
