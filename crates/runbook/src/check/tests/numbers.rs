//! Numbers and times that contradict each other: a fault of each class beside its twin, in all
//! languages in which one writes runbooks.

use super::*;

/// Tells whether a code is said about a text.
fn is_said(code: &str, text: &str) -> bool {
    codes_of(&format!("# Release\n\n## Watch\n\n{text}\n")).contains(&code)
}

fn check_pairs(code: &str, table: &[(&str, &str)]) {
    for (fault, twin) in table {
        assert!(is_said(code, fault), "{code} is missing: {fault}");
        assert!(!is_said(code, twin), "{code} is said: {twin}");
    }
}

#[test]
fn columns_say_when_people_are_told_and_when_it_goes_back() {
    for (header, late, right) in [
        ("Metric | Alert | Roll back", "Error rate | > 5% | > 2%", "Error rate | > 2% | > 5%"),
        ("Metric | Warning | Abort", "Error rate | 5% | 2%", "Error rate | 2% | 5%"),
        ("Metric | Page the SRE at | Revert at", "p95 | > 1.5 s | > 900 ms", "p95 | > 900 ms | > 1.5 s"),
        ("Metric | Alert | Roll back", "Success rate | < 95% | < 99%", "Success rate | < 99% | < 95%"),
        ("Metric | Alert | Roll back", "Success rate | 95% | 99%", "Success rate | 99% | 95%"),
        ("Metrik | Alarm ab | Zurückrollen", "Fehlerrate | > 2,5 % | > 2,1 %", "Fehlerrate | 2 % | 5 %"),
        ("Indicateur | Alerte | Retour arrière", "Taux d'erreur | 5 % | 2 %", "Taux d'erreur | 2 % | 5 %"),
        (
            "Métrica | Alerta | Reversión",
            "Errores | más de 5 % | más de 2 %",
            "Errores | más de 2 % | más de 5 %",
        ),
        (
            "Métrica | Alerta | Reverter",
            "Erros | acima de 5% | acima de 2%",
            "Erros | acima de 2% | acima de 5%",
        ),
        ("指标 | 告警 | 回滚", "错误率 | 大于 5% | 大于 2%", "错误率 | 大于 2% | 大于 5%"),
        ("指標 | アラート | 切り戻し", "成功率 | 95% 未満 | 99% 未満", "成功率 | 99% 未満 | 95% 未満"),
    ] {
        let table = |row: &str| format!("| {header} |\n|---|---|---|\n| {row} |\n");
        check_pairs("T501", &[(&table(late), &table(right))]);
    }
    // Rows may be about different things.
    let phases = "| Phase | Metric | Alert | Rollback |\n|---|---|---|---|\n| 1 | Error rate | > 1% | > 2% |\n| 2 | Error rate | > 3% | > 5% |\n";
    assert!(!is_said("T501", phases));
    assert!(is_said("T501", &phases.replace("> 3%", "> 6%")));
    // One such column alone may hold anything.
    assert!(!is_said("T501", "| Chapter | Page | Roll |\n|---|---|---|\n| Intro | 5 | 2 |\n"));
}

#[test]
fn lines_say_when_people_are_told_and_when_it_goes_back() {
    for (tell, back) in [
        ("Page the SRE when error rate > N", "Roll back immediately if error rate > N"),
        ("Error rate above N: call the on-call engineer", "Error rate above N: go back"),
        ("error rate > N → notify #ops", "error rate > N → abort the deploy"),
        ("Fehlerrate über N: Bereitschaft anrufen", "Fehlerrate über N: zurückrollen"),
        ("Wenn die Fehlerrate N überschreitet, Alarm", "Wenn die Fehlerrate N überschreitet, zurückrollen"),
        (
            "si le taux d'erreur dépasse N, prévenir l'astreinte",
            "si le taux d'erreur dépasse N, retour arrière",
        ),
        ("avisar si la tasa de errores supera el N", "revertir si la tasa de errores supera el N"),
        ("alerta quando a taxa de erro ultrapassar N", "reverter quando a taxa de erro ultrapassar N"),
        ("错误率超过 N 时告警", "错误率超过 N 时回滚"),
        ("エラー率が N を超えたらアラート", "エラー率が N を超えたら切り戻す"),
    ] {
        let lines = |told: &str, gone: &str| {
            format!("- {}\n- {}\n", tell.replace('N', told), back.replace('N', gone))
        };
        check_pairs("T501", &[(&lines("5 %", "2 %"), &lines("2 %", "5 %"))]);
    }
    check_pairs(
        "T501",
        &[
            (
                "- crash-free sessions below 99.5%: tell the driver\n- crash-free sessions below 99.7%: halt the rollout\n",
                "- crash-free sessions below 99.7%: tell the driver\n- crash-free sessions below 99.5%: halt the rollout\n",
            ),
            // A limit that must hold for longer may be reached later.
            (
                "- Alert when error rate > 5% for 10 minutes\n- Roll back when error rate > 2% for 5 minutes\n",
                "- Alert when error rate > 5% for 1 minute\n- Roll back when error rate > 2% for 10 minutes\n",
            ),
            // Two lines that differ in nothing but the number.
            (
                "- Alert: heap above 85% for 10 minutes\n- Alert: heap above 75% for 10 minutes\n",
                "- Warn: heap above 75% for 10 minutes\n- Page: heap above 85% for 10 minutes\n",
            ),
            (
                "- Roll back when p99 latency > 900 ms.\n- Roll back when p99 latency > 1.5 s.\n",
                "- Roll back when p99 latency > 900 ms.\n- Roll back when p95 latency > 1.5 s.\n",
            ),
        ],
    );
}

