//! Takes batches apart. One bad id must not save the others, and a thousand must not each cost a call and another.
//!
//! EC2 does all of a batch or nothing of it, and names no more than one offender. So the offenders are taken out, one
//! refusal after the other; after a few the rest goes on in smaller pieces. What a call can clear the way for is
//! cleared as it is named, beside the calls that find the next, and is then tried again together with others.

use std::collections::{BTreeSet, VecDeque};

use runawaytrain_core::plan::{ActionResult, Outcome};
use runawaytrain_core::resource::{Act, Action, Part};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};

/// Pieces of batches under way at once: EC2 takes 50 calls at once and 5 a second after that.
const MOST_PIECES: usize = 4;
/// Calls under way at once that clear the way, or switch launchers off.
const MOST_SINGLES: usize = 8;
/// So many refusals of a piece that name an offender: then what is left of it goes on in smaller ones.
const FEW: u32 = 2;
/// So many refusals of a batch that name nobody: then it is no longer halved.
const MANY: u32 = 8;
/// A piece is cut into so many; one of no more than twice as many into single members.
const CUTS: usize = 8;
/// So many members whose way was cleared are tried again together.
const TOGETHER: usize = 50;
/// So many members denied one by one, and nothing taken at all: then it is not about the members.
const DENIED_UNTIL_OURS: u32 = 8;
/// The same where an earlier invocation found that it is not.
const DENIED_AGAIN: u32 = 2;
/// So many members refused one by one for their state, and nothing taken at all: then all are on their way to it.
const NOT_YET: u32 = 16;

/// Past so many parts for which there is no room, there is none for the rest either: what AWS has not got, it has not
/// got in smaller pieces.
const MOST_WITHOUT_ROOM: u32 = 50;

/// Actions of one end, and what they were taken apart into.
pub(super) struct Batches {
    batches: Vec<Batch>,
    waiting: VecDeque<Piece>,
    clearing: VecDeque<Clearing>,
    pieces_under_way: usize,
    clearing_under_way: usize,
    most_pieces: usize,
}

/// An action as it was planned, and what became of it so far.
struct Batch {
    action: Action,
    /// Whether it is taken apart where we are denied it.
    splits_denials: bool,
    /// So many members denied one by one, and nothing taken at all, until it is given up.
    most_denied: u32,
    /// Whether a member was taken.
    is_taken: bool,
    /// Whether we are permitted the call at all: something was taken, or refused for what it is.
    is_permitted: bool,
    denied_alone: u32,
    not_yet: u32,
    unnamed: u32,
    /// How many parts found a quota used up, or no capacity.
    without_room: u32,
    /// Nothing more of it is tried.
    given_up: bool,
    /// Pieces that wait or are under way.
    pieces: usize,
    /// Members whose way is being cleared.
    being_cleared: usize,
    /// Members whose way is clear: tried again together.
    clear: Vec<String>,
    /// Members whose way was cleared before: not a second time.
    cleared: BTreeSet<String>,
    /// Whether a call was refused for a member.
    has_refused: bool,
}

/// What is to be called next.
pub(super) enum Step {
    Piece(Piece),
    Clearing(Box<Clearing>),
}

/// A part of a batch.
pub(super) struct Piece {
    batch: usize,
    action: Action,
    refusals: u32,
}

/// What clears the way for a member that refused.
pub(super) struct Clearing {
    batch: usize,
    item: String,
    refusal: Outcome,
    action: Action,
    then: VecDeque<Action>,
}

impl Step {
    /// The call.
    pub fn action(&self) -> &Action {
        match self {
            Self::Piece(piece) => &piece.action,
            Self::Clearing(clearing) => &clearing.action,
        }
    }
}

impl Batches {
    /// Whole actions, to be tried first.
    pub fn new(
        actions: &[Action],
        splits_denials: impl Fn(&Action) -> bool,
        was_denied: impl Fn(&Action) -> bool,
    ) -> Self {
        let most_denied = |action: &Action| if was_denied(action) { DENIED_AGAIN } else { DENIED_UNTIL_OURS };
        let batch = |action: &Action| Batch::new(action.clone(), splits_denials(action), most_denied(action));
        let whole = |(batch, action): (usize, &Action)| Piece { batch, action: action.clone(), refusals: 0 };
        Self {
            batches: actions.iter().map(batch).collect(),
            waiting: actions.iter().enumerate().map(whole).collect(),
            clearing: VecDeque::new(),
            pieces_under_way: 0,
            clearing_under_way: 0,
            most_pieces: most_at_once(actions),
        }
    }

