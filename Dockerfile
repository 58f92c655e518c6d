# syntax=docker/dockerfile:1
# glibc: Temporal's worker brings a native library for it and none for musl.
ARG NODE=node:22.20.0-bookworm-slim

FROM ${NODE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /muster
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts && npm rebuild better-sqlite3 classic-level
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM ${NODE}
ENV NODE_ENV=production \
    MUSTER_HTTP_HOST=0.0.0.0 \
    MUSTER_DATA_DIR=/var/lib/muster
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin muster \
 && install -d -o muster -g muster -m 0700 /var/lib/muster
WORKDIR /muster
COPY --from=build /muster/package.json ./
COPY --from=build /muster/node_modules node_modules
COPY --from=build /muster/dist dist
USER 10001:10001
VOLUME /var/lib/muster
EXPOSE 8080
# Alive, not ready: a Muster that waits for Temporal must not be restarted for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.MUSTER_HTTP_PORT ?? 8080) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["serve"]
