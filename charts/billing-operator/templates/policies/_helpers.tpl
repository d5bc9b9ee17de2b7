{{/* Metadata of a policy and of its binding, which have the same name. They outlive the release, as the invoices do. */}}
{{- define "billing-operator.policyMetadata" -}}
name: {{ .name }}
{{ include "billing-operator.metadataWith" (dict "root" .root "annotations" (dict "helm.sh/resource-policy" "keep")) }}
{{- end -}}

{{/*
Every object, in every namespace. The API server adds these, and `scope` of a rule, where they are left out, and what compares a
manifest with the object would find them changed for ever.
*/}}
{{- define "billing-operator.matchesAll" -}}
matchPolicy: Equivalent
namespaceSelector: {}
objectSelector: {}
{{- end -}}

{{- define "billing-operator.policyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  {{- include "billing-operator.policyMetadata" . | nindent 2 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end -}}

{{/* The organization of the request's namespace, or ''. */}}
{{- define "billing-operator.organizationVariable" -}}
- name: organization
  expression: >-
    has(namespaceObject.metadata.labels) && 'billing-operator.io/organization' in namespaceObject.metadata.labels
    ? namespaceObject.metadata.labels['billing-operator.io/organization'] : ''
{{- end -}}

{{/* Whether the request's namespace is being deleted by who confirmed it: then everything in it may go. */}}
{{- define "billing-operator.leavingVariable" -}}
- name: leaving
  expression: >-
    namespaceObject != null && has(namespaceObject.metadata.deletionTimestamp) &&
    has(namespaceObject.metadata.annotations) &&
    'billing-operator.io/confirm-delete' in namespaceObject.metadata.annotations &&
    namespaceObject.metadata.annotations['billing-operator.io/confirm-delete'] == namespaceObject.metadata.name
{{- end -}}

{{/* Whether the request is the operator's. A custom verb would not do: cluster admins hold every verb. */}}
{{- define "billing-operator.operatorVariable" -}}
- name: operator
  expression: request.userInfo.username == '{{ include "billing-operator.username" . }}'
{{- end -}}

{{/* The object in messages: "acme/main". (request.name is empty when a collection is deleted.) */}}
{{- define "billing-operator.subjectVariable" -}}
- name: subject
  expression: >-
    request.namespace + '/' + (request.operation == 'DELETE' ? oldObject.metadata.name : object.metadata.name)
{{- end -}}

{{/* Labels and annotations, as they are to be and as they were. */}}
{{- define "billing-operator.metadataVariables" -}}
- name: labels
  expression: "has(object.metadata.labels) ? object.metadata.labels : {}"
- name: oldLabels
  expression: "oldObject != null && has(oldObject.metadata.labels) ? oldObject.metadata.labels : {}"
- name: annotations
  expression: "has(object.metadata.annotations) ? object.metadata.annotations : {}"
- name: oldAnnotations
  expression: "oldObject != null && has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {}"
{{- end -}}

{{/*
Whether an update of an object itself changes nothing but that finalizers or owners go: whoever migrates the storage, and the
garbage collector, may send that. (Owners are compared by uid: the collector writes of one that is gone no more than that.)
*/}}
{{- define "billing-operator.unchangedVariable" -}}
- name: unchanged
  expression: >-
    request.operation == 'UPDATE' && !has(request.subResource) && dyn(object).spec == dyn(oldObject).spec &&
    has(object.metadata.labels) == has(oldObject.metadata.labels) &&
    (!has(object.metadata.labels) || object.metadata.labels == oldObject.metadata.labels) &&
    has(object.metadata.annotations) == has(oldObject.metadata.annotations) &&
    (!has(object.metadata.annotations) || object.metadata.annotations == oldObject.metadata.annotations) &&
    (!has(object.metadata.finalizers) || (has(oldObject.metadata.finalizers) &&
    object.metadata.finalizers.all(f, f in oldObject.metadata.finalizers))) &&
    (!has(object.metadata.ownerReferences) || (has(oldObject.metadata.ownerReferences) &&
    object.metadata.ownerReferences.all(o, oldObject.metadata.ownerReferences.exists(was, was.uid == o.uid))))
{{- end -}}
