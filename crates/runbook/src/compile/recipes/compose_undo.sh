if [ ! -d "$record" ]; then say "this release moved nothing here"; exit 0; fi
alone
if [ ! -f "$record/before" ]; then say "this release moved nothing here"; exit 0; fi
come_back
