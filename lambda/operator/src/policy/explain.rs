//! What the policy means for one account, value by value, and where each value comes from. The values are those that
//! the function goes by; here is only where they are written.

use runawaytrain_core::measure::limit::{LIMITS, Limit, Unit};
use runawaytrain_core::policy::trust::provider_name;
use runawaytrain_core::policy::{
    AccountPolicy, ChatSettings, Contain, Exception, Limits, NotifyList, Policy, SlackSettings, TeamsSettings,
};
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_core::vocabulary::money::Usd;
use serde_json::{Value, json};

use super::layers::{Layers, keys};
use super::places::Places;
use super::setting::{Origin, Setting, shown};

/// Everything that holds for an account in these units, the outermost first, in the order of the policy.
pub fn settings(policy: &Policy, account: &AccountId, units: &[UnitId], places: &Places) -> Vec<Setting> {
    let explained =
        Explained { policy, units, places, layers: Layers::of(account, units, places), settings: Vec::new() };
    explained.all(policy.for_account(account, Some(units)))
}

/// What an exception raises, for as long as it holds.
pub fn raised(exception: &Exception) -> Vec<Setting> {
    let until = exception.until.strftime("%Y-%m-%d %H:%M UTC");
    let one = |(limit, number): (Limit, u64)| {
        let value = match limit.row().unit {
            Unit::Count => json!(number),
            Unit::Usd => json!(Usd::micros(number)),
        };
        let shown = format!("{} until {until}", limit.amount(number));
        Setting { key: format!("limits.{}", limit.row().key), value, shown, origin: Origin::Exception }
    };
    exception.raised().map(one).collect()
}

struct Explained<'a> {
    policy: &'a Policy,
    units: &'a [UnitId],
    places: &'a Places,
    layers: Layers<'a>,
    settings: Vec<Setting>,
}

