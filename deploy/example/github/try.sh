#!/bin/sh
# Posts issue.json to the bot as GitHub would: signed with github.secret.
set -eu
cd "$(dirname "$0")"
signature=$(openssl dgst -sha256 -hmac "$(cat github.secret)" issue.json | sed 's/.* //')
curl --silent --show-error --fail-with-body --data-binary @issue.json \
    --header "Content-Type: application/json" \
    --header "X-GitHub-Event: issues" \
    --header "X-GitHub-Delivery: try-$(date +%s)" \
    --header "X-Hub-Signature-256: sha256=$signature" \
    "${1:-http://127.0.0.1:3000/hooks/github}"
