//! Which paths a source file names, and where they lead.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::Visit;

use super::source::Source;

/// A path in the code, as it is written, with the module in which it stands.
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) module: Vec<String>,
    pub(crate) segments: Vec<String>,
    /// The name under which a `pub use` hands it on.
    pub(crate) exported: Option<String>,
}

/// All paths of this file, also those in macros.
pub(crate) fn named(source: &Source) -> Vec<Named> {
    let mut finder = Finder { module: source.module.clone(), found: Vec::new() };
    finder.visit_file(&source.file);
    finder.found
}

struct Finder {
    module: Vec<String>,
    found: Vec<Named>,
}

impl Finder {
    fn add(&mut self, line: usize, segments: Vec<String>, exported: Option<String>) {
        self.found.push(Named { line, module: self.module.clone(), segments, exported });
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &[String], is_public: bool) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        let line = tree.span().start().line;
        match tree {
            syn::UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident), is_public),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.tree(tree, before, is_public));
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                self.add(line, before.to_vec(), None);
            }
            syn::UseTree::Name(name) => {
                self.add(line, with(&name.ident), is_public.then(|| name.ident.to_string()));
            }
            syn::UseTree::Rename(name) => {
                self.add(line, with(&name.ident), is_public.then(|| name.rename.to_string()));
            }
            syn::UseTree::Glob(_) => self.add(line, before.to_vec(), None),
        }
    }

    /// `a::b` wherever it stands among these tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons, mut line) = (Vec::<String>::new(), 0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(line, &mut path);
                    }
                    line = ident.span().start().line;
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.end(line, &mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.end(line, &mut path);
    }

    fn end(&mut self, line: usize, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.add(line, std::mem::take(path), None);
        }
    }
}

impl<'a> Visit<'a> for Finder {
    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let is_public = !matches!(item.vis, syn::Visibility::Inherited);
        self.tree(&item.tree, &[], is_public);
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        self.module.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(path.span().start().line, segments, None);
        syn::visit::visit_path(self, path);
    }

    // `pub(super)` names a module and uses nothing of it.
    fn visit_visibility(&mut self, _: &'a syn::Visibility) {}

    fn visit_macro(&mut self, item: &'a syn::Macro) {
        self.visit_path(&item.path);
        self.tokens(item.tokens.clone());
    }
}

/// The modules of the program, and what each hands on of others.
pub(crate) struct Modules {
    all: BTreeSet<Vec<String>>,
    exports: BTreeMap<Vec<String>, Vec<String>>,
}

impl Modules {
    pub(crate) fn of(sources: &[Source]) -> Self {
        let all = sources.iter().map(|source| source.module.clone()).collect();
        let mut modules = Self { all, exports: BTreeMap::new() };
        for source in sources {
            for named in named(source) {
                let Some(name) = &named.exported else { continue };
                let Some(target) = modules.absolute(&named) else { continue };
                let place = [&named.module[..], std::slice::from_ref(name)].concat();
                if place != target {
                    modules.exports.insert(place, target);
                }
            }
        }
        modules
    }

    /// Where this path leads, from the root; none if it leads out of the program, or begins with a
    /// name that a `use` has brought in.
    pub(crate) fn absolute(&self, named: &Named) -> Option<Vec<String>> {
        let (mut base, mut rest) = (named.module.clone(), &named.segments[..]);
        match rest.first()?.as_str() {
            "crate" | "synod" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            first => {
                base.push(first.to_owned());
                if !self.all.contains(&base) {
                    return None;
                }
                rest = &rest[1..];
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The module that this path names directly, whoever the item belongs to.
    pub(crate) fn stated(&self, path: &[String]) -> Vec<String> {
        let known = (0..=path.len()).rev().map(|end| &path[..end]);
        known.into_iter().find(|prefix| self.all.contains(*prefix)).unwrap_or(&[]).to_vec()
    }

    /// The module that has the item of this path, behind everything that hands it on.
    pub(crate) fn owner(&self, path: &[String]) -> Vec<String> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let ends = (1..=path.len()).rev();
            let handed_on =
                ends.into_iter().find_map(|end| Some((self.exports.get(&path[..end])?, end)));
            let Some((target, end)) = handed_on else { break };
            path = [&target[..], &path[end..]].concat();
        }
        self.stated(&path)
    }
}
