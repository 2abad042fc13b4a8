// The inspector on the right: every delivery, every call, and what the bot did with an event.

import { $, arrange, clockExact, el, soon } from "/assets/dom.js";
import { call, model, on } from "/assets/model.js";
import { reveal } from "/assets/conversation.js";

const TABS = ["deliveries", "calls", "faults"];
const filter = { everybody: false, failed: false };
const rows = { deliveries: new Map(), calls: new Map() };
let show = () => {};

/** `view(name)` brings a part of the page to the front on a screen with room for only one. */
export function showInspector(view) {
  show = view;
  for (const name of TABS) $(`tab-${name}`).addEventListener("click", () => tab(name));
  $("tab-deliveries").parentElement.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const now = TABS.findIndex((name) => event.target.id === `tab-${name}`);
    if (step && now >= 0) tab(TABS[(now + step + TABS.length) % TABS.length], true);
  });
  const box = (name, label) =>
    el(
      "label.choice",
      {},
      el("input", {
        type: "checkbox",
        onchange: (event) => {
          filter[name] = event.target.checked;
          drawCalls();
        },
      }),
      el("span", {}, label),
    );
  $("deliveries").append(el("p.quiet.nothing", {}, "No webhook was delivered yet."), el("div.rows"));
  $("calls").append(
    el("div.row.filters", {}, box("everybody", "everybody's calls"), box("failed", "failed only")),
    el("p.quiet.nothing", {}, "The bot made no call yet."),
    el("div.rows"),
  );
  on("deliveries", soon(drawDeliveries));
  on("calls state", soon(drawCalls));
  drawDeliveries();
  drawCalls();
}

/** Brings a tab to the front. */
export function tab(name, focus = false) {
  for (const other of TABS) {
    const isShown = other === name;
    $(other).hidden = !isShown;
    $(`tab-${other}`).setAttribute("aria-selected", String(isShown));
    $(`tab-${other}`).tabIndex = isShown ? 0 : -1;
  }
  if (focus) $(`tab-${name}`).focus();
}

/** Opens the delivery of a message to the bot, or the call that posted it. */
export function trace(message) {
  const delivery = model.deliveries.find(({ dataId }) => dataId === message.id);
  const posted = model.calls.find((call) => call.method === "POST" && call.response?.includes(message.id));
  show("inspector");
  if (posted) open("calls", posted.number);
  else if (delivery) open("deliveries", delivery.number);
  else tab("deliveries");
}

function open(name, number) {
  tab(name);
  const row = rows[name].get(number);
  if (!row) return;
  row.open = true;
  row.scrollIntoView({ block: "nearest" });
  row.classList.add("revealed");
  setTimeout(() => row.classList.remove("revealed"), 2500);
  row.querySelector("summary").focus();
}

function list(name, items, make) {
  const known = rows[name];
  const numbers = new Set(items.map(({ number }) => number));
  for (const number of known.keys()) if (!numbers.has(number)) known.delete(number);
  for (const item of items) if (!known.has(item.number)) known.set(item.number, make(item));
  arrange(
    $(name).querySelector(".rows"),
    items.map(({ number }) => known.get(number)),
  );
  $(name).querySelector(".nothing").hidden = items.length > 0;
}

function drawDeliveries() {
  list("deliveries", model.deliveries, (delivery) =>
    record(delivery, `${delivery.resource} ${delivery.event}`, delivery.error ?? about(delivery), (body) =>
      fillDelivery(body, delivery),
    ),
  );
}

function drawCalls() {
  const isWanted = ({ actor, status }) =>
    (filter.everybody || actor === model.state.bot.email) && (!filter.failed || !status || status >= 400);
  list("calls", model.calls.filter(isWanted), (call) =>
    record(call, `${call.method} ${short(call.path)}`, call.fault && `fault: ${call.fault}`, (body) =>
      fillCall(body, call),
    ),
  );
}

/** The `data` of a delivery, or nothing if its body is not kept any more. */
function dataOf({ body }) {
  try {
    return JSON.parse(body).data;
  } catch {
    return {};
  }
}

/** The person and the room that a delivery is about. */
function about(delivery) {
  const { personId, roomId } = dataOf(delivery);
  const room = model.rooms.find(({ id }) => id === roomId);
  return [model.people.get(personId)?.displayName, room?.type === "group" && `in ${room.title}`]
    .filter(Boolean)
    .join(" ");
}

/** A path without its long ids. */
const short = (path) => path.replace(/\/[\w-]{20,}/g, "/…");

/** A row with time, title, status and duration. Its details are made when it is opened. */
function record(item, what, note, fill) {
  const body = el("div.record");
  const summary = el(
    "summary",
    {},
    el("time", {}, clockExact(item.at)),
    el("span.what", {}, what, note && el("span.note", {}, note)),
    el("span.status", { dataset: { class: String(item.status ?? 0)[0] } }, item.status ?? "none"),
    el("span.quiet.took", {}, `${item.latencyMs.toFixed(1)} ms`),
  );
  const row = el("details.row-item", { dataset: { number: item.number } }, summary, body);
  row.addEventListener("toggle", () => {
    if (row.open && !body.firstChild) fill(body);
  });
  return row;
}

