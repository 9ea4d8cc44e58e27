//! `record` and `verify`.

use std::path::Path;

use tminus_engine::export::{self, BLOBS, EVENTS, PAGE, RECORD, Unsound};

use crate::args;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::place;
use crate::screen::{self, Tone, paint};

/// `tminus record`
pub(crate) async fn record(args: &args::Record, state: Option<&Path>) -> super::Result {
    let place = place::place(state)?;
    let engine = place::existing_engine(&place).await?;
    let release = engine.find(&args.which.release).await?;
    if args.json {
        screen::data(&format!("{:#}", export::record_json(&engine, &release).await?));
        return Ok(ExitCode::Success);
    }
    let folder = args.out.clone().unwrap_or_else(|| super::drive::record_folder(&release));
    let state = export::export(&engine, &release, &folder).await?;
    let folder = folder.display();
    screen::line(&format!("{folder}/{PAGE}       the page to read"));
    screen::line(&format!("{folder}/{RECORD}     facts for programs"));
    screen::line(&format!("{folder}/{EVENTS}  {} events, head {}", state.length, state.head));
    screen::line(&format!("{folder}/{BLOBS}/          documents and output by content hash"));
    screen::line(&format!("verify it anywhere: tminus verify {folder}"));
    Ok(ExitCode::Success)
}

/// `tminus verify`
pub(crate) fn verify(args: &args::Verify) -> super::Result {
    match export::verify_record(&args.record) {
        Ok(sound) => {
            let release =
                if sound.release.is_empty() { String::new() } else { format!("release {} ", sound.release) };
            screen::line(&paint(Tone::Good, &format!("verified: {release}{}", sound.outcome)));
            screen::line(&format!(
                "  {} events and {} files, nothing changed, nothing missing",
                sound.events, sound.blobs
            ));
            screen::line(&format!("  head {}", sound.head));
            Ok(ExitCode::Success)
        }
        Err(Unsound::File { path, source })
            if source.kind() == std::io::ErrorKind::NotFound && args.record.is_dir() =>
        {
            Err(Failure {
                what: format!("verify {}: {path} is missing", args.record.display()),
                now: vec![
                    "this record is not complete; ask whoever gave it to you for all of its folder"
                        .to_owned(),
                    "the store that wrote it can export it again: `tminus record RELEASE`".to_owned(),
                ],
                code: ExitCode::Findings,
            })
        }
        Err(Unsound::File { path, source }) => Err(crate::failure::file("read", Path::new(&path), &source)),
        Err(unsound) => Err(Failure {
            what: unsound.to_string(),
            now: vec![
                "this record is not what tminus wrote; keep it as evidence and ask whoever gave it to you"
                    .to_owned(),
                "the store that wrote it can export it again: `tminus record RELEASE`".to_owned(),
            ],
            code: ExitCode::Findings,
        }),
    }
}
