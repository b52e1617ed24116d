//! Each kind of mail has its heading in `docs/runbook.md`, for each mail ends with the link to it.
#![cfg(test)]

use runawaytrain_core::message::NoticeKind;

#[test]
fn each_kind_of_mail_has_its_heading_in_the_runbook() {
    let runbook = include_str!("../../../docs/runbook.md");
    let headings: Vec<&str> = runbook.lines().filter_map(|line| line.strip_prefix("### Mail: ")).collect();
    let kinds: Vec<&str> = NoticeKind::ALL.iter().map(|kind| kind.name()).collect();
    let missing: Vec<_> = kinds.iter().filter(|kind| !headings.contains(kind)).collect();
    assert!(missing.is_empty(), "docs/runbook.md has no heading \"### Mail: NAME\" for {missing:?}");
}
