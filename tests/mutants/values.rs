//! What a function may return instead of its result: a few values of its type.

use syn::{GenericArgument, PathArguments, ReturnType, Type, TypeParamBound};

/// At most so many for one function.
const MOST: usize = 8;

/// Values of this type, as source.
pub(crate) fn of(wanted: &Type) -> Vec<String> {
    let mut values = all(wanted);
    values.truncate(MOST);
    values
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn each(values: &[String], before: &str, after: &str) -> Vec<String> {
    values.iter().map(|value| format!("{before}{value}{after}")).collect()
}

fn all(wanted: &Type) -> Vec<String> {
    match wanted {
        Type::Path(path) => {
            let Some(name) = path.path.segments.last() else { return Vec::new() };
            let arguments: Vec<&Type> = match &name.arguments {
                PathArguments::AngleBracketed(list) => {
                    let types = list.args.iter().filter_map(|argument| match argument {
                        GenericArgument::Type(of) => Some(of),
                        _ => None,
                    });
                    types.collect()
                }
                _ => Vec::new(),
            };
            named(&name.ident.to_string(), &arguments)
        }
        Type::Reference(reference) => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => texts(&["\"\"", "\"xyzzy\""]),
            Type::Slice(slice) => {
                let mut values = texts(&["Vec::leak(Vec::new())"]);
                values.extend(each(&all(&slice.elem), "Vec::leak(vec![", "])"));
                values
            }
            inner => each(&all(inner), "Box::leak(Box::new(", "))"),
        },
        Type::Tuple(tuple) => {
            let mut rows = vec![String::new()];
            for part in &tuple.elems {
                let values = all(part);
                rows = rows
                    .iter()
                    .flat_map(|row| values.iter().map(move |value| format!("{row}{value}, ")))
                    .take(MOST)
                    .collect();
            }
            each(&rows, "(", ")")
        }
        Type::Array(array) => {
            let mut values = all(&array.elem);
            values.truncate(2);
            values.iter().map(|value| format!("std::array::from_fn(|_| {value})")).collect()
        }
        Type::ImplTrait(opaque) => opaque.bounds.iter().flat_map(items).collect(),
        Type::Paren(inner) => all(&inner.elem),
        Type::Never(_) => Vec::new(),
        _ => texts(&["Default::default()"]),
    }
}

fn named(name: &str, arguments: &[&Type]) -> Vec<String> {
    let inner = |index: usize| arguments.get(index).map_or(texts(&["()"]), |of| all(of));
    match name {
        "bool" => texts(&["true", "false"]),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => texts(&["0", "1"]),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => texts(&["0", "1", "-1"]),
        "f32" | "f64" => texts(&["0.0", "1.0", "-1.0"]),
        "NonZeroU8" | "NonZeroU16" | "NonZeroU32" | "NonZeroU64" | "NonZeroUsize" => {
            texts(&["1.try_into().unwrap()"])
        }
        "String" => texts(&["String::new()", "\"xyzzy\".into()"]),
        "Option" => {
            let mut values = texts(&["None"]);
            values.extend(each(&inner(0), "Some(", ")"));
            values
        }
        "Result" => each(&inner(0), "Ok(", ")"),
        "Vec" => {
            let mut values = texts(&["vec![]"]);
            values.extend(each(&inner(0), "vec![", "]"));
            values
        }
        "Box" | "Arc" | "Rc" | "Mutex" | "Cell" | "RefCell" => {
            each(&inner(0), &format!("{name}::new("), ")")
        }
        "BTreeSet" | "HashSet" | "VecDeque" => {
            let mut values = vec![format!("{name}::new()")];
            values.extend(each(&inner(0), &format!("{name}::from_iter(["), "])"));
            values
        }
        "BTreeMap" | "HashMap" => {
            let mut values = vec![format!("{name}::new()")];
            for key in inner(0).into_iter().take(2) {
                let pairs = each(&inner(1), &format!("{name}::from_iter([({key}, "), ")])");
                values.extend(pairs);
            }
            values
        }
        // What a `Self` is without its constructor, nobody knows.
        _ => texts(&["Default::default()"]),
    }
}

/// Iterators of no item, and of one.
fn items(bound: &TypeParamBound) -> Vec<String> {
    let TypeParamBound::Trait(bound) = bound else { return Vec::new() };
    let Some(name) = bound.path.segments.last() else { return Vec::new() };
    match &name.arguments {
        PathArguments::AngleBracketed(list) if name.ident.to_string().ends_with("Iterator") => {
            let mut values = texts(&["std::iter::empty()"]);
            for argument in &list.args {
                if let GenericArgument::AssocType(item) = argument {
                    values.extend(each(&all(&item.ty), "std::iter::once(", ")"));
                }
            }
            values
        }
        PathArguments::Parenthesized(function) => match &function.output {
            ReturnType::Type(_, result) if function.inputs.len() == 1 => {
                each(&all(result), "|_| ", "")
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}
