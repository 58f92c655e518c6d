#!/usr/bin/env bash
# A whole device with the mosquitto clients: apt-get install mosquitto-clients jq, then
# THING_NAME=… MQTT_PASSWORD=… bash device.sh
set -uo pipefail

jobs="\$emqx/things/$THING_NAME/jobs"
broker=(-h "${MQTT_HOST:-127.0.0.1}" -p "${MQTT_PORT:-1883}" -V mqttv311 -q 1)
broker+=(-i "${MQTT_CLIENT_ID:-$THING_NAME}" -u "$THING_NAME" -P "$MQTT_PASSWORD")

# Publishes a request and prints its answer; a rejected one looks like none.
ask() { mosquitto_rr "${broker[@]}" -t "$jobs/$1" -e "$jobs/$1/accepted" -m "$2" -W 20; }

# Does what the document asks for; the only part that is about your device.
work() {
  echo "at work on $1"
  sleep 0.5
}

while true; do
  execution=$(ask start-next '{}' | jq -c '.execution // empty')
  if [ -z "$execution" ]; then
    # A thing has one connection at a time, so a job may come between two of them: ask again now and then.
    mosquitto_sub "${broker[@]}" -t "$jobs/notify-next" -C 1 -W 10 >/dev/null || sleep 1
    continue
  fi
  jobId=$(jq -r .jobId <<<"$execution")
  ask "$jobId/update" '{"status":"IN_PROGRESS","statusDetails":{"step":"started"}}'
  if work "$(jq -c .jobDocument <<<"$execution")"; then
    ask "$jobId/update" '{"status":"SUCCEEDED","statusDetails":{"step":"done"}}'
  else
    ask "$jobId/update" '{"status":"FAILED","statusDetails":{"reason":"the work failed"}}'
  fi
done
