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
    "k8s.gcr.io/",
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
    for unit in &page.outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        for (line, text) in (fence.body_line..).zip(fence.body.lines()) {
            let lower = text.to_lowercase();
            for (at, address) in
                ADDRESSES.iter().enumerate().filter(|(_, address)| lower.contains(address.sign))
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
