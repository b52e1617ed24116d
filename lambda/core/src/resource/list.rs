//! What is made of the list of kinds: one type of what is seen, one of what is done, and what each kind says of itself.

/// Takes the list, and makes `Kind`, `Sight` and `Action` of it where it stands.
macro_rules! kinds {
    ($($Kind:ident in $room:ident,)+) => {
        $(pub use $room::$Kind;)+

        /// A kind of resource.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("See [`", stringify!($room), "`].")] $Kind,)+
        }

        /// What a look at a kind brought.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Sight {
            $(#[doc = concat!("See [`", stringify!($room), "`].")] $Kind(<$room::$Kind as Subject>::Sight),)+
        }

        /// One call that changes an account.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(untagged)]
        pub enum Action {
            $(#[doc = concat!("See [`", stringify!($room), "`].")] $Kind($room::Action),)+
        }

        impl Action {
            /// The kind that it changes.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$Kind(_) => Kind::$Kind,)+ }
            }
        }

        $(impl From<$room::Action> for Action {
            fn from(action: $room::Action) -> Self {
                Self::$Kind(action)
            }
        })+

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$Kind),+];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$Kind => $room::$Kind::NAME,)+ }
            }

            /// What its look is needed for.
            pub fn need(self) -> Need {
                match self { $(Self::$Kind => $room::$Kind::NEED,)+ }
            }

            /// Where it is looked at.
            pub fn scope(self) -> Scope {
                match self { $(Self::$Kind => $room::$Kind::SCOPE,)+ }
            }

            /// With whose credentials it is looked at.
            pub fn caller(self) -> Caller {
                match self { $(Self::$Kind => $room::$Kind::CALLER,)+ }
            }

            /// With whose credentials it is changed.
            pub fn actor(self) -> Caller {
                match self { $(Self::$Kind => $room::$Kind::ACTOR,)+ }
            }

            /// What its look calls.
            pub fn reads(self) -> &'static [&'static str] {
                match self { $(Self::$Kind => $room::$Kind::READS,)+ }
            }

            /// What its actions call.
            pub fn calls(self) -> &'static [&'static str] {
                match self { $(Self::$Kind => $room::$Kind::CALLS,)+ }
            }

            /// What one of its calls is granted on.
            pub fn target(self, call: &str) -> Target {
                match self { $(Self::$Kind => $room::$Kind::target(call),)+ }
            }

            /// One call of each sort.
            pub fn samples(self) -> Vec<Action> {
                match self { $(Self::$Kind => $room::$Kind::samples().into_iter().map(Action::$Kind).collect(),)+ }
            }

            /// What runs and bills, in the singular.
            pub fn workload(self) -> Option<&'static str> {
                match self { $(Self::$Kind => $room::$Kind::WORKLOAD,)+ }
            }

            /// Whether what runs in its region is stopped only once this was looked at there.
            pub fn holds_up_stops(self) -> bool {
                match self { $(Self::$Kind => $room::$Kind::HOLDS_UP_STOPS,)+ }
            }

            /// Whether a halt under this policy wants anything of it.
            pub fn is_wanted(self, policy: &AccountPolicy) -> bool {
                match self { $(Self::$Kind => $room::$Kind::is_wanted(policy),)+ }
            }

            /// How closely a halt under this policy looks at it, after what refused in it.
            pub fn depth(self, policy: &AccountPolicy, refusals: &Refusals) -> Depth {
                match self { $(Self::$Kind => $room::$Kind::depth(policy, refusals),)+ }
            }

            /// How closely a halt that is proven looks at it from then on, but for once an hour.
            pub fn standing_depth(self, policy: &AccountPolicy, refusals: &Refusals) -> Depth {
                match self { $(Self::$Kind => $room::$Kind::standing_depth(policy, refusals),)+ }
            }

            /// How closely a release looks at it.
            pub fn release_depth(self) -> Depth {
                match self { $(Self::$Kind => $room::$Kind::RELEASE_DEPTH,)+ }
            }

            /// Says that a verdict rests on this look.
            pub fn expect(self, observation: &mut Observation, region: Option<&Region>) {
                match self { $(Self::$Kind => observation.expect::<$room::$Kind>(region),)+ }
            }

            /// Takes in what a look brought.
            pub fn see(self, observation: &mut Observation, region: Option<&Region>, seen: Seen<Sight>) {
                match self {
                    $(Self::$Kind => observation.see::<$room::$Kind>(region, seen.and_then(|sight| match sight {
                        Sight::$Kind(sight) => Ok(sight),
                        other => Err(self.mistaken(&other)),
                    })),)+
                }
            }

            /// What was seen of it in one place: whether it was answered, and why it could not be seen.
            pub fn answer<'a>(
                self,
                observation: &'a Observation,
                region: Option<&Region>,
            ) -> Option<Result<(), &'a Failure>> {
                match self { $(Self::$Kind => observation.of::<$room::$Kind>(region).map(|seen| seen.map(drop)),)+ }
            }

            /// The place of its look, as a gap names it.
            pub fn place(self, region: Option<&Region>) -> String {
                match self { $(Self::$Kind => $room::$Kind::place(region),)+ }
            }

            /// What of it the next looks of the same invocation need not see anew while it stays as it is.
            pub fn settled(
                self,
                policy: &AccountPolicy,
                observation: &Observation,
                region: Option<&Region>,
            ) -> Option<Sight> {
                match self {
                    $(Self::$Kind => match observation.of::<$room::$Kind>(region) {
                        Some(Ok(sight)) => $room::$Kind::settled(policy, sight).map(Sight::$Kind),
                        Some(Err(_)) | None => None,
                    },)+
                }
            }

            /// Adds what was seen of it in one place, as it counts and costs.
            pub fn count(
                self,
                policy: &AccountPolicy,
                observation: &Observation,
                region: Option<&Region>,
                summary: &mut Summary,
            ) {
                match self {
                    $(Self::$Kind => if let Some(Ok(sight)) = observation.of::<$room::$Kind>(region) {
                        $room::$Kind::count(policy, region, sight, &observation.prices, summary);
                    },)+
                }
            }

            /// Which prices what was seen in a place depends on.
            pub fn price_keys(self, observation: &Observation, region: Option<&Region>) -> BTreeMap<PriceKey, Vcpus> {
                match self {
                    $(Self::$Kind => match observation.of::<$room::$Kind>(region) {
                        Some(Ok(sight)) => $room::$Kind::price_keys(region, sight),
                        Some(Err(_)) | None => BTreeMap::new(),
                    },)+
                }
            }

            /// Plans the halt of what was seen, or could not be seen, in one place.
            pub fn plan(
                self,
                case: &HaltCase<'_>,
                region: Option<&Region>,
                observation: &Observation,
                plan: &mut Draft<Action>,
            ) {
                match self {
                    $(Self::$Kind => {
                        let mut draft = Draft::new();
                        match observation.of::<$room::$Kind>(region) {
                            Some(Ok(sight)) => $room::$Kind::plan(case, region, sight, observation, &mut draft),
                            Some(Err(_)) => $room::$Kind::plan_unseen(case, region, observation, &mut draft),
                            None => {}
                        }
                        plan.append(draft);
                    })+
                }
            }

            /// Plans what undoes the calls of this kind.
            pub fn undo<'a>(
                self,
                case: &ReleaseCase<'_>,
                standing: &'a [(Action, Suspicion)],
                undone: &'a [Action],
                seen: &Observation,
                plan: &mut Draft<Action>,
            ) {
                match self {
                    $(Self::$Kind => {
                        let own = |action: &'a Action| if let Action::$Kind(action) = action { Some(action) } else { None };
                        let done = |(action, suspicion): &'a (Action, Suspicion)| {
                            Some(Done { action: own(action)?, suspicion: *suspicion })
                        };
                        let touched = Touched {
                            standing: standing.iter().filter_map(done).collect(),
                            undone: undone.iter().filter_map(own).collect(),
                        };
                        let mut draft = Draft::new();
                        $room::$Kind::undo(case, &touched, seen, &mut draft);
                        plan.append(draft);
                    })+
                }
            }

            /// What runs for a thing of this name, by id.
            pub fn members(self, name: &str, seen: &Observation) -> BTreeSet<String> {
                match self { $(Self::$Kind => $room::$Kind::members(name, seen),)+ }
            }

            /// How what a release started stands now.
            pub fn revival(self, started: &[Action], seen: &Observation) -> Revival {
                match self {
                    $(Self::$Kind => {
                        let own = |action| if let &Action::$Kind(ref action) = action { Some(action) } else { None };
                        $room::$Kind::revival(&started.iter().filter_map(own).collect::<Vec<_>>(), seen)
                    })+
                }
            }

            /// Adds what a release brought back by these calls.
            pub fn bring_back(
                self,
                policy: &AccountPolicy,
                done: &[Action],
                seen: &Observation,
                back: &mut Returned,
            ) {
                match self {
                    $(Self::$Kind => {
                        let own = |action| if let &Action::$Kind(ref action) = action { Some(action) } else { None };
                        $room::$Kind::bring_back(policy, &done.iter().filter_map(own).collect::<Vec<_>>(), seen, back);
                    })+
                }
            }

            /// What people must look at after a halt.
            pub fn suspects(self, policy: &AccountPolicy, suspicion: Suspicion, seen: &Observation) -> Vec<String> {
                match self { $(Self::$Kind => $room::$Kind::suspects(policy, suspicion, seen),)+ }
            }

            /// What a halt under this policy does to it.
            pub fn announce(self, policy: &AccountPolicy) -> Option<&'static str> {
                match self { $(Self::$Kind => $room::$Kind::announce(policy),)+ }
            }
        }

        impl Sight {
            /// The kind that was looked at.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$Kind(_) => Kind::$Kind,)+ }
            }
        }

        impl Act for Action {
            fn describe(&self) -> Description {
                match self { $(Self::$Kind(action) => action.describe(),)+ }
            }

            fn undo(&self) -> Undo<Self> {
                match self {
                    $(Self::$Kind(action) => match action.undo() {
                        Undo::By(undo) => Undo::By(undo.into()),
                        Undo::Never => Undo::Never,
                        Undo::NotNeeded => Undo::NotNeeded,
                        Undo::IsUndo => Undo::IsUndo,
                    },)+
                }
            }

            fn given_back_by(&self) -> Option<Asked<'_>> {
                match self { $(Self::$Kind(action) => action.given_back_by(),)+ }
            }

            fn region(&self) -> Option<&Region> {
                match self { $(Self::$Kind(action) => action.region(),)+ }
            }

            fn items(&self) -> Vec<&str> {
                match self { $(Self::$Kind(action) => action.items(),)+ }
            }

            fn principal(&self) -> Option<&str> {
                match self { $(Self::$Kind(action) => action.principal(),)+ }
            }

            fn waits_for(&self, before: &Self) -> bool {
                match (self, before) {
                    $((Self::$Kind(action), Self::$Kind(before)) => action.waits_for(before),)+
                    _ => false,
                }
            }

            fn names_nothing(&self) -> bool {
                match self { $(Self::$Kind(action) => action.names_nothing(),)+ }
            }

            fn with_items(&self, some: &[&str]) -> Option<Self> {
                match self { $(Self::$Kind(action) => action.with_items(some).map(Self::$Kind),)+ }
            }

            fn clearing(&self, item: &str, refused: FailureKind) -> Vec<Self> {
                match self {
                    $(Self::$Kind(action) => action.clearing(item, refused).into_iter().map(Self::$Kind).collect(),)+
                }
            }

            fn quota(&self) -> Option<Quota> {
                match self { $(Self::$Kind(action) => action.quota(),)+ }
            }

            fn erases(&self) -> &[Erasure] {
                match self { $(Self::$Kind(action) => action.erases(),)+ }
            }

            fn repeats(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$Kind(one), Self::$Kind(other)) => one.repeats(other),)+
                    _ => false,
                }
            }
        }

        impl fmt::Display for Action {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$Kind(action) => action.fmt(f),)+ }
            }
        }

        /// As the journal has it, in today's form or an older one.
        impl<'de> Deserialize<'de> for Action {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = stored::modernize(serde_json::Value::deserialize(deserializer)?);
                $(if let Ok(action) = serde_json::from_value::<$room::Action>(value.clone()) {
                    return Ok(Self::$Kind(action));
                })+
                Err(serde::de::Error::custom(format_args!("no kind of resource knows the action {value}")))
            }
        }
    };
}
