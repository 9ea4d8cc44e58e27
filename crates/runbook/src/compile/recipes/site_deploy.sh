if [ ! -d "$from" ]; then stop "there is no folder $from in $PWD" "build the site in a step before this one"; fi
if [ -e "$to/current" ] && [ ! -L "$to/current" ]; then
  stop "$to/current is a real folder or file, and no link: nothing was changed" "move it to $to/releases/ under a name, and make a link: ln -s releases/NAME $to/current"
fi
case "$(readlink -m -- "$to")/" in "$(readlink -f -- "$from")"/*) stop "$to lies inside of $from, so it would be copied into itself" ;; esac
odd=$(find "$from/" ! -type d ! -type f ! -type l -print -quit)
if [ -n "$odd" ]; then stop "$odd is neither a file, a folder nor a link" "a site has only those"; fi
(umask 077 && mkdir -p -- "$record" && printf '*\n' >.tminus/.gitignore)
mkdir -p -- "$to/releases"
list "$from" | LC_ALL=C sort >"$record/list"
count=$(files "$record/list")
if [ "$count" = 0 ]; then stop "$from has no files: that is no site" "build it in a step before this one"; fi

# Before anything moves: what is served.
if [ ! -f "$record/before" ]; then
  current >"$record/before.part"
  mv -- "$record/before.part" "$record/before"
fi
before=$(cat -- "$record/before")
say "before: $(told "$before")"

# The copy has another name until it is whole and compared.
new="$to/releases/$release" part="$to/releases/.$release.part"
if [ -e "$new" ]; then
  list "$new" | LC_ALL=C sort >"$record/there"
  if ! cmp -s "$record/list" "$record/there"; then
    stop "$new is there already, and is not what $from is: what was published under a name is never changed" "give this release another name"
  fi
  say "$new is there already, and the same"
else
  touch -- "$record/made"
  rm -rf -- "$part"
  # The folder's contents: where `from` is a link, its target changes with the next build.
  cp -a -- "$from/." "$part"
  list "$part" | LC_ALL=C sort >"$record/there"
  if ! cmp -s "$record/list" "$record/there"; then
    diff "$record/list" "$record/there" | head -n 10 || true
    stop "the copy in $part is not what $from is" "look at the disk of $(hostname), and whether somebody builds into $from"
  fi
  touch -- "$part"
  cp -- "$record/list" "$to/releases/.$release.list"
  mv -T -- "$part" "$new"
fi
say "$new: the same as $from, files: $count"

if [ "$(current)" != "releases/$release" ]; then lead "releases/$release"; fi
if [ "$(current)" != "releases/$release" ]; then stop "$(told "$(current)") after the switch, and not to releases/$release" "somebody else switches it"; fi
say "now: $to/current leads to releases/$release"

# Only what this kind of step made is removed, and never what a rollback needs.
if [ -n "$keep" ]; then
  # Their names have no spaces: they were made from ids and versions.
  # shellcheck disable=SC2012
  ls -1t -- "$to/releases" | while IFS= read -r old; do
    if [ "releases/$old" = "$before" ] || [ "$old" = "$release" ] || [ ! -f "$to/releases/.$old.list" ]; then continue; fi
    say "$old"
  done | tail -n "+$((${#before} > 1 ? keep : keep + 1))" | while IFS= read -r old; do
    rm -rf -- "$to/releases/$old"
    rm -f -- "$to/releases/.$old.list"
    say "removed (keep: $keep): $to/releases/$old"
  done
fi
