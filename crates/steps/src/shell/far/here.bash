# Runs here, and speaks with the other hosts by the user's own ssh. Arguments: the command for the far
# side, key, mode (run, look, end), how many at once, how many may fail, seconds that a host may be out of
# reach, exit codes that pass, names of what is given by standard input; then the hosts.
#
# What a host said at the end stands in a file for it, which is what the report is made of.
__tminus_pairs=()
for __tminus_name in $8; do
  __tminus_pairs+=("$__tminus_name=${!__tminus_name}")
  export -n "${__tminus_name?}"
done
far=$1 key=$2 mode=$3 batch=$4 allowed=$5 patience=$6 passing=$7
shift 8
hosts=("$@")
dir=$RUN_OUT.hosts
options=(-o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 -T)
rm -rf -- "$dir"
mkdir -p -- "$dir"
pipes=()
for ((at = 0; at < ${#hosts[@]}; at++)); do pipes+=("$dir/$at.go"); done
mkfifo -- "${pipes[@]}"

# Lines of several hosts say whose they are. Stands at the end of a pipe, so in a process of its own.
show() {
  if ((${#hosts[@]} == 1)); then exec cat; else exec sed -u "s|^|${hosts[$1]}: |"; fi
}
note() { printf '[%s]\n' "$2" | show "$1"; }

# Speaks with a host once. The far side greets first, so that it is known whether anything can have
# begun; then it is told what it needs. Its output comes by one stream, its words about it by the other.
# Many hosts are spoken with at once, so that each process more is felt: bash does what it can itself.
talk() {
  local at=$1 doing=$2 first line outputs= known=0
  # The pipes of all first talks were made together. One that was used is not used again.
  if [[ -e $dir/$at.err || $doing == end ]]; then
    known=$(wc -c <"$dir/$at.out")
    rm -f -- "$dir/$at.go" "$dir/$at.now"
    mkfifo -- "$dir/$at.go"
  fi
  {
    read -r first <"$dir/$at.go" || :
    if [[ $first == go ]]; then
      if ((${#__tminus_pairs[@]})); then printf '%s\0' "${__tminus_pairs[@]}"; fi
      printf '\0'
    fi
  } | ssh "${options[@]}" -- "${hosts[at]}" "$far $key $doing $known" 2>"$dir/$at.err" | {
    # What the host's start-up files print comes before the greeting.
    while IFS= read -r first; do
      if [[ $first == 'tminus hello' ]]; then break; fi
      printf '%s\n' "$first" | show "$at"
    done
    if [[ $first == 'tminus hello' ]]; then
      : >"$dir/$at.now"
      printf 'go\n' >"$dir/$at.go"
      tee -a -- "$dir/$at.out" | show "$at"
    else
      printf 'no\n' >"$dir/$at.go"
    fi
  } || :
  said= other=
  while IFS= read -r line || [[ -n $line ]]; do
    case $line in
      "tminus $key output "*) outputs+=${line#"tminus $key output "}$'\n' ;;
      "tminus $key "*) said=${line#"tminus $key "} ;;
      *) other+=${other:+$'\n'}${line//$'\r'/} ;;
    esac
  done 2>/dev/null <"$dir/$at.err"
  printf '%s' "$outputs" >"$dir/$at.outputs"
}

visit() {
  local at=$1 doing=$2 since=$SECONDS pause=1 heard= said other
  : >"$dir/$at.out"
  while :; do
    talk "$at" "$doing"
    if [[ -n $other ]]; then printf '%s\n' "$other" | show "$at"; fi
    if [[ -n $said ]]; then
      printf '%s\n' "$said" >"$dir/$at.result"
      return
    fi
    if [[ -e $dir/$at.now ]]; then heard=yes since=$SECONDS; fi
    if [[ -z $heard && $doing == run ]]; then
      printf 'unreached %s\n' "${other##*$'\n'}" >"$dir/$at.result"
      return
    fi
    if ((SECONDS - since >= patience)); then
      printf 'lost %s\n' "${other##*$'\n'}" >"$dir/$at.result"
      return
    fi
    note "$at" "the connection to ${hosts[at]} is lost; what came of the command is asked until it answers, for at most $patience s"
    sleep "$pause"
    if ((pause < 5)); then pause=$((pause + 1)); fi
  done
}

# Ends what was begun on each host, when this step is to end.
end_all() {
  local at
  trap '' TERM
  for ((at = 0; at < ${#hosts[@]}; at++)); do
    if [[ -e $dir/$at.out && ! -e $dir/$at.result ]]; then
      (
        talk "$at" end
        printf '%s\n' "${said:-lost}" >"$dir/$at.result"
        printf 'ended\n' >"$dir/$at.ended"
      ) &
    fi
  done
  wait
  exit 143
}

passed() {
  local word= status= rest
  read -r word status rest 2>/dev/null <"$dir/$1.result" || :
  [[ $word == before || ($word == end && " $passing " == *" $status "*) ]]
}

trap end_all TERM
failures=0
for ((first = 0; first < ${#hosts[@]}; first += batch)); do
  for ((at = first; at < first + batch && at < ${#hosts[@]}; at++)); do visit "$at" "$mode" & done
  wait
  for ((at = first; at < first + batch && at < ${#hosts[@]}; at++)); do
    if passed "$at"; then continue; fi
    failures=$((failures + 1))
  done
  if ((failures > allowed)); then exit 1; fi
done
if ((${#hosts[@]} == 1)); then cat -- "$dir/0.outputs" >>"$RUN_OUT"; fi
