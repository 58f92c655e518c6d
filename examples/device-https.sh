#!/usr/bin/env bash
# A whole device that polls over HTTP(S): apt-get install curl jq, then
# THING_NAME=… MQTT_PASSWORD=… MUSTER_URL=… bash device-https.sh
set -uo pipefail

# Posts a request of this thing and prints the answer; fails where it is not a 200.
ask() {
  jq -cn --arg thingName "$THING_NAME" "$2 + {\$thingName}" |
    curl --silent --show-error --fail-with-body --max-time 30 --user "$THING_NAME:$MQTT_PASSWORD" \
      --header 'content-type: application/json' --data-binary @- \
      "${MUSTER_URL:-http://127.0.0.1:8080}/api/v1/thing-datas/jobs/$1" && echo
}

# Does what the document asks for; the only part that is about your device.
work() {
  echo "at work on $1"
  sleep 0.5
}

while true; do
  execution=$(ask start-next '{}' | jq -c '.execution // empty')
  if [ -z "$execution" ]; then
    sleep "${POLL_SECONDS:-30}"
    continue
  fi
  jobId=$(jq -r .jobId <<<"$execution")
  ask "$jobId/update" '{status: "IN_PROGRESS", statusDetails: {step: "started"}}'
  if work "$(jq -c .jobDocument <<<"$execution")"; then
    ask "$jobId/update" '{status: "SUCCEEDED", statusDetails: {step: "done"}}'
  else
    ask "$jobId/update" '{status: "FAILED", statusDetails: {reason: "the work failed"}}'
  fi
done
