//! Which of the server's refs a clone takes, and what becomes of them here.
//!
//! Pure: an advertisement and a wish in, wants and local refs out. The rules are those of stock git's
//! `builtin/clone.c`, for a user without any configuration.

use std::num::NonZeroU32;

use crate::engine::{Advertisement, RemoteRef, Want};
use crate::{Error, ErrorKind, ObjectId, Result, Step, ref_name};

/// The branch that stock git falls back to where the server names none.
const DEFAULT_BRANCH: &str = "refs/heads/master";

/// What of the repository is wished for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) target: Target,
    pub(crate) depth: Option<NonZeroU32>,
    pub(crate) single_branch: bool,
    pub(crate) bare: bool,
}

/// What `HEAD` shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Target {
    /// The branch of the server's `HEAD`.
    #[default]
    Default,
    /// A branch, or a tag where there is no such branch, by its short name.
    Branch(String),
    /// A tag by its short name, or any ref by its full one; `HEAD` is detached.
    Ref(String),
    /// A commit; `HEAD` is detached.
    Commit(ObjectId),
}

/// What to receive and, after that, to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The server's refs that are taken.
    mapped: Vec<RemoteRef>,
    /// Tags to take if their objects come along.
    follow_tags: Vec<RemoteRef>,
    commits: Vec<ObjectId>,
    pub(crate) head: Head,
    /// The full name of the server's default branch, where it is among the refs taken.
    pub(crate) remote_head: Option<String>,
    /// The value of `remote.origin.fetch`.
    pub(crate) refspec: Option<String>,
    bare: bool,
}

/// What `HEAD` becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// On this branch (full name), at this commit.
    Branch(String, ObjectId),
    /// On no branch, at this commit.
    Detached(ObjectId),
    /// On this branch (full name), which has no commit yet.
    Unborn(String),
}

impl Head {
    pub(crate) fn commit(&self) -> Option<ObjectId> {
        match self {
            Self::Branch(_, commit) | Self::Detached(commit) => Some(*commit),
            Self::Unborn(_) => None,
        }
    }

    /// The branch's short name.
    pub(crate) fn branch(&self) -> Option<&str> {
        match self {
            Self::Branch(name, _) | Self::Unborn(name) => Some(short(name)),
            Self::Detached(_) => None,
        }
    }
}

impl Selection {
    pub(crate) fn new(wish: &Wish, server: &Advertisement) -> Result<Self> {
        let named = server.refs.iter().map(|remote_ref| &remote_ref.name).chain(&server.head_target);
        if let Some(bad) = named.into_iter().find(|name| !ref_name::is_valid(name)) {
            return Err(Error::new(
                ErrorKind::Protocol,
                Step::Connect,
                format!(
                    "the server lists a ref whose name breaks git's rules: {:?}",
                    bad.chars().take(100).collect::<String>()
                ),
            ));
        }
        let single = wish.single_branch || wish.depth.is_some();
        let pointed = guess_head(server, &server.refs);
        let (head, mapped, commits) = match &wish.target {
            Target::Commit(commit) => {
                let mapped = if single { Vec::new() } else { branches_and_tags(server) };
                (Head::Detached(*commit), mapped, if single { vec![*commit] } else { Vec::new() })
            }
            Target::Ref(name) => {
                let found = find_tag_or_ref(server, name)?;
                (Head::Detached(peeled(found)), mapped(server, single, Some(found)), Vec::new())
            }
            Target::Branch(name) => {
                let found = find_branch_or_tag(server, name)?;
                let head = if found.name.starts_with("refs/heads/") {
                    Head::Branch(found.name.clone(), found.id)
                } else {
                    Head::Detached(peeled(found))
                };
                (head, mapped(server, single, Some(found)), Vec::new())
            }
            Target::Default => {
                let head = default_head(server, pointed);
                let commits = match head {
                    Head::Detached(commit) => vec![commit],
                    _ => Vec::new(),
                };
                let tip = head.branch().and_then(|_| pointed.or_else(|| server.find(DEFAULT_BRANCH)));
                (head, mapped(server, single, tip), commits)
            }
        };
        let remote_head = guess_head(server, &mapped).map(|remote_ref| remote_ref.name.clone());
        let follow_tags = match wish.target {
            Target::Commit(_) if single => Vec::new(),
            _ if single => tags(server).filter(|tag| !mapped.contains(tag)).cloned().collect(),
            _ => Vec::new(),
        };
        let refspec = refspec(wish, single, &mapped);
        Ok(Self { mapped, follow_tags, commits, head, remote_head, refspec, bare: wish.bare })
    }

    /// What an engine is asked to receive.
    pub(crate) fn want(&self, depth: Option<NonZeroU32>) -> Want {
        // HEAD may stand where no ref does; where a ref does, the ref is asked for.
        let commits = self.commits.iter().filter(|id| !self.mapped.iter().any(|mapped| mapped.id == **id)).copied();
        Want { refs: self.mapped.clone(), commits: commits.collect(), depth, include_tag: !self.follow_tags.is_empty() }
    }

    /// Tags that the server lists and that are taken if their objects came along.
    pub(crate) fn follow_tags(&self) -> &[RemoteRef] {
        &self.follow_tags
    }