#[test]
fn rows_and_leads_say_what_is_done() {
    for text in [
        "| Condition | Action |\n|---|---|\n| error rate > A | Page on-call |\n| error rate > B | Roll back |\n",
        "| Trigger | Threshold | Action |\n|---|---|---|\n| Error rate | > A | Alert #ops |\n| Error rate | > B | Rollback |\n",
        "| Kriterium | Grenze | Maßnahme |\n|---|---|---|\n| Fehlerrate | > A | Alarm |\n| Fehlerrate | > B | Zurückrollen |\n",
        "| 指标 | 阈值 | 处理 |\n|---|---|---|\n| 错误率 | > A | 告警 |\n| 错误率 | > B | 回滚 |\n",
        "- **Alert:** error rate > A\n- **Rollback:** error rate > B\n",
        "- Alert threshold: error rate > A\n- Rollback threshold: error rate > B\n",
        "If the error rate exceeds A, alert the team. If the error rate exceeds B, roll back.\n",
        "Alarm bei:\n\n- Fehlerrate > A\n\nRollback bei:\n\n- Fehlerrate > B\n",
        "Alerter si :\n\n- taux d'erreur > A\n\nRetour arrière si :\n\n- taux d'erreur > B\n",
        "Alertar si:\n\n- tasa de error > A\n\nRevertir si:\n\n- tasa de error > B\n",
        "告警条件：\n\n- 错误率 > A\n\n回滚条件：\n\n- 错误率 > B\n",
    ] {
        let of = |told: &str, gone: &str| {
            text.replace("> A", &format!("> {told}"))
                .replace("s A", &format!("s {told}"))
                .replace("> B", &format!("> {gone}"))
                .replace("s B", &format!("s {gone}"))
        };
        check_pairs("T501", &[(&of("5%", "2%"), &of("2%", "5%"))]);
    }
}

#[test]
fn a_change_needs_what_it_is_compared_with() {
    check_pairs(
        "T502",
        &[
            (
                "- if queries are 30% slower, we go back",
                "- if queries are 30% slower than last week, we go back",
            ),
            ("- If the bounce rate increases by 20%, roll back", "- Increase traffic by 20% and look"),
            (
                "- If there are 50% more errors, abort",
                "Compared with the old version:\n\n- If there are 50% more errors, abort",
            ),
            (
                "- Wenn die Antwortzeit um 20 % steigt, zurückrollen",
                "- Wenn sie gegenüber gestern um 20 % steigt, zurückrollen",
            ),
            (
                "- Si la durée augmente de 20 %, retour arrière",
                "- Si la durée augmente de 20 % par rapport à hier, retour arrière",
            ),
            (
                "- Si la latencia aumenta un 20 %, vuelta atrás",
                "- Si aumenta un 20 % respecto a ayer, vuelta atrás",
            ),
            ("- Se a latência aumentar 20%, reverter", "- Se aumentar 20% em relação a ontem, reverter"),
            ("- 如果延迟上升 20%，回滚", "- 如果延迟与昨天相比上升 20%，回滚"),
            ("- エラーが 20% 増加したら切り戻す", "- エラーが前日より 20% 増加したら切り戻す"),
        ],
    );
}

#[test]
fn a_share_and_a_size_need_a_unit() {
    check_pairs(
        "T502",
        &[
            ("- Roll back if error rate exceeds 5", "- Roll back if error rate exceeds 5%"),
            ("- ANR rate over 2: halt the rollout", "- ANR rate over 2%: halt the rollout"),
            ("- Roll back if success rate < 99", "- Roll back if success rate < 0.99"),
            ("- Retry rate > 3: alert", "- Retry rate > 3 per minute: alert"),
            ("- memory above 85: page the on-call", "- memory above 4 GB: page the on-call"),
            ("- Fehlerrate über 2: zurückrollen", "- Fehlerrate über 2 %: zurückrollen"),
            (
                "| Signal | Warn | Roll back |\n|---|---|---|\n| memory | > 80 | > 90 |\n",
                "| Signal | Warn (%) | Roll back (%) |\n|---|---|---|\n| memory | > 80 | > 90 |\n",
            ),
        ],
    );
}

