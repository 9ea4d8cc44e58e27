//! What bash reads before a step's code, so that the code itself stays exactly as shown.
//!
//! It runs builtins only: a fork would cost more than everything else that tminus does for a
//! step. It is a constant, written once beside the scratch folders; what differs between attempts
//! comes in two variables, which are gone before the code begins.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// For code that can neither change what is carried on nor set a trap, which is most. Bash reads it
/// letter by letter, so it says what it has to in few: with the longer words that it had before, a
/// shell took a quarter more instructions for it (`valgrind --tool=callgrind`). Code in which `printf`
/// is a function is not for it.
///
/// The record at the end has the exit status, the folder, and where and how a command failed. Signals
/// (HUP, INT, PIPE, TERM) are turned into an exit: otherwise bash would run the trap with the status of
/// the last command, and an interrupted step would have a record that says 0. A record that cannot be
/// written fails nothing, which is what `!` is for. Where it goes and what this file is stay the
/// shell's own and are not handed on to what the code starts.
const LEAN: &str = r#"export -n BASH_ENV TMINUS_SLOT
trap '__tminus_note="$? $LINENO ${BASH_COMMAND:0:200}"' ERR
trap 'builtin exit 143' 1 2 13 15
trap '! printf "tminus-1\0%s\0%s\0%s\0end\0" $? "$PWD" "${__tminus_note-}" >>"$TMINUS_SLOT"' 0
"#;

/// For all other code. Beside the above, the record has the exported variables; secrets are
/// unexported before, and exported again for the code's own trap: what cleans up needs them too.
/// Standard error is closed meanwhile, or `set -x` would print all this. A trap on EXIT that the code
/// sets runs as well, after ours, with the status that it would see. Subshells have traps of their own, which
/// ours does not concern.
const FULL: &str = r#"__tminus_at=$TMINUS_SLOT __tminus_hide=${TMINUS_HIDE-} __tminus_user= __tminus_note=
unset -v BASH_ENV TMINUS_SLOT TMINUS_HIDE
__tminus_exit() {
__tminus_last=$1
[[ -n $__tminus_user ]] || builtin set +x
[[ -z $__tminus_hide ]] || builtin export -n $__tminus_hide
builtin printf '%s\0' tminus-1 "$1" "$PWD" "$__tminus_note"
builtin declare -px
builtin printf '\0end\0'
[[ -z $__tminus_hide || -z $__tminus_user ]] || builtin export $__tminus_hide
}
__tminus_status() { builtin return "$1"; }
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
builtin trap '__tminus_note="$? $LINENO ${BASH_COMMAND:0:200}"' ERR
builtin trap 'builtin exit 143' HUP INT PIPE TERM
builtin trap '{ __tminus_exit "$?"; } >>"$__tminus_at" 2>&- || :
if [[ -z $__tminus_user ]]; then :; elif [[ $__tminus_last == 0 ]]; then builtin eval "$__tminus_user"; else __tminus_status "$__tminus_last" || builtin eval "$__tminus_user"; fi' EXIT
"#;

/// Words without which code cannot do anything that the lean file is not for. Looking for too many
/// costs a tenth of a millisecond, for too few a lost change; so these are parts of words, wherever
/// they stand.
const NEEDS_FULL: [&str; 22] = [
    "=", "cd", "pushd", "popd", "export", "declare", "typeset", "local", "read", "unset", "source", ". ",
    "eval", "set", "printf", "getopts", "let", "((", "for", "select", "exec", "trap",
];

/// The two files, once they are written.
#[derive(Clone, Debug)]
pub(super) struct Files {
    lean: PathBuf,
    full: PathBuf,
}

impl Files {
    /// Writes the files into a folder, unless they are there. Their names say their version, so
    /// that an older tminus, still running, keeps its own.
    pub(super) fn write(folder: &Path) -> io::Result<Files> {
        let files = Files { lean: folder.join("lean-6.bash"), full: folder.join("full-6.bash") };
        for (path, text) in [(&files.lean, LEAN), (&files.full, FULL)] {
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

    /// Returns what `BASH_ENV` must be for some code, and whether that is the full file, which is told
    /// what to hide. `functions` says that the environment brings functions, whose calls look like
    /// commands.
    pub(super) fn bash_env(&self, script: &str, functions: bool) -> (String, bool) {
        let full = functions || needs_full(script);
        (escape_expansion(&if full { &self.full } else { &self.lean }.to_string_lossy()), full)
    }
}

/// Tells whether code may change what is carried on, set a trap, or print its commands.
fn needs_full(script: &str) -> bool {
    NEEDS_FULL.iter().any(|word| script.contains(word))
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
    fn code_that_may_change_something_gets_the_full_file() {
        for (script, full) in [
            ("true", false),
            ("kubectl apply -f app.yaml", false),
            ("npm ci\ncurl --fail https://x", false),
            ("cd web", true),
            ("export A", true),
            ("PATH+=:x", true),
            ("trap 'rm -f x' EXIT", true),
            (". ./env", true),
            ("source env", true),
            ("set -x", true),
        ] {
            assert_eq!(needs_full(script), full, "{script}");
        }
    }
}