function pairs(entries) {
  return el(
    "dl.pairs",
    {},
    entries
      .filter(([, value]) => value !== null && value !== undefined)
      .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
  );
}

/** Shows JSON in a readable form, with a button that copies the exact bytes. */
function content(title, text) {
  if (!text) return [];
  let pretty = text;
  try {
    pretty = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // The text is not JSON, or was cut, and is shown as it is.
  }
  const shown = el("pre", { tabIndex: 0 }, el("code", {}, pretty));
  const exact = el(
    "button.small",
    {
      type: "button",
      ariaPressed: "false",
      onclick: () => {
        const isExact = exact.ariaPressed !== "true";
        exact.ariaPressed = String(isExact);
        shown.firstChild.textContent = isExact ? text : pretty;
      },
    },
    "exact bytes",
  );
  const copy = el(
    "button.small",
    {
      type: "button",
      onclick: async () => {
        await navigator.clipboard?.writeText(text);
        copy.textContent = "copied";
      },
    },
    "copy",
  );
  return [el("h4", {}, title, " ", exact, copy), shown];
}

const SIGNATURES = {
  valid: "valid: HMAC-SHA1 of exactly these bytes with the webhook's secret",
  invalid: "invalid: signed with a secret that nobody gave out",
  none: "none: the webhook has no secret",
};

function fillDelivery(body, delivery) {
  const chain = el("div.chain");
  body.append(
    chain,
    pairs([
      ["to", delivery.targetUrl],
      ["webhook", delivery.webhookName],
      ["attempt", String(delivery.attempt)],
      ["signature", el(`span.signature.${delivery.signature}`, {}, SIGNATURES[delivery.signature])],
      ["answer", delivery.status === null ? delivery.error : String(delivery.status)],
    ]),
    el("h4", {}, "Headers"),
    pairs(delivery.headers),
    ...content("Body", delivery.body),
  );
  const isBots = delivery.resource === "messages" && dataOf(delivery).personId === model.state.bot.id;
  if (isBots) chain.append(el("p.quiet", {}, "The bot's own message, of which Webex tells it too. It drops those."));
  else explain(chain, delivery);
}

/** Shows what the bot's ledger says about an event, with links to the conversation and to the calls. */
async function explain(chain, delivery) {
  chain.replaceChildren(el("p.quiet", {}, "asking the bot…"));
  const again = el("button.small", { type: "button", onclick: () => explain(chain, delivery) }, "ask again");
  try {
    const query = new URLSearchParams({ id: delivery.dataId });
    const known = await call("GET", `/control/explain?${query}`);
    const calls = model.calls.filter((made) => carries(made, [delivery.dataId, ...known.replies]));
    chain.replaceChildren(
      el("h4", {}, "Event → inbox row → reply ", again),
      el(
        "p",
        {},
        el("span.badge", {}, known.reference),
        ` ${known.state}, ${known.attempts} ${known.attempts === 1 ? "try" : "tries"}`,
      ),
      el(
        "ul.lines",
        {},
        known.lines.map((line) => el("li", {}, line)),
      ),
      el(
        "p.row",
        {},
        spoken(delivery),
        known.replies.map((id, at) => toReply(delivery.roomId, id, at)),
      ),
      calls.length > 0 && el("p.row", {}, calls.map(toCall)),
    );
  } catch (error) {
    chain.replaceChildren(el("p.quiet", {}, `${error.message} `, again));
  }
}

const carries = ({ path, request, response }, ids) =>
  ids.some((id) => path.includes(id) || request?.includes(id) || response?.includes(id));

function go(label, onclick) {
  return el("button.small.go", { type: "button", onclick }, label);
}

function spoken({ resource, event, roomId, dataId }) {
  if (resource !== "messages" || event !== "created") return null;
  return go("show the message", () => toMessage(roomId, dataId));
}

const toReply = (roomId, id, at) => go(at ? `show reply ${at + 1}` : "show the reply", () => toMessage(roomId, id));

function toMessage(roomId, id) {
  show("conversation");
  reveal(roomId, id);
}

const toCall = ({ number, method, path }) => go(`${method} ${short(path)}`, () => open("calls", number));

function fillCall(body, made) {
  body.append(
    pairs([
      ["path", made.path + (made.query ? `?${made.query}` : "")],
      ["by", made.actor ?? "nobody the cloud knows"],
      ["fault", made.fault],
      ["tracking id", made.trackingId],
    ]),
    ...content("Request", made.request),
    ...content("Answer", made.response),
  );
}
