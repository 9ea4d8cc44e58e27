//! Feature flags that a release changes, and that a rollback puts back.

use tminus_testkit::ssh::SshHosts;
use tminus_testkit::unleash::{TOKEN, Unleash};

use crate::support::{Desk, Ran, STOPS, runbook};

/// As people and other tools leave it: odd layout, numbers that a rewriter would round, Windows
/// ends of lines, no end of line at the end.
const FLAGS: &str = "{\r\n  \"$schema\": \"https://flagd.dev/schema/v0/flags.json\",\n  \"flags\": {\n    \"other\": {\"state\":\"ENABLED\",\"variants\":{\"a\":1.10,\"b\":12345678901234567890},\"defaultVariant\":\"a\"},\n    \"new-checkout\": { \"defaultVariant\" : \"off\", \"variants\": {\"on\": true, \"off\": false},\n       \"state\":\"DISABLED\" }\n  } , \"x\": [1, {\"flags\": {\"new-checkout\": {\"state\": \"no\"}}}, []] }";

const FLAGD: &str =
    "```yaml {#flag .flag}\nflag: new-checkout\nto: on\nprovider: flagd\nfile: flags.json\n```";
const SMOKE: &str = "```bash {#smoke .check}\n./smoke\n```";

/// A desk whose release changes a flag and then looks with `./smoke`.
fn desk(step: &str) -> Desk {
    let desk = Desk::new();
    let body = runbook(&format!("{step}\n\n{SMOKE}"));
    desk.write("r.md", body.replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    desk.write("flags.json", FLAGS);
    desk.program("../smoke", "#!/bin/sh\n");
    desk
}

/// The file after the flag was switched on.
fn switched_on() -> String {
    FLAGS
        .replace("\"defaultVariant\" : \"off\"", "\"defaultVariant\" : \"on\"")
        .replace("DISABLED", "ENABLED")
}

#[test]
fn pain_05_a_flag_goes_on_and_comes_back_byte_for_byte() {
    let desk = desk(FLAGD);
    desk.program("../smoke", "#!/bin/sh\ncp flags.json seen.json\nexit 1\n");
    let ran = desk.expect(3, &["run", "r.md", "--no-wait"]);
    ran.says("before: new-checkout is off, variant off").says("new-checkout is off, variant off again");
    assert_eq!(desk.read("seen.json"), switched_on(), "only the two values differ");
    assert_eq!(desk.read("flags.json"), FLAGS);

    // Another flag that somebody changed meanwhile is not ours to take back.
    desk.program("../smoke", "#!/bin/sh\nsed -i 's/1\\.10/2.20/' flags.json\nexit 1\n");
    desk.expect(3, &["run", "r.md", "--no-wait"]);
    assert_eq!(desk.read("flags.json"), FLAGS.replace("1.10", "2.20"));

    // Ours, when somebody has changed it back already, is as it should be.
    desk.write("flags.json", FLAGS);
    desk.write("orig.json", FLAGS);
    desk.program("../smoke", "#!/bin/sh\ncp orig.json flags.json\nexit 1\n");
    desk.expect(3, &["run", "r.md", "--no-wait"]).says("again");
    assert_eq!(desk.read("flags.json"), FLAGS);
}

#[test]
fn on_off_and_variants_mean_what_the_file_has() {
    let desk = desk(FLAGD);
    let only = |variants: &str, state: &str| {
        format!(
            "{{\"flags\":{{\"new-checkout\":{{\"state\":\"{state}\",\"variants\":{{{variants}}},\"defaultVariant\":\"blue\"}}}}}}"
        )
    };
    // Where `on` and `off` are no variants they are the state.
    let colours = "\"blue\":1,\"green\":2";
    desk.write("flags.json", only(colours, "DISABLED"));
    desk.expect(0, &["run", "r.md", "--no-wait"]).says("on, variant blue");
    assert_eq!(desk.read("flags.json"), only(colours, "ENABLED"));
    let written = desk.read("r.md");
    desk.write("r.md", written.replace("to: on", "to: off"));
    desk.expect(0, &["run", "r.md", "--no-wait"]).says("off, variant blue");
    assert_eq!(desk.read("flags.json"), only(colours, "DISABLED"));
    desk.write("r.md", written.replace("to: on", "to: green"));
    desk.expect(0, &["run", "r.md", "--no-wait"]).says("on, variant green");
    assert_eq!(desk.read("flags.json"), only(colours, "ENABLED").replace(":\"blue\"", ":\"green\""));
    // A value by environment: elsewhere the step is left out.
    let map = written.replace("to: on", "to: { production: blue }");
    desk.write("r.md", map.replace("## 1. Work\n", "## 1. Work\n\n**Environment**: staging\n"));
    desk.expect(0, &["plan", "r.md"]).never_says("Set the flag");
    desk.write("r.md", map.replace("## 1. Work\n", "## 1. Work\n\n**Environment**: production\n"));
    desk.expect(0, &["run", "r.md", "--no-wait"]).says("on, variant blue");
    desk.write("r.md", map);
    desk.expect(2, &["run", "r.md"]).says("`to` names environments in a phase that names none");
}

#[test]
fn what_is_no_flag_and_no_file_is_refused_and_nothing_is_changed() {
    let desk = desk(FLAGD);
    let flag = |rest: &str| format!("{{\"flags\":{{\"new-checkout\":{{{rest}}}}}}}");
    let on = "\"variants\":{\"on\":1},\"defaultVariant\":\"on\"";
    for (text, words) in [
        (
            FLAGS.replace("\"new-checkout\": {", "\"newcheckout\": {"),
            "has no flag new-checkout; it has: other newcheckout",
        ),
        (FLAGS.replace(" } ,", " } ,,"), "is no JSON that can be read"),
        ("flags:\n  new-checkout: {}\n".to_owned(), "is no JSON that can be read"),
        (String::new(), "is no JSON that can be read"),
        ("{}".to_owned(), "it has: none"),
        (flag(on), "has no state that is known"),
        (flag("\"state\":\"ENABLED\",\"variants\":{\"on\":1}"), "has no one defaultVariant"),
        (flag(&format!("\"state\":\"ENABLED\",\"state\":\"DISABLED\",{on}")), "has no state that is known"),
        (FLAGS.replace("\"other\":", "\"new-checkout\":"), "2 times"),
    ] {
        desk.write("flags.json", &text);
        desk.expect(3, &["run", "r.md", "--no-wait"]).says(words);
        assert_eq!(desk.read("flags.json"), text);
    }
    desk.write("flags.json", FLAGS);
    let written = desk.read("r.md");
    desk.write("r.md", written.replace("to: on", "to: green"));
    desk.expect(3, &["run", "r.md", "--no-wait"]).says("has no variant green; it has: on off");
    std::fs::remove_file(desk.path("flags.json")).expect("it is there");
    desk.expect(3, &["run", "r.md", "--no-wait"]).says("there is no flags.json in");

    for (old, new, words) in [
        ("to: on", "to: 10%", "a share of users belongs to `provider: unleash`"),
        ("to: on", "to: [on]", "a flag's value is a text, not a list"),
        ("to: on\n", "", "`.flag` needs `to`"),
        ("flag: new-checkout", "flag: a b", "is no name of a flag"),
        ("provider: flagd", "provider: other", "`flagd` (a file), `unleash` or `command`"),
        ("file: flags.json", "url: x", "`url` belongs to `provider: unleash`"),
        ("file: flags.json", "get: x", "`get` belongs to `provider: command`"),
        ("file: flags.json", "flie: flags.json", "`.flag` has no key `flie`"),
        ("to: on", "to: $COLOUR", "`to` is not known: "),
        (".flag}", ".flag .check}", "it is no `.check`"),
    ] {
        desk.write("r.md", written.replace(old, new));
        desk.expect(2, &["run", "r.md"]).says(words);
    }
}

const COMMAND: &str = "```yaml {#flag .flag}\nflag: new-checkout\nto: $VERSION\nprovider: command\nget: flags get \"$FLAG\"\nset: flags set \"$FLAG\" \"$FLAG_VALUE\"\n```";

/// A flag service, as its command line tool shows it; it insists on its token.
const SERVICE: &str = "#!/bin/sh\n[ \"$FLAG_TOKEN\" = hunter2-hunter2 ] || { echo 'no token' >&2; exit 4; }\necho \"asked with $FLAG_TOKEN\" >&2\ncase $1 in get) cat \"$2\" ;; set) printf '%s\\n' \"$3\" >\"$2\" ;; esac\n";

#[test]
fn a_flag_behind_commands_is_read_back_and_its_token_is_never_shown() {
    let desk = desk(COMMAND);
    desk.write("tminus.toml", "[secrets]\nFLAG_TOKEN = \"file:token\"\n");
    desk.write("token", "hunter2-hunter2");
    desk.write("new-checkout", "v1\n");
    desk.program("flags", SERVICE);
    let run = |code, version| desk.expect(code, &["run", "r.md", "--no-wait", "--version", version]);
    run(0, "v2").says("before: new-checkout is v1").says("now: new-checkout is v2").never_says("hunter2");
    assert_eq!(desk.read("new-checkout"), "v2\n");

    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    run(3, "v3").says("new-checkout is v2 again").never_says("hunter2");
    assert_eq!(desk.read("new-checkout"), "v2\n");

    // A change that does not arrive is no change, and one that cannot be told is none either.
    desk.program("flags", &SERVICE.replace("set) ", "set) exit 0;"));
    run(3, "v3").says("the flag new-checkout is v2 after the change, and not v3");
    desk.program("flags", "#!/bin/sh\nexit 9\n");
    run(3, "v3").says("`get` cannot tell what the flag new-checkout is: it ended with 9");
    desk.program("flags", "#!/bin/sh\n");
    run(3, "v3").says("`get` says nothing about the flag new-checkout");
    assert_eq!(desk.read("new-checkout"), "v2\n");
    let kept = desk.expect(0, &["log"]);
    kept.never_says("hunter2");
}

#[test]
fn crash_everywhere_a_flag_behind_commands_is_asked_what_it_is_and_set_once() {
    let desk = desk(COMMAND);
    desk.write("tminus.toml", "[secrets]\nFLAG_TOKEN = \"file:token\"\n");
    desk.write("token", "hunter2-hunter2");
    // The power is cut before the flag is set, and with the next release behind that.
    for behind in [false, true] {
        desk.write("new-checkout", "v1\n");
        let at = |here: bool| if here == behind { STOPS } else { ":" };
        let sets =
            format!("set) {}; echo \"$3\" >>sets; printf '%s\\n' \"$3\" >\"$2\"; {} ;;", at(false), at(true));
        let service = SERVICE.replace("set) printf '%s\\n' \"$3\" >\"$2\" ;;", &sets);
        assert_ne!(service, SERVICE);
        desk.program("flags", &service);
        desk.program("../smoke", "#!/bin/sh\ncp new-checkout seen\nexit 1\n");
        desk.cut_power(desk.command(&["run", "r.md", "--no-wait", "--version", "v2", "--again"]));
        assert_eq!(desk.read("new-checkout"), if behind { "v2\n" } else { "v1\n" });
        // What it was before is what the first attempt found.
        let ran = desk.expect(3, &["resume", "--no-wait"]);
        ran.says("before: new-checkout is v1").says("new-checkout is v1 again").never_says("hunter2");
        assert_eq!((desk.read("seen"), desk.read("new-checkout")), ("v2\n".to_owned(), "v1\n".to_owned()));
        assert_eq!(desk.read("sets"), "v2\nv1\n", "set once, and back once: {behind}");
        std::fs::remove_file(desk.path("sets")).expect("it was set");
    }
}

#[test]
fn crash_everywhere_in_the_middle_of_a_flag_the_value_before_is_not_lost() {
    let desk = desk(FLAGD);
    // The power is cut when the new file is whole and not yet in its place; then once more.
    desk.program("mv", "#!/bin/sh\ncase \"$*\" in *flags.json) if [ -p reached ]; then ps -o pgid= -p $$ >group; echo >reached; read -r _ <go; fi ;; esac\nexec /bin/mv \"$@\"\n");
    desk.kill_while_waiting(desk.command(&["run", "r.md", "--no-wait"]));
    desk.kill_step();
    assert_eq!(desk.read("flags.json"), FLAGS, "whole at every moment");
    for name in ["reached", "go"] {
        std::fs::remove_file(desk.path(name)).expect("the pipe");
    }
    desk.kill_while_waiting(desk.command(&["resume", "--no-wait"]));
    std::fs::remove_file(desk.path("reached")).expect("the pipe");
    desk.let_go();
    desk.program("../smoke", "#!/bin/sh\ncp flags.json seen.json\nexit 1\n");
    let ran = Ran::of(desk.command(&["resume", "--no-wait"]).output().expect("it starts"));
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert_eq!(desk.read("seen.json"), switched_on());
    assert_eq!(desk.read("flags.json"), FLAGS, "what was before is what the first attempt found");
    let left: Vec<String> = std::fs::read_dir(&desk.folder)
        .expect("the desk")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("flags.json."))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn crash_everywhere_on_the_way_back_of_a_flag_a_second_undo_harms_nothing() {
    let desk = desk(FLAGD);
    desk.program("../smoke", "#!/bin/sh\ntouch looked\nexit 1\n");
    // The power is cut when the old value is in its place and the undo has not yet said so.
    desk.program("mv", "#!/bin/sh\n/bin/mv \"$@\" || exit\ncase \"$*\" in *flags.json) if [ -e looked ] && [ -p reached ]; then ps -o pgid= -p $$ >group; echo >reached; read -r _ <go; fi ;; esac\n");
    desk.kill_while_waiting(desk.command(&["run", "r.md", "--no-wait"]));
    desk.kill_step();
    assert_eq!(desk.read("flags.json"), FLAGS);
    desk.expect(3, &["resume", "--no-wait"]).says("new-checkout is off, variant off again");
    assert_eq!(desk.read("flags.json"), FLAGS);
}

#[test]
fn a_flag_on_another_host_is_changed_there() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let folder = hosts.home("web-1");
    let class = format!(".flag on=web-1 cwd={}}}", folder.display());
    let desk = desk(&format!("**Hosts**: web-1\n\n{}", FLAGD.replace(".flag}", &class)));
    desk.program("ssh", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", hosts.bin().join("ssh").display()));
    let there = folder.join("flags.json");
    std::fs::write(&there, FLAGS).expect("the host's file");
    desk.expect(0, &["run", "r.md", "--no-wait"]).says("now: new-checkout is on, variant on");
    let read = || std::fs::read_to_string(&there).expect("it is there");
    assert_eq!((read(), desk.read("flags.json")), (switched_on(), FLAGS.to_owned()));
    std::fs::write(&there, FLAGS).expect("the host's file");
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    desk.expect(3, &["run", "r.md", "--no-wait"]).says("again");
    assert_eq!(read(), FLAGS);
}

/// A desk whose release changes a flag of Unleash, which is off in production and has no strategy.
fn unleash_desk(unleash: &Unleash, to: &str) -> Desk {
    let url = unleash.url();
    let step =
        format!("```yaml {{#flag .flag}}\nflag: new-checkout\nto: {to}\nprovider: unleash\nurl: {url}\n```");
    let desk = desk(&step);
    let body = desk.read("r.md").replace("## 1. Work\n", "## 1. Work\n\n**Environment**: production\n");
    desk.write("r.md", body);
    desk.write("tminus.toml", "[secrets]\nUNLEASH_TOKEN = \"file:token\"\n");
    desk.write("token", TOKEN);
    desk
}

fn unleash_run(desk: &Desk, code: i32) -> Ran {
    let ran = desk.expect(code, &["run", "r.md", "--no-wait"]);
    ran.never_says("hunter2");
    ran
}

#[test]
fn pain_05_a_flag_of_unleash_goes_on_for_some_and_comes_back_as_it_was() {
    let Some(unleash) = Unleash::start() else { return };
    unleash.call("POST", "", r#"{"name": "new-checkout", "type": "release"}"#);
    let desk = unleash_desk(&unleash, "25%");
    let production = || unleash.production("new-checkout");
    let fresh = production();
    assert!(fresh.contains("\"enabled\":false") && fresh.contains("\"strategies\":[]"), "{fresh}");

    // Looks while it is on, then fails: everything is taken back, the strategy too.
    let url = unleash.url();
    desk.program("../smoke", &format!("#!/bin/sh\ncurl --silent --header \"Authorization: $UNLEASH_TOKEN\" {url}/api/admin/projects/default/features/new-checkout/environments/production >seen.json\nexit 1\n"));
    let ran = unleash_run(&desk, 3);
    ran.says("before: new-checkout is off, without a strategy").says("now: new-checkout is on, for 25%");
    ran.says("new-checkout is off, without a strategy again");
    let seen = desk.read("seen.json");
    assert!(seen.contains("\"enabled\":true") && seen.contains("\"rollout\":\"25\""), "{seen}");
    assert_eq!(production(), fresh);
    // Nobody saw it on for everybody: the share was there first.
    let events = unleash.events("new-checkout");
    let at = |kind: &str| {
        events.iter().position(|found| found == kind).unwrap_or_else(|| panic!("{kind}: {events:?}"))
    };
    assert!(at("feature-strategy-add") < at("feature-environment-enabled"), "{events:?}");
    assert!(at("feature-environment-disabled") < at("feature-strategy-remove"), "{events:?}");

    // On, further on, and back to where it was before the last step.
    desk.program("../smoke", "#!/bin/sh\n");
    unleash_run(&desk, 0).says("now: new-checkout is on, for 25%");
    let quarter = production();
    let edit = |old: &str, new: &str| {
        let written = desk.read("r.md");
        assert!(written.contains(old));
        desk.write("r.md", written.replace(old, new));
    };
    edit("to: 25%", "to: 50%");
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    unleash_run(&desk, 3).says("before: new-checkout is on, for 25%").says("on, for 25% again");
    assert_eq!(production(), quarter);
    edit("to: 50%", "to: off");
    unleash_run(&desk, 3).says("now: new-checkout is off, for 25%").says("on, for 25% again");
    assert_eq!(production(), quarter);

    // Strategies that somebody wrote are theirs: the switch alone is ours.
    unleash.call("POST", "/new-checkout/environments/production/strategies", r#"{"name": "default"}"#);
    let own = production();
    unleash_run(&desk, 3).says("on, by strategies of its own again");
    assert_eq!(production(), own);
    edit("to: off", "to: 10%");
    unleash_run(&desk, 3).says("has strategies of its own in production");
    assert_eq!(production(), own);
}

#[test]
fn what_unleash_refuses_is_told_and_its_token_is_never_shown() {
    let Some(unleash) = Unleash::start() else { return };
    unleash.call("POST", "", r#"{"name": "new-checkout", "type": "release"}"#);
    let desk = unleash_desk(&unleash, "on");
    let fresh = unleash.production("new-checkout");
    let written = desk.read("r.md");
    // While it runs, no process has the token among its words.
    desk.program("curl", "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\" >>\"$HOME/words\"; done\nexec /usr/bin/curl \"$@\"\n");
    for (old, new, words) in [
        (
            "flag: new-checkout",
            "flag: missing",
            "answers 404 to GET /api/admin/projects/default/features/missing/environments/production: There's no feature named",
        ),
        (
            "provider: unleash",
            "provider: unleash\nenvironment: nowhere",
            "Could not find new-checkout in nowhere",
        ),
        ("provider: unleash", "provider: unleash\nproject: other", "answers 40"),
    ] {
        desk.write("r.md", written.replace(old, new));
        unleash_run(&desk, 3).says(words);
    }
    desk.write("r.md", &written);
    desk.write("token", "*:*.another-one");
    desk.expect(3, &["run", "r.md", "--no-wait"]).says("answers 401").never_says("another-one");
    desk.write("token", TOKEN);
    let gone = written.replace(unleash.url(), "http://127.0.0.1:1");
    desk.write("r.md", gone);
    unleash_run(&desk, 3).says("Unleash at http://127.0.0.1:1 does not answer");
    assert_eq!(unleash.production("new-checkout"), fresh);
    let words = desk.read("words");
    assert!(
        words.contains("--url") && !words.contains("hunter2") && !words.contains("another-one"),
        "{words}"
    );

    for (old, new, words) in [
        ("to: on", "to: blue", "a flag of Unleash is `on`, `off` or a share"),
        ("to: on", "to: 101%", "a flag of Unleash is `on`, `off` or a share"),
        ("provider: unleash", "provider: unleash\ntoken: a-b", "never a token itself"),
        ("provider: unleash", "provider: unleash\ntoken: OTHER", "the secret `OTHER` has no reference here"),
        ("provider: unleash", "provider: unleash\nfile: x", "`file` belongs to `provider: flagd`"),
        ("flag: new-checkout", "flag: a/b", "a name in Unleash has letters"),
        ("**Environment**: production\n", "", "neither the phase nor the step names one"),
    ] {
        assert!(written.contains(old), "{old}");
        desk.write("r.md", written.replace(old, new));
        desk.expect(2, &["run", "r.md"]).says(words);
    }
}

#[test]
fn crash_everywhere_between_share_and_switch_of_unleash_it_is_looked_at_again() {
    let Some(unleash) = Unleash::start() else { return };
    unleash.call("POST", "", r#"{"name": "new-checkout", "type": "release"}"#);
    let desk = unleash_desk(&unleash, "25%");
    let fresh = unleash.production("new-checkout");
    // The power is cut when the share is there and the flag is not yet on; then when it is on.
    let stop = "if [ -p \"$HOME/reached\" ]; then ps -o pgid= -p $$ >\"$HOME/group\"; echo >\"$HOME/reached\"; read -r _ <\"$HOME/go\"; fi";
    let again = || {
        for name in ["reached", "go"] {
            std::fs::remove_file(desk.path(name)).expect("the pipe");
        }
    };
    desk.program(
        "curl",
        &format!("#!/bin/sh\ncase \"$*\" in */on) {stop} ;; esac\nexec /usr/bin/curl \"$@\"\n"),
    );
    desk.kill_while_waiting(desk.command(&["run", "r.md", "--no-wait"]));
    desk.kill_step();
    again();
    let half = unleash.production("new-checkout");
    assert!(half.contains("\"enabled\":false") && half.contains("\"rollout\":\"25\""), "{half}");
    desk.program(
        "curl",
        &format!("#!/bin/sh\n/usr/bin/curl \"$@\" || exit\ncase \"$*\" in */on) {stop} ;; esac\n"),
    );
    desk.kill_while_waiting(desk.command(&["resume", "--no-wait"]));
    desk.kill_step();
    again();
    desk.program("../smoke", "#!/bin/sh\ntouch looked\nexit 1\n");
    // On the way back, between switch and strategy.
    desk.program(
        "curl",
        &format!("#!/bin/sh\ncase \"$*\" in *DELETE*) {stop} ;; esac\nexec /usr/bin/curl \"$@\"\n"),
    );
    desk.kill_while_waiting(desk.command(&["resume", "--no-wait"]));
    desk.kill_step();
    again();
    assert!(desk.path("looked").exists());
    let ran = Ran::of(desk.command(&["resume", "--no-wait"]).output().expect("it starts"));
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    ran.says("new-checkout is off, without a strategy again");
    assert_eq!(unleash.production("new-checkout"), fresh, "what was before is what the first attempt found");
}
