//! What a look says about one thing: plain data, made by pure functions.

use serde::{Serialize, Serializer};

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Status {
    /// As it should be.
    #[serde(rename = "ok")]
    Ok,
    /// Not there, or not as it should be.
    #[serde(rename = "missing")]
    Missing,
    /// It could not be looked at.
    #[serde(rename = "cannot tell")]
    CannotTell,
}

impl Status {
    /// As it is written in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// What the command can switch on by itself, when somebody wants it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Writes the organization's ids into the policy file.
    FillPolicy,
    /// Lets StackSets work in the organization.
    TrustedAccess,
    /// Enables service control policies on the root.
    EnableScps,
    /// `cdk bootstrap`: whoever has the CDK runs it.
    Bootstrap,
}

impl Remedy {
    /// The question at a terminal.
    pub fn question(self) -> &'static str {
        match self {
            Self::FillPolicy => "Write your organization's ids into the policy file?",
            Self::TrustedAccess => "Let CloudFormation StackSets work in your organization?",
            Self::EnableScps => "Enable service control policies on the root of your organization?",
            Self::Bootstrap => "Run `cdk bootstrap` in the payer account?",
        }
    }
}

/// What mends a thing: an exact command, or a way through the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cure {
    /// To be copied as it is.
    pub exact: String,
    /// What is good to know about it; may be empty.
    pub remark: String,
}

impl Cure {
    /// A cure that needs no remark.
    pub fn new(exact: impl Into<String>) -> Self {
        Self { exact: exact.into(), remark: String::new() }
    }

    /// The same with a remark.
    #[must_use]
    pub fn remarked(self, remark: impl Into<String>) -> Self {
        Self { remark: remark.into(), ..self }
    }
}

impl Serialize for Cure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.exact)
    }
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at. Each thing has one finding.
    pub what: String,
    /// How it stands.
    pub status: Status,
    /// What was seen, as a sentence.
    pub said: String,
    /// What mends it, if anything has to be mended.
    pub cures: Vec<Cure>,
    /// Whether a deployment cannot do without; else it works all the same, only less well.
    pub needed: bool,
    /// What of this the command does itself.
    #[serde(skip)]
    pub remedy: Option<Remedy>,
}

impl Finding {
    /// All is well.
    pub fn ok(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), status: Status::Ok, said: said.into(), cures: Vec::new(), needed: true, remedy: None }
    }

    /// Something is missing that a deployment needs.
    pub fn missing(what: impl Into<String>, said: impl Into<String>, cure: Cure) -> Self {
        Self::missing_all(what, said, vec![cure])
    }

    /// The same where it takes more than one cure.
    pub fn missing_all(what: impl Into<String>, said: impl Into<String>, cures: Vec<Cure>) -> Self {
        Self { status: Status::Missing, cures, ..Self::ok(what, said) }
    }

    /// It could not be looked at.
    pub fn cannot_tell(what: impl Into<String>, said: impl Into<String>, cure: Option<Cure>) -> Self {
        Self { status: Status::CannotTell, cures: cure.into_iter().collect(), ..Self::ok(what, said) }
    }

    /// A deployment works without it, only less well.
    #[must_use]
    pub fn spared(self) -> Self {
        Self { needed: false, ..self }
    }

    /// The command can mend it itself.
    #[must_use]
    pub fn by(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }

    /// Whether a deployment has to wait for it.
    pub fn stops(&self) -> bool {
        self.needed && self.status != Status::Ok
    }
}
