# The bucket itself is what is served: objects take their places below `to`, files before the pages that
# name them. A file that the new release does not have stays for those who still have an old page open.
# What will be overwritten and is not kept below releases/ yet is kept first.
lay_out() {
  if [ "$before" = - ]; then : >"$record/old"; else manifest_of "$before" "$record/old"; fi
  cut -f 4 "$record/old" | is_page | without "$record/paths" >"$record/gone"
  touch -- "$record/touched"
  cat -- "$record/paths" "$record/gone" | without "$record/touched" >"$record/new"
  # Known is an object that equals the one below the release that was served; the rest is saved.
  awk -F '\t' -v kept="releases/$before/" '
    FILENAME == ARGV[1] { new[$0]; next }
    FILENAME == ARGV[2] { if (index($3, kept) == 1) source[substr($3, length(kept) + 1)] = $1 $2; next }
    $3 in new && source[$3] != $1 $2 { print $3 }
  ' "$record/new" "$record/objects" "$record/served" >"$record/foreign"
  each "$record/foreign" copy "$to/" "$to/releases/.before-$RELEASE_ID/"
  cat -- "$record/foreign" >>"$record/saved"
  cat -- "$record/new" >>"$record/touched"
  is_no_page <"$record/paths" >"$record/some"
  each "$record/some" copy "$to/releases/$release/" "$to/"
  is_page <"$record/paths" >"$record/some"
  each "$record/some" copy "$to/releases/$release/" "$to/"
  each "$record/gone" drop_served
  objects
  awk -F '\t' -v kept="releases/$release/" '
    FILENAME == ARGV[1] { there[$3] = $1 $2; next }
    !(($0) in there) || there[$0] != there[kept $0] { print }
  ' "$record/objects" "$record/paths" >"$record/wrong"
  compare "$record/wrong" "releases/$release/"
  say "each file has its place below $to; pages that are gone: $(wc -l <"$record/gone")"
}
# Stores tell equal objects by equal ETags, except for large and for encrypted ones: those are read.
compare() {
  local path
  while IFS= read -r path; do
    if is_there "$path"; then
      ask s3api get-object --bucket "$bucket" --key "$prefix$path" "$record/one" >/dev/null
      ask s3api get-object --bucket "$bucket" --key "$prefix$2$path" "$record/other" >/dev/null
      if cmp -s "$record/one" "$record/other"; then continue; fi
    fi
    stop "$to/$path is not what $to/$2$path is, from which it was copied" "somebody else publishes there: look, and run the step again"
  done <"$1"
}
# Of what this release touched: the paths that are not as they were before it.
changed() {
  awk -F '\t' '
    FILENAME == ARGV[1] { touched[$0]; next }
    FILENAME == ARGV[2] { now[$3] = $1 $2; next }
    $3 in touched && now[$3] != $1 $2 { print $3 }
  ' "$record/touched" "$record/objects" "$record/served"
}
put_back() {
  local which
  touch -- "$record/touched" "$record/saved"
  changed >"$record/wrong"
  for which in is_no_page is_page; do
    within "$record/saved" <"$record/wrong" | "$which" >"$record/some"
    each "$record/some" copy "$to/releases/.before-$RELEASE_ID/" "$to/"
    without "$record/saved" <"$record/wrong" | "$which" >"$record/some"
    each "$record/some" copy "$to/releases/$before/" "$to/"
  done
  cut -f 3 "$record/served" >"$record/old"
  cut -f 3 "$record/objects" >"$record/there"
  without "$record/old" <"$record/touched" >"$record/new"
  within "$record/new" <"$record/there" >"$record/some"
  each "$record/some" drop_served
  objects
  changed >"$record/wrong"
  within "$record/saved" <"$record/wrong" >"$record/some"
  compare "$record/some" "releases/.before-$RELEASE_ID/"
  without "$record/saved" <"$record/wrong" >"$record/some"
  compare "$record/some" "releases/$before/"
  say "each file that this release touched is what it was"
}
