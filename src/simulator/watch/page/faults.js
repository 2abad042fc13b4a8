// The tab of faults, with a button for everything that can go wrong with Webex.

import { $, el, soon } from "/assets/dom.js";
import { call, model, on } from "/assets/model.js";

const HTML = "<html><body><h1>Something went wrong on the way</h1></body></html>";

export function showFaults() {
  $("faults").append(
    el("p.problem", { id: "fault-problem", role: "alert", hidden: true }),
    el("div", { id: "set-faults" }),
    group("The bot's next message", [
      preset("429", "Too many requests", [number("Retry-After, s", 3), number("times", 1)], ([after, times]) =>
        fault({ times, effect: answer(429, HTML, [["retry-after", String(after)]]) }),
      ),
      preset("503", "503 with a page of HTML", [number("times", 1)], ([times]) =>
        fault({ times, effect: answer(503, HTML) }),
      ),
      preset("reset", "Connection reset", [], () => fault({ effect: "reset" })),
      preset("applyThenReset", "Connection reset after it was posted", [], () => fault({ effect: "applyThenReset" })),
      preset("delay", "Late", [number("ms", 2000)], ([delay]) => fault({ effect: { delay } })),
      preset("stall", "No answer until released", [], () => fault({ effect: "stall" })),
    ]),
    group("Reading", [
      preset("hidden", "Messages not yet visible", [number("first reads", 2, 0)], ([notYetVisible]) =>
        turn("PATCH", "reads", { notYetVisible }),
      ),
      preset("locked", "Files are being scanned", [number("first reads", 2, 0)], ([lockedReads]) =>
        turn("PATCH", "files", { ...model.state.files, lockedReads }),
      ),
      preset("infected", "New files are infected", [], () =>
        turn("PATCH", "files", { ...model.state.files, verdict: "infected" }),
      ),
      preset("unscannable", "New files cannot be scanned", [], () =>
        turn("PATCH", "files", { ...model.state.files, verdict: "unscannable" }),
      ),
    ]),
    el("fieldset", { id: "manner" }),
    el("fieldset", { id: "hooks" }),
    el("fieldset", { id: "quirks" }),
    group("Clock of the cloud", [
      preset("clock", "Set it wrong", [number("s ahead", 0, null)], ([seconds]) =>
        turn("PUT", "clock", { offsetMs: seconds * 1000 }),
      ),
    ]),
    custom(),
  );
  on("state", soon(draw));
  draw();
}

function group(title, children) {
  return el("fieldset", {}, el("legend", {}, title), children);
}

const number = (label, value, min = 1) => ({ label, value, min });

/** A button, and fields for the numbers it needs. */
function preset(name, title, numbers, press) {
  const inputs = numbers.map(({ value, min }) => el("input", { type: "number", value: String(value), min }));
  const run = () => press(inputs.map((input) => Number(input.value)));
  return el(
    "div.preset",
    {},
    el("button", { type: "button", dataset: { fault: name }, onclick: run }, title),
    inputs.map((input, at) => el("label", {}, input, el("span", {}, ` ${numbers[at].label}`))),
  );
}

const answer = (status, body, headers = []) => ({ answer: { status, headers, body } });

const fault = (what) => turn("POST", "faults", { method: "POST", path: "/messages", ...what });

