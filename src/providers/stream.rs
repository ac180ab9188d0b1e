//! Splits a stored body into the pieces of a stream: server-sent events or JSON lines. Not the network: the body is complete, or as
//! complete as it ever got.

use std::convert::Infallible;

use eventsource_stream::Eventsource;
use futures::{FutureExt, StreamExt, future, stream};

use crate::core::request::RawResponse;

/// Whether the body is server-sent events: by content type or, where servers mislabel it, by its first field.
pub(super) fn is_events(response: &RawResponse) -> bool {
    response
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/event-stream"))
        || ["data:", "event:", ": "]
            .iter()
            .any(|field| unmarked(&response.body).trim_start().starts_with(field))
}

/// The events of a body: name (`message` if unnamed) and data. Comments and keep-alives are skipped; a last event without its blank
/// line counts, its JSON will tell whether it is whole.
pub(super) fn events(body: &str) -> Vec<(String, String)> {
    // Line by line: the parser copies what is left of its buffer after every line.
    let lines = unmarked(body).split_inclusive('\n').chain(["\n\n"]);
    let pieces = stream::iter(lines.map(|line| Ok::<_, Infallible>(line.as_bytes())));
    pieces
        .eventsource()
        .filter_map(|event| future::ready(event.ok().map(|event| (event.event, event.data))))
        .collect()
        .now_or_never()
        .unwrap_or_default()
}

/// The parser of events cannot take a byte order mark.
fn unmarked(body: &str) -> &str {
    body.trim_start_matches('\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::events;

    #[test]
    fn names_comments_and_a_last_event_without_its_blank_line() {
        let body = "\u{feff}: OPENROUTER PROCESSING\n\ndata: {\"a\":1}\r\n\r\nevent: error\ndata: x\ndata: y\n\ndata: [DONE]";
        let expected = [("message", "{\"a\":1}"), ("error", "x\ny"), ("message", "[DONE]")];
        let found = events(body);
        assert_eq!(found.len(), 3);
        for ((name, data), (wanted_name, wanted_data)) in found.iter().zip(expected) {
            assert_eq!((name.as_str(), data.as_str()), (wanted_name, wanted_data));
        }
    }

    proptest! {
        #[test]
        fn total(body in ".*") {
            let _ = events(&body);
        }
    }
}
