//! Patterns as AWS's policies have them.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>

/// Whether a text fits a pattern in which `*` stands for any run of characters, also for none, and `?` for exactly one.
/// Case counts, as it does in ARNs and in the values of `StringLike` and `ArnLike`.
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut next) = (0, 0);
    // Where the last asterisk stands, and up to where it reaches so far. Those before it need never reach further.
    let mut run: Option<(usize, usize)> = None;
    while let Some(character) = text.get(at) {
        match (pattern.get(next), run) {
            (Some('*'), _) => {
                run = Some((next, at));
                next += 1;
            }
            (Some(wanted), _) if *wanted == '?' || wanted == character => {
                at += 1;
                next += 1;
            }
            (_, Some((asterisk, reach))) => {
                run = Some((asterisk, reach + 1));
                at = reach + 1;
                next = asterisk + 1;
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(next).all(|rest| *rest == '*')
}

/// The same of an action, such as `ec2:Run*`: neither the service's prefix nor the action's name has a case.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>
pub fn fits_action(pattern: &str, action: &str) -> bool {
    fits(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_asterisk_is_any_run_and_a_question_mark_is_one_character() {
        for (pattern, text, is) in [
            ("*", "", true),
            ("?", "", false),
            ("", "a", false),
            ("ec2:*", "ec2:RunInstances", true),
            ("ec2:Run*", "ec2:StartInstances", false),
            ("arn:aws:iam::*:role/x-*", "arn:aws:iam::1:role/x-y", true),
            ("arn:aws:iam::*:role/x-*", "arn:aws:iam::1:user/x-y", false),
            ("arn:aws:iam::*:role/Runaway*", "arn:aws:iam::111111111111:role/RunawayTrainResponder", true),
            ("*Instances", "ec2:RunInstances", true),
            ("*Instances", "ec2:RunInstancesNow", false),
            ("us-????-1", "us-east-1", true),
            ("us-????-1", "us-west-2", false),
            ("é?*", "éa", true),
        ] {
            assert_eq!(fits(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn only_an_action_has_no_case() {
        assert!(fits_action("EC2:run*", "ec2:RunInstances"));
        assert!(!fits("EC2:run*", "ec2:RunInstances"));
    }

    /// What a pattern means, as it is written down: in the time of a power of its asterisks.
    fn means(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, _) => text.is_empty(),
            (Some(('*', rest)), None) => means(rest, text),
            (Some(('*', rest)), Some((_, later))) => means(rest, text) || means(pattern, later),
            (Some((wanted, rest)), Some((character, later))) => {
                (*wanted == '?' || wanted == character) && means(rest, later)
            }
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn a_pattern_means_what_is_written_down(pattern in "[aAé?*]{0,8}", text in "[aAé]{0,10}") {
            let characters = |text: &str| text.chars().collect::<Vec<_>>();
            let meant = means(&characters(&pattern), &characters(&text));
            prop_assert_eq!(fits(&pattern, &text), meant);
            let lower = means(&characters(&pattern.to_ascii_lowercase()), &characters(&text.to_ascii_lowercase()));
            prop_assert_eq!(fits_action(&pattern, &text), lower);
        }

        #[test]
        fn whatever_an_asterisk_or_a_question_mark_replaced_fits(
            before in "\\PC{0,9}", run in "\\PC{0,9}", one in proptest::char::any(), after in "\\PC{0,9}",
        ) {
            let text = format!("{before}{run}{one}{after}");
            let (replaced, longer) = (format!("{before}*?{after}"), format!("{text}x"));
            prop_assert!(fits(&replaced, &text) && fits(&text, &text));
            prop_assert!(text.contains(['*', '?']) || !fits(&text, &longer));
        }
    }

    /// A pattern comes from whoever writes the policies of an organization: it must not take for ever.
    #[test]
    fn many_asterisks_are_no_labyrinth() {
        assert!(!fits(&format!("{}b", "a*".repeat(500)), &"a".repeat(2_000)));
    }
}
