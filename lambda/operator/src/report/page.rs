//! The page: one document that needs nothing else, not even a script, and says the same on a desk, on a phone and on
//! paper.

mod parts;

use runawaytrain_core::record::FreezeReason;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_core::vocabulary::text::{count, listed};

use crate::report::calls::{Group, Line, STARTED_AGAIN};
use crate::report::escape::escape;
use crate::report::{LastHalt, Report, Running};

use parts::{Table, bars, change, foreign, stretch, time, words};

const STYLE: &str = include_str!("page/page.css");

/// The longest part of a file's name that an account's name may make.
const LONGEST_NAME: usize = 60;

/// The document.
pub fn page(report: &Report) -> String {
    let (name, state) = (escape(&report.name), report.state);
    let sections = [
        halt_sections(report),
        section(
            "running",
            if report.halt.is_some() { "What ran, and what runs" } else { "What runs" },
            &running(report),
        ),
        report.halt.as_ref().map(calls).unwrap_or_default(),
        section("left", "What a halt leaves alone", &left_alone(report)),
        section("release", "How to release it", &release(report)),
    ];
    // Nothing is fetched, and no script runs, whatever somebody may have smuggled in.
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{name}: {state} – runawaytrain</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{header}<main>\n{sections}</main>\n{footer}</body>\n</html>\n",
        header = header(report),
        sections = sections.concat(),
        footer = footer(report),
    )
}

/// What the page is called where nobody names a file: of the account's name only what is harmless in one.
pub fn file_name(report: &Report) -> String {
    let is_harmless = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = report.name.split(|character: char| !is_harmless(character)).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join("-").chars().take(LONGEST_NAME).collect();
    let name = if name.is_empty() { report.account.to_string() } else { name };
    format!("runawaytrain-report-{name}-{}.html", report.written.strftime("%Y-%m-%d"))
}

fn section(id: &str, title: &str, body: &str) -> String {
    format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n{body}</section>\n")
}

fn header(report: &Report) -> String {
    let state = report.state.to_string();
    let unseen = report
        .unseen
        .as_ref()
        .map(|why| format!("<p class=\"warning\">It cannot be seen whole: {}</p>\n", foreign(why)));
    let id = if report.name == report.account.as_str() {
        String::new()
    } else {
        format!("<p class=\"id\">AWS account {}</p>\n", report.account)
    };
    format!(
        "<header>\n<p class=\"kind\">runawaytrain · report on an account</p>\n<h1>{name}</h1>\n{id}\
         <div class=\"state {class}\">\n<p class=\"badge\">{state}</p>\n<p class=\"meaning\">{meaning}</p>\n\
         <p class=\"since\">Since {since} UTC. Reason: {why}.</p>\n{unseen}</div>\n{facts}</header>\n",
        name = foreign(&report.name),
        class = state.to_ascii_lowercase(),
        meaning = report.meaning,
        since = time(report.since),
        why = foreign(report.why.trim_end_matches('.')),
        unseen = unseen.unwrap_or_default(),
        facts = facts(report),
    )
}

/// The four numbers that everybody asks for first.
fn facts(report: &Report) -> String {
    let before = report.halt.as_ref().map(|halt| halt.before);
    let of = |read: fn(&Running) -> String| {
        let (before, now) = (before.as_ref().map(read), report.now.as_ref().map(read));
        change(before.as_deref(), now.as_deref())
    };
    let mut facts =
        vec![("Instances", of(|running| at_least(running, &running.instances))), ("USD per hour", of(cost))];
    match &report.halt {
        Some(halt) => {
            let proof = halt.seconds_to_proof.map_or_else(|| "not yet".to_owned(), stretch);
            facts.extend(halt.freeze.is_none().then_some(("Proven after", proof)));
            facts.push(("Calls", told_calls(halt)));
        }
        None => facts.push(("vCPUs", of(|running| at_least(running, &running.vcpus)))),
    }
    let facts: String =
        facts.iter().map(|(what, said)| format!("<div><dt>{what}</dt><dd>{said}</dd></div>\n")).collect();
    format!("<dl class=\"facts\">\n{facts}</dl>\n")
}

