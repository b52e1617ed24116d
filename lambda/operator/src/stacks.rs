//! The stacks that a deployment makes, by their names in `infra/lib/runawaytrain.ts`.

/// The service control policies. Deployed first and removed last.
pub const GUARDRAILS: &str = "RunawayTrainGuardrails";
/// Everything that runs.
pub const GUARD: &str = "RunawayTrain";
/// The bucket and the report; deployed only where the policy asks for them.
pub const COST_REPORTS: &str = "RunawayTrainCostReports";
/// The stack sets.
pub const ENROLLMENT: &str = "RunawayTrainEnrollment";
/// The release pipeline's way in. Optional, and made by hand: no deployment has it.
pub const RELEASE: &str = "RunawayTrainRelease";

/// What accounts have of their own. Which of these stacks there are depends on the ids of the accounts:
/// `infra/lib/accounts/placement.ts`.
pub fn is_of_accounts(name: &str) -> bool {
    name.strip_prefix("RunawayTrainAccounts").is_some_and(
        |number| matches!(number.as_bytes(), [tens, ones] if matches!(tens, b'0' | b'1') && ones.is_ascii_digit()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_twenty_stacks_are_of_accounts() {
        for name in ["RunawayTrainAccounts00", "RunawayTrainAccounts19"] {
            assert!(is_of_accounts(name), "{name}");
        }
        for name in ["RunawayTrainAccounts20", "RunawayTrainAccounts1", "RunawayTrainAccountsOfSomebodyElse", GUARD] {
            assert!(!is_of_accounts(name), "{name}");
        }
    }
}
