# The daemon in a container. Mount the configuration at /etc/claim-reconciler/reconciler.config.yaml (or set
# RECONCILER_CONFIG); DATABASE_URL, REDIS_URL and QUEUE_REDIS_URL override what it says. In it, set http.host to 0.0.0.0
# and http.credentials, or the dashboard can be reached from inside the container only.
# Other commands: docker run --rm IMAGE status | check | migrate | reconcile …

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY migrations ./migrations
COPY jobs ./jobs
COPY src ./src
RUN npm run build

FROM node:20-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:20-bookworm-slim
ENV NODE_ENV=production \
    RECONCILER_CONFIG=/etc/claim-reconciler/reconciler.config.yaml \
    HEALTH_URL=http://127.0.0.1:3020/livez
WORKDIR /app
COPY package.json ./
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
EXPOSE 3020
# The process handles this signal itself: it finishes or abandons between batches, then gives its leases back.
# Give it time: docker stop --time 30, terminationGracePeriodSeconds: 30.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
    CMD ["node", "-e", "fetch(process.env.HEALTH_URL).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["start"]
