// The conversation in the middle: messages by day and author, threads, files, cards, and what can be done with each.

import { $, announce, arrange, ask, bytes, clock, day, el, soon } from "/assets/dom.js";
import { act, enter, isBot, model, nameOf, on, personal, readOlder } from "/assets/model.js";
import { fromHtml, fromText } from "/assets/rich.js";
import { drawCard } from "/assets/cards.js";
import { initials } from "/assets/rooms.js";

/** Messages of one author within this time are shown as one group. */
const TOGETHER_MS = 5 * 60 * 1000;
/** How many messages are drawn while the view is at the end. Earlier ones are read again when they are needed. */
const MOST_DRAWN = 400;
/** The distance from the end, in pixels, within which the view counts as being at the end. */
const NEAR = 80;

const drawn = new Map();
const days = new Map();
let isAtEnd = true;
let actions = {};

/** The buttons of a message call `reply(message)` and `trace(message)`. */
export function showConversation(handlers) {
  actions = handlers;
  const messages = $("messages");
  messages.addEventListener("scroll", async () => {
    isAtEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < NEAR;
    if (isAtEnd) $("jump").hidden = true;
    if (messages.scrollTop < NEAR) await older();
  });
  $("jump").addEventListener("click", toEnd);
  on("me", () => drawn.clear());
  on("room", () => {
    isAtEnd = true;
    $("jump").hidden = true;
  });
  on("room messages people", soon(draw));
  on("said", (message) => {
    if (message.roomId !== model.room?.id) return;
    if (message.personId === model.me.id) isAtEnd = true;
    else announce(`${nameOf(message.personEmail)}: ${message.text ?? "a file"}`);
    if (!isAtEnd) $("jump").hidden = false;
  });
  draw();
}

function toEnd() {
  isAtEnd = true;
  $("jump").hidden = true;
  $("messages").scrollTop = $("messages").scrollHeight;
}

async function older() {
  const messages = $("messages");
  const fromEnd = messages.scrollHeight - messages.scrollTop;
  if (!(await readOlder())) return;
  requestAnimationFrame(() => requestAnimationFrame(() => (messages.scrollTop = messages.scrollHeight - fromEnd)));
}

/** Scrolls to a message, and opens its room if needed. */
export async function reveal(roomId, id) {
  if (model.room?.id !== roomId) await enter(roomId);
  for (let tries = 0; tries < 20 && !drawn.has(id); tries += 1) {
    await new Promise(requestAnimationFrame);
    if (!model.messages.get(roomId)?.list.some((message) => message.id === id)) await readOlder();
  }
  const message = $("messages").querySelector(`[data-message-id="${id}"]`);
  if (!message) return;
  isAtEnd = false;
  message.scrollIntoView({ block: "center" });
  message.classList.add("revealed");
  message.focus();
  setTimeout(() => message.classList.remove("revealed"), 2500);
}

function draw() {
  const known = model.messages.get(model.room?.id);
  if (!known || (known.list.length === 0 && !known.isReading)) return empty();
  if (isAtEnd && known.list.length > 2 * MOST_DRAWN) forget(known);
  const list = known.list;
  const here = new Set(list.map((message) => message.id));
  const replies = Map.groupBy(
    list.filter(({ parentId }) => here.has(parentId)),
    ({ parentId }) => parentId,
  );
  const rows = [];
  let previous, today;
  for (const message of list.filter(({ parentId }) => !here.has(parentId))) {
    if (day(message.created) !== today) {
      today = day(message.created);
      rows.push(separator(today));
      previous = undefined;
    }
    const row = drawMessage(message, isTogether(previous, message));
    const thread = replies.get(message.id) ?? [];
    arrange(
      row.thread,
      thread.map((reply, at) => drawMessage(reply, isTogether(thread[at - 1], reply))),
    );
    row.thread.hidden = thread.length === 0;
    rows.push(row);
    previous = thread.length ? undefined : message;
  }
  arrange($("messages"), rows);
  if (isAtEnd) toEnd();
}

function forget(known) {
  for (const { id } of known.list.splice(0, known.list.length - MOST_DRAWN)) drawn.delete(id);
  known.hasMore = true;
}

function isTogether(previous, message) {
  return (
    previous?.personId === message.personId &&
    new Date(message.created) - new Date(previous.created) < TOGETHER_MS &&
    !previous.parentId === !message.parentId
  );
}

function separator(label) {
  if (!days.has(label)) days.set(label, el("li.day", {}, label));
  return days.get(label);
}

