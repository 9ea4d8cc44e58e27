# Below `to`: `releases/NAME/` with the files of a release, `releases/NAME.manifest` with the checksum,
# size, type and path of each, and `current`, which names the release that is served. What was served
# before is kept in the folder of the step.
record=".tminus/$RELEASE_ID/$name"
release=${as:-$RELEASE_ID}
bucket=${to#s3://} prefix=''
case $bucket in */*) prefix=${bucket#*/}/ bucket=${bucket%%/*} ;; esac
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
told() { if [ "$1" = - ]; then printf '%s/current is not there' "$to"; else printf '%s/current names %s' "$to" "$1"; fi; }
if ! command -v aws >/dev/null; then stop "$to needs the program aws, which is not installed here"; fi
(umask 077 && mkdir -p -- "$record" && printf '*\n' >.tminus/.gitignore)

# Calls aws without a pager, and gives its reason when it refuses.
ask() {
  if AWS_PAGER='' aws "$@" 2>"$record/said"; then return 0; fi
  local reason now='look at what aws says'
  reason=$(sed '/^$/d' "$record/said" | tail -n 1)
  case $reason in
    *NoSuchBucket*) now="make the bucket, or correct its name in the runbook: $to" ;;
    *redentials* | *AccessDenied* | *InvalidAccessKeyId* | *SignatureDoesNotMatch* | *oken*)
      now='name who may write there under [secrets] in tminus.toml, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY' ;;
  esac
  stop "aws $1 $2 did not succeed for $to: ${reason:-it gives no reason}" "$now"
}
copy() { ask s3 cp --recursive --only-show-errors "$@" >/dev/null; }
# ETag, size and path of every object below `to`, by path.
objects() {
  ask s3api list-objects-v2 --bucket "$bucket" --prefix "$prefix" --query 'Contents[].[ETag,Size,Key]' --output text >"$record/listed"
  awk -F '\t' -v OFS='\t' -v cut="${#prefix}" '$1 != "None" { $3 = substr($3, cut + 1); print }' "$record/listed" | LC_ALL=C sort -t $'\t' -k 3 >"$record/objects"
}
# Of these, what is served as it lies there: all but what this step keeps for itself.
served() { awk -F '\t' '$3 !~ /^releases\// && $3 != "current"' "$record/objects"; }
is_there() { awk -F '\t' -v path="$1" '$3 == path { found = 1 } END { exit !found }' "$record/objects"; }
# Read again only when the list shows that it is another one.
current() {
  local mark
  mark=$(awk -F '\t' '$3 == "current"' "$record/objects")
  if [ -z "$mark" ]; then printf -- '-\n'; return 0; fi
  if [ ! -f "$record/mark" ] || [ "$mark" != "$(cat -- "$record/mark")" ]; then
    ask s3api get-object --bucket "$bucket" --key "${prefix}current" "$record/pointer" >/dev/null
    printf '%s\n' "$mark" >"$record/mark"
  fi
  head -n 1 -- "$record/pointer"
}
# One small write, after everything else.
lead() {
  printf '%s\n' "$1" >"$record/wish"
  ask s3api put-object --bucket "$bucket" --key "${prefix}current" --body "$record/wish" --content-type text/plain --cache-control no-cache >/dev/null
}

# Types by the ending, because those that aws guesses differ from machine to machine.
types='html htm=text/html; charset=utf-8
css=text/css; charset=utf-8
js mjs=text/javascript; charset=utf-8
json map=application/json
webmanifest=application/manifest+json
xml=application/xml
rss=application/rss+xml
atom=application/atom+xml
txt=text/plain; charset=utf-8
md=text/markdown; charset=utf-8
csv=text/csv; charset=utf-8
ics=text/calendar; charset=utf-8
svg=image/svg+xml
png=image/png
jpg jpeg=image/jpeg
gif=image/gif
webp=image/webp
avif=image/avif
ico=image/vnd.microsoft.icon
woff=font/woff
woff2=font/woff2
ttf=font/ttf
otf=font/otf
wasm=application/wasm
pdf=application/pdf
zip=application/zip
gz=application/gzip
mp3=audio/mpeg
mp4=video/mp4
webm=video/webm'
# A folder's manifest, by path.
manifest() (
  cd -- "$1" || exit
  {
    printf '%s\n' "$types"
    find -L . -type f -printf 'size %s ./%P\n'
    find -L . -type f -exec sha256sum -- {} +
  } | awk -v OFS='\t' '
    /^[a-z0-9 ]+=/ && !sized { n = index($0, "="); m = split(substr($0, 1, n - 1), endings, " "); for (i = 1; i <= m; i++) type[endings[i]] = substr($0, n + 1); next }
    /^size / { sized = 1; n = index($0, " ./"); size[substr($0, n + 3)] = substr($0, 6, n - 6); next }
    { path = substr($0, 69); ending = ""
      if (match(path, /\.[^.\/]*$/)) ending = tolower(substr(path, RSTART + 1))
      print substr($0, 1, 64), size[path], ending in type ? type[ending] : "application/octet-stream", path }
  ' | LC_ALL=C sort -t $'\t' -k 4
)
# A release's manifest, from the bucket. One that is gone is empty.
manifest_of() {
  : >"$2"
  if is_there "releases/$1.manifest"; then ask s3api get-object --bucket "$bucket" --key "${prefix}releases/$1.manifest" "$2" >/dev/null; fi
}
is_page() { grep -E '\.[hH][tT][mM][lL]?$' || [ "$?" = 1 ]; }
is_no_page() { grep -vE '\.[hH][tT][mM][lL]?$' || [ "$?" = 1 ]; }
# Lists of paths, with those of another list or without them.
within() { grep -xFf "$1" || [ "$?" = 1 ]; }
without() { grep -vxFf "$1" || [ "$?" = 1 ]; }
# Does something to the paths of a file, some hundred in one call.
each() {
  local paths=$1 at=0 some only
  shift
  mapfile -t some <"$paths"
  while [ "$at" -lt "${#some[@]}" ]; do
    mapfile -t only < <(printf '%s\n' "${some[@]:at:300}" | sed 's/[][*?]/[&]/g; s/^/--include=/')
    "$@" --exclude '*' "${only[@]}"
    at=$((at + 300))
  done
}
drop_served() { ask s3 rm --recursive --only-show-errors "$to/" "$@" >/dev/null; }

# The checksum of what the address serves; `-` where it serves nothing.
page() {
  if curl --disable --silent --show-error --fail --location --max-time 20 --output "$record/page" --url "$url" 2>"$record/said"; then
    sha256sum <"$record/page" | cut -c 1-64
  else
    printf -- '-\n'
  fi
}
# Waits until it is that, because what stands between may keep what it had for a while.
serves() {
  local end=$((SECONDS + patience))
  while seen=$(page) && [ "$seen" != "$1" ]; do
    if [ "$SECONDS" -ge "$end" ]; then return 1; fi
    sleep 1
  done
}
heard() { if [ "$seen" = - ]; then tail -n 1 "$record/said"; else printf 'it serves something else, sha256 %s' "$seen"; fi; }
# Tells whether a release below releases/ is what its manifest says, by reading all of it.
is_whole() {
  rm -rf -- "$record/back"
  mkdir -- "$record/back"
  copy "$to/releases/$1/" "$record/back"
  manifest "$record/back" >"$record/there"
  rm -rf -- "$record/back"
  cmp -s "$2" "$record/there"
}
