// Prints what GitHub would post: every example of @octokit/webhooks-examples, signed by @octokit/webhooks with the secret
// that is given.
import { readFileSync } from "node:fs";
import { Webhooks } from "@octokit/webhooks";

const webhooks = new Webhooks({ secret: process.argv[2] });
const examples = new URL("node_modules/@octokit/webhooks-examples/api.github.com/index.json", import.meta.url);
const deliveries = [];
for (const { name, examples: payloads } of JSON.parse(readFileSync(examples))) {
  for (const payload of payloads) {
    const body = JSON.stringify(payload);
    const headers = {
      "content-type": "application/json",
      "x-github-event": name,
      "x-github-delivery": `${name}-${deliveries.length}`,
      "x-hub-signature-256": await webhooks.sign(body),
    };
    deliveries.push({ hook: "github", headers, body });
  }
}
process.stdout.write(JSON.stringify(deliveries));
