//! Pictures of the main screens for the README, drawn from the rendered buffer as SVG. `UPDATE=1 cargo test --test tui pictures` writes
//! them (and the page of keys) anew; without it the tests fail when they are stale.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use destilation::core::settings::UiSettings;
use destilation::tui::{Options, theme};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::canned::Says;
use super::world::{self, Hand};

/// Name, theme, what it shows, the keys that lead there.
const PICTURES: [(&str, &str, &str, &str); 7] = [
    (
        "dashboard",
        "catppuccin-mocha",
        "The dashboard while two jobs run",
        "",
    ),
    ("jobs", "catppuccin-mocha", "The list of jobs", "2jjj"),
    ("job", "catppuccin-mocha", "One job", "<enter>"),
    ("samples", "catppuccin-mocha", "Reading samples", "3j"),
    ("palette", "tokyo-night", "The palette", "2:pau"),
    (
        "settings",
        "gruvbox-dark",
        "Settings, with a theme tried out",
        "7<enter>jjjjj",
    ),
    (
        "light",
        "solarized-light",
        "The dashboard on a light background",
        "",
    ),
];

const COLUMNS: u16 = 120;
const ROWS: u16 = 36;
/// A cell in pixels.
const CELL: (f64, f64) = (8.4, 17.0);

#[test]
fn pictures_of_the_main_screens_are_fresh() {
    for (name, theme, title, script) in PICTURES {
        let options = Options {
            depth: theme::Depth::True,
            automatic: (theme::Depth::True, false),
            ui: UiSettings {
                theme: theme.to_owned(),
                ..UiSettings::default()
            },
            ..world::options()
        };
        let mut hand = Hand::with(COLUMNS, ROWS, Says::Everything, options);
        hand.keys(script).screen();
        written(
            &format!("assets/pictures/{name}.svg"),
            &svg(hand.terminal.backend().buffer(), title),
        );
    }
}

/// Holds a made file against the one in the repository; with `UPDATE` set, writes it.
pub fn written(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "{path} is stale: `UPDATE=1 cargo test --test tui -- fresh page_of_keys` writes it"
    );
}

/// The buffer as SVG: a rectangle and a text for each run of cells that look alike.
fn svg(buffer: &Buffer, title: &str) -> String {
    let (width, height) = (f64::from(COLUMNS) * CELL.0, f64::from(ROWS) * CELL.1);
    let ground = hex(buffer[(0, 0)].bg).unwrap_or_else(|| "#000000".to_owned());
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\">\n<title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{ground}\"/>\n\
         <g transform=\"translate(12 12)\" font-family=\"ui-monospace, 'JetBrains Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n",
        width + 24.0,
        height + 24.0
    );
    for row in 0..buffer.area.height {
        let mut column = 0;
        while column < buffer.area.width {
            let first = &buffer[(column, row)];
            let (mut end, mut text) = (column, String::new());
            while end < buffer.area.width && alike(first, &buffer[(end, row)]) {
                let symbol = buffer[(end, row)].symbol();
                text.push_str(symbol);
                end += symbol.width().max(1) as u16;
            }
            run(&mut out, first, &text, (column, end), row, &ground);
            column = end;
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn alike(one: &Cell, other: &Cell) -> bool {
    (one.fg, one.bg, one.modifier) == (other.fg, other.bg, other.modifier)
}

fn run(out: &mut String, cell: &Cell, text: &str, (from, to): (u16, u16), row: u16, ground: &str) {
    let (mut fg, mut bg) = (hex(cell.fg), hex(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        (fg, bg) = (bg.or_else(|| Some(ground.to_owned())), fg);
    }
    let (x, y) = (f64::from(from) * CELL.0, f64::from(row) * CELL.1);
    let width = f64::from(to - from) * CELL.0;
    if let Some(bg) = bg.filter(|bg| bg != ground) {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{bg}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let mut style = String::new();
    if cell.modifier.contains(Modifier::BOLD) {
        style.push_str(" font-weight=\"bold\"");
    }
    if cell.modifier.contains(Modifier::ITALIC) {
        style.push_str(" font-style=\"italic\"");
    }
    if cell.modifier.contains(Modifier::UNDERLINED) {
        style.push_str(" text-decoration=\"underline\"");
    }
    if cell.modifier.contains(Modifier::DIM) {
        style.push_str(" opacity=\"0.6\"");
    }
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let fill = fg.unwrap_or_else(|| "#cccccc".to_owned());
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.0}\" textLength=\"{width:.1}\" fill=\"{fill}\"{style}>{escaped}</text>",
        y + 13.0
    );
}

fn hex(colour: Color) -> Option<String> {
    match colour {
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        _ => None,
    }
}