fn told_calls(halt: &LastHalt) -> String {
    let lines = halt.groups.iter().flat_map(|group| &group.calls);
    let failed: u64 = lines.clone().filter(|line| line.call.result == "failed").map(|line| line.times).sum();
    let failed = if failed == 0 { String::new() } else { format!(" <small>{failed} failed</small>") };
    format!("{}{failed}", lines.map(|line| line.times).sum::<u64>())
}

fn halt_sections(report: &Report) -> String {
    let Some(halt) = &report.halt else {
        return section("happened", "What happened", "<p>This account was never halted or frozen.</p>\n");
    };
    let begun = format!("<p>{}</p>\n", begun(halt));
    let sums = match &halt.sums[..] {
        [] => String::new(),
        sums => format!("<h3>In sum</h3>\n{}", list("sums", sums)),
    };
    let earlier = match halt.earlier {
        0 => String::new(),
        earlier => format!(
            "<p class=\"remark\">{} before this one may still hold something: \
             <code>runawaytrain history {}</code></p>\n",
            count(earlier as u64, "halt"),
            report.account
        ),
    };
    let happened = section("happened", "What happened", &format!("{begun}{}{sums}{earlier}", timeline(halt)));
    if halt.resisted.is_empty() {
        return happened;
    }
    format!("{happened}{}", section("resisted", "What resisted", &resisted(halt)))
}

/// How it came about.
fn begun(halt: &LastHalt) -> String {
    let frozen = |why: &str| format!("It was frozen and not halted, because {why}.");
    let causes: Vec<String> = halt.causes.iter().map(|cause| format!("<strong>{}</strong>", escape(cause))).collect();
    let causes = listed(&causes);
    match (halt.freeze, causes.is_empty()) {
        (None, true) => "Somebody ordered the halt.".to_owned(),
        (None, false) => format!("The account was past its limit, with {causes}, and was halted."),
        (Some(FreezeReason::ShutOut), _) => frozen("it refused the guard"),
        (Some(FreezeReason::Throttled), _) => frozen("somebody in it used up the calls by which it is watched"),
        (Some(FreezeReason::BrakeUnknown), _) => {
            format!("Past its limit, with {causes}. {}", frozen("whether it may be halted could not be asked"))
        }
        (Some(FreezeReason::Brake), _) => {
            format!("Past its limit, with {causes}. {}", frozen("too many accounts were halted in that hour"))
        }
        (Some(FreezeReason::Purchases), _) => {
            format!("Past its limit, with {causes}. {}", frozen("a halt gives no money back"))
        }
    }
}

fn timeline(halt: &LastHalt) -> String {
    let moment = |moment: &super::Moment| {
        let after = if moment.seconds <= 0 {
            String::new()
        } else {
            format!(" <span class=\"after\">+ {}</span>", stretch(moment.seconds))
        };
        let remark = if moment.remark.is_empty() {
            String::new()
        } else {
            format!(" <span class=\"remark\">{}</span>", escape(&moment.remark))
        };
        format!(
            "<li><span class=\"at\">{}{after}</span><span><strong>{}</strong>{remark}</span></li>\n",
            time(moment.at),
            moment.what
        )
    };
    format!("<ol class=\"timeline\">\n{}</ol>\n", halt.timeline.iter().map(moment).collect::<String>())
}

fn list(class: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("<li>{}</li>\n", foreign(line))).collect();
    format!("<ul class=\"{class}\">\n{lines}</ul>\n")
}

fn resisted(halt: &LastHalt) -> String {
    let rows = halt.resisted.iter().map(|one| vec![time(one.at), words(&one.what), words(&one.why)]);
    let columns = ["Last tried (UTC)", "Call", "Why"];
    let table = Table { named_by: "resisted", class: "calls three", columns: &columns, head: 1, rows: rows.collect() };
    format!("<p>These calls came to nothing, and no later one made up for them.</p>\n{}", table.markup())
}

/// Reads a number of what ran, and how it is shown.
type Read = fn(&Running) -> (f64, String);

