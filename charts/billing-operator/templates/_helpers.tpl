{{/* The name of the release's objects. */}}
{{- define "billing-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The operator's ServiceAccount. */}}
{{- define "billing-operator.serviceAccountName" -}}
{{- default (include "billing-operator.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* The ServiceAccount that the operator takes the place of when it asks whether the policies refuse. */}}
{{- define "billing-operator.probeAccountName" -}}
{{- printf "%s-probe" (include "billing-operator.fullname" .) -}}
{{- end -}}

{{/* The operator's user name, as the API server writes it into request.userInfo. */}}
{{- define "billing-operator.username" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "billing-operator.serviceAccountName" .) -}}
{{- end -}}

{{- define "billing-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "billing-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* The labels of what the release makes. The chart's own win. */}}
{{- define "billing-operator.labels" -}}
{{- $chart := printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" -}}
{{- $own := dict "app.kubernetes.io/version" .Chart.AppVersion "app.kubernetes.io/managed-by" .Release.Service "helm.sh/chart" $chart -}}
{{- merge (include "billing-operator.selectorLabels" . | fromYaml) $own .Values.commonLabels | toYaml -}}
{{- end -}}

{{/* Labels and annotations of an object that has none of its own. */}}
{{- define "billing-operator.metadata" -}}
{{- include "billing-operator.metadataWith" (dict "root" .) -}}
{{- end -}}

{{/* Labels and annotations of an object with its own, which win. */}}
{{- define "billing-operator.metadataWith" -}}
labels:
  {{- merge (dict) (default dict .labels) (include "billing-operator.labels" .root | fromYaml) | toYaml | nindent 2 }}
{{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
