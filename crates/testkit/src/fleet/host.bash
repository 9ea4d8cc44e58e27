# One host: the first process of namespaces of its own. Arguments: folder, name, address, size of the disk.
#
# It lives as long as its standard input is open, so it never outlives the test; with it ends
# everything that runs here, as after a power cut.
set -e
folder=$1 name=$2 address=$3 size=$4
hostname "$name"
# Everything that the host writes is on one disk of its own, which can be full.
mount -t tmpfs -o "size=$size" "disk-of-$name" "$folder/disk"
mkdir -p "$folder/disk/home" "$folder/disk/docker" "$folder/disk/log"
mount --bind "$folder/disk/home" /root
mount -t tmpfs run /run
mkdir -p /run/sshd
printf 'the namespaces are there\n' >&2
read -r _
ip link set lo up
ip address add "$address/24" dev eth0
ip link set eth0 up
ip route add default via "${address%.*}.1"
# Whoever comes in by ssh is at home here, whatever home this process has.
/usr/sbin/sshd -f "$folder/sshd" -E "$folder/sshd.log"
HOME=/root dockerd --data-root "$folder/disk/docker" --bip 172.31.250.1/24 --insecure-registry "${address%.*}.0/24" --log-level info &
while read -r _; do :; done
