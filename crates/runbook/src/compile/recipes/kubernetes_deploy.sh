enter forward

# The objects of the manifests, each in a file of its own: first what is no workload, as written, then
# the workloads in the order of `services`.
render() {
  local path option version kind object json at=100 workload
  for path in "${apply[@]}"; do
    option=-f
    if [ -f "$path/kustomization.yaml" ] || [ -f "$path/kustomization.yml" ] || [ -f "$path/Kustomization" ]; then option=-k; fi
    kube create --dry-run=client --validate=false "$option" "$path" \
      --output='jsonpath={.apiVersion}{" "}{.kind}{" "}{.metadata.name}{" "}{@}{"\n"}'
  done >"$record/rendered"
  rm -rf -- "$record/objects.part"
  mkdir -- "$record/objects.part"
  while read -r version kind object json; do
    workload=${kind,,}/$object
    case $version:$kind in
      apps/*:Deployment | apps/*:StatefulSet | apps/*:DaemonSet)
        if [[ " ${workloads[*]} " != *" $workload "* ]]; then stop "the manifests have $workload, and \`services\` does not: it would move unwatched" "add it to \`services\`, in its place"; fi
        printf '%s\n' "$json" >"$record/objects.part/${workload/\//.}" ;;
      *)
        at=$((at + 1))
        printf '%s\n' "$json" >"$record/objects.part/$at"
        say "$at $workload" ;;
    esac
  done <"$record/rendered" >"$record/list.part"
  for workload in "${workloads[@]}"; do
    if [ ! -f "$record/objects.part/${workload/\//.}" ]; then stop "\`services\` has $workload, and no manifest has: ${apply[*]}"; fi
    at=$((at + 1))
    local changes=()
    read_changes "$workload"
    if [ "${#changes[@]}" -gt 0 ]; then
      kube set image --local --filename="$record/objects.part/${workload/\//.}" "${changes[@]}" --output='jsonpath={@}' >"$record/objects.part/$at"
    else
      mv -- "$record/objects.part/${workload/\//.}" "$record/objects.part/$at"
    fi
    say "$at $workload" >>"$record/list.part"
  done
  rm -rf -- "$record/objects"
  mv -- "$record/objects.part" "$record/objects"
}

is_workload() { [[ " ${workloads[*]} " == *" $1 "* ]]; }

# The images that the document sets in a workload.
read_changes() {
  local image
  for image in "${images[@]}"; do
    if [ "${image%% *}" = "$1" ]; then changes+=("${image#* }"); fi
  done
}

# Asks the API server what would happen. What tminus itself wrote in another way (an undo) is no
# conflict; what others manage is theirs until somebody decides.
try() {
  local at=$1 object=$2 said others
  take=()
  if said=$(kube apply --server-side --field-manager=tminus --dry-run=server --filename="$record/objects/$at" 2>&1); then return 0; fi
  others=$(grep -o 'conflicts\{0,1\} with "[^"]*"' <<<"$said" | grep -o '"[^"]*"' | grep -v '^"tminus"$' | sort -u | tr '\n' ' ' || true)
  if [ -n "$others" ]; then
    say "$said"
    stop "fields of $object that this would change are managed by others: ${others% }" \
      "take them out of the manifest, or take them over, once:" \
      "  kubectl --context=$context --namespace=$namespace apply --server-side --field-manager=tminus --force-conflicts -f …"
  fi
  case $said in
    *conflict*) take=(--force-conflicts) ;;
    *) stop "the API server refuses $object: $(last_line "$said")" ;;
  esac
}

# Before anything moves: each object as it is; an empty file: it is not there.
record_before() {
  local at object found
  rm -rf -- "$record/before.part"
  mkdir -- "$record/before.part"
  while read -r at object; do
    found=("$object")
    if [ "${#apply[@]}" -gt 0 ]; then found=(--filename="$record/objects/$at"); fi
    kube get "${found[@]}" --ignore-not-found \
      --output='jsonpath={.spec.template}{"\n"}{.spec}{"\n"}{.metadata.labels}{"\n"}{.metadata.annotations}{"\n"}{@}{"\n"}' >"$record/before.part/$at"
    if [ -s "$record/before.part/$at" ]; then
      if is_workload "$object"; then say "  $(describe "$object")" >>"$record/before.part/said"; fi
    elif [ "${#apply[@]}" -gt 0 ]; then
      say "  $object: not there" >>"$record/before.part/said"
    else
      stop "there is no $object in the namespace $namespace of $context" "\`set\` changes what is there; \`apply\` makes what is not"
    fi
  done <"$record/list"
  mv -- "$record/before.part" "$record/before"
}

# As long as nothing has moved, a manifest may be mended before the next try.
if [ ! -f "$record/moved" ]; then rm -rf -- "$record/list" "$record/objects" "$record/before"; fi
if [ ! -f "$record/list" ]; then
  if [ "${#apply[@]}" -gt 0 ]; then
    render
  else
    at=100
    for workload in "${workloads[@]}"; do
      at=$((at + 1))
      say "$at $workload"
    done >"$record/list.part"
  fi
  mv -- "$record/list.part" "$record/list"
fi
if [ ! -d "$record/before" ]; then record_before; fi

say "in the namespace $namespace of $context, before:"
cat -- "$record/before/said"
while read -r at object <&3; do
  if ! is_workload "$object" || [ ! -s "$record/before/$at" ]; then continue; fi
  case $(kube get "$object" --output='jsonpath={.spec.paused} {.spec.updateStrategy.type}') in
    true*) stop "$object is paused, so it would not move" "if nobody needs that any more:  kubectl --context=$context --namespace=$namespace rollout resume $object" ;;
    *OnDelete) stop "$object moves only when its pods are deleted by hand (updateStrategy: OnDelete), so nothing here can move it" ;;
  esac
done 3<"$record/list"

say "what would change:"
while read -r at object <&3; do
  if [ "${#apply[@]}" -gt 0 ]; then
    try "$at" "$object"
    # 1 means that there are differences. Those of a Secret are not shown: kubectl hides its values, and not
    # the copy of them that `kubectl apply` left in an annotation.
    case $object in
      secret/*)
        code=0
        kube diff --server-side --field-manager=tminus "${take[@]}" --filename="$record/objects/$at" >/dev/null || code=$?
        case $code in 0) ;; 1) say "  $object: other values" ;; *) exit "$code" ;; esac ;;
      *) kube diff --server-side --field-manager=tminus "${take[@]}" --filename="$record/objects/$at" || [ "$?" -eq 1 ] ;;
    esac
  else
    changes=()
    read_changes "$object"
    for change in "${changes[@]}"; do say "  $object: $change"; done
    kube set image "$object" "${changes[@]}" --dry-run=server --output=name --field-manager=tminus
  fi
done 3<"$record/list"

while read -r at object <&3; do
  if is_workload "$object" && [ -s "$record/before/$at" ]; then
    # Once, and kept: after a crash the pods that came with this release are still to be judged.
    if [ ! -f "$record/pods.$at" ]; then
      remember_pods "$object"
      say "$old" >"$record/pods.part"
      mv -- "$record/pods.part" "$record/pods.$at"
    fi
    old=$(cat -- "$record/pods.$at")
  else
    old=' '
  fi
  if ! grep -qx -- "$at $object" "$record/moved" 2>/dev/null; then say "$at $object" >>"$record/moved"; fi
  if [ "${#apply[@]}" -gt 0 ]; then
    try "$at" "$object"
    kube apply --server-side --field-manager=tminus "${take[@]}" --filename="$record/objects/$at"
  else
    changes=()
    read_changes "$object"
    kube set image "$object" "${changes[@]}" --field-manager=tminus
  fi
  if is_workload "$object"; then
    await "$object"
    say "rolled out: $(describe "$object")"
  fi
done 3<"$record/list"
