# Hosts of the benchmark's own, in the folder "$1": an sshd for each of "$2" lines of the file `ports`.
# They end when standard input does.
set -eu
folder=$1 hosts=$2
cd "$folder"
trap 'kill $(cat homes/*.pid) 2>/dev/null || :' EXIT
mkdir keys
ssh-keygen -q -t ed25519 -N '' -f keys/user </dev/null
ssh-keygen -q -t ed25519 -N '' -f keys/host </dev/null
mkdir -p /run/sshd
: >client
: >known
for ((number = 1; number <= hosts; number++)); do
  port=$(sed -n "${number}p" ports)
  mkdir -p "homes/h$number"
  {
    printf 'Port %s\nListenAddress 127.0.0.1\nHostKey %s/keys/host\nAuthorizedKeysFile %s/keys/user.pub\n' "$port" "$folder" "$folder"
    printf 'PidFile %s/homes/h%s.pid\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nMaxStartups 200\n' "$folder" "$number"
    printf 'SetEnv HOME=%s/homes/h%s\n' "$folder" "$number"
  } >"homes/h$number.conf"
  /usr/sbin/sshd -f "$folder/homes/h$number.conf" -E "$folder/homes/h$number.log"
  printf 'Host h%s\n  HostName 127.0.0.1\n  Port %s\n  HostKeyAlias h%s\n' "$number" "$port" "$number" >>client
  printf 'h%s %s\n' "$number" "$(cut -d ' ' -f 1,2 keys/host.pub)" >>known
done
printf 'Host *\n  IdentityFile %s/keys/user\n  IdentitiesOnly yes\n  UserKnownHostsFile %s/known\n  GlobalKnownHostsFile /dev/null\n' "$folder" "$folder" >>client
mkdir bin
printf '#!/bin/sh\nexec /usr/bin/ssh -F %s/client "$@"\n' "$folder" >bin/ssh
chmod +x bin/ssh
for ((number = 1; number <= hosts; number++)); do bin/ssh -n "h$number" true; done
echo ready
while read -r _; do :; done
