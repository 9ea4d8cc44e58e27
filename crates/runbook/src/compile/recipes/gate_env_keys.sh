# Prints the keys of an env file. A value is never printed, not even a part of one: what stands inside
# of quotes that go over several lines, or of a key block, is no key, however much it looks like one.
keys() {
  LC_ALL=C awk '
    function open_quote(rest,   quote, at, c) {
      quote = substr(rest, 1, 1)
      if (quote != "\"" && quote != "\047") return ""
      for (at = 2; at <= length(rest); at++) {
        c = substr(rest, at, 1)
        if (c == "\\" && quote == "\"") at++
        else if (c == quote) return ""
      }
      return quote
    }
    { sub(/\r$/, "") }
    NR == 1 { sub(/^\357\273\277/, "") }
    quote != "" { if (open_quote(quote $0) == "") quote = ""; next }
    /-----END / { block = 0; next }
    block { next }
    /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_.-]*[ \t]*=/ {
      match($0, /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_.-]*[ \t]*=/)
      key = substr($0, 1, RLENGTH - 1)
      rest = substr($0, RLENGTH + 1)
      sub(/^[ \t]*(export[ \t]+)?/, "", key)
      sub(/[ \t]+$/, "", key)
      sub(/^[ \t]+/, "", rest)
      quote = open_quote(rest)
      if (quote == "" && rest ~ /-----BEGIN /) block = 1
      # Names are short; what is longer is rather a piece of a value.
      if (length(key) <= 64) print key
    }
    quote == "" && /^-----BEGIN / { block = 1 }' "$1" | LC_ALL=C sort -u
}
listed() { local key all=''; for key; do all+="${all:+, }$key"; done; printf '%s' "$all"; }

if [ ! -f "$example" ]; then wrong "there is no $example in $PWD, so nothing says which keys are needed"
elif [ ! -f "$file" ]; then wrong "there is no $file in $PWD"
elif [ ! -r "$file" ]; then wrong "$file may not be read by $(id -un)"
else
  mapfile -t wanted < <(keys "$example")
  mapfile -t found < <(keys "$file")
  declare -A is_wanted=() is_found=() is_allowed=()
  for key in "${wanted[@]}"; do is_wanted[$key]=1; done
  for key in "${found[@]}"; do is_found[$key]=1; done
  for key in "${allow[@]}"; do is_allowed[$key]=1; done
  missing=() extra=()
  for key in "${wanted[@]}"; do if [ -z "${is_found[$key]-}${is_allowed[$key]-}" ]; then missing+=("$key"); fi; done
  for key in "${found[@]}"; do if [ -z "${is_wanted[$key]-}${is_allowed[$key]-}" ]; then extra+=("$key"); fi; done
  if [ "${#wanted[@]}" = 0 ]; then wrong "$example names no key, so it says nothing about $file"; fi
  if [ "${#missing[@]}" != 0 ]; then wrong "$file lacks: $(listed "${missing[@]}")" "add them to $file, or name them in \`allow\` if they are not needed there"
  else say "$file has every key of $example: ${#wanted[@]}"
  fi
  if [ "${#extra[@]}" != 0 ]; then say "note: $file has keys that $example has not: $(listed "${extra[@]}")"; fi
fi
