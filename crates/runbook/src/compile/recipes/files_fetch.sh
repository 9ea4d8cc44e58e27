mkdir -p -- "$to"
fetch() {
  local folder="$to/$1" sum got
  local file="$folder/${from##*/}"
  mkdir -p -- "$folder"
  ask "$1" "$from" </dev/null >"$file.part"
  sum=$(head -c 64 -- "$file.part")
  tail -c +66 -- "$file.part" >"$file.tminus"
  rm -- "$file.part"
  got=$(sha256sum <"$file.tminus" | cut -c 1-64)
  if [ "$got" != "$sum" ]; then rm -- "$file.tminus"; stop "what arrived is not what was read there"; fi
  mv -T -- "$file.tminus" "$file"
  say "$file: $(stat -c %s -- "$file") bytes, SHA-256 $sum"
}
each fetch
