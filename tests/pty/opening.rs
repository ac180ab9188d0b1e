//! A database that is empty, taken, damaged, of a newer program, in a directory or on a disk that takes nothing: the screen is there all
//! the same, says what is wrong, and has the key that helps.

use std::os::unix::fs::PermissionsExt;

use crate::sandbox::Sandbox;
use crate::session::{Session, Setup, script};

const DATABASE: &str = ".local/share/destiler/destiler.db";
const CLOSED: &str = "The database is not open";

fn start(sandbox: &Sandbox) -> Session {
    Session::start(sandbox, Setup::default().size(120, 36))
}

#[test]
fn over_an_empty_database_every_screen_says_what_belongs_there() {
    let sandbox = Sandbox::new();
    let session = start(&sandbox);
    session.shows("Nothing has run yet");
    for (key, text) in [
        ("2", "No jobs."),
        ("3", "No samples yet."),
        ("4", "n"),
        ("5", "mock"),
        ("6", "level ≥ info"),
        ("7", "config.toml"),
    ] {
        session.send(key);
        session.shows(text);
    }
}

#[test]
fn the_second_instance_only_looks() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let first = start(&sandbox);
    first.shows("No job is at work");
    let mut second = start(&sandbox);
    second.shows("view only");
    second.send("2");
    second.shows("quickstart");
    second.send("q");
    assert_eq!(second.end().0, 0);
}

#[test]
fn a_damaged_database_is_named_and_tried_again() {
    let sandbox = Sandbox::new();
    sandbox.write(DATABASE, &"this is no database ".repeat(500));
    let mut session = start(&sandbox);
    session.shows(CLOSED);
    session.shows("destiler.db");
    session.send("y");
    session.shows("Copied report");
    session.send("7");
    session.shows("Settings ▸");
    session.send("2");
    session.shows(CLOSED);
    std::fs::remove_file(sandbox.path(DATABASE)).unwrap();
    session.send("r");
    session.shows("No jobs.");
    session.send("q");
    assert_eq!(session.end().0, 0);
    session.assert_restored();
}

#[test]
fn the_database_of_a_newer_program_can_be_read() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let file = sandbox.path(DATABASE);
    let mut bytes = std::fs::read(&file).unwrap();
    // The user version of a SQLite file.
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&file, bytes).unwrap();
    let mut session = start(&sandbox);
    session.shows("newer destiler");
    session.send("o");
    session.shows("view only");
    session.send("2");
    session.shows("quickstart");
    session.send("q");
    session.end();
}

#[test]
fn a_directory_that_takes_nothing_is_named() {
    let sandbox = Sandbox::new();
    let place = if rustix::process::geteuid().is_root() {
        // Nobody is kept out by modes who may do everything.
        "/proc/destiler/destiler.db".to_owned()
    } else {
        let directory = sandbox.path("locked");
        std::fs::create_dir(&directory).unwrap();
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o500)).unwrap();
        directory.join("destiler.db").display().to_string()
    };
    sandbox.write("destiler.toml", &format!("database_url = \"sqlite://{place}\"\n"));
    let mut session = start(&sandbox);
    session.shows(CLOSED);
    session.shows(&place);
    session.shows("name another file with database_url");
    // Another file is named, and it opens.
    sandbox.write("destiler.toml", "");
    session.send("r");
    session.shows("Nothing has run yet");
    session.send("q");
    assert_eq!(session.end().0, 0);
}

#[test]
fn a_broken_configuration_is_a_banner_and_not_the_end() {
    let sandbox = Sandbox::new();
    sandbox.write("destiler.toml", "[ui]\nmuose = true\n");
    let session = start(&sandbox);
    session.shows("destiler.toml line 2");
    session.shows("defaults apply");
    session.send("7");
    session.shows("Settings ▸");
}

#[test]
fn a_full_disk_is_named_and_room_helps() {
    let sandbox = Sandbox::new();
    let disk = sandbox.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let may_mount = std::process::Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs"])
        .arg(&disk)
        .output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        return;
    }
    let disk = disk.display().to_string();
    sandbox.write(
        "destiler.toml",
        &format!("database_url = \"sqlite://{disk}/destiler.db\"\n"),
    );
    let binary = env!("CARGO_BIN_EXE_destiler");
    let text = format!(
        "mount -t tmpfs -o size=64m tmpfs {disk}\ndd if=/dev/zero of={disk}/full bs=1M 2>/dev/null\n\
         (while [ ! -e room ]; do sleep 0.1; done; rm {disk}/full; touch made) &\nexec {binary}\n"
    );
    let inside = script(&sandbox, "inside", &text);
    let mut words = vec!["unshare".to_owned(), "-rm".to_owned()];
    words.extend(inside.split(' ').map(str::to_owned));
    let setup = Setup {
        words,
        ..Setup::default()
    };
    let mut session = Session::start(&sandbox, setup.size(120, 36));
    session.shows(CLOSED);
    session.shows("cannot be written");
    sandbox.write("room", "");
    session.until("room on the disk", |_| sandbox.path("made").exists());
    session.send("r");
    session.shows("Nothing has run yet");
    session.send("q");
    assert_eq!(session.end().0, 0);
}

#[test]
fn the_names_of_the_last_session_are_in_the_first_picture() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".local/state/destiler/ui-state.json",
        r#"{"version":1,"screen":"dashboard","screens":{},"jobs":[{"name":"left-over","state":"running","tasks":[9,4,1,0,0],"accepted":4}]}"#,
    );
    sandbox.write(
        DATABASE,
        "no database at all, but long enough to be read as one: a page and more",
    );
    let session = start(&sandbox);
    session.until("the first picture", |session| session.wrote("left-over"));
    session.shows(CLOSED);
    assert!(!session.text().contains("left-over"), "that is not the present");
}

#[test]
fn the_config_file_is_edited_and_in_force_at_once() {
    let sandbox = Sandbox::new();
    let editor = script(&sandbox, "editor", "printf '[ui]\\nmouse = false\\n' > \"$1\"\n");
    let session = Session::start(&sandbox, Setup::default().size(120, 36).env("EDITOR", editor));
    let mode = |session: &Session| session.look(vt100::Screen::mouse_protocol_mode);
    session.shows("Nothing has run yet");
    assert_ne!(mode(&session), vt100::MouseProtocolMode::None);
    session.send("7");
    session.shows("saved to");
    session.send("o");
    session.shows("config.toml is read again");
    assert_eq!(
        sandbox.read(".config/destiler/config.toml"),
        "[ui]\nmouse = false\n"
    );
    session.until("no mouse", |session| {
        mode(session) == vt100::MouseProtocolMode::None
    });
}

#[test]
fn the_log_is_read_in_the_pager() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let pager = script(&sandbox, "pager", "cat \"$1\" > paged\n");
    let session = Session::start(&sandbox, Setup::default().size(120, 36).env("PAGER", pager));
    session.send("6");
    // Which file it is, is known with its lines.
    session.shows("in memory, file");
    session.send("o");
    session.until("the pager", |_| sandbox.path("paged").exists());
    session.shows("following");
}
