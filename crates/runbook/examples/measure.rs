//! Temporary measurement.
use std::time::Instant;
use tminus_release::plan::Mode;
use tminus_runbook::compile::{Request, compile};
fn main() {
    let mut docs = vec![];
    for entry in std::fs::read_dir("/work/shared/seeds").unwrap() { let p = entry.unwrap().path(); if p.extension().is_some_and(|e| e == "md") && !p.ends_with("README.md") { docs.push((p.clone(), std::fs::read_to_string(&p).unwrap())); } }
    for round in 0..3 {
        let start = Instant::now();
        for (p, d) in &docs { let s = Instant::now(); let c = compile(d, &Request { mode: Mode::Assisted, ..Request::default() }); if round == 1 { println!("{p:?} {:?} steps {}", s.elapsed(), c.plan.map_or(0, |p| p.steps.len())); } }
        println!("five: {:?}", start.elapsed());
    }
    let all: String = docs.iter().map(|(_, d)| d.as_str()).collect();
    for mb in [1usize, 4, 16, 50] {
        let text = all.repeat(mb * 1_000_000 / all.len() + 1);
        let s = Instant::now();
        let md = tminus_runbook::markdown::parse(&text);
        let t1 = s.elapsed();
        let (o, d) = tminus_runbook::outline::read(&text, &md, "x");
        let t2 = s.elapsed();
        println!("{mb} MB: markdown {t1:?} outline {t2:?} units {} faults {}", o.units.len(), d.len());
        if mb <= 16 || std::env::args().count() > 1 { let s = Instant::now(); let c = compile(&text, &Request { mode: Mode::Assisted, ..Request::default() }); println!("   compile {:?} plan {} diags {}", s.elapsed(), c.plan.is_some(), c.diagnostics.len()); }
    }
    let mut document = String::from("# Big\n");
    for phase in 0..100 { document.push_str(&format!("## Phase {phase}\n")); for step in 0..100 { document.push_str(&format!("```bash {{#s{phase}-{step}}}\ntrue\n```\n")); } }
    let s = Instant::now(); let c = compile(&document, &Request::default()); println!("10000 steps {:?} {}", s.elapsed(), c.plan.is_some());
}
