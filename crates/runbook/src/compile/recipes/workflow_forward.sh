whole "$folder" "tminus/$RELEASE_ID/$name"
printf '%s\n' "WORKFLOW_RUN=$run" "WORKFLOW_URL=$url" >>"$RUN_OUT"
