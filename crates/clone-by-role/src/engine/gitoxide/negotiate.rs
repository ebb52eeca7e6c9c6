//! What is here already, told to the server in rounds until it knows enough to leave it out.

use std::collections::HashSet;

use gix::negotiate::{Algorithm, Negotiator, window_size};

use super::errors;
use crate::engine::Advertisement;
use crate::{ObjectId, Result, Step};

/// After so many commits in a row that the server does not know, a walk that found something common is given up.
const IN_VAIN: usize = 256;

/// The commits that the refs of a repository lead to, without duplicates.
pub(super) fn tips(repository: &gix::Repository) -> Result<Vec<gix::ObjectId>> {
    let failed = |error| errors::gix(Step::Fetch, "the refs that are here cannot be read", error);
    let mut tips = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |id: gix::ObjectId| {
        // A ref to something else than a commit, or to an object that is gone, has nothing to offer.
        if let Ok(object) = repository.find_object(id)
            && let Ok(commit) = object.peel_to_commit()
            && seen.insert(commit.id)
        {
            tips.push(commit.id);
        }
    };
    if let Ok(head) = repository.head_id() {
        add(head.detach());
    }
    let references = repository.references().map_err(failed)?;
    for reference in references.all().map_err(failed)?.flatten() {
        if let Some(id) = reference.target().try_id() {
            add(id.to_owned());
        }
    }
    Ok(tips)
}

/// The walk over the commits that are here.
pub(super) struct Negotiation<'repo> {
    negotiator: Box<dyn Negotiator>,
    graph: gix::negotiate::Graph<'repo, 'static>,
    /// What the server acknowledged. A server without memory is told again each time.
    common: Vec<ObjectId>,
    window: usize,
    in_vain: usize,
    found_common: bool,
    ready: bool,
}

/// What to say in one round.
pub(super) struct Round {
    pub(super) haves: Vec<ObjectId>,
    pub(super) done: bool,
}

impl<'repo> Negotiation<'repo> {
    pub(super) fn new(
        repository: &'repo gix::Repository,
        tips: &[gix::ObjectId],
        advertisement: &Advertisement,
    ) -> Result<Self> {
        let mut negotiation = Self {
            negotiator: Algorithm::Consecutive.into_negotiator(),
            graph: gix::negotiate::Graph::new(&repository.objects, None),
            common: Vec::new(),
            window: window_size(true, None),
            in_vain: 0,
            found_common: false,
            ready: false,
        };
        negotiation.start(repository, tips, advertisement).map_err(walk_failed)?;
        Ok(negotiation)
    }

    fn start(
        &mut self,
        repository: &gix::Repository,
        tips: &[gix::ObjectId],
        advertisement: &Advertisement,
    ) -> gix::Result<()> {
        for remote in &advertisement.refs {
            let id = gix::ObjectId::from(*remote.peeled.unwrap_or(remote.id).as_bytes());
            // Commits that are here and on the server need not be walked past.
            if repository.find_header(id).is_ok_and(|header| header.kind() == gix::objs::Kind::Commit) {
                self.negotiator.known_common(id, &mut self.graph)?;
            }
        }
        for tip in tips {
            self.negotiator.add_tip(*tip, &mut self.graph)?;
        }
        Ok(())
    }

    /// What to say next.
    pub(super) fn round(&mut self) -> Result<Round> {
        let mut haves = self.common.clone();
        let mut new = 0;
        while new < self.window && !self.ready {
            match self.negotiator.next_have(&mut self.graph) {
                Some(id) => haves.push(object_id(&id.map_err(walk_failed)?)),
                None => break,
            }
            new += 1;
        }
        self.in_vain += new;
        let done = new < self.window || (self.found_common && self.in_vain >= IN_VAIN);
        self.window = window_size(true, Some(self.window));
        Ok(Round { haves, done })
    }

    /// Learns from the answer to a round.
    pub(super) fn learn(&mut self, common: &[ObjectId], ready: bool) -> Result<()> {
        for id in common {
            let gix_id = gix::ObjectId::from(*id.as_bytes());
            // An id that was never offered would make the walk read objects at the server's wish.
            if self.graph.contains(&gix_id) {
                self.negotiator.in_common_with_remote(gix_id, &mut self.graph).map_err(walk_failed)?;
                self.found_common = true;
                self.in_vain = 0;
                if !self.common.contains(id) {
                    self.common.push(*id);
                }
            }
        }
        self.ready |= ready;
        Ok(())
    }
}

pub(super) fn object_id(id: &gix::oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(id.as_bytes());
    ObjectId::from_bytes(bytes)
}

fn walk_failed(error: gix::Error) -> crate::Error {
    errors::gix(Step::Fetch, "the history that is here cannot be walked", error)
}
