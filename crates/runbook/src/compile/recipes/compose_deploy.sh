write_env
check_services
remember
pull_all
roll "$drain" "$admit"
