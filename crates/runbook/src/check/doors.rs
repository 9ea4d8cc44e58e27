//! T705: doors that are held open: nobody's identity is checked, or everybody may write.

use crate::diagnostic::Severity;
use crate::shell::CommandUse;

use super::page::{Finding, Script, has_option};

const TRUST: &str =
    "give it the right key or certificate (`known_hosts`, `--cacert`) instead of looking away";

/// T705: identity is not checked.
pub(super) fn check(script: &Script<'_>, command: &CommandUse, found: &mut Vec<Finding>) {
    let variable = command.assignments.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let exported =
        command.arguments.iter().filter(|_| command.program == "export").filter_map(|a| a.split_once('='));
    if let Some((name, _)) = variable.chain(exported).find(|(name, value)| switches_off(name, value)) {
        let reason = format!(
            "`{name}` switches the check of certificates or host keys off for everything behind it: whoever answers is believed"
        );
        found.push(script.on("T705", Severity::Warning, command, reason, TRUST));
        return;
    }
    let by_option = || {
        let mut rows = OPTIONS.iter().filter(|row| row.0.contains(&command.program.as_str()));
        rows.find(|row| has_option(command, row.1)).map(|row| row.2)
    };
    if let Some(reason) = looks_away(command).or_else(by_option) {
        let help = match command.program.as_str() {
            "chmod" => "give them to the user who has to write: `chown`, and `chmod 750` or `640`",
            _ => TRUST,
        };
        found.push(script.on("T705", Severity::Warning, command, reason, help));
    }
}

const GIVES_CODE: &str = "the server's certificate is not checked: whoever answers gives the code";
const PASSES: &str = "the certificate is not checked: whoever answers passes the check";
const GETS_COMMANDS: &str = "the certificate is not checked: whoever answers gets the commands";
const UNSIGNED: &str = "the signature of the packages is not checked";

/// Programs, the options by which they look at nobody's identity, and what comes of it.
type Door = (&'static [&'static str], &'static [&'static str], &'static str);

#[rustfmt::skip]
const OPTIONS: &[Door] = &[
    (&["kubectl", "oc", "helm"], &["--insecure-skip-tls-verify", "--kube-insecure-skip-tls-verify"], "the cluster's certificate is not checked: whoever answers gets the commands"),
    (&["argocd", "grpcurl"], &["--insecure", "-insecure"], GETS_COMMANDS), (&["wget"], &["--no-check-certificate"], PASSES),
    (&["http", "https", "xh"], &["--verify=no", "--verify=false"], PASSES), (&["npm", "yarn", "pnpm"], &["--strict-ssl=false", "--no-strict-ssl"], GIVES_CODE),
    (&["pip", "pip3"], &["--trusted-host"], GIVES_CODE), (&["apt", "apt-get"], &["--allow-unauthenticated", "--force-yes"], UNSIGNED),
    (&["yum", "dnf"], &["--nogpgcheck"], UNSIGNED), (&["aws"], &["--no-verify-ssl"], "the certificate is not checked: whoever answers gets the request"),
    (&["vault"], &["-tls-skip-verify", "--tls-skip-verify"], "the certificate is not checked: whoever answers gets the secrets"),
    (&["mysql", "mysqldump", "mariadb"], &["--ssl-mode=DISABLED", "--ssl-mode=disabled", "--skip-ssl"], "nothing is encrypted and nobody's identity checked between here and the database"),
];

/// What takes more than an option to tell.
fn looks_away(command: &CommandUse) -> Option<&'static str> {
    match command.program.as_str() {
        "ssh" | "scp" | "sftp" | "rsync" => {
            let off = command.arguments.iter().any(|a| {
                let option = a.to_lowercase().replace(' ', "");
                option.contains("stricthostkeychecking=no") || option.contains("userknownhostsfile=/dev/null")
            });
            off.then_some("the host's key is not checked: whoever answers gets the commands")
        }
        "curl" => {
            let cluster = command.arguments.iter().any(|a| {
                a.starts_with('-')
                    && !a.starts_with("--")
                    && a.len() <= 6
                    && a[1..].chars().all(|c| "fsSkLiIv".contains(c))
                    && a.contains('k')
            });
            (cluster || has_option(command, &["--insecure"])).then_some(PASSES)
        }
        "git" => {
            let set = command
                .arguments
                .windows(2)
                .any(|pair| pair[0].to_lowercase() == "http.sslverify" && is_off(&pair[1]));
            let here = command.arguments.iter().any(|a| a.to_lowercase() == "http.sslverify=false");
            (set || here).then_some(GIVES_CODE)
        }
        "npm" | "yarn" | "pnpm" => {
            let set = command.arguments.windows(2).any(|pair| pair[0] == "strict-ssl" && is_off(&pair[1]));
            set.then_some(GIVES_CODE)
        }
        "docker" | "podman" | "skopeo" | "buildah" => command
            .arguments
            .iter()
            .any(|a| a.starts_with('-') && a.ends_with("tls-verify=false"))
            .then_some("the registry's certificate is not checked: whoever answers gives the image"),
        "chmod" => opens_to_all(command).then_some(
            "everyone on the host may change these files, and with them what runs as another user",
        ),
        _ => None,
    }
}

fn is_off(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off")
}

/// A variable by which programs are told to believe whoever answers.
fn switches_off(name: &str, value: &str) -> bool {
    match name {
        "NODE_TLS_REJECT_UNAUTHORIZED" | "PYTHONHTTPSVERIFY" | "ANSIBLE_HOST_KEY_CHECKING" => is_off(value),
        "GIT_SSL_NO_VERIFY" | "VAULT_SKIP_VERIFY" | "CURL_INSECURE" => !value.is_empty() && !is_off(value),
        "GIT_SSH_COMMAND" => value.to_lowercase().replace(' ', "").contains("stricthostkeychecking=no"),
        _ => false,
    }
}

/// `777`, `o+w` and `a+rwx`. A folder for everyone's temporary files has the sticky bit.
fn opens_to_all(command: &CommandUse) -> bool {
    command.arguments.iter().any(|mode| {
        let number = mode.len() >= 3 && mode.len() <= 4 && mode.chars().all(|c| c.is_digit(8));
        let by_number = number && !mode.starts_with('1') && mode.ends_with(['2', '3', '6', '7']);
        let by_letter = mode
            .split_once('+')
            .is_some_and(|(who, what)| who.contains(['o', 'a']) && what.contains('w') && !mode.contains('/'));
        by_number || by_letter
    })
}
