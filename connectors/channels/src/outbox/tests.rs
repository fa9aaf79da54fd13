//! Over a real folder: the contract, faults an operator can make, file names and modes. Over a simulated one
//! that loses what was not synced: every crash between two steps, and every step failing.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use proptest::prelude::*;
use tempfile::TempDir;
use tidings_domain::value::Pii;

use super::*;
use crate::testing::{Subject, contract, envelope};

fn outbox(root: &TempDir) -> PathBuf {
    root.path().join("data/outbox")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn message(path: &Path) -> Message {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("a message")
}

fn envelope_of(message: Message) -> Envelope {
    let Message { delivery, recipient, language, subject, body } = message;
    Envelope { delivery, recipient, language, subject: Pii::new(subject), body: Pii::new(body) }
}

#[test]
fn the_outbox_keeps_the_contract() {
    contract(|| {
        let root = TempDir::new().expect("a folder");
        let folder = outbox(&root);
        let channel = OutboxFolder::open(&folder).expect("opened");
        let read = move || {
            let _root = &root;
            names(&folder).iter().map(|name| envelope_of(message(&folder.join(name)))).collect()
        };
        Subject { channel: Box::new(channel), delivered: Box::new(read) }
    });
}

#[test]
fn a_message_is_a_file_named_by_its_delivery_alone() {
    let root = TempDir::new().expect("a folder");
    let channel = OutboxFolder::open(&outbox(&root)).expect("opened");
    let sent = envelope("d-1");
    channel.send(&sent).expect("sent");
    assert_eq!(names(&outbox(&root)), ["d-1.json"], "and nothing else is left");
    assert_eq!(message(&outbox(&root).join("d-1.json")), Message::of(&sent));
    assert_eq!((channel.arrived("d-1"), channel.arrived("d-2")), (Ok(true), Ok(false)));
    assert!(!format!("{:?} {channel:?}", Message::of(&sent)).contains("recipient-7f3a"));
}

#[test]
fn opening_clears_what_a_crash_left_and_nothing_else() {
    let root = TempDir::new().expect("a folder");
    let folder = outbox(&root);
    OutboxFolder::open(&folder).expect("opened").send(&envelope("d-1")).expect("sent");
    fs::write(folder.join("d-2.7-0.unfinished"), "{\"deli").expect("written");
    fs::write(folder.join("notes.txt"), "another's").expect("written");
    let channel = OutboxFolder::open(&folder).expect("opened");
    assert_eq!(names(&folder), ["d-1.json", "notes.txt"]);
    assert_eq!(channel.arrived("d-1"), Ok(true));
}

#[test]
#[cfg(unix)]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let root = TempDir::new().expect("a folder");
    let channel = OutboxFolder::open(&outbox(&root)).expect("opened");
    channel.send(&envelope("d-1")).expect("sent");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&outbox(&root)), mode(&outbox(&root).join("d-1.json"))), (0o700, 0o600));

    fs::set_permissions(outbox(&root), fs::Permissions::from_mode(0o750)).expect("widened");
    assert!(matches!(OutboxFolder::open(&outbox(&root)), Err(OutboxError::OpenToOthers)));
}

#[test]
fn another_message_under_the_same_id_is_refused() {
    let root = TempDir::new().expect("a folder");
    let channel = OutboxFolder::open(&outbox(&root)).expect("opened");
    let first = envelope("d-1");
    channel.send(&first).expect("sent");
    let other = Envelope { body: Pii::new("khác".into()), ..envelope("d-1") };
    assert!(matches!(channel.send(&other), Err(SendError::Refused(_))));
    assert_eq!(message(&outbox(&root).join("d-1.json")), Message::of(&first), "the first stands");
}

#[test]
fn too_long_is_refused_and_the_longest_is_known_again() {
    let root = TempDir::new().expect("a folder");
    let channel = OutboxFolder::open(&outbox(&root)).expect("opened");
    let sized = |bytes| Envelope {
        subject: Pii::default(),
        body: Pii::new("\u{1}".repeat(bytes)),
        ..envelope("d-1")
    };
    assert!(matches!(channel.send(&sized(MESSAGE_BYTES + 1)), Err(SendError::Refused(_))));
    assert!(names(&outbox(&root)).is_empty());
    assert_eq!(channel.send(&sized(MESSAGE_BYTES)), Ok(()));
    assert_eq!(channel.send(&sized(MESSAGE_BYTES)), Ok(()), "though JSON makes six bytes of each");
}

