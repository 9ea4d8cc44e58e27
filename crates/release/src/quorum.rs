//! Who counts for which role of an approval, and who is still needed.
//!
//! Each person counts once, and may have several roles. A yes that was given without naming one
//! counts where it is needed: as what, is worked out anew with each further yes, so that nobody who
//! has one role only comes too late. Nothing here ever lets a person count for a role that they lack.

use std::collections::{BTreeMap, BTreeSet};

use crate::people::{Person, has_role};
use crate::plan::{Approval, Role, Work};
use crate::state::{State, Vote};

/// The votes of an approval, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// For each vote, in their order, the role that it counts for. None: it counts for nothing.
    pub roles: Vec<Option<Role>>,
    /// How many yes votes each role still lacks.
    pub missing: BTreeMap<Role, u32>,
    /// How many of those nobody is left to give.
    pub hopeless: BTreeMap<Role, u32>,
}

/// Counts the votes of an approval; with none for any other kind of step.
pub fn count(state: &State, index: usize) -> Count {
    count_with(state, index, None)
}

/// The same as if this person had said yes as well.
pub(crate) fn count_with(state: &State, index: usize, person: Option<&Person>) -> Count {
    let Work::Approval(approval) = &state.program.plan.steps[index].work else { return Count::default() };
    let votes = &state.steps[index].votes;
    let wanted = wanted(approval);
    let mut ballots: Vec<Vec<Role>> = Vec::new();
    let mut seen = BTreeSet::new();
    for vote in votes {
        let counts = seen.insert(vote.by.as_str());
        ballots.push(if counts { roles_of_vote(state, &wanted, vote) } else { Vec::new() });
    }
    if let Some(person) = person {
        seen.insert(&person.name);
        ballots.push(match &person.role {
            Some(role) => vec![role.clone()],
            None => roles_of(state, &wanted, &person.name),
        });
    }
    let given = ballots.len();
    ballots.extend(others(state, approval, &wanted, &seen));
    let mut table = Table { wanted: &wanted, ballots: &ballots, seats: BTreeMap::new() };
    // Whoever has said yes comes first: those who have not only decide between equal seats.
    for ballot in 0..ballots.len() {
        table.seat(ballot, &mut BTreeSet::new());
    }
    let role_of = |ballot: usize| {
        table.seats.iter().find(|(_, seated)| seated.contains(&ballot)).map(|(role, _)| role.clone())
    };
    let lacking = |counts: &dyn Fn(usize) -> bool| {
        let lacks = |(role, wanted): (&Role, &u32)| {
            let seated = table.seats.get(role).map_or(&[][..], Vec::as_slice);
            let filled = seated.iter().filter(|ballot| counts(**ballot)).count();
            let lacks = wanted.saturating_sub(u32::try_from(filled).unwrap_or(u32::MAX));
            (lacks > 0).then(|| (role.clone(), lacks))
        };
        wanted.iter().filter_map(lacks).collect()
    };
    Count {
        roles: (0..given).map(role_of).collect(),
        missing: lacking(&|ballot| ballot < given),
        hopeless: lacking(&|_| true),
    }
}

/// How many of which role. A quorum that names none wants one yes of anyone.
fn wanted(approval: &Approval) -> BTreeMap<Role, u32> {
    if approval.quorum.is_empty() {
        return BTreeMap::from([(Role::from("anyone"), 1)]);
    }
    approval.quorum.clone()
}

fn roles_of_vote(state: &State, wanted: &BTreeMap<Role, u32>, vote: &Vote) -> Vec<Role> {
    // What it was given as comes first, and is all where the person said so.
    let mut roles = vec![vote.role.clone()];
    if vote.any_role {
        roles.extend(roles_of(state, wanted, &vote.by).into_iter().filter(|role| *role != vote.role));
    }
    roles
}

fn roles_of(state: &State, wanted: &BTreeMap<Role, u32>, name: &str) -> Vec<Role> {
    let person = Person { name: name.to_owned(), role: None };
    wanted.keys().filter(|role| has_role(state, &person, role)).cloned().collect()
}

/// Those who may still say yes. For a role that nobody was given, and so anyone may take, there is
/// always somebody.
fn others(
    state: &State,
    approval: &Approval,
    wanted: &BTreeMap<Role, u32>,
    voted: &BTreeSet<&str>,
) -> Vec<Vec<Role>> {
    let listed = |role: &Role| state.program.plan.roles.get(role).filter(|people| !people.is_empty());
    let names: BTreeSet<&str> = wanted.keys().filter_map(listed).flatten().map(String::as_str).collect();
    let may = |name: &&str| {
        !voted.contains(name) && (approval.starter_may_approve || *name != state.starter.name())
    };
    let mut others: Vec<Vec<Role>> =
        names.into_iter().filter(may).map(|name| roles_of(state, wanted, name)).collect();
    for (role, count) in wanted.iter().filter(|(role, _)| listed(role).is_none()) {
        others.extend((0..*count).map(|_| vec![role.clone()]));
    }
    others
}

/// Seats and who takes them: a maximum matching, by augmenting paths. Whoever has a seat keeps one.
struct Table<'a> {
    wanted: &'a BTreeMap<Role, u32>,
    ballots: &'a [Vec<Role>],
    seats: BTreeMap<Role, Vec<usize>>,
}

impl Table<'_> {
    /// Seats a ballot, if others can move so that all of them have a seat.
    fn seat(&mut self, ballot: usize, asked: &mut BTreeSet<Role>) -> bool {
        let ballots = self.ballots;
        for role in &ballots[ballot] {
            let Some(&wanted) = self.wanted.get(role) else { continue };
            if !asked.insert(role.clone()) {
                continue;
            }
            let seated = self.seats.entry(role.clone()).or_default().clone();
            if seated.len() < wanted as usize {
                self.seats.entry(role.clone()).or_default().push(ballot);
                return true;
            }
            for (at, other) in seated.into_iter().enumerate() {
                if self.seat(other, asked) {
                    if let Some(seats) = self.seats.get_mut(role) {
                        seats[at] = ballot;
                    }
                    return true;
                }
            }
        }
        false
    }
}
