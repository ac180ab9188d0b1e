//! The roster: teachers and their providers as they are configured at one moment. It never changes; when the configuration does, a new
//! one takes its place, and whoever works with the old one finishes on it.

use std::sync::Arc;

use tokio::time::Instant;

use super::governor::{Standing, Station};
use crate::core::route::{Standing as TeacherStanding, Teacher};

/// Teachers and their providers.
pub(crate) struct Roster {
    /// All models of all providers.
    pub(crate) teachers: Vec<Teacher>,
    /// The providers, each with its governor.
    pub(super) stations: Vec<Arc<Station>>,
    /// Place of each teacher's station.
    station_of: Vec<usize>,
    /// The mock is used because nothing else is configured.
    pub(crate) mock_by_default: bool,
}

impl Roster {
    /// Of these providers.
    pub(super) fn new(stations: Vec<Arc<Station>>, mock_by_default: bool) -> Self {
        let mut teachers = Vec::new();
        let mut station_of = Vec::new();
        for (at, station) in stations.iter().enumerate() {
            let settings = &station.settings;
            for model in &settings.models {
                station_of.push(at);
                teachers.push(Teacher {
                    name: format!("{}/{}", settings.name, model.id),
                    provider: settings.name.clone(),
                    model: model.id.clone(),
                    capabilities: model.capabilities.clone(),
                    weight: model.weight,
                    price: model.price,
                    context: model.context,
                });
            }
        }
        Self {
            teachers,
            stations,
            station_of,
            mock_by_default,
        }
    }

    /// The teacher of that name, with its place.
    pub(super) fn teacher(&self, name: &str) -> Option<(usize, &Teacher)> {
        self.teachers
            .iter()
            .enumerate()
            .find(|(_, teacher)| teacher.name == name)
    }

    /// The provider of that name.
    pub(super) fn station(&self, provider: &str) -> Option<&Arc<Station>> {
        self.stations
            .iter()
            .find(|station| station.settings.name == provider)
    }

    /// Place of a teacher's provider.
    pub(super) fn place_of(&self, teacher: usize) -> usize {
        self.station_of[teacher]
    }

    /// The provider of a teacher.
    pub(super) fn station_of(&self, teacher: usize) -> &Station {
        &self.stations[self.station_of[teacher]]
    }

    /// How a teacher stands for the router.
    pub(super) fn standing(&self, teacher: usize) -> TeacherStanding {
        TeacherStanding {
            open: self.station_of(teacher).standing(Instant::now()) == Standing::Open,
            ..TeacherStanding::default()
        }
    }
}
