//! What the demo says last: commands, each of which works as it is said.

use std::{path::Path, process::Command};

use fairlead_lab::deadline::eventually;
use rustix::process::Signal;

use super::{Demo, ENDED_WITHIN, RUNNING_WITHIN};

/// The commands in what was said after `title`: lines with four spaces before them, and texts for `cat`.
fn commands(output: &str, title: &str) -> Vec<String> {
    let (_, said) = output.split_once(title).expect("the title is there");
    let mut commands: Vec<String> = Vec::new();
    let mut text = false;
    for line in said.lines() {
        if text {
            let command = commands.last_mut().unwrap();
            *command = format!("{command}\n{line}");
            text = line != "END";
        } else if let Some(command) = line.strip_prefix("    ") {
            commands.push(command.to_owned());
        } else if line.starts_with("cat > ") {
            commands.push(line.to_owned());
            text = true;
        }
    }
    commands
}

/// What a command says, run as a user would, in the directory in which the demo was started.
fn run(command: &str, here: &Path) -> String {
    let output = Command::new("sh").args(["-c", command]).current_dir(here).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command}\n{}\n{said}{complained}", output.status);
    said
}

#[tokio::test]
async fn each_command_that_a_kept_demo_names_works() {
    let mut demo = Demo::start(&["--keep", "--no-steps", "--dir", "a mesh"]);
    demo.said("The mesh keeps running", RUNNING_WITHIN).await;
    demo.said("fairlead analyze", RUNNING_WITHIN).await;
    let commands = commands(&demo.output(), "The mesh keeps running");
    assert!(commands.len() >= 9, "{commands:?}");
    let mut said = Vec::new();
    for command in &commands {
        said.push(run(command, demo.here()));
        if command.starts_with("cat > ") {
            let again = commands.iter().find(|command| command.contains("x-user: ada")).unwrap();
            let here = demo.here();
            let edited = eventually("the edit is in use", RUNNING_WITHIN, || async {
                let said = run(again, here);
                if said.contains("reviews-v3") { Ok(()) } else { Err(said) }
            });
            edited.await.unwrap();
        }
    }
    let said_by = |part: &str| {
        let found = commands.iter().position(|command| command.contains(part));
        &said[found.unwrap_or_else(|| panic!("{part}: {commands:?}"))]
    };
    assert!(said_by("curl http://127.").contains("bookstore-v1"), "{said:?}");
    assert!(said_by("proxy-status").contains("ingressgateway"), "{said:?}");
    assert!(said_by("x-user: ada").contains("reviews-v3"), "{said:?}");
    demo.process.signal(Signal::INT).unwrap();
    assert_eq!(demo.ended(ENDED_WITHIN).await, Some(0), "{}", demo.output());
    each_works_after_the_end(&demo);
}

fn each_works_after_the_end(demo: &Demo) {
    let commands = commands(&demo.output(), "What next");
    assert!(commands.len() >= 3, "{commands:?}");
    for command in &commands {
        assert_ne!(run(command, demo.here()), "", "{command} says something");
    }
}

#[tokio::test]
async fn what_a_demo_proposes_at_its_end_works() {
    let mut demo = Demo::start(&["--no-steps"]);
    assert_eq!(demo.ended(RUNNING_WITHIN).await, Some(0), "{}", demo.output());
    let commands = commands(&demo.output(), "What next");
    let (play, others) = commands.split_first().unwrap();
    assert!(play.contains("demo --keep --no-steps --dir my-mesh"), "{play}");
    let arguments: Vec<_> = play.split(' ').skip_while(|word| *word != "demo").skip(1).collect();
    let mut kept = Demo::start_in(&demo, &arguments);
    kept.said("The mesh keeps running", RUNNING_WITHIN).await;
    kept.process.signal(Signal::INT).unwrap();
    assert_eq!(kept.ended(ENDED_WITHIN).await, Some(0), "{}", kept.output());
    for command in others {
        assert_ne!(run(command, demo.here()), "", "{command} says something");
    }
}