    /// The next call; `None` while enough are under way, or when there is none left.
    pub fn next(&mut self) -> Option<Step> {
        if self.clearing_under_way < MOST_SINGLES
            && let Some(clearing) = self.clearing.pop_front()
        {
            self.clearing_under_way += 1;
            return Some(Step::Clearing(Box::new(clearing)));
        }
        if self.pieces_under_way >= self.most_pieces {
            return None;
        }
        let piece = self.cleared_piece().or_else(|| self.waiting.pop_front())?;
        self.pieces_under_way += 1;
        Some(Step::Piece(piece))
    }

    /// Whether a call of the same batch was refused for one of its members.
    pub fn has_refused(&self, step: &Step) -> bool {
        let Step::Piece(piece) = step else { return false };
        self.batches.get(piece.batch).is_some_and(|batch| batch.has_refused)
    }

    /// Takes a call back that was not taken, to be the next.
    pub fn take_back(&mut self, step: Step) {
        match step {
            Step::Piece(piece) => {
                self.pieces_under_way -= 1;
                self.waiting.push_front(piece);
            }
            Step::Clearing(clearing) => {
                self.clearing_under_way -= 1;
                self.clearing.push_front(*clearing);
            }
        }
    }

    /// Takes a call back that was not made, to come in pieces of so many members; the next is the first of them.
    pub fn cut(&mut self, step: Step, most: usize) {
        let Step::Piece(Piece { batch, action, refusals }) = step else { return };
        self.pieces_under_way -= 1;
        self.of(batch).pieces -= 1;
        for items in action.items().chunks(most.max(1)).rev() {
            self.of(batch).pieces += 1;
            self.waiting.push_front(Piece { batch, action: some(&action, items), refusals });
        }
    }

    /// Takes in what came of a call: the outcomes that stand. There is none where a part is tried again in pieces, or
    /// after its way was cleared. Throttling never splits a batch: more calls would only be throttled more.
    pub fn settle(&mut self, step: Step, outcome: Outcome) -> Vec<Outcome> {
        match step {
            Step::Clearing(clearing) => {
                self.clearing_under_way -= 1;
                self.settle_clearing(*clearing, outcome)
            }
            Step::Piece(piece) => {
                self.pieces_under_way -= 1;
                self.of(piece.batch).pieces -= 1;
                self.settle_piece(piece, outcome)
            }
        }
    }

    /// Takes in that a call was not made, for it would be denied. Of a member whose way could not be cleared so, the
    /// refusal stands.
    pub fn abandon(&mut self, step: Step) -> Vec<Outcome> {
        match step {
            Step::Clearing(clearing) => {
                self.clearing_under_way -= 1;
                self.of(clearing.batch).being_cleared -= 1;
                vec![clearing.refusal]
            }
            Step::Piece(piece) => {
                self.pieces_under_way -= 1;
                self.of(piece.batch).pieces -= 1;
                Vec::new()
            }
        }
    }

