//! The changes that can be made to one file: the operators of `cargo-mutants`, found with a parser.

use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Arm, Attribute, BinOp, Block, Expr, ExprBinary, ExprMatch, ExprRepeat, ExprStruct, ExprUnary,
    ImplItemConst, ImplItemFn, Item, ItemConst, ItemFn, ItemImpl, ItemMod, ItemStatic, ItemTrait,
    Member, Pat, ReturnType, Signature, TraitItemFn, Type, TypeArray, UnOp, Variant,
};

use crate::values;

/// One change to the source.
pub(crate) struct Mutant {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// What is changed into what, and in which function.
    pub(crate) name: String,
    /// The bytes that are replaced when it is built alone, and their replacement.
    pub(crate) alone: (Range<usize>, String),
    /// How it is built behind a switch; none in what the compiler evaluates.
    pub(crate) switched: Option<Switched>,
}

/// Where text goes in so that the mutant can be switched on in a running program.
pub(crate) enum Switched {
    /// The expression at these bytes, or else this one.
    Expression(Range<usize>, String),
    /// At the beginning of the function that starts after this byte, this is returned.
    Return(usize, String),
    /// The arm whose pattern ends here matches nothing.
    Never(usize),
    /// A guard that is true, or false, whatever stands at these bytes.
    Guard(Range<usize>, bool),
}

/// Every change to this file, in the order of the source. The names are unique: the line of code is
/// a part of them, and a number where that is not enough.
///
/// # Errors
/// The file is not Rust.
pub(crate) fn mutants_of(file: &str, text: &str) -> syn::Result<Vec<Mutant>> {
    let parsed = syn::parse_file(text)?;
    let mut finder = Finder { file, text, place: Vec::new(), constant: 0, mutants: Vec::new() };
    finder.visit_file(&parsed);
    let mut mutants = finder.mutants;
    let lines: Vec<&str> = text.lines().collect();
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    let mut in_order: Vec<&mut Mutant> = mutants.iter_mut().collect();
    in_order.sort_by_key(|mutant| mutant.alone.0.start);
    for mutant in in_order {
        let code = lines[mutant.line - 1].trim();
        mutant.name = format!("{file}: {} | {code}", mutant.name);
        let count = alike.entry(mutant.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            mutant.name = format!("{} #{count}", mutant.name);
        }
    }
    Ok(mutants)
}

struct Finder<'a> {
    file: &'a str,
    text: &'a str,
    /// The names of the types, traits and functions around.
    place: Vec<String>,
    /// How many constants are around.
    constant: usize,
    mutants: Vec<Mutant>,
}

fn bytes(span: Span) -> Range<usize> {
    span.byte_range()
}

