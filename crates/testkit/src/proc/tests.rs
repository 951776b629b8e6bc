use std::{hint::black_box, time::Instant};

use super::*;

fn me() -> ProcessStats {
    ProcessStats::of(std::process::id())
}

#[test]
fn work_is_seen_in_both_clocks() {
    let (coarse, fine) = (me().cpu().unwrap(), me().cpu_of_threads().unwrap());
    let began = Instant::now();
    let mut sum = 0_u64;
    let advanced =
        || me().cpu().unwrap() >= coarse + Duration::from_millis(50) && me().cpu_of_threads().unwrap() > fine;
    // Until the clocks say so, however slow the machine is and whichever threads of other tests end; ten seconds are
    // enough for anything.
    while !advanced() {
        sum = (0..100_000).fold(sum, |sum, i| black_box(sum.wrapping_add(i)));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn memory_is_seen_while_it_is_held_and_in_the_peak_until_that_begins_anew() {
    const SIZE: usize = 64 << 20;
    let before = me().rss().unwrap();
    let held = black_box(vec![1_u8; SIZE]);
    assert!(me().rss().unwrap() > before + SIZE as u64 / 2);
    drop(held);
    let peak = me().peak_rss().unwrap();
    assert!(peak > before + SIZE as u64 / 2);
    me().reset_peak().unwrap();
    assert!(me().peak_rss().unwrap() < peak);
}

#[test]
fn open_files_are_counted() {
    let files: Vec<_> = (0..50).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
    assert!(me().open_files().unwrap() >= files.len());
}

#[test]
fn a_process_that_is_gone_is_an_error() {
    // Above the largest process id that Linux gives.
    assert!(ProcessStats::of(5_000_000).cpu().is_err());
}
