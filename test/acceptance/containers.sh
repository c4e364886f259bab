#!/usr/bin/env bash
# Builds targets of the Dockerfile without Docker, on a small Debian with the Node of this machine, and runs their commands.
#
#   test/acceptance/containers.sh [api] [s3] [jupyter]    all of them by default
#
# Needs root, buildah, mmdebstrap, hadolint and docker-compose. Prints the size of the API's image, and fails above 450 MB.
set -euo pipefail
cd "$(dirname "$0")/../.."
targets=("$@")
[ $# -gt 0 ] || targets=(api s3 jupyter)
work=$(mktemp -d)
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
buildah() { command buildah --root "$work/store" --runroot "$work/run" "$@"; }
finish() {
  buildah rm --all >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

hadolint Dockerfile
docker-compose -f compose.yaml config --quiet

base() {
  # At a place of their own, because installing ca-certificates would replace those of this machine.
  local context=$work/base npm certificates=/usr/local/share/certificates.crt
  mkdir "$context"
  mmdebstrap --quiet --variant=minbase --include=libstdc++6 --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$context/root.tar"
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  cp "$(readlink -f "$(node -p process.execPath)")" "$context/node"
  cp -r "$npm" "$context/npm"
  cp /etc/ssl/certs/ca-certificates.crt "$context/certificates"
  cat >"$context/Dockerfile" <<END
FROM scratch
ADD root.tar /
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY certificates $certificates
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ENV NODE_EXTRA_CA_CERTS=$certificates PIP_CERT=$certificates SSL_CERT_FILE=$certificates
END
  buildah bud --quiet --tag base "$context" >/dev/null
}

# inside <target> <command …>: in a new container of a target
inside() {
  local container
  container=$(buildah from "$1")
  shift
  buildah run "$container" -- "$@"
}

base
for target in "${targets[@]}"; do
  buildah bud --quiet --format docker --build-arg BASE=localhost/base --target "$target" --tag "$target" . >/dev/null
  case $target in
    api)
      inside api pixlake --version
      inside api pixlake demo --rows 60 --folder /tmp/demo | tail -n 1
      [ "$(inside api id -u)" = 1000 ]
      megabytes=$(du -sm --apparent-size "$(buildah mount "$(buildah from api)")" | cut -f1)
      echo "image of the API: $megabytes MB"
      [ "$megabytes" -le 450 ]
      ;;
    s3) inside s3 versitygw --version ;;
    jupyter)
      inside jupyter jupyter lab --version
      # One after the other: the second notebook reads what the first one has written, and has another kernel.
      # shellcheck disable=SC2016
      inside jupyter sh -ec 'for notebook in fashion read-with-python; do
        jupyter nbconvert --to notebook --execute --output-dir /tmp "notebooks/$notebook.ipynb"
      done'
      ;;
  esac
done
