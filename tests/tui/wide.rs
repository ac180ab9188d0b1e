//! U26 on a large terminal: every main screen at 200 columns and 50 rows, where more room is to show more and not to stretch.

use std::collections::BTreeMap;

use crate::canned::Says;
use crate::canned::drafts::DRAFTS;
use crate::picture;
use crate::world::Hand;

fn wide(name: &str, says: Says, script: &str) {
    DRAFTS.with_borrow_mut(BTreeMap::clear);
    let mut hand = Hand::new(200, 50, says);
    hand.keys(script);
    picture(&format!("wide_{name}"), &hand.screen());
}

#[test]
fn samples_and_review_on_a_large_terminal() {
    wide("samples", Says::Everything, "3j");
    wide("samples_reading", Says::Everything, "3j<enter>");
    wide("samples_prompt", Says::Everything, "3j<enter>]]");
    wide("samples_marked", Says::Everything, "3<space>jv<down><down>");
    wide("samples_facets", Says::Everything, "3fjj");
    wide("samples_edit", Says::Everything, "3e");
    wide("samples_history", Says::Everything, "3H");
    wide("samples_empty", Says::Nothing, "3");
    wide("samples_loading", Says::Silence, "3<wait>");
    wide("samples_error", Says::Failure, "3<wait>");
    wide("review", Says::Everything, "4jj");
    wide("reviewing", Says::Everything, "4<enter><wait>");
    wide("reviewed", Says::Everything, "4jjjjjjjjj<enter>");
    wide("comparing", Says::Everything, "4jjjjjjjj<enter><wait>1");
    wide("compared", Says::Everything, "4G<enter>");
    wide("review_empty", Says::Nothing, "4");
    wide("review_error", Says::Failure, "4<wait>");
    wide("verdicts", Says::Everything, "2jjj<enter>V");
}

#[test]
fn providers_logs_and_settings_on_a_large_terminal() {
    wide("providers", Says::Everything, "5");
    wide("providers_empty", Says::Nothing, "5");
    wide("providers_error", Says::Failure, "5<wait>");
    wide("models", Says::Everything, "5mj");
    wide("provider_kind", Says::Everything, "5nj");
    wide("provider_connection", Says::Everything, "5n<enter><tab>");
    wide("provider_protocol", Says::Everything, "5njjj<enter><ctrl-o>");
    wide("logs", Says::Everything, "6");
    wide("logs_entry", Says::Everything, "6k<enter>");
    wide("logs_empty", Says::Nothing, "6");
    wide("logs_error", Says::Failure, "6<wait>");
    wide("settings_theme", Says::Everything, "7");
    wide("settings_keymap", Says::Everything, "7]<down>");
    wide("settings_engine", Says::Everything, "7]]");
    wide("settings_paths", Says::Everything, "7[[");
    wide("settings_database", Says::Everything, "7[G");
    wide("settings_about", Says::Everything, "7]]]]]");
    wide("settings_error", Says::Failure, "7<wait>");
}

#[test]
fn the_new_job_and_what_lies_over_screens_on_a_large_terminal() {
    for (at, step) in [
        "template",
        "seeds",
        "prompts",
        "schema",
        "validators",
        "providers",
        "limits",
        "dry_run",
        "launch",
    ]
    .into_iter()
    .enumerate()
    {
        let keys = match at {
            0 => "n".to_owned(),
            7 => format!("n<enter>{}<enter><wait>", "]".repeat(at - 1)),
            _ => format!("n<enter>{}<wait>", "]".repeat(at - 1)),
        };
        wide(&format!("new_job_{}_{step}", at + 1), Says::Everything, &keys);
    }
    wide("editor", Says::Everything, "2jjjE");
    wide("help", Says::Everything, "2?");
    wide("palette", Says::Everything, "2:pau");
    wide("confirm_delete", Says::Everything, "2jjj<wait>D<wait>medqa");
    wide("quit", Says::Everything, "q<wait>");
    wide("messages", Says::Everything, "2p:messages<enter>");
    wide("topic", Says::Everything, ":how tasks<enter>");
}