    /// What was denied to us, and nothing of it permitted.
    pub fn denied(&self) -> impl Iterator<Item = &Action> {
        self.batches.iter().filter(|batch| batch.denied_alone > 0 && !batch.is_permitted).map(|batch| &batch.action)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "whatever is called carries the number of its batch, and none is removed"
    )]
    fn of(&mut self, number: usize) -> &mut Batch {
        &mut self.batches[number]
    }

    /// Members whose way was cleared, when they are enough or nobody else is to come.
    fn cleared_piece(&mut self) -> Option<Piece> {
        let is_ready = |batch: &Batch| {
            let is_last = batch.pieces == 0 && batch.being_cleared == 0;
            batch.clear.len() >= TOGETHER || (is_last && !batch.clear.is_empty())
        };
        let number = self.batches.iter().position(is_ready)?;
        let batch = self.of(number);
        let items = std::mem::take(&mut batch.clear);
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        let action = batch.action.with_items(&items)?;
        batch.pieces += 1;
        Some(Piece { batch: number, action, refusals: 0 })
    }

    fn settle_clearing(&mut self, mut clearing: Clearing, outcome: Outcome) -> Vec<Outcome> {
        let has_failed = matches!(outcome.result, ActionResult::Failed { .. });
        if !has_failed && let Some(next) = clearing.then.pop_front() {
            clearing.action = next;
            self.clearing.push_front(clearing);
            return vec![outcome];
        }
        let batch = self.of(clearing.batch);
        batch.being_cleared -= 1;
        if has_failed {
            return vec![outcome, clearing.refusal];
        }
        batch.clear.push(clearing.item);
        vec![outcome]
    }

    fn settle_piece(&mut self, piece: Piece, outcome: Outcome) -> Vec<Outcome> {
        let batch = self.of(piece.batch);
        let ActionResult::Failed { failure } = &outcome.result else {
            (batch.is_taken, batch.is_permitted) = (true, true);
            return vec![outcome];
        };
        let failure = failure.clone();
        match blame(failure.kind, piece.action.part()) {
            Blame::Nobody => vec![outcome],
            Blame::AMemberOrRoom => {
                batch.is_permitted = true;
                batch.without_room += 1;
                if batch.without_room > MOST_WITHOUT_ROOM {
                    return vec![outcome];
                }
                self.take_apart(piece, &failure, outcome)
            }
            Blame::AMember => {
                batch.is_permitted = true;
                let alone = piece.action.items().len() < 2;
                batch.not_yet += u32::from(alone && failure.kind == FailureKind::WrongState);
                if batch.not_yet >= NOT_YET && !batch.is_taken {
                    batch.given_up = true;
                }
                self.take_apart(piece, &failure, outcome)
            }
            Blame::AMemberOrUs => {
                let alone = piece.action.items().len() < 2;
                batch.denied_alone += u32::from(alone);
                if batch.denied_alone >= batch.most_denied && !batch.is_permitted {
                    batch.given_up = true;
                }
                if alone || !batch.splits_denials {
                    let mut outcomes = vec![outcome];
                    outcomes.extend(self.let_go(piece.batch, &failure));
                    return outcomes;
                }
                self.take_apart(piece, &failure, outcome)
            }
        }
    }

    /// The innocent together and each suspect alone, where AWS named some of them; otherwise smaller pieces. Every id
    /// is in exactly one part, so a wrong hint costs a call and never an instance.
    fn take_apart(&mut self, piece: Piece, failure: &Failure, outcome: Outcome) -> Vec<Outcome> {
        let Piece { batch: number, action, refusals } = piece;
        self.of(number).has_refused = true;
        if self.of(number).given_up {
            let mut outcomes = vec![outcome];
            outcomes.extend(self.let_go(number, failure));
            return outcomes;
        }
        let items = action.items();
        let is_named = |id: &&str| items.len() == 1 || failure.named.iter().any(|named| named == id);
        let (suspects, innocent): (Vec<&str>, Vec<&str>) = items.iter().partition(|id| is_named(id));
        let mut unclear = Vec::new();
        for suspect in &suspects {
            if !self.clear(number, &action, suspect, failure) {
                unclear.push(*suspect);
            }
        }
        if suspects.is_empty() || unclear.len() == items.len() {
            if unclear.len() == 1 || items.is_empty() {
                return vec![outcome];
            }
            self.of(number).unnamed += 1;
            let smaller = if self.of(number).unnamed > MANY { cut(&items) } else { halves(&items) };
            self.add(number, &action, smaller, failure);
            return Vec::new();
        }
        let refusals = refusals + 1;
        if !innocent.is_empty() && refusals < FEW {
            self.push(Piece { batch: number, action: some(&action, &innocent), refusals }, goes_deep(failure.kind));
        } else if !innocent.is_empty() {
            self.add(number, &action, cut(&innocent), failure);
        }
        // The many before the few.
        for id in unclear {
            self.push(Piece { batch: number, action: some(&action, &[id]), refusals: 0 }, false);
        }
        Vec::new()
    }

    /// Clears the way for a member, where something does and has not been tried.
    fn clear(&mut self, number: usize, action: &Action, item: &str, failure: &Failure) -> bool {
        let batch = self.of(number);
        let mut then: VecDeque<Action> = action.clearing(item, failure.kind).into();
        if batch.cleared.contains(item) {
            return false;
        }
        let Some(first) = then.pop_front() else { return false };
        batch.cleared.insert(item.to_owned());
        batch.being_cleared += 1;
        let refusal =
            Outcome { action: some(action, &[item]), result: ActionResult::Failed { failure: failure.clone() } };
        self.clearing.push_back(Clearing { batch: number, item: item.to_owned(), refusal, action: first, then });
        true
    }

    fn add(&mut self, batch: usize, action: &Action, pieces: Vec<Vec<&str>>, failure: &Failure) {
        for items in pieces {
            self.push(Piece { batch, action: some(action, &items), refusals: 0 }, goes_deep(failure.kind));
        }
    }

    /// Pieces wait at the end, so that wholes are tried first, unless it is to be known soon whether single ones
    /// refuse.
    fn push(&mut self, piece: Piece, goes_deep: bool) {
        self.of(piece.batch).pieces += 1;
        if goes_deep { self.waiting.push_front(piece) } else { self.waiting.push_back(piece) }
    }

    /// Once a batch is given up, what waits of it was refused with the whole.
    fn let_go(&mut self, number: usize, failure: &Failure) -> Vec<Outcome> {
        if !self.of(number).given_up {
            return Vec::new();
        }
        let (gone, kept) = std::mem::take(&mut self.waiting).into_iter().partition(|piece| piece.batch == number);
        self.waiting = kept;
        let gone: VecDeque<Piece> = gone;
        self.of(number).pieces -= gone.len();
        let refused = |piece: Piece| Outcome {
            action: piece.action,
            result: ActionResult::Failed { failure: Failure { named: Vec::new(), ..failure.clone() } },
        };
        gone.into_iter().map(refused).collect()
    }
}

