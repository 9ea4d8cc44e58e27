if [ -d "$from" ]; then stop "$from is a folder, and this sends one file" "pack it in a step before this one: tar -cf $from.tar $from"; fi
if [ ! -f "$from" ]; then stop "there is no file $from in $PWD"; fi
# All hosts get the same bytes, also when somebody writes the file meanwhile, or the step is repeated.
if [ ! -f "$record/content" ]; then
  (umask 077 && cp -- "$from" "$record/content.part")
  mv -- "$record/content.part" "$record/content"
fi
sum=$(sha256sum <"$record/content" | cut -c 1-64)
say "$from: SHA-256 $sum"
send() { ask "$1" "$RELEASE_ID/$name" "$to" "$sum" "$mode" <"$record/content"; }
each send
