//! Why a command could not be carried out.

use runawaytrain_core::vocabulary::failure::Failure;
use thiserror::Error;

use crate::finding::Cure;
use crate::policy_file::PolicyProblem;
use crate::refusal;

/// Why a command could not be carried out: what, why, and what to do.
#[derive(Debug, Error)]
pub enum Problem {
    /// The policy file.
    #[error("{0}")]
    Policy(#[from] PolicyProblem),
    /// A call of AWS.
    #[error("{}", of_aws(.0))]
    Aws(Box<Failure>),
    /// Something that stays as it is.
    #[error("{what}")]
    Stays {
        /// What, and why.
        what: String,
        /// What to do.
        todo: String,
    },
}

fn of_aws(failure: &Failure) -> String {
    let sentence = refusal::sentence(failure);
    if sentence.starts_with("AWS") { sentence } else { format!("AWS: {sentence}") }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Aws(Box::new(failure))
    }
}

impl Problem {
    /// What to do, where something can be done.
    pub fn cure(&self) -> Option<Cure> {
        match self {
            Self::Policy(problem) => problem.todo().map(Cure::new),
            Self::Aws(failure) => refusal::cure(failure),
            Self::Stays { todo, .. } => Some(Cure::new(todo.clone())),
        }
    }
}
