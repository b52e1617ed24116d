//! The protocol, searched whole.
#![cfg(test)]

use std::time::Instant;

use runawaytrain_model::{Faults, Invocations, Mutation, Protocol, Task};
use stateright::{Checker, HasDiscoveries, Model};

#[test]
fn probe() {
    let Ok(text) = std::env::var("PROBE") else { return };
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |n: usize| words[n].parse::<u8>().unwrap();
        let (accounts, halts) = (number(0) as usize, u32::from(number(1)));
        let faults = Faults { crashes: number(2), lost: number(3), ticks: number(4) };
        let mutation = match words[5].split('-').next().unwrap() {
            "fence" => Mutation::NoFenceCheck,
            "intent" => Mutation::IntentAfterCall,
            "mail" => Mutation::MailAfterRecord,
            "clear" => Mutation::ClearedBeforeSent,
            "claim" => Mutation::ClaimUnchecked,
            "release" => Mutation::ReleaseAtOnce,
            "slots" => Mutation::SlotsUncounted,
            _ => Mutation::None,
        };
        let invocations: Invocations = words[6..]
            .iter()
            .map(|word| {
                let parts: Vec<&str> = word.split(':').collect();
                let task = match parts[0] {
                    "R" => Task::Release,
                    "M" => Task::Mails,
                    _ => Task::Sweep,
                };
                let id: &'static str = Box::leak(parts[1].to_owned().into_boxed_str());
                (task, id, parts[2].parse().unwrap(), parts[3].parse().unwrap())
            })
            .collect();
        let began = Instant::now();
        let mut protocol = Protocol::new(accounts, halts, invocations, faults).mutated(mutation);
        for word in words.iter().take(6).skip(5) {
            if word.contains("-m") {
                protocol = protocol.without_mailers();
            }
            if word.contains("-q") {
                protocol = protocol.without_quarantine();
            }
            if word.contains("-h") {
                protocol = protocol.halted();
            }
        }
        let checker = protocol.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        println!(
            "{line}: {} states, {} generated, {} steps deep, {:.1} s",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth(),
            began.elapsed().as_secs_f64()
        );
        for (property, path) in checker.discoveries() {
            println!("   {property}: {:?}", path.into_actions());
        }
    }
}
