# Runs on the other host. Above this stand the limit of output, the function that exports variables
# and goes to the folder, and the command. Arguments: key, mode (run, look, end), bytes known already.
#
# Output goes to a file and not to the connection, so that the command goes on without it; how it ends
# stands beside it. Whoever has the name of the attempt has the attempt: a link is made once.
key=$1 mode=$2 known=$3
base=$HOME/.tminus/steps/${key%/*} attempt=${key##*/}
at=$base/$attempt
say() { printf 'tminus %s %s\n' "$key" "$*" >&2; }

# Takes the attempt for a folder that is ready. Only the first of several gets it.
claim() { ln -sn "$1" "$at" 2>/dev/null && [[ $at -ef $base/$1 ]]; }

# Removes what releases of long ago left, once a day: looking for it at each step would be felt on many hosts.
sweep() {
  local swept=0 now
  printf -v now '%(%s)T' -1
  read -r swept 2>/dev/null <"$HOME/.tminus/swept" || :
  if [[ $swept == "${swept//[!0-9]/}" ]] && ((now - 10#0$swept < 86400 && now >= 10#0$swept)); then return; fi
  find "$HOME/.tminus/steps" -mindepth 1 -maxdepth 1 -mtime +14 -exec rm -rf -- {} + 2>/dev/null
  printf '%s\n' "$now" 2>/dev/null >"$HOME/.tminus/swept" || :
}

# Takes an attempt that nobody has begun, so that nobody can.
give_up() {
  (umask 077 && mkdir -p "$base/$attempt.no" && : >"$base/$attempt.no/given-up") 2>/dev/null || return 0
  claim "$attempt.no" || :
}

# Tells whether the supervisor of an attempt is alive, and is it: numbers are used again.
is_alive() {
  local number
  number=$(cat "$1/supervisor" 2>/dev/null) || return 1
  if [[ -d /proc/self ]]; then
    [[ -r /proc/$number/cmdline ]] && tr '\0' ' ' 2>/dev/null <"/proc/$number/cmdline" | grep -qF -- " ${key%/*}/${1##*/} run "
  else
    kill -0 "$number" 2>/dev/null
  fi
}

is_over() { [[ $(cat "$1/status" 2>/dev/null) == [0-9]* ]]; }

# Starts the command, in a group of its own, and waits for its end. Everything that may fail for want of
# room is done before the attempt is taken; the status is written into room that is there.
supervise() {
  local own=$attempt.$BASHPID group status left= count
  exec 8>&1 >/dev/null
  trap '' HUP
  {
    (umask 077 && mkdir -p "$base/$own" && mkfifo "$base/$own/pipe") &&
      printf '%s\n' "$BASHPID" >"$base/$own/supervisor" && printf 'running \n' >"$base/$own/status" && : >"$base/$own/out"
  } 2>/dev/null || {
    printf 'cannot be written: %s, %s KiB free\n' "$base/$own" "$(df -Pk "$HOME" | awk 'NR == 2 { print $4 }')" >&8
    return
  }
  if ! claim "$own"; then
    rm -rf -- "${base:?}/$own"
    printf 'taken\n' >&8
    return
  fi
  printf 'mine\n' >&8
  set -m
  exec 7< <(exec 8>&- <"$at/pipe"; head -c "$limit" >"$at/out"; cat >/dev/null)
  (exec 7<&- 8>&-; export RUN_OUT=$at/outputs; __tminus_enter; exec "${__tminus_run[@]}") >"$at/pipe" 2>&1 &
  group=$!
  printf '%s\n' "$group" >"$at/group"
  wait "$group"
  status=$?
  for ((count = 0; count < 40; count++)); do
    kill -0 -- "-$group" 2>/dev/null || break
    left=' left'
    if ((count == 10)); then kill -TERM -- "-$group" 2>/dev/null; fi
    if ((count == 30)); then kill -KILL -- "-$group" 2>/dev/null; fi
    sleep 0.05
  done
  read -r -t 1 -u 7 _
  printf '%-8s\n' "$status$left" 1<>"$at/status"
}

# Sends what was printed beyond what is known, until there is a status. A host has other work than to
# be looked at: a command that prints nothing is looked at once a second, and without a process where
# bash itself can look.
follow() {
  local status size ended= pause=2 tenths
  while :; do
    status=
    read -r status 2>/dev/null <"$at/status" || :
    size=0
    if [[ -s $at/out ]]; then size=$(wc -c <"$at/out"); fi
    if ((size > known)); then
      tail -c "+$((known + 1))" "$at/out" | head -c "$((size - known))" || exit 0
      known=$size pause=2
    fi
    if [[ $status == [0-9]* ]]; then
      if [[ -s $at/outputs && $(wc -c <"$at/outputs") -le 65536 ]]; then
        while IFS= read -r line || [[ -n $line ]]; do say output "$line"; done <"$at/outputs"
      fi
      say end $status
      : >"$at/told"
      return
    fi
    if [[ -n $ended ]]; then
      say unknown "what watched over it there was ended, and how it ended was not noted"
      return
    fi
    tenths=$((pause / 10)).$((pause % 10))
    # While this connection has the supervisor, its end is heard at once.
    if [[ $owner == yes ]]; then
      read -r -t "$tenths" -u 9 _
      (($? > 128)) || ended=yes
    else
      sleep "$tenths"
      is_alive "$at" || ended=yes
    fi
    if ((pause < 10)); then pause=$((pause + 2)); fi
  done
}

owner= go= pairs=()
printf 'tminus hello\n'
if [[ $mode == run ]]; then
  # Nothing is begun before the other side has heard this, and has said everything.
  while IFS= read -r -d '' pair; do
    if [[ -z $pair ]]; then go=yes; break; fi
    pairs+=("$pair")
  done
  [[ $go == yes ]] || exit 0
fi
exec </dev/null
case $mode in
  run)
    for other in "$base"/*; do
      # What an earlier attempt began and nobody was told the end of is not begun again: it is asked.
      if [[ -L $other && $other != "$at" && ! -e $other/told ]] && { is_alive "$other" || is_over "$other"; }; then
        at=$other
      fi
      if [[ -L $other && $once == yes && $(cat "$other/status" 2>/dev/null) == '0 '* ]]; then
        say before
        exit 0
      fi
    done
    if [[ ! -L $at ]]; then
      exec 9< <(supervise)
      IFS= read -r -u 9 word || word=
      case $word in
        mine) owner=yes ;;
        taken) ;;
        *)
          say cannot "${word:-be started}"
          exit 0
          ;;
      esac
    fi
    ;;
  look | end) [[ -L $at ]] || give_up ;;
esac
if [[ ! -L $at ]]; then
  say cannot "be looked at: nothing can be written below $HOME/.tminus"
elif [[ -e $at/given-up ]]; then
  say never
else
  if [[ $mode == end ]]; then
    for ((count = 0; count < 20; count++)); do
      if [[ -s $at/group ]]; then break; fi
      sleep 0.05
    done
    group=$(cat "$at/group" 2>/dev/null) && is_alive "$at" && {
      kill -TERM -- "-$group" 2>/dev/null
      for ((count = 0; count < 100; count++)); do
        kill -0 -- "-$group" 2>/dev/null || break
        sleep 0.05
      done
      kill -KILL -- "-$group" 2>/dev/null
    }
  fi
  if [[ $owner == yes ]]; then sweep; fi
  follow
fi
