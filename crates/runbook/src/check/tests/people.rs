//! People who are needed: a fault of each class beside its twin, in all languages in which one writes
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
fn who_signs_off_can_be_found() {
    let contacts = "| Role | Name | Phone |\n|---|---|---|\n| SRE | Ana | 1 |\n| QA Lead | Max | 2 |\n| Product Owner | Eva | 3 |\n";
    for (stranger, known) in [
        (
            "Sign-off from the Compliance Officer is in the ticket",
            "Sign-off from the Product Owner is in the ticket",
        ),
        ("Approved by the Data Protection Officer", "Approved by the QA lead and one SRE"),
        ("The Security Architect approves the change", "The product owner approves the change"),
        ("Signed off by Head of Payments", "Signed off by finance"),
        // "Ana" is in "manager", and is not this one.
        ("Approval: Change Manager", "Approval: Product Owner"),
        ("Freigabe durch die Datenschutzbeauftragte", "Freigabe durch den QA Lead"),
        ("Aprobación del Director de TI", "Aprobado por dos personas"),
    ] {
        let text = |line: &str| format!("## Go\n\n- [ ] {line}\n\n## Contacts\n\n{contacts}");
        check_pairs("T601", &[(&text(stranger), &text(known))]);
    }
    check_pairs(
        "T601",
        &[(
            &format!("## Go\n\n- [ ] Approved by the CISO\n\n{contacts}"),
            "## Go\n\n- [ ] Approved by the CISO\n",
        )],
    );
}

#[test]
fn a_yes_is_not_anyones() {
    for (anyone, somebody) in [
        ("Any stakeholder approves in the chat", "Anyone but the author approves"),
        (
            "The engineer running the release approves the plan",
            "The engineer running the release opens the ticket",
        ),
        ("Everyone agrees", "Everyone on the list has been told"),
        ("Someone approves the change", "Someone else approves the change"),
        ("Approved by anyone on the team", "Approved by the QA lead (not the person who releases)"),
        ("Jeder darf freigeben", "Jemand anderes gibt frei"),
        ("Wer das Release durchführt, gibt es frei", "Wer das Release durchführt, öffnet das Ticket"),
        ("Tout le monde est d'accord", "Deux SRE sont d'accord"),
        ("Celui qui déploie valide", "Celui qui déploie prévient l'astreinte"),
        ("Todos están de acuerdo", "Dos personas están de acuerdo"),
        ("Quien despliega lo aprueba", "Lo aprueba otra persona"),
        ("Qualquer pessoa pode aprovar", "Duas pessoas aprovam"),
        ("任何人都可以批准", "变更单由两名非发布人审批"),
        ("审批：任何人", "审批：两名工程师"),
        ("誰でも承認できる", "QA が承認する"),
        ("実施者本人が承認", "実施者以外の本人が承認"),
    ] {
        let text = |line: &str| format!("## Go\n\n- [ ] {line}\n");
        check_pairs("T602", &[(&text(anyone), &text(somebody))]);
    }
    check_pairs(
        "T602",
        &[
            (
                "## Go\n\n**Approval**: any team member\n\n- [ ] x",
                "## Go\n\n**Approval**: 2 team members\n\n- [ ] x",
            ),
            (
                "## Go\n\n- Anyone may approve\n",
                "## Pains\n\n- Approvals that are too weak for policy, as anyone may approve\n",
            ),
        ],
    );
}

#[test]
fn whoever_owns_something_is_named() {
    for (header, owner, nobody) in [
        ("Role | Name", "**Owner**: DBA", "TBD"),
        ("Rolle | Name", "**Verantwortlich:** DBA", "N.N."),
        ("Rôle | Nom", "**Responsable :** DBA", "à définir"),
        ("Rol | Contacto", "**Responsable:** DBA", "(por definir)"),
        ("Função | Nome", "**Responsável:** DBA", "a definir"),
        ("角色 | 姓名", "**负责人**：DBA", "待定"),
        ("役割 | 担当", "担当: DBA", "未定"),
        ("Rolle | Person", "**Verantwortlich:** DBA", "[Name]"),
        ("Rolle | Telefon", "**Verantwortlich:** DBA", ""),
    ] {
        let text = |name: &str| {
            format!(
                "## Deploy\n\n{owner}\n\n- [ ] x\n\n## Wer\n\n| {header} |\n|---|---|\n| DBA | {name} |\n| SRE | Ana |\n"
            )
        };
        check_pairs("T603", &[(&text(nobody), &text("Eva"))]);
    }
}

