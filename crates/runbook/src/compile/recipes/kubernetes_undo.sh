if [ ! -f "$record/moved" ]; then say "this release moved nothing here"; exit 0; fi
enter back

# What the manifests say about copies is put back; what they leave to others (an autoscaler) stays.
copies() {
  local at=$1 manifest
  if [ "${#apply[@]}" -eq 0 ]; then return 0; fi
  manifest=$(kube create --dry-run=client --validate=false --filename="$record/objects/$at" --output='jsonpath={.spec.replicas}')
  if [ -z "$manifest" ]; then kube get "$2" --output='jsonpath={.spec.replicas}'; fi
}

mapfile -t moved <"$record/moved"
for ((place = ${#moved[@]} - 1; place >= 0; place--)); do
  read -r at object <<<"${moved[place]}"
  if [ ! -s "$record/before/$at" ]; then
    kube delete --filename="$record/objects/$at" --ignore-not-found --cascade=foreground --timeout="${patience}s"
    say "$object was not there before, and is gone again"
    continue
  fi
  mapfile -t before <"$record/before/$at"
  if [[ " ${workloads[*]} " != *" $object "* ]]; then
    # Its version is that of then; the write is to be one over what is there now.
    sed 's/"resourceVersion":"[0-9]*",\{0,1\}//' <<<"${before[4]}" | kube replace --field-manager=tminus --filename=-
    say "$object is as before"
    continue
  fi
  if [ "${#apply[@]}" -eq 0 ]; then
    if [ "$(kube get "$object" --output='jsonpath={.spec.template}')" != "${before[0]}" ]; then
      remember_pods "$object"
      rewrite "$object" /spec/template "${before[0]}"
    fi
  else
    replicas=$(copies "$at" "$object")
    parts=(/spec "${before[1]}" /metadata/labels "${before[2]:-{\}}" /metadata/annotations "${before[3]:-{\}}")
    if [ -n "$replicas" ]; then parts+=(/spec/replicas "$replicas"); fi
    remember_pods "$object"
    rewrite "$object" "${parts[@]}"
  fi
  await "$object"
  if [ "$(kube get "$object" --output='jsonpath={.spec.template}')" != "${before[0]}" ]; then
    stop "$object is not as it was before this release, although it was told to" "did somebody change it just now?  kubectl --context=$context --namespace=$namespace rollout history $object"
  fi
  say "as before: $(describe "$object")"
done
