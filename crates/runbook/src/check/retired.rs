//! T8: addresses that no longer answer: registries, charts and package sources that commands and manifests
//! still name. Each is one row with its source and date, as in the table of tools.

use crate::diagnostic::Severity;
use crate::outline::UnitKind;
use crate::words::Words;

use super::page::Page;
use super::tools::{Fact, NO_PAGE};
use super::words;

/// An address, and the fact about it. A fact whose page another row has leaves its title empty.
pub(super) struct Address {
    /// What a line has to hold, in small letters.
    sign: &'static str,
    pub(super) fact: Fact,
}

const fn address(sign: &'static str, fact: Fact) -> Address {
    Address { sign, fact }
}

#[rustfmt::skip]
pub(super) const ADDRESSES: &[Address] = &[
    address("k8s.gcr.io/", Fact { code: "T814", tool: "Kubernetes' registry", since: "2023-04-03", title: "addresses that are frozen or gone",
        message: "`k8s.gcr.io` is frozen since 2023-04-03: no newer image comes there, and it may go away",
        help: "the same images are at `registry.k8s.io`", source: "kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement", date: "2023-02-06",
        wrong: "docker pull k8s.gcr.io/pause:3.9", right: "docker pull registry.k8s.io/pause:3.9", severity: Severity::Warning, ..NO_PAGE }),
    address("gcr.io/", Fact { code: "T826", tool: "Container Registry", since: "2025-03-18", title: "Google's Container Registry",
        message: "Container Registry was shut down on 2025-03-18: `gcr.io/…` answers only where the project's images were moved into Artifact Registry under the same name",
        help: "name the repository itself: `REGION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE`", source: "cloud.google.com/artifact-registry/docs/transition/setup-gcr-repo", date: "2025-03-18",
        wrong: "docker pull gcr.io/shop-tools/smoke:5", right: "docker pull europe-docker.pkg.dev/shop-tools/ci/smoke:5", severity: Severity::Warning, ..NO_PAGE }),
    address("kubernetes-charts.storage.googleapis.com", Fact { code: "T814", tool: "Helm", since: "2020-11-13",
        message: "the stable charts left `kubernetes-charts.storage.googleapis.com` on 2020-11-13, and are archived",
        help: "each project has a repository of its own now; the archive is at `charts.helm.sh/stable`", source: "helm.sh/blog/new-location-stable-incubator-charts", date: "2020-10-30", severity: Severity::Warning, ..NO_PAGE }),
    address("apt.kubernetes.io", Fact { code: "T814", tool: "Kubernetes' packages", since: "2024-03-04",
        message: "`apt.kubernetes.io` was frozen on 2023-09-13 and is gone since 2024-03-04",
        help: "the packages are at `pkgs.k8s.io`, one repository for each minor version", source: "kubernetes.io/blog/2023/08/31/legacy-package-repository-deprecation", date: "2023-08-31", severity: Severity::Warning, ..NO_PAGE }),
    address("yum.kubernetes.io", Fact { code: "T814", tool: "Kubernetes' packages", since: "2024-03-04",
        message: "`yum.kubernetes.io` was frozen on 2023-09-13 and is gone since 2024-03-04",
        help: "the packages are at `pkgs.k8s.io`, one repository for each minor version", source: "kubernetes.io/blog/2023/08/31/legacy-package-repository-deprecation", date: "2023-08-31", severity: Severity::Warning, ..NO_PAGE }),
    address("codecov.io/bash", Fact { code: "T814", tool: "Codecov", since: "2022-02-01",
        message: "Codecov's bash uploader is gone since 2022-02-01",
        help: "use the uploader that Codecov signs, or its action", source: "about.codecov.io/blog/introducing-codecovs-new-uploader", date: "2021-06-09", severity: Severity::Warning, ..NO_PAGE }),
];

static SIGNS: Words = Words::new(&[
    "gcr.io/",
    "kubernetes-charts.storage",
    "apt.kubernetes.io",
    "yum.kubernetes.io",
    "codecov.io/bash",
]);

/// Says once for each address, at the first line of a block that names it.
pub(super) fn check(page: &mut Page<'_>) {
    if !SIGNS.any_in(page.document) {
        return;
    }
    let mut told = [false; ADDRESSES.len()];
    let mut found = Vec::new();
    let blocks = page.outline.units.iter().filter_map(|unit| match &unit.kind {
        UnitKind::Fence(fence) => Some((fence.body_line, fence.body.as_str())),
        _ => None,
    });
    let rows =
        page.scripts.iter().filter(|script| script.is_row).map(|script| (script.place(1, 1).0, script.text));
    for (first, body) in blocks.chain(rows) {
        for (line, text) in (first..).zip(body.lines()) {
            let lower = text.to_lowercase();
            for (at, address) in
                ADDRESSES.iter().enumerate().filter(|(_, address)| holds(&lower, address.sign))
            {
                // A comment, and what replaces it, may name what is gone.
                let spoken = lower.trim_start().starts_with('#')
                    || words::GONE.any_in(&lower)
                    || lower.contains("sed ");
                if !spoken && !std::mem::replace(&mut told[at], true) {
                    found.push((line, &address.fact));
                }
            }
        }
    }
    for (line, fact) in found {
        page.add_at_line(fact.code, fact.severity, line, fact.message).help(fact.help);
    }
}

/// Tells whether a line names an address. Images that Google itself keeps at `gcr.io` stay there.
fn holds(line: &str, sign: &str) -> bool {
    const KEPT: [&str; 14] = [
        "distroless",
        "google-containers",
        "google_containers",
        "google-samples",
        "google.com",
        "cloud-builders",
        "kaniko-project",
        "cadvisor",
        "cloudsql-docker",
        "cloud-sql-connectors",
        "k8s-",
        "knative-releases",
        "tekton-releases",
        "projectsigstore",
    ];
    if sign != "gcr.io/" {
        return line.contains(sign);
    }
    line.match_indices(sign).any(|(at, _)| {
        let before =
            line[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '.').next().unwrap_or_default();
        let path = &line[at + sign.len()..];
        matches!(before, "" | "us." | "eu." | "asia.")
            && path.starts_with(|c: char| c.is_ascii_lowercase())
            && !KEPT.iter().any(|kept| path.starts_with(kept))
    })
}
