//! Messages in the corner, and doors that ask: neither stands in the way of the work.

use crate::canned::Says;
use crate::world::Hand;

/// The rows that have the mark of what is selected, and those that have a message.
fn rows(screen: &str, said: &str) -> (Vec<usize>, Vec<usize>) {
    let of = |what: &str| {
        let lines = screen.lines().enumerate();
        lines
            .filter(|(_, line)| line.contains(what))
            .map(|(at, _)| at)
            .collect()
    };
    (of("▌"), of(said))
}

#[test]
fn a_message_never_covers_the_selected_row() {
    for (columns, height) in [(40, 12), (80, 24), (120, 36)] {
        let mut hand = Hand::new(columns, height, Says::Everything);
        // At the top of a list it stands above the status line.
        hand.keys("3x<enter>");
        let screen = hand.screen();
        let (marked, said) = rows(&screen, "u takes");
        assert!(marked.len() == 1 && !said.is_empty(), "{screen}");
        assert!(said.iter().all(|row| *row > usize::from(height) / 2), "{screen}");
        // At its end, below the tabs; two more leave the row free, too.
        hand.keys("Gax<enter><wait>");
        let screen = hand.screen();
        let (marked, said) = rows(&screen, "u takes");
        assert!(marked.len() == 1 && !said.is_empty(), "{screen}");
        assert!(said.iter().all(|row| !marked.contains(row)), "{screen}");
        assert!(said[0] < usize::from(height) / 2, "{screen}");
    }
}

#[test]
fn a_provider_of_which_only_the_kind_is_chosen_is_left_without_a_question() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("5n<wait><enter><wait>");
    hand.keys("<esc><wait><esc><wait>");
    assert!(!hand.model.asks(), "{}", hand.screen());
    assert!(hand.screen().contains("Providers"), "{}", hand.screen());
    // A name that somebody typed is worth a question.
    hand.keys("n<wait><enter><wait><ctrl-u>mine<esc><wait><esc><wait>");
    assert!(hand.model.asks(), "{}", hand.screen());
}
