#!/bin/sh
# Thousands of legal and illegal requests, made from the OpenAPI document by schemathesis, against a Muster of its
# own: with the administrator's key, then with a wrong one. Fails where an answer is a 5xx or not as documented.
#   python3 -m venv /tmp/schemathesis && /tmp/schemathesis/bin/pip install schemathesis==4.32.5
#   npm run build && PATH=/tmp/schemathesis/bin:$PATH test/hostile/schemathesis.sh [seconds for each key, default 300]
set -eu
seconds=${1:-300}
muster=$(cd "$(dirname "$0")/../.." && pwd)/dist/src/cli/main.js
dir=$(mktemp -d)
cd "$dir"

MUSTER_HTTP_PORT=0 MUSTER_MQTT_PORT=0 MUSTER_TEMPORAL_PORT=0 MUSTER_TEMPORAL_UI_PORT=0 \
  MUSTER_DATA_DIR="$dir" MUSTER_API_KEY=admin:hostile-input-test node "$muster" up > "$dir/output" 2>&1 &
pid=$!
trap 'kill $pid; wait $pid || true; rm -rf "$dir"' EXIT
until [ -f "$dir/endpoints.json" ]; do
  kill -0 $pid || { cat "$dir/output"; exit 1; }
  sleep 0.2
done
http=$(node -p "require('$dir/endpoints.json').http")

# The stream of events never ends. What no schema can say is left out: that a legal body names things that exist
# (positive_data_acceptance). A thing's own call with an administrator's key is one more way in (ignored_auth).
attack() {
  echo "── as $1"
  schemathesis run "$http/openapi.json" --auth "$1" --exclude-operation-id listenToEvents \
    --max-time "$seconds" --max-examples 60 --checks all \
    --exclude-checks positive_data_acceptance,ignored_auth --continue-on-failure --no-shrink \
    --suppress-health-check all --request-timeout 40 --generation-database none --seed 1 --warnings off
}
failed=0
attack admin:hostile-input-test || failed=1
attack admin:wrong || failed=1
if grep -n '"level":"\(error\|fatal\)"' "$dir/output"; then failed=1; fi
curl -fsS "$http/readyz" > "$dir/readyz" || failed=1
exit $failed
