#!/usr/bin/env bash
# Checks the files of this folder with the programs that read them: deploy/test.sh PATH-OF-THE-DAEMON
# A check whose program is not installed is skipped, and says so. The first that fails ends the run.
set -euo pipefail

if [[ $# -ne 1 || ! -x $1 ]]; then
    echo "usage: $0 PATH-OF-THE-DAEMON" >&2
    exit 2
fi
daemon=$(realpath "$1")
deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)

clean() {
    local code=$? left
    if [[ -d $work/pm2 ]]; then
        left=$(cat "$work"/pm2/pids/*.pid 2>/dev/null || true)
        # PM2 gives the daemon 35 s to stop, which is more than this script has.
        timeout 10 env "${clean_env[@]}" "$work/node_modules/.bin/pm2" kill >/dev/null 2>&1 || kill -KILL $left 2>/dev/null || true
    fi
    rm -rf "$work"
    exit "$code"
}
trap clean EXIT

ok() { echo "ok $*"; }
skipped() { echo "skipped: $*"; }
here() { command -v "$1" >/dev/null; }

failed() {
    echo "FAILED: $*" >&2
    cat "$work"/pm2/logs/* "$work"/pm2/pm2.log >&2 2>/dev/null || true
    exit 1
}

# within SECONDS COMMAND...: repeats the command until it succeeds, and fails when that takes longer.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

check_systemd() {
    here systemd-analyze || { skipped "the systemd unit, systemd-analyze is not here"; return; }
    local unit=$work/switchboard.service said
    # `verify` looks whether the program is there, and only warns of a key it does not know.
    sed "s#^ExecStart=[^ ]*#ExecStart=$daemon#" "$deploy/switchboard.service" >"$unit"
    said=$(systemd-analyze verify --recursive-errors=no "$unit" 2>&1) || failed "the systemd unit: $said"
    [[ $said != *switchboard.service* ]] || failed "the systemd unit: $said"
    ok "the systemd unit can be loaded"
    said=$(systemd-analyze security --offline=true --threshold=20 "$unit" 2>&1) ||
        failed "the systemd unit is more exposed than 2.0: ${said##*$'\n'}"
    ok "the systemd unit is exposed by less than 2.0 of 10"
}

check_caddy() {
    here caddy || { skipped "the Caddyfile, caddy is not here"; return; }
    local said
    said=$(env HOME="$work" BOT_HOST=bot.example.org caddy validate --config "$deploy/Caddyfile" --adapter caddyfile 2>&1) ||
        failed "the Caddyfile: $said"
    ok "the Caddyfile is valid"
}

check_compose() {
    local said
    if docker compose version >/dev/null 2>&1; then
        said=$(BOT_HOST=bot.example.org docker compose --file "$deploy/compose.yaml" config --quiet 2>&1) ||
            failed "compose.yaml: $said"
        ok "compose.yaml is valid"
    elif python3 -c 'import yaml' 2>/dev/null; then
        said=$(python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' "$deploy/compose.yaml" 2>&1) ||
            failed "compose.yaml: $said"
        ok "compose.yaml is YAML"
    else
        skipped "compose.yaml, neither docker compose nor Python's yaml is here"
    fi
}

check_alerts() {
    local said
    if here promtool; then
        said=$(promtool check rules "$deploy/alerts.yaml" 2>&1) || failed "alerts.yaml: $said"
        ok "alerts.yaml holds rules that Prometheus takes"
    else
        skipped "alerts.yaml, promtool is not here"
    fi
    # A rule on a metric that the daemon does not have would never fire.
    local metric
    for metric in $(grep -o 'switchboard_[a-z_]*' "$deploy/alerts.yaml" | sort -u); do
        grep -q "$metric" "$deploy/../README.md" || failed "alerts.yaml: no metric $metric"
    done
    ok "alerts.yaml names metrics that there are"
}

check_examples() {
    local said file
    if here promtool && here amtool; then
        said=$(promtool check config "$deploy/example/alertmanager/prometheus.yml" 2>&1) || failed "prometheus.yml: $said"
        said=$(amtool check-config "$deploy/example/alertmanager/alertmanager.yml" 2>&1) || failed "alertmanager.yml: $said"
        ok "Prometheus and Alertmanager take the settings of their example"
    else
        skipped "the example of Alertmanager, promtool or amtool is not here"
    fi
    for file in "$deploy"/example/*/*.sh; do
        [[ -x $file ]] || failed "$file cannot be run"
        said=$(sh -n "$file" 2>&1) || failed "$file: $said"
    done
    ok "the scripts of the examples can be read"
}

# The settings below are all the daemon gets: PM2 hands on its environment, which would win over them.
clean_env=(-i "PATH=$PATH" "HOME=$work" "PM2_HOME=$work/pm2")
pm2() { env "${clean_env[@]}" "$work/node_modules/.bin/pm2" "$@"; }

# What PM2 knows of the daemon: pid, restarts, exit code, status.
state() {
    pm2 jlist | node -e '
        const [line] = require("fs").readFileSync(0, "utf8").trim().split("\n").slice(-1);
        const [{ pid, pm2_env: env }] = JSON.parse(line);
        console.log(pid, env.restart_time, env.exit_code, env.status);'
}

state_is() { [[ $(state) == $1 ]]; }

# Healthy at the address of the newest `listening` line, in which port 0 has become a real one.
is_healthy() {
    local address
    address=$(sed -n 's/.*"message":"listening","address":"\([^"]*\)".*/\1/p' "$work"/pm2/logs/switchboard-*.log | tail -n 1)
    [[ -n $address ]] && node -e '
        fetch(process.argv[1]).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1));' "http://$address/healthz"
}

