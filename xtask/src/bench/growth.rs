//! How the time of `check` grows with the document: a straight line in a log-log plot, whose slope
//! is 1 when twice the document takes twice the time.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Place;
use super::measure::{spread, wall};
use super::page::Section;

pub(super) const KILOBYTE: usize = 1000;

/// Sizes of the documents in kilobytes, each about twice the one before.
const SIZES: [usize; 9] = [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 50_000];

/// Counted runs of one size.
const RUNS: usize = 3;

/// A size that takes longer ends the series: the next would take twice that or much more.
const PATIENCE_SECONDS: f64 = 30.0;

/// A kind of document and how it is made.
pub(super) type Kind = (&'static str, fn(usize) -> String);

pub(super) const KINDS: [Kind; 3] =
    [("verbatim runbook", verbatim), ("annotated runbook", annotated), ("one long section", one_section)];

/// Runs the benchmark.
pub(super) fn run(place: &Place) -> Result<Section, String> {
    let folder = place.empty("growth")?;
    let what = "`tminus check --format json` of generated documents, whole process. The exponent is the slope of \
                the least-squares line through the logarithms of size and time, start-up subtracted: 1 is \
                proportional, 2 is four times the time for twice the document. What takes over 10 s is run once.";
    let columns = ["", "size MB", "seconds", "µs a KB"];
    let mut section = Section::new("Growth of check", what, "cargo xtask bench growth", &columns);
    let startup = spread(
        (0..5)
            .map(|_| wall(&place.tminus(), &[OsStr::new("--version")], &[0]))
            .collect::<Result<Vec<_>, _>>()?,
    );
    for (kind, make) in KINDS {
        let mut points = Vec::new();
        for size in SIZES {
            let path = folder.join(format!("{size}.md"));
            fs::write(&path, make(size * KILOBYTE))
                .map_err(|error| format!("{}: {error}", path.display()))?;
            let times = times(place, &path)?;
            let figure = spread(times.iter().copied());
            let megabytes = size as f64 / 1000.0;
            eprintln!("  {kind}, {megabytes} MB: {:.3} s", figure.median);
            let each = format!("{:.1}", figure.median * 1e6 / size as f64);
            section.row(&[kind, &format!("{megabytes}"), &figure.cell(1.0, 3), &each]);
            points.push((size as f64, (figure.median - startup.median).max(1e-4)));
            if figure.median > PATIENCE_SECONDS {
                section.row(&[kind, "larger", &format!("not tried: over {PATIENCE_SECONDS} s"), ""]);
                break;
            }
        }
        section.row(&[kind, "exponent", &format!("{:.2}", slope(&points)), ""]);
    }
    Ok(section)
}

/// One run that is not counted, unless it took so long that a second one tells nothing new.
fn times(place: &Place, path: &Path) -> Result<Vec<f64>, String> {
    let arguments = ["check", "--format", "json"].map(OsStr::new).into_iter().chain([path.as_os_str()]);
    let arguments: Vec<&OsStr> = arguments.collect();
    let run = || wall(&place.tminus(), &arguments, &[0, 1]);
    let first = run()?;
    if first > PATIENCE_SECONDS / 3.0 {
        return Ok(vec![first]);
    }
    (0..RUNS).map(|_| run()).collect()
}

/// The slope of the least-squares line through the logarithms. `points` holds at least two.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let (mean_x, mean_y) =
        (logs.iter().map(|(x, _)| x).sum::<f64>() / count, logs.iter().map(|(_, y)| y).sum::<f64>() / count);
    let along: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    along / logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>()
}

/// Repeats numbered parts until there are `bytes` bytes.
fn document(bytes: usize, head: &str, part: impl Fn(usize, &mut String)) -> String {
    let mut text = head.to_owned();
    let mut number = 1;
    while text.len() < bytes {
        part(number, &mut text);
        number += 1;
    }
    text
}

/// As people write them: facts, prose, a checklist, commands with faults, a table, thresholds.
fn verbatim(bytes: usize) -> String {
    document(bytes, "# Release runbook\n\nHow the parcel service is released.\n", |number, text| {
        let _ = write!(
            text,
            "\n## {number}. Deploy part {number}\n\n**Owner**: Team {number} · **Duration**: {minutes} minutes\n\n\
             Part {number} goes out after the one before it has settled. Tell the *on-call* engineer in `#releases`\n\
             before you begin, and see [the dashboard](https://grafana.example.com/d/{number}) while it runs.\n\n\
             - [ ] Part {number} is built and its tests are green (@qa-lead)\n\
             - [ ] The change of part {number} is announced\n\n\
             ### Commands\n\n```bash\n# take part {number} out of rotation\n\
             kubectl -n part-{number} scale deployment/api --replicas={replicas}\n\
             curl -f https://part-{number}.example.com/health || echo \"not healthy\"\nsleep 30\n\
             export TAG=v1.{number}.0\ndocker pull registry.example.com/part-{number}:$TAG\n```\n\n\
             | metric | target |\n| --- | --- |\n| error rate | < {percent}% |\n| p95 latency | < 500ms |\n\n\
             Roll back part {number} if:\n\n- Error rate > 5% for > 2 minutes\n- p95 latency > 2000ms for > 5 minutes\n",
            minutes = number % 50 + 5,
            replicas = number % 9 + 1,
            percent = number % 4 + 1,
        );
    })
}

/// Annotated blocks with undos that name each other.
fn annotated(bytes: usize) -> String {
    let head = "---\nrunbook: 1\ninputs: { VERSION: 'v\\d+' }\nroles: [qa-lead]\n---\n# Release runbook\n";
    document(bytes, head, |number, text| {
        let _ = write!(
            text,
            "\n## Part {number}\n\n- [ ] Part {number} is ready (@qa-lead)\n- [ ] It is healthy (auto: `check-{number}`)\n\n\
             ```bash {{#check-{number} .check timeout=1m}}\ncurl --fail \"https://part-{number}.example.com/$VERSION\"\n```\n\n\
             ```bash {{#deploy-{number} undo=back-{number} timeout=5m}}\nset -e\n./deploy part-{number} \"$VERSION\"\n```\n\n\
             ```bash {{#back-{number} .undo}}\n./deploy part-{number} --previous\n```\n"
        );
    })
}

/// One section with one list, one fence and one paragraph that are each very long: what is
/// quadratic within a block shows here.
fn one_section(bytes: usize) -> String {
    let third = bytes / 3;
    let mut text = document(third, "# Release runbook\n\n## Work\n\n", |number, text| {
        let _ = writeln!(text, "- [ ] Item {number}: error rate < 1% for 5 minutes (@qa-lead)");
    });
    text.push_str("\n```bash\n");
    text = document(2 * third, &text, |number, text| {
        let _ =
            writeln!(text, "curl -f https://part-{number}.example.com/health > out-{number}.txt || echo no");
    });
    text.push_str("```\n\n");
    document(bytes, &text, |number, text| {
        let _ = writeln!(
            text,
            "Sentence {number} of a paragraph with `code {number}` and *stress* and <part-{number}>."
        );
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_the_power() {
        for power in [1.0, 1.5, 2.0] {
            let points: Vec<(f64, f64)> =
                SIZES.map(|size| (size as f64, 3.0 * (size as f64).powf(power))).to_vec();
            assert!((slope(&points) - power).abs() < 1e-9, "{power}");
        }
    }

    #[test]
    fn documents_have_their_size() {
        for (kind, make) in KINDS {
            let length = make(100 * KILOBYTE).len();
            assert!((100 * KILOBYTE..102 * KILOBYTE).contains(&length), "{kind}: {length}");
        }
    }
}
