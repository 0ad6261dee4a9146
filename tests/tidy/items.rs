//! What a file holds, read once: the paths that it names, its types, calls and functions.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use syn::spanned::Spanned as _;
use syn::visit::Visit;

use super::paths::{Modules, Named, named};
use super::source::{Source, sources};

/// A file, and all that the tests ask of it.
pub(crate) struct Read {
    pub(crate) source: Source,
    pub(crate) named: Vec<Named>,
    pub(crate) defined: Defined,
    /// What is called or named, with its line, as it is written: `process::exit`, `println!`,
    /// `.unwrap()`.
    pub(crate) calls: Vec<(usize, String)>,
    /// Its functions, with their first and last lines.
    pub(crate) functions: Vec<(String, usize, usize)>,
}

impl Read {
    pub(crate) fn of((source, file): (Source, syn::File)) -> Self {
        let named = named(&source.module, &file);
        let mut defined = Defined::default();
        defined.visit_file(&file);
        let paths = named.iter().map(|named| (named.line, named.segments.join("::")));
        let mut calls = Calls(paths.collect());
        calls.visit_file(&file);
        let mut functions = Functions(Vec::new());
        functions.visit_file(&file);
        Self { source, named, defined, calls: calls.0, functions: functions.0 }
    }
}

/// The whole of `src`.
pub(crate) fn program() -> &'static [Read] {
    static PROGRAM: OnceLock<Vec<Read>> = OnceLock::new();
    PROGRAM.get_or_init(|| sources().into_iter().map(Read::of).collect())
}

/// The modules of these files.
pub(crate) fn modules(files: &[Read]) -> Modules {
    let named = files.iter().flat_map(|read| &read.named);
    Modules::of(files.iter().map(|read| &read.source.module[..]), named)
}

/// What a file defines: for circles, and for names.
#[derive(Default)]
pub(crate) struct Defined {
    /// Its public types.
    pub(crate) public: Vec<String>,
    /// The types that it defines or implements something for.
    pub(crate) types: BTreeSet<String>,
}

impl<'a> Visit<'a> for Defined {
    fn visit_item(&mut self, item: &'a syn::Item) {
        let (visibility, name) = match item {
            syn::Item::Struct(item) => (&item.vis, item.ident.to_string()),
            syn::Item::Enum(item) => (&item.vis, item.ident.to_string()),
            syn::Item::Trait(item) => (&item.vis, item.ident.to_string()),
            syn::Item::Impl(block) => {
                if let syn::Type::Path(path) = block.self_ty.as_ref() {
                    let name = path.path.segments.last().map(|segment| segment.ident.to_string());
                    self.types.extend(name);
                }
                return;
            }
            _ => return syn::visit::visit_item(self, item),
        };
        self.types.insert(name.clone());
        if matches!(visibility, syn::Visibility::Public(_)) {
            self.public.push(name);
        }
    }
}

/// What is called or named, as it is written: `process::exit`, `println!`, `.unwrap()`.
struct Calls(Vec<(usize, String)>);

impl<'a> Visit<'a> for Calls {
    fn visit_macro(&mut self, item: &'a syn::Macro) {
        let name = item.path.segments.last().map_or_else(String::new, |s| s.ident.to_string());
        let line = item.span().start().line;
        self.0.push((line, format!("{name}!")));
        if item.tokens.to_string().contains(". unwrap ()") {
            self.0.push((line, ".unwrap()".into()));
        }
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        if call.args.is_empty() {
            self.0.push((call.method.span().start().line, format!(".{}()", call.method)));
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

/// The functions of a file: where each begins and ends.
struct Functions(Vec<(String, usize, usize)>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        self.0.push((signature.ident.to_string(), first, last));
    }
}

impl<'a> Visit<'a> for Functions {
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}
