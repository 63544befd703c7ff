# The full image has python3, make and g++, for when better-sqlite3 has no binary for this platform.
FROM node:20-bookworm AS build
WORKDIR /app
COPY . .
# npm ci also builds: see "prepare" in package.json
RUN npm ci && npm prune --omit=dev

FROM node:20-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/migrations ./migrations
# made before VOLUME: a volume takes its owner from the image
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=6 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# exec form: through a shell SIGTERM would not arrive, and every stop would be a kill
CMD ["node", "dist/apps/api/src/main.js"]
