{{- define "pullcheck.name" -}}
{{- .Values.name | default .Release.Name -}}
{{- end -}}

{{/* The one label of everything, which the selectors use. */}}
{{- define "pullcheck.labels" -}}
app.kubernetes.io/name: {{ include "pullcheck.name" . }}
{{- end -}}

{{- define "pullcheck.secret" -}}
{{- $suffix := eq .Values.certificates.source "selfManaged" | ternary "certificates" "tls" -}}
{{- .Values.certificates.secretName | default (printf "%s-%s" (include "pullcheck.name" .) $suffix) -}}
{{- end -}}

{{- define "pullcheck.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* With a hash: configuration is read at start only, so that a change must roll the pods. Helm deletes
the old ConfigMap at once, and an old pod that is started anew meanwhile waits for it. */}}
{{- define "pullcheck.config" -}}
{{- printf "%s-config-%s" (include "pullcheck.name" .) (.Values.config | toJson | sha256sum | trunc 10) -}}
{{- end -}}

{{- define "pullcheck.priorityClass" -}}
{{- with .Values.priorityClass -}}
{{- if .name -}}{{ .name }}{{- else if .create -}}{{ include "pullcheck.name" $ }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* The Pod Security level that the pods need. */}}
{{- define "pullcheck.podSecurity" -}}
{{- with .Values -}}
{{- if or .hostNetwork.enabled .node.certsD .node.credentialProviders.config -}}
privileged
{{- else -}}
restricted
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Mistakes that no schema sees. */}}
{{- define "pullcheck.refused" -}}
{{- with .Values -}}
{{- if .webhook.offLabelExcludes -}}
{{- if ne (.config.minimumMode | default "off") "off" -}}
{{- fail "config.minimumMode could be escaped by the label pullcheck.dev/mode=off: set webhook.offLabelExcludes to false" -}}
{{- end -}}
{{- if .config.enforced -}}
{{- fail "config.enforced could be escaped by the label pullcheck.dev/mode=off: set webhook.offLabelExcludes to false" -}}
{{- end -}}
{{- end -}}
{{- if and .rbac.namespaces (ne .rbac.secrets "namespaces") -}}
{{- fail "rbac.namespaces needs rbac.secrets to be namespaces" -}}
{{- end -}}
{{- if ne (empty .node.credentialProviders.config) (empty .node.credentialProviders.binDir) -}}
{{- fail "node.credentialProviders needs both config and binDir" -}}
{{- end -}}
{{- if and .certificates.caBundle (ne .certificates.source "secret") -}}
{{- fail "certificates.caBundle belongs to the source secret: otherwise it is set for you" -}}
{{- end -}}
{{- if and .certificates.issuerRef (ne .certificates.source "certManager") -}}
{{- fail "certificates.issuerRef belongs to the source certManager" -}}
{{- end -}}
{{- end -}}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" (include "pullcheck.name" .)) -}}
{{- fail (printf "a Service cannot be called %s: set name to one that begins with a letter and has no dot" (include "pullcheck.name" .)) -}}
{{- end -}}
{{- if eq .Release.Namespace "default" -}}
{{- fail "the release's namespace is never looked at, so it must not be default: give pullcheck one of its own by --namespace" -}}
{{- end -}}
{{- end -}}
