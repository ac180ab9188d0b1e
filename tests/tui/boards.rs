//! Dashboard, jobs and one job by behaviour: the pictures of their states at four sizes, and what keys lead to.

use std::time::Duration;

use destilation::core::api::{Command, Event, Level};
use destilation::core::job::{Adjustment, JobState, PauseReason};
use destilation::tui::{Exit, Message, Options};

use crate::canned::{Says, progress};
use crate::world::{Hand, options};

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 36), (200, 50)];

fn snapshot(name: String, screen: &str) {
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, screen);
    });
}

/// Tells a few facts, as an engine at work would.
fn told(hand: &mut Hand) {
    let job = |job: &str, state| Event::Job {
        job: job.to_owned(),
        state,
    };
    let note = |level, text: &str| Event::Note {
        level,
        job: Some("qa-distill-v2".to_owned()),
        text: text.to_owned(),
    };
    for event in [
        job("qa-distill-v2", JobState::Running),
        note(Level::Ok, "revision 3 is in force"),
        note(
            Level::Warning,
            "task 17 failed: timeout: no answer after 60 s (more of this kind are only counted)",
        ),
        note(Level::Error, "my-script ended with exit code 1"),
        job("tool-calls-v1", JobState::Completed),
    ] {
        hand.wait(Duration::from_secs(1));
        hand.send(Message::Event(event));
    }
    hand.wait(Duration::from_secs(10));
    hand.keys("<esc>");
}

/// The picture a key script leads to, at every size.
fn pictures(name: &str, says: Says, script: &str) {
    for (columns, rows) in SIZES {
        let mut hand = Hand::new(columns, rows, says);
        if says == Says::Everything {
            told(&mut hand);
        }
        hand.keys(script);
        snapshot(format!("boards_{name}_{columns}"), &hand.screen());
    }
}

#[test]
fn dashboard_states() {
    pictures("dashboard", Says::Everything, "");
    pictures("dashboard_empty", Says::Nothing, "");
    pictures("dashboard_loading", Says::Silence, "<wait>");
    pictures("dashboard_error", Says::Failure, "<wait>");
    pictures("dashboard_zoomed", Says::Everything, "<tab><tab>z");
    pictures("dashboard_frozen", Says::Everything, "F<wait><wait>");
    pictures("dashboard_metric", Says::Everything, "ccx+");
    pictures("dashboard_counters", Says::Everything, "<tab><tab><tab>jj");
}

#[test]
fn jobs_states() {
    pictures("jobs", Says::Everything, "2");
    pictures("jobs_marked", Says::Everything, "2<space>vjj");
    pictures("jobs_facets", Says::Everything, "2f<space>j<space>");
    pictures("jobs_sorted", Says::Everything, "2ss");
    pictures("jobs_filtered", Says::Everything, "2/tool<enter>");
    pictures("jobs_empty", Says::Nothing, "2");
    pictures("jobs_loading", Says::Silence, "2<wait>");
    pictures("jobs_error", Says::Failure, "2<wait>");
    pictures(
        "jobs_delete_several",
        Says::Everything,
        "2jjj<space>j<space><wait>D<wait>",
    );
}

#[test]
fn job_states() {
    pictures("job", Says::Everything, "<enter>");
    pictures("job_funnel", Says::Everything, "<enter><tab>jjj");
    pictures("job_paused", Says::Everything, "2jjj<enter>");
    pictures("job_done", Says::Everything, "2jjjj<enter>");
    pictures("job_failed", Says::Everything, "2jjjjj<enter>");
    pictures("job_draft", Says::Everything, "2G<enter>");
    pictures("job_queued", Says::Everything, "2jj<enter>");
    pictures("job_loading", Says::Silence, "2<wait>");
    pictures("job_limits", Says::Everything, "<enter>e");
    pictures("job_export", Says::Everything, "<enter>w");
}

