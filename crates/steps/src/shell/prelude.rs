//! What bash reads before a step's code, so that the code itself stays exactly as shown.
//!
//! It runs builtins only: a fork would cost more than everything else that tminus does for a
//! step. It is a constant, written once beside the scratch folders; what differs between attempts
//! comes in two variables, which are gone before the code begins.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file in an attempt's scratch folder that tells its story: the process that took the attempt
/// on its first line, and, when it ended by itself, the record below after it.
pub(super) const ATTEMPT: &str = "attempt";

/// Takes the attempt: the file can be made only once, by this shell or by a recovery that found
/// nothing, so that a shell that was slow to begin never runs after it was given up.
///
/// The record at the end holds the exit status, the folder, where and how a command failed, and,
/// if the code may have changed them, the exported variables; secrets are unexported before. It is
/// appended with `>>` because the code may have set `noclobber`. Standard error is closed
/// meanwhile, or `set -x` would print all this. Signals are turned into an exit with their status:
/// otherwise bash would run the trap with the status of the last command, and an interrupted step
/// would have a record that says 0.
const BASE: &str = r#"__tminus_dir=$TMINUS_SCRATCH __tminus_hide=${TMINUS_HIDE-} __tminus_carry=${TMINUS_CARRY-} __tminus_note= __tminus_user=
unset -v BASH_ENV TMINUS_SCRATCH TMINUS_HIDE TMINUS_CARRY
set -C
builtin printf '%s\n' "$$" >"$__tminus_dir/attempt" || builtin exit 125
set +C
__tminus_exit() {
__tminus_last=$1
[[ -n $__tminus_user ]] || builtin set +x
[[ -z $__tminus_hide ]] || builtin export -n $__tminus_hide
builtin printf '%s\0' tminus-1 "$1" "$PWD" "$__tminus_note"
[[ -z $__tminus_carry ]] || builtin declare -px
builtin printf '\0end'
}
builtin trap '__tminus_note="$? $LINENO ${BASH_COMMAND:0:200}"' ERR
builtin trap 'builtin exit 129' HUP
builtin trap 'builtin exit 130' INT
builtin trap 'builtin exit 141' PIPE
builtin trap 'builtin exit 143' TERM
"#;

/// The end without traps of the code's own.
const PLAIN: &str = r#"builtin trap '{ __tminus_exit "$?"; } >>"$__tminus_dir/attempt" 2>&- || :' EXIT
"#;

/// The end with them: a trap on EXIT that the code sets runs as well, after ours, with the status
/// that it would see. Subshells have traps of their own, which ours does not concern.
const TRAPS: &str = r#"__tminus_status() { builtin return "$1"; }
trap() {
if [[ $BASH_SUBSHELL -gt 0 || ${1-} == -[lp]* ]]; then builtin trap "$@"; builtin return; fi
if [[ ${1-} == -- ]]; then builtin shift; fi
if [[ $# -eq 0 ]]; then builtin trap; builtin return; fi
if [[ $# -eq 1 ]]; then builtin set -- - "$1"; fi
local "__tminus_do=$1" __tminus_on
builtin shift
for __tminus_on; do
case $__tminus_on in
EXIT | exit | 0) if [[ $__tminus_do == - ]]; then __tminus_user=; else __tminus_user=$__tminus_do; fi ;;
*) builtin trap -- "$__tminus_do" "$__tminus_on" ;;
esac
done
}
builtin trap '{ __tminus_exit "$?"; } >>"$__tminus_dir/attempt" 2>&- || :
if [[ -z $__tminus_user ]]; then :; elif [[ $__tminus_last == 0 ]]; then builtin eval "$__tminus_user"; else __tminus_status "$__tminus_last" || builtin eval "$__tminus_user"; fi' EXIT
"#;

/// Words without which code cannot change what is carried on: exported variables and the folder.
/// Looking for too many costs a tenth of a millisecond, for too few a lost change; so these are
/// parts of words, wherever they stand.
const MAY_CARRY: [&str; 21] = [
    "=", "cd", "pushd", "popd", "export", "declare", "typeset", "local", "read", "unset", "source", ". ",
    "eval", "set", "printf", "getopts", "let", "((", "for", "select", "exec",
];

/// Words with which code may set a trap on EXIT, itself or by what it reads in.
const MAY_TRAP: [&str; 4] = ["trap", "source", ". ", "eval"];

/// Which of the two files a piece of code needs, and whether its variables are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) traps: bool,
    pub(super) carry: bool,
}

impl Needs {
    /// Looks at the code. `functions` says that the environment brings functions, whose calls look
    /// like commands.
    pub(super) fn of(script: &str, functions: bool) -> Needs {
        let has = |words: &[&str]| functions || words.iter().any(|word| script.contains(word));
        Needs { traps: has(&MAY_TRAP), carry: has(&MAY_CARRY) }
    }
}

/// The two files, once they are written.
#[derive(Clone, Debug)]
pub(super) struct Files {
    plain: PathBuf,
    traps: PathBuf,
}

impl Files {
    /// Writes the files into a folder, unless they are there. Their names say their version, so
    /// that an older tminus, still running, keeps its own.
    pub(super) fn write(folder: &Path) -> io::Result<Files> {
        let files =
            Files { plain: folder.join("prelude-1.bash"), traps: folder.join("prelude-1-traps.bash") };
        for (path, end) in [(&files.plain, PLAIN), (&files.traps, TRAPS)] {
            let text = format!("{BASE}{end}");
            if fs::read_to_string(path).is_ok_and(|found| found == text) {
                continue;
            }
            fs::create_dir_all(folder)?;
            let early = path.with_extension(format!("{}.new", std::process::id()));
            fs::write(&early, text)?;
            fs::rename(&early, path)?;
        }
        Ok(files)
    }

    /// Returns what `BASH_ENV` must be. Bash expands its value, so it is quoted where needed.
    pub(super) fn bash_env(&self, needs: Needs) -> String {
        let path = if needs.traps { &self.traps } else { &self.plain };
        escape_expansion(&path.to_string_lossy())
    }
}

/// Keeps bash from expanding what is a plain path: it does parameter, command and arithmetic
/// expansion on the value, but reads no quotes in it, only backslashes.
fn escape_expansion(path: &str) -> String {
    path.replace('\\', "\\\\").replace('$', "\\$").replace('`', "\\`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_may_change_something_is_looked_at() {
        for (script, traps, carry) in [
            ("true", false, false),
            ("kubectl apply -f app.yaml", false, false),
            ("npm ci\ncurl --fail https://x", false, false),
            ("cd web", false, true),
            ("export A", false, true),
            ("PATH=$PATH:x", false, true),
            ("trap 'rm -f x' EXIT", true, false),
            (". ./env", true, true),
            ("source env", true, true),
        ] {
            assert_eq!(Needs::of(script, false), Needs { traps, carry }, "{script}");
            assert_eq!(Needs::of(script, true), Needs { traps: true, carry: true }, "{script}");
        }
    }
}