/// A folder that is gone, then one with a file in its place, then one that is back. (Permissions would not
/// stop a test that runs as root.)
#[test]
fn a_folder_that_comes_back_takes_the_message() {
    let root = TempDir::new().expect("a folder");
    let folder = outbox(&root);
    let channel = OutboxFolder::open(&folder).expect("opened");
    let gone = Err(SendError::Retry("the outbox folder is gone".into()));

    fs::remove_dir(&folder).expect("removed");
    assert_eq!(channel.send(&envelope("d-1")), gone);
    assert!(channel.arrived("d-1").is_err(), "nobody knows");
    fs::write(&folder, "in its place").expect("written");
    assert_eq!(channel.send(&envelope("d-1")), gone);
    assert!(matches!(OutboxFolder::open(&folder), Err(OutboxError::Unusable(_))));
    fs::remove_file(&folder).expect("removed");
    fs::create_dir(&folder).expect("made");

    assert_eq!(channel.send(&envelope("d-1")), Ok(()));
    assert_eq!(names(&folder), ["d-1.json"]);
}

#[test]
fn errors_are_retried_in_words_that_tell_nothing() {
    for (kind, text) in [
        (ErrorKind::StorageFull, "no space is left for the outbox folder"),
        (ErrorKind::QuotaExceeded, "no space is left for the outbox folder"),
        (ErrorKind::ReadOnlyFilesystem, "the outbox folder is on a read-only file system"),
        (ErrorKind::PermissionDenied, "the outbox folder may not be written"),
        (ErrorKind::Other, "the outbox folder failed: other error"),
    ] {
        let error = io::Error::new(kind, "/srv/outbox/d-1.json");
        assert_eq!(retry(&error), SendError::Retry(text.into()));
    }
}

/// A folder whose names and contents are lost unless they were synced, and whose n-th change fails.
#[derive(Default)]
struct LossyFolder {
    state: Mutex<Disk>,
}

#[derive(Clone, Default)]
struct Disk {
    /// Name to file number, as a process sees it and as a crash leaves it.
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// Content of files by number, with whether it is synced.
    files: Vec<(Vec<u8>, bool)>,
    changes_until_failure: Option<usize>,
    /// Whether everything after that change fails as well.
    stays_broken: bool,
}

impl LossyFolder {
    fn failing_after(changes: usize) -> Self {
        let disk = Disk { changes_until_failure: Some(changes), stays_broken: true, ..Disk::default() };
        Self { state: Mutex::new(disk) }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.state.lock().expect("no test thread panicked")
    }

    fn change(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let mut disk = self.disk();
        match &mut disk.changes_until_failure {
            Some(0) => {
                disk.changes_until_failure = disk.stays_broken.then_some(0);
                Err(ErrorKind::StorageFull.into())
            }
            Some(left) => {
                *left -= 1;
                Ok(disk)
            }
            None => Ok(disk),
        }
    }

    /// What a power cut leaves. A file system may write names early, so both images are possible; contents
    /// that were not synced are lost.
    fn crashed(&self, names_were_written: bool) -> Self {
        let mut disk = self.disk().clone();
        disk.names = if names_were_written { disk.names } else { disk.synced_names.clone() };
        disk.synced_names = disk.names.clone();
        for (content, synced) in &mut disk.files {
            if !*synced {
                content.clear();
            }
        }
        disk.changes_until_failure = None;
        Self { state: Mutex::new(disk) }
    }

    fn messages(&self) -> Vec<(String, Vec<u8>)> {
        let disk = self.disk();
        let messages = disk.names.iter().filter(|(name, _)| name.ends_with(MESSAGE_SUFFIX));
        messages.map(|(name, file)| (name.clone(), disk.files[*file].0.clone())).collect()
    }
}

