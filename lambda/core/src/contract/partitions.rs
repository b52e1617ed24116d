//! The partitions of the table that hold what there is of every account.
//!
//! A partition key takes 1,000 units of writing and 3,000 of reading a second, and a query reads it page after page. So
//! what is kept of every account, and read of all of them at once, is spread over ten keys, by the last digit of the
//! account's id.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>

/// What the partitions of the accounts' records begin with. The one of this name is where earlier versions keep all of
/// them; of a record that has moved on, a marker is left there.
pub const RECORDS: &str = "ACCOUNT";
/// The state in such a marker. Earlier versions do not know it, so that they take the account for contained, and write
/// nothing.
pub const MOVED: &str = "Moved";

/// The partition that has what is kept of an account under a name.
pub fn partition_of(name: &str, account: &str) -> String {
    // An id is twelve digits.
    let digit = account.chars().next_back().filter(char::is_ascii_digit).unwrap_or('0');
    format!("{name}#{digit}")
}

/// All partitions of a name, beside the one of earlier versions, which has the name alone.
pub fn partitions_of(name: &str) -> impl Iterator<Item = String> {
    (0..10).map(move |digit| format!("{name}#{digit}"))
}
