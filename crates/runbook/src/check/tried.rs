//! Whether a page tells that the release was tried out somewhere before production.

use crate::words::Words;

use super::page::Page;

/// Names of places for trying out.
static PLACES: Words = Words::new(&[
    "staging",
    "-stage",
    "preprod",
    "pre-prod",
    "uat",
    "-test",
    "test server",
    "test system",
    "test environment",
    "testsystem",
    "abnahme",
    "recette",
    "préproduction",
    "preproducción",
    "homologação",
    "entorno de pruebas",
    "テスト環境",
    "ステージング",
    "预发",
    "测试环境",
]);

/// What was done there.
static DONE: Words = Words::new(&[
    "tested",
    "looked at",
    "tried",
    "clicked",
    "have been on",
    "has been on",
    "has run",
    "have run",
    "ran on",
    "running since",
    "been running",
    "verified",
    "approved",
    "signed off",
    "accepted",
    "getestet",
    "abgenommen",
    "geprüft",
    "freigegeben",
    "testé",
    "validé",
    "probad",
    "aprobad",
    "validad",
    "testad",
    "homologad",
    "検証済",
    "テスト済",
    "验证过",
    "测试过",
]);

/// Tells whether one line says of one place that the release was seen there.
pub(super) fn in_words(page: &Page<'_>) -> bool {
    DONE.any_in(page.lower())
        && PLACES.any_in(page.lower())
        && page.lower().lines().any(|line| PLACES.any_in(line) && DONE.any_in(line))
}
