// Switchboard under PM2. Put this file, the binary `switchboard` and your `bot.toml` into one folder; there:
//
//   mkdir -m 700 secrets                          then put the bot's token into secrets/token
//   openssl rand -hex 32 > secrets/secret         the webhook secret
//   pm2 start ecosystem.config.js && pm2 save     `pm2 startup` says how to start it with the machine
//   SWITCHBOARD_WEBEX__TOKEN_FILE=secrets/token SWITCHBOARD_WEBHOOK__SECRET_FILE=secrets/secret \
//     ./switchboard check --deep                  says which link between Webex and the bot does not hold
//
// The secrets stay in files because `pm2 save` writes the whole environment to the disk. Take care that the shell
// has no SWITCHBOARD_*, WEBEX_*, DATABASE_URL or PORT set: PM2 hands its environment on, and it wins over bot.toml.

module.exports = {
  apps: [
    {
      name: 'switchboard',
      cwd: __dirname,
      script: './switchboard',
      args: 'run --config bot.toml',
      interpreter: 'none',
      // One process: the ledger is one SQLite file, and a second daemon on it refuses to start.
      exec_mode: 'fork',
      instances: 1,
      env: {
        SWITCHBOARD_WEBEX__TOKEN_FILE: 'secrets/token',
        SWITCHBOARD_WEBHOOK__SECRET_FILE: 'secrets/secret',
        SWITCHBOARD_LOG__FORMAT: 'json',
      },
      // The daemon finishes what is in hand within 30 s of PM2's SIGINT.
      kill_timeout: 35000,
      autorestart: true,
      // Wrong settings stay wrong. PM2 then lists "waiting restart" but does not start it again; see `pm2 logs`.
      stop_exit_codes: [2],
      // After any other end it is started again, at first after this many milliseconds, at most after 15 s.
      exp_backoff_restart_delay: 500,
      merge_logs: true,
      // PM2 would otherwise look for a git repository around the folder.
      vizion: false,
    },
  ],
};
