use notify::{
    Event,
    event::{DataChange, RemoveKind, RenameMode},
};

use super::*;

fn follower(settings: Settings) -> Follower {
    let (updates, _) = mpsc::channel(1);
    let (events, messages) = std_mpsc::channel();
    Follower::new("/conf".into(), settings, updates, events, messages)
}

#[allow(clippy::unnecessary_wraps)] // as the watcher sends it
fn event(kind: EventKind, path: &str) -> notify::Result<Event> {
    Ok(Event::new(kind).add_path(path.into()))
}

#[test]
fn reading_is_no_reason_to_read() {
    let mut follower = follower(Settings::default());
    for access in [
        AccessKind::Any,
        AccessKind::Read,
        AccessKind::Open(AccessMode::Any),
        AccessKind::Close(AccessMode::Read),
    ] {
        assert!(!follower.on_event(event(EventKind::Access(access), "/conf/a.yaml")), "{access:?}");
    }
    let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
    assert!(follower.on_event(event(closed, "/conf/a.yaml")));
}

#[test]
fn events_beside_the_directory_do_not_concern_it() {
    let mut follower = follower(Settings::default());
    let kind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    assert!(!follower.on_event(event(kind, "/conf2/a.yaml")));
    assert!(follower.on_event(event(kind, "/conf/x/a.txt")));
}

#[test]
fn a_file_counts_as_being_written_until_it_is_closed_replaced_or_removed() {
    let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    for end in [
        EventKind::Access(AccessKind::Close(AccessMode::Write)),
        EventKind::Remove(RemoveKind::File),
        EventKind::Modify(ModifyKind::Name(RenameMode::To)),
    ] {
        let mut follower = follower(Settings::default());
        follower.on_event(event(written, "/conf/a.yaml"));
        assert_eq!(follower.writing.len(), 1);
        follower.on_event(event(end, "/conf/a.yaml"));
        assert!(follower.writing.is_empty(), "{end:?}");
    }
}

#[test]
fn the_wait_ends_when_it_is_quiet_and_nobody_writes() {
    let (quiet, grace) = (Duration::from_millis(10), Duration::from_secs(1));
    let settings = Settings { quiet_time: quiet, write_grace: grace, ..Settings::default() };
    let mut follower = follower(settings);
    let start = Instant::now();
    let left = |follower: &Follower, after: Duration| {
        follower.time_left(Some(Unrest { first: start, last: start }), start + after)
    };
    assert_eq!(left(&follower, Duration::ZERO), Some(quiet));
    assert_eq!(left(&follower, quiet), None);
    follower.writing.insert("/conf/a.yaml".into(), start);
    assert_eq!(left(&follower, quiet), Some(Duration::from_millis(990)));
    assert_eq!(left(&follower, grace), None);
}