check_pm2() {
    here node && here npm || { skipped "PM2, node or npm is not here"; return; }
    local said pid again restarts
    said=$(timeout 40 npm install --prefix "$work" --no-audit --no-fund --no-save pm2@7 2>&1) || failed "npm cannot install PM2: $said"

    mkdir "$work/bot" "$work/bot/secrets"
    cd "$work/bot"
    cp "$deploy/ecosystem.config.js" .
    ln -s "$daemon" switchboard
    echo token >secrets/token
    echo a-secret-for-tests >secrets/secret
    # Nothing answers at port 9; the daemon starts nevertheless and waits for Webex.
    cat >bot.toml <<-'END'
		webex.api_url = "http://127.0.0.1:9/v1"
		server.listen = "127.0.0.1:0"
		admin.listen = ""
	END

    pm2 start ecosystem.config.js >/dev/null || failed "PM2 does not start the daemon"
    within 10 is_healthy || failed "the daemon is not healthy under PM2"
    state_is '* 0 * online' || failed "PM2 has started the daemon more than once: $(state)"
    ok "PM2 starts the daemon"

    read -r pid _ < <(state)
    kill -KILL "$pid"
    within 10 state_is '* 1 * online' || failed "PM2 does not restart the daemon after a crash: $(state)"
    within 10 is_healthy || failed "the daemon is not healthy after a crash"
    read -r again _ < <(state)
    [[ $again != "$pid" ]] || failed "the daemon has survived SIGKILL"
    ok "PM2 restarts the daemon after a crash"

    timeout 20 env "${clean_env[@]}" "$work/node_modules/.bin/pm2" stop switchboard >/dev/null || failed "PM2 cannot stop the daemon"
    state_is '0 1 0 stopped' || failed "the daemon has not ended with 0: $(state)"
    # PM2 shows 0 after a SIGKILL too; the daemon's last line tells the difference.
    [[ $(tail -qn 1 "$work"/pm2/logs/switchboard-*.log) == *'"message":"stopped"'* ]] ||
        failed "the daemon was killed, not stopped"
    ok "PM2 stops the daemon cleanly"

    echo 'no_such_key = true' >>bot.toml
    pm2 start ecosystem.config.js >/dev/null || true
    within 10 state_is '0 * 2 *' || failed "the daemon has not ended with 2 over a wrong setting: $(state)"
    read -r _ restarts _ < <(state)
    # Twice the delay after which PM2 would start it again.
    sleep 1
    state_is "0 $restarts 2 *" || failed "PM2 restarts the daemon in spite of a wrong setting: $(state)"
    ok "PM2 leaves the daemon stopped over a wrong setting"
}

check_systemd
check_caddy
check_compose
check_alerts
check_examples
check_pm2
