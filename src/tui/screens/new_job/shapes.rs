//! Shapes of jobs to begin with: small, complete job files for the usual kinds of datasets. Text alone.

/// A shape: name, what it makes, job file.
pub(super) struct Shape {
    /// What it is called in the gallery.
    pub(super) name: &'static str,
    /// Its job file.
    pub(super) text: &'static str,
}

/// Every shape, the empty one first.
pub(super) const SHAPES: [Shape; 6] = [
    Shape {
        name: "blank",
        text: include_str!("../../../../assets/shapes/blank.toml"),
    },
    Shape {
        name: "grounded-qa",
        text: include_str!("../../../../assets/shapes/grounded-qa.toml"),
    },
    Shape {
        name: "classification",
        text: include_str!("../../../../assets/shapes/classification.toml"),
    },
    Shape {
        name: "preference",
        text: include_str!("../../../../assets/shapes/preference.toml"),
    },
    Shape {
        name: "translation",
        text: include_str!("../../../../assets/shapes/translation.toml"),
    },
    Shape {
        name: "tool-calls",
        text: include_str!("../../../../assets/shapes/tool-calls.toml"),
    },
];

#[cfg(test)]
mod tests {
    use crate::core::job::draft::Draft;
    use crate::core::job::parse::{Known, parse};

    use super::*;

    #[test]
    fn every_shape_is_a_job_without_a_problem_and_survives_the_wizard() {
        for shape in SHAPES {
            let read = |text: &str| parse(text, &|_| Err(String::new()), &Known::default());
            let parsed = read(shape.text);
            assert_eq!(parsed.problems, [], "{}", shape.name);
            let draft = Draft::read(shape.text).unwrap();
            assert_eq!(draft.text(), shape.text);
            assert_eq!(read(&draft.text()).spec, parsed.spec);
        }
    }
}