/** Changes a control. A refusal is shown at the top. */
async function turn(method, path, body) {
  const problem = $("fault-problem");
  try {
    await call(method, `/control/${path}`, body ?? (method === "GET" ? undefined : {}));
    problem.hidden = true;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

function draw() {
  drawSet();
  drawManner();
  drawHooks();
  drawQuirks();
}

/** The list of what is broken now. */
function drawSet() {
  const { faults, stalled, reads, files, limit, clockOffsetMs } = model.state;
  const lines = faults.map(({ id, left, method, path, effect, chance }) => {
    const what =
      typeof effect === "string"
        ? effect
        : effect.answer
          ? `answer ${effect.answer.status}`
          : `${effect.delay} ms late`;
    const often = left === null ? "until cleared" : `${left} more`;
    return el(
      "li",
      { dataset: { set: id } },
      `${method} ${path}: ${what}, ${often}${chance < 1 ? `, chance ${chance}` : ""}`,
    );
  });
  if (reads.notYetVisible)
    lines.push(el("li", {}, `the first ${reads.notYetVisible} reads of each message find nothing`));
  if (files.lockedReads)
    lines.push(el("li", {}, `the first ${files.lockedReads} reads of each new file find it being scanned`));
  if (files.verdict !== "clean") lines.push(el("li", {}, `new files are ${files.verdict}`));
  if (limit.calls) lines.push(el("li", {}, `at most ${limit.calls} calls of a token in ${limit.seconds} s`));
  if (clockOffsetMs) lines.push(el("li", {}, `the clock is ${clockOffsetMs / 1000} s ahead`));
  if (stalled)
    lines.push(
      el(
        "li",
        {},
        `${stalled} held now `,
        el("button.small", { type: "button", onclick: () => turn("POST", "release") }, "Release"),
      ),
    );
  const clear = el("button", { type: "button", dataset: { fault: "clear" }, onclick: clearAll }, "Clear everything");
  $("set-faults").replaceChildren(
    ...(lines.length || isOdd()
      ? [el("h4", {}, "Broken now"), el("ul.lines", {}, lines), clear]
      : [el("p.quiet", {}, "Nothing is broken. Break something:")]),
  );
  document.body.classList.toggle("broken", lines.length > 0 || isOdd());
}

const SWITCHES = [
  ["held", "hold back"],
  ["reorder", "mix up the order"],
  ["otherCluster", "ids of another cluster"],
  ["forged", "forged signature"],
  ["webexSignature", "add X-Webex-Signature"],
];
/** The switches for behaviour of Webex that is not known for sure. */
const QUIRKS = [
  ["clicksAccepted", "a click is answered 202, not 200"],
  ["unseenForbidden", "a message one may not read is 403, not 404"],
  ["fullNames", "mentions show the whole name"],
  ["fiveButtons", "a card has at most five buttons"],
  ["editsTold", "edits are told as messages/updated"],
  ["allReachesBots", "@all reaches bots"],
  ["emptyPages", "first pages of lists are empty"],
  ["lostMentions", "next pages lose mentionedPeople"],
];

function toggle(name, label, checked, change) {
  const box = el("input", {
    type: "checkbox",
    checked,
    dataset: { fault: name },
    onchange: () => change({ [name]: box.checked }),
  });
  return el("label.choice", {}, box, el("span", {}, label));
}

function drawQuirks() {
  const { quirks } = model.state;
  const change = (changes) => turn("PATCH", "quirks", changes);
  $("quirks").replaceChildren(
    el("legend", {}, "Where Webex is not known for sure"),
    ...QUIRKS.map(([name, label]) => toggle(name, label, quirks[name], change)),
  );
}

const USUAL = {
  copies: 1,
  lose: 0,
  retries: 0,
  held: false,
  reorder: false,
  otherCluster: false,
  forged: false,
  webexSignature: false,
};

const isOdd = () => Object.entries(USUAL).some(([name, value]) => model.state.deliveries[name] !== value);

function drawManner() {
  const { deliveries } = model.state;
  if ($("manner").contains(document.activeElement) && document.activeElement.type === "number") return;
  const change = (changes) => turn("PATCH", "deliveries", changes);
  const switches = SWITCHES.map(([name, label]) => toggle(name, label, deliveries[name], change));
  const amount = (name, label, value, read) =>
    el(
      "label.amount",
      {},
      el("input", {
        type: "number",
        min: 0,
        value: String(value),
        dataset: { fault: name },
        onchange: (event) => change({ [name]: read(Number(event.target.value)) }),
      }),
      el("span", {}, ` ${label}`),
    );
  $("manner").replaceChildren(
    el("legend", {}, "Webhook deliveries"),
    amount("copies", "copies of each (0 loses all, 2 doubles)", deliveries.copies, (value) => value),
    amount("lose", "% lost by chance", Math.round(deliveries.lose * 100), (value) => value / 100),
    amount("retries", "retries of a failed one", deliveries.retries, (value) => value),
    ...switches,
  );
}

function drawHooks() {
  const hooks = model.state.webhooks.map(({ id, name, resource, event, status }) => {
    const isActive = status === "active";
    const other = isActive ? "inactive" : "active";
    const flip = el(
      "button.small",
      {
        type: "button",
        dataset: { fault: `webhook-${resource}` },
        onclick: () => turn("PUT", `webhooks/${id}`, { status: other }),
      },
      isActive ? "switch off" : "switch on",
    );
    return el(
      "li",
      {},
      `${name}: ${resource} ${event} `,
      el("span.status", { dataset: { class: isActive ? "2" : "5" } }, status),
      " ",
      flip,
    );
  });
  $("hooks").replaceChildren(
    el("legend", {}, "Webhooks"),
    hooks.length ? el("ul.lines", {}, hooks) : el("p.quiet", {}, "None is registered."),
  );
}

/** The form for any other fault. */
function custom() {
  const field = (name, label, value, type = "text") =>
    el("label.field", {}, el("span", {}, label), el("input", { name, type, value }));
  const form = el(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        const { method, path, times, status, retryAfter, body } = Object.fromEntries(new FormData(form));
        const headers = retryAfter ? [["retry-after", retryAfter]] : [];
        turn("POST", "faults", { method, path, times: Number(times), effect: answer(Number(status), body, headers) });
      },
    },
    field("method", "Method, * for any", "GET"),
    field("path", "Path below /v1; a slash at its end means all below it", "/messages/"),
    field("times", "Times, 0 until cleared", "1", "number"),
    field("status", "Status", "500", "number"),
    field("retryAfter", "Retry-After", ""),
    field("body", "Body", ""),
    el("button", { type: "submit" }, "Add the fault"),
  );
  return el("details", {}, el("summary", {}, "Another fault"), form);
}

async function clearAll() {
  // The faults are cleared first. Otherwise a bot that then forgets its pauses would meet them again.
  await turn("PATCH", "limit", { calls: 0, seconds: 60 });
  await turn("DELETE", "faults");
  await turn("PATCH", "deliveries", USUAL);
  await turn("PATCH", "reads", { notYetVisible: 0 });
  await turn("PATCH", "files", {});
  await turn("PATCH", "quirks", Object.fromEntries(QUIRKS.map(([name]) => [name, false])));
  await turn("PUT", "clock", { offsetMs: 0 });
}
