use std::io;

use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// What was logged.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn levels_that_are_none_leave_those_that_are() {
    let filter = EnvFilter::try_new("info").expect("a level");
    // The layer is there as long as its handle is used.
    let (_layer, handle) = reload::Layer::<_, Registry>::new(filter);
    let levels = Levels { handle, text: Mutex::new("info".to_owned()) };
    let error = levels.set_levels("inof").expect_err("no level");
    assert!(error.contains("did you mean `info`?"), "{error}");
    assert_eq!(levels.levels(), "info");
    levels.set_levels("warn,fairlead_xds=debug").expect("levels");
    assert_eq!(levels.levels(), "warn,fairlead_xds=debug");
}

#[test]
fn what_comes_from_outside_stays_on_its_line_and_is_cut() {
    let written = Written::default();
    let layer = tracing_subscriber::fmt::layer().fmt_fields(fields()).with_ansi(false);
    let subscriber = tracing_subscriber::registry().with(layer.with_writer(written.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let id = "sidecar\n2026 ERROR all is lost\u{1b}[2J";
        let span = tracing::info_span!("session", proxy.id = %id);
        let _in_span = span.enter();
        tracing::info!(error = "a\nb", count = 3, large = %"x".repeat(1 << 20), "message of {id}");
    });
    let text = String::from_utf8(written.0.lock().expect("no panic").clone()).expect("it is text");
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(
        text.contains(r#"message of sidecar\n2026 ERROR all is lost\u{1b}[2J error="a\nb" count=3"#),
        "{text}"
    );
    assert!(text.contains(r"session{proxy.id=sidecar\n2026"), "{text}");
    assert!(text.len() < 10_000, "{}", text.len());
}
