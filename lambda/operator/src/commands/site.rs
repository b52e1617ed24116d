//! What a command works on: the policy, the payer's account, and the guard in it, where one is deployed.

use runawaytrain_aws::Visitor;
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::text::clean;
use serde_json::Value;

use crate::accounts::{self, Named, Purpose};
use crate::arguments::{Common, Own};
use crate::cloud::Cloud;
use crate::doctor::account;
use crate::finding::Status;
use crate::policy_file::PolicyFile;
use crate::problem::Problem;
use crate::progress::Looks;
use crate::table::Table;
use crate::terminal::Terminal;
use crate::undeployed::{self, Eyes};

/// DynamoDB's code where there is no such table: no guard was ever deployed.
pub const NO_TABLE: &str = "ResourceNotFoundException";
/// The role by which the payer's administrators enter an account that Organizations made.
pub const PAYERS_ROLE: &str = "OrganizationAccountAccessRole";

/// The payer's account, by the operator's credentials, with the policy that is meant for it.
pub struct Site {
    pub policy: PolicyFile,
    pub cloud: Cloud,
    pub terminal: Terminal,
}

impl Site {
    /// Refuses credentials of any other account than the policy's payer, before anything else is asked.
    pub async fn reach(common: &Common, terminal: Terminal) -> Result<Self, Problem> {
        let policy = PolicyFile::read(&common.policy)?;
        let cloud = Cloud::connect(common.profile.as_deref()).await;
        let whose = account::account(&cloud.identity().await?, &policy);
        if whose.status == Status::Ok {
            return Ok(Self { policy, cloud, terminal });
        }
        let todo = whose.cures.first().map(|cure| cure.exact.clone()).unwrap_or_default();
        Err(Problem::Stays { what: whose.said, todo })
    }

    /// The account that somebody named.
    pub async fn account(&self, said: &str, purpose: Purpose) -> Result<Named, Problem> {
        accounts::find(said, &self.policy.policy, &self.cloud, purpose).await
    }

    /// The guard's table, by the operator's own credentials.
    pub async fn table(&self) -> Result<Table, Problem> {
        Ok(undeployed::connect(&self.visitor(PAYERS_ROLE).await?, &self.policy.policy).1)
    }

    /// What looks into accounts by the operator's own credentials.
    pub async fn eyes(&self, role: &str) -> Result<Eyes, Problem> {
        Ok(undeployed::connect(&self.visitor(role).await?, &self.policy.policy).0)
    }

    /// The operator's own credentials, which enter other accounts by a role.
    async fn visitor(&self, role: &str) -> Result<Visitor, Problem> {
        let environment = self.cloud.environment().await?;
        let of = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        Ok(Visitor {
            access_key_id: of("AWS_ACCESS_KEY_ID").unwrap_or_default(),
            secret_access_key: of("AWS_SECRET_ACCESS_KEY").unwrap_or_default(),
            session_token: of("AWS_SESSION_TOKEN"),
            role: role.to_owned(),
        })
    }

    /// What the guard remembers of an account.
    pub async fn record(&self, table: &Table, account: &Named) -> Result<AccountRecord, Problem> {
        match table.record(&account.id).await {
            Ok(Some(known)) => Ok(known.record),
            Err(failure) if failure.code.as_deref() != Some(NO_TABLE) => Err(failure.into()),
            Ok(None) | Err(_) => Err(Problem::Stays {
                what: format!("the guard remembers nothing of {} ({})", account.name, account.id),
                todo: "`status` names every account that it knows; where no guard is deployed, there is none"
                    .to_owned(),
            }),
        }
    }

    /// What the guard says of a drill; where none is deployed, or nobody wants to ask it, what one would say.
    pub async fn drill(&self, text: &str, event: &Value, own: &Own) -> Result<Value, Problem> {
        if !own.own {
            match self.terminal.step(text, self.cloud.ask_guard(event)).await {
                // None is deployed, or only half of it.
                Err(failure) if is_missing(&failure) => {}
                Ok(_) if own.role.is_some() => {
                    return Err(Problem::Stays {
                        what: "a guard is deployed, and enters accounts by its own role".to_owned(),
                        todo: "leave --role out, or say --own besides".to_owned(),
                    });
                }
                asked => return Ok(asked?),
            }
        }
        let role = own.role.as_deref().unwrap_or(PAYERS_ROLE);
        self.terminal.say(&format!(
            "By your own credentials and, in each other account, by the role {role}; limits are those of {}.",
            self.policy.file.display()
        ));
        let (eyes, looks) = (self.eyes(role).await?, Looks::default());
        let asked =
            async { Ok::<_, Problem>(undeployed::drill(&eyes, self.policy.policy.clone(), event, &looks).await) };
        let answer = self.terminal.step_showing(text, asked, || looks.so_far()).await?;
        let said = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
        match answer.get("statusCode").and_then(Value::as_u64) {
            Some(200) => Ok(answer),
            // No guard said it: it is what was looked at that is wrong.
            _ => Err(Problem::Stays { what: clean(said("body")), todo: "correct that, then look again".to_owned() }),
        }
    }
}

/// The guard's own words where it did not do what it was asked to.
pub fn refused(status: u16, body: &str) -> Problem {
    let log = runawaytrain_core::contract::LOG_GROUP;
    let region = runawaytrain_core::contract::HOME_REGION;
    let todo = if status == 400 {
        "nothing was touched; correct the request".to_owned()
    } else {
        format!("aws logs tail {log} --region {region} --since 15m")
    };
    Problem::Stays { what: format!("the guard says: {status}, “{body}”"), todo }
}

/// Where nothing is deployed that could be asked.
pub fn not_deployed(problem: Problem) -> Problem {
    match problem {
        Problem::Aws(failure) if is_missing(&failure) => no_guard(),
        other => other,
    }
}

/// Says so.
pub fn no_guard() -> Problem {
    Problem::Stays {
        what: "no guard is deployed in this account".to_owned(),
        todo: "scripts/deploy; until then `check` and `drill` look by your own credentials".to_owned(),
    }
}

/// Whether there is no function that could be asked.
fn is_missing(failure: &Failure) -> bool {
    failure.kind == FailureKind::NotFound && failure.operation.starts_with("lambda:")
}