function empty() {
  const bot = model.state.bot;
  const title = model.room?.title;
  const isBots = model.room?.type === "direct" && title === bot.displayName;
  const say = (text) => el("button.suggestion", { type: "button", onclick: () => actions.say(text) }, text);
  const welcome = isBots
    ? [
        el("h3", {}, `Say hello to ${title}`),
        el("p", {}, "This is a Webex cloud inside the program, with your bot in it. Try"),
        el("p.row.centre", {}, say("help"), say("status"), say("report")),
      ]
    : [el("p.quiet", {}, "Nothing was said here yet.")];
  arrange($("messages"), [el("li.empty", {}, welcome)]);
}

/** The row of a message. It is made once, and again when the message is edited. */
function drawMessage(message, isTogether) {
  let row = drawn.get(message.id);
  const version = message.updated ?? message.created;
  if (!row || row.dataset.version !== version) {
    const thread = row?.thread ?? el("ol.thread", { hidden: true });
    const fresh = makeMessage(message, version, thread);
    row?.replaceWith(fresh);
    row = fresh;
    row.thread = thread;
    drawn.set(message.id, row);
  }
  row.classList.toggle("together", isTogether);
  return row;
}

function makeMessage(message, version, thread) {
  const isMine = message.personId === model.me.id;
  const name = nameOf(message.personEmail);
  const byline = el(
    "div.byline",
    {},
    el("span.author", {}, name),
    isBot(message.personId) && el("span.badge", {}, "bot"),
    el("time", { title: new Date(message.created).toISOString() }, clock(message.created)),
    message.updated && el("span.quiet", { title: new Date(message.updated).toISOString() }, "edited"),
  );
  const body = el(
    "div.said",
    {},
    message.html ? fromHtml(message.html, model.me.id) : message.text ? fromText(message.text) : [],
  );
  const cards = (message.attachments ?? []).map((attachment) =>
    drawCard(attachment.content, (inputs) => submit(message, inputs)),
  );
  const hasCard = cards.length > 0;
  return el(
    hasCard ? "li.message.with-card" : "li.message",
    { dataset: { messageId: message.id, version }, tabIndex: -1 },
    el("span.avatar", { ariaHidden: "true", dataset: { hue: hue(message.personId) } }, initials(name)),
    el(
      "div.content",
      {},
      byline,
      hasCard ? [] : body,
      cards,
      (message.files ?? []).map(drawFile),
      tools(message, isMine),
    ),
    thread,
  );
}

/** One of eight colours, the same for a person everywhere. */
const hue = (id) => [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8;

function submit(message, inputs) {
  return act("POST", "attachment/actions", { type: "submit", messageId: message.id, inputs });
}

function tools(message, isMine) {
  const tool = (label, name, onclick) =>
    el("button.small", { type: "button", dataset: { tool: name }, onclick }, label);
  const canEdit = isMine && !message.files && !message.attachments;
  return el(
    "div.tools",
    {},
    tool("Reply", "reply", () => actions.reply(message)),
    canEdit && tool("Edit", "edit", () => edit(message)),
    isMine && tool("Delete", "delete", () => remove(message)),
    tool("Trace", "trace", () => actions.trace(message)),
  );
}

function edit(message) {
  ask("Edit the message", {
    fields: [{ name: "text", label: "Message", type: "textarea", value: message.text ?? "", required: true }],
    action: "Save",
    submit: ({ text }) => act("PUT", `messages/${message.id}`, { roomId: message.roomId, ...actions.written(text) }),
  });
}

function remove(message) {
  ask("Delete the message?", { action: "Delete", submit: () => act("DELETE", `messages/${message.id}`) });
}

/** Shows a file: its name and size from a HEAD request, and the picture if it is one. */
function drawFile(url) {
  const address = personal(`contents/${url.split("/").at(-1)}`);
  const box = el("div.file", {}, el("span.quiet", {}, "a file…"));
  fetch(address, { method: "HEAD" }).then((answer) => {
    if (!answer.ok) return box.replaceChildren(el("span.quiet", {}, `a file that cannot be read (${answer.status})`));
    const type = answer.headers.get("content-type") ?? "";
    const name = /filename="([^"]*)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] || "file";
    const size = bytes(Number(answer.headers.get("content-length") ?? 0));
    const download = el("a", { href: address, download: name }, name);
    const picture =
      /^image\/(png|jpeg|gif|webp|bmp)/.test(type) && el("img", { src: address, alt: name, loading: "lazy" });
    box.replaceChildren(...[picture].filter(Boolean), el("p", {}, download, " ", el("span.quiet", {}, size)));
    if (picture) picture.addEventListener("load", () => isAtEnd && toEnd());
  });
  return box;
}
