object=$(kept pushed)
if [ -z "$object" ]; then say "this release pushed no tag $tag"
else
  ask 'nothing was taken back'
  if [ -z "$there" ]; then say "$remote has no tag $tag any more"
  elif [ "$there" != "$object" ]; then say "the tag $tag in $remote is another one than this release pushed, and stays"
  else
    # Only while it is still that very object.
    git push --quiet --force-with-lease="$ref:$object" "$remote" ":$ref" 2>"$record/said" || true
    answer=$(answer)
    ask 'whether the tag is gone is not known; retry'
    if [ "$there" = "$object" ]; then stop "the tag $tag could not be removed from $remote: $answer" "remove it by hand, then mark this undo as done:  git push $remote :$ref"; fi
    say "removed the tag $tag from $remote"
  fi
fi
object=$(kept made)
if [ -n "$object" ]; then
  mine=$(here)
  if [ "$mine" = "$object" ]; then
    git update-ref -d "$ref" "$object"
    say "removed the tag $tag here"
  elif [ -n "$mine" ]; then say "the tag $tag here is another one than this release made, and stays"
  fi
fi