impl Folder for LossyFolder {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.disk().names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let disk = self.disk();
        Ok(disk.names.get(name).map(|file| disk.files[*file].0.clone()))
    }

    fn create(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut disk = self.change()?;
        disk.files.push((content.to_vec(), false));
        let file = disk.files.len() - 1;
        disk.names.insert(name.to_owned(), file);
        Ok(())
    }

    fn sync_file(&self, name: &str) -> io::Result<()> {
        let mut disk = self.change()?;
        let file = disk.names[name];
        disk.files[file].1 = true;
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.change()?;
        let file = disk.names.remove(from).ok_or(ErrorKind::NotFound)?;
        disk.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change()?.names.remove(name).map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.change()?;
        disk.synced_names = disk.names.clone();
        Ok(())
    }
}

fn whole(sent: &Envelope) -> Vec<(String, Vec<u8>)> {
    let content = serde_json::to_vec(&Message::of(sent)).expect("JSON");
    vec![(message_name(&sent.delivery), content)]
}

#[test]
fn what_is_said_to_be_sent_survives_a_power_cut() {
    let channel = Outbox::over(LossyFolder::default()).expect("opened");
    let sent = envelope("d-1");
    assert_eq!(channel.send(&sent), Ok(()));
    assert_eq!(channel.folder.crashed(false).messages(), whole(&sent));
}

#[test]
fn a_crash_after_any_step_leaves_the_whole_message_or_none() {
    let sent = envelope("d-1");
    let mut failed = 0;
    for changes in 0.. {
        let channel = Outbox::over(LossyFolder::failing_after(changes)).expect("opened");
        let outcome = channel.send(&sent);
        for names_were_written in [false, true] {
            let left = channel.folder.crashed(names_were_written);
            assert!(left.messages().is_empty() || left.messages() == whole(&sent), "after {changes} changes");
            let again = Outbox::over(left).expect("opened after the crash");
            assert!(again.folder.names().expect("names").iter().all(|name| name.ends_with(MESSAGE_SUFFIX)));
            assert_eq!(again.send(&sent), Ok(()), "it can be sent again");
            assert_eq!(again.folder.crashed(false).messages(), whole(&sent), "once, and durably");
        }
        match outcome {
            Ok(()) => break,
            Err(error) => {
                assert_eq!(error, SendError::Retry("no space is left for the outbox folder".into()))
            }
        }
        failed += 1;
    }
    assert_eq!(failed, 4, "create, sync, rename, sync of the folder can each fail");
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    for changes in 0..3 {
        let channel = Outbox::over(LossyFolder::failing_after(changes)).expect("opened");
        channel.folder.disk().stays_broken = false;
        assert!(channel.send(&envelope("d-1")).is_err());
        assert!(channel.folder.disk().names.is_empty(), "after {changes} changes");
    }
}

#[test]
fn sending_again_completes_a_sync_that_failed() {
    let channel = Outbox::over(LossyFolder::failing_after(3)).expect("opened");
    let sent = envelope("d-1");
    assert!(channel.send(&sent).is_err(), "renamed, but the folder was not synced");
    channel.folder.disk().changes_until_failure = None;
    assert_eq!(channel.send(&sent), Ok(()));
    assert_eq!(channel.folder.crashed(false).messages(), whole(&sent));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_content_survives_and_no_unsafe_id_makes_a_file(
        delivery in "[a-z0-9-]{1,20}|\\PC{0,20}",
        recipient in any::<String>(),
        subject in any::<String>(),
        body in any::<String>(),
    ) {
        let root = TempDir::new().expect("a folder");
        let channel = OutboxFolder::open(&outbox(&root)).expect("opened");
        let sent = Envelope {
            delivery,
            recipient,
            language: "vi".into(),
            subject: Pii::new(subject),
            body: Pii::new(body),
        };
        if channel.send(&sent).is_ok() {
            let name = message_name(&sent.delivery);
            prop_assert_eq!(names(&outbox(&root)), [name.clone()]);
            prop_assert!(message(&outbox(&root).join(name)) == Message::of(&sent));
        } else {
            prop_assert!(check_delivery(&sent.delivery).is_err());
            prop_assert!(names(&outbox(&root)).is_empty());
        }
    }
}
