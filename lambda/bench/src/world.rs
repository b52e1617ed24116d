//! The organization: its accounts, the payer's table, and its quotas.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::account::Account;
use crate::bucket::Buckets;
use crate::call::{Answer, Call};
use crate::settings::{Fault, Settings};
use crate::table::Table;

/// The first account's id, less one.
const BEFORE_THE_FIRST: u64 = 100_000_000_000;

/// Everything that calls read and change.
#[derive(Debug)]
pub(crate) struct World {
    pub organization: String,
    pub payer: String,
    pub accounts: BTreeMap<String, Account>,
    pub table: Table,
    pub quotas: Option<Buckets>,
    /// Mails that were taken.
    pub mails: u64,
    faults: Vec<(Fault, u64)>,
}

impl World {
    pub fn new(settings: &Settings) -> Self {
        let ids = (1..=settings.accounts).map(|number| (BEFORE_THE_FIRST + number).to_string());
        let ids = ids.chain([settings.payer.clone()]);
        let mut accounts: BTreeMap<String, Account> = ids.map(|id| (id, Account::quiet(settings.roles))).collect();
        for holdings in &settings.holdings {
            accounts.entry(holdings.account.clone()).or_default().hold(holdings);
        }
        Self {
            organization: settings.organization.clone(),
            payer: settings.payer.clone(),
            accounts,
            table: Table::default(),
            quotas: settings.quotas.then(Buckets::default),
            mails: 0,
            faults: settings.faults.iter().map(|fault| (fault.clone(), 0)).collect(),
        }
    }

    /// The refusal that is due to a call, if one is.
    pub fn fault(&mut self, call: &Call) -> Option<Answer> {
        let is_of = |fault: &Fault| {
            let any = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
            fault.service == call.service && any(&fault.operation, &call.operation) && any(&fault.region, &call.region)
        };
        let (fault, met) = self.faults.iter_mut().find(|(fault, _)| is_of(fault))?;
        *met += 1;
        let is_due = (*met - 1).is_multiple_of(fault.every.max(1));
        is_due.then(|| Answer::refused(&call.service, fault.status, &fault.code, "a fault that was ordered"))
    }

    /// Whether quotas let a call pass; the refusal otherwise.
    pub fn throttle(&mut self, call: &Call) -> Option<Answer> {
        let (status, code) = self.quotas.as_mut()?.admit(call).err()?;
        Some(Answer::refused(&call.service, status, code, "Request limit exceeded."))
    }

    /// What stands of everything.
    pub fn state(&self) -> Value {
        let accounts: BTreeMap<&String, Value> = self
            .accounts
            .iter()
            .filter(|(_, account)| !account.instances.is_empty())
            .map(|(id, account)| (id, account.state()))
            .collect();
        json!({ "accounts": accounts, "mails": self.mails })
    }
}
