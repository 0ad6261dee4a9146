//! A copy of the project in which every mutant is compiled in, behind a switch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::source::{Mutant, Switched};

/// The module that reads the switch. Once in a process it is asked, from the environment, which
/// mutant is on. Instead it can be told to write down which mutants the process reaches.
const SWITCH: &str = include_str!("switch.txt");

/// Where a mutant stands in a file of the copy.
pub(crate) struct Place {
    pub(crate) id: usize,
    pub(crate) file: String,
    /// The bytes of its own text.
    pub(crate) own: std::ops::Range<usize>,
}

/// The copy's folder, and the files of the project.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    files: BTreeSet<String>,
}

impl Tree {
    /// Copies what the version control system knows.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(crate) fn copy(root: &Path) -> io::Result<Self> {
        let listed = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .output()?;
        let files: BTreeSet<String> =
            String::from_utf8_lossy(&listed.stdout).lines().map(str::to_string).collect();
        let files = files.into_iter().filter(|file| Path::new(file).is_file()).collect();
        let tree = Self { root: root.to_path_buf(), files };
        tree.remove_others(root)?;
        for file in &tree.files {
            let target = root.join(file);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            if !file.starts_with("src/") {
                put(&target, &fs::read(file)?)?;
                fs::set_permissions(&target, fs::metadata(file)?.permissions())?;
            }
        }
        Ok(tree)
    }

    fn remove_others(&self, folder: &Path) -> io::Result<()> {
        let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                self.remove_others(&path)?;
            } else {
                let name = path.strip_prefix(&self.root).unwrap_or(&path).to_string_lossy();
                if !self.files.contains(&*name) && name != "src/schemata.rs" {
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the source with these mutants, which stand under their indexes, and says where.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(crate) fn write(&self, mutants: &[(usize, &Mutant)]) -> io::Result<Vec<Place>> {
        let mut places = Vec::new();
        for file in self.files.iter().filter(|file| file.starts_with("src/")) {
            let mut text = fs::read_to_string(file)?;
            let here = mutants.iter().filter(|(_, mutant)| mutant.file == *file);
            let here: Vec<_> = here.copied().collect();
            if !here.is_empty() {
                text = switched(file, &text, &here, &mut places);
            }
            if file == "src/lib.rs" {
                // A mutant may well overflow.
                let allow = "#![allow(warnings, arithmetic_overflow, unconditional_panic)]";
                text = format!("{allow}\n{text}pub mod schemata;\n");
            }
            put(&self.root.join(file), text.as_bytes())?;
        }
        let most = mutants.iter().map(|(id, _)| id + 1).max().unwrap_or(0);
        let switch = SWITCH.replace("COUNT", &most.to_string());
        put(&self.root.join("src/schemata.rs"), switch.as_bytes())?;
        Ok(places)
    }

    /// Writes one mutant alone, as a person would have written it.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(crate) fn write_alone(&self, mutant: &Mutant) -> io::Result<()> {
        let mut text = fs::read_to_string(&mutant.file)?;
        text.replace_range(mutant.alone.0.clone(), &mutant.alone.1);
        put(&self.root.join(&mutant.file), text.as_bytes())
    }
}

/// Leaves a file alone that has this content: what has not changed is not built again.
fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    fs::write(path, content)
}

/// A piece of text that goes in at a position.
struct Piece {
    at: usize,
    text: String,
    /// Whose own text it is, and where in it that begins and ends.
    own: Option<(usize, std::ops::Range<usize>)>,
}

fn switched(file: &str, text: &str, here: &[(usize, &Mutant)], places: &mut Vec<Place>) -> String {
    // A piece that opens stands before the inner ones, one that closes after them.
    let mut opening = Vec::new();
    let mut closing = Vec::new();
    for (id, mutant) in here {
        let is = format!("crate::schemata::is({id})");
        let own = |before: &str, own: &str, after: &str| {
            let range = before.len()..before.len() + own.len();
            (format!("{before}{own}{after}"), Some((*id, range)))
        };
        let mut open = |at, (text, own)| opening.push(Piece { at, text, own });
        let mut close =
            |at, text: &str| closing.push(Piece { at, text: text.to_string(), own: None });
        match mutant.switched.as_ref() {
            Some(Switched::Expression(whole, other)) => {
                open(whole.start, own(&format!("(if {is} {{ "), other, " } else { "));
                close(whole.end, " })");
            }
            Some(Switched::Return(at, value)) => {
                open(*at, own(&format!(" if {is} {{ return "), value, "; } "));
            }
            Some(Switched::Never(at)) => open(*at, own(" if ", &format!("!{is}"), "")),
            Some(Switched::Guard(guard, true)) => {
                open(guard.start, own("(", &is, " || ("));
                close(guard.end, "))");
            }
            Some(Switched::Guard(guard, false)) => {
                open(guard.start, own("(!", &is, " && ("));
                close(guard.end, "))");
            }
            None => {}
        }
    }
    closing.reverse();
    let mut pieces: Vec<(u8, Piece)> = closing.into_iter().map(|piece| (0, piece)).collect();
    pieces.extend(opening.into_iter().map(|piece| (1, piece)));
    pieces.sort_by_key(|(order, piece)| (piece.at, *order));
    let mut whole = String::with_capacity(text.len() * 2);
    let mut done = 0;
    for (_, piece) in pieces {
        whole.push_str(&text[done..piece.at]);
        done = piece.at;
        if let Some((id, own)) = piece.own {
            let own = own.start + whole.len()..own.end + whole.len();
            places.push(Place { id, file: file.to_string(), own });
        }
        whole.push_str(&piece.text);
    }
    whole.push_str(&text[done..]);
    whole
}
