//! What a disk holds for certain, and what it may hold.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Keep;

/// Smaller than this, a write is not torn.
const PAGE: u64 = 4096;
const ROOT: usize = 0;

/// What happened below the root; paths are relative to it.
#[derive(Clone, Debug)]
pub(super) enum DiskEvent {
    Write { ino: u64, at: u64, bytes: Vec<u8> },
    Resize { ino: u64, size: u64, grow_only: bool },
    SyncBegins { ino: u64, sync: u64 },
    SyncEnds { sync: u64, ok: bool },
    Open { ino: u64, truncated: bool, path: PathBuf },
    MakeDir { ino: u64, path: PathBuf },
    Remove { path: PathBuf },
    Rename { from: PathBuf, to: PathBuf },
}

/// The path below the root, without `.` and `..`.
pub(super) fn relative(root: &Path, path: &[u8]) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in Path::new(std::ffi::OsStr::from_bytes(path)).components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain.strip_prefix(root).unwrap().to_path_buf()
}

/// Files and directories by number; the root is the first.
#[derive(Clone, Default)]
pub(super) struct Disk {
    objects: Vec<Object>,
    by_ino: HashMap<u64, usize>,
    /// Syncs under way: what they sync, and since which event.
    syncs: HashMap<u64, (usize, usize)>,
}

#[derive(Clone)]
enum Object {
    File(FileState),
    Dir(DirState),
}

#[derive(Clone, Default)]
struct FileState {
    durable: Content,
    /// Not covered by a sync yet, with the number of the event.
    pending: Vec<(usize, Change)>,
}

#[derive(Clone, Default)]
struct DirState {
    durable: BTreeMap<OsString, usize>,
    now: BTreeMap<OsString, usize>,
    pending: Vec<(usize, Naming)>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Resize(u64, bool),
}

#[derive(Clone)]
enum Naming {
    Set(OsString, usize),
    Unset(OsString),
    /// Both names in one directory, so one step.
    Move(OsString, OsString, usize),
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<OsString, usize>) {
        match self {
            Self::Set(name, object) => _ = names.insert(name.clone(), *object),
            Self::Unset(name) => _ = names.remove(name),
            Self::Move(from, to, object) => {
                names.remove(from);
                names.insert(to.clone(), *object);
            }
        }
    }
}

/// A file's bytes; pages of zeros are left out.
#[derive(Clone, Default)]
struct Content {
    size: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Content {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let pages =
            (0..).zip(bytes.chunks(PAGE as usize)).filter(|(_, page)| page.iter().any(|byte| *byte != 0));
        let mut content = Self { size: bytes.len() as u64, pages: BTreeMap::new() };
        for (number, page) in pages {
            content.write(number * PAGE, page);
        }
        content
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        for (at, piece) in pieces(at, bytes) {
            let page = self.pages.entry(at / PAGE).or_insert_with(|| vec![0; PAGE as usize]);
            let inside = (at % PAGE) as usize;
            page[inside..inside + piece.len()].copy_from_slice(piece);
        }
        self.size = self.size.max(at + bytes.len() as u64);
    }

    fn resize(&mut self, size: u64, grow_only: bool) {
        if grow_only && size < self.size {
            return;
        }
        self.pages.retain(|page, _| page * PAGE < size);
        if let Some(last) = self.pages.get_mut(&(size / PAGE)) {
            last[(size % PAGE) as usize..].fill(0);
        }
        self.size = size;
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Write(at, bytes) => self.write(*at, bytes),
            Change::Resize(size, grow_only) => self.resize(*size, *grow_only),
        }
    }

    fn save(&self, path: &Path) {
        let file = File::create(path).unwrap();
        file.set_len(self.size).unwrap();
        for (number, page) in &self.pages {
            let inside = (self.size - (number * PAGE).min(self.size)).min(PAGE) as usize;
            file.write_all_at(&page[..inside], number * PAGE).unwrap();
        }
    }
}

/// Parts of a write that lie in one page each.
fn pieces(mut at: u64, mut bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let length = bytes.len().min((PAGE - at % PAGE) as usize);
        let (piece, rest) = bytes.split_at(length);
        let place = at;
        (at, bytes) = (at + length as u64, rest);
        (length > 0).then_some((place, piece))
    })
}

impl Disk {
    /// What is in a directory, as durable.
    pub(super) fn read(root: &Path) -> Self {
        let mut disk = Self::default();
        disk.read_into(root);
        disk
    }