#[test]
fn an_escalation_ends_at_somebody() {
    let row = |name: &str| {
        format!(
            "| Role | Name | Phone |\n|---|---|---|\n| SRE | Ana | 1 |\n| Escalation (last level) | {name} | {name} |\n"
        )
    };
    check_pairs(
        "T604",
        &[
            (&row("TBD"), &row("Eva")),
            ("Escalation: Ann → Bob → TBD", "Escalation: Ann → Bob → the CTO"),
            ("Escalade : Astreinte → à définir", "Escalade : Astreinte → DSI"),
            ("升级：值班 → 待定", "升级：值班 → 总监"),
            ("## Eskalation\n\n1. Bereitschaft\n2. offen", "## Eskalation\n\n1. Bereitschaft\n2. Leitung"),
            ("## Escalation\n\n1. On-call\n2. Level 3: TBD", "## Deploy\n\n1. On-call\n2. Next: TBD"),
        ],
    );
}

#[test]
fn a_way_back_is_one_in_any_language() {
    let deploys = |back: &str| format!("## Release\n\n```bash\ndocker compose up -d\n```\n\n{back}");
    let back = |title: &str| deploys(&format!("## {title}\n\n```bash\nTAG=1 docker compose up -d\n```\n"));
    for title in [
        "Going back",
        "Back to the previous version",
        "Zurück zur alten Version",
        "Rückfall",
        "Revenir à la version précédente",
        "Volver a la versión anterior",
        "Voltar à versão anterior",
        "恢复上一个版本",
        "前のバージョンに戻す",
    ] {
        check_pairs("T403", &[(&deploys(""), &back(title))]);
    }
    // Going back to anywhere promises nothing.
    check_pairs(
        "T406",
        &[(&deploys("If it fails, roll back.\n"), &deploys("Go back to step 1 when the build is red.\n"))],
    );
    let migrates = |text: &str| format!("## M\n\n```bash\nalembic upgrade head\n```\n\n{text}\n");
    for answer in [
        "Die Migrationen fügen nur Spalten hinzu.",
        "Les migrations n’ajoutent que des colonnes.",
        "La columna nueva no molesta al código antiguo; no se deshace.",
        "迁移只新增列，旧代码可以继续运行。",
        "マイグレーションは列の追加のみ。",
        "To undo the last one: `alembic downgrade -1`.",
    ] {
        check_pairs("T304", &[(&migrates("Done."), &migrates(answer))]);
    }
}

#[test]
fn a_checklist_is_for_whoever_begins() {
    let phases = |title: &str| {
        format!(
            "## {title}\n\n- [ ] x\n\n## A\n\n**Owner**: QA\n\n- [ ] a\n\n## B\n\n**Owner**: SRE\n\n- [ ] b\n"
        )
    };
    check_pairs("T605", &[(&phases("Announcement"), &phases("Release checklist"))]);
}

#[test]
fn one_slip_is_told_once() {
    for (code, text) in [
        // The author of these lines wrote no id.
        ("T104", "## A\n\n**Wait time**: 5 minutes\n\n- [ ] x\n\n**Wait time**: 10 minutes\n"),
        ("T212", "## A\n\n````bash\nmake\n```\n\n## B\n\n```bash\nls\n```\n"),
        (
            "T408",
            "## A\n\n```bash\nsudo touch /etc/haproxy/maintenance.on\nsudo systemctl reload haproxy\n```\n",
        ),
        ("T408", "## A\n\n```bash\ntouch .maintenance\nmake\nrm -f .maintenance\n```\n"),
    ] {
        let found = check_whole(&format!("# R\n\n{text}"), "x.md", settings::Settings::default()).found;
        assert!(!found.iter().any(|d| d.code == code), "{text}: {found:#?}");
    }
    let found = check("# R\n\n## A\n\nSaturday, 2026-11-22\n", "x.md");
    assert!(found.iter().any(|d| d.message == "2026-11-22 is a Sunday, not a Saturday"), "{found:#?}");
}
