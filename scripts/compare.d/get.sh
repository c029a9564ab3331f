# Finds or installs the second server, and says where it is: for scripts/compare and scripts/partner, which say how it is told.
module=github.com/wso2/fhir-server/cmd/server
version=b06232cd83a4484f6abf1c44dbf5599c560e3284

without() {
  echo "${0##*/}: $1" >&2
  exit 75
}

from_module() {
  export GOBIN=$cache
  go install "$module@$version" >&2 || GOPROXY=direct go install "$module@$version" >&2 ||
    without "the second server cannot be installed: build it by hand and name it in KAP_PEER, or its clone in KAP_PEER_SOURCE"
}

from_source() {
  local source
  source=$(mktemp -d)
  git clone --quiet --no-checkout "$KAP_PEER_SOURCE" "$source" || without "$KAP_PEER_SOURCE is no clone"
  git -C "$source" checkout --quiet "$version" || without "$KAP_PEER_SOURCE has no $version"
  (cd "$source" && go build -o "$cache/server" ./cmd/server) >&2 || without "the second server cannot be built"
  rm -rf "$source"
}

second_server() {
  local cache=${KAP_COMPARE_CACHE:-$repo/profiles/.cache/compare}
  local peer=${KAP_PEER:-$cache/server}
  if [[ ! -x $peer ]]; then
    [[ -z ${KAP_PEER:-} ]] || without "there is no $KAP_PEER"
    command -v go >/dev/null || without "no go to install the second server with"
    mkdir -p "$cache"
    if [[ -n ${KAP_PEER_SOURCE:-} ]]; then from_source; else from_module; fi
  fi
  realpath "$peer"
}
