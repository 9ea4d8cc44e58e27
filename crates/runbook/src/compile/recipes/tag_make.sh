if ! git rev-parse --git-dir >/dev/null 2>&1; then stop "$PWD is no repository of git" "say where it is: cwd=FOLDER"; fi
(umask 077 && mkdir -p -- "$record" && printf '*\n' >.tminus/.gitignore)
if ! git check-ref-format "$ref"; then stop "$tag is no name that git takes for a tag" "see: man git-check-ref-format"; fi
commit=$(git rev-parse --verify --quiet "$at^{commit}") || stop "there is no commit $at in $PWD" "fetch it, or name another: \`at:\`"
object=$(kept made)
if [ -n "$object" ]; then commit=$(git rev-parse --verify "$object^{commit}"); fi
ask
mine=$(here)
if [ -n "$mine" ]; then
  own=$(git rev-parse --verify "$ref^{commit}")
  if [ "$own" != "$commit" ]; then stop "the tag $tag is on another commit here: $(told "$own"), and not $(told "$commit")" "nothing was changed; give this release another name, or look whose tag that is"; fi
fi
if [ -n "$there" ] && [ "$leads" != "$commit" ]; then stop "the tag $tag is on another commit in $remote: $(told "$leads"), and not $(told "$commit")" "nothing was changed; give this release another name, or look whose tag that is"; fi

if [ -n "$there" ]; then
  say "$remote has the tag $tag already, on the same commit: $(told "$commit")"
else
  if [ -n "$mine" ]; then
    object=$mine
    say "the tag $tag is here already, on the same commit: $(told "$commit")"
  else
    # The object is known before it has its name, so the way back knows what this step made.
    if [ -z "$object" ]; then
      who=$(git var GIT_COMMITTER_IDENT 2>/dev/null) || stop "git does not know who makes the tag" "git config user.name NAME && git config user.email MAIL"
      object=$(printf 'object %s\ntype commit\ntag %s\ntagger %s\n\n%s\n' "$commit" "$tag" "$who" "$message" | git mktag)
      keep made "$object"
    fi
    git update-ref "$ref" "$object" "$(printf '%040d' 0)"
    say "made the tag $tag on $(told "$commit")"
    if [ "$(git config --type=bool tag.gpgSign || true)" = true ]; then say "note: tag.gpgSign is set; this tag is not signed"; fi
  fi
  keep pushed "$object"
  # Only where there is none: a tag that somebody made meanwhile is not replaced.
  if ! git push --quiet --force-with-lease="$ref:" "$remote" "$object:$ref" 2>"$record/said"; then
    answer=$(answer)
    ask "whether the tag $tag arrived is not known; retry: it is looked at first"
    if [ "$there" != "$object" ]; then
      rm -f -- "$record/pushed"
      if [ "$leads" != "$commit" ]; then stop "the tag $tag could not be pushed to $remote: $answer" "it stays here; retry, or roll back: that removes it"; fi
    fi
  fi
  ask "whether the tag $tag arrived is not known; retry: it is looked at first"
  if [ "$leads" != "$commit" ]; then stop "$remote shows the tag $tag on ${leads:-no commit} after it was pushed" "somebody else moves it: look before trying again"; fi
  say "$remote has the tag $tag, on $(told "$commit")"
fi
printf '%s\n' "TAG=$tag" "TAG_COMMIT=$commit" >>"$RUN_OUT"
