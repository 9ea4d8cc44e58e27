//! Points of no return: a plan shows them, a person is asked before them, and the way back stops at them.

use crate::support::{Desk, runbook};

/// Two steps that can be taken back, and between them mail that cannot.
const BODY: &str = "```bash {#first undo=first-back}
echo first >>done
```

```bash {#first-back .undo}
echo first is back >>done
```

```yaml {#go .approval}
ask: Write to all customers? That cannot be taken back.
quorum: { lead: 1 }
```

```bash {#mail undo=none}
echo mail >>done
```

```bash {#second undo=second-back}
echo second >>done
```

```bash {#second-back .undo}
echo second is back >>done
```

- [ ] The customers are content
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("r.md", runbook(BODY));
    desk
}

#[test]
fn a_no_before_a_point_of_no_return_stops_there_and_everything_before_it_goes_back() {
    let desk = desk();
    let plan = desk.expect(0, &["plan", "r.md"]);
    assert_eq!(plan.out.matches("point of no return").count(), 1, "{}", plan.out);
    desk.expect(5, &["run", "r.md", "--no-wait"]).says("Write to all customers?");
    desk.expect(0, &["decline", "go", "--reason", "the text is wrong", "--as", "ana"]);
    desk.expect(5, &["resume", "--no-wait"]).says("the text is wrong");
    assert_eq!(desk.read("done"), "first\n");
    let ran = desk.expect(3, &["rollback", "--reason", "another time"]);
    ran.says("rolled back").never_says("cannot be reversed");
    assert_eq!(desk.read("done"), "first\nfirst is back\n");
}

#[test]
fn a_way_back_stops_at_a_point_of_no_return_and_goes_past_it_when_somebody_says_so() {
    let desk = desk();
    desk.expect(5, &["run", "r.md", "--no-wait"]);
    desk.expect(0, &["approve", "go", "--as", "ana"]);
    desk.expect(5, &["resume", "--no-wait"]).says("The customers are content");
    let ran = desk.expect(6, &["rollback", "--reason", "they are not", "--no-wait"]);
    ran.says("waits for undo: mail").says("it cannot be reversed, and what came before may depend on it");
    ran.says("tminus answer mail run").says("tminus abort").never_says("rolled back after");
    assert_eq!(desk.read("done"), "first\nmail\nsecond\nsecond is back\n", "it stops there");
    desk.expect(6, &["resume", "--no-wait"]).says("waits for undo: mail");
    desk.expect(0, &["answer", "mail", "run", "--as", "ana"]);
    let ran = desk.expect(3, &["resume", "--no-wait"]);
    ran.says("still standing: mail").says("not undone mail");
    desk.record_verifies();
    assert!(desk.read("record/record.md").contains("mail: it cannot be reversed; going back past it"));
    assert_eq!(desk.read("done"), "first\nmail\nsecond\nsecond is back\nfirst is back\n");
}