#[test]
fn job_tabs() {
    pictures("job_samples", Says::Everything, "<enter>]");
    pictures("job_errors", Says::Everything, "<enter>]]]j");
    pictures("job_errors_tasks", Says::Everything, "<enter>]]]<enter>j");
    pictures(
        "job_errors_attempts",
        Says::Everything,
        "<enter>]]]<enter><enter>",
    );
    pictures("job_providers", Says::Everything, "<enter>]]]]j");
    pictures("job_log", Says::Everything, "<enter>]]]]]");
    pictures("job_config", Says::Everything, "<enter>[");
    pictures("job_config_diff", Says::Everything, "<enter>[-d");
    pictures("job_errors_none", Says::Everything, "2G<enter>]]]");
}

#[test]
fn a_second_instance_only_watches() {
    for (columns, rows) in SIZES {
        let options = Options {
            held_by: Some("destiler run qa-distill-v2, pid 4242".to_owned()),
            ..options()
        };
        let mut hand = Hand::with(columns, rows, Says::Everything, options);
        hand.send(Message::Progress(Box::default()));
        snapshot(format!("boards_view_only_{columns}"), &hand.screen());
        hand.keys("pP2pCDR<wait>y<enter>");
        assert!(hand.orders.is_empty(), "{:?}", hand.orders);
    }
}

#[test]
fn leaving_waits_with_a_count_and_a_way_out() {
    let mut hand = Hand::new(120, 36, Says::Silence);
    hand.send(Message::Progress(Box::new(progress(1))));
    let stop = |hand: &mut Hand| {
        let key = Message::Key(crate::world::key("y"));
        // The order is on its way: nobody answers it yet.
        let _ = destilation::tui::update(&mut hand.model, key);
    };
    hand.keys("q<wait>");
    stop(&mut hand);
    hand.wait(Duration::from_secs(3));
    let screen = hand.screen();
    assert!(screen.contains("64 answers are in flight"), "{screen}");
    assert!(screen.contains("7 s at most"), "{screen}");
    snapshot("boards_stopping_120".to_owned(), &screen);
    hand.keys("jP2");
    assert!(hand.model.exit().is_none());
    hand.keys("q");
    assert_eq!(hand.model.exit(), Some(Exit::Now));
}

#[test]
fn a_frozen_dashboard_stands_still_and_counts_what_it_misses() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("F");
    let before = hand.screen();
    let mut later = progress(300);
    later.jobs[0].persisted += 1_000;
    hand.wait(Duration::from_secs(12));
    hand.send(Message::Event(Event::Note {
        level: Level::Ok,
        job: None,
        text: "something new".to_owned(),
    }));
    hand.send(Message::Progress(Box::new(later)));
    let held = hand.screen();
    assert!(held.contains("FROZEN 12 s · +1 events"), "{held}");
    let upper = |screen: &str| {
        screen
            .lines()
            .skip(2)
            .take(26)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(upper(&before), upper(&held));
    assert!(hand.keys("F").screen().contains("something new"));
}

#[test]
fn enter_leads_where_the_selected_thing_is() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    told(&mut hand);
    let crumb = |hand: &mut Hand| hand.screen().lines().next().unwrap_or_default().to_owned();
    hand.keys("<tab><enter>");
    assert!(crumb(&mut hand).contains("Providers"), "a provider");
    hand.keys("1<tab>");
    hand.keys("jj<enter>");
    assert!(
        crumb(&mut hand).contains("Dashboard ▸ qa-distill-v2"),
        "an event of a job"
    );
    assert!(hand.screen().contains("[Log]"));
    hand.keys("<esc><tab>jjjj<enter>");
    assert!(crumb(&mut hand).contains("Samples"), "REJECTED");
    assert!(hand.screen().contains("state:rejected"));
    hand.keys("<esc>j<enter>");
    assert!(hand.screen().contains("[Errors 112]"), "FAILED");
    hand.keys("1!");
    assert!(hand.screen().contains("▸ Events"));
    hand.keys("<enter>");
    assert!(hand.screen().contains("[Log]"), "the newest error");
}

#[test]
fn a_stage_of_the_funnel_leads_to_its_samples() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("<enter><tab>jjj<enter>");
    assert!(
        hand.screen()
            .contains("job:qa-distill-v2 state:rejected reason:near_duplicate"),
        "{}",
        hand.screen()
    );
}

