exit "$failed"