impl Explained<'_> {
    /// Each field by its name, so that none is forgotten which the function comes to know.
    fn all(mut self, meant: AccountPolicy) -> Vec<Setting> {
        let AccountPolicy {
            account,
            name,
            mode,
            limits,
            contain,
            exempt,
            notify,
            // Those of the whole policy, which has words for them.
            suspicion: _,
            grace: _,
            is_payer,
            closed_regions,
            // Learned by the function from what befalls it: no policy says it.
            denied_regions: _,
            trusted,
        } = meant;
        let name_origin = Origin::or_built_in(self.layers.of_own_key(&["name"]));
        self.put("name", json!(name), name_origin);
        let mode_origin = self.mode_origin(mode, &account, is_payer);
        self.put("mode", json!(mode), mode_origin);
        self.limits(&limits);
        self.notify(&notify);
        self.contain(&contain, is_payer);
        self.list("exempt.users", exempt.users.iter().map(|name| name.as_str()), str::eq);
        self.list("exempt.roles", exempt.roles.iter().map(|name| name.as_str()), str::eq);
        self.list("exempt.instances", exempt.instances.iter().map(|id| id.as_str()), str::eq);
        let admitted = trusted.accounts().iter().map(AccountId::as_str);
        self.list("trusted.accounts", admitted.chain(trusted.organizations().iter().map(String::as_str)), str::eq);
        self.list("trusted.providers", trusted.providers().iter().map(String::as_str), |name, written| {
            provider_name(written, &account) == name
        });
        self.everywhere("suspicion", json!(self.policy.document().suspicion));
        self.everywhere("grace", json!(self.policy.document().grace));
        self.everywhere("brake.haltsPerHour", json!(self.policy.halts_per_hour()));
        self.everywhere("schedule", json!(self.policy.document().schedule));
        self.reports();
        self.chat();
        self.closed(closed_regions.iter().map(|region| region.as_str()).collect());
        self.settings
    }

    fn put(&mut self, key: &str, value: Value, origin: Origin) {
        let shown = shown(&value);
        self.settings.push(Setting { key: key.to_owned(), value, shown, origin });
    }

    /// The account's own entry has a say, else the innermost unit that sets a mode, and for the payer its own rule; the
    /// whole policy has one besides. The least is obeyed: it comes from the first who says just that.
    fn mode_origin(&self, mode: Mode, account: &AccountId, is_payer: bool) -> Origin {
        let document = self.policy.document();
        let own = document.accounts.get(account).and_then(|own| own.mode);
        let of_unit = self.units.iter().rev().find_map(|unit| document.units.get(unit)?.mode);
        let written = own.or(of_unit).map(|said| (said, Origin::or_built_in(self.layers.of_key(&["mode"]))));
        let of_payer = (own.is_none() && is_payer).then_some((Mode::Drill, Origin::Payer));
        let said = [of_payer, written].into_iter().flatten().find(|(opinion, _)| *opinion == mode);
        said.map_or_else(|| Origin::or_built_in(self.places.of_key(&keys(&["mode"]))), |(_, origin)| origin)
    }

    fn limits(&mut self, limits: &Limits) {
        for row in &LIMITS {
            let origin = Origin::or_built_in(self.layers.of_key(&["limits", row.key]));
            let key = format!("limits.{}", row.key);
            match limits.thresholds.get(&row.limit) {
                None => self.put(&key, Value::Null, origin),
                Some(&number) => {
                    let value = match row.unit {
                        Unit::Count => json!(number),
                        Unit::Usd => json!(Usd::micros(number).dollars()),
                    };
                    let shown = row.limit.amount(number);
                    self.settings.push(Setting { key, value, shown, origin });
                }
            }
        }
        let origin = Origin::or_built_in(self.layers.of_key(&["limits", "warn"]));
        self.put("limits.warn", json!(limits.warn), origin);
    }

    fn notify(&mut self, list: &NotifyList) {
        let document = self.policy.document();
        let own = match list {
            NotifyList::Default => None,
            NotifyList::Unit(unit) => document.units.get(unit).and_then(|unit| unit.notify.as_ref()),
            NotifyList::Own(account) => document.accounts.get(account).and_then(|own| own.notify.as_ref()),
        };
        let written = self.layers.replacing(&["notify"]);
        for (index, address) in own.unwrap_or(&document.defaults.notify).iter().enumerate() {
            let origin = Origin::or_built_in(written.get(index).map(|(_, place)| *place));
            self.put("notify", json!(address), origin);
        }
    }

    fn contain(&mut self, contain: &Contain, is_payer: bool) {
        let Contain { instances, unstoppable, instance_store, users, roles, root, quarantine, models, lockdown } =
            contain;
        let written = |key: &str| Origin::or_built_in(self.layers.of_key(&["contain", key]));
        // The payer's people are left unless its own entry says otherwise; its root user is, and it is not bound,
        // whatever anybody writes.
        let lenient = |key: &str| match self.layers.of_own_key(&["contain", key]) {
            None if is_payer => Origin::Payer,
            _ => written(key),
        };
        let unbound = |key: &str| if is_payer { Origin::Payer } else { written(key) };
        // Without a quarantine models are not denied either, whatever their own key says.
        let of_models = unbound(if *quarantine { "models" } else { "quarantine" });
        let rows = [
            ("instances", json!(instances), written("instances")),
            ("unstoppable", json!(unstoppable), written("unstoppable")),
            ("instanceStore", json!(instance_store), written("instanceStore")),
            ("users", json!(users), lenient("users")),
            ("roles", json!(roles), lenient("roles")),
            ("root", json!(root), unbound("root")),
            ("quarantine", json!(quarantine), unbound("quarantine")),
            ("models", json!(models), of_models),
            ("lockdown", json!(lockdown), unbound("lockdown")),
        ];
        for (key, value, origin) in rows {
            self.put(&format!("contain.{key}"), value, origin);
        }
    }

    /// A list that adds up. `is_it` says whether an item means what is written somewhere.
    fn list<'i>(&mut self, key: &str, items: impl Iterator<Item = &'i str>, is_it: impl Fn(&str, &str) -> bool) {
        let path: Vec<&str> = key.split('.').collect();
        let mut is_empty = true;
        for item in items {
            is_empty = false;
            // Nobody wrote the payer, whom every account trusts.
            let origin =
                self.layers.of_item(&path, |written| is_it(item, written)).map_or(Origin::Payer, Origin::Written);
            self.put(key, json!(item), origin);
        }
        if is_empty {
            self.put(key, Value::Null, Origin::BuiltIn);
        }
    }

    /// What holds for every account, and can be written once.
    fn everywhere(&mut self, key: &str, value: Value) {
        let path: Vec<&str> = key.split('.').collect();
        let origin = Origin::or_built_in(self.places.of_key(&keys(&path)));
        self.put(key, value, origin);
    }

    fn reports(&mut self) {
        match self.policy.cost_reports() {
            None => self.everywhere("cur", Value::Null),
            Some(reports) => {
                self.everywhere("cur.bucket", json!(reports.bucket));
                // Empty for the whole bucket.
                self.everywhere("cur.prefix", json!(Some(reports.prefix).filter(|prefix| !prefix.is_empty())));
            }
        }
    }

    fn chat(&mut self) {
        let Some(ChatSettings { slack, teams }) = &self.policy.document().chat else {
            return self.everywhere("chat", Value::Null);
        };
        if let Some(SlackSettings { workspace, channel }) = slack {
            self.everywhere("chat.slack.workspace", json!(workspace));
            self.everywhere("chat.slack.channel", json!(channel));
        }
        if let Some(TeamsSettings { team, tenant, channel }) = teams {
            self.everywhere("chat.teams.team", json!(team));
            self.everywhere("chat.teams.tenant", json!(tenant));
            self.everywhere("chat.teams.channel", json!(channel));
        }
    }

    fn closed(&mut self, regions: Vec<&str>) {
        const KEY: &str = "organization.closedRegions";
        let written = self.places.items(&keys(&["organization", "closedRegions"]));
        for region in &regions {
            let place = written.iter().find(|(text, _)| text == region).map(|(_, place)| *place);
            self.put(KEY, json!(region), Origin::or_built_in(place));
        }
        if regions.is_empty() {
            self.put(KEY, Value::Null, Origin::BuiltIn);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::policy::setting::document;
    use crate::policy_file::PolicyFile;

    const SAMPLE: &str = include_str!("../../../../runawaytrain.yaml");
    const EVERYTHING: &str = include_str!("../../../core/tests/policies/good/everything.yaml");
    const SHARED: &str = r#"payer: "123456789012"
organization: {id: o-exampleorg, closedRegions: [ap-northeast-3]}
cur: {}
defaults: &base
  limits: {instances: 20, burn: 12.5}
  notify: &team
    - team@example.edu
  contain: {root: delete-credentials, quarantine: false, lockdown: true, users: delete-users}
  trusted:
    providers: ["arn:aws:iam::111111111111:oidc-provider/ci.example.edu"]
accounts:
  "111111111111":
    limits: {instances: 4}
    contain: {models: true}
    notify: *team
  "123456789012":
    contain: {roles: deny}
  "222222222222": {contain: {quarantine: true}, exempt: {users: [&me uploader]}}
  "333333333333": {exempt: {users: [*me]}, mode: pass}
"#;

    fn explained(text: &str, account: &str) -> Vec<(String, String, String)> {
        explained_in(text, account, &[])
    }

    fn explained_in(text: &str, account: &str, units: &[&str]) -> Vec<(String, String, String)> {
        let units: Vec<UnitId> = units.iter().map(|unit| UnitId::parse(unit).unwrap()).collect();
        let policy = PolicyFile::parse(Path::new("p.yaml"), text).unwrap().policy;
        let rows = settings(&policy, &AccountId::parse(account).unwrap(), &units, &Places::read(text).unwrap());
        rows.into_iter().map(|row| (row.key, row.shown, row.origin.told("p.yaml"))).collect()
    }

    fn of<'a>(rows: &'a [(String, String, String)], key: &str) -> Vec<(&'a str, &'a str)> {
        rows.iter().filter(|row| row.0 == key).map(|row| (row.1.as_str(), row.2.as_str())).collect()
    }

    /// The line, counted from 1, that begins so after another one.
    fn line(text: &str, after: &str, start: &str) -> String {
        let begun = text.lines().position(|line| line.starts_with(after)).unwrap();
        let found = text.lines().skip(begun).position(|line| line.trim_start().starts_with(start)).unwrap();
        format!("p.yaml:{}", begun + found + 1)
    }

    #[test]
    fn an_account_has_its_own_settings_and_the_defaults_below_them() {
        let rows = explained(SAMPLE, "111111111111");
        for (key, shown, after, start) in [
            ("name", "physics-lab", "accounts:", "name:"),
            ("mode", "drill", "accounts:", "mode:"),
            ("limits.instances", "4 instances", "accounts:", "instances:"),
            ("limits.burn", "USD 25.00/hour", "defaults:", "burn:"),
            ("limits.warn", "0.8", "defaults:", "warn:"),
            ("notify", "physics-admin@example.edu", "accounts:", "- physics-admin"),
            ("contain.users", "delete-credentials", "accounts:", "users:"),
            ("contain.roles", "revoke-sessions", "defaults:", "roles:"),
            ("exempt.roles", "telescope-control", "accounts:", "- telescope"),
            ("brake.haltsPerHour", "10", "brake:", "haltsPerHour:"),
            ("suspicion", "7d", "suspicion:", "suspicion:"),
        ] {
            assert_eq!(of(&rows, key), [(shown, line(SAMPLE, after, start).as_str())], "{key}");
        }
        for (key, shown, from) in [
            ("limits.purchases", "none", "default"),
            ("contain.root", "leave", "default"),
            ("contain.models", "true", "default"),
            ("exempt.instances", "none", "default"),
            ("trusted.accounts", "123456789012", "payer"),
            ("cur", "none", "default"),
            ("chat", "none", "default"),
            ("organization.closedRegions", "none", "default"),
        ] {
            assert_eq!(of(&rows, key), [(shown, from)], "{key}");
        }
    }

    #[test]
    fn an_account_that_is_not_named_has_the_defaults() {
        let rows = explained(SAMPLE, "999999999999");
        assert_eq!(of(&rows, "name"), [("none", "default")]);
        assert_eq!(of(&rows, "mode"), [("drill", line(SAMPLE, "mode:", "mode:").as_str())]);
        assert_eq!(of(&rows, "limits.instances"), [("20 instances", line(SAMPLE, "defaults:", "instances:").as_str())]);
    }

    #[test]
    fn the_payers_own_rule_is_named() {
        let rows = explained(SHARED, "123456789012");
        assert_eq!(of(&rows, "mode"), [("drill", "payer")]);
        assert_eq!(of(&rows, "contain.users"), [("leave", "payer")]);
        assert_eq!(of(&rows, "contain.roles"), [("deny", "p.yaml:17")]);
        for (key, shown) in [("root", "leave"), ("quarantine", "false"), ("models", "false"), ("lockdown", "false")] {
            assert_eq!(of(&rows, &format!("contain.{key}")), [(shown, "payer")], "{key}");
        }
        let told = explained(&SHARED.replace("cur: {}", "mode: pass"), "123456789012");
        assert_eq!(of(&told, "mode"), [("pass", "p.yaml:3")], "less than its own rule");
    }

    const UNITS: &str = r#"payer: "123456789012"
organization: {id: o-exampleorg}
defaults: {limits: {instances: 20, vcpus: 64}, notify: [team@example.edu], exempt: {users: [admin]}}
units:
  ou-exam-campus01:
    mode: drill
    limits: {instances: 10, vcpus: 32}
    notify: [campus@example.edu]
    exempt: {users: [scanner]}
  ou-exam-lasers01:
    limits: {instances: 6}
    contain: {users: leave}
accounts:
  "111111111111": {limits: {burn: 3}}
"#;

    #[test]
    fn what_a_unit_says_is_named_on_its_line_and_the_innermost_counts() {
        let rows = explained_in(UNITS, "111111111111", &["ou-exam-campus01", "ou-exam-lasers01"]);
        for (key, shown, from) in [
            ("mode", "drill", "p.yaml:6"),
            ("limits.instances", "6 instances", "p.yaml:11"),
            ("limits.vcpus", "32 vCPUs", "p.yaml:7"),
            ("limits.burn", "USD 3.00/hour", "p.yaml:14"),
            ("notify", "campus@example.edu", "p.yaml:8"),
            ("contain.users", "leave", "p.yaml:12"),
        ] {
            assert_eq!(of(&rows, key), [(shown, from)], "{key}");
        }
        assert_eq!(of(&rows, "exempt.users"), [("admin", "p.yaml:3"), ("scanner", "p.yaml:9")]);
        let rows = explained_in(UNITS, "111111111111", &["ou-exam-unnamed1"]);
        assert_eq!(of(&rows, "limits.instances"), [("20 instances", "p.yaml:3")]);
        let payer = explained_in(UNITS, "123456789012", &["ou-exam-lasers01"]);
        assert_eq!(
            (of(&payer, "mode"), of(&payer, "contain.users")),
            (vec![("drill", "payer")], vec![("leave", "payer")])
        );
    }

    #[test]
    fn models_are_denied_only_beside_a_quarantine() {
        assert_eq!(of(&explained(SHARED, "111111111111"), "contain.models"), [("false", "p.yaml:8")]);
        let rows = explained(SHARED, "222222222222");
        assert_eq!(of(&rows, "contain.quarantine"), [("true", "p.yaml:18")]);
        assert_eq!(of(&rows, "contain.models"), [("true", "default")]);
    }

    #[test]
    fn aliases_flow_maps_and_names_in_other_words_are_found() {
        let rows = explained(SHARED, "111111111111");
        assert_eq!(of(&rows, "limits.instances"), [("4 instances", "p.yaml:13")]);
        assert_eq!(of(&rows, "limits.burn"), [("USD 12.50/hour", "p.yaml:5")]);
        assert_eq!(of(&rows, "notify"), [("team@example.edu", "p.yaml:7")]);
        assert_eq!(of(&rows, "trusted.providers"), [("ci.example.edu", "p.yaml:10")]);
        assert_eq!(of(&rows, "organization.closedRegions"), [("ap-northeast-3", "p.yaml:2")]);
        assert_eq!(of(&rows, "cur.bucket"), [("runawaytrain-cur-123456789012", "default")]);
        let rows = explained(SHARED, "333333333333");
        assert_eq!(of(&rows, "exempt.users"), [("uploader", "p.yaml:19")]);
        assert_eq!(of(&rows, "mode"), [("pass", "p.yaml:19")]);
    }

    #[test]
    fn whatever_is_written_stands_on_its_line() {
        for text in [SAMPLE, EVERYTHING, SHARED, &EVERYTHING.replace('\n', "\r\n")] {
            let policy = PolicyFile::parse(Path::new("p.yaml"), text).unwrap().policy;
            let places = Places::read(text).unwrap();
            let units: Vec<UnitId> = policy.document().units.keys().cloned().collect();
            for account in ["111111111111", "222222222222", "333333333333", "123456789012", "999999999999"] {
                let rows = settings(&policy, &AccountId::parse(account).unwrap(), &units, &places);
                for row in rows.iter().filter(|row| row.origin.line().is_some() && row.key != "contain.models") {
                    let written = text.lines().nth(row.origin.line().unwrap() - 1).unwrap();
                    let said = match &row.value {
                        // Written as `1`, read as 1.0.
                        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
                        value => shown(value),
                    };
                    // An alias stands for what is written elsewhere.
                    assert!(
                        written.contains(&said) || written.contains('*'),
                        "{account} {}: {said} is not in {written:?}",
                        row.key
                    );
                }
            }
        }
    }

    #[test]
    fn a_program_gets_numbers_and_null() {
        let policy = PolicyFile::parse(Path::new("p.yaml"), SHARED).unwrap().policy;
        let account = AccountId::parse("111111111111").unwrap();
        let rows = settings(&policy, &account, &[], &Places::read(SHARED).unwrap());
        let unknown = document(&account, &[], &rows, "p.yaml", Some("the credentials have expired"));
        assert_eq!(unknown["exceptionUnknown"], "the credentials have expired");
        let document = document(&account, &[], &rows, "p.yaml", None);
        assert_eq!(document.get("exceptionUnknown"), None, "it is known");
        assert_eq!(document["account"], "111111111111");
        let of =
            |key: &str| document["values"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
        assert_eq!(of("limits.burn"), json!({"key": "limits.burn", "value": 12.5, "from": "p.yaml:5", "line": 5}));
        assert_eq!(of("limits.vcpus"), json!({"key": "limits.vcpus", "value": null, "from": "default", "line": null}));
        assert_eq!(of("contain.lockdown")["value"], true);
    }
}
