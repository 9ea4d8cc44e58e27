# Tells where in the file the flag's values stand, byte by byte, so that nothing else is ever written.
# Reading is strict: of a file that is no JSON nothing is changed. Prints `KIND OFFSET LENGTH TEXT`.
read -r -d '' places <<'AWK' || true
  function broken(why) { print "broken " at - 1 " 0 " why; exit }
  function skip() { while (at <= size && index(" \t\r\n", substr(text, at, 1))) at++ }
  function string(   from, c) {
    skip()
    from = at
    if (substr(text, at, 1) != "\"") broken("a text in double quotes is missing")
    at++
    while ((c = substr(text, at, 1)) != "\"") {
      if (c == "" || c < " ") broken("a text does not end")
      if (c == "\\") at++
      at++
    }
    at++
    return substr(text, from + 1, at - from - 2)
  }
  function value(depth,   from, c, last) {
    if (depth > 100) broken("it is nested too deeply")
    skip()
    from = at
    c = substr(text, at, 1)
    if (c == "{" || c == "[") {
      last = c == "{" ? "}" : "]"
      at++
      skip()
      if (substr(text, at, 1) == last) at++
      else for (;;) {
        path[depth] = last == "}" ? string() : "[]"
        if (last == "}") {
          skip()
          if (substr(text, at, 1) != ":") broken("a `:` is missing")
          at++
        }
        value(depth + 1)
        skip()
        c = substr(text, at, 1)
        if (c != last && c != ",") broken("a `,` or `" last "` is missing")
        at++
        if (c == last) break
      }
    } else if (c == "\"") string()
    else {
      if (!match(substr(text, at, 400), /^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?)/)) broken("a value is missing")
      at += RLENGTH
    }
    if (depth < 2 || path[0] != "flags") return
    c = (from - 1) " " (at - from) " "
    if (depth == 2) print "flag " c path[1]
    if (path[1] != ENVIRON["FLAG"]) return
    if (depth == 3 && path[2] ~ /^(state|defaultVariant|targeting)$/) print path[2] " " c (path[2] == "targeting" ? "" : substr(text, from, at - from))
    if (depth == 4 && path[2] == "variants") print "variant " c path[3]
  }
  { text = text $0 "\n" }
  END {
    size = length(text)
    at = 1
    value(0)
    skip()
    if (at <= size) broken("something follows the end")
  }
AWK

# Reads the file: state, variant and where they stand; the variants; the names of all flags.
look() {
  local seen kind at length rest known=0
  if [ ! -f "$file" ]; then stop "there is no $file in $PWD"; fi
  seen=$(FLAG=$flag LC_ALL=C awk "$places" "$file")
  sum=$(cksum <"$file")
  names=() variants=() state='' variant='' targeting=''
  while read -r kind at length rest; do
    case $kind in
      broken) stop "$file is no JSON that can be read: $rest (byte $at)" "nothing was changed" ;;
      flag) names+=("$rest"); if [ "$rest" = "$flag" ]; then known=$((known + 1)); fi ;;
      # A key that stands twice is read differently by different programs.
      state) state=$state$rest state_at=$at state_length=$length ;;
      defaultVariant) variant=$variant$rest variant_at=$at variant_length=$length ;;
      variant) variants+=("$rest") ;;
      targeting) if [ "$length" -gt 2 ]; then targeting=yes; fi ;;
    esac
  done <<<"$seen"
  if [ "$known" = 0 ]; then stop "$file has no flag $flag; it has: ${names[*]:-none}" "correct the name in the runbook, or add the flag to $file"; fi
  if [ "$known" != 1 ]; then stop "$file has the flag $flag $known times, and nobody can tell which one counts" "leave one of them"; fi
  case $state in '"ENABLED"' | '"DISABLED"') ;; *) stop "the flag $flag in $file has no state that is known: ${state:-none}" 'write "state": "ENABLED" or "DISABLED"' ;; esac
  case $variant in '"'*'"'*'"'* | '' | [!\"]*) stop "the flag $flag in $file has no one defaultVariant: ${variant:-none}" "write one of: ${variants[*]:-none}" ;; esac
  now="${state//\"/} $variant"
}

is_variant() { local known; for known in "${variants[@]}"; do if [ "$known" = "$1" ]; then return 0; fi; done; return 1; }

# What `to` means in this file, as state and variant.
wanted() {
  if is_variant "$to"; then want="ENABLED \"$to\""
  elif [ "$to" = on ]; then want="ENABLED $variant"
  elif [ "$to" = off ]; then want="DISABLED $variant"
  else stop "the flag $flag has no variant $to; it has: ${variants[*]:-none}" "\`on\` and \`off\` switch its state where they are no variants"
  fi
}

# Replaces one value by its place.
splice() {
  head -c "$2" -- "$1"
  printf '%s' "$4"
  tail -c "+$(($2 + $3 + 1))" -- "$1"
}

# Puts both values in, and reads them back. The file is whole at every moment, and keeps its mode.
put() {
  local new_state="\"${1%% *}\"" new_variant=${1#* } target=$file
  if [ -L "$target" ]; then target=$(readlink -f -- "$target"); fi
  # Copied for mode and owner, then filled: the later place first, so that the earlier one still holds.
  cp -p -- "$target" "$target.tminus"
  cp -p -- "$target" "$target.tminus-half"
  if [ "$state_at" -gt "$variant_at" ]; then
    splice "$target" "$state_at" "$state_length" "$new_state" >"$target.tminus-half"
    splice "$target.tminus-half" "$variant_at" "$variant_length" "$new_variant" >"$target.tminus"
  else
    splice "$target" "$variant_at" "$variant_length" "$new_variant" >"$target.tminus-half"
    splice "$target.tminus-half" "$state_at" "$state_length" "$new_state" >"$target.tminus"
  fi
  rm -- "$target.tminus-half"
  if [ "$(cksum <"$target")" != "$sum" ]; then
    rm -- "$target.tminus"
    stop "$file was changed by somebody else in this moment, and stays as they left it" "run the step again"
  fi
  mv -- "$target.tminus" "$target"
}
shown() { printf '%s' "${1//\"/}" | sed 's/^ENABLED /on, variant /; s/^DISABLED /off, variant /'; }
