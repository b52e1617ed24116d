//! STS: sessions in every account, for whoever asks.

use crate::call::{Answer, Call};

/// No run lasts as long as a session does.
const UNTIL: &str = "2099-01-01T00:00:00Z";

pub(super) fn answer(call: &Call) -> Option<Answer> {
    match call.operation.as_str() {
        "AssumeRole" => Some(assume(call)),
        "GetCallerIdentity" => {
            let account = &call.account;
            let arn = format!("<Arn>arn:aws:iam::{account}:user/bench</Arn>");
            let content = format!("{arn}<UserId>AIDAEXAMPLE</UserId><Account>{account}</Account>");
            Some(Answer::query(&call.operation, &content, 1))
        }
        _ => None,
    }
}

fn assume(call: &Call) -> Answer {
    let arn = call.parameter("RoleArn").unwrap_or_default();
    let Some(account) = arn.split(':').nth(4).filter(|account| account.len() == 12) else {
        return Answer::refused("sts", 400, "ValidationError", "RoleArn names no account");
    };
    let keys = format!("<AccessKeyId>ASIA{account}0000</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>");
    let content = format!(
        "<Credentials>{keys}<SessionToken>token</SessionToken><Expiration>{UNTIL}</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:bench</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>"
    );
    Answer::query("AssumeRole", &content, 1)
}
