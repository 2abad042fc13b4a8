#!/usr/bin/env bash
# Makes release archives, each with its SHA-256 beside it: deploy/release.sh [ARCHITECTURE...]
# ARCHITECTURE is x86_64 or aarch64; without one it is every one for which rustup has the target. The archives hold the
# static binary, which needs nothing of the system it runs on, and what it is deployed with. They are put into
# target/release-archives, which is emptied first.
# zig compiles and links the C for any architecture. It and cargo-zigbuild come as wheels from PyPI into target/zig.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

skippable=
if [[ $# -eq 0 ]]; then
    set -- x86_64 aarch64
    skippable=yes
fi
for architecture in "$@"; do
    if [[ $architecture != x86_64 && $architecture != aarch64 ]]; then
        echo "usage: $0 [x86_64|aarch64]..." >&2
        exit 2
    fi
done

zig=target/zig
if ! [[ -x $zig/bin/pip ]]; then
    python3 -m venv "$zig"
fi
"$zig/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: cargo-zigbuild==0.24.1 ziglang==0.17.1
PATH="$PWD/$zig/bin:$PATH"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
# The time of the files in the archive: that of the commit.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
out=target/release-archives
rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for architecture in "$@"; do
    target=$architecture-unknown-linux-musl
    if ! rustup target add "$target" >/dev/null 2>"$work/rustup"; then
        cat "$work/rustup" >&2
        if [[ -z $skippable || $architecture == x86_64 ]]; then
            echo "rustup cannot add $target, so there is no archive for $architecture" >&2
            exit 1
        fi
        echo "SKIPPED: no archive for $architecture, because rustup cannot add $target" >&2
        continue
    fi
    # Nothing of this machine's paths is in the binary.
    RUSTFLAGS="--remap-path-prefix=$PWD=switchboard --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
        cargo zigbuild --profile dist --locked --bin switchboard --target "$target"
    binary=target/$target/dist/switchboard
    headers=$(readelf --program-headers "$binary")
    if [[ $headers == *INTERP* ]]; then
        echo "$binary is not static: it asks for an interpreter" >&2
        exit 1
    fi
    name=switchboard-$version-$architecture-linux-musl
    mkdir -p "$work/$name/deploy"
    # By name: what else lies in deploy/ may be an operator's secrets.
    (cd deploy && cp switchboard.service Caddyfile alerts.yaml "$work/$name/deploy/")
    # PM2's file starts the binary beside it.
    cp "$binary" README.md bot.toml deploy/ecosystem.config.js "$work/$name/"
    tar --directory "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
        --mode='u=rwX,go=rX' --create "$name" | gzip --no-name --best > "$out/$name.tar.gz"
    (cd "$out" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
    echo "$out/$name.tar.gz ($(du -h "$out/$name.tar.gz" | cut -f1))"
done
