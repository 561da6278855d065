{{- define "memory.name" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- $name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "memory.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "memory.labels" -}}
{{ include "memory.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* What every pod is: its user, and a root that nobody writes to. */}}
{{- define "memory.pod" -}}
serviceAccountName: {{ include "memory.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false # a Service called "memory" would set MEMORY_PORT
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
volumes:
  - name: home
    emptyDir: { sizeLimit: {{ .Values.home.sizeLimit }} }
  - name: tmp
    emptyDir: {}
{{- end }}

{{- define "memory.container" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  - { name: home, mountPath: /data }
  - { name: tmp, mountPath: /tmp }
{{- end }}

{{/* Variables of every pod; a pod's own come after. */}}
{{- define "memory.env" -}}
- { name: HOME, value: /tmp }
- { name: MEMORY_HOME, value: /data }
- { name: MEMORY_BLOBS, value: {{ .Values.objectStore.url | quote }} }
- name: MEMORY_DATABASE_URL
  valueFrom:
    secretKeyRef: { name: {{ .Values.database.existingSecret }}, key: {{ .Values.database.key }} }
{{- range $name, $value := .Values.settings }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{- define "memory.envFrom" -}}
{{- with .Values.objectStore.existingSecret }}
- secretRef: { name: {{ . }} }
{{- end }}
{{- range .Values.secretSettings }}
- secretRef: { name: {{ . }} }
{{- end }}
{{- end }}

{{/* A Deployment of `memory serve`: (dict "root" $ "part" "server" "of" .Values.server) */}}
{{- define "memory.deployment" -}}
{{- $ := .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "memory.name" $ }}-{{ .part }}
  labels:
    {{- include "memory.labels" $ | nindent 4 }}
    app.kubernetes.io/component: {{ .part }}
spec:
  {{- if not (.of.autoscaling | default dict).enabled }}
  replicas: {{ .of.replicas }}
  {{- end }}
  strategy:
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  selector:
    matchLabels:
      {{- include "memory.selector" $ | nindent 6 }}
      app.kubernetes.io/component: {{ .part }}
  template:
    metadata:
      labels:
        {{- include "memory.labels" $ | nindent 8 }}
        app.kubernetes.io/component: {{ .part }}
      {{- with .of.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "memory.pod" $ | nindent 6 }}
      terminationGracePeriodSeconds: {{ $.Values.terminationGracePeriodSeconds }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "memory.selector" $ | nindent 14 }}
              app.kubernetes.io/component: {{ .part }}
      {{- with .of.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .of.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: memory
          {{- include "memory.container" $ | nindent 10 }}
          args: [memory, serve]
          env:
            {{- include "memory.env" $ | nindent 12 }}
            - { name: MEMORY_HOST, value: 0.0.0.0 }
            - { name: MEMORY_PORT, value: "8750" }
            - { name: MEMORY_JOB_WORKERS, value: {{ .of.jobWorkers | quote }} }
          {{- with include "memory.envFrom" $ }}
          envFrom:
            {{- . | nindent 12 }}
          {{- end }}
          ports:
            - { name: http, containerPort: 8750 }
          # The model loads after the start: the pod lives, and gets requests once it is ready.
          startupProbe:
            httpGet: { path: /health/live, port: http }
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /health/live, port: http }
            periodSeconds: 10
            timeoutSeconds: 5
          readinessProbe:
            httpGet: { path: /health/ready, port: http }
            periodSeconds: 5
            timeoutSeconds: 5
          lifecycle:
            preStop:
              exec: { command: [sleep, "5"] } # until no balancer sends requests here any more
          resources:
            {{- toYaml .of.resources | nindent 12 }}
{{- end }}

