# An engine and a registry of the benchmark's own, in the folder "$1"; they end when standard input does.
# "$2" is a spare port, "$3" how many versions there are of the four services.
set -eu
folder=$1 port=$2 versions=$3
cd "$folder"
mkdir -p root/bin root/www root/tmp keys
cp /bin/busybox root/bin/busybox
ln -sf busybox root/bin/wget
dockerd --data-root "$folder/docker" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "unix://$folder/docker.sock" \
  --bridge=none --iptables=false --ip6tables=false >"$folder/dockerd.log" 2>&1 &
engine=$!
printf "version: 0.1\nstorage: {filesystem: {rootdirectory: %s/registry}}\nhttp: {addr: '127.0.0.1:%s'}\n" "$folder" "$port" >registry.yml
docker-registry serve registry.yml >registry.log 2>&1 &
registry=$!
end() {
  docker ps --all --quiet | xargs --no-run-if-empty docker rm --force >/dev/null 2>&1 || :
  kill "$engine" "$registry" 2>/dev/null || :
  wait
}
trap end EXIT
export DOCKER_HOST="unix://$folder/docker.sock"
for ((tries = 0; tries < 200; tries++)); do
  if docker info >/dev/null 2>&1 && grep -q 'listening on' registry.log; then break; fi
  sleep 0.1
done

# Four services in eight versions, so that every run of every contender has one to pull and to start.
services='gateway api web worker'
{
  echo 'services:'
  for service in $services; do
    printf '  %s:\n    image: 127.0.0.1:%s/%s:${TAG}\n    init: true\n    stop_grace_period: 1s\n    network_mode: none\n    healthcheck:\n      test: [CMD, /bin/busybox, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/version"]\n      interval: 1s\n' "$service" "$port" "$service"
  done
} >compose.yml
echo 'TAG=v0' >.env
for ((version = 0; version < versions; version++)); do
  echo "v$version" >root/www/version
  tar -C root -cf image.tar .
  for service in $services; do
    name=127.0.0.1:$port/$service:v$version
    docker import --change 'CMD ["/bin/busybox","httpd","-f","-p","8080","-h","/www"]' image.tar "$name" >/dev/null
    docker push --quiet "$name" >/dev/null
    docker rmi --force "$name" >/dev/null
  done
done
docker compose up --detach --wait --quiet-pull >/dev/null 2>&1
echo ready
while read -r _; do :; done
