#!/bin/sh
# Runs Temporal's time-skipping test server; arguments are passed on (the port comes first).
exec java -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"
