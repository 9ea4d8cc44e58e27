# Every call names its cluster: which one somebody looked at last never decides where this goes.
record=".tminus/$RELEASE_ID/$name"
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
kube() { kubectl "${config[@]}" --context="$context" --namespace="$namespace" "$@"; }
last_line() { printf '%s' "${1##*$'\n'}"; }

# Nothing is touched before this is right. A way back does not ask what the current context is: it
# goes where the release went.
enter() {
  local known current said
  if ! command -v kubectl >/dev/null; then stop "kubectl is not installed on $(hostname)" "install the version of the cluster, or one of its neighbours"; fi
  known=$(kubectl "${config[@]}" config get-contexts --output=name)
  if ! grep -qxF -- "$context" <<<"$known"; then
    stop "kubectl knows no context $context, in which this release acts" "it knows: ${known//$'\n'/, }" \
      "is KUBECONFIG that of this shell, and is the name in tminus.toml right?  kubectl config get-contexts"
  fi
  current=$(kubectl "${config[@]}" config current-context 2>/dev/null || true)
  if [ "$1" = forward ] && [ -n "$current" ] && [ "$current" != "$context" ]; then
    stop "the current context of kubectl is $current, and this release acts in $context: who stands elsewhere may mean another cluster" \
      "if $context is meant:  kubectl config use-context $context"
  fi
  if ! said=$(kube get namespace "$namespace" --output=name --request-timeout=10s 2>&1); then
    case $said in
      # Who may work in a namespace need not be allowed to see namespaces.
      *Forbidden*) ;;
      *NotFound*) stop "there is no namespace $namespace in $context" "is the name in tminus.toml right?  kubectl --context=$context get namespaces" ;;
      *Unauthorized* | *"logged in"*) stop "the cluster of $context does not know you: $(last_line "$said")" "sign in as you do for kubectl, then retry" ;;
      *) stop "the API server of $context does not answer: $(last_line "$said")" "can you reach it from here?  kubectl --context=$context version" ;;
    esac
  fi
  umask 077
  mkdir -p -- "$record"
  printf '*\n' >.tminus/.gitignore
}

# One line for people about what runs.
describe() {
  local found revision replicas containers
  found=$(kube get "$1" --output='jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}{"|"}{.spec.replicas}{"|"}{range .spec.template.spec.containers[*]} {.name}={.image}{end}')
  IFS='|' read -r revision replicas containers <<<"$found"
  say "$1:$containers${replicas:+, $replicas replicas}${revision:+, revision $revision}"
}

# Replaces parts of an object as one write: a pair of path and JSON each.
rewrite() {
  local object=$1 operations='' space=''
  shift
  while [ "$#" -gt 0 ]; do
    operations+="$space{\"op\":\"add\",\"path\":\"$1\",\"value\":$2}" space=,
    shift 2
  done
  printf '[%s]' "$operations" >"$record/patch"
  kube patch "$object" --type=json --patch-file="$record/patch" --field-manager=tminus
}
