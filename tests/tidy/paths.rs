//! Which paths a source file names, and where they lead.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::Visit;

/// A path in the code, as it is written, with the module in which it stands.
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) module: Vec<String>,
    pub(crate) segments: Vec<String>,
    /// The name that a `use` gives it in its module.
    pub(crate) alias: Option<String>,
    /// True of a `pub use`.
    pub(crate) is_exported: bool,
}

/// All paths of this file, also those in macros.
pub(crate) fn named(module: &[String], file: &syn::File) -> Vec<Named> {
    let mut finder = Finder { module: module.to_vec(), found: Vec::new() };
    finder.visit_file(file);
    finder.found
}

struct Finder {
    module: Vec<String>,
    found: Vec<Named>,
}

impl Finder {
    fn add(&mut self, line: usize, segments: Vec<String>) {
        let module = self.module.clone();
        self.found.push(Named { line, module, segments, alias: None, is_exported: false });
    }

    fn add_use(&mut self, line: usize, segments: Vec<String>, alias: String, is_exported: bool) {
        let module = self.module.clone();
        self.found.push(Named { line, module, segments, alias: Some(alias), is_exported });
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
                if let Some(last) = before.last() {
                    self.add_use(line, before.to_vec(), last.clone(), is_public);
                }
            }
            syn::UseTree::Name(name) => {
                self.add_use(line, with(&name.ident), name.ident.to_string(), is_public);
            }
            syn::UseTree::Rename(name) => {
                self.add_use(line, with(&name.ident), name.rename.to_string(), is_public);
            }
            syn::UseTree::Glob(_) => self.add(line, before.to_vec()),
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
            self.add(line, std::mem::take(path));
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
        self.add(path.span().start().line, segments);
        syn::visit::visit_path(self, path);
    }

    // `pub(super)` names a module and uses nothing of it.
    fn visit_visibility(&mut self, _: &'a syn::Visibility) {}

    fn visit_macro(&mut self, item: &'a syn::Macro) {
        self.visit_path(&item.path);
        self.tokens(item.tokens.clone());
    }
}

/// The modules of the program, and what each `use` brings into them.
pub(crate) struct Modules {
    all: BTreeSet<Vec<String>>,
    /// What each hands on of others.
    exports: BTreeMap<Vec<String>, Vec<String>>,
    /// All that a `use` gives a name.
    aliases: BTreeMap<Vec<String>, Vec<String>>,
}

impl Modules {
    /// Of the files' modules, and all that is named in them.
    pub(crate) fn of<'a>(
        modules: impl IntoIterator<Item = &'a [String]>,
        named: impl Clone + Iterator<Item = &'a Named>,
    ) -> Self {
        let all = modules.into_iter().map(<[String]>::to_vec).collect();
        let mut modules = Self { all, exports: BTreeMap::new(), aliases: BTreeMap::new() };
        for named in named {
            let Some(name) = &named.alias else { continue };
            let Some(target) = modules.absolute(named) else { continue };
            let place = [&named.module[..], std::slice::from_ref(name)].concat();
            if place != target {
                if named.is_exported {
                    modules.exports.insert(place.clone(), target.clone());
                }
                modules.aliases.insert(place, target);
            }
        }
        modules
    }

    /// True of a `use` that brings in a whole module: what is used of it, other paths tell.
    pub(crate) fn is_module_use(&self, named: &Named) -> bool {
        named.alias.is_some()
            && !named.is_exported
            && self.absolute(named).is_some_and(|path| self.all.contains(&path))
    }

    /// Where this path leads, from the root; none if it leads out of the program. A single
    /// name that a `use` has brought in leads nowhere: the `use` tells it.
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
                rest = &rest[1..];
                if !self.all.contains(&base) {
                    let alias = self.aliases.get(&base).filter(|_| !rest.is_empty())?;
                    base.clone_from(alias);
                }
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
