//! F2: however an answer is cut into the pieces of a stream, and however these are framed, it is the answer that comes whole; without
//! its end it is none.
#![no_main]

use destilation::core::request::RawResponse;
use destilation_fuzz::{made, of_kind};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// A piece of an answer: whether it is thinking, and its text.
type Piece<'a> = (bool, &'a str);

fuzz_target!(|input: (Vec<Piece>, u8)| {
    let (pieces, frame) = input;
    let joined = |thinking: bool| -> String {
        let parts = pieces.iter().filter(|(is, _)| *is == thinking);
        parts.map(|(_, text)| *text).collect()
    };
    let (text, thinking) = (joined(false), joined(true));
    let openai = (openai_whole(&text, &thinking), openai_pieces(&pieces));
    let anthropic = (
        anthropic_whole(&text, &thinking),
        anthropic_pieces(&pieces, frame & 128 != 0),
    );
    same("openai", &openai.0, &openai.1, frame);
    same("openrouter", &openai.0, &openai.1, frame);
    same("anthropic", &anthropic.0, &anthropic.1, frame);
    same(
        "ollama",
        &ollama_whole(&text, &thinking),
        &ollama_pieces(&pieces),
        frame,
    );
});

fn same(kind: &str, whole: &Value, pieces: &[(&str, String)], frame: u8) {
    let reader = of_kind(kind);
    let framed = |pieces: &[(&str, String)]| match kind {
        "ollama" => lines(pieces, frame),
        _ => events(pieces, frame),
    };
    let at_once = reader.read(&made(200, [], whole.to_string()));
    let streamed = framed(pieces);
    assert_eq!(reader.read(&streamed), at_once, "{kind}: {streamed:?}");
    assert_eq!(
        reader.usage(&streamed),
        reader.usage(&made(200, [], whole.to_string())),
        "{kind}"
    );
    let cut = framed(&pieces[..pieces.len() - 1]);
    assert!(reader.read(&cut).is_err(), "{kind}: {cut:?}");
}

/// Server-sent events, framed by the bits of a number.
fn events(pieces: &[(&str, String)], frame: u8) -> RawResponse {
    let end = if frame & 1 != 0 { "\r\n" } else { "\n" };
    let blank = if frame & 2 != 0 { "" } else { " " };
    let mut body = String::new();
    if frame & 4 != 0 {
        body.push('\u{feff}');
    }
    for (name, data) in pieces {
        if frame & 8 != 0 {
            body += &format!(": keep-alive{end}{end}");
        }
        if !name.is_empty() {
            body += &format!("event:{blank}{name}{end}");
        }
        // The lines of an event's data are joined by line feeds, which are white space to JSON.
        match data.strip_prefix('{').filter(|_| frame & 16 != 0) {
            Some(rest) => body += &format!("data:{blank}{{{end}data:{blank}{rest}{end}{end}"),
            None => body += &format!("data:{blank}{data}{end}{end}"),
        }
    }
    let kind = ("content-type".to_owned(), "text/event-stream".to_owned());
    made(200, Some(kind).filter(|_| frame & 32 != 0), body)
}

/// JSON lines, framed by the bits of a number.
fn lines(pieces: &[(&str, String)], frame: u8) -> RawResponse {
    let end = if frame & 1 != 0 { "\r\n" } else { "\n" };
    let lines: Vec<&str> = pieces.iter().map(|(_, line)| line.as_str()).collect();
    let last = if frame & 2 != 0 { end } else { "" };
    made(200, [], lines.join(end) + last)
}

fn openai_whole(text: &str, thinking: &str) -> Value {
    json!({"id": "i", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": text, "reasoning_content": thinking}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
}

fn openai_pieces(pieces: &[Piece]) -> Vec<(&'static str, String)> {
    let chunk = |delta: Value, word: Value| {
        let chunk = json!({"id": "i", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": word}]});
        ("", chunk.to_string())
    };
    let mut all = vec![chunk(json!({"role": "assistant"}), Value::Null)];
    all.extend(pieces.iter().map(|(thinking, text)| {
        let field = if *thinking { "reasoning_content" } else { "content" };
        chunk(json!({ field: text }), Value::Null)
    }));
    all.push(chunk(json!({}), json!("stop")));
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}});
    all.push(("", usage.to_string()));
    all.push(("", "[DONE]".to_owned()));
    all
}

fn anthropic_whole(text: &str, thinking: &str) -> Value {
    json!({"id": "i", "model": "m", "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 4},
        "content": [{"type": "thinking", "thinking": thinking}, {"type": "text", "text": text}]})
}

/// All in two blocks, or a block for every piece.
fn anthropic_pieces(pieces: &[Piece], own_blocks: bool) -> Vec<(&'static str, String)> {
    let event = |name: &'static str, mut value: Value| {
        value["type"] = json!(name);
        (name, value.to_string())
    };
    let start = |at: usize, field: &str| {
        let block = json!({"index": at, "content_block": {"type": field, field: ""}});
        event("content_block_start", block)
    };
    let message =
        json!({"message": {"id": "i", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}});
    let mut all = vec![event("message_start", message)];
    if !own_blocks {
        all.extend([start(0, "thinking"), start(1, "text")]);
    }
    for (number, (thinking, text)) in pieces.iter().enumerate() {
        let field = if *thinking { "thinking" } else { "text" };
        let at = if own_blocks {
            number
        } else {
            usize::from(!*thinking)
        };
        if own_blocks {
            all.push(start(at, field));
        }
        let delta = json!({"index": at, "delta": {"type": format!("{field}_delta"), field: text}});
        all.push(event("content_block_delta", delta));
    }
    let end = json!({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}});
    all.push(event("message_delta", end));
    all.push(event("message_stop", json!({})));
    all
}

fn ollama_whole(text: &str, thinking: &str) -> Value {
    json!({"model": "m", "message": {"role": "assistant", "content": text, "thinking": thinking},
        "done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 4})
}

fn ollama_pieces(pieces: &[Piece]) -> Vec<(&'static str, String)> {
    let mut all: Vec<(&str, String)> = Vec::new();
    for (thinking, text) in pieces {
        let field = if *thinking { "thinking" } else { "content" };
        let line = json!({"model": "m", "message": {"role": "assistant", field: text}, "done": false});
        all.push(("", line.to_string()));
    }
    all.push(("", ollama_whole("", "").to_string()));
    all
}
