//! Rows of a table: plain data, which the terminal draws.

/// How a cell is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Somebody has to do something.
    Bad,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    cells: Vec<String>,
    tones: Vec<(usize, Tone)>,
}

impl Row {
    /// A row of these cells.
    pub fn of<const N: usize>(cells: [String; N]) -> Self {
        Self { cells: cells.into(), tones: Vec::new() }
    }

    /// The same with a tone in one of its cells.
    #[must_use]
    pub fn toned(mut self, at: usize, tone: Tone) -> Self {
        self.tones.push((at, tone));
        self
    }

    /// What stands in it.
    pub fn cells(&self) -> &[String] {
        &self.cells
    }

    /// How a cell is meant, where it is meant in some way.
    pub fn tone(&self, at: usize) -> Option<Tone> {
        self.tones.iter().find(|(place, _)| *place == at).map(|(_, tone)| *tone)
    }
}
