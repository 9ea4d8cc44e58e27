# Installs what other people migrate with, into the folder that is the first argument: Prisma's and
# Supabase's own programs, at versions that are known to work without a network afterwards.
set -eu
mkdir -p "$1"
cd "$1"
[ -e package.json ] || printf '{ "private": true }\n' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts prisma@6.19.3 @prisma/adapter-pg@6.19.3 supabase@3.1.0
# Prisma's engine in WebAssembly asks for columns of type `name` (19), which this version of its
# adapter does not know. Nothing else is changed.
for file in node_modules/@prisma/adapter-pg/dist/index.js node_modules/@prisma/adapter-pg/dist/index.mjs; do
  grep -q 'case 19:' "$file" || sed -i 's/case ScalarColumnType.TEXT:/case 19: case ScalarColumnType.TEXT:/' "$file"
done
# Asked for before the engine in WebAssembly is, and not used.
printf '#!/bin/sh\nexit 1\n' >no-engine
chmod +x no-engine
touch complete
