//! Faults in sentences: a fault of each class beside its twin, in all languages in which one writes
//! runbooks.

use super::*;

fn check_pairs(code: &str, table: &[(&str, &str)]) {
    for (fault, twin) in table {
        for (text, expected) in [(fault, true), (twin, false)] {
            let found = check(&format!("# Release\n\n{text}\n"), "x.md");
            assert_eq!(found.iter().any(|d| d.code == code), expected, "{code}: {text}: {found:#?}");
        }
    }
}

#[test]
fn a_reason_to_go_back_can_be_measured() {
    check_pairs(
        "T502",
        &[
            ("Roll back if the site is far too slow.", "Roll back if p95 latency exceeds 800 ms."),
            ("We abort when the error rate climbs.", "We abort when the error rate climbs over 3 %."),
            (
                "Roll back if requests take too long (see the limits below).\n\nGo back when login looks wrong.",
                "Roll back if requests take too long (see the limits below).",
            ),
            (
                "## Abort conditions\n\n- Queue depth looks odd",
                "## Known problems\n\n- Queue depth looks odd",
            ),
            (
                "| Metric | Rollback trigger |\n|---|---|\n| CPU | way too high |",
                "| Metric | Rollback trigger |\n|---|---|\n| CPU | > 90% for 5 min |",
            ),
            (
                "Zurückrollen, wenn zu viele Anfragen scheitern.",
                "Zurückrollen, wenn über 5 % der Anfragen scheitern.",
            ),
            (
                "Revenir en arrière si le temps de réponse est trop long.",
                "Prévenir le support si la page est lente.",
            ),
            ("Revertir si hay demasiados errores.", "Hay demasiados pasos en esta lista."),
            ("Reverter se a fila ficar muito alta.", "A fila ficou muito alta em março."),
            ("延迟过高时回滚。", "延迟超过 800 毫秒时回滚。"),
            ("応答が遅すぎる場合は切り戻す。", "応答が800msを超える場合は切り戻す。"),
        ],
    );
}

#[test]
fn a_time_can_be_counted() {
    check_pairs(
        "T506",
        &[
            ("Kurz abwarten, dann weiter.", "Kurz mit dem Team sprechen, dann weiter."),
            ("Timeout for the smoke run: 10", "Timeout for the smoke run: 10 min"),
            ("Duration: ages, or so", "Duration: 20 minutes or so"),
            ("**Soak**: 10-ish minutes", "**Soak**: 10 minutes"),
            ("- Timeout: xx minutes", "- Timeout: 5 minutes"),
            ("Wait time: 45-30 minutes", "Wait time: 30-45 minutes"),
            ("- Wait a bit, then go on", "- Wait a bit until the pods are ready"),
            ("Dauer: ein paar Minuten", "Dauer: 15 Minuten"),
            ("Attente : quelques minutes", "Attente : 5 minutes"),
            ("Esperar un momento y seguir.", "Esperar 5 minutos y seguir."),
            ("Aguardar um pouco.", "Aguardar até o pod ficar pronto."),
            ("等待时间：若干分钟", "等待时间：10 分钟"),
            ("待機時間: しばらく", "待機時間: 10分"),
            (
                "| Phase | Duration |\n|---|---|\n| Soak | a while |",
                "| Phase | Duration |\n|---|---|\n| Soak | 2 h |",
            ),
        ],
    );
}

#[test]
fn a_look_comes_inside_of_its_window() {
    check_pairs(
        "T504",
        &[
            (
                "Watch the funnel each hour throughout the first half hour.",
                "Watch the funnel for 10 minutes, then once a day.",
            ),
            (
                "Sample it every two hours for the first hour.",
                "Backups are made every 6 hours for 30 minutes.",
            ),
            (
                "For 10 minutes, look at the board every 15 minutes.",
                "For 15 minutes, look at the board every 3 minutes.",
            ),
            ("Check the queue once an hour for 30 min.", "Check the queue once an hour for 6 hours."),
            (
                "Während der ersten 10 Minuten stündlich kontrollieren.",
                "Während der ersten 10 Stunden stündlich kontrollieren.",
            ),
            (
                "Pendant 10 minutes, vérifier toutes les 20 minutes.",
                "Pendant 20 minutes, vérifier toutes les 2 minutes.",
            ),
            ("Durante 10 minutos, revisar cada media hora.", "Durante 2 horas, revisar cada media hora."),
            ("Durante 10 minutos, verificar de hora em hora.", "Durante 8 horas, verificar de hora em hora."),
            ("观察 20 分钟，每小时查看一次。", "观察 5 小时，每小时查看一次。"),
            ("10分間、20分おきに確認する。", "20分間、2分おきに確認する。"),
        ],
    );
}