fn running(report: &Report) -> String {
    let (before, now) = (report.halt.as_ref().map(|halt| halt.before), report.now);
    if before.is_none() && now.is_none() {
        return "<p>Nobody has looked at it yet.</p>\n".to_owned();
    }
    let sizes: [(&str, Read); 4] = [
        ("Instances that count", |of| (of.instances as f64, at_least(of, &of.instances))),
        ("Exempt instances", |of| (of.exempt as f64, at_least(of, &of.exempt))),
        ("vCPUs", |of| (of.vcpus as f64, at_least(of, &of.vcpus))),
        ("USD per hour", |of| (of.usd_per_hour.dollars(), cost(of))),
    ];
    let sizes = sizes.iter().map(|(what, read)| Compared {
        what: (*what).to_owned(),
        before: before.as_ref().map(read),
        now: now.as_ref().map(read),
    });
    let has_exempt = before.iter().chain(&now).any(|of| of.exempt > 0);
    let sizes = sizes.filter(|line| has_exempt || !line.what.starts_with("Exempt"));
    let sizes = compared("running", "", &sizes.collect::<Vec<_>>(), None);
    let regions = report.regions.iter().map(|one| {
        let number = |count: Option<u64>| count.map(|count| (count as f64, count.to_string()));
        Compared { what: foreign(&one.region), before: number(one.before), now: number(one.now) }
    });
    let most = report.regions.iter().filter_map(|one| one.before.max(one.now)).max().unwrap_or_default() as f64;
    let regions = match &regions.collect::<Vec<_>>()[..] {
        [] => "<p>No instance in any region.</p>\n".to_owned(),
        regions => compared("regions", "Region", regions, Some(most)),
    };
    let key = before.map(|_| {
        "<p class=\"key\"><span class=\"was\">when it began</span> \
         <span class=\"is\">at the last look</span></p>\n"
    });
    format!(
        "{key}{sizes}<h3 id=\"regions\">Instances by region</h3>\n\
         <p class=\"remark\">Exempt instances included.</p>\n{regions}{remarks}",
        key = key.unwrap_or_default(),
        remarks = remarks(report),
    )
}

/// A number as it was and as it is, with how it is shown.
struct Compared {
    /// As markup.
    what: String,
    before: Option<(f64, String)>,
    now: Option<(f64, String)>,
}

/// A table of them; `most` is what a whole bar stands for, else the larger of the two of each row.
fn compared(named_by: &str, first: &str, lines: &[Compared], most: Option<f64>) -> String {
    let has_before = lines.iter().any(|line| line.before.is_some());
    let row = |line: &Compared| {
        let size = |of: &Option<(f64, String)>| of.as_ref().map_or(0.0, |(size, _)| *size);
        let shown = |of: &Option<(f64, String)>| of.as_ref().map_or_else(|| "–".to_owned(), |(_, shown)| shown.clone());
        let (before, now) = (size(&line.before), size(&line.now));
        let mut cells = vec![line.what.clone()];
        if has_before {
            cells.push(shown(&line.before));
        }
        cells.push(shown(&line.now));
        if has_before {
            cells.push(bars(before, now, most.unwrap_or(before.max(now))));
        }
        cells
    };
    let first = if first.is_empty() { "Measure" } else { first };
    let columns: &[&str] = if has_before { &[first, "Before", "Last look", "Chart"] } else { &[first, "Last look"] };
    let class = if has_before { "compared" } else { "compared single" };
    Table { named_by, class, columns, head: 0, rows: lines.iter().map(row).collect() }.markup()
}

/// A number of what ran; where not all could be seen, it may be more.
fn at_least(of: &Running, number: &impl ToString) -> String {
    let number = number.to_string();
    if of.lower_bound { format!("≥ {number}") } else { number }
}

/// What runs costs. What was seen before anybody asked for its price costs something all the same.
fn cost(of: &Running) -> String {
    let is_unpriced = of.lower_bound && of.instances > 0 && of.usd_per_hour == Usd::ZERO;
    if is_unpriced { "not known".to_owned() } else { at_least(of, &of.usd_per_hour) }
}