impl Finder<'_> {
    fn code(&self, spanned: &impl Spanned) -> String {
        let text = &self.text[bytes(spanned.span())];
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn add(&mut self, at: Span, what: &str, alone: (Range<usize>, String), switched: Switched) {
        let place = self.place.join("::");
        let name = if place.is_empty() { what.to_string() } else { format!("{what} in {place}") };
        self.mutants.push(Mutant {
            file: self.file.to_string(),
            line: at.start().line,
            name,
            alone,
            switched: (self.constant == 0).then_some(switched),
        });
    }

    /// The text of an expression with some of its bytes replaced.
    fn with(&self, whole: &Range<usize>, part: &Range<usize>, new: &str) -> String {
        let text = self.text;
        format!("{}{new}{}", &text[whole.start..part.start], &text[part.end..whole.end])
    }

    fn replace(&mut self, whole: Span, part: Span, new: &str, what: &str) {
        let (whole, bytes) = (bytes(whole), bytes(part));
        let other = self.with(&whole, &bytes, new);
        let alone = (bytes, new.to_string());
        self.add(part, what, alone, Switched::Expression(whole, other));
    }

    fn function(&mut self, signature: &Signature, attributes: &[Attribute], block: &Block) {
        if is_test(attributes) || signature.unsafety.is_some() {
            return;
        }
        self.place.push(signature.ident.to_string());
        self.constant += usize::from(signature.constness.is_some());
        self.results(signature, block);
        visit::visit_block(self, block);
        self.constant -= usize::from(signature.constness.is_some());
        self.place.pop();
    }

    /// Other results of a function, without its body.
    fn results(&mut self, signature: &Signature, block: &Block) {
        let Some(first) = block.stmts.first() else { return };
        let inner = bytes(first.span()).start..bytes(block.span()).end - 1;
        let body: String = self.text[inner].split_whitespace().collect();
        let (values, shown) = match &signature.output {
            ReturnType::Default => (vec!["()".to_string()], String::new()),
            ReturnType::Type(_, result) => {
                (values::of(result), format!(" -> {}", self.code(&**result)))
            }
        };
        let constructor = signature.ident == "default" && signature.inputs.is_empty();
        if constructor {
            return;
        }
        let place = self.place.clone();
        for value in values {
            if body == value.split_whitespace().collect::<String>() {
                continue;
            }
            let whole = bytes(block.span());
            let at = whole.start + 1;
            // The result is a part of the name, as cargo-mutants has it.
            let what = format!("replace {}{shown} with {value}", place.join("::"));
            self.place.clear();
            let alone = (whole, format!("{{ {value} }}"));
            self.add(signature.ident.span(), &what, alone, Switched::Return(at, value));
            self.place.clone_from(&place);
        }
        if matches!(&signature.output, ReturnType::Type(_, result) if is_opaque(result)) {
            // One type only can stand behind `impl`.
            for mutant in self.mutants.iter_mut().rev() {
                match mutant.switched {
                    Some(Switched::Return(at, _)) if at == bytes(block.span()).start + 1 => {
                        mutant.switched = None;
                    }
                    _ => break,
                }
            }
        }
    }

    fn inside(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.place.push(name);
        visit(self);
        self.place.pop();
    }

    fn constant(&mut self, visit: impl FnOnce(&mut Self)) {
        self.constant += 1;
        visit(self);
        self.constant -= 1;
    }
}

fn is_opaque(result: &Type) -> bool {
    matches!(result, Type::ImplTrait(_))
}

/// Whether an item is only for tests, or for another way of building.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        if path.is_ident("test") {
            return true;
        }
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let text = list.tokens.to_string();
        path.is_ident("cfg") && (text == "test" || text == "shuttle" || text.contains("not (unix"))
    })
}

/// Whether a condition binds names, in itself or in a chain.
fn binds(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(ExprBinary { left, op: BinOp::And(_), right, .. }) => {
            binds(left) || binds(right)
        }
        _ => false,
    }
}