#[test]
fn haste_says_who_decides() {
    check_pairs(
        "T505",
        &[
            (
                "For hotfixes skip the soak.",
                "For hotfixes the incident commander decides whether to skip the soak.",
            ),
            (
                "An emergency change goes without a backup.",
                "An emergency change never goes without a backup.",
            ),
            (
                "Bei dringenden Korrekturen entfällt die Freigabe.",
                "Auch bei dringenden Korrekturen entfällt die Freigabe nicht.",
            ),
            (
                "En cas d'urgence, on saute la validation.",
                "En cas d'urgence, le responsable peut sauter la validation.",
            ),
            ("En una urgencia se omite la copia de seguridad.", "En una urgencia se omite la reunión."),
            ("紧急修复可跳过审批。", "紧急修复不得跳过审批。"),
            ("緊急時は承認をスキップする。", "緊急時でも承認は必ず取る。"),
        ],
    );
}

#[test]
fn limits_do_not_contradict_each_other() {
    check_pairs(
        "T501",
        &[
            (
                "Alert at 5 % failures, roll back at 2 % failures.",
                "Alert at 2 % failures, roll back at 5 % failures.",
            ),
            (
                "## Rollback criteria\n\n- Error rate > 2%\n\n## Acceptance criteria\n\n- [ ] Error rate < 5%",
                "## Rollback criteria\n\n- Error rate > 5%\n\n## Acceptance criteria\n\n- [ ] Error rate < 2%",
            ),
            (
                "## Rollback criteria\n\n- p95 latency > 500 ms\n\n## Alerts\n\n- p95 latency > 500 s",
                "## Rollback criteria\n\n- p95 latency > 2 s\n\n## Alerts\n\n- p95 latency > 500 ms",
            ),
            ("Alarm ab 4 % Fehlern, zurückrollen ab 1 %.", "Alarm ab 1 % Fehlern, zurückrollen ab 4 %."),
        ],
    );
}

#[test]
fn one_check_has_one_address() {
    let with = |text: &str| format!("```bash\ncurl -fsS http://api.x.test:8080/health\n```\n\n{text}");
    for (fault, twin) in [
        ("`/up` has to answer 200.", "`/health` has to answer 200."),
        ("Ask http://api.x.test:8080/healthz as well.", "Ask http://web.x.test:8080/healthz as well."),
        (
            "```bash\ncurl -fsS http://api.x.test:8090/health\n```",
            "```bash\ncurl -fsS http://localhost:8090/health\n```",
        ),
        ("| Service | Port |\n|---|---|\n| api | 8081 |", "| Service | Port |\n|---|---|\n| api | 8080 |"),
    ] {
        check_pairs("T507", &[(&with(fault), &with(twin))]);
    }
}

#[test]
fn somebody_is_named() {
    check_pairs(
        "T603",
        &[
            (
                "| Rolle | Name |\n|---|---|\n| DBA | N.N. |\n| Netz | Eva |",
                "| Rolle | Name |\n|---|---|\n| DBA | N.N. |\n| Netz | N.N. |",
            ),
            ("Release lead: TBC", "Status: TBC"),
            ("Approver: TBD", "Approver: Mina Rao"),
            ("- Incident commander: [name]", "- Incident commander: [rota](https://x.test/rota)"),
            ("Verantwortlich: noch offen", "Verantwortlich: Plattform"),
            ("负责人：待定", "负责人：王芳"),
            (
                "| Role | Name | Phone |\n|---|---|---|\n| DBA | Eva | 555-XXXX |\n| SRE | Ana | 555-1234 |",
                "| Role | Name | Phone |\n|---|---|---|\n| DBA | | |\n| SRE | | |",
            ),
            ("Approver: ???\n\nOperator: Ana", "- Approver: [name]\n- Operator: [name]"),
        ],
    );
}

#[test]
fn whoever_runs_it_does_not_approve_it() {
    check_pairs(
        "T602",
        &[
            ("Whoever is nearest signs off the rollback.", "Whoever is nearest calls the captain."),
            ("Widerspricht niemand, gilt es als genehmigt.", "Widerspricht jemand, wird es verschoben."),
            ("Executed by: Ana\n\nApproved by: Ana", "Executed by: Ana\n\nApproved by: Max"),
            ("Approver: whoever deploys", "Approver: not whoever deploys"),
            (
                "The captain starts the release and approves it.",
                "The captain starts the release; QA approves it.",
            ),
            ("No objections within an hour count as approval.", "No objections were raised."),
            (
                "| Step | Executor | Approver |\n|---|---|---|\n| Deploy | Ana | Ana |",
                "| Step | Executor | Approver |\n|---|---|---|\n| Deploy | Ana | Max |",
            ),
        ],
    );
    let roles = "| Role | Name |\n|---|---|\n| Release captain | Ana |\n| Backend lead | Max |\n";
    check_pairs(
        "T601",
        &[(
            &format!("## Go\n\nOwner: Relase captain\n\n- [ ] x\n\n## People\n\n{roles}"),
            &format!("## Go\n\nOwner: Release captain\n\n- [ ] x\n\n## People\n\n{roles}"),
        )],
    );
}
