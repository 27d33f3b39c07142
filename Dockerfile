# The image of Pouchgate: `docker build -t pouchgate .`. Its commands are start, setup, doctor and users (docs/operations.md).
ARG NODE_IMAGE=node:22.23.2-bookworm-slim

# The package `pouchgate`: the compiled server and the page.
FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Not `npm ci`, for the reason in scripts/build/install-dependencies.mjs. The versions are those of the lock file.
RUN npm install --no-save --ignore-scripts
COPY tsconfig.json README.md CHANGELOG.md LICENSE ./
COPY scripts scripts
COPY couchdb-design couchdb-design
COPY client client
COPY server server
COPY docs/operations docs/operations
RUN npm run build:package

# The packages that it needs at run time.
FROM ${NODE_IMAGE} AS packages
WORKDIR /packages
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --ignore-scripts --omit=dev

FROM ${NODE_IMAGE}
WORKDIR /app
COPY --from=packages /packages/node_modules node_modules
COPY --from=build /build/dist/packages/pouchgate .
# Only the embedded engine writes, and only here.
RUN mkdir /data && chown 1000:1000 /data
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 DATA_DIR=/data
USER 1000:1000
EXPOSE 4000
# Liveness, not readiness: a gate whose CouchDB is down keeps its users waiting, and must not be restarted for that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node is the first process, so it receives SIGTERM and ends live requests one after the other.
ENTRYPOINT ["node", "/app/dist/scripts/pouchgate.js"]
CMD ["start"]
