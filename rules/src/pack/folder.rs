//! The one place that reads a pack from a disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::diagnostic::{Code, Diagnostic};
use super::load::{MAX_FILE_BYTES, MAX_FILES};
use super::model::Pack;
use super::schema::FileKind;

impl Pack {
    /// Reads and checks the pack in `folder`.
    pub fn load(folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::from_files(read_folder(folder)?)
    }
}

/// Reads the YAML files of a pack: those in `folder`, and those in its `life_events` and `services`. Other files
/// are left alone.
pub fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
    let mut files = BTreeMap::new();
    let mut faults = Vec::new();
    for prefix in std::iter::once("").chain(FileKind::ALL.into_iter().filter_map(FileKind::folder)) {
        if let Err(error) = read_level(folder, prefix, &mut files, &mut faults) {
            let what = if prefix.is_empty() { "pack.yaml" } else { prefix };
            faults.push(unreadable(
                what,
                Code::Unreadable,
                format!("the folder cannot be read: {}", error.kind()),
            ));
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

fn read_level(
    folder: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, String>,
    faults: &mut Vec<Diagnostic>,
) -> io::Result<()> {
    let level = folder.join(prefix);
    if !prefix.is_empty() && !level.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(level)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.ends_with(".yaml")) else { continue };
        let path = format!("{prefix}{name}");
        if files.len() >= MAX_FILES {
            faults.push(unreadable(&path, Code::TooLarge, format!("a pack has at most {MAX_FILES} files")));
            return Ok(());
        }
        let about = match fs::metadata(entry.path()) {
            Ok(about) if about.is_file() => about,
            _ => {
                faults.push(unreadable(&path, Code::Unreadable, "is not a file".to_owned()));
                continue;
            }
        };
        if about.len() > MAX_FILE_BYTES as u64 {
            faults.push(unreadable(&path, Code::TooLarge, format!("larger than {MAX_FILE_BYTES} bytes")));
            continue;
        }
        match fs::read_to_string(entry.path()) {
            Ok(text) => _ = files.insert(path, text),
            Err(error) => {
                faults.push(unreadable(&path, Code::Unreadable, format!("cannot be read: {}", error.kind())));
            }
        }
    }
    Ok(())
}

fn unreadable(file: &str, code: Code, message: String) -> Diagnostic {
    Diagnostic { file: file.to_owned(), line: 1, column: 1, code, message, hint: None }
}
