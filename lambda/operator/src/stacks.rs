//! The stacks that a deployment makes, by their names in `infra/lib/runawaytrain.ts`.

/// The service control policies. Deployed first and removed last.
pub const GUARDRAILS: &str = "RunawayTrainGuardrails";
/// Everything that runs.
pub const GUARD: &str = "RunawayTrain";
/// The bucket and the report; deployed only where the policy asks for them.
pub const COST_REPORTS: &str = "RunawayTrainCostReports";
/// The chat channels that listen; deployed only where the policy names one.
pub const CHAT: &str = "RunawayTrainChat";
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

/// Whether a stack is there only for what the policy says now: one that a deployment no longer makes is removed. The
/// cost reports stay: they are evidence.
pub fn is_prunable(name: &str) -> bool {
    is_of_accounts(name) || name == CHAT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_policy_can_take_back_is_pruned() {
        for name in ["RunawayTrainAccounts07", CHAT] {
            assert!(is_prunable(name), "{name}");
        }
        for name in [GUARDRAILS, GUARD, COST_REPORTS, ENROLLMENT, RELEASE, "Somebody"] {
            assert!(!is_prunable(name), "{name}");
        }
    }

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
