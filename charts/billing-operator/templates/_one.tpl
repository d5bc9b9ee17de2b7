{{/*
A cluster has one operator, because the policies know one account. Refuses a second release while the operator of the first is
there. (Where it is gone, Helm asks for `--take-ownership`. A template that is rendered without a cluster finds nothing.)
*/}}
{{- define "billing-operator.refuseASecond" -}}
{{- $policy := lookup "admissionregistration.k8s.io/v1" "ValidatingAdmissionPolicy" "" "billing-operator-operator" -}}
{{- with ($policy.metadata).annotations -}}
{{- $release := index . "meta.helm.sh/release-name" -}}
{{- $namespace := index . "meta.helm.sh/release-namespace" -}}
{{- if and $release (ne (printf "%s/%s" $namespace $release) (printf "%s/%s" $.Release.Namespace $.Release.Name)) -}}
{{- $name := index $policy.metadata.labels "app.kubernetes.io/name" -}}
{{- range (lookup "apps/v1" "Deployment" $namespace "").items -}}
{{- $labels := default dict .metadata.labels -}}
{{- if and (eq $release (index $labels "app.kubernetes.io/instance" | default "")) (eq $name (index $labels "app.kubernetes.io/name" | default "")) -}}
{{- fail (printf "a cluster has one billing operator, and release %s in namespace %s is it: upgrade that one, or uninstall it (definitions, policies and invoices stay) and install this one with --take-ownership" $release $namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
