check_services
remember
write_env
pull_all
roll "$drain" "$admit"
