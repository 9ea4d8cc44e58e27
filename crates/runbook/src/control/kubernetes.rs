//! `.deploy` with `target: kubernetes`, and `.job`, as written.

use tminus_release::time::Span;

use super::deploy::texts;
use super::{BlueGreen, Body, ContainerImage, Job, Kubernetes};
use crate::data::{Keys, Value};

/// How long one workload may take: pods are pulled, started and asked whether they are ready.
const PATIENCE: Span = Span::minutes(5);

/// How long a Job may take.
const JOB_PATIENCE: Span = Span::minutes(15);

/// What can be rolled out, with the other names that kubectl has for it.
const WORKLOADS: [(&str, &[&str]); 3] = [
    ("deployment", &["deployments", "deploy"]),
    ("statefulset", &["statefulsets", "sts"]),
    ("daemonset", &["daemonsets", "ds"]),
];

pub(super) fn deploy(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let takes_turns = keys
        .parsed("strategy", |text| match text {
            "rolling" | "blue-green" => Ok(text == "blue-green"),
            other => Err(format!("`{other}` is not available here; there are `rolling` and `blue-green`")),
        })
        .unwrap_or(false);
    let within = keys.duration("within").unwrap_or(PATIENCE);
    let healthy = keys.text("healthy").map(str::to_owned);
    let set = keys.value("set");
    if takes_turns {
        let images = set.map(|value| containers(keys, value, "")).unwrap_or_default();
        if set.is_none() {
            keys.missing(
                "set",
                "the new image of each container, such as `set: { web: example.com/web:$VERSION }`",
            );
        }
        let blue_green = blue_green(keys)?;
        let deploy = Kubernetes {
            apply: Vec::new(),
            services: Vec::new(),
            images,
            within,
            healthy,
            blue_green: Some(blue_green),
        };
        return Some(Body::Kubernetes(deploy));
    }
    let apply = keys.value("apply").map(|value| texts(keys, value)).unwrap_or_default();
    let images = set.map(|value| images(keys, value)).unwrap_or_default();
    if apply.is_empty() && set.is_none() {
        keys.missing(
            "set",
            "what changes: `set: { web: { web: example.com/web:$VERSION } }` (workload, container, image), or `apply:` with manifests",
        );
    }
    let services = services(keys, &images, !apply.is_empty());
    for unlisted in images.iter().filter(|image| !services.contains(&image.workload)) {
        if let Some(value) = set {
            keys.fault(
                value,
                format!("`services` does not have {}, so it would not be watched", unlisted.workload),
            );
        }
    }
    (!services.is_empty()).then_some(Body::Kubernetes(Kubernetes {
        apply,
        services,
        images,
        within,
        healthy,
        blue_green: None,
    }))
}

/// In the order that is written; without, in that of `set`, which names them all.
fn services(keys: &mut Keys<'_, '_>, images: &[ContainerImage], applies: bool) -> Vec<String> {
    let Some(value) = keys.value("services") else {
        if applies {
            keys.missing("services", "the workloads of the manifests in the order in which they move, such as `services: [api, web]`");
        }
        let mut services: Vec<String> = images.iter().map(|image| image.workload.clone()).collect();
        services.dedup();
        return services;
    };
    let mut services = Vec::new();
    for written in texts(keys, value) {
        match workload(&written) {
            Some(name) if services.contains(&name) => {
                keys.fault(value, format!("`services` has {name} twice"))
            }
            Some(name) => services.push(name),
            None => keys.fault(value, not_a_workload(&written)),
        }
    }
    services
}

/// Reads `web`, `deploy/web` or `statefulset/db` to the one form that scripts have.
fn workload(written: &str) -> Option<String> {
    let (kind, name) = written.split_once('/').unwrap_or(("deployment", written));
    let (kind, _) = WORKLOADS.iter().find(|(known, others)| *known == kind || others.contains(&kind))?;
    is_name(name).then(|| format!("{kind}/{name}"))
}

fn not_a_workload(written: &str) -> String {
    format!(
        "`{written}` is no workload; write `web` or `deployment/web`, `statefulset/db`, `daemonset/agent`"
    )
}

/// What the API server takes as a name; also, nothing that a shell or kubectl reads otherwise.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
    !name.is_empty() && name.len() <= 253 && !name.starts_with(['-', '.']) && name.bytes().all(plain)
}

fn images(keys: &mut Keys<'_, '_>, value: &Value) -> Vec<ContainerImage> {
    let Some(entries) = value.entries() else {
        keys.fault(
            value,
            "`set` is workloads, their containers and images: `{ web: { web: example.com/web:$VERSION } }`",
        );
        return Vec::new();
    };
    if entries.is_empty() {
        keys.fault(value, "`set` sets nothing");
    }
    let mut all = Vec::new();
    for (key, value) in entries {
        match workload(&key.text) {
            Some(name) => all.extend(containers(keys, value, &name)),
            None => keys.fault(value, not_a_workload(&key.text)),
        }
    }
    all
}

/// `{ web: example.com/web:$VERSION }`
fn containers(keys: &mut Keys<'_, '_>, value: &Value, workload: &str) -> Vec<ContainerImage> {
    let wanted = "containers and their images are wanted, such as `{ web: example.com/web:$VERSION }`";
    let Some(entries) = value.entries() else {
        keys.fault(value, format!("{wanted}, not {}", value.kind()));
        return Vec::new();
    };
    if entries.is_empty() {
        keys.fault(value, wanted);
    }
    let mut images = Vec::new();
    for (key, value) in entries {
        match value.text() {
            Some(image)
                if is_name(&key.text) && !image.is_empty() && !image.contains(char::is_whitespace) =>
            {
                images.push(ContainerImage {
                    workload: workload.to_owned(),
                    container: key.text.clone(),
                    image: image.to_owned(),
                });
            }
            _ => keys.fault(value, format!("`{}`: {wanted}", key.text)),
        }
    }
    images
}

fn blue_green(keys: &mut Keys<'_, '_>) -> Option<BlueGreen> {
    let named =
        |name: &str| if is_name(name) { Ok(name.to_owned()) } else { Err(format!("`{name}` is no name")) };
    if keys.value("service").is_none() {
        keys.missing(
            "service",
            "the Service that is switched from one Deployment to the other, such as `service: web`",
        );
    }
    let service = keys.parsed("service", named);
    let Some(value) = keys.value("blue_green") else {
        keys.missing("blue_green", "the two Deployments, such as `blue_green: [web-blue, web-green]`");
        return None;
    };
    let written = texts(keys, value);
    let pair: Vec<String> = written
        .iter()
        .map(|name| name.strip_prefix("deployment/").unwrap_or(name))
        .filter(|name| is_name(name))
        .map(str::to_owned)
        .collect();
    match <[String; 2]>::try_from(pair) {
        Ok(pair) if pair[0] != pair[1] && written.len() == 2 => Some(BlueGreen { service: service?, pair }),
        _ => {
            keys.fault(
                value,
                "`blue_green` is the names of two Deployments, such as `[web-blue, web-green]`",
            );
            None
        }
    }
}

/// `.job`
pub(super) fn job(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let file = keys.text("file");
    if file.is_none() {
        keys.missing("file", "the manifest of the Job, such as `file: k8s/migrate.yaml`");
    }
    let images = keys.value("set").map(|value| containers(keys, value, "")).unwrap_or_default();
    let within = keys.duration("within").unwrap_or(JOB_PATIENCE);
    Some(Body::Job(Job { file: file?.to_owned(), images, within }))
}
