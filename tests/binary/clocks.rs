//! P7 within a life: a clock on the wall that jumps under a running process, by hours, by years and to 1970, in a place where clocks are
//! put forward. A small library before the system's own shows it; what counts time without a calendar is left alone.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::sandbox::{Sandbox, wait_until};
use crate::teacher::{Reply, Teacher};
use crate::{assert_conserved, job, shim};

/// The time of day is another one every 30 milliseconds, the first of them the second before clocks are put forward in New York.
const SHIM: &str = r"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void jump(struct timespec *now) {
    static const long long moves[] = {0, 3600, -3600, 315360000LL, -315360000LL};
    struct timespec since;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &since);
    long long place = (since.tv_sec * 1000 + since.tv_nsec / 1000000) / 30 % 7;
    if (place == 0)
        now->tv_sec = 1772953199;
    else if (place == 1)
        now->tv_sec = 0;
    else
        now->tv_sec += moves[place - 2];
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        jump(now);
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *kept) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (kept)
        *kept = exact.tv_sec;
    return exact.tv_sec;
}
";

#[test]
fn a_clock_that_jumps_while_it_runs_moves_no_task() {
    let teacher = Teacher::start(Duration::from_millis(25), true, |number, _| {
        // Some are told to wait a second: neither not at all nor for ten years.
        if number % 60 == 59 {
            return Reply::Http(429, "retry-after: 1\r\n".to_owned(), "{}".to_owned());
        }
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(300, 8, ""));
    let library = shim::compiled(&sandbox.path(""), "jump", SHIM);
    let run = |words: &[&str]| {
        let mut command = sandbox.command(words);
        command.env("LD_PRELOAD", &library).env("TZ", "America/New_York");
        command
    };
    wait_until("programs see 1970", || {
        let mut date = Command::new("date");
        let shown = date.arg("+%Y").env("LD_PRELOAD", &library).output().unwrap();
        shown.stdout.starts_with(b"1970")
    });
    let began = Instant::now();
    for share in [70, 140, 210] {
        let mut child = run(&["run", "job.toml", "--quiet"]).spawn().unwrap();
        wait_until("the teacher has seen enough", || teacher.seen().requests >= share);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran: crate::sandbox::Ran = run(&["run", "job.toml", "--json"]).output().unwrap().into();
    let (took, summary) = (began.elapsed().as_secs_f64(), ran.expect_code(0).summary());
    assert_conserved(&summary);
    assert_eq!(summary["samples"]["accepted"], 300, "{summary}");
    assert!(took < 60.0, "{took} s");
    let elapsed = summary["elapsed_seconds"].as_f64().unwrap();
    // A life may count the two seconds a crash costs the ledger twice at most.
    assert!(
        (0.0..=took + 2.0).contains(&elapsed),
        "{elapsed} s shown, {took} s took it"
    );
    let seen = teacher.seen();
    let refused = (1..=seen.requests).filter(|number| number % 60 == 59).count() as u64;
    assert!(
        seen.requests <= 300 + refused + 3 * 8,
        "{} requests, {refused} of them refused",
        seen.requests
    );
    sandbox.run(&["verify", "datasets/t"]).expect_code(0);
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}
