//! At a real terminal, made by `script`: questions are asked and answered by typing, patches are shown
//! and applied on a yes, and a window that is closed ends what runs.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use crate::support::{Desk, runbook};

/// A narrow terminal with tminus in it.
struct Terminal {
    child: Child,
    screen: ChildStdout,
    shown: String,
    gone: JoinHandle<()>,
}

impl Terminal {
    /// Starts a command in a window of forty columns. `command` must have the program and its
    /// arguments without blanks.
    fn open(desk: &Desk, command: &Command) -> Terminal {
        // Whoever holds the other end of this pipe is there still, be it in a closed window.
        let gone = desk.pipe("gone");
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let inside = format!("stty cols 40 rows 12; exec {}", words.join(" "));
        let mut script = Command::new("bash");
        script.args(["-c", "exec 9>gone; exec script -q -e -c \"$0\" /dev/null", &inside]);
        script.current_dir(&desk.folder).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
        script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut child = script.spawn().expect("script is there");
        let gone = std::thread::spawn(move || {
            std::fs::read(gone).expect("a pipe");
        });
        let screen = child.stdout.take().expect("piped");
        Terminal { child, screen, shown: String::new(), gone }
    }

    /// Reads the screen until these words stand there, after what was seen before.
    fn until(&mut self, words: &str) {
        let mut new = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&new).contains(words) {
            let read = self.screen.read(&mut byte).unwrap_or(0);
            assert!(read == 1, "`{words}` is not shown:\n{}{}", self.shown, String::from_utf8_lossy(&new));
            new.push(byte[0]);
        }
        self.shown.push_str(&String::from_utf8_lossy(&new));
    }

    fn types(&mut self, line: &str) {
        let keyboard = self.child.stdin.as_mut().expect("piped");
        keyboard.write_all(format!("{line}\n").as_bytes()).expect("it is open");
    }

    /// Reads what is left, and returns the exit code and all that was shown.
    fn ends(mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        let _ = self.screen.read_to_end(&mut rest);
        let code = self.child.wait().expect("it ends").code();
        self.gone.join().expect("nobody is left");
        (code, self.shown + &String::from_utf8_lossy(&rest))
    }

    /// Takes the window away, as a lost connection does, and waits until all in it have ended.
    fn closes(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("gone");
        drop(self.screen);
        self.gone.join().expect("nobody is left");
    }
}

#[test]
fn a_person_answers_at_the_terminal_and_another_one_beside() {
    let desk = Desk::new();
    desk.write("tminus.toml", "[roles]\nqa = [\"ana\"]\nlead = [\"max\"]\n");
    let body = "- [ ] notes are read (@qa)\n\n```yaml {#go .approval}\nask: Out with it?\nquorum: { qa: 1, lead: 1 }\n```\n\n```bash {#deploy undo=none}\necho out\n```";
    desk.write("r.md", runbook(body).replace("runbook: 1\n", "runbook: 1\nroles: [qa, lead]\n"));
    let mut terminal = Terminal::open(&desk, &desk.command(&["run", "r.md"]));
    terminal.until("it holds › ");
    terminal.types("perhaps");
    terminal.until("none of the answers");
    terminal.until("it holds › ");
    terminal.types("y");
    terminal.until("it needs the role qa");
    terminal.until("`as ana`");
    terminal.until("it holds › ");
    terminal.types("as ana");
    terminal.until("it holds › ");
    terminal.types("y");
    terminal.until("ana ticks");
    terminal.until("REASON › ");
    terminal.types("y");
    // What came of an answer stands before the next question, which names who is missing.
    terminal.until("ana approves as qa");
    terminal.until("Still needed: 1 × lead");
    terminal.until("REASON › ");
    terminal.types("y");
    terminal.until("each person counts once");
    terminal.until("`as max`");
    terminal.until("REASON › ");
    terminal.types("as max");
    terminal.until("REASON › ");
    terminal.types("y");
    terminal.until("max approves as lead");
    let (code, shown) = terminal.ends();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("succeeded"), "{shown}");
}

#[test]
fn the_patch_of_check_is_applied_on_a_yes_and_only_then() {
    let faulty = "# Release\n\n## Deploy\n\n```bash\npsql -f migrate.sql\n```\n";
    for (answer, applied) in [("n", false), ("", false), ("y", true)] {
        let desk = Desk::new();
        desk.write("r.md", faulty);
        let mut terminal = Terminal::open(&desk, &desk.command(&["check", "r.md", "--fix"]));
        terminal.until("[y/N]");
        assert!(terminal.shown.contains("ON_ERROR_STOP"), "the patch is shown first: {}", terminal.shown);
        assert_eq!(desk.read("r.md"), faulty, "and not applied yet");
        terminal.types(answer);
        let (_, shown) = terminal.ends();
        assert_eq!(desk.read("r.md") != faulty, applied, "`{answer}`: {shown}");
    }
}

#[test]
fn bad_days_a_window_that_is_closed_ends_the_step_and_the_log_says_so() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    desk.write(
        "r.md",
        runbook("```bash {#a undo=none}\ndeploy a\n```\n\n```bash {#b undo=none}\ndeploy b\n```"),
    );
    desk.pipe("reached");
    desk.pipe("go");
    let terminal = Terminal::open(&desk, &desk.with_stand_ins(&["run", "r.md"], "-", "deploy a"));
    std::fs::read_to_string(desk.path("reached")).expect("the step runs");
    terminal.closes();
    desk.expect(0, &["log"]).says("was cancelled");
    let mut resumed = desk.with_stand_ins(&["resume", "--no-wait"], "-", "-");
    assert_eq!(resumed.output().expect("starts").status.code(), Some(5), "what was cut is a question");
    assert_eq!(desk.calls(), ["deploy a"], "nothing was repeated unasked");
    desk.expect(0, &["answer", "a", "retry"]);
    assert!(desk.with_stand_ins(&["resume"], "-", "-").status().expect("starts").success());
    assert_eq!(desk.calls(), ["deploy a", "deploy a", "deploy b"]);
}

#[test]
fn much_output_is_shown_in_part_and_its_end_always() {
    let desk = Desk::new();
    desk.write("r.md", runbook("```bash {#a undo=none}\nseq 400000\nexit 7\n```\n"));
    let ran = desk.expect(5, &["run", "r.md", "--no-wait"]);
    ran.says("│ 1\n").says("bytes are not shown: there is much of it; the record has both ends");
    let (output, _) = ran.out.split_once("FAILED").expect("it failed");
    assert!(output.contains("│ 399991\n") && output.contains("│ 400000\n"), "{}", ran.out);
    assert!(!output.contains("│ 300000\n") && output.lines().count() < 220_000, "only part of it");
}
