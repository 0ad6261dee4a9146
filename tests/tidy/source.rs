//! The program's own source, read with a real parser, without its tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned as _;
use syn::visit::Visit;

/// A file below `src`.
pub(crate) struct Source {
    /// Its name below `src`, with `/`.
    pub(crate) name: String,
    /// The module that it is, as `["paxos", "peer"]`.
    pub(crate) module: Vec<String>,
    /// All of it.
    pub(crate) text: String,
    /// The lines, from 1, on which there is code: no blanks, comments or tests.
    pub(crate) code: BTreeSet<usize>,
}

/// All Rust files in this folder and below.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The whole of `src`, without files of tests: each file and its items.
pub(crate) fn sources() -> Vec<(Source, syn::File)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for path in rust_files(&src) {
        let name = path.strip_prefix(&src).expect("is below").display().to_string();
        let name = name.replace('\\', "/");
        if name.contains("/tests/") || name.ends_with("/tests.rs") {
            continue;
        }
        sources.push(Source::parse(name, fs::read_to_string(&path).expect("UTF-8")));
    }
    assert!(sources.len() > 20, "only {} files were found", sources.len());
    sources
}

impl Source {
    /// This text as the file of this name, and its items without tests.
    pub(crate) fn parse(name: String, text: String) -> (Self, syn::File) {
        let mut file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut tests = Tests(Vec::new());
        tests.visit_file(&file);
        let is_test =
            |line: usize| tests.0.iter().any(|(first, last)| (*first..=*last).contains(&line));
        let lines = (1..).zip(text.lines().map(str::trim));
        let code = lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with("//"))
            .map(|(number, _)| number)
            .filter(|number| !is_test(*number))
            .collect();
        remove_tests(&mut file.items);
        (Self { module: module_of(&name), name, text, code }, file)
    }

    /// How many of these lines are code.
    pub(crate) fn count(&self, first: usize, last: usize) -> usize {
        self.code.range(first..=last).count()
    }
}

/// `["paxos", "peer"]` of `paxos/peer.rs`, `["paxos"]` of `paxos/mod.rs`, and none of `lib.rs`.
fn module_of(name: &str) -> Vec<String> {
    let name = name.trim_end_matches(".rs").trim_end_matches("/mod");
    if name == "lib" { Vec::new() } else { name.split('/').map(str::to_owned).collect() }
}

/// Whether these attributes say that the item is there for tests only.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let tokens = list.tokens.to_string();
        list.path.is_ident("cfg") && (tokens == "test" || tokens.starts_with("all (test"))
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn remove_tests(items: &mut Vec<syn::Item>) {
    items.retain(|item| !is_for_tests(attributes(item)));
    for item in items {
        match item {
            syn::Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    remove_tests(items);
                }
            }
            syn::Item::Impl(block) => block.items.retain(
                |item| !matches!(item, syn::ImplItem::Fn(item) if is_for_tests(&item.attrs)),
            ),
            _ => {}
        }
    }
}

/// The first and the last line of everything that is there for tests only.
struct Tests(Vec<(usize, usize)>);

impl Tests {
    fn add(&mut self, span: proc_macro2::Span) {
        self.0.push((span.start().line, span.end().line));
    }
}

impl<'a> Visit<'a> for Tests {
    fn visit_item(&mut self, item: &'a syn::Item) {
        if is_for_tests(attributes(item)) {
            self.add(item.span());
        } else {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if is_for_tests(&item.attrs) {
            self.add(item.span());
        }
    }
}
