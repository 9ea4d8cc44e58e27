if [ ! -f "$record/before" ]; then say "this release deployed nothing here"; exit 0; fi
SERVED_BEFORE=$(head -n 1 -- "$record/before") LIVE_BEFORE=$(tail -n 1 -- "$record/before")
export SERVED_BEFORE LIVE_BEFORE
# Going back twice would go back one too far.
if look && [ "$served" = "$SERVED_BEFORE" ]; then say "the address serves $served, as before this release"; exit 0; fi
say "the address does not serve what it did before: $(heard)"
code=0
bash -eEuo pipefail -c "$rollback" || code=$?
if [ "$code" != 0 ]; then stop "\`rollback\` ended with $code" "its command: $rollback"; fi
if ! arrives "$SERVED_BEFORE"; then stop "\`rollback\` passed, and after $patience s $(heard), not $SERVED_BEFORE" "put it back in the vendor's console, then mark this undo as done"; fi
say "the address serves $served again"