impl Batch {
    fn new(action: Action, splits_denials: bool, most_denied: u32) -> Self {
        Self {
            action,
            splits_denials,
            most_denied,
            is_taken: false,
            is_permitted: false,
            denied_alone: 0,
            not_yet: 0,
            unnamed: 0,
            without_room: 0,
            given_up: false,
            pieces: 1,
            being_cleared: 0,
            clear: Vec::new(),
            cleared: BTreeSet::new(),
            has_refused: false,
        }
    }
}

/// How many actions of one end may be under way at once. What locks somebody out, or gives something back, goes step by
/// step.
fn most_at_once(actions: &[Action]) -> usize {
    match actions.first().map(Act::part) {
        Some(Part::Disarm | Part::Prepare) => MOST_SINGLES,
        Some(Part::Stop) => MOST_PIECES,
        Some(Part::Freeze | Part::Lock | Part::Strip | Part::GiveBack | Part::Restart) | None => 1,
    }
}

/// Who may be to blame for a refusal.
enum Blame {
    /// One member, so that taking it out saves the others.
    AMember,
    /// One member, or whoever asks: a call is permitted for all of its members or refused.
    AMemberOrUs,
    /// One member for which there is no room, or all of them.
    AMemberOrRoom,
    /// No member. To split a batch that was throttled there would be more calls against the same quota.
    Nobody,
}

fn blame(kind: FailureKind, part: Part) -> Blame {
    match kind {
        FailureKind::NotFound
        | FailureKind::WrongState
        | FailureKind::Unsupported
        | FailureKind::Protected
        | FailureKind::Invalid => Blame::AMember,
        FailureKind::Denied => Blame::AMemberOrUs,
        FailureKind::QuotaFull if part == Part::Restart => Blame::AMemberOrRoom,
        FailureKind::Credentials
        | FailureKind::Throttled
        | FailureKind::Contended
        | FailureKind::QuotaFull
        | FailureKind::Unavailable
        | FailureKind::NotBegun
        | FailureKind::Other => Blame::Nobody,
    }
}

/// Whether a refusal may be that of all members, for a reason that is none of theirs: then single ones are tried soon.
fn goes_deep(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Denied | FailureKind::WrongState | FailureKind::QuotaFull => true,
        FailureKind::NotFound
        | FailureKind::Unsupported
        | FailureKind::Protected
        | FailureKind::Invalid
        | FailureKind::Credentials
        | FailureKind::Throttled
        | FailureKind::Contended
        | FailureKind::Unavailable
        | FailureKind::NotBegun
        | FailureKind::Other => false,
    }
}

/// The same call for some of its members. What cannot be taken apart stays whole: nothing is lost by it.
fn some(action: &Action, items: &[&str]) -> Action {
    action.with_items(items).unwrap_or_else(|| action.clone())
}

fn halves<'a>(items: &[&'a str]) -> Vec<Vec<&'a str>> {
    let (first, second) = items.split_at(items.len() / 2);
    [first, second].into_iter().filter(|half| !half.is_empty()).map(<[&str]>::to_vec).collect()
}

fn cut<'a>(items: &[&'a str]) -> Vec<Vec<&'a str>> {
    let size = if items.len() <= 2 * CUTS { 1 } else { items.len().div_ceil(CUTS) };
    items.chunks(size).map(<[&str]>::to_vec).collect()
}

#[cfg(test)]
mod tests;
