//! What colours look like: nearness in `OKLab`, contrast as the web's accessibility guidelines (WCAG 2) count it, and the palette of
//! xterm. Nothing here knows what a colour is for.

use ratatui::style::{Color, Style};

use super::Depth;

/// The same style with no more colours than the terminal has.
pub(super) fn lower(style: Style, depth: Depth) -> Style {
    Style {
        fg: style.fg.and_then(|colour| nearest(colour, depth)),
        bg: style.bg.and_then(|colour| nearest(colour, depth)),
        ..style
    }
}

/// The colour the terminal has that looks most like it.
pub(super) fn nearest(colour: Color, depth: Depth) -> Option<Color> {
    let candidates = match (colour, depth) {
        (_, Depth::None) => return None,
        (Color::Rgb(..), Depth::Indexed) => 16..=255,
        (Color::Rgb(..) | Color::Indexed(16..), Depth::Sixteen) => 0..=15,
        _ => return Some(colour),
    };
    let wanted = oklab(rgb(colour)?);
    let distance = |index: &u8| -> f64 {
        let pairs = oklab(xterm(*index)).into_iter().zip(wanted);
        pairs.map(|(one, other)| (one - other).powi(2)).sum()
    };
    candidates
        .min_by(|one, other| distance(one).total_cmp(&distance(other)))
        .map(Color::Indexed)
}

/// Contrast of two colours, from 1 to 21; `None` for those only the terminal knows.
pub fn contrast(one: Color, other: Color) -> Option<f64> {
    let (one, other) = (luminance(rgb(one)?), luminance(rgb(other)?));
    Some((one.max(other) + 0.05) / (one.min(other) + 0.05))
}

fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(red, green, blue) => Some([red, green, blue]),
        Color::Indexed(index) => Some(xterm(index)),
        _ => None,
    }
}

/// Red, green and blue as light instead of as numbers (the transfer function of sRGB).
fn linear(rgb: [u8; 3]) -> [f64; 3] {
    rgb.map(|channel| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    })
}

fn luminance(rgb: [u8; 3]) -> f64 {
    let [red, green, blue] = linear(rgb);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Lightness and two axes of colour, in which equal steps look equal. The matrices are those of the published definition of `OKLab`.
fn oklab(rgb: [u8; 3]) -> [f64; 3] {
    let [red, green, blue] = linear(rgb);
    let long = (0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue).cbrt();
    let medium = (0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue).cbrt();
    let short = (0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue).cbrt();
    [
        0.210_454_255_3 * long + 0.793_617_785_0 * medium - 0.004_072_046_8 * short,
        1.977_998_495_1 * long - 2.428_592_205_0 * medium + 0.450_593_709_9 * short,
        0.025_904_037_1 * long + 0.782_771_766_2 * medium - 0.808_675_766_0 * short,
    ]
}

/// Red, green and blue of xterm's palette (its documented defaults; a terminal may have others for the first 16).
fn xterm(index: u8) -> [u8; 3] {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match index {
        7 => [229; 3],
        8 => [127; 3],
        0..=15 => {
            let bright = if index > 8 { 255 } else { 205 };
            [index & 1, index >> 1 & 1, index >> 2 & 1].map(|bit| bit * bright)
        }
        16..=231 => {
            let cube = index - 16;
            [cube / 36, cube / 6 % 6, cube % 6].map(|level| LEVELS[usize::from(level)])
        }
        232..=255 => [8 + (index - 232) * 10; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_true_colour_becomes_the_nearest_the_terminal_has() {
        let red = Color::Rgb(250, 4, 4);
        assert_eq!(nearest(red, Depth::Sixteen), Some(Color::Indexed(9)));
        assert_eq!(nearest(red, Depth::Indexed), Some(Color::Indexed(196)));
        assert_eq!(nearest(red, Depth::True), Some(red));
        assert_eq!(nearest(red, Depth::None), None);
        assert_eq!(nearest(Color::Cyan, Depth::Sixteen), Some(Color::Cyan));
        assert_eq!(
            nearest(Color::Indexed(196), Depth::Sixteen),
            Some(Color::Indexed(9))
        );
        // A dark blue grey is black to the eye, although blue is nearer by numbers.
        assert_eq!(
            nearest(Color::Rgb(30, 30, 46), Depth::Sixteen),
            Some(Color::Indexed(0))
        );
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let (black, white) = (Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255));
        assert!((contrast(black, white).unwrap() - 21.0).abs() < 1e-9);
        assert!((contrast(white, white).unwrap() - 1.0).abs() < 1e-9);
        let grey = contrast(Color::Rgb(0x76, 0x76, 0x76), white).unwrap();
        assert!((4.5..4.6).contains(&grey), "{grey}");
        assert_eq!(contrast(Color::Cyan, white), None);
    }
}
