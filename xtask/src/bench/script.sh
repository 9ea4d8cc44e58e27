# What a release with `target: compose` does, as somebody writes it by hand: "$1" is the version.
set -eEuo pipefail
services=(gateway api web worker)
find_container() {
  docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False
}
docker compose version >/dev/null
project=$(docker compose config | sed -n 's/^name: //p')
mkdir -p before
cp -p .env before/env
for service in "${services[@]}"; do
  read -r name image < <(docker inspect --format '{{.Config.Image}} {{.Image}}' "$(find_container "$service")")
  echo "$service $name $image $(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" | head -n 1)"
done >before/images
sed "s/^TAG=.*/TAG=$1/" .env >env.next
docker compose --env-file env.next pull --quiet "${services[@]}"
mv env.next .env
ids=()
for service in "${services[@]}"; do
  docker compose up --detach --no-deps --no-build --pull never --wait --wait-timeout 120 "$service"
  id=$(find_container "$service")
  docker inspect --format '{{.Config.Image}} {{.State.Status}} {{.RestartCount}}' "$id"
  ids+=("$id")
done
docker inspect --format '{{.Config.Image}} {{.State.Status}} {{.RestartCount}}' "${ids[@]}"
