{{/*
Gives every value that is absent or null its default, in place: a release keeps the values of the chart that it was installed with
(`--reuse-values`), where those that came later have none. Each template begins with it.

Templates cannot read the chart's values.yaml, so files/values.yaml is a copy of it.
*/}}
{{- define "billing-operator.defaults" -}}
{{- include "billing-operator.complete" (dict "values" .Values "defaults" (.Files.Get "files/values.yaml" | fromYaml)) -}}
{{- end -}}

{{/* What is within these is the user's own: null takes a default away. */}}
{{- define "billing-operator.complete" -}}
{{- $whole := list "resources" "podSecurityContext" "securityContext" -}}
{{- range $name, $default := .defaults -}}
{{- $value := index $.values $name -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := set $.values $name $default -}}
{{- else if and (kindIs "map" $default) (not (has $name $whole)) -}}
{{- include "billing-operator.complete" (dict "values" $value "defaults" $default) -}}
{{- end -}}
{{- end -}}
{{- end -}}
