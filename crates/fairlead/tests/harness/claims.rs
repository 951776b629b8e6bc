//! Many claims about one mesh: starting Envoys is what costs, so claims share them, and each is reported by name.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, time::Instant};

use futures_util::FutureExt as _;

/// What became of the claims of one test.
#[derive(Default)]
pub(crate) struct Claims {
    broken: Vec<String>,
    count: usize,
}

impl Claims {
    /// Checks one claim. A panic in it breaks this claim only; [`Claims::hold`] tells in the end.
    pub(crate) async fn check(&mut self, name: &str, claim: impl Future<Output = ()>) {
        let began = Instant::now();
        self.count += 1;
        let outcome = match AssertUnwindSafe(claim).catch_unwind().await {
            Ok(()) => "ok".to_owned(),
            Err(panic) => {
                self.broken.push(format!("{name}: {}", message(&*panic)));
                "BROKEN".to_owned()
            }
        };
        eprintln!("  {name} ... {outcome} ({:?})", began.elapsed());
    }

    /// Fails the test with the name and the reason of every broken claim.
    pub(crate) fn hold(self) {
        let Self { broken, count } = self;
        assert!(broken.is_empty(), "{} of {count} claims are broken\n{}", broken.len(), broken.join("\n"));
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Checks each named `async fn` with one fixture, one after the other.
macro_rules! claims {
    ($fixture:expr; $($claim:path),+ $(,)?) => {{
        let fixture = $fixture;
        let mut claims = $crate::harness::claims::Claims::default();
        $( claims.check(stringify!($claim), $claim(fixture)).await; )+
        claims.hold();
    }};
}
pub(crate) use claims;
