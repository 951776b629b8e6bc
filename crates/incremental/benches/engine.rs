//! How long the engine takes: a collection of 10,000 members, and a chain of six strata.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fairlead_incremental::{Collect, Db, Index, Input, Query, Reader, Stratum};
use imbl::OrdSet;

const MEMBERS: u32 = 10_000;

struct Number;

impl Input for Number {
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "number";
}

struct Numbers;

impl Index for Numbers {
    type Input = Number;
    type Bucket = ();
    const NAME: &'static str = "numbers";

    fn buckets(_: &u32, _: &u64) -> Vec<()> {
        vec![()]
    }
}

/// One step of the chain; the first reads the input.
struct Link<const STRATUM: u8>;

macro_rules! link {
    ($stratum:literal, $below:literal) => {
        impl Query for Link<$stratum> {
            type Key = u32;
            type Value = u64;
            const NAME: &'static str = concat!("link ", $stratum);
            const STRATUM: Stratum = Stratum($stratum);

            fn compute(cx: &Reader<'_>, key: &u32) -> u64 {
                *cx.get::<Link<$below>>(key) + 1
            }
        }
    };
}

impl Query for Link<1> {
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "link 1";
    const STRATUM: Stratum = Stratum(1);

    fn compute(cx: &Reader<'_>, key: &u32) -> u64 {
        cx.input::<Number>(key).map_or(0, |number| *number)
    }
}

link!(2, 1);
link!(3, 2);
link!(4, 3);
link!(5, 4);
link!(6, 5);

struct Union;

impl Collect for Union {
    type Key = ();
    type Member = Link<1>;
    type OutKey = u32;
    type OutValue = u64;
    const NAME: &'static str = "union";
    const STRATUM: Stratum = Stratum(2);

    fn members(cx: &Reader<'_>, (): &()) -> OrdSet<u32> {
        cx.index::<Numbers>(&())
    }

    fn entries(key: &u32, value: &u64) -> impl IntoIterator<Item = (u32, u64)> {
        [(*key, *value)]
    }
}

fn filled() -> Db {
    let mut db = Db::new();
    db.register_index::<Numbers>();
    let mut changes = db.change();
    for key in 0..MEMBERS {
        changes.set::<Number>(key, Arc::new(u64::from(key)));
    }
    db.apply(changes);
    db
}

fn set(db: &mut Db, key: u32, value: u64) {
    let mut changes = db.change();
    changes.set::<Number>(key, Arc::new(value));
    db.apply(changes);
}

fn collection(c: &mut Criterion) {
    c.bench_function("collect 10,000 members, cold", |b| {
        b.iter_batched(filled, |mut db| (db.lease_collect::<Union>(&()), db), BatchSize::LargeInput);
    });
    let mut db = filled();
    let union = db.lease_collect::<Union>(&());
    let mut value = u64::from(MEMBERS);
    c.bench_function("collect 10,000 members, one changes", |b| {
        b.iter(|| {
            value += 1;
            set(&mut db, 5_000, value);
            black_box(db.settle());
        });
    });
    c.bench_function("collect 10,000 members, one comes and goes", |b| {
        b.iter(|| {
            set(&mut db, MEMBERS, 1);
            db.settle();
            let mut changes = db.change();
            changes.remove::<Number>(MEMBERS);
            db.apply(changes);
            black_box(db.settle());
        });
    });
    drop(union);
}

fn chain(c: &mut Criterion) {
    let mut db = filled();
    let leases: Vec<_> = (0..MEMBERS).map(|key| db.lease::<Link<6>>(&key)).collect();
    let mut value = u64::from(MEMBERS);
    c.bench_function("10,000 chains of six strata, one changes", |b| {
        b.iter(|| {
            value += 1;
            set(&mut db, 5_000, value);
            black_box(db.settle());
        });
    });
    c.bench_function("10,000 chains of six strata, all change", |b| {
        b.iter(|| {
            value += 1;
            let mut changes = db.change();
            for key in 0..MEMBERS {
                changes.set::<Number>(key, Arc::new(value + u64::from(key)));
            }
            db.apply(changes);
            black_box(db.settle());
        });
    });
    drop(leases);
}

criterion_group!(benches, collection, chain);
criterion_main!(benches);
