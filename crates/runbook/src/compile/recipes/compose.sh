# What this release found and what it moved is kept beside the compose file, where it is needed.
record=".tminus/$RELEASE_ID/$name"
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
compose() { docker compose "${options[@]}" "$@"; }
container() { compose ps --all --quiet "$1" | head -n 1; }

# The file is whole at every moment, and keeps its mode.
put() {
  local target=$2
  if [ -L "$target" ]; then target=$(readlink -f "$target"); fi
  cp -p -- "$1" "$target.tminus"
  mv -- "$target.tminus" "$target"
}

# Starts what is there already and waits for its health; what is wrong is shown where it is.
move() {
  local service=$1 id
  if compose up --detach --no-deps --no-build --pull never --wait --wait-timeout "$patience" "$service"; then return 0; fi
  id=$(container "$service")
  if [ -n "$id" ]; then
    say "--- the last lines of $service"
    docker logs --tail 20 "$id" 2>&1 || true
    say "---"
    stop "$service did not become healthy within $patience s: $(docker inspect --format '{{.State.Status}}, exit code {{.State.ExitCode}}, {{.RestartCount}} restarts{{if .State.Health}}, health {{.State.Health.Status}}{{range .State.Health.Log}}{{if .ExitCode}}: {{.Output}}{{end}}{{end}}{{end}}' "$id" | tr '\n' ' ')"
  fi
  stop "$service could not be started: no container of it is there"
}
