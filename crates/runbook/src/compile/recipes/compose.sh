# What this release found and what it moved is kept beside the compose file, where it is needed.
record=".tminus/$RELEASE_ID/$name"
project=() variables=() traffic='' known=''
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
# Compose takes a variable of the shell before one of its file. Those of the release would then count on
# the way back as well, so what the file has is the file's.
hidden=()
for change in "${changes[@]}"; do hidden+=(-u "${change%%=*}"); done
while IFS= read -r key; do hidden+=(-u "$key"); done < <(sed -n 's/^\(export  *\)\{0,1\}\([A-Za-z_][A-Za-z0-9_]*\)=.*/\2/p' "${env_file:-.env}" 2>/dev/null || true)
compose() { env "${hidden[@]}" docker compose "${options[@]}" "${project[@]}" "${variables[@]}" "$@"; }
# By the name of the project, which is asked of compose once.
containers() {
  docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$known" --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False
}
container() { containers "$1" | head -n 1; }
# What compose made a container from, but for what is inside of its image.
settings_of() { docker inspect --format '{{index .Config.Labels "com.docker.compose.config-hash"}}' "$1"; }

# Another step of this release may still be at work here, when its connection was lost.
alone() {
  if ! command -v flock >/dev/null; then return 0; fi
  exec 9>>"$record/lock"
  if ! flock -w "$patience" 9; then stop "another step of this release is still at work in $PWD on $(hostname), after $patience s" "look:  ps -ef | grep docker"; fi
}

# A command of the document, in a shell of its own.
tell() {
  local what=$1 command=$2 code=0
  if [ -z "$command" ]; then return 0; fi
  SERVICE=$3 PROJECT=$traffic bash -eEuo pipefail -c "$command" </dev/null 9>&- || code=$?
  if [ "$code" != 0 ]; then stop "\`$what\` failed${3:+ for $3}${traffic:+ with $traffic}: it ended with $code" "its command: $command"; fi
}

# The file is whole at every moment, and keeps its mode.
put() {
  local target=$2
  if [ -L "$target" ]; then target=$(readlink -f "$target"); fi
  cp -p -- "$1" "$target.tminus"
  mv -- "$target.tminus" "$target"
}

# The image from before wants the files from before, and so do the commands around it; it comes back
# before the steps that sent them do. A mode is a part of that: a script may be the same, and not run.
# One that was not there at all stays until then: compose may need it to remove what it made. One that
# somebody mended stays as well: the step that sent it asks about it in its turn, when the services are back.
sent_files() {
  local want=$1 is=$2 said=$3 after kept to
  shift 3
  while IFS= read -r after; do
    kept=${after%/after}
    if [ ! -f "$kept/content" ]; then continue; fi
    to=$(cat -- "$kept/to")
    if same "$kept/$want" "$to"; then continue; fi
    if ! same "$kept/$is" "$to"; then say "$to was changed by somebody since this release sent it, and stays"; continue; fi
    put "$kept/$want" "$to"
    say "$to is $said again"
  done < <(sent "$@")
}
before_sent() { sent_files content after "what it was before this release" -t; }
after_sent() { sent_files after content "what this release sent" -tr; }

# What tminus left here, for the next release: of a service its image, or nothing when it is gone. It is
# only told of, so a disk that is full stops no way back for it.
leave() {
  mkdir -p -- ".tminus/left/$known" || return 0
  if [ "$#" = 1 ]; then rm -f -- ".tminus/left/$known/$1"; else say "$2" 2>/dev/null >".tminus/left/$known/$1" || true; fi
}

# The end of what a service wrote is where the reason is.
last_lines() {
  say "--- the last lines of $1"
  docker logs --tail 20 "$2" 2>&1 || true
  say "---"
}

# Starts what is there already and waits for its health; what is wrong is shown where it is.
move() {
  local service=$1 id
  shift
  if compose up --detach --no-deps --no-build --pull never --wait --wait-timeout "$patience" "$@" "$service"; then return 0; fi
  id=$(container "$service")
  if [ -n "$id" ]; then
    last_lines "$service" "$id"
    stop "$service did not become healthy within $patience s: $(docker inspect --format '{{.State.Status}}, exit code {{.State.ExitCode}}, {{.RestartCount}} restarts{{if .State.Health}}, health {{.State.Health.Status}}{{range .State.Health.Log}}{{if .ExitCode}}: {{.Output}}{{end}}{{end}}{{end}}' "$id" | tr '\n' ' ')"
  fi
  stop "$service could not be started: no container of it is there"
}

# The address of a service. A port of its container is asked where it is published, or else at the container.
address() {
  local id port where
  case $2 in :*) ;; *) say "$2"; return 0 ;; esac
  id=$(container "$1") port=${2#:}
  port=${port%%/*}
  where=$(docker port "$id" "$port/tcp" 2>/dev/null | head -n 1 || true)
  if [ -z "$where" ]; then
    where=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}' "$id" | grep -m 1 . || true)
    where=${where:-127.0.0.1}:$port
  fi
  case $where in 0.0.0.0:*) where=127.0.0.1:${where##*:} ;; '[::]:'*) where="[::1]:${where##*:}" ;; esac
  say "http://$where${2#":$port"}"
}
# What its address says, with the head of the answer first. A proxy of this machine is none of its business.
ask_address() {
  curl --silent --show-error --globoff --noproxy '*' --include --max-time 5 "$1" 2>&1 | head -c 2000 | tr -d '\000\r' || true
}
is_well() { [[ $1 =~ ^HTTP/[0-9.]+\ 2[0-9][0-9] ]]; }

# What is healthy for docker may answer wrongly. Nothing else moves until the address that the document names
# has answered with 2xx, or the time of the service is over.
answers() {
  local service=$1 until=$2 at url answer
  at=${healthy[$service]-}
  if [ -z "$at" ]; then return 0; fi
  while :; do
    url=$(address "$service" "$at")
    answer=$(ask_address "$url")
    if is_well "$answer"; then say "$service answers: $url: ${answer%%$'\n'*}"; return 0; fi
    if ((SECONDS >= until)); then break; fi
    sleep 0.5
  done
  last_lines "$service" "$(container "$service")"
  say "--- what $url answered" "$answer" "---"
  stop "$service is up, and did not answer well within $patience s: $url: ${answer%%$'\n'*}"
}
