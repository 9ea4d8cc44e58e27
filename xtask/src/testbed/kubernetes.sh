# The programs of a Kubernetes control plane, built once for each version and kept in "$1".
#
# Debian 12 has Kubernetes as source (its binary package is the client alone) and etcd; the client
# of the next Debian needs nothing that 12 has not. Nothing is installed: a package of etcd would
# start a service on its default port, and a second compiler is nobody's wish.
set -e
kept=$1
if [ -x "$kept/kube-apiserver" ] && [ -x "$kept/kubectl" ]; then exit 0; fi
mkdir -p "$(dirname "$kept")"
folder=$(mktemp -d "$(dirname "$kept")/building.XXXXXX")
trap 'chmod -R u+w "$folder" && rm -rf "$folder"' EXIT

# A package list of its own for each release of Debian, so that it does not mix with the machine's;
# what is installed here must not count either, whatever its version.
fetch() {
  release=$1
  shift
  mkdir -p "$folder/$release/lists/partial"
  for kind in deb deb-src; do
    echo "$kind [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $release main"
  done >"$folder/$release/sources"
  cd "$folder/$release"
  own="-o Dir::Etc::sourcelist=$folder/$release/sources -o Dir::Etc::sourceparts=- -o Dir::State::lists=$folder/$release/lists -o Dir::State::status=/dev/null -o APT::Sandbox::User=root"
  apt-get --quiet --quiet $own update
  apt-get --quiet --quiet $own "$@"
}
fetch trixie download kubectl
fetch bookworm download etcd-server golang-1.19-go golang-1.19-src
fetch bookworm source kubernetes
mkdir "$folder/tree" "$folder/bin"
for package in "$folder"/*/*.deb; do dpkg -x "$package" "$folder/tree"; done

# The version is told by variables, because the source package is not a git repository.
cd "$folder"/bookworm/kubernetes-*/
# Debian calls it 1.20.5+really1.20.2.
version=$(basename "$PWD" | sed 's/.*[-y]//')
minor=${version#*.}
PATH="$folder/tree/usr/lib/go-1.19/bin:$PATH" GOROOT="$folder/tree/usr/lib/go-1.19" GO111MODULE=off GOFLAGS= \
  GOCACHE="$folder/compiled" KUBE_GIT_COMMIT=debian KUBE_GIT_TREE_STATE=archive KUBE_GIT_VERSION="v$version" \
  KUBE_GIT_MAJOR="${version%%.*}" KUBE_GIT_MINOR="${minor%%.*}" \
  nice make WHAT="cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler" >"$folder/log" 2>&1 || {
  tail -n 40 "$folder/log" >&2
  exit 1
}
cp _output/local/bin/*/*/kube-apiserver _output/local/bin/*/*/kube-controller-manager \
  _output/local/bin/*/*/kube-scheduler "$folder/tree/usr/bin/etcd" "$folder/tree/usr/bin/kubectl" "$folder/bin/"
# Whole or not there: the name is given at the end.
rm -rf "$kept"
mv "$folder/bin" "$kept"