fn others(operator: &BinOp) -> &'static [&'static str] {
    match operator {
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Lt(_) => &["==", ">", "<="],
        BinOp::Gt(_) => &["==", "<", ">="],
        BinOp::Le(_) => &[">"],
        BinOp::Ge(_) => &["<"],
        BinOp::Add(_) => &["-", "*"],
        BinOp::Sub(_) | BinOp::Mul(_) => &["+", "/"],
        BinOp::Div(_) => &["%", "*"],
        BinOp::Rem(_) => &["/", "+"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::BitAnd(_) => &["|", "^"],
        BinOp::BitOr(_) => &["&", "^"],
        BinOp::BitXor(_) => &["&", "|"],
        BinOp::AddAssign(_) => &["-=", "*="],
        BinOp::SubAssign(_) | BinOp::MulAssign(_) => &["+=", "/="],
        BinOp::DivAssign(_) => &["%=", "*="],
        BinOp::RemAssign(_) => &["/=", "+="],
        BinOp::ShlAssign(_) => &[">>="],
        BinOp::ShrAssign(_) => &["<<="],
        BinOp::BitAndAssign(_) => &["|="],
        BinOp::BitOrAssign(_) | BinOp::BitXorAssign(_) => &["&="],
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(ItemMod { attrs, .. })
            | Item::Impl(ItemImpl { attrs, .. })
            | Item::Fn(ItemFn { attrs, .. })
            | Item::Trait(ItemTrait { attrs, .. })
            | Item::Const(ItemConst { attrs, .. })
            | Item::Static(ItemStatic { attrs, .. }) => attrs.as_slice(),
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig, &item.attrs, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig, &item.attrs, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, &item.attrs, block);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let own = self.code(&*item.self_ty);
        let traits = item.trait_.as_ref().map(|(_, path, _)| self.code(path));
        // What is written for people, and what only a debugger sees.
        if traits.as_ref().is_some_and(|name| name.ends_with("Display") || name.ends_with("Debug"))
        {
            return;
        }
        let name = match traits {
            Some(name) => format!("<impl {name} for {own}>"),
            None => own,
        };
        self.inside(name, |this| visit::visit_item_impl(this, item));
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.inside(item.ident.to_string(), |this| visit::visit_item_trait(this, item));
    }

    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        self.constant(|this| visit::visit_item_const(this, item));
    }

    fn visit_item_static(&mut self, item: &'ast ItemStatic) {
        self.constant(|this| visit::visit_item_static(this, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast ImplItemConst) {
        self.constant(|this| visit::visit_impl_item_const(this, item));
    }

    fn visit_type_array(&mut self, item: &'ast TypeArray) {
        self.constant(|this| visit::visit_type_array(this, item));
    }

    fn visit_variant(&mut self, item: &'ast Variant) {
        self.constant(|this| visit::visit_variant(this, item));
    }

    fn visit_expr_repeat(&mut self, item: &'ast ExprRepeat) {
        self.visit_expr(&item.expr);
        self.constant(|this| this.visit_expr(&item.len));
    }

    fn visit_expr_binary(&mut self, expr: &'ast ExprBinary) {
        if !binds(&expr.left) && !binds(&expr.right) {
            let operator = &self.text[bytes(expr.op.span())];
            for other in others(&expr.op) {
                let what = format!("replace {operator} with {other}");
                self.replace(expr.span(), expr.op.span(), other, &what);
            }
        }
        visit::visit_expr_binary(self, expr);
    }

    fn visit_expr_unary(&mut self, expr: &'ast ExprUnary) {
        let operator = match expr.op {
            UnOp::Not(_) => "!",
            UnOp::Neg(_) => "-",
            _ => "",
        };
        if !operator.is_empty() {
            self.replace(expr.span(), expr.op.span(), "", &format!("delete {operator}"));
        }
        visit::visit_expr_unary(self, expr);
    }

    fn visit_expr_match(&mut self, expr: &'ast ExprMatch) {
        let is_rest = |arm: &Arm| matches!(arm.pat, Pat::Wild(_)) && arm.guard.is_none();
        let has_rest = expr.arms.iter().any(is_rest);
        for arm in expr.arms.iter().filter(|arm| !is_rest(arm)) {
            let pattern = self.code(&arm.pat);
            if arm.guard.as_ref().is_some_and(|(_, guard)| binds(guard)) {
                continue;
            }
            if has_rest {
                let alone = (bytes(arm.span()), String::new());
                let switched = match &arm.guard {
                    None => Switched::Never(bytes(arm.pat.span()).end),
                    Some((_, guard)) => Switched::Guard(bytes(guard.span()), false),
                };
                self.add(arm.span(), &format!("delete match arm {pattern}"), alone, switched);
            }
            let Some((_, guard)) = &arm.guard else { continue };
            let shown = self.code(&**guard);
            for value in [true, false] {
                // With `false` the arm is deleted.
                if value || !has_rest {
                    let at = bytes(guard.span());
                    let what = format!("replace match guard {shown} with {value}");
                    let alone = (at.clone(), value.to_string());
                    self.add(guard.span(), &what, alone, Switched::Guard(at, value));
                }
            }
        }
        visit::visit_expr_match(self, expr);
    }

    fn visit_expr_struct(&mut self, expr: &'ast ExprStruct) {
        if expr.rest.is_some() {
            let of = self.code(&expr.path);
            for field in &expr.fields {
                let Member::Named(name) = &field.member else { continue };
                let mut part = bytes(field.span());
                part.end += self.text[part.end..].find(',').map_or(0, |comma| comma + 1);
                let whole = bytes(expr.span());
                let other = self.with(&whole, &part, "");
                let what = format!("delete field {name} from {of}");
                let switched = Switched::Expression(whole, other);
                self.add(field.span(), &what, (part, String::new()), switched);
            }
        }
        visit::visit_expr_struct(self, expr);
    }
}
