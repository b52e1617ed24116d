//! Breaks of the protocol that the search must find.

/// One deliberate break of the protocol, to show that the search finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mutation {
    /// None: the protocol as it is.
    #[default]
    None,
    /// A holder does not ask whether its lease still runs.
    NoFenceCheck,
    /// The intent is written together with the outcome.
    IntentAfterCall,
    /// The halt mail is put in after the record that it is about.
    MailAfterRecord,
    /// A mail is taken out of the outbox before it is sent.
    ClearedBeforeSent,
    /// A mail is claimed whether somebody else is sending it or not.
    ClaimUnchecked,
    /// A release begins as soon as the lease has run out, though a call may still land.
    ReleaseAtOnce,
    /// The brake's slots are not counted.
    SlotsUncounted,
}