#[test]
fn limits_of_a_running_job_change_at_once_and_lowering_asks() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("<enter>e<tab><ctrl-u>20<wait><enter>");
    let changes = |order: &Command| match order {
        Command::Adjust { job, changes } if job == "qa-distill-v2" => changes.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(hand.orders.len(), 1, "{}", hand.screen());
    assert_eq!(changes(&hand.orders[0]), [Adjustment::Usd(Some(20.0))]);
    hand.keys("e<tab><ctrl-u>5<wait><enter>");
    assert_eq!(hand.orders.len(), 1);
    assert!(hand.model.asks() && hand.screen().contains("dollars: 10 → 5"));
    hand.keys("<wait>y");
    assert_eq!(changes(&hand.orders[1]), [Adjustment::Usd(Some(5.0))]);
    hand.keys("e<tab><ctrl-u>much<wait><enter>");
    assert!(hand.screen().contains("dollars: a number from 0 on"));
    hand.keys("<esc>");
    assert_eq!(hand.orders.len(), 2);
}

#[test]
fn only_the_group_under_the_cursor_is_retried() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("<enter>]]]jR<wait>");
    assert!(
        hand.screen().contains("38 failed tasks of “request”"),
        "{}",
        hand.screen()
    );
    hand.keys("y");
    let group = Command::RetryGroup {
        job: "qa-distill-v2".to_owned(),
        group: "request".to_owned(),
    };
    assert_eq!(hand.orders, [group]);
    hand.keys("[[[R<wait>y");
    assert_eq!(hand.orders[1], Command::Retry("qa-distill-v2".to_owned()));
}

#[test]
fn marked_jobs_are_acted_on_together() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2<space>j<space>p");
    let paused: Vec<_> = hand.orders.clone();
    assert_eq!(
        paused,
        [
            Command::Pause("qa-distill-v2".to_owned()),
            Command::Pause("sql-explain".to_owned())
        ]
    );
    hand.keys("<esc>Gv<up><up>D<wait>");
    assert!(hand.screen().contains("Delete 3 jobs"), "{}", hand.screen());
    hand.keys("2<enter>");
    assert_eq!(hand.orders.len(), 2, "two is not three");
    hand.keys("D<wait>3<enter>");
    assert_eq!(hand.orders.len(), 5, "{}", hand.screen());
    hand.keys("<esc>A<wait>C<wait>y");
    let cancelled = hand.orders[5..]
        .iter()
        .filter(|order| matches!(order, Command::Cancel(_)))
        .count();
    assert_eq!(cancelled, 5, "those that have not ended");
}

#[test]
fn a_queued_job_moves_and_others_do_not() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2K");
    assert!(hand.orders.is_empty() && hand.screen().contains("only queued jobs"));
    hand.keys("jjK");
    assert!(hand.orders.is_empty(), "it is the first one already");
}

#[test]
fn an_export_never_replaces_unasked() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2w<wait><enter>");
    assert!(matches!(&hand.orders[0], Command::ExportNew { export, .. } if export.format.is_none()));
    hand.keys("w<tab><right><tab><right><tab><right><wait><enter>");
    assert!(
        matches!(&hand.orders[1], Command::ExportTo { export, .. } if export.format.as_deref() == Some("messages") && export.include_rejected),
        "{:?}",
        hand.orders[1]
    );
}

#[test]
fn facets_and_filter_narrow_and_escape_widens() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2fG<space><enter>");
    let screen = hand.screen();
    assert!(
        screen.contains("2 of 8") && screen.contains("1 facets"),
        "{screen}"
    );
    hand.keys("<esc>");
    assert!(!hand.screen().contains("2 of 8"));
}

#[test]
fn every_pause_says_what_helps() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jjj<enter>");
    assert!(
        hand.screen().contains("e raises the limit, then p resumes"),
        "{}",
        hand.screen()
    );
    let state = JobState::Paused(PauseReason::Auth("openrouter: 401".to_owned()));
    assert!(state.reason().is_some());
}