    /// The refs to write, under their local names, besides `HEAD` and what it names. `came` are the tags that came along.
    pub(crate) fn local_refs(&self, came: &[RemoteRef]) -> Vec<RemoteRef> {
        let mut local: Vec<RemoteRef> = self
            .mapped
            .iter()
            .chain(came)
            .filter_map(|remote_ref| {
                let name = match remote_ref.name.strip_prefix("refs/heads/") {
                    Some(branch) if !self.bare => format!("refs/remotes/origin/{branch}"),
                    Some(_) => remote_ref.name.clone(),
                    None if remote_ref.name.starts_with("refs/tags/") => remote_ref.name.clone(),
                    None => return None,
                };
                Some(RemoteRef { name, ..remote_ref.clone() })
            })
            .collect();
        local.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        local
    }
}

/// A ref's name without `refs/heads/`.
fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").unwrap_or(name)
}

fn peeled(remote_ref: &RemoteRef) -> ObjectId {
    remote_ref.peeled.unwrap_or(remote_ref.id)
}

fn tags(server: &Advertisement) -> impl Iterator<Item = &RemoteRef> {
    server.refs.iter().filter(|remote_ref| remote_ref.name.starts_with("refs/tags/"))
}

fn branches_and_tags(server: &Advertisement) -> Vec<RemoteRef> {
    let branches = server.refs.iter().filter(|remote_ref| remote_ref.name.starts_with("refs/heads/"));
    branches.chain(tags(server)).cloned().collect()
}

fn mapped(server: &Advertisement, single: bool, tip: Option<&RemoteRef>) -> Vec<RemoteRef> {
    if single {
        return tip.cloned().into_iter().collect();
    }
    let mut all = branches_and_tags(server);
    if let Some(tip) = tip.filter(|tip| !all.contains(tip)) {
        all.push(tip.clone());
    }
    all
}

/// The branch that the server's `HEAD` stands for: the one it names, else, as in git's `guess_remote_head`, one at the
/// same commit, the default branch before others.
fn guess_head<'a>(server: &Advertisement, among: &'a [RemoteRef]) -> Option<&'a RemoteRef> {
    let head = server.head?;
    if let Some(target) = &server.head_target {
        return among.iter().find(|remote_ref| remote_ref.name == *target);
    }
    let default = among.iter().find(|remote_ref| remote_ref.name == DEFAULT_BRANCH && remote_ref.id == head);
    default
        .or_else(|| among.iter().find(|remote_ref| remote_ref.name.starts_with("refs/heads/") && remote_ref.id == head))
}

fn default_head(server: &Advertisement, pointed: Option<&RemoteRef>) -> Head {
    match (pointed, server.head) {
        (Some(branch), _) => Head::Branch(branch.name.clone(), branch.id),
        (None, Some(commit)) => Head::Detached(commit),
        (None, None) => {
            let name =
                server.head_target.as_deref().filter(|name| name.starts_with("refs/heads/")).unwrap_or(DEFAULT_BRANCH);
            match server.find(name) {
                Some(branch) => Head::Branch(branch.name.clone(), branch.id),
                None => Head::Unborn(name.to_owned()),
            }
        }
    }
}

fn find_branch_or_tag<'a>(server: &'a Advertisement, name: &str) -> Result<&'a RemoteRef> {
    server.find(&format!("refs/heads/{name}")).or_else(|| server.find(&format!("refs/tags/{name}"))).ok_or_else(|| {
        Error::new(ErrorKind::RevisionNotFound, Step::Connect, format!("the repository has no branch or tag {name:?}"))
            .with_help(near(server, name))
    })
}

fn find_tag_or_ref<'a>(server: &'a Advertisement, name: &str) -> Result<&'a RemoteRef> {
    let found = if name.starts_with("refs/") { server.find(name) } else { server.find(&format!("refs/tags/{name}")) };
    found.ok_or_else(|| {
        let error =
            Error::new(ErrorKind::RevisionNotFound, Step::Connect, format!("the repository has no tag {name:?}"));
        if server.find(&format!("refs/heads/{name}")).is_some() {
            error.with_help(format!("{name} is a branch: ask for it as one"))
        } else {
            error.with_help(near(server, name))
        }
    })
}

/// What the repository does have, for somebody who mistyped.
fn near(server: &Advertisement, name: &str) -> String {
    let all = server.refs.iter().filter_map(|remote_ref| {
        remote_ref.name.strip_prefix("refs/heads/").or_else(|| remote_ref.name.strip_prefix("refs/tags/"))
    });
    let folded = name.to_lowercase();
    if let Some(same) = all.clone().find(|other| other.to_lowercase() == folded) {
        return format!("it has {same:?}: names are case-sensitive");
    }
    let some: Vec<_> = all.clone().take(5).collect();
    match (some.len(), all.count()) {
        (0, _) => "the repository is empty".into(),
        (shown, total) if shown == total => format!("it has {}", some.join(", ")),
        (_, total) => format!("it has {} branches and tags, among them {}", total, some.join(", ")),
    }
}

fn refspec(wish: &Wish, single: bool, mapped: &[RemoteRef]) -> Option<String> {
    if wish.bare {
        return None;
    }
    if !single {
        return Some("+refs/heads/*:refs/remotes/origin/*".into());
    }
    let tip = mapped.first()?;
    Some(match tip.name.strip_prefix("refs/heads/") {
        Some(branch) => format!("+{}:refs/remotes/origin/{branch}", tip.name),
        None => format!("+{0}:{0}", tip.name),
    })
}