#[test]
fn who_watches_looks_more_often_than_once() {
    for (watch, rarely, often) in [
        ("Monitor for 20 minutes.", "Check the lag every 30 minutes", "Check the lag every 5 minutes"),
        ("Let it run for 2 hours and", "look at the board every 3 hours", "look at the board every hour"),
        (
            "Soak: observe it for one hour.",
            "The on-call checks Sentry every two hours",
            "Check that the backup runs every 6 hours",
        ),
        (
            "Keep an eye on it for 10 minutes.",
            "Refresh it every 15 minutes",
            "Then refresh it every hour for the rest of the day",
        ),
        (
            "30 Minuten beobachten.",
            "Alle 45 Minuten das Dashboard prüfen",
            "Alle 5 Minuten das Dashboard prüfen",
        ),
        ("Surveiller pendant 30 minutes.", "Vérifier toutes les 45 minutes", "Vérifier toutes les 5 minutes"),
        (
            "Observar durante 30 minutos.",
            "Revisar el panel cada 45 minutos",
            "Revisar el panel cada 5 minutos",
        ),
        (
            "Monitorar por 30 minutos.",
            "Verificar o painel a cada 45 minutos",
            "Verificar o painel a cada 5 minutos",
        ),
        ("观察 30 分钟:", "每 40 分钟查看一次面板", "每 5 分钟查看一次面板"),
        ("30分間監視する。", "45分ごとにダッシュボードを確認", "5分ごとにダッシュボードを確認"),
        (
            "Monitor for 15 minutes.",
            "Roll back if error rate > 2% for 30 minutes",
            "Roll back if error rate > 2% for 5 minutes",
        ),
        (
            "Wait 15 minutes; then look at the board.",
            "error rate > 2% for 20 minutes: roll back",
            "error rate > 2%: roll back",
        ),
        (
            "Surveiller 45 minutes :",
            "retour arrière si le taux d'erreur dépasse 1 % pendant 60 minutes",
            "alerte",
        ),
    ] {
        let lines = |line: &str| format!("{watch}\n\n- {line}\n");
        check_pairs("T504", &[(&lines(rarely), &lines(often))]);
    }
    // Some other time of the section is long enough.
    assert!(!is_said(
        "T504",
        "Monitor for 20 minutes. The bridge is open for 24 hours.\n\n- Look every 30 minutes\n"
    ));
}

#[test]
fn a_soak_in_words_is_a_soak() {
    let lanes = |hotfix: &str| {
        format!(
            "## Normal\n\n- Let the preview soak for 2 hours.\n- Go live.\n\n## Hotfix lane\n\nExpected time: 15 minutes.\n\n{hotfix}"
        )
    };
    check_pairs(
        "T505",
        &[
            (&lanes("- Go live as in step 2.\n"), &lanes("- Skip the soak.\n- Go live.\n")),
            (&lanes("- Deploy to production.\n"), &lanes("- All steps of the normal lane.\n- Go live.\n")),
        ],
    );
}

#[test]
fn a_time_has_a_unit() {
    check_pairs(
        "T506",
        &[
            ("Soak: 4", "Soak: 4 h"),
            ("- Timeout: 30", "- Timeout: 30 (seconds)"),
            ("- [ ] Wartezeit: 5, dann noch einmal laden", "- [ ] Wartezeit: 5 min, dann noch einmal laden"),
            ("- Beobachtungszeit: 30", "- Beobachtungszeit: 30 Minuten"),
            ("Délai d’attente : 5", "Délai d’attente : 5 minutes"),
            ("Espera: 10", "Espera: 10 minutos"),
            ("等待时间：10", "等待时间：10 分钟"),
            ("監視時間: 30", "監視時間: 30分"),
            (
                "| Setting | Value |\n|---|---|\n| Soak time | 30 |\n",
                "| Setting | Minutes |\n|---|---|\n| Soak time | 30 |\n",
            ),
        ],
    );
}

#[test]
fn blue_and_green_are_one_service() {
    let asks = |first: &str, second: &str| {
        format!("```bash\ncurl -f {first}\n```\n\n```bash\ncurl -f {second}\n```\n")
    };
    check_pairs(
        "T507",
        &[(
            &asks("https://green.shop.test/health", "https://shop.test/healthz"),
            &asks("https://green.shop.test/healthz", "https://shop.test/healthz"),
        )],
    );
}