    fn read_into(&mut self, path: &Path) -> usize {
        let data = fs::symlink_metadata(path).unwrap();
        if data.is_dir() {
            let object = self.add(data.ino(), Object::Dir(DirState::default()));
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                let child = self.read_into(&entry.path());
                let dir = self.dir(object);
                dir.durable.insert(entry.file_name(), child);
                dir.now.insert(entry.file_name(), child);
            }
            object
        } else {
            assert!(data.is_file(), "{} is neither file nor directory", path.display());
            let durable = Content::read(path);
            self.add(data.ino(), Object::File(FileState { durable, pending: Vec::new() }))
        }
    }

    fn add(&mut self, ino: u64, object: Object) -> usize {
        self.objects.push(object);
        self.by_ino.insert(ino, self.objects.len() - 1);
        self.objects.len() - 1
    }

    fn dir(&mut self, object: usize) -> &mut DirState {
        match &mut self.objects[object] {
            Object::Dir(dir) => dir,
            Object::File(_) => panic!("a file is used as a directory"),
        }
    }

    fn find(&self, path: &Path) -> Option<usize> {
        path.iter().try_fold(ROOT, |object, name| match &self.objects[object] {
            Object::Dir(dir) => dir.now.get(name).copied(),
            Object::File(_) => None,
        })
    }

    fn name(&mut self, number: usize, parent: Option<&Path>, naming: Naming) {
        let parent = self.find(parent.unwrap()).expect("parent directory");
        let dir = self.dir(parent);
        naming.apply(&mut dir.now);
        dir.pending.push((number, naming));
    }

    fn change(&mut self, number: usize, ino: u64, change: Change) {
        let object = self.by_ino[&ino];
        if let Object::File(file) = &mut self.objects[object] {
            file.pending.push((number, change));
        }
    }

    /// Takes the event of this number into account.
    pub(super) fn apply(&mut self, number: usize, event: &DiskEvent) {
        match event {
            DiskEvent::Write { ino, at, bytes } => {
                self.change(number, *ino, Change::Write(*at, bytes.clone()))
            }
            DiskEvent::Resize { ino, size, grow_only } => {
                self.change(number, *ino, Change::Resize(*size, *grow_only));
            }
            DiskEvent::SyncBegins { ino, sync } => _ = self.syncs.insert(*sync, (self.by_ino[ino], number)),
            DiskEvent::SyncEnds { sync, ok } => self.sync_ends(*sync, *ok),
            DiskEvent::Open { ino, truncated, path } => self.open(number, *ino, *truncated, path),
            DiskEvent::MakeDir { ino, path } => {
                let object = self.add(*ino, Object::Dir(DirState::default()));
                let name = path.file_name().unwrap().to_owned();
                self.name(number, path.parent(), Naming::Set(name, object));
            }
            DiskEvent::Remove { path } => {
                self.name(number, path.parent(), Naming::Unset(path.file_name().unwrap().to_owned()));
            }
            DiskEvent::Rename { from, to } => {
                assert_eq!(from.parent(), to.parent(), "a rename from one directory to another");
                let object = self.find(from).expect("renamed file");
                let [from_name, to_name] = [from, to].map(|path| path.file_name().unwrap().to_owned());
                self.name(number, from.parent(), Naming::Move(from_name, to_name, object));
            }
        }
    }

    fn open(&mut self, number: usize, ino: u64, truncated: bool, path: &Path) {
        let Some(object) = self.find(path) else {
            let object = self.add(ino, Object::File(FileState::default()));
            self.name(number, path.parent(), Naming::Set(path.file_name().unwrap().to_owned(), object));
            return;
        };
        self.by_ino.insert(ino, object);
        if truncated {
            self.change(number, ino, Change::Resize(0, false));
        }
    }

    /// A sync covers what was done before it began.
    fn sync_ends(&mut self, sync: u64, ok: bool) {
        let Some((object, began)) = self.syncs.remove(&sync).filter(|_| ok) else { return };
        match &mut self.objects[object] {
            Object::File(FileState { durable, pending }) => {
                let covered = pending.partition_point(|(number, _)| *number < began);
                pending.drain(..covered).for_each(|(_, change)| durable.apply(&change));
            }
            Object::Dir(DirState { durable, pending, .. }) => {
                let covered = pending.partition_point(|(number, _)| *number < began);
                pending.drain(..covered).for_each(|(_, naming)| naming.apply(durable));
            }
        }
    }

    /// Writes what a power cut now leaves.
    pub(super) fn write(&self, keep: Keep, into: &Path) {
        let mut luck = Luck::new(keep);
        self.write_object(ROOT, into, &mut luck);
    }

    fn write_object(&self, object: usize, path: &Path, luck: &mut Luck) {
        match &self.objects[object] {
            Object::File(file) => {
                let mut content = file.durable.clone();
                for (_, change) in &file.pending {
                    luck.apply(&mut content, change);
                }
                content.save(path);
            }
            Object::Dir(dir) => {
                fs::create_dir_all(path).unwrap();
                let mut names = dir.durable.clone();
                let survive = luck.first_few(dir.pending.len());
                dir.pending[..survive].iter().for_each(|(_, naming)| naming.apply(&mut names));
                for (name, object) in names {
                    self.write_object(object, &path.join(name), luck);
                }
            }
        }
    }
}

/// Decides what survives.
struct Luck {
    keep: Keep,
    random: StdRng,
    /// How likely a change survives.
    likely: f64,
}

impl Luck {
    fn new(keep: Keep) -> Self {
        let mut random = StdRng::seed_from_u64(if let Keep::Some(seed) = keep { seed } else { 0 });
        let likely = match keep {
            Keep::Synced => 0.0,
            Keep::All => 1.0,
            Keep::Some(_) => [0.1, 0.5, 0.9, 0.97][random.random_range(0..4)],
        };
        Self { keep, random, likely }
    }

    fn apply(&mut self, content: &mut Content, change: &Change) {
        match change {
            Change::Write(at, bytes) => {
                for (at, piece) in pieces(*at, bytes) {
                    if self.random.random_bool(self.likely) {
                        content.write(at, piece);
                    }
                }
            }
            Change::Resize(..) if self.random.random_bool(self.likely) => content.apply(change),
            Change::Resize(..) => {}
        }
    }

    fn first_few(&mut self, of: usize) -> usize {
        match self.keep {
            Keep::Synced => 0,
            Keep::All => of,
            Keep::Some(_) => self.random.random_range(0..=of),
        }
    }
}
