use anyhow::{Context as _, anyhow};

use super::{FAILED, UNREACHABLE, USAGE, Unreachable, Usage, code};

#[test]
fn each_sort_of_failure_has_its_code_however_it_was_wrapped() {
    let unreachable = || Unreachable { url: "http://nowhere".to_owned(), hint: "" };
    assert_eq!(code(&anyhow!("something")), FAILED);
    assert_eq!(code(&anyhow!(unreachable())), UNREACHABLE);
    let refused = Err::<(), _>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
    let wrapped = refused.with_context(unreachable).context("more").expect_err("an error");
    assert_eq!(code(&wrapped), UNREACHABLE);
    assert_eq!(code(&anyhow!("reason").context(Usage("which?".to_owned()))), USAGE);
}