fn remarks(report: &Report) -> String {
    let (before, now) = (report.halt.as_ref().map(|halt| halt.before), report.now);
    let starts = |halt: &LastHalt| halt.groups.iter().any(|group| group.heading == STARTED_AGAIN);
    let remarks = [
        (
            before.is_some_and(|of| of.lower_bound),
            "When it began, not all had been seen yet: there may have been more.",
        ),
        (now.is_some_and(|of| of.lower_bound), "At the last look, not all could be seen: there may be more."),
        (
            before.iter().chain(&now).any(|of| of.estimated > Usd::ZERO),
            "A part of the USD per hour is estimated, on the high side: Spot, or types without a list price.",
        ),
        (report.halt.as_ref().is_some_and(starts), "What a release started since the last look is not counted yet."),
    ];
    let told = remarks.iter().filter(|(holds, _)| *holds);
    told.map(|(_, remark)| format!("<p class=\"remark\">{remark}</p>\n")).collect()
}

fn calls(halt: &LastHalt) -> String {
    let groups: String = halt.groups.iter().enumerate().map(|(number, of)| group(number, of)).collect();
    let none = if groups.is_empty() { "<p>The journal has no call of it.</p>\n" } else { "" };
    section("calls", "What was done, call by call", &format!("{none}{groups}"))
}

fn group(number: usize, group: &Group) -> String {
    let id = format!("calls-{number}");
    let has_reasons = group.calls.iter().any(|line| line.call.reason.is_some());
    let row = |line: &Line| {
        let call = &line.call;
        let class = call.result.replace(' ', "-");
        let result = format!("<span class=\"result {class}\">{}</span>", call.result.replace('-', " "));
        let mut cells = vec![times(line), words(&call.text), result];
        if has_reasons {
            cells.push(call.reason.as_deref().map(words).unwrap_or_default());
        }
        cells
    };
    let columns: &[&str] =
        if has_reasons { &["Time (UTC)", "Call", "Outcome", "Why"] } else { &["Time (UTC)", "Call", "Outcome"] };
    let rows = group.calls.iter().map(row).collect();
    let table = Table { named_by: &id, class: "calls", columns, head: 1, rows };
    format!("<h3 id=\"{id}\">{}</h3>\n{}", group.heading, table.markup())
}

fn times(line: &Line) -> String {
    let first = time(line.call.at);
    match line.times {
        ..2 => first,
        times => format!("{first}, <br>{times} times, last <br>{}", time(line.last)),
    }
}

fn left_alone(report: &Report) -> String {
    let rows = report.left_alone.iter().map(|left| vec![foreign(&left.what), foreign(&left.why)]).collect();
    let table = Table { named_by: "left", class: "left", columns: &["What", "Why"], head: 0, rows };
    format!(
        "<p>By the policy and the last look. The mail about a halt names each thing that it met and left.</p>\n{}",
        table.markup()
    )
}

fn release(report: &Report) -> String {
    let way = |way: &super::release::Way| {
        format!("<li><p>{}</p>\n<pre><code>{}</code></pre></li>\n", foreign(&way.does), escape(&way.command))
    };
    let ways: String = report.release.ways.iter().map(way).collect();
    let ways = if ways.is_empty() { ways } else { format!("<ul class=\"ways\">\n{ways}</ul>\n") };
    let gone = match &report.release.gone[..] {
        [] => String::new(),
        gone => format!("<h3>What no release gives back</h3>\n<p>It has to be made anew.</p>\n{}", list("gone", gone)),
    };
    let nameless = match report.release.nameless {
        0 => String::new(),
        number => format!(
            "<p class=\"remark\">There is no command here for {} with characters that cannot be shown. Look in \
             the account: nobody chooses such a name without a reason.</p>\n",
            count(number, "name")
        ),
    };
    format!("<p>{}</p>\n{ways}{nameless}{gone}", escape(&report.release.said))
}

fn footer(report: &Report) -> String {
    format!(
        "<footer>\n<p>Put together {} UTC by runawaytrain {} from the guard’s record of the account and its journal. \
         Times are UTC. USD per hour is AWS’s On-Demand list price of what runs on EC2.</p>\n</footer>\n",
        time(report.written),
        env!("CARGO_PKG_VERSION"),
    )
}
